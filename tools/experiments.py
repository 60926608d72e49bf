"""Run the experiments behind notebook 10 at full size; `make experiments` calls this.

    python tools/experiments.py                       all tables: what is missing is run, the rest is kept
    python tools/experiments.py momentum shape        these tables
    python tools/experiments.py --small               only the runs on 10,000 images (the notebook's own size)
    python tools/experiments.py --list                how many runs there are, and how many are done
    python tools/experiments.py timing                measure the times again: on a quiet machine only

A table is a CSV file in softmax_lib/experiments/, a row a run. Each row is written as soon as its run ends,
so the script may be stopped at any time, and goes on where it stopped. A run that stands in another table is
copied from there. Delete a row to have it run again.

5,000 images of the training set are held out, the same for every run, and judge it; a run trains on images
drawn from the other 55,000. The seed decides which images, the first weights, and the order of the batches.
The test set is used in one table, `recipe`, at the end of a run.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from softmax_lib import results
from softmax_lib.data import Batches, load_mnist
from softmax_lib.models import mlp
from softmax_lib.training import NonFiniteLossError, evaluate, fit

FOLDER = Path(__file__).resolve().parents[1] / "softmax_lib" / "experiments"
MNIST = load_mnist()
TRAIN, VALIDATION = MNIST.train.hold_out(5_000)

# ---------------------------------------------------------------------------------------------- the settings

FULL = {
    "size": "full",
    "images": 55_000,
    "hidden": "520-320-240-120",
    "activation": "ReLU",
    "init": "default",
    "recipe": "lecture",
    "epochs": 9,
    "batch_size": 64,
    "lr": 0.01,
    "momentum": 0.5,
}
# A tenth of the steps, at ten times the learning rate.
SMALL = FULL | {"size": "small", "images": 10_000, "epochs": 5, "lr": 0.1}
FAST = FULL | {"recipe": "fast", "epochs": 3, "batch_size": 128, "lr": 0.1, "momentum": 0.9}
# Shorter and steeper, where many runs are compared: one cycle of two epochs.
CYCLE = FAST | {"epochs": 2, "lr": 0.2}
SIGMOID = {"activation": "Sigmoid"}
SHAPES = ("858", "519-519", "520-320-240-120", "-".join(["260"] * 8))  # 681,730 to 682,495 parameters


def same_steps(base: dict, images: int) -> dict:
    """Return settings with as many steps for few images as base has for all of its own, or nearly."""
    steps = base["epochs"] * steps_an_epoch(base)
    few = base | {"images": images}
    return few | {"epochs": round(steps / steps_an_epoch(few))}


def steps_an_epoch(settings: dict) -> int:
    return -(-settings["images"] // settings["batch_size"])


def configurations() -> dict[str, list[dict]]:
    """Return for each table its settings and seeds, those of the small runs first."""
    three, six = range(3), range(6)
    tables: dict[str, list[tuple[dict, range]]] = {
        "activation": [
            (SMALL, three),
            (SMALL | SIGMOID, three),
            (SMALL | SIGMOID | {"init": "xavier-4"}, three),
            (SMALL | SIGMOID | {"hidden": "520-320-240", "momentum": 0.9, "epochs": 8}, six),
            (FULL, three),
            (FULL | SIGMOID, three),
            (FULL | SIGMOID | {"lr": 0.1, "momentum": 0.9}, three),
            (FULL | SIGMOID | {"init": "xavier-4"}, three),
        ],
        "momentum": [
            *((SMALL | {"momentum": m}, three) for m in (0.0, 0.5, 0.9)),
            *((SMALL | {"momentum": m, "lr": lr}, three) for m, lr in ((0.0, 0.2), (0.9, 0.02))),
            *((FULL | {"momentum": m}, three) for m in (0.0, 0.5, 0.9)),
        ],
        "learning_rate": [
            *((SMALL | {"lr": lr}, three) for lr in (0.001, 0.01, 0.1, 1.0, 10.0)),
            *((FULL | {"lr": lr}, three) for lr in (0.001, 0.01, 0.1, 1.0)),
        ],
        "shape": [(base | {"hidden": hidden}, three) for base in (SMALL, CYCLE) for hidden in SHAPES],
        "data_size": [
            *((SMALL | {"images": n}, three) for n in (1_000, 3_000)),
            *((same_steps(SMALL, n), three) for n in (1_000, 3_000, 10_000)),
            *((same_steps(CYCLE | {"lr": 0.1}, n), three) for n in (1_000, 3_000, 10_000, 27_500, 55_000)),
        ],
        "recipe": [
            (FULL | {"epochs": 15}, three),
            *((FAST | {"recipe": recipe}, three) for recipe in ("lecture", "fast")),  # constant, one cycle
        ],
    }
    return {
        name: [settings | {"seed": seed} for settings, seeds in runs for seed in seeds]
        for name, runs in tables.items()
    }


# --------------------------------------------------------------------------------------------------- one run


def init_for_sigmoid(model: nn.Sequential) -> None:
    """Xavier's uniform weights with gain 4 before a sigmoid (its slope is at most 1/4), and biases of 0.

    Glorot and Bengio 2010 give sqrt(6 / (in + out)); the factor 4 undoes the slope of 1/4.
    """
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    for layer in linear:
        nn.init.xavier_uniform_(layer.weight, gain=1 if layer is linear[-1] else 4)
        nn.init.zeros_(layer.bias)


def gradient_sizes(model: nn.Sequential, images: Tensor, labels: Tensor) -> list[float]:
    """Return for each weight matrix the root mean square of its gradient's entries, from input to output."""
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    gradients = torch.autograd.grad(F.cross_entropy(model(images), labels), weights)
    return [gradient.square().mean().sqrt().item() for gradient in gradients]


def dead_units(model: nn.Sequential, images: Tensor) -> list[int]:
    """Return for each ReLU layer how many of its units give 0 for every one of the images."""
    counts, values = [], images
    with torch.no_grad():
        for layer in model:
            values = layer(values)
            if isinstance(layer, nn.ReLU):
                counts.append(int((values == 0).all(dim=0).sum()))
    return counts


def run(settings: dict, test: bool = False) -> dict:
    """Train once and return the settings with what came out; test: measure the test set too, at the end."""
    seed, activation = settings["seed"], getattr(nn, settings["activation"])
    order = torch.randperm(len(TRAIN), generator=torch.Generator().manual_seed(seed))
    train = TRAIN[order[: settings["images"]]]
    torch.manual_seed(seed)
    model = mlp((784, *map(int, settings["hidden"].split("-")), 10), activation)
    if settings["init"] == "xavier-4":
        init_for_sigmoid(model)
    images, labels = Batches(VALIDATION, len(VALIDATION)).peek()
    out = settings | {"parameters": sum(p.numel() for p in model.parameters())}
    gradients, dead = gradient_sizes(model, images, labels), dead_units(model, images)

    judged = []
    few_epochs = settings["epochs"] <= 20  # of many, only the last is worth the time

    def after_epoch(record, epochs) -> None:
        if few_epochs or record.epoch == epochs:
            judged.append(evaluate(model, Batches(VALIDATION, 1000)))

    try:
        history = fit(
            model,
            train,
            seed=seed,
            device="cpu",
            progress=False,
            after_epoch=after_epoch,
            **{name: settings[name] for name in ("recipe", "epochs", "batch_size", "lr", "momentum")},
        )
        stopped = None
    except NonFiniteLossError as error:
        history, stopped = error.history, str(error).partition(":")[0]
    out["stopped"] = stopped
    finished = not stopped
    out["train_loss"] = rounded(history[-1].train_loss) if finished else None
    out["validation_loss"] = rounded(judged[-1].loss) if finished else None
    out["validation_accuracy"] = rounded(judged[-1].accuracy) if finished else None
    out["test_accuracy"] = rounded(evaluate(model, Batches(MNIST.test, 1000)).accuracy) if test else None
    out["train_loss_by_epoch"] = rounded(history.column("train_loss")) if few_epochs else []
    out["accuracy_by_epoch"] = rounded([m.accuracy for m in judged]) if few_epochs else []
    out["first_gradient_by_layer"] = [float(f"{g:.4g}") for g in gradients]
    out["last_gradient_by_layer"] = [float(f"{g:.4g}") for g in gradient_sizes(model, images, labels)]
    out["first_dead_by_layer"] = dead
    out["last_dead_by_layer"] = dead_units(model, images)
    return out


def rounded(value: float | list[float]) -> float | list[float]:
    return [round(v, 5) for v in value] if isinstance(value, list) else round(value, 5)


# ----------------------------------------------------------------------------------------------------- times


def one_step(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> None:
    loss = F.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def seconds(function, *args, at_least: float = 0.0) -> float:
    """Return the seconds of one call, as the mean of as many calls as fill at_least seconds."""
    start, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - start < at_least:
        function(*args)
        calls += 1
    return (time.perf_counter() - start) / calls


def measure_times(rounds: int = 9) -> list[dict]:
    """Return ratios of times: all things that are compared take turns, and a ratio is taken in each round.

    step: one training step with so many images, over a step with 64. epoch: an epoch of each recipe on the
    55,000 images, over the lecture's.
    """
    sizes = (1, 4, 16, 64, 256, 1024, 4096)
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    batches = {size: Batches(TRAIN, size).peek() for size in sizes}
    steps: dict = {size: [] for size in sizes}
    for size in sizes:
        one_step(model, optimizer, *batches[size])  # the first call of a size is slower
    for _ in range(rounds):
        for size in sizes:
            steps[size].append(seconds(one_step, model, optimizer, *batches[size], at_least=0.3))
    rows = [{"what": "step", "batch_size": size} | ratio(steps[size], steps[64]) for size in sizes]

    recipes: dict = {"lecture": [], "fast": []}
    for _ in range(max(3, rounds // 2)):
        for recipe, times in recipes.items():
            times.append(
                fit(mlp(), TRAIN, recipe=recipe, epochs=1, device="cpu", progress=False)[0].train_seconds
            )
    return rows + [
        {"what": "epoch", "recipe": recipe} | ratio(times, recipes["lecture"])
        for recipe, times in recipes.items()
    ]


def ratio(times: list[float], others: list[float]) -> dict:
    ratios = [mine / other for mine, other in zip(times, others, strict=True)]
    return {
        "ratio": float(f"{statistics.median(ratios):.4g}"),
        "lowest": float(f"{min(ratios):.4g}"),
        "highest": float(f"{max(ratios):.4g}"),
    }


# ---------------------------------------------------------------------------------------------------- tables


def key(row: dict) -> tuple:
    """What tells two runs apart: the settings and the seed, and whether the test set was looked at."""
    return tuple(str(row[name]) for name in (*FULL, "seed"))


def stored(table: str) -> dict[tuple, dict]:
    path = FOLDER / f"{table}.csv"
    return {key(row): row for row in results.load(path)} if path.exists() else {}


def complete(table: str, wanted: list[dict]) -> None:
    """Run those of the wanted runs that the table lacks; write the file after each, in the planned order."""
    tables = configurations()
    others = [other for other in tables if other != table]
    test = table == "recipe"
    rows = stored(table)
    known = {} if test else {k: row for other in others for k, row in stored(other).items()}
    for number, settings in enumerate(wanted, start=1):
        if key(settings) in rows:
            continue
        row = known.get(key(settings))
        if row is None:
            start = time.perf_counter()
            row = run(settings, test)
            took = f"{time.perf_counter() - start:.0f} s"
        else:
            row, took = row | {"test_accuracy": None}, "from another table"
        rows[key(settings)] = row
        ordered = [rows[key(s)] for s in tables[table] if key(s) in rows]
        results.save(FOLDER / f"{table}.csv", ordered)
        told = ", ".join(f"{name} {settings[name]}" for name in settings if settings[name] != FULL.get(name))
        found = row["stopped"] or f"validation accuracy {row['validation_accuracy']}"
        print(f"{table} {number}/{len(wanted)}: {told}: {found} ({took})", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="experiments.py", description=(__doc__ or "").splitlines()[0])
    tables = configurations()
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(tables)}, timing")
    parser.add_argument("--small", action="store_true", help="only the runs on up to 10,000 images")
    parser.add_argument("--list", action="store_true", help="count the runs; run none")
    options = parser.parse_args(arguments)
    unknown = set(options.tables) - {*tables, "timing"}
    if unknown:
        parser.error(f"no table {', '.join(sorted(unknown))}; there are {', '.join(tables)}, timing")
    chosen = options.tables or list(tables)
    FOLDER.mkdir(exist_ok=True)
    for size in ("small",) if options.small else ("small", "full"):
        for name in (name for name in tables if name in chosen):
            wanted = [s for s in tables[name] if s["size"] == "small" or size == "full"]
            if options.list:
                done = stored(name).keys() & {key(s) for s in wanted}
                print(f"{name:14} {size:6} {len(done)} of {len(wanted)} done") if size == "full" else None
            else:
                complete(name, wanted)
    if "timing" in chosen or (not options.tables and not (FOLDER / "timing.csv").exists()):
        if not options.list:
            results.save(FOLDER / "timing.csv", measure_times())
    return 0


if __name__ == "__main__":
    sys.exit(main())
