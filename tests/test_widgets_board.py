"""The experiment board without a browser: how runs are grouped, means and spreads, the table, hide and sort.

Clicks and keys are in tests/browser/test_board_in_a_browser.py.
"""

import gc
import math
import re
import tracemalloc

import pytest
from matplotlib.figure import Figure

from softmax_lib import results
from softmax_lib.training import EpochRecord, History, Recipe
from softmax_lib.widgets import ExperimentBoard


def row(name, seed, accuracies, **others):
    losses = [2 - a for a in accuracies]
    made = {"name": name, "seed": seed, "train_loss": losses[-1], "validation_accuracy": accuracies[-1]}
    return made | {"train_loss_by_epoch": losses, "accuracy_by_epoch": accuracies} | others


ROWS = [row("a", 0, [0.2, 0.5]), row("b", 0, [0.4, 0.75]), row("a", 1, [0.4, 0.7]), row("c", 0, [0.1, 0.1])]


def history(*accuracies, test=True):
    made = History(Recipe(max(1, len(accuracies)), 64, 0.1, 0.5), 0, 0.0, "cpu")
    for k, accuracy in enumerate(accuracies):
        held = (0.3, accuracy, None, None) if test else (None,) * 4
        made.records.append(EpochRecord(k + 1, 2 - accuracy, 0.01, *held, 1.0, 1.0))
    return made


def names(board):
    return [group.name for group in board.groups]


# ------------------------------------------------------------------------------------------- runs and groups


def test_seeds_of_one_setting_are_one_line_with_mean_and_range():
    board = ExperimentBoard(ROWS)
    assert names(board) == ["a", "b", "c"]
    lines = [re.split(r"\s{2,}", line) for line in board.sentence().splitlines()]
    assert lines == [
        ["run", "seeds", "epochs", "train loss", "accuracy"],
        ["a", "2", "2", "1.4000 (1.3000 to 1.5000)", "0.6000 (0.5000 to 0.7000)"],
        ["b", "1", "2", "1.2500", "0.7500"],
        ["c", "1", "2", "1.9000", "0.1000"],
    ]
    (first, second) = board.groups[0].band("accuracy")
    assert first == pytest.approx((0.3, 0.2, 0.4)) and second == pytest.approx((0.6, 0.5, 0.7))


def test_a_table_of_the_course_is_grouped_by_what_differs():
    rows = results.load("momentum", size="small")
    board = ExperimentBoard(rows)
    assert set(names(board)) == {f"lr {r['lr']}, momentum {r['momentum']}" for r in rows}
    assert all(group.runs == 3 for group in board.groups)
    chosen = [r["validation_accuracy"] for r in rows if r["lr"] == 0.1 and r["momentum"] == 0.5]
    group = next(group for group in board.groups if group.name == "lr 0.1, momentum 0.5")
    assert group.mean("accuracy") == pytest.approx(sum(chosen) / 3)
    assert names(ExperimentBoard(rows, by="lr")) == ["lr 0.1", "lr 0.2", "lr 0.02"]


def test_every_table_of_the_course_can_be_shown_or_says_why_not():
    for table in results.tables():
        rows = results.load(table)
        for size in {r.get("size") for r in rows}:
            chosen = [r for r in rows if r.get("size") == size]
            try:
                board = ExperimentBoard(chosen)
            except ValueError as error:
                assert "settings" in str(error)
            else:
                assert board.png().startswith(b"\x89PNG") and "nan" not in board.sentence()


def test_histories_of_fit_alone_and_several():
    board = ExperimentBoard({"mine": [history(0.5, 0.6), history(0.5, 0.8)], "yours": history(0.1)})
    assert [(group.name, group.runs, group.epochs) for group in board.groups] == [
        ("mine", 2, 2),
        ("yours", 1, 1),
    ]
    assert board.groups[0].spread("accuracy") == "0.7000 (0.6000 to 0.8000)"
    assert ExperimentBoard({"train": history(0.5, test=False)}).groups[0].spread("accuracy") == "0.0100"
    assert ExperimentBoard({"no epoch": history()}).groups[0].spread("accuracy") == "-"


def test_a_run_that_stopped_counts_as_a_seed_and_is_in_no_mean():
    rows = [row("a", 0, [0.2, 0.5]), row("a", 1, [0.3], stopped="epoch 2, batch 3", train_loss=math.nan)]
    (group,) = ExperimentBoard(rows).groups
    assert group.runs == 2 and group.spread("accuracy") == "0.5000" and len(group.curves["loss"]) == 1


def test_rows_without_curves_still_have_a_table():
    rows = [{"name": "a", "seed": s, "train_loss": 0.5, "validation_accuracy": 0.8} for s in (0, 1)]
    board = ExperimentBoard(rows)
    assert "0.8000" in board.sentence() and board.png() and "<table>" in board._html()


@pytest.mark.parametrize(
    ("runs", "by", "message"),
    [
        ([], None, "found 0"),
        ([row(str(k), 0, [0.1]) for k in range(11)], None, "found 11"),
        (ROWS, "colour", "'colour'"),
        ({"a": [1, 2]}, None, r"runs\['a'\]"),
    ],
)
def test_what_cannot_be_compared_is_named(runs, by, message):
    with pytest.raises(ValueError, match=message):
        ExperimentBoard(runs, by)


# ------------------------------------------------------------------------------------------- sort and hide


def test_sorting_by_number_by_name_and_back():
    board = ExperimentBoard(ROWS)
    board.sort("accuracy")
    assert names(board) == ["c", "a", "b"]
    board.sort("accuracy")  # once more: the other way round
    assert names(board) == ["b", "a", "c"]
    board.sort("train loss")
    assert names(board) == ["b", "a", "c"]
    board.sort("seeds", descending=True)
    assert names(board)[0] == "a"
    with pytest.raises(ValueError, match="no column 'loss'; there are run, seeds"):
        board.sort("loss")
    rates = ExperimentBoard([row("lr 10", 0, [0.1]), row("lr 2", 0, [0.2]), row("lr 0.5", 0, [0.2])])
    rates.sort("run")
    assert names(rates) == ["lr 0.5", "lr 2", "lr 10"]


def test_what_has_no_value_stands_last_both_ways():
    rows = [row("none", 0, [0.1], stopped="epoch 1, batch 2"), *ROWS]
    board = ExperimentBoard(rows)
    for descending in (False, True):
        board.sort("accuracy", descending)
        assert names(board)[-1] == "none"


def test_what_is_hidden_is_not_drawn_and_stays_in_the_table():
    board = ExperimentBoard(ROWS)
    board.show(["a", "c"])
    figure = Figure()
    board.draw(figure)
    assert [line.get_label() for line in figure.axes[0].lines] == ["a", "c"]
    assert list(figure.axes[1].lines[0].get_ydata()) == pytest.approx([0.3, 0.6])
    assert "b" in names(board) and board._html().count(" checked") == 2
    board.show([])
    assert board.png() and "of no run" in board._html()
    with pytest.raises(ValueError, match="no run 'd'; there are a, b, c"):
        board.show("d")


def test_the_live_table_says_how_it_is_sorted_and_escapes_names():
    board = ExperimentBoard([row('<script>alert("1")</script>', 0, [0.1]), row("b", 0, [0.5])])
    assert board._html().count('aria-sort="none"') == 5
    board.sort("accuracy", descending=True)
    assert board._html().count('aria-sort="descending"') == 1 and "accuracy<span> ▼" in board._html()
    assert "<script>" not in board._html() and "&lt;script&gt;" in board._html()


# ------------------------------------------------------------------------------------------- live


def press(board, kind, name):
    board._pressed(None, {"kind": kind, "name": name}, None)


def test_what_is_pressed_changes_the_view_until_close():
    board = ExperimentBoard(ROWS)
    view = board.view
    press(board, "sort", "accuracy")
    assert names(board) == ["c", "a", "b"] and 'aria-sort="ascending"' in view.state["html"]
    press(board, "show", "a")
    assert [group.shown for group in board.groups] == [True, False, True]
    for nonsense in ({"kind": "sort", "name": "nonsense"}, {"kind": "nonsense"}, {}):
        board._pressed(None, nonsense, None)
    board.close()
    board.close()
    before = board.sentence()
    view._handle_custom_msg({"kind": "sort", "name": "run"}, [])
    assert board.sentence() == before and board.png()


def test_a_thousand_updates_keep_memory_as_it_is():
    board = ExperimentBoard(ROWS)
    assert board.view is not None
    sizes = []
    tracemalloc.start()
    for k in range(1, 1501):
        press(board, "sort" if k % 2 else "show", "accuracy" if k % 2 else "b")
        if k % 500 == 0:
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    board.close()
    assert sizes[2] - sizes[1] < 50_000, sizes
