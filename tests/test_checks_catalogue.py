"""The catalogue of mistakes: each one is named however it is written; right answers pass, near-misses don't.

The wrong answers here are written in other ways than the catalogue's own (loops, einsum, torch, SciPy,
lists).
"""

import math
from functools import partial

import catalogue
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from catalogue import Catalogue
from scipy import special
from torch import nn

from softmax_lib import checks, functional
from softmax_lib.checks import guard

EXERCISES = (
    "softmax",
    "one_hot",
    "cross_entropy_from_probs",
    "stable_softmax",
    "logsumexp",
    "cross_entropy",
    "cross_entropy_grad",
    "linear_grad",
    "torch_loss",
    "accuracy",
)

SERIES_TABLE = {  # the ids that the course promises; others may be added, none renamed
    "softmax": "wrong-axis global-sum no-normalisation not-exponentiated keepdims-missing log-softmax"
    " sigmoid-per-class argmax-one-hot mutates-input",
    "one_hot": "off-by-one transposed labels-returned",
    "cross_entropy_from_probs": "sum-not-mean missing-minus log-base-2 log-base-10 mean-over-elements"
    " fancy-index-grid all-classes binary-cross-entropy no-log",
    "stable_softmax": "overflow global-max wrong-axis global-sum no-normalisation not-exponentiated"
    " keepdims-missing log-softmax sigmoid-per-class argmax-one-hot mutates-input",
    "logsumexp": "overflow underflow max-not-added-back wrong-axis",
    "cross_entropy": "softmax-then-log epsilon-in-log probabilities-expected softmax-twice sum-not-mean"
    " missing-minus",
    "cross_entropy_grad": "missing-1-over-n sign-flipped minus-y-forgotten true-class-only p-times-1-minus-p",
    "linear_grad": "transposed bias-not-summed bias-averaged missing-1-over-n",
    "torch_loss": "softmax-twice nll-on-probabilities nll-on-logits sum-not-mean argmax-first",
    "accuracy": "wrong-axis percent count keepdim-broadcast",
}

CATALOGUE = Catalogue()
WRONG, RIGHT, wrong, right = (
    CATALOGUE.wrong_answers,
    CATALOGUE.right_answers,
    CATALOGUE.wrong,
    CATALOGUE.right,
)


def picked(p, y):
    return p[np.arange(len(y)), y]


def rows_softmax(z):
    return special.softmax(z, axis=1)


# --------------------------------------------------------------------------------- softmax and stable_softmax
BOTH = ("softmax", "stable_softmax")


@wrong("wrong-axis", *BOTH)
def softmax_down_the_columns_in_loops(z):
    out = np.zeros_like(z)
    for j in range(z.shape[1]):
        total = sum(math.exp(v) for v in z[:, j])
        for i in range(z.shape[0]):
            out[i, j] = math.exp(z[i, j]) / total
    return out


wrong("wrong-axis", *BOTH)(lambda z: torch.softmax(torch.tensor(z), dim=0))
wrong("wrong-axis", *BOTH)(lambda z: np.exp(z - z.max()) / np.einsum("nc->c", np.exp(z - z.max())))
wrong("wrong-axis", *BOTH)(lambda z: z.softmax(dim=0))  # takes tensors only
wrong("wrong-axis", *BOTH)(lambda z: special.softmax(z - z.max(axis=0), axis=1))
wrong("global-sum", *BOTH)(special.softmax)
wrong("global-sum", *BOTH)(lambda z: torch.exp(torch.tensor(z)) / torch.exp(torch.tensor(z)).sum())
wrong("global-sum", *BOTH)(lambda z: [[math.exp(v) / sum(map(math.exp, z.flat)) for v in row] for row in z])
wrong("no-normalisation", *BOTH)(lambda z: np.e**z)
wrong("no-normalisation", *BOTH)(lambda z: [[math.exp(v - max(row)) for v in row] for row in z])
wrong("not-exponentiated", *BOTH)(lambda z: [[v / sum(row) for v in row] for row in z])
wrong("not-exponentiated", *BOTH)(lambda z: F.normalize(torch.tensor(z), p=1, dim=1))
wrong("not-exponentiated", *BOTH)(lambda z: np.einsum("nc,n->nc", z, 1 / z.sum(axis=1)))
wrong("keepdims-missing", *BOTH)(lambda z: np.exp(z) / np.array([sum(np.exp(row)) for row in z]))
wrong("keepdims-missing", *BOTH)(lambda z: torch.tensor(z).exp() / torch.tensor(z).exp().sum(dim=1))
wrong("keepdims-missing", *BOTH)(lambda z: special.softmax(z - np.max(z, axis=1), axis=1))
wrong("log-softmax", *BOTH)(lambda z: F.log_softmax(torch.tensor(z), dim=-1).tolist())
wrong("log-softmax", *BOTH)(lambda z: z - special.logsumexp(z, axis=1, keepdims=True))
wrong("sigmoid-per-class", *BOTH)(lambda z: 0.5 * (1 + np.tanh(z / 2)))
wrong("sigmoid-per-class", *BOTH)(lambda z: torch.sigmoid(torch.tensor(z)).numpy())
wrong("argmax-one-hot", *BOTH)(lambda z: np.eye(z.shape[1])[z.argmax(axis=1)])
wrong("argmax-one-hot", *BOTH)(lambda z: [[int(v == max(row)) for v in row] for row in z])
wrong("wrong-base", *BOTH)(lambda z: np.exp2(z) / np.exp2(z).sum(axis=1, keepdims=True))
wrong("sign-flipped", *BOTH)(lambda z: torch.softmax(-torch.tensor(z), 1))
wrong("softmax-twice", *BOTH)(lambda z: rows_softmax(rows_softmax(z)))


@wrong("mutates-input", *BOTH)
def softmax_in_place(z):
    z -= z.max(axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)
    return z


@wrong("mutates-input", *BOTH)
def softmax_in_place_through_a_tensor(z):
    shared = torch.from_numpy(z)
    shared.sub_(shared.max(1, keepdim=True).values)
    return torch.softmax(shared, 1)


@wrong("mutates-input", *BOTH)
def softmax_row_by_row_in_place(z):
    for row in z:
        row -= row.max()
    return np.exp(z) / np.exp(z).sum(axis=1)[:, None]


@wrong("nothing-returned", *BOTH)
def softmax_without_return(z):
    p = rows_softmax(z)  # noqa: F841


@wrong("nothing-returned", *BOTH)
def softmax_pass(z):
    pass


wrong("printed-not-returned", *BOTH)(lambda z: print(rows_softmax(z)))
wrong("printed-not-returned", *BOTH)(lambda z: [print(list(row)) for row in rows_softmax(z)] and None)
wrong("wrong-shape", *BOTH)(lambda z: rows_softmax(z).ravel())
wrong("wrong-shape", *BOTH)(lambda z: rows_softmax(z).T)
wrong("wrong-shape", *BOTH)(lambda z: rows_softmax(z)[0])
wrong("wrong-shape", *BOTH)(lambda z: rows_softmax(z)[None])
wrong("raises", *BOTH)(lambda z: rows_softmax(z, axis=1))

# near-misses and combinations
wrong(None, *BOTH)(lambda z: np.tile(rows_softmax(z)[0], (len(z), 1)))  # right on the first row
wrong(None, *BOTH)(
    lambda z: rows_softmax(z) if len(z) == 1 else special.softmax(z, axis=0)
)  # right for N = 1
wrong(None, *BOTH)(
    lambda z: np.stack([special.expit(z[:, 0] - z[:, 1])] * z.shape[1], 1)
)  # two classes at best
wrong(None, *BOTH)(lambda z: np.sort(rows_softmax(z), axis=1))  # right values in another order
wrong(None, *BOTH)(lambda z: rows_softmax(z)[::-1])
wrong(None, *BOTH)(lambda z: np.round(rows_softmax(z), 2))
wrong(None, *BOTH)(lambda z: rows_softmax(z) * (z.dtype == np.float64))  # right for float64
wrong(None, *BOTH)(lambda z: np.array([[0.65900114, 0.24243297, 0.09856589]]))  # hard-coded
wrong(None, *BOTH)(lambda z: rows_softmax(np.maximum(z, 0)))  # right for positive logits
wrong(None, *BOTH)(lambda z: np.exp(z) / (np.exp(z).sum(axis=1, keepdims=True) + 0.01))
wrong(None, *BOTH)(lambda z: special.log_softmax(z, axis=0))  # two mistakes


@wrong(None, *BOTH)
def right_at_the_first_call(z, calls=[]):  # noqa: B006
    calls.append(1)
    return rows_softmax(z) + 0.01 * (len(calls) % 100 != 1)


@wrong("shared-result", *BOTH)
def one_array_for_all_calls(z, kept={}):  # noqa: B006
    out = kept.setdefault(z.shape, np.zeros(z.shape))
    out[:] = rows_softmax(z)
    return out


# at the limits
wrong("overflow", "stable_softmax")(lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
wrong("overflow", "stable_softmax")(
    lambda z: [[math.exp(v) / sum(map(math.exp, row)) for v in row] for row in z]
)
wrong("overflow", "stable_softmax")(lambda z: torch.exp(z) / torch.exp(z).sum(1, keepdim=True))
wrong("overflow", "stable_softmax")(lambda z: np.einsum("nc,n->nc", np.exp(z), 1 / np.exp(z).sum(axis=1)))
wrong("overflow", "stable_softmax")(lambda z: np.exp(z - np.log(np.exp(z).sum(axis=1, keepdims=True))))


@wrong("overflow", "stable_softmax")
def naive_in_more_digits(z):
    e = np.exp(z.astype(np.longdouble))
    return e / e.sum(axis=1, keepdims=True)


@wrong("global-max", "stable_softmax")
def one_max_for_all_rows(z):
    top = max(v for row in z for v in row)
    return [[math.exp(v - top) / sum(math.exp(u - top) for u in row) for v in row] for row in z]


wrong("global-max", "stable_softmax")(
    lambda z: (z - z.max()).exp() / (z - z.max()).exp().sum(1, keepdim=True)
)
wrong("underflow", "stable_softmax")(
    lambda z: np.stack([np.exp(r - abs(r).max()) / np.exp(r - abs(r).max()).sum() for r in z])
)
wrong("fixed-shift", "stable_softmax")(lambda z: torch.exp(z - 500) / torch.exp(z - 500).sum(1, keepdim=True))
wrong("clipped", "stable_softmax")(lambda z: rows_softmax(np.minimum(z, 500)))
wrong("nan-hidden", "stable_softmax")(
    lambda z: torch.nan_to_num(torch.tensor(z).exp() / torch.tensor(z).exp().sum(1, keepdim=True))
)
wrong("divided-by-max", "stable_softmax")(lambda z: [special.softmax(row / max(row)) for row in z])

right(*BOTH)(functional.softmax)
right(*BOTH)(rows_softmax)
right(*BOTH)(partial(torch.softmax, dim=1))
right(*BOTH)(nn.Softmax(dim=-1))
right(*BOTH)(lambda z: torch.softmax(torch.tensor(z, requires_grad=True), 1))
right(*BOTH)(lambda z: [[1 / sum(math.exp(min(u - v, 700)) for u in row) for v in row] for row in z])
right(*BOTH)(lambda z: [torch.softmax(torch.tensor(row), 0) for row in z])
right(*BOTH)(lambda z: np.exp(z - special.logsumexp(z, axis=1, keepdims=True)))
right(*BOTH)(lambda z: rows_softmax(z.astype(np.float32)))
right("softmax")(lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
right("softmax")(lambda z: rows_softmax(z.astype(np.float16)))
right("softmax")(lambda z: np.einsum("nc,n->nc", np.exp(z), 1 / np.einsum("nc->n", np.exp(z))))
right("softmax")(lambda z: tuple(tuple(math.exp(v) / sum(map(math.exp, row)) for v in row) for row in z))


@right(*BOTH)
def softmax_in_loops(logits):
    print("shape", logits.shape)
    out = np.empty_like(logits)
    for i, row in enumerate(logits):
        exps = [math.exp(v - max(row)) for v in row]
        for j, e in enumerate(exps):
            out[i, j] = e / sum(exps)
    return out


@right(*BOTH)
def softmax_of_keyword(*, logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (e.T / e.sum(axis=1)).T


# ---------------------------------------------------------------------------------------------------- one_hot
@wrong("off-by-one", "one_hot")
def ones_before_their_place(labels, num_classes):
    out = np.zeros((len(labels), num_classes))
    for i, label in enumerate(labels):
        out[i, label - 1] = 1
    return out


wrong("off-by-one", "one_hot")(lambda y, c: np.eye(c, k=1)[y])
wrong("off-by-one", "one_hot")(lambda y, c: F.one_hot(torch.tensor(y) - 1, c))
wrong("off-by-one", "one_hot")(lambda y, c: F.one_hot(torch.tensor(y) + 1, c))
wrong("off-by-one", "one_hot")(lambda y, c: [[int(k == label) for k in range(1, c + 1)] for label in y])
wrong("off-by-one", "one_hot")(lambda y, c: [[int(k == label) for k in range(c + 1)] for label in y])
wrong("transposed", "one_hot")(lambda y, c: [[int(label == k) for label in y] for k in range(c)])
wrong("transposed", "one_hot")(lambda y, c: F.one_hot(torch.tensor(y), c).T)
wrong("labels-returned", "one_hot")(lambda y, c: [int(label) for label in y])
wrong("labels-returned", "one_hot")(lambda y, c: torch.tensor(y).view(-1, 1).float())
wrong("labels-as-values", "one_hot")(lambda y, c: [[k * (k == label) for k in range(c)] for label in y])
wrong("fancy-index-grid", "one_hot")(lambda y, c: [[int(k in y) for k in range(c)] for _ in y])
wrong("wrong-shape", "one_hot")(lambda y, c: F.one_hot(torch.tensor(y)))
wrong("wrong-shape", "one_hot")(lambda y, c: np.eye(c)[y].ravel())
wrong("wrong-shape", "one_hot")(lambda y, c: np.eye(c))
wrong("nothing-returned", "one_hot")(lambda y, c: None)
wrong("printed-not-returned", "one_hot")(lambda y, c: print(np.eye(c)[y]))
wrong(None, "one_hot")(lambda y, c: np.eye(c)[np.sort(y)])
wrong(None, "one_hot")(lambda y, c: np.eye(3)[y])
wrong(None, "one_hot")(lambda y, c: 1 - np.eye(c)[y])
right("one_hot")(functional.one_hot)
right("one_hot")(lambda y, c: y[:, None] == np.arange(c))
right("one_hot")(lambda y, c: F.one_hot(y, c))
right("one_hot")(lambda y, c: [[int(k == label) for k in range(c)] for label in y])
right("one_hot")(lambda y, c: np.eye(c, dtype=np.uint8)[y])
right("one_hot")(lambda labels, num_classes=10: torch.eye(num_classes)[torch.tensor(labels)])

# ----------------------------------------------------------------------------------- cross_entropy_from_probs
CE = "cross_entropy_from_probs"


def log_likelihoods(p, y):
    return [math.log(row[label]) for row, label in zip(p, y, strict=True)]


wrong("sum-not-mean", CE)(lambda p, y: -sum(log_likelihoods(p, y)))
wrong("sum-not-mean", CE)(lambda p, y: F.nll_loss(torch.tensor(p).log(), torch.tensor(y), reduction="sum"))
wrong("sum-not-mean", CE)(lambda p, y: -np.einsum("nc,nc->", np.eye(p.shape[1])[y], np.log(p)))
wrong("missing-minus", CE)(lambda p, y: sum(log_likelihoods(p, y)) / len(y))
wrong("missing-minus", CE)(lambda p, y: -F.nll_loss(torch.tensor(p).log(), torch.tensor(y)))
wrong("log-base-2", CE)(lambda p, y: -sum(math.log2(r[c]) for r, c in zip(p, y, strict=True)) / len(y))
wrong("log-base-2", CE)(lambda p, y: F.nll_loss(torch.tensor(p).log2(), torch.tensor(y)).item())
wrong("log-base-10", CE)(lambda p, y: -(np.eye(p.shape[1])[y] * np.log10(p)).sum(axis=1).mean())
wrong("log-base-10", CE)(lambda p, y: -np.mean([math.log(r[c], 10) for r, c in zip(p, y, strict=True)]))
wrong("mean-over-elements", CE)(lambda p, y: -np.mean(np.eye(p.shape[1])[y] * np.log(p)))
wrong("mean-over-elements", CE)(lambda p, y: -sum(log_likelihoods(p, y)) / p.size)
wrong("fancy-index-grid", CE)(lambda p, y: -np.mean([math.log(row[label]) for row in p for label in y]))
wrong("fancy-index-grid", CE)(lambda p, y: -torch.tensor(p).log()[:, y].sum() / len(y))
wrong("fancy-index-grid", CE)(lambda p, y: -np.log(np.take(p, y, axis=1)))
wrong("all-classes", CE)(lambda p, y: -sum(math.log(v) for row in p for v in row) / len(p))
wrong("all-classes", CE)(lambda p, y: -torch.tensor(p).log().mean())
wrong("binary-cross-entropy", CE)(
    lambda p, y: F.binary_cross_entropy(
        torch.tensor(p).double(), F.one_hot(torch.tensor(y), p.shape[1]).double()
    )
)
wrong("binary-cross-entropy", CE)(
    lambda p, y: (
        sum(-math.log(v if k == c else 1 - v) for r, c in zip(p, y, strict=True) for k, v in enumerate(r))
        / len(y)
    )
)
wrong("binary-cross-entropy", CE)(
    lambda p, y: np.mean(
        [-c * math.log(r[1]) - (1 - c) * math.log(1 - r[1]) for r, c in zip(p, y, strict=True)]
    )
)
wrong("no-log", CE)(lambda p, y: F.nll_loss(torch.tensor(p), torch.tensor(y)))
wrong("no-log", CE)(lambda p, y: 1 - sum(row[label] for row, label in zip(p, y, strict=True)) / len(y))
wrong("log-of-mean", CE)(lambda p, y: -math.log(sum(r[c] for r, c in zip(p, y, strict=True)) / len(y)))
wrong("labels-as-one-hot", CE)(lambda p, y: -np.sum(y * np.log(p)) / len(y))
wrong("labels-as-one-hot", CE)(lambda p, y: -torch.mean(torch.tensor(y)[:, None] * torch.tensor(p).log()))
wrong("rows-picked", CE)(lambda p, y: -np.mean([np.log(p[label]) for label in y]))
wrong("swapped-indices", CE)(lambda p, y: -sum(math.log(p[label][i]) for i, label in enumerate(y)) / len(y))
wrong("entropy", CE)(lambda p, y: special.entr(p).sum(axis=1).mean())
wrong("divided-by-classes", CE)(lambda p, y: np.log(1 / p[np.arange(len(y)), y]).sum() / len(p[0]))
wrong("squared-error", CE)(
    lambda p, y: F.mse_loss(
        torch.tensor(p), F.one_hot(torch.tensor(y), p.shape[1]).to(p.dtype.name and torch.tensor(p).dtype)
    )
)
wrong("softmax-twice", CE)(lambda p, y: F.cross_entropy(torch.tensor(p), torch.tensor(y)))
wrong("argmax-first", CE)(
    lambda p, y: np.mean([0.0 if row.argmax() == c else math.inf for row, c in zip(p, y, strict=True)])
)
wrong("wrong-shape", CE)(lambda p, y: [-v for v in log_likelihoods(p, y)])
wrong("wrong-shape", CE)(lambda p, y: -np.log(picked(p, y)).mean(keepdims=True))
wrong("nothing-returned", CE)(lambda p, y: None)
wrong("printed-not-returned", CE)(lambda p, y: print(f"loss {-np.log(picked(p, y)).mean():.4f}"))
wrong(None, CE)(lambda p, y: -math.log(p[0, y[0]]))  # right on one row
wrong(None, CE)(lambda p, y: -np.log(picked(p, y)).sum() / 2)  # right for N = 2
wrong(None, CE)(
    lambda p, y: -np.log(picked(p, y)).sum() / len(set(y.tolist()))
)  # right without repeated labels
wrong(None, CE)(lambda p, y: -np.median(np.log(picked(p, y))))
wrong(None, CE)(lambda p, y: np.log2(picked(p, y)).sum())  # three mistakes
wrong(None, CE)(lambda p, y: -np.log(picked(p, y) + 0.01).mean())
right(CE)(functional.cross_entropy_from_probs)
right(CE)(lambda p, y: -sum(log_likelihoods(p, y)) / len(y))
right(CE)(lambda p, y: -np.einsum("nc,nc->", np.eye(p.shape[1])[y], np.log(p)) / len(y))
right(CE)(lambda p, y: F.nll_loss(p.log(), y))
right(CE)(lambda p, y: np.float32(-np.log(picked(p, y)).mean()))
right(CE)(lambda probs, labels: np.array(-np.log(picked(probs, labels)).mean()))
right(CE)(lambda p, y: torch.tensor(-np.log(picked(p, y)).mean()).item())

# -------------------------------------------------------------------------------------------------- logsumexp
wrong("overflow", "logsumexp")(lambda z: [math.log(sum(map(math.exp, row))) for row in z.tolist()])
wrong("overflow", "logsumexp")(lambda z: torch.tensor(z).exp().sum(1).log())
wrong("overflow", "logsumexp")(lambda z: np.log(np.exp(z) @ np.ones(z.shape[1])))


@wrong("underflow", "logsumexp")
def logsumexp_with_one_max(z):
    top = float(z.max())
    return [top + math.log(sum(math.exp(v - top) for v in row)) for row in z.tolist()]


wrong("underflow", "logsumexp")(lambda z: z.max() + (z - z.max()).exp().sum(dim=1).log())


@wrong("underflow", "logsumexp")
def logsumexp_without_shift_below_zero(z):
    shift = np.where(z.max(axis=1) > 0, z.max(axis=1), 0)
    return shift + np.log(np.exp(z - shift[:, None]).sum(axis=1))


wrong("max-not-added-back", "logsumexp")(
    lambda z: [math.log(sum(math.exp(v - max(row)) for v in row)) for row in z]
)
wrong("max-not-added-back", "logsumexp")(lambda z: torch.logsumexp(z - z.max(1, keepdim=True).values, 1))
wrong("wrong-axis", "logsumexp")(lambda z: np.logaddexp.reduce(z, axis=0))
wrong("wrong-axis", "logsumexp")(special.logsumexp)
wrong("wrong-axis", "logsumexp")(lambda z: torch.logsumexp(z, 0))
wrong("keepdims-missing", "logsumexp")(
    lambda z: [m + math.log(sum(np.exp(r - z.max(axis=1)))) for m, r in zip(z.max(axis=1), z, strict=True)]
)
wrong("no-log", "logsumexp")(lambda z: [sum(math.exp(v) for v in row) for row in z])
wrong("mean-not-sum", "logsumexp")(lambda z: np.log(np.mean(np.exp(z), axis=1)))
wrong("wrong-base", "logsumexp")(lambda z: [math.log2(sum(math.exp(v) for v in row)) for row in z])
wrong("max-only", "logsumexp")(lambda z: [max(row) for row in z])
wrong("fixed-shift", "logsumexp")(lambda z: 1000 + torch.log(torch.exp(torch.tensor(z) - 1000).sum(1)))
wrong("clipped", "logsumexp")(lambda z: special.logsumexp(np.clip(z, -700, 700), axis=1))
wrong("nan-hidden", "logsumexp")(lambda z: torch.nan_to_num(torch.tensor(z).exp().sum(1).log()).numpy())
wrong("wrong-shape", "logsumexp")(lambda z: special.logsumexp(z, axis=1, keepdims=True))
wrong("wrong-shape", "logsumexp")(lambda z: special.logsumexp(z, axis=1)[0])
wrong(None, "logsumexp")(lambda z: special.logsumexp(z[:, :2], axis=1))  # right for C = 2
wrong(None, "logsumexp")(lambda z: np.where(z.max(1) > 500, z.max(1), np.log(np.exp(z).sum(1))))
right("logsumexp")(functional.logsumexp)
right("logsumexp")(partial(special.logsumexp, axis=1))
right("logsumexp")(lambda z: torch.logsumexp(z, dim=1))
right("logsumexp")(lambda z: np.logaddexp.reduce(z, axis=1))
right("logsumexp")(lambda z: [max(r) + math.log(sum(math.exp(v - max(r)) for v in r)) for r in z])
right("logsumexp")(lambda z: special.logsumexp(z.astype(np.float32), axis=1))

# ---------------------------------------------------------------------------------------------- cross_entropy
LOSS = "cross_entropy"
for _, mistake, from_probs in [w for w in WRONG if w[0] == CE and w[1] not in (None, "softmax-twice")]:
    wrong(mistake, LOSS)(lambda z, y, f=from_probs: f(functional.softmax(z), y))

wrong("softmax-then-log", LOSS)(lambda z, y: -np.log(picked(rows_softmax(z), y)).mean())
wrong("softmax-then-log", LOSS)(lambda z, y: functional.cross_entropy_from_probs(functional.softmax(z), y))
wrong("softmax-then-log", LOSS)(
    lambda z, y: F.nll_loss(torch.softmax(torch.tensor(z), 1).log(), torch.tensor(y))
)
wrong("softmax-then-log", LOSS)(lambda z, y: -np.log(np.exp(picked(z, y)) / np.exp(z).sum(axis=1)).mean())
wrong("softmax-then-log", LOSS)(
    lambda z, y: (
        -np.mean([math.log(math.exp(r[c]) / sum(map(math.exp, r))) for r, c in zip(z, y, strict=True)])
    )
)
for epsilon in (1e-12, 1e-8, 3.3e-11, 1e-3, 2.5e-5, 1e-300):
    wrong("epsilon-in-log", LOSS)(lambda z, y, e=epsilon: -np.log(picked(rows_softmax(z), y) + e).mean())
wrong("epsilon-in-log", LOSS)(
    lambda z, y: -np.log(np.clip(picked(rows_softmax(z), y), 1e-15, 1 - 1e-15)).mean()
)
wrong("epsilon-in-log", LOSS)(
    lambda z, y: -sum(math.log(max(p[c], 1e-9)) for p, c in zip(rows_softmax(z), y, strict=True)) / len(y)
)
wrong("epsilon-in-log", LOSS)(
    lambda z, y: F.nll_loss(torch.softmax(torch.tensor(z).float(), 1).clamp(min=1e-10).log(), torch.tensor(y))
)
wrong("probabilities-expected", LOSS)(lambda z, y: -np.log(picked(z, y)).mean())
wrong("probabilities-expected", LOSS)(lambda z, y: -sum(log_likelihoods(z, y)) / len(y))
wrong("probabilities-expected", LOSS)(functional.cross_entropy_from_probs)
wrong("softmax-twice", LOSS)(lambda z, y: F.cross_entropy(torch.softmax(torch.tensor(z), 1), torch.tensor(y)))
wrong("softmax-twice", LOSS)(lambda z, y: functional.cross_entropy(functional.softmax(z), y))
wrong("sum-not-mean", LOSS)(lambda z, y: F.cross_entropy(z, y, reduction="sum"))
wrong("missing-minus", LOSS)(lambda z, y: (picked(z, y) - special.logsumexp(z, axis=1)).mean())
wrong("wrong-shape", LOSS)(lambda z, y: F.cross_entropy(z, y, reduction="none"))
wrong("overflow", LOSS)(lambda z, y: (np.log(np.exp(z).sum(axis=1)) - picked(z, y)).mean())
wrong("global-max", LOSS)(
    lambda z, y: (z.max() + np.log(np.exp(z - z.max()).sum(axis=1)) - picked(z, y)).mean()
)
wrong("underflow", LOSS)(
    lambda z, y: np.mean(
        [abs(r).max() + np.log(sum(np.exp(r - abs(r).max()))) - r[c] for r, c in zip(z, y, strict=True)]
    )
)
wrong("fixed-shift", LOSS)(
    lambda z, y: np.mean([100 + np.log(sum(np.exp(r - 100))) - r[c] for r, c in zip(z, y, strict=True)])
)
wrong("clipped", LOSS)(lambda z, y: F.cross_entropy(torch.tensor(z).clamp(-50, 50), torch.tensor(y)))
wrong("divided-by-classes", LOSS)(
    lambda z, y: F.cross_entropy(torch.tensor(z), torch.tensor(y)) * len(z) / len(z[0])
)
wrong("nan-hidden", LOSS)(
    lambda z, y: np.nan_to_num(-np.log(picked(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), y))).mean()
)
wrong("max-not-added-back", LOSS)(
    lambda z, y: np.mean([math.log(sum(np.exp(r - max(r)))) - r[c] for r, c in zip(z, y, strict=True)])
)
wrong("nll-on-logits", LOSS)(lambda z, y: -sum(row[label] for row, label in zip(z, y, strict=True)) / len(y))
wrong("label-forgotten", LOSS)(lambda z, y: special.logsumexp(z, axis=1).mean())
wrong("wrong-axis", LOSS)(lambda z, y: F.nll_loss(F.log_softmax(z, 0), y))
wrong("keepdims-missing", LOSS)(lambda z, y: -picked(z - special.logsumexp(z, axis=1), y).mean())
wrong(None, LOSS)(lambda z, y: (special.logsumexp(z, axis=1) - z[:, 0]).mean())
wrong(None, LOSS)(lambda z, y: np.float64(F.cross_entropy(torch.tensor(z[:1]), torch.tensor(y[:1]))))
wrong(None, LOSS)(lambda z, y: -functional.cross_entropy(z, y, reduction="sum"))  # two mistakes
right(LOSS)(functional.cross_entropy)
right(LOSS)(nn.CrossEntropyLoss())
right(LOSS)(lambda z, y: F.cross_entropy(torch.tensor(z).float(), torch.tensor(y)).item())
right(LOSS)(lambda z, y: (special.logsumexp(z, axis=1) - picked(z, y)).mean())
right(LOSS)(lambda z, y: np.mean([np.logaddexp.reduce(r) - r[c] for r, c in zip(z, y, strict=True)]))
right(LOSS)(
    lambda z, y: -np.einsum("nc,nc->", np.eye(z.shape[1])[y], special.log_softmax(z, axis=1)) / len(y)
)

# ----------------------------------------------------------------------------------------- cross_entropy_grad
GRAD = "cross_entropy_grad"


def autograd(loss):
    """Return the gradient of a torch loss as a function of NumPy logits and labels."""

    def gradient(z, y):
        z = torch.tensor(z, requires_grad=True)
        loss(z, torch.tensor(y)).backward()
        return z.grad

    return gradient


def hot(z, y):
    return np.eye(z.shape[1])[y]


wrong("missing-1-over-n", GRAD)(autograd(partial(F.cross_entropy, reduction="sum")))
wrong("missing-1-over-n", GRAD)(
    lambda z, y: [[p - (k == c) for k, p in enumerate(r)] for r, c in zip(rows_softmax(z), y, strict=True)]
)
wrong("sign-flipped", GRAD)(autograd(lambda z, y: -F.cross_entropy(z, y)))
wrong("sign-flipped", GRAD)(lambda z, y: (hot(z, y) - rows_softmax(z)) / len(y))
wrong("minus-y-forgotten", GRAD)(autograd(lambda z, y: z.logsumexp(1).mean()))
wrong("true-class-only", GRAD)(lambda z, y: np.where(hot(z, y) == 1, rows_softmax(z) - 1, 0) / len(y))
wrong("true-class-only", GRAD)(lambda z, y: -hot(z, y) / rows_softmax(z) / len(y))
wrong("true-class-only", GRAD)(
    lambda z, y: [(p[c] - 1) / len(y) for p, c in zip(rows_softmax(z), y, strict=True)]
)
wrong("p-times-1-minus-p", GRAD)(lambda z, y: [[p * (1 - p) / len(y) for p in r] for r in rows_softmax(z)])
wrong("p-times-1-minus-p", GRAD)(autograd(lambda z, y: -z.softmax(1)[range(len(y)), y].mean()))
wrong("fancy-index-grid", GRAD)(lambda z, y: (rows_softmax(z) - np.isin(np.arange(z.shape[1]), y)) / len(y))
wrong("missing-parentheses", GRAD)(lambda z, y: rows_softmax(z) - hot(z, y) / len(y))
wrong("missing-parentheses", GRAD)(lambda z, y: torch.tensor(z).softmax(1) / len(y) - torch.tensor(hot(z, y)))
wrong("labels-not-one-hot", GRAD)(lambda z, y: (rows_softmax(z) - y) / len(y))
wrong("classes-from-labels", GRAD)(
    lambda z, y: (rows_softmax(z) - functional.one_hot(y, labels_max(y))) / len(y)
)
wrong("softmax-forgotten", GRAD)(
    lambda z, y: (torch.tensor(z) - F.one_hot(torch.tensor(y), z.shape[1])) / len(y)
)
wrong("wrong-axis", GRAD)(lambda z, y: (torch.softmax(torch.tensor(z), 0) - torch.tensor(hot(z, y))) / len(y))
wrong("wrong-shape", GRAD)(lambda z, y: functional.cross_entropy_grad(z, y).T)
wrong("wrong-shape", GRAD)(lambda z, y: functional.cross_entropy_grad(z, y).sum(axis=0))
wrong(None, GRAD)(lambda z, y: (rows_softmax(z) - hot(z, y)) / 3)
wrong(None, GRAD)(lambda z, y: functional.cross_entropy_grad(z, y) * (np.arange(len(y)) == 0)[:, None])


def labels_max(y):
    return int(y.max()) + 1


@wrong("mutates-input", GRAD)
def gradient_in_place(z, y):
    z[:] = rows_softmax(z)
    z[np.arange(len(y)), y] -= 1
    return z / len(y)


right(GRAD)(functional.cross_entropy_grad)
right(GRAD)(autograd(F.cross_entropy))
right(GRAD)(lambda z, y: torch.autograd.functional.jacobian(lambda t: F.cross_entropy(t, y), z))
right(GRAD)(
    lambda z, y: [
        [(p - (k == c)) / len(y) for k, p in enumerate(r)] for r, c in zip(rows_softmax(z), y, strict=True)
    ]
)


@right(GRAD)
def gradient_by_finite_differences(z, y):
    out, z = np.zeros(z.shape), z.astype(float)
    for place in np.ndindex(z.shape):
        up, down = z.copy(), z.copy()
        up[place] += 1e-5
        down[place] -= 1e-5
        out[place] = (functional.cross_entropy(up, y) - functional.cross_entropy(down, y)) / 2e-5
    return out


# ------------------------------------------------------------------------------------------------ linear_grad
LINEAR = "linear_grad"


def G(X, W, b, y):
    return functional.cross_entropy_grad(X @ W + b, y)


def torch_linear_grad(X, W, b, y, reduction="mean"):
    W, b = torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True)
    F.cross_entropy(torch.tensor(X) @ W + b, torch.tensor(y), reduction=reduction).backward()
    return W.grad, b.grad


wrong("transposed", LINEAR)(
    lambda X, W, b, y: (np.einsum("nc,nd->cd", G(X, W, b, y), X), G(X, W, b, y).sum(0))
)
wrong("transposed", LINEAR)(lambda X, W, b, y: (np.dot(X, G(X, W, b, y)), G(X, W, b, y).sum(0)))
wrong("transposed", LINEAR)(
    lambda X, W, b, y: (torch_linear_grad(X, W, b, y)[0].T, G(X, W, b, y).sum(0).tolist())
)
wrong("bias-not-summed", LINEAR)(
    lambda X, W, b, y: (X.T @ G(X, W, b, y), [list(row) for row in G(X, W, b, y)])
)
wrong("bias-averaged", LINEAR)(
    lambda X, W, b, y: (X.T @ G(X, W, b, y), [sum(col) / len(y) for col in G(X, W, b, y).T])
)
wrong("missing-1-over-n", LINEAR)(partial(torch_linear_grad, reduction="sum"))
wrong("missing-1-over-n", LINEAR)(
    lambda X, W, b, y: (len(y) * X.T @ G(X, W, b, y), G(X, W, b, y).sum(axis=0))
)
wrong("divided-twice", LINEAR)(
    lambda X, W, b, y: [np.asarray(g) / len(y) for g in torch_linear_grad(X, W, b, y)]
)
wrong("sign-flipped", LINEAR)(lambda X, W, b, y: [-g for g in torch_linear_grad(X, W, b, y)])
wrong("minus-y-forgotten", LINEAR)(
    lambda X, W, b, y: (X.T @ rows_softmax(X @ W + b) / len(y), rows_softmax(X @ W + b).mean(axis=0))
)
wrong("swapped-outputs", LINEAR)(lambda X, W, b, y: torch_linear_grad(X, W, b, y)[::-1])
wrong("bias-summed-over-classes", LINEAR)(
    lambda X, W, b, y: (X.T @ G(X, W, b, y), [sum(row) for row in G(X, W, b, y)])
)
wrong("bias-left-out", LINEAR)(lambda X, W, b, y: torch_linear_grad(X, W, np.zeros_like(b), y))
wrong("updated-weights", LINEAR)(
    lambda X, W, b, y: [
        v - 0.1 * g.numpy() for v, g in zip((W, b), torch_linear_grad(X, W, b, y), strict=True)
    ]
)
wrong("wrong-shape", LINEAR)(lambda X, W, b, y: (X.T @ G(X, W, b, y), G(X, W, b, y).sum(0, keepdims=True)))
wrong("wrong-shape", LINEAR)(lambda X, W, b, y: X.T @ G(X, W, b, y))
wrong("nothing-returned", LINEAR)(lambda X, W, b, y: None)
wrong("printed-not-returned", LINEAR)(lambda X, W, b, y: print(G(X, W, b, y)))
wrong(None, LINEAR)(lambda X, W, b, y: (X.T @ G(X, W, b, y), G(X, W, b, y)[0]))  # right for N = 1
right(LINEAR)(lambda X, W, b, labels: (X.T @ G(X, W, b, labels), G(X, W, b, labels).sum(axis=0)))
right(LINEAR)(torch_linear_grad)
right(LINEAR)(lambda X, W, b, y: [g.tolist() for g in torch_linear_grad(X, W, b, y)])


@right(LINEAR)
def linear_grad_example_by_example(X, W, b, labels):
    dW, db = np.zeros_like(W), np.zeros_like(b)
    for x, label in zip(X, labels, strict=True):
        g = special.softmax(x @ W + b)
        g[label] -= 1
        dW += np.outer(x, g) / len(X)
        db += g / len(X)
    return dW, db


# ------------------------------------------------------------------------------------------------- torch_loss
LOSS5 = "torch_loss"
wrong("softmax-twice", LOSS5)(lambda z, y: nn.CrossEntropyLoss()(nn.Softmax(dim=1)(z), y))
wrong("softmax-twice", LOSS5)(lambda z, y: functional.cross_entropy(rows_softmax(z.numpy()), y.numpy()))
wrong("softmax-twice", LOSS5)(lambda z, y: F.nll_loss(F.log_softmax(z.exp() / z.exp().sum(1, True), 1), y))
wrong("nll-on-probabilities", LOSS5)(lambda z, y: -z.softmax(1)[range(len(y)), y].mean().item())
wrong("nll-on-probabilities", LOSS5)(
    lambda z, y: sum(-r.softmax(0)[c] for r, c in zip(z, y, strict=True)) / len(y)
)
wrong("nll-on-logits", LOSS5)(
    lambda z, y: -torch.einsum("nc,nc->", F.one_hot(y, z.shape[1]).float(), z) / len(y)
)
wrong("sum-not-mean", LOSS5)(lambda z, y: sum(F.cross_entropy(r, c) for r, c in zip(z, y, strict=True)))
wrong("sum-not-mean", LOSS5)(lambda z, y: F.cross_entropy(z, y) * len(y))
wrong("argmax-first", LOSS5)(lambda z, y: F.cross_entropy(torch.eye(z.shape[1])[z.argmax(1)], y))
wrong("argmax-first", LOSS5)(lambda z, y: nn.CrossEntropyLoss()(torch.argmax(z, dim=1), y))
wrong("argmax-first", LOSS5)(lambda z, y: sum(r.argmax() != c for r, c in zip(z, y, strict=True)) / len(y))
wrong("argmax-first", LOSS5)(lambda z, y: F.nll_loss(torch.log((z == z.amax(1, True)) + 3e-9), y))
wrong("missing-minus", LOSS5)(lambda z, y: z.log_softmax(1)[range(len(y)), y].mean())
wrong("wrong-axis", LOSS5)(lambda z, y: -z.log_softmax(0).gather(1, y[:, None]).mean())
wrong("mean-over-elements", LOSS5)(lambda z, y: -(F.one_hot(y, z.shape[1]) * z.log_softmax(1)).mean())
wrong("all-classes", LOSS5)(lambda z, y: -z.log_softmax(1).sum(1).mean())
wrong("fancy-index-grid", LOSS5)(lambda z, y: -z.log_softmax(1)[:, y].mean())
wrong("binary-cross-entropy", LOSS5)(
    lambda z, y: F.binary_cross_entropy(z.sigmoid(), F.one_hot(y, z.shape[1]).float())
)
wrong("softmax-then-log", LOSS5)(lambda z, y: F.nll_loss(z.softmax(1).log(), y))
wrong("epsilon-in-log", LOSS5)(lambda z, y: F.nll_loss((z.softmax(1) + 1e-8).log(), y))
wrong("overflow", LOSS5)(
    lambda z, y: sum(r.exp().sum().log() - r[c] for r, c in zip(z, y, strict=True)) / len(y)
)
wrong("wrong-shape", LOSS5)(nn.CrossEntropyLoss(reduction="none"))
wrong("nothing-returned", LOSS5)(lambda z, y: None)
wrong("printed-not-returned", LOSS5)(lambda z, y: print(F.cross_entropy(z, y)))
wrong("one-hot-integers", LOSS5)(lambda z, y: nn.CrossEntropyLoss()(z, F.one_hot(y, z.shape[1])))
wrong("float-labels", LOSS5)(lambda z, y: nn.NLLLoss()(z.log_softmax(1), y.to(torch.float32)))
wrong("labels-with-an-axis", LOSS5)(lambda z, y: nn.CrossEntropyLoss()(z, y.reshape(-1, 1)))
wrong("divided-by-classes", LOSS5)(
    lambda z, y: sum(F.cross_entropy(*pair) for pair in zip(z, y, strict=True)) / z.shape[1]
)
wrong("raises", LOSS5)(lambda z, y: F.cross_entropy(z.view(7, 7), y))
wrong(None, LOSS5)(lambda z, y: F.cross_entropy(z, F.one_hot(y).float()))  # right while the last class occurs
wrong(None, LOSS5)(partial(F.cross_entropy, label_smoothing=0.1))
right(LOSS5)(F.cross_entropy)
right(LOSS5)(nn.CrossEntropyLoss())
right(LOSS5)(lambda logits, labels: F.nll_loss(F.log_softmax(logits, 1), labels).item())
right(LOSS5)(lambda logits, labels: F.cross_entropy(logits, F.one_hot(labels, logits.shape[1]).float()))
right(LOSS5)(lambda logits, labels: functional.cross_entropy(logits.numpy(), labels.numpy()))
right(LOSS5)(lambda logits, labels: sum(map(F.cross_entropy, logits, labels)) / len(labels))
right(LOSS5)(functional.cross_entropy)  # takes NumPy arrays

# --------------------------------------------------------------------------------------------------- accuracy
ACC = "accuracy"
wrong("wrong-axis", ACC)(lambda z, y: (torch.max(z, 0)[1] == y).double().mean().item())
wrong("wrong-axis", ACC)(lambda z, y: np.mean(z.numpy().argmax(axis=0) == y.numpy()))
wrong("wrong-axis", ACC)(lambda z, y: sum(int(z.argmax()) == c for c in y.tolist()) / len(y))
wrong("percent", ACC)(
    lambda z, y: 100 * sum(r.argmax() == c for r, c in zip(z, y, strict=True)).item() / len(y)
)
wrong("percent", ACC)(lambda z, y: round(100.0 * (z.argmax(1) == y).float().mean().item(), 1))
wrong("count", ACC)(lambda z, y: np.count_nonzero(z.numpy().argmax(axis=1) == y.numpy()))
wrong("count", ACC)(lambda z, y: sum(1 for r, c in zip(z, y, strict=True) if r.argmax() == c))
wrong("keepdim-broadcast", ACC)(lambda z, y: z.max(1, keepdim=True)[1].eq(y).sum().item() / len(y))
wrong("keepdim-broadcast", ACC)(lambda z, y: np.mean(z.numpy().argmax(axis=1)[:, None] == y.numpy()))
wrong("mean-of-booleans", ACC)(lambda z, y: torch.mean(z.argmax(1) == y))
wrong("error-rate", ACC)(lambda z, y: (z.argmax(1) != y).float().mean())
wrong("divided-by-classes", ACC)(
    lambda z, y: sum(r.argmax() == c for r, c in zip(z, y, strict=True)) / z.size(1)
)
wrong("argmin", ACC)(lambda z, y: ((-z).argmax(1) == y).float().mean())
wrong("largest-not-its-place", ACC)(lambda z, y: np.mean(z.numpy().max(axis=1) == y.numpy()))
wrong("all-or-nothing", ACC)(lambda z, y: (z.argmax(1) == y).sum() // len(y))
wrong("mean-probability", ACC)(lambda z, y: sum(r.softmax(0)[c] for r, c in zip(z, y, strict=True)) / len(y))
wrong("wrong-shape", ACC)(lambda z, y: z.argmax(1))
wrong("wrong-shape", ACC)(lambda z, y: z.argmax(1).eq(y).float())
wrong("wrong-type", ACC)(lambda z, y: f"{(z.argmax(1) == y).float().mean():.0%}")
wrong("nothing-returned", ACC)(lambda z, y: None)
wrong("printed-not-returned", ACC)(lambda z, y: print((z.argmax(1) == y).float().mean()))
wrong(None, ACC)(lambda z, y: float(z[0].argmax() == y[0]))
wrong(None, ACC)(lambda z, y: round((z.argmax(1) == y).float().mean().item(), 1))
wrong(None, ACC)(lambda z, y: ((z[:, 1] > z[:, 0]).long() == y).float().mean())  # right for C = 2
right(ACC)(lambda z, y: (z.argmax(1) == y).float().mean())
right(ACC)(lambda z, y: sum(int(r.argmax()) == int(c) for r, c in zip(z, y, strict=True)) / len(y))
right(ACC)(lambda z, y: np.mean(np.argmax(z.numpy(), axis=1) == y.numpy()))
right(ACC)(lambda z, y: np.count_nonzero(z.argmax(axis=1) == y) / len(y))
right(ACC)(lambda logits, labels: logits.topk(1).indices.squeeze(1).eq(labels).double().mean().item())


# ------------------------------------------------------------------------------------------------------ tests
def name_of(case):
    return "-".join(str(part) for part in case[:-1])


@pytest.mark.parametrize("case", WRONG, ids=name_of)
def test_a_wrong_answer_is_named_and_its_shown_input_fails(case):
    same_at_first = case[2] is right_at_the_first_call and case[0] in ("softmax", "stable_softmax")
    catalogue.is_named(*case, may_be_right_once=same_at_first)


@pytest.mark.parametrize("case", RIGHT, ids=lambda case: case[0])
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


@pytest.mark.parametrize("name", EXERCISES)
def test_probes_cover_the_shapes_that_keep_mistakes_apart(name):
    exercise = getattr(checks, name)
    if name == "one_hot":
        shapes = [(len(labels), num_classes) for labels, num_classes in exercise.probes]
        batches = list(exercise.probes)
    elif name == "linear_grad":
        shapes = [(X.shape[0], W.shape[1]) for X, W, _, _ in exercise.probes]
        batches = [(labels, W.shape[1]) for _, W, _, labels in exercise.probes]
        assert any(X.shape[1] == W.shape[1] != len(X) for X, W, _, _ in exercise.probes)
    else:
        shapes = [probe[0].shape for probe in exercise.probes]
        batches = [(probe[1], probe[0].shape[1]) for probe in exercise.probes if len(probe) == 2]
        assert not any(row.count(max(row)) > 1 for probe in exercise.probes for row in probe[0].tolist())
    assert (
        any(n == c >= 3 for n, c in shapes)
        and any(n > c for n, c in shapes)
        and any(1 < n < c for n, c in shapes)
    )
    assert any(n == 1 for n, _ in shapes) and any(c == 2 for _, c in shapes)
    if batches:
        assert any(len(set(labels.tolist())) < len(labels) for labels, _ in batches)
        assert any(labels.max() < c - 1 for labels, c in batches)


def test_checks_leave_their_probes_as_they_are():
    def spoil(*args):
        for a in args:
            if isinstance(a, np.ndarray):
                a[...] = 0
            elif hasattr(a, "zero_"):
                a.zero_()
        return 0.0

    for name in EXERCISES:
        exercise = getattr(checks, name)
        before = [[guard.copy_of(a) for a in probe] for probe in exercise.probes + exercise.hard]
        exercise(spoil)
        for old, new in zip(before, exercise.probes + exercise.hard, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))
