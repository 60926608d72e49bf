"""`make lab` and `make fresh`: the learner's copies are made once, whole, and are never written to again."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import lab
import pytest


def write_notebook(path, source):
    cells = [{"cell_type": "code", "id": "one", "metadata": {}, "source": [source], "outputs": []}]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


@pytest.fixture
def clone(tmp_path):
    """A folder with three notebooks, under a path that is neither ASCII nor free of spaces."""
    root = tmp_path / "홍길동 폴더"
    (root / "notebooks").mkdir(parents=True)
    for name in ("01_scores", "02_loss", "10_experiments"):
        write_notebook(root / "notebooks" / f"{name}.ipynb", f"print({name!r})")
    return root


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_each_notebook_is_copied_byte_for_byte(clone, capsys):
    assert lab.main(["--copy-only"], clone) == 0
    assert visible(clone / "my") == ["01_scores.ipynb", "02_loss.ipynb", "10_experiments.ipynb"]
    told = capsys.readouterr().out
    for name in visible(clone / "my"):
        assert (clone / "my" / name).read_bytes() == (clone / "notebooks" / name).read_bytes()
        assert name in told


def test_an_existing_copy_is_never_overwritten(clone):
    lab.main(["--copy-only"], clone)
    mine = clone / "my" / "01_scores.ipynb"
    mine.write_bytes(b"my own work, not even a notebook")
    write_notebook(clone / "notebooks" / "01_scores.ipynb", "print('the course has changed')")
    assert lab.main(["--copy-only"], clone) == 0
    assert lab.main(["--fresh", "1"], clone) == 0
    assert mine.read_bytes() == b"my own work, not even a notebook"


def test_a_second_run_changes_nothing(clone):
    lab.main(["--copy-only"], clone)
    before = contents(clone / "my")
    lab.main(["--copy-only"], clone)
    assert contents(clone / "my") == before


def test_a_copy_that_was_deleted_is_made_again(clone):
    lab.main(["--copy-only"], clone)
    (clone / "my" / "02_loss.ipynb").unlink()
    lab.main(["--copy-only"], clone)
    assert "02_loss.ipynb" in visible(clone / "my")


def no_hard_links(source, target):
    raise OSError("this disk has no hard links")


@pytest.mark.parametrize("link", [os.link, no_hard_links])
def test_the_copying_step_itself_refuses_a_name_that_is_taken(tmp_path, monkeypatch, link):
    # Another process may make the file between the look and the move.
    monkeypatch.setattr(os, "link", link)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    target.write_text("old")
    assert lab.move_if_absent(source, target) is False
    assert target.read_text() == "old"


def test_copies_are_made_on_a_disk_without_hard_links(clone, monkeypatch):
    monkeypatch.setattr(os, "link", no_hard_links)
    lab.main(["--copy-only"], clone)
    mine = clone / "my" / "01_scores.ipynb"
    mine.write_bytes(b"mine")
    lab.main(["--copy-only"], clone)
    assert mine.read_bytes() == b"mine"
    assert visible(clone / "my") == ["01_scores.ipynb", "02_loss.ipynb", "10_experiments.ipynb"]


# --fresh


@pytest.mark.parametrize("wanted", ["2", "02", "02_loss", "02_loss.ipynb", "notebooks/02_loss.ipynb"])
def test_fresh_adds_a_numbered_copy_and_says_where(clone, capsys, wanted):
    lab.main(["--copy-only"], clone)
    for number in (2, 3):
        capsys.readouterr()
        assert lab.main(["--fresh", wanted], clone) == 0
        new = clone / "my" / f"02_loss-{number}.ipynb"
        assert new.read_bytes() == (clone / "notebooks" / "02_loss.ipynb").read_bytes()
        assert str(new) in capsys.readouterr().out


def test_fresh_makes_the_first_copy_where_there_is_none(clone):
    lab.main(["--fresh", "2"], clone)
    assert visible(clone / "my") == ["02_loss.ipynb"]


def test_fresh_counts_on_from_the_highest_number(clone):
    (clone / "my").mkdir()
    (clone / "my" / "01_scores-7.ipynb").write_text("mine")
    lab.main(["--fresh", "1"], clone)
    assert visible(clone / "my") == ["01_scores-7.ipynb", "01_scores-8.ipynb"]


@pytest.mark.parametrize("wanted", ["4", "0", "1_scores", "scores", ""])
def test_fresh_lists_the_notebooks_when_the_number_is_unknown(clone, capsys, wanted):
    assert lab.main(["--fresh", wanted], clone) == 1
    message = capsys.readouterr().err
    assert f"no notebook {wanted!r}" in message
    assert all(name in message for name in ("01_scores", "02_loss", "10_experiments"))
    assert not (clone / "my").exists()


# Interrupted, or in the way


def test_an_interrupted_copy_leaves_no_half_notebook_and_the_next_run_repairs_it(clone, monkeypatch):
    class Killed(BaseException):
        pass

    def half(self, content):
        with open(self, "wb") as file:
            file.write(content[: len(content) // 2])
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        patch.setattr(Path, "unlink", lambda self, missing_ok=False: None)  # a killed process tidies nothing
        with pytest.raises(Killed):
            lab.main(["--copy-only"], clone)
    assert visible(clone / "my") == []
    (leftover,) = (clone / "my").iterdir()
    leftover = leftover.rename(leftover.with_name(".01_scores.ipynb.1234567.part"))  # another process's
    os.utime(leftover, (time.time() - 3600,) * 2)
    lab.main(["--copy-only"], clone)
    assert visible(clone / "my") == ["01_scores.ipynb", "02_loss.ipynb", "10_experiments.ipynb"]
    assert not list((clone / "my").glob(".*.part"))


def test_a_full_disk_is_named_and_leaves_nothing_behind(clone, monkeypatch, capsys):
    def full(self, content):
        with open(self, "wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert lab.main(["--copy-only"], clone) == 1
    assert "01_scores.ipynb" in (message := capsys.readouterr().err) and "No space left" in message
    assert contents(clone / "my") == {}


def test_my_being_a_file_is_said_and_the_file_kept(clone, capsys):
    (clone / "my").write_text("a letter")
    for arguments in (["--copy-only"], ["--fresh", "1"]):
        assert lab.main(arguments, clone) == 1
        assert "is a file" in capsys.readouterr().err
    assert (clone / "my").read_text() == "a letter"


def test_a_clone_without_notebooks_is_named(clone, capsys):
    for notebook in (clone / "notebooks").iterdir():
        notebook.unlink()
    assert lab.main(["--copy-only"], clone) == 1
    assert "no notebooks" in capsys.readouterr().err


# A course that has changed since


def test_a_changed_notebook_is_announced_with_the_command_for_a_new_copy(clone, capsys):
    lab.main(["--copy-only"], clone)
    write_notebook(clone / "notebooks" / "02_loss.ipynb", "print('a better explanation')")
    capsys.readouterr()
    lab.main(["--copy-only"], clone)
    lines = [line for line in capsys.readouterr().out.splitlines() if "has changed" in line]
    assert len(lines) == 1 and "02_loss" in lines[0] and "--fresh 02" in lines[0]
    lab.main(["--fresh", "02"], clone)
    capsys.readouterr()
    lab.main(["--copy-only"], clone)
    assert "has changed" not in capsys.readouterr().out


def test_a_rerun_or_a_touched_notebook_is_not_called_changed(clone, capsys):
    lab.main(["--copy-only"], clone)
    path = clone / "notebooks" / "01_scores.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["1\n"]}]
    path.write_text(json.dumps(notebook))
    lab.main(["--copy-only"], clone)
    assert "has changed" not in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["", "[1, 2]", "not JSON"])
def test_a_damaged_record_stops_nothing(clone, damage):
    lab.main(["--copy-only"], clone)
    (clone / "my" / lab.RECORD).write_text(damage)
    write_notebook(clone / "notebooks" / "11_new.ipynb", "1")
    assert lab.main(["--copy-only"], clone) == 0
    assert "11_new.ipynb" in visible(clone / "my")


# The start


def test_jupyterlab_starts_on_my_with_the_running_python_on_this_computer_only(clone, monkeypatch):
    started = []
    monkeypatch.setattr(lab, "start", lambda command: started.append(command) or 0)
    monkeypatch.setenv("GOMP_SPINCOUNT", "")  # so that it is put back
    monkeypatch.delenv("GOMP_SPINCOUNT")
    assert lab.main(["--no-browser", "--port=8890"], clone) == 0
    assert lab.os.environ["GOMP_SPINCOUNT"] == "1000"  # the kernels inherit it
    (command,) = started
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={clone / 'my'}" in command
    assert "--ip=127.0.0.1" in command
    assert not any("token" in part.lower() or "password" in part.lower() for part in command)
    assert command[-2:] == ["--no-browser", "--port=8890"]


def test_copy_only_and_fresh_start_nothing(clone, monkeypatch):
    monkeypatch.setattr(lab, "start", lambda command: pytest.fail("started"))
    lab.main(["--copy-only"], clone)
    lab.main(["--fresh", "1"], clone)


def test_a_missing_jupyterlab_is_said_with_the_way_out_and_the_copies_are_made(clone, monkeypatch, capsys):
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(lab, "start", lambda command: pytest.fail("started"))
    assert lab.main([], clone) == 1
    message = capsys.readouterr().err
    assert "not installed" in message and "make lab" in message and "pip install" in message
    assert len(visible(clone / "my")) == 3


def test_jupyterlab_accepts_the_command(clone):
    command = [*lab.lab_command(clone / "my", []), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith("4.")


def test_it_works_from_any_folder_in_the_c_locale_without_the_packages(clone, tmp_path):
    (clone / "tools").mkdir()
    script = clone / "tools" / "lab.py"
    script.write_bytes(Path(lab.__file__).read_bytes())
    environment = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PATH": os.environ.get("PATH", "")}
    if "SYSTEMROOT" in os.environ:  # Windows starts no Python without it
        environment["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
    # -I -S: without site-packages, so that a package's import would fail.
    command = [sys.executable, "-I", "-S", str(script), "--copy-only"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(visible(clone / "my")) == 3


# The test set-up itself


def test_unit_tests_cannot_reach_the_network():
    with pytest.raises(RuntimeError, match=r"example\.org"):
        socket.create_connection(("example.org", 80), timeout=1)
    with socket.socket() as s, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        s.connect(("192.0.2.1", 80))
