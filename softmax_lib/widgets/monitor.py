"""The training monitor of notebooks 7 and 10: curves and numbers while `fit` runs, and a stop button.

    history = fit(model, mnist.train, mnist.test, monitor=widgets.TrainingMonitor())

A cell that runs keeps Python's main thread busy, so a click would wait for its end.  JupyterLab sends clicks
to a second thread of the kernel, a *subshell* (ipykernel 7).  Where there is none the button is grey; the
notebook's own stop button does the same, through the kernel's interrupt.
"""

import base64
import math
import time
from typing import Any

from softmax_lib.plots import CURVES
from softmax_lib.widgets.base import VIEW, Interactive, _kernel
from softmax_lib.widgets.curves import LABELS, Panel, light_png
from softmax_lib.widgets.svg import Picture

POINTS = 200  # of the curve of a whole run; each is the mean of the steps since the last one
LEAST_STEPS = 10  # between two points: on a GPU each one makes the processor wait
SECONDS = 0.5  # between two updates of the live view


class TrainingMonitor(Interactive):
    """Show how a `fit` goes on while it runs; in a notebook, with a button that stops it between two steps.

    Give it to ``fit(..., monitor=TrainingMonitor())``.  The thin curve is the mean over ``every`` steps, a
    level bar the training mean of an epoch, a point the validation or test images at its end.  After a stop
    everything is kept, and the same call with ``resume=history`` goes on; with the same monitor the curves go
    on, too.

    Afterwards it is a figure.  ``points`` holds the curve: (epochs done, loss in nats, accuracy), in order.
    """

    size = (7.0, 3.0)

    def __init__(self) -> None:
        super().__init__()
        self.state = "waiting"  # then "training"; then "finished", "stopped" or "ended by an error"
        self.points: list[tuple[float, float, float]] = []
        self.every = LEAST_STEPS
        self._history: Any = None  # fit's: it grows with each epoch
        self._interrupt: Any = None  # fit's, while it runs
        self._shown: Any = None  # where in the notebook the live view is
        # at the last point: epoch, step, and sums over the epoch's examples of losses, right answers and ones
        self._mark: tuple[int, int, float, float, int] | None = None
        self._epoch = self._step = self._num_batches = self.epochs = 0

    # What fit calls ---------------------------------------------------------------------------------------

    def begin(self, history: Any, num_batches: int, interrupt: Any) -> None:
        """Before the first step; see `softmax_lib.training.Monitor`."""
        goes_on = bool(history) or history.batches_done > 0  # where the run stopped that this monitor saw
        goes_on = goes_on and self._history is not None and list(history) == list(self._history)
        goes_on = goes_on and history.batches_done == self._history.batches_done
        self._history, self._num_batches, self._interrupt = history, num_batches, interrupt
        self._epoch, self._step = len(history), history.batches_done
        self.epochs = history.recipe.epochs
        self.every = max(LEAST_STEPS, min(self.epochs * num_batches // POINTS, num_batches))
        self.points = [point for point in self.points if goes_on and point[0] < self._done]
        if history.batches_done == 0:
            self._mark = (len(history), 0, 0.0, 0.0, 0)
        elif not goes_on:
            self._mark = None  # the first part of this epoch was not seen
        self.state = "training"
        self._began, self._done_before = time.monotonic(), self._done
        self._next_update = self._began + SECONDS
        bundle = self._repr_mimebundle_()
        if VIEW in bundle:
            from IPython.display import display

            self._update()
            self._shown = display(bundle, raw=True, display_id=True)

    def after_step(self, watch: Any) -> None:
        """After each step: a point now and then, and more rarely an update of the live view."""
        self._epoch, self._step = len(self._history), watch.step
        if watch.step % self.every == 0 or watch.step == self._num_batches or not self._mark:
            self._add_point(watch)
        if self._view is not None and time.monotonic() > self._next_update:
            self._update()
            self._next_update = time.monotonic() + SECONDS

    def end(self) -> None:
        """After the last step, or when an error ends training: the figure takes the live view's place."""
        complete = len(self._history) == self.epochs
        stopped = self._interrupt.requested
        self.state = "finished" if complete else "stopped" if stopped else "ended by an error"
        self._interrupt = None
        self._update()
        if self._shown is not None:
            self._shown.update(self._repr_mimebundle_(), raw=True)
            self._shown = None
        elif _kernel() is not None:
            from IPython.display import display

            display(self)

    def stop(self, button: Any = None) -> None:
        """End the training that runs, between two steps, as Ctrl-C does; without one, do nothing."""
        interrupt = self._interrupt
        if interrupt is not None:
            interrupt.requested = True

    def _add_point(self, watch: Any) -> None:
        """The means of the steps since the last point, from the epoch's means until then and until now."""
        epoch = self._epoch
        loss, accuracy, count = watch.metrics_here()
        now = (epoch, watch.step, loss * count, accuracy * count, count)
        before = self._mark if self._mark is None or self._mark[0] == epoch else (epoch, 0, 0.0, 0.0, 0)
        self._mark = now
        if before is not None and count > before[4]:
            middle = epoch + (before[1] + watch.step) / 2 / self._num_batches
            seen = count - before[4]
            self.points.append((middle, (now[2] - before[2]) / seen, (now[3] - before[3]) / seen))

    # What is shown ----------------------------------------------------------------------------------------

    def sentence(self) -> str:
        """Return how far training is, and its latest numbers."""
        if self._history is None:
            return "A training monitor that waits: fit(model, train, test, monitor=this)"
        how = {"training": "is running,", "finished": "is finished,", "stopped": "was stopped"}
        text = (
            f"Training {how.get(self.state, self.state)} after {len(self._history)} of {self.epochs} epochs"
        )
        if self.state == "stopped" and self._history.batches_done:
            text += f" and {self._history.batches_done} of {self._num_batches} steps"
        for split, record in self._latest().items():
            text += f"; {split} loss {record[0]:.4f}, accuracy {record[1]:.4f}"
        return text + "."

    def _latest(self) -> dict[str, tuple[float, float]]:
        """Loss and accuracy of each split in the last epoch that is complete."""
        if not self._history:
            return {}
        last = self._history[-1]
        values = {s: (getattr(last, f"{s}_loss"), getattr(last, f"{s}_accuracy")) for s in CURVES}
        return {split: pair for split, pair in values.items() if pair[0] is not None}

    def _epoch_values(self, metric: str) -> dict[str, list[tuple[int, float]]]:
        """For each split that was measured: pairs (epoch, value)."""
        records = list(self._history or ())
        pairs = {split: [(r.epoch, getattr(r, f"{split}_{metric}")) for r in records] for split in CURVES}
        return {split: values for split, values in pairs.items() if values and values[0][1] is not None}

    @property
    def _done(self) -> float:
        """Epochs, with the part of the one begun."""
        if not self._num_batches:
            return 0.0
        return max(len(self._history), self._epoch + self._step / self._num_batches)

    def draw(self, figure: Any) -> None:
        """Draw loss and accuracy beside each other, as far as training came."""
        for k, (ax, metric) in enumerate(zip(figure.subplots(1, 2), LABELS, strict=True)):
            if self.points:
                label = f"train, mean of {self.every} steps"
                x, y = zip(*((point[0], point[1 + k]) for point in self.points), strict=True)
                ax.plot(x, y, color=CURVES["train"][1], linewidth=1, label=label)
            for split, values in self._epoch_values(metric).items():
                _, color, _, marker = CURVES[split]
                x, y = zip(*values, strict=True)
                if split == "train":
                    start = [epoch - 1 for epoch in x]
                    ax.hlines(y, start, x, color, linewidth=4, alpha=0.3, label="train, mean of an epoch")
                else:
                    ax.plot(x, y, marker, color=color, clip_on=False, label=f"{split}, at its end")
            ax.set(
                title=metric, xlabel="epochs", ylabel=LABELS[metric], xlim=(0, max(1, math.ceil(self._done)))
            )
            ax.set_ylim(0, 1.02 if metric == "accuracy" else None)
            ax.grid(axis="y", color="0.9", linewidth=0.8)
            ax.spines[["top", "right"]].set_visible(False)
        if self.points or self._history:
            figure.axes[1].legend(fontsize="small", loc="lower right")

    def png(self) -> bytes:
        """Return the figure as a PNG picture of few colours, a third as large."""
        return light_png(super().png())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        if self.state == "training":
            return super()._repr_mimebundle_(include, exclude)
        return {"text/plain": self.sentence(), "image/png": base64.b64encode(self.png()).decode()}

    # The live view ----------------------------------------------------------------------------------------

    def build(self) -> Any:
        import ipywidgets

        self._button = ipywidgets.Button(description="Stop", icon="stop", disabled=True)
        self.hear(self._button.on_click, self.stop)
        # ipykernel 7.4 brings a click to the thread that wrote to the button last, here the busy one.  This
        # leaves it with the thread that the front end chose.
        self._button.comm._reply_subshell_for = lambda data, chosen: chosen
        self._progress, self._status, self._curves = (ipywidgets.HTML() for _ in range(3))
        top = ipywidgets.HBox([self._button, self._progress])
        return ipywidgets.VBox([top, self._status, self._curves])

    def _update(self) -> None:
        """Bring the live view up to date."""
        if self._view is None:
            return
        running = self._interrupt is not None
        arrives = running and _clicks_arrive()
        self._button.disabled = not arrives or self._interrupt.requested
        how = "Stop" if arrives else "The notebook's own stop button (■)"
        rule = f"{how} ends training between two steps and keeps everything."
        self._status.value = rule if running else self.sentence()
        self._progress.value = self._progress_line()
        self._curves.value = str(self._picture())

    def _progress_line(self) -> str:
        done = self._done
        line = f'<progress max="{self.epochs}" value="{done:.3f}" aria-label="epochs done"></progress> '
        if self._interrupt is None or self._step == self._num_batches:
            return line + f"{done:.2f} of {self.epochs} epochs"
        line += f"epoch {len(self._history) + 1} of {self.epochs}, step {self._step} of {self._num_batches}"
        seconds, gained = time.monotonic() - self._began, done - self._done_before
        if seconds > 2 and gained > 0:
            line += f", {_duration((self.epochs - done) * seconds / gained)} to go"
        return line

    def _picture(self) -> Picture:
        """Both panels as SVG, drawn in a millisecond or two."""
        picture = Picture(760, 260, self.sentence())
        for k, metric in enumerate(LABELS):
            curve = [(point[0], point[1 + k]) for point in self.points if math.isfinite(point[1 + k])]
            ends = self._epoch_values(metric)
            values = [v for _, v in (*curve, *(pair for pairs in ends.values() for pair in pairs))]
            highest = max(filter(math.isfinite, values), default=2.5)
            panel = Panel(picture, 50 + 380 * k, metric, highest, self._done, self.epochs)
            self._draw_into(panel, curve, ends)
        return picture

    def _draw_into(self, panel: Panel, curve: list, ends: dict[str, list]) -> None:
        """The curve of the steps, the values of the epochs, and the latest of both as numbers below."""
        picture, left, below = panel.picture, panel.left, panel.bottom + 36
        color = CURVES["train"][1]
        panel.line(curve, stroke=color, stroke_width=1.5)
        if curve:
            now = f"train, the last {self.every} steps: {curve[-1][1]:.4f}"
            picture.add("text", now, x=left, y=below, fill=color)
        for split, pairs in ends.items():
            for epoch, value in pairs[:: 1 + len(pairs) // 40]:
                if split == "train":
                    look = {"stroke": color, "stroke_width": 4, "stroke_opacity": 0.35}
                    panel.line([(epoch - 1, value), (epoch, value)], **look)
                else:
                    _marker(picture, split, *panel.place(epoch, value))
            text = f"{split} {pairs[-1][1]:.4f}"
            if split == "train":
                picture.add("text", f"epoch {len(self._history)}: {text}", x=left, y=below + 18)
                left += 150
            else:
                _marker(picture, split, left - 8, below + 14)
                picture.add("text", text, x=left, y=below + 18)
                left += 118


def _marker(picture: Picture, split: str, x: float, y: float) -> None:
    """A square for validation, a triangle for test, as in the figures."""
    corners = {"validation": "-4,-4 4,-4 4,4 -4,4", "test": "0,-5 5,4 -5,4"}[split]
    picture.add("polygon", points=corners, transform=f"translate({x:.1f} {y:.1f})", fill=CURVES[split][1])


def _duration(seconds: float) -> str:
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"


def _clicks_arrive() -> bool:
    """Whether a click reaches Python while a cell runs: kernel and front end both speak of subshells."""
    thread = getattr(_kernel().kernel, "shell_channel_thread", None)
    return thread is not None and bool(thread.manager.list_subshell())
