"""The exercise of notebook 1: `softmax`, from scores to probabilities.

Domain: (N, C) float logits of ordinary size. A naive softmax passes, with a note: logits of 1000 are notebook
3's.
"""

import numpy as np

from softmax_lib import functional
from softmax_lib.checks.engine import Exercise
from softmax_lib.checks.probes import LARGER, LECTURE, LECTURE_TWO, SHAPES, logits

ONE_ROW = "It does not take a single row of shape (C,). It need not; for the curious: axis=-1 takes both."


# Ways to shift the logits before exp. A shift that is the same for a whole row changes nothing in a right
# softmax.
def no_shift(z: np.ndarray) -> np.ndarray:
    return np.zeros(())


def row_max(z: np.ndarray) -> np.ndarray:
    return z.max(axis=-1, keepdims=True)


def column_max(z: np.ndarray) -> np.ndarray:
    return z.max(axis=0, keepdims=True)


def overall_max(z: np.ndarray) -> np.ndarray:
    return z.max()


SHIFTS = (no_shift, row_max, column_max, overall_max)

softmax = Exercise(
    "softmax",
    functional.softmax,
    ("logits",),
    returns="probabilities of shape (N, C)",
    checked=(
        "1 to 6 rows of 2 to 5 classes, as many rows as classes too, logits of both signs, float64 and"
        " float32."
    ),
    probes=[
        (LECTURE,),
        (LECTURE_TWO,),
        (np.array([[0.5, -0.5, 0.2], [1.0, 2.0, 3.0], [-1.0, 0.3, 1.0]]),),
        *((logits(seed, n, c),) for seed, (n, c) in enumerate(SHAPES)),
        (logits(10, 4, 3) - 6.0,),
        (LARGER,),
        (logits(11, 3, 4, dtype=np.float32),),
        (LECTURE,),
    ],
    bonus=[
        (
            (np.array([[1000.0, 999.0, 998.0], [-1000.0, -1001.0, -1002.0]]),),
            "Logits of 1000 break this softmax: exp(1000) overflows. Notebook 3 repairs it.",
        ),
        ((np.array([2.0, 1.0, 0.1]),), ONE_ROW),
    ],
)


@softmax.mistake(
    "wrong-axis",
    "The sum runs down the columns, over the examples. Each column adds up to 1, not each row.",
    hint="One row is one example. Which axis must be summed away to leave one sum for each row?",
    shift=SHIFTS,
    back=(lambda p: p, np.transpose),
)
def _(logits, shift, back):
    e = np.exp(logits - shift(logits))
    return back(e / e.sum(axis=0, keepdims=True))


@softmax.mistake(
    "wrong-axis",
    "The maximum was taken of each column and subtracted from it. What is subtracted must be the same"
    " along a row;"
    " else the classes of a row are shifted against each other.",
    hint="Each row gives up its own maximum: which axis does max go along?",
)
def _(logits):
    return functional.softmax(logits - column_max(logits))


@softmax.mistake(
    "global-sum",
    "The sum runs over all rows at once, so the probabilities of the whole batch share a single 1.",
    hint="e.sum() without an axis is one number. How many sums does a batch of N rows need?",
    shift=SHIFTS,
    total=(np.sum, np.mean),
)
def _(logits, shift, total):
    e = np.exp(logits - shift(logits))
    return e / total(e)


@softmax.mistake(
    "no-normalisation",
    "The logits are exponentiated but never divided by the row's sum, so the rows do not add up to 1.",
    hint="By what must each row be divided so that it sums to 1?",
    shift=SHIFTS,
)
def _(logits, shift):
    return np.exp(logits - shift(logits))


@softmax.mistake(
    "no-normalisation",
    "The exponentials are divided by something other than the sum of their row, so the rows do not"
    " add up to 1.",
    hint="By what must each row be divided so that it sums to 1?",
    divisor=(
        lambda e: e.mean(axis=-1, keepdims=True),
        lambda e: e.max(axis=-1, keepdims=True),
        lambda e: e.max(),
        lambda e: e.shape[-1],
        lambda e: e.shape[0],
        lambda e: e.size,
        lambda e: np.sqrt((e**2).sum(axis=-1, keepdims=True)),
    ),
)
def _(logits, divisor):
    e = np.exp(logits)
    return e / divisor(e)


NOT_EXP_HINT = "What makes every score positive and keeps the order, before the division?"


@softmax.mistake(
    "not-exponentiated",
    "The logits themselves are divided by their sum. Negative logits then give negative or huge"
    " “probabilities”.",
    hint=NOT_EXP_HINT,
    axis=(-1, 0, None),
)
def _(logits, axis):
    return logits / logits.sum(axis=axis, keepdims=True)


@softmax.mistake(
    "not-exponentiated",
    "The logits are shifted, cut off or made positive and then scaled, but not exponentiated. In a"
    " softmax, the ratio"
    " of two probabilities is e to the difference of their logits.",
    hint=NOT_EXP_HINT,
    top=(
        lambda z, axis: z,
        lambda z, axis: np.abs(z),
        lambda z, axis: z**2,
        lambda z, axis: np.maximum(z, 0.0),
        lambda z, axis: z - z.min(axis=axis, keepdims=True),
        lambda z, axis: z - z.max(axis=axis, keepdims=True),
    ),
    bottom=(
        lambda t, axis: t.sum(axis=axis, keepdims=True),
        lambda t, axis: t.sum(axis=axis, keepdims=True) + 1e-9,
        lambda t, axis: np.abs(t).sum(axis=axis, keepdims=True),
        lambda t, axis: t.max(axis=axis, keepdims=True),
        lambda t, axis: t.max(axis=axis, keepdims=True) - t.min(axis=axis, keepdims=True),
        lambda t, axis: np.sqrt((t**2).sum(axis=axis, keepdims=True)),
    ),
    axis=(-1, None),
)
def _(logits, top, bottom, axis):
    t = top(logits, axis)
    return t / bottom(t, axis)


KEEPDIMS = (
    "The row sums (or row maxima) have shape (N,), so NumPy lines them up with the columns: an error"
    " where N and C"
    " differ, and silently wrong numbers where they are equal."
)
KEEPDIMS_HINT = "keepdims=True keeps the shape (N, 1), one number for each row."


@softmax.mistake("keepdims-missing", KEEPDIMS, hint=KEEPDIMS_HINT, shift=SHIFTS)
def _(logits, shift):
    e = np.exp(logits - shift(logits))
    return e / e.sum(axis=-1)


@softmax.mistake("keepdims-missing", KEEPDIMS, hint=KEEPDIMS_HINT, keepdims=(True, False))
def _(logits, keepdims):
    e = np.exp(logits - logits.max(axis=-1))
    return e / e.sum(axis=-1, keepdims=keepdims)


@softmax.mistake(
    "log-softmax",
    "These are logarithms of the probabilities, or minus the logarithms: the rows do not sum to 1.",
    hint="Which of your steps takes a logarithm? The probabilities themselves are asked for.",
    sign=(1, -1),
)
def _(logits, sign):
    return sign * np.log(functional.softmax(logits))


@softmax.mistake(
    "sigmoid-per-class",
    "Every score went through a sigmoid by itself. The classes then do not compete, and a row need"
    " not sum to 1.",
    hint="What must the probability of one class know about the other classes' scores?",
    sign=(1, -1),
)
def _(logits, sign):
    return 1 / (1 + np.exp(-sign * logits))


@softmax.mistake(
    "sigmoid-per-class",
    "Every score went through a sigmoid, and the row was divided by its sum. It sums to 1, but it is"
    " no softmax:"
    " exp alone goes in the place of the sigmoid.",
    hint="What does softmax do to each score before the division?",
)
def _(logits):
    s = 1 / (1 + np.exp(-logits))
    return s / s.sum(axis=-1, keepdims=True)


@softmax.mistake(
    "argmax-one-hot",
    "The largest score got a 1 and all others a 0. That is the pick, not the probabilities: how sure"
    " it is, is lost.",
    hint="Leave the pick for later: return the soft values, all of them above 0.",
)
def _(logits):
    return (logits == logits.max(axis=-1, keepdims=True)).astype(float)


# The id mutates-input needs no function here: the engine watches every answer's input.


@softmax.mistake(
    "wrong-base",
    "The powers are of another base than e.",
    hint="np.exp(z) is e to the power z.",
    base=(2.0, 10.0),
)
def _(logits, base):
    powers = base**logits
    return powers / powers.sum(axis=-1, keepdims=True)


@softmax.mistake(
    "sign-flipped",
    "The logits enter with the opposite sign: the largest score gets the smallest probability.",
    hint="Is there a minus in front of the logits?",
)
def _(logits):
    return functional.softmax(-logits)


@softmax.mistake(
    "softmax-twice",
    "Softmax was taken of the probabilities once more, which pulls them together.",
    hint="How many times do you exponentiate?",
)
def _(logits):
    return functional.softmax(functional.softmax(logits))
