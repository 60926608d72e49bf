"""Curves over the epochs, as SVG and as small PNG: what training monitor and experiment board share."""

import io
import math
from collections.abc import Iterable
from typing import Any

from PIL import Image

from softmax_lib.widgets.svg import FAINT, QUIET, Picture

LABELS = {"loss": "cross-entropy (nats)", "accuracy": "accuracy"}


class Panel:
    """Axes of 300 x 170 pixels in a picture: loss from 0 to just above ``highest``, or accuracy from 0 to 1.

    epochs: how far the axis must reach; most: and how far it may.
    """

    width, height, bottom = 300, 170, 200

    def __init__(
        self, picture: Picture, left: int, metric: str, highest: float, epochs: float, most: int
    ) -> None:
        self.picture, self.left = picture, left
        step = 0.2 if metric == "accuracy" else rounded_up(highest / 5)
        self.top = 5 * step
        self.end = min(most, max(1, round(rounded_up(epochs))))
        right = left + self.width
        picture.add("text", LABELS[metric], x=left, y=16, font_weight="bold")
        for k in range(6):
            y = self.bottom - self.height * k / 5
            picture.add("line", x1=left, y1=y, x2=right, y2=y, stroke=FAINT)
            picture.add("text", f"{k * step:.3g}", x=left - 6, y=y + 4, text_anchor="end", fill=QUIET)
        for epoch in range(0, self.end + 1, -(-self.end // 10)):
            x, _ = self.place(epoch, 0.0)
            picture.add("text", f"{epoch}", x=x, y=self.bottom + 16, text_anchor="middle", fill=QUIET)
        picture.add("text", "epochs", x=right, y=self.bottom + 30, text_anchor="end", fill=QUIET)

    def place(self, epochs: float, value: float) -> tuple[float, float]:
        """Where a value stands in the picture; one above the panel stands at its upper edge."""
        height = self.height * min(value / self.top, 1.0)
        return self.left + self.width * epochs / self.end, self.bottom - height

    def line(self, points: Iterable[tuple[float, float]], **look: Any) -> None:
        """Draw a line through pairs (epochs, value)."""
        self.picture.line([self.place(*point) for point in points], **look)


def rounded_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, … (and 0.5, 0.2, …) that is not below the value."""
    ten = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return next(k * ten for k in (1, 2, 5, 10, 20) if k * ten >= value * (1 - 1e-9))


def light_png(png: bytes) -> bytes:
    """The picture with 64 colours: enough for curves and letters, and a third of the bytes or less."""
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(64).save(file, "PNG", optimize=True)
    return file.getvalue()
