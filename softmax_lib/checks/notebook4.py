"""The exercises of notebook 4: `cross_entropy_grad` and `linear_grad`, the gradients by hand.

Domain: (N, C) float logits of ordinary size, labels (N,) ints in [0, C); X (N, D), W (D, C), b (C,). The loss
is the mean cross-entropy. A gradient with a naive softmax passes, with a note that logits of 1000 break it.
"""

import numpy as np

from softmax_lib import functional
from softmax_lib.checks.engine import Exercise
from softmax_lib.checks.probes import LARGER, LECTURE, LECTURE_TWO, SHAPES, labels, logits

LARGE_BREAKS = "Logits of 1000 break this gradient: its softmax overflows. Notebook 3's softmax is stable."

# ----------------------------------------------------------------------------------------- cross_entropy_grad

cross_entropy_grad = Exercise(
    "cross_entropy_grad",
    functional.cross_entropy_grad,
    ("logits", "labels"),
    returns="the gradient of the mean loss, an array of shape (N, C)",
    checked=(
        "1 to 6 rows of 2 to 5 classes, as many rows as classes too, repeated labels and missing classes."
    ),
    probes=[
        (LECTURE, np.array([1])),
        (LECTURE_TWO, np.array([0, 0])),
        (np.array([[0.5, -0.5, 0.2], [1.0, 2.0, 3.0], [-1.0, 0.3, 1.0]]), np.array([1, 2, 1])),
        *((logits(seed, n, c), labels(seed, n, c)) for seed, (n, c) in enumerate(SHAPES)),
        (LARGER, np.array([1, 2])),
        (logits(11, 4, 3, dtype=np.float32), labels(11, 4, 3)),
        (LECTURE, np.array([1])),
    ],
    bonus=[((np.array([[1000.0, 999.0], [0.0, 1.0]]), np.array([1, 0])), LARGE_BREAKS)],
)


# What an (N, C) gradient may be divided by; the first is right.
def count(gradient: np.ndarray) -> int:
    return gradient.shape[0]


def one(gradient: np.ndarray) -> int:
    return 1


def classes(gradient: np.ndarray) -> int:
    return gradient.shape[1]


def elements(gradient: np.ndarray) -> int:
    return gradient.size


def probs_and_one_hot(logits: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return functional.softmax(logits), functional.one_hot(labels, logits.shape[1])


@cross_entropy_grad.mistake(
    "missing-1-over-n",
    "The rows are p - y, but the loss is a mean over N examples: its gradient is divided by N as well.",
    hint="What happens to a gradient when the loss is divided by N?",
)
def _(logits, labels):
    p, y = probs_and_one_hot(logits, labels)
    return p - y


@cross_entropy_grad.mistake(
    "missing-1-over-n",
    "The gradient is divided, but not by N, the number of examples in the mean.",
    hint="The loss is a mean over how many numbers?",
    divisor=(classes, elements),
)
def _(logits, labels, divisor):
    p, y = probs_and_one_hot(logits, labels)
    return (p - y) / divisor(p)


@cross_entropy_grad.mistake(
    "sign-flipped",
    "This is y - p, the direction downhill. The gradient points uphill: p - y.",
    hint="Raising the logit of a wrong class makes the loss larger. Which sign must its gradient have?",
    divisor=(count, one, classes, elements),
)
def _(logits, labels, divisor):
    p, y = probs_and_one_hot(logits, labels)
    return (y - p) / divisor(p)


@cross_entropy_grad.mistake(
    "minus-y-forgotten",
    "This is p without the - y: every row sums to 1, where a row of the gradient sums to 0.",
    hint="What is the gradient at the right class, once p is 1 there?",
    divisor=(count, one, classes, elements),
    sign=(1, -1),
)
def _(logits, labels, divisor, sign):
    p, _ = probs_and_one_hot(logits, labels)
    return sign * p / divisor(p)


@cross_entropy_grad.mistake(
    "true-class-only",
    "Only the right class has a gradient here. The other logits count too: they stand in the sum"
    " below the fraction.",
    hint="When a wrong class's logit rises, what happens to the probability of the right one?",
    value=(
        lambda p: p - 1,
        lambda p: 1 - p,
        lambda p: p,
        lambda p: -p,
        lambda p: 0 * p - 1,
    ),
    divisor=(count, one, classes, elements),
)
def _(logits, labels, value, divisor):
    p, y = probs_and_one_hot(logits, labels)
    return y * value(p) / divisor(p)


@cross_entropy_grad.mistake(
    "true-class-only",
    "This is -y / p, the gradient with respect to the probabilities, and only the right class has"
    " one. Each logit also"
    " moves the sum below the fraction, so every logit has a gradient.",
    hint="The chain rule still has to go through softmax.",
    sign=(-1, 1),
    divisor=(count, one),
)
def _(logits, labels, sign, divisor):
    p, y = probs_and_one_hot(logits, labels)
    return sign * y / p / divisor(p)


@cross_entropy_grad.mistake(
    "true-class-only",
    "Only the right class's numbers came back, one for each row. Every logit has a gradient: (N, C) of them.",
    hint="When a wrong class's logit rises, what happens to the probability of the right one?",
    sign=(1, -1),
    divisor=(count, one),
)
def _(logits, labels, sign, divisor):
    p, y = probs_and_one_hot(logits, labels)
    return sign * ((p - 1) * y).sum(axis=1) / divisor(p)


SIGMOID = (
    "p (1 - p) is how a probability changes with its own logit. The loss also has a logarithm, and"
    " its 1/p cancels"
    " the p: p - y is left."
)


@cross_entropy_grad.mistake(
    "p-times-1-minus-p",
    SIGMOID,
    hint="Apply the chain rule to -log(p): which factor comes first?",
    before=(
        lambda p, y: 1,
        lambda p, y: -1,
        lambda p, y: p - y,
        lambda p, y: y - p,
        lambda p, y: y,
        lambda p, y: -y,
    ),
    divisor=(count, one, classes, elements),
)
def _(logits, labels, before, divisor):
    p, y = probs_and_one_hot(logits, labels)
    return before(p, y) * p * (1 - p) / divisor(p)


@cross_entropy_grad.mistake(
    "p-times-1-minus-p",
    "p - y is multiplied by a probability once more: this is how the probability changes, not its"
    " logarithm. The 1/p"
    " of the logarithm's derivative cancels that factor.",
    hint="Apply the chain rule to -log(p): which factor comes first?",
    factor=(lambda p, y: p, lambda p, y: (p * y).sum(axis=1, keepdims=True)),
    sign=(1, -1),
    divisor=(count, one),
)
def _(logits, labels, factor, sign, divisor):
    p, y = probs_and_one_hot(logits, labels)
    return sign * factor(p, y) * (p - y) / divisor(p)


# Not in the series table, but seen often enough to have a name.


@cross_entropy_grad.mistake(
    "fancy-index-grid",
    "p[:, labels] -= 1 takes 1 away from those columns in every row. Each row has one right class only.",
    hint="Give the rows too, one for each label: p[np.arange(N), labels].",
    divisor=(count, one),
)
def _(logits, labels, divisor):
    p, _ = probs_and_one_hot(logits, labels)
    p[:, labels] -= 1
    return p / divisor(p)


@cross_entropy_grad.mistake(
    "labels-not-one-hot",
    "The class numbers themselves are subtracted from the probabilities. y stands for the one-hot rows.",
    hint="Which class's probability must lose 1 in each row?",
    form=(lambda y: y[:, None], lambda y: y),
    divisor=(count, one),
)
def _(logits, labels, form, divisor):
    p, _ = probs_and_one_hot(logits, labels)
    return (p - form(labels)) / divisor(p)


@cross_entropy_grad.mistake(
    "classes-from-labels",
    "The number of classes is taken from the labels or from the number of rows. A batch need not hold"
    " every class.",
    hint="logits.shape[1] is C.",
    classes=(lambda y: y.max() + 1, len, lambda y: len(set(y.tolist()))),
    one_hot=(functional.one_hot, lambda y, c: np.eye(c)[y]),
    divisor=(count, one),
)
def _(logits, labels, classes, one_hot, divisor):
    return (functional.softmax(logits) - one_hot(labels, classes(labels))) / divisor(logits)


@cross_entropy_grad.mistake(
    "missing-parentheses",
    "Only one of p and y is divided by N: / binds more tightly than -.",
    hint="Put parentheses around the difference.",
)
def _(logits, labels):
    p, y = probs_and_one_hot(logits, labels)
    return p - y / len(y)


@cross_entropy_grad.mistake(
    "missing-parentheses",
    "p is divided by N, and the 1 at the right class is not.",
    hint="The whole difference p - y is divided by N.",
)
def _(logits, labels):
    p, y = probs_and_one_hot(logits, labels)
    return p / len(y) - y


@cross_entropy_grad.mistake(
    "softmax-forgotten",
    "The one-hot rows are subtracted from the logits themselves, not from the probabilities.",
    hint="What is p in p - y?",
    divisor=(count, one),
)
def _(logits, labels, divisor):
    _, y = probs_and_one_hot(logits, labels)
    return (logits - y) / divisor(y)


@cross_entropy_grad.mistake(
    "wrong-axis",
    "Softmax runs down the columns, over the examples, or over everything at once.",
    hint="One row is one example: along which axis do its classes lie?",
    axis=(0, None),
    divisor=(count, one),
)
def _(logits, labels, axis, divisor):
    _, y = probs_and_one_hot(logits, labels)
    return (functional.softmax(logits, axis=axis) - y) / divisor(y)


@cross_entropy_grad.mistake(
    "wrong-shape",
    "The rows were averaged or added up. Every logit of every example has its own gradient: (N, C) of them.",
    hint="The gradient has the shape of the logits.",
    reduce=(lambda g: g.sum(axis=0), lambda g: g.mean(axis=0), np.sum, np.mean),
)
def _(logits, labels, reduce):
    return reduce(functional.cross_entropy_grad(logits, labels))


# ------------------------------------------------------------------------------------------------ linear_grad


def right_linear_grad(X: np.ndarray, W: np.ndarray, b: np.ndarray, labels: np.ndarray) -> tuple:
    """Return (dW, db): with G = (p - y) / N, dW = X^T G and db the sum of G's rows."""
    G = functional.cross_entropy_grad(X @ W + b, labels)
    return X.T @ G, G.sum(axis=0)


def linear_probe(seed: int, n: int, d: int, c: int, dtype: type = np.float64) -> tuple:
    """Return (X, W, b, labels) of N examples, D features and C classes, rounded to one decimal."""
    rng = np.random.default_rng(seed)
    X, W, b = (np.round(rng.normal(0, 1, shape), 1).astype(dtype) for shape in ((n, d), (d, c), (c,)))
    return X, W, b, labels(seed, n, c)


linear_grad = Exercise(
    "linear_grad",
    right_linear_grad,
    ("X", "W", "b", "labels"),
    returns="(dW, db) of shapes (D, C) and (C,)",
    outputs=("dW", "db"),
    checked=(
        "1 to 6 examples of 2 to 5 features and 2 to 5 classes; among them N = D, N = C, D = C and all"
        " three equal."
    ),
    probes=[
        (
            np.array([[1.0, 2.0], [3.0, -1.0]]),
            np.array([[0.1, 0.0, -0.1], [0.2, -0.2, 0.0]]),
            np.array([0.0, 0.1, -0.1]),
            np.array([2, 0]),
        ),
        (np.array([[1.0, 2.0]]), np.zeros((2, 3)), np.zeros(3), np.array([1])),
        linear_probe(1, 3, 2, 4),
        linear_probe(2, 4, 3, 2),
        linear_probe(3, 3, 3, 3),
        linear_probe(4, 5, 2, 2),
        linear_probe(5, 4, 5, 4),
        linear_probe(6, 6, 2, 5),
        linear_probe(7, 4, 4, 3),
        linear_probe(8, 5, 3, 4, np.float32),
        linear_probe(1, 3, 2, 4),
    ],
    bonus=[
        (
            (np.array([[1.0], [-1.0]]), np.array([[1000.0, -1000.0]]), np.zeros(2), np.array([1, 1])),
            LARGE_BREAKS,
        )
    ],
)


@linear_grad.mistake(
    "transposed",
    "dW came out as (C, D), the transpose. It must have the shape of W, which is (D, C).",
    hint="X.T is (D, N) and p - y is (N, C): in which order do they multiply to (D, C)?",
)
def _(X, W, b, labels):
    dW, db = right_linear_grad(X, W, b, labels)
    return dW.T, db


@linear_grad.mistake(
    "transposed",
    "X @ G multiplies (N, D) by (N, C), which does not fit unless N and D are equal. X must be"
    " transposed: (D, N).",
    hint="X.T is (D, N) and p - y is (N, C): in which order do they multiply to (D, C)?",
    product=(lambda X, G: X @ G, lambda X, G: G @ X, lambda X, G: X @ G.T),
)
def _(X, W, b, labels, product):
    G = functional.cross_entropy_grad(X @ W + b, labels)
    return product(X, G), G.sum(axis=0)


def pieces(X: np.ndarray, W: np.ndarray, b: np.ndarray, labels: np.ndarray) -> tuple:
    """Return p and y of the linear model."""
    return probs_and_one_hot(X @ W + b, labels)


@linear_grad.mistake(
    "bias-not-summed",
    "db is (N, C), one row for each example. The one bias of a class serves all examples: their"
    " gradients add up.",
    hint="db must have the shape of b, (C,). Which axis has to go?",
    divisor=(count, one),
)
def _(X, W, b, labels, divisor):
    p, y = pieces(X, W, b, labels)
    return X.T @ (p - y) / count(p), (p - y) / divisor(p)


@linear_grad.mistake(
    "bias-averaged",
    "db is divided by N twice: p - y already carries the 1/N of the mean loss, and was averaged once more.",
    hint="With the 1/N in p - y, is it the sum over the examples or the mean?",
)
def _(X, W, b, labels):
    dW, db = right_linear_grad(X, W, b, labels)
    return dW, db / len(X)


@linear_grad.mistake(
    "divided-twice",
    "The 1/N of the mean loss is there twice, in p - y and once more after it.",
    hint="Divide by N in one place only.",
    db_too=(True, False),
)
def _(X, W, b, labels, db_too):
    dW, db = right_linear_grad(X, W, b, labels)
    return dW / len(X), db / len(X) if db_too else db


@linear_grad.mistake(
    "missing-1-over-n",
    "The 1/N of the mean loss is missing: the gradient grows with the size of the batch.",
    hint="The loss is a mean over N examples. Where does your gradient divide by N?",
    in_dW=(False, True),
    in_db=(False, True),
)
def _(X, W, b, labels, in_dW, in_db):
    dW, db = right_linear_grad(X, W, b, labels)
    if in_dW and in_db:
        raise ValueError("nothing is missing")
    return dW * (1 if in_dW else len(X)), db * (1 if in_db else len(X))


# Not in the series table, but seen often enough to have a name.


@linear_grad.mistake(
    "missing-1-over-n",
    "The gradient is divided by N x C or by C, not by N, the number of examples in the mean.",
    hint="The loss is a mean over how many numbers?",
    divisor=(classes, elements),
)
def _(X, W, b, labels, divisor):
    p, y = pieces(X, W, b, labels)
    G = (p - y) / divisor(p)
    return X.T @ G, G.sum(axis=0)


@linear_grad.mistake(
    "transposed",
    "dW came out as (C, D), the transpose, and the 1/N of the mean loss is missing.",
    hint="dW must have the shape of W, (D, C).",
)
def _(X, W, b, labels):
    dW, db = right_linear_grad(X, W, b, labels)
    return dW.T * len(X), db * len(X)


@linear_grad.mistake(
    "sign-flipped",
    "Both gradients point downhill, y - p. The gradient points uphill: p - y.",
    hint="Which sign has the gradient of a wrong class's logit?",
    divisor=(count, one),
)
def _(X, W, b, labels, divisor):
    p, y = pieces(X, W, b, labels)
    G = (y - p) / divisor(p)
    return X.T @ G, G.sum(axis=0)


@linear_grad.mistake(
    "minus-y-forgotten",
    "The - y is missing: p alone was multiplied with X.",
    hint="What is the gradient of the loss with respect to the logits?",
    divisor=(count, one),
)
def _(X, W, b, labels, divisor):
    p, _ = pieces(X, W, b, labels)
    G = p / divisor(p)
    return X.T @ G, G.sum(axis=0)


@linear_grad.mistake(
    "swapped-outputs",
    "The two results came back in the wrong order: (db, dW), where (dW, db) is asked for.",
    hint="Look at the last line.",
)
def _(X, W, b, labels):
    dW, db = right_linear_grad(X, W, b, labels)
    return db, dW


@linear_grad.mistake(
    "bias-summed-over-classes",
    "db was summed along the wrong axis: over the classes, where each row of p - y sums to 0.",
    hint="db must have the shape of b, (C,). Which axis has to go?",
    axis=(1, None),
)
def _(X, W, b, labels, axis):
    G = functional.cross_entropy_grad(X @ W + b, labels)
    return X.T @ G, G.sum(axis=axis)


@linear_grad.mistake(
    "bias-left-out",
    "The logits are X @ W without + b, so the probabilities are those of another model.",
    hint="Which line uses b?",
)
def _(X, W, b, labels):
    return right_linear_grad(X, W, 0 * b, labels)


@linear_grad.mistake(
    "updated-weights",
    "These are new weights, after a step downhill. The gradients themselves are asked for.",
    hint="Leave W and b as they are; return dW and db.",
    rate=(1.0, 0.1, 0.01, 0.5),
)
def _(X, W, b, labels, rate):
    dW, db = right_linear_grad(X, W, b, labels)
    return W - rate * dW, b - rate * db
