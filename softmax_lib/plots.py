"""Figures on a given ``Axes``: each function draws, returns None and leaves ``plt.show()`` to the notebook.

From notebook 1 on: ``probability_bars``.  Notebook 4: ``class_scatter``, ``decision_regions``.  Notebook 6:
``digit_grid``.  Notebook 7: ``training_curves``.  Notebook 9: ``confusion``.

A title states what a figure shows, so it is the caller's: ``ax.set_title(...)`` afterwards.  Arrays may be
lists, NumPy arrays or torch tensors.  What doesn't fit is a ValueError, raised before anything is drawn.
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

# The eight colours of Okabe and Ito, *Color Universal Design* (2002), which colour-blind eyes tell apart, and
# two more.  Each class has a marker too.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY_BLUE, BLACK, YELLOW, PURPLE = "#56B4E9", "#000000", "#F0E442", "#CC79A7"
GREY, WINE = "#999999", "#882255"
CLASS_COLORS = (BLUE, ORANGE, GREEN, VERMILION, SKY_BLUE, BLACK, YELLOW, PURPLE, GREY, WINE)
CLASS_MARKERS = ("o", "s", "^", "D", "v", "P", "*", "X", "<", "p")

# ------------------------------------------------------------------------------------------- probabilities


def probability_bars(
    ax: Axes, probs: ArrayLike, true_class: int | None = None, title: str | None = None
) -> None:
    """Draw a bar for each class, from 0 to 1; up to ten classes have their value written above the bar.

    probs: (C,) floats in [0, 1].  They need not sum to 1: ten sigmoids can be drawn too.
    true_class: in [0, C); its bar is hatched, in another colour, on a band that shows where it is even if
    its probability is 0.

    ValueError for another shape, values outside [0, 1] or a class that isn't there.

    >>> from matplotlib.figure import Figure
    >>> probability_bars(Figure().subplots(), [0.7, 0.2, 0.1], true_class=0)
    """
    p = _as_array(probs)
    if p.ndim != 1 or p.size == 0:
        raise ValueError(f"probs must have the shape (C,), a number a class; found {p.shape}. Pass one row")
    if not (p.dtype.kind in "fiu" and np.all((p >= -1e-6) & (p <= 1 + 1e-6))):
        worst = p[~((p >= -1e-6) & (p <= 1 + 1e-6))][:1] if p.dtype.kind in "fiu" else p.dtype
        raise ValueError(
            f"probs must be numbers in [0, 1]; found {worst}. If these are logits, pass softmax(logits)"
        )
    classes = np.arange(p.size)
    if true_class is not None and true_class not in classes:
        raise ValueError(f"true_class must be a class from 0 to {p.size - 1}; found {true_class!r}")

    bars = ax.bar(classes, p, color=BLUE, edgecolor="white", zorder=2)
    if true_class is not None:
        ax.axvspan(true_class - 0.5, true_class + 0.5, color=VERMILION, alpha=0.15, linewidth=0, zorder=0)
        bars[int(true_class)].set(facecolor=VERMILION, hatch="//")
    if p.size <= 10:
        ax.bar_label(bars, fmt="%.2f", fontsize=8, padding=1)
        ax.set_xticks(classes)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(
        xlabel="class" if true_class is None else f"class (true: {true_class})",
        ylabel="probability",
        xlim=(-0.6, p.size - 0.4),
        ylim=(0, 1.1),  # room for the number above a bar of 1
        yticks=np.linspace(0, 1, 6),
    )
    if title is not None:
        ax.set_title(title)


# ------------------------------------------------------------------------------------------------- training

CURVES = {
    # split: label, colour, line style, marker
    "train": ("train (during the epoch)", BLUE, "-", "o"),
    "validation": ("validation", ORANGE, "--", "s"),
    "test": ("test", VERMILION, "-.", "^"),
}
METRICS = {
    # metric: label of the y axis, value when guessing among ten classes, how it is written
    "loss": ("cross-entropy (nats)", math.log(10), "guessing: ln 10 = 2.3026"),
    "accuracy": ("accuracy", 0.1, "guessing: 0.1"),
}


def training_curves(ax: Axes, history: Sequence[Any], metric: str = "loss") -> None:
    """Draw loss or accuracy of the train, validation and test images against the epoch.

    history: a ``History``, or any sequence of records with the attributes ``epoch``, ``train_loss``,
    ``train_accuracy``, ``validation_loss`` and so on; a value of None is not drawn.
    metric: "loss", in nats, or "accuracy", a fraction.

    The train values are means over the epoch, taken while the weights change; validation and test are
    measured at its end.  So the first train loss stands above the test loss although nothing is wrong.
    A dotted line shows guessing among ten classes (ln 10 nats, accuracy 0.1) if the curves come near it.

    ValueError for another metric, an empty history, or one without a value.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be 'loss' or 'accuracy'; found {metric!r}")
    points = {split: _points(history, f"{split}_{metric}") for split in CURVES}
    if not any(points.values()):
        raise ValueError(
            f"history must have a {metric} to draw; found {len(history)} epochs, none with a value. "
            "Train for an epoch first"
        )

    for split, (label, color, style, marker) in CURVES.items():
        if points[split]:
            epochs, values = zip(*points[split], strict=True)
            ax.plot(epochs, values, label=label, color=color, linestyle=style, marker=marker, markersize=5)
    ylabel, guess, guess_label = METRICS[metric]
    low, high = ax.get_ylim()
    if low <= guess <= high:
        ax.axhline(guess, color="0.3", linestyle=":", linewidth=1, label=guess_label, zorder=1)
    ax.set_ylim(low, high)
    first, last = history[0].epoch, history[-1].epoch
    ax.set_xlim(first - 0.5, last + 0.5)
    ax.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, steps=[1, 2, 5, 10]))
    ax.set(xlabel="epoch", ylabel=ylabel)
    ax.grid(axis="y", color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.legend(fontsize="small")


def _points(history: Sequence[Any], name: str) -> list[tuple[int, float]]:
    values = ((record.epoch, getattr(record, name)) for record in history)
    return [(epoch, value) for epoch, value in values if value is not None]


def confusion(ax: Axes, matrix: ArrayLike, class_names: Sequence[str] | None = None) -> None:
    """Draw how often each class was taken for each: rows are true classes, columns predicted ones.

    matrix: (C, C) counts, as ``functional.confusion_matrix`` returns them.  Each count that isn't 0 is
    written in its cell.  Colour is for the errors alone: on one scale with the right answers, which are a
    hundred times as many, all errors would look the same.  So the diagonal is grey.
    class_names: C names for the ticks; digits by default.
    The title says how many are wrong and what was confused most.

    ValueError for another shape, counts that aren't whole and 0 or more, or another number of names.
    """
    counts = _as_array(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise ValueError(f"matrix must have the shape (C, C); found {counts.shape}")
    if counts.dtype.kind not in "iu" or counts.min() < 0:
        found = f"dtype {counts.dtype}" if counts.dtype.kind not in "iu" else f"{counts.min()}"
        raise ValueError(f"matrix must hold counts, whole numbers from 0 on; found {found}")
    num_classes = len(counts)
    if class_names is not None and len(class_names) != num_classes:
        raise ValueError(f"class_names must be {num_classes} names, one a class; found {len(class_names)}")

    names = [str(name) for name in (range(num_classes) if class_names is None else class_names)]
    errors = counts - np.diag(np.diag(counts))
    cmap, norm = colormaps["viridis_r"], Normalize(0, max(1, errors.max()))
    colors = cmap(norm(errors))[..., :3]  # (C, C, 3)
    colors[errors == 0] = 1.0  # white where nothing happened
    np.fill_diagonal(colors[..., 0], 0.85)
    np.fill_diagonal(colors[..., 1], 0.85)
    np.fill_diagonal(colors[..., 2], 0.85)
    ax.imshow(colors, interpolation="none")
    for row, column in zip(*counts.nonzero(), strict=True):
        dark = colors[row, column] @ (0.2126, 0.7152, 0.0722) < 0.5
        ax.text(
            column,
            row,
            str(counts[row, column]),
            ha="center",
            va="center",
            fontsize=8 if num_classes <= 12 else 5,
            color="white" if dark else "black",
        )
    kind = "digit" if class_names is None and num_classes == 10 else "class"
    ax.set(xlabel=f"predicted {kind}", ylabel=f"true {kind}")
    slanted = {"rotation": 45, "ha": "right"} if max(map(len, names)) > 3 else {}
    ax.set_xticks(range(num_classes), names, **slanted)
    ax.set_yticks(range(num_classes), names)
    title = f"{errors.sum():,} of {counts.sum():,} wrong"
    if errors.any():
        i, j = np.unravel_index(errors.argmax(), errors.shape)
        title += f"; most often {names[i]} read as {names[j]}, {errors[i, j]} times"
    ax.set_title(title)


# --------------------------------------------------------------------------------------------------- digits


def digit_grid(axes: Any, images: ArrayLike, titles: Sequence[Any] | None = None) -> None:
    """Draw one image on each axes, row by row, black ink on white; axes left over are switched off.

    axes: an array of Axes, as ``plt.subplots(2, 5)[1]``, or one.
    images: (N, 28, 28) or (N, 1, 28, 28), N at most the number of axes.  0 is white; black is 255 for
    integers and 1 for floats.  Values beyond widen the scale, the same for all images.
    titles: N of them: labels, predictions, text.

    ValueError for another shape, more images than axes, or another number of titles.
    """
    places = np.atleast_1d(axes).ravel()
    pixels = _as_array(images)
    shape = pixels.shape
    if pixels.ndim == 4 and shape[1] == 1:
        pixels = pixels[:, 0]
    if pixels.shape[1:] != (28, 28) or pixels.dtype.kind not in "fiub":
        way_out = "; for one image pass images[None]" if shape[-2:] == (28, 28) and pixels.ndim == 2 else ""
        raise ValueError(
            f"images must be numbers of shape (N, 28, 28) or (N, 1, 28, 28); found {pixels.dtype} "
            f"{shape}{way_out}"
        )
    if len(pixels) > len(places):
        raise ValueError(
            f"axes must be as many as the images; found {len(places)} axes for {len(pixels)} images. "
            f"Pass images[:{len(places)}], or make more axes"
        )
    if titles is not None:
        titles = _as_array(titles)
        if titles.shape != (len(pixels),):
            raise ValueError(f"titles must be {len(pixels)}, one an image; found the shape {titles.shape}")

    black = 255 if pixels.dtype.kind in "iu" else 1
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


def class_scatter(ax: Axes, X: ArrayLike, labels: ArrayLike, *, legend: bool = True) -> None:
    """Draw points of two features, each class in its own colour and marker; the legend stands outside.

    X: (N, 2) floats.  labels: (N,) ints in [0, 10).  legend: False where panels share one.

    ValueError for other shapes, labels that don't match X, or a label outside [0, 10).
    """
    X, labels = _as_points(X, labels)
    for k in np.unique(labels):
        ax.scatter(
            *X[labels == k].T,
            s=36 if CLASS_MARKERS[k] not in "*" else 64,
            color=CLASS_COLORS[k],
            marker=CLASS_MARKERS[k],
            edgecolor="white",
            linewidth=0.5,
            label=str(k),
            zorder=2,
        )
    ax.set(xlabel="feature 1", ylabel="feature 2")
    if legend and len(labels):
        ax.legend(title="class", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, handletextpad=0.1)


def decision_regions(
    ax: Axes,
    predict: Callable[[np.ndarray], ArrayLike],
    X: ArrayLike,
    labels: ArrayLike,
    resolution: int = 200,
    *,
    legend: bool = True,
) -> None:
    """Draw which class ``predict`` picks where, as light areas in the colours of the classes, and the points.

    predict: given (M, 2) float64 points, returns (M,) int classes in [0, 10), such as
    ``lambda points: (points @ W + b).argmax(axis=1)``.  It is asked once, on a grid of ``resolution`` by
    ``resolution`` points that covers X and a margin.
    X, labels, legend: as in ``class_scatter``.

    ValueError as there, for no points, a resolution below 2, or another answer of ``predict``.
    """
    X, labels = _as_points(X, labels)
    if len(X) == 0:
        raise ValueError("X must have at least one point, to know what area to draw; found (0, 2)")
    if resolution < 2:
        raise ValueError(f"resolution must be 2 or more; found {resolution!r}")
    margin = 0.08 * np.ptp(X, axis=0)
    margin[margin == 0] = 1.0
    low, high = X.min(axis=0) - margin, X.max(axis=0) + margin
    first, second = np.meshgrid(*np.linspace(low, high, resolution).T)
    answer = _as_array(predict(np.column_stack([first.ravel(), second.ravel()])))
    if answer.shape != (first.size,) or answer.dtype.kind not in "iu":
        raise ValueError(
            f"predict must return whole classes of shape ({first.size},) for that many points; found "
            f"{answer.dtype} {answer.shape}. For logits, return logits.argmax(axis=1)"
        )
    _require_classes(answer, "the classes from predict")

    tints = np.array([[0.65 + 0.35 * part for part in to_rgb(color)] for color in CLASS_COLORS])
    regions = answer.reshape(first.shape)
    ax.imshow(
        tints[regions],
        extent=(low[0], high[0], low[1], high[1]),
        origin="lower",
        aspect=ax.get_aspect(),
        interpolation="bilinear",  # of colours, not of classes: smooth edges, no class in between
        zorder=0,
    )
    class_scatter(ax, X, labels, legend=legend)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))


# --------------------------------------------------------------------------------------------------- input


def _as_array(values: Any) -> np.ndarray:
    """An array of what may be a torch tensor with gradients, on a GPU; torch itself isn't needed for that."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def _as_points(X: ArrayLike, labels: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    X, labels = _as_array(X), _as_array(labels)
    if X.ndim != 2 or X.shape[1] != 2 or X.dtype.kind not in "fiu":
        raise ValueError(f"X must be numbers of shape (N, 2); found {X.dtype} {X.shape}")
    if labels.shape != (len(X),) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be {len(X)} whole numbers, shape ({len(X)},), one a row of X; found "
            f"{labels.dtype} {labels.shape}"
        )
    _require_classes(labels, "labels")
    return X, labels


def _require_classes(classes: np.ndarray, name: str) -> None:
    wrong = classes[(classes < 0) | (classes >= len(CLASS_COLORS))]
    if len(wrong):
        raise ValueError(f"{name} must be from 0 to {len(CLASS_COLORS) - 1}; found {wrong[0]}")
