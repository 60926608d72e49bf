"""For `sphinx-build -b gettext book/slides …`: the notes and the words of the templates, for translators."""

extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath"]
root_doc = "notes/01"
exclude_patterns = ["README.md"]
templates_path = ["template/deck"]
suppress_warnings = ["toc.not_included"]
gettext_compact = False
gettext_uuid = False
