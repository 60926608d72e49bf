"""Run notebooks from top to bottom and store their outputs in them; `make notebooks` calls this.

    python tools/store_outputs.py                    all notebooks
    python tools/store_outputs.py 03 05              those that begin with 03 and 05 (paths work too)

Each notebook runs in a fresh kernel, in an empty folder, with progress bars off. It is written, in one step,
only if every cell ran as it should; otherwise the file stays as it was, and the cell is named. What would
differ from run to run (times, versions, the chunks in which a stream arrives, text inside PNG files) is left
out, so a second run changes no byte.
"""

import argparse
import base64
import io
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
KERNEL_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
KEPT = ("tags", "slideshow")  # of a cell's metadata
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class StoreError(Exception):
    """A notebook that did not run as it should; the message names the cell."""


def set_kernel_environment(scratch: Path) -> None:
    """Set this process's environment so that a kernel started from it gives the same outputs everywhere.

    The tests call this too. `scratch` is an empty folder.
    """
    import matplotlib.font_manager  # builds the font cache now, not with a message in a notebook's first cell

    os.environ["SOFTMAX_LIB_PROGRESS"] = "0"  # a live bar stores a random id
    os.environ["SOFTMAX_LIB_WIDGETS"] = "static"  # so does a live widget; its figure is stored
    os.environ["MATPLOTLIBRC"] = str(Path(matplotlib.get_data_path()) / "matplotlibrc")  # not the user's own
    os.environ["IPYTHONDIR"] = str(scratch / "ipython")  # no start-up files of the user's
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # the kernel of this environment, not one in the home folder
    os.environ.setdefault("OMP_NUM_THREADS", "2")  # small matrices: more threads only wait for each other
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as in the Makefile: a busy machine slows torch less
    os.environ.pop("MPLBACKEND", None)  # the kernel chooses: figures inside the notebook
    os.environ.pop("PYTHONWARNINGS", None)


# ---------------------------------------------------------------------------------------------------------
# What is stored


def strip_png_text(png: bytes) -> bytes:
    """`png` without its text and time chunks (Matplotlib writes its version there)."""
    if not png.startswith(PNG_SIGNATURE):
        return png
    kept, position = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while position < len(png):
        (length,) = struct.unpack(">I", png[position : position + 4])
        end = position + 12 + length  # 4 bytes of length, 4 of type, the content, 4 of checksum
        if png[position + 4 : position + 8] not in (b"tEXt", b"zTXt", b"iTXt", b"tIME"):
            kept.append(png[position:end])
        position = end
    return b"".join(kept)


def without_opacity(png: bytes) -> bytes:
    """`png` without its fourth channel, if nothing in it is transparent: the same pixels in a tenth less."""
    image = Image.open(io.BytesIO(png))
    if image.mode != "RGBA" or image.getchannel("A").getextrema() != (255, 255):
        return png
    file = io.BytesIO()
    image.convert("RGB").save(file, "PNG", optimize=True)
    return file.getvalue()


def merge_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """`outputs` with one output for all of stdout, and one for all of stderr, as nbval compares them."""
    merged, streams = [], {}
    for output in outputs:
        if output.output_type != "stream":
            merged.append(output)
        elif output.name in streams:
            streams[output.name].text += output.text
        else:
            streams[output.name] = output
            merged.append(output)
    return merged


def normalise(notebook: NotebookNode) -> None:
    """Take out of `notebook`, in place, what differs between two runs of the same cells."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(KERNEL_METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in KEPT and v})
        if cell.cell_type != "code":
            continue
        cell.outputs = merge_streams(cell.outputs)
        for output in cell.outputs:
            png = output.get("data", {}).get("image/png")
            if png:
                stored = without_opacity(strip_png_text(base64.b64decode(png)))
                output.data["image/png"] = base64.b64encode(stored).decode()


def find_fault(notebook: NotebookNode) -> str | None:
    """The first cell that failed without a `raises-exception` tag, as one line; None if there is none."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and "raises-exception" not in cell.metadata.get("tags", []):
            for output in cell.outputs:
                if output.output_type == "error":
                    return f"cell {cell.id}: {output.ename}: {output.evalue}"
    return None


def find_warnings(notebook: NotebookNode) -> list[str]:
    """One line for each cell that wrote to stderr: a reader would see a red box there."""
    return [
        f"cell {cell.id} wrote to stderr: {output.text.strip().partition(chr(10))[0]}"
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.get("name") == "stderr"
    ]


def write_atomically(path: Path, text: str) -> bool:
    """Write `text` to `path` in one step; False, and nothing done, if it says that already."""
    content = text.encode("utf-8")
    if path.read_bytes() == content:
        return False
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return True


# ---------------------------------------------------------------------------------------------------------
# Running


def execute(source: Path, target: Path, cell_limit: float) -> None:
    """Run the notebook `source` in a kernel and write it with its outputs, errors included, to `target`."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    notebook = nbformat.read(source, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with tempfile.TemporaryDirectory() as scratch:
        set_kernel_environment(Path(scratch))
        folder = Path(scratch) / "empty"
        folder.mkdir()
        client = NotebookClient(
            notebook,
            kernel_name="python3",
            timeout=round(cell_limit),
            record_timing=False,
            store_widget_state=False,
            resources={"metadata": {"path": str(folder)}},
        )
        try:
            client.execute()
        except CellExecutionError:
            pass  # the error is among the cell's outputs now
        except CellTimeoutError:
            running = [cell.id for cell in notebook.cells if cell.get("execution_count") is not None][-1:]
            sys.exit(f"cell {' '.join(running)} did not end within {cell_limit:.0f} s")
    nbformat.write(notebook, target)


def run_with_limit(source: Path, target: Path, limit: float) -> None:
    """`execute` in a process of its own: the client has been seen to wait forever (nbclient issue 312)."""
    command = [sys.executable, __file__, "--execute", str(source), str(target), "--limit", str(limit)]
    for attempt in (1, 2):
        try:
            done = subprocess.run(command, timeout=limit, stderr=subprocess.PIPE, text=True, errors="replace")
            break
        except subprocess.TimeoutExpired:  # the kernel ends with the process that started it
            if attempt == 2:
                raise StoreError(f"no end after {limit:.0f} s, twice (--limit gives it more time)") from None
            print(f"{source.name}: no end after {limit:.0f} s; trying once more", flush=True)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise StoreError(lines[-1])


def store(path: Path, limit: float) -> str:
    """Run one notebook, write it and return a report. On a StoreError the file is unchanged."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / path.name
        run_with_limit(path, result, limit)
        notebook = nbformat.read(result, as_version=4)
    fault = find_fault(notebook)
    if fault:
        raise StoreError(fault)
    normalise(notebook)
    nbformat.validate(notebook)
    changed = write_atomically(path, nbformat.writes(notebook).rstrip("\n") + "\n")
    lines = [f"{path.name}: {'stored' if changed else 'unchanged'}, {path.stat().st_size / 1000:.0f} KB"]
    return "\n".join(lines + [f"  WARNING: {warning}" for warning in find_warnings(notebook)])


def choose(names: list[str]) -> list[Path]:
    """The notebooks meant by `names` (a path, or how a file's name begins); all of them if there are none."""
    available = sorted(NOTEBOOKS.glob("*.ipynb"))
    chosen = []
    for name in names:
        matches = [Path(name)] if Path(name).is_file() else [p for p in available if p.name.startswith(name)]
        if not matches:
            raise StoreError(f"no notebook begins with {name!r}: {', '.join(p.stem for p in available)}")
        chosen += matches
    return chosen or available


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="store_outputs.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NOTEBOOK", help="a path, or how the name begins (03)")
    parser.add_argument("--limit", type=float, default=900, help="seconds for one notebook (default 900)")
    parser.add_argument("--execute", nargs=2, metavar=("SOURCE", "TARGET"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.execute:
        source, target = map(Path, options.execute)
        execute(source, target, cell_limit=0.9 * options.limit)
        return 0
    failed = 0
    try:
        paths = choose(options.names)
    except StoreError as error:
        print(error, file=sys.stderr)
        return 2
    for path in paths:
        try:
            print(store(path, options.limit), flush=True)
        except StoreError as error:
            failed = 1
            print(f"{path.name}: FAILED, file unchanged. {error}", file=sys.stderr, flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
