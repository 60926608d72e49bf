"""The exercises of notebook 5, with PyTorch: `torch_loss` and `accuracy`.

Domain: (N, C) float32 logits, (N,) int64 labels in [0, C). The loss is right for logits of ±1000 too, as
CrossEntropyLoss is. No two logits of a row are equal. The result may be a tensor or a Python number.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from softmax_lib.checks import notebook3
from softmax_lib.checks.engine import Exercise
from softmax_lib.checks.notebook3 import DEEP, guess_epsilon
from softmax_lib.checks.probes import LECTURE, LECTURE_TWO, SHAPES, labels, logits

LECTURE_BATCH = np.array([[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]])
SECOND_BATCH = np.array([[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.1, 0.5]])

# ------------------------------------------------------------------------------------------------- torch_loss

torch_loss = Exercise(
    "torch_loss",
    F.cross_entropy,
    ("logits", "labels"),
    returns="one number, the mean loss in nats",
    checked=(
        "1 to 6 rows of 2 to 5 classes, as many rows as classes too, missing classes, logits of ±1000"
        " among them."
    ),
    probes=[
        (LECTURE, np.array([0])),
        (LECTURE, np.array([2])),
        (LECTURE_BATCH, np.array([2, 0, 1])),
        (SECOND_BATCH, np.array([2, 0, 1])),
        (LECTURE_TWO, np.array([0, 0])),
        (DEEP, np.array([0])),
        *((logits(seed, n, c), labels(seed, n, c)) for seed, (n, c) in enumerate(SHAPES)),
        (LECTURE, np.array([0])),
    ],
    hard=[
        (z, y)
        for z, y in notebook3.cross_entropy.hard
        if np.abs(z).max() <= 1000  # float32 has no digits left for a loss at 20000
    ],
    tolerance_grows=True,
    torch=True,
)

REDUCTIONS = ("mean", "sum", "none")
TWICE_HINT = "F.cross_entropy takes the logits as they are: it is log_softmax and nll_loss in one."


@torch_loss.mistake(
    "softmax-twice",
    "F.cross_entropy takes a log-softmax of what it gets, and it got probabilities: softmax is taken"
    " twice. The"
    " loss then cannot come near 0; for three classes it stays above 0.5514.",
    hint=TWICE_HINT,
    axis=(1, 0),
    reduction=REDUCTIONS,
)
def _(logits: Tensor, labels: Tensor, axis: int, reduction: str):
    return F.cross_entropy(logits.softmax(axis), labels, reduction=reduction)


@torch_loss.mistake(
    "nll-on-probabilities",
    "nll_loss takes no logarithm itself. It got probabilities, so the result is minus the mean"
    " probability of the"
    " right class: a number between -1 and 0.",
    hint="Which function gives nll_loss the log-probabilities it expects?",
    axis=(1, 0),
    reduction=REDUCTIONS,
    sign=(1, -1),
)
def _(logits: Tensor, labels: Tensor, axis: int, reduction: str, sign: int):
    return sign * F.nll_loss(logits.softmax(axis), labels, reduction=reduction)


@torch_loss.mistake(
    "nll-on-logits",
    "nll_loss got the logits themselves, so the result is minus the mean logit of the right class. It"
    " can fall"
    " without end.",
    hint="Which function gives nll_loss the log-probabilities it expects?",
    reduction=REDUCTIONS,
    sign=(1, -1),
)
def _(logits: Tensor, labels: Tensor, reduction: str, sign: int):
    return sign * F.nll_loss(logits, labels, reduction=reduction)


@torch_loss.mistake(
    "sum-not-mean",
    "The losses are added up, not averaged, so a larger batch has a larger loss.",
    hint="Look for reduction='sum' or .sum().",
)
def _(logits: Tensor, labels: Tensor):
    return F.cross_entropy(logits, labels, reduction="sum")


def hard_pick(logits: Tensor) -> Tensor:
    """Return the pick as a one-hot row."""
    return F.one_hot(logits.argmax(1), logits.shape[1]).float()


def one_hot_like(values: Tensor, labels: Tensor) -> Tensor:
    """Return the labels as one-hot rows (N, C) in float."""
    return F.one_hot(labels, values.shape[1]).float()


def picked(values: Tensor, labels: Tensor) -> Tensor:
    """Return each row's value at its label, (N,)."""
    return values.gather(1, labels[:, None])[:, 0]


ARGMAX = (
    "The logits were turned into a hard pick first. A pick does not change when the weights change a"
    " little, so such"
    " a loss has no useful gradient; argmax is for predicting."
)
ARGMAX_HINT = "Hand the logits over as they are."


@torch_loss.mistake(
    "argmax-first",
    ARGMAX,
    hint=ARGMAX_HINT,
    loss=(
        lambda hard, y, r: F.cross_entropy(hard, y, reduction=r),
        lambda hard, y, r: F.cross_entropy(hard.softmax(1), y, reduction=r),
        lambda hard, y, r: F.nll_loss(hard, y, reduction=r),
        lambda hard, y, r: F.nll_loss(hard.log(), y, reduction=r),
        lambda hard, y, r: F.mse_loss(hard, one_hot_like(hard, y), reduction=r),
        lambda hard, y, r: F.l1_loss(hard, one_hot_like(hard, y), reduction=r),
        lambda hard, y, r: F.binary_cross_entropy(hard, one_hot_like(hard, y), reduction=r),
    ),
    reduction=REDUCTIONS,
)
def _(logits: Tensor, labels: Tensor, loss, reduction: str):
    return loss(hard_pick(logits), labels, reduction)


@torch_loss.mistake(
    "argmax-first",
    ARGMAX,
    hint=ARGMAX_HINT,
    loss=(
        lambda z, y: -(one_hot_like(z, y) * hard_pick(z).log()).sum(1).mean(),
        lambda z, y: F.cross_entropy(F.one_hot(z.argmax(1)).float(), y),
        lambda z, y: F.cross_entropy(z * hard_pick(z), y),
        lambda z, y: F.cross_entropy(z, z.argmax(1)),
    ),
)
def _(logits: Tensor, labels: Tensor, loss):
    return loss(logits, labels)


@torch_loss.mistake(
    "argmax-first",
    ARGMAX,
    hint=ARGMAX_HINT,
    loss=(
        lambda pick, y, r: F.mse_loss(pick.float(), y.float(), reduction=r),
        lambda pick, y, r: F.l1_loss(pick.float(), y.float(), reduction=r),
        lambda pick, y, r: F.mse_loss((pick != y).float(), 0.0 * y, reduction=r),
        lambda pick, y, r: F.mse_loss((pick == y).float(), 0.0 * y, reduction=r),
        lambda pick, y, r: -F.mse_loss((pick == y).float(), 0.0 * y, reduction=r),
        lambda pick, y, r: F.cross_entropy(pick.float(), y.float(), reduction=r),
    ),
    reduction=REDUCTIONS,
)
def _(logits: Tensor, labels: Tensor, loss, reduction: str):
    return loss(logits.argmax(1), labels, reduction)


@torch_loss.mistake(
    "argmax-first",
    ARGMAX,
    hint=ARGMAX_HINT,
    mentions=("argmax", "max", "topk", "argsort", "sort"),
    loss=(F.cross_entropy, F.nll_loss),
    form=(
        lambda pick: pick,
        lambda pick: pick.float(),
        lambda pick: pick[:, None],
        lambda pick: pick[:, None].float(),
    ),
)
def _(logits: Tensor, labels: Tensor, loss, form):
    return loss(form(logits.argmax(1)), labels)


def guess_epsilon_of_pick(probes: list, results: list) -> list[dict]:
    """Return the epsilon that explains an answer's loss where the pick is wrong."""
    loss = results[1].value  # of the second probe, one row with a wrong pick
    return [{"epsilon": float(np.exp(-loss[0].mean()))}] if loss is not None and np.all(loss[0] > 1.0) else []


@torch_loss.mistake(
    "argmax-first",
    ARGMAX + " The epsilon in the logarithm only hides that a wrong pick costs infinitely much.",
    hint=ARGMAX_HINT,
    fit=guess_epsilon_of_pick,
    epsilon=(1e-12,),
)
def _(logits: Tensor, labels: Tensor, epsilon: float):
    return -(picked(hard_pick(logits), labels) + epsilon).log().mean()


# Not in the series table, but seen often enough to have a name.


@torch_loss.mistake(
    "one-hot-integers",
    "The targets are one-hot rows of whole numbers. Rows are read as class probabilities, which must"
    " be floats; class"
    " indices are labels of shape (N,).",
    hint="The labels can be handed over as they come.",
)
def _(logits: Tensor, labels: Tensor):
    return F.cross_entropy(logits, F.one_hot(labels, logits.shape[1]))


@torch_loss.mistake(
    "float-labels",
    "The labels were turned into floats. Class indices are int64; floats are read as class probabilities.",
    hint="The labels can be handed over as they come.",
    loss=(F.cross_entropy, F.nll_loss),
)
def _(logits: Tensor, labels: Tensor, loss):
    return loss(logits.log_softmax(1), labels.float())


@torch_loss.mistake(
    "labels-with-an-axis",
    "The labels have shape (N, 1). Class indices have shape (N,).",
    hint="The labels can be handed over as they come; squeeze(1) takes an axis of length 1 away.",
    loss=(F.cross_entropy, F.nll_loss),
)
def _(logits: Tensor, labels: Tensor, loss):
    return loss(logits.log_softmax(1), labels[:, None])


@torch_loss.mistake(
    "missing-minus",
    "The result is negative: the sign of the log-probability is left as it is.",
    hint="A probability is at most 1. What sign has its logarithm?",
    reduction=REDUCTIONS,
)
def _(logits: Tensor, labels: Tensor, reduction: str):
    return -F.cross_entropy(logits, labels, reduction=reduction)


@torch_loss.mistake(
    "wrong-axis",
    "Softmax runs down the columns, over the examples.",
    hint="One row is one example: along which dim do its classes lie?",
)
def _(logits: Tensor, labels: Tensor):
    return F.nll_loss(logits.log_softmax(0), labels)


@torch_loss.mistake(
    "mean-over-elements",
    "The sum was divided by N x C instead of N: the zeros of the one-hot rows were counted into the mean.",
    hint="Over how many examples is the mean?",
)
def _(logits: Tensor, labels: Tensor):
    return F.cross_entropy(logits, labels) / logits.shape[1]


@torch_loss.mistake(
    "divided-by-classes",
    "The losses of the N examples are added up, and the sum is divided by C, the number of classes.",
    hint="Over how many losses is the mean? reduction='mean' divides by N.",
)
def _(logits: Tensor, labels: Tensor):
    return F.cross_entropy(logits, labels, reduction="sum") / logits.shape[1]


@torch_loss.mistake(
    "all-classes",
    "The log-probabilities of all classes went in. Only the right class's counts; the labels pick it.",
    hint="Where do the labels come in?",
    reduce=(torch.mean, lambda m: m.sum() / len(m), torch.sum),
)
def _(logits: Tensor, labels: Tensor, reduce):
    return reduce(-logits.log_softmax(1))


@torch_loss.mistake(
    "fancy-index-grid",
    "log_probs[:, labels] is an (N, N) grid: every row at every label.",
    hint="Give the rows too, one for each label: log_probs[range(N), labels].",
    reduce=(torch.mean, lambda m: m.sum() / len(m), torch.sum),
)
def _(logits: Tensor, labels: Tensor, reduce):
    return reduce(-logits.log_softmax(1)[:, labels])


@torch_loss.mistake(
    "binary-cross-entropy",
    "This is the binary loss: it treats each class as a yes-or-no question of its own.",
    hint="The classes share one softmax: F.cross_entropy.",
    loss=(
        F.binary_cross_entropy_with_logits,
        lambda z, y, reduction: F.binary_cross_entropy(z.sigmoid(), y, reduction=reduction),
        lambda z, y, reduction: F.binary_cross_entropy(z.softmax(1), y, reduction=reduction),
    ),
    reduction=REDUCTIONS,
)
def _(logits: Tensor, labels: Tensor, loss, reduction: str):
    return loss(logits, one_hot_like(logits, labels), reduction=reduction)


@torch_loss.mistake(
    "wrong-shape",
    "One loss for each example came back: reduction='none', or no mean. A single number is asked for.",
    hint="Which step turns N losses into one number?",
)
def _(logits: Tensor, labels: Tensor):
    return F.cross_entropy(logits, labels, reduction="none")


THEN_LOG = notebook3.THEN_LOG.replace("5e-324", "1e-45")


@torch_loss.mistake(
    "softmax-then-log",
    THEN_LOG,
    hint="F.log_softmax takes the logarithm without the detour, and F.cross_entropy contains it.",
    loss=(
        lambda p, y: -picked(p, y).log().mean(),
        lambda p, y: -(F.one_hot(y, p.shape[1]) * p.log()).sum(1).mean(),
    ),
    probs=(lambda z: z.softmax(1), lambda z: z.exp() / z.exp().sum(1, keepdim=True)),
)
def _(logits: Tensor, labels: Tensor, loss, probs):
    return loss(probs(logits), labels)


@torch_loss.mistake(
    "epsilon-in-log",
    "A small number is added to the probability before the logarithm, or the probability is clipped."
    " No loss can then"
    " exceed -log(epsilon), where the right one is 1000.",
    hint="F.log_softmax needs no epsilon.",
    fit=guess_epsilon,
    epsilon=(1e-12,),
    keep=(lambda p, eps: p + eps, lambda p, eps: p.clamp(eps, 1 - eps), lambda p, eps: p.clamp(min=eps)),
)
def _(logits: Tensor, labels: Tensor, epsilon: float, keep):
    return -keep(picked(logits.softmax(1), labels), epsilon).log().mean()


@torch_loss.mistake(
    "overflow",
    "exp(1000) is too large for a float and becomes inf; inf - 1000 is no loss.",
    hint="torch.logsumexp, F.log_softmax and F.cross_entropy take the largest logit out first.",
)
def _(logits: Tensor, labels: Tensor):
    return (logits.exp().sum(1).log() - picked(logits, labels)).mean()


# --------------------------------------------------------------------------------------------------- accuracy


def right_accuracy(logits: Tensor, labels: Tensor) -> float:
    """Return the fraction of rows whose largest logit stands at the label."""
    return (logits.argmax(1) == labels).float().mean().item()


def accuracy_probe(seed: int, n: int, c: int) -> tuple:
    """Return logits without ties, and labels of which about two thirds are picked."""
    rng = np.random.default_rng(seed)
    z = np.round(rng.normal(0, 2, (n, c)), 1) + np.arange(c) / 100
    return z, np.where(rng.random(n) < 0.6, z.argmax(1), rng.integers(0, c, n))


accuracy = Exercise(
    "accuracy",
    right_accuracy,
    ("logits", "labels"),
    returns="one number, the fraction of right picks, from 0 to 1",
    checked=(
        "1 to 9 rows of 2 to 5 classes, as many rows as classes too; none, some and all of the picks right."
    ),
    probes=[
        (LECTURE_BATCH, np.array([2, 0, 1])),
        (SECOND_BATCH, np.array([2, 0, 1])),
        (LECTURE_TWO, np.array([0, 1])),
        (LECTURE_TWO, np.array([0, 2])),
        (
            np.array([[0.2, 1.0, 0.3, -1.0], [3.0, 0.5, 0.0, 1.0], [-1.0, -2.0, -0.5, -3.0]]),
            np.array([1, 0, 3]),
        ),
        (np.array([[-1.0, -2.0], [-3.0, -1.5], [0.5, 2.0]]), np.array([1, 0, 0])),
        (LECTURE, np.array([0])),
        (LECTURE, np.array([2])),
        *(accuracy_probe(60 + seed, n, c) for seed, (n, c) in enumerate((*SHAPES, (9, 4), (7, 3), (5, 5)))),
        (LECTURE_BATCH, np.array([2, 0, 1])),
    ],
    torch=True,
)

COLUMN_HINT = "One row is one example: along which dim do its classes lie?"


@accuracy.mistake(
    "wrong-axis",
    "The largest logit is searched down the columns, over the examples: an error where N and C"
    " differ, and wrong picks"
    " where they are equal.",
    hint=COLUMN_HINT,
    reduce=(lambda m, n: m.mean(), lambda m, n: m.sum() / n, lambda m, n: m.sum()),
)
def _(logits: Tensor, labels: Tensor, reduce):
    return reduce((logits.argmax(0) == labels).float(), len(labels))


@accuracy.mistake(
    "wrong-axis",
    "argmax without a dim searches the whole batch: one position for all rows.",
    hint=COLUMN_HINT,
)
def _(logits: Tensor, labels: Tensor):
    return (logits.argmax() == labels).float().mean()


@accuracy.mistake(
    "wrong-axis",
    "The largest logit is searched down the columns, over the examples.",
    hint=COLUMN_HINT,
    divisor=(lambda z, k: k, lambda z, k: len(z), lambda z, k: z.shape[1]),
)
def _(logits: Tensor, labels: Tensor, divisor):
    pairs = list(
        zip(logits.argmax(0).tolist(), labels.tolist(), strict=False)
    )  # as a loop over zip compares them
    return sum(a == b for a, b in pairs) / divisor(logits, len(pairs))


@accuracy.mistake(
    "percent",
    "The result is in percent. The course gives accuracy as a fraction, from 0 to 1.",
    hint="Look for a factor of 100.",
    rounded=(lambda x: x, lambda x: round(x, 2), lambda x: round(x, 1), round, int),
)
def _(logits: Tensor, labels: Tensor, rounded):
    return rounded(100 * right_accuracy(logits, labels))


@accuracy.mistake(
    "count",
    "This is the number of right picks. Divide by the number of examples for the fraction.",
    hint="What does .mean() do in the place of .sum()?",
)
def _(logits: Tensor, labels: Tensor):
    return (logits.argmax(1) == labels).sum()


@accuracy.mistake(
    "keepdim-broadcast",
    "The picks have shape (N, 1) and the labels (N,): comparing them makes an (N, N) grid, every pick"
    " with every label.",
    hint="Print the shape of the comparison. Without keepdim, argmax(1) gives (N,).",
    reduce=(torch.mean, lambda m: m.sum() / len(m), torch.sum, lambda m: m.mean(0), lambda m: m.mean(1)),
)
def _(logits: Tensor, labels: Tensor, reduce):
    return reduce((logits.argmax(1, keepdim=True) == labels).float())


# Not in the series table, but seen often enough to have a name.


@accuracy.mistake(
    "mean-of-booleans",
    "torch takes no mean of True and False, nor of whole numbers.",
    hint="Turn the comparison into floats first: .float(). Or count with .sum() and divide by len(labels).",
    mean=(
        lambda right: right.mean(),
        lambda right: right.int().mean(),
        lambda right: right.long().mean(),
    ),
)
def _(logits: Tensor, labels: Tensor, mean):
    return mean(logits.argmax(1) == labels)


@accuracy.mistake(
    "error-rate",
    "This is the fraction of wrong picks.",
    hint="Look for != in the place of ==, or a 1 - ... too many.",
    scale=(1, 100),
)
def _(logits: Tensor, labels: Tensor, scale: int):
    return scale * (1 - right_accuracy(logits, labels))


@accuracy.mistake(
    "divided-by-classes",
    "The number of right picks is divided by the number of classes, or of logits, not of examples.",
    hint="len(labels) is N.",
    divisor=(lambda z: z.shape[1], lambda z: z.numel()),
)
def _(logits: Tensor, labels: Tensor, divisor):
    return (logits.argmax(1) == labels).sum() / divisor(logits)


@accuracy.mistake(
    "argmin",
    "This picks the smallest logit.",
    hint="Which logit belongs to the most probable class?",
)
def _(logits: Tensor, labels: Tensor):
    return (logits.argmin(1) == labels).float().mean()


@accuracy.mistake(
    "largest-not-its-place",
    "max(1) gives the largest logits and their places. The places are the picks: the second result.",
    hint="argmax(1), or .max(1).indices.",
)
def _(logits: Tensor, labels: Tensor):
    return (logits.max(1).values == labels).float().mean()


@accuracy.mistake(
    "all-or-nothing",
    "The result is 0 or 1: all() or any() joins the comparisons, or // or int() rounds the fraction down.",
    hint="The fraction is the mean of the single comparisons.",
    join=(torch.all, torch.any),
)
def _(logits: Tensor, labels: Tensor, join):
    return join(logits.argmax(1) == labels)


@accuracy.mistake(
    "mean-probability",
    "This is the mean probability of the right class. Accuracy counts the rows whose pick is right.",
    hint="Which class has the largest logit in each row, and is it the label?",
)
def _(logits: Tensor, labels: Tensor):
    return picked(logits.softmax(1), labels).mean()


@accuracy.mistake(
    "wrong-shape",
    "One True or False for each example came back. A single number is asked for, their mean.",
    hint="Convert them to float, then take the mean.",
)
def _(logits: Tensor, labels: Tensor):
    return logits.argmax(1) == labels
