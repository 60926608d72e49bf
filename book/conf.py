"""The book: the notebooks as stored, some pages around them, and nothing that needs a network.

Build it with `make book`.  In another language: `make book BOOK_LANGUAGE=ko`; see CONTRIBUTING.md.
"""

import os
import shutil
import sys
from pathlib import Path

BOOK = Path(__file__).resolve().parent
ROOT = BOOK.parent
sys.path.insert(0, str(BOOK / "_ext"))
os.environ.setdefault("MPLBACKEND", "agg")


def bring_in(name):
    """Copy a file of the project beside the pages, where it is new: Sphinx reads one folder only."""
    source, copy = ROOT / name, BOOK / name
    if copy.exists() and copy.read_bytes() == source.read_bytes():
        return
    copy.parent.mkdir(parents=True, exist_ok=True)
    half = copy.with_name(f"{copy.name}.{os.getpid()}")
    shutil.copyfile(source, half)
    half.replace(copy)  # in one move: two builds at a time don't meet half a file


KINDS = {".ipynb", ".md", ".png"}
# Git ignores the copies; the text and the outputs are those of the notebooks.
WANTED = [Path("README.md")]
WANTED += [path.relative_to(ROOT) for path in ROOT.glob("notebooks/**/*.*") if path.suffix in KINDS]
for name in WANTED:
    bring_in(name)
for path in BOOK.glob("notebooks/*.ipynb"):
    if path.relative_to(BOOK) not in WANTED:
        path.unlink()

# `make site` puts the slides into slides/ beside the pages and says so by the tag "slides".
DECKS = [path.stem for path in WANTED if (BOOK / "slides" / "notes" / f"{path.name[:2]}.md").exists()]

project = "The softmax classifier"
author = "The authors of the softmax-classifier course"
language = "en"
root_doc = "index"
exclude_patterns = ["node_modules", "slides", "locale", "README.md", "**/README.md", "**/.ipynb_checkpoints"]
templates_path = ["_templates"]
locale_dirs = ["locale"]
gettext_compact = False
gettext_uuid = False
nitpicky = True

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "chapters",
    "glossary_links",
    "docstrings",
]

# The notebooks: stored outputs, never executed; a widget shows the picture stored beside it.
nb_execution_mode = "off"
nb_ipywidgets_js = {}
nb_merge_streams = True
nb_number_source_lines = False
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "html_image", "colon_fence"]
myst_dmath_allow_labels = False
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say more: shapes, ranges, dtypes
autodoc_preserve_defaults = True
add_module_names = False
default_role = "code"
smartquotes = False  # a docstring may hold code

html_theme = "sphinx_book_theme"
html_title = project
html_favicon = "_static/favicon.svg"
html_static_path = ["_static", "node_modules/mathjax-full/es5/tex-svg.js"]
mathjax_path = "tex-svg.js"  # one file with all it needs; version 4 would fetch its fonts
mathjax3_config = {"options": {"enableMenu": False}}  # the menu would look for more files
html_css_files = ["book.css"]
html_js_files = ["book.js"]
html_search_scorer = str(BOOK / "_ext" / "search_order.js")
html_use_index = False  # the glossary and the search do its work
html_domain_indices = False
html_permalinks_icon = "#"
html_show_sourcelink = False
html_copy_source = False
html_last_updated_fmt = None
html_context = {
    "default_mode": "auto",  # as the system has it: light or dark
    "decks": DECKS if tags.has("slides") else [],  # noqa: F821 (Sphinx defines tags)
}
html_theme_options = {
    "navbar_persistent": [],
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "home_page_in_toc": True,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "article_header_end": ["slides-link.html", "article-header-buttons.html"],
    "footer_content_items": ["licence.html"],
}
