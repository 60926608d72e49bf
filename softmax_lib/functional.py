"""Softmax and cross-entropy in NumPy, stable for logits of any size.  Derived in notebooks 1 to 4.

Words: logits (N, C) are the scores of N examples for C classes; probs (N, C) their softmax, each row sums to
1; labels (N,) are class indices, integers in [0, C).  Losses are in nats (natural logarithm).  float32 and
float64 inputs keep their dtype, float16 is computed in float32 and given back as float16, integers become
float64.  No input is ever changed.

The formulas: Goodfellow, Bengio and Courville, *Deep Learning* (2016), sections 4.1 and 6.2.2.3.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# ------------------------------------------------------------------------------- softmax and its logarithm


def logsumexp(logits: ArrayLike, axis: int | tuple[int, ...] | None = -1) -> NDArray:
    """log(sum(exp(logits))) along ``axis`` (None: over all), which is removed from the shape.

    logits: any shape, not empty along the axis.  The largest logit m is taken out first,
    lse(z) = m + log(sum(exp(z - m))), so exp never overflows and at least one term is 1; the function is
    equivariant, lse(z + c) = lse(z) + c.  All of -inf gives -inf; nan gives nan.

    >>> logsumexp([0.0, 0.0])  # log 2
    np.float64(0.6931471805599453)
    """
    z, dtype = _as_floats(logits, axis)
    return _give_back(_logsumexp(z, axis), dtype)


def softmax(logits: ArrayLike, axis: int | tuple[int, ...] | None = -1) -> NDArray:
    """Probabilities exp(z) / sum(exp(z)) along ``axis``, of the same shape as the logits.

    logits: any shape, not empty along the axis; the classes lie along ``axis``.  Adding a constant to all
    logits of a row changes nothing, so the largest is subtracted first and exp never overflows.  A logit of
    -inf (a masked class) gives exactly 0.  A row of nothing but -inf, one with +inf, and one with nan have no
    softmax: they give nan, as in SciPy.

    >>> softmax([2.0, 1.0, 0.1]).round(3)
    array([0.659, 0.242, 0.099])
    """
    z, dtype = _as_floats(logits, axis)
    with np.errstate(invalid="ignore", under="ignore"):  # inf - inf is nan, as documented
        exp = np.exp(z - z.max(axis=axis, keepdims=True))
        return _give_back(exp / exp.sum(axis=axis, keepdims=True), dtype)


def log_softmax(logits: ArrayLike, axis: int | tuple[int, ...] | None = -1) -> NDArray:
    """Log-probabilities z - logsumexp(z) along ``axis``, of the same shape as the logits, each at most 0.

    More exact than ``log(softmax(z))``, which is -inf where the softmax underflows to 0.  A logit of -inf
    gives -inf.

    >>> log_softmax([0.0, -1000.0])
    array([    0., -1000.])
    """
    z, dtype = _as_floats(logits, axis)
    with np.errstate(invalid="ignore"):
        # first the shift, then the logarithm: for logits of 1e8 the logarithm alone would be lost in rounding
        shifted = z - z.max(axis=axis, keepdims=True)
        return _give_back(shifted - _logsumexp(shifted, axis, keepdims=True), dtype)


def _logsumexp(z, axis, keepdims=False):
    largest = z.max(axis=axis, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0)  # -inf - -inf would be nan
    with np.errstate(divide="ignore", over="ignore", under="ignore"):  # log(0) = -inf; exp(inf) = inf
        result = largest + np.log(np.exp(z - largest).sum(axis=axis, keepdims=True))
    return result if keepdims else result.squeeze(axis=axis)


# ------------------------------------------------------------------------------------------- cross-entropy


def one_hot(labels: ArrayLike, num_classes: int) -> NDArray[np.float64]:
    """float64 rows (N, C) that are 1 at the label and 0 elsewhere; a single label gives one row (C,).

    labels: (N,) ints in [0, num_classes).  Raises TypeError or ValueError for other labels.

    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    if isinstance(num_classes, bool) or not isinstance(num_classes, int | np.integer) or num_classes < 1:
        raise ValueError(f"num_classes must be a whole number, 1 or more; found {num_classes!r}")
    labels = np.asarray(labels)
    if labels.ndim > 1:
        raise ValueError(f"labels must have the shape (N,), not {labels.shape}")
    return np.eye(num_classes)[_check_labels(labels, labels.shape, num_classes)]


def cross_entropy_from_probs(probs: ArrayLike, targets: ArrayLike) -> float:
    """The mean of -sum(y * log(p)) over the rows, in nats: the surprise of the targets y under probs p.

    probs: (N, C) or one row (C,), non-negative, each row sums to 1.
    targets: labels (N,), a class index a row; or rows (N, C), one-hot or soft, non-negative, each sums to 1.
    For one row of probs: a label, or a row (C,).  The number of axes alone decides which it is: integers
    [1, 0, 0] beside probs of 3 x 3 are three labels, not a one-hot row.

    Where the target is 0 the term is 0, also at p = 0; a target above 0 at p = 0 gives inf.
    Raises TypeError or ValueError, with the shape or value that was found, for anything else.

    >>> round(cross_entropy_from_probs([0.7, 0.2, 0.1], [1, 0, 0]), 4)  # -log 0.7
    0.3567
    """
    p, _ = _as_floats(probs, -1, name="probs")
    p = np.asarray(p, np.float64)
    if p.ndim not in (1, 2) or p.size == 0:
        raise ValueError(
            f"probs must have the shape (N, C) or (C,), with N and C at least 1; found {p.shape}"
        )
    _check_distributions(
        "probs", p, "Are these logits? softmax(logits) gives probabilities, cross_entropy takes logits"
    )
    targets = np.asarray(targets)
    if targets.ndim == p.ndim:
        if targets.shape != p.shape:
            raise ValueError(
                f"rows of targets must have the shape of probs, {p.shape}; found {targets.shape}"
            )
        y = targets.astype(np.float64)
        _check_distributions("targets", y, "For class indices, pass labels of shape (N,)")
    else:
        y = one_hot(_check_labels(targets, p.shape[:-1], p.shape[-1]), p.shape[-1])
    with np.errstate(divide="ignore"):
        log_p = np.log(p, out=np.zeros_like(p), where=y > 0)  # 0 * log(0) counts as 0
    return float(np.mean(-(y * log_p).sum(axis=-1))) + 0.0  # + 0.0: no "-0.0" for a sure right answer


def cross_entropy(logits: ArrayLike, labels: ArrayLike, reduction: str = "mean") -> float | NDArray:
    """-log softmax(logits)[label] in nats: its mean over the rows, their "sum", or an array (N,) for "none".

    logits: (N, C), or one row (C,) with one label.  labels: (N,) ints in [0, C).  Computed from the logits
    as logsumexp(z) - z[label], without the detour over probabilities, so it is finite for logits of ±1000.
    A label whose logit is -inf (a masked class) costs inf.

    Raises TypeError or ValueError for other shapes or labels, and for a mean over no rows.

    >>> round(cross_entropy([2.0, 1.0, 0.1], 0), 4)
    0.417
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none'; found {reduction!r}")
    z, labels, dtype = _check_logits_and_labels(logits, labels)
    losses = -np.take_along_axis(log_softmax(z), labels[..., None], axis=-1).squeeze(-1) + 0.0
    if reduction == "none":
        return _give_back(losses, dtype)
    if losses.size == 0 and reduction == "mean":
        raise ValueError(f"a mean over no rows is not defined; logits have the shape {z.shape}")
    losses = losses.astype(np.float64)
    return float(losses.mean() if reduction == "mean" else losses.sum())


def cross_entropy_grad(logits: ArrayLike, labels: ArrayLike) -> NDArray:
    """The gradient of the mean cross-entropy: (softmax(logits) - one_hot(labels)) / N, like the logits.

    logits: (N, C), or one row (C,) with one label (then N = 1).  labels: (N,) ints in [0, C).  Each row
    of the result sums to 0.  Raises as ``cross_entropy`` does.

    >>> cross_entropy_grad([[0.0, 0.0]], [1])
    array([[ 0.5, -0.5]])
    """
    z, labels, dtype = _check_logits_and_labels(logits, labels)
    if labels.size == 0:
        raise ValueError(f"a mean over no rows is not defined; logits have the shape {z.shape}")
    return _give_back((softmax(z) - one_hot(labels, z.shape[-1])) / labels.size, dtype)


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """Counts (C, C): row i, column j is how many examples of class i were predicted as class j.

    labels, predictions: (N,) ints in [0, C).

    >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2)
    array([[1, 1],
           [0, 1]])
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.ndim != 1:
        raise ValueError(f"labels must have the shape (N,); found {labels.shape}")
    labels = _check_labels(labels, labels.shape, num_classes)
    predictions = _check_labels(predictions, labels.shape, num_classes, name="predictions")
    pairs = labels * num_classes + predictions  # one number for each pair of classes
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


# ----------------------------------------------------------------------------------------------------- checks


def _as_floats(values: ArrayLike, axis, name: str = "logits") -> tuple[NDArray, np.dtype]:
    """The values as float32 or float64 to compute with, and the dtype to give back."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        raise ValueError(f"{name} must be numbers in rows of equal length") from None
    if array.dtype.kind in "iu":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        raise TypeError(f"{name} must be real numbers; found {array.dtype}")
    if array.ndim == 0:
        raise ValueError(f"{name} must have at least one axis, of classes; found a single number")
    for one in range(array.ndim) if axis is None else np.atleast_1d(axis):
        if array.shape[one] == 0:  # raises numpy's AxisError, an IndexError, if there is no such axis
            raise ValueError(f"{name} have no entries along axis {one}; their shape is {array.shape}")
    return (array.astype(np.float32) if array.dtype == np.float16 else array), array.dtype


def _give_back(array: NDArray, dtype: np.dtype) -> NDArray:
    return array.astype(dtype, copy=False)[()]  # [()]: a number, not an array without axes


def _check_logits_and_labels(logits: ArrayLike, labels: ArrayLike) -> tuple[NDArray, NDArray, np.dtype]:
    z, dtype = _as_floats(logits, -1)
    if z.ndim > 2:
        raise ValueError(f"logits must have the shape (N, C) or (C,); found {z.shape}")
    return z, _check_labels(np.asarray(labels), z.shape[:-1], z.shape[-1]), dtype


def _check_labels(labels: NDArray, shape: tuple[int, ...], num_classes: int, name: str = "labels") -> NDArray:
    """The labels, if they are integers in [0, num_classes) of this shape."""
    if labels.shape != shape:
        way_out = ""
        if labels.shape == (*shape, num_classes):
            way_out = f". These look like one-hot rows: {name}.argmax(axis=1) gives class indices"
        elif labels.shape == (*shape, 1):
            way_out = f". Drop the last axis: {name}[:, 0]"
        raise ValueError(
            f"{name} must have the shape {shape}, one class index a row; found {labels.shape}{way_out}"
        )
    if labels.size == 0:
        return labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        way_out = f". If they are whole numbers: {name}.astype(int)" if labels.dtype.kind == "f" else ""
        raise TypeError(f"{name} must be integers; found {labels.dtype}{way_out}")
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if wrong.size:
        note = " (-100 marks rows to ignore in torch; there is no such mark here)" if wrong[0] == -100 else ""
        raise ValueError(f"{name} must be from 0 to {num_classes - 1}; found {wrong[0]}{note}")
    return labels.astype(np.int64)


def _check_distributions(name: str, rows: NDArray, way_out: str) -> None:
    sums = rows.sum(axis=-1)
    if not (rows >= 0).all():
        raise ValueError(f"{name} must not be negative; the smallest is {rows.min():.4g}. {way_out}")
    if not (np.abs(sums - 1) <= 1e-4).all():  # float32 softmax over many classes stays well within this
        worst = np.ravel(sums)[np.abs(np.ravel(sums) - 1).argmax()]
        raise ValueError(f"each row of {name} must sum to 1; one sums to {worst:.4f}. {way_out}")
