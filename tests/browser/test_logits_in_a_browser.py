"""The logits playground as a person uses it."""

import re
from pathlib import Path

import nbconvert

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "01_scores_to_probabilities.ipynb"

SLIDER = ".jp-OutputArea-output .noUi-handle >> nth="
PICTURE = ".jp-OutputArea-output svg[role=img]"


def label(lab):
    return lab.browser.on(PICTURE).getAttribute("aria-label")


def probabilities(lab):
    return [float(p) for p in re.search(r"probabilities ([\d., ]+)\.", label(lab))[1].split(",")]


def bars(lab):
    """The widths of the bars in the picture, as drawn."""
    filled = 'svg[role=img] rect:not([fill="none"])'
    return lab.browser.on(f".jp-OutputArea-output {filled}").evaluateAll(
        "rects => rects.map(r => +r.getAttribute('width'))"
    )


def test_a_slider_moved_by_keyboard_and_by_mouse_moves_the_bars(lab):
    lab.open(
        "from softmax_lib import widgets\nplayground = widgets.LogitsPlayground([2.0, 1.0, 0.1])\nplayground"
    )
    lab.run_all()
    assert probabilities(lab) == [0.659, 0.242, 0.099]
    before = bars(lab)
    lab.screenshot("logits-notebook-1", ".jp-OutputArea")

    lab.browser.on(SLIDER + "1").focus()
    for _ in range(10):
        lab.browser.keyboard.press("ArrowRight")  # 1.0 -> 2.0
    lab.browser.until(lambda: probabilities(lab)[0] == probabilities(lab)[1], "two equal logits, equal bars")
    assert bars(lab)[1] > before[1] and bars(lab)[0] < before[0]

    box = lab.browser.on(SLIDER + "0").boundingBox()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    lab.browser.drag((x, y), (x - 60, y))
    lab.browser.until(lambda: probabilities(lab)[0] < 0.2, "the mouse lowered the first logit")


def test_true_class_loss_and_slopes_and_the_temperature(lab):
    lab.open("from softmax_lib import widgets\nwidgets.LogitsPlayground([2.0, 1.0, 0.1], true_class=0)")
    lab.run_all()
    names = ["logit 0", "logit 1", "logit 2", "temperature"]  # of the sliders, for screen readers
    lab.browser.until(
        lambda: all(lab.browser.on(f"role=slider[name='{name}']").count() == 1 for name in names), "the names"
    )
    assert "True class 0: loss 0.4170 nats, p - y -0.341, 0.242, 0.099" in label(lab)
    lab.screenshot("logits-notebook-2", ".jp-OutputArea")
    lab.browser.on(".jp-OutputArea-output select").selectOption("class 1")
    lab.browser.until(lambda: "True class 1: loss 1.4170 nats" in label(lab), "the loss of class 1")
    lab.browser.on(SLIDER + "3").focus()
    lab.browser.keyboard.press("ArrowLeft")
    lab.browser.until(lambda: probabilities(lab)[0] > 0.659, "colder is surer")
    lab.browser.on("button:has-text('Reset')").click()
    lab.browser.until(lambda: probabilities(lab) == [0.659, 0.242, 0.099], "the numbers of the cell")


def test_the_stored_notebook_shows_its_figure_and_once_run_its_sliders(lab):
    """Notebook 1 as a learner meets it: read first, then run; its own copy saved and made into a web page."""
    lab.open_copy_of(NOTEBOOK)
    cell = ".jp-Cell:has-text('widgets.LogitsPlayground([2.0, 1.0, 0.1])') >> .jp-OutputArea-output"
    lab.browser.on(f"{cell} >> img").waitFor()
    assert lab.browser.on(f"{cell} >> .noUi-handle").count() == 0
    assert lab.browser.on("text=Error displaying widget").count() == 0
    lab.run_all(patience=90)
    lab.browser.on(f"{cell} >> .noUi-handle >> nth=0").focus()
    before = probabilities(lab)
    for _ in range(30):
        lab.browser.keyboard.press("ArrowLeft")  # 2.0 -> -1.0
    lab.browser.until(lambda: probabilities(lab)[0] < 0.1 < before[0], "class 0 has lost")
    lab.browser.on(cell).scrollIntoViewIfNeeded()
    lab.screenshot("notebook-1")

    page, _ = nbconvert.HTMLExporter().from_notebook_node(lab.save())
    shown = page.partition("widgets")[2]
    assert "data:image/png;base64," in shown and "widget-view+json" not in shown
