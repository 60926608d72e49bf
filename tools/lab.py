"""Open JupyterLab on the learner's own copies of the notebooks, in the folder `my/`.

    python tools/lab.py                 make the copies that are missing, then start JupyterLab
    python tools/lab.py --no-browser    the same; arguments it does not know go to JupyterLab
    python tools/lab.py --copy-only     make the copies, start nothing
    python tools/lab.py --fresh 03      add a new copy of notebook 3 beside the old one

A copy is made only where there is none, and is never written to again. The copies keep the outputs of the
originals, so that results can be read before anything is run. Standard library only: this works before the
packages are installed.
"""

import argparse
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What each copy was made from: {file name of the copy: fingerprint of the notebook}.
RECORD = ".copied-from.json"


class LabError(Exception):
    """Something that the reader can put right; the message says how."""


# ---------------------------------------------------------------------------------------------------------
# Copies


def find_notebooks(notebooks: Path) -> list[Path]:
    """The course's notebooks in their order."""
    found = sorted(notebooks.glob("*.ipynb"))
    if not found:
        raise LabError(f"There are no notebooks in {notebooks}. Is the clone complete? Try: git status")
    return found


def prepare_folder(my: Path) -> None:
    """Make the folder `my`, and remove what a killed run may have left in it."""
    try:
        my.mkdir(exist_ok=True)
    except FileExistsError:
        raise LabError(f"{my} is a file, but your copies need a folder there. Rename or move it.") from None
    except OSError as error:
        raise LabError(f"The folder for your copies could not be made: {error}") from None
    for leftover in my.glob(".*.part"):
        # A young one may belong to a run in another terminal.
        if time.time() - leftover.stat().st_mtime > 60:
            leftover.unlink(missing_ok=True)


def move_if_absent(source: Path, target: Path) -> bool:
    """Give `source` the name `target` in one step; False, and nothing changed, if that name is taken."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError:  # a disk without hard links, a USB stick for instance
        if os.path.lexists(target):
            return False
        os.rename(source, target)
    return True


def copy_if_absent(notebook: Path, target: Path) -> bool:
    """Copy `notebook` to `target`; False if `target` exists. It is there whole or not at all."""
    if os.path.lexists(target):
        return False
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(notebook.read_bytes())
        return move_if_absent(partial, target)
    except OSError as error:
        raise LabError(
            f"No copy of {notebook.name} was made: {error}. Is there room, may you write there?"
        ) from None
    finally:
        partial.unlink(missing_ok=True)


def copy_missing(notebooks: Path, my: Path) -> list[Path]:
    """Copy each notebook that has no copy of its own name yet, and return the new copies."""
    made = []
    for notebook in find_notebooks(notebooks):
        target = my / notebook.name
        if copy_if_absent(notebook, target):
            remember(target, notebook)
            made.append(target)
    return made


def copies_of(notebook: Path, my: Path) -> dict[int, Path]:
    """The learner's copies of `notebook`: {1: 03_name.ipynb, 2: 03_name-2.ipynb, ...}."""
    pattern = re.compile(re.escape(notebook.stem) + r"(?:-(\d+))?\.ipynb")
    matches = [(pattern.fullmatch(path.name), path) for path in my.iterdir()]
    return {int(match[1] or 1): path for match, path in matches if match}


def copy_fresh(notebook: Path, my: Path) -> Path:
    """Add a copy of `notebook` under the next free name, and return its path."""
    number = max(copies_of(notebook, my), default=0) + 1
    while True:
        suffix = "" if number == 1 else f"-{number}"
        target = my / f"{notebook.stem}{suffix}.ipynb"
        if copy_if_absent(notebook, target):
            remember(target, notebook)
            return target
        number += 1


def choose_notebook(wanted: str, notebooks: Path) -> Path:
    """The notebook meant by `3`, `03`, `03_when_numbers_break` or the file's name."""
    found = find_notebooks(notebooks)
    name = Path(wanted).name.removesuffix(".ipynb")
    for notebook in found:
        number = notebook.stem.split("_")[0]
        if name == notebook.stem or (name.isdecimal() and number.isdecimal() and int(name) == int(number)):
            return notebook
    listing = "\n".join(f"  {notebook.stem}" for notebook in found)
    raise LabError(f"There is no notebook {wanted!r}. These there are:\n{listing}")


# ---------------------------------------------------------------------------------------------------------
# Has the course changed since a copy was made?


def fingerprint(notebook: Path) -> str:
    """A hash of what the cells say; their outputs don't count."""
    content = notebook.read_bytes()
    try:
        sources = [[cell["cell_type"], "".join(cell["source"])] for cell in json.loads(content)["cells"]]
    except (ValueError, KeyError, TypeError):  # not a notebook (a merge conflict in it, say): take all of it
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def read_record(my: Path) -> dict[str, str]:
    try:
        record = json.loads((my / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # absent or damaged: then nothing is said about changes
        return {}
    return record if isinstance(record, dict) else {}


def remember(copy: Path, notebook: Path) -> None:
    """Note what `copy` was made from."""
    record = read_record(copy.parent) | {copy.name: fingerprint(notebook)}
    partial = copy.with_name(f"{RECORD}.{os.getpid()}.part")
    partial.write_text(json.dumps(record, indent=1), encoding="utf-8")
    os.replace(partial, copy.parent / RECORD)


def changed_notebooks(notebooks: Path, my: Path) -> list[Path]:
    """The notebooks whose cells differ from what every copy of them was made from."""
    record = read_record(my)
    changed = []
    for notebook in find_notebooks(notebooks):
        made_from = [record.get(copy.name) for copy in copies_of(notebook, my).values()]
        if made_from and None not in made_from and fingerprint(notebook) not in made_from:
            changed.append(notebook)
    return changed


# ---------------------------------------------------------------------------------------------------------
# JupyterLab


def lab_command(my: Path, extra: list[str]) -> list[str]:
    """The command that starts JupyterLab on `my`: reachable from this computer only, with its token."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={my}", "--ip=127.0.0.1"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container; JupyterLab would refuse to start
        command.append("--allow-root")
    return command + extra


def start(command: list[str]) -> int:
    """Run `command` in this process's place; on Windows, which can't, wait for its end."""
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(command[0], command)
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # JupyterLab received it too, and ends by itself
            pass


def start_lab(my: Path, extra: list[str]) -> int:
    if importlib.util.find_spec("jupyterlab") is None:
        raise LabError(
            f"JupyterLab is not installed for this Python ({sys.executable}). Your copies are in {my}.\n"
            "With make:     make lab\n"
            'Without make:  python -m pip install -c constraints.txt -e ".[lab]"   in the folder of the clone'
        )
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as in the Makefile: a busy machine slows torch less
    print("Starting JupyterLab. Press Ctrl-C twice in this window to end it.")
    return start(lab_command(my, extra))


def add_fresh_copy(wanted: str, notebooks: Path, my: Path) -> None:
    notebook = choose_notebook(wanted, notebooks)
    prepare_folder(my)
    print(f"New copy: {copy_fresh(notebook, my)}")


def make_missing_copies(notebooks: Path, my: Path) -> None:
    prepare_folder(my)
    made = copy_missing(notebooks, my)
    for copy in made:
        print(f"Copied for you: {copy}")
    if not made:
        print(f"Your copies are in {my}")
    for notebook in changed_notebooks(notebooks, my):
        number = notebook.stem.split("_")[0]
        print(
            f"{notebook.stem} has changed since you began; your copy stays as it is. "
            f"For a new one beside it: python tools/lab.py --fresh {number}"
        )


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    for stream in (
        sys.stdout,
        sys.stderr,
    ):  # a terminal that lacks a letter of a path must not end the program
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(
        prog="lab.py",
        allow_abbrev=False,
        description="Open JupyterLab on your own copies of the notebooks, in the folder my/.",
        epilog="Other arguments go to JupyterLab: --no-browser, --port=8890, ...",
    )
    parser.add_argument("--copy-only", action="store_true", help="make the copies, start nothing")
    parser.add_argument("--fresh", metavar="N", help="add a new copy of notebook N beside the old one")
    options, extra = parser.parse_known_args(arguments)
    notebooks, my = root / "notebooks", root / "my"
    try:
        if options.fresh is not None:
            add_fresh_copy(options.fresh, notebooks, my)
            return 0
        make_missing_copies(notebooks, my)
        if options.copy_only:
            return 0
        return start_lab(my, extra)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
