"""The exercises of notebook 2: `one_hot` and `cross_entropy_from_probs`.

Domains: labels are (N,) ints in [0, C). Probabilities are (N, C), all above 0, each row sums to 1.
"""

import numpy as np

from softmax_lib import functional
from softmax_lib.checks.engine import Exercise
from softmax_lib.checks.probes import SHAPES, labels, probs

# ---------------------------------------------------------------------------------------------------- one_hot

one_hot = Exercise(
    "one_hot",
    functional.one_hot,
    ("labels", "num_classes"),
    returns="zeros and ones of shape (N, num_classes)",
    checked="1 to 8 labels of 2 to 10 classes: repeated, out of order, with classes that do not occur.",
    probes=[
        (np.array([2, 0]), 3),
        (np.array([1, 0, 1]), 4),
        (np.array([1, 2, 0]), 3),
        (np.array([0]), 2),
        (np.array([3]), 5),
        (np.array([0, 0, 2, 1]), 5),
        (np.array([1, 1, 1]), 2),
        (np.array([2, 0, 3, 1]), 4),
        (np.array([3, 1, 4, 1, 5, 9, 2, 6]), 10),
        *((labels(seed, n, c), c) for seed, (n, c) in enumerate(SHAPES)),
        (np.array([2, 0]), 3),
    ],
)

OFF_BY_ONE = (
    "The ones stand one column beside their place: classes count from 0, label 0 belongs to column 0."
)
OFF_BY_ONE_HINT = "Write out the row of label 0 with three classes by hand, and compare."


@one_hot.mistake(
    "off-by-one", OFF_BY_ONE, hint=OFF_BY_ONE_HINT, step=(-1, 1), beyond=("wraps", "stops", "empty", "error")
)
def _(labels, num_classes, step, beyond):
    moved = labels + step
    if beyond == "wraps":
        moved = moved % num_classes
    if beyond == "stops":
        moved = moved.clip(0, num_classes - 1)
    if beyond == "error" and (moved.min() < 0 or moved.max() >= num_classes):
        raise IndexError("a label stands outside the row")
    return (moved[:, None] == np.arange(num_classes)).astype(float)


@one_hot.mistake(
    "off-by-one",
    "There is one column too many or too few: labels from 0 to C - 1 need exactly C columns.",
    hint="With three classes, which is the largest label?",
    columns=(
        lambda c: np.arange(c + 1),
        lambda c: np.arange(-1, c),
        lambda c: np.arange(1, c),
        lambda c: np.arange(c - 1),
    ),
)
def _(labels, num_classes, columns):
    return (labels[:, None] == columns(num_classes)).astype(float)


@one_hot.mistake(
    "off-by-one",
    "The identity matrix is one row too small for the largest label, which is num_classes - 1.",
    hint="With three classes, which is the largest label, and how many rows must np.eye have?",
)
def _(labels, num_classes):
    return np.eye(num_classes - 1)[labels]


@one_hot.mistake(
    "off-by-one",
    "The loop leaves out the first or the last class: range(C) runs from 0 to C - 1.",
    hint="Print the classes that your loop visits, with three classes.",
    left_out=(0, -1),
)
def _(labels, num_classes, left_out):
    out = np.eye(num_classes)[labels]
    out[:, left_out] = 0
    return out


@one_hot.mistake(
    "transposed",
    "Rows and columns are exchanged: the result is (C, N). One row is one example here.",
    hint="out[i, labels[i]] = 1: the example comes first, then the class.",
)
def _(labels, num_classes):
    return np.eye(num_classes)[labels].T


@one_hot.mistake(
    "labels-returned",
    "The class numbers themselves came back. A row of zeros with a single 1 is asked for, one row for"
    " each label.",
    hint="Row k of np.eye(num_classes) is what label k turns into.",
    form=(lambda y, c: y, lambda y, c: np.repeat(y[:, None], c, axis=1)),
)
def _(labels, num_classes, form):
    return form(labels, num_classes)


@one_hot.mistake(
    "labels-as-values",
    "The right places hold the label instead of a 1.",
    hint="What must stand in the place of the right class?",
)
def _(labels, num_classes):
    return np.eye(num_classes)[labels] * labels[:, None]


@one_hot.mistake(
    "fancy-index-grid",
    "out[:, labels] = 1 fills those columns in every row. Each row must get its own label's column only.",
    hint="Give the rows too, one for each label: out[np.arange(N), labels].",
)
def _(labels, num_classes):
    out = np.zeros((len(labels), num_classes))
    out[:, labels] = 1
    return out


@one_hot.mistake(
    "fancy-index-grid",
    "out[labels] = 1 fills whole rows: a single index picks rows, not columns.",
    hint="Give the rows too, one for each label: out[np.arange(N), labels].",
)
def _(labels, num_classes):
    out = np.zeros((len(labels), num_classes))
    out[labels] = 1
    return out


@one_hot.mistake(
    "wrong-shape",
    "The number of columns comes from the labels that happen to occur. The last classes may be"
    " missing in a batch;"
    " num_classes says how many there are.",
    hint="Where does your function use num_classes?",
    columns=(lambda y: np.arange(y.max() + 1), np.unique),
)
def _(labels, num_classes, columns):
    return (labels[:, None] == columns(labels)).astype(float)


# ----------------------------------------------------------------------------------- cross_entropy_from_probs
FIRST = np.array([[0.7, 0.2, 0.1]])
BOTH = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])

cross_entropy_from_probs = Exercise(
    "cross_entropy_from_probs",
    functional.cross_entropy_from_probs,
    ("probs", "labels"),
    returns="one number, the mean loss in nats",
    checked=(
        "1 to 6 rows of 2 to 5 classes, as many rows as classes too, repeated labels and missing classes."
    ),
    probes=[
        (FIRST, np.array([0])),
        (BOTH, np.array([0, 0])),
        (BOTH, np.array([2, 1])),
        (np.array([[0.6, 0.4], [0.25, 0.75], [0.9, 0.1]]), np.array([1, 1, 0])),
        (np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]]), np.array([2, 0, 2])),
        *((probs(30 + seed, n, c), labels(seed, n, c)) for seed, (n, c) in enumerate(SHAPES)),
        (probs(20, 4, 3, np.float32), labels(20, 4, 3)),
        (FIRST, np.array([0])),
    ],
)

LOG_BASES = {"log-base-2": np.log2, "log-base-10": np.log10}


# Ways to make one number of the (N,) losses, where num_classes is C.
def mean(losses: np.ndarray, num_classes: int) -> np.ndarray:
    return losses.mean()


def total(losses: np.ndarray, num_classes: int) -> np.ndarray:
    return losses.sum()


def mean_over_elements(losses: np.ndarray, num_classes: int) -> np.ndarray:
    return losses.sum() / (len(losses) * num_classes)


def nothing(losses: np.ndarray, num_classes: int) -> np.ndarray:
    return losses


# Ways to make less of a matrix of terms, (N, C) or (N, N).
REDUCE = (
    lambda m: m.sum() / len(m),
    np.mean,
    np.sum,
    lambda m: m.sum() / m.shape[1],
    lambda m: m.sum(axis=1),
    lambda m: m.mean(axis=1),
    lambda m: m.sum(axis=0),
    lambda m: m.mean(axis=0),
    lambda m: m,
)


def picked(probs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return each row's probability of its label, (N,)."""
    return probs[np.arange(len(labels)), labels]


@cross_entropy_from_probs.mistake(
    "sum-not-mean",
    "The losses are added up but not divided by their number, so a larger batch has a larger loss.",
    hint="How does your result change when every example stands in the batch twice? It should not.",
)
def _(probs, labels):
    return -np.log(picked(probs, labels)).sum()


@cross_entropy_from_probs.mistake(
    "missing-minus",
    "The result is negative. A probability is at most 1, so its logarithm is at most 0; the loss is -log(p).",
    hint="What turns the logarithm into a price that is never below 0?",
    log=(np.log, np.log2, np.log10),
    reduce=(mean, total, mean_over_elements, nothing),
)
def _(probs, labels, log, reduce):
    return reduce(log(picked(probs, labels)), probs.shape[1])


for id, log in LOG_BASES.items():
    base = id.removeprefix("log-base-")
    unit = "bits" if base == "2" else "decimal digits"

    @cross_entropy_from_probs.mistake(
        id,
        f"The logarithm is to base {base}, so the loss comes out in {unit}. The course counts in nats.",
        hint="np.log is the natural logarithm.",
        log=(log,),
        reduce=(mean, total, mean_over_elements),
    )
    def _(probs, labels, log, reduce):
        return reduce(-log(picked(probs, labels)), probs.shape[1])


@cross_entropy_from_probs.mistake(
    "mean-over-elements",
    "The sum was divided by N x C instead of N: the zeros of the one-hot rows were counted into the mean.",
    hint="Over how many examples is the mean? .mean() of an (N, C) array divides by N x C.",
)
def _(probs, labels):
    return mean_over_elements(-np.log(picked(probs, labels)), probs.shape[1])


@cross_entropy_from_probs.mistake(
    "divided-by-classes",
    "The losses of the N examples are added up, and the sum is divided by C, the number of classes.",
    hint="Over how many losses is the mean? len(labels) is N.",
)
def _(probs, labels):
    return -np.log(picked(probs, labels)).sum() / probs.shape[1]


@cross_entropy_from_probs.mistake(
    "fancy-index-grid",
    "[:, labels] picks an (N, N) grid: every row at every label. Each row is to be read at its own"
    " label only.",
    hint="Give the rows too, one for each label: [np.arange(N), labels].",
    log=(np.log, np.log2, lambda p: -np.log(p)),
    reduce=REDUCE,
)
def _(probs, labels, log, reduce):
    return reduce(-log(probs[:, labels]))


@cross_entropy_from_probs.mistake(
    "all-classes",
    "The logarithms of all classes went in. Only the probability of the right class counts; the"
    " labels pick it.",
    hint="Where do the labels come in?",
    reduce=REDUCE,
    sign=(-1, 1),
)
def _(probs, labels, reduce, sign):
    return sign * reduce(np.log(probs))


BINARY = (
    "This is the binary cross-entropy: it adds log(1 - p) for the classes that are wrong. Here the"
    " classes share one"
    " row that sums to 1, and -log(p) of the right class is the whole price."
)
BINARY_HINT = "Which term of your sum does not contain the right class's probability?"


@cross_entropy_from_probs.mistake(
    "binary-cross-entropy",
    BINARY,
    hint=BINARY_HINT,
    reduce=REDUCE,
)
def _(probs, labels, reduce):
    y = functional.one_hot(labels, probs.shape[1])
    return reduce(-(y * np.log(probs) + (1 - y) * np.log(1 - probs)))


@cross_entropy_from_probs.mistake(
    "binary-cross-entropy",
    BINARY + " The class numbers 0, 1, 2, ... also stand in the place of the 0 and 1 of two classes.",
    hint=BINARY_HINT,
    read=(
        lambda p, y: picked(p, y),
        lambda p, y: p[:, 1],
        lambda p, y: p[:, 0],
        lambda p, y: p[:, -1],
        lambda p, y: p.max(axis=1),
        lambda p, y: p,
    ),
    column=(False, True),
    reduce=(np.mean, np.sum, lambda m: m.sum() / len(m)),
)
def _(probs, labels, read, column, reduce):
    y = labels[:, None] if column else labels
    p = read(probs, labels)
    return reduce(-(y * np.log(p) + (1 - y) * np.log(1 - p)))


@cross_entropy_from_probs.mistake(
    "binary-cross-entropy",
    BINARY,
    hint=BINARY_HINT,
    reduce=(np.mean, np.sum),
)
def _(probs, labels, reduce):
    p = picked(probs, labels)
    return reduce(-(np.log(p) + np.log(1 - p)))


@cross_entropy_from_probs.mistake(
    "no-log",
    "There is no logarithm: this averages the probabilities themselves. -log(p) grows without bound"
    " as p falls to 0.",
    hint="What does the exercise ask for between the picked probability and the mean?",
    price=(lambda p: -p, lambda p: p, lambda p: 1 - p, lambda p: 1 / p),
    reduce=(mean, total, mean_over_elements, nothing),
)
def _(probs, labels, price, reduce):
    return reduce(price(picked(probs, labels)), probs.shape[1])


# Not in the series table, but seen often enough to have a name.


@cross_entropy_from_probs.mistake(
    "labels-as-one-hot",
    "The class numbers stand where one-hot rows belong: label 0 then counts nothing and label 2"
    " counts twice, in"
    " every column.",
    hint="Turn the labels into one-hot rows first, or use them as indices: probs[np.arange(N), labels].",
    column=(False, True),
    log=(lambda p: -np.log(p), np.log, np.array),
    reduce=REDUCE,
)
def _(probs, labels, column, log, reduce):
    return reduce((labels[:, None] if column else labels) * log(probs))


@cross_entropy_from_probs.mistake(
    "log-of-mean",
    "The probabilities were averaged first, and the logarithm taken afterwards: a mean of logarithms"
    " is asked for.",
    hint="Take each example's -log(p) first.",
    reduce=(np.mean, np.sum),
)
def _(probs, labels, reduce):
    return -np.log(reduce(picked(probs, labels)))


@cross_entropy_from_probs.mistake(
    "rows-picked",
    "probs[labels] picks whole rows by number, not one probability in each row.",
    hint="Give the rows and the columns: probs[np.arange(N), labels].",
    reduce=(np.mean, lambda m: m.sum() / len(m), np.sum),
)
def _(probs, labels, reduce):
    return reduce(-np.log(probs[labels]))


@cross_entropy_from_probs.mistake(
    "swapped-indices",
    "Rows and columns are exchanged: the labels are the second index.",
    hint="probs is (N, C): first the example, then the class.",
)
def _(probs, labels):
    return -np.log(probs[labels, np.arange(len(labels))]).mean()


@cross_entropy_from_probs.mistake(
    "entropy",
    "This weighs each logarithm with the predicted probability. That is the entropy of the"
    " prediction; the labels"
    " must do the weighing.",
    hint="Where do the labels come in?",
    reduce=(lambda m: m.sum() / len(m), np.mean, np.sum),
)
def _(probs, labels, reduce):
    return reduce(-probs * np.log(probs))


@cross_entropy_from_probs.mistake(
    "squared-error",
    "This is the squared error between the probabilities and the one-hot rows.",
    hint="The price of an example is -log of the probability of its class.",
    reduce=(np.mean, lambda m: m.sum() / len(m), np.sum),
    half=(1.0, 0.5),
)
def _(probs, labels, reduce, half):
    return half * reduce((probs - functional.one_hot(labels, probs.shape[1])) ** 2)


@cross_entropy_from_probs.mistake(
    "softmax-twice",
    "Softmax was taken of the probabilities once more. They are probabilities already.",
    hint="What do the rows of probs sum to as they come in?",
)
def _(probs, labels):
    return functional.cross_entropy(probs, labels)


@cross_entropy_from_probs.mistake(
    "argmax-first",
    "The probabilities were turned into a hard pick first: then a row costs nothing or infinitely much.",
    hint="Use the soft probabilities.",
)
def _(probs, labels):
    hard = (probs == probs.max(axis=1, keepdims=True)).astype(float)
    return -np.log(picked(hard, labels)).mean()


@cross_entropy_from_probs.mistake(
    "wrong-shape",
    "One loss for each example came back, or one for each entry. A single number is asked for, their mean.",
    hint="Which step turns N losses into one number?",
    form=(lambda p, y: -np.log(picked(p, y)), lambda p, y: -functional.one_hot(y, p.shape[1]) * np.log(p)),
)
def _(probs, labels, form):
    return form(probs, labels)
