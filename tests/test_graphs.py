"""The recorded epochs of a GPU.  On a CPU a step is run again instead of replayed; the rest is the same."""

import math

import pytest
import torch
from small import equal, needs_gpu, striped_split, weights
from torch import nn

from softmax_lib import graphs, training, watch
from softmax_lib.data import Batches
from softmax_lib.graphs import RecordedEpochs, can_be_recorded
from softmax_lib.models import linear_classifier, mlp
from softmax_lib.training import Monitor, NonFiniteLossError, fit, train_epoch
from softmax_lib.watch import Watch

TRAIN = striped_split(150)  # 11 batches of 14, the last of 10


def network(seed=0):
    torch.manual_seed(seed)
    return mlp((784, 20, 10))


class RunAgain(RecordedEpochs):
    """In place of a graph the step is run again; like a replay it writes to the tensors of the first time."""

    def __init__(self, model, optimizer):
        super().__init__(model, optimizer, record=self.run_again)

    def run_again(self, run):
        first = []

        def replay():
            run()
            first[:] = first or [self.loss, self.logits]
            self.loss, self.logits = first[0].copy_(self.loss), first[1].copy_(self.logits)

        return replay


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    monkeypatch.setattr(watch, "_asking_costs_time", lambda loss: True)
    recorded = []

    def record(model, optimizer, device, processes):
        recorded.append(RunAgain(model, optimizer))
        return recorded[-1]

    monkeypatch.setattr(training, "_recorded_epochs", record)
    return recorded


# ----------------------------------------------------------------------------------------- which networks


def test_the_course_s_networks_are_recorded():
    assert can_be_recorded(mlp()) and can_be_recorded(linear_classifier())
    assert can_be_recorded(mlp((784, 5, 10), activation=nn.Sigmoid))


def changed(change):
    model = network()
    change(model)
    return model


class OwnForward(nn.Linear):
    def forward(self, x):
        return super().forward(x)


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Dropout(0.1)),
        nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784), nn.Linear(784, 10)),
        nn.Sequential(nn.Flatten(), OwnForward(784, 10)),
        changed(lambda model: model[1].register_forward_hook(print)),
        changed(lambda model: model[1].register_forward_pre_hook(print)),
        changed(lambda model: model[1].register_full_backward_hook(print)),
        changed(lambda model: model[1].weight.register_hook(print)),
        changed(lambda model: model[1].weight.register_post_accumulate_grad_hook(print)),
        changed(lambda model: setattr(model[1], "forward", lambda x: x[:, :20])),
        changed(lambda model: nn.utils.parametrizations.weight_norm(model[1])),
    ],
)
def test_a_network_that_a_replay_could_get_wrong_is_not_recorded(model):
    assert not can_be_recorded(model)


# ------------------------------------------------------------------------------------------- the numbers


@pytest.mark.parametrize("recipe", ["lecture", "fast"])
def test_a_recorded_run_gives_the_bits_of_a_plain_one(recipe, as_on_a_gpu, monkeypatch):
    options = {"recipe": recipe, "epochs": 3, "batch_size": 14, "lr": 0.05, "device": "cpu"}
    recorded = network()
    history = fit(recorded, TRAIN, **options)
    assert as_on_a_gpu[0].replay is not None
    assert len(as_on_a_gpu[0].images) == 14  # a whole batch was recorded

    monkeypatch.setattr(training, "_recorded_epochs", lambda *args: None)
    plain = network()
    expected = fit(plain, TRAIN, **options)
    assert equal(weights(recorded), weights(plain))
    assert history.column("train_loss") == pytest.approx(expected.column("train_loss"), rel=1e-12)
    assert history.column("train_accuracy") == expected.column("train_accuracy")


def test_a_replay_reads_each_batch_anew(as_on_a_gpu):
    """A step whose inputs were not copied would train on the recorded batch for ever."""
    model, seen = network(), []

    class Look(Monitor):
        def after_step(self, step_watch):
            recorded = as_on_a_gpu[0]
            if recorded.replay is not None:
                seen.append(recorded.images.sum().item())

    fit(model, TRAIN, epochs=1, batch_size=14, device="cpu", monitor=Look())
    assert len(set(seen)) >= 6


def test_gradients_are_the_last_step_s(as_on_a_gpu):
    model, are_the_recorded = network(), []

    class Look(Monitor):
        def after_step(self, step_watch):
            recorded, gradient = as_on_a_gpu[0], model[1].weight.grad
            if recorded.replay is not None and step_watch.step < 11:
                are_the_recorded.append(gradient is recorded.gradients[0])

    fit(model, TRAIN, epochs=2, batch_size=14, device="cpu", monitor=Look())
    assert len(are_the_recorded) == 17 and all(are_the_recorded)  # also after a last batch that was computed


def test_parameters_that_were_replaced_between_epochs_are_recorded_again(as_on_a_gpu):
    model = network()
    before = []

    def replace(record, epochs):
        recorded = as_on_a_gpu[0]
        before.append((recorded.images, recorded.made_of))
        model[1].weight.data = torch.zeros(20, 784)

    fit(model, TRAIN, epochs=2, batch_size=14, device="cpu", after_epoch=replace)
    assert before[0][1] != before[1][1] and before[0][0] is not before[1][0]
    assert (model[1].weight != 0.01).any()  # the second epoch trained what is there now


def test_a_step_that_cannot_be_recorded_is_computed_each_time():
    def refuse(run):
        raise RuntimeError("operation not permitted when stream is capturing")

    plain, fallen_back = network(), network()
    expected = train_epoch(plain, Batches(TRAIN, 14), sgd(plain))
    epochs = RecordedEpochs(fallen_back, sgd(fallen_back), record=refuse)
    assert epochs(Batches(TRAIN, 14), Watch()) == pytest.approx(expected)
    assert epochs.replay is None and equal(weights(plain), weights(fallen_back))


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5, fused=True)


# -------------------------------------------------------------------------------------------- bad values


class Pairs(list):
    """Batches of 14 with nan in one of them (0: in none); `Batches` holds bytes, so no nan."""

    batch_size = 14

    def __init__(self, bad_batch=0):
        images = TRAIN.images[:, None] / 255
        if bad_batch:
            images[14 * (bad_batch - 1)] = math.nan
        super().__init__((images[i : i + 14], TRAIN.labels[i : i + 14]) for i in range(0, 150, 14))


@pytest.mark.parametrize("epochs_before", [0, 1])
@pytest.mark.parametrize("bad_batch", [1, 3, 5, 9, 11])
def test_no_update_follows_a_bad_loss_and_its_batch_is_named(bad_batch, epochs_before, as_on_a_gpu):
    good, model = network(), network()
    optimizer, epochs = sgd(good), RunAgain(model, sgd(model))
    for _ in range(epochs_before):
        train_epoch(good, Pairs(), optimizer)
        epochs(Pairs(), Watch())
    if bad_batch > 1:
        train_epoch(good, Pairs()[: bad_batch - 1], optimizer)
    with pytest.raises(NonFiniteLossError, match=f"^batch {bad_batch}: the loss is nan"):
        epochs(Pairs(bad_batch), Watch())
    assert equal(weights(model), weights(good))


# ------------------------------------------------------------------------------------------- a real GPU


@needs_gpu
@pytest.mark.parametrize("recipe", ["lecture", "fast"])
def test_on_a_gpu_a_recorded_run_gives_what_a_plain_one_gives(recipe, monkeypatch):
    options = {"recipe": recipe, "epochs": 3, "batch_size": 14, "lr": 0.05, "device": "cuda"}
    made = []
    monkeypatch.setattr(graphs, "cuda_graph", lambda run, make=graphs.cuda_graph: made.append(1) or make(run))
    monkeypatch.setattr(
        training,
        "_recorded_epochs",
        lambda model, optimizer, *_: RecordedEpochs(model, optimizer, record=graphs.cuda_graph),
    )
    recorded, again = network(), network()
    history = fit(recorded, TRAIN, **options)
    assert made
    fit(again, TRAIN, **options)
    assert equal(weights(recorded), weights(again))  # the same bits each time

    monkeypatch.setattr(training, "_recorded_epochs", lambda *args: None)
    plain = network()
    expected = fit(plain, TRAIN, **options)
    for a, b in zip(weights(recorded), weights(plain), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert history.column("train_loss") == pytest.approx(expected.column("train_loss"), rel=1e-4)


@needs_gpu
def test_on_a_gpu_a_recorded_run_resumes_to_the_same_bits():
    options = {"batch_size": 14, "lr": 0.05, "device": "cuda"}
    straight, model = network(), network()
    fit(straight, TRAIN, epochs=3, **options)
    first = fit(model, TRAIN, epochs=2, **options)
    fit(model, TRAIN, epochs=3, **options, resume=first)
    assert equal(weights(model), weights(straight))


@needs_gpu
def test_on_a_gpu_a_learning_rate_too_large_is_told_within_50_steps():
    model = network()
    with pytest.raises(NonFiniteLossError, match="epoch 1, batch"):
        fit(model, TRAIN, lr=1e30, batch_size=2, epochs=3, device="cuda")
    assert all(weight.isfinite().all() for weight in weights(model))
