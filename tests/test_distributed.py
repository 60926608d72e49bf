"""Several processes, started by torchrun as a user starts them."""

import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import psutil
import pytest
import torch

from softmax_lib import cli, distributed, watch
from softmax_lib.checkpoint import read_checkpoint
from softmax_lib.data import Batches
from softmax_lib.distributed import Processes, Shares
from softmax_lib.training import Watch, read_history, train_epoch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="torchrun with gloo is tested on Linux")


def load(name):
    """A module of this folder, which isn't on the path."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


worker = load("distributed_worker")
WORKER = Path(worker.__file__)


def torchrun(count, *arguments, cwd):
    """A run of that many processes; standalone: any free port, so that two tests never meet."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finish(process, timeout=120):
    """(stdout, stderr) of a process that must end by itself."""
    try:
        return process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.terminate()
        raise AssertionError(f"it hangs: {process.communicate()}") from None


def said(errors):
    """What softmax_lib printed, without torchrun's own lines."""
    return re.findall(r"^softmax_lib train: .*$", errors, re.MULTILINE)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "small"
    load("test_cli").write_small_set(folder)
    return folder


Three = namedtuple("Three", "results out err folder")


@pytest.fixture(scope="module")
def three(small, tmp_path_factory):
    """Three processes that ran ``distributed_worker.py``: what each found, and what they printed."""
    folder = tmp_path_factory.mktemp("three")
    (folder / "small").symlink_to(small)
    with torchrun(3, WORKER, folder, cwd=folder) as process:
        out, err = finish(process)
    assert process.returncode == 0, err
    results = [torch.load(folder / f"results{rank}.pt", weights_only=True) for rank in range(3)]
    return Three(results, out, err, folder)


def largest_difference(first, second):
    return max((a - b).abs().max().item() for a, b in zip(first, second, strict=True))


def test_three_processes_give_the_weights_of_one_in_float64(three):
    """Batches of 64 as 21 + 21 + 22, a last one of 2 as 0 + 1 + 1, momentum, two epochs."""
    model, history = worker.float64()
    for result in three.results:
        assert largest_difference(model.parameters(), result["float64"]) < 1e-9
        for ours, theirs in zip(history, result["float64_history"], strict=True):
            assert theirs[:7] == pytest.approx(ours[:7], abs=1e-9)  # exact means over all examples
    assert all(result["float64"][0].dtype == torch.float64 for result in three.results)
    assert largest_difference(model.parameters(), worker.network().double().parameters()) > 0.01


def test_three_processes_give_the_weights_of_one_over_100_steps_in_float32(three):
    kept, history = worker.float32()
    theirs = three.results[0]["float32"]
    assert len(kept) == 10 == len(theirs)
    assert max(map(largest_difference, kept, theirs)) < 1e-5
    assert largest_difference(kept[0], kept[-1]) > 0.001
    for ours, record in zip(history, three.results[0]["float32_history"], strict=True):
        assert record[1:5] == pytest.approx(ours[1:5], abs=1e-5)
    assert three.results[1]["float32"] == []  # after_epoch is called in the first process


def test_three_processes_reach_the_accuracy_of_one(three):
    accuracy = worker.short_run()
    assert accuracy > 0.9
    assert [r["accuracy"] for r in three.results] == pytest.approx([accuracy] * 3, abs=0.002)


def test_ctrl_c_in_one_process_stops_all_after_the_same_step_and_dropout_resumes_to_the_same_bits(three):
    sums = set()
    for result in three.results:
        assert result["dropout"]["stopped_at"] == (1, 4, True)
        assert result["dropout"]["equal"] == [True, True, True]
        sums.add(result["dropout"]["sum"])
        expected, *others = result["dropout"]["metrics"]
        for records in others:
            assert [list(r) for r in records] == [pytest.approx(list(r), rel=1e-12) for r in expected]
    assert len(sums) == 1


def test_a_bad_value_in_one_process_ends_all_with_the_same_error(three):
    for rank, result in enumerate(three.results):
        found = result["bad_values"]
        for name, kind, words in (
            ("nan", "NonFiniteLossError", "epoch 1, batch 9: the loss is nan"),
            ("label", "ValueError", "labels must be class indices from 0 to 9; found 10"),
            (
                "other_data",
                "ValueError",
                "process 1 was called with other arguments than process 0: checksum",
            ),
            ("other_seed", "ValueError", "process 0: seed 1, in process 0 0"),
            ("narrow", "ValueError", "from 0 to 8; found 9"),
            ("no_folder", "Error", "c.pt can't be written"),
            ("damaged", "CheckpointError", "it is empty"),
        ):
            assert found[name][0].endswith(kind) and words in found[name][1], (rank, name, found[name])
        assert found["nan_weights_kept"]
        assert found["warnings"] == (rank == 0)
    assert "(process 1 of 3 found this)" in three.results[0]["bad_values"]["label"][1]


def test_the_first_process_alone_prints_and_writes(three):
    assert {result["exit_codes"] == [1, 1, 1, 1, 1, 2] for result in three.results} == {True}
    lines = said(three.err)
    for line, words in zip(
        lines,
        (
            "lr must be a positive number",
            r"epoch 1, batch \d+: the loss is",
            "nowhere: no such folder",
            "held holds the results of an earlier run",
            "there is nothing to resume",
            "--resume needs --out DIR",
        ),
        strict=True,
    ):
        assert re.search(words, line)
    assert three.out.count("Stopped in epoch 2 of 3") == 1
    assert three.err.count("| 6/6 [") >= 1 and "Traceback" not in three.err
    assert three.out.count("3 processes") == 2  # a line a run, not a process
    names = {path.name for path in three.folder.iterdir()}
    assert not {name for name in names if "partial" in name} and "new" not in names


# --------------------------------------------------------------------------------------- runs that end early


def wait_for(process, words):
    for line in process.stdout:
        if line.startswith(words):
            return
    raise AssertionError(process.stderr.read())


def test_a_run_ended_by_ctrl_c_then_by_a_process_that_died_resumes_under_other_numbers(
    small, tmp_path, monkeypatch, capsys
):
    """Ctrl-C under two processes, kill -9 of one of three, the end with one: the weights of one process."""
    settings = ["--data", small, "--epochs", "60", "--batch-size", "100"]
    resume = ["train", "--data", str(small), "--out", "run", "--resume"]
    with torchrun(2, "-m", "softmax_lib", "train", *settings, "--out", "run", cwd=tmp_path) as process:
        wait_for(process, "epoch 3/60")
        process.send_signal(signal.SIGINT)  # as a terminal does: torchrun passes it on
        out, err = finish(process)
    assert process.returncode != 0 and out.count("Stopped in epoch") == 1 and out.count("Go on:") == 1
    assert "torchrun --nproc-per-node 2 -m softmax_lib train --out run" in out
    stopped = read_history(tmp_path / "run" / "checkpoint.pt")
    assert 3 <= len(stopped) < 60 and len(stopped._position.random or [1, 2]) == 2
    assert (tmp_path / "run" / "model.pt").exists()

    with torchrun(3, "-m", "softmax_lib", *resume, cwd=tmp_path) as process:
        wait_for(process, f"going on after {len(stopped)} of 60 epochs")
        wait_for(process, f"epoch {len(stopped) + 3}/60")
        began = time.monotonic()
        workers = [p for p in psutil.Process(process.pid).children() if "softmax_lib" in p.cmdline()]
        assert len(workers) == 3
        workers[2].kill()
        out, err = finish(process)
    assert process.returncode != 0 and time.monotonic() - began < 60
    messages = said(err)
    assert messages and all("because another one ended or no longer answers" in line for line in messages)
    assert all(re.search(r"-m softmax_lib train --out run --data .* --resume$", line) for line in messages)
    left = read_history(tmp_path / "run" / "checkpoint.pt")
    assert len(stopped) + 3 <= len(left) < 60

    monkeypatch.chdir(tmp_path)
    assert cli.main(resume) == 0
    assert cli.main(["train", *map(str, settings), "--out", "straight"]) == 0
    runs = [read_checkpoint(tmp_path / name / "checkpoint.pt")["model"] for name in ("run", "straight")]
    # Rounding differs with the shares, and may put a ReLU on the other side of its kink, which moves a hidden
    # bias by 1e-4 by the end.  The output's biases are hardly touched; a step left out moves them by 2e-4.
    assert largest_difference(runs[0].values(), runs[1].values()) < 5e-4
    assert (runs[0]["9.bias"] - runs[1]["9.bias"]).abs().max() < 2e-5
    torch.manual_seed(0)
    assert largest_difference(runs[1].values(), worker.mlp().parameters()) > 1e-3
    metrics = [read_history(tmp_path / name / "checkpoint.pt") for name in ("run", "straight")]
    for ours, theirs in zip(*metrics, strict=True):
        assert ours[1:5] == pytest.approx(theirs[1:5], abs=1e-4)
    capsys.readouterr()


def test_fit_alone_connects_the_processes_each_time_and_sigterm_saves(tmp_path):
    """A script without a word about processes; twice, because a group is left and made again."""
    code = f"""
import sys
sys.path.insert(0, {str(WORKER.parent)!r})
from distributed_worker import *
options = dict(epochs=1, batch_size=16, device="cpu")
first, second = network(), network()
fit(first, split(150), **options)
fit(second, split(150), **options)
assert all(map(torch.equal, first.parameters(), second.parameters()))
def say(record, epochs):
    if record.epoch == 2:
        print("two epochs", flush=True)
fit(first, split(150), **{{**options, "epochs": 10**6}}, checkpoint="run.pt", after_epoch=say)
print("never reached")
"""
    (tmp_path / "script.py").write_text(code)
    with torchrun(2, "script.py", cwd=tmp_path) as process:
        wait_for(process, "two epochs")
        process.send_signal(signal.SIGTERM)
        out, err = finish(process)
    assert process.returncode != 0 and "never reached" not in out
    assert out.count("Stopped in epoch") == 1, err
    assert len(read_history(tmp_path / "run.pt")) >= 2


# ------------------------------------------------------------------------------------------ without torchrun


@pytest.mark.parametrize("size, count", [(64, 2), (64, 3), (2, 3), (1, 4), (7, 7)])
def test_shares_are_the_whole_batch_and_differ_by_one_at_most(size, count):
    split = worker.split(200)[: 64 + size]
    whole = [labels for _, labels in Batches(split, 64, shuffle=True, seed=3)]
    parts = [[] for _ in whole]
    for rank in range(count):
        shares = Shares(split, 64, shuffle=True, seed=3, processes=Processes(rank, count))
        for step, (images, labels) in enumerate(shares):
            assert len(images) == len(labels) >= 1  # each process takes part
            if shares.share:
                parts[step].append(labels)
                assert shares.share == len(labels) / len(whole[step])
    for labels, shared in zip(whole, parts, strict=True):
        assert torch.equal(labels, torch.cat(shared))
        assert max(map(len, shared)) - min(map(len, shared)) <= 1


def test_what_each_gpu_gets_is_said_before_anything_starts(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    cuda, mps = torch.device("cuda"), torch.device("mps")
    assert Processes(1, 2).device(cuda, "auto") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="process 2 has no GPU of its own: this computer has 2"):
        Processes(2, 3).device(cuda, "auto")
    assert Processes(0, 2).device(mps, "auto") == torch.device("cpu")
    with pytest.raises(ValueError, match="not on 'mps'"):
        Processes(0, 2).device(mps, "mps")
    assert Processes().device(cuda, "cuda") == cuda


class Other(Processes):
    """Two processes, the other of which finds a bad loss at its third step: as a GPU's flag would say."""

    def sums(self, *values):
        return list(values)

    def maximum_(self, tensor):
        Other.steps += 1
        if Other.steps >= 3:
            tensor.fill_(1.0)

    def gather(self, value):
        return [value]


def test_on_gpus_a_bad_loss_of_another_process_switches_the_update_off(monkeypatch):
    monkeypatch.setattr(watch, "_asking_costs_time", lambda loss: True)
    Other.steps = 0
    model = worker.network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=True)
    after_two = worker.network()
    batches = Batches(worker.split(60), 10)
    train_epoch(after_two, list(batches)[:2], torch.optim.SGD(after_two.parameters(), lr=0.1, fused=True))
    with pytest.raises(watch.NonFiniteLossError, match="batch 3: the loss is nan"):
        train_epoch(model, Batches(worker.split(60), 10), optimizer, watch=Watch(processes=Other(0, 2)))
    assert all(map(torch.equal, model.parameters(), after_two.parameters()))


def test_one_process_needs_no_group():
    with distributed.process_group() as processes:
        assert processes == Processes(0, 1) and not torch.distributed.is_initialized()
