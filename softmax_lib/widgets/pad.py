"""The drawing pad of notebook 9: draw a digit, see what the network sees, and what it says."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from softmax_lib import digits, functional, plots
from softmax_lib.widgets.base import Interactive, canvas

SMALL = 84  # pixels a side, at most, of a step's picture on the page
SAMPLE = "2_marker"  # drawn in the figure while the pad is empty


class Kept(NamedTuple):
    """A drawing that was misread: what it was, what was read and how surely, and the two pictures."""

    label: int
    pick: int
    probability: float
    digit: NDArray[np.float32]  # (28, 28) in [0, 1], what the network saw
    image: NDArray[np.uint8]  # (H, W), as drawn


class DrawingPad(Interactive):
    """A pad to draw a digit on, with the steps of `prepare_digit` and the network's ten probabilities, live.

    model: takes a (1, 1, 28, 28) float32 tensor in [0, 1] and returns logits (1, 10), as those of
    `softmax_lib.models` do.  Its weights are not changed; in train mode it is left in train mode.

    Draw with mouse, pen or finger.  Or with keys: Tab to the pad, arrow keys move the pen, space puts it down
    and lifts it, Ctrl-Z takes a stroke back, Delete takes all.  What the network got wrong is kept with the
    digit that you say it was.

    From another cell: ``image`` (H, W) uint8, dark on white, as drawn; ``digit`` (28, 28) and ``probs``
    (10,); all three are None while the pad is empty.  ``kept`` is a list of `Kept`.
    """

    size = (6.4, 3.3)
    requires = ("ipywidgets", "anywidget")

    def __init__(self, model: Any) -> None:
        super().__init__()
        if not callable(model):
            raise TypeError(f"model must be a network that returns logits, such as mlp(); found {model!r}")
        self.model = model
        self.kept: list[Kept] = []
        self._forget()

    # What it knows ----------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self.image = self.digit = self.probs = None
        self.steps: dict[str, np.ndarray] = {}
        self.message = "Draw a digit here."

    def read(self, image: NDArray[np.uint8]) -> None:
        """Prepare the picture as MNIST was made and ask the network; the pad's attributes are the answer.

        A picture without a digit is no error: the pad counts as empty then, and ``message`` says so.
        """
        self._forget()
        try:
            steps = digits.prepare_digit_steps(image)
        except ValueError:
            self.message = "No digit is found. Draw one in strokes, with white around them."
            return
        self.image, self.steps, self.digit = image, steps, steps["centred"]
        self.probs = ask(self.model, self.digit)
        self.message = f"Read as {self.probs.argmax()}, with probability {self.probs.max():.3f}."

    def keep(self, label: int) -> None:
        """Keep the present drawing as one that was misread: it was a ``label``.  Said twice, the last counts.

        ValueError while the pad is empty, or for a label that is no digit.
        """
        if self.image is None:
            raise ValueError("the pad is empty: draw a digit first")
        if label not in range(10):
            raise ValueError(f"label must be a digit from 0 to 9; found {label!r}")
        if self.kept and self.kept[-1].image is self.image:
            self.kept.pop()
        pick, probability = int(self.probs.argmax()), float(self.probs.max())
        self.kept.append(Kept(int(label), pick, probability, self.digit, self.image))
        self._show()

    def _steps_taken(self) -> dict[str, np.ndarray]:
        """The steps of `prepare_digit`; without the thickening where the strokes are thick enough."""
        thick = "thickened" in self.steps and self.steps["thickened"] is self.steps["cropped"]
        return {name: step for name, step in self.steps.items() if not (thick and name == "thickened")}

    def sentence(self) -> str:
        """What is on the pad, and how it was read."""
        if self.image is None:
            text = "Drawing pad, empty: draw a digit, and see what the network sees and says."
        else:
            text = f"Drawing pad. {self.message}"
        return text + (f" Kept, because misread: {len(self.kept)}." if self.kept else "")

    # As a figure ------------------------------------------------------------------------------------------

    def draw(self, figure: Any) -> None:
        """Draw the steps above the probabilities; of a sample drawing while the pad is empty."""
        shown, title = self, "What the network sees, and says"
        if self.image is None:
            shown, title = DrawingPad(self.model), "A sample drawing: what the network sees, and says"
            shown.read(digits.load_image(dict((p.stem, p) for _, p in digits.sample_drawings())[SAMPLE]))
        steps = shown._steps_taken()
        above, below = figure.subfigures(2, 1)
        for ax, (name, picture) in zip(above.subplots(1, len(steps)), steps.items(), strict=True):
            ax.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            ax.set_title(f"{name}\n{picture.shape[0]} x {picture.shape[1]}", fontsize="small")
            ax.set(xticks=[], yticks=[])
        plots.probability_bars(below.subplots(), shown.probs)
        figure.suptitle(title)

    # Live -------------------------------------------------------------------------------------------------

    def build(self) -> Any:
        """Return the pad."""
        self._canvas = canvas("pad", state=self._state())
        self.watch(self._canvas, self._drawn, "input")
        self.hear(self._canvas.on_msg, self._told)
        return self._canvas

    def _drawn(self, change: Any) -> None:
        drawing = change["new"]
        if not drawing.get("strokes"):
            self._forget()
        else:
            side = drawing["side"]
            self.read(np.frombuffer(drawing["pixels"], np.uint8).reshape(side, side).copy())
        self._show()

    def _told(self, widget: Any, content: dict, buffers: Any) -> None:
        if "keep" in content and self.image is not None:
            self.keep(content["keep"])

    def _show(self) -> None:
        if self._view is not None:
            self._canvas.state = self._state()

    def _state(self) -> dict[str, Any]:
        """What the page shows; arrays go as bytes."""
        return {
            "message": self.message,
            "probs": [] if self.probs is None else self.probs.tolist(),
            "steps": [{"name": name, **_bytes(picture)} for name, picture in self._steps_taken().items()],
            "kept": [
                {"label": k.label, "pick": k.pick, "probability": k.probability, **_bytes(k.digit)}
                for k in self.kept
            ],
        }


def ask(model: Any, digit: NDArray[np.float32]) -> NDArray[np.float64]:
    """The network's probabilities for one prepared picture (28, 28): (10,), softmax of its logits."""
    import torch

    x = torch.from_numpy(np.ascontiguousarray(digit))[None, None]  # (1, 1, 28, 28)
    training = getattr(model, "training", False)
    if isinstance(model, torch.nn.Module):
        model.eval()
        x = x.to(next(model.parameters()).device)
    try:
        with torch.no_grad():
            logits = model(x)[0].cpu().double().numpy()  # (10,)
    finally:
        if training:
            model.train()
    return functional.softmax(logits)


def _bytes(picture: np.ndarray) -> dict[str, Any]:
    """A picture in [0, 1] for the page: its size as it is, and its pixels, reduced where there are many."""
    height, width = picture.shape
    scale = min(1, SMALL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    grey = Image.fromarray((255 * picture.clip(0, 1)).astype(np.uint8))
    if scale < 1:
        grey = grey.resize(size, Image.Resampling.BOX)
    return {"height": height, "width": width, "shown": size, "pixels": grey.tobytes()}
