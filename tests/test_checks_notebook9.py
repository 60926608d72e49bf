"""Notebook 9's exercises: each mistake is named however it is written, and right answers pass."""

import catalogue
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from catalogue import Catalogue
from PIL import Image
from scipy import optimize

from softmax_lib import checks, digits, functional
from softmax_lib.checks import notebook9

SERIES_TABLE = {
    "confusion_matrix": "transposed normalised missing-class repeated-pairs-lost diagonal-only only-errors"
    " accuracy-not-matrix off-by-one",
    "prepare_digit": "not-inverted not-centred stretched 0-255 inverted-always not-cropped box-centred"
    " transposed integer-dtype",
    "fit_temperature": "multiplied applied-to-probabilities accuracy-optimised calibration-error-optimised"
    " loss-returned squared logarithm-returned always-one search-too-narrow",
}
EXERCISES = tuple(SERIES_TABLE)
CATALOGUE = Catalogue()
wrong, right = CATALOGUE.wrong, CATALOGUE.right

# ------------------------------------------------------------------------------------------- confusion_matrix
CONFUSION = "confusion_matrix"


def in_a_loop(labels, predictions, num_classes):
    m = np.zeros((num_classes, num_classes), dtype=int)
    for label, prediction in zip(labels, predictions, strict=True):
        m[label, prediction] += 1
    return m


def by_einsum(y, p, c):
    return np.einsum("ni,nj->ij", np.eye(c)[y], np.eye(c)[p])


wrong("transposed", CONFUSION)(lambda y, p, c: by_einsum(p, y, c))
wrong("transposed", CONFUSION)(lambda y, p, c: in_a_loop(y, p, c).T.tolist())
wrong("transposed", CONFUSION)(lambda y, p, c: torch.bincount(c * p + y, minlength=c * c).reshape(c, c))


@wrong("repeated-pairs-lost", CONFUSION)
def indexed_at_once(labels, predictions, num_classes):
    m = np.zeros((num_classes, num_classes))
    m[labels, predictions] += 1
    return m


wrong("repeated-pairs-lost", CONFUSION)(lambda y, p, c: (by_einsum(y, p, c) > 0).astype(float))
wrong("repeated-pairs-lost", CONFUSION)(lambda y, p, c: in_a_loop(p, y, c).clip(max=1))


@wrong("repeated-pairs-lost", CONFUSION)
def set_not_added(labels, predictions, num_classes):
    m = [[0] * num_classes for _ in range(num_classes)]
    for label, prediction in zip(labels, predictions, strict=True):
        m[label][prediction] = 1
    return m


@wrong("counted-in-bytes", CONFUSION)
def counted_in_bytes(y, p, c):
    m = np.zeros((c, c), dtype=np.uint8)  # after 255 comes 0
    for true, predicted in zip(y, p, strict=True):
        m[true, predicted] += 1
    return m


wrong("normalised", CONFUSION)(lambda y, p, c: by_einsum(y, p, c) / np.bincount(y, minlength=c)[:, None])
wrong("normalised", CONFUSION)(lambda y, p, c: by_einsum(y, p, c) / len(y))
wrong("normalised", CONFUSION)(
    lambda y, p, c: by_einsum(y, p, c) / np.bincount(y, minlength=c)[:, None].clip(1)
)
wrong("normalised", CONFUSION)(lambda y, p, c: np.nan_to_num(by_einsum(y, p, c) / by_einsum(y, p, c).sum(0)))
wrong("normalised", CONFUSION)(lambda y, p, c: 100 * by_einsum(y, p, c) / len(y))
wrong("normalised", CONFUSION)(lambda y, p, c: by_einsum(y, p, c) / by_einsum(y, p, c).sum(1))
wrong("missing-class", CONFUSION)(
    lambda y, p, c: [np.bincount(p[y == k], minlength=c) for k in sorted(set(y.tolist()))]
)
wrong("missing-class", CONFUSION)(
    lambda y, p, c: in_a_loop(*(np.unique(a, return_inverse=True)[1] for a in (y, p)), c)
)
wrong("missing-class", CONFUSION)(lambda y, p, c: by_einsum(y, p, max(*y, *p) + 1))


@wrong("missing-class", CONFUSION)
def of_classes_that_occur(labels, predictions, num_classes):
    names = sorted({*labels.tolist(), *predictions.tolist()})
    return [[sum((labels == i) & (predictions == j)) for j in names] for i in names]


wrong("missing-class", CONFUSION)(
    lambda y, p, c: [[sum((y == i) & (p == j)) for j in set(y.tolist())] for i in set(y.tolist())]
)
wrong("missing-class", CONFUSION)(lambda y, p, c: np.bincount(y * c + p).reshape((c, c)))
wrong("missing-class", CONFUSION)(lambda y, p, c: in_a_loop(y, p, y.max() + 1))
wrong("missing-class", CONFUSION)(lambda y, p, c: in_a_loop(y, p, len(set(y))))
wrong("ten-classes", CONFUSION)(lambda y, p, c: by_einsum(y, p, 10))
wrong("off-by-one", CONFUSION)(lambda y, p, c: in_a_loop(y - 1, p - 1, c))
wrong("off-by-one", CONFUSION)(lambda y, p, c: in_a_loop(y + 1, p + 1, c))
wrong("off-by-one", CONFUSION)(lambda y, p, c: in_a_loop(y, p, c + 1))
wrong("off-by-one", CONFUSION)(
    lambda y, p, c: [[np.sum((y == i) & (p == j)) for j in range(1, c)] for i in range(1, c)]
)
wrong("diagonal-only", CONFUSION)(lambda y, p, c: np.diag(np.bincount(y[y == p], minlength=c)))
wrong("diagonal-only", CONFUSION)(lambda y, p, c: np.bincount(y[y == p], minlength=c))
wrong("only-errors", CONFUSION)(lambda y, p, c: in_a_loop(y[y != p], p[y != p], c))
wrong("accuracy-not-matrix", CONFUSION)(lambda y, p, c: np.mean(y == p))
wrong("accuracy-not-matrix", CONFUSION)(lambda y, p, c: sum(a == b for a, b in zip(y, p, strict=True)))
wrong("accuracy-not-matrix", CONFUSION)(
    lambda y, p, c: np.bincount(y[y == p], minlength=c) / np.bincount(y, minlength=c)
)


@wrong("rows-shared", CONFUSION)
def one_row_named_often(labels, predictions, num_classes):
    m = [[0] * num_classes] * num_classes
    for label, prediction in zip(labels, predictions, strict=True):
        m[label][prediction] += 1
    return m


@wrong("returned-too-early", CONFUSION)
def return_in_the_loop(labels, predictions, num_classes):
    m = np.zeros((num_classes, num_classes))
    for label, prediction in zip(labels, predictions, strict=True):
        m[label, prediction] += 1
        return m
    return None


wrong("both-ways", CONFUSION)(lambda y, p, c: in_a_loop(y, p, c) + in_a_loop(p, y, c))
wrong("example-grid", CONFUSION)(lambda y, p, c: np.equal.outer(y, p))
wrong("wrong-shape", CONFUSION)(lambda y, p, c: in_a_loop(y, p, c).ravel())
wrong("nothing-returned", CONFUSION)(lambda y, p, c: None)
wrong("printed-not-returned", CONFUSION)(lambda y, p, c: print(in_a_loop(y, p, c)))
wrong(None, CONFUSION)(lambda y, p, c: in_a_loop(np.sort(y), np.sort(p), c))
wrong(None, CONFUSION)(lambda y, p, c: by_einsum(y, p, c)[::-1])
wrong(None, CONFUSION)(lambda y, p, c: in_a_loop(y, p, c) + np.eye(c))
wrong(None, CONFUSION)(lambda y, p, c: in_a_loop(y[:30], p[:30], c))
right(CONFUSION)(in_a_loop)
right(CONFUSION)(functional.confusion_matrix)
right(CONFUSION)(by_einsum)
right(CONFUSION)(lambda y, p, c: np.bincount(c * y + p, minlength=c * c).reshape(c, c))
right(CONFUSION)(lambda y, p, c: torch.bincount(c * y + p, minlength=c * c).reshape(c, c))  # wants tensors
right(CONFUSION)(lambda y, p, c: [[int(((y == i) & (p == j)).sum()) for j in range(c)] for i in range(c)])


@right(CONFUSION)
def with_a_list_of_lists(labels, predictions, num_classes):
    m = [[0.0] * num_classes for _ in range(num_classes)]
    for n in range(len(labels)):
        m[labels[n]][predictions[n]] += 1
    return torch.tensor(m)


# ---------------------------------------------------------------------------------------------- prepare_digit
DIGIT = "prepare_digit"


def resized(picture, width, height, how=Image.BILINEAR):
    return np.asarray(Image.fromarray(np.uint8(np.round(255 * picture))).resize((width, height), how)) / 255


def taken(image):
    """The ink, 0 to 1."""
    paper = np.median(image)
    ink = abs(image.astype(float) - paper)
    return ink / ink.max()


def cut_out(ink, level=0.3):
    strong = ink > level
    r, c = np.flatnonzero(strong.any(1)), np.flatnonzero(strong.any(0))
    return ink[r[0] : r[-1] + 1, c[0] : c[-1] + 1]


def small(ink, side=20, how=Image.BILINEAR):
    k = side / max(ink.shape)
    return resized(ink, max(1, int(k * ink.shape[1] + 0.5)), max(1, int(k * ink.shape[0] + 0.5)), how)


def put(picture, top, left, ground=0.0):
    """28 x 28 with the picture at this corner; what stands over is cut off."""
    out = np.full((28 + 120, 28 + 120), ground)
    out[60 + top : 60 + top + picture.shape[0], 60 + left : 60 + left + picture.shape[1]] = picture
    return out[60:88, 60:88]


def mass(picture):
    r, c = np.indices(picture.shape)
    return (r * picture).sum() / picture.sum(), (c * picture).sum() / picture.sum()


def by_mass(picture, middle=14.0, to_int=round):
    return put(picture, *(to_int(middle - m) for m in mass(picture)))


def in_the_box(picture, ground=0.0):
    return put(picture, (28 - picture.shape[0]) // 2, (28 - picture.shape[1]) // 2, ground)


def by_the_mean_of_the_mask(image):
    return [round(14 - np.mean(places)) for places in np.nonzero(small(cut_out(taken(image))) > 0.3)]


def distance(image, paper):
    ink = abs(image.astype(float) - paper)
    return ink / ink.max()


def only_darker(image):
    ink = (np.median(image) - image).clip(min=0)
    rows, columns = np.nonzero(ink > 0.3 * ink.max())
    return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] / max(1, ink.max())


def strictly_placed(image, scale, middle=14):
    """An error where the digit does not fit."""
    ink = cut_out(taken(image))
    height, width = (round(scale(*ink.shape) * side) for side in ink.shape)
    picture, out = resized(ink, width, height), np.zeros((28, 28))
    top, left = (round(middle - m) for m in mass(picture))
    out[top : top + height, left : left + width] = picture
    return out


def turned(image):
    return 255 - image if image.mean() > 127 else image


wrong("not-inverted", DIGIT)(lambda image: resized(image / 255, 28, 28))
wrong("not-inverted", DIGIT)(lambda image: in_the_box(small(image / 255)))
wrong("not-inverted", DIGIT)(lambda image: by_mass(small(cut_out(image / 255))))
wrong("not-inverted", DIGIT)(
    lambda image: (
        1 - by_mass(small(cut_out(taken(image)))) if image.mean() > 127 else digits.prepare_digit(image)
    )
)
wrong("not-inverted", DIGIT)(lambda image: in_the_box(small(cut_out(image / image.max()))))
wrong("inverted-always", DIGIT)(lambda image: resized((255 - image) / 255, 28, 28))
wrong("inverted-always", DIGIT)(lambda image: by_mass(small((image.max() - 1.0 * image) / np.ptp(image))))
wrong("inverted-always", DIGIT)(lambda image: by_mass(small(cut_out((255 - image) / 255))))
wrong("inverted-always", DIGIT)(lambda image: in_the_box(small(1 - image / image.max())))
wrong("polarity-reversed", DIGIT)(
    lambda image: in_the_box(small((255 - image if image.mean() < 127 else image) / 255))
)
wrong("polarity-reversed", DIGIT)(lambda image: 1 - digits.prepare_digit(image))
wrong("not-centred", DIGIT)(lambda image: put(small(cut_out(taken(image))), 0, 0))
wrong("not-centred", DIGIT)(lambda image: put(small(cut_out(taken(image))), 4, 4))
wrong("not-centred", DIGIT)(lambda image: by_mass(small(cut_out(taken(image))), 10))
wrong("stretched", DIGIT)(lambda image: by_mass(resized(cut_out(taken(image)), 20, 20)))
wrong("stretched", DIGIT)(lambda image: resized(cut_out(taken(image)), 28, 28))
wrong("stretched", DIGIT)(
    lambda image: F.pad(
        F.interpolate(torch.tensor(cut_out(taken(image)))[None, None].float(), (20, 20)), (4, 4, 4, 4)
    )[0, 0]
)
wrong("0-255", DIGIT)(lambda image: 255 * by_mass(small(cut_out(taken(image)))))
wrong("0-255", DIGIT)(lambda image: (255 * digits.prepare_digit(image)).astype(np.uint8))
wrong("0-255", DIGIT)(lambda image: np.asarray(Image.fromarray(image).resize((28, 28))))
wrong("not-cropped", DIGIT)(lambda image: resized(taken(image), 28, 28))
wrong("not-cropped", DIGIT)(lambda image: by_mass(small(taken(image), 28)))
wrong("not-cropped", DIGIT)(lambda image: by_mass(small(taken(image))))
wrong("not-cropped", DIGIT)(lambda image: in_the_box(small(taken(image))))
wrong("not-cropped", DIGIT)(lambda image: by_mass(cut_out(resized(taken(image), 28, 28))))
wrong("box-centred", DIGIT)(lambda image: in_the_box(small(cut_out(taken(image)))))
wrong("box-centred", DIGIT)(lambda image: in_the_box(small(cut_out(taken(image)), how=Image.BOX)))
wrong("transposed", DIGIT)(lambda image: digits.prepare_digit(image).T)
wrong("transposed", DIGIT)(lambda image: by_mass(small(cut_out(taken(image).T))))
wrong("flipped", DIGIT)(lambda image: digits.prepare_digit(np.flipud(image)))
wrong("flipped", DIGIT)(lambda image: by_mass(small(cut_out(taken(image)[:, ::-1]))))
wrong("integer-dtype", DIGIT)(lambda image: (digits.prepare_digit(image) > 0.5).astype(np.uint8))
wrong("integer-dtype", DIGIT)(lambda image: digits.prepare_digit(image) > 0.5)
wrong("integer-dtype", DIGIT)(lambda image: np.uint8(0.99 * digits.prepare_digit(image)))
wrong("ink-lost", DIGIT)(lambda image: np.zeros((28, 28), np.float32))
wrong("divided-twice", DIGIT)(lambda image: digits.prepare_digit(image) / 255)
wrong("paper-not-zero", DIGIT)(lambda image: by_mass(small(cut_out(turned(image) / 255))))
wrong("paper-not-zero", DIGIT)(lambda image: in_the_box(small(cut_out(turned(image) / turned(image).max()))))
wrong("faint-ink", DIGIT)(lambda image: by_mass(small(cut_out(taken(image)))) * np.ptp(image) / 255)
wrong("no-margin", DIGIT)(lambda image: in_the_box(small(cut_out(taken(image)), 28)))


def scaled_by_height(image):
    ink = cut_out(taken(image))
    picture = resized(ink, round(20 * ink.shape[1] / ink.shape[0]), 20)
    return in_the_box(picture[:, :28])


wrong("one-side-only", DIGIT)(scaled_by_height)
wrong("too-small", DIGIT)(lambda image: in_the_box(small(cut_out(taken(image)), 12)))
wrong("too-small", DIGIT)(lambda image: by_mass(small(cut_out(taken(image)), 10)))
wrong("too-small", DIGIT)(lambda image: by_mass(small(cut_out(taken(image)), 16)))
wrong("too-small", DIGIT)(
    lambda image: by_mass(small(cut_out(taken(image)), min(20, *[max(cut_out(taken(image)).shape)] * 2)))
)
wrong("too-large", DIGIT)(lambda image: by_mass(small(cut_out(taken(image)), 24)))
wrong("not-centred", DIGIT)(lambda image: np.roll(digits.prepare_digit(image), 3, axis=1))
wrong("not-centred", DIGIT)(lambda image: np.roll(by_mass(small(cut_out(taken(image)))), 2, 0))
wrong("not-cropped", DIGIT)(lambda image: resized(taken(image), 28, 28, Image.BICUBIC))
wrong("paper-not-zero", DIGIT)(lambda image: by_mass(small(cut_out(distance(image, image.mean())))))
wrong(None, DIGIT)(lambda image: 0.6 * digits.prepare_digit(image))
wrong("out-of-range", DIGIT)(lambda image: 1.004 * digits.prepare_digit(image))
wrong(None, DIGIT)(lambda image: digits.prepare_digit(image).clip(min=0.05))
wrong("one-side-only", DIGIT)(lambda image: strictly_placed(image, lambda h, w: 20 / h))
wrong(None, DIGIT)(lambda image: strictly_placed(image, lambda h, w: 20 / (h if h > 0.8 * w else w)))
wrong("not-centred", DIGIT)(lambda image: strictly_placed(image, lambda h, w: 20 / max(h, w), 17))
wrong("inverted-always", DIGIT)(lambda image: by_mass(small(only_darker(image))))
wrong("filled", DIGIT)(lambda image: by_mass(np.ones_like(small(cut_out(taken(image))))))
wrong("filled", DIGIT)(lambda image: np.pad(np.ones((20, 20)), 4))


@wrong("sides-swapped", DIGIT)
def height_first(image):
    ink = cut_out(taken(image))
    size = [round(20 / max(ink.shape) * side) for side in ink.shape]
    return by_mass(np.asarray(Image.fromarray(np.uint8(255 * ink)).resize(size)) / 255)


@wrong("axes-swapped", DIGIT)
def row_for_column(image):
    picture = small(cut_out(taken(image)))
    row, column = mass(picture)
    return put(picture, round(14 - column), round(14 - row))


@wrong("moved-the-wrong-way", DIGIT)
def moved_away(image):
    picture = small(cut_out(taken(image)))
    row, column = mass(picture)
    moved = np.zeros((60, 60))
    moved[16 + round(row - 5) : 16 + round(row - 5) + picture.shape[0], 16 + round(column - 5) :][
        :, : picture.shape[1]
    ] = picture
    return moved[16:44, 16:44]


wrong("standardised", DIGIT)(lambda image: (digits.prepare_digit(image) - 0.1307) / 0.3081)
wrong("standardised", DIGIT)(lambda image: torch.tensor(digits.prepare_digit(image)).sub(0.5).div(0.5))


@wrong("out-of-range", DIGIT)
def bicubic_of_floats(image):
    ink = cut_out(taken(image))
    height, width = (round(20 / max(ink.shape) * side) for side in ink.shape)
    return by_mass(np.asarray(Image.fromarray(ink.astype(np.float32)).resize((width, height))))


wrong("wrong-shape", DIGIT)(lambda image: digits.prepare_digit(image)[None])
wrong("wrong-shape", DIGIT)(lambda image: digits.prepare_digit(image).ravel())
wrong("wrong-shape", DIGIT)(lambda image: small(cut_out(taken(image))))
wrong("nothing-returned", DIGIT)(lambda image: None)
wrong("printed-not-returned", DIGIT)(lambda image: print(digits.prepare_digit(image)))
wrong("wrong-type", DIGIT)(lambda image: Image.fromarray(image).resize((28, 28)).tobytes())
wrong("raises", DIGIT)(lambda image: image.crop())
wrong(None, DIGIT)(lambda image: np.random.default_rng(0).random((28, 28)))
SEVEN = notebook9.prepare_digit.probes[0][0]
wrong(None, DIGIT)(lambda image: digits.prepare_digit(SEVEN))


@wrong("mutates-input", DIGIT)
def into_the_callers_own(image):
    digit = digits.prepare_digit(image)
    image[image > 250] = 250
    return digit


right(DIGIT)(digits.prepare_digit)
right(DIGIT)(lambda image: by_mass(small(cut_out(taken(image)))))
right(DIGIT)(lambda image: by_mass(small(cut_out(taken(image))), 13.5))
right(DIGIT)(lambda image: by_mass(small(cut_out(taken(image))), 14, int))
right(DIGIT)(lambda image: by_mass(small(cut_out(taken(image), 0.05), how=Image.BICUBIC)))
right(DIGIT)(lambda image: by_mass(small(cut_out(taken(image), 0.5), how=Image.BOX)).tolist())
right(DIGIT)(lambda image: by_mass(small(cut_out(taken(image)), how=Image.LANCZOS)).astype(np.float32))
right(DIGIT)(lambda image: by_mass((small(cut_out(taken(image))) > 0.4).astype(float)))
right(DIGIT)(lambda image: by_mass(small(cut_out(taken(image)), how=Image.NEAREST)))
right(DIGIT)(lambda image: torch.tensor(by_mass(small(cut_out(taken(image)), 19))))
right(DIGIT)(lambda image: by_mass(small(cut_out(1.0 * (turned(image) > 127)))))
right(DIGIT)(lambda image: by_mass(small(cut_out(taken(image)))).astype(np.float16))
right(DIGIT)(lambda image: put(small(cut_out(taken(image))), *by_the_mean_of_the_mask(image)))


def resized_by_pil(ink):
    scale = 20 / max(ink.shape)
    height, width = (max(1, round(scale * side)) for side in ink.shape)
    return np.array(Image.fromarray(ink.astype(np.uint8)).resize((width, height))) / 255


@wrong("wrapped-round", DIGIT)
def uint8_minus_uint8(image):
    return by_mass(resized_by_pil(cut_out(np.abs(image - image[0, 0]))))


@wrong("wrapped-round", DIGIT)
def uint8_and_a_division(image):
    ink = np.abs(image - np.median(image).astype(np.uint8))
    return by_mass(resized_by_pil(255 * cut_out(ink / ink.max())))


@right(DIGIT)
def with_torch_and_roll(image):
    x = torch.as_tensor(image).float()
    x = (x - x.median()).abs()
    x = x / x.max()
    rows, columns = torch.where(x > 0.2)
    x = x[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    x = F.interpolate(x[None, None], scale_factor=20 / max(x.shape), mode="area")[0, 0]
    out = torch.zeros(28, 28)
    out[: x.shape[0], : x.shape[1]] = x
    r, c = mass(out.numpy())
    return torch.roll(out, (round(14 - r), round(14 - c)), (0, 1))


@right(DIGIT)
def by_the_corner_and_in_plain_numpy(image):
    ink = 255.0 - image if image[0, 0] > 127 else 1.0 * image
    ink = ink - ink.min()
    ink = cut_out(ink / ink.max())
    n = max(ink.shape)
    rows = (np.arange(round(20 * ink.shape[0] / n)) + 0.5) * n / 20
    columns = (np.arange(round(20 * ink.shape[1] / n)) + 0.5) * n / 20
    return by_mass(
        ink[rows.astype(int).clip(max=ink.shape[0] - 1)][:, columns.astype(int).clip(max=ink.shape[1] - 1)]
    )


# -------------------------------------------------------------------------------------------- fit_temperature
TEMPERATURE = "fit_temperature"


def grid_search(objective, grid, best=min):
    return best(grid, key=objective)


EVEN = np.exp(np.linspace(np.log(0.05), np.log(20), 900))
FINE = np.arange(0.2, 6, 0.01)


def by_grid(grid, loss):
    return lambda z, y: float(min(grid, key=lambda t: float(loss(z, y, t))))


def ce(z, y, t):
    return F.cross_entropy(z / float(t), y)


def by_lbfgs(logits, labels):
    t = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([t], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(logits / t, labels)
        loss.backward()
        return loss

    optimizer.step(closure)
    return t


def best(logits, labels):
    return by_grid(EVEN, ce)(logits, labels)


wrong("multiplied", TEMPERATURE)(by_grid(EVEN, lambda z, y, t: F.cross_entropy(float(t) * z, y)))
wrong("multiplied", TEMPERATURE)(lambda z, y: 1 / best(z, y))
wrong("applied-to-probabilities", TEMPERATURE)(
    by_grid(EVEN, lambda z, y, t: F.cross_entropy(torch.softmax(z, 1) / float(t), y))
)
wrong("applied-to-probabilities", TEMPERATURE)(
    by_grid(EVEN, lambda z, y, t: F.cross_entropy((z / float(t)).softmax(1), y))
)
wrong("accuracy-optimised", TEMPERATURE)(
    lambda z, y: max(FINE, key=lambda t: ((z / float(t)).argmax(1) == y).float().mean())
)
wrong("accuracy-optimised", TEMPERATURE)(
    lambda z, y: FINE[np.argmax([((z / t).numpy().argmax(1) == y.numpy()).mean() for t in FINE])]
)
wrong("calibration-error-optimised", TEMPERATURE)(
    lambda z, y: min(np.arange(0.1, 6, 0.02), key=lambda t: ece(z / float(t), y, 10))
)
wrong("calibration-error-optimised", TEMPERATURE)(
    lambda z, y: min(np.arange(0.1, 6, 0.02), key=lambda t: ece(z / float(t), y, 15))
)


def ece(z, y, bins):
    confidence, pick = z.double().softmax(1).max(1)
    total = 0.0
    for k in range(bins):
        inside = (confidence >= k / bins) & (confidence < (k + 1) / bins + (k == bins - 1))
        if inside.any():
            gap = (pick == y)[inside].double().mean() - confidence[inside].mean()
            total += inside.double().mean().item() * abs(gap.item())
    return total


wrong("accuracy-optimised", TEMPERATURE)(  # the last of the best
    lambda z, y: max(FINE[::-1], key=lambda t: ((z / float(t)).argmax(1) == y).float().mean())
)
wrong("loss-maximised", TEMPERATURE)(
    lambda z, y: FINE[torch.stack([F.cross_entropy(z / float(t), y) for t in FINE]).argmax()]
)
wrong("logarithm-returned", TEMPERATURE)(lambda z, y: np.log(by_grid(np.logspace(-1, 1, 401), ce)(z, y)))
wrong("squared-error", TEMPERATURE)(
    by_grid(
        np.logspace(-1, 1, 401),
        lambda z, y, t: ((z / float(t)).softmax(1) - torch.eye(z.shape[1])[y]).square().mean(),
    )
)
wrong("place-returned", TEMPERATURE)(
    lambda z, y: torch.stack([F.cross_entropy(z / float(t), y) for t in np.logspace(-1, 1, 401)]).argmin()
)
wrong("loss-returned", TEMPERATURE)(lambda z, y: min(ce(z, y, t).item() for t in EVEN))
wrong("logarithm-returned", TEMPERATURE)(lambda z, y: np.log(best(z, y)))
wrong("squared", TEMPERATURE)(lambda z, y: best(z, y) ** 2)
wrong("squared", TEMPERATURE)(by_grid(EVEN, lambda z, y, t: F.cross_entropy(z / float(t) ** 2, y)))
wrong("always-one", TEMPERATURE)(lambda z, y: torch.ones(1, requires_grad=True))
wrong("always-one", TEMPERATURE)(lambda z, y: 1)
wrong("same-for-all", TEMPERATURE)(lambda z, y: 1.5)
wrong("loss-maximised", TEMPERATURE)(by_grid(FINE, lambda z, y, t: -ce(z, y, t)))
wrong("applied-to-probabilities", TEMPERATURE)(
    lambda z, y: min(FINE, key=lambda t: F.nll_loss(z.log_softmax(1) / float(t), y).item())
)
wrong("same-for-all", TEMPERATURE)(
    lambda z, y: min(FINE, key=lambda t: F.nll_loss(z.softmax(1).sum(1, True) * z * 0 / float(t), y).item())
)
wrong("search-too-narrow", TEMPERATURE)(by_grid(np.arange(0.01, 1.001, 0.01), ce))
wrong("search-too-narrow", TEMPERATURE)(by_grid(np.arange(1, 10, 0.01), ce))
wrong("search-too-narrow", TEMPERATURE)(by_grid(np.linspace(0.5, 2.5, 400), ce))
wrong("mean-confidence-matched", TEMPERATURE)(
    by_grid(
        np.exp(np.linspace(np.log(0.01), np.log(100), 1500)),
        lambda z, y, t: ((z / float(t)).softmax(1).max(1)[0].mean() - (z.argmax(1) == y).float().mean()) ** 2,
    )
)
wrong("squared-error", TEMPERATURE)(
    by_grid(EVEN, lambda z, y, t: F.mse_loss((z / float(t)).softmax(1), F.one_hot(y, z.shape[1]).float()))
)
wrong("wrong-axis", TEMPERATURE)(
    by_grid(EVEN, lambda z, y, t: F.nll_loss(torch.log_softmax(z / float(t), dim=0), y))
)
wrong("place-returned", TEMPERATURE)(lambda z, y: np.argmin([ce(z, y, t).item() for t in EVEN]))
wrong("place-returned", TEMPERATURE)(
    lambda z, y: torch.tensor([ce(z, y, t) for t in torch.linspace(0.1, 10, 100)]).min(0).indices
)
wrong("steps-too-wide", TEMPERATURE)(lambda z, y: by_grid(np.geomspace(0.2, 8, 21), ce)(z, y))
wrong("steps-too-wide", TEMPERATURE)(
    lambda z, y: min(torch.linspace(0.4, 6, 40).tolist(), key=lambda t: ce(z, y, t).item())
)


@wrong("stopped-too-early", TEMPERATURE)
def twenty_steps_of_adam(logits, labels):
    log_t = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.Adam([log_t], lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        F.cross_entropy(logits * torch.exp(-log_t), labels).backward()
        optimizer.step()
    return log_t.exp()


@wrong("stopped-too-early", TEMPERATURE)
def small_steps_by_hand(logits, labels):
    t = 1.0
    for _ in range(150):
        slope = (ce(logits, labels, t + 0.001) - ce(logits, labels, t - 0.001)) / 0.002
        t -= 0.01 * slope.item()
    return t


wrong("wrong-shape", TEMPERATURE)(lambda z, y: (best(z, y), ce(z, y, best(z, y))))
wrong("wrong-shape", TEMPERATURE)(lambda z, y: z / best(z, y))
wrong("wrong-type", TEMPERATURE)(lambda z, y: f"{best(z, y):.2f}")
wrong("nothing-returned", TEMPERATURE)(lambda z, y: None)
wrong("printed-not-returned", TEMPERATURE)(lambda z, y: print(best(z, y)))
wrong(None, TEMPERATURE)(lambda z, y: 1.1 * best(z, y))
wrong(None, TEMPERATURE)(by_grid(np.arange(0.5, 6, 0.5), ce))
wrong(None, TEMPERATURE)(lambda z, y: best(z[:20], y[:20]))
right(TEMPERATURE)(best)
right(TEMPERATURE)(by_grid(FINE, ce))
right(TEMPERATURE)(by_grid(FINE, lambda z, y, t: F.cross_entropy(z / float(t), y, reduction="sum")))
right(TEMPERATURE)(by_grid(FINE, lambda z, y, t: functional.cross_entropy(z.numpy() / t, y.numpy())))
right(TEMPERATURE)(by_grid(FINE, lambda z, y, t: F.nll_loss((z / float(t)).softmax(1).log(), y)))
right(TEMPERATURE)(lambda z, y: functional.softmax(z).shape and best(z, y))
right(TEMPERATURE)(by_lbfgs)


@right(TEMPERATURE)
def by_scipy_in_one_over_t(logits, labels):
    def loss(inverse):
        return functional.cross_entropy(inverse * logits.numpy(), labels.numpy())

    return 1 / optimize.minimize_scalar(loss, bounds=(0.1, 10), method="bounded").x


@right(TEMPERATURE)
def by_gradient_descent_on_the_logarithm(logits, labels):
    log_t = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.Adam([log_t], lr=0.05)
    for _ in range(200):
        loss = F.cross_entropy(logits / log_t.exp(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return log_t.exp().item()


@right(TEMPERATURE)
def with_numpy_only(logits, labels):
    z = np.array(logits, float)
    losses = []
    for t in EVEN:
        scaled = z / t - (z / t).max(1, keepdims=True)
        losses.append((np.log(np.exp(scaled).sum(1)) - scaled[np.arange(len(z)), labels]).mean())
    return EVEN[np.argmin(losses)]


# ------------------------------------------------------------------------------------------------------ tests
def name_of(case):
    return "-".join(str(part) for part in case[:-1])


@pytest.mark.parametrize("case", CATALOGUE.wrong_answers, ids=name_of)
def test_a_wrong_answer_is_named_and_its_shown_input_fails(case):
    catalogue.is_named(*case)


@pytest.mark.parametrize("case", CATALOGUE.right_answers, ids=lambda case: case[0])
def test_a_right_answer_passes_however_it_is_written(case):
    catalogue.passes(*case)


@pytest.mark.parametrize("name", EXERCISES)
def test_every_promised_and_every_known_id_has_an_independent_rewrite_here(name):
    CATALOGUE.covers(name, SERIES_TABLE[name].split())


@pytest.mark.parametrize("name", EXERCISES)
def test_no_two_ids_give_the_same_results_on_all_probes(name):
    catalogue.ids_are_told_apart(name)


@pytest.mark.parametrize("name", EXERCISES)
def test_every_known_mistake_shows_on_some_probe_and_is_named_itself(name):
    catalogue.mistakes_are_named_themselves(name)


def test_stubs_are_not_attempted():
    assert not checks.confusion_matrix(lambda labels, predictions, num_classes: ...).attempted
    assert not checks.prepare_digit(lambda image: ...).attempted
    assert not checks.fit_temperature(lambda logits, labels: ...).attempted


def test_a_check_leaves_the_random_streams_and_torch_s_settings_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state(), torch.get_num_threads(), torch.is_grad_enabled()
    checks.fit_temperature(by_lbfgs)
    checks.prepare_digit(lambda image: torch.rand(28, 28))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == before[1:]


def test_where_several_things_are_wrong_the_first_stage_is_told():
    verdict = checks.prepare_digit(lambda image: 255 * resized(image / 255, 28, 28))
    assert verdict.mistake == "0-255" and "centre of mass" not in verdict.message
