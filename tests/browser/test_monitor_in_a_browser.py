"""The training monitor as a person uses it: curves that move while the cell runs, and ways to stop it."""

import re

MODEL = """from softmax_lib import widgets
from softmax_lib.data import load_mnist
from softmax_lib.models import mlp
from softmax_lib.training import fit
mnist = load_mnist()
model = mlp((784, 64, 10))
train, test = mnist.train[:6000], mnist.test[:500]
monitor, history = widgets.TrainingMonitor(), None"""
FIT = """history = fit(
    model, train, test, epochs={}, batch_size=30, device="cpu", resume=history, monitor=monitor
)"""
SAY = "print(len(history), history.batches_done, history.interrupted, len(monitor.points), monitor.state)"
STOP = ".jp-OutputArea-output button:has-text('Stop')"
PICTURE = ".jp-OutputArea-output svg[role=img]"


def running(lab):
    """The notebook trains in its second cell, and the curve has begun."""
    lab.open(MODEL, FIT.format(2000), SAY)
    lab.menu("Run", "Run All Cells")
    lab.browser.on(STOP).waitFor()
    lab.browser.until(lambda: corners(lab), "a curve")


def corners(lab):
    """How many corners the two curves have."""
    script = "lines => lines.map(line => line.points.length)"
    return sum(lab.browser.on(f"{PICTURE} polyline").evaluateAll(script))


def step(lab):
    """Epoch and step in the line beside the button."""
    found = re.search(
        r"epoch (\d+) of \d+, step (\d+) of 200", lab.browser.on(".jp-OutputArea >> nth=1").innerText()
    )
    return found and (int(found[1]), int(found[2]))


def said(lab):
    """What the last cell says: epochs, batches of the next one, interrupted, points, state."""
    epochs, batches, interrupted, points, state = lab.output(2).split()
    return int(epochs), int(batches), interrupted == "True", int(points), state


def prompt(lab, number):
    return lab.browser.on(f".jp-CodeCell >> nth={number} >> .jp-InputPrompt").innerText().strip()


def press_stop(lab):
    lab.browser.on(STOP).click()


def press_stop_by_keyboard(lab):
    lab.browser.on(STOP).focus()
    lab.browser.keyboard.press("Enter")


def press_the_notebooks_own(lab):
    lab.menu("Kernel", "Interrupt Kernel")


def test_the_curves_move_while_the_cell_runs_and_every_stop_button_stops(lab):
    """Three ways to stop, each followed by a run that goes on."""
    running(lab)
    assert prompt(lab, 1) == "[*]:"
    first, begun = corners(lab), step(lab)
    lab.browser.until(lambda: corners(lab) > first and step(lab) > begun, "the curve has grown")
    assert prompt(lab, 1) == "[*]:"
    lab.browser.on(f"{STOP}:not([disabled])").waitFor()
    lab.screenshot("monitor-live", ".jp-CodeCell >> nth=1")

    done = (0, 0)
    for press in (press_stop, press_stop_by_keyboard, press_the_notebooks_own):
        before = step(lab)
        press(lab)
        lab.wait_until_run()
        epochs, batches, interrupted, _, state = said(lab)
        assert interrupted and state == "stopped"
        assert done < (epochs, batches) and (before[0] - 1, before[1]) <= (epochs, batches)
        assert epochs < 1000 and 0 <= batches < 200
        assert lab.browser.on(STOP).count() == 0 and lab.browser.on(".jp-OutputArea-output img").count() == 1
        assert "the same call with resume=history goes on" in lab.output(1)
        done = epochs, batches
        lab.screenshot(f"monitor-after-{press.__name__}", ".jp-CodeCell >> nth=1")
        lab.browser.on(".jp-CodeCell >> nth=1 >> .cm-content").click()
        lab.menu("Run", "Run Selected Cell and All Below")
        lab.browser.on(STOP).waitFor()
        lab.browser.until(lambda: step(lab), "the step")
        assert (step(lab)[0] - 1, step(lab)[1]) >= done  # it went on, it did not begin anew
        lab.browser.on(f"{STOP}:not([disabled])").waitFor()
    press_stop(lab)
    lab.wait_until_run()
    saved = lab.save()
    outputs = [output for output in saved.cells[1].outputs if "data" in output]
    assert [set(output.data) for output in outputs] == [{"image/png", "text/plain"}]
    assert outputs[0].data["text/plain"].startswith("Training was stopped after ")


def test_a_page_reloaded_while_it_trains(lab):
    """The kernel trains on; the notebook's own stop button stops it, and what was learned is there."""
    running(lab)
    lab.save()
    lab.browser.forget()
    lab.browser.page.goto(lab.server.address(lab.name).removesuffix("&reset"))
    lab.browser.on(".jp-CodeCell >> nth=2 >> .cm-content").waitFor()
    lab.screenshot("monitor-reloaded")
    lab.menu("Kernel", "Interrupt Kernel")
    lab.wait_until_idle()
    lab.browser.on(".jp-CodeCell >> nth=2 >> .cm-content").click()
    lab.browser.keyboard.press("Control+Enter")
    lab.browser.until(lambda: re.search(r"\d", prompt(lab, 2)), "the last cell has run")
    epochs, batches, interrupted, points, state = said(lab)
    assert interrupted and state == "stopped" and points > 0 and epochs * 200 + batches > 0
    lab.screenshot("monitor-reloaded-and-stopped")


def test_a_kernel_restarted_leaves_the_figure_and_trains_again(lab):
    lab.open(MODEL, FIT.format(1), SAY)
    lab.run_all()
    assert said(lab)[:3] == (1, 0, False)
    lab.save()
    lab.restart()
    lab.reload()
    assert lab.browser.on(".jp-OutputArea-output img").count() == 1
    lab.run_all()
    assert said(lab)[:3] == (1, 0, False)
    assert lab.browser.on(".jp-OutputArea-output img").count() == 1
