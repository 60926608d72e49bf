"""Figures on a given ``Axes``: each function draws, returns None and leaves ``plt.show()`` to the notebook.

From notebook 1 on: ``probability_bars``.  Notebook 4: ``class_scatter``, ``decision_regions``.  Notebook 6:
``digit_grid``.  Notebook 7: ``training_curves``.  Notebook 9: ``confusion``.

What a figure claims is for the caller to say: ``title="..."``.  Arrays may be lists, NumPy arrays or torch
tensors.  What doesn't fit is a ValueError, raised before anything is drawn.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, to_rgb
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

# Seven colours of Okabe and Ito (*Color Universal Design*, 2008), told apart by colour-blind eyes, and three
# more that keep their distance from those (Okabe and Ito's black would be heavy as an area).  In this order
# no two neighbours are alike.  Colour is never alone: each class has a marker too.
CLASS_COLORS = (
    "#0072B2",  # blue
    "#E69F00",  # orange
    "#009E73",  # green
    "#D55E00",  # vermilion
    "#56B4E9",  # sky blue
    "#882255",  # wine
    "#F0E442",  # yellow
    "#CC79A7",  # pink
    "#332288",  # indigo
    "#BBBBBB",  # grey
)
CLASS_MARKERS = ("o", "s", "^", "D", "v", "P", "*", "X", "<", "p")
BLUE, GREEN, VERMILION = CLASS_COLORS[0], CLASS_COLORS[2], CLASS_COLORS[3]

# ------------------------------------------------------------------------------------------- probabilities


def probability_bars(
    ax: Axes, probs: ArrayLike, true_class: int | None = None, title: str | None = None
) -> None:
    """Draw a bar for each class, from 0 to 1; up to ten classes have their value written above the bar.

    probs: (C,) numbers in [0, 1].  They need not sum to 1: ten sigmoids can be drawn too.
    true_class: in [0, C).  Its bar is hatched and in another colour, on a band that is seen even where its
    probability is 0.

    ValueError for another shape, for values outside [0, 1], or for a class that isn't there.

    >>> from matplotlib.figure import Figure
    >>> probability_bars(Figure().subplots(), [0.7, 0.2, 0.1], true_class=0)
    """
    p = _as_array(probs)
    if p.ndim != 1 or p.size == 0 or p.dtype.kind not in NUMBERS:
        raise ValueError(
            f"probs must be numbers of shape (C,), one a class; found {p.dtype} {p.shape}. "
            "Of several rows, pass one: probs[0]"
        )
    outside = p[~((p >= 0) & (p <= 1 + 1e-5))]  # 1e-5: float32 may sum to a little more than 1; ~: nan too
    if len(outside):
        raise ValueError(
            f"probs must be in [0, 1]; found {outside[0]:.4g}. If these are logits, pass softmax(logits)"
        )
    classes = np.arange(len(p))
    if true_class is not None:
        given, true_class = true_class, _as_array(true_class)
        if true_class.shape != () or true_class not in classes:
            raise ValueError(f"true_class must be a class from 0 to {len(p) - 1}; found {given!r}")
        true_class = int(true_class)

    bars = ax.bar(classes, p, color=BLUE, edgecolor="white", zorder=2)
    if true_class is not None:
        ax.axvspan(true_class - 0.5, true_class + 0.5, color=VERMILION, alpha=0.15, linewidth=0, zorder=0)
        bars[true_class].set(facecolor=VERMILION, hatch="//")
    points_per_bar = 72 * ax.get_window_extent().width / ax.figure.dpi / len(p)
    narrow = points_per_bar < 15  # less than "0.00" needs beside its neighbours: written upwards then
    if len(p) <= 10:
        size, rotation = (min(7, 0.9 * points_per_bar), 90) if narrow else (8, 0)
        ax.bar_label(bars, fmt="%.2f", padding=2, fontsize=size, rotation=rotation)
        ax.set_xticks(classes)
        ax.tick_params(axis="x", labelsize="small" if narrow else None)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(
        xlabel="class" if true_class is None else f"class (true: {true_class})",
        ylabel="probability",
        xlim=(-0.6, len(p) - 0.4),
        ylim=(0, 1.2 if narrow and len(p) <= 10 else 1.1),  # room for the number above a bar of 1
        yticks=np.linspace(0, 1, 6),
    )
    _finish(ax, title)


# ------------------------------------------------------------------------------------------------- training

CURVES = {
    # split: label, colour, line style, marker
    "train": ("train\n(during the epoch)", BLUE, "--", "o"),
    "validation": ("validation", GREEN, "-.", "s"),
    "test": ("test", VERMILION, "-", "^"),
}
METRICS = {
    # metric: label of the y axis, value when guessing among ten classes, how it is written, least range shown
    "loss": ("cross-entropy (nats)", math.log(10), "guessing: ln 10 = 2.3026", 0.1),
    "accuracy": ("accuracy", 0.1, "guessing: 0.1", 0.05),
}


def training_curves(
    ax: Axes, history: Sequence[Any], metric: str = "loss", *, title: str | None = None
) -> None:
    """Draw loss or accuracy of the train, validation and test images against the epoch.

    history: a ``History``, or any sequence of records with the attributes ``epoch``, ``train_loss``,
    ``train_accuracy``, ``validation_loss`` and so on; a value of None is not drawn.
    metric: "loss", in nats, or "accuracy", a fraction.

    The train values are running means, taken during the epoch while the weights change; validation and test
    are measured at its end.  So the first train loss stands above the test loss although nothing is wrong.
    A dotted line shows guessing among ten classes (ln 10 nats, accuracy 0.1) where the curves come near it.

    ValueError for another metric, for an empty history, or for one without a value.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be 'loss' or 'accuracy'; found {metric!r}")
    history = list(history)
    points = {split: _points_of(history, f"{split}_{metric}") for split in CURVES}
    values = [value for split in points.values() for _, value in split if math.isfinite(value)]
    if not values:
        raise ValueError(
            f"history must hold the {metric} of an epoch to draw; found none in {len(history)} records. "
            "Train for an epoch first: fit(..., epochs=1)"
        )

    for split, (label, color, style, marker) in CURVES.items():
        if points[split]:
            ax.plot(
                *zip(*points[split], strict=True),
                label=label,
                color=color,
                linestyle=style,
                marker=marker,
                markersize=5,
                markevery=max(1, len(history) // 10),  # of many epochs, every so many
            )
    ylabel, guess, guess_label, least_range = METRICS[metric]
    low, high = min(values), max(values)
    widen = max(0.0, least_range - (high - low)) / 2  # what hardly moves looks as if it hardly moved
    low, high = low - widen, high + widen
    if low - (high - low) / 4 <= guess <= high + (high - low) / 4:
        ax.axhline(guess, color="0.25", linestyle=":", linewidth=1.2, zorder=1)
        ax.annotate(
            guess_label,
            (1, guess),  # at the right end, on the side away from the curves
            (0, 2 if metric == "loss" else -3),
            xycoords=ax.get_yaxis_transform(),
            textcoords="offset points",
            ha="right",
            va="bottom" if metric == "loss" else "top",
            fontsize="small",
        )
        low, high = min(low, guess), max(high, guess)
    margin = 0.09 * (high - low)
    ax.set_ylim(low - margin, high + margin)
    ax.set_xlim(history[0].epoch - 0.5, history[-1].epoch + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    ax.set(xlabel="epoch", ylabel=ylabel)
    ax.grid(axis="y", color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.legend(fontsize="small")
    _finish(ax, title)


def _points_of(history: Sequence[Any], name: str) -> list[tuple[int, float]]:
    pairs = [(record.epoch, getattr(record, name)) for record in history]
    return [(epoch, value) for epoch, value in pairs if value is not None]


# ------------------------------------------------------------------------------------------ what is confused


def confusion(
    ax: Axes, matrix: ArrayLike, class_names: Sequence[str] | None = None, *, title: str | None = None
) -> None:
    """Draw how often each class was taken for each: rows are true classes, columns predicted ones.

    matrix: (C, C) counts, as ``functional.confusion_matrix`` returns them.  Each count that isn't 0 is
    written in its cell.  Colour is for the errors alone: on one scale with the right answers, a hundred
    times as many, all errors would look like none.  So the diagonal is grey.
    class_names: C names for the ticks; 0, 1, 2, … by default, called digits if there are ten.
    title: by default the number of errors and the most frequent one; "" for none.

    ValueError for another shape, for what aren't counts, or for another number of names.
    """
    counts = _as_array(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise ValueError(f"matrix must have the shape (C, C); found {counts.shape}")
    if counts.dtype.kind not in WHOLE or counts.min() < 0:
        found = counts.min() if counts.dtype.kind in WHOLE else counts.dtype
        raise ValueError(
            f"matrix must hold counts, whole numbers from 0 on; found {found}. Pass it before any division"
        )
    num_classes = len(counts)
    if class_names is not None and len(class_names) != num_classes:
        raise ValueError(f"class_names must be {num_classes} names, one a class; found {len(class_names)}")

    names = [str(name) for name in (range(num_classes) if class_names is None else class_names)]
    errors = counts - np.diag(counts.diagonal())
    colors = colormaps["Oranges"](Normalize(0, max(1, errors.max()))(errors))[..., :3]  # (C, C, 3)
    colors[errors == 0] = 1.0
    colors[np.eye(num_classes, dtype=bool)] = 0.87
    ax.imshow(colors, interpolation="none")
    for row, column in zip(*counts.nonzero(), strict=True):
        luminance = colors[row, column] @ (0.2126, 0.7152, 0.0722)
        ax.text(
            column,
            row,
            str(counts[row, column]),
            ha="center",
            va="center",
            fontsize="small" if num_classes <= 10 else 5,
            color="black" if luminance > 0.5 else "white",
        )
    between = np.arange(1, num_classes) - 0.5
    ax.vlines(between, -0.5, num_classes - 0.5, color="0.9", linewidth=0.6)
    ax.hlines(between, -0.5, num_classes - 0.5, color="0.9", linewidth=0.6)

    kind = "digit" if class_names is None and num_classes == 10 else "class"
    slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if max(map(len, names)) > 3 else {}
    ax.set_xticks(range(num_classes), names, **slanted)
    ax.set_yticks(range(num_classes), names)
    ax.tick_params(length=0)
    ax.spines[:].set_color("0.6")
    ax.set(xlabel=f"predicted {kind}", ylabel=f"true {kind}")
    ax.set_title(_worst(counts, errors, names) if title is None else title)


def _worst(counts: np.ndarray, errors: np.ndarray, names: list[str]) -> str:
    text = f"{errors.sum():,} of {counts.sum():,} wrong"
    if not errors.any():
        return text
    true, predicted = np.unravel_index(errors.argmax(), errors.shape)
    text += f"; most often {names[true]} taken for {names[predicted]}"
    return text.replace("; ", ";\n") if len(text) > 50 else text


# --------------------------------------------------------------------------------------------------- digits


def digit_grid(axes: Any, images: ArrayLike, titles: Sequence[Any] | None = None) -> None:
    """Draw one image on each axes, row by row, black ink on white; axes left over are switched off.

    axes: an array of Axes, as ``plt.subplots(2, 5)[1]``, or one.
    images: (N, 28, 28) or (N, 1, 28, 28), N at most the number of axes.  0 is white; black is 255 for
    integers and 1 for floats.  Values beyond widen the scale, the same for all images.
    titles: N of them: labels, predictions, text.

    ValueError for another shape, nan, more images than axes, or another number of titles.
    """
    places = np.atleast_1d(axes).ravel()
    pixels = _as_array(images)
    shape = pixels.shape
    if pixels.ndim == 4 and shape[1] == 1:
        pixels = pixels[:, 0]
    if pixels.shape[1:] != (28, 28) or pixels.dtype.kind not in NUMBERS:
        way_out = ""
        if shape == (28, 28):
            way_out = ". Of one image, pass images[None]"
        elif shape[1:] == (784,):
            way_out = ". Of rows of pixels, pass images.reshape(-1, 28, 28)"
        raise ValueError(
            f"images must be numbers of shape (N, 28, 28) or (N, 1, 28, 28); found {pixels.dtype} "
            f"{shape}{way_out}"
        )
    if not np.isfinite(pixels).all():
        raise ValueError(f"images must be finite; found {pixels[~np.isfinite(pixels)][0]}")
    if len(pixels) > len(places):
        raise ValueError(
            f"axes must be as many as the images; found {len(places)} axes for {len(pixels)} images. "
            f"Pass images[:{len(places)}], or make more axes"
        )
    if titles is not None:
        titles = _as_array(titles)
        if titles.shape != (len(pixels),):
            raise ValueError(f"titles must be {len(pixels)}, one an image; found the shape {titles.shape}")

    black = 255 if pixels.dtype.kind in WHOLE else 1
    low, high = (min(0, pixels.min()), max(black, pixels.max())) if len(pixels) else (0, 1)
    for i, ax in enumerate(places):
        if i >= len(pixels):
            ax.set_axis_off()
            continue
        ax.imshow(pixels[i], cmap="gray_r", vmin=low, vmax=high, interpolation="none")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.8")
        if titles is not None:
            ax.set_title(str(titles[i]), fontsize="medium")


# ---------------------------------------------------------------------------------------- two features


def class_scatter(
    ax: Axes, X: ArrayLike, labels: ArrayLike, *, legend: bool = True, title: str | None = None
) -> None:
    """Draw points of two features, each class in its own colour and marker; the legend stands at the right.

    X: (N, 2) numbers.  labels: (N,) ints in [0, 10).
    legend: False where several panels need only one.

    ValueError for other shapes, for labels that don't match X, or for a label outside [0, 10).
    """
    X, labels = _as_points(X, labels)
    for k in np.unique(labels):
        ax.scatter(
            *X[labels == k].T,
            s=38 if CLASS_MARKERS[k] in "*PX" else 26,  # these are thin
            facecolor=CLASS_COLORS[k],
            edgecolor="0.15",
            linewidth=0.5,
            marker=CLASS_MARKERS[k],
            label=str(k),
            zorder=2,
        )
    ax.set(xlabel="feature 1", ylabel="feature 2")
    if legend and len(labels):
        ax.legend(title="class", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, handletextpad=0.1)
    _finish(ax, title)


def decision_regions(
    ax: Axes,
    predict: Callable[[np.ndarray], ArrayLike],
    X: ArrayLike,
    labels: ArrayLike,
    resolution: int = 200,
    *,
    legend: bool = True,
    title: str | None = None,
) -> None:
    """Draw which class ``predict`` picks where, as light areas in the classes' colours, under the points.

    predict: given points (M, 2) float64, returns (M,) int classes in [0, 10), such as
    ``lambda points: (points @ W + b).argmax(axis=1)``.  It is asked once, on a grid of ``resolution`` x
    ``resolution`` points that covers X and a margin.
    X, labels, legend: as in ``class_scatter``; at least one point.

    ValueError as there, for a resolution below 2, or for another answer of ``predict``.
    """
    X, labels = _as_points(X, labels)
    if len(X) == 0:
        raise ValueError("X must have at least one point, to show where to draw; found the shape (0, 2)")
    if resolution < 2:
        raise ValueError(f"resolution must be 2 or more; found {resolution!r}")
    margin = 0.08 * np.ptp(X, axis=0)
    margin[margin == 0] = 1.0
    low, high = X.min(axis=0) - margin, X.max(axis=0) + margin
    across, up = np.linspace(low, high, resolution).T
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)  # (resolution ** 2, 2)
    classes = _as_array(predict(grid))
    if classes.shape != (len(grid),) or classes.dtype.kind not in WHOLE:
        raise ValueError(
            f"predict must return {len(grid)} whole numbers, shape ({len(grid)},), one a point; found "
            f"{classes.dtype} {classes.shape}. If it returns logits, add .argmax(axis=1)"
        )
    _require_classes(classes, "what predict returns")

    half = (high - low) / (resolution - 1) / 2  # a pixel is drawn around its point of the grid
    # uint8, not floats: resampled floats differ in the last digit, and a PNG of them is twice as large
    tints = np.array(
        [[round(255 * (0.6 + 0.4 * part)) for part in to_rgb(c)] for c in CLASS_COLORS], np.uint8
    )
    ax.imshow(
        tints[classes.reshape(resolution, resolution)],
        extent=(low[0] - half[0], high[0] + half[0], low[1] - half[1], high[1] + half[1]),
        origin="lower",
        aspect=ax.get_aspect(),
        interpolation="bilinear",  # of colours, not of classes: soft edges, and no class in between
        zorder=0,
    )
    class_scatter(ax, X, labels, legend=legend, title=title)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))


# ------------------------------------------------------------------------------------------- what they share

WHOLE, NUMBERS = "iu", "iuf"  # NumPy's kinds of dtype: signed and unsigned ints, floats


def _as_array(values: Any) -> np.ndarray:
    """The values as an array, also those of a torch tensor with gradients or on a GPU."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def _as_points(X: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    X, labels = _as_array(X), _as_array(labels)
    if X.ndim != 2 or X.shape[1] != 2 or X.dtype.kind not in NUMBERS:
        raise ValueError(f"X must be numbers of shape (N, 2), two features; found {X.dtype} {X.shape}")
    if labels.shape != (len(X),) or labels.dtype.kind not in WHOLE:
        hint = ". From logits or one-hot rows: labels.argmax(axis=1)" if labels.ndim == 2 else ""
        raise ValueError(
            f"labels must be {len(X)} whole numbers, shape ({len(X)},), one a row of X; found "
            f"{labels.dtype} {labels.shape}{hint}"
        )
    if not np.isfinite(X).all():
        raise ValueError(f"X must be finite; found {X[~np.isfinite(X)][0]}")
    _require_classes(labels, "labels")
    return X, labels


def _require_classes(classes: np.ndarray, name: str) -> None:
    wrong = classes[(classes < 0) | (classes >= len(CLASS_COLORS))]
    if len(wrong):
        raise ValueError(f"{name} must be classes from 0 to {len(CLASS_COLORS) - 1}; found {wrong[0]}")


def _finish(ax: Axes, title: str | None) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    if title is not None:
        ax.set_title(title)
