"""Small pictures as SVG text: drawn in a millisecond, so a picture can follow a slider.

    picture = Picture(300, 40, "one bar")
    picture.add("rect", x=0, y=10, width=120, height=20, fill=BLUE)
    picture.add("text", "0.40", x=125, y=25)
    ipywidgets.HTML(str(picture))

`INK`, `QUIET`, `FAINT` and `PAPER` follow JupyterLab's theme, light or dark.
"""

from html import escape
from typing import Any

INK = "var(--jp-ui-font-color1, #222222)"
FAINT = "var(--jp-border-color1, #bdbdbd)"
QUIET = "var(--jp-ui-font-color2, #616161)"
PAPER = "var(--jp-layout-color1, #ffffff)"


class Picture:
    """An SVG picture of ``width`` x ``height`` pixels; ``label`` tells screen readers what is to be seen."""

    def __init__(self, width: float, height: float, label: str) -> None:
        self.width, self.height, self.label = width, height, label
        self.parts: list[str] = []

    def add(self, tag: str, text: str | None = None, **attributes: Any) -> None:
        """Add an element.  ``text_anchor="end"`` becomes ``text-anchor="end"``; numbers keep two decimals."""
        written = "".join(f' {name.replace("_", "-")}="{_value(v)}"' for name, v in attributes.items())
        inside = "" if text is None else escape(text)
        self.parts.append(f"<{tag}{written}>{inside}</{tag}>")

    def line(self, points: Any, **attributes: Any) -> None:
        """Add a line through ``points``, pairs of x and y."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.add("polyline", points=path, fill="none", **attributes)

    def __str__(self) -> str:
        size = f'width="{self.width:g}" height="{self.height:g}" viewBox="0 0 {self.width:g} {self.height:g}"'
        look = f'style="max-width:100%;font:12px var(--jp-ui-font-family, sans-serif)" fill="{INK}"'
        label = f'role="img" aria-label="{escape(self.label)}"'
        return f"<svg {size} {label} {look}>{''.join(self.parts)}</svg>"


def _value(value: Any) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else escape(str(value))
