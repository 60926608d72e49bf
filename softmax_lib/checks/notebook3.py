"""The exercises of notebook 3: `stable_softmax`, `logsumexp` and `cross_entropy`, for logits of any size.

Domain: (N, C) float logits, float64 or float32, up to ±20000; labels are (N,) ints in [0, C). A mistake that
shows only at the limits is met on the hard probes; one that shows on ordinary logits is named there, whatever
the limits do.
"""

import math

import numpy as np

from softmax_lib import functional
from softmax_lib.checks import notebook1, notebook2
from softmax_lib.checks.engine import Exercise
from softmax_lib.checks.notebook1 import ONE_ROW, SHIFTS, column_max, no_shift, overall_max, row_max
from softmax_lib.checks.notebook2 import mean, nothing, picked, total
from softmax_lib.checks.probes import LECTURE, LECTURE_TWO, SHAPES, labels, logits

LARGE = np.array([[1000.0, 999.0, 998.0]])
SMALL = np.array([[-1000.0, -1001.0, -1002.0], [-999.0, -1000.0, -1003.0]])
LARGE_AND_SMALL = np.array([[1000.0, 999.0, 998.0], [-1000.0, -1001.0, -1002.0]])
FAR_APART = np.array([[1000.0, 0.0, -1000.0], [-1000.0, 0.0, 1000.0]])
MIDDLING = np.array([[0.0, 30.0, 60.0], [40.0, 20.0, 0.0]])  # no overflow yet, not even in float32
WIDE = np.array([[0.0, 200.0, 400.0]])  # none in float64
HUGE = np.array([[20000.0, 19999.0, 19997.0], [-20000.0, -19999.0, -19998.0]])

DEEP = np.array([[1.0, 9.0, 17.0]])  # a probability of 1e-7, where a large epsilon shows
LIMITS = [LARGE, SMALL, LARGE_AND_SMALL, FAR_APART, MIDDLING, WIDE, HUGE, LARGE_AND_SMALL.astype(np.float32)]
ORDINARY = [
    LECTURE,
    LECTURE_TWO,
    np.array([[0.5, -0.5, 0.2], [1.0, 2.0, 3.0], [-1.0, 0.3, 1.0]]),
    *(logits(seed, n, c) for seed, (n, c) in enumerate(SHAPES)),
    logits(10, 4, 3) - 6.0,
    np.abs(logits(12, 3, 4)) + 0.5,
    logits(11, 3, 4, dtype=np.float32),
    LECTURE,
]
CHECKED = (
    "1 to 6 rows of 2 to 5 classes, logits of both signs, ±1000 and ±20000 among them, float64 and float32."
)


# Shifts that are no help at the limits. In ordinary size they change nothing, being the same for a whole row.
def row_min(z: np.ndarray) -> np.ndarray:
    return z.min(axis=-1, keepdims=True)


def row_mean(z: np.ndarray) -> np.ndarray:
    return z.mean(axis=-1, keepdims=True)


def positive_row_max(z: np.ndarray) -> np.ndarray:
    return np.maximum(z.max(axis=-1, keepdims=True), 0.0)


def positive_overall_max(z: np.ndarray) -> np.ndarray:
    return np.maximum(z.max(), 0.0)


def row_max_of_sizes(z: np.ndarray) -> np.ndarray:
    return np.abs(z).max(axis=-1, keepdims=True)


def overall_max_of_sizes(z: np.ndarray) -> np.ndarray:
    return np.abs(z).max()


NO_HELP = (no_shift, row_min, row_mean, np.mean, np.min)
TOO_MUCH = (positive_row_max, positive_overall_max, row_max_of_sizes, overall_max_of_sizes)


FIXED = (
    "A fixed number is subtracted, the same for every input. It fits one size of logits; a row far"
    " above or below it"
    " still overflows or becomes all 0."
)
FIXED_HINT = "Which number fits each row, whatever its size?"
FIXED_NUMBERS = (100, 200, 300, 400, 500, 600, 700, 709, 800, 900, 998, 999, 1000, 1002, 10000)

CLIPPED = (
    "The logits are cut off at a limit: 1000, 999 and 998 become the same number, and what tells them apart"
    " is lost."
)
CLIPPED_HINT = "What can be done to a row that makes its numbers smaller and keeps the differences?"
CLIP_LIMITS = (20, 30, 50, 80, 88, 100, 200, 300, 500, 600, 700, 709)

HIDDEN = (
    "The nan is replaced by another number after the damage is done. A row is not right for being free of"
    " nan."
)


def shifted_exp(z: np.ndarray, shift: object) -> np.ndarray:
    return np.exp(z - shift(z))


def softmax_with(z: np.ndarray, shift: object) -> np.ndarray:
    e = shifted_exp(z, shift)
    return e / e.sum(axis=-1, keepdims=True)


# --------------------------------------------------------------------------------------------- stable_softmax

stable_softmax = Exercise(
    "stable_softmax",
    functional.softmax,
    ("logits",),
    returns="probabilities of shape (N, C)",
    checked=CHECKED,
    probes=[(z,) for z in ORDINARY],
    hard=[(z,) for z in LIMITS],
    bonus=[((np.array([1000.0, 999.0, 998.0]),), ONE_ROW)],
    tolerance_grows=True,
)
stable_softmax.mistakes_of(notebook1.softmax)

OVERFLOW = "exp(1000) is too large for a float and becomes inf; inf / inf and inf - inf are nan."
OVERFLOW_HINT = "Which number, subtracted from a whole row, leaves no exponent above 0?"


@stable_softmax.mistake("overflow", OVERFLOW, hint=OVERFLOW_HINT, shift=NO_HELP)
def _(logits, shift):
    e = shifted_exp(logits, shift)
    return e / e.sum(axis=-1, keepdims=True)


@stable_softmax.mistake("overflow", OVERFLOW, hint=OVERFLOW_HINT)
def _(logits):
    return np.exp(logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True)))


@stable_softmax.mistake("overflow", OVERFLOW, hint=OVERFLOW_HINT)
def _(logits):  # math.exp raises where np.exp answers inf
    rows = [[math.exp(v) for v in row] for row in logits.tolist()]
    return [[e / sum(row) for e in row] for row in rows]


GLOBAL_MAX = (
    "One maximum is subtracted from all rows, that of the whole batch. A row far below it becomes"
    " exp(-2000) = 0"
    " in every place, and 0 / 0 is nan."
)
GLOBAL_MAX_HINT = "Each row has a maximum of its own: along which axis is it taken?"


@stable_softmax.mistake("global-max", GLOBAL_MAX, hint=GLOBAL_MAX_HINT)
def _(logits):
    e = shifted_exp(logits, overall_max)
    return e / e.sum(axis=-1, keepdims=True)


@stable_softmax.mistake("global-max", GLOBAL_MAX, hint=GLOBAL_MAX_HINT)
def _(logits):  # 0 / 0 raises in plain Python
    top = logits.max()
    rows = [[math.exp(v - top) for v in row] for row in logits.tolist()]
    return [[e / sum(row) for e in row] for row in rows]


UNDERFLOW = (
    "Too much is subtracted where all of a row's logits are far below 0: every exp becomes 0, and"
    " what is left of"
    " the row is 0 / 0 or log(0)."
)
UNDERFLOW_HINT = (
    "After the subtraction, the largest logit of each row must be exactly 0. Is it, for a row of -1000?"
)


@stable_softmax.mistake("underflow", UNDERFLOW, hint=UNDERFLOW_HINT, shift=TOO_MUCH)
def _(logits, shift):
    e = shifted_exp(logits, shift)
    return e / e.sum(axis=-1, keepdims=True)


@stable_softmax.mistake("fixed-shift", FIXED, hint=FIXED_HINT, number=FIXED_NUMBERS)
def _(logits, number):
    e = np.exp(logits - number)
    return e / e.sum(axis=-1, keepdims=True)


@stable_softmax.mistake("clipped", CLIPPED, hint=CLIPPED_HINT, limit=CLIP_LIMITS, low=(True, False))
def _(logits, limit, low):
    return functional.softmax(np.clip(logits, -limit if low else None, limit))


@stable_softmax.mistake(
    "nan-hidden", HIDDEN, hint=OVERFLOW_HINT, shift=(no_shift, overall_max), value=(0.0, 1.0)
)
def _(logits, shift, value):
    return np.nan_to_num(softmax_with(logits, shift), nan=value)


@stable_softmax.mistake(
    "divided-by-max",
    "The logits are divided by their maximum. That changes the differences between them; a"
    " subtraction leaves them"
    " as they are.",
    hint=(
        "Which of the two keeps e^a / e^b the same: dividing both exponents by m, or subtracting m from both?"
    ),
    shift=(row_max, overall_max, row_max_of_sizes, overall_max_of_sizes),
)
def _(logits, shift):
    return functional.softmax(logits / shift(logits))


# -------------------------------------------------------------------------------------------------- logsumexp

logsumexp = Exercise(
    "logsumexp",
    functional.logsumexp,
    ("logits",),
    returns="an array of shape (N,), one number for each row",
    checked=CHECKED,
    probes=[(z,) for z in ORDINARY],
    hard=[(z,) for z in LIMITS],
    bonus=[((np.array([1000.0, 999.0, 998.0]),), ONE_ROW)],
    tolerance_grows=True,
)


def log_sum(z: np.ndarray, shift: object, log: object = np.log) -> np.ndarray:
    """Return log(sum(exp(z - shift))) along the rows, (N,)."""
    return log(shifted_exp(z, shift).sum(axis=-1))


def per_row(z: np.ndarray, shift: object) -> np.ndarray:
    """Return a shift as one number for each row, (N,)."""
    return np.broadcast_to(shift(z), (len(z), 1))[:, 0]


@logsumexp.mistake("overflow", OVERFLOW, hint=OVERFLOW_HINT, shift=NO_HELP)
def _(logits, shift):
    return log_sum(logits, shift) + per_row(logits, shift)


@logsumexp.mistake("overflow", OVERFLOW, hint=OVERFLOW_HINT)
def _(logits):
    return [math.log(sum(math.exp(v) for v in row)) for row in logits.tolist()]


@logsumexp.mistake(
    "underflow",
    "One maximum is subtracted from all rows, that of the whole batch. A row far below it becomes"
    " exp(-2000) = 0"
    " in every place, and log(0) is -inf.",
    hint=GLOBAL_MAX_HINT,
)
def _(logits):
    return log_sum(logits, overall_max) + overall_max(logits)


@logsumexp.mistake("underflow", UNDERFLOW, hint=UNDERFLOW_HINT, shift=TOO_MUCH)
def _(logits, shift):
    return log_sum(logits, shift) + per_row(logits, shift)


@logsumexp.mistake("underflow", UNDERFLOW, hint=UNDERFLOW_HINT)
def _(logits):
    top = logits.max()
    return [top + math.log(sum(math.exp(v - top) for v in row)) for row in logits.tolist()]


@logsumexp.mistake(
    "max-not-added-back",
    "The maximum was taken out of the logarithm but not added back: lse(z) = m + log(sum(exp(z - m))).",
    hint="What is lse of the row [5, 5]? It must be a little more than 5.",
    shift=(row_max, overall_max, row_min, row_mean),
)
def _(logits, shift):
    return log_sum(logits, shift)


@logsumexp.mistake(
    "max-not-added-back",
    "The maximum was subtracted a second time instead of being added back.",
    hint="What is lse of the row [5, 5]? It must be a little more than 5.",
    shift=(row_max, overall_max),
)
def _(logits, shift):
    return log_sum(logits, shift) - per_row(logits, shift)


WRONG_AXIS = (
    "The sum runs along another axis than the classes: one number for each row is asked for, N of them."
)
WRONG_AXIS_HINT = "Which axis must be summed away to leave one number for each row?"


@logsumexp.mistake("wrong-axis", WRONG_AXIS, hint=WRONG_AXIS_HINT, axis=(0, None))
def _(logits, axis):
    return functional.logsumexp(logits, axis=axis)


@logsumexp.mistake(
    "wrong-axis",
    "Maximum and sum run along different axes.",
    hint=WRONG_AXIS_HINT,
    shift=SHIFTS,
    axis=(-1, 0, None),
    add=(lambda s, m: s + m, lambda s, m: s + m.squeeze(), lambda s, m: s),
)
def _(logits, shift, axis, add):
    if axis == -1 and shift is not column_max:
        raise ValueError("the right axes")
    m = shift(logits)
    return add(np.log(np.exp(logits - m).sum(axis=axis)), m)


@logsumexp.mistake(
    "keepdims-missing",
    notebook1.KEEPDIMS,
    hint=notebook1.KEEPDIMS_HINT,
)
def _(logits):
    m = logits.max(axis=-1)
    return m + np.log(np.exp(logits - m).sum(axis=-1))


@logsumexp.mistake(
    "keepdims-missing",
    "One (N, 1) column was added to N numbers of shape (N,): NumPy makes an (N, N) grid of them.",
    hint="Bring both to the shape (N,) before the sum; squeeze(-1) or keepdims=False does.",
)
def _(logits):
    return row_max(logits) + log_sum(logits, row_max)


@logsumexp.mistake("fixed-shift", FIXED, hint=FIXED_HINT, number=FIXED_NUMBERS, added=(True, False))
def _(logits, number, added):
    return np.log(np.exp(logits - number).sum(axis=-1)) + (number if added else 0)


@logsumexp.mistake("clipped", CLIPPED, hint=CLIPPED_HINT, limit=CLIP_LIMITS, low=(True, False))
def _(logits, limit, low):
    return functional.logsumexp(np.clip(logits, -limit if low else None, limit))


@logsumexp.mistake("nan-hidden", HIDDEN, hint=OVERFLOW_HINT)
def _(logits):
    return np.nan_to_num(log_sum(logits, no_shift))


@logsumexp.mistake(
    "max-only",
    "This is the largest logit of each row. The log-sum-exp is a little more, up to log C more.",
    hint="What is lse of the row [5, 5]?",
)
def _(logits):
    return logits.max(axis=-1)


@logsumexp.mistake(
    "no-log",
    "The exponentials are summed, but the logarithm of the sum is missing.",
    hint="The name says the order, read from the inside: exp, sum, log.",
)
def _(logits):
    return np.exp(logits).sum(axis=-1)


@logsumexp.mistake(
    "mean-not-sum",
    "This is the logarithm of the mean of the exponentials: too small by log C.",
    hint="The name says the order, read from the inside: exp, sum, log.",
)
def _(logits):
    return functional.logsumexp(logits) - np.log(logits.shape[-1])


@logsumexp.mistake(
    "wrong-base",
    "The logarithm is not the natural one.",
    hint="np.log is the natural logarithm.",
    log=(np.log2, np.log10),
    shift=(row_max, no_shift),
)
def _(logits, log, shift):
    return log_sum(logits, shift, log) + per_row(logits, shift)


@logsumexp.mistake(
    "wrong-shape",
    "The rows kept an axis of length 1: shape (N, 1), where (N,) is asked for.",
    hint="keepdims=True is right for the subtraction; for the result, remove that axis again: squeeze(-1).",
)
def _(logits):
    return functional.logsumexp(logits)[:, None]


# ---------------------------------------------------------------------------------------------- cross_entropy

ORDINARY_LABELS = [labels(40 + i, *z.shape) for i, z in enumerate(ORDINARY[:-1])]

cross_entropy = Exercise(
    "cross_entropy",
    functional.cross_entropy,
    ("logits", "labels"),
    returns="one number, the mean loss in nats",
    checked=CHECKED + " Repeated labels and missing classes.",
    probes=[
        *zip(ORDINARY, [*ORDINARY_LABELS, ORDINARY_LABELS[0]], strict=True),
        (np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]), np.array([1, 2])),
        (DEEP, np.array([0])),
    ],
    hard=[
        (LARGE, np.array([1])),
        (SMALL, np.array([1, 0])),
        (LARGE_AND_SMALL, np.array([0, 2])),
        (FAR_APART, np.array([0, 2])),
        (FAR_APART, np.array([2, 1])),
        (MIDDLING, np.array([0, 2])),
        (MIDDLING, np.array([2, 0])),
        (WIDE, np.array([0])),
        (HUGE, np.array([2, 2])),
        (LARGE_AND_SMALL.astype(np.float32), np.array([1, 1])),
        (FAR_APART.astype(np.float32), np.array([1, 0])),
    ],
    tolerance_grows=True,
)


def one_hot_product(p: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the same (N,) losses by one-hot rows, where 0 * log(0) is nan."""
    return -(functional.one_hot(labels, p.shape[1]) * np.log(p)).sum(axis=1)


THEN_LOG = (
    "Softmax comes first and the logarithm after it. A probability below 5e-324 is stored as 0, and"
    " log(0) is -inf;"
    " the loss of 1000 itself would be a perfectly good number."
)
THEN_LOG_HINT = "log(e^z / sum) = z - log(sum): can you get there without ever computing the probability?"


@cross_entropy.mistake(
    "softmax-then-log",
    THEN_LOG,
    hint=THEN_LOG_HINT,
    shift=(row_max, no_shift, overall_max),
    loss=(lambda p, y: -np.log(picked(p, y)), one_hot_product),
)
def _(logits, labels, shift, loss):
    return loss(softmax_with(logits, shift), labels).mean()


@cross_entropy.mistake("softmax-then-log", THEN_LOG, hint=THEN_LOG_HINT, stable=(True, False))
def _(logits, labels, stable):  # math.exp and math.log raise where NumPy answers inf
    out = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        top = max(row) if stable else 0.0
        e = [math.exp(v - top) for v in row]
        out -= math.log(e[label] / sum(e))
    return out / len(labels)


def guess_epsilon(probes: list, results: list) -> list[dict]:
    """Return the epsilons that explain an answer's loss where the label's probability is tiny."""
    out = []
    for (z, y), result in zip(probes, results, strict=True):
        if (
            any(z is one for one in (DEEP, WIDE, FAR_APART))
            and result.value is not None
            and np.all(result.value[0] > 1.0)
        ):
            seen = float(np.exp(-result.value[0].mean()))  # p + epsilon, or epsilon where p was clipped
            p = float(picked(functional.softmax(z), y).max())
            out += [{"epsilon": seen - p}, {"epsilon": seen}] if seen > p else []
    return out


@cross_entropy.mistake(
    "epsilon-in-log",
    "A small number is added to the probability before the logarithm, or the probability is clipped."
    " No loss can then"
    " exceed -log(epsilon), about 28 for 1e-12, where the right one is 1000: a cap, and its gradient is 0.",
    hint="log(e^z / sum) = z - log(sum) needs no epsilon.",
    fit=guess_epsilon,
    epsilon=(1e-12,),
    shift=(row_max, no_shift, overall_max),
    keep=(lambda p, eps: p + eps, lambda p, eps: np.clip(p, eps, 1 - eps), lambda p, eps: np.maximum(p, eps)),
)
def _(logits, labels, epsilon, shift, keep):
    return -np.log(keep(picked(softmax_with(logits, shift), labels), epsilon)).mean()


@cross_entropy.mistake(
    "probabilities-expected",
    "The logits are treated as if they were probabilities: the logarithm is taken of them directly,"
    " with no softmax.",
    hint="What turns logits into probabilities, and where does it happen in your function?",
    keep=(
        lambda z: z,
        np.abs,
        lambda z: np.clip(z, 1e-12, 1.0),
        lambda z: np.maximum(z, 1e-12),
        lambda z: z + 1e-12,
    ),
    loss=(lambda p, y: -np.log(picked(p, y)), one_hot_product),
    reduce=(mean, total),
)
def _(logits, labels, keep, loss, reduce):
    return reduce(loss(keep(logits), labels), logits.shape[1])


@cross_entropy.mistake(
    "probabilities-expected",
    "The logits went into cross_entropy_from_probs, which takes probabilities.",
    hint="What turns logits into probabilities? And is the detour over them needed?",
)
def _(logits, labels):
    return functional.cross_entropy_from_probs(logits, labels)


@cross_entropy.mistake(
    "softmax-twice",
    "Softmax is taken twice: its result goes into a function that takes a softmax itself. The loss"
    " then cannot come"
    " near 0; for three classes it stays above 0.5514.",
    hint="Do you hand over logits or probabilities?",
    reduce=(mean, total),
)
def _(logits, labels, reduce):
    twice = functional.softmax(functional.softmax(logits))
    return reduce(-np.log(picked(twice, labels)), logits.shape[1])


cross_entropy.mistakes_of(
    notebook2.cross_entropy_from_probs,
    before=lambda logits, labels: (functional.softmax(logits), labels),
    skip=("softmax-twice",),
)


@cross_entropy.mistake("overflow", OVERFLOW, hint=OVERFLOW_HINT, shift=NO_HELP)
def _(logits, labels, shift):
    return (log_sum(logits, shift) + per_row(logits, shift) - picked(logits, labels)).mean()


@cross_entropy.mistake("overflow", OVERFLOW, hint=OVERFLOW_HINT)
def _(logits, labels):
    out = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        out += math.log(sum(math.exp(v) for v in row)) - row[label]
    return out / len(labels)


@cross_entropy.mistake("global-max", GLOBAL_MAX, hint=GLOBAL_MAX_HINT)
def _(logits, labels):
    return (log_sum(logits, overall_max) + overall_max(logits) - picked(logits, labels)).mean()


@cross_entropy.mistake("underflow", UNDERFLOW, hint=UNDERFLOW_HINT, shift=TOO_MUCH)
def _(logits, labels, shift):
    return (log_sum(logits, shift) + per_row(logits, shift) - picked(logits, labels)).mean()


@cross_entropy.mistake(
    "divided-by-classes",
    "The losses of the N examples are added up, and the sum is divided by C, the number of classes.",
    hint="Over how many losses is the mean? len(labels) is N.",
)
def _(logits, labels):
    return functional.cross_entropy(logits, labels, reduction="sum") / logits.shape[1]


@cross_entropy.mistake("fixed-shift", FIXED, hint=FIXED_HINT, number=FIXED_NUMBERS)
def _(logits, labels, number):
    return (np.log(np.exp(logits - number).sum(axis=-1)) + number - picked(logits, labels)).mean()


@cross_entropy.mistake("clipped", CLIPPED, hint=CLIPPED_HINT, limit=CLIP_LIMITS, low=(True, False))
def _(logits, labels, limit, low):
    return functional.cross_entropy(np.clip(logits, -limit if low else None, limit), labels)


@cross_entropy.mistake("nan-hidden", HIDDEN, hint=OVERFLOW_HINT, shift=(no_shift, overall_max))
def _(logits, labels, shift):
    return np.nan_to_num(-np.log(picked(softmax_with(logits, shift), labels))).mean()


@cross_entropy.mistake("nan-hidden", HIDDEN, hint=OVERFLOW_HINT)
def _(logits, labels):
    return np.nan_to_num((log_sum(logits, no_shift) - picked(logits, labels)).mean())


@cross_entropy.mistake("nan-hidden", HIDDEN, hint=OVERFLOW_HINT)
def _(logits, labels):
    return -np.log(picked(np.nan_to_num(softmax_with(logits, no_shift)), labels)).mean()


@cross_entropy.mistake(
    "max-not-added-back",
    "The maximum was taken out of the log-sum-exp but not added back, or not taken out of the label's logit.",
    hint="Subtract the maximum from all logits first, and use only these from then on.",
    shift=(row_max, overall_max),
    reduce=(mean, total),
)
def _(logits, labels, shift, reduce):
    return reduce(log_sum(logits, shift) - picked(logits, labels), logits.shape[1])


@cross_entropy.mistake(
    "nll-on-logits",
    "The loss is minus the label's logit: the log-sum-exp is missing. It can fall without end.",
    hint="loss = log-sum-exp of the row, minus the logit of its label.",
    sign=(-1, 1),
    reduce=(mean, total, nothing),
)
def _(logits, labels, sign, reduce):
    return reduce(sign * picked(logits, labels), logits.shape[1])


@cross_entropy.mistake(
    "label-forgotten",
    "This is the log-sum-exp alone; the logit of the label is not subtracted.",
    hint="Where do the labels come in?",
    reduce=(mean, total, nothing),
)
def _(logits, labels, reduce):
    return reduce(functional.logsumexp(logits), logits.shape[1])


@cross_entropy.mistake(
    "wrong-axis",
    "Softmax or log-sum-exp runs down the columns, over the examples, or over everything at once.",
    hint="One row is one example: along which axis do its classes lie?",
    axis=(0, None),
    reduce=(mean, total),
)
def _(logits, labels, axis, reduce):
    return reduce(-picked(functional.log_softmax(logits, axis=axis), labels), logits.shape[1])


@cross_entropy.mistake(
    "keepdims-missing",
    notebook1.KEEPDIMS,
    hint=notebook1.KEEPDIMS_HINT,
    max_too=(False, True),
    sum_too=(True, False),
)
def _(logits, labels, max_too, sum_too):
    z = logits - (logits.max(axis=-1) if max_too else row_max(logits))
    if not max_too and not sum_too:
        raise ValueError("the right shapes")
    return -picked(z - np.log(np.exp(z).sum(axis=-1, keepdims=not sum_too)), labels).mean()


@cross_entropy.mistake("keepdims-missing", notebook1.KEEPDIMS, hint=notebook1.KEEPDIMS_HINT)
def _(logits, labels):
    return -picked(logits - functional.logsumexp(logits), labels).mean()


@cross_entropy.mistake("keepdims-missing", notebook1.KEEPDIMS, hint=notebook1.KEEPDIMS_HINT)
def _(logits, labels):
    e = np.exp(logits)
    return -np.log(picked(e / e.sum(axis=-1), labels)).mean()
