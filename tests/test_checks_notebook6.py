"""The checks of notebook 6, `count_parameters` and `pixels`: mistakes named, right answers welcome.

The wrong answers here are written in other ways than the catalogue's own.
"""

import ast
import math
from functools import reduce
from pathlib import Path

import catalogue
import nbformat
import numpy as np
import pytest
import torch
from catalogue import Catalogue
from torch import nn
from torch.nn.utils import parameters_to_vector

from softmax_lib import checks, models
from softmax_lib.data import Batches, Split

# isort: split
from torchvision import transforms  # after softmax_lib.data
from torchvision.transforms import v2

EXERCISES = ("count_parameters", "pixels")
SERIES_TABLE = {  # the ids that the course promises
    "count_parameters": "biases-forgotten layers-counted frozen-left-out",
    "pixels": "0-255 integer-dtype channel-missing per-image-scaling",
}

CATALOGUE = Catalogue()
WRONG, RIGHT, wrong, right = (
    CATALOGUE.wrong_answers,
    CATALOGUE.right_answers,
    CATALOGUE.wrong,
    CATALOGUE.right,
)

# ------------------------------------------------------------------------------------------- count_parameters
COUNT = "count_parameters"


@wrong("biases-forgotten", COUNT)
def count_of_matrices(model):
    total = 0
    for name, parameter in model.named_parameters():
        if name.split(".")[-1] == "weight":
            total += parameter.nelement()
    return total


@wrong("biases-forgotten", COUNT)
def count_of_rows_times_columns(model):
    total = 0
    for p in model.parameters():
        if len(p.shape) == 2:
            rows, columns = p.shape
            total += rows * columns
    return total


wrong("biases-forgotten", COUNT)(
    lambda model: sum(m.in_features * m.out_features for m in model.modules() if type(m) is nn.Linear)
)
wrong("biases-forgotten", COUNT)(
    lambda model: sum(p.numel() for p in model.parameters() if len(p.size()) != 1)
)
wrong("layers-counted", COUNT)(lambda model: sum(1 for _ in model.parameters()))
wrong("layers-counted", COUNT)(lambda model: len(dict(model.named_parameters())))
wrong("layers-counted", COUNT)(lambda model: sum(1 for m in model.modules() if isinstance(m, nn.Linear)))
wrong("layers-counted", COUNT)(lambda model: len(model))  # a single layer has no len
wrong("layers-counted", COUNT)(lambda model: len(model.state_dict().keys()))


LINEAR = models.linear_classifier()
wrong("always-7850", COUNT)(lambda m: sum(p.numel() for p in LINEAR.parameters()))  # not m's
wrong("always-7850", COUNT)(lambda model: 784 * 10 + 10)


@wrong("one-tensor-only", COUNT)
def count_that_begins_again_in_the_loop(model):
    for p in model.parameters():
        total = 0
        total += p.numel()
    return total


@wrong("frozen-left-out", COUNT)
def count_of_what_learns(model):
    return sum(math.prod(p.shape) for p in filter(lambda p: p.requires_grad, model.parameters()))


@wrong("frozen-left-out", COUNT)
def count_of_what_has_a_gradient(model):
    total = 0
    for p in model.parameters():
        if not p.requires_grad:
            continue
        total += p.numel()
    return torch.tensor(total)


@wrong("buffers-counted", COUNT)
def count_of_the_state(model):
    total = 0
    for name in model.state_dict():
        total += model.state_dict()[name].numel()
    return total


wrong("buffers-counted", COUNT)(
    lambda model: len(parameters_to_vector(model.parameters())) + sum(map(torch.numel, model.buffers()))
)


@wrong("shared-counted-twice", COUNT)
def count_module_by_module(model):
    total = 0
    for module in model.modules():
        for parameter in module._parameters.values():
            total += 0 if parameter is None else parameter.numel()
    return total


def count_recursively(model):
    below = sum(count_recursively(child) for child in model.children())
    return below + sum(p.numel() for p in model.parameters(recurse=False))


wrong("shared-counted-twice", COUNT)(count_recursively)


@wrong("nested-left-out", COUNT)
def count_of_the_children(model):
    total = 0
    for layer in model.children():
        if hasattr(layer, "weight"):
            total += layer.weight.numel()
            if layer.bias is not None:
                total += layer.bias.numel()
    return total


@wrong("nested-left-out", COUNT)
def count_of_the_layers_in_the_loop(model):
    total = 0
    for layer in model:
        if isinstance(layer, nn.Linear):
            total += layer.in_features * layer.out_features + layer.out_features
    return total


wrong("nested-left-out", COUNT)(
    lambda model: sum(p.numel() for c in model.children() for p in c.parameters(recurse=False))
)


@wrong("nested-counted-twice", COUNT)
def count_in_two_loops(model):
    total = 0
    for _, module in model.named_modules():
        total += sum(p.numel() for p in module.parameters())
    return total


@wrong("linear-only", COUNT)
def count_of_linear_layers(model):
    total = 0
    for m in model.modules():
        if isinstance(m, nn.Linear):
            total += m.weight.numel() + (0 if m.bias is None else m.bias.numel())
    return total


wrong("bias-assumed", COUNT)(
    lambda model: sum(m.out_features * (m.in_features + 1) for m in model.modules() if type(m) is nn.Linear)
)


@wrong("bias-assumed", COUNT)
def count_of_weight_and_bias(model):
    return sum(len(m.bias) + m.weight.numel() for m in model.modules() if isinstance(m, nn.Linear))


wrong("first-axis-only", COUNT)(lambda model: sum(p.size(0) for p in model.parameters()))
wrong("first-axis-only", COUNT)(lambda model: sum(map(len, model.parameters())))
wrong("shape-added", COUNT)(lambda model: sum(n for p in model.parameters() for n in p.shape))
wrong("one-tensor-only", COUNT)(lambda model: next(iter(model.parameters())).nelement())


@wrong("one-tensor-only", COUNT)
def count_with_return_in_the_loop(model):
    total = 0
    for p in model.parameters():
        total += p.numel()
        return total
    return total


@wrong("one-tensor-only", COUNT)
def count_that_is_overwritten(model):
    for p in model.parameters():
        total = p.numel()
    return total


wrong("values-summed", COUNT)(lambda model: sum(p.sum() for p in model.parameters()).item())
wrong("values-summed", COUNT)(lambda model: parameters_to_vector(model.parameters()).sum())
wrong("values-summed", COUNT)(lambda model: parameters_to_vector(model.parameters()).count_nonzero())
wrong("bytes-counted", COUNT)(lambda model: sum(p.nbytes for p in model.parameters()))
wrong("units-counted", COUNT)(
    lambda model: sum(m.out_features for m in model.modules() if hasattr(m, "out_features"))
)
wrong("wrong-shape", COUNT)(lambda model: np.array([p.numel() for p in model.parameters()]))
wrong("wrong-shape", COUNT)(lambda model: torch.tensor([p.numel() for p in model.parameters()]))


@wrong("mutates-input", COUNT)
def count_after_a_thaw(model):
    for p in model.parameters():
        p.requires_grad = True
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


wrong("mutates-input", COUNT)(lambda model: sum(p.numel() for p in model.requires_grad_().parameters()))
wrong("nothing-returned", COUNT)(lambda model: None)
wrong("printed-not-returned", COUNT)(lambda model: print(sum(p.numel() for p in model.parameters())))
wrong("wrong-type", COUNT)(lambda model: f"{sum(p.numel() for p in model.parameters()):,}")
wrong("wrong-type", COUNT)(lambda model: model.parameters())
wrong("wrong-type", COUNT)(lambda model: (p.numel() for p in model.parameters()))
wrong("raises", COUNT)(lambda model: sum(model.parameters().numel()))
wrong(None, COUNT)(
    lambda model: len(
        {(p.shape, i, x) for p in model.parameters() for i, x in enumerate(p.flatten().tolist())}
    )
)
wrong(None, COUNT)(lambda model: 7851)
wrong(None, COUNT)(lambda model: sum(p.numel() for p in model.parameters()) + 1)
wrong(None, COUNT)(lambda model: sum({p.numel() for p in model.parameters()}))  # two of one size count once
wrong(None, COUNT)(lambda model: sum(p.numel() for p in model.parameters() if p.ndim < 3))
wrong(None, COUNT)(lambda model: len(set(parameters_to_vector(model.parameters()).tolist())))
wrong(None, COUNT)(lambda model: -sum(p.numel() for p in model.parameters()))
wrong(None, COUNT)(lambda model: sum(p.numel() for p in model.parameters()) / 1000)
wrong("mutates-input", COUNT)(lambda model: model.half() and sum(p.numel() for p in model.parameters()))
wrong("mutates-input", COUNT)(lambda model: model.eval() and sum(p.numel() for p in model.parameters()))
wrong("mutates-input", COUNT)(lambda model: sum(p.numel() for p in model.train().parameters()))
wrong("mutates-input", COUNT)(lambda model: sum(p.numel() for p in model.double().parameters()))
wrong("mutates-input", COUNT)(lambda model: model.zero_grad() or sum(map(torch.numel, model.parameters())))
wrong("mutates-input", COUNT)(
    lambda model: sum(int(p.data.fill_(1).count_nonzero()) for p in model.parameters())
)
wrong("layers-counted", COUNT)(
    lambda model: sum(1 for m in model.modules() for _ in m.parameters(recurse=False))
)
wrong("biases-forgotten", COUNT)(
    lambda model: sum(
        p.numel() for name, p in model.named_parameters() if p.requires_grad and not name.endswith("bias")
    )
)

right(COUNT)(lambda model: sum(p.numel() for p in model.parameters()))
right(COUNT)(lambda model: sum(map(torch.numel, model.parameters())))
right(COUNT)(lambda model: sum(np.prod(p.shape) for p in model.parameters()))
right(COUNT)(lambda model: float(sum(p.data.nelement() for p in model.parameters())))
right(COUNT)(lambda model: len(parameters_to_vector(model.parameters())))
right(COUNT)(lambda model: torch.cat([p.flatten() for p in model.parameters()]).shape[0])
right(COUNT)(lambda model: sum(p.detach().numpy().size for _, p in model.named_parameters()))
right(COUNT)(lambda model: torch.tensor([p.numel() for p in model.parameters()]).sum())
right(COUNT)(lambda model: reduce(lambda total, p: total + p.numel(), model.parameters(), 0))
right(COUNT)(lambda model: sum(len(p.flatten()) for p in model.parameters()))


@right(COUNT)
def count_in_loops(model):
    seen, total = set(), 0
    for module in model.modules():
        for p in module.parameters(recurse=False):
            if id(p) not in seen:
                seen.add(id(p))
                size = 1
                for n in p.shape:
                    size *= n
                total += size
    print("total", total)
    return total


@right(COUNT)
def count_of_keyword(*, model):
    return sum(p.numel() for p in model.parameters())


@right(COUNT)
def count_one_by_one(model):
    total = 0
    for p in model.parameters():
        for _ in p.flatten():
            total += 1
    return total


# ----------------------------------------------------------------------------------------------------- pixels
PIXELS = "pixels"


def ready(images):
    return images.float().div(255)[:, None]


wrong("0-255", PIXELS)(lambda images: images[:, None].type(torch.FloatTensor))
wrong("0-255", PIXELS)(lambda images: torch.stack([im.float()[None] for im in images]))
wrong("0-255", PIXELS)(lambda images: images.numpy().astype(np.float32).reshape(-1, 1, 28, 28))
wrong("0-255", PIXELS)(lambda images: images.float())
wrong("0-255", PIXELS)(lambda images: images.view(len(images), -1).to(torch.float32))
wrong("0-255", PIXELS)(lambda images: transforms.ConvertImageDtype(torch.uint8)(images)[:, None].float())
wrong("integer-dtype", PIXELS)(lambda images: images[:, None])
wrong("integer-dtype", PIXELS)(lambda images: images // 255)
wrong("integer-dtype", PIXELS)(lambda images: (images[:, None] / 255).int())
wrong("integer-dtype", PIXELS)(lambda images: ready(images).long())
wrong("integer-dtype", PIXELS)(lambda images: images.numpy())
wrong("integer-dtype", PIXELS)(lambda images: images.unsqueeze(1) > 127)
wrong("integer-dtype", PIXELS)(lambda images: images.tolist())
wrong("channel-missing", PIXELS)(lambda images: ready(images).squeeze(1))
wrong("channel-missing", PIXELS)(lambda images: torch.stack([im / 255 for im in images]))
wrong("channel-missing", PIXELS)(lambda images: (images.numpy() / 255).astype(np.float32))
wrong("channel-last", PIXELS)(lambda images: ready(images).permute(0, 2, 3, 1))
wrong("channel-in-the-middle", PIXELS)(lambda images: images[:, :, None].float() / 255)
wrong("channel-before-batch", PIXELS)(lambda images: (images.float() / 255)[None])
wrong("channel-before-batch", PIXELS)(lambda images: ready(images).transpose(0, 1))
wrong("flattened", PIXELS)(lambda images: nn.Flatten()(ready(images)))
wrong("flattened", PIXELS)(lambda images: images.view(-1, 784) / 255)
wrong("per-image-scaling", PIXELS)(
    lambda images: torch.stack([im.float()[None] / max(int(im.max()), 1) for im in images])
)
wrong("per-image-scaling", PIXELS)(
    lambda images: torch.stack([im.float()[None] / im.max().float() for im in images])
)


@wrong("per-image-scaling", PIXELS)
def each_image_from_its_minimum_to_its_maximum(images):
    out = images.numpy().astype(np.float32)
    low, high = (f(out.reshape(len(out), -1), axis=1)[:, None, None] for f in (np.min, np.max))
    return ((out - low) / (high - low + 1e-8))[:, None]


wrong("per-image-scaling", PIXELS)(lambda images: images / images.flatten(1).max(1).values[:, None, None])
wrong("batch-scaling", PIXELS)(lambda images: images[:, None] / images.max().item() if images.any() else 0)
wrong("batch-scaling", PIXELS)(lambda images: (images / images.max()).unsqueeze(1))


@wrong("batch-scaling", PIXELS)
def from_the_least_to_the_most(images):
    x = images.unsqueeze(1).float()
    return (x - x.min()) / (x.max() - x.min())


wrong("divided-by-256", PIXELS)(lambda images: images[:, None].float().mul(1 / 256))
wrong("divided-by-256", PIXELS)(lambda images: images[:, None] / 2**8)
wrong("minus-one-to-one", PIXELS)(lambda images: 2 * ready(images) - 1)
wrong("minus-one-to-one", PIXELS)(lambda images: transforms.Normalize((0.5,), (0.5,))(ready(images)))
wrong("inverted", PIXELS)(lambda images: (255 - images[:, None]) / 255)
wrong("inverted", PIXELS)(lambda images: 1 - ready(images))
wrong("inverted", PIXELS)(lambda images: v2.functional.invert(images)[:, None] / 255)
wrong("standardised", PIXELS)(lambda images: transforms.Normalize((0.1307,), (0.3081,))(ready(images)))
wrong("standardised", PIXELS)(
    lambda images: (ready(images) - ready(images).mean()) / (ready(images).std() + 1e-8)
)
wrong("binarised", PIXELS)(lambda images: torch.where(images > 127, 1.0, 0.0)[:, None])
wrong("binarised", PIXELS)(lambda images: images.bool().float()[:, None])
wrong("binarised", PIXELS)(lambda images: ready(images).round())
wrong("binarised", PIXELS)(lambda images: (images // 255).float().unsqueeze(1))
wrong("overflow", PIXELS)(lambda images: images.char()[:, None] / 255)
wrong("overflow", PIXELS)(lambda images: (images + torch.tensor(1, dtype=torch.uint8))[:, None] / 256)
wrong("overflow", PIXELS)(lambda images: (images.numpy() + np.uint8(1))[:, None] / np.float32(256))
wrong("divided-twice", PIXELS)(lambda images: ready(images) / 255)
wrong("multiplied", PIXELS)(lambda images: images[:, None] * 255.0)
wrong("transposed", PIXELS)(lambda images: ready(images).transpose(2, 3))
wrong("transposed", PIXELS)(lambda images: np.swapaxes(images.numpy(), 1, 2)[:, None] / np.float32(255))
wrong("to-tensor-on-a-batch", PIXELS)(lambda images: transforms.ToTensor()(images.numpy()))
wrong("first-image-only", PIXELS)(lambda images: ready(images)[:1])
wrong("first-image-only", PIXELS)(lambda images: transforms.ToTensor()(images[0].numpy()))
wrong("rounded", PIXELS)(lambda images: (ready(images) * 100).round() / 100)
wrong("nothing-returned", PIXELS)(lambda images: (images.float().div_(255), None)[1])
wrong("printed-not-returned", PIXELS)(lambda images: print(ready(images)))
wrong("wrong-shape", PIXELS)(lambda images: ready(images).repeat(1, 3, 1, 1))  # as a colour picture
wrong("wrong-shape", PIXELS)(lambda images: ready(images).mean())
wrong("wrong-shape", PIXELS)(lambda images: ready(images)[..., 4:24, 4:24])
wrong("wrong-type", PIXELS)(lambda images: "float32")
wrong("raises", PIXELS)(lambda images: images.div_(255))
wrong("raises", PIXELS)(lambda images: transforms.ToTensor()(images))
wrong(None, PIXELS)(lambda images: ready(images).flip(-1))
wrong(None, PIXELS)(lambda images: ready(images).flip(0))
wrong(None, PIXELS)(lambda images: ready(images) ** 2)
wrong(None, PIXELS)(lambda images: ready(images).clamp(max=0.9))
wrong(None, PIXELS)(lambda images: ready(images) * (ready(images) > 0.01))
wrong(None, PIXELS)(lambda images: images.view(28, 28, -1).permute(2, 0, 1)[:, None] / 255)
wrong(None, PIXELS)(lambda images: torch.rand(len(images), 1, 28, 28))


@wrong("mutates-input", PIXELS)
def pixels_with_the_blank_ones_marked(images):
    out = ready(images)
    images[images == 0] = 1
    return out


wrong("wrong-dtype", PIXELS)(lambda images: torch.from_numpy(images.numpy()[:, None] / 255))
wrong("wrong-dtype", PIXELS)(lambda images: (images.unsqueeze(1) / 255).half())
wrong("wrong-dtype", PIXELS)(lambda images: (images[:, None] / 255).bfloat16())
wrong("not-a-tensor", PIXELS)(lambda images: (images.numpy()[:, None] / 255).astype(np.float32))
wrong("not-a-tensor", PIXELS)(lambda images: (images[:, None].double() / 255).tolist())


@wrong("wrong-dtype", PIXELS)
def pixels_under_another_default(images):
    torch.set_default_dtype(torch.float64)
    try:
        return images.unsqueeze(1) / 255
    finally:
        torch.set_default_dtype(torch.float32)


right(PIXELS)(ready)
right(PIXELS)(lambda images: images.unsqueeze(1) / 255)
right(PIXELS)(lambda images: images.view(-1, 1, 28, 28).float() / 255.0)
right(PIXELS)(lambda images: images.float().mul(1 / 255).reshape(len(images), 1, 28, 28))
right(PIXELS)(lambda images: torch.stack([transforms.ToTensor()(im.numpy()) for im in images]))
right(PIXELS)(lambda images: torch.stack([v2.ToDtype(torch.float32, scale=True)(im[None]) for im in images]))
right(PIXELS)(lambda images: v2.functional.to_dtype(images[:, None], torch.float32, scale=True))
right(PIXELS)(lambda images: torch.from_numpy((images.numpy()[:, None] / 255).astype(np.float32)))
right(PIXELS)(lambda images: torch.tensor((images[:, None].double() / 255).tolist()))
right(PIXELS)(lambda images: torch.cat([im[None, None] for im in images]) / 255)
right(PIXELS)(lambda images: torch.linspace(0, 1, 256)[images.long()].unsqueeze(1))
right(PIXELS)(lambda images: Batches(Split(images, torch.zeros(len(images)).long()), len(images)).peek()[0])


@right(PIXELS)
def pixels_in_place_on_a_copy(images):
    out = torch.empty(len(images), 1, *images.shape[1:])
    for i, image in enumerate(images):
        out[i, 0] = image
    out /= 255
    return out


def name_of(case):
    return f"{case[0]}-{case[1]}"


@pytest.mark.parametrize("case", WRONG, ids=name_of)
def test_a_wrong_answer_is_named_and_its_shown_input_fails(case):
    catalogue.is_named(*case)


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


def test_a_model_of_the_course_is_counted_as_the_notebook_says():
    assert checks.count_parameters.right(models.linear_classifier()) == 7850


def test_the_shown_lines_make_the_model_again():
    verdict = checks.count_parameters(lambda model: sum(p.numel() for p in model.parameters() if p.ndim == 2))
    line = next(x for x in verdict.message.splitlines() if "model = " in x).split("model = ")[1]
    assert checks.count_parameters.right(eval(line, {"nn": nn})) == 8  # nn.Linear(3, 2)
    assert "expected  8" in verdict.message and "came out  6" in verdict.message


def test_the_shown_lines_make_the_images_again():
    verdict = checks.pixels(lambda images: images[:, None] / 255 * (images != 1)[:, None])
    lines = verdict.message.split("put in    ")[1].split("  came out")[0]
    scope = {"torch": torch}
    exec("\n".join(line.strip() for line in lines.splitlines()), scope)
    assert torch.equal(scope["images"], verdict.put_in["images"])


def test_whole_numbers_meet_torchs_own_words():
    message = checks.pixels(lambda images: images[:, None]).message
    assert "mat1 and mat2 must have the same dtype, but got Byte and Float" in message


def test_the_models_of_the_probes_stay_out_of_the_random_stream():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    checks.count_parameters(lambda model: 1)
    checks.count_parameters.trial(checks.count_parameters.right)("model = nn.Linear(2, 2)")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_changed_model_is_told_in_words():
    verdict = checks.count_parameters(
        lambda model: sum(p.numel() for p in model.requires_grad_(False).parameters())
    )
    assert verdict.mistake == "mutates-input"
    assert "the right number, but the model was changed: requires_grad of a parameter" in verdict.message
    assert "Error" not in verdict.message and "stops" not in verdict.message


# ------------------------------------------------------- what the notebook defines, and the library
def defined_in_the_notebook(name):
    (path,) = (Path(__file__).parents[1] / "notebooks").glob("06_*.ipynb")
    scope = {"nn": nn}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and not cell.source.startswith("%"):
            tree = ast.parse(cell.source.replace("%xmode", "#"))
            found = [d for d in tree.body if isinstance(d, ast.FunctionDef) and d.name == name]
            if found:
                exec(compile(ast.Module(found, []), name, "exec"), scope)
    return scope[name]


def test_the_notebooks_linear_classifier_is_the_librarys():
    made = []
    for make in (defined_in_the_notebook("linear_classifier"), models.linear_classifier):
        torch.manual_seed(0)
        made.append(make())
    assert str(made[0]) == str(made[1])
    for a, b in zip(made[0].parameters(), made[1].parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_notebooks_pixels_are_those_of_batches():
    images = torch.arange(2 * 784).remainder(256).to(torch.uint8).view(2, 28, 28)
    expected, _ = Batches(Split(images, torch.tensor([3, 1])), 2).peek()
    assert torch.equal(defined_in_the_notebook("pixels")(images), expected)
    assert checks.pixels(defined_in_the_notebook("pixels")).passed
