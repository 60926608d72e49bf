"""The drawing pad as a person uses it: a 1 and a 0 drawn with the mouse and read, and all around that."""

import math
import time

import numpy as np
import pytest
import torch
from PIL import Image

from softmax_lib.data import Split, load_mnist
from softmax_lib.models import mlp
from softmax_lib.training import fit

PAPER = "canvas.paper"
WIDGET = ".softmax-lib"
STATUS = ".softmax-lib [role=status]"
CELL = """
import torch
from softmax_lib import widgets
from softmax_lib.models import mlp
model = mlp((784, 128, 10))
model.load_state_dict(torch.load("pad.pt"))
pad = widgets.DrawingPad(model)
pad
"""


@pytest.fixture(scope="module", autouse=True)
def trained(_lab):
    """A small network, trained for seconds, beside the notebooks: it reads ones and zeros."""
    train = load_mnist().train
    torch.manual_seed(0)
    model = mlp((784, 128, 10))
    fit(model, Split(train.images[:15000], train.labels[:15000]), recipe="fast", progress=False)
    torch.save(model.state_dict(), _lab.server.folder / "pad.pt")


def status(lab):
    return lab.browser.on(STATUS).innerText()


def settled(lab):
    """The status once it has stayed the same for half a second."""
    while True:
        before = status(lab)
        time.sleep(0.5)
        if status(lab) == before:
            return before


def draw(lab, *points):
    """Draw a stroke with the mouse through points given as fractions of the pad's sides."""
    box = lab.browser.on(PAPER).boundingBox()
    lab.browser.drag(*((box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points))


def draw_a_one(lab):
    draw(lab, (0.5, 0.15), (0.49, 0.85))


def draw_a_zero(lab):
    angles = np.linspace(0, 2 * math.pi, 20)
    draw(lab, *((0.5 + 0.2 * math.sin(a), 0.5 - 0.33 * math.cos(a)) for a in angles))


def test_a_one_and_a_zero_are_drawn_and_read(lab, tmp_path):
    lab.open(CELL, "print(pad.digit is None, pad.digit is not None and pad.digit.shape)", name="pad.ipynb")
    lab.run_all()
    assert status(lab) == "Draw a digit here."
    draw(lab, (0.5, 0.5))  # a click, without moving
    dark = "paper => paper.getContext('2d').getImageData(98, 98, 1, 1).data[0]"
    lab.browser.until(lambda: lab.browser.on(PAPER).evaluate(dark) == 0, "a dot")
    lab.browser.on("button:has-text('Undo')").click()
    draw_a_one(lab)
    lab.browser.until(lambda: status(lab).startswith("Read as 1"), "a 1 is read")
    lab.screenshot("pad-one", WIDGET)
    lab.browser.on("button:has-text('Clear')").click()
    lab.browser.until(lambda: status(lab) == "Draw a digit here.", "an empty pad")
    draw_a_zero(lab)
    lab.browser.until(lambda: status(lab).startswith("Read as 0"), "a 0 is read")
    lab.screenshot("pad-zero", WIDGET)
    steps = lab.browser.on(".softmax-lib .row >> nth=2 >> figcaption").allInnerTexts()
    assert steps[0].startswith("grey") and steps[1].startswith("ink") and steps[-1].endswith("28 x 28")
    lab.run_cell(1)
    lab.browser.until(lambda: lab.output(1).strip() == "False (28, 28)", "the digit in another cell")

    name = lab.browser.download("button:has-text('Save as PNG')", tmp_path / "saved.png")
    saved = np.asarray(Image.open(tmp_path / "saved.png").convert("L"))
    assert name == "digit.png" and saved.shape == (196, 196)
    assert saved[98, 98] == 255 and saved.min() == 0  # a hole in the middle, ink around it

    # Wrong? Keep it.
    assert lab.browser.on("button[aria-label^='It was a 0']").isDisabled()
    lab.browser.on("button[aria-label^='It was a 6']").click()
    lab.browser.until(lambda: lab.browser.on("text=a 6, read as 0").count() == 1, "the gallery")
    lab.screenshot("pad-kept", WIDGET)

    # The page reloaded: kernel, drawing and gallery are still there.
    lab.save()
    lab.reload()
    lab.browser.until(
        lambda: lab.browser.on(STATUS).count() and status(lab).startswith("Read as 0"), "the 0 again"
    )
    assert lab.browser.on("text=a 6, read as 0").count() == 1
    lab.browser.on("button:has-text('Undo')").click()
    lab.browser.until(
        lambda: status(lab) == "Draw a digit here.", "the stroke of before the reload taken back"
    )


def test_undo_takes_back_a_stroke_and_what_clear_has_taken(lab):
    lab.open(CELL)
    lab.run_all()
    assert lab.browser.on("button:has-text('Undo')").isDisabled()
    draw_a_one(lab)
    lab.browser.until(lambda: status(lab).startswith("Read as 1"), "a 1 is read")
    read_as_one = settled(lab)
    draw(lab, (0.2, 0.3), (0.8, 0.3))
    lab.browser.until(lambda: status(lab) != read_as_one, "another answer")
    lab.browser.on("button:has-text('Undo')").click()
    lab.browser.until(lambda: status(lab) == read_as_one, "the 1 again")
    lab.browser.on("button:has-text('Clear')").click()
    lab.browser.until(lambda: status(lab) == "Draw a digit here.", "an empty pad")
    lab.browser.on("button:has-text('Undo')").click()
    lab.browser.until(lambda: status(lab) == read_as_one, "what Clear had taken")


def test_a_one_is_drawn_with_the_keyboard_and_labs_own_keys_stay_quiet(lab):
    lab.open(CELL)
    lab.run_all()
    lab.browser.on(PAPER).focus()
    press = lab.browser.keyboard.press
    for _ in range(12):
        press("ArrowUp")
    press("Space")
    for _ in range(24):
        press("ArrowDown")
    press("Space")
    press("ArrowRight")  # with the pen up: nothing is drawn
    lab.browser.until(lambda: status(lab).startswith("Read as 1"), "a 1 is read")
    lab.screenshot("pad-keyboard", WIDGET)
    press("b")  # in JupyterLab: a new cell below
    press("Control+z")
    lab.browser.until(lambda: status(lab) == "Draw a digit here.", "the stroke taken back")
    assert lab.browser.on(".jp-CodeCell").count() == 1


def test_left_without_a_kernel_it_says_what_to_do_and_run_again_it_reads(lab):
    lab.open(CELL)
    lab.run_all()
    lab.restart()
    draw_a_one(lab)
    lab.browser.until(lambda: "run the cell again" in status(lab), "advice")
    lab.run_all()
    lab.browser.until(
        lambda: lab.browser.on(STATUS).count() and status(lab) == "Draw a digit here.", "a new pad"
    )
    draw_a_one(lab)
    lab.browser.until(lambda: status(lab).startswith("Read as 1"), "a 1 is read")
