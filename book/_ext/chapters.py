"""What the book makes of the notebooks' cells: folded text, exercises and questions in a frame, alt texts.

All of it comes from what the notebooks have anyway ("For authors" in notebooks/README.md): the cells' ids,
the <details> blocks and the lines that begin with "Figure:".  Nothing is written here that a reader sees, so
there is nothing to translate.
"""

import json
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

OPENING = re.compile(r"\s*<details>\s*<summary>(.*?)</summary>\s*", re.DOTALL)
LINES_OF_A_CELL = 10_000  # myst-nb numbers the lines of cell i from (i + 1) * 10,000 on


class details(nodes.General, nodes.Element):
    """Folded text; its first child is the summary."""


class summary(nodes.General, nodes.TextElement):
    """The line that is seen while the text is folded.  A TextElement: gettext translates it."""


def cell_ids(path):
    """The ids of a notebook's cells; an empty list for a page that is no notebook."""
    if path.suffix != ".ipynb":
        return []
    return [cell["id"] for cell in json.loads(path.read_text("utf-8"))["cells"]]


class FoldDetails(SphinxTransform):
    """Turn <details>, the nodes after it and </details> into one node.  Before the translation (20)."""

    default_priority = 5

    def apply(self) -> None:
        for raw in list(self.document.findall(nodes.raw)):
            opening = OPENING.fullmatch(raw.astext())
            if opening and raw.parent is not None:
                self.fold(raw, opening[1])

    def fold(self, raw, title):
        parent = raw.parent
        start = end = parent.index(raw)
        depth = 1
        while depth:
            end += 1
            if end == len(parent):
                logger.warning("<details> without an end in the same section", location=raw)
                return
            if isinstance(parent[end], nodes.raw):
                text = parent[end].astext()
                depth += text.count("<details") - text.count("</details>")
        head = summary(title, title)
        folded = details("", head, *parent[start + 1 : end])
        for node in (head, folded):
            node.source, node.line = raw.source, raw.line
        parent[start : end + 1] = [folded]


class FrameExercises(SphinxTransform):
    """A frame around each exercise, from task to solution, and around each question and its answer."""

    default_priority = 6

    def apply(self) -> None:
        ids = cell_ids(self.env.doc2path(self.env.docname))
        for number, name in enumerate(ids):
            if task := re.fullmatch(r"exercise-(.+)-task", name):
                self.frame("exercise", number, ids.index(f"solution-{task[1]}"))
            elif name.startswith("question-"):
                self.frame("question", number, number + 1)

    def frame(self, kind, first, last):
        parents = [self.document, *self.document.findall(nodes.section)]
        for parent in parents:
            places = [i for i, node in enumerate(parent) if first <= cell_number(node) <= last]
            if places and not isinstance(parent[places[0]], nodes.section):
                start, end = places[0], places[-1] + 1
                if isinstance(parent[start], nodes.title):  # a heading stays where the contents find it
                    parent["classes"].append(f"{kind}-section")
                    start += 1
                parent[start:end] = [nodes.container("", *parent[start:end], classes=[kind])]


def cell_number(node):
    """The number of the notebook's cell that a node comes from, or -1."""
    if isinstance(node, nodes.section):
        return -1
    for part in node.findall(nodes.Element):
        if part.line:
            return part.line // LINES_OF_A_CELL - 1
    return -1


class MarkPredictionsAndFigureLines(SphinxTransform):
    """Remember, before the translation, which paragraphs ask for a guess and which describe a figure."""

    default_priority = 7

    def apply(self) -> None:
        for paragraph in self.document.findall(nodes.paragraph):
            text = paragraph.astext()
            if text.startswith("Figure: "):
                paragraph["figure-line"] = True
                paragraph["classes"].append("figure-line")
            elif text.startswith("Predict."):
                paragraph["classes"].append("predict")


class LinkChapterNumbers(SphinxTransform):
    """The page of traps names notebooks by number in its last column: link them.  After the translation."""

    default_priority = 30

    def apply(self) -> None:
        if self.env.docname != "traps":
            return
        chapters = {int(name.split("/")[1][:2]): name for name in self.env.found_docs if "/" in name}
        for row in self.document.findall(nodes.row):
            for text in list(row[-1].findall(nodes.Text)):
                parts = [self.part(part, chapters) for part in re.split(r"(\d+)", text)]
                place = text.parent.index(text)
                text.parent[place : place + 1] = parts

    def part(self, text, chapters):
        if not text.isdigit():
            return nodes.Text(text)
        target = {"refdomain": "std", "reftype": "doc", "reftarget": f"/{chapters[int(text)]}"}
        inside = nodes.inline(text, text)
        return addnodes.pending_xref("", inside, **target, refexplicit=True, refwarn=True, refdoc="traps")


class AltTexts(SphinxPostTransform):
    """Give each figure its "Figure: …" line as alt text: the one that follows, in the reader's language."""

    default_priority = 200
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        waiting = []
        for node in self.document.findall():
            if isinstance(node, nodes.image) and in_output(node):
                waiting.append(node)
            elif isinstance(node, nodes.paragraph) and node.get("figure-line") and waiting:
                waiting.pop(0)["alt"] = node.astext().partition(":")[2].strip()
        for image in waiting:
            logger.warning("a figure without a line 'Figure: …' after it", location=image)


def in_output(node):
    while node.parent is not None:
        node = node.parent
        if "cell_output" in node.get("classes", []):
            return True
    return False


def visit_entry(self, node):
    """A table's cell; an empty one in the head heads nothing, so it is no <th>."""
    HTML5Translator.visit_entry(self, node)
    if isinstance(node.parent.parent, nodes.thead) and not node.astext():
        self.body[-1] = self.body[-1].replace("<th", "<td", 1)
        self.context[-1] = self.context[-1].replace("</th", "</td", 1)


def depart_entry(self, node):
    HTML5Translator.depart_entry(self, node)


def visit_details(self, node):
    self.body.append(self.starttag(node, "details"))


def depart_details(self, node):
    self.body.append("</details>\n")


def visit_summary(self, node):
    self.body.append(self.starttag(node, "summary", ""))


def depart_summary(self, node):
    self.body.append("</summary>\n")


def setup(app: Sphinx) -> dict:
    app.add_node(details, html=(visit_details, depart_details))
    app.add_node(summary, html=(visit_summary, depart_summary))
    app.add_node(nodes.entry, override=True, html=(visit_entry, depart_entry))
    for transform in (FoldDetails, FrameExercises, MarkPredictionsAndFigureLines, LinkChapterNumbers):
        app.add_transform(transform)
    app.add_post_transform(AltTexts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
