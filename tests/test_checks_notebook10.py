"""The exercise and the questions of notebook 10, and the functions that it shares with `make experiments`."""

import ast
from pathlib import Path

import catalogue
import experiments  # in tools/
import nbformat
import numpy as np
import pytest
import torch
from catalogue import Catalogue

from softmax_lib import checks

PROMISED = (
    "lr-inside-velocity nesterov damped sign-flipped velocity-not-used velocity-not-returned swapped-outputs"
    " old-velocity-used mutates-input momentum-times-grad plus-velocity weight-decay"
).split()

CATALOGUE = Catalogue()
STEP = "momentum_step"


def wrong(mistake):
    return CATALOGUE.wrong(mistake, STEP)


right = CATALOGUE.right(STEP)


def by_torch(w, grad, velocity, lr, momentum, maximize=False, **options):
    """torch.optim.SGD itself, its momentum buffer filled with the velocity: (w, velocity) after a step."""
    parameter = torch.nn.Parameter(torch.tensor(w))
    options = {"lr": lr, "momentum": momentum, "maximize": maximize, **options}
    optimizer = torch.optim.SGD([parameter], **options)
    optimizer.state[parameter]["momentum_buffer"] = torch.tensor(velocity)
    parameter.grad = torch.tensor(grad)
    optimizer.step()
    return parameter.detach(), optimizer.state[parameter]["momentum_buffer"]


# ---------------------------------------------------------------------------------------------- right answers
@right
def in_one_line(w, grad, velocity, lr, momentum):
    return w - lr * (grad + velocity * momentum), grad + velocity * momentum


@right
def element_by_element(w, grad, velocity, lr, momentum):
    new_w, new_v = np.zeros_like(w), np.zeros_like(velocity)
    for place in np.ndindex(w.shape):
        new_v[place] = momentum * velocity[place] + grad[place]
        new_w[place] = w[place] - lr * new_v[place]
    return new_w, new_v


@right
def on_copies(w, grad, velocity, lr, momentum):
    w, velocity = w.copy(), velocity.copy()
    velocity *= momentum
    velocity += grad
    w -= lr * velocity
    return [w, velocity]


@right
def with_torchs_own_optimizer(w, grad, velocity, lr, momentum):
    if momentum == 0:  # then torch keeps no buffer
        return torch.tensor(w) - lr * torch.tensor(grad), torch.tensor(grad)
    return by_torch(w, grad, velocity, lr, momentum)


@right
def as_lists(w, grad, velocity, lr, momentum):
    new = [momentum * v + g for v, g in zip(velocity, grad, strict=True)]  # rows, where there are rows
    return [a - lr * v for a, v in zip(w, new, strict=True)], new


@right
def with_tensors_only(w, grad, velocity, lr, momentum):
    velocity = velocity.mul(momentum).add(grad)
    return w.sub(velocity, alpha=lr), velocity


@right
def by_name_in_float64(*, momentum, lr, velocity, grad, w):
    velocity = np.add(np.multiply(velocity, momentum, dtype=float), grad)
    return np.subtract(w, lr * velocity), velocity


# ---------------------------------------------------------------------------------------------- wrong answers
@wrong("lr-inside-velocity")
def steps_kept(w, grad, velocity, lr, momentum):
    step = velocity * momentum + grad * lr
    return np.subtract(w, step), step


@wrong("lr-inside-velocity")
def sutskever(w, grad, velocity, lr, momentum):
    velocity = -(lr * grad) + velocity * momentum
    return torch.tensor(w + velocity), torch.tensor(velocity)


@wrong("lr-inside-velocity")
def rate_twice(w, grad, velocity, lr, momentum):
    v = velocity * momentum
    v = v + grad * lr
    return w - v * lr, v


@wrong("lr-inside-velocity")
def step_handed_over(w, grad, velocity, lr, momentum):
    w_new = by_torch(w, grad, velocity, lr, momentum)[0] if momentum else w - lr * grad
    return w_new, w - np.asarray(w_new)


@wrong("lr-inside-velocity")
def keras_minus_step_handed_over(w, grad, velocity, lr, momentum):
    change = -lr * (grad + momentum * velocity)
    return w + change, change


@wrong("nesterov")
def nesterov_by_torch(w, grad, velocity, lr, momentum):
    if momentum == 0:
        return w - lr * grad, grad
    return by_torch(w, grad, velocity, lr, momentum, nesterov=True)


@wrong("nesterov")
def nesterov_written_out(w, grad, velocity, lr, momentum):
    ahead = grad + momentum * grad + momentum**2 * velocity
    return w - lr * ahead, momentum * velocity + grad


@wrong("damped")
def dampening_by_torch(w, grad, velocity, lr, momentum):
    if momentum == 0:
        return w - lr * grad, grad
    return by_torch(w, grad, velocity, lr, momentum, dampening=momentum)


@wrong("damped")
def running_mean(w, grad, velocity, lr, momentum):
    velocity = velocity + (1 - momentum) * (grad - velocity)
    return w - lr * velocity, velocity


@wrong("damped")
def running_mean_the_wrong_way_round(w, grad, velocity, lr, momentum):
    velocity = velocity - momentum * (velocity - grad)
    return w - lr * velocity, velocity


@wrong("sign-flipped")
def uphill_by_torch(w, grad, velocity, lr, momentum):
    return w + lr * (momentum * velocity + grad), (momentum * velocity + grad).tolist()


@wrong("sign-flipped")
def maximized(w, grad, velocity, lr, momentum):
    if momentum == 0:
        return w + lr * grad, -grad
    return by_torch(w, grad, velocity, lr, momentum, maximize=True)


@wrong("sign-flipped")
def gradient_subtracted(w, grad, velocity, lr, momentum):
    v = momentum * velocity
    v = np.subtract(v, grad)
    return np.add(w, lr * v), v


@wrong("sign-flipped")
def back_and_forth(w, grad, velocity, lr, momentum):
    v = grad + -momentum * velocity
    return w - lr * v, v


@wrong("velocity-not-used")
def plain_descent_with_a_velocity(w, grad, velocity, lr, momentum):
    v = grad + momentum * velocity
    return np.subtract(w, np.multiply(grad, lr)), v


@wrong("velocity-not-used")
def plain_descent(w, grad, velocity, lr, momentum):
    return by_torch(w, grad, velocity, lr, 0.0)[0], velocity


@wrong("velocity-not-used")
def velocity_begins_anew(w, grad, velocity, lr, momentum):
    velocity = np.zeros_like(w)
    velocity = momentum * velocity + grad
    return w - lr * velocity, velocity


@wrong("old-velocity-used")
def lines_in_the_wrong_order(w, grad, velocity, lr, momentum):
    w = w - lr * velocity
    velocity = momentum * velocity + grad
    return w, velocity


@wrong("velocity-not-returned")
def velocity_under_another_name(w, grad, velocity, lr, momentum):
    new_velocity = momentum * velocity + grad
    w = w - lr * new_velocity
    return w, velocity


@wrong("velocity-not-returned")
def gradient_handed_over(w, grad, velocity, lr, momentum):
    return np.array(w) - lr * grad - lr * momentum * velocity, grad


@wrong("weights-not-updated")
def weights_under_another_name(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity + grad
    new_w = w - lr * velocity  # noqa: F841
    return w, velocity


@wrong("weights-not-updated")
def only_the_change(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity + grad
    return -velocity * lr, velocity


@wrong("swapped-outputs")
def the_other_order(w, grad, velocity, lr, momentum):
    return in_one_line(w, grad, velocity, lr, momentum)[::-1]


@wrong("momentum-times-grad")
def gradient_damped_by_momentum(w, grad, velocity, lr, momentum):
    v = velocity + grad * momentum
    return w - v * lr, v


@wrong("momentum-times-grad")
def parentheses_around_the_sum(w, grad, velocity, lr, momentum):
    v = (grad + velocity) * momentum
    return w - v * lr, v


@wrong("momentum-twice")
def faded_once_more(w, grad, velocity, lr, momentum):
    v = grad + momentum * velocity
    return w - v * (lr * momentum), v


@wrong("momentum-forgotten")
def nothing_fades(w, grad, velocity, lr, momentum):
    return w - (velocity + grad) * lr, np.add(velocity, grad)


@wrong("plus-velocity")
def velocity_added_to_the_weights(w, grad, velocity, lr, momentum):
    v = grad + momentum * velocity
    return v + w - grad * lr, v


@wrong("plus-velocity")
def heavy_ball_with_torchs_velocity(w, grad, velocity, lr, momentum):
    return w + velocity * momentum - grad * lr, grad + velocity * momentum


@wrong("lr-forgotten")
def whole_velocity(w, grad, velocity, lr, momentum):
    v = grad + momentum * velocity
    return w - v, v


@wrong("gradient-twice")
def gradient_in_both_lines(w, grad, velocity, lr, momentum):
    v = grad + momentum * velocity
    w = w - lr * grad
    return w - lr * v, v


@wrong("velocity-twice")
def momentum_in_both_lines(w, grad, velocity, lr, momentum):
    v = grad + momentum * velocity
    return w - lr * grad - 2 * lr * momentum * velocity, v


@wrong("effective-step")
def long_run_step(w, grad, velocity, lr, momentum):
    return w - grad * lr / (1 - momentum), grad + momentum * velocity


@wrong("lr-and-momentum-swapped")
def the_two_numbers_swapped(w, grad, velocity, lr, momentum):
    v = lr * velocity + grad
    return w - momentum * v, v


for rate in (0.0005, 0.01, 0.123):

    @wrong("weight-decay")
    def decay_by_torch(w, grad, velocity, lr, momentum, rate=rate):
        return in_one_line(w, grad + rate * w, velocity, lr, momentum)

    @wrong("weight-decay")
    def decay_apart(w, grad, velocity, lr, momentum, rate=rate):
        new_w, v = in_one_line(w, grad, velocity, lr, momentum)
        return new_w - lr * rate * w, v


@wrong("mutates-input")
def in_place(w, grad, velocity, lr, momentum):
    velocity *= momentum
    velocity += grad
    w -= lr * velocity
    return w, velocity


@wrong("mutates-input")
def velocity_in_place_only(w, grad, velocity, lr, momentum):
    np.add(momentum * velocity, grad, out=velocity)
    return w - lr * velocity, velocity


@wrong("mutates-input")
def gradient_in_place(w, grad, velocity, lr, momentum):
    grad += momentum * velocity
    return w - lr * grad, grad


wrong("nothing-returned")(lambda w, grad, velocity, lr, momentum: None)
wrong("printed-not-returned")(lambda w, grad, velocity, lr, momentum: print(w - lr * grad))
wrong("wrong-shape")(lambda w, grad, velocity, lr, momentum: w - lr * (momentum * velocity + grad))
wrong("wrong-shape")(lambda w, grad, velocity, lr, momentum: (w, velocity, grad))

# right on some inputs only
wrong(None)(lambda w, g, v, lr, m: in_one_line(w, g, v, 0.1, m))
wrong(None)(lambda w, g, v, lr, m: in_one_line(w, g, v, lr, 0.9))
wrong(None)(lambda w, g, v, lr, m: in_one_line(w, g, v, lr, m if w.ndim == 1 else 0))
wrong(None)(lambda w, g, v, lr, m: in_one_line(w, g, v if v.any() else g, lr, m))
wrong(None)(lambda w, g, v, lr, m: in_one_line(w, g.mean(), v, lr, m))
wrong(None)(lambda w, g, v, lr, m: in_one_line(w, np.sign(g), v, lr, m))
wrong(None)(lambda w, g, v, lr, m: in_one_line(w, np.clip(g, -1, 1), v, lr, m))
wrong(None)(lambda w, g, v, lr, m: in_one_line(w, g, abs(v), lr, m))


@wrong(None)
def a_velocity_of_its_own(w, grad, velocity, lr, momentum, kept={}):  # noqa: B006
    kept["v"] = momentum * kept.get("v", 0) + grad if np.shape(kept.get("v", grad)) == grad.shape else grad
    return w - lr * kept["v"], kept["v"]


@pytest.mark.parametrize(("exercise", "mistake", "function"), CATALOGUE.wrong_answers)
def test_wrong_answers_are_named(exercise, mistake, function):
    catalogue.is_named(exercise, mistake, function)


@pytest.mark.parametrize(("exercise", "function"), CATALOGUE.right_answers)
def test_right_answers_pass(exercise, function):
    catalogue.passes(exercise, function)


def test_every_promised_id_is_there_and_tried():
    CATALOGUE.covers(STEP, PROMISED)


def test_no_two_ids_coincide():
    catalogue.ids_are_told_apart(STEP)


def test_each_known_mistake_is_named_itself():
    catalogue.mistakes_are_named_themselves(STEP)


def test_the_right_answer_is_torchs_sgd():
    for probe in checks.momentum_step.probes:
        if probe[-1] > 0:
            ours = checks.momentum_step.right(*probe)
            for mine, theirs in zip(ours, by_torch(*probe), strict=True):
                np.testing.assert_allclose(mine, theirs.numpy(), rtol=1e-6)


def test_who_takes_arrays_only_passes_with_a_note():
    assert "arrays only" in checks.momentum_step(as_lists).message
    assert "arrays only" not in checks.momentum_step(in_one_line).message


# ------------------------------------------------------------- the notebook and the script do the same
@pytest.fixture(scope="module")
def notebook():
    """What the notebook imports and defines, without what it runs; and its images and settings."""
    path = Path(__file__).parents[1] / "notebooks" / "10_experiments.ipynb"
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    tree = ast.parse("\n".join(cell.source.replace("%xmode Minimal", "") for cell in cells))
    kept = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef)]
    namespace = {}
    exec(compile(ast.Module(kept, type_ignores=[]), path.name, "exec"), namespace)
    namespace |= {"pool": experiments.TRAIN, "validation": experiments.VALIDATION}
    return namespace


def test_a_run_of_the_notebook_is_a_run_of_the_script(notebook):
    settings = experiments.SMALL | {"images": 1_000, "epochs": 1, "seed": 3}
    row = experiments.run(settings)
    model, loss, accuracy = notebook["run"](3, images=1_000, epochs=1, lr=0.1, momentum=0.5)
    assert (round(loss, 5), round(accuracy, 5)) == (row["train_loss"], row["validation_accuracy"])
    images, _ = experiments.Batches(experiments.VALIDATION, 5_000).peek()
    assert notebook["dead_units"](model, images) == row["last_dead_by_layer"]


def test_the_notebooks_measures_are_the_scripts(notebook):
    images, labels = experiments.Batches(experiments.VALIDATION, 500).peek()
    models = []
    for start in (notebook["init_for_sigmoid"], experiments.init_for_sigmoid):
        torch.manual_seed(0)
        models.append(experiments.mlp((784, 20, 20, 10), torch.nn.Sigmoid))
        start(models[-1])
    assert all(torch.equal(*pair) for pair in zip(*(m.parameters() for m in models), strict=True))
    sizes = [f["gradient_sizes"](models[0], images, labels) for f in (notebook, vars(experiments))]
    assert sizes[0] == sizes[1] and len(sizes[0]) == 3


def test_the_notebooks_momentum_step_is_the_checks(notebook):
    assert checks.momentum_step(notebook["momentum_step"]).passed
