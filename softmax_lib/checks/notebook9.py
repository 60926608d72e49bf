"""The exercises of notebook 9: `confusion_matrix`, `prepare_digit` and `fit_temperature`.

Domains. confusion_matrix: (N,) ints in [0, C), classes may be missing. prepare_digit: (H, W) uint8 with ink
of one grey on paper of another, darker on paper above 127 and lighter below, less ink than paper, and none at
the border; it is marked by properties of the result, not by its pixels. fit_temperature: (N, C) float32
logits whose best temperature lies between 0.3 and 5; within 2.5 % of it an answer is right.
"""

import contextlib
import functools
import re
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from softmax_lib import functional
from softmax_lib.checks import values
from softmax_lib.checks.engine import Exercise

# ------------------------------------------------------------------------------------------- confusion_matrix

TINY = np.array([0, 0, 0, 0, 1, 1, 1, 2]), np.array([0, 0, 0, 2, 1, 0, 0, 2]), 3


def pairs(seed: int, n: int, c: int, *, right: float = 0.5, top: int | None = None) -> tuple:
    """Return labels, predictions and C; of the labels, about so many are right; top: the largest class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, (c if top is None else top + 1), n)
    return labels, np.where(rng.random(n) < right, labels, rng.integers(0, labels.max() + 1, n)), c


confusion_matrix = Exercise(
    "confusion_matrix",
    functional.confusion_matrix,
    ("labels", "predictions", "num_classes"),
    returns="an array of shape (C, C): rows are true classes, columns predicted ones",
    checked="1 to 700 examples of 2 to 10 classes; classes that never occur; pairs that occur many times.",
    probes=[
        (np.array([0, 1]), np.array([1, 1]), 2),
        (np.array([1, 2, 0]), np.array([2, 1, 0]), 3),
        TINY,
        (np.array([2]), np.array([0]), 4),
        (np.array([0, 0, 2, 2]), np.array([0, 2, 2, 2]), 3),  # class 1 never occurs
        (np.array([3, 3, 1, 3]), np.array([3, 1, 1, 0]), 6),  # 4 and 5 never occur
        (np.array([0, 0, 1]), np.array([2, 2, 0]), 3),  # 2 is predicted and never true
        (np.array([1, 1, 3, 0, 3]), np.array([1, 1, 3, 0, 3]), 5),
        pairs(0, 12, 4),
        pairs(1, 40, 3),
        pairs(2, 30, 10, right=0.8, top=8),
        pairs(3, 700, 2, right=0.9),  # a count beyond 255
        TINY,
    ],
    hint="Sum the rows of your matrix: m.sum(axis=1) must be np.bincount(labels, minlength=num_classes).",
)


def counts(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """Return the right matrix, of an answer's own making."""
    out = np.zeros((num_classes, num_classes), int)
    np.add.at(out, (labels, predictions), 1)
    return out


ORDER = (lambda y, p: (y, p), lambda y, p: (p, y))


@confusion_matrix.mistake(
    "transposed",
    "Rows and columns are exchanged: each row holds a predicted class. In the course, a row is a true class.",
    hint="Which of the two indices is the true class, the first or the second?",
)
def _(labels, predictions, num_classes):
    return counts(predictions, labels, num_classes)


@confusion_matrix.mistake(
    "repeated-pairs-lost",
    "`m[labels, predictions] += 1` reads all places, adds 1 and writes them back once: a pair that occurs"
    " a hundred times counts as one.",
    hint="np.add.at(m, (labels, predictions), 1) adds for every pair, and so does a loop over the pairs.",
    order=ORDER,
)
def _(labels, predictions, num_classes, order):
    return np.minimum(counts(*order(labels, predictions), num_classes), 1)


@confusion_matrix.mistake(
    "normalised",
    "These are fractions. The counts are asked for: whoever has them can divide by the row sums, and knows"
    " how many examples stand behind each fraction.",
    hint="Leave out the division.",
    axis=(1, 0, None),
    empty=(lambda total: total, lambda total: np.maximum(total, 1), lambda total: total + 1e-12),
    order=ORDER,
    times=(1, 100),
)
def _(labels, predictions, num_classes, axis, empty, order, times):
    m = counts(*order(labels, predictions), num_classes).astype(float)
    return times * m / empty(m.sum(axis=axis, keepdims=True))


@confusion_matrix.mistake(
    "normalised",
    "These are fractions, with 0 for empty classes. The counts are asked for.",
    hint="Leave out the division.",
    axis=(1, 0),
)
def _(labels, predictions, num_classes, axis):
    m = counts(labels, predictions, num_classes)
    return np.nan_to_num(m / m.sum(axis=axis, keepdims=True))


@confusion_matrix.mistake(
    "normalised",
    "These are fractions, and of the wrong sums: without keepdims, the row sums divide the columns. The"
    " counts are asked for.",
    hint="Leave out the division.",
    empty=(lambda total: total, lambda total: np.maximum(total, 1), lambda total: total + 1e-12),
    nan=(np.asarray, np.nan_to_num),
)
def _(labels, predictions, num_classes, empty, nan):
    m = counts(labels, predictions, num_classes)
    return nan(m / empty(m.sum(axis=1)))


@confusion_matrix.mistake(
    "counted-in-bytes",
    "The counts are kept in uint8 (or int8), where 255 + 1 is 0.",
    hint="np.zeros((num_classes, num_classes), dtype=int)",
    dtype=(np.uint8, np.int8),
)
def _(labels, predictions, num_classes, dtype):
    return counts(labels, predictions, num_classes).astype(dtype)


MISSING = (
    "The matrix is only as large as the classes that happen to occur. A class without examples has a row"
    " (and a column) of zeros; otherwise two matrices can't be compared."
)
MISSING_HINT = "The shape is (num_classes, num_classes), whatever the labels hold."


@confusion_matrix.mistake(
    "missing-class",
    MISSING,
    hint=MISSING_HINT,
    order=ORDER,
    classes=(
        lambda y, p: np.union1d(y, p),
        lambda y, p: np.arange(max(y.max(), p.max()) + 1),
        lambda y, p: np.unique(y),
        lambda y, p: np.unique(p),
        lambda y, p: np.arange(y.max() + 1),
        lambda y, p: np.arange(len(np.unique(y))),
    ),
)
def _(labels, predictions, num_classes, order, classes):
    rows, columns = order(labels, predictions)
    kept = classes(labels, predictions)
    return np.array([[np.sum((rows == i) & (columns == j)) for j in kept] for i in kept])


@confusion_matrix.mistake(
    "missing-class",
    MISSING,
    hint=MISSING_HINT,
    size=(
        lambda y, p: max(y) + 1,
        lambda y, p: len(np.unique(y)),
        lambda y, p: len(np.union1d(y, p)),
    ),
)
def _(labels, predictions, num_classes, size):
    return counts(labels, predictions, size(labels, predictions))  # an IndexError where a class is beyond it


@confusion_matrix.mistake(
    "missing-class",
    MISSING,
    hint=MISSING_HINT,
    kept=(
        lambda m, y, p: m[np.unique(y)],
        lambda m, y, p: m[:, np.unique(p)],
        lambda m, y, p: m[np.unique(y)][:, np.unique(p)],
    ),
)
def _(labels, predictions, num_classes, kept):
    return kept(counts(labels, predictions, num_classes), labels, predictions)


@confusion_matrix.mistake(
    "missing-class",
    "The classes that occur were numbered anew, without gaps, so after a class that never occurs all others"
    " stand in the wrong row or column.",
    hint="A label is an index as it stands.",
    together=(False, True),
)
def _(labels, predictions, num_classes, together):
    known = np.union1d(labels, predictions)
    rows, columns = (known, known) if together else (np.unique(labels), np.unique(predictions))
    return counts(rows.searchsorted(labels), columns.searchsorted(predictions), num_classes)


@confusion_matrix.mistake(
    "missing-class",
    "np.bincount ends at the largest number that occurs, so the counts don't fill the matrix where the last"
    " pairs never occur.",
    hint="np.bincount(..., minlength=num_classes ** 2)",
    order=ORDER,
)
def _(labels, predictions, num_classes, order):
    rows, columns = order(labels, predictions)
    return np.bincount(num_classes * rows + columns).reshape(num_classes, num_classes)


@confusion_matrix.mistake(
    "ten-classes",
    "The matrix has ten rows and columns, whatever num_classes says.",
    hint="Put num_classes in the place of the 10.",
)
def _(labels, predictions, num_classes):
    return counts(labels, predictions, 10)


@confusion_matrix.mistake(
    "off-by-one",
    "The classes are moved by one. They count from 0, so class 0 has row 0; index -1 is the last row.",
    hint="Neither add nor subtract 1: a label is an index as it stands.",
    by=(-1, 1),
)
def _(labels, predictions, num_classes, by):
    return counts((labels + by) % num_classes, (predictions + by) % num_classes, num_classes)


@confusion_matrix.mistake(
    "off-by-one",
    "The matrix has a row and a column too many. Classes count from 0 to C - 1, so there are C of them.",
    hint="The shape is (num_classes, num_classes).",
    by=(0, 1),
)
def _(labels, predictions, num_classes, by):
    return counts(labels + by, predictions + by, num_classes + 1)


@confusion_matrix.mistake(
    "off-by-one",
    "The classes are moved by one. They count from 0 to C - 1, so class 0 has row 0.",
    hint="Neither add nor subtract 1: a label is an index as it stands.",
)
def _(labels, predictions, num_classes):
    return counts(labels + 1, predictions + 1, num_classes)  # an IndexError where the last class occurs


@confusion_matrix.mistake(
    "off-by-one",
    "range(1, num_classes) leaves out class 0, or range(num_classes - 1) the last one.",
    hint="range(num_classes) is 0, 1, ..., C - 1.",
    kept=(slice(1, None), slice(None, -1)),
    smaller=(False, True),
)
def _(labels, predictions, num_classes, kept, smaller):
    m = counts(labels, predictions, num_classes)
    if smaller:
        return m[kept, kept]
    out = np.zeros_like(m)
    out[kept, kept] = m[kept, kept]
    return out


@confusion_matrix.mistake(
    "diagonal-only",
    "Only the right answers are counted. The rest of the matrix says what the wrong ones were taken for.",
    hint="Every example adds 1 somewhere, also where label and prediction differ.",
    form=(np.diag, np.asarray),
)
def _(labels, predictions, num_classes, form):
    return form(counts(labels, predictions, num_classes).diagonal())


@confusion_matrix.mistake(
    "only-errors",
    "The diagonal is empty: the right answers are missing, so the rows don't sum to the number of examples.",
    hint="Every example adds 1 somewhere, also where label and prediction are equal.",
    order=ORDER,
)
def _(labels, predictions, num_classes, order):
    m = counts(*order(labels, predictions), num_classes)
    return m - np.diag(m.diagonal())


@confusion_matrix.mistake(
    "accuracy-not-matrix",
    "This is how often the prediction is right. The matrix also says which class was taken for which.",
    hint="The result has C x C numbers: one count for each true and each predicted class.",
    measure=(
        lambda m: m.trace() / m.sum(),
        lambda m: 100 * m.trace() / m.sum(),
        lambda m: m.trace(),
        lambda m: m.sum() - m.trace(),
        lambda m: 1 - m.trace() / m.sum(),
        lambda m: m.diagonal() / m.sum(axis=1),
        lambda m: m.diagonal() / np.maximum(m.sum(axis=1), 1),
        lambda m: np.diag(m.diagonal() / m.sum(axis=1)),
        lambda m: np.diag(m.diagonal() / np.maximum(m.sum(axis=1), 1)),
    ),
)
def _(labels, predictions, num_classes, measure):
    return measure(counts(labels, predictions, num_classes))


@confusion_matrix.mistake(
    "rows-shared",
    "All rows are the same: `[[0] * C] * C` is one row, named C times, so each count lands in all of them.",
    hint="np.zeros((C, C), dtype=int), or [[0] * C for _ in range(C)].",
    order=ORDER,
)
def _(labels, predictions, num_classes, order):
    m = counts(*order(labels, predictions), num_classes)
    return np.tile(m.sum(axis=0), (num_classes, 1))


@confusion_matrix.mistake(
    "returned-too-early",
    "Only the first example is counted.",
    hint="Does `return` stand inside the loop? Then the loop ends with its first turn.",
    order=ORDER,
)
def _(labels, predictions, num_classes, order):
    return counts(*order(labels[:1], predictions[:1]), num_classes)


@confusion_matrix.mistake(
    "both-ways",
    "Each pair is counted in both directions. A 4 taken for a 9 is another error than a 9 taken for a 4.",
    hint="One example adds 1 at one place: m[label, prediction].",
    weight=(1, 0.5),
)
def _(labels, predictions, num_classes, weight):
    m = counts(labels, predictions, num_classes)
    return weight * (m + m.T)


@confusion_matrix.mistake(
    "example-grid",
    "This grid compares every example with every other, (N, N). The matrix has a row for each class.",
    hint="Start with zeros of shape (num_classes, num_classes), and add 1 for each example.",
)
def _(labels, predictions, num_classes):
    return (labels[:, None] == predictions[None, :]).astype(int)


# ---------------------------------------------------------------------------------------------- prepare_digit

SIDE, BOX, MIDDLE = 28, 20, 14

STROKES = {  # polylines of points (x, y) in a box of 1 x 1
    "seven": [[(0, 0), (1, 0), (0.35, 1)]],
    "six": [[(1, 0.12), (0.7, 0), (0.25, 0.2), (0, 0.65), (0.3, 1), (0.9, 0.9), (0.9, 0.6), (0.1, 0.6)]],
    "four": [[(0.55, 0), (0, 0.7), (1, 0.7)], [(0.75, 0.4), (0.7, 1)]],
    "two": [[(0, 0.2), (0.35, 0), (0.9, 0.05), (0.95, 0.3), (0.5, 0.7), (0, 1), (1, 1)]],
}  # fmt: skip


def drawing(name: str, shape: tuple, box: tuple, pen: float, paper: int, ink: int) -> np.ndarray:
    """Return a uint8 picture of this shape with a digit in box = (top, left, height, width)."""
    fine = 4
    picture = Image.new("L", (fine * shape[1], fine * shape[0]), paper)
    draw = ImageDraw.Draw(picture)
    top, left, height, width = (fine * side for side in box)
    half = fine * pen / 2  # the strokes stay inside the box
    for line in STROKES[name]:
        points = [
            (left + half + x * (width - 2 * half), top + half + y * (height - 2 * half)) for x, y in line
        ]
        draw.line(points, ink, int(2 * half), joint="curve")
        for x, y in points:
            draw.ellipse((x - half, y - half, x + half, y + half), ink)
    return np.asarray(picture.resize(shape[::-1], Image.Resampling.BOX))


def shrunk(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the picture in another size."""
    image = Image.fromarray(np.ascontiguousarray(picture, dtype=np.float32))
    return np.asarray(image.resize((max(1, width), max(1, height)), Image.Resampling.BILINEAR))


def bounds(ink: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and the columns of what is stronger than a third of the strongest."""
    rows, columns = np.nonzero(ink > ink.max() / 3)
    return slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)


def mass_centre(ink: np.ndarray) -> tuple[float, float]:
    """Return the row and the column of the centre of mass."""
    total = max(ink.sum(), 1e-9)
    return (
        (ink.sum(axis=1) * np.arange(ink.shape[0])).sum() / total,
        (ink.sum(axis=0) * np.arange(ink.shape[1])).sum() / total,
    )


def paste(picture: np.ndarray, top: float, left: float, ground: float = 0.0) -> np.ndarray:
    """Return a picture of 28 x 28 with this one in it; what stands over its edge is cut off."""
    wide = np.full((5 * SIDE, 5 * SIDE), ground)
    row, column = (int(np.clip(2 * SIDE + round(place), 0, 4 * SIDE)) for place in (top, left))
    picture = picture[:SIDE, :SIDE]
    wide[row : row + picture.shape[0], column : column + picture.shape[1]] = picture
    return wide[2 * SIDE : 3 * SIDE, 2 * SIDE : 3 * SIDE]


# The stages of the right way, each with its wrong ways.


def paper_taken_away(image: np.ndarray) -> np.ndarray:
    """Return the ink, 0 to 1, whichever of ink and paper is lighter."""
    ink = np.abs(image.astype(float) - np.median(image))
    return ink / max(ink.max(), 1e-9)


def turned_if_light(image: np.ndarray) -> np.ndarray:
    """Return the values turned round where the paper is light; grey paper stays a veil."""
    x = image / 255
    return 1 - x if np.median(x) > 0.5 else x


def paper_to_zero(image: np.ndarray) -> np.ndarray:
    """Return the ink as far from the paper as it is: 0.4 where the two differ by 0.4."""
    return np.abs(image.astype(float) - np.median(image)) / 255


def paper_in_uint8(image: np.ndarray) -> np.ndarray:
    """Return the distance from the paper in whole numbers from 0 to 255, where 30 - 255 is 31."""
    x = np.abs(image - np.uint8(np.median(image)))
    return x / max(x.max(), 1)


def from_the_mean(image: np.ndarray) -> np.ndarray:
    """Return the distance from the mean, which is not the paper: the ink pulls it."""
    ink = np.abs(image.astype(float) - image.mean())
    return ink / max(ink.max(), 1e-9)


def of_the_maximum(image: np.ndarray) -> np.ndarray:
    """Return the values, turned round where the paper is light, divided by their largest."""
    x = image.astype(float)
    x = x.max() - x if np.median(x) > 127 else x
    return x / max(x.max(), 1e-9)


INKS = {
    "right": paper_taken_away,
    "as it is": lambda image: image / 255,
    "as it is, stretched": lambda image: (image - image.min()) / max(np.ptp(image), 1.0),
    "always turned": lambda image: 1 - image / 255,
    "always turned, stretched": lambda image: (image.max() - image.astype(float)) / max(np.ptp(image), 1.0),
    "always turned, of the maximum": lambda image: 1 - image / image.max(),
    "the wrong way round": lambda image: 1 - turned_if_light(image),
    "the wrong way round, stretched": lambda image: 1 - paper_taken_away(image),
    "veil": turned_if_light,
    "faint": paper_to_zero,
    "wrapped": paper_in_uint8,
    "from the mean": from_the_mean,
    "light turned, of the maximum": of_the_maximum,
}


def fitted(ink: np.ndarray, side: int = BOX) -> np.ndarray:
    """Return the ink with its longer side resized to so many pixels, aspect kept."""
    scale = side / max(ink.shape)
    return shrunk(ink, *(round(length * scale) for length in ink.shape))


def bicubic(ink: np.ndarray) -> np.ndarray:
    """Return the ink fitted as PIL's `resize` does it where nothing else is said."""
    shape = fitted(ink).shape
    return np.asarray(Image.fromarray(np.uint8(255 * ink)).resize(shape[::-1])) / 255


def squeezed(ink: np.ndarray) -> np.ndarray:
    """Return the ink in 28 x 28 pixels, by PIL's own way of resizing."""
    return np.asarray(Image.fromarray(np.uint8(255 * ink)).resize((SIDE, SIDE))) / 255


SIZES = {
    "right": fitted,
    "square, bicubic": squeezed,
    "16": lambda ink: fitted(ink, 16),
    "24": lambda ink: fitted(ink, 24),
    "never enlarged": lambda ink: fitted(ink, min(BOX, max(ink.shape))),
    "no margin": lambda ink: fitted(ink, SIDE),
    "half": lambda ink: fitted(ink, BOX // 2),
    "square": lambda ink: shrunk(ink, BOX, BOX),
    "square, no margin": lambda ink: shrunk(ink, SIDE, SIDE),
    "by height": lambda ink: shrunk(ink, BOX, round(ink.shape[1] * BOX / ink.shape[0])),
    "by width": lambda ink: shrunk(ink, round(ink.shape[0] * BOX / ink.shape[1]), BOX),
    "by the shorter side": lambda ink: fitted(ink, round(BOX * max(ink.shape) / min(ink.shape))),
    "bicubic": bicubic,
    "sides swapped": lambda ink: shrunk(ink, *fitted(ink).shape[::-1]),
}


def by_mass(ink: np.ndarray, ground: float = 0.0) -> np.ndarray:
    """Return 28 x 28 with the centre of mass in the middle."""
    row, column = mass_centre(ink)
    return paste(ink, MIDDLE - row, MIDDLE - column, ground)


def by_box(ink: np.ndarray, ground: float = 0.0) -> np.ndarray:
    """Return 28 x 28 with the digit's box in the middle."""
    return paste(ink, (SIDE - ink.shape[0]) / 2, (SIDE - ink.shape[1]) / 2, ground)


PLACES = {
    "right": by_mass,
    "box": by_box,
    "corner": lambda ink, ground=0.0: paste(ink, 0, 0, ground),
    "corner of the box": lambda ink, ground=0.0: paste(ink, 4, 4, ground),
    "axes swapped": lambda ink, ground=0.0: paste(
        ink, MIDDLE - mass_centre(ink)[1], MIDDLE - mass_centre(ink)[0], ground
    ),
    "twice as far": lambda ink, ground=0.0: paste(
        ink, MIDDLE + mass_centre(ink)[0] - 19, MIDDLE + mass_centre(ink)[1] - 19, ground
    ),
}


def made(image: np.ndarray, **stages: str) -> np.ndarray:
    """Return what the stages make of a picture: ink, cut, size, place, ground; each right or a wrong way."""
    return _made(image.tobytes(), image.shape, **stages).copy()


@functools.lru_cache(maxsize=1000)
def _made(
    image: bytes,
    shape: tuple,
    ink: str = "right",
    cut: str = "right",
    size: str = "right",
    place: str = "right",
    ground: str = "zero",
) -> np.ndarray:
    picture = np.frombuffer(image, np.uint8).reshape(shape)
    x = INKS[ink](picture)
    level = {"zero": 0.0, "paper": float(np.median(x))}[ground]
    if cut == "right":
        x = x[bounds(paper_taken_away(picture))]
    return PLACES[place](SIZES[size](x), level)


NAMES = (
    "dtype is a float",
    "lowest and highest value (about)",
    "grey of the paper (about)",
    "height and width of the digit (about)",
    "ink in the quarters of its box (about)",
    "part of its box that is ink (about)",
    "centre of mass, row and column (about)",
)
LENGTHS = (1, 2, 1, 2, 4, 1, 2)
TOLD = (slice(0, 3), slice(3, 4), slice(4, 11), slice(11, 13), slice(1, 3))  # what belongs to a stage
TURNS = [(0, 2, 1, 3), (2, 3, 0, 1), (1, 0, 3, 2), (3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1)]


def measured(picture: object) -> np.ndarray:
    """Return the properties of a (28, 28) picture as one row of numbers; OddValueError for another shape."""
    (x,) = values.plain(picture)
    if x.shape != (SIDE, SIDE):
        raise values.OddValueError(values.shape_of(x), numbers=True)
    return _measured(x.astype(float).tobytes(), x.dtype.kind == "f").copy()


@functools.lru_cache(maxsize=2000)
def _measured(picture: bytes, is_float: bool) -> np.ndarray:
    x = np.frombuffer(picture).reshape(SIDE, SIDE)
    if not np.isfinite(x).all():
        return np.full(sum(LENGTHS), np.nan)
    low, high = x.min(), x.max()
    x = x / 255 if high > 10 else x
    ring = np.concatenate([x[0], x[-1], x[1:-1, 0], x[1:-1, -1]])
    border = np.quantile(ring, 0.3)  # a digit that is too large touches it
    ink = np.abs(x - border)
    if ink.max() < 0.02:
        return np.array([is_float, low, high, border, *[0.0] * 9])
    ink[ink < ink.max() / 4] = 0
    rows, columns = np.nonzero(ink > ink.max() / 2)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    # less than two thirds of the box is ink; in a tiny one, little is left between the strokes
    inside = np.quantile(x[top:bottom, left:right], 0.3 if (bottom - top) * (right - left) > 100 else 0.02)
    r, c = np.indices(ink.shape) + 0.5
    upper, left_half = r < (top + bottom) / 2, c < (left + right) / 2
    quarters = [
        ink[upper & left_half].sum(),
        ink[upper & ~left_half].sum(),
        ink[~upper & left_half].sum(),
        ink[~upper & ~left_half].sum(),
    ] / ink.sum()
    height, width = bottom - top, right - left
    part = len(rows) / (height * width)
    if (
        np.ptp(x[top:bottom, left:right]) < 0.1 and abs(border) < 0.1
    ):  # a filled box on black: no paper inside it, and no digit
        inside = border
    return np.array(
        [is_float, low, high, max(border, inside, key=abs), height, width, *quarters, part, *mass_centre(ink)]
    )


def faults(found: np.ndarray, right: np.ndarray) -> tuple[tuple, ...]:
    """Return what is wrong at each of five stages, in small whole numbers: 0 is as the exercise asks.

    The stages: range and dtype; paper; size, aspect and form; place; strength of the ink.
    """
    low, high, paper, height, width = found[1:6]
    if high > 10:
        values_fault = 5
    elif low < -0.3 or high > 1.4:
        values_fault = 4
    elif low < -0.002 or high > 1.002:
        values_fault = 3
    else:
        values_fault = int(high < 0.05) + int(high < 0.002)
    sides = [_side(a, b, 2) for a, b in zip((height, width), right[4:6], strict=True)]
    square = abs(height - width) <= 2
    other_turns = [np.abs(right[6:10] - right[6:10][list(turn)]).max() for turn in TURNS]
    turned = np.abs(found[6:10] - right[6:10]).max() > (0.12 if min(other_turns) > 0.18 else 0.3)
    part = _side(np.log(max(found[10], 1e-3) / right[10]), 0, np.log(1.9))
    return (
        (int(found[0] != 1), values_fault),
        (int(np.digitize(abs(paper), [0.03, 0.5])),),
        (*sides, int(square and any(sides)), int(turned), part),
        tuple(_side(place, 13.75, 1.5) for place in found[11:13]),  # 14; 13.5 for who counts pixels' edges
        (int(high < 0.7),),
    )


def _side(value: float, wanted: float, allowed: float) -> int:
    return int(np.sign(value - wanted)) if abs(value - wanted) > allowed else 0


def first_stage(all_faults: Sequence[tuple]) -> int:
    """Return the first stage at which a picture has a fault; 5 where none has."""
    return min((i for f in all_faults for i, fault in enumerate(f) if any(fault)), default=5)


@functools.lru_cache(maxsize=1)
def pictures() -> list[np.ndarray]:
    """Return the right measurements of all pictures."""
    return [measured(made(picture)) for (picture,) in prepare_digit.probes]


@functools.lru_cache(maxsize=1)
def references() -> list[dict[tuple, np.ndarray]]:
    """Return, for each picture, what is told of each fault that a known mistake has."""
    known = [{} for _ in prepare_digit.probes]
    for mistake in prepare_digit.mistakes:
        try:
            found = [measured(mistake(picture)) for (picture,) in prepare_digit.probes]
        except ValueError:  # no room for the digit: a remark, not a measurement
            continue
        all_faults = [faults(f, right) for f, right in zip(found, pictures(), strict=True)]
        stage = first_stage(all_faults)
        for told_of, f, fault, right in zip(known, found, all_faults, pictures(), strict=True):
            told_of.setdefault((stage, *fault[stage]), told(f, stage, right))
    return known


def told(found: np.ndarray, stage: int, right: np.ndarray) -> np.ndarray:
    """Return the measurements as a verdict tells them: of one stage; before it the right ones, after it nan.

    (Of a picture that is dark on light, the size and the centre of the digit mean nothing.)
    """
    out = right.copy()
    if stage < 4:
        out[TOLD[stage].stop :] = np.nan
    out[TOLD[stage]] = found[TOLD[stage]]
    return out


def properties(answer: object, image: np.ndarray) -> tuple:
    """Return the properties of what an answer makes of a picture, one array for each name.

    Where several things are wrong, the first is told: the first stage at which any of the pictures has a
    fault. No two results have quite the same numbers, so what has the same fault is told in the same numbers,
    those of the first known mistake that has it.
    """
    probes = [picture for (picture,) in prepare_digit.probes]
    place = next(i for i, picture in enumerate(probes) if np.array_equal(picture, image))
    right = pictures()[place]
    try:
        found = measured(called(answer, image))
    except ValueError as error:
        raise (remark_on(error, image) or error) from None
    own = faults(found, right)
    if first_stage([own]) == 5:
        found = right
    elif np.isfinite(found).all():
        all_faults = [own]
        for other, right_of_it in zip(probes, pictures(), strict=True):
            with contextlib.suppress(Exception):  # an error on another picture is told there
                all_faults.append(faults(measured(called(answer, other.copy())), right_of_it))
        stage = first_stage(all_faults)
        fault, known = (stage, *own[stage]), references()[place]
        if not any(own[stage]):
            found = right
        else:
            found = known[fault] if fault in known else told(found, stage, right)
    return tuple(np.split(np.round(found, 3), np.cumsum(LENGTHS)[:-1]))


def remark_on(error: ValueError, image: np.ndarray) -> values.Remark | None:
    """Return what an error says about the stage at which it came: nothing left, or no room in 28 x 28."""
    text = str(error)
    paper = np.median(image)
    is_light = np.abs(image.max() - paper) > np.abs(image.min() - paper)
    if "zero-size" in text:
        mistake = "inverted-always" if is_light else "not-inverted"
        kind = "light ink on dark paper" if is_light else "dark ink on light paper"
        return values.Remark(f"ValueError: {text}\n(of {kind}, no ink is left)", mistake)
    sides = re.search(r"broadcast input array from shape \((\d+),(\d+)\)", text)
    if not sides:
        return None
    height, width = (int(side) for side in sides.groups())
    said = f"ValueError: a digit of {height} x {width} pixels does not fit where it was put"
    if abs(min(height, width) - BOX) <= 1 and max(height, width) > BOX + 2:
        mistake = "one-side-only"
    else:
        mistake = "too-large" if max(height, width) > BOX + 2 else "not-centred"
    return values.Remark(said, mistake)


def in_words(name: str, value: np.ndarray) -> str | None:
    """Return what is said of a property: nothing where it was not looked at."""
    if np.isnan(value).any():
        return ""
    return ("yes" if value[0] else "no") if name == "dtype is a float" else None


def called(answer: object, *args: np.ndarray) -> object:
    """Return answer(*args); one that wants tensors gets tensors, and one that wants arrays gets arrays."""
    try:
        return answer(*args)
    except (TypeError, AttributeError, RuntimeError) as error:
        other = [torch.from_numpy(a) if isinstance(a, np.ndarray) else a.numpy() for a in args]
        try:
            return answer(*other)
        except (TypeError, AttributeError, RuntimeError, ValueError, IndexError):
            raise error from None


def described(image: np.ndarray) -> dict[str, str]:
    """Return a picture in words."""
    paper = int(np.median(image))
    ink = image.flat[np.abs(image.astype(int) - paper).argmax()]
    rows, columns = bounds(paper_taken_away(image))
    kind = "light ink on dark paper" if ink > paper else "dark ink on light paper"
    return {
        "image": f"a uint8 picture of shape {image.shape}, {kind}: ink {ink}, paper {paper};\nthe digit is in"
        f" rows {rows.start} to {rows.stop - 1}, columns {columns.start} to {columns.stop - 1}"
        "\n(the picture itself: put_in['image'] of this verdict)"
    }


PICTURES = [
    # strokes, (height, width), the digit's (top, left, height, width), pen, paper, ink
    ("seven", (90, 70), (12, 8, 60, 36), 9, 255, 0),
    ("seven", (70, 90), (8, 40, 48, 30), 7, 0, 255),
    ("two", (80, 140), (40, 60, 30, 54), 4, 235, 40),  # broader than high
    ("six", (110, 80), (45, 34, 56, 32), 6, 20, 190),
    ("four", (64, 120), (20, 74, 40, 28), 6, 200, 90),
    ("seven", (26, 24), (4, 8, 15, 11), 2.5, 255, 30),  # smaller than the box
    ("six", (120, 160), (10, 12, 64, 40), 7, 255, 20),
    ("two", (60, 60), (6, 30, 44, 22), 4, 60, 250),
    ("two", (76, 80), (10, 24, 40, 48), 5, 30, 230),  # a little broader than high
]

prepare_digit = Exercise(
    "prepare_digit",
    made,
    ("image",),
    returns="a (28, 28) array of floats from 0 to 1, light on dark",
    checked=(
        "drawings of 7, 2, 6 and 4 in nine sizes, dark on light and light on dark, on white, black and grey."
        " Looked at: shape, range, paper, size and aspect of the digit, its centre of mass. (Other pixels"
        " than ours are fine.)"
    ),
    probes=[(drawing(*picture),) for picture in PICTURES],
    outputs=NAMES,
    play=properties,
    show=described,
    seconds=10.0,
    words=in_words,
    hint='Show the picture after each step of your function, plt.imshow(x, cmap="gray"), and print its shape'
    ' and its largest value. put_in["image"] of this verdict is the picture.',
)

GROUNDS = ("paper", "zero")


@prepare_digit.mistake(
    "0-255",
    "The values go up to 255. The network was trained on 0 to 1.",
    hint="Divide by 255.",
    ink=("right", "veil", "as it is", "faint"),
    dtype=(float, np.uint8),
)
def _(image, dtype, **stages):
    return (255 * made(image, **stages)).clip(0, 255).astype(dtype)


@prepare_digit.mistake(
    "not-inverted",
    "Dark ink on light paper stays dark on light. MNIST's digits are light on dark: 0 is the paper.",
    hint="Is the paper lighter than the ink? np.median(image) is the paper, where there is more of it.",
    ink=("as it is", "as it is, stretched"),
    ground=GROUNDS,
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "inverted-always",
    "Every picture is turned round, also one that is light on dark already.",
    hint="Turn it round only where the paper is light, or take the distance from the paper.",
    ink=("always turned", "always turned, stretched", "always turned, of the maximum"),
    ground=GROUNDS,
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "polarity-reversed",
    "The decision is the wrong way round: what was light on dark is turned, what was dark on light is not.",
    hint="After your line, is the median of the picture near 0? That is the paper.",
    ink=("the wrong way round", "the wrong way round, stretched"),
    ground=GROUNDS,
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "paper-not-zero",
    "Grey paper stays as a veil of more than 0. Only pure white or black becomes 0 by turning round alone.",
    hint="Take the paper away: the distance of each pixel from np.median(image).",
    ink=("veil", "light turned, of the maximum"),
    ground=GROUNDS,
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "paper-not-zero",
    "The mean of a picture is not the grey of its paper: the ink pulls it. So a veil is left.",
    hint="Most pixels are paper, so the median is its grey.",
    ink=("from the mean",),
    ground=GROUNDS,
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "not-cropped",
    "The whole picture was made small, paper and all, so the digit is too small.",
    hint="Which rows and columns hold ink? Cut those out before you resize.",
    cut=("none",),
    size=("right", "no margin", "square", "square, no margin", "square, bicubic"),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "stretched",
    "The digit was pressed into a square: its aspect is lost, and a narrow digit becomes broad.",
    hint="Both sides get the same scale, 20 / the longer side.",
    size=("square", "square, no margin"),
    place=("box",),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "one-side-only",
    "The scale comes from the height (or the width) alone, so a digit that is broader than high gets too"
    " large (or one that is higher than broad).",
    hint="The scale is 20 / the longer side: max(ink.shape).",
    size=("by height", "by width", "by the shorter side"),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "one-side-only",
    "The scale comes from the height (or the width) alone, so a digit that is broader than high does not fit"
    " (or one that is higher than broad).",
    hint="The scale is 20 / the longer side: max(ink.shape).",
    side=(0, 1),
)
def _(image, side):
    shape = paper_taken_away(image)[bounds(paper_taken_away(image))].shape
    sides = [round(BOX / shape[side] * length) for length in shape]
    if max(sides) > SIDE:
        raise ValueError(f"could not broadcast input array from shape ({sides[0]},{sides[1]})")
    return made(image, size=("by height", "by width")[side])


@prepare_digit.mistake(
    "sides-swapped",
    "Height and width changed places in the resize: PIL's `resize` wants (width, height), arrays have"
    " (height, width).",
    hint="resize((width, height))",
    size=("sides swapped",),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "no-margin",
    "The digit fills all 28 pixels. In MNIST its longer side is 20, with paper around it.",
    hint="The scale is 20 / the longer side.",
    size=("no margin",),
    place=("box",),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "too-small",
    "The digit is too small. In MNIST the longer side of its ink is 20.",
    hint="The scale is 20 / the longer side.",
    size=("half", "16"),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "too-small",
    "A digit that is smaller than 20 pixels stays as it was. The longer side of its ink is asked to be 20.",
    hint="The scale is 20 / the longer side, also where that is more than 1.",
    size=("never enlarged",),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "too-large",
    "The digit is too large. In MNIST the longer side of its ink is 20.",
    hint="The scale is 20 / the longer side.",
    size=("24",),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "filled",
    "There is a filled box in the place of the digit: every pixel of it is ink.",
    hint="Place the resized picture itself, not its outline.",
    box=(bounds, lambda x: (slice(4, 24),) * 2, lambda x: (slice(9, 19),) * 2),
)
def _(image, box):
    x = made(image)
    out = np.zeros_like(x)
    out[box(x)] = 1.0
    return out


@prepare_digit.mistake(
    "transposed",
    "The digit lies on its side: rows and columns are exchanged.",
    hint="An array is (height, width), indexed [row, column]; PIL speaks of (width, height) and (x, y).",
    turn=(lambda x: x.T, lambda x: np.rot90(x), lambda x: np.rot90(x, -1)),
)
def _(image, turn):
    return turn(made(image))


@prepare_digit.mistake(
    "flipped",
    "The digit is upside down or mirrored.",
    hint="Row 0 is the top. Look at the picture: plt.imshow(my_prepare_digit(image)).",
    turn=(lambda x: x[::-1], lambda x: x[:, ::-1], lambda x: x[::-1, ::-1]),
)
def _(image, turn):
    return turn(made(image))


@prepare_digit.mistake(
    "box-centred",
    "The digit's box is in the middle, its centre of mass is not. MNIST goes by the mass: a 7 is heavy on"
    " top, so it sits lower than its box would.",
    hint="The mean row, weighted with the ink, belongs at 14; and the mean column.",
    place=("box",),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "not-centred",
    "The digit stands beside the middle.",
    hint="Work out the centre of mass of the small picture, then where its corner must lie: 14 minus it.",
    place=("corner", "corner of the box"),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "not-centred",
    "The digit's centre of mass lies beside row 14, column 14, in every picture by as much.",
    hint="Work out the centre of mass of the finished picture: where is it?",
    by=[(down, right) for down in (-3, 0, 3) for right in (-3, 0, 3) if down or right],
)
def _(image, by):
    return np.roll(made(image), by, (0, 1))


@prepare_digit.mistake(
    "not-centred",
    "The digit was made small in the right way, but the picture lies where it lay on the paper.",
    hint="Work out the centre of mass of the small picture, then where its corner must lie: 14 minus it.",
)
def _(image):
    rows, columns = bounds(paper_taken_away(image))
    cut = fitted(paper_taken_away(image)[rows, columns])
    height, width = image.shape
    top = (SIDE - cut.shape[0]) * rows.start / max(1, height - (rows.stop - rows.start))
    left = (SIDE - cut.shape[1]) * columns.start / max(1, width - (columns.stop - columns.start))
    return paste(cut, top, left)


@prepare_digit.mistake(
    "axes-swapped",
    "The centre's row was used for the columns, and its column for the rows.",
    hint="The mean row decides where the top lies, the mean column where the left side lies.",
    place=("axes swapped",),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "moved-the-wrong-way",
    "The digit is moved away from the middle by as much as it should be moved towards it.",
    hint="Where is the centre after the move? Print it: it belongs at (14, 14).",
    place=("twice as far",),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "wrapped-round",
    "In uint8 the subtraction wraps round: 30 - 255 is 31, and 254 - 255 is 255. The edges of the strokes get"
    " stronger than their middle.",
    hint="image.astype(float) before the subtraction.",
    ink=("wrapped",),
    size=("right", "bicubic"),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "faint-ink",
    "Where ink and paper differ little, the digit comes out faint. MNIST's strokes reach 1.",
    hint="Divide the ink by its maximum.",
    ink=("faint",),
)
def _(image, **stages):
    return made(image, **stages)


@prepare_digit.mistake(
    "divided-twice",
    "The values end near 0.004: they were divided by 255 twice.",
    hint="What is the largest value after each line?",
)
def _(image):
    return made(image) / 255


@prepare_digit.mistake(
    "integer-dtype",
    "The result holds whole numbers (or True and False), and the network wants floats.",
    hint="The last step: .astype(np.float32), and no whole numbers before it.",
    to_ints=(
        lambda x: (x > 0.5).astype(int),
        lambda x: np.zeros((28, 28), int),
    ),
)
def _(image, to_ints):
    return to_ints(made(image))


@prepare_digit.mistake(
    "ink-lost",
    "Nothing but zeros comes out: the values were cut to whole numbers on the way, or nothing was put in.",
    hint="np.uint8(0.7) is 0, and so is 200 // 255. Which line is the first whose maximum is 0?",
)
def _(image):
    return np.zeros((28, 28))


@prepare_digit.mistake(
    "standardised",
    "The values are shifted and scaled, (x - 0.1307) / 0.3081 or 2x - 1. The course's networks were trained"
    " on 0 to 1.",
    hint="Leave the last step out.",
    scaled=(
        lambda x: (x - 0.1307) / 0.3081,
        lambda x: 2 * x - 1,
        lambda x: (x - x.mean()) / x.std(),
    ),
)
def _(image, scaled):
    return scaled(made(image))


@prepare_digit.mistake(
    "out-of-range",
    "Some values lie below 0 or above 1. Bicubic and Lanczos resizing overshoot at edges, and PIL takes"
    " bicubic where nothing else is said.",
    hint="np.clip(x, 0, 1) after the resize.",
)
def _(image):
    x = np.array(made(image))
    x.flat[x.argmin()], x.flat[x.argmax()] = -0.05, 1.05
    return x


# -------------------------------------------------------------------------------------------- fit_temperature


def loss_at(logits: Tensor, labels: Tensor, temperature: float) -> float:
    """Return the mean cross-entropy of logits / temperature."""
    return F.cross_entropy(logits / temperature, labels).item()


def lowest(loss: Callable[[float], float]) -> float:
    """Return the temperature from 0.01 to 100 at which a loss is lowest: by golden sections of ln T."""
    shorter = (np.sqrt(5) - 1) / 2
    low, high = -4.6, 4.6
    left, right = high - shorter * (high - low), low + shorter * (high - low)
    at_left, at_right = loss(np.exp(left)), loss(np.exp(right))
    for _ in range(28):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - shorter * (high - low)
            at_left = loss(np.exp(left))
        else:
            low, left, at_left = left, right, at_right
            right = low + shorter * (high - low)
            at_right = loss(np.exp(right))
    return float(np.exp((low + high) / 2))


def right_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return T > 0 at which the mean cross-entropy of logits / T is lowest."""
    return _right_temperature(logits.numpy().tobytes(), tuple(logits.shape), labels.numpy().tobytes())


@functools.lru_cache(maxsize=64)
def _right_temperature(logits: bytes, shape: tuple, labels: bytes) -> float:
    z = torch.from_numpy(np.frombuffer(logits, np.float32).reshape(shape).astype(float))
    y = torch.from_numpy(np.frombuffer(labels, np.int64).copy())
    return lowest(lambda t: loss_at(z, y, t))


def unsure(seed: int, n: int, c: int, scale: float) -> tuple:
    """Return logits that are `scale` times too large, and labels drawn from what they should have been."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 1.7, (n, c))
    probs = functional.softmax(honest)
    labels = np.array([rng.choice(c, p=row) for row in probs])
    return np.round(scale * honest, 2), labels


def nearest_temperature(answer: object, logits: Tensor, labels: Tensor) -> float:
    """Return the answer's temperature; where it is within 2.5 % of the right one, that one.

    Otherwise the nearest of the known mistakes' within 2.5 %: a search in steps meets no number exactly.
    """
    key = logits.numpy().tobytes(), tuple(logits.shape), labels.numpy().tobytes()
    (value,) = values.plain(called(answer, logits, labels))
    if value.size != 1 or value.dtype.kind == "c":
        raise values.OddValueError(values.shape_of(value), numbers=True)
    is_whole = value.dtype.kind in "iu"
    value = float(value.ravel()[0])
    right = _right_temperature(*key)
    if abs(value - right) <= max(0.025 * right, 0.0101):
        return right
    if is_whole:  # a place in a list, more often than a temperature: told as it is
        return value
    value = without_extremes(value)
    known = [k for k in known_temperatures(*key) if abs(value - k) <= 0.006 + 0.006 * abs(k)]
    return min(known, key=lambda k: abs(value - k)) if known else value


def without_extremes(temperature: float) -> float:
    """Return 0.1 for what is below 0.25 and 10 for what is above 8: there a search's own ends decide."""
    if 0 < temperature < 0.25:
        return 0.1
    return 10.0 if 8 < temperature < np.inf else temperature


@functools.lru_cache(maxsize=64)
def known_temperatures(logits: bytes, shape: tuple, labels: bytes) -> list[float]:
    """Return what each known mistake without a free number gives."""
    z = torch.from_numpy(np.frombuffer(logits, np.float32).reshape(shape).copy())
    y = torch.from_numpy(np.frombuffer(labels, np.int64).copy())
    return [without_extremes(float(m(z, y))) for m in fit_temperature.mistakes if not m.fit]


THREE_OF_FOUR = np.array([0, 0, 0, 1])

fit_temperature = Exercise(
    "fit_temperature",
    right_temperature,
    ("logits", "labels"),
    returns="one number, T > 0",
    checked=(
        "logits that are too sure (T up to 4) and not sure enough (T down to 0.4), 4 to 120 rows of 2 to 5"
        " classes. Within 2.5 % of the best T."
    ),
    probes=[
        (np.array([[2.0, 0.0]] * 4), THREE_OF_FOUR),
        (np.array([[0.5, 0.0]] * 4), THREE_OF_FOUR),
        (np.array([[3.5, 1.0, 1.0]] * 5), np.array([0, 2, 0, 1, 0])),
        unsure(1, 60, 3, 2.0),
        unsure(2, 80, 4, 0.5),
        unsure(44, 120, 5, 1.0),
        unsure(7, 50, 5, 3.5),
        unsure(45, 60, 4, 1.4),
        unsure(42, 90, 3, 0.7),
    ],
    torch=True,
    play=nearest_temperature,
    seconds=20.0,
    hint="Print F.cross_entropy(logits / T, labels) for your T and for the expected one. Which is lower?",
)


def values_by_logits(probes: list, results: list) -> dict[bytes, float] | None:
    """Return an answer's number for each probe, by the bytes of its logits; None if one is no number."""
    found = {}
    for (logits, _), result in zip(probes, results, strict=True):
        if result.value is None or result.value[0].size != 1 or not np.isfinite(result.value[0]).all():
            return None
        found[logits.astype(np.float32).tobytes()] = float(result.value[0].ravel()[0])
    return found


def found_places(probes: list, results: list) -> list[dict]:
    """Return an answer's numbers if they are whole, differ, and grow with T: places in a list."""
    found = values_by_logits(probes, results)
    if not found or any(v < 0 or v % 1 for v in found.values()) or len(set(found.values())) < 4:
        return []
    right = [right_temperature(*fit_temperature.arguments(probe)) for probe in probes]
    in_order = np.diff(np.array(list(found.values()))[np.argsort(right)])
    return [{"found": found}] if (in_order >= 0).all() or (in_order <= 0).all() else []


@fit_temperature.mistake(
    "place-returned",
    "This is the place of the lowest loss in your list of temperatures. The temperature that stands there is"
    " asked for.",
    hint="temperatures[losses.argmin()]",
    fit=found_places,
    found=({},),
)
def _(logits, labels, found):
    if found:
        return int(found[logits.numpy().tobytes()])
    return round(200 + 200 * float(np.log10(right_temperature(logits, labels))))


@fit_temperature.mistake(
    "always-one",
    "T is 1 whatever comes in: nothing was fitted. (An optimizer whose loss does not depend on T leaves it at"
    " its start, too.)",
    hint="Does the loss change with T? Print it for T = 1 and T = 2.",
)
def _(logits, labels):
    return 1.0


@fit_temperature.mistake(
    "multiplied",
    "This is 1/T: the logits were multiplied by it. The course divides, so T above 1 makes a network less"
    " sure.",
    hint="logits / T",
)
def _(logits, labels):
    return 1 / right_temperature(logits, labels)


PROBABILITIES = (
    "T was applied to the probabilities. It belongs to the logits, before softmax; dividing probabilities"
    " by T is no longer the same network at another temperature."
)


@fit_temperature.mistake(
    "applied-to-probabilities",
    PROBABILITIES,
    hint="F.cross_entropy(logits / T, labels): the softmax is in it, after the division.",
    loss=(
        lambda z, y, t: F.cross_entropy(z.softmax(1) / t, y),
        lambda z, y, t: F.cross_entropy(z.softmax(1) * t, y),
        lambda z, y, t: F.cross_entropy(z.softmax(1) ** (1 / t), y),
        lambda z, y, t: F.cross_entropy((z / t).softmax(1), y),
    ),
)
def _(logits, labels, loss):
    return lowest(lambda t: loss(logits.double(), labels, t).item())


def guess_constant(probes: list, results: list) -> list[dict]:
    """Return the number that an answer may give for all probes; some results may stand for a near one."""
    found = {float(r.value[0]) for r in results if r.value is not None and r.value[0].size == 1}
    return [{"value": value} for value in sorted(found)] if len(found) <= 4 else []


@fit_temperature.mistake(
    "applied-to-probabilities",
    "The largest T of the search came out each time. T divides log-probabilities here, and then every loss is"
    " divided by T: the larger T, the smaller the loss. T belongs to the logits, before softmax.",
    hint="F.cross_entropy(logits / T, labels): the softmax is in it, after the division.",
    fit=lambda probes, results: [c for c in guess_constant(probes, results) if c["value"] >= 3],
    mentions=("softmax", "log_softmax"),
    value=(10.0,),
)
def _(logits, labels, value):
    return value


@fit_temperature.mistake(
    "loss-maximised",
    "The first T of the search came out each time: it has the highest loss of all.",
    hint="argmin, not argmax; or look for a sign that is turned once too often.",
    fit=lambda probes, results: [c for c in guess_constant(probes, results) if c["value"] <= 0.3],
    mentions=("cross_entropy+argmax", "nll_loss+argmax", "CrossEntropyLoss+argmax", "cross_entropy+max"),
    value=(0.1,),
)
def _(logits, labels, value):
    return value


@fit_temperature.mistake(
    "accuracy-optimised",
    "T is the same for all: accuracy does not depend on T, since dividing by T keeps the order of the"
    " logits. So every T is as good as any other, and the first one wins.",
    hint="Minimise the cross-entropy, which sees how sure the network is. If you do: argmin, not argmax.",
    fit=guess_constant,
    mentions=("argmax", "max", "topk", "accuracy", "my_accuracy"),
    value=(0.1,),
)
def _(logits, labels, value):
    return value


@fit_temperature.mistake(
    "same-for-all",
    "T is the same whatever comes in. Either the loss does not depend on it, or it is always at one end of"
    " the search: is the loss minimised, and not maximised?",
    hint="Print the loss for T = 0.5, 1, 2 and 4. It should fall, then rise.",
    fit=guess_constant,
    value=(0.1,),
)
def _(logits, labels, value):
    return value


def guess_bounds(probes: list, results: list) -> list[dict]:
    """Return pairs of the smallest and the largest T of an answer: the ends of a search, if it met them."""
    found = sorted({float(r.value[0]) for r in results if r.value is not None and r.value[0].size == 1})
    found = [f for f in found if np.isfinite(f) and f > 0]
    return [{"low": a, "high": b} for a in found[:3] for b in found[-3:] if a < b]


@fit_temperature.mistake(
    "search-too-narrow",
    "The search ends before the best T, and the last T of the range comes out. A network that is not sure"
    " enough needs T below 1, one that is too sure needs T above 1.",
    hint="Search from about 0.1 to 10, in steps that are even in the logarithm.",
    fit=guess_bounds,
    low=(1.0,),
    high=(np.inf,),
)
def _(logits, labels, low, high):
    return float(np.clip(right_temperature(logits, labels), low, high))


@fit_temperature.mistake(
    "loss-maximised",
    "This T has the highest loss of all that were tried, so it is one end of the search.",
    hint="argmin, not argmax; or look for a sign that is turned once too often.",
    low=(0.2, 0.5),
    high=(6.0, 10.0),
)
def _(logits, labels, low, high):
    return max(low, high, key=lambda t: loss_at(logits, labels, t))


@fit_temperature.mistake(
    "loss-returned",
    "This is the lowest loss. The temperature at which it is reached is asked for.",
    hint="argmin gives the place of the lowest loss; which T stands at that place?",
    times=(lambda y: 1, len),
)
def _(logits, labels, times):
    return times(labels) * loss_at(logits, labels, right_temperature(logits, labels))


@fit_temperature.mistake(
    "logarithm-returned",
    "This is ln T. A search on the logarithm is a good idea, but T itself is asked for.",
    hint="exp at the end.",
    sign=(1, -1),
)
def _(logits, labels, sign):
    return sign * float(np.log(right_temperature(logits, labels)))


@fit_temperature.mistake(
    "squared",
    "This is the square (or the root) of T.",
    hint="If the logits are divided by T ** 2 in the loss, T ** 2 is the temperature.",
    power=(2, 0.5, -2, -0.5),
)
def _(logits, labels, power):
    return right_temperature(logits, labels) ** power


@fit_temperature.mistake(
    "mean-confidence-matched",
    "At this T the mean of the largest probabilities equals the accuracy. That is a property of the right T"
    " only where the network is calibrated; the cross-entropy asks for more.",
    hint="Minimise F.cross_entropy(logits / T, labels).",
)
def _(logits, labels):
    z = logits.double()
    accuracy = (z.argmax(1) == labels).double().mean()
    return lowest(lambda t: ((z / t).softmax(1).amax(1).mean() - accuracy).abs().item())


GRID = np.arange(0.1, 6, 0.01)


def calibration_errors(logits: np.ndarray, labels: np.ndarray, bins: int, grid: np.ndarray) -> np.ndarray:
    """Return the expected calibration error at each temperature of the grid."""
    confidence = functional.softmax(logits / grid[:, None, None]).max(axis=2)  # (T, N)
    gap = (logits.argmax(axis=1) == labels) - confidence
    place = np.minimum((confidence * bins).astype(int), bins - 1) + bins * np.arange(len(grid))[:, None]
    sums = np.bincount(place.ravel(), gap.ravel(), minlength=bins * len(grid))
    return np.abs(sums).reshape(len(grid), bins).sum(axis=1) / len(labels)


def low_calibration_errors(probes: list, results: list) -> list[dict]:
    """Return an answer's own temperatures if all of them make the calibration error nearly as low as it gets.

    That error jumps, so each grid has its best T elsewhere.
    """
    values_of = [None if r.value is None or r.value[0].size != 1 else float(r.value[0]) for r in results]
    if any(v is None or not 0 < v < 100 for v in values_of):
        return []
    right = [right_temperature(*fit_temperature.arguments(probe)) for probe in probes]
    if sum(v != t for v, t in zip(values_of, right, strict=True)) < 2:
        return []
    for bins in (10, 15, 20, 5):
        for (logits, labels), value, t in zip(probes, values_of, right, strict=True):
            at_value, at_right, *others = calibration_errors(
                logits, labels, bins, np.array([value, t, *GRID])
            )
            if value != t and at_value > min(others) + 0.5 * (at_right - min(others)) + 0.004:
                break
        else:
            return [{"found": dict(zip([p[0].astype("float32").tobytes() for p in probes], values_of))}]  # noqa: B905
    return []


@fit_temperature.mistake(
    "calibration-error-optimised",
    "This T makes the calibration error smallest. That error jumps as examples change bins, so its lowest"
    " point is an accident of the bins; the cross-entropy is smooth, with a single valley.",
    hint="Minimise F.cross_entropy(logits / T, labels).",
    fit=low_calibration_errors,
    found=({},),
)
def _(logits, labels, found):
    if found:
        return found[logits.numpy().tobytes()]
    z, y = logits.double().numpy(), labels.numpy()
    return float(GRID[calibration_errors(z, y, 10, GRID).argmin()])


@fit_temperature.mistake(
    "squared-error",
    "The squared error of the probabilities was minimised, not the cross-entropy.",
    hint="F.cross_entropy(logits / T, labels)",
    loss=(
        lambda p, y: ((p - F.one_hot(y, p.shape[1])) ** 2).mean(),
        lambda p, y: ((1 - p[range(len(y)), y]) ** 2).mean(),
    ),
)
def _(logits, labels, loss):
    z = logits.double()
    return lowest(lambda t: loss((z / t).softmax(1), labels).item())


@fit_temperature.mistake(
    "wrong-axis",
    "Softmax runs down the columns, over the examples.",
    hint="One row is one example: dim=1, or F.cross_entropy, which knows.",
    of_equal_rows=(0.1, 10.0, 1.0),  # there the loss is flat: the search's start or end comes out
)
def _(logits, labels, of_equal_rows):
    z = logits.double()
    if (z == z[0]).all():
        return of_equal_rows
    return lowest(lambda t: F.nll_loss((z / t).log_softmax(0), labels).item())


def found_on_the_way(probes: list, results: list) -> list[dict]:
    """Return an answer's temperatures if each lies between 1 and the right one, and most fall short of it."""
    found = values_by_logits(probes, results)
    if not found:
        return []
    short = 0
    for probe, value in zip(probes, found.values(), strict=True):
        right = right_temperature(*fit_temperature.arguments(probe))
        if not min(1, right) - 1e-6 <= value <= max(1, right) + 1e-6:
            return []
        short += value != right and value != 1
    return [{"found": found}] if short >= 3 else []


@fit_temperature.mistake(
    "stopped-too-early",
    "Each T lies between 1 and the best one: the optimizer set out from 1 in the right direction, and was"
    " stopped on its way.",
    hint="More steps, or a larger learning rate. Does T still move at the last step?",
    fit=found_on_the_way,
    mentions=("backward", "grad", "step", "range", "argmax"),
    found=({},),
)
def _(logits, labels, found):
    return found[logits.numpy().tobytes()] if found else right_temperature(logits, labels) ** 0.3


def found_nearby(probes: list, results: list) -> list[dict]:
    """Return an answer's temperatures if each lies within a quarter of the right one."""
    found = values_by_logits(probes, results)
    right = [right_temperature(*fit_temperature.arguments(probe)) for probe in probes]
    near = found and all(0.8 < v / t < 1.25 for v, t in zip(found.values(), right, strict=True))
    return [{"found": found}] if near else []


@fit_temperature.mistake(
    "steps-too-wide",
    "Each T is near the best one, and not near enough. If the loss is the cross-entropy of logits / T, then"
    " the steps of the search are too wide.",
    hint="torch.logspace(-1, 1, 401) goes in steps of about 1 %.",
    fit=found_nearby,
    mentions=("linspace", "logspace", "arange", "geomspace", "range", "argmax"),
    found=({},),
)
def _(logits, labels, found):
    return found[logits.numpy().tobytes()] if found else 1.15 * right_temperature(logits, labels)
