"""The benchmarks measure what they say.  Nothing here looks at a time."""

import time

import bench
import measure
import pipelines
import pytest
import report
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from softmax_lib.data import load_mnist
from softmax_lib.training import fit

SMALL = load_mnist().train[:200]


def test_the_bare_loop_makes_the_updates_of_fit():
    by_fit, bare = pipelines.network(), pipelines.network()
    fit(by_fit, SMALL, epochs=1, device="cpu", progress=False)
    pipelines.bare_epoch(bare, SMALL)
    assert pipelines.same_weights(by_fit, bare)
    assert not pipelines.same_weights(by_fit, pipelines.network())


class Products(TorchDispatchMode):
    """Notes the shapes of the matrix products that run."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.addmm.default or "aten.mm" in str(func):
            first, second = [a for a in args if isinstance(a, torch.Tensor) and a.ndim == 2][-2:]
            self.shapes.append((first.shape[0] * second.shape[1], first.shape[1]))
        return func(*args, **(kwargs or {}))


def test_the_floor_has_the_matrix_products_of_a_step():
    with Products() as floor:
        pipelines.matrix_products(1)()
    with Products() as step:
        pipelines.bare_epoch(pipelines.network(), SMALL[:64])
    with Products() as forward:
        pipelines.matrix_products(2, backward=False)()
    assert len(floor.shapes) == 14 and len(forward.shapes) == 2 * 5
    assert sorted(floor.shapes) == sorted(step.shapes)


def test_the_textbook_trains_and_tests(monkeypatch):
    textbook = pipelines.Textbook()
    textbook.train_loader.dataset.data = textbook.train_loader.dataset.data[:640]
    textbook.train_loader = torch.utils.data.DataLoader(
        textbook.train_loader.dataset, batch_size=64, sampler=range(640)
    )
    before = [parameter.detach().clone() for parameter in textbook.model.parameters()]
    textbook.epoch()
    changed = [not torch.equal(a, b) for a, b in zip(before, textbook.model.parameters(), strict=True)]
    assert all(changed)


def test_functions_take_turns_and_the_first_round_is_not_counted():
    calls = []
    times = measure.alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["b", "a", "a", "b", "b", "a"]
    assert {name: len(values) for name, values in times.items()} == {"a": 2, "b": 2}


def test_a_ratio_is_taken_in_each_round():
    """A machine that is ten times slower in one round changes the seconds, not the ratio."""
    times = {"slow": [2.0, 20.0, 2.0], "quick": [1.0, 10.0, 1.0]}
    slow, quick = measure.rows(times, "quick")
    assert (slow["ratio"], slow["ratio_lowest"], slow["ratio_highest"]) == (2.0, 2.0, 2.0)
    assert slow["seconds"] == 2.0 and slow["highest"] == 20.0 and quick["ratio"] == 1.0


def test_seconds_are_seconds():
    assert measure.seconds(lambda: time.sleep(0.05)) >= 0.05


def test_the_time_to_97_percent_ends_at_the_first_test_that_gives_it():
    row = bench.run_row("x", 0, [0.95, 0.971, 0.969], [2.0, 3.0, 4.0])
    assert (row["epochs_to_97"], row["seconds_to_97"], row["seconds"]) == (2, 5.0, 9.0)
    assert bench.run_row("x", 0, [0.95], [2.0])["seconds_to_97"] is None


def test_make_test_runs_all_tests_whatever_make_bench_was_given(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setenv("MAKEFLAGS", " -- ARGS=tests")  # as a `make bench ARGS=tests` hands it on
    (tmp_path / "Makefile").write_text('test:\n\t@echo "given: $(ARGS)"; test -z "$(ARGS)"\n')
    (row,) = bench.tests(1)
    assert row["what"] == "make test" and row["rounds"] == 1
    (tmp_path / "Makefile").write_text("test:\n\t@echo 1 failed; exit 1\n")
    with pytest.raises(RuntimeError, match="1 failed"):
        bench.tests(1)


def test_what_was_measured_once_has_no_range():
    assert report.cell({"seconds": 4.4, "lowest": None, "highest": None}, "seconds") == "4.4"
    assert report.cell({"seconds": 4.4, "lowest": 4.1, "highest": 5.0}, "seconds") == "4.4 (4.1 to 5.0)"


def test_growth_is_summed_up_by_medians_and_ratios():
    measured = [
        {"what": "data", "value": "1", "seconds": s, "megabytes": 50, "data": 47}
        for s in ("2.0", "9.0", "2.2")
    ]
    measured += [{"what": "data", "value": "2", "seconds": "4.4", "megabytes": 97, "data": 94}]
    one, two = bench.medians(measured)
    assert (one["seconds"], one["rounds"], two["ratio"], two["megabytes"]) == (2.2, 3, 2.0, 97)


def test_the_report_keeps_what_stands_around_it(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    rows = measure.rows({"textbook": [4.0], "fit": [1.0]}, "fit")
    about = {"measured": "2026-01-01", "machine": "two cores"}
    report.results.save(folder / "epoch.csv", [row | about for row in rows])
    readme = tmp_path / "README.md"
    readme.write_text(f"# Before\n{report.BEGIN}\nold\n{report.END}\nafter\n", "utf-8")
    report.write_report(folder, readme)
    text = readme.read_text("utf-8")
    assert text.startswith("# Before") and text.endswith("after\n") and "old" not in text
    assert "| textbook | 4.0 (4.0 to 4.0) | 4.0 (4.0 to 4.0) | 1 |" in text and "two cores" in text


def test_the_stored_report_is_made_from_the_stored_results(tmp_path):
    readme = bench.HERE / "README.md"
    copy = tmp_path / "README.md"
    copy.write_text(readme.read_text("utf-8"), "utf-8")
    report.write_report(bench.RESULTS, copy)
    assert copy.read_text("utf-8") == readme.read_text("utf-8")


def test_an_unknown_part_is_named(capsys):
    with pytest.raises(SystemExit):
        bench.main(["epochs"])
    assert "no part epochs; there are epoch, evaluation" in capsys.readouterr().err
