"""Makes the library's docstrings, which are plain text for a terminal, read well as a page."""

import inspect
import re

from sphinx.application import Sphinx

NAMES = re.compile(r"(\w+(?:, \w+)*):(?= |$)")  # "labels: (N,) whole numbers", "images, labels: …"


def stress_parameters(app, what, name, thing, options, lines) -> None:
    """Print a parameter's name in bold where a line begins with it."""
    try:
        parameters = set(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return
    for number, line in enumerate(lines):
        match = NAMES.match(line)
        if match and set(match[1].split(", ")) <= parameters:
            lines[number] = f"**{match[1]}**{line[match.end(1) :]}"


def show_examples_as_code(app, what, name, thing, options, lines) -> None:
    """An indented block of its own is code; Sphinx would take it for a quotation."""
    for number in range(len(lines) - 1, 1, -1):
        before = lines[number - 2].lstrip()
        if (
            lines[number].startswith("    ")
            and not lines[number - 1].strip()
            and before == lines[number - 2]
            and not before.startswith((".. ", "* ", "- ", "::"))
            and not before.endswith("::")
        ):
            lines[number:number] = ["::", ""]


def list_exercises(app, what, name, thing, options, lines) -> None:
    """The exercises are objects without docstrings of their own: name them with the module."""
    if name == "softmax_lib.checks":
        lines += ["The checks, by notebook:", ""]
        for home, names in thing._HOMES.items():
            if number := re.fullmatch(r"notebook(\d+)", home):
                lines.append(f"* {number[1]}: " + ", ".join(f"``checks.{name}``" for name in names))
        lines.append("")


def leave_out(app, what, name, thing, skip, options) -> bool | None:
    """A named tuple's fields come with the text "Alias for field number 0", which tells nobody anything."""
    return True if (inspect.getdoc(thing) or "").startswith("Alias for field number") else None


def setup(app: Sphinx) -> dict:
    for change in (stress_parameters, show_examples_as_code, list_exercises):
        app.connect("autodoc-process-docstring", change)
    app.connect("autodoc-skip-member", leave_out)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
