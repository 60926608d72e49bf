"""The exercises of notebook 7: `build_mlp`, `train_step` and `evaluate`.

`build_mlp`: a model of any make, with weights registered as anybody likes: before it is tried, each parameter
is filled with numbers that depend on its shape only (no two layers have the same), so that equal networks
give equal logits. Its sizes are looked at first, then its logits, then what logits do not show.

`train_step`: one step on one batch. The caller has put the model into train mode; `.grad` may hold what an
earlier step left there. Two calls in a row, on a tiny model.

`evaluate`: a loss and an accuracy over batches that differ in size, of a model with dropout and batch
normalisation; the model must be afterwards as it was before. What is returned may be a pair or Metrics, of
tensors or numbers.
"""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from softmax_lib.checks import values
from softmax_lib.checks.engine import Exercise
from softmax_lib.checks.values import OddValueError, Remark
from softmax_lib.models import LECTURE_SIZES, mlp
from softmax_lib.training import evaluate as right_evaluate

# -------------------------------------------------------------------------------------------------- build_mlp

WEIGHTS = np.array(list(itertools.pairwise(LECTURE_SIZES)))  # (5, 2): inputs and outputs of each layer
BIASES = np.array(LECTURE_SIZES[1:])
CLASS = "a class came back, not a model made of it"
NO_MODULE = "what came back is no nn.Module"
NO_PARAMETERS = "model.parameters() is empty"
OTHER_IN_TRAIN_MODE = "the same images give other logits in train mode than in eval mode"
SAME_MODEL = "two calls gave the same model"
NO_GRADIENT = "a training step reaches fewer than 682,090 parameters"
NO_LOGITS = "model(images) gives None"
OTHER_EACH_TIME = "the same images give other logits each time, in eval mode too"
IMAGES_CHANGED = "afterwards the images that the model was given hold other numbers"
NO_FLOAT32 = "the logits are right, but the parameters are {}, and float32 images raise an error"
EQUAL_START = "a weight matrix starts with all its numbers equal"


@functools.lru_cache(maxsize=64)
def filling(shape: tuple[int, ...], count: int) -> Tensor:
    """Return random numbers for a parameter: (in, out) and (out, in) get the same ones, turned round."""
    if len(shape) == 2 and shape[0] > shape[1]:
        return filling(shape[::-1], count).T.contiguous()
    rng = np.random.default_rng([count, *shape])
    hidden = shape[0] != LECTURE_SIZES[-1]
    size = 2.0 if hidden else 0.125
    if len(shape) == 2:  # hidden units far beyond 1 (ReLU6 differs from ReLU), logits below 1
        size = (2 / shape[1]) ** 0.5 * (6 if shape[1] == LECTURE_SIZES[0] else 1 if hidden else 1 / 24)
    return torch.from_numpy((size * rng.standard_normal(shape)).astype(np.float32))


def plain_shape(parameter: Tensor, row_is_bias: bool = True) -> tuple[int, ...]:
    """Return a weight's shape as (a, b) and a bias's as (a,), in whatever shape they are kept."""
    shape = parameter.shape
    if parameter.ndim < 2 or (parameter.ndim == 2 and shape[0] == 1 and row_is_bias):
        return (parameter.numel(),)
    return shape[0], parameter.numel() // shape[0]


def fill(parameters: Sequence[nn.Parameter]) -> None:
    """Fill each parameter with the numbers that belong to its shape."""
    seen = {}
    for parameter in parameters:
        shape = plain_shape(parameter)
        key = tuple(sorted(shape))
        seen[key] = seen.get(key, -1) + 1
        parameter.data.copy_(filling(shape, seen[key]).reshape(parameter.shape))


@contextlib.contextmanager
def put_back(model: nn.Module) -> Iterator[None]:
    """Leave the model's numbers, gradients and modes as they were: it may be the learner's own."""
    kept = [(t, t.detach().clone()) for t in (*model.parameters(), *model.buffers())]
    grads = [(p, p.grad) for p in model.parameters()]
    modes = [(m, m.training) for m in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
        for parameter, grad in grads:
            parameter.grad = grad
        with torch.no_grad():
            for tensor, before in kept:
                tensor.copy_(before)


def try_model(build: Callable, images: Tensor, thorough: bool) -> tuple:
    """Build a model; return the shapes of its weights and biases, and its logits once they are filled."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        model = build()
        if isinstance(model, type):
            raise Remark(CLASS, "class-not-instance")
        if not isinstance(model, nn.Module):
            raise Remark(NO_MODULE, "no-module")
        if thorough and {id(p) for p in model.parameters()} & {id(p) for p in build().parameters()}:
            raise Remark(SAME_MODEL, "same-model-twice")
        like = next(iter(model.parameters()), None)
        if like is None:
            raise Remark(NO_PARAMETERS, "layers-in-a-list")
        images = images.to(like.device, like.dtype, copy=True)
        if any(map(nn.parameter.is_lazy, model.parameters())):
            was_training = model.training
            with torch.no_grad():
                model.eval()(images)
            model.train(was_training)
        with put_back(model):
            return _look_at(model, images, thorough)


def sizes_of(parameters: Sequence[Tensor], row_is_bias: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the shapes of the weights and the lengths of the biases, the largest first."""
    shapes = [tuple(sorted(plain_shape(p, row_is_bias), reverse=True)) for p in parameters]
    shapes.sort(reverse=True)
    weights = np.array([s for s in shapes if len(s) == 2], dtype=int).reshape(-1, 2)
    return weights, np.array([s[0] for s in shapes if len(s) == 1], dtype=int)


@functools.lru_cache(maxsize=4)
def right_logits(n: int, pixels: bytes) -> np.ndarray:
    """Return what the right network, filled, makes of n images, given as the bytes of float32 numbers."""
    model = Net().eval()
    fill(list(model.parameters()))
    with torch.no_grad():
        return model(torch.frombuffer(bytearray(pixels), dtype=torch.float32).view(n, 784)).numpy()


def _look_at(model: nn.Module, images: Tensor, thorough: bool) -> tuple:
    parameters = list(model.parameters())
    weights, biases = sizes_of(parameters, True)
    if not (np.array_equal(weights, WEIGHTS) and np.array_equal(biases, BIASES)):
        if len(weights) < 5 and len(sizes_of(parameters, False)[0]) == 5:  # a layer with one output
            weights, biases = sizes_of(parameters, False)
        pixels = images.to(torch.float32).cpu().numpy()
        return weights, biases, right_logits(len(pixels), pixels.tobytes())  # its own would say nothing
    if thorough and any(p.numel() > 1000 and p.min() == p.max() for p in parameters):
        raise Remark(EQUAL_START, "equal-start")
    fill(parameters)
    model.eval()
    torch.random.default_generator.manual_seed(0)
    untouched = images.clone()
    with torch.no_grad():
        logits = model(images)
        if not torch.equal(images, untouched):
            raise Remark(IMAGES_CHANGED, "images-changed")
        again = model(images)
    if isinstance(logits, tuple | list):
        raise OddValueError(f"model(images) is a {type(logits).__name__} of {len(logits)}", numbers=True)
    if logits is None:
        raise Remark(NO_LOGITS, "forward-returns-nothing")
    (plain,) = values.plain(logits)
    if not values.close((plain,), values.plain(again)):
        raise Remark(OTHER_EACH_TIME, "dropout-added")
    if thorough:
        model.train()
        for parameter in parameters:
            parameter.grad = None
        with torch.enable_grad():  # also in a notebook that has switched it off
            again = model(images)
            if again.requires_grad:
                again.square().sum().backward()
        if not values.close(values.plain(again), (plain,)):
            raise Remark(OTHER_IN_TRAIN_MODE, "dropout-added")
        if any(p.grad is None for p in parameters):
            raise Remark(NO_GRADIENT, "not-trainable")
        if parameters[0].dtype != torch.float32:
            raise Remark(NO_FLOAT32.format(parameters[0].dtype), "wrong-dtype")
    return weights, biases, plain


def images_for(seed: int, n: int) -> np.ndarray:
    """Return n random images, (n, 1, 28, 28) in [0, 1]."""
    return np.random.default_rng(seed).random((n, 1, 28, 28)).astype(np.float32)


build_mlp = Exercise(
    "build_mlp",
    mlp,
    (),
    returns="a model, from images (N, 1, 28, 28) to logits (N, 10)",
    checked=(
        "the shapes of all 682,090 parameters, and, with fixed numbers in them, the logits of 1 and of 2"
        " images; in train mode too, and that a step of training reaches every parameter."
    ),
    probes=[(images_for(seed, n), False) for seed, n in enumerate((2, 1))],
    hard=[(images_for(2, 3), True)],
    outputs=("weights", "biases", "logits"),
    torch=True,
    play=try_model,
    inputs=("images", "thorough"),
    show=lambda images, thorough: {
        "images": f"{len(images)} random image{'s' * (len(images) > 1)}, {tuple(images.shape)}, for a model"
        " with fixed numbers in its parameters"
    },
)


class Unfilled(nn.Linear):
    """A linear layer without random numbers: they would be replaced at once."""

    def reset_parameters(self) -> None:
        """Do nothing."""


class Net(nn.Module):
    """The lecture's network, or one with something changed; it starts without numbers, to be made quickly."""

    def __init__(
        self,
        after: Sequence[Callable] = (F.relu,) * 4,
        end: Callable = lambda z: z,
        begin: Callable = lambda x: x.flatten(1),
    ):
        super().__init__()
        self.after, self.end, self.begin = after, end, begin
        self.layers = nn.ModuleList(Unfilled(*pair) for pair in WEIGHTS.tolist())

    def forward(self, x: Tensor) -> Tensor:
        x = self.begin(x)
        for layer, after in zip(self.layers[:-1], self.after, strict=True):
            x = after(layer(x))
        return self.end(self.layers[-1](x))


class Shapes(nn.Module):
    """A model of which only the shapes are known."""

    def __init__(self, weights: Sequence, biases: Sequence):
        super().__init__()
        shapes = (*map(tuple, weights), *((size,) for size in biases))
        self.all = nn.ParameterList(nn.Parameter(torch.empty(shape)) for shape in shapes)


def nothing(z: Tensor) -> Tensor:
    """Return z."""
    return z


def same_for_all(function: Callable) -> tuple:
    """Return one function four times, for the four hidden layers."""
    return (function,) * 4


def in_one_place(function: Callable) -> list[tuple]:
    """Return ReLU three times and the function once, in each of the four places."""
    return [tuple(function if i == place else F.relu for i in range(4)) for place in range(4)]


def shapes_of(results: Sequence) -> tuple[list, list] | None:
    """Return the shapes that an answer's model has, where the check saw them."""
    value = results[0].value
    return None if value is None else (value[0].tolist(), value[1].tolist())


def guess(wrong: Callable) -> Callable:
    """Return a `fit` for a model whose shapes, weights and biases, are wrong in a certain way."""

    def fit(probes: Sequence, results: Sequence) -> list[dict]:
        shapes = shapes_of(results)
        return [{"weights": shapes[0], "biases": shapes[1]}] if shapes and wrong(*shapes) else []

    return fit


def layers_of(*sizes: int) -> tuple[list]:
    """Return the weights of a network of these sizes, as an option."""
    return ([list(pair) for pair in itertools.pairwise(sizes)],)


@build_mlp.mistake(
    "wrong-sizes",
    "There are five layers, but not of the sizes 784-520-320-240-120-10.",
    hint="Compare the sizes above, one after another. What one layer puts out, the next one takes in.",
    fit=guess(lambda w, b: len(w) == 5 and (w != WEIGHTS.tolist() or (len(b) == 5 and b != BIASES.tolist()))),
    weights=layers_of(784, 512, 256, 128, 64, 10),
    biases=([512, 256, 128, 64, 10],),
)
@build_mlp.mistake(
    "missing-layer",
    "The network has fewer than five layers with weights.",
    hint="Six sizes, 784 to 10, make five layers: count the arrows between them.",
    fit=guess(lambda w, b: len(w) < 5),
    weights=layers_of(784, 520, 320, 240, 10),
    biases=([520, 320, 240, 10],),
)
@build_mlp.mistake(
    "extra-layer",
    "The network has more than five layers with weights.",
    hint="Six sizes, 784 to 10, make five layers. Which one is not in the list?",
    fit=guess(lambda w, b: len(w) > 5),
    weights=layers_of(784, 520, 320, 240, 120, 10, 10),
    biases=([520, 320, 240, 120, 10, 10],),
)
@build_mlp.mistake(
    "no-bias",
    "The weights are right, but a layer has no bias: fewer than 682,090 parameters.",
    hint="nn.Linear has a bias unless it is told bias=False.",
    fit=guess(lambda w, b: w == WEIGHTS.tolist() and len(b) < 5),
    weights=(WEIGHTS.tolist(),),
    biases=([],),
)
@build_mlp.mistake(
    "extra-parameters",
    "All five layers are there, and more parameters besides: a normalisation (BatchNorm, LayerNorm), or an"
    " activation that learns (PReLU).",
    hint="The lecture's network has linear layers and ReLU, nothing else.",
    fit=guess(lambda w, b: w == WEIGHTS.tolist() and len(b) > 5),
    weights=(WEIGHTS.tolist(),),
    biases=([520, 520, 520, 320, 240, 120, 10],),
)
def _(weights: list, biases: list):
    return Shapes(weights, biases)


@build_mlp.mistake(
    "class-not-instance",
    "The class itself came back. A class is a plan; calling it, Net(), makes a model.",
    hint="What do the parentheses in Net() do?",
)
def _():
    return Net


@build_mlp.mistake(
    "no-module",
    "What came back is no nn.Module: an optimizer asks it for .parameters(), and a function or a list has"
    " none.",
    hint="nn.Sequential(...) makes one module of several layers; so does a class that inherits from"
    " nn.Module.",
)
def _():
    return [nn.ReLU()]


@build_mlp.mistake(
    "layers-in-a-list",
    "The model has no parameters: nothing for an optimizer to change. Layers in an ordinary Python list or"
    " dictionary are invisible to nn.Module.",
    hint="nn.ModuleList is a list that nn.Module sees; so are plain attributes, self.l1 = nn.Linear(...).",
)
def _():
    return nn.ReLU()


END_HINT = "What does cross_entropy want to get, and what does it do with it first?"


ACTIVATION_HINT = "Which function keeps positive numbers as they are and makes negative ones 0?"
EVERYWHERE = [  # what may follow the hidden layers where the end is wrong already
    *map(same_for_all, (F.relu, nothing, torch.sigmoid, torch.tanh)),
    (F.relu, F.relu, F.relu, nothing),
]
OTHER_ACTIVATIONS = (torch.tanh, F.gelu, F.leaky_relu, F.elu, F.silu, F.softplus, F.relu6, F.selu)


@build_mlp.mistake(
    "softmax-at-the-end",
    "The model returns probabilities. cross_entropy expects logits and takes the softmax itself, so it would"
    " be taken twice.",
    hint=END_HINT,
    after=EVERYWHERE,
    end=(
        lambda z: z.softmax(1),
        lambda z: F.relu(z).softmax(1),
        lambda z: z.sigmoid().softmax(1),
    ),
)
@build_mlp.mistake(
    "softmax-at-the-end",
    "The model returns probabilities, and they do not sum to 1 in each row, but over the images."
    " cross_entropy expects logits.",
    hint=END_HINT,
    end=(lambda z: z.softmax(0), lambda z: z.exp() / z.exp().sum()),
)
@build_mlp.mistake(
    "log-softmax-at-the-end",
    "The model returns log-probabilities. cross_entropy would not mind, since log_softmax twice is"
    " log_softmax once; but the exercise asks for logits, and nothing here needs the extra step.",
    hint="What should follow the last linear layer?",
    after=EVERYWHERE,
    end=(lambda z: z.log_softmax(1), lambda z: F.relu(z).log_softmax(1)),
)
@build_mlp.mistake(
    "relu-on-logits",
    "A ReLU follows the last layer too, so no logit is below 0. A class with a negative score would get 0,"
    " and no gradient: its unit could not learn from that image.",
    hint="After which of the five layers does an activation belong?",
    after=EVERYWHERE,
    end=(F.relu,),
)
@build_mlp.mistake(
    "activation-on-logits",
    "The last layer has an activation as well, which squeezes the logits between two bounds.",
    hint="After which of the five layers does an activation belong?",
    after=EVERYWHERE,
    end=(torch.sigmoid, torch.tanh),
)
@build_mlp.mistake(
    "forward-returns-nothing",
    "The model is built, but forward hands nothing back: model(images) is None.",
    hint="How does the last line of forward begin?",
    end=(lambda z: None,),
)
@build_mlp.mistake(
    "predictions-not-logits",
    "The model returns the picked class. A pick has no gradient; the model should return the ten scores.",
    hint="argmax belongs to predicting, outside the model.",
    end=(lambda z: z.argmax(1),),
)
@build_mlp.mistake(
    "missing-activation",
    "There is no ReLU after some hidden layer. Two linear layers with nothing between them are one linear"
    " layer.",
    hint="Four hidden layers, four activations. With nn.Sequential, count the nn.ReLU() in it; in a class,"
    " look at each line of forward.",
    after=[tuple(choice) for choice in itertools.product((nothing, F.relu), repeat=4) if nothing in choice],
)
@build_mlp.mistake(
    "relu-on-the-input",
    "A ReLU stands before a linear layer where the task has it after: behind the last hidden layer there is"
    " none.",
    hint="Follow one image through forward: l1, ReLU, l2, ReLU, and so on, and l5 at the end.",
    after=[(nothing, F.relu, F.relu, F.relu), (F.relu, F.relu, F.relu, nothing)],
    begin=(lambda x: F.relu(x.flatten(1) - 0.5),),
)
@build_mlp.mistake(
    "sigmoid-activation",
    "A hidden layer has a sigmoid where the exercise asks for ReLU. Four sigmoids would scale the gradient"
    " down by at least 256.",
    hint=ACTIVATION_HINT,
    after=[same_for_all(torch.sigmoid), *in_one_place(torch.sigmoid)],
)
@build_mlp.mistake(
    "other-activation",
    "A hidden layer has another activation than ReLU.",
    hint=ACTIVATION_HINT,
    after=[*map(same_for_all, (*OTHER_ACTIVATIONS, torch.abs, torch.square)), *in_one_place(torch.tanh)],
)
@build_mlp.mistake(
    "softmax-between-layers",
    "The hidden layers have a softmax in the place of ReLU.",
    hint="Softmax belongs to the loss. Which function follows a hidden layer?",
    after=[same_for_all(lambda z: z.softmax(1))],
)
@build_mlp.mistake(
    "relu-not-applied",
    "nn.ReLU(x) makes a layer and takes x for its option `inplace`; the layer itself then goes into the next"
    " one.",
    hint="nn.ReLU is a class: nn.ReLU()(x). F.relu(x) is the function.",
    after=[same_for_all(nn.ReLU)],
)
@build_mlp.mistake(
    "no-flatten",
    "The images go into the first layer as they come, (N, 1, 28, 28). A linear layer takes rows of 784"
    " numbers.",
    hint="nn.Flatten() as the first layer, or x.view(-1, 784) in forward.",
    begin=(nothing, lambda x: x.squeeze(1)),
)
@build_mlp.mistake(
    "no-flatten",
    "Only rows and columns are flattened. The channel stays an axis of its own, (N, 1, 784), and so the"
    " logits have shape (N, 1, 10).",
    hint="nn.Flatten() keeps the first axis and flattens all others.",
    begin=(lambda x: x.flatten(2),),
)
@build_mlp.mistake(
    "images-changed",
    "forward writes into the images that it was given. Whoever uses them afterwards, in the next epoch say,"
    " has other images.",
    hint="Look for +=, -=, *= and /=, and for methods that end in an underscore.",
    begin=(lambda x: x.sub_(0.5).flatten(1), lambda x: x.mul_(2).flatten(1)),
)
@build_mlp.mistake(
    "flatten-eats-the-batch",
    "Flattening takes all images together and leaves one long row: the axis of the images is gone.",
    hint="x.view(-1, 784), x.flatten(1) and nn.Flatten() keep the first axis. What is the shape in your"
    " forward?",
    begin=(
        torch.flatten,
        lambda x: x.view(784),
        lambda x: x.view(1, -1),
        lambda x: x.view(1, 784),
        lambda x: x.reshape(784),
        lambda x: x.flatten()[None],
        lambda x: x.view(784, -1),
    ),
)
@build_mlp.mistake(
    "batch-size-fixed",
    "The model flattens for a batch of 64 only. The last batch of an epoch has 32 images, and that of the"
    " test set 16.",
    hint="Leave the number of images open: -1, or x.shape[0].",
    begin=(lambda x: x.view(64, 784), lambda x: x.view(64, -1), lambda x: x.reshape(64, 784)),
)
@build_mlp.mistake(
    "input-scaled",
    "The model changes the pixels before its first layer. They come in [0, 1] already, and the task asks for"
    " the layers only.",
    hint="Between flattening and the first layer nothing happens.",
    begin=(
        lambda x: x.flatten(1) / 255,
        lambda x: (x.flatten(1) - 0.1307) / 0.3081,
        lambda x: (x.flatten(1) - 0.5) / 0.5,
        lambda x: x.flatten(1) * 255,
    ),
)
@build_mlp.mistake(
    "dropout-added",
    "The same images give other logits each time: there is a dropout in it that is never switched off."
    " Dropout is a useful layer, but not part of this network.",
    hint="Remove F.dropout (without training=self.training it drops in eval mode too).",
    begin=(lambda x: F.dropout(x.flatten(1)),),
)
def _(**changed):
    return Net(**changed)


@build_mlp.mistake(
    "no-super-init",
    "__init__ does not call super().__init__(), so nn.Module has no place for the layers yet.",
    hint="Which line comes first in the __init__ of every module?",
)
def _():
    class Net(nn.Module):
        def __init__(self):
            self.l1 = nn.Linear(784, 520)

    return Net()


@build_mlp.mistake(
    "dropout-added",
    "In train mode the model gives other logits than in eval mode: there is a dropout or a batch"
    " normalisation in it, or forward looks at self.training. These layers are useful, but not part of this"
    " network.",
    hint="The lecture's network has linear layers and ReLU, nothing else.",
)
def _():
    return nn.Sequential(mlp(), nn.Dropout(0.5))


@build_mlp.mistake(
    "same-model-twice",
    "Two calls return one and the same model. Whoever builds a second one would go on with the first one's"
    " weights.",
    hint="Make the layers inside the function, anew at each call.",
)
def _(kept={}):  # noqa: B006
    return kept.setdefault("model", mlp())


@build_mlp.mistake(
    "not-trainable",
    "The logits are right, but some parameters get no gradient: they are frozen, or the model computes under"
    " no_grad or with .detach().",
    hint="Look for no_grad, detach, .data and requires_grad. A model that trains needs none of them.",
)
def _():
    return mlp().requires_grad_(False)


@build_mlp.mistake(
    "wrong-dtype",
    "The parameters are no float32. The images of this course are, and a layer refuses to multiply two"
    " types.",
    hint="Look for .double() or .half(), and for a changed torch.set_default_dtype.",
)
def _():
    return mlp().double()


@build_mlp.mistake(
    "equal-start",
    "The weights start as zeros, or as one number everywhere. Then all units of a layer get the same gradient"
    " and stay alike for ever (notebook 4).",
    hint="nn.Linear starts with small random numbers by itself.",
)
def _():
    model = mlp()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    return model


# ------------------------------------------------------------------------------------------------- train_step


class FixedDropout(nn.Module):
    """Dropout with a fixed choice: in train mode every second number is 0 and the others are doubled."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x * (torch.arange(x.shape[-1]) % 2 == 0) if self.training else x


class Dropout(nn.Module):
    """Dropout that chooses anew at each forward, the same in every process."""

    def __init__(self):
        super().__init__()
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x * (torch.rand(x.shape, generator=self.generator) < 0.5) if self.training else x


EVAL_AFTERWARDS = "the losses and weights are right, but the model is in eval mode afterwards"
GRAD_OFF = "the losses and weights are right, but torch.is_grad_enabled() is False afterwards"
GRAD_MODE = "loss and accuracy are right, but torch.is_grad_enabled() is {} afterwards, and was {}"
OTHER_LOSS = "the loss that came back, {:.4f}, is not the one that backward ran on, {:.4f}"


def two_steps(
    train_step: Callable,
    x: Tensor,
    labels: Tensor,
    x_next: Tensor,
    labels_next: Tensor,
    weight: Tensor,
    old_grad: Tensor,
    velocity: Tensor,
    lr: float,
    momentum: float,
    kind: str,
) -> tuple:
    """Make two steps; return both losses, the weights after each, and in which order what was called."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        model = nn.Sequential(nn.Linear(2, 3))
        if kind in ("dropout", "look"):
            model = nn.Sequential(FixedDropout() if kind == "dropout" else Dropout(), *model)
        layer = model[-1]
        layer.weight.data.copy_(weight)
        layer.bias.data.copy_(weight.sum(1))
        if kind == "Adam":
            optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        elif kind == "groups":
            groups = [{"params": [layer.weight]}, {"params": [layer.bias], "lr": lr / 2}]
            optimizer = torch.optim.SGD(groups, lr=lr, momentum=momentum)
        else:
            optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
        if kind != "fresh":
            layer.weight.grad, layer.bias.grad = old_grad.clone(), old_grad.sum(1)
        if momentum and kind != "fresh":
            optimizer.state[layer.weight]["momentum_buffer"] = velocity.clone()
            optimizer.state[layer.bias]["momentum_buffer"] = velocity.sum(1)
        if kind == "frozen":
            layer.bias.requires_grad_(False)
            layer.bias.grad = None
        events, ran_on = "", []  # of one call: b for backward, s for step; the logits that backward ran on

        def note(event: str) -> None:
            nonlocal events
            events += event if event == "s" or events[-1:] != "b" else ""

        def note_logits(module: nn.Module, args: tuple, logits: Tensor) -> None:
            if logits.requires_grad:
                logits.register_hook(lambda grad: ran_on.append(logits.detach()))

        layer.weight.register_hook(lambda grad: note("b"))
        layer.register_forward_hook(note_logits)
        optimizer.register_step_post_hook(lambda *args: note("s"))
        losses, weights, calls = [], [], []
        for batch in ((x, labels), (x_next, labels_next)):
            model.train()
            with torch.enable_grad():
                loss = number_of(train_step(model, *batch, optimizer))
                grad_mode = torch.is_grad_enabled()
            losses.append(loss)
            weights.append(torch.cat([layer.weight, layer.bias[:, None]], 1).detach().clone())
            calls.append([events.count("b"), events.count("s"), (events.split("b")[0]).count("s")])
            if kind == "look":
                if not grad_mode:
                    raise Remark(GRAD_OFF, "gradients-switched-off")
                if not model.training:
                    raise Remark(EVAL_AFTERWARDS, "left-in-eval-mode")
                if len(ran_on) == 1 and len(ran_on[0]) == len(batch[1]):
                    expected = F.cross_entropy(ran_on[0], batch[1]).item()
                    if abs(loss - expected) > 1e-4:
                        raise Remark(OTHER_LOSS.format(loss, expected), "two-forwards")
            events = ""
            ran_on.clear()
    if kind == "look":  # chance has a part in these
        return np.zeros(2), *np.zeros((2, 3, 3)), *np.ones((2, 2), int), np.zeros(2, int)
    return np.array(losses), *weights, *np.array(calls).T


def number_of(loss: object) -> float:
    """Return the loss that came back as a number; say what it is where it is none."""
    if isinstance(loss, nn.Module):
        raise OddValueError(f"a model ({type(loss).__name__}), where the loss belongs")
    if isinstance(loss, tuple):
        raise OddValueError(f"a tuple of {len(loss)}, where one number belongs", numbers=True)
    (plain,) = values.plain(loss)
    if plain.size != 1:
        raise OddValueError(f"as loss, {values.shape_of(plain)}", numbers=True)
    return plain.item()


def step_probe(seed: int, n: int, n_next: int, lr: float, momentum: float, kind: str = "linear") -> tuple:
    """Return two batches of two features and three classes, weights, and what an earlier step left."""
    rng = np.random.default_rng(seed)
    draw = lambda *shape: np.round(rng.normal(0, 1, shape), 1)  # noqa: E731
    labels = [rng.integers(0, 3, size) for size in (n, n_next)]
    x, x_next, weight = draw(n, 2), draw(n_next, 2), draw(3, 2)
    if kind == "large":  # and the label is the class that the model likes least
        x = 300 * x
        labels[0] = (x @ weight.T).argmin(1)
    return x, labels[0], x_next, labels[1], weight, draw(3, 2), draw(3, 2), lr, momentum, kind


def show_step(
    x, labels, x_next, labels_next, weight, old_grad, velocity, lr, momentum, kind
) -> dict[str, str]:
    """Return what was put in, in words."""
    optimizer = f"Adam(lr={lr:g})" if kind == "Adam" else f"SGD(lr={lr:g}, momentum={momentum:g})"
    if kind == "groups":
        optimizer += ", weight and bias in two groups, the bias with half that lr"
    grads = "is empty" if kind == "fresh" else "holds the gradients of an earlier step"
    more = {"dropout": " after a dropout", "look": " after a dropout", "frozen": ", its bias frozen"}
    return {
        "x": values.literal(x),
        "labels": values.literal(labels),
        "second batch": f"{len(x_next)} more row{'s' * (len(x_next) > 1)}",
        "model": "nn.Linear(2, 3)" + more.get(kind, "") + ", in train mode",
        "optimizer": f"{optimizer}; .grad {grads}",
    }


def right_step(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
    """Make one step; return the loss that it was made from."""
    loss = F.cross_entropy(model(x), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


train_step = Exercise(
    "train_step",
    right_step,
    ("model", "x", "labels", "optimizer"),
    returns="the loss of the batch before the step, one number",
    checked=(
        "two calls in a row on batches of 1 to 5 rows, with SGD, with momentum, with two groups, with Adam;"
        " a model with dropout, one with a frozen bias, logits in the hundreds, and old gradients left in"
        " .grad: losses, weights after each call, one step a call."
    ),
    probes=[
        step_probe(0, 2, 1, 0.1, 0.0),
        step_probe(1, 3, 3, 0.5, 0.9),
        step_probe(2, 4, 2, 0.01, 0.5),
        step_probe(3, 2, 3, 0.2, 0.9, "dropout"),
        step_probe(4, 5, 1, 0.1, 0.0, "Adam"),
        step_probe(5, 4, 2, 0.3, 0.9, "fresh"),
        step_probe(6, 1, 4, 0.25, 0.5),
        step_probe(8, 2, 3, 0.5, 0.5, "frozen"),
        step_probe(9, 3, 2, 0.4, 0.9, "groups"),
    ],
    hard=[step_probe(7, 3, 2, 0.1, 0.9, "look"), step_probe(10, 3, 2, 0.01, 0.0, "large")],
    outputs=(
        "losses",
        "weights after step 1",
        "weights after step 2",
        "backward calls",
        "step calls",
        "step calls before backward",
    ),
    torch=True,
    play=two_steps,
    inputs=("x labels x_next labels_next weight old_grad velocity lr momentum kind".split()),
    show=show_step,
)


def walk(
    model: nn.Module,
    x: Tensor,
    labels: Tensor,
    optimizer: torch.optim.Optimizer,
    order: str = "zero backward step",
    loss: Callable = F.cross_entropy,
    returned: Callable = lambda model, x, labels, loss: loss,
    none: bool = True,
) -> object:
    """Do the words of order one after another; the mistakes below are walks in a wrong order."""
    value = loss(model(x), labels)
    answer = returned(model, x, labels, value.detach())
    for word in order.split():
        if word == "zero":
            optimizer.zero_grad(set_to_none=none)
        elif word == "backward":
            value.backward(retain_graph=True)
        elif word == "uphill":
            (-value).backward()
        elif word == "clip":
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        elif word == "step":
            optimizer.step()
        elif word == "return":
            answer = returned(model, x, labels, value.detach())
        elif word == "renew":
            value = loss(model(x), labels)
        elif word in ("train", "eval"):
            model.train(word == "train")
    return answer


ORDER_HINT = "Which three lines stand in notebook 5's loop after the loss, and in which order?"


@train_step.mistake(
    "no-zero-grad",
    "The old gradients were never emptied. backward adds to what stands in .grad, so each step is made with"
    " the sum of all gradients so far.",
    hint="Which method of the optimizer empties .grad, and when must it be called?",
    order=("backward step",),
)
@train_step.mistake(
    "zero-grad-after-step",
    "The gradients are emptied at the end only. The first call then steps with what stood in .grad before it."
    " (Where every step since the start ends like this, it works; a function should not rely on it.)",
    hint="What does your first backward add to?",
    order=("backward step zero",),
    none=(True, False),
)
@train_step.mistake(
    "no-step",
    "The gradients are computed, but the weights stay as they were: the optimizer is never asked to change"
    " them.",
    hint="Which method of the optimizer makes the update?",
    order=("zero backward", "backward", "backward zero"),
)
@train_step.mistake(
    "zero-grad-after-backward",
    "The gradients are emptied between backward and step, so the step finds none.",
    hint=ORDER_HINT,
    order=("backward zero step", "zero backward zero step", "backward zero step zero"),
    none=(True, False),
)
@train_step.mistake(
    "step-before-backward",
    "The step is made before backward has computed the gradients of this batch: from nothing, or from those"
    " of the batch before.",
    hint=ORDER_HINT,
    order=(
        "zero step backward",
        "step zero backward",
        "step backward zero",
        "step backward",
        "zero step backward zero",
        "step zero renew return backward",
        "zero step renew return backward",
    ),
    none=(True, False),
)
@train_step.mistake(
    "no-backward",
    "backward is never called, so no gradient of this batch is computed.",
    hint="Which method of the loss fills .grad?",
    order=("zero step", "step zero", "step", "", "zero"),
    none=(True, False),
)
@train_step.mistake(
    "backward-twice",
    "The gradient is twice what it should be: backward is called twice, and adds, or the loss is doubled.",
    hint="Count the calls of backward, and look for a factor of 2.",
    order=("zero backward backward step",),
)
@train_step.mistake(
    "two-steps",
    "The optimizer makes more than one step for one batch.",
    hint="Count the calls of step().",
    order=(
        "zero backward step step",
        *(
            "zero backward step" + again * " renew zero backward step" + back
            for again in (1, 2)
            for back in ("", " return")
        ),
    ),
)
@train_step.mistake(
    "gradient-ascent",
    "The step goes uphill: backward was called on minus the loss.",
    hint="Does the loss have a minus sign too many?",
    order=("zero uphill step",),
    returned=(lambda model, x, labels, loss: loss, lambda model, x, labels, loss: -loss),
)
@train_step.mistake(
    "loss-after-the-step",
    "The weights are right, but the loss was computed again, after the step. The step's own loss is the one"
    " it was made from.",
    hint="Keep the loss that backward was called on, and return that one.",
    order=("zero backward step renew return",),
)
@train_step.mistake(
    "eval-mode",
    "The model was put into eval mode for the step, which switches dropout off. Training runs in train mode.",
    hint="model.eval() belongs to measuring.",
    order=("eval renew return zero backward step", "eval renew return zero backward step train"),
)
@train_step.mistake(
    "left-in-eval-mode",
    "The step is right, but the model is in eval mode afterwards. The next step of a loop would run without"
    " dropout.",
    hint="Whoever measures the model in between puts it back into train mode.",
    order=("zero backward step eval",),
)
@train_step.mistake(
    "two-forwards",
    "The model is asked twice, once for the loss that comes back and once for the loss that backward runs on."
    " With dropout these are two different losses, and everything is computed twice.",
    hint="Keep the loss in a variable: call backward on it, and return it.",
    order=("renew zero backward step",),
)
@train_step.mistake(
    "gradients-clipped",
    "The gradients are cut to a largest length before the step. Some recipes do so; here the optimizer gets"
    " them as backward left them.",
    hint="Between backward and step nothing happens.",
    order=("zero backward clip step",),
)
def _(*args, **options):
    return walk(*args, **options)


def sum_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the sum of the losses."""
    return F.cross_entropy(logits, labels, reduction="sum")


def one_hot_float(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the labels as rows of floats."""
    return F.one_hot(labels, logits.shape[1]).float()


@train_step.mistake(
    "softmax-twice",
    "cross_entropy got probabilities. It takes the softmax itself, so softmax is taken twice: the loss cannot"
    " come near 0, and the gradients are small.",
    hint="Hand over the model's logits as they are.",
    loss=(lambda z, y: F.cross_entropy(z.softmax(1), y), lambda z, y: F.cross_entropy(z.softmax(0), y)),
    order=("zero backward step", "backward step"),
)
@train_step.mistake(
    "softmax-twice",
    "The loss that comes back is right, but the step was made from another one: cross_entropy got"
    " probabilities there, so softmax is taken twice.",
    hint="Hand over the model's logits as they are.",
    loss=(lambda z, y: F.cross_entropy(z.softmax(1), y),),
    returned=(lambda model, x, labels, loss: F.cross_entropy(model(x), labels),),
    order=("zero backward step", "zero backward step return"),
)
@train_step.mistake(
    "sum-not-mean",
    "The losses of the batch are added up, not averaged. The step then grows with the batch.",
    hint="cross_entropy averages unless it is told reduction='sum'.",
    loss=(sum_loss,),
    returned=(lambda model, x, labels, loss: loss, lambda model, x, labels, loss: loss / len(x)),
)
@train_step.mistake(
    "sum-not-mean",
    "The step is right, but the loss that comes back is the sum over the batch. (For the mean over an epoch"
    " such a sum is useful; here the batch's mean is asked for.)",
    hint="Return the loss that backward was called on.",
    returned=(lambda model, x, labels, loss: loss * len(x),),
)
@train_step.mistake(
    "divided-by-batch-size",
    "The loss is divided by the number of rows once more. cross_entropy gives the mean already.",
    hint="Look for a division by len(x) or x.shape[0].",
    loss=(lambda z, y: F.cross_entropy(z, y) / len(y),),
    returned=(lambda model, x, labels, loss: loss, lambda model, x, labels, loss: loss * len(x)),
)
@train_step.mistake(
    "divided-by-batch-size",
    "The step is right, but the loss that comes back is divided by the number of rows once more."
    " cross_entropy gives the mean already.",
    hint="Look for a division by len(x) or x.shape[0].",
    returned=(lambda model, x, labels, loss: loss / len(x),),
)
@train_step.mistake(
    "numbers-typed-in",
    "The sum over the batch is divided by 64, whatever its size. The last batch of an epoch is smaller.",
    hint="Without reduction='sum', cross_entropy divides by the number of rows itself.",
    loss=(lambda z, y: sum_loss(z, y) / 64,),
    returned=(lambda model, x, labels, loss: loss, lambda model, x, labels, loss: loss * 64 / len(x)),
)
@train_step.mistake(
    "label-smoothing",
    "The labels are smoothed: a part of each goes to the other classes. The exercise asks for the plain"
    " cross-entropy.",
    hint="Look for label_smoothing.",
    loss=[lambda z, y, e=e: F.cross_entropy(z, y, label_smoothing=e) for e in (0.1, 0.01, 0.05, 0.2)],
)
@train_step.mistake(
    "loss-rounded",
    "The step is right, but the loss that comes back is rounded. The mean over an epoch is made from these.",
    hint="Round what you print, not what you return.",
    returned=[lambda model, x, labels, loss, d=d: round(loss.item(), d) for d in (0, 1, 2, 3)],
)
@train_step.mistake(
    "log-of-zero",
    "With logits in the hundreds softmax gives a probability of exactly 0, or inf / inf, and the logarithm of"
    " that is no number to learn from (notebook 3).",
    hint="Which function takes logits, and does softmax and logarithm in one safe step?",
    loss=(
        lambda z, y: F.nll_loss(z.softmax(1).log(), y),
        lambda z, y: F.nll_loss((z.softmax(1) + 1e-8).log(), y),
        lambda z, y: F.nll_loss((z.exp() / z.exp().sum(1, keepdim=True)).log(), y),
        lambda z, y: F.nll_loss(z - z.exp().sum(1, keepdim=True).log(), y),
    ),
)
@train_step.mistake(
    "binary-cross-entropy",
    "This is the binary loss: it treats each class as a yes-or-no question of its own.",
    hint="F.cross_entropy(logits, labels).",
    loss=(lambda z, y: F.binary_cross_entropy_with_logits(z, one_hot_float(z, y)),),
)
@train_step.mistake(
    "nll-on-logits",
    "nll_loss got the logits. It takes no logarithm and no softmax, so this loss has no bottom.",
    hint="Which function is log_softmax and nll_loss in one?",
    loss=(F.nll_loss,),
)
@train_step.mistake(
    "nll-on-probabilities",
    "nll_loss got probabilities. It takes no logarithm: the loss is minus the mean probability.",
    hint="Which function is log_softmax and nll_loss in one?",
    loss=(lambda z, y: F.nll_loss(z.softmax(1), y),),
)
@train_step.mistake(
    "squared-error",
    "The loss is a squared error. This course trains with the cross-entropy.",
    hint="F.cross_entropy(logits, labels).",
    loss=(
        lambda z, y: F.mse_loss(z, one_hot_float(z, y)),
        lambda z, y: F.mse_loss(z.softmax(1), one_hot_float(z, y)),
    ),
)
@train_step.mistake(
    "accuracy-returned",
    "The step is right, but the accuracy came back in the place of the loss.",
    hint="The loss is what backward was called on.",
    returned=(
        lambda model, x, labels, loss: (model(x).argmax(1) == labels).float().mean(),
        lambda model, x, labels, loss: (model(x).argmax(1) == labels).sum(),
    ),
)
def _(*args, **options):
    return walk(*args, **options)


@train_step.mistake(
    "no-memory",
    "The loss has no memory of how it was computed, so backward has nothing to go back through: no_grad"
    " stands around it, or .item() or .detach() came too early.",
    hint="no_grad is for measuring. Call .item() or .detach() only after backward.",
    early=(Tensor.detach, Tensor.item),
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer, early: Callable):
    early(F.cross_entropy(model(x), labels)).backward()


@train_step.mistake(
    "arguments-swapped",
    "cross_entropy got the labels first. The logits come first, the labels second.",
    hint="F.cross_entropy(logits, labels).",
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer):
    return F.cross_entropy(labels, model(x))


@train_step.mistake(
    "zeroed-once",
    "The gradients are emptied at the first call only. From the second one on they add up.",
    hint="Emptying belongs to each step.",
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer):
    first = not hasattr(optimizer, "emptied")
    optimizer.emptied = True
    return walk(model, x, labels, optimizer, "zero backward step" if first else "backward step")


@train_step.mistake(
    "gradients-switched-off",
    "The step is right, but gradients are switched off afterwards, for the whole notebook: the next step's"
    " backward would fail.",
    hint="Look for torch.set_grad_enabled(False). A training step needs none of it.",
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer):
    loss = right_step(model, x, labels, optimizer)
    torch.set_grad_enabled(False)
    return loss


@train_step.mistake(
    "unfrozen",
    "A parameter that was frozen (requires_grad=False) learns: the function switches requires_grad on.",
    hint="Which parameters learn is the caller's choice. Leave requires_grad alone.",
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer):
    model.requires_grad_(True)
    return right_step(model, x, labels, optimizer)


@train_step.mistake(
    "first-group-only",
    "An optimizer can hold its parameters in several groups. Only the gradients of the first are emptied.",
    hint="optimizer.zero_grad() goes over all groups.",
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer):
    for parameter in optimizer.param_groups[0]["params"]:
        parameter.grad = None
    return walk(model, x, labels, optimizer, "backward step")


def by_hand(model: nn.Module, x: Tensor, labels: Tensor, lr: float, lr_of: Callable = dict) -> Tensor:
    """Change the weights without the optimizer; lr_of(): learning rates of single parameters, by id."""
    loss = F.cross_entropy(model(x), labels)
    parameters = [p for p in model.parameters() if p.requires_grad]
    with torch.no_grad():
        for parameter, grad in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter -= lr_of().get(id(parameter), lr) * grad
    return loss.detach()


def guess_lr(probes: list, results: list) -> list[dict]:
    """Return the learning rate that explains the weights after the first step."""
    guesses = []
    for probe, result in zip(probes, results, strict=True):
        if result.value is None or result.value[1].shape != (3, 3) or len(guesses) == 2:
            continue
        x, labels, weight = (torch.from_numpy(np.asarray(probe[i])) for i in (0, 1, 4))
        start = torch.cat([weight, weight.sum(1, keepdim=True)], 1).requires_grad_()
        if probe[-1] != "dropout":
            with torch.enable_grad():  # also in a notebook that has switched it off
                loss = F.cross_entropy(x @ start[:, :2].T + start[:, 2], labels)
                (grad,) = torch.autograd.grad(loss, start)
            moved = start.detach() - torch.from_numpy(result.value[1].astype(float))
            guesses.append({"lr": round(((moved * grad).sum() / (grad * grad).sum()).item(), 6)})
    return guesses


@train_step.mistake(
    "optimizer-not-used",
    "The weights were changed, but not by the optimizer that came in: by hand, or by a new optimizer made in"
    " the function. Its learning rate and its momentum are ignored.",
    hint="The optimizer is an argument. Which of its methods makes the update?",
    fit=guess_lr,
    lr=(0.01, 0.1),
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer, lr: float):
    return by_hand(model, x, labels, lr)


@train_step.mistake(
    "optimizer-not-used",
    "The weights were changed by hand, with the optimizer's learning rate but without its momentum.",
    hint="The optimizer is an argument. Which of its methods makes the update?",
    each_group=(False, True),
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer, each_group: bool):
    groups = optimizer.param_groups
    lrs = {id(p): group["lr"] for group in groups for p in group["params"]} if each_group else {}
    return by_hand(model, x, labels, groups[0]["lr"], lambda: lrs)


@train_step.mistake(
    "optimizer-not-used",
    "A new optimizer is made in the function, and the one that came in is not used.",
    hint="The optimizer is an argument. Which of its methods makes the update?",
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer):
    return right_step(model, x, labels, torch.optim.Adam(model.parameters()))


@train_step.mistake(
    "a-step-for-each-row",
    "The optimizer makes a step for each row of the batch. One step for the whole batch is asked for.",
    hint="The model takes the whole batch at once, and cross_entropy averages over it.",
    reduce=(lambda losses: sum(losses) / len(losses), sum, lambda losses: losses[-1]),
)
def _(model: nn.Module, x: Tensor, labels: Tensor, optimizer: torch.optim.Optimizer, reduce: Callable):
    return reduce([right_step(model, x[i : i + 1], labels[i : i + 1], optimizer) for i in range(len(x))])


# --------------------------------------------------------------------------------------------------- evaluate

TRACKED = "loss and accuracy are right, but the model's logits carry a memory for backward"
MODE_NOT_RESTORED = "loss and accuracy are right, but afterwards the model is in {} mode, and was in {} mode"
SEVERAL_PASSES = "loss and accuracy are right, but {} batches were taken, and there are {}"
MODEL_TRAINED = "afterwards the model's weights are others"
MODEL_CHANGED = "loss and accuracy are right, but the model's numbers, gradients or requires_grad changed"
MISCOUNTED = "the third value is not the number of examples"


class Loader(list):
    """Batches as a DataLoader has them: with a length, and the data set they come from."""

    def __init__(self, batches: list, dataset: list):
        super().__init__(batches)
        self.dataset = dataset


class Plain:
    """Batches that can only be looped over; taken: how many were handed out."""

    def __init__(self, batches: list):
        self._batches, self.taken = batches, 0

    def __iter__(self) -> Iterator:
        for batch in self._batches:
            self.taken += 1
            yield batch


class Watched(nn.Module):
    """A small model that gives its inputs as logits in eval mode, and notes whether gradients are tracked."""

    def __init__(self, num_classes: int):
        super().__init__()
        self.norm = nn.BatchNorm1d(num_classes, eps=1e-12)  # its running mean is 0, its variance 1
        self.linear = nn.Linear(num_classes, num_classes)
        self.dropout = FixedDropout()
        with torch.no_grad():
            self.linear.weight.copy_(torch.eye(num_classes))
            self.linear.bias.zero_()
        self.tracked = False

    def forward(self, x: Tensor) -> Tensor:
        logits = self.dropout(self.linear(self.norm(x)))
        self.tracked = self.tracked or logits.requires_grad
        return logits


def state_of(model: nn.Module) -> dict[str, list]:
    """Return the model's weights and what else must stay as it was, in a form that == compares."""
    parameters = list(model.parameters())
    return {
        "weights": [p.tolist() for p in parameters],
        "buffers": [buffer.tolist() for buffer in model.buffers()],
        "gradients": [None if p.grad is None else p.grad.tolist() for p in parameters],
        "requires_grad": [p.requires_grad for p in parameters],
    }


def pair_of(result: object, num_examples: int) -> object:
    """Return loss and accuracy out of whatever form they come in."""
    if isinstance(result, dict):
        raise OddValueError("a dictionary, where a pair (loss, accuracy) belongs")
    if isinstance(result, np.ndarray | Tensor) and result.ndim == 1:
        result = tuple(result)
    if hasattr(result, "loss") and hasattr(result, "accuracy"):
        num_examples_told = getattr(result, "num_examples", num_examples)
        result = result.loss, result.accuracy, num_examples_told
    if isinstance(result, tuple | list) and len(result) == 3:
        (told,) = values.plain(result[2])
        if told.size != 1 or told.item() != num_examples:
            raise Remark(MISCOUNTED, "examples-miscounted")
        result = result[:2]
    if isinstance(result, tuple | list) and len(result) == 2:
        plains = [values.plain(value)[0] for value in result]
        return tuple(p.reshape(()) if p.size == 1 else p for p in plains)
    return result


def try_evaluation(
    evaluate: Callable, x: Tensor, labels: Tensor, sizes: tuple, begins_in_train_mode: bool, look: str
) -> tuple:
    """Evaluate a small model on batches of these sizes; return loss and accuracy."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        model = Watched(x.shape[1])
    model.train(begins_in_train_mode)
    batches = list(zip(x.split(list(sizes)), labels.split(list(sizes)), strict=True))
    loader = Plain(batches) if look else Loader(batches, list(zip(x, labels, strict=True)))
    if look:
        model.linear.bias.requires_grad_(False)
        model.linear.weight.grad = torch.ones_like(model.linear.weight)
    before, grad_mode = state_of(model), look != "under no_grad"
    with torch.set_grad_enabled(grad_mode):
        result = evaluate(model, loader)
        grad_mode_after = torch.is_grad_enabled()
    pair = pair_of(result, len(labels))
    if before["weights"] != state_of(model)["weights"]:
        raise Remark(MODEL_TRAINED, "model-changed")
    if look:
        if before != state_of(model):
            raise Remark(MODEL_CHANGED, "model-changed")
        if grad_mode_after != grad_mode:
            raise Remark(GRAD_MODE.format(grad_mode_after, grad_mode), "gradients-switched-off")
        if model.tracked:
            raise Remark(TRACKED, "tracks-gradients")
        if model.training != begins_in_train_mode:
            names = ("train", "eval") if model.training else ("eval", "train")
            raise Remark(MODE_NOT_RESTORED.format(*names), "mode-not-restored")
        if loader.taken > len(batches):
            raise Remark(SEVERAL_PASSES.format(loader.taken, len(batches)), "several-passes")
    return pair


def evaluation_probe(seed: int, sizes: tuple, c: int, begins: bool = True, look: str = "") -> tuple:
    """Return logits without ties, labels of which about two thirds are picked, and the sizes of batches."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    logits = np.round(rng.normal(0, 1.5, (n, c)), 1) + np.arange(c) / 100
    right = rng.random(n) < 0.6
    right[: sizes[0]] = True  # the first batch is the better one, so a mean of means shows
    right[-sizes[-1] :] = seed % 2 == 1
    wrong = (logits.argmax(1) + rng.integers(1, c, n)) % c
    labels = np.where(right, logits.argmax(1), wrong)
    return (300 if look == "large" else 1) * logits, labels, sizes, begins, look


def show_evaluation(x, labels, sizes, begins_in_train_mode, look) -> dict[str, str]:
    """Return what was put in, in words."""
    return {
        "x": values.literal(x),
        "labels": values.literal(labels),
        "batches": f"x and labels in batches of {', '.join(map(str, sizes))}",
        "model": "gives x back as logits in eval mode; has dropout and batch normalisation;"
        f"\nwas in {'train' if begins_in_train_mode else 'eval'} mode"
        + ("; its bias is frozen, .grad of its weight is filled" if look else "")
        + (";\nthe call stands under no_grad" if look == "under no_grad" else ""),
    }


evaluate = Exercise(
    "evaluate",
    right_evaluate,
    ("model", "batches"),
    returns="(loss, accuracy), means over the examples",
    checked=(
        "1 to 4 batches of 1 to 5 rows, the last one smaller or larger; a model with dropout and batch"
        " normalisation, in train and in eval mode before, logits in the hundreds; one pass, no memory for"
        " backward, and afterwards everything as it was: the model, its gradients, torch's gradient mode."
    ),
    probes=[
        evaluation_probe(0, (3, 2), 3),
        evaluation_probe(1, (2, 4, 1), 3),
        evaluation_probe(2, (4, 4, 2), 4),
        evaluation_probe(3, (5,), 3),
        evaluation_probe(4, (3, 3, 3, 2), 2),
        evaluation_probe(5, (2, 5), 5, begins=False),
        evaluation_probe(0, (3, 2), 3),
    ],
    hard=[
        evaluation_probe(6, (3, 2, 1), 3, look="with gradients on"),
        evaluation_probe(8, (2, 3), 4, begins=False, look="with gradients on"),
        evaluation_probe(10, (3, 2), 3, look="under no_grad"),
        evaluation_probe(12, (3, 2), 3, look="large"),
    ],
    outputs=("loss", "accuracy"),
    torch=True,
    play=try_evaluation,
    inputs=("x", "labels", "sizes", "begins_in_train_mode", "look"),
    show=show_evaluation,
)


def weighted(means: np.ndarray, sizes: np.ndarray) -> float:
    """Return the mean over examples, which is right."""
    return (means * sizes).sum() / sizes.sum()


def fraction(rights: np.ndarray, sizes: np.ndarray) -> float:
    """Return the fraction of right picks, which is right."""
    return rights.sum() / sizes.sum()


def gather(
    model: nn.Module,
    batches: object,
    loss: Callable = weighted,
    accuracy: Callable = fraction,
    train: bool | None = False,
    take: Callable = lambda logits: logits,
    count: Callable = lambda logits, labels: (logits.argmax(1) == labels).sum(),
    criterion: Callable = F.cross_entropy,
) -> tuple:
    """Return loss and accuracy, put together from the batches' means in some way."""
    model_was = model.training
    if train is not None:
        model.train(train)
    means, rights, sizes = [], [], []
    with torch.no_grad():
        for x, labels in batches:
            logits = take(model(x))
            means.append(criterion(logits, labels).item())
            rights.append(count(logits, labels).item())
            sizes.append(len(labels))
    model.train(model_was)
    means, rights, sizes = (np.array(a, dtype=float) for a in (means, rights, sizes))
    return loss(means, sizes), accuracy(rights, sizes)


# Wrong ways to put together what the batches gave: a is their mean losses or right picks, n their sizes.
mean_of_means = lambda a, n: a.mean()  # noqa: E731
mean_of_fractions = lambda a, n: (a / n).mean()  # noqa: E731
fractions_by_examples = lambda a, n: (a / n).sum() / n.sum()  # noqa: E731
percent = lambda a, n: 100 * a.sum() / n.sum()  # noqa: E731
total = lambda a, n: a.sum()  # noqa: E731
total_by_batches = lambda a, n: a.sum() / len(n)  # noqa: E731
fraction_of_last = lambda a, n: a[-1] / n[-1]  # noqa: E731
error_rate = lambda a, n: 1 - a.sum() / n.sum()  # noqa: E731

# Accuracies that may come along where the loss is wrong already.
ACCURACIES = (fraction, mean_of_fractions, percent, total, total_by_batches, fraction_of_last, error_rate)
BY_ONE_SIZE = (
    lambda a, n: a.sum() / (n[-1] * len(n)),
    lambda a, n: a.sum() / (n[0] * len(n)),
    lambda a, n: a.sum() / n[-1],
)
EITHER_MODE = (False, None)  # eval mode, or the mode that the model was in
COUNT_HINT = "Count right picks and examples over all batches, and divide once at the end."
SIZE_HINT = "Add up the number of examples in the loop: len(labels)."
WEIGHTED_HINT = "Add up losses of examples, not of batches: the batch's mean times its number of rows."


@evaluate.mistake(
    "left-in-train-mode",
    "The model was measured in train mode: dropout drops, and batch normalisation uses the batch's own mean.",
    hint="Which method of the model switches these off?",
    train=(None, True),
)
@evaluate.mistake(
    "mean-of-batch-means",
    "The means of the batches are averaged as if all batches had the same size. The last one is smaller, and"
    " counts too much.",
    hint=WEIGHTED_HINT,
    loss=(mean_of_means,),
    accuracy=ACCURACIES,
    train=EITHER_MODE,
)
@evaluate.mistake(
    "mean-of-batch-means",
    "The loss is right, but the accuracies of the batches are averaged as if all batches had the same size.",
    hint=COUNT_HINT,
    accuracy=(mean_of_fractions,),
    train=EITHER_MODE,
)
@evaluate.mistake(
    "divided-by-dataset-size",
    "The mean losses of the batches are added up, and the sum is divided by the number of examples. With"
    " batches of 64 the result is some 64 times too small.",
    hint=WEIGHTED_HINT,
    loss=(fraction,),
    accuracy=(*ACCURACIES, fractions_by_examples),
    train=EITHER_MODE,
)
@evaluate.mistake(
    "divided-by-dataset-size",
    "The loss is right, but the accuracies of the batches are added up and divided by the number of"
    " examples.",
    hint=COUNT_HINT,
    accuracy=(fractions_by_examples,),
)
@evaluate.mistake(
    "sum-not-mean",
    "The losses are added up and never divided.",
    hint="By what must the sum of all losses be divided?",
    loss=(lambda means, sizes: (means * sizes).sum(), total),
    accuracy=ACCURACIES[:4],
    train=EITHER_MODE,
)
@evaluate.mistake(
    "divided-by-batches",
    "The losses of all examples are added up, but divided by the number of batches.",
    hint="What was counted in the sum: batches or examples?",
    loss=(lambda means, sizes: (means * sizes).sum() / len(sizes),),
    accuracy=(fraction, total_by_batches),
)
@evaluate.mistake(
    "divided-by-batches",
    "The right picks are divided by the number of batches.",
    hint="What was counted in the sum: batches or examples?",
    accuracy=(total_by_batches,),
)
@evaluate.mistake(
    "last-batch-only",
    "Only the last batch is measured: the totals start again in each round, or the last batch's values are"
    " returned.",
    hint="Which line must run before the loop, and which one after it?",
    loss=(lambda means, sizes: means[-1],),
    accuracy=(fraction_of_last, fraction),
    train=EITHER_MODE,
)
@evaluate.mistake(
    "last-batch-only",
    "The loss is right, but the accuracy is that of the last batch.",
    hint=COUNT_HINT,
    accuracy=(fraction_of_last,),
)
@evaluate.mistake(
    "first-batch-only",
    "Only the first batch is measured: `return` stands inside the loop, and ends it.",
    hint="How far is your last line indented?",
    loss=(lambda means, sizes: means[0],),
    accuracy=(lambda rights, sizes: rights[0] / sizes[0],),
    train=EITHER_MODE,
)
@evaluate.mistake(
    "last-batch-size",
    "The totals are divided by a size times the number of batches, as if all batches were as large as the"
    " first or the last one.",
    hint=SIZE_HINT,
    loss=(
        lambda means, sizes: (means * sizes).sum() / (sizes[-1] * len(sizes)),
        lambda means, sizes: (means * sizes).sum() / (sizes[0] * len(sizes)),
        lambda means, sizes: (means * sizes).sum() / sizes[-1],
        lambda means, sizes: means.sum() * sizes[0] / sizes.sum(),
    ),
    accuracy=(fraction, *BY_ONE_SIZE),
)
@evaluate.mistake(
    "last-batch-size",
    "The right picks are divided by a size times the number of batches, as if all batches were as large as"
    " the first or the last one.",
    hint=SIZE_HINT,
    accuracy=BY_ONE_SIZE,
)
@evaluate.mistake(
    "weighted-twice",
    "The sum over a batch (reduction='sum') is multiplied by the number of its rows.",
    hint="A batch's *mean* times its size is its sum. Is yours a mean?",
    loss=(lambda means, sizes: (means * sizes * sizes).sum() / sizes.sum(),),
)
@evaluate.mistake(
    "rounded-down",
    "// divides and drops the fraction: the accuracy is 0, or 1 where every pick is right.",
    hint="/ divides.",
    accuracy=(lambda rights, sizes: rights.sum() // sizes.sum(),),
)
@evaluate.mistake(
    "numbers-typed-in",
    "The size of a batch or the number of images is typed in, as 64 or 10,000. That is right for one data"
    " set only.",
    hint=SIZE_HINT,
    loss=(
        weighted,
        mean_of_means,
        lambda means, sizes: (means * sizes).sum() / 10_000,
        lambda means, sizes: means.sum() / 10_000,
    ),
    accuracy=(
        lambda rights, sizes: rights.sum() / 10_000,
        lambda rights, sizes: rights.sum() / 64 / len(sizes),
    ),
)
@evaluate.mistake(
    "column-against-row",
    "Picks of shape (B, 1) are compared with labels of shape (B,). That compares each pick with every label,"
    " (B, B), and the accuracy can exceed 1.",
    hint="max(1, keepdim=True) keeps an axis, argmax(1) does not. Print the shapes of both sides of ==.",
    count=(lambda logits, labels: (logits.argmax(1, keepdim=True) == labels).sum(),),
    train=EITHER_MODE,
)
@evaluate.mistake(
    "wrong-axis",
    "argmax(0) goes down the columns: it picks, for each class, the image with the highest score.",
    hint="Each row is an image: which axis must argmax look along to pick one class for each row?",
    count=(
        lambda logits, labels: (logits.argmax(0) == labels).sum(),
        lambda logits, labels: (logits.argmax(0)[:1] == labels).sum(),
    ),
)
@evaluate.mistake(
    "nll-on-logits",
    "nll_loss got the logits. It takes no logarithm and no softmax, so this loss has no bottom.",
    hint="Which function is log_softmax and nll_loss in one?",
    criterion=(F.nll_loss,),
    loss=(weighted, mean_of_means),
    train=EITHER_MODE,
)
@evaluate.mistake(
    "log-of-zero",
    "With logits in the hundreds softmax gives a probability of exactly 0, or inf / inf, and the logarithm of"
    " that is inf or nan (notebook 3).",
    hint="Which function takes logits, and does softmax and logarithm in one safe step?",
    criterion=(
        lambda z, y: F.nll_loss(z.softmax(1).log(), y),
        lambda z, y: F.nll_loss((z.softmax(1) + 1e-8).log(), y),
        lambda z, y: F.nll_loss((z.exp() / z.exp().sum(1, keepdim=True)).log(), y),
        lambda z, y: F.nll_loss(z - z.exp().sum(1, keepdim=True).log(), y),
    ),
)
@evaluate.mistake(
    "percent",
    "The accuracy is in percent. The course gives it as a fraction, from 0 to 1.",
    hint="Look for a factor of 100.",
    accuracy=(percent,),
    train=EITHER_MODE,
)
@evaluate.mistake(
    "count-not-fraction",
    "In the place of the accuracy stands the number of right picks.",
    hint="Divide by the number of examples, after the loop.",
    accuracy=(total,),
    train=EITHER_MODE,
)
@evaluate.mistake(
    "error-rate",
    "In the place of the accuracy stands the fraction of wrong picks.",
    hint="Look for != in the place of ==.",
    accuracy=(error_rate,),
)
@evaluate.mistake(
    "softmax-twice",
    "cross_entropy got probabilities. It takes the softmax itself.",
    hint="Hand over the model's logits as they are.",
    take=(lambda logits: logits.softmax(1),),
    loss=(weighted, mean_of_means),
    train=EITHER_MODE,
)
def _(*args, **options):
    return gather(*args, **options)


@evaluate.mistake(
    "swapped-outputs",
    "Loss and accuracy come back in the other order.",
    hint="The loss comes first.",
    loss=(weighted, mean_of_means),
)
def _(model: nn.Module, batches: object, loss: Callable):
    return gather(model, batches, loss)[::-1]


@evaluate.mistake(
    "tracks-gradients",
    "The numbers are right, but the model computed them with its memory for backward on. That costs time and"
    " storage, and eval() does not switch it off.",
    hint="Under what must the loop stand?",
)
def _(model: nn.Module, batches: object):
    batches = list(batches)
    model.eval()
    for x, _labels in batches:
        model(x)
    model.train()
    return gather(model, batches)


@evaluate.mistake(
    "mode-not-restored",
    "The numbers are right, but the model is in another mode afterwards than before. Left in eval mode, it"
    " would train without dropout in the next epoch.",
    hint="Keep model.training at the beginning, and go back to it at the end: model.train(was_training).",
    afterwards=(False, True),
)
def _(model: nn.Module, batches: object, afterwards: bool):
    result = gather(model, batches)
    model.train(afterwards)
    return result


@evaluate.mistake(
    "model-changed",
    "The numbers are right, but the model is another one afterwards: its numbers, its gradients or its"
    " requires_grad were changed.",
    hint="Measuring needs no backward and no step. torch.no_grad() switches the memory off for a while, and"
    " changes nothing in the model.",
    change=(lambda model: model.requires_grad_(False), lambda model: model.zero_grad()),
)
@evaluate.mistake(
    "model-changed",
    "The model's weights are others afterwards: it was trained while it was measured. Who trains on the test"
    " set has none any more.",
    hint="Measuring needs no backward and no step.",
    change=(lambda model: model.linear.weight.data.mul_(2),),
)
def _(model: nn.Module, batches: object, change: Callable):
    result = gather(model, batches)
    change(model)
    return result


@evaluate.mistake(
    "gradients-switched-off",
    "The numbers are right, but torch's gradient mode is another afterwards, for the whole notebook. Left"
    " off, the next training step fails; forced on, whoever called under no_grad has gradients again.",
    hint="`with torch.no_grad():` puts everything back at its end, torch.set_grad_enabled(...) does not.",
    afterwards=(False, True),
)
def _(model: nn.Module, batches: object, afterwards: bool):
    result = gather(model, batches)
    torch.set_grad_enabled(afterwards)
    return result


@evaluate.mistake(
    "several-passes",
    "The numbers are right, but the batches are gone through more than once. That takes longer, and batches"
    " that come from a generator can be looped over once only: the second loop would find nothing.",
    hint="One loop can gather everything: the losses, the right picks and the number of examples.",
    passes=(1, 2),
)
def _(model: nn.Module, batches: object, passes: int):
    for _ in range(passes):
        list(batches)
    return gather(model, batches)


@evaluate.mistake(
    "last-batch-dropped",
    "The last batch, or each one that is smaller than the first, is left out. All examples belong to the"
    " mean.",
    hint="Look for `break`, `continue`, [:-1] and drop_last.",
    kept=(
        lambda batches: batches[:-1],
        lambda batches: [b for b in batches if len(b[1]) >= len(batches[0][1])],
        lambda batches: list(itertools.takewhile(lambda b: len(b[1]) >= len(batches[0][1]), batches)),
        lambda batches: [b for b in batches if len(b[1]) == len(batches[0][1])],
    ),
)
def _(model: nn.Module, batches: object, kept: Callable):
    return gather(model, kept(list(batches)))


@evaluate.mistake(
    "examples-miscounted",
    "The third value is not the number of examples.",
    hint="Add up len(labels) in the loop.",
)
def _(model: nn.Module, batches: object):
    return *gather(model, batches), -1


@evaluate.mistake(
    "len-of-batches",
    "The numbers are right for batches that know their data set. Here they are something that can only be"
    " looped over.",
    hint="Count the examples in the loop: len(labels).",
    count=(lambda b: len(b.dataset), len),
)
def _(model: nn.Module, batches: object, count: Callable):
    count(batches)
    return gather(model, batches)
