"""The widgets without a browser: figure and sentence, live view, close, memory.  The rest: tests/browser."""

import base64
import gc
import io
import subprocess
import sys
import tracemalloc
from pathlib import Path

import nbconvert
import nbformat
import numpy as np
import pytest
import torch
from ipywidgets.widgets import widget as ipywidgets_widget
from PIL import Image

from softmax_lib import digits, functional, widgets
from softmax_lib.widgets import base, svg

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
PNG, VIEW = "image/png", base.VIEW


def small_network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))


def stroke(side=196):
    """A vertical stroke as the pad sends it."""
    image = np.full((side, side), 255, np.uint8)
    image[side // 7 : side // 2, side // 2 : side // 2 + side // 14] = 0
    return image


def sent(image):
    return {"side": len(image), "strokes": [[[1, 1]]], "pixels": memoryview(image.tobytes())}


def move_logits(playground, i):
    playground._sliders[0].value = i % 10 / 10


def move_boundary(playground, i):
    playground._told(None, {"do": "step"}, None)
    points = playground.X.tolist()
    points[0][0] = i % 5 - 2.0
    labels = playground.labels.tolist()
    playground._canvas.input = {"points": points, "labels": labels, "lr": 0.1, "serial": i}


def draw_on_pad(pad, i):
    pad._canvas.input = sent(stroke(56 + i % 10))


# How each is made, and how a reader's hand changes it.
ALL = {
    "logits": (lambda: widgets.LogitsPlayground([2.0, 1.0, 0.1]), move_logits),
    "logits with loss": (lambda: widgets.LogitsPlayground([2.0, 1.0, 0.1], true_class=0), move_logits),
    "boundary": (lambda: widgets.BoundaryPlayground(), move_boundary),
    "pad": (lambda: widgets.DrawingPad(small_network()), draw_on_pad),
}


@pytest.fixture(params=ALL, name="case")
def _case(request):
    return ALL[request.param]


class Shell:
    """As much of a notebook's shell as the widgets ask for."""

    kernel = True

    def __init__(self, cell="a-cell", run="run-1"):
        self.cell, self.run = cell, run

    def get_parent(self):
        return {"metadata": {"cellId": self.cell}, "header": {"msg_id": self.run}}


@pytest.fixture
def shell(monkeypatch):
    """A notebook's shell; without SOFTMAX_LIB_WIDGETS, as for a reader."""
    shell = Shell()
    monkeypatch.setattr(base, "_kernel", lambda: shell)
    monkeypatch.delenv("SOFTMAX_LIB_WIDGETS", raising=False)
    monkeypatch.setattr(base, "_shown", {})
    return shell


# ------------------------------------------------------------------------------------------------ all of them


def test_where_outputs_are_stored_only_figure_and_sentence_come_the_same_each_time(case, shell, monkeypatch):
    make, _ = case
    monkeypatch.setenv("SOFTMAX_LIB_WIDGETS", "static")
    first, second = make()._repr_mimebundle_(), make()._repr_mimebundle_()
    assert first.keys() == {"text/plain", PNG}
    assert first == second
    picture = Image.open(io.BytesIO(base64.b64decode(first[PNG])))
    assert picture.width <= 700 and len(picture.convert("L").getcolors()) > 10


def test_in_a_notebook_the_view_comes_beside_the_figure(case, shell):
    make, _ = case
    widget = make()
    bundle = widget._repr_mimebundle_()
    assert bundle.keys() == {"text/plain", PNG, VIEW}
    assert bundle[VIEW]["model_id"] == widget.view.model_id
    widget.close()


def test_in_a_terminal_there_is_no_view(case, monkeypatch):
    make, _ = case
    monkeypatch.delenv("SOFTMAX_LIB_WIDGETS", raising=False)
    widget = make()
    assert widget._repr_mimebundle_().keys() == {"text/plain", PNG}
    assert repr(widget) == widget.sentence()


def test_without_ipywidgets_it_says_what_to_install_and_shows_the_figure(case, shell, monkeypatch):
    make, _ = case
    monkeypatch.setattr(base.util, "find_spec", lambda name: None)
    bundle = make()._repr_mimebundle_()
    assert VIEW not in bundle
    for kind in ("text/plain", "text/html"):
        assert "pip install ipywidgets" in bundle[kind]
    assert bundle[PNG] in bundle["text/html"]


def test_after_close_nothing_is_left_and_nothing_answers(case, shell):
    make, change = case
    before = set(ipywidgets_widget._instances)
    widget = make()
    widget._repr_mimebundle_()
    change(widget, 3)
    sentence = widget.sentence()
    slider_or_canvas = getattr(widget, "_sliders", None) or [widget._canvas]
    handlers = [*slider_or_canvas, *([widget._reset] if hasattr(widget, "_reset") else [])]
    widget.close()
    widget.close()
    assert set(ipywidgets_widget._instances) == before
    for handler in handlers:  # what the front end may still send
        if hasattr(handler, "value"):
            handler.value = 4.5
        elif hasattr(handler, "click"):
            assert handler._click_handlers.callbacks == []
        else:
            handler._handle_custom_msg({"do": "step", "keep": 5}, [])
    assert widget.sentence() == sentence
    assert VIEW not in widget._repr_mimebundle_()
    with pytest.raises(RuntimeError, match="is closed; make a new one"):
        widget.view  # noqa: B018


def test_a_thousand_changes_leave_memory_as_it_was(case, shell, monkeypatch):
    make, change = case
    # What grows would grow without these too, and their work takes most of the time.
    steps = digits.prepare_digit_steps(stroke())
    monkeypatch.setattr(digits, "prepare_digit_steps", lambda image: steps)
    monkeypatch.setattr("softmax_lib.widgets.boundary.GRID", 10)
    monkeypatch.setattr("softmax_lib.widgets.boundary.KEPT", 20)
    widget = make()
    widget._repr_mimebundle_()
    try:
        for i in range(1100):
            if i == 90:
                tracemalloc.start()
            if i == 100:
                gc.collect()
                before, instances = tracemalloc.get_traced_memory()[0], len(ipywidgets_widget._instances)
            change(widget, i)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert len(ipywidgets_widget._instances) == instances
    assert grown < 100_000  # 100 bytes a change
    widget.close()


def test_a_cell_run_again_closes_what_its_last_run_showed(shell):
    first, second = (widgets.LogitsPlayground([1.0, 2.0]) for _ in range(2))
    first._repr_mimebundle_()
    second._repr_mimebundle_()  # two in one run
    assert not first.closed
    shell.run = "run-2"
    second._repr_mimebundle_()  # shown again by the second run
    assert first.closed and not second.closed
    shell.cell = "another-cell"
    widgets.LogitsPlayground([1.0, 2.0])._repr_mimebundle_()
    assert not second.closed


def test_a_web_page_made_of_a_stored_notebook_shows_the_figures():
    notebook = nbformat.read(NOTEBOOKS / "01_scores_to_probabilities.ipynb", as_version=4)
    (cell,) = (cell for cell in notebook.cells if cell.id == "logits-playground")
    notebook.cells = [cell]
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    body = page.partition("<body")[2]
    assert body.count("data:image/png;base64,") == 1
    assert "Error displaying widget" not in body and "widget-view" not in body


def test_only_the_pad_loads_torch():
    code = """
from softmax_lib import widgets
import sys
assert "matplotlib" not in sys.modules
for playground in (widgets.LogitsPlayground([2.0, 1.0], true_class=0), widgets.BoundaryPlayground()):
    playground.view, playground.png()
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_an_unknown_name_is_answered_with_those_there_are():
    with pytest.raises(AttributeError, match=r"no widget named 'Pad'; there are .*DrawingPad"):
        widgets.Pad  # noqa: B018


def test_a_picture_escapes_what_it_is_given():
    picture = svg.Picture(10, 20, 'a "label" <b>')
    picture.add("text", "<script>", x=1.50, y=2, text_anchor="end")
    assert str(picture).count("<") == 4
    assert 'x="1.5" y="2" text-anchor="end"' in str(picture)


# ----------------------------------------------------------------------------------------- logits playground


def test_probabilities_loss_and_slopes_are_the_library_s():
    playground = widgets.LogitsPlayground([2.0, 1.0, 0.1], true_class=1, temperature=2.0)
    z = np.array([1.0, 0.5, 0.05])
    np.testing.assert_allclose(playground.probs, functional.softmax(z), rtol=1e-12)
    assert playground.loss == pytest.approx(functional.cross_entropy(z, 1), rel=1e-12)
    np.testing.assert_allclose(playground.slopes, functional.softmax(z) - [0, 1, 0], rtol=1e-12)


def test_sliders_menu_and_reset_move_what_is_shown():
    playground = widgets.LogitsPlayground([2.0, 1.0, 0.1], true_class=0)
    playground.view  # noqa: B018
    before = playground._picture.value
    playground._sliders[2].value = 3.0
    playground._truth.value = 2
    playground._warmth.value = 0.5
    assert playground.logits.tolist() == [2.0, 1.0, 3.0]
    assert (playground.true_class, playground.temperature) == (2, 0.5)
    assert playground.sentence() in playground._picture.value.replace("&lt;", "<")
    playground._reset.click()
    assert playground._picture.value == before


def test_without_a_true_class_no_loss_is_shown():
    playground = widgets.LogitsPlayground([2.0, 1.0, 0.1])
    playground.view  # noqa: B018
    assert "loss" not in playground._picture.value + playground.sentence()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0],), "logits must be 2 to 10 finite numbers"),
        (([[1.0, 2.0]],), "logits must be 2 to 10 finite numbers"),
        (([1.0, np.nan],), "logits must be 2 to 10 finite numbers"),
        (([1.0, 2.0], 2), "true_class must be a class from 0 to 1; found 2"),
        (([1.0, 2.0], None, 0.0), "temperature must be from 0.1 to 10"),
    ],
)
def test_a_logits_playground_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.LogitsPlayground(*arguments)


# --------------------------------------------------------------------------------------- boundary playground


def test_its_steps_are_those_of_notebook_4():
    playground = widgets.BoundaryPlayground(lr=0.3)
    X, labels = playground.X, playground.labels
    W, b = np.zeros((2, 4)), np.zeros(4)
    for _ in range(25):
        dlogits = (functional.softmax(X @ W + b) - np.eye(4)[labels]) / len(labels)
        W, b = W - 0.3 * X.T @ dlogits, b - 0.3 * dlogits.sum(axis=0)
    playground.train(25)
    np.testing.assert_allclose(playground.W, W, rtol=1e-12)
    np.testing.assert_allclose(playground.b, b, rtol=1e-12)
    assert playground.loss == pytest.approx(functional.cross_entropy(X @ W + b, labels))
    assert playground.steps == 25 and playground.accuracy > 0.8
    playground.reset()
    assert playground.loss == pytest.approx(np.log(4)) and not playground.W.any()


def test_the_page_is_told_of_regions_and_of_points_on_the_wrong_side():
    playground = widgets.BoundaryPlayground([[-0.1, 1.0], [0.1, 1.0], [0.0, -1.0], [0.0, 1.0]], [0, 0, 1, 1])
    playground.train(50)
    state = playground.view.state
    regions = np.frombuffer(state["regions"], np.uint8).reshape(state["grid"], state["grid"])
    assert regions[0, 50] == 0 and regions[-1, 50] == 1  # class 0 is above, as its point is
    assert state["wrong"] == [False, False, False, True]
    assert state["status"] in f"step 50: loss {playground.loss:.4f} nats, accuracy 0.750"
    playground.close()


def test_what_the_page_changes_is_what_is_trained_on():
    playground = widgets.BoundaryPlayground()
    start = playground.X.copy()
    playground.view.input = {"points": (start + 1).tolist(), "labels": [1] * 24, "lr": 0.5, "serial": 3}
    assert (playground.X == start + 1).all() and playground.lr == 0.5 and set(playground.labels) == {1}
    assert playground.view.state["serial"] == 3
    playground._told(None, {"do": "step", "count": 5}, None)
    assert playground.steps == 5
    playground._told(None, {"do": "points", "serial": 4}, None)
    assert (playground.X == start).all() and playground.view.state["serial"] == 4
    playground.close()


def test_the_curve_of_a_long_run_keeps_its_ends():
    playground = widgets.BoundaryPlayground()
    playground.train(3000)
    steps = [step for step, _ in playground._log]
    assert len(steps) <= 401 and steps[0] == 0 and steps[-1] == 3000 and steps == sorted(set(steps))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, 2.0]] * 3, None), "give X and labels together"),
        (([[1.0, 2.0, 3.0]] * 3, [0, 1, 2]), r"X must be 2 to 200 points of two features, \(N, 2\)"),
        (([[1.0, np.inf]] * 3, [0, 1, 2]), "X must be finite"),
        (([[1.0, 2.0]] * 3, [0, 1]), r"labels must be whole numbers of shape \(3,\)"),
        (([[1.0, 2.0]] * 3, [0.0, 1.0, 2.0]), "labels must be whole numbers"),
        (([[1.0, 2.0]] * 3, [0, 1, 10]), "labels must be from 0 to 9; found 0 to 10"),
        (([[1.0, 2.0]] * 3, [0, 1, 2], 0.0), "lr must be above 0"),
    ],
)
def test_a_boundary_playground_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        widgets.BoundaryPlayground(*arguments)


# -------------------------------------------------------------------------------------------------- the pad


def test_the_pad_sees_what_prepare_digit_makes_and_says_what_the_network_says():
    model = small_network()
    pad = widgets.DrawingPad(model)
    for _, path in digits.sample_drawings():
        image = digits.load_image(path)
        pad.read(image)
        prepared = digits.prepare_digit(image)
        with torch.no_grad():
            expected = model(torch.from_numpy(prepared)[None, None]).softmax(1)[0]
        assert (pad.digit == prepared).all()
        np.testing.assert_allclose(pad.probs, expected, rtol=1e-5)
        assert f"Read as {expected.argmax()}" in pad.sentence()


def test_what_the_page_draws_is_read_and_an_empty_page_is_no_error():
    pad = widgets.DrawingPad(small_network())
    pad.view.input = sent(stroke())
    assert (pad.image == stroke()).all() and pad.digit.shape == (28, 28)
    names = [step["name"] for step in pad.view.state["steps"]]
    assert names == ["grey", "ink", "cropped", "resized", "centred"]  # a thick pen: no thickening
    assert all(len(s["pixels"]) == s["shown"][0] * s["shown"][1] for s in pad.view.state["steps"])
    pad.view.input = sent(np.full((196, 196), 255, np.uint8))
    assert pad.image is None and "No digit is found" in pad.view.state["message"]
    pad.view.input = {"side": 196, "strokes": [], "pixels": b""}
    assert pad.probs is None and pad.view.state["message"] == "Draw a digit here."
    pad.close()


def test_what_was_misread_is_kept():
    pad = widgets.DrawingPad(small_network())
    with pytest.raises(ValueError, match="the pad is empty"):
        pad.keep(3)
    pad.view.input = sent(stroke())
    pick = int(pad.probs.argmax())
    label = (pick + 1) % 10
    pad._told(None, {"keep": label}, None)
    with pytest.raises(ValueError, match="label must be a digit"):
        pad.keep(10)
    (kept,) = pad.kept
    assert (kept.label, kept.pick, kept.probability) == (label, pick, pad.probs.max())
    assert (kept.digit == pad.digit).all() and (kept.image == stroke()).all()
    (shown,) = pad.view.state["kept"]
    assert shown["label"] == label and len(shown["pixels"]) == 28 * 28
    other = (label + 1) % 10
    pad.keep(other)  # pressed once more: the same drawing with another answer
    assert [k.label for k in pad.kept] == [other]
    pad.view.input = sent(stroke(140))
    pad.keep(label)
    assert [k.label for k in pad.kept] == [other, label]
    pad.close()


def test_a_model_in_train_mode_is_asked_without_dropout_and_stays_in_train_mode():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(784, 10)).train()
    pad = widgets.DrawingPad(model)
    pad.read(stroke())
    first = pad.probs
    pad.read(stroke())
    assert (pad.probs == first).all() and model.training


def test_a_pad_without_a_network_is_refused():
    with pytest.raises(TypeError, match=r"model must be a network that returns logits, such as mlp\(\)"):
        widgets.DrawingPad("runs/1")
