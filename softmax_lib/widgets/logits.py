"""The logits playground of notebooks 1 and 2: sliders for the scores, and what softmax makes of them."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from softmax_lib import functional, plots
from softmax_lib.widgets import svg
from softmax_lib.widgets.base import Interactive, canvas

LOWEST, HIGHEST = -5.0, 5.0  # of the sliders; wider where the logits given are
ROW = 34  # pixels from one slider to the next
BAR = 140  # pixels for a probability of 1, and for slopes from -1 to 1


class LogitsPlayground(Interactive):
    """Sliders for logits and temperature, probabilities as bars; with a true class, loss and slopes too.

    logits: (C,) finite numbers, two to ten of them.
    true_class: in [0, C); None leaves the loss out (notebook 1 has none yet).
    temperature: in [0.1, 10].

    What it shows can be read from another cell: ``logits``, ``temperature``, ``true_class``; ``probs`` (C,),
    softmax(logits / temperature); ``loss`` in nats; ``slopes`` (C,), p - y.

    ValueError for what is outside of these.

    >>> playground = LogitsPlayground([2.0, 1.0, 0.1], true_class=0)
    >>> print(f"{playground.loss:.4f}", playground.probs.round(3))
    0.4170 [0.659 0.242 0.099]
    """

    size = (6.4, 2.6)
    requires = ("ipywidgets", "anywidget")

    def __init__(self, logits: ArrayLike, true_class: int | None = None, temperature: float = 1.0) -> None:
        super().__init__()
        given = np.array(logits, dtype=float)
        if given.ndim != 1 or not 2 <= len(given) <= 10 or not np.isfinite(given).all():
            raise ValueError(f"logits must be 2 to 10 finite numbers, one a class; found {logits!r}")
        if true_class is not None and true_class not in range(len(given)):
            raise ValueError(f"true_class must be a class from 0 to {len(given) - 1}; found {true_class!r}")
        if not 0.1 <= temperature <= 10:
            raise ValueError(f"temperature must be from 0.1 to 10; found {temperature!r}")
        self.logits, self.true_class, self.temperature = given, true_class, float(temperature)
        self._start = (given.copy(), true_class, float(temperature))

    # What it shows ----------------------------------------------------------------------------------------

    @property
    def probs(self) -> np.ndarray:
        """softmax(logits / temperature), (C,)."""
        return functional.softmax(self.logits / self.temperature)

    @property
    def loss(self) -> float:
        """The cross-entropy of the true class, in nats."""
        return functional.cross_entropy(self.logits / self.temperature, self.true_class)

    @property
    def slopes(self) -> np.ndarray:
        """p - y, (C,): the slope of the loss in each logit (in each z / T, where T is not 1)."""
        scaled = (self.logits / self.temperature)[None]  # (1, C): one row, so that N is 1
        return functional.cross_entropy_grad(scaled, np.array([self.true_class]))[0]

    def sentence(self) -> str:
        """Logits, temperature and probabilities in words; with a true class, loss and slopes as well."""
        text = f"Logits {_listed(self.logits, 1)} at temperature {self.temperature:g}: "
        text += f"probabilities {_listed(self.probs)}."
        if self.true_class is not None:
            text += f" True class {self.true_class}: loss {self.loss:.4f} nats, p - y {_listed(self.slopes)}."
        return text

    # As a figure ------------------------------------------------------------------------------------------

    def draw(self, figure: Any) -> None:
        """Draw logits and probabilities side by side, and p - y where there is a true class."""
        classes = np.arange(len(self.logits))
        axes = figure.subplots(1, 2 if self.true_class is None else 3)
        _bars(axes[0], classes, self.logits, "logit z", "%.1f")
        plots.probability_bars(axes[1], self.probs, self.true_class)
        title = "softmax(z)" if self.temperature == 1 else f"softmax(z / {self.temperature:g})"
        axes[1].set_title(title, fontsize="medium")
        if self.true_class is not None:
            _bars(axes[2], classes, self.slopes, "slope p − y", "%.2f")
            axes[2].set_ylim(-1.15, 1.15)
            figure.suptitle(f"Class {self.true_class} is true: the loss is {self.loss:.4f} nats")

    # Live -------------------------------------------------------------------------------------------------

    def build(self) -> Any:
        """Return the sliders with the bars beside them."""
        import ipywidgets as ipw

        low, high = min(LOWEST, self.logits.min()), max(HIGHEST, self.logits.max())
        wide = {"layout": ipw.Layout(width="340px", height="30px"), "style": {"description_width": "92px"}}
        self._sliders = [
            ipw.FloatSlider(
                self.logits[k],
                min=low,
                max=high,
                step=0.1,
                description=f"logit {k}",
                readout_format=".1f",
                **wide,
            )
            for k in range(len(self.logits))
        ]
        self._warmth = ipw.FloatLogSlider(
            self.temperature,
            min=-1,
            max=1,
            step=0.02,
            description="temperature",
            readout_format=".2f",
            **wide,
        )
        self._reset = ipw.Button(description="Reset", tooltip="Back to the numbers of the cell")
        self._picture = ipw.HTML(self._drawn())
        controls = [*self._sliders, self._warmth]
        self._truth = None
        if self.true_class is not None:
            options = [(f"class {k}", k) for k in range(len(self.logits))]
            self._truth = ipw.Dropdown(
                options=options, value=self.true_class, description="true class", **wide
            )
            controls.append(self._truth)
        for control in controls:
            self.watch(control, self._moved)
        self.hear(self._reset.on_click, self._to_the_start)
        sliders = ipw.VBox([*controls, self._reset])
        names = canvas("names", state={})
        return ipw.HBox([sliders, self._picture, names], layout=ipw.Layout(flex_flow="row wrap"))

    def _moved(self, change: Any) -> None:
        self.logits = np.array([slider.value for slider in self._sliders])
        self.temperature = self._warmth.value
        self.true_class = None if self._truth is None else self._truth.value
        self._picture.value = self._drawn()

    def _to_the_start(self, button: Any) -> None:
        logits, true_class, self._warmth.value = self._start
        for slider, value in zip(self._sliders, logits, strict=True):
            slider.value = value
        if self._truth is not None:
            self._truth.value = true_class

    def _drawn(self) -> str:
        """The bars as SVG, each in the row of its slider."""
        height = ROW * (len(self.logits) + (2 if self.true_class is not None else 1))
        picture = svg.Picture(230 if self.true_class is None else 470, height, self.sentence())
        for k, p in enumerate(self.probs):
            middle = ROW * (k + 0.5)
            color = plots.VERMILION if k == self.true_class else plots.BLUE
            picture.add("text", f"{k}", x=4, y=middle + 4)
            picture.add("rect", x=20, y=middle - 10, width=BAR, height=20, fill="none", stroke=svg.FAINT)
            picture.add("rect", x=20, y=middle - 10, width=float(BAR * p), height=20, fill=color)
            picture.add("text", f"{p:.3f}", x=26 + BAR, y=middle + 4)
            if self.true_class is not None:
                slope, zero = self.slopes[k], 310
                length = float(abs(slope) * BAR / 2)
                left = zero - length if slope < 0 else zero
                picture.add("rect", x=float(left), y=middle - 10, width=length, height=20, fill=color)
                picture.add("line", x1=zero, y1=middle - 14, x2=zero, y2=middle + 14, stroke=svg.QUIET)
                picture.add("text", f"{slope:+.3f}".replace("-", "−"), x=zero + BAR // 2 + 8, y=middle + 4)
        below = ROW * len(self.logits) + 16
        picture.add("text", "probability p, from 0 to 1", x=20, y=below, fill=svg.QUIET)
        if self.true_class is not None:
            where = "logit" if self.temperature == 1 else "z / T"
            caption = f"p − y: slope of the loss in each {where}"
            picture.add("text", caption, x=240, y=below, fill=svg.QUIET)
            loss = f"true class {self.true_class}: loss −ln p = {self.loss:.4f} nats"
            picture.add("text", loss, x=20, y=below + 32, font_size=15, font_weight="bold")
        return str(picture)


def _listed(values: np.ndarray, decimals: int = 3) -> str:
    return ", ".join(f"{value:.{decimals}f}" for value in values)


def _bars(ax: Any, classes: np.ndarray, values: np.ndarray, title: str, form: str) -> None:
    """Bars up and down from 0, with their values."""
    bars = ax.bar(classes, values, color=plots.BLUE)
    if len(classes) <= 5:
        ax.bar_label(bars, fmt=form, fontsize="small", padding=2)
    ax.axhline(0, color="0.3", linewidth=0.8)
    ax.margins(y=0.2)
    ax.set(xlabel="class", xticks=classes)
    ax.set_title(title, fontsize="medium")
