"""Make a reveal.js deck of each notebook, from its stored cells; `make slides` calls this.

    python book/slides/decks.py                      all decks that have notes, into build/slides/
    python book/slides/decks.py 01 03                those of notebooks 1 and 3 only
    python book/slides/decks.py --out FOLDER

A cell is on a slide if its metadata says so:

    {"slideshow": {"slide_type": "slide", "show": ["heading", "predict"]}}

slide_type  "slide" begins a slide; "-" goes on with it; "fragment" goes on at the next key press. A cell
            without `slideshow` is not in the deck.
show        what of the cell is shown, in this order. A part with a "+" in front ("+answer") waits for a key
            press of its own. "---" begins another slide; its id is the cell's with -2 behind it, then -3, …

Parts of a Markdown cell: "heading", "predict", "question", "formula", "table", "list", and of the folded
blocks "answer", "hint", "solution" (the first of each). Any other part is how a sentence, a list item or a
formula begins: "So the scores must" shows that sentence, "So the scores must …" all from there to the end of
the paragraph. Parts of a code cell: "code", "output" (text), "figure"; or how a line begins: "def softmax …"
shows all from there to the next blank line.

The notes for the speaker are in notes/NN.md: a section for each slide, `## ID (N min)`, where ID is that of
the slide's first cell. So nothing is written twice. What a cell says beyond its slide, and the known wrong
answers to a question with what to say to each, are put under the notes.
"""

import argparse
import html
import importlib.util
import re
import shutil
import sys
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import nbformat
from babel.messages.pofile import read_po
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbconvert import SlidesExporter
from nbformat.v4 import new_code_cell, new_markdown_cell

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
NOTEBOOKS = ROOT / "notebooks"
NOTES = HERE / "notes"
NODE_MODULES = ROOT / "book" / "node_modules"
LIBRARIES = {  # what a deck loads: {file beside the deck: where it comes from}
    "lib/reveal.js": NODE_MODULES / "reveal.js/dist/reveal.js",
    "lib/reveal.css": NODE_MODULES / "reveal.js/dist/reveal.css",
    "lib/notes.js": NODE_MODULES / "reveal.js/plugin/notes/notes.js",
    "lib/tex-svg.js": NODE_MODULES / "mathjax-full/es5/tex-svg.js",
    "lib/deck.js": HERE / "deck.js",
    "lib/deck.css": HERE / "deck.css",
}


class DeckError(Exception):
    """A deck that can't be made; the message names the notebook, the cell and what to do."""


# ---------------------------------------------------------------------------------------------------------
# A cell and its parts


@dataclass
class Block:
    """A paragraph, list, table, formula, heading, folded block's paragraph, or block of code."""

    kind: str
    text: str
    folded: str = ""  # "answer", "hint", …: the block is inside a <details> with this summary
    number: int = 0  # of that <details> in its cell


MARKDOWN = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)  # as the book reads it


def split_blocks(source: str) -> list[Block]:
    """The blocks of a Markdown cell, in order; those of a folded block carry its name."""
    blocks, folded, number, lines = [], "", 0, source.split("\n")
    for token in MARKDOWN.parse(source):
        if token.level > 0 or token.map is None:  # inside a block, or a block's end
            continue
        text = "\n".join(lines[slice(*token.map)]).strip()
        if match := re.match(r"<details>\s*<summary>(\w+)", text):
            folded, number = match[1].lower(), number + 1
        elif text == "</details>":
            folded = ""
        else:
            blocks.append(Block(kind_of(text), text, folded, number if folded else 0))
    return blocks


def kind_of(text: str) -> str:
    kinds = [
        (r"#+ ", "heading"),
        (r"\*\*Predict\.\*\*", "predict"),
        (r"\*\*Question ", "question"),
        (r"Figure: ", "figure"),
        (r"\$\$", "formula"),
        (r"\|", "table"),
        (r"- |\d+\. ", "list"),
        (r"```", "code"),
    ]
    return next((kind for pattern, kind in kinds if re.match(pattern, text)), "text")


def split_units(block: Block) -> list[str]:
    """The sentences of a paragraph, the items of a list, the lines of code; else the whole block."""
    if block.kind == "lines":
        return block.text.split("\n")
    if block.kind == "list":
        return re.split(r"\n(?=- |\d+\. )", block.text)
    if block.kind not in ("text", "predict", "question"):
        return [block.text]
    # A full stop inside code or maths ends nothing, and either may begin a sentence.
    masked = re.sub(r"`[^`]*`|\$[^$]*\$", lambda match: "X" * len(match[0]), block.text)
    ends = [(match.end(1), match.end()) for match in re.finditer(SENTENCE_END, masked)]
    starts, stops = [0, *(end for _, end in ends)], [*(start for start, _ in ends), len(block.text)]
    return [block.text[a:b].strip() for a, b in zip(starts, stops, strict=True)]


@dataclass
class Piece:
    """What is shown at one place of a slide: Markdown text, code, text output or a figure."""

    kind: str
    text: str
    block: object = None
    folded: str = ""


# "What? *What?* And (what?) **Bold.** Plain." are four sentences: a bold beginning belongs to what follows.
SENTENCE_END = r"""(?<=[.!?])((?:\*(?!\*)|[)"”])?)\s+(?=[(\"“*_]*−?[^\Wa-z_])"""
FOLDED = ("answer", "hint", "solution")
NAMED = ("heading", "predict", "question", "formula", "table", "list")
BREAK = "---"
WORDS = ("text", "predict", "question", "answer", "hint", "list")
GLUE = {"list": "\n", "lines": "\n"}


def squeeze(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def words_of(cell: nbformat.NotebookNode, block: Block) -> str:
    """The text of a block of `cell` in the language of the deck (see `translate_cells`)."""
    return cell.metadata.get("translated", {}).get(block.text, block.text)


def pick(cell: nbformat.NotebookNode, part: str) -> list[Piece]:
    """What `part` (see the top of this file) means in `cell`."""
    if cell.cell_type == "code":
        if part in ("code", "output", "figure"):
            return [Piece(part, cell.source)]
        blocks = [Block("lines", text) for text in re.split(r"\n\s*\n", cell.source)]
    else:
        blocks = split_blocks(cell.source)
        if part in FOLDED:
            inside = [block for block in blocks if block.folded == part]
            found = [block for block in inside if block.number == inside[0].number]
        else:
            found = [block for block in blocks if part in NAMED and block.kind == part][:1]
        if part in FOLDED + NAMED:
            if not found:
                raise DeckError(f"cell {cell.id}: there is no {part!r} in it")
            return [Piece(b.kind, words_of(cell, b), id(b), b.folded) for b in found]
    start = squeeze(part.removesuffix("…").rstrip())
    hits = [
        (block, units, i)
        for block in blocks
        for units in [split_units(block)]
        for i, unit in enumerate(units)
        if squeeze(unit).startswith(start)
    ]
    if len(hits) != 1:
        begin = "; ".join(squeeze(unit)[:25] for block in blocks for unit in split_units(block))
        raise DeckError(f"cell {cell.id}: {len(hits)} parts begin with {start!r}; they begin: {begin}")
    ((block, units, i),) = hits
    spoken = split_units(replace(block, text=words_of(cell, block)))
    if len(spoken) != len(units):  # a translation with another number of sentences is shown as a whole
        chosen = spoken
    else:
        chosen = spoken[i:] if part.endswith("…") else spoken[i : i + 1]
    kind = "code" if block.kind == "lines" else block.kind
    return [Piece(kind, GLUE.get(block.kind, " ").join(chosen), block.text, block.folded)]


def merge(pieces: list[Piece]) -> list[Piece]:
    """Pieces of one paragraph (or list) that follow each other, as one."""
    merged = []
    for piece in pieces:
        last = merged[-1] if merged else None
        if last and piece.block is not None and (last.block, last.kind) == (piece.block, piece.kind):
            last.text += ("\n" if piece.kind in ("list", "code") else " ") + piece.text
        else:
            merged.append(piece)
    return merged


# ---------------------------------------------------------------------------------------------------------
# Notes


@dataclass
class Notes:
    """What the speaker sees beside a slide."""

    minutes: int
    text: str
    evening: bool = False


def read_notes(text: str, name: str = "notes") -> dict[str, Notes]:
    """{id of a slide's first cell: its notes}, from sections `## ID (N min)` or `## ID (N min, evening)`."""
    sections = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        head, _, body = section.partition("\n")
        match = re.fullmatch(r"([\w-]+) \((\d+) \w+(, \w+)?\)", head.strip())
        if not match:
            raise DeckError(f"{name}: the heading '## {head}' is not of the form '## cell-id (N min)'")
        if match[1] in sections:
            raise DeckError(f"{name}: the section {match[1]} stands there twice")
        sections[match[1]] = Notes(int(match[2]), body.strip(), bool(match[3]))
    return sections


def question_replies(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The right answer to the question in `text` ("" for a hidden word), and what to say to wrong ones."""
    from softmax_lib.checks import questions

    asked = questions.BANK[re.search(r"\*\*\w+ (\d+\.\d+)", text)[1]]
    if asked.kind == "word":
        short = ("a", "b", "c", "d", "e", "true", "false")
        right = [word for word in short if questions._hash(asked.number, word) in asked.hidden]
    else:
        right = [str(questions._unhide(asked.number, hidden)) for hidden in asked.hidden[:1]]
    wrong = [(str(k), told[0] if isinstance(told, tuple) else told) for k, told in asked.wrong.items()]
    return "".join(right[:1]), [(f"{key}", reply) for key, reply in wrong]


# ---------------------------------------------------------------------------------------------------------
# A notebook as a deck


@dataclass
class Slide:
    """A slide: its id, its section's heading, and its steps (lists of cells, each shown by one key press)."""

    id: str
    heading: str
    running: bool  # the heading is that of the section, repeated small
    steps: list[list[nbformat.NotebookNode]] = field(default_factory=lambda: [[]])
    rest: list[str] = field(default_factory=list)  # what its cells say beyond the slide
    question: str = ""


def heading_of(cell: nbformat.NotebookNode) -> str:
    """The words of a cell's heading, without its minutes: 'Temperature'."""
    heading = pick(cell, "heading")[0].text.lstrip("# ")
    return re.sub(r"\s*\([^()]*\d[^()]*\)$", "", heading)


def alt_text(notebook: nbformat.NotebookNode, index: int) -> str:
    """What the line `Figure: …` in the cell after cell number `index` says; "" if there is none."""
    for cell in notebook.cells[index + 1 : index + 2]:
        for block in split_blocks(cell.source) if cell.cell_type == "markdown" else []:
            if block.kind == "figure":
                return words_of(cell, block).partition(":")[2].strip()
    return ""


def shown_cell(notebook: nbformat.NotebookNode, index: int, piece: Piece) -> nbformat.NotebookNode:
    """A new cell that holds `piece` of cell number `index` and nothing else."""
    cell = notebook.cells[index]
    if cell.cell_type == "markdown":
        code = "\n".join(re.findall(r"^```\w*\n(.*?)\n```", piece.text, re.DOTALL | re.MULTILINE))
        room = room_for(code) if code else {}
        text = keep_together(piece.text) if piece.kind == "table" else piece.text
        return new_markdown_cell(text, metadata={"role": piece.folded or piece.kind, **room})
    if piece.kind == "code":
        return new_code_cell(piece.text, metadata={"role": "code", **room_for(piece.text)})
    keep = []
    for output in cell.outputs:
        data = output.get("data", {})
        if piece.kind == "figure" and "image/png" in data:
            output = nbformat.from_dict({**output, "data": {"image/png": data["image/png"]}})
            keep.append(output)
        elif piece.kind == "output" and "image/png" not in data:
            keep.append(output)
    if not keep:
        raise DeckError(f"cell {cell.id}: it has no {piece.kind}")
    new = new_code_cell("", outputs=keep, metadata={"role": piece.kind, "transient": {"remove_source": True}})
    if piece.kind == "figure":
        new.metadata.alt = alt_text(notebook, index)
        if not new.metadata.alt:
            raise DeckError(f"cell {cell.id}: the cell after it has no line 'Figure: …' for the alt text")
    else:
        new.metadata.update(room_for("\n".join(text_of(output) for output in keep)))
    return new


def keep_together(table: str) -> str:
    """The table with no-break spaces in what stands in brackets, such as (2, 10)."""
    return re.sub(r"\([^()|$]{1,22}\)", lambda match: match[0].replace(" ", "\u00a0"), table)


def text_of(output: nbformat.NotebookNode) -> str:
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    return (output.get("text") or output.get("data", {}).get("text/plain", "")).rstrip("\n")


def room_for(text: str) -> dict[str, int]:
    """How many letters wide and lines high `text` is, so that the style can choose its size."""
    lines = text.split("\n")
    return {"columns": max(map(len, lines)), "lines": len(lines)}


def find_slides(notebook: nbformat.NotebookNode) -> list[Slide]:
    """The slides that the cells' metadata describe."""
    slides, section = [], ""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and re.search(r"^##? ", cell.source, re.MULTILINE):
            section = heading_of(cell)
        if "slideshow" not in cell.metadata:
            continue
        kind, show = cell.metadata.slideshow.get("slide_type"), cell.metadata.slideshow.get("show")
        if kind not in ("slide", "-", "fragment") or not show:
            raise DeckError(f"cell {cell.id}: give it a slide_type (slide, fragment or -) and what to show")
        if kind != "slide" and not slides:
            raise DeckError(f"cell {cell.id}: the first cell of a deck has the slide_type 'slide'")
        breaks = [i for i, part in enumerate(show) if part == BREAK]
        for number, (start, stop) in enumerate(pairwise([-1, *breaks, len(show)]), start=1):
            parts = show[start + 1 : stop]
            if not parts or parts[0].startswith("+"):
                raise DeckError(f"cell {cell.id}: the first part of a slide or fragment has no '+'")
            if kind == "slide":
                running = parts[0] != "heading"
                heading = section if running else heading_of(cell)
                slides.append(Slide(cell.id if number == 1 else f"{cell.id}-{number}", heading, running))
                parts = parts if running else parts[1:]
            add_cell(slides[-1], notebook, index, kind, parts)
            kind = "slide"  # after a break
        if cell.cell_type == "markdown":
            slides[-1].rest += left_over(cell, show)
    return slides


def add_cell(slide: Slide, notebook: nbformat.NotebookNode, index: int, kind: str, parts: list[str]) -> None:
    """Add `parts` of cell number `index` to the steps of `slide`."""
    cell = notebook.cells[index]
    steps = [[]]
    for part in parts:
        if part.startswith("+"):
            steps.append([])
        steps[-1] += pick(cell, part.removeprefix("+"))
    for number, pieces in enumerate(steps):
        cells = [shown_cell(notebook, index, piece) for piece in merge(pieces)]
        if number > 0 or kind == "fragment":
            slide.steps.append(cells)
        else:
            slide.steps[-1] += cells
        for piece in pieces:
            if piece.kind == "question":
                slide.question = piece.text


def left_over(cell: nbformat.NotebookNode, show: list[str]) -> list[str]:
    """The blocks of a Markdown cell that no part shows as a whole."""
    parts = [part.removeprefix("+") for part in show if part != BREAK]
    shown = squeeze(" ".join(piece.text for part in parts for piece in pick(cell, part)))
    blocks = [block for block in split_blocks(cell.source) if block.kind not in ("heading", "figure")]
    return [text for block in blocks if squeeze(text := words_of(cell, block)) not in shown]


def make_deck(notebook: nbformat.NotebookNode, notes: dict[str, Notes]) -> nbformat.NotebookNode:
    """A notebook whose cells are the slides' parts, as nbconvert's SlidesExporter wants them."""
    slides = find_slides(notebook)
    ids = [slide.id for slide in slides]
    if wrong := sorted(set(ids) ^ set(notes)):
        raise DeckError(f"only among the slides, or only in the notes: {', '.join(wrong)}")
    cells, clock, evening = [], 0, 0
    total = sum(part.minutes for part in notes.values())
    evening_total = sum(part.minutes for part in notes.values() if part.evening)
    for slide in slides:
        own = notes[slide.id]
        level = "##" if cells else "#"
        head = new_markdown_cell(f"{level} {slide.heading}", metadata={"role": "heading"})
        right, wrong = question_replies(slide.question) if slide.question else ("", [])
        head.metadata.slide = {
            "id": slide.id,
            "role": "title" if not cells else "running" if slide.running else "plain",
            "minutes": own.minutes,
            "begin": clock,
            "total": total,
            "evening": own.evening,
            "evening_begin": evening,
            "evening_total": evening_total,
            "notes": own.text,
            "right": right,
            "wrong": wrong,
            "rest": "\n\n".join(slide.rest),
        }
        clock += own.minutes
        evening += own.minutes * own.evening
        steps = [(number, cell) for number, step in enumerate(slide.steps) for cell in step]
        code = [cell.metadata for _, cell in steps if "lines" in cell.metadata]
        head.metadata.slide.size = letters_for([cell for _, cell in steps])
        head.metadata.slide.update(
            columns=max((m.columns for m in code), default=0), lines=sum(m.lines + 1 for m in code)
        )
        cells.append(typed(head, "slide"))
        before = 0
        for number, cell in steps:
            cells.append(typed(cell, "fragment" if number > before else "-"))
            before = number
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=notebook.metadata)
    notebook.metadata.title = slides[0].heading
    return notebook


def letters_for(cells: list[nbformat.NotebookNode]) -> str:
    """The size of the letters: "large" for a few words alone, "small" for a full slide, "" for the others."""
    letters = sum(len(cell.source) for cell in cells if cell.cell_type == "markdown")
    words_only = all(cell.metadata.role in WORDS for cell in cells)
    return "large" if words_only and letters < 450 else "small" if letters > 700 else ""


def typed(cell: nbformat.NotebookNode, slide_type: str) -> nbformat.NotebookNode:
    cell.metadata.slideshow = {"slide_type": slide_type}
    return cell


# ---------------------------------------------------------------------------------------------------------
# Another language


def catalogue(path: Path) -> dict[str, str]:
    """{text: its translation} from a file of Sphinx's messages; {} if there is none."""
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return {message.id: message.string for message in read_po(file) if message.id and message.string}


def translate(block: Block, words: dict[str, str]) -> str:
    """The block's text with `words` for what Sphinx extracts from it: paragraphs, list items, table cells."""
    if block.kind in ("formula", "code", "lines"):
        return block.text
    if block.kind == "table":
        cells = re.split(r"(\s*\|\s*)", block.text)
        return "".join(words.get(cell, cell) for cell in cells)
    items = []
    for item in split_units(block) if block.kind == "list" else [block.text]:
        mark, text = re.fullmatch(r"(#+ |- |\d+\. |)(.*)", item, re.DOTALL).groups()
        items.append(mark + words.get(squeeze(text), text))
    return "\n".join(items)


def translate_cells(notebook: nbformat.NotebookNode, words: dict[str, str]) -> None:
    """Note in each Markdown cell how its blocks read in another language; parts keep their English names."""
    for cell in notebook.cells if words else []:
        if cell.cell_type == "markdown":
            blocks = split_blocks(cell.source)
            cell.metadata.translated = {block.text: translate(block, words) for block in blocks}


# ---------------------------------------------------------------------------------------------------------
# HTML


def exporter(language: str) -> SlidesExporter:
    made = SlidesExporter(
        template_name="deck",
        extra_template_basedirs=[str(HERE / "template")],
        exclude_anchor_links=True,
        language_code=language,
    )
    made.environment.add_extension("jinja2.ext.i18n")
    words = catalogue(messages(HERE, language, "sphinx"))
    made.environment.install_gettext_callables(
        lambda text: words.get(text, text), lambda one, many, n: one, newstyle=True
    )
    made.environment.filters["plain"] = lambda text: html.escape(re.sub(r"[`$*]", "", text))
    return made


def messages(folder: Path, language: str, name: str) -> Path:
    """Where translators put the messages of a page: book/locale, book/slides/locale."""
    return folder / "locale" / language / "LC_MESSAGES" / f"{name}.po"


def read(path: Path, language: str = "en") -> tuple[nbformat.NotebookNode, dict[str, Notes]]:
    """A notebook and the notes of its deck; translated as far as there are translations."""
    notebook, source = nbformat.read(path, as_version=4), NOTES / f"{path.name[:2]}.md"
    translate_cells(notebook, catalogue(messages(ROOT / "book", language, f"notebooks/{path.stem}")))
    notes = read_notes(source.read_text(encoding="utf-8"), source.name)
    words = catalogue(messages(HERE, language, f"notes/{source.stem}"))
    for own in notes.values():
        own.text = "\n\n".join(translate(block, words) for block in split_blocks(own.text))
    return notebook, notes


def what_is_missing() -> str:
    """One sentence about what the decks lack on this machine; an empty one if they can be built."""
    lacking = [str(path.relative_to(ROOT)) for path in LIBRARIES.values() if not path.is_file()]
    if importlib.util.find_spec("a11y_pygments") is None:  # the colours of the code
        lacking.append("accessible-pygments")
    return f"the slides need {', '.join(lacking)}; `make book-tools` installs it" if lacking else ""


def build(out: Path, names: list[str], language: str = "en") -> list[Path]:
    """Write the decks of the notebooks that begin with `names` (none: all), and a page that lists them."""
    if lacking := what_is_missing():
        raise DeckError(lacking)
    have_notes = [p for p in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")) if (NOTES / f"{p.name[:2]}.md").exists()]
    if unknown := [name for name in names if not any(p.name.startswith(name) for p in have_notes)]:
        raise DeckError(f"no notebook with notes begins with {unknown[0]!r}")
    for name, path in LIBRARIES.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, out / name)
    made, decks, slides = [], [], exporter(language)
    for path in have_notes:
        try:
            deck = make_deck(*read(path, language))
        except DeckError as error:
            raise DeckError(f"{path.name}: {error}") from None
        target = out / f"{path.stem}.html"
        decks.append({"file": target.name, "title": deck.metadata.title, **deck.cells[0].metadata.slide})
        if names and not path.name.startswith(tuple(names)):
            continue
        text, _ = slides.from_notebook_node(deck)
        target.write_text(text, encoding="utf-8")
        made.append(target)
    page = slides.environment.get_template("list.html").render(decks=decks, language=language)
    (out / "index.html").write_text(page, encoding="utf-8")
    return made


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="decks.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NN", help="how a notebook's name begins (03)")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "slides", help="default: build/slides")
    parser.add_argument("--language", default="en", help="of the notebooks and notes (default: en)")
    options = parser.parse_args(arguments)
    try:
        for path in build(options.out, options.names, options.language):
            print(path)
    except DeckError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
