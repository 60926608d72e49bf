"""Softmax, log-sum-exp, cross-entropy and its gradient, in NumPy.  Introduced by notebooks 1 to 4.

Notebook 1: ``softmax``.  Notebook 2: ``one_hot``, ``cross_entropy_from_probs``.  Notebook 3: ``logsumexp``,
``log_softmax``, ``cross_entropy``.  Notebook 4: ``cross_entropy_grad``.  Notebook 9: ``confusion_matrix``.

Words: N rows (examples), C classes.  A row of **logits** is C numbers of any size; a row of **probs** is C
numbers from 0 to 1 that sum to 1; **labels** are N whole numbers from 0 to C - 1.  A loss is in nats.

What holds for every function here: lists are accepted and arguments never changed; float16, float32 and
float64 logits give a result of the same dtype, whole numbers give float64; nan in a row gives nan for
that row; no NumPy warning is raised.
"""

import operator

import numpy as np
from numpy.typing import ArrayLike

# How far a row of probabilities may be from the sum 1.  float16 passes, and 0.333 three times; logits don't.
SUM_TOLERANCE = 2e-3

# Infinities and nan are answers here, not accidents: e^-1000 = 0, log 0 = -inf, inf - inf = nan.
no_warnings = np.errstate(all="ignore")

# ------------------------------------------------------------------------------- from scores to probabilities


@no_warnings
def softmax(logits: ArrayLike, axis: int | tuple[int, ...] | None = -1) -> np.ndarray:
    r"""Probabilities: positive, summing to 1 along ``axis``, larger where the logit is larger.

    .. math:: \sigma(z)_j = e^{z_j} / \sum_k e^{z_k}

    logits: any shape; (N, C) or (C,) as a rule.  The result has the same shape.  ``axis``: that of the
    classes; a tuple, or None for all axes, makes one distribution over several.

    The largest logit is subtracted first.  That changes nothing (the factor cancels in the fraction), but
    no exponential can overflow then: see Goodfellow, Bengio, Courville, *Deep Learning* (2016), section 4.1.

    A logit of -inf ("this class can't be") gets exactly 0.  A row of nothing but -inf, or with a +inf, has
    no answer and gives nan, as in SciPy and PyTorch.  ValueError if there are no classes.

    >>> softmax([0.0, np.log(3.0)]).round(4)     # e^0 : e^(ln 3) = 1 : 3
    array([0.25, 0.75])
    """
    z = _as_floats(logits, "logits")
    shifted, _ = _subtract_largest(z, axis)
    powers = np.exp(shifted)
    return (powers / powers.sum(axis=axis, keepdims=True)).astype(z.dtype)


@no_warnings
def logsumexp(logits: ArrayLike, axis: int | tuple[int, ...] | None = -1) -> np.ndarray:
    r"""The logarithm of the sum of exponentials along ``axis``: a smooth maximum, just above the largest.

    .. math:: \mathrm{lse}(z) = \log \sum_k e^{z_k} = m + \log \sum_k e^{z_k - m}, \quad m = \max_k z_k

    logits: any shape.  The result lacks ``axis``: (N, C) gives (N,), (C,) gives one number.  It is
    equivariant: ``logsumexp(z + c) = logsumexp(z) + c`` (not invariant, as softmax is).

    Only -inf, or no entries at all: -inf, the log of 0.  A +inf: inf.  So does SciPy.  The right-hand side is
    the formula computed: Blanchard, Higham, Higham, *Accurately computing the log-sum-exp and softmax
    functions*, IMA J. Numer. Anal. 41 (2021).

    >>> round(float(logsumexp([1000.0, 1000.0]) - 1000), 4)     # ln 2; without m it would be inf
    0.6931
    """
    z = _as_floats(logits, "logits")
    shifted, largest = _subtract_largest(z, axis, classes_needed=False)
    result = largest + _log_sum_exp_shifted(shifted, z == largest, axis)
    return np.squeeze(result, axis=axis).astype(z.dtype)[()]  # [()]: a number rather than a 0-d array


@no_warnings
def log_softmax(logits: ArrayLike, axis: int | tuple[int, ...] | None = -1) -> np.ndarray:
    r"""Log-probabilities in nats, zero or less: the logarithm of ``softmax`` that never takes the log of 0.

    .. math:: \log \sigma(z)_j = z_j - \mathrm{lse}(z)

    logits: any shape; the result has the same.  ``log(softmax([0, 1000]))`` is [-inf, 0], for e^-1000 is
    below the smallest float64; this function gives [-1000, 0].

    A logit of -inf gives -inf.  A row of nothing but -inf gives nan, as ``softmax`` does, and so does a
    logit of +inf.  ValueError if there are no classes.

    >>> log_softmax([0.0, 1000.0])
    array([-1000.,     0.])
    """
    z = _as_floats(logits, "logits")
    shifted, largest = _subtract_largest(z, axis)
    return (shifted - _log_sum_exp_shifted(shifted, z == largest, axis)).astype(z.dtype)


# ------------------------------------------------------------------------------------------ the loss, in nats


@no_warnings
def cross_entropy_from_probs(probs: ArrayLike, targets: ArrayLike) -> float:
    r"""The mean cross-entropy in nats between targets and predicted probabilities.

    .. math:: D(y, p) = -\sum_j y_j \log p_j, \quad \text{which is} -\log p_y \text{ for a label } y

    probs: (N, C), non-negative, each row summing to 1; or one row (C,).
    targets, told apart by their shape alone:

    * labels, whole numbers in [0, C): (N,) for probs (N, C), one number for probs (C,);
    * one-hot or soft rows, non-negative, each summing to 1: (N, C) for probs (N, C), (C,) for probs (C,).

    So [1, 0, 0] with probs (3, 3) is three labels, even if a one-hot row was meant (PyTorch reads it the
    same way); with probs (3,) it is a one-hot row.

    Probability 0 for what happened costs inf; where a target is 0, any probability costs nothing.
    ValueError or TypeError if the rows aren't probabilities, if targets have another shape or dtype, or if
    there are no rows.  From logits, use ``cross_entropy``: it keeps its accuracy where a probability is 0.

    >>> round(cross_entropy_from_probs([0.7, 0.2, 0.1], [1, 0, 0]), 4)     # -ln 0.7
    0.3567
    """
    p = _as_floats(probs, "probs")
    _require_rows(p, "probs")
    p = p.astype(np.float64)
    _require_distributions(p, "probs", "Are these logits? Use cross_entropy(logits, labels) or softmax first")
    y = _as_array(targets, "targets")
    if y.shape == p.shape:
        y = _as_floats(y, "targets").astype(np.float64)
        _require_distributions(y, "targets", "A target row is one-hot, or probabilities")
        if np.isnan(y).any():
            raise ValueError("targets must be numbers; found nan")
    else:
        y = one_hot(_as_labels(y, "targets", p.shape, or_rows=True), p.shape[-1])
    costs = np.where((y == 0) & (p == 0), 0.0, -y * np.log(p))  # 0 * log 0 counts as 0: its limit
    return _reduce(costs.sum(axis=-1), "mean")


@no_warnings
def cross_entropy(logits: ArrayLike, labels: ArrayLike, reduction: str = "mean") -> float | np.ndarray:
    r"""The cross-entropy in nats of a softmax classifier, from its logits.

    .. math:: L = \mathrm{lse}(z) - z_y, \quad \text{which is} -\log \sigma(z)_y

    logits: (N, C), not probabilities.  labels: (N,) whole numbers in [0, C), not one-hot rows.  One row of
    logits (C,) takes one label.  ``reduction``: "mean" over the rows or their "sum", a Python float; or
    "none", an array (N,) with each row's loss.  The same as PyTorch's ``F.cross_entropy``, except that
    there is no ignored label.

    A true class whose logit is -inf costs inf.  ValueError or TypeError for labels of another shape, dtype
    or range, for no classes, and for the mean of no rows.

    >>> round(cross_entropy([[2.0, 1.0, 0.1]], [0]), 4)     # -ln 0.659
    0.417
    """
    z = _as_floats(logits, "logits")
    _require_rows(z, "logits")
    y = _as_labels(labels, "labels", z.shape)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'reduction must be "mean", "sum" or "none"; found {reduction!r}')
    shifted, largest = _subtract_largest(z, -1)
    log_sum = _log_sum_exp_shifted(shifted, z == largest, -1)
    of_true_class = np.take_along_axis(shifted, y[..., None], axis=-1)
    losses = (log_sum - of_true_class)[..., 0]  # the largest logit cancels in lse(z) - z_y
    return losses.astype(z.dtype) if reduction == "none" else _reduce(losses, reduction)


@no_warnings
def cross_entropy_grad(logits: ArrayLike, labels: ArrayLike) -> np.ndarray:
    r"""The gradient of ``cross_entropy(logits, labels)``, the mean, with respect to the logits.

    .. math:: \partial L / \partial z = (\sigma(z) - y) / N, \quad y \text{ the one-hot rows}

    logits: (N, C), or one row (C,), for which N = 1.  labels and errors as for ``cross_entropy``.  The
    result has the logits' shape; each of its rows sums to 0.  Derived in notebook 4; also in Bishop,
    *Pattern Recognition and Machine Learning* (2006), equation 4.109.

    >>> cross_entropy_grad(np.log([0.2, 0.3, 0.5]), 1)     # p - y
    array([ 0.2, -0.7,  0.5])
    """
    z = _as_floats(logits, "logits")
    _require_rows(z, "logits")
    y = one_hot(_as_labels(labels, "labels", z.shape), z.shape[-1])
    num_rows = z[..., 0].size  # 1 for a single row (C,)
    if num_rows == 0:
        raise ValueError(NO_ROWS)
    return ((softmax(z) - y) / num_rows).astype(z.dtype)


# ----------------------------------------------------------------------------------------------------- labels


def one_hot(labels: ArrayLike, num_classes: int) -> np.ndarray:
    """Rows of zeros with a single 1 at the label: (N, num_classes) float64.  One label gives one row.

    labels: (N,) whole numbers in [0, num_classes), or one such number.  ValueError or TypeError otherwise.

    >>> one_hot([2, 0], num_classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    num_classes = _as_num_classes(num_classes)
    y = _as_array(labels, "labels")
    y = _as_labels(y, "labels", (*y.shape[:1], num_classes))
    return (y[..., None] == np.arange(num_classes)).astype(np.float64)  # (N, 1) against (C,): (N, C)


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, num_classes: int) -> np.ndarray:
    """How often each class was taken for each: int64 (C, C), row = true class, column = predicted class.

    labels, predictions: (N,) whole numbers in [0, num_classes).  The diagonal counts the right answers; a
    row sums to the number of examples of its class, which may be 0.  ValueError or TypeError otherwise.

    >>> confusion_matrix(labels=[0, 0, 1], predictions=[0, 1, 1], num_classes=2)
    array([[1, 1],
           [0, 1]])
    """
    num_classes = _as_num_classes(num_classes)
    labels = np.atleast_1d(_as_array(labels, "labels"))
    shape = (*labels.shape[:1], num_classes)
    y = _as_labels(labels, "labels", shape)
    predicted = _as_labels(np.atleast_1d(_as_array(predictions, "predictions")), "predictions", shape)
    counts = np.zeros((num_classes, num_classes), dtype=np.int64)
    np.add.at(counts, (y, predicted), 1)  # adds once per pair, also for pairs that come again
    return counts


# ------------------------------------------------------------------------------------------------ calculation

NO_ROWS = (
    "there are no rows: the mean over an empty batch would be nan. Skip the batch, or look why it is empty"
)


def _subtract_largest(z, axis, classes_needed=True):
    """z minus its largest entry along axis, and that entry (its axis kept); float16 becomes float32."""
    largest = np.max(z, axis=axis, keepdims=True, initial=-np.inf)
    if classes_needed and z.size == 0 and largest.size > 0:
        raise ValueError(
            f"there must be at least one class; logits of shape {z.shape} have none on axis {axis}"
        )
    wide = np.promote_types(z.dtype, np.float32)
    return z.astype(wide) - largest.astype(wide), largest.astype(wide)


def _log_sum_exp_shifted(shifted, is_largest, axis):
    """log(sum(exp(shifted))), where the largest entries are 0.

    They are counted rather than added, so that log1p can see what the others add, be it 1e-20:
    log(n + rest) = log(n) + log1p(rest / n).  It also gives no inf - inf where the largest is infinite.
    """
    count = np.maximum(is_largest.sum(axis=axis, keepdims=True), 1).astype(shifted.dtype)
    rest = np.where(is_largest, 0, np.exp(shifted)).sum(axis=axis, keepdims=True)
    return np.log(count) + np.log1p(rest / count)


def _reduce(losses, reduction):
    """The sum or mean of the rows' losses as a Python float, added up in float64."""
    if reduction == "mean" and losses.size == 0:
        raise ValueError(NO_ROWS)
    total = losses.sum(dtype=np.float64) if reduction == "sum" else losses.mean(dtype=np.float64)
    return float(total)


# ---------------------------------------------------------------------------------------------- what comes in


def _as_array(value, name):
    try:
        return np.asarray(value)
    except ValueError as error:  # lists of different lengths
        raise ValueError(f"{name} must be a rectangular array of numbers: {error}") from None


def _as_floats(value, name):
    """The array, with whole numbers as float64 and floats as they are."""
    array = _as_array(value, name)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers; found dtype {array.dtype}")
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _as_num_classes(num_classes):
    try:
        num_classes = operator.index(num_classes)
    except TypeError:
        raise TypeError(f"num_classes must be a whole number; found {num_classes!r}") from None
    if num_classes < 1:
        raise ValueError(f"num_classes must be 1 or more; found {num_classes}")
    return num_classes


def _require_rows(array, name):
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must have shape (N, C), or (C,) for one row; found {array.shape}")
    if array.shape[-1] == 0:
        raise ValueError(f"{name} must have at least one class; found shape {array.shape}")


def _require_distributions(rows, name, hint):
    """Raise unless the rows are non-negative and sum to 1.  A nan is let through."""
    if (rows < 0).any():
        raise ValueError(f"{name} must not be negative; found {rows[rows < 0].flat[0]:.4g}. {hint}")
    sums = np.atleast_1d(rows.sum(axis=-1))
    off = np.abs(sums - 1) > SUM_TOLERANCE
    if off.any():
        raise ValueError(
            f"each row of {name} must sum to 1; row {off.argmax()} sums to {sums[off][0]:.4g}. {hint}"
        )


def _as_labels(labels, name, shape, or_rows=False):
    """The labels as int64, if they fit rows of this shape, (N, C) or (C,); else an error that says how to."""
    y = _as_array(labels, name)
    wanted = f"whole numbers of shape (N,) = {shape[:-1]}" if len(shape) == 2 else "one whole number"
    rows = f", or one-hot or soft rows of shape {shape}" if or_rows else ""
    found = f"{name} must be {wanted}{rows}; found {y.dtype} of shape {y.shape}"
    if y.shape != shape[:-1]:
        if y.ndim == 2 and y.shape[1] == 1 != shape[-1]:
            raise ValueError(f"{found}. Drop the second axis: {name}[:, 0]")
        if y.ndim == 2 or y.shape == shape:
            raise ValueError(f"{found}. One-hot rows? Then {name}.argmax(axis={y.ndim - 1})")
        raise ValueError(found)
    if y.size == 0:  # an empty list is an array of floats
        return y.astype(np.int64)
    if y.dtype.kind not in "iu":
        raise TypeError(f"{found}. If they are class numbers: {name}.astype(int)")
    outside = y[(y < 0) | (y >= shape[-1])]
    if outside.size:
        hint = "Classes are counted from 0"
        if (outside == -100).any():
            hint = "There is no ignored label here, as PyTorch's -100 is: leave those rows out"
        raise ValueError(f"{name} must be from 0 to {shape[-1] - 1}; found {outside[0]}. {hint}")
    return y.astype(np.int64)
