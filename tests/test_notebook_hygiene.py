"""Every notebook is complete, readable and stored as it ran; each rule is shown to catch its fault.

The rules' conventions (ids, tags, figures, sections) are written down for authors in notebooks/README.md.
A rule takes a notebook and yields one sentence for each fault; a sentence about a cell begins with its id.
"""

import ast
import base64
import copy
import inspect
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
import store_outputs
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from softmax_lib import functional

ROOT = Path(__file__).resolve().parent.parent
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAX_BYTES = 500_000
MAX_LINES = 20
PYTHON_BLOCK = re.compile(r"```python\n(.+?)```", re.DOTALL)


def read(path):
    notebook = nbformat.read(path, as_version=4)
    notebook.name = path.name
    return notebook


def number_of(notebook):
    return int(notebook.name.split("_")[0])


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def parse(cell):
    """The cell's syntax tree, its magics (`%xmode Minimal`) left out."""
    return ast.parse(re.sub(r"^\s*[%!].*$", "", cell.source, flags=re.MULTILINE))


def called(node):
    """The name of what a call calls: `plt.show` for plt.show(...), `.sum` for (a + b).sum()."""
    parts, function = [], node.func
    while isinstance(function, ast.Attribute):
        parts.append(function.attr)
        function = function.value
    parts.append(function.id if isinstance(function, ast.Name) else "")
    return ".".join(reversed(parts))


def run_at_once(tree):
    """The nodes of a cell that run when it runs: none inside a function, an if or an except."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | ast.If | ast.ExceptHandler):
            yield node
            yield from run_at_once(node)


def calls(cell):
    return [called(node) for node in run_at_once(parse(cell)) if isinstance(node, ast.Call)]


def images(cell):
    return [output for output in cell.outputs if "image/png" in output.get("data", {})]


def texts(cell):
    """All that a reader sees as text in the cell's outputs."""
    for output in cell.outputs:
        yield output.get("text", "")
        yield output.get("evalue", "")
        yield from output.get("traceback", [])
        yield from (text for kind, text in output.get("data", {}).items() if kind.startswith("text/"))


# ---------------------------------------------------------------------------------------------------------
# Stored as it ran


VALUE_FUNCTIONS = re.compile(
    r"(len|sum|round|float|int|str|type|sorted|min|max|list|tuple|dict|set|zip|all|any|abs|repr|bool|isinstance"
    r"|np\.(?!testing\.|random\.(seed|shuffle)|set_printoptions|add\.at|copyto|fill_diagonal|put|place|save)[\w.]+"
    r"|checks\.\w+"
    r"|.*\.(sum|mean|argmax|argmin|max|min|round|std|item|tolist|numpy|reshape|astype|detach|all|any|size|numel))"
)


def leaves_a_value(cell):
    """Whether the cell ends with an expression that is sure to have a value (a call may return None)."""
    statements = parse(cell).body
    if not statements or not isinstance(statements[-1], ast.Expr):
        return False
    value = statements[-1].value
    if isinstance(value, ast.Call):
        return bool(VALUE_FUNCTIONS.fullmatch(called(value)))
    return not (isinstance(value, ast.Constant) and value.value in (None, Ellipsis))


def outputs_are_stored(notebook):
    for cell in code_cells(notebook):
        if "raises-exception" in tags(cell):
            continue
        kinds = {output.get("name", output.output_type) for output in cell.outputs}
        if "print" in calls(cell) and "stdout" not in kinds:
            yield f"{cell.id}: it prints, but nothing printed is stored; run the notebook"
        if leaves_a_value(cell) and "execute_result" not in kinds:
            yield f"{cell.id}: it ends with a value, but none is stored; run the notebook"
    if code_cells(notebook) and not any(cell.outputs for cell in code_cells(notebook)):
        yield "no cell has an output: they were cleared; run the notebook"


def ends_with_a_widget(cell):
    """Whether the cell's last line shows a widget, made in that line or above it in the cell."""
    *before, last = parse(cell).body or [None]
    value = last.value if isinstance(last, ast.Expr) else None
    if isinstance(value, ast.Name):
        made = [s for s in before if isinstance(s, ast.Assign) and ast.unparse(s.targets[0]) == value.id]
        value = made[-1].value if made else None
    return isinstance(value, ast.Call) and called(value).startswith("widgets.")


def figures_are_stored(notebook):
    for cell in code_cells(notebook):
        shown = calls(cell).count("plt.show") + ends_with_a_widget(cell)
        if len(images(cell)) < shown:
            yield f"{cell.id}: {shown} figures shown, {len(images(cell))} pictures stored; run the notebook"
        if images(cell) and not shown and not any(name.startswith("widgets.") for name in calls(cell)):
            yield f"{cell.id}: end the drawing with plt.show()"


def no_live_widget_is_stored(notebook):
    for cell in code_cells(notebook):
        if any("widget-view" in kind for output in cell.outputs for kind in output.get("data", {})):
            yield f"{cell.id}: a live widget is stored; without its kernel it is dead. Run make notebooks"


def cells_ran_once_in_order(notebook):
    for expected, cell in enumerate(code_cells(notebook), start=1):
        if cell.execution_count != expected:
            yield f"{cell.id}: execution count {cell.execution_count}, not {expected}; restart and run all"


def only_wanted_errors(notebook):
    for cell in code_cells(notebook):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors and "raises-exception" not in tags(cell):
            yield f"{cell.id}: ended with {errors[0].ename} but has no tag raises-exception"
        if not errors and "raises-exception" in tags(cell):
            yield f"{cell.id}: is tagged raises-exception but raised none"


def nothing_on_stderr(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                yield f"{cell.id}: wrote to stderr: {output.text[:80]!r}"


MACHINE_TEXT = re.compile(
    r"/(?:home|Users|tmp|root|var/folders)/|\b[A-Z]:\\(?:Users|Windows|Program|Temp)|\b[CD]:\\\w|site-packages"
    r"|ipykernel_\d|0x[0-9a-fA-F]{8,}"
)


def nothing_of_one_machine(notebook):
    for cell in notebook.cells:
        for text in [cell.source, *(texts(cell) if cell.cell_type == "code" else [])]:
            if match := MACHINE_TEXT.search(text):
                yield f"{cell.id}: a path or an address of one machine: {match[0]!r}"


def small_enough(notebook):
    size = len(nbformat.writes(notebook).encode())
    if size >= MAX_BYTES:
        largest = max(notebook.cells, key=lambda cell: len(json.dumps(cell)))
        yield f"{largest.id}: the notebook has {size} bytes of {MAX_BYTES}; this is its largest cell"


def stored_by_the_tool(notebook):
    normal = copy.deepcopy(notebook)
    store_outputs.normalise(normal)
    for cell, wanted in zip(notebook.cells, normal.cells, strict=True):
        if cell != wanted:
            yield f"{cell.id}: metadata or outputs are not as `make notebooks` stores them"
    if (notebook.metadata, notebook.nbformat_minor) != (normal.metadata, normal.nbformat_minor):
        yield "the notebook's metadata is not as `make notebooks` stores it"


# ---------------------------------------------------------------------------------------------------------
# Readable


def ids_are_words(notebook):
    seen = set()
    word = r"(?:[a-z]+[0-9]{0,2}|[0-9]{1,4})"
    for cell in notebook.cells:
        if cell.id in seen:
            yield f"{cell.id}: this id is used twice"
        seen.add(cell.id)
        if not re.fullmatch(rf"[a-z]+[0-9]{{0,2}}(?:-{word})*", cell.id) or re.fullmatch(
            "[0-9a-f]{8}", cell.id
        ):
            yield f"{cell.id}: not a readable id; write words with hyphens, such as softmax-by-hand"


def first_code_cell_imports(notebook):
    first = code_cells(notebook)[0]
    if not any(isinstance(node, ast.Import | ast.ImportFrom) for node in parse(first).body):
        yield f"{first.id}: the first code cell holds no imports"


def no_semicolon_at_the_end(notebook):
    for cell in code_cells(notebook):
        if cell.source.rstrip().endswith(";"):
            yield f"{cell.id}: ends with ';'"


def code_cells_are_short(notebook):
    for cell in code_cells(notebook):
        lines = len(cell.source.splitlines())
        if not cell.source.strip() or lines > MAX_LINES:
            yield f"{cell.id}: {lines} lines; a cell has 1 to {MAX_LINES}"


NEED_TORCH = (
    "torch",
    "torchvision",
    *(f"softmax_lib.{name}" for name in ("data", "models", "training", "digits")),
)


def imports(cell):
    for node in ast.walk(parse(cell)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def no_torch_before_notebook_5(notebook):
    if number_of(notebook) >= 5:
        return
    for cell in code_cells(notebook):
        for name in imports(cell):
            if name in NEED_TORCH or name.startswith(("torch.", "torchvision.")):
                yield f"{cell.id}: imports {name}; notebooks 1 to 4 do without torch"


def figures_have_alt_text(notebook):
    for cell, following in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        if cell.cell_type == "code" and images(cell):
            text = following.source if following and following.cell_type == "markdown" else ""
            if not re.search(r"^Figure: .{40,}", text, re.MULTILINE):
                yield f"{cell.id}: the cell after it has no line 'Figure: what is to be seen in the picture'"


def figures_follow_a_prediction(notebook):
    asked = False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            asked = asked or "**Predict.**" in cell.source
        elif images(cell):
            if not asked:
                yield f"{cell.id}: no '**Predict.** ...' stands before this figure (and after the one before)"
            asked = False


def folded_answers_are_well_formed(notebook):
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        opened, closed = cell.source.count("<details>"), cell.source.count("</details>")
        shown = len(re.findall(r"<details>\s*<summary>[^<]+</summary>\n\n", cell.source))
        if not opened == closed == shown:
            yield f"{cell.id}: write <details><summary>Word</summary>, an empty line, the text, </details>"


def no_control_characters(notebook):
    r"""A script that writes "\text" in a plain string writes a tab and "ext"; "\frac" becomes a form feed."""
    for cell in notebook.cells:
        found = re.search(r"([\x00-\x09\x0b-\x1f\x7f-\x9f])(.{0,15})", cell.source)
        if cell.cell_type == "markdown" and found:
            yield f"{cell.id}: character {ord(found[1])} (9 is a tab) before {found[2]!r}; a lost backslash?"


def opening_says_do_learn_need(notebook):
    first = notebook.cells[0]
    if not re.match(rf"# {number_of(notebook)}\. \w", first.source):
        yield f"{first.id}: does not begin with '# {number_of(notebook)}. Title'"
    for word in ("Do", "Learn", "Need"):
        if f"**{word}.**" not in first.source:
            yield f"{first.id}: says nothing under '**{word}.**'"


def headings(notebook, level=2):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for match in re.finditer(rf"^{'#' * level} (.+)$", cell.source, re.MULTILINE):
                yield cell, match[1]


def minutes_add_up(notebook):
    total = 0
    for cell, heading in headings(notebook):
        match = re.search(r" \((\d+) min\)$", heading)
        total += int(match[1]) if match else 0
        if not match:
            yield f"{cell.id}: the heading '{heading}' does not end with '(N min)'"
    told = re.search(r"[Aa]bout (\d+) minutes", notebook.cells[0].source)
    if not told or int(told[1]) != total:
        yield f"{notebook.cells[0].id}: 'About {told and told[1]} minutes', but the sections sum to {total}"


def closing_sections_are_there(notebook):
    found = [heading for _, heading in headings(notebook)]
    for wanted in ("What can go wrong here", "Summary"):
        if not any(heading.startswith(wanted) for heading in found):
            yield f"there is no section '## {wanted} (N min)'"
    if notebook.cells[-1].cell_type != "markdown" or "**Next.**" not in notebook.cells[-1].source:
        yield f"{notebook.cells[-1].id}: the last cell does not say '**Next.** ...'"


def outputs_are_compared(notebook):
    cells = code_cells(notebook)
    ignored = [i for i, cell in enumerate(cells) if "nbval-ignore-output" in tags(cell)]
    for cell in cells:
        if "nbval-skip" in tags(cell) or re.search(r"^\s*# *NBVAL_", cell.source, re.MULTILINE):
            yield f"{cell.id}: is skipped or marked by a comment; use a tag, and never nbval-skip"
    if 3 * len(ignored) >= len(cells):
        yield f"{len(ignored)} of {len(cells)} code cells are not compared; fewer than a third may be"
    for i in ignored:
        following = cells[i + 1] if i + 1 < len(cells) else None
        if not following or not any(isinstance(node, ast.Assert) for node in ast.walk(parse(following))):
            yield f"{cells[i].id}: its output is not compared, and the next code cell asserts nothing"


def checking_cells(notebook):
    """The cells that hand an exercise's function to its check."""
    return [
        cell for cell in code_cells(notebook) if re.search(r"^checks\.(?!answer)\w+\(", cell.source, re.M)
    ]


def exercises_are_open_and_complete(notebook):
    cells = {cell.id: cell for cell in notebook.cells}
    for check in checking_cells(notebook):
        name = check.id.removeprefix("check-")
        task, stub, solution = f"exercise-{name}-task", f"exercise-{name}", f"solution-{name}"
        for key in (task, stub, f"check-{name}", solution):
            if key not in cells:
                yield f"{check.id}: there is no cell {key}"
        if stub in cells and "..." not in cells[stub].source:
            yield f"{stub}: holds no dots for the learner to replace"
        if solution in cells and len(PYTHON_BLOCK.findall(cells[solution].source)) != 1:
            yield f"{solution}: holds not one ```python block"
        if not any("not attempted" in text for text in texts(check)):
            yield f"{check.id}: the stored verdict is not 'not attempted yet'"


def questions_are_open_and_numbered(notebook):
    asked = [
        n for cell in notebook.cells for n in re.findall(r"^\*\*Question ([\d.]+)\.\*\*", cell.source, re.M)
    ]
    for expected, found in enumerate(asked, start=1):
        if found != f"{number_of(notebook)}.{expected}":
            yield f"question {found} stands where {number_of(notebook)}.{expected} should"
    marked = []
    for cell in code_cells(notebook):
        for number, value in re.findall(r"""checks\.answer\(["'](.+?)["'], *(.*)\)""", cell.source):
            marked.append(number)
            if value != "...":
                yield f"{cell.id}: the answer to question {number} is given away"
    if asked != marked:
        yield f"questions {asked} are asked, {marked} are marked"


def slides_are_described(notebook):
    """What the decks need (book/slides/decks.py); test_slides.py looks at what is chosen."""
    for cell in notebook.cells:
        slide = cell.metadata.get("slideshow", {"slide_type": "-", "show": ["all"]})
        if set(slide) != {"slide_type", "show"} or slide["slide_type"] not in ("slide", "fragment", "-"):
            yield f"{cell.id}: slideshow has a slide_type (slide, fragment or -) and show, no more"
        elif not (isinstance(slide["show"], list) and slide["show"] and all(slide["show"])):
            yield f"{cell.id}: 'show' is a list of the parts to show, such as ['heading', 'predict']"


RULES = [
    outputs_are_stored,
    figures_are_stored,
    no_live_widget_is_stored,
    cells_ran_once_in_order,
    only_wanted_errors,
    nothing_on_stderr,
    nothing_of_one_machine,
    small_enough,
    stored_by_the_tool,
    ids_are_words,
    first_code_cell_imports,
    no_semicolon_at_the_end,
    code_cells_are_short,
    no_torch_before_notebook_5,
    figures_have_alt_text,
    figures_follow_a_prediction,
    folded_answers_are_well_formed,
    no_control_characters,
    opening_says_do_learn_need,
    minutes_add_up,
    closing_sections_are_there,
    outputs_are_compared,
    exercises_are_open_and_complete,
    questions_are_open_and_numbered,
    slides_are_described,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook(path, rule):
    faults = list(rule(read(path)))
    if faults:
        pytest.fail("\n".join(f"{path.name}: {fault}" for fault in faults), pytrace=False)


def test_there_are_notebooks():
    assert PATHS


@pytest.mark.parametrize("path", [p for p in PATHS if p.name < "05"], ids=lambda path: path.stem)
def test_the_imports_of_notebooks_1_to_4_leave_torch_out(path):
    trees = [parse(cell) for cell in code_cells(read(path))]
    lines = [
        ast.unparse(n) for tree in trees for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    program = "\n".join([*lines, "import sys", "sys.exit('torch' in sys.modules)"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{path.name}: importing what it imports brings torch in\n{done.stderr}"


def test_the_map_of_the_series_links_each_notebook_and_tells_its_minutes():
    text = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| (\d+) \|", text, re.M)
    linked = {}
    for number, title, minutes in rows:
        if link := re.search(r"\]\((\S+\.ipynb)\)", title):
            linked[link[1]] = (int(number), int(minutes))
        else:
            assert "*(planned)*" in title
    expected = {}
    for path in PATHS:
        told = re.search(r"[Aa]bout (\d+) minutes", read(path).cells[0].source)
        expected[path.name] = (int(path.name.split("_")[0]), int(told[1]))
    assert linked == expected


def test_the_readme_names_the_notebooks_with_something_to_play_with():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.search(r"^Notebooks ([\d, and]+) have something to play with", text, re.M)[1]
    playing = [
        int(path.name[:2])
        for path in PATHS
        if any(name.startswith("widgets.") for cell in code_cells(read(path)) for name in calls(cell))
    ]
    assert [int(number) for number in re.findall(r"\d+", told)] == playing


# ---------------------------------------------------------------------------------------------------------
# Each rule catches its fault

ONE_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def result(text, count):
    return new_output("execute_result", data={"text/plain": text}, execution_count=count)


def picture():
    return new_output(
        "display_data", data={"image/png": ONE_PIXEL, "text/plain": "<Figure size 1x1 with 1 Axes>"}
    )


def live_widget():
    return new_output(
        "execute_result",
        data={"text/plain": "a playground", "application/vnd.jupyter.widget-view+json": {"model_id": "1"}},
        execution_count=2,
    )


def error(traceback="ValueError: no"):
    return new_output("error", ename="ValueError", evalue="no", traceback=[traceback])


def fold(summary, text):
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"


def good_notebook():
    """A small notebook that keeps every rule."""
    opening = "# 2. Two\n\nAbout 3 minutes.\n\n**Do.** A. **Learn.** B. **Need.** C.\n\n## One (1 min)"
    code = {
        "imports": ("import numpy as np\nimport matplotlib.pyplot as plt", []),
        "a-value": ("x = np.arange(3)\nx", [result("array([0, 1, 2])", 2)]),
        "a-print": ("for i in x:\n    print(i)", [stream("0\n1\n2\n")]),
        "a-figure": ("fig, ax = plt.subplots()\nax.plot(x)\nplt.show()", [picture()]),
        "an-error": ("raise ValueError('no')", [error()]),
        "exercise-double": ("def my_double(x):\n    return ...", []),
        "check-double": ("checks.double(my_double)", [result("double: not attempted yet", 7)]),
        "answer-one": ('checks.answer("2.1", ...)', [result("question 2.1: not attempted yet", 8)]),
        "training": ("print('0.1')", [stream("0.1\n")]),
        "band": ("assert len(x) == 3", []),
    }
    cells = {
        key: new_code_cell(source, id=key, outputs=outputs, execution_count=count)
        for count, (key, (source, outputs)) in enumerate(code.items(), start=1)
    }
    cells["an-error"].metadata["tags"] = ["raises-exception"]
    cells["training"].metadata["tags"] = ["nbval-ignore-output"]
    cells["a-print"].metadata["slideshow"] = {"slide_type": "slide", "show": ["code", "+output"]}
    markdown = {
        "opening": opening,
        "predict-it": "**Predict.** What?\n\n" + fold("Answer", "This."),
        "exercise-double-task": "Double it.",
        "solution-double": fold("Solution", "```python\ndef my_double(x):\n    return 2 * x\n```"),
        "question-one": "**Question 2.1.** How much is one and one?",
        "read-it": "Figure: a line that rises from 0 at the left to 2 at the right.",
        "wrong": "## What can go wrong here (1 min)",
        "closing": "## Summary (1 min)\n\n**Next.** Notebook 3.",
    }
    cells |= {key: new_markdown_cell(source, id=key) for key, source in markdown.items()}
    order = """opening imports a-value a-print predict-it a-figure read-it wrong an-error exercise-double-task
        exercise-double check-double solution-double question-one answer-one training band closing"""
    notebook = new_notebook(cells=[cells[key] for key in order.split()])
    store_outputs.normalise(notebook)
    notebook.name = "02_two.ipynb"
    return notebook


def test_the_good_notebook_keeps_every_rule():
    faults = {rule.__name__: list(rule(good_notebook())) for rule in RULES}
    assert faults == {rule.__name__: [] for rule in RULES}


def test_a_widget_with_its_figure_needs_no_show():
    notebook = good_notebook()
    put("a-figure", source="p = widgets.Playground(x)\np")(notebook)
    assert list(figures_are_stored(notebook)) == []


def put(cell_id, **changes):
    """A mutation that sets fields of one cell."""

    def mutate(notebook):
        (cell,) = (cell for cell in notebook.cells if cell.id == cell_id)
        cell.update(nbformat.from_dict(changes))

    return mutate


def slide(slide_type, show):
    return {"slideshow": {"slide_type": slide_type, "show": show}}


def add_line(cell_id, line):
    def mutate(notebook):
        (cell,) = (cell for cell in notebook.cells if cell.id == cell_id)
        cell.source += "\n" + line

    return mutate


def replace(cell_id, old, new):
    def mutate(notebook):
        (cell,) = (cell for cell in notebook.cells if cell.id == cell_id)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return mutate


def clear_outputs(notebook):
    for cell in code_cells(notebook):
        cell.outputs, cell.execution_count = [], None


def swap_two_cells(notebook):
    notebook.cells[2], notebook.cells[3] = notebook.cells[3], notebook.cells[2]


def ignore_more_outputs(notebook):
    for cell in code_cells(notebook)[:3]:
        cell.metadata["tags"] = ["nbval-ignore-output"]


def drop(cell_id):
    def mutate(notebook):
        notebook.cells = [cell for cell in notebook.cells if cell.id != cell_id]

    return mutate


# {rule: {fault: (what to do to the good notebook, what the rule's sentence must name)}}
MUTATIONS = {
    outputs_are_stored: {
        "cleared notebook": (clear_outputs, "no cell has an output"),
        "cleared print": (put("a-print", outputs=[]), "a-print"),
        "cleared value": (put("a-value", outputs=[]), "a-value"),
        "cleared value of a method": (put("a-value", source="x.sum()", outputs=[]), "a-value"),
        "cleared value of NumPy": (put("a-value", source="np.sqrt(x)", outputs=[]), "a-value"),
        "cleared verdict": (put("a-value", source="checks.softmax(f)", outputs=[]), "a-value"),
        "cleared comparison": (put("a-value", source="x[0] == 0", outputs=[]), "a-value"),
    },
    figures_are_stored: {
        "cleared figure": (put("a-figure", outputs=[]), "a-figure"),
        "figure stored as its text": (put("a-figure", outputs=[result("<Figure>", 4)]), "a-figure"),
        "one of two figures": (add_line("a-figure", "plt.show()"), "a-figure"),
        "figure without show": (replace("a-figure", "plt.show()", ""), "a-figure"),
        "widget without its figure": (put("a-value", source="widgets.Playground(x)"), "a-value"),
        "named widget without it": (put("a-value", source="p = widgets.Pad(x)\np"), "a-value"),
    },
    no_live_widget_is_stored: {"live widget": (put("a-value", outputs=[live_widget()]), "a-value")},
    cells_ran_once_in_order: {
        "cleared counts": (clear_outputs, "imports"),
        "cell run twice": (put("a-print", execution_count=9), "a-print"),
        "cells out of order": (swap_two_cells, "a-print"),
        "deleted cell": (drop("a-value"), "a-print"),
    },
    only_wanted_errors: {
        "unwanted error": (put("a-print", outputs=[error()]), "a-print"),
        "missing wanted error": (put("an-error", outputs=[]), "an-error"),
    },
    nothing_on_stderr: {"warning": (put("a-print", outputs=[stream("Warning", "stderr")]), "a-print")},
    nothing_of_one_machine: {
        "printed path": (put("a-print", outputs=[stream("in /home/kim/x\n")]), "a-print"),
        "path in the code": (add_line("a-print", "y = '/Users/kim/x'"), "a-print"),
        "Windows path in the text": (add_line("read-it", r"C:\data"), "read-it"),
        "temporary folder in a value": (put("a-value", outputs=[result("'/tmp/x'", 2)]), "a-value"),
        "address": (put("a-value", outputs=[result("<f at 0x7f00aa00bb>", 2)]), "a-value"),
        "path in a traceback": (put("an-error", outputs=[error("site-packages/numpy")]), "an-error"),
    },
    small_enough: {"huge output": (put("a-print", outputs=[stream("x" * 600_000)]), "a-print")},
    stored_by_the_tool: {
        "time stamp": (put("a-print", metadata={"execution": {"iopub": "now"}}), "a-print"),
        "stream in pieces": (put("a-print", outputs=[stream("0\n"), stream("1\n")]), "a-print"),
        "another kernel's name": (lambda nb: nb.metadata.kernelspec.update(name="venv"), "metadata"),
    },
    ids_are_words: {
        "hex id": (put("a-print", id="a1b2c3d4"), "a1b2c3d4"),
        "uuid": (put("a-print", id="c7e5b1a2-3a44-4d4f-8a93"), "c7e5b1a2"),
        "one id twice": (put("a-print", id="a-value"), "a-value"),
    },
    first_code_cell_imports: {"no imports": (put("imports", source="x = 1"), "imports")},
    no_semicolon_at_the_end: {"semicolon": (replace("a-figure", "show()", "show();"), "a-figure")},
    code_cells_are_short: {
        "long cell": (put("band", source="assert True\n" * 21), "band"),
        "empty cell": (put("band", source=""), "band"),
    },
    no_torch_before_notebook_5: {
        "torch": (add_line("band", "import torch.nn as nn"), "band"),
        "from torch": (add_line("band", "from torch import nn"), "band"),
        "torch through the library": (add_line("band", "from softmax_lib import data"), "band"),
    },
    figures_have_alt_text: {
        "no alt text": (put("read-it", source="The line rises, as we have just seen above."), "a-figure"),
        "empty alt text": (put("read-it", source="Figure: a line."), "a-figure"),
        "no cell after a figure": (drop("read-it"), "a-figure"),
    },
    figures_follow_a_prediction: {"no prediction": (put("predict-it", source="Look."), "a-figure")},
    folded_answers_are_well_formed: {
        "open <details>": (replace("predict-it", "</details>", ""), "predict-it"),
        "no empty line": (replace("predict-it", "y>\n\nT", "y>\nT"), "predict-it"),
        "no <summary>": (replace("predict-it", "<summary>Answer</summary>", ""), "predict-it"),
    },
    no_control_characters: {
        "tab for the t of text": (add_line("read-it", "$\text{lse}(z)$"), "read-it"),
        "form feed for the f of frac": (add_line("read-it", "$\frac{1}{N}$"), "read-it"),
        "bell for the a of alpha": (add_line("closing", "$\alpha$"), "closing"),
    },
    opening_says_do_learn_need: {
        "no title": (replace("opening", "# 2. Two", "Two"), "opening"),
        "another notebook's number": (replace("opening", "# 2. Two", "# 3. Two"), "opening"),
        "no need": (replace("opening", "**Need.**", ""), "opening"),
    },
    minutes_add_up: {
        "section without minutes": (replace("wrong", " (1 min)", ""), "wrong"),
        "wrong sum of minutes": (replace("opening", "About 3", "About 30"), "opening"),
    },
    closing_sections_are_there: {
        "no section on mistakes": (replace("wrong", "wrong", "right"), "What can go wrong here"),
        "no summary": (replace("closing", "Summary", "Bye"), "Summary"),
        "no next step": (replace("closing", "**Next.**", ""), "closing"),
    },
    outputs_are_compared: {
        "skipped cell": (put("a-print", metadata={"tags": ["nbval-skip"]}), "a-print"),
        "comment that skips": (add_line("a-print", "# NBVAL_SKIP"), "a-print"),
        "no assertion": (put("band", source="x = 1"), "training"),
        "too many not compared": (ignore_more_outputs, "4 of 10"),
    },
    exercises_are_open_and_complete: {
        "no solution": (drop("solution-double"), "solution-double"),
        "solution without code": (put("solution-double", source="Twice it."), "solution-double"),
        "no task": (drop("exercise-double-task"), "exercise-double-task"),
        "exercise solved": (replace("exercise-double", "...", "2 * x"), "exercise-double"),
        "verdict of a solved one": (put("check-double", outputs=[result("passed", 7)]), "check-double"),
    },
    questions_are_open_and_numbered: {
        "answer given away": (replace("answer-one", "...", "2"), "answer-one"),
        "wrong number asked": (replace("question-one", "2.1", "2.2"), "2.2"),
        "wrong number marked": (replace("answer-one", "2.1", "2.2"), "2.2"),
        "question not marked": (drop("answer-one"), "are asked"),
    },
    slides_are_described: {
        "notes in a notebook": (put("wrong", metadata=slide("notes", ["heading"])), "wrong"),
        "nothing to show": (put("wrong", metadata=slide("slide", [])), "wrong"),
        "Jupyter's own form": (put("wrong", metadata={"slideshow": {"slide_type": "slide"}}), "wrong"),
        "a word in place of a list": (put("wrong", metadata=slide("slide", "heading")), "wrong"),
    },
}


def test_every_rule_has_a_mutation():
    assert list(MUTATIONS) == RULES


@pytest.mark.parametrize(
    ("rule", "mutate", "named"),
    [
        pytest.param(rule, mutate, named, id=f"{rule.__name__}-{fault}")
        for rule, faults in MUTATIONS.items()
        for fault, (mutate, named) in faults.items()
    ],
)
def test_a_rule_catches(rule, mutate, named):
    notebook = good_notebook()
    mutate(notebook)
    assert any(named in sentence for sentence in rule(notebook))


# ---------------------------------------------------------------------------------------------------------
# Exercises


def run_solved(notebook):
    """Run a copy of the notebook with each solution in its stub's place: {id of a check's cell: Verdict}."""
    cells = {cell.id: cell for cell in copy.deepcopy(notebook).cells}
    for key in cells:
        if key.startswith("solution-"):
            (solution,) = PYTHON_BLOCK.findall(cells[key].source)
            cells["exercise-" + key.removeprefix("solution-")].source = solution
    checking = {cell.id for cell in checking_cells(notebook)}
    namespace, verdicts = {"__name__": "__main__"}, {}
    for key, cell in cells.items():
        if cell.cell_type != "code":
            continue
        tree = parse(cell)
        if key in checking:
            *before, last = tree.body
            exec(compile(ast.Module(before, []), key, "exec"), namespace)
            verdicts[key] = eval(compile(ast.Expression(last.value), key, "eval"), namespace)
        elif "raises-exception" in tags(cell):
            with pytest.raises(Exception):  # noqa: B017  (which one is in the stored output)
                exec(compile(tree, key, "exec"), namespace)
        else:
            exec(compile(tree, key, "exec"), namespace)
    return verdicts


@pytest.mark.parametrize("path", [p for p in PATHS if p.name < "06"], ids=lambda path: path.stem)
def test_a_copy_with_every_exercise_solved_runs_to_its_end_with_all_checks_passed(path, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    with np.printoptions():  # the notebook sets its own
        verdicts = run_solved(read(path))
    assert verdicts
    assert {key: verdict.passed for key, verdict in verdicts.items()} == dict.fromkeys(verdicts, True)


def run_solutions(notebook):
    """Run all imports and definitions, each solution, and its check: {id of a check's cell: Verdict}.

    The later notebooks train for minutes, so the rest of them is left out.
    """
    defines = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
    solutions = {
        cell.id.removeprefix("solution-"): PYTHON_BLOCK.findall(cell.source)[0]
        for cell in notebook.cells
        if cell.id.startswith("solution-")
    }
    checking = {cell.id for cell in checking_cells(notebook)}
    namespace, verdicts = {"__name__": "__main__"}, {}
    for cell in code_cells(notebook):
        if cell.id in checking:
            exec(compile(solutions[cell.id.removeprefix("check-")], cell.id, "exec"), namespace)
            verdicts[cell.id] = eval(cell.source, namespace)
        elif "raises-exception" not in tags(cell):
            kept = [node for node in parse(cell).body if isinstance(node, defines)]
            exec(compile(ast.Module(kept, []), cell.id, "exec"), namespace)
    return verdicts


@pytest.mark.parametrize("path", [p for p in PATHS if p.name > "06"], ids=lambda path: path.stem)
def test_every_solution_passes_its_check(path):
    verdicts = run_solutions(read(path))
    assert verdicts
    assert {key: verdict.passed for key, verdict in verdicts.items()} == dict.fromkeys(verdicts, True)


def test_a_solution_that_is_wrong_is_noticed(monkeypatch):
    notebook = read(PATHS[0])
    (cell,) = (cell for cell in notebook.cells if cell.id == "solution-softmax")
    cell.source = cell.source.replace("axis=1", "axis=0")
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    with np.printoptions():
        assert run_solved(notebook)["check-softmax"].passed is False
    assert run_solutions(notebook)["check-softmax"].passed is False


# ---------------------------------------------------------------------------------------------------------
# Storing


def test_what_differs_between_two_runs_is_not_stored():
    png = base64.b64decode(ONE_PIXEL)
    text = b"Software\0Matplotlib 9.9"
    chunk = len(text).to_bytes(4, "big") + b"tEXt" + text + b"\0\0\0\0"
    assert store_outputs.strip_png_text(png[:33] + chunk + png[33:]) == png
    pieces = [stream("a"), stream("w", "stderr"), stream("b")]
    assert [output.text for output in store_outputs.merge_streams(pieces)] == ["ab", "w"]


def test_an_opaque_picture_is_stored_without_its_opacity_and_with_the_same_pixels():
    def png_of(array):
        file = io.BytesIO()
        Image.fromarray(array).save(file, "PNG")
        return file.getvalue()

    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    assert store_outputs.without_opacity(png_of(pixels)) == png_of(pixels)  # transparent: as it is
    pixels[..., 3] = 255
    stored = store_outputs.without_opacity(png_of(pixels))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(stored))), pixels[..., :3])
    assert store_outputs.without_opacity(stored) == stored


def write_notebook(path, *sources):
    cells = [new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(sources)]
    nbformat.write(new_notebook(cells=cells), path)


def test_a_notebook_that_fails_is_named_and_left_as_it_was(tmp_path, capsys):
    path = tmp_path / "01_bad.ipynb"
    write_notebook(path, "1 + 1", "1 / 0")
    before = path.read_bytes()
    assert store_outputs.main([str(path)]) == 1
    message = capsys.readouterr().err
    assert all(part in message for part in ("01_bad.ipynb", "cell-1", "ZeroDivisionError"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_storing_twice_gives_the_same_bytes_and_warns_of_stderr(tmp_path, capfd):
    path = tmp_path / "01_figure.ipynb"
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\nplt.show()"
    write_notebook(path, draw, "import os, sys\nprint(os.listdir(), file=sys.stderr)")
    assert store_outputs.main([str(path)]) == 0
    out = capfd.readouterr().out
    assert "stored" in out and "WARNING: cell cell-1 wrote to stderr: []" in out
    first = path.read_bytes()
    (png,) = (base64.b64decode(image.data["image/png"]) for image in images(read(path).cells[0]))
    assert png.startswith(b"\x89PNG") and b"Software" not in png
    assert store_outputs.main([str(path)]) == 0
    assert path.read_bytes() == first
    assert "unchanged" in capfd.readouterr().out


# ---------------------------------------------------------------------------------------------------------
# What a notebook defines and the library exports is the same thing


def example_inputs(name):
    """Inputs for a function of softmax_lib.functional."""
    rng = np.random.default_rng(0)
    logits, labels = 2 * rng.normal(size=(5, 4)), np.array([3, 0, 1, 1, 2])
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return {
        "softmax": [(logits,), (logits[0],), (logits, 0)],
        "log_softmax": [(logits,), (logits[0],), (logits, 0)],
        "logsumexp": [(logits,), (logits[0],), (logits, 0)],
        "one_hot": [(labels, 4), (np.array([0]), 1)],
        "cross_entropy_from_probs": [(probs, labels), (probs, np.eye(4)[labels])],
        "cross_entropy": [(logits, labels), (logits[:1], labels[:1])],
        "cross_entropy_grad": [(logits, labels), (logits[:1], labels[:1])],
        "confusion_matrix": [(labels, labels[::-1], 4)],
    }[name]


def definitions(notebook):
    """{name: function} for what the notebook defines under a name that softmax_lib.functional exports."""
    trees = [parse(cell) for cell in code_cells(notebook)]
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef)
    program = ast.Module(
        [node for tree in trees for node in tree.body if isinstance(node, kept)], type_ignores=[]
    )
    defined = {node.name for node in program.body if isinstance(node, ast.FunctionDef)}
    public = {
        name for name, _ in inspect.getmembers(functional, inspect.isfunction) if not name.startswith("_")
    }
    namespace = {}
    exec(compile(program, notebook.name, "exec"), namespace)
    return {name: namespace[name] for name in defined & public}


def drift(notebook):
    for name, function in definitions(notebook).items():
        library = getattr(functional, name)
        if list(inspect.signature(function).parameters) != list(inspect.signature(library).parameters):
            yield f"{name}: the arguments are {inspect.signature(library)} in the library"
            continue
        for inputs in example_inputs(name):
            difference = np.abs(np.asarray(function(*inputs)) - np.asarray(library(*inputs))).max()
            if not difference < 1e-10:
                yield f"{name}: differs from the library's by {difference:.2g}"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_function_in_a_notebook_is_the_library_s(path):
    assert list(drift(read(path))) == []


def test_notebook_1_defines_softmax():
    assert "softmax" in definitions(read(PATHS[0]))


@pytest.mark.parametrize(
    "wrong",
    [
        "def softmax(logits, axis=-1): return np.exp(logits) / np.exp(logits).sum()",
        "def softmax(logits, axis=0): return np.exp(logits) / np.exp(logits).sum(axis=axis, keepdims=True)",
        "def softmax(z, axis=-1): return np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True)",
    ],
    ids=["another sum", "another axis", "another argument"],
)
def test_drift_is_caught(wrong):
    notebook = good_notebook()
    add_line("imports", wrong)(notebook)
    faults = list(drift(notebook))
    assert faults and faults[0].startswith("softmax:")


def test_no_drift_is_seen_where_there_is_none():
    notebook = good_notebook()
    add_line("imports", "from softmax_lib.functional import softmax as library_softmax")(notebook)
    add_line("imports", "def softmax(logits, axis=-1): return library_softmax(logits, axis)")(notebook)
    assert list(definitions(notebook)) == ["softmax"]
    assert list(drift(notebook)) == []
