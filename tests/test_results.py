"""Tables of experiments: what was saved is read again, wrong names are refused, the course's are whole."""

import math
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import experiments  # in tools/
import pytest
import torch
from torch import nn

from softmax_lib import results
from softmax_lib.models import mlp


def test_what_was_saved_is_read_again(tmp_path):
    rows = [
        {"name": "a", "seed": 0, "loss": 0.25, "accuracy_by_epoch": [0.5, 0.75]},
        {"name": "b, with a comma", "seed": 1, "loss": None, "note": "längst\nnot all"},
    ]
    results.save(tmp_path / "홍길동 폴더" / "mine.csv", rows)
    first, second = results.load(tmp_path / "홍길동 폴더" / "mine.csv")
    assert first == rows[0] | {"note": None}
    assert second == rows[1] | {"accuracy_by_epoch": []}


def test_rows_are_chosen_by_their_values():
    rows = results.load("momentum", size="full", momentum=0.9)
    assert [row["seed"] for row in rows] == [0, 1, 2]
    assert all(row["lr"] == 0.01 and row["images"] == 55_000 for row in rows)


def test_an_unknown_table_or_column_is_named_with_those_that_there_are():
    with pytest.raises(FileNotFoundError, match="no table 'momentun'; there are activation, data_size"):
        results.load("momentun")
    with pytest.raises(ValueError, match="no column 'momentun'; it has size, images"):
        results.load("momentum", momentun=0.9)


def test_an_empty_table_never_takes_the_place_of_a_full_one(tmp_path):
    results.save(tmp_path / "mine.csv", [{"a": 1}])
    with pytest.raises(ValueError, match="no rows"):
        results.save(tmp_path / "mine.csv", [])
    assert results.load(tmp_path / "mine.csv") == [{"a": 1}]


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "mine.csv"
    results.save(path, [{"a": 1}])

    class Unwritable:
        def __str__(self):
            raise RuntimeError("no text")

    with pytest.raises(RuntimeError):
        results.save(path, [{"a": Unwritable()}])
    assert results.load(path) == [{"a": 1}] and list(tmp_path.iterdir()) == [path]


def test_each_planned_run_stands_in_its_table_and_no_other():
    """Nothing is left to run, and a table holds nothing that the script does not plan."""
    planned = experiments.configurations()
    assert results.tables() == sorted([*planned, "timing"])
    for name, runs in planned.items():
        assert [experiments.key(row) for row in results.load(name)] == [experiments.key(run) for run in runs]


def test_rows_hold_sensible_values():
    for name in experiments.configurations():
        for row in results.load(name):
            if row["stopped"]:
                assert row["validation_accuracy"] is None and row["lr"] >= 0.1, row
                continue
            assert 0.05 < row["validation_accuracy"] < 0.99 and 0 <= row["train_loss"] < 3, row
            if row["epochs"] <= 20:
                assert len(row["accuracy_by_epoch"]) == len(row["train_loss_by_epoch"]) == row["epochs"]
                assert row["accuracy_by_epoch"][-1] == row["validation_accuracy"]
            layers = len(str(row["hidden"]).split("-")) + 1
            assert len(row["first_gradient_by_layer"]) == layers
            assert len(row["last_dead_by_layer"]) == (layers - 1) * (row["activation"] == "ReLU")
            assert (row["test_accuracy"] is not None) == (name == "recipe")


def test_timing_holds_ratios_in_order():
    steps = results.load("timing", what="step")
    assert [row["ratio"] for row in steps if row["batch_size"] == 64] == [1.0]
    assert all(row["lowest"] <= row["ratio"] <= row["highest"] for row in results.load("timing"))
    assert all(a["ratio"] < b["ratio"] for a, b in pairwise(steps))


def test_a_run_of_the_script_is_a_row_of_the_table():
    """One of the short runs, done again: the settings, the loss and the dead units are those of the table."""
    (stored,) = results.load("data_size", size="small", images=1_000, epochs=5, seed=0)
    row = experiments.run({name: stored[name] for name in (*experiments.FULL, "seed")})
    assert row["parameters"] == stored["parameters"] == 682_090
    assert row["train_loss"] == pytest.approx(stored["train_loss"], abs=0.01)
    assert row["first_dead_by_layer"] == stored["first_dead_by_layer"]
    assert row["first_gradient_by_layer"] == pytest.approx(stored["first_gradient_by_layer"], rel=1e-3)


def test_a_run_that_diverges_says_where_and_has_no_accuracy():
    settings = experiments.SMALL | {"images": 1_000, "lr": 1e4, "seed": 0}
    row = experiments.run(settings)
    assert row["stopped"].startswith("epoch 1, batch ") and row["validation_accuracy"] is None


def test_the_script_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(experiments, "FOLDER", tmp_path)
    plan = {"shape": [experiments.FULL | {"seed": seed} for seed in (0, 1)], "momentum": []}
    plan["momentum"] = plan["shape"][:1]
    monkeypatch.setattr(experiments, "configurations", lambda: plan)
    runs = []

    def run(settings, test=False):
        runs.append(settings["seed"])
        return settings | {"stopped": None, "validation_accuracy": 0.9, "test_accuracy": None}

    monkeypatch.setattr(experiments, "run", run)
    experiments.complete("shape", plan["shape"][:1])
    experiments.complete("shape", plan["shape"])
    experiments.complete("momentum", plan["momentum"])  # copied from the other table
    assert runs == [0, 1]
    assert [row["seed"] for row in results.load(tmp_path / "shape.csv")] == [0, 1]


def test_dead_units_are_those_that_are_0_for_every_image():
    model = mlp((784, 3, 10))
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].bias.copy_(torch.tensor([-1.0, 0.5, 0.0]))
    assert experiments.dead_units(model, torch.rand(4, 1, 28, 28)) == [2]


def test_the_start_for_sigmoids_keeps_the_gradients_size():
    images, labels = experiments.Batches(experiments.VALIDATION, 1000).peek()
    torch.manual_seed(0)
    model = mlp(activation=nn.Sigmoid)
    default = experiments.gradient_sizes(model, images, labels)
    experiments.init_for_sigmoid(model)
    drawn = experiments.gradient_sizes(model, images, labels)
    assert default[-1] / default[0] > 5_000 and drawn[-1] / drawn[0] < 500
    assert math.isclose(model[1].weight.abs().max().item(), 4 * math.sqrt(6 / (784 + 520)), rel_tol=1e-3)


def test_the_script_lists_what_is_done():
    script = Path(experiments.__file__)
    done = subprocess.run([sys.executable, script, "--list"], capture_output=True, text=True, check=True)
    assert "momentum" in done.stdout and " done" in done.stdout
