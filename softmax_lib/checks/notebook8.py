"""The exercises of notebook 8, the bug clinic: `clinic_1` to `clinic_6`, six programs to be repaired.

Each is a short function with a known bug; the learner writes it again without. The checks know the bug left
in, and the repairs that only hide it. Models have two features and three classes (or tiny images), so that
what is shown can be read.

`clinic_1`: a training step, and the probabilities for show. Two calls in a row; logits of ±1000 are in the
domain. `clinic_2`: the mean loss of N views of one picture; as many views as classes, more and fewer.
`clinic_3`: a notebook's cell, written as a function of the notebook's names; run four times, with training
and with other data in between. `clinic_4`: loss and accuracy over batches that differ in size. `clinic_5`:
two epochs in a row; the model comes without gradients, so `zero_grad` may stand at the end of a step too.
`clinic_6`: loss and accuracy on uint8 images of a model trained on pixels in [0, 1]; no image need
hold a 255.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from softmax_lib.checks import values
from softmax_lib.checks.engine import Exercise


def two_numbers(result: object) -> object:
    """Return loss and accuracy out of whatever form they come in: a pair, Metrics, a dictionary, an array."""
    if isinstance(result, dict) and {"loss", "accuracy"} <= set(result):
        result = result["loss"], result["accuracy"]
    if hasattr(result, "loss") and hasattr(result, "accuracy"):
        result = result.loss, result.accuracy
    if isinstance(result, np.ndarray | Tensor) and result.ndim == 1:
        result = tuple(result)
    if isinstance(result, tuple | list) and len(result) == 2:
        plains = [values.plain(value)[0] for value in result]
        return tuple(p.reshape(()) if p.size == 1 else p for p in plains)
    return result


def draw(rng: np.random.Generator, *shape: int, spread: float = 1.0) -> np.ndarray:
    """Return random numbers with one decimal, so that what is shown is what was put in."""
    return np.round(rng.normal(0, spread, shape), 1)


def linear(weight: Tensor) -> nn.Linear:
    """Return a layer with this weight (C, D); its bias is made of it."""
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data.copy_(weight)
    layer.bias.data.copy_(0.3 * weight.sum(1))
    return layer


def numbers_in(model: nn.Module) -> Tensor:
    """Return weight and bias of a linear layer, side by side."""
    return torch.cat([model.weight, model.bias[:, None]], 1).detach().clone()


def make_optimizer(model: nn.Module, lr: float, momentum: float, kind: str) -> torch.optim.Optimizer:
    """Return the optimizer that a play hands to an answer."""
    if kind == "Adam":
        return torch.optim.Adam(model.parameters(), lr=lr)
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)


def in_words(lr: float, momentum: float, kind: str) -> str:
    """Return an optimizer as code."""
    return f"Adam(lr={lr:g})" if kind == "Adam" else f"SGD(lr={lr:g}, momentum={momentum:g})"


def single(value: object, what: str) -> float:
    """Return one number; raise OddValueError, in words, for anything else."""
    (array,) = values.plain(value)
    if array.size != 1:
        raise values.OddValueError(f"as {what}, {values.shape_of(array)}", numbers=True)
    return array.item()


def one_hot_float(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the labels as rows of floats (N, C)."""
    return F.one_hot(labels, logits.shape[1]).float()


def same(x: object) -> object:
    """Return x."""
    return x


# --------------------------------------------------------------------------------------------------- clinic_1


def play_1(
    step: Callable,
    x: Tensor,
    labels: Tensor,
    x_next: Tensor,
    labels_next: Tensor,
    weight: Tensor,
    lr: float,
    momentum: float,
    kind: str,
) -> tuple:
    """Make two steps; return the probabilities of both, the losses, and the weights after each."""
    model = linear(weight)
    optimizer = make_optimizer(model, lr, momentum, kind)
    probs, losses, weights = [], [], []
    for batch in ((x, labels), (x_next, labels_next)):
        with torch.enable_grad():
            result = step(model, *batch, optimizer)
        shown, loss = values.plain(result, 2)
        if shown.size == 1 and loss.ndim == 2:
            raise values.Remark("(loss, probs)", "swapped-outputs")
        probs.append(shown)
        losses.append(single(loss, "loss"))
        weights.append(numbers_in(model))
    return *probs, np.array(losses), *weights


def probe_1(
    seed: int, n: int, n_next: int, lr: float, momentum: float, kind: str = "SGD", large: bool = False
) -> tuple:
    """Return two batches of two features and three classes, weights and an optimizer's settings."""
    rng = np.random.default_rng(seed)
    labels = [rng.integers(0, 3, size) for size in (n, n_next)]
    weight = draw(rng, 3, 2)
    if large:  # logits near ±1000, and a label whose probability is 0
        weight = np.array([[500.0, -300.0], [-400.0, 200.0], [100.0, 900.0]])
        labels[0][:] = 1
        return (
            np.array([[1.0, 0.5]] * n),
            labels[0],
            draw(rng, n_next, 2),
            labels[1],
            weight,
            lr,
            momentum,
            kind,
        )
    return draw(rng, n, 2), labels[0], draw(rng, n_next, 2), labels[1], weight, lr, momentum, kind


def show_1(x, labels, x_next, labels_next, weight, lr, momentum, kind) -> dict[str, str]:
    """Return what was put in, in words."""
    return {
        "x": values.literal(x),
        "labels": values.literal(labels),
        "second batch": f"{len(x_next)} more row{'s' * (len(x_next) > 1)}",
        "weight": values.literal(weight),
        "optimizer": in_words(lr, momentum, kind),
    }


def right_1(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer) -> tuple:
    """Make one step on the logits; return the probabilities and the loss from before it."""
    logits = model(x)
    loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return logits.softmax(1).detach(), loss.item()


FIRST_LR = 0.5  # of the first probe

clinic_1 = Exercise(
    "clinic_1",
    right_1,
    ("model", "x", "labels", "optimizer"),
    returns="(probs, loss): probabilities (N, C) and the mean loss, both from before the step",
    checked=(
        "two steps in a row on batches of 1 to 5 rows, with SGD, with momentum and with Adam, logits of ±1000"
        " among them: probabilities, losses, and the weights after each step."
    ),
    probes=[
        probe_1(0, 1, 2, FIRST_LR, 0.0),
        probe_1(1, 3, 3, 0.5, 0.9),
        probe_1(2, 4, 2, 0.1, 0.5),
        probe_1(3, 2, 5, 1.0, 0.0),
        probe_1(4, 5, 1, 0.1, 0.0, "Adam"),
    ],
    hard=[probe_1(5, 1, 2, 0.1, 0.0, large=True), probe_1(6, 2, 3, 0.1, 0.9, large=True)],
    outputs=("probs", "probs of batch 2", "losses", "weights after step 1", "after step 2"),
    tolerance_grows=True,
    torch=True,
    play=play_1,
    inputs="x labels x_next labels_next weight lr momentum kind".split(),
    show=show_1,
    hint="Which line differs first? On this batch, print logits.softmax(1), then F.cross_entropy(logits,"
    " labels), then the weights after the step.",
)


def step_1(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    optimizer: torch.optim.Optimizer,
    loss: Callable = lambda z, p, y: F.cross_entropy(z, y),
    shown: Callable = lambda z, p: p,
    told: Callable = lambda loss, classes: loss,
    dim: int = 1,
    order: str = "zero backward step",
    before: Callable = lambda optimizer: None,
) -> tuple:
    """Make a step with something changed: the loss of logits z and probabilities p, or what is returned."""
    before(optimizer)
    logits = model(x)
    probs = logits.softmax(dim)
    value = loss(logits, probs, labels)
    for word in order.split():
        if word == "zero":
            optimizer.zero_grad()
        elif word == "backward":
            value.backward()
        elif word == "step":
            optimizer.step()
        elif word == "again":
            logits = model(x)
            probs = logits.softmax(dim)
        elif word == "loss":
            value = loss(logits, probs, labels)
    return shown(logits, probs).detach(), told(value.detach(), logits.shape[1])


def twice(z: Tensor, p: Tensor, y: Tensor) -> Tensor:
    """Return the bug itself: the cross-entropy of the probabilities."""
    return F.cross_entropy(p, y)


def floor_of(classes: int) -> float:
    """Return the lowest loss of a double softmax."""
    return float(np.log(np.e + classes - 1) - 1)


HEALTHY_HINT = (
    "F.cross_entropy takes the logits, and the probabilities are for show. Two names, one for each."
)
STILL_TWICE = "softmax is still taken twice, once by the program and once by cross_entropy. "


@clinic_1.mistake(
    "double-softmax",
    "The bug is still there: cross_entropy gets probabilities and takes the softmax of them. For three"
    " classes this loss stays above 0.5514, for ten above 1.4612.",
    hint=HEALTHY_HINT,
    loss=(twice,),
    shown=(lambda z, p: p, lambda z, p: p.softmax(1), lambda z, p: z),
)
@clinic_1.mistake(
    "floor-subtracted",
    STILL_TWICE
    + "The floor was subtracted from the loss. The number looks better, the gradient is the same.",
    hint=HEALTHY_HINT,
    loss=(twice,),
    told=(lambda v, c: v - floor_of(c), lambda v, c: v - 1.4612, lambda v, c: v - floor_of(10)),
)
@clinic_1.mistake(
    "probabilities-scaled",
    STILL_TWICE + "The probabilities are multiplied first, which makes more room for the loss but leaves the"
    " gradient squeezed.",
    hint=HEALTHY_HINT,
    loss=[lambda z, p, y, k=k: F.cross_entropy(k * p, y) for k in (10, 100, 5, 2, 20, 3, 1000)],
)
@clinic_1.mistake(
    "softmax-then-log",
    "The loss is the right one as a formula, but it takes the logarithm of a finished softmax. At logits of"
    " ±1000 a probability becomes 0 and the loss inf.",
    hint="Notebook 3: the loss comes from the logits. F.cross_entropy does it.",
    loss=(
        lambda z, p, y: F.nll_loss(p.log(), y),
        lambda z, p, y: -(one_hot_float(z, y) * p.log()).sum(1).mean(),
        lambda z, p, y: -p.gather(1, y[:, None]).log().mean(),
        lambda z, p, y: F.cross_entropy(p.log(), y),
    ),
)
@clinic_1.mistake(
    "nll-on-probabilities",
    "nll_loss takes no logarithm. It got probabilities, so the loss is minus a probability, never below -1.",
    hint="Which function does log_softmax and nll_loss in one?",
    loss=(lambda z, p, y: F.nll_loss(p, y), lambda z, p, y: F.nll_loss(p.softmax(1), y)),
)
@clinic_1.mistake(
    "nll-on-logits",
    "nll_loss got the logits. Without a softmax this loss has no bottom.",
    hint="Which function does log_softmax and nll_loss in one?",
    loss=(lambda z, p, y: F.nll_loss(z, y),),
    shown=(lambda z, p: p, lambda z, p: z),
)
@clinic_1.mistake(
    "logits-returned",
    "The training is healthy now, but what is returned as probabilities are the logits: the rows don't sum"
    " to 1.",
    hint="The softmax was right, only its place was wrong. Where is it needed?",
    shown=(lambda z, p: z,),
)
@clinic_1.mistake(
    "picks-returned",
    "The training is healthy now, but what is returned as probabilities are the picks.",
    hint="N rows of C probabilities are asked for.",
    shown=(lambda z, p: z.argmax(1), lambda z, p: F.one_hot(z.argmax(1), z.shape[1])),
)
@clinic_1.mistake(
    "log-probs-returned",
    "The training is healthy now, but the logarithms of the probabilities are returned.",
    hint="Whoever is shown these numbers expects them between 0 and 1.",
    shown=(lambda z, p: p.log(),),
)
@clinic_1.mistake(
    "softmax-twice-shown",
    "The training is healthy now, but the probabilities that come back went through a second softmax.",
    hint="How often is softmax called on the way from the logits to what you return?",
    shown=(lambda z, p: p.softmax(1),),
)
@clinic_1.mistake(
    "squared-error",
    "The loss is a squared error of the probabilities. Its gradient vanishes where the model is confidently"
    " wrong (notebook 2), as that of the double softmax does.",
    hint=HEALTHY_HINT,
    loss=(
        lambda z, p, y: F.mse_loss(p, one_hot_float(z, y)),
        lambda z, p, y: (p - one_hot_float(z, y)).square().sum(1).mean(),
    ),
)
@clinic_1.mistake(
    "binary-cross-entropy",
    "This is the binary loss, a yes-or-no question for each class.",
    hint="Notebook 5: the classes share one softmax. F.cross_entropy takes the logits.",
    loss=(
        lambda z, p, y: F.binary_cross_entropy(p, one_hot_float(z, y)),
        lambda z, p, y: F.binary_cross_entropy_with_logits(z, one_hot_float(z, y)),
    ),
)
@clinic_1.mistake(
    "no-memory",
    "The loss has no memory of how it was computed, so backward has nothing to go back through: no_grad"
    " stands around it, or .detach() came too early.",
    hint="Detach the probabilities that you return, after the loss was computed from the logits.",
    loss=(lambda z, p, y: F.cross_entropy(z.detach(), y),),
)
@clinic_1.mistake(
    "argmax-in-loss",
    "The loss is computed from a hard pick. A pick doesn't move when the weights move a little, so there is"
    " no gradient.",
    hint="argmax is for predicting. What does cross_entropy want to get?",
    mentions=("argmax", "max", "topk", "argsort", "sort", "round"),
    loss=(
        lambda z, p, y: F.cross_entropy(F.one_hot(z.argmax(1), z.shape[1]).float(), y),
        lambda z, p, y: F.cross_entropy(z.argmax(1).float(), y.float()),
    ),
)
@clinic_1.mistake(
    "sigmoid-in-the-loss",
    "cross_entropy gets the sigmoids of the logits. They too lie between 0 and 1, so this loss has a floor as"
    " well.",
    hint=HEALTHY_HINT,
    loss=(lambda z, p, y: F.cross_entropy(z.sigmoid(), y),),
)
@clinic_1.mistake(
    "wrong-axis",
    "softmax runs down the columns, over the examples of the batch.",
    hint="Each row is one example: its probabilities sum to 1.",
    dim=(0,),
    loss=(
        lambda z, p, y: F.cross_entropy(z, y),
        lambda z, p, y: F.cross_entropy(p, y),
        lambda z, p, y: F.nll_loss(z.log_softmax(0), y),
    ),
)
@clinic_1.mistake(
    "sum-not-mean",
    "The losses of the batch are added up, not averaged.",
    hint="cross_entropy averages unless it is told reduction='sum'.",
    loss=(lambda z, p, y: F.cross_entropy(z, y, reduction="sum"),),
)
@clinic_1.mistake(
    "no-step",
    "The loss is right, but the weights stay as they were: a call is missing, or zero_grad emptied the"
    " gradients before step could use them.",
    hint="zero_grad, backward, step: all three are still needed, and in this order.",
    order=("zero backward", "zero step", "backward zero step", "zero backward zero step"),
)
@clinic_1.mistake(
    "no-zero-grad",
    "The loss is right, but .grad is never emptied: the second step is made with the sum of both gradients.",
    hint="zero_grad, backward, step: all three are still needed, and in this order.",
    order=("backward step",),
)
@clinic_1.mistake(
    "exp-overflows",
    "The training is healthy now, but the probabilities are exp over its sum: exp(1000) is inf, and inf / inf"
    " is nan.",
    hint="logits.softmax(1) takes the row's maximum away first (notebook 1).",
    shown=(lambda z, p: z.exp() / z.exp().sum(1, keepdim=True),),
)
@clinic_1.mistake(
    "measured-after-the-step",
    "The step is right, but the probabilities, or the loss, were computed again after it.",
    hint="Both are asked for as they were before the step.",
    order=("zero backward step again", "zero backward step again loss"),
)
def _(*args, **options):
    return step_1(*args, **options)


@clinic_1.mistake(
    "repaired-for-show",
    "The loss that comes back is healthy, but the step was still made with the double softmax: the curve"
    " looks right, the training is not.",
    hint="backward belongs to the loss that you return.",
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer):
    logits = model(x).detach()
    probs, _ = step_1(model, x, labels, optimizer, loss=twice)
    return probs, F.cross_entropy(logits, labels)


@clinic_1.mistake(
    "measured-after-the-step",
    "The step and the probabilities are right, but the loss was computed again after the step.",
    hint="Both are asked for as they were before the step.",
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer):
    probs, _ = right_1(model, x, labels, optimizer)
    return probs, F.cross_entropy(model(x), labels).detach()


@clinic_1.mistake(
    "swapped-outputs",
    "Loss and probabilities come back in the other order.",
    hint="return probs, loss",
    loss=(lambda z, p, y: F.cross_entropy(z, y), twice),
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer, loss: Callable):
    return step_1(model, x, labels, optimizer, loss=loss)[::-1]


def with_lr(change: Callable) -> Callable:
    """Return what changes the learning rate in an optimizer."""

    def before(optimizer: torch.optim.Optimizer) -> None:
        for group in optimizer.param_groups:
            group["lr"] = change(group["lr"])

    return before


def guess_factor(probes: Sequence, results: Sequence) -> list[dict]:
    """Return by how much the first step is longer than the one that the double softmax makes."""
    x, labels, _, _, weight, lr, *_ = (torch.from_numpy(a) if hasattr(a, "shape") else a for a in probes[0])
    value = results[0].value
    if value is None or value[3].shape != (3, 3):
        return []
    model = linear(weight.float())
    start = numbers_in(model)
    with torch.enable_grad():
        twice(None, model(x.float()).softmax(1), labels).backward()
    grad = torch.cat([model.weight.grad, model.bias.grad[:, None]], 1)
    moved = start - torch.from_numpy(value[3].astype(np.float32))
    factor = round(((moved * grad).sum() / (grad * grad).sum() / lr).item(), 3)
    return [{"factor": factor}] if np.isfinite(factor) and abs(factor - 1) > 1e-3 else []


@clinic_1.mistake(
    "larger-steps",
    STILL_TWICE + "The steps were made longer, by the learning rate or by a factor on the loss. That shortens"
    " the wait at the start; the floor stays, and so does the missing gradient where the model is confidently"
    " wrong.",
    hint=HEALTHY_HINT,
    fit=guess_factor,
    factor=(10.0,),
    way=("times", "set", "absolute", "loss", "backward"),
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer, factor: float, way: str):
    if way in ("times", "set", "absolute"):
        old = optimizer.param_groups[0]["lr"]
        if not hasattr(optimizer, "first_lr"):
            optimizer.first_lr = old
        new = factor * {"times": old, "set": optimizer.first_lr, "absolute": FIRST_LR}[way]
        return step_1(model, x, labels, optimizer, loss=twice, before=with_lr(lambda lr: new))
    told = (lambda v, c: v / factor) if way == "backward" else (lambda v, c: v)
    return step_1(model, x, labels, optimizer, loss=lambda z, p, y: factor * twice(z, p, y), told=told)


def guess_epsilon(probes: Sequence, results: Sequence) -> list[dict]:
    """Return the epsilon that explains the loss of the first row of all."""
    x, labels, _, _, weight, *_ = (torch.from_numpy(a) if hasattr(a, "shape") else a for a in probes[0])
    if results[0].value is None or results[0].value[2].shape != (2,):
        return []
    with torch.no_grad():
        p = linear(weight.float())(x.float()).double().softmax(1)[0, labels[0]].item()
    kept = float(np.exp(-results[0].value[2][0]))
    return [{"epsilon": e} for e in (kept - p, kept) if 1e-45 < e < 0.5]


@clinic_1.mistake(
    "epsilon-in-log",
    "A small number is added to the probability before the logarithm, or the probability is clipped. Then no"
    " loss exceeds -ln of that number, and above it there is no gradient (notebook 3).",
    hint="F.cross_entropy takes the logits and needs no epsilon.",
    fit=guess_epsilon,
    epsilon=(1e-8,),
    keep=(lambda p, e: p + e, lambda p, e: p.clamp(min=e), lambda p, e: p.clamp(e, 1 - e)),
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer, epsilon: float, keep):
    return step_1(model, x, labels, optimizer, loss=lambda z, p, y: F.nll_loss(keep(p, epsilon).log(), y))


# --------------------------------------------------------------------------------------------------- clinic_2


def right_2(logits: Tensor, label: int) -> Tensor:
    """Return the mean loss of all views, each with the same label."""
    return F.cross_entropy(logits, torch.full((len(logits),), label))


def probe_2(seed: int, n: int, c: int, label: int, shift: float = 0.0) -> tuple:
    """Return N views of one picture: logits (N, C) that lean to the label, and the label."""
    rng = np.random.default_rng(seed)
    logits = draw(rng, n, c)
    logits[:, label] += shift
    return logits, label


VIEWS = np.array([[0.2, 3.1, 0.4], [0.5, 2.8, 0.1], [0.3, 3.5, 0.6]])

clinic_2 = Exercise(
    "clinic_2",
    right_2,
    ("logits", "label"),
    returns="one number, the mean loss of the N views",
    checked="1 to 6 views of a picture and 2 to 5 classes, as many views as classes too; logits of ±1000.",
    probes=[
        (VIEWS, 1),
        (VIEWS, 0),
        (VIEWS[:2], 2),
        probe_2(0, 5, 3, 1, 2.0),
        probe_2(1, 4, 4, 2, 2.0),
        probe_2(2, 1, 3, 2),
        probe_2(3, 6, 2, 1),
        probe_2(4, 2, 5, 3),
        probe_2(5, 2, 2, 0),
    ],
    hard=[
        (np.array([[1000.0, 0.0, -1000.0], [0.0, 1000.0, 500.0]]), 0),
        (np.array([[0.0, 1000.0, -1000.0]]), 2),
    ],
    tolerance_grows=True,
    torch=True,
    hint="-F.log_softmax(logits, 1)[:, label] holds the loss of each view. Compare its mean with yours.",
)


def hot(logits: Tensor, label: int) -> Tensor:
    """Return the label as one row of whole numbers (C,)."""
    return F.one_hot(torch.tensor(label), logits.shape[1])


PER_ROW = "Each of the N views is an example of its own: what has the shape (N,)?"


@clinic_2.mistake(
    "one-hot-read-as-labels",
    "The bug is still there: whole numbers of shape (C,) are read as C labels, here zeros and a single 1."
    " Where there are as many views as classes, nothing is said.",
    hint=PER_ROW,
    loss=(
        lambda z, k: F.cross_entropy(z, hot(z, k)),
        lambda z, k: F.nll_loss(z.log_softmax(1), hot(z, k)),
    ),
)
@clinic_2.mistake(
    "one-hot-read-as-labels",
    "There are N whole numbers now, but they are still a one-hot row, cut or filled up: zeros and ones, read"
    " as labels.",
    hint=PER_ROW,
    loss=(
        lambda z, k: F.cross_entropy(z, hot(z, k).repeat(len(z))[: len(z)]),
        lambda z, k: F.cross_entropy(z, F.one_hot(torch.tensor(k % len(z)), len(z))),
        lambda z, k: F.cross_entropy(z, torch.zeros(len(z)).long().index_fill(0, torch.tensor(k), 1)),
    ),
)
@clinic_2.mistake(
    "float-one-hot-of-wrong-shape",
    "The one-hot row was made float, but it is a single row, and there are N of logits. Class probabilities"
    " must have the shape of the logits, (N, C).",
    hint="Repeat the row for each view, .expand(N, C), or take N labels.",
    loss=(
        lambda z, k: F.cross_entropy(z, hot(z, k).float()),
        lambda z, k: F.cross_entropy(z, hot(z, k)[:, None].float()),
    ),
)
@clinic_2.mistake(
    "one-hot-integers",
    "The target has the shape (N, C) now, but it holds whole numbers. Class probabilities must be floats.",
    hint=".float(), or take N labels in place of N rows.",
    loss=(
        lambda z, k: F.cross_entropy(z, hot(z, k).expand(len(z), -1)),
        lambda z, k: F.cross_entropy(z, hot(z, k)[None]),
    ),
)
@clinic_2.mistake(
    "as-many-labels-as-classes",
    "The labels are right, but there are C of them. N are needed, one for each row; the two agree only where"
    " N = C.",
    hint="How many rows has logits? len(logits) says it.",
    loss=(lambda z, k: F.cross_entropy(z, torch.full((z.shape[1],), k)),),
)
@clinic_2.mistake(
    "always-three-labels",
    "There are three labels, whatever comes in. N are needed, one for each row: three photos were the example"
    " only.",
    hint="How many rows has logits? len(logits) says it.",
    loss=(lambda z, k: F.cross_entropy(z, torch.full((3,), k)),),
)
@clinic_2.mistake(
    "label-not-repeated",
    "There is one target, and N rows of logits.",
    hint=PER_ROW,
    loss=(
        lambda z, k: F.cross_entropy(z, torch.tensor([k])),
        lambda z, k: F.cross_entropy(z, hot(z, k)[None].float()),
        lambda z, k: F.cross_entropy(z, torch.tensor(k)),
        lambda z, k: F.cross_entropy(z, k),
        lambda z, k: F.cross_entropy(z, [k] * len(z)),
    ),
)
@clinic_2.mistake(
    "logits-averaged-first",
    "The logits of all views are averaged, and the loss of that average is taken. It is smaller than the mean"
    " of the views' losses.",
    hint="A loss for each view, then the mean.",
    loss=(lambda z, k: F.cross_entropy(z.mean(0), torch.tensor(k)),),
)
@clinic_2.mistake(
    "probabilities-averaged-first",
    "The probabilities of all views are averaged, and the loss of that average is taken. It is smaller than"
    " the mean of the views' losses.",
    hint="A loss for each view, then the mean.",
    loss=(lambda z, k: -z.softmax(1).mean(0)[k].log(),),
)
@clinic_2.mistake(
    "one-view-only",
    "Only one view is measured.",
    hint="A loss for each view, then the mean.",
    loss=[lambda z, k, i=i: F.cross_entropy(z[i], torch.tensor(k)) for i in (0, -1)],
)
@clinic_2.mistake(
    "transposed",
    "The logits are turned round, so that a row holds one class in all views. The shapes fit, and the loss is"
    " that of picking a view.",
    hint="A row of logits is one view. It is the target that needs another shape.",
    loss=(
        lambda z, k: F.cross_entropy(z.T, hot(z, k)),
        lambda z, k: F.cross_entropy(z.T, torch.full((z.shape[1],), k)),
        lambda z, k: F.cross_entropy(z.T, hot(z, k)[:, None].expand(-1, len(z)).float()),
    ),
)
@clinic_2.mistake(
    "divided-twice",
    "The mean is divided by N once more: cross_entropy averages already, or the rows of the target sum to"
    " 1/N.",
    hint="Each row of the target sums to 1, and reduction='mean' divides by N.",
    loss=(lambda z, k: right_2(z, k) / len(z),),
)
@clinic_2.mistake(
    "mean-over-elements",
    "The sum was divided by N x C instead of N: the zeros of the one-hot rows were counted into the mean.",
    hint="Over how many views is the mean?",
    loss=(lambda z, k: right_2(z, k) / z.shape[1],),
)
@clinic_2.mistake(
    "divided-by-classes",
    "The sum of the views' losses was divided by C, the number of classes. There are N views.",
    hint="Over how many views is the mean?",
    loss=(lambda z, k: right_2(z, k) * len(z) / z.shape[1],),
)
@clinic_2.mistake(
    "wrong-axis",
    "softmax runs down the columns, over the views.",
    hint="Each row is one view: its probabilities sum to 1.",
    loss=(lambda z, k: -z.log_softmax(0)[:, k].mean(),),
)
@clinic_2.mistake(
    "binary-cross-entropy",
    "This is the binary loss, a yes-or-no question for each class.",
    hint="Notebook 5: the classes share one softmax. F.cross_entropy takes the logits.",
    loss=(
        lambda z, k: F.binary_cross_entropy_with_logits(z, hot(z, k).float().expand_as(z)),
        lambda z, k: F.binary_cross_entropy(z.softmax(1), hot(z, k).float().expand_as(z)),
    ),
)
@clinic_2.mistake(
    "sum-not-mean",
    "The losses of the views are added up. Their mean is asked for.",
    hint="cross_entropy averages unless it is told reduction='sum'.",
    loss=(lambda z, k: right_2(z, k) * len(z),),
)
@clinic_2.mistake(
    "missing-minus",
    "The result is negative: the sign of the log-probability is left as it is.",
    hint="A probability is at most 1. What sign has its logarithm?",
    loss=(lambda z, k: -right_2(z, k),),
)
@clinic_2.mistake(
    "double-softmax",
    "cross_entropy got probabilities. It takes the softmax itself: case 1.",
    hint="Hand over the logits as they are.",
    loss=(lambda z, k: right_2(z.softmax(1), k),),
)
@clinic_2.mistake(
    "picks-as-labels",
    "The labels are the views' own picks, so a wrong pick costs nothing extra.",
    hint="All N views have the same label, and it comes in as an argument.",
    loss=(lambda z, k: F.cross_entropy(z, z.argmax(1)),),
)
@clinic_2.mistake(
    "nll-on-logits",
    "This is minus the mean logit of the label. nll_loss takes no softmax and no logarithm.",
    hint="F.cross_entropy is log_softmax and nll_loss in one.",
    loss=(lambda z, k: -z[:, k].mean(),),
)
@clinic_2.mistake(
    "wrong-shape",
    "One loss for each view came back. Their mean is asked for.",
    hint="Which step turns N losses into one number?",
    loss=(lambda z, k: -z.log_softmax(1)[:, k],),
)
@clinic_2.mistake(
    "softmax-then-log",
    "The loss takes the logarithm of a finished softmax. At logits of ±1000 a probability becomes 0 and the"
    " loss inf (or nan, by exp(1000)).",
    hint="Notebook 3: the loss comes from the logits. F.cross_entropy does it.",
    loss=(
        lambda z, k: -z.softmax(1)[:, k].log().mean(),
        lambda z, k: -(hot(z, k) * z.softmax(1).log()).sum(1).mean(),
        lambda z, k: -(z.exp() / z.exp().sum(1, keepdim=True))[:, k].log().mean(),
        lambda z, k: (z.exp().sum(1).log() - z[:, k]).mean(),
    ),
)
def _(logits: Tensor, label: int, loss):
    return loss(logits, label)


# --------------------------------------------------------------------------------------------------- clinic_3


def play_3(
    cell: Callable,
    x: Tensor,
    labels: Tensor,
    x_new: Tensor,
    labels_new: Tensor,
    weight: Tensor,
    later: Tensor,
) -> tuple:
    """Run the cell four times: at first, again, after training, and with other data."""
    model = linear(weight)
    names = {"model": model, "images": x.clone(), "labels": labels.clone()}
    accuracies, kept = [], []
    for run in range(4):
        if run == 2:
            model = names["model"] if isinstance(names.get("model"), nn.Linear) else model
            model.weight.data.copy_(later)
        if run == 3:
            names["images"], names["labels"] = x_new.clone(), labels_new.clone()
        accuracies.append(single(cell(names), "accuracy"))
        kept.append(names.get("predictions", np.zeros(0)))
        if run == 2:
            kept_images = isinstance(names.get("images"), Tensor) and torch.equal(names["images"], x)
            afterwards = names.get("labels", np.zeros(0)), np.array(int(not kept_images))
    return np.array(accuracies), kept[0], kept[2], kept[3], *afterwards, names.get("labels", np.zeros(0))


def probe_3(seed: int, n: int, n_new: int) -> tuple:
    """Return two data sets, and weights before and after some training; about two thirds are picked."""
    rng = np.random.default_rng(seed)
    x, x_new, weight = draw(rng, n, 2), draw(rng, n_new, 2), draw(rng, 3, 2)
    later = weight + draw(rng, 3, 2, spread=0.7)
    out = []
    for data in (x, x_new):
        picks = (data @ later.T + 0.3 * weight.sum(1)).argmax(1)
        out.append(np.where(rng.random(len(data)) < 0.6, picks, rng.integers(0, 3, len(data))))
    return x, out[0], x_new, out[1], weight, later


def show_3(x, labels, x_new, labels_new, weight, later) -> dict[str, str]:
    """Return what was put in, in words."""
    return {
        'names["images"]': values.literal(x),
        'names["labels"]': values.literal(labels),
        'names["model"]': f"nn.Linear(2, 3) with weight {values.literal(weight)}",
        "runs": "run the cell; again; after training; with other images and labels",
    }


def right_3(names: dict) -> float:
    """Measure the accuracy and keep the picks under a name of their own."""
    predictions = names["model"](names["images"]).argmax(1)
    names["predictions"] = predictions
    return (predictions == names["labels"]).float().mean().item()


clinic_3 = Exercise(
    "clinic_3",
    right_3,
    ("names",),
    returns="one number, the accuracy",
    checked=(
        "the cell run four times: at first, once more, after training, and with other images and labels; the"
        " accuracy of each run, and what stands under the names afterwards."
    ),
    probes=[probe_3(1, 5, 4), probe_3(25, 6, 6), probe_3(17, 8, 3), probe_3(5, 9, 7)],
    outputs=(
        "accuracies",
        "predictions",
        "predictions after training",
        "predictions on other data",
        "labels afterwards",
        "images changed",
        "other labels afterwards",
    ),
    words=lambda name, value: ("yes" if value else "no") if name == "images changed" else None,
    hint='Run the cell by hand, and print names["labels"] and names["predictions"] after each run.',
    torch=True,
    play=play_3,
    inputs="x labels x_new labels_new weight later".split(),
    show=show_3,
)


def cell_3(
    names: dict,
    truth: Callable = lambda names, picks: names["labels"],
    picks_of: Callable = lambda names: names["model"](names["images"]).argmax(1),
    keep: Callable = lambda names, picks, truth: {"predictions": picks},
    told: Callable = lambda right: right.float().mean().item(),
) -> float:
    """Run the cell with something changed."""
    picks = picks_of(names)
    labels = truth(names, picks)
    result = told(picks == labels)
    names.update(keep(names, picks, labels))
    return result


def frozen_truth(names: dict, picks: Tensor) -> Tensor:
    """Return the labels of the first run, whatever stands under the name now."""
    return names.setdefault("true_labels", names["labels"])


OWN_NAME = "The labels come with the data, the picks from the model. Give each a name of its own."


@clinic_3.mistake(
    "labels-overwritten",
    "The bug is still there: the picks take the place of the labels. The next run measures how far the model"
    " agrees with its own earlier picks.",
    hint=OWN_NAME,
    keep=(
        lambda names, picks, truth: {"labels": picks},
        lambda names, picks, truth: {"labels": picks, "predictions": picks},
        lambda names, picks, truth: {"labels": picks, "predictions": truth},
        lambda names, picks, truth: {"labels": picks, "predictions": picks, "images": names["images"]},
    ),
)
@clinic_3.mistake(
    "true-labels-frozen",
    "The true labels are put aside in the first run only, and every later run is measured on them, also when"
    " other data have come.",
    hint="Nothing need be put aside if nothing is overwritten. " + OWN_NAME,
    truth=(frozen_truth,),
    keep=(
        lambda names, picks, truth: {"labels": picks},
        lambda names, picks, truth: {"labels": picks, "predictions": picks},
        lambda names, picks, truth: {"labels": truth, "predictions": picks},
        lambda names, picks, truth: {"predictions": picks},
    ),
)
@clinic_3.mistake(
    "predictions-not-kept",
    'The accuracy is right in every run, but names["predictions"] does not hold the picks. The pictures need'
    " them.",
    hint="The line that kept the picks was right, only the name was wrong.",
    keep=(
        lambda names, picks, truth: {},
        lambda names, picks, truth: {"prediction": picks},
    ),
)
@clinic_3.mistake(
    "stale-predictions",
    "The picks are computed in the first run only. After training, the old ones are measured.",
    hint="A cell may be run again just because the model has changed. Which lines must then run again?",
    picks_of=(lambda names: names.setdefault("predictions", names["model"](names["images"]).argmax(1)),),
    keep=(lambda names, picks, truth: {},),
)
@clinic_3.mistake(
    "stale-predictions",
    "Each run measures the picks of the run before it.",
    hint="In which order must the picks be made, kept and compared?",
    picks_of=(lambda names: names.get("predictions", names["model"](names["images"]).argmax(1)),),
    keep=(lambda names, picks, truth: {"predictions": names["model"](names["images"]).argmax(1)},),
)
@clinic_3.mistake(
    "stale-predictions",
    'The accuracy is right in every run, but names["predictions"] still holds the picks of the first run.',
    hint="setdefault, or an `if`, writes only once. After training, the pictures need the new picks.",
    keep=(lambda names, picks, truth: {"predictions": names.get("predictions", picks)},),
)
@clinic_3.mistake(
    "compared-with-earlier-picks",
    "From the second run on, the picks are compared with the picks that the run before kept.",
    hint='Which of the two sides comes from the data? It stands under names["labels"] in every run.',
    truth=(lambda names, picks: names.get("predictions", names["labels"]),),
)
@clinic_3.mistake(
    "hits-kept",
    'The accuracy is right, but names["predictions"] holds True and False: which picks are right. The picks'
    " themselves are asked for.",
    hint="Keep the picks before you compare them.",
    keep=(lambda names, picks, truth: {"predictions": picks == truth},),
)
@clinic_3.mistake(
    "compared-with-itself",
    "The picks are compared with the picks, so every run says 1.",
    hint="Which of the two sides comes from the data?",
    truth=(lambda names, picks: picks,),
    keep=(
        lambda names, picks, truth: {"predictions": picks},
        lambda names, picks, truth: {"labels": picks, "predictions": picks},
        lambda names, picks, truth: {"labels": picks},
    ),
)
@clinic_3.mistake(
    "names-swapped",
    "The labels were put where the picks belong.",
    hint=OWN_NAME,
    keep=(lambda names, picks, truth: {"predictions": truth},),
)
@clinic_3.mistake(
    "logits-kept",
    'The accuracy is right, but names["predictions"] holds the logits, not the picks.',
    hint="The pictures need one class for each image: argmax(1).",
    keep=(lambda names, picks, truth: {"predictions": names["model"](names["images"]).detach()},),
)
@clinic_3.mistake(
    "images-overwritten",
    "The accuracy is right, but the images are others after the cell.",
    hint="A cell that only measures leaves its data as they are.",
    keep=(lambda names, picks, truth: {"predictions": picks, "images": names["images"] / 255},),
)
@clinic_3.mistake(
    "error-rate",
    "This is the fraction of wrong picks.",
    hint="Look for != in the place of ==.",
    told=(lambda right: 1 - right.float().mean().item(),),
)
@clinic_3.mistake(
    "percent",
    "The result is in percent. The course gives accuracy as a fraction, from 0 to 1.",
    hint="Look for a factor of 100.",
    told=(lambda right: 100 * right.float().mean().item(),),
)
@clinic_3.mistake(
    "count",
    "This is the number of right picks. Divide by the number of images.",
    hint="What does .mean() do in the place of .sum()?",
    told=(lambda right: right.sum().item(),),
)
def _(names: dict, **options):
    return cell_3(names, **options)


def once(names: dict, first: Callable) -> object:
    """Return what the first run returned, in every run."""
    if "done" not in names:
        names["done"] = first(names)
    return names["done"]


@clinic_3.mistake(
    "runs-once-only",
    "The cell does its work in the first run only and then gives back the old accuracy, also when the model"
    " has been trained or other data have come.",
    hint="A second run must do no harm, but it must do the work. " + OWN_NAME,
    first=(
        right_3,
        lambda names: cell_3(names, keep=lambda n, picks, truth: {"labels": picks}),
        lambda names: cell_3(names, keep=lambda n, picks, truth: {"labels": picks, "predictions": picks}),
        lambda names: cell_3(names, keep=lambda n, picks, truth: {}),
    ),
)
def _(names: dict, first: Callable):
    return once(names, first)


@clinic_3.mistake(
    "second-run-fails",
    "The labels are taken away at the end, so the second run stops with an error. That is better than a wrong"
    " number, but the cell should run as often as one likes.",
    hint=OWN_NAME,
    keep=(True, False),
)
def _(names: dict, keep: bool):
    result = right_3(names) if keep else cell_3(names, keep=lambda *args: {})
    del names["labels"]
    return result


# --------------------------------------------------------------------------------------------------- clinic_4


def batches_of(x: Tensor, labels: Tensor, sizes: Sequence[int]) -> list:
    """Return x and labels in batches of these sizes."""
    return list(zip(x.split(list(sizes)), labels.split(list(sizes)), strict=True))


def play_4(measure: Callable, x: Tensor, labels: Tensor, sizes: tuple, weight: Tensor) -> object:
    """Measure a linear model over batches of these sizes."""
    return two_numbers(measure(linear(weight), batches_of(x, labels, sizes)))


def probe_4(seed: int, *sizes: int, shift: float = 0.0) -> tuple:
    """Return labelled rows for batches of these sizes; with shift, the last batch is badly labelled."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    x, weight = draw(rng, n, 2), draw(rng, 3, 2, spread=1.5)
    picks = (x @ weight.T + 0.3 * weight.sum(1)).argmax(1)
    labels = np.where(rng.random(n) < 0.7, picks, rng.integers(0, 3, n))
    labels[-1] = (picks[-1] + 1) % 3  # the smallest batch holds a wrong pick
    labels[0] = picks[0]
    return x, labels, sizes, weight


def show_4(x, labels, sizes, weight) -> dict[str, str]:
    """Return what was put in, in words."""
    return {
        "x": values.literal(x),
        "labels": values.literal(labels),
        "batches of": ", ".join(map(str, sizes)),
        "model": f"nn.Linear(2, 3) with weight {values.literal(weight)}",
    }


def gather(
    model: nn.Module, batches: list, loss: Callable, accuracy: Callable, take: Callable = same
) -> tuple:
    """Return loss and accuracy, put together from the batches' means in some way."""
    means, rights, sizes = [], [], []
    with torch.no_grad():
        for x, labels in batches:
            logits = take(model(x))
            means.append(F.cross_entropy(logits, labels).item())
            rights.append((logits.argmax(1) == labels).sum().item())
            sizes.append(len(labels))
    means, rights, sizes = (np.array(a, dtype=float) for a in (means, rights, sizes))
    return loss(means, sizes), accuracy(rights, sizes)


def weighted(means: np.ndarray, sizes: np.ndarray) -> float:
    """Return the mean over examples, which is right."""
    return (means * sizes).sum() / sizes.sum()


def fraction(rights: np.ndarray, sizes: np.ndarray) -> float:
    """Return the fraction of right picks, which is right."""
    return rights.sum() / sizes.sum()


def mean_of_fractions(rights: np.ndarray, sizes: np.ndarray) -> float:
    """Return the mean of the batches' accuracies."""
    return (rights / sizes).mean()


clinic_4 = Exercise(
    "clinic_4",
    lambda model, batches: gather(model, batches, weighted, fraction),
    ("model", "batches"),
    returns="(loss, accuracy), means over the examples",
    checked="1 to 4 batches of 1 to 6 rows, of different sizes.",
    probes=[
        probe_4(0, 3, 3, 1),
        probe_4(1, 4, 2),
        probe_4(2, 2, 5),
        probe_4(3, 4),
        probe_4(4, 2, 2, 2),
        probe_4(5, 6, 6, 6, 1),
        probe_4(6, 2, 3, 1),
    ],
    outputs=("loss", "accuracy"),
    torch=True,
    play=play_4,
    inputs=("x", "labels", "sizes", "weight"),
    show=show_4,
    hint="Put all rows into one batch and measure that. Which of your sums differs from it?",
)

LEFT_OUT = (  # what is left of a batch's numbers without the last batch
    lambda a, sizes: a[sizes == sizes[0]],
    lambda a, sizes: a[:-1],
    lambda a, sizes: a[:-1] if len(a) > 1 else a,
)


def as_the_first(sizes: np.ndarray) -> np.ndarray:
    """Return the sizes as they would be if all batches but the last were as large as the first."""
    return np.array([sizes[0]] * (len(sizes) - 1) + [sizes[-1]])


EXAMPLES_HINT = "Add up losses of examples, not of batches: what turns a batch's mean back into a sum?"


@clinic_4.mistake(
    "divided-by-dataset-size",
    "The bug is still there: the batches' means are added up, one number a batch, and the sum is divided by"
    " the number of examples.",
    hint=EXAMPLES_HINT,
    loss=(lambda m, s: m.sum() / s.sum(),),
    accuracy=(fraction, mean_of_fractions),
)
@clinic_4.mistake(
    "mean-of-batch-means",
    "The sum of the batches' means is divided by the number of batches. That counts each row of a small last"
    " batch more than the others; it is right only where all batches have the same size.",
    hint=EXAMPLES_HINT,
    loss=(lambda m, s: m.mean(),),
    accuracy=(fraction, mean_of_fractions),
)
@clinic_4.mistake(
    "mean-of-batch-means",
    "The loss is right, but the accuracies of the batches are averaged as if all had the same size.",
    hint="The accuracy was counted rightly before: right picks over examples.",
    loss=(weighted,),
    accuracy=(mean_of_fractions,),
)
@clinic_4.mistake(
    "all-batches-as-large-as-one",
    "Each batch's mean is multiplied by the same batch size, that of the first or the last one. The ragged"
    " batch has another.",
    hint="len(labels) is the size of the batch at hand.",
    loss=(
        lambda m, s: m.sum() * s[0] / s.sum(),
        lambda m, s: m.sum() * s[-1] / s.sum(),
        lambda m, s: (m * s).sum() / (s[0] * len(s)),
        lambda m, s: (m * s).sum() / (s[-1] * len(s)),
        lambda m, s: m.sum() * 64 / s.sum(),
    ),
    accuracy=(fraction,),
)
@clinic_4.mistake(
    "all-batches-as-large-as-one",
    "All batches but the last are taken to be as large as the first. In between, too, one may be larger or"
    " smaller.",
    hint="len(labels) is the size of the batch at hand.",
    loss=(
        lambda m, s: weighted(m, as_the_first(s)),
        lambda m, s: (m * as_the_first(s)).sum() / s.sum(),
        lambda m, s: (m * s).sum() / as_the_first(s).sum(),
    ),
    accuracy=(fraction, lambda r, s: fraction(r, as_the_first(s))),
)
@clinic_4.mistake(
    "divided-by-batches",
    "The losses of all examples are added up, but divided by the number of batches.",
    hint="What was added up: batches or examples?",
    loss=(lambda m, s: (m * s).sum() / len(s),),
    accuracy=(fraction,),
)
@clinic_4.mistake(
    "sum-not-mean",
    "The losses are added up and never divided.",
    hint="By what must the sum of all losses be divided?",
    loss=(lambda m, s: m.sum(), lambda m, s: (m * s).sum()),
    accuracy=(fraction,),
)
@clinic_4.mistake(
    "divided-twice",
    "The sum of all losses is divided twice: each batch's mean divides already.",
    hint="Follow one batch of 4 rows with the losses 1, 1, 1, 1 through your lines.",
    loss=(
        lambda m, s: (m / s).sum(),
        lambda m, s: (m / s).sum() / s.sum(),
        lambda m, s: (m / s).mean(),
        lambda m, s: weighted(m, s) / len(s),
    ),
    accuracy=(fraction,),
)
@clinic_4.mistake(
    "last-batch-left-out",
    "The last batch, the small one, is left out. Its rows are examples like the others.",
    hint="Every example counts once.",
    loss=[lambda m, s, left=left: weighted(left(m, s), left(s, s)) for left in LEFT_OUT],
    accuracy=(fraction, *(lambda r, s, left=left: fraction(left(r, s), left(s, s)) for left in LEFT_OUT)),
)
@clinic_4.mistake(
    "last-batch-only",
    "Only the last batch is measured.",
    hint="What stands inside the loop, and what after it?",
    loss=(lambda m, s: m[-1],),
    accuracy=(fraction, lambda r, s: r[-1] / s[-1]),
)
@clinic_4.mistake(
    "first-batch-only",
    "Only the first batch is measured: `return` stands inside the loop.",
    hint="How far is your last line indented?",
    loss=(lambda m, s: m[0],),
    accuracy=(lambda r, s: r[0] / s[0],),
)
@clinic_4.mistake(
    "percent",
    "The accuracy is in percent. The course gives it as a fraction, from 0 to 1.",
    hint="Look for a factor of 100.",
    loss=(weighted,),
    accuracy=(lambda r, s: 100 * fraction(r, s),),
)
@clinic_4.mistake(
    "count",
    "In the place of the accuracy stands the number of right picks.",
    hint="Divide by the number of examples, after the loop.",
    loss=(weighted,),
    accuracy=(lambda r, s: r.sum(),),
)
@clinic_4.mistake(
    "double-softmax",
    "cross_entropy got probabilities. It takes the softmax itself: case 1.",
    hint="Hand over the model's logits as they are.",
    loss=(weighted, lambda m, s: m.mean()),
    accuracy=(fraction,),
    take=(lambda z: z.softmax(1),),
)
def _(*args, **options):
    return gather(*args, **options)


@clinic_4.mistake(
    "swapped-outputs",
    "Loss and accuracy come back in the other order.",
    hint="The loss comes first.",
    loss=(weighted, lambda m, s: m.mean()),
)
def _(model: nn.Module, batches: list, loss: Callable):
    return gather(model, batches, loss, fraction)[::-1]


# --------------------------------------------------------------------------------------------------- clinic_5


def play_5(
    epoch: Callable,
    x: Tensor,
    labels: Tensor,
    sizes: tuple,
    weight: Tensor,
    lr: float,
    momentum: float,
    kind: str,
) -> tuple:
    """Train for two epochs; return losses, weights, learning rate, and in which order what was called."""
    model = linear(weight)
    optimizer = make_optimizer(model, lr, momentum, kind)
    calls, losses = [], []
    model.bias.register_hook(lambda grad: calls.append(1) if calls[-1:] != [1] else None)
    optimizer.register_step_post_hook(lambda *args: calls.append(2))
    for _ in range(2):
        with torch.enable_grad():
            losses.append(epoch(model, batches_of(x, labels, sizes), optimizer))
    lr_afterwards = np.array(float(optimizer.param_groups[0]["lr"]))
    return *losses, numbers_in(model), lr_afterwards, np.array((calls + [0] * 40)[:40])


def words_5(name: str, value: np.ndarray) -> str | None:
    """Return the calls as words."""
    if name != "calls":
        return None
    return ", ".join(("backward", "step")[int(call) - 1] for call in value if call) or "none"


def probe_5(
    seed: int, sizes: tuple, lr: float, momentum: float, kind: str = "SGD", spread: float = 2.0
) -> tuple:
    """Return labelled rows for batches of these sizes, weights and an optimizer's settings."""
    rng = np.random.default_rng(seed)
    x, weight = draw(rng, sum(sizes), 2, spread=spread), draw(rng, 3, 2)
    return x, rng.integers(0, 3, len(x)), sizes, weight, lr, momentum, kind


def show_5(x, labels, sizes, weight, lr, momentum, kind) -> dict[str, str]:
    """Return what was put in, in words."""
    return {
        "x": values.literal(x),
        "labels": values.literal(labels),
        "batches of": ", ".join(map(str, sizes)),
        "model": f"nn.Linear(2, 3) with weight {values.literal(weight)}",
        "optimizer": in_words(lr, momentum, kind),
    }


def right_5(model: nn.Module, batches: list, optimizer: torch.optim.Optimizer) -> list:
    """Train for one epoch; return the losses before each step."""
    return walk(model, batches, optimizer)


def walk(
    model: nn.Module,
    batches: list,
    optimizer: torch.optim.Optimizer,
    start: str = "",
    each: str = "zero backward step",
    end: str = "",
    loss: Callable = F.cross_entropy,
    scale: Callable = lambda count, total: 1.0,
    told: Callable = same,
    clip: float = 1.0,
    factor: float = 1.0,
) -> object:
    """Do the words of `start`, those of `each` in every batch, and those of `end`."""
    losses, value, x, labels = [], None, None, None

    def do(words: str) -> None:
        nonlocal value
        for word in words.split():
            if word == "zero" or (word == "zero-sometimes" and len(losses) % 2 == 0):
                optimizer.zero_grad()
            elif word == "forget":
                optimizer.state.clear()
            elif word == "no-momentum":
                for group in optimizer.param_groups:
                    group.update({"momentum": 0.0} if "momentum" in group else {})
            elif word == "by-count":
                for group in optimizer.param_groups:
                    group["lr"] = factor / (len(losses) + 1)
            elif word == "backward":
                (value * scale(len(losses) + 1, len(batches))).backward()
            elif word == "step":
                optimizer.step()
            elif word == "clip":
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            elif word == "renew":
                value = loss(model(x), labels)
            elif word == "slower":
                for group in optimizer.param_groups:
                    group["lr"] *= factor
            elif word == "slow":
                for group in optimizer.param_groups:
                    group["lr"] = factor

    do(start)
    for x, labels in batches:
        value = loss(model(x), labels)
        do(each)
        losses.append(value.item())
    do(end)
    return told(losses)


clinic_5 = Exercise(
    "clinic_5",
    right_5,
    ("model", "batches", "optimizer"),
    returns="the list of the batches' losses, each from before its step",
    checked=(
        "two epochs in a row of 1 to 4 batches of 1 to 5 rows, with SGD, with momentum and with Adam: all"
        " losses, the weights, and the learning rate left as it was."
    ),
    probes=[
        probe_5(0, (2, 2), 0.1, 0.0),
        probe_5(1, (3, 2, 1), 0.2, 0.0),
        probe_5(2, (2, 2, 2, 1), 0.05, 0.9),
        probe_5(3, (4, 3), 0.5, 0.0, spread=6.0),
        probe_5(4, (3, 3, 2), 0.1, 0.0, "Adam"),
        probe_5(5, (5,), 0.3, 0.5),
    ],
    outputs=(
        "losses of epoch 1",
        "losses of epoch 2",
        "weights afterwards",
        "learning rate afterwards",
        "calls",
    ),
    torch=True,
    play=play_5,
    inputs="x labels sizes weight lr momentum kind".split(),
    show=show_5,
    words=words_5,
    hint="Print the losses and model.weight after each batch, in your loop and in notebook 5's: where do they"
    " part?",
)

EMPTY_HINT = "When must .grad be empty, if backward adds to it? Before each backward, so once a batch."
NEVER_EMPTIED = "The gradients are still never emptied: each step is made with the sum of all so far. "


@clinic_5.mistake(
    "no-zero-grad",
    "The bug is still there: .grad is never emptied, backward adds to it, and each step is made with the sum"
    " of all gradients so far.",
    hint=EMPTY_HINT,
    each=("backward step",),
)
@clinic_5.mistake(
    "zero-grad-once-an-epoch",
    "The gradients are emptied once an epoch, outside the loop. Within the epoch they still add up.",
    hint=EMPTY_HINT,
    start=("zero",),
    each=("backward step",),
    end=("", "zero"),
)
@clinic_5.mistake(
    "zero-grad-once-an-epoch",
    "The gradients are emptied once an epoch, after the loop. Within the epoch they still add up.",
    hint=EMPTY_HINT,
    each=("backward step",),
    end=("zero",),
)
@clinic_5.mistake(
    "zero-grad-sometimes",
    "The gradients are emptied in every other batch. In between they still add up.",
    hint=EMPTY_HINT,
    each=("zero-sometimes backward step",),
)
@clinic_5.mistake(
    "momentum-lost",
    "The optimizer's state is thrown away: its velocity, or Adam's averages, begin anew each time. It was the"
    " gradients that had to be emptied.",
    hint=EMPTY_HINT,
    each=("forget zero backward step", "forget backward step"),
)
@clinic_5.mistake(
    "momentum-lost",
    "The optimizer's momentum is set to 0. Its settings are the caller's; it was the gradients that had to"
    " be emptied.",
    hint=EMPTY_HINT,
    start=("no-momentum",),
    each=("zero backward step", "backward step"),
)
@clinic_5.mistake(
    "losses-added-up",
    "The training is healthy, but each loss holds all losses before it too.",
    hint="losses.append(loss.item()): one batch's loss.",
    told=(np.cumsum,),
)
@clinic_5.mistake(
    "zero-grad-after-backward",
    "The gradients are emptied between backward and step, so the step finds none and the weights stay.",
    hint=EMPTY_HINT,
    each=("backward zero step", "zero backward zero step", "backward zero step zero"),
)
@clinic_5.mistake(
    "step-before-backward",
    "The step is made before this batch's gradients are there: from nothing, or from those of the batch"
    " before.",
    hint="zero_grad, backward, step: in this order.",
    each=("zero step backward", "step zero backward", "step backward zero", "step backward"),
)
@clinic_5.mistake(
    "no-step",
    "The weights are never changed.",
    hint="zero_grad, backward, step: all three, in every batch.",
    each=("zero backward", "backward", "", "zero", "zero step"),
)
@clinic_5.mistake(
    "one-step-an-epoch",
    "The optimizer makes one step at the end of the epoch, not one for each batch.",
    hint="Which of your lines are indented into the loop?",
    start=("zero", ""),
    each=("backward", "zero backward"),
    end=("step", "step zero"),
)
@clinic_5.mistake(
    "one-step-an-epoch",
    "Only the last batch's loss is used, once an epoch: backward and step stand after the loop.",
    hint="Which of your lines are indented into the loop?",
    each=("",),
    end=("zero backward step", "backward step"),
)
@clinic_5.mistake(
    "gradients-clipped",
    NEVER_EMPTIED + "They are clipped to a largest length, which hides that the sum grows.",
    hint=EMPTY_HINT,
    each=("backward clip step",),
    clip=(1.0, 0.1, 0.5, 2.0, 5.0, 10.0),
)
@clinic_5.mistake(
    "gradients-averaged",
    NEVER_EMPTIED
    + "The loss is divided, by the number of batches or by how many there were so far. That makes"
    " the old gradients weigh less and keeps them.",
    hint=EMPTY_HINT,
    each=("backward step",),
    scale=(lambda count, total: 1 / total, lambda count, total: 1 / count),
)
@clinic_5.mistake(
    "backward-twice",
    "backward is called twice in a batch, so the gradient is doubled.",
    hint="Count the calls of backward.",
    each=("zero backward renew backward step",),
)
@clinic_5.mistake(
    "losses-after-the-step",
    "The training is healthy, but the losses were computed again after each step.",
    hint="Keep the loss that backward was called on.",
    each=("zero backward step renew",),
)
@clinic_5.mistake(
    "mean-of-losses",
    "The training is healthy, but a single number came back. The list of the batches' losses is asked for.",
    hint="losses.append(loss.item()) in the loop, return losses after it.",
    told=(np.mean, sum, lambda losses: losses[-1]),
)
@clinic_5.mistake(
    "sum-not-mean",
    "The losses of a batch are added up, not averaged.",
    hint="cross_entropy averages unless it is told reduction='sum'.",
    loss=(lambda z, y: F.cross_entropy(z, y, reduction="sum"),),
)
@clinic_5.mistake(
    "double-softmax",
    "cross_entropy got probabilities. It takes the softmax itself: case 1.",
    hint="Hand over the model's logits as they are.",
    loss=(lambda z, y: F.cross_entropy(z.softmax(1), y),),
    each=("zero backward step", "backward step"),
)
def _(*args, **options):
    return walk(*args, **options)


def guess_lr(probes: Sequence, results: Sequence) -> list[dict]:
    """Return how the learning rate went from what it was to what it is afterwards."""
    pairs = [(p[4], r.value[3].item()) for p, r in zip(probes, results, strict=True) if r.value is not None]
    if not pairs or any(after <= 0 or abs(after - lr) < 1e-9 for lr, after in pairs):
        return []
    lr, after = pairs[0]
    batches = 2 * len(probes[0][2])
    ways = [(where, np.sqrt(after / lr), "slower") for where in ("start", "end")]
    ways += [(where, (after / lr) ** (1 / batches), "slower") for where in ("each", "after")]
    ways += [("start", after, "slow"), ("end", after, "slow")]
    return [{"where": where, "factor": round(float(f), 9), "word": word} for where, f, word in ways]


@clinic_5.mistake(
    "smaller-learning-rate",
    NEVER_EMPTIED + "The learning rate was changed, which only puts off the day when the sum is too long.",
    hint=EMPTY_HINT,
    fit=guess_lr,
    where=("start",),
    factor=(0.1,),
    word=("slower",),
    each=("backward step",),
)
@clinic_5.mistake(
    "smaller-learning-rate",
    "The gradients are emptied now, but the function also changes the optimizer's learning rate. It belongs"
    " to the caller, and with the bug gone it need not be smaller.",
    hint="Leave the optimizer's settings as they are.",
    fit=guess_lr,
    where=("start",),
    factor=(0.1,),
    word=("slower",),
    each=("zero backward step",),
)
def _(model: nn.Module, batches: list, optimizer: object, where: str, factor: float, word: str, each: str):
    start, end = (word if where == w else "" for w in ("start", "end"))
    each = {"each": f"{word} {each}", "after": f"{each} {word}"}.get(where, each)
    return walk(model, batches, optimizer, start, each, end, factor=factor)


@clinic_5.mistake(
    "smaller-learning-rate",
    NEVER_EMPTIED + "The learning rate was lowered in the epoch and put back at its end, which only puts off"
    " the day when the sum is too long.",
    hint=EMPTY_HINT,
    way=("slower", "by-count"),
    factor=(0.1, 0.5, 0.2, 0.01),
)
def _(model: nn.Module, batches: list, optimizer: torch.optim.Optimizer, way: str, factor: float):
    old = optimizer.param_groups[0]["lr"]
    if way == "slower":
        losses = walk(model, batches, optimizer, start=way, each="backward step", factor=factor)
    else:
        losses = walk(model, batches, optimizer, each="by-count backward step", factor=old)
    for group in optimizer.param_groups:
        group["lr"] = old
    return losses


@clinic_5.mistake(
    "last-batch-left-out",
    "The last batch is measured, but no step is made with it.",
    hint="Each batch gets its zero_grad, backward and step.",
)
def _(model: nn.Module, batches: list, optimizer: torch.optim.Optimizer):
    *most, (x, labels) = batches
    return [*walk(model, most, optimizer), F.cross_entropy(model(x), labels).item()]


@clinic_5.mistake(
    "divided-by-size",
    "Each loss is divided by the size of its batch once more. cross_entropy averages already.",
    hint="losses.append(loss.item())",
)
def _(model: nn.Module, batches: list, optimizer: torch.optim.Optimizer):
    return [loss / len(y) for loss, (_, y) in zip(right_5(model, batches, optimizer), batches, strict=True)]


@clinic_5.mistake(
    "returned-too-early",
    "Only the first batch is trained on: `return` stands inside the loop.",
    hint="How far is your last line indented?",
)
def _(model: nn.Module, batches: list, optimizer: torch.optim.Optimizer):
    return right_5(model, batches[:1], optimizer)


@clinic_5.mistake(
    "new-optimizer",
    "A new optimizer is made in the function. The gradients are kept by the model's weights, so they are not"
    " emptied by it, and the caller's momentum is lost.",
    hint=EMPTY_HINT,
    each=("backward step", "zero backward step"),
    factor=(1.0, 0.1, 0.01),
)
def _(model: nn.Module, batches: list, optimizer: torch.optim.Optimizer, each: str, factor: float):
    lr = factor * optimizer.param_groups[0]["lr"]
    return walk(model, batches, torch.optim.SGD(model.parameters(), lr=lr), each=each)


# --------------------------------------------------------------------------------------------------- clinic_6


def play_6(measure: Callable, images: Tensor, labels: Tensor, weight: Tensor) -> object:
    """Measure a model for images (N, 1, 2, 2) with pixels in [0, 1]."""
    model, shapes = nn.Sequential(nn.Flatten(), linear(weight)), []
    model[0].register_forward_pre_hook(lambda layer, args: shapes.append(tuple(args[0].shape)))
    found = two_numbers(measure(model, images.clone(), labels))
    wrong = next((shape for shape in shapes if shape[1:] != (1, 2, 2)), None)
    if wrong and isinstance(found, tuple):  # where the numbers are wrong too, these are told
        right = values.plain(measure_6(model, images, labels), 2)
        if values.close(values.plain(found, 2), right):
            axes = ", ".join(["N", *map(str, wrong[1:])])
            raise values.Remark(f"the numbers are right, but the model got images ({axes})", "channel-axis")
    return found


def probe_6(seed: int, n: int, brightest: int = 255) -> tuple:
    """Return n images of 2 x 2 grey levels, labels, and a weight whose bias counts."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, brightest + 1, (n, 2, 2)).astype(np.uint8)
    images[0, 0, 0] = brightest
    weight = draw(rng, 3, 4, spread=1.5)
    picks = (images.reshape(n, 4) / 255 @ weight.T + 0.3 * weight.sum(1)).argmax(1)
    return images, np.where(rng.random(n) < 0.6, picks, rng.integers(0, 3, n)), weight


def show_6(images, labels, weight) -> dict[str, str]:
    """Return what was put in, in words."""
    body = np.array2string(np.asarray(images), separator=", ", prefix=" " * len("torch.tensor("))
    return {
        "images": f"torch.tensor({body}, dtype=torch.uint8)",
        "labels": values.literal(labels),
        "model": "nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), trained on images (N, 1, 2, 2) in [0, 1]",
    }


def measure_6(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    pixels: Callable = lambda x: x / 255,
    after: Callable = same,
    loss: Callable = same,
    accuracy: Callable = lambda right: right.float().mean(),
) -> tuple:
    """Return loss and accuracy, with something changed."""
    with torch.no_grad():
        logits = after(model(pixels(images.float())[:, None]))
        return loss(F.cross_entropy(logits, labels)), accuracy(logits.argmax(1) == labels)


clinic_6 = Exercise(
    "clinic_6",
    measure_6,
    ("model", "images", "labels"),
    returns="(loss, accuracy), means over the images",
    checked="1 to 8 images, uint8, some of them dark ones without a 255; loss and accuracy.",
    probes=[
        probe_6(0, 2),
        probe_6(1, 3, brightest=100),
        probe_6(2, 5),
        probe_6(3, 8, brightest=200),
        probe_6(4, 1, brightest=30),
        probe_6(5, 6),
        probe_6(6, 6, brightest=1),
    ],
    outputs=("loss", "accuracy"),
    torch=True,
    play=play_6,
    inputs=("images", "labels", "weight"),
    show=show_6,
    hint="Print the smallest and the largest number that goes into the model, and the shape.",
)

SAME_HINT = "What did training do with the grey levels? Do exactly the same here, to every image alike."


def per_image(x: Tensor) -> Tensor:
    """Return each image divided by its own brightest pixel."""
    return x / x.amax((1, 2), keepdim=True)


@clinic_6.mistake(
    "0-255",
    "The bug is still there: the model gets grey levels from 0 to 255, and it was trained on 0 to 1. Its"
    " logits are some 255 times too large.",
    hint=SAME_HINT,
    pixels=(same,),
)
@clinic_6.mistake(
    "per-image-scaling",
    "Each image is divided by its own brightest pixel (or stretched from its darkest to its brightest). A"
    " dark image then looks bright, as no image in training did.",
    hint=SAME_HINT,
    pixels=(
        per_image,
        lambda x: per_image(x - x.amin((1, 2), keepdim=True)),
        lambda x: x / x.flatten(1).norm(dim=1)[:, None, None],
        lambda x: x / x.sum((1, 2), keepdim=True),
    ),
)
@clinic_6.mistake(
    "scaled-by-the-batch",
    "The images are divided by the brightest pixel among them. That is 255 only if one of them has it: the"
    " same image gets another loss in other company.",
    hint=SAME_HINT,
    pixels=(lambda x: x / x.max(), lambda x: (x - x.min()) / (x.max() - x.min()), F.normalize),
)
@clinic_6.mistake(
    "scaled-if-bright",
    "The images are divided by 255 only if one of them has a pixel above 1. Images of 0 and 1 are nearly"
    " black, and stay as they are: white.",
    hint=SAME_HINT,
    pixels=(lambda x: x / 255 if x.max() > 1 else x,),
)
@clinic_6.mistake(
    "images-turned",
    "Rows and columns of the images are exchanged.",
    hint="images[:, None] adds an axis and leaves the others where they are.",
    pixels=(lambda x: x.mT / 255,),
)
@clinic_6.mistake(
    "another-range",
    "The pixels are shifted as well as scaled: to the range from -1 to 1, or to mean 0. A fine habit, if"
    " training did it too; here it did not.",
    hint=SAME_HINT,
    pixels=(
        lambda x: x / 127.5 - 1,
        lambda x: x / 255 - 0.5,
        lambda x: (x / 255 - 0.1307) / 0.3081,
        lambda x: (x - x.mean()) / x.std(),
        lambda x: (x - x.mean()) / 255,
        lambda x: x / 255 - (x / 255).mean(),
        lambda x: 1 - x / 255,
    ),
)
@clinic_6.mistake(
    "divided-by-256",
    "The pixels are divided by 256. White is 255, and training made it 1.",
    hint=SAME_HINT,
    pixels=(lambda x: x / 256, lambda x: x / 254, lambda x: x / 100, lambda x: x / 225),
)
@clinic_6.mistake(
    "integer-division",
    "The division throws the fraction away: every grey level below 255 becomes 0.",
    hint="Convert to float before dividing, and use /, not //.",
    pixels=(lambda x: x // 255,),
)
@clinic_6.mistake(
    "clipped",
    "The pixels are cut off at 1 (or made 0 and 1). All shades of grey become white.",
    hint=SAME_HINT,
    pixels=(
        lambda x: x.clamp(0, 1),
        lambda x: (x > 127).float(),
        lambda x: (x >= 127).float(),
        lambda x: (x / 255).round(),
        torch.sigmoid,
        torch.tanh,
    ),
)
@clinic_6.mistake(
    "scaled-twice",
    "The pixels are divided by 255 twice.",
    hint="How large is the largest number that goes into the model?",
    pixels=(lambda x: x / 255 / 255,),
)
@clinic_6.mistake(
    "logits-divided",
    "The logits were divided by 255, not the pixels. The biases are divided with them, and in a network with"
    " hidden layers those count differently in each.",
    hint="Mend what goes in, not what comes out.",
    pixels=(same,),
    after=(lambda z: z / 255,),
)
@clinic_6.mistake(
    "loss-divided",
    "The loss was divided by 255, not the pixels. It is the loss of other logits.",
    hint="Mend what goes in, not what comes out.",
    pixels=(same,),
    loss=(lambda v: v / 255,),
)
@clinic_6.mistake(
    "double-softmax",
    "cross_entropy got probabilities. The loss cannot be large any more, for the wrong reason: case 1.",
    hint="Mend what goes in, not what comes out.",
    pixels=(same, lambda x: x / 255),
    after=(lambda z: z.softmax(1),),
)
@clinic_6.mistake(
    "percent",
    "The accuracy is in percent. The course gives it as a fraction, from 0 to 1.",
    hint="Look for a factor of 100.",
    accuracy=(lambda right: 100 * right.float().mean(),),
)
@clinic_6.mistake(
    "count",
    "In the place of the accuracy stands the number of right picks.",
    hint="Divide by the number of images.",
    accuracy=(lambda right: right.sum(),),
)
@clinic_6.mistake(
    "sum-not-mean",
    "The losses are added up, not averaged.",
    hint="cross_entropy averages unless it is told reduction='sum'.",
)
def _(model: nn.Module, images: Tensor, labels: Tensor, **options):
    if not options:
        options = {"loss": lambda v: v * len(labels)}
    return measure_6(model, images, labels, **options)


@clinic_6.mistake(
    "swapped-outputs",
    "Loss and accuracy come back in the other order.",
    hint="The loss comes first.",
    pixels=(lambda x: x / 255, same),
)
def _(model: nn.Module, images: Tensor, labels: Tensor, pixels: Callable):
    return measure_6(model, images, labels, pixels)[::-1]


@clinic_6.mistake(
    "channel-axis",
    "The model was trained on images (N, 1, H, W). This one flattens them first and takes any shape, but a"
    " model that looks at rows and columns would not.",
    hint="images[:, None] puts the channel axis where it belongs.",
    form=(lambda x: x, lambda x: x[..., None], lambda x: x.flatten(1), lambda x: x[None]),
)
def _(model: nn.Module, images: Tensor, labels: Tensor, form: Callable):
    with torch.no_grad():
        logits = model(form(images.float() / 255))
    return F.cross_entropy(logits, labels), (logits.argmax(1) == labels).float().mean()


@clinic_6.mistake(
    "integer-dtype",
    "The model's weights are float32, and the images are still whole numbers, or float64.",
    hint=".float() makes float32 of them.",
    convert=(same, lambda x: x.double() / 255, lambda x: x // 255, lambda x: x.long()),
    channel=(True, False),
)
def _(model: nn.Module, images: Tensor, labels: Tensor, convert: Callable, channel: bool):
    x = convert(images)
    logits = model(x[:, None] if channel else x)
    return F.cross_entropy(logits, labels), (logits.argmax(1) == labels).float().mean()
