"""The boundary playground of notebook 4: points to drag, a classifier to train, step by step."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softmax_lib import functional, plots, toy
from softmax_lib.widgets import svg
from softmax_lib.widgets.base import Interactive, canvas

GRID = 110  # places a side at which the page shows the pick
KEPT = 400  # losses kept for the curve; of a longer run every second, then every fourth, …
FIGURE_STEPS = 200  # taken for the figure of a playground that has not been trained yet


class BoundaryPlayground(Interactive):
    """Points of two features that can be dragged and given another class, and a linear classifier to train.

    X: (N, 2) finite numbers, N from 2 to 200.  labels: (N,) ints in [0, C), C from 2 to 10.  Without them:
    24 points in four classes.  lr: the learning rate.  The classifier is notebook 4's: scores X @ W + b,
    weights and biases 0 at the start, all points in every step.

    With keys: Tab to the picture, N and P choose a point, the arrow keys move it (Shift: less), a digit gives
    it that class.

    From another cell: ``X``, ``labels``, ``W`` (2, C), ``b`` (C,), ``steps`` taken, ``loss``, ``accuracy``.
    ValueError for what is outside of these.

    >>> playground = BoundaryPlayground([[1.0, 0.0], [-1.0, 0.0]], [0, 1])
    >>> playground.train(10)
    >>> playground.steps, playground.accuracy
    (10, 1.0)
    """

    size = (6.4, 3.0)
    requires = ("ipywidgets", "anywidget")

    def __init__(self, X: ArrayLike | None = None, labels: ArrayLike | None = None, lr: float = 0.1) -> None:
        super().__init__()
        if X is None and labels is None:
            X, labels = toy.make_blobs(num_classes=4, num_per_class=6, spread=1.5, seed=2)
            X = X + np.array([2.0, 1.0])  # features are seldom centred
        self.X, self.labels = _points(X, labels)
        if not 0 < lr <= 100:
            raise ValueError(f"lr must be above 0, and at most 100; found {lr!r}")
        self.lr = float(lr)
        self.num_classes = max(2, int(self.labels.max()) + 1)
        self._start = (self.X.copy(), self.labels.copy())
        middle = (self.X.min(axis=0) + self.X.max(axis=0)) / 2
        reach = 0.6 * max(1.0, np.ptp(self.X, axis=0).max())  # room to drag points outwards
        self._low, self._high = middle - reach, middle + reach
        self.reset()

    # The classifier of notebook 4 -------------------------------------------------------------------------

    def reset(self) -> None:
        """All weights and biases 0 again; the points stay."""
        self.W, self.b = np.zeros((2, self.num_classes)), np.zeros(self.num_classes)
        self.steps = 0
        self._log = [(0, self.loss)]
        self._show()

    def train(self, num_steps: int = 1) -> None:
        """Take steps of gradient descent, each with all points."""
        for _ in range(num_steps):
            dlogits = functional.cross_entropy_grad(self.logits, self.labels)  # (N, C)
            self.W = self.W - self.lr * self.X.T @ dlogits
            self.b = self.b - self.lr * dlogits.sum(axis=0)
            self.steps += 1
            self._log.append((self.steps, self.loss))
        while len(self._log) > KEPT:
            self._log = [*self._log[:-1:2], self._log[-1]]
        self._show()

    @property
    def logits(self) -> np.ndarray:
        """X @ W + b, (N, C)."""
        return self.X @ self.W + self.b

    @property
    def loss(self) -> float:
        """The mean cross-entropy of all points, in nats."""
        return functional.cross_entropy(self.logits, self.labels)

    @property
    def accuracy(self) -> float:
        """The fraction of points whose largest score is at their label."""
        return float((self.logits.argmax(axis=1) == self.labels).mean())

    def pick(self, points: np.ndarray) -> np.ndarray:
        """The class with the largest score at each of the points, (N, 2) -> (N,)."""
        return (points @ self.W + self.b).argmax(axis=1)

    def sentence(self) -> str:
        """Points, classes, steps, loss and accuracy in words."""
        return (
            f"{len(self.X)} points in {self.num_classes} classes. Step {self.steps}: "
            f"loss {self.loss:.4f} nats, accuracy {self.accuracy:.3f}."
        )

    # As a figure ------------------------------------------------------------------------------------------

    def draw(self, figure: Any) -> None:
        """Draw regions and loss; before the first step, those after 200 steps."""
        shown = self
        if self.steps == 0:
            shown = BoundaryPlayground(self.X, self.labels, self.lr)
            shown.train(FIGURE_STEPS)
        left, right = figure.subplots(1, 2, width_ratios=[1.2, 1])
        plots.decision_regions(left, shown.pick, shown.X, shown.labels)
        left.set_title(f"step {shown.steps}: accuracy {shown.accuracy:.2f}", fontsize="medium")
        right.plot(*zip(*shown._log, strict=True), color=plots.BLUE)
        right.axhline(np.log(self.num_classes), color="0.5", linestyle="--", linewidth=0.8)
        right.set(xlabel="step", ylabel="cross-entropy (nats)", ylim=(0, None))
        right.set_title(f"loss {shown.loss:.3f}; dashed: guessing", fontsize="medium")

    # Live -------------------------------------------------------------------------------------------------

    def build(self) -> Any:
        """Return the picture with its buttons."""
        self._serial = 0  # of the last change made on the page, so that it can tell old answers
        self._canvas = canvas("boundary", state=self._state())
        self.watch(self._canvas, self._changed, "input")
        self.hear(self._canvas.on_msg, self._told)
        return self._canvas

    def _changed(self, change: Any) -> None:
        """A point was moved or given another class, or the learning rate was chosen."""
        given = change["new"]
        self.X, self.labels = _points(given["points"], given["labels"])
        self.lr, self._serial = float(given["lr"]), given["serial"]
        self._show()

    def _told(self, widget: Any, content: dict, buffers: Any) -> None:
        """A button was pressed."""
        if content.get("do") == "step":
            self.train(content.get("count", 1))
        elif content.get("do") == "reset":
            self.reset()
        elif content.get("do") == "points":
            self.X, self.labels = self._start[0].copy(), self._start[1].copy()
            self._serial = content["serial"]
            self._show()

    def _show(self) -> None:
        if self._view is not None:
            self._canvas.state = self._state()

    def _state(self) -> dict[str, Any]:
        """What the page shows."""
        x, y = (np.linspace(low, high, GRID) for low, high in zip(self._low, self._high, strict=True))
        places = np.stack(np.meshgrid(x, y[::-1]), axis=-1).reshape(-1, 2)  # row by row, from the top
        return {
            "serial": self._serial,
            "points": self.X.tolist(),
            "labels": self.labels.tolist(),
            "wrong": (self.logits.argmax(axis=1) != self.labels).tolist(),
            "colors": list(plots.CLASS_COLORS[: self.num_classes]),
            "low": self._low.tolist(),
            "high": self._high.tolist(),
            "grid": GRID,
            "regions": self.pick(places).astype(np.uint8).tobytes() if self.steps else b"",
            "lr": self.lr,
            "step": self.steps,
            "status": f"step {self.steps}: loss {self.loss:.4f} nats, accuracy {self.accuracy:.3f}",
            "curve": self._curve(),
        }

    def _curve(self) -> str:
        """The loss over the steps as SVG."""
        picture = svg.Picture(270, 190, f"The loss over {self.steps} steps; now {self.loss:.4f} nats")
        steps, losses = np.array(self._log).T
        guess = np.log(self.num_classes)
        top = 1.15 * max(losses.max(), guess)
        x = 40 + 220 * steps / max(10, steps[-1])
        y = 160 - 150 * losses / top
        level = float(160 - 150 * guess / top)
        picture.line([(40, 8), (40, 160), (262, 160)], stroke=svg.QUIET)
        picture.add("line", x1=40, x2=262, y1=level, y2=level, stroke=svg.QUIET, stroke_dasharray="4 4")
        label = f"guessing: ln {self.num_classes} = {guess:.2f}"
        picture.add("text", label, x=260, y=level - 6, text_anchor="end", fill=svg.QUIET)
        picture.line(zip(x, y, strict=True), stroke=plots.BLUE, stroke_width=2)
        picture.add("text", f"{top:.2g}", x=36, y=18, text_anchor="end", fill=svg.QUIET)
        picture.add("text", "0", x=36, y=164, text_anchor="end", fill=svg.QUIET)
        picture.add("text", "loss", x=36, y=90, text_anchor="end", fill=svg.QUIET)
        picture.add("text", f"step {max(10, self.steps)}", x=262, y=178, text_anchor="end", fill=svg.QUIET)
        return str(picture)


def _points(X: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """X as (N, 2) floats and labels as (N,) ints, or a ValueError."""
    if X is None or labels is None:
        raise ValueError("give X and labels together, or neither")
    points, classes = np.array(X, dtype=float), np.array(labels)
    if points.ndim != 2 or points.shape[1] != 2 or not 2 <= len(points) <= 200:
        raise ValueError(f"X must be 2 to 200 points of two features, (N, 2); found {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("X must be finite; found nan or infinity")
    if classes.shape != (len(points),) or classes.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be whole numbers of shape ({len(points)},), one a point; "
            f"found {classes.dtype} {classes.shape}"
        )
    if classes.min() < 0 or classes.max() > 9:
        raise ValueError(f"labels must be from 0 to 9; found {classes.min()} to {classes.max()}")
    return points, classes.astype(np.int64)
