"""What a check answers: a small frozen record that shows itself as text and as HTML.

The same answer gives the same text on every run: no addresses, no times, no paths. Whatever came from the
learner is escaped before it becomes HTML. The colours are half transparent, so both read well on a light and
on a dark page.
"""

import re
from dataclasses import dataclass, field
from html import escape

GREEN, AMBER, GREY = "46, 160, 67", "219, 109, 40", "128, 128, 128"


@dataclass(frozen=True, repr=False)
class Verdict:
    """The result of one check.

    passed:    True where the answer is right.
    attempted: False where the cell still holds its stub, `return ...`.
    mistake:   the id of the mistake, such as "wrong-axis"; None where passed, not attempted, or wrong in no
    known way. message:   everything that the check has to say, as plain text. put_in:    the smallest input
    that the answer failed on, name by name; None where there is none.

    A verdict is true where it passed: `assert checks.softmax(my_softmax)`.
    """

    passed: bool
    attempted: bool
    mistake: str | None
    message: str
    put_in: dict | None = field(default=None, compare=False)
    html: str = field(default="", compare=False)

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.message

    def _repr_html_(self) -> str:
        return self.html or _box(GREY, f"<pre>{escape(self.message)}</pre>")


@dataclass
class Report:
    """The lines of a verdict while it is being put together: `data` in fixed width, `say` in running text."""

    title: str
    state: str
    lines: list = field(default_factory=list)

    def data(self, label: str, text: str) -> None:
        """Add numbers or code under a label ("put in", "came out", ...)."""
        self.lines.append(("data", label, without_addresses(text)))

    def say(self, label: str, text: str) -> None:
        """Add a sentence under a label ("Hint", "Note", a mistake's id, ...); an empty label is allowed."""
        self.lines.append(("say", label, without_addresses(text)))

    def verdict(
        self,
        *,
        passed: bool = False,
        attempted: bool = True,
        mistake: str | None = None,
        put_in: dict | None = None,
    ) -> Verdict:
        """Return the finished Verdict."""
        colour = GREEN if passed else AMBER if attempted else GREY
        return Verdict(passed, attempted, mistake, self._text(), put_in, self._html(colour, mistake))

    def _text(self) -> str:
        out = [f"{self.title}: {self.state}"]
        for kind, label, text in self.lines:
            if kind == "data":
                first, *rest = text.splitlines() or [""]
                out += [f"  {label:<9} {first}".rstrip(), *(" " * 12 + line for line in rest)]
            else:
                out.append(f"{label}: {text}" if label else text)
        return "\n".join(out)

    def _html(self, colour: str, mistake: str | None) -> str:
        parts = [f"<div><b>{escape(self.title)}</b>: {escape(self.state)}</div>"]
        rows = []

        def close_table():
            if rows:
                table = "border-collapse:collapse;margin:4px 0;color:inherit;background:transparent"
                parts.append(f'<table style="{table}">{"".join(rows)}</table>')
                rows.clear()

        for kind, label, text in self.lines:
            if kind == "data":
                pre = (
                    "margin:0;padding:0;background:transparent;color:inherit;white-space:pre;overflow-x:auto"
                )
                cell = "text-align:left;vertical-align:top;padding:2px 12px 2px 0;background:transparent"
                rows.append(
                    f'<tr style="background:transparent"><td style="{cell}">{escape(label)}</td>'
                    f'<td style="{cell}"><pre style="{pre}">{escape(text)}</pre></td></tr>'
                )
                continue
            close_table()
            shown = f"<code>{escape(label)}</code>" if label == mistake else escape(label)
            parts.append(f"<div>{f'<b>{shown}</b>: ' if label else ''}{escape(text)}</div>")
        close_table()
        return _box(colour, "".join(parts))


def _box(colour: str, inside: str) -> str:
    style = (
        f"border-left:4px solid rgb({colour});background:rgba({colour}, 0.12);padding:6px 10px;margin:4px 0"
    )
    return f'<div style="{style};color:inherit;line-height:1.5">{inside}</div>'


def without_addresses(text: str) -> str:
    """Return text without memory addresses, which change from run to run."""
    return re.sub(r"(?: at)? 0x[0-9a-fA-F]{4,}", "", text)
