"""The training monitor without a browser: what it records, its figure and its words, the stop, the end.

What a person sees while training runs is in tests/browser/test_monitor_in_a_browser.py.
"""

import gc
import math
import sys
import threading
import time
import tracemalloc
from types import SimpleNamespace

import ipywidgets
import pytest
import torch
from small import striped_split
from torch import nn

from softmax_lib.training import NonFiniteLossError, fit
from softmax_lib.watch import InterruptLater
from softmax_lib.widgets import TrainingMonitor, base, monitor
from softmax_lib.widgets.base import VIEW

PNG = b"\x89PNG"


TRAIN, TEST = striped_split(400, seed=1), striped_split(70, seed=2)
OPTIONS = {"epochs": 3, "batch_size": 10, "lr": 0.05, "device": "cpu"}  # 40 steps an epoch


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.ReLU(), nn.Linear(20, 10))


@pytest.fixture
def kernel(monkeypatch):
    """A notebook's kernel without a notebook: what is displayed is kept in a list."""
    displayed = []

    class Handle:
        def update(self, bundle, raw):
            displayed.append(("update", bundle))

    def display(shown, raw=False, display_id=None):
        displayed.append(("display", shown if raw else shown._repr_mimebundle_()))
        return Handle() if display_id else None

    thread = SimpleNamespace(manager=SimpleNamespace(list_subshell=lambda: ["a subshell"]))
    shell = SimpleNamespace(kernel=SimpleNamespace(shell_channel_thread=thread), displayed=displayed)
    shell.get_parent = lambda: {"metadata": {}, "header": {}}
    monkeypatch.setattr(base, "_kernel", lambda: shell)
    monkeypatch.setattr(monitor, "_kernel", lambda: shell)
    monkeypatch.setattr("IPython.display.display", display)
    monkeypatch.delenv("SOFTMAX_LIB_WIDGETS", raising=False)
    return shell


class StopAt(TrainingMonitor):
    """Presses its own button after some steps."""

    def __init__(self, step, press=1):
        super().__init__()
        self.at, self.press, self.count = step, press, 0

    def after_step(self, watch):
        super().after_step(watch)
        self.count += 1
        if self.count == self.at:
            for _ in range(self.press):
                self.stop()


# ------------------------------------------------------------------------------------------- what it records


def test_points_are_means_over_the_examples_of_their_steps():
    """Weighted by their examples they give the epoch's means, with a ragged last batch too."""
    train = TRAIN[:396]
    looking = TrainingMonitor()
    history = fit(network(), train, TEST, **OPTIONS, monitor=looking)
    assert looking.every == 10 and len(looking.points) == 12
    assert len({loss for _, loss, _ in looking.points}) == 12
    for epoch in range(3):
        quarters = looking.points[4 * epoch : 4 * epoch + 4]
        assert [point[0] for point in quarters] == [epoch + x for x in (0.125, 0.375, 0.625, 0.875)]
        for k, column in ((1, "train_loss"), (2, "train_accuracy")):
            mean = sum(n * point[k] for n, point in zip((100, 100, 100, 96), quarters, strict=True)) / 396
            assert mean == pytest.approx(history.column(column)[epoch], rel=1e-9)


def test_a_long_run_has_about_two_hundred_points_and_asks_for_values_no_more_often():
    asked = []

    class Watch:
        def metrics_here(self):
            asked.append(self.step)
            return 1.0, 0.5, self.step * 64

    looking, watch = TrainingMonitor(), Watch()
    history = HistoryOf(9)
    looking.begin(history, 938, InterruptLater())
    for _ in range(9):
        for watch.step in range(1, 939):
            looking.after_step(watch)
        history.finish_epoch()
    looking.end()
    assert 200 <= len(looking.points) <= 220 and len(asked) == len(looking.points)


class HistoryOf(list):
    """A history without training."""

    batches_done = 0

    def __init__(self, epochs):
        self.recipe = SimpleNamespace(epochs=epochs)

    def finish_epoch(self):
        values = {
            "test_loss": 0.4,
            "test_accuracy": 0.9,
            "validation_loss": None,
            "validation_accuracy": None,
        }
        record = SimpleNamespace(epoch=len(self) + 1, train_loss=0.5, train_accuracy=0.8, **values)
        self.append(record)


@pytest.mark.parametrize("step", [1, 25, 40, 53])
def test_a_stopped_run_that_goes_on_has_the_points_of_one_without_a_stop(step):
    straight = TrainingMonitor()
    fit(network(), TRAIN, TEST, **OPTIONS, monitor=straight)
    model, looking = network(), StopAt(step)
    stopped = fit(model, TRAIN, TEST, **OPTIONS, monitor=looking)
    assert (len(stopped), stopped.batches_done) == divmod(step, 40)
    assert looking.state == "stopped"
    fit(model, TRAIN, TEST, **OPTIONS, resume=stopped, monitor=looking)
    assert looking.state == "finished"
    assert looking.points == [pytest.approx(point, rel=1e-9) for point in straight.points]


def test_another_monitor_that_comes_in_mid_epoch_counts_from_there():
    model = network()
    stopped = fit(model, TRAIN, **OPTIONS, monitor=StopAt(25))
    late, straight = TrainingMonitor(), TrainingMonitor()
    fit(model, TRAIN, **OPTIONS, resume=stopped, monitor=late)
    fit(network(), TRAIN, **OPTIONS, monitor=straight)
    assert late.points[0][0] == (26 + 30) / 2 / 40  # its first look is after step 26
    assert late.points[1:] == [pytest.approx(point, rel=1e-9) for point in straight.points[3:]]


def test_a_monitor_that_saw_another_run_begins_new_curves():
    looking, model = StopAt(53), network()
    fit(network(), TRAIN, **OPTIONS, monitor=looking)
    assert len(looking.points) == 5
    stopped = fit(model, TRAIN, **OPTIONS, monitor=StopAt(25))
    fit(model, TRAIN, **OPTIONS, resume=stopped, monitor=looking)
    straight = TrainingMonitor()
    fit(network(), TRAIN, **OPTIONS, monitor=straight)
    assert looking.points[0][0] == (26 + 30) / 2 / 40
    assert looking.points[1:] == [pytest.approx(point, rel=1e-9) for point in straight.points[3:]]


def test_a_run_that_goes_on_after_an_error_forgets_the_points_of_its_broken_epoch():
    class BreakAt(StopAt):
        def stop(self, button=None):
            raise RuntimeError("on purpose")

    looking, model = BreakAt(65), network()
    with pytest.raises(RuntimeError):
        fit(model, TRAIN, **OPTIONS, monitor=looking)
    assert [point[0] for point in looking.points][-1] > 1.2 and looking.state == "ended by an error"
    looking.at = 0
    fit(model, TRAIN, **OPTIONS, resume=looking._history, monitor=looking)
    places = [point[0] for point in looking.points]
    assert places == [k / 4 + 0.125 for k in range(12)]


def test_a_new_run_begins_new_curves():
    looking = TrainingMonitor()
    for _ in range(2):
        fit(network(), TRAIN, **OPTIONS, monitor=looking)
        assert len(looking.points) == 12


# ------------------------------------------------------------------------------------------- stop


def test_stop_keeps_history_and_weights_and_pressing_twice_does_no_harm():
    model = network()
    stopped = fit(model, TRAIN, TEST, **OPTIONS, monitor=StopAt(53, press=3))
    assert stopped.interrupted and (len(stopped), stopped.batches_done) == (1, 13)
    straight = network()
    fit(straight, TRAIN, TEST, **OPTIONS)
    fit(model, TRAIN, TEST, **OPTIONS, resume=stopped)
    for ours, theirs in zip(model.parameters(), straight.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_stop_without_a_training_before_and_after_does_nothing():
    looking = TrainingMonitor()
    looking.stop()
    history = fit(network(), TRAIN, **OPTIONS, monitor=looking)
    assert len(history) == 3
    looking.stop()
    assert len(fit(network(), TRAIN, **OPTIONS, monitor=looking)) == 3


def test_stop_before_the_first_step_stops_after_it():
    class AtOnce(TrainingMonitor):
        def begin(self, *given):
            super().begin(*given)
            self.stop()

    history = fit(network(), TRAIN, **OPTIONS, monitor=AtOnce())
    assert (len(history), history.batches_done) == (0, 1)


def test_stop_from_another_thread(kernel):
    """As a subshell does: the button is pressed while the main thread trains."""
    looking = TrainingMonitor()
    thread = threading.Timer(0.5, lambda: looking._button.click())
    thread.start()
    started = time.monotonic()
    history = fit(network(), TRAIN, **{**OPTIONS, "epochs": 100_000}, monitor=looking)
    thread.join()
    assert history.interrupted and time.monotonic() - started < 20


# ------------------------------------------------------------------------------------------- what is shown


def test_a_kernel_shows_a_live_view_and_at_the_end_the_figure_in_its_place(kernel):
    looking = TrainingMonitor()
    fit(network(), TRAIN, TEST, **OPTIONS, monitor=looking)
    (first, live), (second, figure) = kernel.displayed
    assert (first, second) == ("display", "update")
    assert live[VIEW]["model_id"] == looking.view.model_id
    assert figure.keys() == {"text/plain", "image/png"}
    assert figure["text/plain"] == looking.sentence()
    assert looking.sentence().startswith("Training is finished, after 3 of 3 epochs; train loss 0.")


def test_stored_outputs_hold_the_figure_alone(kernel, monkeypatch):
    monkeypatch.setenv("SOFTMAX_LIB_WIDGETS", "static")
    looking = TrainingMonitor()
    fit(network(), TRAIN, TEST, **OPTIONS, monitor=looking)
    assert [(kind, set(bundle)) for kind, bundle in kernel.displayed] == [
        ("display", {"text/plain", "image/png"})
    ]
    assert looking._view is None


def test_without_a_kernel_nothing_is_shown_and_the_figure_can_be_had(capfd):
    looking = TrainingMonitor()
    assert looking.png().startswith(PNG)
    fit(network(), TRAIN, TEST, validation=50, **OPTIONS, monitor=looking)
    assert capfd.readouterr().out == ""
    assert looking.png().startswith(PNG) and looking.png() == looking.png()
    assert "validation loss" in repr(looking) and "test loss" in repr(looking)


def test_the_figure_holds_curve_epochs_and_test_points():
    from matplotlib.figure import Figure

    looking = TrainingMonitor()
    history = fit(network(), TRAIN, TEST, **OPTIONS, monitor=looking)
    figure = Figure()
    looking.draw(figure)
    for ax, k, metric in zip(figure.axes, (1, 2), ("loss", "accuracy"), strict=True):
        curve, test = ax.lines
        assert list(curve.get_ydata()) == [point[k] for point in looking.points]
        assert list(test.get_ydata()) == history.column(f"test_{metric}")
        (bars,) = ax.collections
        assert [bar[0][1] for bar in bars.get_segments()] == history.column(f"train_{metric}")
        assert ax.get_xlim() == (0, 3)


def test_the_live_view_draws_no_nan_and_no_number_beside_its_panel(kernel):
    looking = TrainingMonitor()
    looking.begin(HistoryOf(3), 40, InterruptLater())
    looking.points = [(0.1, math.inf, 0.1), (0.2, 1e30, 0.1), (0.3, 0.0, 0.0)]
    looking._update()
    assert "nan" not in looking._curves.value and "<svg" in looking._curves.value
    looking.points = []
    looking._update()
    looking.end()


def test_an_error_ends_the_monitor_too(kernel):
    looking = TrainingMonitor()
    with pytest.raises(NonFiniteLossError):
        fit(network(), TRAIN, epochs=2, lr=1e30, device="cpu", monitor=looking)
    assert looking.state == "ended by an error"
    assert kernel.displayed[-1][1]["text/plain"].startswith("Training ended by an error after 0 of 2 epochs")
    assert looking._button.disabled


def test_where_no_click_arrives_the_button_is_grey_and_another_one_is_named(kernel):
    looking = TrainingMonitor()
    looking.begin(HistoryOf(3), 40, InterruptLater())
    assert not looking._button.disabled and "notebook's own" not in looking._status.value
    kernel.kernel.shell_channel_thread.manager.list_subshell = lambda: []
    looking._update()
    assert looking._button.disabled and "The notebook's own stop button" in looking._status.value
    kernel.kernel = SimpleNamespace()  # ipykernel 6
    looking._update()
    assert looking._button.disabled
    looking.end()


# ------------------------------------------------------------------------------------------- to the end


def test_no_callback_after_close_and_training_goes_on(kernel):
    looking = TrainingMonitor()
    interrupt = InterruptLater()
    looking.begin(HistoryOf(1), 40, interrupt)
    button = looking._button
    looking.close()
    looking.close()
    button.click()
    assert not interrupt.requested
    watch = SimpleNamespace(step=1, metrics_here=lambda: (1.0, 0.5, 10))
    looking._next_update = 0
    looking.after_step(watch)
    looking.end()
    assert looking._view is None


def test_a_thousand_updates_keep_memory_and_widgets_as_they_are(kernel, monkeypatch):
    monkeypatch.setattr(monitor, "SECONDS", -1)  # each step is shown
    looking, history = TrainingMonitor(), HistoryOf(1)
    looking.begin(history, 3000, InterruptLater())
    watch = SimpleNamespace(metrics_here=lambda: (1.0, 0.5, 64 * watch.step))
    sizes = []
    tracemalloc.start()
    for watch.step in range(1, 3001):
        looking.after_step(watch)
        if watch.step in (1000, 2000, 3000):
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    history.finish_epoch()
    looking.end()
    assert sizes[2] - sizes[1] < 50_000, sizes
    assert len(looking.points) == 200
    widgets = len(ipywidgets.widgets.widget._instances)
    looking.close()
    assert len(ipywidgets.widgets.widget._instances) < widgets


def test_looking_costs_little(kernel):
    """A step of the monitor without an update takes microseconds."""
    looking = TrainingMonitor()
    looking.begin(HistoryOf(1), 10**6, InterruptLater())
    looking._next_update = math.inf
    watch = SimpleNamespace(step=1, metrics_here=lambda: (1.0, 0.5, 10))
    started = time.perf_counter()
    for _ in range(10_000):
        looking.after_step(watch)
    assert time.perf_counter() - started < 0.5  # 50 millionths of a second each, on a busy machine


def test_widgets_are_imported_without_torch():
    import subprocess

    code = "import sys; from softmax_lib.widgets import TrainingMonitor; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"
