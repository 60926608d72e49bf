"""The boundary playground as a person uses it."""

import re
import time

PAPER = "canvas.paper"
STATUS = ".softmax-lib [role=status]"
HELP = ".softmax-lib .quiet"
CELL = """
from softmax_lib import widgets
playground = widgets.BoundaryPlayground()
playground
"""


def status(lab):
    """(step, loss, accuracy) as the page says it."""
    text = lab.browser.on(STATUS).innerText()
    return tuple(float(number) for number in re.findall(r"\d+(?:\.\d+)?", text))


def pixels(lab):
    """A fingerprint of the picture."""
    return lab.browser.on(PAPER).evaluate("paper => paper.toDataURL().length + paper.toDataURL().slice(-300)")


def button(lab, text):
    return lab.browser.on(f".softmax-lib button:has-text('{text}')")


def place(lab, number):
    """Where the point of this number is on the page, from its features (Python) and the picture's box."""
    code = "x, y = (p.X[i] - p._low) / (p._high - p._low)\nprint('at', x, 1 - y, p.labels[i])"
    lab.run_cell(1, f"p, i = playground, {number}\n{code}")
    lab.browser.until(lambda: lab.output(1).startswith("at"), "the place of a point")
    _, x, y, label = lab.output(1).split()
    box = lab.browser.on(PAPER).boundingBox()
    return box["x"] + float(x) * box["width"], box["y"] + float(y) * box["height"], int(label)


def test_it_is_trained_by_step_and_by_run_and_reset(lab):
    lab.open(CELL, "1")
    lab.run_all()
    assert status(lab) == (0, 1.3863, 0.25)
    empty = pixels(lab)
    button(lab, "One step").click()
    lab.browser.until(lambda: status(lab)[0] == 1 and status(lab)[1] < 1.3863, "one step")
    assert pixels(lab) != empty
    button(lab, "Run").click()
    lab.browser.until(lambda: status(lab)[0] > 40, "a run")
    button(lab, "Stop").click()
    time.sleep(0.5)
    stopped = status(lab)
    lab.screenshot("boundary", ".softmax-lib")
    time.sleep(0.5)
    assert status(lab) == stopped and stopped[1] < 0.6
    button(lab, "Weights to 0").click()
    lab.browser.until(lambda: status(lab) == (0, 1.3863, 0.25), "the start")

    lab.browser.on(".softmax-lib select").selectOption("3")
    lab.run_cell(1, "print(playground.lr)")
    lab.browser.until(lambda: lab.output(1).strip() == "3.0", "the learning rate in Python")


def test_a_point_is_dragged_and_changes_its_class(lab):
    lab.open(CELL, "1")
    lab.run_all()
    for _ in range(20):
        button(lab, "One step").click()
    lab.browser.until(lambda: status(lab)[0] == 20, "twenty steps")
    loss = status(lab)[1]
    x, y, label = place(lab, 0)
    box = lab.browser.on(PAPER).boundingBox()
    lab.browser.drag((x, y), (2 * box["x"] + box["width"] - x, 2 * box["y"] + box["height"] - y))
    lab.browser.until(lambda: status(lab)[1] > loss, "a point on the wrong side costs")
    new_x, _, _ = place(lab, 0)
    assert abs(new_x - (2 * box["x"] + box["width"] - x)) < 3
    lab.screenshot("boundary-dragged", ".softmax-lib")

    other = (label + 1) % 4
    lab.browser.on(f"button[aria-label='Give the chosen point class {other}']").click()
    lab.browser.until(lambda: place(lab, 0)[2] == other, "another class")
    button(lab, "Points back").click()
    lab.browser.until(lambda: status(lab)[1] == loss, "the points of before")
    assert place(lab, 0)[2] == label


def test_a_point_is_moved_and_changed_with_the_keyboard(lab):
    lab.open(CELL, "1")
    lab.run_all()
    x, y, label = place(lab, 0)
    lab.browser.on(PAPER).focus()
    press = lab.browser.keyboard.press
    press("n")
    assert "point 0" in lab.browser.on(HELP).innerText()
    for _ in range(3):
        press("ArrowLeft")
    press("Shift+ArrowUp")
    press(str((label + 1) % 4))
    new_x, new_y, new_label = lab.browser.until(
        lambda: place(lab, 0) if place(lab, 0)[2] != label else None, "another class"
    )
    assert abs(new_x - (x - 24)) < 1 and abs(new_y - (y - 1)) < 0.5 and new_label == (label + 1) % 4
    assert lab.browser.on(".jp-CodeCell").count() == 2  # no key was taken for a command of JupyterLab's


def test_reloaded_it_is_as_before_and_after_a_restart_it_begins_again(lab):
    lab.open(CELL, name="boundary.ipynb")
    lab.run_all()
    button(lab, "One step").click()
    lab.browser.until(lambda: status(lab)[0] == 1, "one step")
    lab.save()
    lab.reload()
    lab.browser.until(
        lambda: lab.browser.on(STATUS).count() and status(lab)[0] == 1, "the step is still there"
    )
    button(lab, "One step").click()
    lab.browser.until(lambda: status(lab)[0] == 2, "and it goes on")
    button(lab, "Run").click()
    lab.restart_and_run_all()
    lab.browser.until(lambda: lab.browser.on(STATUS).count() and status(lab)[0] == 0, "a new start")
    button(lab, "One step").click()
    lab.browser.until(lambda: status(lab)[0] == 1, "one step")


def test_left_without_a_kernel_it_says_what_to_do(lab):
    lab.open(CELL)
    lab.run_all()
    button(lab, "Run").click()
    lab.browser.until(lambda: status(lab)[0] > 0, "a run")
    lab.restart()
    button(lab, "One step").click()
    lab.browser.until(lambda: "run the cell again" in lab.browser.on(STATUS).innerText(), "advice")
    assert button(lab, "Run").count() == 1  # no longer "Stop"
