"""The exercises of notebook 7: each mistake is named however it is written, right answers pass; and what the
notebook writes out is what the library exports."""

import ast
import inspect
import itertools
from collections import OrderedDict
from pathlib import Path

import catalogue
import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from catalogue import Catalogue
from torch import nn

from softmax_lib import checks, training
from softmax_lib.models import mlp
from softmax_lib.training import Metrics

EXERCISES = ("build_mlp", "train_step", "evaluate")

SERIES_TABLE = {
    "build_mlp": "softmax-at-the-end relu-on-logits missing-activation wrong-sizes no-flatten",
    "train_step": "no-zero-grad no-step zero-grad-after-backward step-before-backward softmax-twice",
    "evaluate": "mean-of-batch-means divided-by-dataset-size left-in-train-mode tracks-gradients",
}

CATALOGUE = Catalogue()
wrong, right = CATALOGUE.wrong, CATALOGUE.right

# -------------------------------------------------------------------------------------------------- build_mlp
MLP = "build_mlp"
SIZES = (784, 520, 320, 240, 120, 10)


class Lecture(nn.Module):
    """As the lecture writes it; the subclasses below change one line."""

    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(784, 520)
        self.l2 = nn.Linear(520, 320)
        self.l3 = nn.Linear(320, 240)
        self.l4 = nn.Linear(240, 120)
        self.l5 = nn.Linear(120, 10)

    def begin(self, x):
        return x.view(-1, 784)

    def act(self, z):
        return F.relu(z)

    def end(self, z):
        return z

    def forward(self, x):
        x = self.begin(x)
        for layer in (self.l1, self.l2, self.l3, self.l4):
            x = self.act(layer(x))
        return self.end(self.l5(x))


def changed(**methods):
    """A class like Lecture with other methods."""
    return type("Changed", (Lecture,), {name: staticmethod(m) for name, m in methods.items()})


def sequential(*layers):
    return lambda: nn.Sequential(nn.Flatten(), *(make() for make in layers))


def chain(*sizes, bias=True):
    """Linear layers of these sizes with ReLU between them, in a Sequential."""
    layers = [nn.Flatten()]
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b, bias=bias), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


wrong("softmax-at-the-end", MLP)(lambda: nn.Sequential(mlp(), nn.Softmax(dim=-1)))
wrong("softmax-at-the-end", MLP)(lambda: changed(end=lambda z: z.exp() / z.exp().sum(1, keepdim=True))())
wrong("softmax-at-the-end", MLP)(lambda: changed(end=lambda z: F.softmax(F.relu(z), dim=1))())
wrong("softmax-at-the-end", MLP)(lambda: mlp(activation=nn.Sigmoid).append(nn.Softmax(1)))
wrong("softmax-at-the-end", MLP)(lambda: mlp().append(nn.Softmax(0)))
wrong("log-softmax-at-the-end", MLP)(lambda: mlp().append(nn.LogSoftmax(1)))
wrong("log-softmax-at-the-end", MLP)(lambda: changed(end=lambda z: z - z.logsumexp(1, keepdim=True))())
wrong("relu-on-logits", MLP)(lambda: mlp().append(nn.ReLU()))
wrong("relu-on-logits", MLP)(lambda: changed(end=lambda z: z.clamp(min=0))())
wrong("activation-on-logits", MLP)(lambda: mlp().append(nn.Sigmoid()))
wrong("activation-on-logits", MLP)(lambda: mlp(activation=nn.Tanh).append(nn.Tanh()))
wrong("missing-activation", MLP)(lambda: changed(act=lambda z: z)())
wrong("missing-activation", MLP)(
    sequential(
        lambda: nn.Linear(784, 520),
        nn.ReLU,
        lambda: nn.Linear(520, 320),
        nn.ReLU,
        lambda: nn.Linear(320, 240),
        nn.ReLU,
        lambda: nn.Linear(240, 120),
        lambda: nn.Linear(120, 10),
    )
)
wrong("missing-activation", MLP)(lambda: nn.Sequential(*(layer for i, layer in enumerate(mlp()) if i != 4)))


@wrong("missing-activation", MLP)
def relu_called_but_not_kept():
    class Net(Lecture):
        def forward(self, x):
            x = F.relu(self.l1(x.flatten(1)))
            x = self.l2(x)
            F.relu(x)
            x = F.relu(self.l3(x))
            return self.l5(F.relu(self.l4(x)))

    return Net()


@wrong("relu-on-the-input", MLP)
def relu_before_each_layer():
    class Net(Lecture):
        def forward(self, x):
            x = x.flatten(1) - 0.5
            for layer in (self.l1, self.l2, self.l3, self.l4):
                x = layer(torch.relu(x))
            return self.l5(x)

    return Net()


wrong("sigmoid-activation", MLP)(lambda: mlp(activation=nn.Sigmoid))
wrong("sigmoid-activation", MLP)(lambda: changed(act=lambda z: 1 / (1 + (-z).exp()))())
wrong("other-activation", MLP)(lambda: mlp(activation=nn.Tanh))
wrong("other-activation", MLP)(lambda: mlp(activation=nn.LeakyReLU))
wrong("other-activation", MLP)(lambda: mlp(activation=nn.GELU))
wrong("softmax-between-layers", MLP)(lambda: mlp(activation=lambda: nn.Softmax(dim=1)))
wrong("wrong-sizes", MLP)(lambda: chain(784, 520, 320, 240, 100, 10))
wrong("wrong-sizes", MLP)(lambda: chain(784, 520, 320, 240, 120, 9))
wrong("wrong-sizes", MLP)(lambda: chain(784, 320, 520, 240, 120, 10))
wrong("wrong-sizes", MLP)(lambda: chain(784, 1000, 320, 240, 120, 10).append(nn.Softmax(1)))
wrong("wrong-sizes", MLP)(
    lambda: nn.Sequential(nn.Linear(784, 520), *(nn.Linear(a, a) for a in (320, 240, 120, 10)))
)
wrong("missing-layer", MLP)(lambda: chain(784, 520, 320, 240, 10))
wrong("missing-layer", MLP)(lambda: nn.Linear(784, 10))
wrong("extra-layer", MLP)(lambda: chain(784, 520, 320, 240, 120, 60, 10))
wrong("no-bias", MLP)(lambda: chain(*SIZES, bias=False))
wrong("no-bias", MLP)(lambda: nn.Sequential(*mlp()[:-1], nn.Linear(120, 10, bias=False)))
wrong("extra-parameters", MLP)(lambda: mlp(activation=nn.PReLU))
wrong("extra-parameters", MLP)(lambda: mlp(activation=lambda: nn.Sequential(nn.LazyBatchNorm1d(), nn.ReLU())))
wrong("class-not-instance", MLP)(lambda: Lecture)
wrong("class-not-instance", MLP)(lambda: nn.Sequential)
wrong("no-module", MLP)(lambda: list(mlp()))
wrong("no-module", MLP)(lambda: mlp().forward)
wrong("no-module", MLP)(lambda: 682_090)


@wrong("layers-in-a-list", MLP)
def layers_in_a_python_list():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(a, b) for a, b in itertools.pairwise(SIZES)]

        def forward(self, x):
            x = x.flatten(1)
            for layer in self.layers[:-1]:
                x = F.relu(layer(x))
            return self.layers[-1](x)

    return Net()


wrong("no-flatten", MLP)(lambda: changed(begin=lambda x: x)())
wrong("no-flatten", MLP)(lambda: nn.Sequential(*list(mlp())[1:]))
wrong("no-flatten", MLP)(lambda: changed(begin=lambda x: x[:, 0])())
wrong("flatten-eats-the-batch", MLP)(lambda: changed(begin=lambda x: x.view(784))())
wrong("flatten-eats-the-batch", MLP)(lambda: changed(begin=lambda x: x.reshape(-1))())
wrong("flatten-eats-the-batch", MLP)(lambda: nn.Sequential(nn.Flatten(0), *list(mlp())[1:]))
wrong("batch-size-fixed", MLP)(lambda: changed(begin=lambda x: x.reshape(64, 784))())
wrong("predictions-not-logits", MLP)(lambda: changed(end=lambda z: z.max(1)[1])())
wrong("dropout-added", MLP)(lambda: mlp(activation=lambda: nn.Sequential(nn.ReLU(), nn.Dropout(0.37))))
wrong("dropout-added", MLP)(lambda: nn.Sequential(nn.Dropout(0.1), mlp()))


@wrong("dropout-added", MLP)
def dropout_that_never_stops():
    return changed(act=lambda z: F.dropout(torch.relu(z), 0.5))()


ONE_MODEL = mlp()
wrong("same-model-twice", MLP)(lambda: ONE_MODEL)
wrong("same-model-twice", MLP)(lambda: nn.Sequential(*ONE_MODEL))
wrong("not-trainable", MLP)(lambda: changed(begin=lambda x: x.view(-1, 784), end=lambda z: z.detach())())


@wrong("not-trainable", MLP)
def one_layer_frozen():
    model = Lecture()
    model.l1.weight.requires_grad = False
    return model


@wrong("not-trainable", MLP)
def forward_without_memory():
    class Net(Lecture):
        @torch.no_grad()
        def forward(self, x):
            return super().forward(x)

    return Net()


@wrong("equal-start", MLP)
def starts_at_a_constant():
    model = mlp()
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.01)
    return model


wrong("input-scaled", MLP)(lambda: changed(begin=lambda x: 2 * x.reshape(len(x), 784) - 1)())
wrong("input-scaled", MLP)(lambda: changed(begin=lambda x: x.view(-1, 784) / 255)())
wrong("relu-not-applied", MLP)(lambda: changed(act=lambda z: nn.ReLU(z))())
wrong("forward-returns-nothing", MLP)(lambda: changed(end=lambda z: print())())


@wrong("no-super-init", MLP)
def forgets_super():
    class Forgets(nn.Module):
        def __init__(self):
            self.stack = mlp()

        def forward(self, x):
            return self.stack(x)

    return Forgets()


@wrong("dropout-added", MLP)
def softmax_while_training():
    class Net(Lecture):
        def forward(self, x):
            z = super().forward(x)
            return z.softmax(1) if self.training else z

    return Net()


wrong("nothing-returned", MLP)(lambda: None)
wrong("printed-not-returned", MLP)(lambda: print(mlp()))
wrong("raises", MLP)(lambda: nn.Sequential(nn.Flatten(), nn.Linear(784)))
wrong(None, MLP)(lambda: changed(end=lambda z: z / 2)())
wrong(None, MLP)(lambda: changed(end=lambda z: z.flip(1))())
wrong(None, MLP)(lambda: changed(end=lambda z: (z, z.softmax(1)))())
wrong(None, MLP)(lambda: changed(begin=lambda x: x.view(-1, 784) / 16)())
wrong(None, MLP)(lambda: changed(begin=lambda x: x.transpose(2, 3).flatten(1))())
wrong(None, MLP)(lambda: changed(begin=lambda x: x.permute(1, 2, 3, 0).reshape(-1, 784))())  # right for N = 1
wrong(None, MLP)(lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 520), nn.Linear(320, 10)))

right(MLP)(mlp)
right(MLP)(lambda: Lecture())
right(MLP)(lambda: chain(*SIZES))
wrong("wrong-dtype", MLP)(lambda: chain(*SIZES).to(torch.float64))
wrong("wrong-sizes", MLP)(lambda: chain(784, 520, 320, 240, 120, 1))
wrong("wrong-sizes", MLP)(lambda: chain(*SIZES[::-1]))
wrong("no-flatten", MLP)(lambda: nn.Sequential(nn.Flatten(2), *chain(*SIZES)[1:]))


@wrong("images-changed", MLP)
def shifts_the_images_in_place():
    class Net(Lecture):
        def forward(self, x):
            x -= 0.25
            return super().forward(x)

    return Net()


right(MLP)(lambda: mlp().eval())
right(MLP)(lambda: changed(begin=lambda x: x.reshape(x.size(0), -1), act=lambda z: z.clamp(min=0))())
right(MLP)(lambda: changed(act=lambda z: torch.maximum(z, torch.zeros(())))())


@right(MLP)
def one_relu_for_all():
    relu = nn.ReLU()
    layers = [nn.Flatten()]
    for a, b in itertools.pairwise(SIZES):
        layers += [nn.Linear(a, b), relu]
    return nn.Sequential(*layers[:-1])


@right(MLP)
def named_layers_in_another_order():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(120, 10)
            self.hidden = nn.ModuleList([nn.Linear(240, 120), nn.Linear(320, 240), nn.Linear(520, 320)])
            self.first = nn.Linear(784, 520)

        def forward(self, images):
            h = self.first(images.flatten(start_dim=1)).relu()
            for layer in reversed(self.hidden):
                h = layer(h).relu()
            return self.out(h)

    return Net()


@right(MLP)
def by_matrix_products():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.Ws = nn.ParameterList(
                nn.Parameter(torch.randn(a, b) * (2 / a) ** 0.5) for a, b in itertools.pairwise(SIZES)
            )
            self.bs = nn.ParameterList(nn.Parameter(torch.zeros(1, b)) for b in SIZES[1:])

        def forward(self, x):
            x = x.flatten(1)
            for W, b in zip(self.Ws[:-1], self.bs[:-1], strict=True):
                x = torch.relu(x @ W + b)
            return x @ self.Ws[-1] + self.bs[-1]

    return Net()


right(MLP)(
    lambda: nn.Sequential(
        OrderedDict(
            flat=nn.Flatten(),
            a=nn.LazyLinear(520),
            b=nn.ReLU(),
            c=nn.LazyLinear(320),
            d=nn.ReLU(inplace=True),
            e=nn.LazyLinear(240),
            f=nn.ReLU(),
            g=nn.LazyLinear(120),
            h=nn.ReLU(),
            i=nn.LazyLinear(10),
        )
    )
)

# ------------------------------------------------------------------------------------------------- train_step
STEP = "train_step"
criterion = nn.CrossEntropyLoss()


def grads_of(model, loss):
    parameters = [p for p in model.parameters() if p.requires_grad]
    return parameters, torch.autograd.grad(loss, parameters)


@wrong("no-zero-grad", STEP)
def adds_up(model, x, labels, optimizer):
    loss = criterion(model(x), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


@wrong("no-zero-grad", STEP)
def adds_up_by_hand(model, x, labels, optimizer):
    loss = -model(x).log_softmax(1)[range(len(labels)), labels].mean()
    for parameter, grad in zip(*grads_of(model, loss), strict=True):
        parameter.grad = grad if parameter.grad is None else parameter.grad + grad
    optimizer.step()
    return float(loss)


@wrong("no-step", STEP)
def stands_still(model, x, labels, optimizer):
    optimizer.zero_grad()
    loss = F.nll_loss(model(x).log_softmax(1), labels)
    loss.backward()
    return loss


@wrong("no-step", STEP)
def step_without_parentheses(model, x, labels, optimizer):
    loss = criterion(model(x), labels)
    loss.backward()
    optimizer.step  # noqa: B018
    return loss.item()


@wrong("zero-grad-after-backward", STEP)
def emptied_too_late(model, x, labels, optimizer):
    loss = criterion(model(x), labels)
    loss.backward()
    for parameter in model.parameters():
        parameter.grad = None
    optimizer.step()
    return loss.item()


@wrong("zero-grad-after-backward", STEP)
def emptied_too_late_with_zeros(model, x, labels, optimizer):
    loss = criterion(model(x), labels)
    loss.backward()
    for parameter in model.parameters():
        parameter.grad.zero_()
    optimizer.step()
    return loss.item()


@wrong("zero-grad-after-step", STEP)
def emptied_at_the_end(model, x, labels, optimizer):
    loss = criterion(model(x), labels)
    loss.backward()
    optimizer.step()
    model.zero_grad()
    return loss.item()


@wrong("step-before-backward", STEP)
def steps_first(model, x, labels, optimizer):
    optimizer.zero_grad()
    loss = criterion(model(x), labels)
    optimizer.step()
    loss.backward()
    return loss.item()


@wrong("step-before-backward", STEP)
def steps_before_anything(model, x, labels, optimizer):
    loss = criterion(model(x), labels)
    optimizer.step()
    optimizer.zero_grad()
    loss.backward()
    return loss


@wrong("no-backward", STEP)
def never_goes_back(model, x, labels, optimizer):
    model.zero_grad()
    loss = criterion(model(x), labels)
    optimizer.step()
    return loss.item()


@wrong("no-backward", STEP)
def only_measures(model, x, labels, optimizer):
    return criterion(model(x), labels)


@wrong("backward-twice", STEP)
def goes_back_twice(model, x, labels, optimizer):
    optimizer.zero_grad()
    for _ in range(2):
        loss = criterion(model(x), labels)
        loss.backward()
    optimizer.step()
    return loss.item()


@wrong("two-steps", STEP)
def steps_twice(model, x, labels, optimizer):
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = criterion(model(x), labels)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    return losses[0]


@wrong("two-steps", STEP)
def steps_twice_on_one_gradient(model, x, labels, optimizer):
    optimizer.zero_grad()
    loss = criterion(model(x), labels)
    loss.backward()
    for _ in "ab":
        optimizer.step()
    return loss.item()


@wrong("gradient-ascent", STEP)
def climbs(model, x, labels, optimizer):
    model.zero_grad()
    loss = -criterion(model(x), labels)
    loss.backward()
    optimizer.step()
    return -loss


@wrong("gradient-ascent", STEP)
def climbs_and_returns_it(model, x, labels, optimizer):
    model.zero_grad()
    loss = model(x).log_softmax(1).gather(1, labels[:, None]).mean()
    loss.backward()
    optimizer.step()
    return loss.item()


@wrong("loss-after-the-step", STEP)
def measures_afterwards(model, x, labels, optimizer):
    optimizer.zero_grad()
    criterion(model(x), labels).backward()
    optimizer.step()
    with torch.no_grad():
        return criterion(model(x), labels).item()


@wrong("eval-mode", STEP)
def evaluates(model, x, labels, optimizer):
    model.eval()
    loss = criterion(model(x), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@wrong("eval-mode", STEP)
def evaluates_and_trains(model, x, labels, optimizer):
    out = evaluates(model, x, labels, optimizer)
    model.train()
    return out


@wrong("left-in-eval-mode", STEP)
def leaves_eval_mode(model, x, labels, optimizer):
    model.train()
    loss = criterion(model(x), labels)
    model.eval()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def with_loss(make, returned=lambda loss, labels: loss.item()):
    def step(model, x, labels, optimizer):
        loss = make(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return returned(loss, labels)

    return step


wrong("softmax-twice", STEP)(with_loss(lambda z, y: criterion(nn.Softmax(dim=1)(z), y)))
wrong("softmax-twice", STEP)(with_loss(lambda z, y: F.nll_loss(z.softmax(-1).log_softmax(-1), y)))
wrong("sum-not-mean", STEP)(with_loss(nn.CrossEntropyLoss(reduction="sum")))
wrong("sum-not-mean", STEP)(with_loss(lambda z, y: criterion(z, y) * len(y), lambda loss, y: loss / len(y)))
wrong("sum-not-mean", STEP)(with_loss(criterion, lambda loss, y: loss.item() * len(y)))
wrong("divided-by-batch-size", STEP)(with_loss(lambda z, y: F.cross_entropy(z, y, reduction="mean") / len(z)))
wrong("divided-by-batch-size", STEP)(with_loss(criterion, lambda loss, y: loss / y.numel()))
wrong("binary-cross-entropy", STEP)(
    with_loss(lambda z, y: F.binary_cross_entropy(z.sigmoid(), torch.eye(3)[y]))
)
wrong("nll-on-logits", STEP)(with_loss(lambda z, y: -z[range(len(y)), y].mean()))
wrong("nll-on-probabilities", STEP)(with_loss(lambda z, y: -z.softmax(1)[range(len(y)), y].mean()))
wrong("squared-error", STEP)(with_loss(lambda z, y: ((z - torch.eye(3)[y]) ** 2).mean()))


@wrong("accuracy-returned", STEP)
def returns_accuracy(model, x, labels, optimizer):
    logits = model(x)
    optimizer.zero_grad()
    criterion(logits, labels).backward()
    optimizer.step()
    return sum(int(row.argmax()) == int(label) for row, label in zip(logits, labels, strict=True)) / len(
        labels
    )


@wrong("no-memory", STEP)
def under_no_grad(model, x, labels, optimizer):
    with torch.no_grad():
        loss = criterion(model(x), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@wrong("no-memory", STEP)
def item_too_early(model, x, labels, optimizer):
    loss = criterion(model(x), labels).item()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


@wrong("arguments-swapped", STEP)
def labels_first(model, x, labels, optimizer):
    optimizer.zero_grad()
    loss = criterion(labels, model(x))
    loss.backward()
    optimizer.step()
    return loss.item()


@wrong("optimizer-not-used", STEP)
def own_update(model, x, labels, optimizer):
    loss = criterion(model(x), labels)
    for parameter, grad in zip(*grads_of(model, loss), strict=True):
        parameter.data.sub_(0.073 * grad)
    return loss.item()


@wrong("optimizer-not-used", STEP)
def own_optimizer(model, x, labels, optimizer):
    mine = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    loss = criterion(model(x), labels)
    mine.zero_grad()
    loss.backward()
    mine.step()
    return loss


@wrong("optimizer-not-used", STEP)
def own_update_with_the_optimizers_rate(model, x, labels, optimizer):
    loss = criterion(model(x), labels)
    optimizer.zero_grad()
    loss.backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= optimizer.param_groups[0]["lr"] * parameter.grad
    return loss.item()


@wrong("a-step-for-each-row", STEP)
def row_by_row(model, x, labels, optimizer):
    total = 0.0
    for row, label in zip(x, labels, strict=True):
        optimizer.zero_grad()
        loss = criterion(model(row[None]), label[None])
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(x)


@wrong("mutates-input", STEP)
def scales_in_place(model, x, labels, optimizer):
    loss = with_loss(criterion)(model, x, labels, optimizer)
    x.mul_(2)
    return loss


wrong("nothing-returned", STEP)(with_loss(criterion, lambda loss, y: None))
wrong("printed-not-returned", STEP)(with_loss(criterion, lambda loss, y: print(loss.item())))
wrong("wrong-shape", STEP)(with_loss(criterion, lambda loss, y: (loss.item(), 0.5)))
wrong("wrong-type", STEP)(with_loss(criterion, lambda loss, y: f"{loss:.4f}"))
wrong("raises", STEP)(with_loss(lambda z, y: criterion(z.view(-1, 10), y)))
wrong(None, STEP)(with_loss(criterion, lambda loss, y: round(loss.item(), 1)))
wrong(None, STEP)(with_loss(lambda z, y: criterion(z, y) / 2))
wrong(None, STEP)(with_loss(lambda z, y: criterion(z, z.argmax(1))))


@wrong(None, STEP)
def clips(model, x, labels, optimizer):
    optimizer.zero_grad()
    loss = criterion(model(x), labels)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    optimizer.step()
    return loss.item()


@wrong(None, STEP)
def freezes_the_bias(model, x, labels, optimizer):
    optimizer.zero_grad()
    loss = criterion(model(x), labels)
    loss.backward()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.grad = None
    optimizer.step()
    return loss.item()


@wrong(None, STEP)
def forgets_the_momentum(model, x, labels, optimizer):
    for state in optimizer.state.values():
        state.pop("momentum_buffer", None)
    return with_loss(criterion)(model, x, labels, optimizer)


def held_out(mistake, before="", loss="F.cross_entropy(model(x), labels)", after="", back="loss.item()"):
    """A right step in which something stands before or after, or is another."""
    lines = ["def step(model, x, labels, optimizer):", *before.splitlines(), f"loss = {loss}"]
    lines += ["optimizer.zero_grad()", "loss.backward()", "optimizer.step()", *after.splitlines()]
    scope = {"F": F, "torch": torch, "nn": nn}
    exec("\n    ".join([*lines, f"return {back}"]), scope)
    wrong(mistake, STEP)(scope["step"])


held_out("gradients-switched-off", after="torch.set_grad_enabled(False)")
held_out("unfrozen", before="for p in model.parameters():\n    p.requires_grad = True")
held_out("label-smoothing", loss="nn.CrossEntropyLoss(label_smoothing=0.1)(model(x), labels)")
held_out("loss-rounded", back="float(f'{loss.item():.2f}')")
held_out("log-of-zero", loss="-torch.log(F.softmax(model(x), 1)[torch.arange(len(x)), labels]).mean()")
held_out("numbers-typed-in", loss="nn.CrossEntropyLoss(reduction='sum')(model(x), labels) / 64")
held_out("wrong-shape", back="loss.item(), (model(x).argmax(1) == labels).float().mean().item()")
held_out("wrong-type", back="model")
held_out(None, before="params = list(model.parameters())\ntorch.autograd.grad(model(x).sum(), params)")


@wrong("two-forwards", STEP)
def two_losses(model, x, labels, optimizer):
    first = criterion(model(x), labels)
    optimizer.zero_grad()
    criterion(model(x), labels).backward()
    optimizer.step()
    return first.item()


@wrong("first-group-only", STEP)
def empties_one_group(model, x, labels, optimizer):
    loss = criterion(model(x), labels)
    for p in optimizer.param_groups[0]["params"]:
        p.grad = None
    loss.backward()
    optimizer.step()
    return loss.item()


@wrong("gradients-clipped", STEP)
def clips_to_one(model, x, labels, optimizer):
    optimizer.zero_grad()
    loss = criterion(model(x), labels)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1)
    optimizer.step()
    return loss.item()


@wrong("zeroed-once", STEP)
def empties_for_a_new_optimizer_only(model, x, labels, optimizer, seen=[]):  # noqa: B006
    loss = criterion(model(x), labels)
    if not any(optimizer is s for s in seen):
        optimizer.zero_grad()
        seen.append(optimizer)
    loss.backward()
    optimizer.step()
    return loss.item()


@right(STEP)
def row_by_row_but_one_step(model, x, labels, optimizer):
    optimizer.zero_grad()
    total = 0.0
    for row, label in zip(x, labels, strict=True):
        loss = criterion(model(row[None]), label[None]) / len(x)
        loss.backward()
        total += loss.item()
    optimizer.step()
    return total


@right(STEP)
def as_in_the_lecture(model, x, labels, optimizer):
    optimizer.zero_grad()
    output = model(x)
    loss = criterion(output, labels)
    loss.backward()
    optimizer.step()
    return loss.item()


right(STEP)(with_loss(F.cross_entropy, lambda loss, y: loss))  # with its graph
right(STEP)(with_loss(lambda z, y: F.nll_loss(F.log_softmax(z, 1), y), lambda loss, y: loss.detach()[None]))
right(STEP)(with_loss(lambda z, y: F.cross_entropy(z, F.one_hot(y, z.shape[1]).float())))
right(STEP)(with_loss(lambda z, y: F.cross_entropy(z.log_softmax(1), y)))  # log_softmax twice is once


@right(STEP)
def by_a_closure(model, x, labels, optimizer):
    def closure():
        model.zero_grad()
        loss = criterion(model(x), labels)
        loss.backward()
        return loss

    return optimizer.step(closure)


@right(STEP)
def by_autograd_grad(model, x, labels, optimizer):
    model.train()
    loss = criterion(model(x), labels)
    for parameter, grad in zip(*grads_of(model, loss), strict=True):
        parameter.grad = grad
    optimizer.step()
    return loss.detach().numpy()


@right(STEP)
def empties_twice_and_looks_at_the_accuracy(model, x, labels, optimizer):
    optimizer.zero_grad(set_to_none=False)
    loss = criterion(model(x), labels)
    (model(x).argmax(1) == labels).sum()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


# --------------------------------------------------------------------------------------------------- evaluate
EVAL = "evaluate"


def measured(finish, *, mode=True, no_grad=True, back=True, loss_of=F.cross_entropy):
    """An evaluation: finish gets lists of mean losses, right picks and sizes, a batch each."""

    def evaluation(model, batches):
        was = model.training
        if mode:
            model.eval()
        losses, rights, sizes = [], [], []
        with torch.set_grad_enabled(not no_grad):
            for x, labels in batches:
                logits = model(x)
                losses.append(loss_of(logits, labels).item())
                rights.append(int(logits.argmax(1).eq(labels).sum()))
                sizes.append(len(x))
        if back:
            model.train(was)
        return finish(losses, rights, sizes)

    return evaluation


def good(losses, rights, sizes):
    n = sum(sizes)
    return sum(a * b for a, b in zip(losses, sizes, strict=True)) / n, sum(rights) / n


def accuracy_of(losses, rights, sizes):
    return good(losses, rights, sizes)[1]


def loss_of(losses, rights, sizes):
    return good(losses, rights, sizes)[0]


def fractions(rights, sizes):
    return [r / s for r, s in zip(rights, sizes, strict=True)]


wrong("mean-of-batch-means", EVAL)(measured(lambda a, r, s: (sum(a) / len(a), accuracy_of(a, r, s))))
wrong("mean-of-batch-means", EVAL)(measured(lambda a, r, s: (np.mean(a), np.mean(fractions(r, s)))))
wrong("mean-of-batch-means", EVAL)(measured(lambda a, r, s: (loss_of(a, r, s), np.mean(fractions(r, s)))))
wrong("mean-of-batch-means", EVAL)(
    measured(lambda a, r, s: (np.mean(a), accuracy_of(a, r, s)), back=False, no_grad=False)
)
wrong("divided-by-dataset-size", EVAL)(measured(lambda a, r, s: (sum(a) / sum(s), accuracy_of(a, r, s))))


@wrong("divided-by-dataset-size", EVAL)
def the_lectures_test(model, batches):
    model.eval()
    test_loss, correct = 0, 0
    for data, target in batches:
        output = model(data)
        test_loss += criterion(output, target).item()
        pred = output.data.max(1, keepdim=True)[1]
        correct += pred.eq(target.data.view_as(pred)).cpu().sum()
    test_loss /= len(batches.dataset)
    return test_loss, correct / len(batches.dataset)


wrong("divided-by-dataset-size", EVAL)(
    measured(lambda a, r, s: (loss_of(a, r, s), sum(fractions(r, s)) / sum(s)))
)
wrong("left-in-train-mode", EVAL)(measured(good, mode=False))
wrong("left-in-train-mode", EVAL)(measured(good, mode=False, no_grad=False))


wrong("tracks-gradients", EVAL)(measured(good, no_grad=False))
wrong("tracks-gradients", EVAL)(measured(good, no_grad=False, back=False))


@wrong("tracks-gradients", EVAL)
def detaches_the_loss_only(model, batches):
    was, losses, rights = model.training, [], []
    model.eval()
    for x, labels in batches:
        logits = model(x)
        losses += F.cross_entropy(logits, labels, reduction="none").detach().tolist()
        rights += (logits.argmax(1) == labels).tolist()
    model.train(was)
    return np.mean(losses), np.mean(rights)


wrong("mode-not-restored", EVAL)(measured(good, back=False))


@wrong("mode-not-restored", EVAL)
def always_into_train_mode(model, batches):
    out = measured(good)(model, batches)
    model.train()
    return out


@wrong("model-changed", EVAL)
def freezes(model, batches):
    for parameter in model.parameters():
        parameter.requires_grad = False
    return measured(good)(model, batches)


@wrong("model-changed", EVAL)
def goes_back(model, batches):
    out = measured(good)(model, batches)
    for x, labels in batches:
        model.eval()
        F.cross_entropy(model(x), labels).backward()
        model.train()
    return out


wrong("percent", EVAL)(measured(lambda a, r, s: (loss_of(a, r, s), 100.0 * sum(r) / sum(s))))
wrong("sum-not-mean", EVAL)(
    measured(lambda a, r, s: (np.dot(a, s), accuracy_of(a, r, s)), loss_of=nn.CrossEntropyLoss())
)
wrong("sum-not-mean", EVAL)(measured(lambda a, r, s: (sum(a), sum(r))))
wrong("divided-by-batches", EVAL)(
    measured(
        lambda a, r, s: (np.mean(a), accuracy_of(a, r, s)),
        loss_of=lambda z, y: F.cross_entropy(z, y, reduction="sum"),
    )
)
wrong("divided-by-batches", EVAL)(measured(lambda a, r, s: (loss_of(a, r, s), np.mean(r))))
wrong("weighted-twice", EVAL)(measured(good, loss_of=lambda z, y: F.cross_entropy(z, y, reduction="sum")))
wrong("rounded-down", EVAL)(measured(lambda a, r, s: (loss_of(a, r, s), sum(r) // sum(s))))
wrong("count-not-fraction", EVAL)(measured(lambda a, r, s: (loss_of(a, r, s), sum(r))))
wrong("last-batch-only", EVAL)(measured(lambda a, r, s: (a[-1], r[-1] / s[-1])))
wrong("last-batch-only", EVAL)(measured(lambda a, r, s: (a[-1], accuracy_of(a, r, s)), back=False))
wrong("last-batch-only", EVAL)(measured(lambda a, r, s: (loss_of(a, r, s), r[-1] / s[-1])))


@wrong("first-batch-only", EVAL)
def returns_in_the_loop(model, batches):
    model.eval()
    x, labels = next(iter(batches))
    with torch.no_grad():
        logits = model(x)
        return criterion(logits, labels), (logits.argmax(1) == labels).float().mean()


wrong("last-batch-size", EVAL)(
    measured(lambda a, r, s: (np.dot(a, s) / (s[0] * len(s)), sum(r) / (s[0] * len(s))))
)
wrong("last-batch-size", EVAL)(measured(lambda a, r, s: (loss_of(a, r, s), sum(r) / s[-1])))
wrong("error-rate", EVAL)(measured(lambda a, r, s: (loss_of(a, r, s), 1 - sum(r) / sum(s))))
wrong("softmax-twice", EVAL)(measured(good, loss_of=lambda z, y: F.cross_entropy(F.softmax(z, 1), y)))
wrong("numbers-typed-in", EVAL)(measured(lambda a, r, s: (loss_of(a, r, s), sum(r) / 10_000)))
wrong("numbers-typed-in", EVAL)(
    measured(lambda a, r, s: (sum(a) * 64 / (64 * len(a)), sum(r) / (64 * len(a))))
)


@wrong("column-against-row", EVAL)
def picks_keep_an_axis(model, batches):
    was_training = model.training
    model.eval()
    loss_sum, num_correct, num_examples = 0.0, 0, 0
    with torch.no_grad():
        for x, labels in batches:
            logits = model(x)
            loss_sum += criterion(logits, labels).item() * len(labels)
            num_correct += int((logits.data.max(1, keepdim=True)[1] == labels).sum())
            num_examples += len(labels)
    model.train(was_training)
    return loss_sum / num_examples, num_correct / num_examples


wrong("swapped-outputs", EVAL)(measured(lambda a, r, s: good(a, r, s)[::-1]))
wrong("examples-miscounted", EVAL)(measured(lambda a, r, s: Metrics(*good(a, r, s), len(s))))


@wrong("len-of-batches", EVAL)
def asks_for_the_data_set(model, batches):
    loss, accuracy = measured(lambda a, r, s: (np.dot(a, s), sum(r)))(model, batches)
    return loss / len(batches.dataset), accuracy / len(batches.dataset)


@wrong("len-of-batches", EVAL)
def asks_for_the_length(model, batches):
    assert len(batches) > 0
    return measured(good)(model, batches)


wrong("nothing-returned", EVAL)(measured(lambda a, r, s: None))
wrong("printed-not-returned", EVAL)(measured(lambda a, r, s: print(*good(a, r, s))))
wrong("wrong-shape", EVAL)(measured(loss_of))
wrong("wrong-shape", EVAL)(measured(lambda a, r, s: (a, r)))
wrong("wrong-type", EVAL)(measured(lambda a, r, s: "loss {:.3f}, accuracy {:.3f}".format(*good(a, r, s))))
wrong("raises", EVAL)(lambda model, batches: measured(good)(model, batches.batches))
wrong(None, EVAL)(measured(lambda a, r, s: (loss_of(a, r, s), round(accuracy_of(a, r, s)))))
wrong(None, EVAL)(measured(lambda a, r, s: (np.exp(loss_of(a, r, s)), accuracy_of(a, r, s))))
wrong(None, EVAL)(measured(lambda a, r, s: (np.median(a), accuracy_of(a, r, s))))

wrong("wrong-type", EVAL)(
    measured(lambda a, r, s: dict(zip(("loss", "accuracy"), good(a, r, s), strict=True)))
)


def plain_pass(model, batches, loss_of=lambda z, y: F.cross_entropy(z, y, reduction="sum"), before=None):
    """Right, if loss_of is; before(x, y) is done for each batch."""
    was, loss, rights, n = model.training, 0.0, 0, 0
    model.eval()
    with torch.no_grad():
        for x, y in batches:
            if before:
                before(model, x, y)
            z = model(x)
            loss, rights, n = (
                loss + loss_of(z, y).item(),
                rights + (z.argmax(1) == y).sum().item(),
                n + len(y),
            )
    model.train(was)
    return loss / n, rights / n


@wrong("gradients-switched-off", EVAL)
def gradients_off_for_good(model, batches):
    torch.set_grad_enabled(False)
    return plain_pass(model, batches)


@wrong("gradients-switched-off", EVAL)
def gradients_off_and_on(model, batches):
    result = plain_pass(model, batches)
    torch.set_grad_enabled(True)
    return result


@wrong("several-passes", EVAL)
def counts_in_a_loop_of_its_own(model, batches):
    n = sum(len(y) for _, y in batches)
    loss, accuracy = plain_pass(model, batches)
    return loss * n / n, accuracy


@wrong("model-changed", EVAL)
def freezes_and_thaws_everything(model, batches):
    for p in model.parameters():
        p.requires_grad_(False)
    result = plain_pass(model, batches)
    for p in model.parameters():
        p.requires_grad_(True)
    return result


@wrong("model-changed", EVAL)
def empties_the_gradients(model, batches):
    model.zero_grad()
    return plain_pass(model, batches)


@wrong("model-changed", EVAL)
def trains_on_what_it_measures(model, batches):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def train(model, x, y):
        with torch.enable_grad():
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

    return plain_pass(model, batches, before=train)


wrong("log-of-zero", EVAL)(
    lambda model, batches: plain_pass(
        model, batches, lambda z, y: -z.softmax(1)[torch.arange(len(y)), y].log().sum()
    )
)
wrong("nll-on-logits", EVAL)(
    lambda model, batches: plain_pass(model, batches, lambda z, y: -z[torch.arange(len(y)), y].sum())
)
wrong("last-batch-dropped", EVAL)(lambda model, batches: plain_pass(model, list(batches)[:-1]))


@wrong("wrong-axis", EVAL)
def picks_down_the_columns(model, batches):
    was, rights, n, loss = model.training, 0, 0, 0.0
    with torch.no_grad():
        model.eval()
        for x, y in batches:
            z = model(x)
            loss += float(F.cross_entropy(z, y)) * len(y)
            rights += int((z.max(0)[1] == y).sum())
            n += len(y)
    model.train(was)
    return loss / n, rights / n


@pytest.mark.parametrize("turned", [True, False])
def test_the_mode_afterwards_is_told_as_it_is(turned):
    def answer(model, batches):
        was = model.training
        result = plain_pass(model, batches)
        model.train(was is not turned if turned else False)
        return result

    verdict = checks.evaluate(answer)
    assert verdict.mistake == "mode-not-restored"
    assert "afterwards the model is in eval mode, and was in train mode" in verdict.message
    assert "Found" not in verdict.message and "Remark" not in verdict.message


right(EVAL)(plain_pass)
right(EVAL)(training.evaluate)
right(EVAL)(measured(good))
right(EVAL)(measured(lambda a, r, s: Metrics(*good(a, r, s), sum(s))))
right(EVAL)(measured(lambda a, r, s: [torch.tensor(v) for v in good(a, r, s)]))
right(EVAL)(measured(lambda a, r, s: np.array(good(a, r, s))))


@right(EVAL)
def example_by_example(model, batches):
    was, losses, rights = model.training, [], []
    with torch.inference_mode():
        model.eval()
        for x, labels in batches:
            losses.append(F.cross_entropy(model(x), labels, reduction="none"))
            rights.append(model(x).argmax(1) == labels)
    model.train(was)
    return torch.cat(losses).mean(), torch.cat(rights).float().mean()


@right(EVAL)
@torch.no_grad()
def all_at_once(model, batches):
    modes = {module: module.training for module in model.modules()}
    model.eval()
    x, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    logits = model(x)
    for module, mode in modes.items():
        module.training = mode
    return F.cross_entropy(logits, labels).item(), (logits.argmax(1) == labels).double().mean().item()


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


def test_a_class_or_a_model_in_the_place_of_the_function_is_explained():
    for answer, word in ((Lecture, "Lecture is a class"), (mlp(), "It got a model")):
        verdict = checks.build_mlp(answer)
        assert verdict.mistake == "not-a-function" and word in verdict.message


def test_the_checks_leave_a_learners_model_as_it_was():
    model = mlp((784, 520, 320, 240, 120, 10)).eval()
    model[1].weight.grad = torch.ones(520, 784)
    model[3].train()
    before = [p.detach().clone() for p in model.parameters()]
    checks.build_mlp(lambda: model)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert model[1].weight.grad.sum() == 520 * 784 and model[3].weight.grad is None
    assert not model.training and model[3].training and all(p.requires_grad for p in model.parameters())


def test_the_checks_leave_the_random_stream_the_threads_and_the_gradient_mode_alone():
    for exercise in (checks.build_mlp, checks.train_step, checks.evaluate):
        state, threads = torch.get_rng_state(), torch.get_num_threads()
        for no_grad in (False, True):
            with torch.set_grad_enabled(not no_grad):
                assert exercise(exercise.right).passed  # under no_grad too
                exercise(exercise.mistakes[0])
                assert torch.is_grad_enabled() is not no_grad
        assert torch.equal(state, torch.get_rng_state()) and torch.get_num_threads() == threads


def test_a_right_model_passes_whatever_numbers_it_starts_with():
    for seed in range(3):
        torch.manual_seed(seed)
        assert checks.build_mlp(lambda: Lecture()).passed


def test_what_is_shown_is_short_enough_to_read():
    for exercise in (checks.build_mlp, checks.train_step, checks.evaluate):
        for mistake in exercise.mistakes[:5]:
            lines = exercise(mistake).message.splitlines()
            assert len(lines) <= 30 and max(map(len, lines)) < 260


# ----------------------------------------------------------------------------- the notebook and the library


@pytest.fixture(scope="module")
def notebook():
    """What notebook 7 imports and defines, without running the rest of it."""
    path = Path(__file__).parent.parent / "notebooks" / "07_mnist_mlp.ipynb"
    scope = {"__name__": "notebook_7"}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
            tree = ast.parse("\n".join(line for line in cell.source.splitlines() if line[:1] not in "%!"))
            defines = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
            kept = [node for node in tree.body if isinstance(node, defines)]
            exec(compile(ast.Module(kept, []), cell.id, "exec"), scope)
    return scope


def images_and_labels(n, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(n, 1, 28, 28, generator=generator)
    return images, torch.randint(0, 10, (n,), generator=generator)


def test_the_notebooks_loops_give_the_metrics_and_the_weights_of_the_library_s(notebook):
    images, labels = images_and_labels(150, 0)
    batches = list(zip(images.split(64), labels.split(64), strict=True))  # 64, 64, 22
    results = []
    own = notebook["train_epoch"], notebook["evaluate"]
    for train_epoch, evaluate in (own, (training.train_epoch, training.evaluate)):
        torch.manual_seed(0)
        model = mlp((784, 20, 10), activation=lambda: nn.Sequential(nn.ReLU(), nn.Dropout(0.3)))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
        metrics = [train_epoch(model, batches, optimizer) for _ in range(2)]
        for mode in (True, False):
            metrics.append(evaluate(model.train(mode), batches))
            assert model.training is mode
        results.append((metrics, [p.detach().clone() for p in model.parameters()]))
    (a, weights), (b, others) = results
    assert a == b and all(isinstance(m, Metrics) for m in a)
    assert all(torch.equal(w, o) for w, o in zip(weights, others, strict=True))


def test_the_notebooks_loops_have_the_library_s_arguments(notebook):
    for name in ("train_epoch", "evaluate"):
        ours = list(inspect.signature(notebook[name]).parameters)
        library = inspect.signature(getattr(training, name)).parameters.values()
        assert ours == [p.name for p in library if p.kind is p.POSITIONAL_OR_KEYWORD]


def test_the_notebooks_network_is_mlp(notebook):
    net, library = notebook["Net"](), mlp()
    with torch.no_grad():
        for mine, theirs in zip(net.parameters(), library.parameters(), strict=True):
            theirs.copy_(mine)
    images, _ = images_and_labels(7, 1)
    assert torch.equal(net(images), library(images))
