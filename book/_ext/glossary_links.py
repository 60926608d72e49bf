"""The first time that a chapter uses a word of the glossary, the word links to it.

The words are those of the glossary page, in the language of the build: nothing else has to be kept.
"""

import re

from chapters import details, summary
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.std import StandardDomain
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

# No link in what is no running text, or a link already, or an answer that is folded away.
NO_LINKS = (
    nodes.title,
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.reference,
    nodes.raw,
    nodes.strong,
    addnodes.pending_xref,
    summary,
    details,
)


def pattern_of(terms):
    """Finds any of the terms; a longer one before a shorter one that begins alike."""
    parts = []
    for term in sorted(terms, key=len, reverse=True):
        # An English word may stand in the plural.  In Korean a particle follows without a space.
        ending = r"(?:e?s)?(?!\w)" if term.isascii() else ""
        parts.append(re.escape(term) + ending)
    return re.compile(r"(?<![\w-])(?:" + "|".join(f"({part})" for part in parts) + ")", re.IGNORECASE)


class GlossaryLinks(SphinxPostTransform):
    default_priority = 5  # before references are resolved (10)
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        if not self.env.docname.startswith("notebooks/"):
            return
        terms = glossary(self.env)
        if not terms:
            return
        names = sorted(terms, key=len, reverse=True)
        pattern, linked = pattern_of(names), set()
        for text in list(self.document.findall(nodes.Text)):
            if not any(isinstance(node, NO_LINKS) or is_output(node) for node in ancestors(text)):
                self.link(text, pattern, names, terms, linked)

    def link(self, text, pattern, names, terms, linked):
        parts, end = [], 0
        for match in pattern.finditer(text):
            name = names[match.lastindex - 1]
            entry = terms[name]
            if entry in linked:
                continue
            linked.add(entry)
            word = match.group()
            parts += [nodes.Text(text[end : match.start()]), reference(name, word, self.env.docname)]
            end = match.end()
        if parts:
            parent = text.parent
            place = parent.index(text)
            parent[place : place + 1] = [*parts, nodes.Text(text[end:])]


class NoIndexEntries(SphinxTransform):
    """No entries for an index that is not made: a search would show a word twice, once without its name."""

    default_priority = 500

    def apply(self) -> None:
        if self.env.docname == "glossary":
            for node in list(self.document.findall(addnodes.index)):
                node.parent.remove(node)


def glossary(env):
    """The term -> the entry (its anchor): several terms may share one."""
    objects = env.domains.standard_domain.objects
    return {name: anchor for (kind, name), (_, anchor) in objects.items() if kind == "term"}


def reference(term, word, docname):
    return addnodes.pending_xref(
        "",
        nodes.inline(word, word, classes=["glossary-link"]),
        refdomain="std",
        reftype="term",
        reftarget=term,
        refexplicit=True,
        refwarn=True,
        refdoc=docname,
    )


def read_again(app, env, docnames):
    """A new word in the glossary may stand in any chapter."""
    if "glossary" in docnames:
        docnames += [
            name for name in env.found_docs if name.startswith("notebooks/") and name not in docnames
        ]


def ancestors(node):
    while node.parent is not None:
        node = node.parent
        yield node


def is_output(node):
    return bool({"cell", "glossary"} & set(node.get("classes", [])))


def setup(app: Sphinx) -> dict:
    app.add_transform(NoIndexEntries)
    app.add_post_transform(GlossaryLinks)
    StandardDomain.object_types["term"].attrs["searchprio"] = 0  # a search finds the word's entry itself
    app.connect("env-before-read-docs", read_again)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
