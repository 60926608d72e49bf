"""The exercises of notebook 6: `count_parameters` and `pixels`.

Domain of `count_parameters`: any torch model. All parameters count, frozen ones too; one that two layers
share counts once; buffers, such as the running averages of a BatchNorm layer, don't.

Domain of `pixels`: grey images, uint8 (N, 28, 28), N from 1 on; blank ones too, and images whose brightest
pixel is not 255. The result is a float32 tensor: a model refuses another float type, and a NumPy array.
"""

import functools
from collections.abc import Callable
from types import CodeType

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from softmax_lib.checks import values
from softmax_lib.checks.engine import Exercise

# ------------------------------------------------------------------------------------------- count_parameters


@functools.cache
def compiled(code: str) -> CodeType:
    """Return the lines ready to run."""
    return compile(code, "the model", "exec")


def built(code: str) -> nn.Module:
    """Return the model that these lines make, as a learner's cell would; the same weights at each call."""
    scope = {"nn": nn, "torch": torch}
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)  # torch.manual_seed is slow
        exec(compiled(code), scope)  # the lines below, nobody else's
    return scope["model"]


def state_of(model: nn.Module) -> dict[str, list]:
    """Return what an answer could change in a model, kind by kind, in words that == compares."""
    state, parameters = model.state_dict().items(), list(model.parameters())
    return {
        "the type of its numbers": [(name, t.dtype) for name, t in state],
        "its numbers": [(name, t.tolist()) for name, t in state],
        "its gradients": [None if p.grad is None else p.grad.tolist() for p in parameters],
        "requires_grad of a parameter": [p.requires_grad for p in parameters],
        "its mode (train, eval)": [m.training for m in model.modules()],
    }


def count_in(count_parameters: Callable, code: str) -> object:
    """Hand the model to the answer, and see that it comes back as it was."""
    model = built(code)
    before = state_of(model)
    count = count_parameters(model)
    after = state_of(model)
    if change := next((kind for kind in before if before[kind] != after[kind]), None):
        (told,) = values.plain(count)
        right = told.size == 1 and told.item() == right_count(model)
        raise values.Remark(
            f"{'the right number' * right or told}, but the model was changed: {change}", "mutates-input"
        )
    return count


def right_count(model: nn.Module) -> int:
    """Return how many numbers there are in all parameters."""
    return sum(p.numel() for p in model.parameters())


MODELS = [
    "model = nn.Linear(3, 2)",
    "model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))",
    "model = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 3))",
    "model = nn.Linear(4, 3, bias=False)",
    "model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2, bias=False))",
    "model = nn.Sequential(nn.Linear(2, 3).requires_grad_(False), nn.Linear(3, 4))",  # the first is frozen
    "model = nn.Linear(3, 4).requires_grad_(False)",
    "model = nn.Linear(2, 4)\nmodel.bias.requires_grad_(False)",
    "model = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.Linear(3, 5))",
    "model = nn.Sequential(nn.Sequential(nn.Sequential(nn.Linear(3, 3)), nn.Linear(3, 6)), nn.Linear(6, 2))",
    "model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))",
    "model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3), nn.BatchNorm1d(3))",  # equal numbers
    "model = nn.Sequential(nn.Linear(3, 2), nn.PReLU())",
    "model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3))",
    "model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))\n"
    "model[1].weight = model[0].weight  # both layers use one and the same weight",
    "model = nn.Sequential(same := nn.Linear(4, 4), nn.ReLU(), same)",
    "model = nn.Linear(2, 2)\nmodel.temperature = nn.Parameter(torch.ones(1))",
    "model = nn.Sequential(nn.Linear(2, 6), nn.Dropout(0.5)).eval()",
    "model = nn.Linear(5, 2)\nmodel(torch.ones(1, 5)).sum().backward()  # so .grad is filled",
    "model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))",
]

count_parameters = Exercise(
    "count_parameters",
    right_count,
    ("model",),
    returns="one whole number, how many numbers all parameters of the model hold",
    checked=(
        f"{len(MODELS)} models: one layer and several, nested, without biases, frozen, with a weight that two"
        " layers share, with the buffers of a BatchNorm layer; in train and in eval mode. Each was afterwards"
        " as before."
    ),
    probes=[(code,) for code in MODELS],
    torch=True,
    play=count_in,
    inputs=("model",),
    show=lambda code: {"model": code.removeprefix("model = ")},
)


def layers_of(model: nn.Module) -> list[nn.Module]:
    """Return what `for layer in model` goes over, and of a single layer the layer itself."""
    return list(model) if isinstance(model, nn.Sequential) else [model]


def own(module: nn.Module) -> list[nn.Parameter]:
    """Return a module's weight and bias, where it has them."""
    return [p for p in (getattr(module, n, None) for n in ("weight", "bias")) if isinstance(p, Tensor)]


def linears(model: nn.Module) -> list[nn.Linear]:
    """Return all linear layers, however deep."""
    return [m for m in model.modules() if isinstance(m, nn.Linear)]


@count_parameters.mistake(
    "biases-forgotten",
    "Only the weights are counted. The biases are parameters too, one for each output of a layer.",
    hint="nn.Linear(784, 10) has 784 x 10 weights. And how many biases?",
    count=(
        lambda m: sum(p.numel() for p in m.parameters() if p.ndim > 1),
        lambda m: sum(p.numel() for n, p in m.named_parameters() if "weight" in n),
        lambda m: sum(p.numel() for n, p in m.named_parameters() if "bias" not in n),
        lambda m: sum(layer.weight.numel() for layer in linears(m)),
        lambda m: sum(p.weight.numel() for p in m.modules() if hasattr(p, "weight")),
        lambda m: sum(layer.weight.numel() for layer in layers_of(m) if isinstance(layer, nn.Linear)),
        lambda m: sum(layer.weight.numel() for layer in layers_of(m) if hasattr(layer, "weight")),
        lambda m: sum(p.numel() for p in m.parameters() if p.ndim > 1 and p.requires_grad),
        lambda m: sum(p.numel() for n, p in m.named_parameters() if "bias" not in n and p.requires_grad),
        lambda m: sum(p.numel() for n, p in m.named_parameters() if "weight" in n and p.requires_grad),
        lambda m: sum(p.numel() for p in m.parameters() if p.ndim == 2),
        lambda m: sum(v.numel() for k, v in m.state_dict().items() if "weight" in k),
        lambda m: sum(p.numel() for p in list(m.parameters())[::2]),
    ),
)
def _(model: nn.Module, count: Callable):
    return count(model)


@count_parameters.mistake(
    "layers-counted",
    "This counts the tensors, or the layers, that the model consists of. Each of them holds many numbers.",
    hint="p.numel() says how many numbers are in the tensor p.",
    count=(
        lambda m: len(list(m.parameters())),
        lambda m: len(list(m.modules())),
        lambda m: len(list(m.modules())) - 1,
        lambda m: len(list(m.children())),
        lambda m: len(list(m.children())) or 1,
        lambda m: len(m.state_dict()),
        lambda m: len(list(m.named_parameters(remove_duplicate=False))),
        lambda m: sum(len(list(layer.parameters(recurse=False))) for layer in m.modules()),
        lambda m: len(linears(m)),
        lambda m: len(m),
        lambda m: len(layers_of(m)),
        lambda m: sum(isinstance(layer, nn.Linear) for layer in layers_of(m)),
        lambda m: sum(p.requires_grad for p in m.parameters()),
        lambda m: sum(p.ndim > 1 for p in m.parameters()),
        lambda m: sum(bool(own(layer)) for layer in m.modules()),
        lambda m: sum(not list(layer.children()) for layer in m.modules()),
        lambda m: sum(p.ndim for p in m.parameters()),
    ),
)
def _(model: nn.Module, count: Callable):
    return count(model)


@count_parameters.mistake(
    "frozen-left-out",
    "Parameters with requires_grad=False are left out. Training does not change them, but the model"
    " computes with them: they are part of it, and all parameters are asked for.",
    hint="Which condition lets only some of the parameters through?",
    count=(
        lambda m: sum(p.numel() for p in m.parameters() if p.requires_grad),
        lambda m: sum(p.numel() for _, p in m.named_parameters(remove_duplicate=False) if p.requires_grad),
        lambda m: sum(p.numel() for layer in linears(m) for p in own(layer) if p.requires_grad),
        lambda m: (
            sum(p.numel() for p in m.parameters() if p.requires_grad) + sum(b.numel() for b in m.buffers())
        ),
    ),
)
def _(model: nn.Module, count: Callable):
    return count(model)


@count_parameters.mistake(
    "buffers-counted",
    "Buffers are counted too. They are numbers that a model keeps but does not learn, such as the running"
    " averages of a BatchNorm layer. state_dict() holds them, parameters() does not.",
    hint="Go over model.parameters().",
    count=(
        lambda m: sum(v.numel() for v in m.state_dict().values()),
        lambda m: sum(p.numel() for p in m.parameters()) + sum(b.numel() for b in m.buffers()),
        lambda m: sum({v.data_ptr(): v.numel() for v in m.state_dict().values()}.values()),
        lambda m: sum(v.numel() for v in m.state_dict().values() if v.is_floating_point()),
    ),
)
def _(model: nn.Module, count: Callable):
    return count(model)


@count_parameters.mistake(
    "shared-counted-twice",
    "A parameter that two layers share is counted in both. It is one tensor, and its numbers exist once.",
    hint="model.parameters() names each parameter once, wherever it is used.",
    count=(
        lambda m: sum(p.numel() for _, p in m.named_parameters(remove_duplicate=False)),
        lambda m: sum(p.numel() for sub in m.modules() for p in sub.parameters(recurse=False)),
        lambda m: sum(p.numel() for sub in m.modules() for p in own(sub)),
        lambda m: sum(p.numel() for layer in layers_of(m) for p in layer.parameters()),
        lambda m: sum(
            v.numel()
            for k, v in m.state_dict().items()
            if not k.endswith(("running_mean", "running_var", "num_batches_tracked"))
        ),
    ),
)
def _(model: nn.Module, count: Callable):
    return count(model)


NESTED = (
    "Only the layers directly in the model are counted. Those that lie deeper, in a layer that is itself a"
    " model, are left out; so are the parameters of a model that is one single layer, or that hang on the"
    " model itself."
)
NESTED_HINT = "model.parameters() finds them at every depth."


@count_parameters.mistake(
    "nested-left-out",
    NESTED,
    hint=NESTED_HINT,
    layers=(
        lambda m: list(m.children()),
        lambda m: [*m],
        layers_of,
        lambda m: list(m._modules.values()),
    ),
    numbers=(
        lambda layer: sum(p.numel() for p in own(layer)),
        lambda layer: sum(p.numel() for p in own(layer)) if isinstance(layer, nn.Linear) else 0,
        lambda layer: sum(p.numel() for p in layer.parameters(recurse=False)),
        lambda layer: (
            layer.in_features * layer.out_features + layer.out_features if isinstance(layer, nn.Linear) else 0
        ),
    ),
)
def _(model: nn.Module, layers: Callable, numbers: Callable):
    return sum(numbers(layer) for layer in layers(model))


@count_parameters.mistake(
    "nested-left-out",
    NESTED,
    hint=NESTED_HINT,
    count=(
        lambda m: sum(p.numel() for p in m.parameters(recurse=False)),
        lambda m: sum(p.numel() for layer in m.children() for p in layer.parameters()),
        lambda m: sum(p.numel() for p in {p for layer in m.children() for p in layer.parameters()}),
    ),
)
def _(model: nn.Module, count: Callable):
    return count(model)


@count_parameters.mistake(
    "nested-counted-twice",
    "modules() lists the model, its parts and their parts, and parameters() of each goes down again: what"
    " lies deep is counted several times.",
    hint="One of the two loops is enough: model.parameters() goes down by itself.",
    modules=(lambda m: list(m.modules()), lambda m: list(m.modules())[1:]),
    wanted=(lambda p: True, lambda p: p.requires_grad),
)
def _(model: nn.Module, modules: Callable, wanted: Callable):
    return sum(p.numel() for sub in modules(model) for p in sub.parameters() if wanted(p))


@count_parameters.mistake(
    "linear-only",
    "Only linear layers are counted. Other layers have parameters too, and a parameter can hang on the model"
    " itself.",
    hint="model.parameters() asks no layer for its type.",
    count=(
        lambda m: sum(p.numel() for layer in linears(m) for p in own(layer)),
        lambda m: sum(p.numel() for layer in linears(m) for p in layer.parameters()),
        lambda m: sum(p.numel() for p in {p for layer in linears(m) for p in layer.parameters()}),
        lambda m: sum(
            x.in_features * x.out_features + (x.bias is not None) * x.out_features for x in linears(m)
        ),
    ),
)
def _(model: nn.Module, count: Callable):
    return count(model)


@count_parameters.mistake(
    "bias-assumed",
    "Each layer is taken to have a bias. nn.Linear(4, 3, bias=False) has none.",
    hint="Ask the parameters themselves for their size, in place of a formula.",
    count=(
        lambda m: sum(x.in_features * x.out_features + x.out_features for x in linears(m)),
        lambda m: sum(p.numel() + len(p) for p in m.parameters() if p.ndim > 1),
        lambda m: sum(x.weight.numel() + x.bias.numel() for x in linears(m)),
        lambda m: sum(x.weight.numel() + len(x.weight) for x in m.modules() if hasattr(x, "weight")),
    ),
)
def _(model: nn.Module, count: Callable):
    return count(model)


@count_parameters.mistake(
    "first-axis-only",
    "len(p), like p.shape[0], is the number of rows of a tensor. A weight of shape (10, 784) has 10 rows, and"
    " 7840 numbers.",
    hint="p.numel() says how many numbers are in the tensor p.",
    size=(len, lambda p: p.shape[-1], lambda p: p.shape[0] if p.requires_grad else 0),
)
def _(model: nn.Module, size: Callable):
    return sum(size(p) for p in model.parameters())


@count_parameters.mistake(
    "shape-added",
    "The sizes of the axes are added up. A weight of shape (10, 784) has 10 x 784 numbers, not 10 + 784.",
    hint="p.numel() multiplies them.",
    size=(lambda p: sum(p.shape), lambda p: sum(p.shape) if p.ndim > 1 else 0),
)
def _(model: nn.Module, size: Callable):
    return sum(size(p) for p in model.parameters())


@count_parameters.mistake(
    "always-7850",
    "7850 comes out, whatever model goes in. It is the count of the model that this notebook trains.",
    hint="Does the function count in its argument, or in the model of another cell?",
)
def _(model: nn.Module):
    return 7850


@count_parameters.mistake(
    "one-tensor-only",
    "Only one tensor, or one layer, is counted: the first or the last.",
    hint="The sum runs over all of model.parameters(). Does a `return`, or the start at 0, stand inside the"
    " loop?",
    count=(
        lambda m: next(m.parameters()).numel(),
        lambda m: list(m.parameters())[-1].numel(),
        lambda m: sum(p.numel() for p in list(m.parameters())[:2]),
        lambda m: sum(p.numel() for p in list(m.parameters())[-2:]),
        lambda m: sum(p.numel() for p in layers_of(m)[0].parameters()),
        lambda m: sum(p.numel() for p in layers_of(m)[-1].parameters()),
        lambda m: max(p.numel() for p in m.parameters()),
    ),
)
def _(model: nn.Module, count: Callable):
    return count(model)


@count_parameters.mistake(
    "values-summed",
    "The values of the parameters are added up. How many there are is asked for.",
    hint="p.numel(), not p.sum().",
    total=(lambda p: p.sum(), lambda p: p.abs().sum(), lambda p: p.mean()),
)
@count_parameters.mistake(
    "values-summed",
    "Only the numbers that are not 0 are counted. A parameter that is 0 now is a parameter all the same.",
    hint="p.numel() does not look at the values.",
    total=(lambda p: (p != 0).sum(), lambda p: (p > 0).sum()),
)
def _(model: nn.Module, total: Callable):
    return sum(total(p) for p in model.parameters())


@count_parameters.mistake(
    "bytes-counted",
    "This is the size in bytes. A float32 takes four of them.",
    hint="Count the numbers, whatever each of them takes.",
    size=(lambda p: p.element_size(), lambda p: 8 * p.element_size()),
)
def _(model: nn.Module, size: Callable):
    return sum(p.numel() * size(p) for p in model.parameters())


@count_parameters.mistake(
    "units-counted",
    "The outputs of the layers are counted, their units. Each unit has a weight for every input, and a bias.",
    hint="How many numbers does one unit with 784 inputs need?",
    count=(
        lambda m: sum(x.out_features for x in linears(m)),
        lambda m: sum(x.in_features + x.out_features for x in linears(m)),
        lambda m: sum(x.bias.numel() for x in linears(m) if x.bias is not None),
    ),
)
def _(model: nn.Module, count: Callable):
    return count(model)


@count_parameters.mistake(
    "mutates-input",
    "The model was changed on the way. Whoever goes on to train it has another model than before.",
    hint="Counting needs no assignment to anything of the model, and no method that changes it, such as"
    " eval(), zero_grad(), double() or requires_grad_().",
    change=(
        lambda model: model.requires_grad_(True),
        lambda model: model.requires_grad_(False),
        lambda model: model.eval(),
        lambda model: model.train(),
        lambda model: model.double(),
        lambda model: model.zero_grad(),
    ),
)
def _(model: nn.Module, change: Callable):
    change(model)
    return right_count(model)


@count_parameters.mistake(
    "wrong-shape",
    "One number for each parameter came back. A single one is asked for, their sum.",
    hint="sum(...) around them.",
    size=(lambda p: p.numel(), lambda p: p.shape[0]),
)
def _(model: nn.Module, size: Callable):
    return [size(p) for p in model.parameters()]


# ----------------------------------------------------------------------------------------------------- pixels


def right_pixels(images: Tensor) -> Tensor:
    """Return what the library's `Batches` hands to a model."""
    return images.unsqueeze(1).to(torch.float32) / 255


def into_a_model(pixels: Callable, images: Tensor, then: str) -> object:
    """Return the pixels; where the model would not take them, say so.

    Whole numbers are in the way of everything else; another float type and an array are looked at in the end.
    """
    answer = pixels(images)
    (plain,) = values.plain(answer)  # says what is odd about it
    x = answer if isinstance(answer, Tensor) else torch.as_tensor(plain)
    if not (x.is_floating_point() or x.is_complex()):
        raise values.Remark(f"dtype {x.dtype}. A model says to that: {refusal(x)}", "integer-dtype")
    if then == "model" and not isinstance(answer, Tensor):
        raise values.Remark(f"the right values, but in {values.kind(answer)}", "not-a-tensor")
    if then == "model" and x.dtype != torch.float32:
        raise values.Remark(
            f"the right values, but dtype {x.dtype}. A model says to that: {refusal(x)}", "wrong-dtype"
        )
    return answer


def refusal(x: Tensor) -> str:
    """Return what a linear layer says to numbers that are not float32."""
    try:
        F.linear(x.reshape(1, -1), torch.ones(1, x.numel()), torch.zeros(1))
    except RuntimeError as error:
        return str(error)
    return ""


def with_corner(corner: list, background: int = 0) -> np.ndarray:
    """Return images (N, 28, 28) of one grey, with these rows of pixels (N, rows, columns) at the top left."""
    corner = np.array(corner, np.uint8)
    images = np.full((len(corner), 28, 28), background, np.uint8)
    images[:, : corner.shape[1], : corner.shape[2]] = corner
    return images


def in_code(images: Tensor, then: str = "") -> dict[str, str]:
    """Return lines that make the images again."""
    background, corner = int(images[0, -1, -1]), images[:, :3, :3]
    again = torch.full_like(images, background)
    again[:, :3, :3] = corner
    if not torch.equal(again, images):
        return {"images": values.literal(images)}
    lines = f"torch.full(({len(images)}, 28, 28), {background}, dtype=torch.uint8)"
    if not (corner == background).all():
        rows = str(corner.tolist()).replace("]], [[", "]],\n    [[")
        lines += f"\nimages[:, :3, :3] = torch.tensor({rows})"
    return {"images": lines}


NOISE = np.random.default_rng(6).integers(0, 256, (3, 28, 28)).astype(np.uint8)
IMAGES = [
    with_corner([[[0, 51, 255], [102, 204, 0]]]),
    with_corner([[[0, 51, 204], [102, 1, 0]]]),  # no pixel is 255
    with_corner([[[255, 128, 0], [7, 0, 0]], [[10, 100, 3], [0, 77, 200]]]),
    with_corner([[[40, 250], [0, 1]]] * 3 + [[[3, 0], [9, 130]]], background=20),  # no pixel is 0
    with_corner([[[130]]], background=130),
    with_corner([[[0, 127], [254, 129]], [[0, 0], [0, 0]]]),  # a blank one among them
    NOISE,
    NOISE[:1] // 2,
    with_corner([[[255]]], background=255),
    with_corner([[[0]]]),
]

pixels = Exercise(
    "pixels",
    right_pixels,
    ("images",),
    returns="a float32 tensor (N, 1, 28, 28) with values from 0 to 1",
    checked=(
        "1 to 4 images, some of one grey only, some without a 255 or without a 0; the values, the shape, and"
        " that a model takes them."
    ),
    probes=[(images, "look") for images in IMAGES],
    hard=[(IMAGES[0], "model")],
    torch=True,
    play=into_a_model,
    inputs=("images", "then"),
    show=in_code,
)

FORMS = (
    lambda x: x.unsqueeze(1),
    lambda x: x,
    lambda x: x.unsqueeze(-1),
    lambda x: x.unsqueeze(0),
    lambda x: x.flatten(1),
    lambda x: x.flatten(1).unsqueeze(1),
)


@pixels.mistake(
    "integer-dtype",
    "The result holds whole numbers (or True and False), not floats. A model's weights are float32, and it"
    " refuses to multiply them with anything else. What the greys between black and white say gets lost, too,"
    " if they are made whole numbers after the division.",
    hint=".float() makes a float32 tensor. Does it come before everything that must not be rounded?",
    kind=(torch.uint8, torch.int64, torch.int32, torch.int16, torch.int8, torch.bool),
)
def _(images: Tensor, kind: torch.dtype):
    return images.unsqueeze(1).to(kind)


@pixels.mistake(
    "wrong-dtype",
    "The values and the shape are right, but the result is no float32. A model's weights are float32, and it"
    " refuses to multiply them with another type.",
    hint="NumPy makes float64 of a division; .float() makes float32. What does .dtype say of your result?",
    kind=(torch.float64,),
)
def _(images: Tensor, kind: torch.dtype):
    return right_pixels(images).to(kind)


@pixels.mistake(
    "not-a-tensor",
    "The values are right, but the result is no tensor, and a model takes nothing else.",
    hint="torch.from_numpy makes a tensor of an array. Is the way over NumPy needed at all?",
    form=(Tensor.numpy, Tensor.tolist),
)
def _(images: Tensor, form: Callable):
    return form(right_pixels(images))


@pixels.mistake(
    "0-255",
    "The pixels are still between 0 and 255. Training with a learning rate that suits numbers up to 1 then"
    " takes far too large steps.",
    hint="What must 255 be divided by to give 1?",
    form=FORMS,
)
def _(images: Tensor, form: Callable):
    return form(images.float())


@pixels.mistake(
    "channel-missing",
    "The axis of the channel is missing: shape (N, 28, 28) in place of (N, 1, 28, 28). A grey image has one"
    " channel, and the axis says so.",
    hint="unsqueeze(1) puts an axis of length 1 at place 1.",
)
def _(images: Tensor):
    return images / 255


@pixels.mistake(
    "channel-last",
    "The channel stands last, (N, 28, 28, 1), as in many picture files. PyTorch wants it second:"
    " (N, 1, 28, 28).",
    hint="At which place does the new axis belong?",
)
def _(images: Tensor):
    return images.unsqueeze(-1) / 255


@pixels.mistake(
    "channel-in-the-middle",
    "The new axis stands between the rows and the columns, (N, 28, 1, 28). The channel comes before both:"
    " (N, 1, 28, 28).",
    hint="At which place does the new axis belong? Places are counted from 0.",
)
def _(images: Tensor):
    return images.unsqueeze(2) / 255


@pixels.mistake(
    "channel-before-batch",
    "The new axis stands first, so N images have become the N channels of one image.",
    hint="At which place does the new axis belong?",
)
def _(images: Tensor):
    return images.unsqueeze(0) / 255


@pixels.mistake(
    "flattened",
    "The 28 x 28 pixels are laid out in one row. That is the model's work, its first layer is nn.Flatten().",
    hint="The images stay images: (N, 1, 28, 28).",
    form=FORMS[4:],
)
def _(images: Tensor, form: Callable):
    return form(images / 255)


def extremes(images: Tensor, each: bool) -> tuple[Tensor, Tensor]:
    """Return the darkest and the brightest value, of each image or of all, as float."""
    x = images.float()
    return (x.amin((1, 2), True), x.amax((1, 2), True)) if each else (x.min(), x.max())


SPANS = (
    lambda x, low, high: x / high,
    lambda x, low, high: x / high.clamp(min=1),
    lambda x, low, high: x / (high + 1e-8),
    lambda x, low, high: (x - low) / (high - low),
    lambda x, low, high: (x - low) / (high - low).clamp(min=1),
    lambda x, low, high: (x - low) / (high - low + 1e-8),
    lambda x, low, high: (x - low) / high,
    lambda x, low, high: torch.where(high > 0, x / high, x),
    lambda x, low, high: torch.where(high > low, (x - low) / (high - low), 0 * x),
)


@pixels.mistake(
    "per-image-scaling",
    "Each image is stretched by its own brightest (or darkest) pixel. The same grey then means another number"
    " in every image, and faint ones become as black as strong ones.",
    hint="Which number, the same for all images ever, is the largest that a uint8 can hold?",
    span=SPANS,
    form=FORMS,
)
def _(images: Tensor, span: Callable, form: Callable):
    return form(span(images.float(), *extremes(images, each=True)))


@pixels.mistake(
    "batch-scaling",
    "The images are stretched by the brightest (or darkest) pixel of the whole batch. What an image becomes"
    " then depends on which others are with it.",
    hint="Which number, the same for all images ever, is the largest that a uint8 can hold?",
    span=SPANS,
    form=FORMS,
)
def _(images: Tensor, span: Callable, form: Callable):
    return form(span(images.float(), *extremes(images, each=False)))


@pixels.mistake(
    "divided-by-256",
    "The largest pixel becomes 0.9961, not 1: a uint8 goes from 0 to 255, which are 256 values, but the"
    " largest is 255.",
    hint="What must 255 be divided by to give 1?",
    form=FORMS,
)
def _(images: Tensor, form: Callable):
    return form(images / 256)


@pixels.mistake(
    "minus-one-to-one",
    "The pixels lie between -1 and 1. Other networks want that; here 0 is the background and stays 0.",
    hint="One division is enough.",
    form=FORMS,
    change=(
        lambda x: x / 127.5 - 1,
        lambda x: 1 - x / 127.5,
        lambda x: x / 255 - 0.5,
        lambda x: (x - 128) / 128,
        lambda x: (x - 127) / 127,
        lambda x: (x - 127.5) / 255,
    ),
)
def _(images: Tensor, form: Callable, change: Callable):
    return form(change(images.float()))


@pixels.mistake(
    "inverted",
    "Black and white are exchanged. In MNIST 0 is the background and 255 full ink, and it stays so; only a"
    " picture of it is usually drawn the other way round.",
    hint="255 becomes 1, 0 stays 0.",
    form=FORMS,
    top=(255, 256),
)
def _(images: Tensor, form: Callable, top: int):
    return form(1 - images / top)


@pixels.mistake(
    "standardised",
    "A mean is taken off, and the rest divided by a standard deviation. Many recipes do so; here the pixels"
    " are asked for between 0 and 1.",
    hint="One division is enough.",
    form=FORMS,
    change=(
        lambda x: (x / 255 - 0.1307) / 0.3081,
        lambda x: (x - x.mean()) / x.std(),
        lambda x: (x - x.mean()) / (x.std() + 1e-8),
        lambda x: (x - x.mean((1, 2), True)) / x.std((1, 2), keepdim=True),
        lambda x: (x / 255 - x.mean() / 255) / (x.std() / 255 + 1e-8),
        lambda x: x - x.mean(),
        lambda x: (x - x.mean()) / 255,
    ),
)
def _(images: Tensor, form: Callable, change: Callable):
    return form(change(images.float()))


@pixels.mistake(
    "binarised",
    "Each pixel has become 0 or 1: the greys at the edges of a stroke are lost.",
    hint="Where does a number get rounded, cut off or compared?",
    form=FORMS,
    change=(
        lambda x: (x > 127).float(),
        lambda x: (x > 128).float(),
        lambda x: (x > 0).float(),
        lambda x: x.clamp(0, 1),
        lambda x: (x / 255).round(),
        lambda x: x // 255,
        lambda x: (x > x.mean()).float(),
    ),
)
def _(images: Tensor, form: Callable, change: Callable):
    return form(change(images.float()))


@pixels.mistake(
    "overflow",
    "The arithmetic runs over the end of a small integer type: in uint8, 255 + 1 is 0, and in int8 200"
    " becomes -56.",
    hint="Make floats of the pixels first, then compute.",
    form=FORMS,
    change=(
        lambda x: x.to(torch.int8) / 255,
        lambda x: x.to(torch.int8) / 127,
        lambda x: x.to(torch.int8).float(),
        lambda x: (x + 1) / 256,
        lambda x: (x - 128) / 255,
        lambda x: (x - 128) / 128,
        lambda x: (x - 127) / 127,
        lambda x: x * 2 / 510,
        lambda x: x * x / 255**2,
        lambda x: -x / 255,
    ),
)
def _(images: Tensor, form: Callable, change: Callable):
    return form(change(images))


@pixels.mistake(
    "divided-twice",
    "The pixels are divided by 255 twice.",
    hint="Divide where you convert, or afterwards, not both.",
    form=FORMS,
)
def _(images: Tensor, form: Callable):
    return form(images / 255 / 255)


@pixels.mistake(
    "multiplied",
    "The pixels are multiplied by 255, not divided.",
    hint="What must be done with 255 to give 1?",
    form=FORMS,
)
def _(images: Tensor, form: Callable):
    return form(images.float() * 255)


@pixels.mistake(
    "transposed",
    "Rows and columns of each image are exchanged: the digits lie on their side, mirrored.",
    hint="No axis has to change its place. A new one is put in.",
    form=FORMS,
    change=(lambda x: x.mT, lambda x: x.reshape(-1, 784, 1).reshape(28, 28, -1).permute(2, 1, 0)),
)
def _(images: Tensor, form: Callable, change: Callable):
    return form(change(images / 255))


@pixels.mistake(
    "to-tensor-on-a-batch",
    "transforms.ToTensor takes one picture, (height, width) or (height, width, channels). It took the batch"
    " for one picture with 28 channels and moved the last axis to the front.",
    hint="All images at once need a new axis and a division, no ToTensor.",
    change=(
        lambda x: x.permute(2, 0, 1),
        lambda x: x.permute(2, 0, 1).unsqueeze(1),
        lambda x: x.permute(2, 0, 1)[None],
    ),
)
def _(images: Tensor, change: Callable):
    return change(images / 255)


@pixels.mistake(
    "first-image-only",
    "Only the first image comes back. N images go in, and N must come out.",
    hint="Look for [0].",
    form=(
        lambda x: x[:1].unsqueeze(1),
        lambda x: x[0],
        lambda x: x[0].unsqueeze(0),
        lambda x: x[0, None, None],
        lambda x: x[0].flatten(),
    ),
)
def _(images: Tensor, form: Callable):
    return form(images / 255)
