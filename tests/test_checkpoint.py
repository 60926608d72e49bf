import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile

import pytest
import torch

from softmax_lib.checkpoint import load_model, save_model, written_atomically
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


def test_a_save_killed_at_random_moments_leaves_a_whole_file(saved):
    path, _ = saved
    code = """
import sys, torch
from softmax_lib.checkpoint import save_model
from softmax_lib.models import mlp
model = mlp((784, 12, 10))
print("go", flush=True)
while True:
    save_model(model, sys.argv[1])
"""
    for delay in (0.001, 0.01, 0.02, 0.05):
        with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(delay)
            os.kill(process.pid, signal.SIGKILL)
        load_model(mlp((784, 12, 10)), path)
        assert {p.name for p in path.parent.iterdir()} <= {"model.pt", "model.pt.partial"}
    save_model(mlp((784, 12, 10)), path)
    assert [p.name for p in path.parent.iterdir()] == ["model.pt"]  # the next save clears up


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
    with pytest.raises(ValueError, match="can't be read as a model file") as error:
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


def test_any_changed_byte_of_a_model_file_is_found_or_harmless(saved):
    path, model = saved
    whole = path.read_bytes()
    found = 0
    positions = range(0, len(whole), 1 + len(whole) // 300)
    for position in positions:
        path.write_bytes(whole[:position] + bytes((whole[position] ^ 1,)) + whole[position + 1 :])
        try:
            assert equal(weights(load_model(mlp((784, 12, 10)), path)), weights(model))  # padding, say
        except ValueError as error:
            assert str(path) in str(error)
            found += 1
    assert found > 0.9 * len(positions)
