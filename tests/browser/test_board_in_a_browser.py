"""The experiment board as a person uses it: sort by mouse and by keyboard, hide a run."""

CELL = """from softmax_lib import results, widgets
board = widgets.ExperimentBoard(results.load("momentum", size="small"))
board"""
BOARD = ".jp-OutputArea-output .softmax-lib"


def table(lab, selector="tbody th"):
    return lab.browser.on(f"{BOARD} {selector}").allInnerTexts()


def accuracies(lab):
    return [float(text.split()[0]) for text in table(lab, "tbody td:nth-child(6)")]


def sorted_by(lab):
    """{heading: "ascending" or "descending"}"""
    script = "cells => cells.map(cell => [cell.innerText.slice(0, -2), cell.getAttribute('aria-sort')])"
    cells = lab.browser.on(f"{BOARD} th[aria-sort]:not([aria-sort=none])").evaluateAll(script)
    return {name.strip(): order for name, order in cells}


def lines(lab):
    """How many curves the panels have; the table's samples are not counted."""
    return lab.browser.on(f"{BOARD} svg[role=img] >> nth=0 >> polyline").count()


def test_a_table_sorted_by_click_and_by_keyboard(lab):
    lab.open(CELL, "print(board.sentence().splitlines()[1])")
    lab.run_all()
    assert len(table(lab)) == 5 and sorted_by(lab) == {}
    lab.screenshot("board", ".jp-OutputArea >> nth=0")

    lab.browser.on(f"{BOARD} button:has-text('accuracy')").click()
    lab.browser.until(lambda: sorted_by(lab) == {"accuracy": "ascending"}, "sorted upwards")
    assert accuracies(lab) == sorted(accuracies(lab)) and len(set(accuracies(lab))) == 4  # two are equal

    lab.browser.on(f"{BOARD} button:has-text('accuracy')").focus()
    lab.browser.keyboard.press("Enter")
    lab.browser.until(lambda: sorted_by(lab) == {"accuracy": "descending"}, "sorted downwards")
    assert accuracies(lab) == sorted(accuracies(lab), reverse=True)
    lab.browser.keyboard.press("Shift+Tab")  # the focus has stayed: this is the heading before it
    lab.browser.keyboard.press("Space")
    lab.browser.until(lambda: sorted_by(lab) == {"train loss": "ascending"}, "sorted by the loss")
    first = table(lab)[0]
    lab.run_cell(1)
    assert lab.output(1).startswith(first)  # Python has the order of the page


def test_a_run_is_hidden_and_comes_back(lab):
    lab.open(CELL)
    lab.run_all()
    assert lines(lab) == 10
    lab.browser.on(f"{BOARD} input >> nth=1").click()
    lab.browser.until(lambda: lines(lab) == 8, "one run less in both panels")
    assert not lab.browser.on(f"{BOARD} input >> nth=1").isChecked()
    lab.browser.on(f"{BOARD} input >> nth=2").focus()
    lab.browser.keyboard.press("Space")
    lab.browser.until(lambda: lines(lab) == 6, "another one, by keyboard")
    lab.screenshot("board-two-hidden", ".jp-OutputArea")
    lab.browser.keyboard.press("Space")
    lab.browser.until(lambda: lines(lab) == 8, "back again")
    lab.save()
    lab.reload()
    lab.browser.until(lambda: lines(lab) == 8, "after a reload it is as it was")


def test_left_without_a_kernel_it_says_what_to_do(lab):
    lab.open(CELL)
    lab.run_all()
    lab.restart()
    lab.browser.on(f"{BOARD} input >> nth=1").click()
    status = lab.browser.on(f"{BOARD} [role=status]")
    lab.browser.until(lambda: status.count() and "run the cell again" in status.innerText(), "advice")
    assert lab.browser.on(f"{BOARD} input >> nth=1").isChecked()  # as its curve, which is still there
    assert lines(lab) == 10


def test_sorting_moves_no_column(lab):
    lab.open(CELL)
    lab.run_all()
    widths = f"() => [...document.querySelectorAll('{BOARD} thead th')].map((cell) => cell.offsetWidth)"
    before = lab.browser.page.evaluate(widths)
    for name in table(lab, "thead button"):
        lab.browser.on(f"{BOARD} thead button:has-text('{name}')").click()
        lab.browser.until(lambda name=name: name in sorted_by(lab), f"sorted by {name}")
        assert lab.browser.page.evaluate(widths) == before, name
