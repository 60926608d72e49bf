import io
import os
import pathlib
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from softmax_lib import checkpoint as checkpoint_module
from softmax_lib.checkpoint import (
    CheckpointError,
    load_checkpoint,
    load_model,
    read_checkpoint,
    restore,
    save_checkpoint,
    save_model,
    written_atomically,
)
from softmax_lib.models import linear_classifier, mlp


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "홍길동 폴더" / "model.pt"
    model = mlp((784, 12, 10))
    save_model(model, path)
    return path, model


def test_a_saved_model_comes_back_bit_for_bit(saved):
    path, model = saved
    assert equal(weights(load_model(mlp((784, 12, 10)), path)), weights(model))
    assert [p.name for p in path.parent.iterdir()] == ["model.pt"]


def test_the_file_is_a_plain_state_dict(saved):
    path, model = saved
    assert equal(torch.load(path, weights_only=True), weights(model))


@pytest.mark.skipif(os.name != "posix", reason="the size of files can be limited on Linux and macOS only")
def test_a_full_disk_is_an_oserror_and_leaves_the_old_file_and_no_other(saved):
    path, _ = saved
    before = path.read_bytes()
    code = """
import resource, sys
from softmax_lib.checkpoint import save_model
from softmax_lib.models import linear_classifier
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))  # like a disk that is full after so many bytes
try:
    save_model(linear_classifier(), sys.argv[1])
except OSError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert done.stdout.startswith(f"{path} can't be written (File too large). Make room"), done.stderr
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["model.pt"]


def change_one_byte(content):
    changed = bytearray(content)
    changed[len(content) // 2] ^= 1
    return bytes(changed)


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: b"<!DOCTYPE html><html></html>",
        change_one_byte,
        lambda content: pickle.dumps(Malicious()),
    ],
    ids=["empty", "half", "one byte less", "html", "one byte changed", "malicious pickle"],
)
def test_a_damaged_file_is_named_and_the_model_unchanged(saved, damage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, _ = saved
    path.write_bytes(damage(path.read_bytes()))
    model = mlp((784, 12, 10))
    before = weights(model)
    with pytest.raises(CheckpointError, match="can't be read as a model file") as error:
        load_model(model, path)
    assert str(path) in str(error.value) and "weights_only" not in str(error.value)
    assert equal(weights(model), before)
    assert not (tmp_path / "executed").exists()


def test_a_malicious_pickle_inside_a_model_file_is_not_run(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, _ = saved
    with zipfile.ZipFile(path) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for name, content in entries.items():
            file.writestr(name, pickle.dumps(Malicious(), 2) if name.endswith("data.pkl") else content)
    with pytest.raises(ValueError, match="can't be read as a model file"):
        load_model(mlp((784, 12, 10)), path)
    assert not (tmp_path / "executed").exists()


def test_another_architecture_is_refused_with_its_shapes(saved):
    path, _ = saved
    model = mlp((784, 13, 10))
    before = weights(model)
    with pytest.raises(ValueError, match=r"1\.weight: expected \(13, 784\), found \(12, 784\)"):
        load_model(model, path)
    assert equal(weights(model), before)
    with pytest.raises(ValueError, match=r"3\.bias: expected nothing, found \(10,\)"):
        load_model(linear_classifier(), path)


def test_something_else_saved_by_torch_is_refused(tmp_path):
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ValueError, match="holds list data, not a state dict"):
        load_model(mlp(), tmp_path / "list.pt")


def test_a_missing_file_or_a_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.pt does not exist"):
        load_model(mlp(), tmp_path / "nothing.pt")
    with pytest.raises(FileNotFoundError, match=r"is a folder; give the model\.pt in it"):
        load_model(mlp(), tmp_path)


def test_home_is_meant_by_a_tilde_in_saving_as_in_loading(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))  # Windows
    monkeypatch.chdir(tmp_path)
    save_model(torch.nn.Linear(2, 3), "~/model.pt")
    load_model(torch.nn.Linear(2, 3), "~/model.pt")
    assert not (tmp_path / "~").exists()
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_model(torch.nn.Linear(2, 3), "~nobody-of-that-name/model.pt")


def test_names_that_are_numbers_are_refused(tmp_path):
    torch.save({1: torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="another architecture.*1: expected nothing"):
        load_model(torch.nn.Linear(2, 3), tmp_path / "other.pt")


def test_written_atomically_keeps_the_old_file_on_any_error(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), written_atomically(path) as partial:
        partial.write_text("new")
        raise ZeroDivisionError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with written_atomically(path) as partial:
        partial.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_a_state_dict_by_torch_save_alone_is_read_too_and_its_damage_found(tmp_path):
    model = linear_classifier()
    torch.save(model.state_dict(), tmp_path / "other.pt")
    assert equal(weights(load_model(linear_classifier(), tmp_path / "other.pt")), weights(model))
    content = bytearray((tmp_path / "other.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "other.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match="it is damaged"):
        load_model(linear_classifier(), tmp_path / "other.pt")


# ------------------------------------------------------------------------------------------------ checkpoints


def trained(optimizer_class=torch.optim.SGD, shape=(4, 3), schedule=True, steps=3, **options):
    """(model, optimizer, scheduler) after some steps."""
    torch.manual_seed(steps)
    model = torch.nn.Sequential(torch.nn.Linear(*shape), torch.nn.BatchNorm1d(shape[1]))
    options = options or {"lr": 0.1, "momentum": 0.9} if optimizer_class is torch.optim.SGD else {"lr": 0.1}
    optimizer = optimizer_class(model.parameters(), **options)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2) if schedule else None
    for _ in range(steps):
        step(model, optimizer, scheduler)
    return model, optimizer, scheduler


def step(model, optimizer, scheduler):
    x = torch.rand(5, model[0].in_features)
    model(x).square().sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    if scheduler:
        scheduler.step()


def everything(model, optimizer, scheduler):
    return repr((model.state_dict(), optimizer.state_dict(), scheduler and scheduler.state_dict()))


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "홍길동 폴더" / "checkpoint.pt"
    model, optimizer, scheduler = trained()
    save_checkpoint(model, optimizer, path, scheduler=scheduler, epoch=3, notes=["a", (1, 2.5), None])
    return path


@pytest.mark.parametrize("optimizer_class", [torch.optim.SGD, torch.optim.Adam])
def test_a_checkpoint_brings_back_all_and_the_next_steps_are_the_same(tmp_path, optimizer_class):
    ours = trained(optimizer_class)
    generator = torch.get_rng_state()
    save_checkpoint(*ours[:2], tmp_path / "c.pt", scheduler=ours[2], epoch=np.int64(3), generator=generator)
    other = trained(optimizer_class, steps=1)
    extra = load_checkpoint(*other[:2], tmp_path / "c.pt", scheduler=other[2])
    assert extra["epoch"] == 3 and torch.equal(extra["generator"], generator)
    assert everything(*ours) == everything(*other)
    for run in (ours, other):
        torch.set_rng_state(extra["generator"])
        for _ in range(3):
            step(*run)
    assert equal(weights(ours[0]), weights(other[0]))


def test_a_checkpoint_is_a_file_that_torch_reads_and_load_model_too(checkpoint):
    state = torch.load(checkpoint, weights_only=True)
    assert state["extra"] == {"epoch": 3, "notes": ["a", (1, 2.5), None]}
    model = load_model(trained(steps=1)[0], checkpoint)
    assert equal(weights(model), state["model"])


@pytest.mark.parametrize("kind", ["checkpoint", "model"])
def test_one_changed_bit_anywhere_is_found(tmp_path, kind):
    model, optimizer, _ = trained(schedule=False)
    path = tmp_path / "file.pt"
    save_model(model, path) if kind == "model" else save_checkpoint(model, optimizer, path)
    read = (lambda: load_model(model, path)) if kind == "model" else (lambda: read_checkpoint(path))
    read()
    whole = path.read_bytes()
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 1 << (position % 8)
        path.write_bytes(changed)
        with pytest.raises(CheckpointError):
            read()
    for length in (*range(0, len(whole), 97), len(whole) - 86, len(whole) - 64):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            read()
    path.write_bytes(whole + b"\0")
    with pytest.raises(CheckpointError):
        read()


def resealed(content, pickled):
    """The file with another pickle in it and a right checksum: what an attacker would send."""
    archive = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(archive, "w") as new:
        for name in old.namelist():
            new.writestr(name, pickled if name.endswith("data.pkl") else old.read(name))
    return checkpoint_module._with_sum(archive.getvalue())


DAMAGES = {
    "empty": (lambda content: b"", "it is empty"),
    "half": (lambda content: content[: len(content) // 2], "cut short"),
    "html": (lambda content: b"\n<!DOCTYPE html><html></html>", "a web page"),
    "one byte changed": (change_one_byte, "changed"),
    "something else": (lambda content: b"GIF89a", "something else"),
    "malicious pickle": (lambda content: pickle.dumps(Malicious()), "something else"),
    "malicious zip": (lambda content: resealed(content, pickle.dumps(Malicious(), 2)), "more than tensors"),
}


@pytest.mark.parametrize("damage, words", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_one_type_of_error_and_changes_nothing(
    checkpoint, damage, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))
    model, optimizer, scheduler = trained(steps=1)
    before = everything(model, optimizer, scheduler)
    with pytest.raises(CheckpointError, match=f"can't be read as a checkpoint: .*{words}") as error:
        load_checkpoint(model, optimizer, checkpoint, scheduler=scheduler)
    assert str(checkpoint) in str(error.value) and "weights_only" not in str(error.value)
    assert error.value.__suppress_context__ or error.value.__context__ is None
    assert everything(model, optimizer, scheduler) == before
    assert not (tmp_path / "executed").exists()


def test_a_missing_checkpoint_a_folder_and_a_model_file_are_the_same_type_of_error(tmp_path):
    model, optimizer, _ = trained(schedule=False)
    save_model(model, tmp_path / "model.pt")
    for name, words in {
        "nothing.pt": "does not exist",
        ".": "is a folder; give the checkpoint.pt",
        "model.pt": "a model file: load_model",
    }.items():
        with pytest.raises(CheckpointError, match=words):
            load_checkpoint(model, optimizer, tmp_path / name)


@pytest.mark.parametrize(
    "run, words",
    [
        (dict(shape=(5, 3)), r"0\.weight: expected \(3, 5\) float32, found \(3, 4\) float32"),
        (dict(optimizer_class=torch.optim.Adam), "optimizer: expected Adam, found SGD with momentum_buffer"),
        (dict(schedule=False), "schedule: expected none, found StepLR"),
    ],
    ids=["architecture", "optimizer", "schedule"],
)
def test_a_checkpoint_of_another_model_or_optimizer_is_refused_with_what_differs(checkpoint, run, words):
    model, optimizer, scheduler = trained(steps=1, **run)
    before = everything(model, optimizer, scheduler)
    with pytest.raises(CheckpointError, match=words):
        load_checkpoint(model, optimizer, checkpoint, scheduler=scheduler)
    assert everything(model, optimizer, scheduler) == before


def test_an_adam_state_into_sgd_another_dtype_and_other_shapes_are_listed(tmp_path):
    path = tmp_path / "checkpoint.pt"
    adam, sgd = trained(torch.optim.Adam, schedule=False), trained(schedule=False)
    save_checkpoint(*adam[:2], path)
    before = everything(*sgd)
    with pytest.raises(CheckpointError, match="expected SGD, found Adam with exp_avg, exp_avg_sq, step"):
        load_checkpoint(*sgd[:2], path)
    state = read_checkpoint(path)
    state["optimizer"]["name"] = "SGD"  # so that only the fields tell
    with pytest.raises(CheckpointError, match="field betas of the optimizer: expected none"):
        restore(state, path, *sgd[:2])
    save_checkpoint(*sgd[:2], path)
    with pytest.raises(
        CheckpointError, match=r"0\.weight: expected \(3, 4\) float64, found \(3, 4\) float32"
    ):
        load_checkpoint(sgd[0].double(), sgd[1], path)
    sgd[0].float()
    state = read_checkpoint(path)
    state["optimizer"]["state"][0]["momentum_buffer"] = torch.zeros(())
    with pytest.raises(
        CheckpointError, match=r"momentum_buffer of parameter 0: expected \(3, 4\), found \(\)"
    ):
        restore(state, path, *sgd[:2])
    assert everything(*sgd) == before


def test_what_could_not_be_read_again_is_not_written(checkpoint):
    before = checkpoint.read_bytes()
    model, optimizer, _ = trained()
    with pytest.raises(TypeError, match=r"checkpoint\['extra'\]\['when'\]\[0\] is a \w*Path"):
        save_checkpoint(model, optimizer, checkpoint, when=[pathlib.Path("x")])
    assert checkpoint.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_save_killed_at_random_moments_leaves_a_whole_file_each_time(tmp_path):
    """kill -9, 40 times; the processes are forked, because starting torch would take most of the time."""
    code = """
import os, pathlib, random, signal, sys, time, torch
from softmax_lib.checkpoint import load_checkpoint, load_model, save_checkpoint, save_model
torch.set_num_threads(1)
path = pathlib.Path(sys.argv[1])
model_path = path.with_name("model.pt")
model = torch.nn.Linear(300, 300)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
def save(number):
    torch.nn.init.constant_(model.weight, number)
    save_checkpoint(model, optimizer, path, number=number)
    save_model(model, model_path)
save(0)
rng, left_over, numbers = random.Random(0), 0, set()
for kill in range(40):
    started, tell = os.pipe()
    child = os.fork()
    if child == 0:
        number = 1000 * kill
        while True:
            number += 1
            save(number)
            os.write(tell, b"saved" if number % 1000 == 1 else b"")
    os.read(started, 1)
    time.sleep(rng.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(started), os.close(tell)
    number = load_checkpoint(model, optimizer, path)["number"]
    assert bool((model.weight == number).all()), (kill, number)
    load_model(model, model_path)
    assert bool((model.weight == model.weight[0, 0]).all())
    names = {p.name for p in path.parent.iterdir()} - {path.name, model_path.name}
    assert names <= {path.name + ".partial", model_path.name + ".partial"}, names
    left_over += len(names)
    numbers.add(number)
save(1)
assert {p.name for p in path.parent.iterdir()} == {path.name, model_path.name}
print(left_over, len(numbers))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "checkpoint.pt")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    left_over, numbers = map(int, done.stdout.split())
    assert left_over >= 3 and numbers >= 5, "the kills did not meet a save"
