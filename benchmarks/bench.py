"""Measure the course's speed side by side, and write benchmarks/README.md; `make bench` calls this.

    python benchmarks/bench.py                      all parts but the tests: about 20 minutes on two cores
    python benchmarks/bench.py epoch to97           these parts
    python benchmarks/bench.py epoch --rounds 3     fewer rounds
    python benchmarks/bench.py --list               the parts, and when each was measured last

Each part replaces its own file in benchmarks/results/; README.md is made from all of them.  Run it on a
machine that does nothing else: the ratios survive another program, the seconds don't.
"""

import argparse
import csv
import gzip
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RESULTS = HERE / "results"

import torch  # noqa: E402
from measure import alternate, machine, rows, seconds, three_digits  # noqa: E402
from pipelines import (  # noqa: E402
    BATCH,
    Textbook,
    bare_epoch,
    matrix_products,
    network,
    same_weights,
)

from softmax_lib import results  # noqa: E402
from softmax_lib.data import Batches, load_mnist  # noqa: E402
from softmax_lib.training import EVALUATION_BATCH_SIZE, evaluate, fit  # noqa: E402

QUIET = {"progress": False, "device": "cpu"}


# --------------------------------------------------------------------------------------------- the parts


def epoch(rounds: int) -> list[dict]:
    """One epoch of the lecture's recipe, 938 steps of 64 images."""
    mnist = load_mnist()
    textbook = Textbook()
    by_fit, bare = network(), network()
    fit(by_fit, mnist.train, epochs=1, **QUIET)
    bare_epoch(bare, mnist.train)
    if not same_weights(by_fit, bare):
        raise AssertionError("fit and the bare loop end with other weights: they are not the same work")
    steps = len(Batches(mnist.train, BATCH))
    with open(os.devnull, "w") as nowhere:
        stderr, sys.stderr = sys.stderr, nowhere  # where the bar goes

        def with_bar():
            fit(network(), mnist.train, epochs=1, progress=True, device="cpu")

        times = alternate(
            {
                "textbook": textbook.epoch,
                "fit": lambda: fit(network(), mnist.train, epochs=1, **QUIET),
                "fit with its bar": with_bar,
                "bare loop": lambda: bare_epoch(network(), mnist.train),
                "matrix products": matrix_products(steps),
            },
            rounds,
        )
        sys.stderr = stderr
    return rows(times, "fit")


def evaluation(rounds: int) -> list[dict]:
    """Evaluating the 10,000 test digits."""
    mnist = load_mnist()
    textbook, model = Textbook(), network()
    batches = Batches(mnist.test, EVALUATION_BATCH_SIZE)
    right = evaluate(model, batches).accuracy
    if abs(textbook.test() - right) > 2e-4:  # the same network; two rows may be a tie of rounding
        raise AssertionError("the textbook's test and evaluate disagree")
    times = alternate(
        {
            "textbook": textbook.test,
            "evaluate": lambda: evaluate(model, batches),
            "matrix products": matrix_products(len(batches), EVALUATION_BATCH_SIZE, backward=False),
        },
        3 * rounds,
    )
    return rows(times, "evaluate")


def to97(rounds: int) -> list[dict]:
    """Seconds of training and testing until a test after an epoch gives 97 %, a seed a row."""
    mnist = load_mnist()
    Textbook().test()
    out = []
    for seed in range(max(2, rounds // 2)):
        torch.manual_seed(seed)
        textbook = Textbook(seed)
        curve, took = [], []
        while (not curve or curve[-1] < 0.97) and len(curve) < 20:
            took.append(seconds(textbook.epoch) + seconds(lambda t=textbook, c=curve: c.append(t.test())))
        out.append(run_row("textbook, the lecture's recipe", seed, curve, took))
        for recipe, more in (("lecture", {"epochs": len(curve)}), ("fast", {})):
            history = fit(network(seed), mnist.train, mnist.test, recipe=recipe, seed=seed, **more, **QUIET)
            took = [record.train_seconds + record.evaluation_seconds for record in history]
            out.append(run_row(f"fit, {recipe} recipe", seed, history.column("test_accuracy"), took))
    return out


def run_row(what: str, seed: int, curve: list[float], took: list[float]) -> dict:
    there = next((i for i, value in enumerate(curve, start=1) if value >= 0.97), None)
    return {
        "what": what,
        "seed": seed,
        "epochs_to_97": there,
        "seconds_to_97": there and three_digits(sum(took[:there])),
        "epochs": len(curve),
        "seconds": three_digits(sum(took)),
        "test_accuracy": round(curve[-1], 4),
        "accuracy_by_epoch": [round(value, 4) for value in curve],
        "seconds_by_epoch": [three_digits(value) for value in took],
    }


def accuracy(rounds: int) -> list[dict]:
    """The accuracy at the end: the lecture's recipe with five seeds, the fast one with ten."""
    mnist = load_mnist()
    test, out = Batches(mnist.test, EVALUATION_BATCH_SIZE), []
    for recipe, seeds in (("lecture", 5), ("fast", 10)):
        for seed in range(seeds):
            model = network(seed)
            fit(model, mnist.train, recipe=recipe, seed=seed, **QUIET)
            out.append(
                {"recipe": recipe, "seed": seed, "test_accuracy": round(evaluate(model, test).accuracy, 4)}
            )
    return out


def growth(rounds: int) -> list[dict]:
    """An epoch as the data, the batch, the threads and the processes grow."""
    out = []
    for times in (1, 2, 5, 10):  # each in a process of its own, whose peak of memory is its own
        for _ in range(max(1, rounds // 2)):
            answer = python("growth.py", str(times))
            out.append(
                dict(zip(("what", "value", "seconds", "megabytes", "data"), answer.split(), strict=True))
            )
    mnist, threads = load_mnist(), torch.get_num_threads()
    for batch in (16, 64, 256, 1024, 4096):
        for _ in range(max(1, rounds // 2)):
            record = fit(network(), mnist.train, epochs=1, batch_size=batch, lr=0.001, **QUIET)[0]
            out.append({"what": "batch", "value": batch, "seconds": record.train_seconds})
    for number in sorted({1, threads}):
        torch.set_num_threads(number)
        for _ in range(max(1, rounds // 2)):
            record = fit(network(), mnist.train, epochs=1, **QUIET)[0]
            out.append({"what": "threads", "value": number, "seconds": record.train_seconds})
    torch.set_num_threads(threads)
    for batch in (64, 512):
        for processes in (1, 2):
            for _ in range(max(1, rounds // 2)):
                took = processes_epoch(processes, batch)
                out.append({"what": f"processes, batch {batch}", "value": processes, "seconds": took})
    return medians(out)


def medians(measured: list[dict]) -> list[dict]:
    """A row for each thing and value: medians, and the ratio of its seconds to the first value's."""
    groups: dict[tuple, list[dict]] = {}
    for row in measured:
        groups.setdefault((row["what"], int(row["value"])), []).append(row)
    out, first = [], {}
    for (what, value), group in groups.items():
        row: dict = {"what": what, "value": value}
        for name in ("seconds", "megabytes", "data"):
            if group[0].get(name) is not None:
                row[name] = three_digits(statistics.median(float(each[name]) for each in group))
        row["ratio"] = three_digits(row["seconds"] / first.setdefault(what, row["seconds"]))
        out.append(row | {"rounds": len(group)})
    return out


def processes_epoch(processes: int, batch: int) -> float:
    """Seconds of a second epoch under torchrun (the first one has the connection in it)."""
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        str(processes),
    ]
    train = ["-m", "softmax_lib", "train", "--epochs", "2", "--batch-size", str(batch), "--device", "cpu"]
    threads = str(max(1, torch.get_num_threads() // processes))
    with tempfile.TemporaryDirectory() as folder:
        command = [*torchrun, *train, "--out", f"{folder}/run"]
        subprocess.run(
            command, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": threads}
        )
        with open(f"{folder}/run/history.csv", newline="") as file:
            return float(list(csv.DictReader(file))[1]["train_seconds"])


def waiting(rounds: int) -> list[dict]:
    """What a learner waits for: imports, first cells, the data, Restart & Run All."""
    out = []
    commands = {"python, nothing imported": "pass", "import softmax_lib": "import softmax_lib"}
    notebooks = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    commands |= {
        f"first code cell of notebook {path.name[:2]}": first_code_cell(path) for path in notebooks[:4]
    }
    times = alternate({name: lambda c=c: python("-c", c) for name, c in commands.items()}, 2 * rounds)
    out += rows(times, "python, nothing imported")
    packed = [path.read_bytes() for path in sorted((ROOT / "softmax_lib" / "mnist").glob("*.gz"))]
    loading = {"load_mnist()": load_mnist, "gunzip alone": lambda: [gzip.decompress(data) for data in packed]}
    out += rows(alternate(loading, 2 * rounds), "gunzip alone")
    for path in notebooks:
        with tempfile.TemporaryDirectory() as folder:
            command = ["-m", "nbconvert", "--to", "notebook", "--execute", str(path), "--output-dir", folder]
            took = seconds(lambda c=command: python(*c, SOFTMAX_LIB_PROGRESS="0"))
        out.append(
            {
                "what": f"Restart & Run All, notebook {path.name[:2]}",
                "seconds": three_digits(took),
                "rounds": 1,
            }
        )
    return out


def tests(rounds: int) -> list[dict]:
    """`make test` after set-up, once.  Not among the parts that run by default."""
    start = time.perf_counter()
    command = ["make", "-s", "test", "ARGS="]  # or it would get the ARGS of `make bench`
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"make test failed:\n{done.stdout[-5000:]}{done.stderr[-1000:]}")
    return [{"what": "make test", "seconds": three_digits(time.perf_counter() - start), "rounds": 1}]


def gpu(rounds: int) -> list[dict]:
    """Nine epochs of the lecture's recipe on a GPU: the textbook's, and fit with and without CUDA graphs."""
    mnist = load_mnist()
    textbook = Textbook(device="cuda")

    def fitted(graphs: str, epochs: int = 9) -> float:
        os.environ["SOFTMAX_LIB_GRAPHS"] = graphs
        history = fit(network(), mnist.train, mnist.test, epochs=epochs, progress=False, device="cuda")
        return history[-1].test_accuracy

    def one_epoch() -> None:
        textbook.epoch()
        textbook.test()

    one_epoch(), fitted("1", 1), fitted("0", 1)
    times: dict[str, list[float]] = {"textbook": [], "fit, step by step": [], "fit, CUDA graphs": []}
    for _ in range(rounds):
        times["textbook"].append(9 * seconds(one_epoch))  # one epoch, times nine
        times["fit, step by step"].append(seconds(lambda: fitted("0")))
        times["fit, CUDA graphs"].append(seconds(lambda: fitted("1")))
    return rows(times, "fit, CUDA graphs", test_accuracy=round(fitted("1"), 4))


PARTS = {f.__name__: f for f in (epoch, evaluation, to97, accuracy, growth, waiting, gpu, tests)}


# ----------------------------------------------------------------------------------------------- helpers


def python(*arguments: str, **environment: str) -> str:
    """What a new Python prints, run in benchmarks/."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, env=os.environ | environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def first_code_cell(notebook: Path) -> str:
    """Its source, without lines that only a notebook understands."""
    import nbformat

    cells = nbformat.read(notebook, as_version=4).cells
    source = next(cell.source for cell in cells if cell.cell_type == "code")
    return "\n".join(line for line in source.splitlines() if not line.startswith("%"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--list", action="store_true", help="say what was measured when; measure nothing")
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown or options.rounds < 1:
        parser.error(
            f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}"
            if unknown
            else "--rounds is 1 or more"
        )
    RESULTS.mkdir(exist_ok=True)
    for part in [] if options.list else options.parts or [part for part in PARTS if part != "tests"]:
        if part == "gpu" and not torch.cuda.is_available():
            print("gpu: no CUDA device here; the last result is kept")
            continue
        print(f"{part}: {(PARTS[part].__doc__ or '').splitlines()[0]}", flush=True)
        start = time.perf_counter()
        measured = PARTS[part](options.rounds)
        about = {"measured": date.today().isoformat(), "machine": machine("cuda" if part == "gpu" else "cpu")}
        results.save(RESULTS / f"{part}.csv", [row | about for row in measured])
        for row in measured:
            print("   ", ", ".join(f"{name} {value}" for name, value in row.items()))
        print(f"    ({time.perf_counter() - start:.0f} s)", flush=True)
    if options.list:
        for part in PARTS:
            path = RESULTS / f"{part}.csv"
            print(f"{part:12}", results.load(path)[0]["measured"] if path.exists() else "never")
        return 0
    from report import write_report

    write_report(RESULTS, HERE / "README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
