import copy
import csv
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import OrderedDict

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small import equal, needs_gpu, striped_split, weights
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from softmax_lib import training, watch
from softmax_lib.checkpoint import CheckpointError, save_checkpoint
from softmax_lib.data import Batches, Split
from softmax_lib.models import mlp
from softmax_lib.training import (
    Monitor,
    NonFiniteLossError,
    Recipe,
    choose_device,
    evaluate,
    fit,
    train_epoch,
)

TRAIN, TEST = striped_split(150, seed=1), striped_split(70, seed=2)


def network(seed=0, dropout=0.0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.ReLU(), nn.Dropout(dropout), nn.Linear(20, 10))


def sgd(model, lr=0.1, **options):
    return torch.optim.SGD(model.parameters(), lr=lr, **options)


# ------------------------------------------------------------------------------------------- the two loops


def plain_epoch(model, batches, optimizer):
    """The lecture's loop."""
    model.train()
    loss_sum = correct = 0
    for images, labels in batches:
        optimizer.zero_grad()
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(labels)
        correct += (logits.argmax(1) == labels).sum().item()
    return loss_sum, correct


def test_train_epoch_makes_the_lectures_updates_bit_for_bit():
    ours, plain = network(), network()
    batches = [Batches(TRAIN, 16, shuffle=True) for _ in range(2)]
    optimizers = [sgd(model, momentum=0.5) for model in (ours, plain)]
    for _ in range(2):
        metrics = train_epoch(ours, batches[0], optimizers[0])
        loss_sum, correct = plain_epoch(plain, batches[1], optimizers[1])
        assert metrics == pytest.approx((loss_sum / 150, correct / 150, 150), rel=1e-12)
    assert equal(weights(ours), weights(plain))


def test_fit_follows_the_lectures_recipe():
    """The batches, the updates and the metrics of fit, against a loop written here with torch's own SGD."""
    ours, plain = network(), network()
    history = fit(ours, TRAIN, TEST, epochs=3, device="cpu")
    assert history.recipe == Recipe(epochs=3, batch_size=64, lr=0.01, momentum=0.5)
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.01, momentum=0.5)
    batches = Batches(TRAIN, 64, shuffle=True, seed=0)
    for record in history:
        loss_sum, correct = plain_epoch(plain, batches, optimizer)
        assert record.train_loss == pytest.approx(loss_sum / 150, rel=1e-5)
        assert record.train_accuracy == correct / 150
    for a, b in zip(weights(ours), weights(plain), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_metrics_weigh_examples_not_batches():
    model = network()
    whole = evaluate(model, [(TEST.images[:, None] / 255, TEST.labels)])
    for batch_size in (64, 7, 1):  # 70 examples: the last batch of 64 holds 6
        metrics = evaluate(model, Batches(TEST, batch_size))
        assert metrics == pytest.approx(whole, rel=1e-5)
        assert metrics.num_examples == 70


def test_evaluate_gives_the_mean_cross_entropy_and_the_share_of_right_answers():
    logits = torch.tensor([[2.0, 1.0, 0.1], [0.5, 2.0, 0.3]])
    model = nn.Linear(3, 3, bias=False)
    nn.init.eye_(model.weight)
    metrics = evaluate(model, [(logits, torch.tensor([0, 0]))])
    assert metrics.loss == pytest.approx((0.4170 + 1.8406) / 2, abs=5e-5)
    assert metrics.accuracy == 0.5


def test_evaluate_restores_the_mode_of_each_layer_and_builds_no_graph():
    model = network(dropout=0.5)
    model[3].eval()
    seen = []
    model[-1].register_forward_hook(lambda *args: seen.append((model.training, args[2].requires_grad)))
    first, second = (evaluate(model, Batches(TEST, 64)) for _ in range(2))
    assert first == second  # dropout is off
    assert set(seen) == {(False, False)}
    assert model.training and not model[3].training

    class Broken(nn.Module):
        def forward(self, x):
            raise ZeroDivisionError

    broken = nn.Sequential(model, Broken())
    with pytest.raises(ZeroDivisionError):
        evaluate(broken, Batches(TEST, 64))
    assert model.training and not model[3].training


def test_a_row_of_nan_is_not_counted_as_class_0():
    model = nn.Linear(3, 3, bias=False)
    nn.init.constant_(model.weight, math.nan)
    metrics = evaluate(model, [(torch.ones(4, 3), torch.zeros(4, dtype=torch.int64))])
    assert metrics.accuracy == 0 and math.isnan(metrics.loss)


def test_images_are_brought_to_the_models_dtype():
    model = network().double()
    fit(model, TRAIN, TEST, epochs=1, device="cpu")
    assert model[1].weight.dtype == torch.float64


def test_soft_targets_are_trained_on():
    model = network()
    soft = F.one_hot(TRAIN.labels, 10).double().mul(0.9).add(0.01)
    batches = [(TRAIN.images[:, None] / 255, soft)]
    first = train_epoch(model, batches, sgd(model))
    with torch.no_grad():
        expected = -(soft * network()(batches[0][0]).log_softmax(1)).sum(1).mean().item()
    assert first.loss == pytest.approx(expected, rel=1e-5)
    for _ in range(30):
        last = train_epoch(model, batches, sgd(model))
    assert last.accuracy > first.accuracy


# ------------------------------------------------------------------------------------------- wrong input

ROWS = torch.rand(3, 3)
LABELS = torch.tensor([2, 0, 1])


@pytest.mark.parametrize(
    "targets, error, words",
    [
        (torch.eye(3, dtype=torch.int64), TypeError, "one-hot"),
        (LABELS[:, None], ValueError, "squeeze"),
        (LABELS.float(), TypeError, "found float32"),
        (LABELS.int(), TypeError, "found int32"),
        (LABELS.bool(), TypeError, "found bool"),
        (LABELS.numpy(), TypeError, "as_tensor"),
        (torch.tensor([2, 0, 10]), ValueError, "found 10"),
        (torch.tensor([2, 0, -1]), ValueError, "found -1"),
        (torch.tensor([2, 0, -100]), ValueError, "found -100"),
        (torch.tensor([[1.5, -0.5, 0]]).expand(3, 3), ValueError, "negative"),
        (torch.full((3, 3), 0.3), ValueError, "sum to 1"),
    ],
    ids=lambda value: "" if isinstance(value, type) else None,
)
@pytest.mark.parametrize("first_is_good", [False, True])
def test_wrong_targets_of_a_loader_are_refused_before_torchs_own_message(
    targets, error, words, first_is_good
):
    model = nn.Linear(3, 3)
    before = weights(model)
    batches = [(ROWS, LABELS)] * first_is_good + [(ROWS, targets)]
    with pytest.raises(error, match=words):
        evaluate(model, batches)
    with pytest.raises(error, match=words):
        train_epoch(model, batches[-1:], sgd(model))
    assert equal(weights(model), before)


def test_a_model_with_too_few_outputs_is_refused():
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 9))
    labels = torch.zeros(150, dtype=torch.int64)
    labels[-1] = 9  # not in the first batch
    with pytest.raises(ValueError, match="from 0 to 8; found 9"):
        train_epoch(model, Batches(Split(TRAIN.images, labels), 10), sgd(model))


def test_a_model_that_returns_no_rows_of_logits_is_refused():
    with pytest.raises(ValueError, match=r"logits of shape \(N, C\), here \(3, C\); it returned \(3,\)"):
        evaluate(nn.Sequential(nn.Linear(3, 1), nn.Flatten(0)), [(ROWS, LABELS)])


def double_softmax_model():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Softmax(dim=1))


def double_softmax_warnings(action):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [w for w in caught if "double softmax" in str(w.message)]


def test_a_double_softmax_is_warned_of_once_in_a_fit():
    found = double_softmax_warnings(lambda: fit(double_softmax_model(), TRAIN, TEST, epochs=3, device="cpu"))
    assert len(found) == 1
    assert "can't fall below 1.4612" in str(found[0].message)


def test_a_double_softmax_is_warned_of_in_train_epoch_and_evaluate():
    model = double_softmax_model()
    batches = Batches(TRAIN, 10)
    assert len(double_softmax_warnings(lambda: train_epoch(model, batches, sgd(model)))) == 1
    found = double_softmax_warnings(lambda: evaluate(model, batches))
    assert len(found) == 1


def test_logits_and_log_probabilities_are_not_taken_for_probabilities():
    assert not double_softmax_warnings(lambda: fit(network(), TRAIN, TEST, epochs=1, device="cpu"))
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.LogSoftmax(dim=1))  # changes nothing
    assert not double_softmax_warnings(lambda: fit(model, TRAIN, epochs=1, device="cpu"))


def test_no_batches_and_empty_batches_are_errors_not_nan():
    model = nn.Linear(3, 3)
    for run in (lambda b: evaluate(model, b), lambda b: train_epoch(model, b, sgd(model))):
        with pytest.raises(ValueError, match="no batches"):
            run([])
        with pytest.raises(ValueError, match="no rows"):
            run([(ROWS[:0], LABELS[:0])])
    used_up = iter([(ROWS, LABELS)])
    evaluate(model, used_up)
    with pytest.raises(ValueError, match="used up"):
        evaluate(model, used_up)
    with pytest.raises(ValueError, match="no rows"):
        fit(network(), TRAIN[:0])


def test_fit_says_what_it_takes():
    with pytest.raises(TypeError, match=r"train must be a Split.*train_epoch"):
        fit(network(), [(ROWS, LABELS)])
    with pytest.raises(TypeError, match="test must be a Split"):
        fit(network(), TRAIN, Batches(TEST, 10))
    with pytest.raises(ValueError, match="'lecture', 'fast'; found 'slow'"):
        fit(network(), TRAIN, recipe="slow")
    for name, value in (("epochs", 0), ("batch_size", 1.5), ("lr", -1), ("lr", math.nan), ("momentum", 1)):
        with pytest.raises(ValueError, match=name):
            fit(network(), TRAIN, **{name: value})
    with pytest.raises(ValueError, match="seed"):
        fit(network(), TRAIN, seed=-1)


def test_whole_numbers_of_numpy_are_whole_numbers():
    expected, model = network(), network()
    fit(expected, TRAIN, epochs=1, batch_size=32, seed=3, validation=10)
    one, size, seed, held_out = np.array([1, 32, 3, 10])
    fit(model, TRAIN, epochs=one, batch_size=size, seed=seed, validation=held_out)
    assert equal(weights(model), weights(expected))


def test_a_model_that_cannot_be_trained_is_refused_in_plain_words():
    with pytest.raises(TypeError, match=r"model must be a torch module, such as mlp\(\), not a function"):
        fit(network, TRAIN)
    for model in (nn.Flatten(), network().requires_grad_(False)):
        with pytest.raises(ValueError, match="no parameters to train"):
            fit(model, TRAIN)


class OneBuffer(nn.Module):
    """Writes its logits into the same tensor each time, as a replayed CUDA graph does."""

    def __init__(self):
        super().__init__()
        self.inner, self.out = network(), torch.empty(10, 10)

    def forward(self, images):
        return self.out.copy_(self.inner(images))


def test_logits_and_labels_may_come_in_one_buffer_again_and_again():
    labels = torch.empty(10, dtype=torch.int64)
    batches = Batches(TRAIN, 10)
    expected = evaluate(network(), batches)
    again = ((images, labels.copy_(each)) for images, each in batches)
    assert evaluate(OneBuffer(), again) == pytest.approx(expected)


def test_a_split_in_place_of_batches_is_named():
    with pytest.raises(TypeError, match=r"not a Split: Batches\(split, 64\)"):
        evaluate(network(), TEST)


def test_a_device_without_values_is_refused_before_the_model_moves():
    model = network()
    for device in ("meta", None):
        with pytest.raises(ValueError, match=f"'{device}' can't be used here"):
            fit(model, TRAIN, device=device)
    assert model[1].weight.device.type == "cpu"


def test_a_device_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="'nonsense' can't be used here.*Use 'auto'"):
        choose_device("nonsense")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="'cuda' can't be used here"):
            fit(network(), TRAIN, device="cuda")
    assert choose_device("cpu") == torch.device("cpu")


# ------------------------------------------------------------------------------------------- bad values


class BadAt(nn.Module):
    """A network whose logits are nan at its n-th training step."""

    def __init__(self, step, value=math.nan):
        super().__init__()
        self.inner, self.step, self.value, self.steps = network(), step, value, 0
        self.weights_before = None

    def forward(self, images):
        logits = self.inner(images)
        if self.training:
            self.steps += 1
            if self.steps == self.step:
                self.weights_before = weights(self)
                logits = logits + self.value
        return logits


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_bad_loss_stops_before_its_step_and_names_epoch_and_batch(value):
    model = BadAt(step=15 + 4, value=value)  # 15 batches of 10 an epoch
    with pytest.raises(NonFiniteLossError, match=r"epoch 2, batch 4: the loss is nan") as error:
        fit(model, TRAIN, TEST, batch_size=10, epochs=3, device="cpu")
    assert equal(weights(model), model.weights_before)
    assert [record.epoch for record in error.value.history] == [1]
    assert model.steps == 19


def test_a_learning_rate_too_large_is_stopped():
    model = network()
    with pytest.raises(NonFiniteLossError, match="learning rate too large"):
        fit(model, TRAIN, lr=1e30, batch_size=10, epochs=50, device="cpu")


def test_nan_images_of_a_loader_are_stopped():
    model = nn.Linear(3, 3)
    before = weights(model)
    with pytest.raises(NonFiniteLossError, match="^batch 1: the loss is nan"):
        train_epoch(model, [(ROWS * math.nan, LABELS)], sgd(model))
    assert equal(weights(model), before)


@pytest.mark.parametrize("bad_step", [1, 7, 50, 51, 120])
def test_on_a_gpu_no_update_follows_a_bad_loss_and_it_is_reported_within_50_steps(monkeypatch, bad_step):
    """The GPU's way, a flag on the device that switches off the fused update, run here on the CPU."""
    monkeypatch.setattr(watch, "_asking_costs_time", lambda loss: True)
    model = BadAt(step=bad_step)
    optimizer = sgd(model, momentum=0.5, fused=True)
    with pytest.raises(NonFiniteLossError, match=f"batch {bad_step}: the loss is nan"):
        train_epoch(model, Batches(TRAIN, 1), optimizer)
    assert equal(weights(model), model.weights_before)
    assert model.steps <= bad_step + 50
    assert not hasattr(optimizer, "found_inf")  # the optimizer works as before


def test_on_a_gpu_metrics_are_the_same(monkeypatch):
    results = []
    for gpu in (False, True):
        monkeypatch.setattr(watch, "_asking_costs_time", lambda loss, gpu=gpu: gpu)
        model = network()
        metrics = train_epoch(model, Batches(TRAIN, 16), sgd(model, fused=True))
        results.append((metrics, weights(model)))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-6)
    assert equal(results[0][1], results[1][1])


# ------------------------------------------------------------------------------------------- determinism


def run(after_epoch=None, **options):
    model = network(dropout=0.3)
    options = {"epochs": 3, "batch_size": 16, "lr": 0.05, "device": "cpu"} | options
    history = fit(model, TRAIN, TEST, after_epoch=after_epoch, **options)
    return weights(model), history


def test_the_same_seed_gives_the_same_bits():
    first, second, other = run(seed=1), run(seed=1), run(seed=2)
    assert equal(first[0], second[0])
    assert first[1].column("test_loss") == second[1].column("test_loss")
    assert not equal(first[0], other[0])


def test_what_happens_between_epochs_changes_nothing():
    def meddle(record, epochs):
        torch.manual_seed(record.epoch)
        torch.rand(7)
        Batches(TRAIN, 16, shuffle=True).peek()
        evaluate(network(), Batches(TEST, 64))

    undisturbed = run()[0]
    torch.rand(5)
    assert equal(run(after_epoch=meddle)[0], undisturbed)


def test_training_leaves_torchs_generator_alone():
    model = network(dropout=0.3)
    before = torch.get_rng_state()
    fit(model, TRAIN, epochs=1, device="cpu")
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_differs_between_epochs_and_from_the_batch_order():
    masks = []
    model = network(dropout=0.5)
    model[3].register_forward_hook(lambda module, args, out: masks.append(out.detach() == 0))
    fit(model, TRAIN, epochs=2, batch_size=150, device="cpu")
    assert not torch.equal(masks[0], masks[1])


# ------------------------------------------------------------------------------------------- Ctrl-C


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def default_sigint():
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler  # fit puts it back
    signal.signal(signal.SIGINT, previous)


@pytest.mark.parametrize("recipe", ["lecture", "fast"])
@pytest.mark.parametrize("at_step", [1, 9, 10, 11, 25, 30])  # 10 batches an epoch
def test_ctrl_c_at_a_step_then_resume_is_bit_equal_to_no_stop(default_sigint, recipe, at_step, tmp_path):
    path = tmp_path / "checkpoint.pt"
    options = {
        "recipe": recipe,
        "epochs": 3,
        "batch_size": 16,
        "lr": 0.05,
        "device": "cpu",
        "validation": 0.1,
    }
    options["batch_size"] = 14  # 135 images left: 10 batches
    straight = network(dropout=0.3)
    expected = fit(straight, TRAIN, TEST, **options)

    model = network(dropout=0.3)
    steps = []

    def stop(module, args):
        if model.training:
            steps.append(1)
            if len(steps) == at_step:
                interrupt()

    hook = model.register_forward_pre_hook(stop)
    stopped = fit(model, TRAIN, TEST, **options, checkpoint=path)
    hook.remove()
    assert len(steps) == at_step
    assert stopped.interrupted == (at_step < 30)
    assert len(stopped) == at_step // 10
    torch.rand(3)
    resumed = fit(model, TRAIN, TEST, **options, resume=stopped)
    fresh = network(seed=1, dropout=0.3)
    from_file = fit(fresh, TRAIN, TEST, **options, resume=path)
    for net, history in ((model, resumed), (fresh, from_file)):
        assert equal(weights(net), weights(straight))
        assert [r[:7] for r in history] == [r[:7] for r in expected]
        assert not history.interrupted


class InterruptAt(TorchDispatchMode):
    """Ctrl-C at the n-th operation of torch, be it in the forward pass, the backward pass or the step."""

    def __init__(self, operation):
        super().__init__()
        self.operation, self.count = operation, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
        if self.count == self.operation:
            interrupt()
        return func(*args, **(kwargs or {}))


def test_ctrl_c_at_every_operation_of_an_epoch_tears_no_step(default_sigint):
    """The weights after it are those of a whole number of steps."""
    batches = Batches(TRAIN, 50)  # 3 steps
    model = network()
    optimizer = sgd(model, momentum=0.5, foreach=False)  # parameter after parameter
    whole_steps = [weights(model)]
    for images, labels in batches:
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
        optimizer.zero_grad()
        whole_steps.append(weights(model))

    stopped_after = set()
    for operation in range(1, 400, 4):
        model = network()
        optimizer = sgd(model, momentum=0.5, foreach=False)
        mode = InterruptAt(operation)
        try:
            with mode:
                train_epoch(model, batches, optimizer)
        except KeyboardInterrupt:
            done = [steps for steps, whole in enumerate(whole_steps) if equal(weights(model), whole)]
            assert done, f"a torn step at operation {operation}"
            stopped_after.update(done)
        else:
            break
    assert mode.count < operation  # the last run had no such operation: all moments were tried
    assert stopped_after >= {1, 2, 3}


def test_ctrl_c_at_random_moments_keeps_history_and_weights(default_sigint):
    rng = random.Random(0)
    for _ in range(5):
        model = network(dropout=0.3)
        timer = threading.Timer(rng.uniform(0.005, 0.3), interrupt)
        timer.start()
        options = {"epochs": 40, "batch_size": 4, "lr": 0.05, "device": "cpu"}
        try:
            history = fit(model, TRAIN, TEST, **options)
        finally:
            timer.join()
        done = history._position.epoch * 38 + history._position.totals[0]
        assert 0 < done < 40 * 38 and history.interrupted
        straight = network(dropout=0.3)
        steps = []

        def stop(module, args, steps=steps, straight=straight, done=done):
            if straight.training:
                steps.append(1)
                if len(steps) == done:
                    interrupt()

        straight.register_forward_pre_hook(stop)
        fit(straight, TRAIN, TEST, **options)
        assert equal(weights(model), weights(straight))


def test_a_second_ctrl_c_stops_at_once(default_sigint):
    model = network()
    model.register_forward_pre_hook(lambda *args: (interrupt(), interrupt()))
    with pytest.raises(KeyboardInterrupt):
        fit(model, TRAIN, device="cpu")


def test_fit_runs_in_another_thread_where_signals_cannot_be_set():
    histories = []
    thread = threading.Thread(target=lambda: histories.append(fit(network(), TRAIN, epochs=1, device="cpu")))
    thread.start()
    thread.join()
    assert len(histories[0]) == 1


def test_resume_with_other_settings_is_refused_and_changes_nothing():
    model = network()
    history = fit(model, TRAIN, epochs=1, device="cpu")
    before = weights(model)
    with pytest.raises(ValueError, match=r"other settings: lr 0\.01, now 0\.1; seed 0, now 3"):
        fit(model, TRAIN, epochs=1, lr=0.1, seed=3, device="cpu", resume=history)
    assert equal(weights(model), before)


def test_resume_with_another_model_or_other_data_is_refused():
    """The momentum of another shape made the fused step read foreign memory: the kernel died."""
    model = network()
    history = fit(model, TRAIN, epochs=1, device="cpu")
    wider = nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10))
    with pytest.raises(ValueError, match=r"shapes of parameters \[\(20, 784\).*now \[\(30, 784\)"):
        fit(wider, TRAIN, epochs=2, device="cpu", resume=history)
    with pytest.raises(ValueError, match="number of training images 150, now 70"):
        fit(model, TEST, epochs=2, device="cpu", resume=history)
    with pytest.raises(
        TypeError,
        match="resume must be the History that fit returned, or the path of a checkpoint, not a list",
    ):
        fit(model, TRAIN, epochs=2, device="cpu", resume=history.records)


def test_resume_of_a_finished_run_adds_epochs():
    straight = network()
    expected = fit(straight, TRAIN, epochs=3, device="cpu")
    model = network()
    first = fit(model, TRAIN, epochs=2, device="cpu")
    frozen = copy.deepcopy(first.records)
    second = fit(model, TRAIN, epochs=3, device="cpu", resume=first)
    assert equal(weights(model), weights(straight))
    assert second.column("train_loss") == expected.column("train_loss")
    assert first.records == frozen  # the earlier history stays as it was


def test_the_stop_button_of_a_notebook_keeps_the_kernel_and_what_was_learned(tmp_path):
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    try:

        def execute(code):
            reply = client.execute_interactive(code, timeout=60, output_hook=lambda message: None)
            assert reply["content"]["status"] == "ok", reply["content"]["traceback"]

        execute("""
import torch
from softmax_lib.data import Split
from softmax_lib.models import mlp
from softmax_lib.training import fit
images = torch.randint(0, 256, (400, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
train = Split(images, torch.arange(400) % 10)
def network():
    torch.manual_seed(0)
    return mlp((784, 16, 10))
model = network()
options = dict(batch_size=10, momentum=0.9, device="cpu", progress=False)
""")
        run = """
def say(record, epochs):
    if record.epoch == 2:
        print("two epochs")
history = fit(model, train, epochs=100_000, checkpoint="run.pt", after_epoch=say, **options)
"""
        message = client.execute(run)
        output = []
        while "two epochs" not in "".join(output):
            received = client.get_iopub_msg(timeout=60)
            output.append(received["content"].get("text", ""))
        manager.interrupt_kernel()
        while (reply := client.get_shell_msg(timeout=60))["parent_header"].get("msg_id") != message:
            pass
        assert reply["content"]["status"] == "ok", reply["content"]
        execute("""
assert history.interrupted and 2 <= len(history) < 100_000
epochs = len(history) + 2
straight = network()
fit(straight, train, epochs=epochs, **options)
again = fit(model, train, epochs=epochs, resume=history, **options)
fresh = network()
fit(fresh, train, epochs=epochs, resume="run.pt", **options)
assert len(again) == epochs and not again.interrupted
for name, value in straight.state_dict().items():
    assert torch.equal(value, model.state_dict()[name]) and torch.equal(value, fresh.state_dict()[name])
""")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# ------------------------------------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("recipe", ["lecture", "fast"])
@pytest.mark.parametrize("done", [0, 1, 2, 3])
def test_a_run_killed_after_any_epoch_resumes_to_the_same_bits(tmp_path, recipe, done):
    """The checkpoint as it stands after each epoch, kept by a copy: that is what a killed run leaves."""
    path, kept = tmp_path / "checkpoint.pt", tmp_path / "kept.pt"
    options = {"recipe": recipe, "epochs": 3, "batch_size": 16, "momentum": 0.9, "validation": 0.1}
    options |= {"device": "cpu", "lr": 0.02}
    straight = network(dropout=0.3)

    def keep(record, epochs):
        if record.epoch == done:
            shutil.copy(path, kept)

    if done == 0:  # before the first step
        straight.register_forward_pre_hook(
            lambda *args: None if kept.exists() else (shutil.copy(path, kept), None)[1]
        )
    expected = fit(straight, TRAIN, TEST, **options, checkpoint=path, after_epoch=keep)
    model = network(seed=7, dropout=0.3)
    resumed = fit(model, TRAIN, TEST, **options, resume=kept, checkpoint=tmp_path / "next.pt")
    assert equal(weights(model), weights(straight))
    assert [record[:7] for record in resumed] == [record[:7] for record in expected]
    assert len(training.read_history(tmp_path / "next.pt")) == 3


def test_a_checkpoint_of_other_settings_data_or_shapes_is_refused_and_nothing_changes(tmp_path):
    path = tmp_path / "checkpoint.pt"
    fit(network(), TRAIN, epochs=1, device="cpu", checkpoint=path)
    content = path.read_bytes()
    model = network(seed=5)
    before = weights(model)
    other_pixels = Split(TRAIN.images.flip(0), TRAIN.labels)
    for split, options, words in (
        (
            TRAIN,
            {"lr": 0.1, "seed": 3},
            r"checkpoint\.pt was made with other settings: lr 0\.01, now 0\.1; seed 0",
        ),
        (TEST, {}, "number of training images 150, now 70"),
        (other_pixels, {}, r"settings: checksum of the training data \d+, now \d+\. Pass"),
        (TRAIN, {"recipe": "fast"}, "one_cycle False, now True"),
    ):
        with pytest.raises(CheckpointError, match=words):
            fit(model, split, device="cpu", resume=path, checkpoint=path, **options)
        assert equal(weights(model), before) and path.read_bytes() == content
    wider = nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10))
    with pytest.raises(ValueError, match=r"shapes of parameters \[\(20, 784\).*now \[\(30, 784\)"):
        fit(wider, TRAIN, device="cpu", resume=path)
    named = nn.Sequential(
        OrderedDict(flat=nn.Flatten(), a=nn.Linear(784, 20), r=nn.ReLU(), b=nn.Linear(20, 10))
    )
    with pytest.raises(ValueError, match=r"another architecture; 1\.bias: expected nothing, found \(20,\)"):
        fit(named, TRAIN, device="cpu", resume=path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        fit(model, TRAIN, device="cpu", resume=tmp_path / "nothing.pt", checkpoint=tmp_path / "new.pt")
    assert not (tmp_path / "new.pt").exists()
    save_checkpoint(model, sgd(model), tmp_path / "own.pt", epoch=3)
    with pytest.raises(CheckpointError, match="not one of fit: load_checkpoint reads it"):
        fit(model, TRAIN, device="cpu", resume=tmp_path / "own.pt")
    assert equal(weights(model), before)


def test_a_finished_run_resumed_trains_no_further_and_more_epochs_may_follow(tmp_path):
    path = tmp_path / "checkpoint.pt"
    straight = network()
    fit(straight, TRAIN, epochs=2, device="cpu", checkpoint=path)
    content = path.read_bytes()
    model = network(seed=1)
    assert len(fit(model, TRAIN, epochs=2, device="cpu", resume=path, checkpoint=path)) == 2
    assert equal(weights(model), weights(straight)) and path.read_bytes() == content
    fit(straight := network(), TRAIN, epochs=3, device="cpu")
    fit(model, TRAIN, epochs=3, device="cpu", resume=str(path))
    assert equal(weights(model), weights(straight))


def test_numpys_numbers_as_settings_can_be_saved(tmp_path):
    fit(network(), TRAIN, epochs=np.int64(1), lr=np.float64(0.01), device="cpu", checkpoint=tmp_path / "c.pt")
    assert training.read_history(tmp_path / "c.pt").recipe.lr == 0.01


@pytest.mark.skipif(os.name != "posix", reason="the size of files can be limited on Linux and macOS only")
def test_a_full_disk_ends_training_with_the_last_checkpoint_whole(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "checkpoint.pt"
    kept = {}

    def fill_the_disk(record, epochs):
        kept[record.epoch] = path.read_bytes()
        if record.epoch == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(OSError, match=r"checkpoint\.pt can't be written .*Make room") as error:
            fit(network(), TRAIN, epochs=5, device="cpu", checkpoint=path, after_epoch=fill_the_disk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == kept[2] and [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert len(error.value.history) == 3


@pytest.mark.skipif(os.name != "posix", reason="signals of Linux and macOS")
@pytest.mark.parametrize("signum", [signal.SIGTERM, getattr(signal, "SIGHUP", None)])
@pytest.mark.parametrize("recipe", ["lecture", "fast"])
def test_sigterm_and_sighup_save_between_two_steps_and_then_take_effect(tmp_path, signum, recipe):
    path = tmp_path / "checkpoint.pt"
    options = {"recipe": recipe, "epochs": 3, "batch_size": 16, "device": "cpu", "checkpoint": path}
    straight = network(dropout=0.3)
    fit(straight, TRAIN, **options)
    model = network(dropout=0.3)
    steps, ended = [], []

    def send(module, args):
        steps.append(1)
        if len(steps) == 14:
            os.kill(os.getpid(), signum)

    hook = model.register_forward_pre_hook(send)
    previous = signal.signal(signum, lambda *args: ended.append(len(steps)))
    try:
        fit(model, TRAIN, **options)
        assert ended == [14] and training.read_history(path).batches_done == 4
        hook.remove()
        fit(fresh := network(dropout=0.3), TRAIN, **options, resume=path)
        assert equal(weights(fresh), weights(straight))
        steps.clear()
        model.register_forward_pre_hook(send)
        fit(model, TRAIN, **{**options, "checkpoint": None})  # nothing to save: as if fit were not there
        assert ended == [14, 14] and len(steps) == 30
        assert signal.getsignal(signum) is not signal.SIG_DFL
    finally:
        signal.signal(signum, previous)


def test_ctrl_c_at_random_moments_of_a_real_process(tmp_path):
    """One process; 30 times Ctrl-C, and each time the next fit goes on from the checkpoint: the weights at
    each stop are those of a run that was never stopped."""
    code = """
import sys, torch, zlib
from torch import nn
from softmax_lib.data import Split
from softmax_lib.training import fit
torch.set_num_threads(1)
images = torch.randint(0, 256, (60, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
train = Split(images, torch.arange(60) % 10)
class Started(nn.Identity):
    said = True
    def forward(self, x):
        if not self.said:
            print("go", flush=True)
            self.said = True
        return x
def network():
    torch.manual_seed(0)
    return nn.Sequential(Started(), nn.Flatten(), nn.Linear(784, 8), nn.Dropout(0.2), nn.Linear(8, 10))
def checksum(model):
    return zlib.crc32(b"".join(p.detach().numpy().tobytes() for p in model.parameters()))
options = dict(epochs=10**6, batch_size=4, momentum=0.9, device="cpu", progress=False)
stops, path = {}, None
for stop in range(int(sys.argv[1])):
    model = network()
    model[0].said = False
    history = fit(model, train, checkpoint="run.pt", resume=path, **options)
    path = "run.pt"
    stops[15 * len(history) + history.batches_done] = checksum(model)
print("compare", flush=True)
import signal
model, seen, steps = network(), {}, 0
def look(module, args):
    global steps
    seen[steps] = checksum(model)
    if steps == max(stops):
        signal.raise_signal(signal.SIGINT)
    steps += 1
model.register_forward_pre_hook(look)
fit(model, train, **options)
assert all(seen[step] == stops[step] for step in stops), (stops, seen)
print("distinct", len(stops))
"""
    rng = random.Random(0)
    command = [sys.executable, "-c", code, "30"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        signals = 0
        for line in process.stdout:
            if line == "go\n":
                time.sleep(rng.uniform(0, 0.08))
                process.send_signal(signal.SIGINT)
                signals += 1
        errors = process.stderr.read()
    assert process.returncode == 0, errors
    assert signals == 30 and line.startswith("distinct") and int(line.split()[1]) > 20


# ------------------------------------------------------------------------------------------- recipes, history


def test_explicit_arguments_win_over_the_recipe():
    history = fit(
        network(), TRAIN, recipe="fast", epochs=1, batch_size=50, lr=0.3, momentum=0.0, device="cpu"
    )
    assert history.recipe == Recipe(1, 50, 0.3, 0.0, nesterov=True, one_cycle=True)


def test_the_fast_recipe_runs_one_cycle_up_to_its_learning_rate(monkeypatch):
    rates = []
    real_step = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD,
        "step",
        lambda self, *args: (rates.append(self.param_groups[0]["lr"]), real_step(self, *args))[1],
    )
    fit(network(), TRAIN, recipe="fast", batch_size=15, device="cpu")  # 3 epochs of 10 batches
    assert len(rates) == 30
    assert rates[0] == pytest.approx(0.1 / 25) and max(rates) == pytest.approx(0.1)
    assert rates.index(max(rates)) == 8 and rates[-1] < 1e-4


def test_validation_images_are_held_out_and_evaluated():
    seen = set()
    model = network()
    model.register_forward_hook(lambda m, args, out: seen.add((m.training, len(args[0]))))
    history = fit(model, TRAIN, validation=30, batch_size=120, epochs=2, device="cpu")
    assert seen == {(True, 120), (False, 30)}
    assert history[0].validation_loss is not None and history[0].test_loss is None
    _, held_out = TRAIN.hold_out(30, seed=0)
    assert evaluate(model, Batches(held_out, 30)).loss == pytest.approx(history[-1].validation_loss, rel=1e-6)


def test_history_goes_to_csv_and_back(tmp_path):
    history = fit(network(), TRAIN, TEST, epochs=2, device="cpu")
    path = tmp_path / "홍길동 폴더" / "history.csv"
    history.to_csv(path)
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert list(rows[0])[:6] == [
        "epoch",
        "train_loss",
        "train_accuracy",
        "test_loss",
        "test_accuracy",
        "seconds",
    ]
    assert [float(row["test_loss"]) for row in rows] == history.column("test_loss")
    assert [row["validation_loss"] for row in rows] == ["", ""]
    assert all(float(row["train_seconds"]) > 0 and float(row["evaluation_seconds"]) > 0 for row in rows)


def test_history_shows_a_line_an_epoch():
    history = fit(network(), TRAIN, TEST, epochs=2, device="cpu")
    lines = repr(history).splitlines()
    assert len(lines) == 3 and "test accuracy" in lines[0] and "validation" not in lines[0]
    assert f"{history[1].test_accuracy:.4f}" in lines[2]
    with pytest.raises(ValueError, match="no field 'loss'; there are epoch, train_loss"):
        history.column("loss")


def test_the_model_returns_to_its_device_and_the_bar_is_off_by_environment(monkeypatch, capfd):
    monkeypatch.setenv("SOFTMAX_LIB_PROGRESS", "0")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    model = network()
    fit(model, TRAIN, epochs=1)
    assert next(model.parameters()).device.type == "cpu"
    assert capfd.readouterr() == ("", "")


def test_the_bar_shows_epoch_loss_and_accuracy(capfd):
    fit(network(), TRAIN, epochs=2, batch_size=1, device="cpu", progress=True)
    shown = capfd.readouterr().err
    assert "epoch 2/2" in shown and "loss" in shown and "accuracy" in shown and "300/300" in shown


# ------------------------------------------------------------------------------------------- monitor


class Recorder(Monitor):
    """Writes down what it is told, and asks to stop after some steps."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.calls, self.seen = [], []

    def begin(self, history, num_batches, interrupt):
        self.history, self.interrupt = history, interrupt
        self.calls.append(("begin", len(history), num_batches))

    def after_step(self, watch):
        self.seen.append((len(self.history), watch.step, watch.metrics_here()))
        if len(self.seen) == self.stop_after:
            self.interrupt.requested = True

    def end(self):
        self.calls.append(("end", len(self.history)))


def test_a_monitor_is_told_each_step_and_changes_no_number():
    monitor = Recorder()
    undisturbed, watched = run(), run(monitor=monitor)
    assert equal(watched[0], undisturbed[0])
    assert [record[:7] for record in watched[1]] == [record[:7] for record in undisturbed[1]]
    assert monitor.history is watched[1]
    assert monitor.calls == [("begin", 0, 10), ("end", 3)]
    assert [seen[:2] for seen in monitor.seen] == [(e, step) for e in range(3) for step in range(1, 11)]
    assert monitor.seen[19][2][:2] == watched[1][1][1:3]  # the means at the end of epoch 2


@pytest.mark.parametrize("stop_after", [1, 9, 10, 14, 30])  # 10 batches an epoch
def test_a_monitor_stops_like_ctrl_c_and_resume_is_bit_equal(stop_after):
    options = {"epochs": 3, "batch_size": 16, "lr": 0.05, "device": "cpu"}
    expected = run()
    model, monitor = network(dropout=0.3), Recorder(stop_after)
    stopped = fit(model, TRAIN, TEST, **options, monitor=monitor)
    assert len(monitor.seen) == stop_after
    assert (len(stopped), stopped.batches_done) == divmod(stop_after, 10)
    assert stopped.interrupted == (stop_after < 30)
    again = Recorder()
    resumed = fit(model, TRAIN, TEST, **options, resume=stopped, monitor=again)
    assert again.calls == [("begin", stop_after // 10, 10), ("end", 3)]
    assert len(again.seen) == 30 - stop_after
    assert equal(weights(model), expected[0])
    assert [record[:7] for record in resumed] == [record[:7] for record in expected[1]]


def test_a_monitor_is_told_of_the_end_when_an_error_ends_training():
    monitor = Recorder()
    with pytest.raises(NonFiniteLossError):
        fit(BadAt(step=3), TRAIN, epochs=1, batch_size=16, device="cpu", monitor=monitor)
    assert len(monitor.seen) == 2
    assert monitor.calls[-1] == ("end", 0)


def test_a_monitor_takes_the_place_of_the_bar(monkeypatch, capfd):
    monkeypatch.delenv("SOFTMAX_LIB_PROGRESS", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fit(network(), TRAIN, epochs=1, device="cpu")
    assert "epoch 1/1" in capfd.readouterr().err
    fit(network(), TRAIN, epochs=1, device="cpu", monitor=Monitor())
    assert capfd.readouterr().err == ""


def test_the_library_trains_what_the_linear_model_can_learn():
    model = mlp((784, 32, 10))
    history = fit(model, striped_split(2000), TEST, epochs=5, lr=0.1, device="cpu")
    assert history[-1].test_accuracy > 0.95
    assert training.predict_labels(model, TEST).eq(TEST.labels).double().mean() == history[-1].test_accuracy


# ------------------------------------------------------------------------------------------- a real GPU


@needs_gpu
def test_a_gpu_gives_what_the_cpu_gives():
    runs = {}
    for device in ("cpu", "cuda"):
        model = network()
        runs[device] = (fit(model, TRAIN, TEST, epochs=3, device=device), weights(model))
    (on_cpu, cpu_weights), (on_gpu, gpu_weights) = runs.values()
    assert on_gpu.column("test_loss") == pytest.approx(on_cpu.column("test_loss"), rel=1e-3)
    for a, b in zip(cpu_weights, gpu_weights, strict=True):  # fit brought the model back
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


@needs_gpu
@pytest.mark.parametrize("bad_step", [1, 7, 51])
def test_a_bad_loss_on_a_gpu_keeps_the_weights_from_before_it(bad_step):
    model = BadAt(step=bad_step)
    with pytest.raises(NonFiniteLossError, match=f"epoch 1, batch {bad_step}:"):
        fit(model, TRAIN, batch_size=1, epochs=1, device="cuda")
    before = [tensor.cpu() for tensor in model.weights_before]
    assert equal(weights(model), before)
    assert model.steps <= bad_step + 50


@needs_gpu
def test_a_run_on_a_gpu_resumes_to_the_same_bits():
    options = {"batch_size": 14, "lr": 0.05, "device": "cuda"}
    straight, model = network(dropout=0.3), network(dropout=0.3)
    fit(straight, TRAIN, epochs=3, **options)
    first = fit(model, TRAIN, epochs=2, **options)
    fit(model, TRAIN, epochs=3, **options, resume=first)
    assert equal(weights(model), weights(straight))


@needs_gpu
def test_a_refused_resume_leaves_the_model_on_its_device():
    history = fit(network(), TRAIN, epochs=1)
    model = network()
    with pytest.raises(ValueError, match="other settings"):
        fit(model, TRAIN, lr=0.5, device="cuda", resume=history)
    assert model[1].weight.device.type == "cpu"
