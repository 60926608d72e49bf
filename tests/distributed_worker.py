"""What each process of ``test_distributed.py`` runs, started by torchrun.  argv: a folder for the results."""

import math
import os
import signal
import sys
import warnings
from pathlib import Path

import torch
from torch import nn

from softmax_lib import cli, distributed
from softmax_lib.data import Split, load_mnist
from softmax_lib.models import mlp
from softmax_lib.training import fit


def split(n):
    generator = torch.Generator().manual_seed(n)
    images = torch.randint(0, 256, (n, 28, 28), generator=generator, dtype=torch.uint8)
    return Split(images, torch.arange(n) % 10)


def network(seed=0, dropout=0.0, end=None):
    torch.manual_seed(seed)
    layers = [nn.Flatten(), nn.Linear(784, 20), nn.ReLU(), nn.Dropout(dropout), nn.Linear(20, 10)]
    return nn.Sequential(*layers, end or nn.Identity())


class At(nn.Module):
    """Do something at the n-th training step."""

    def __init__(self, step, action):
        super().__init__()
        self.step, self.action, self.steps = step, action, 0

    def forward(self, logits):
        self.steps += self.training
        return self.action(logits) if self.training and self.steps == self.step else logits


def interrupt(logits):
    os.kill(os.getpid(), signal.SIGINT)
    return logits


def float64(after_epoch=None, **options):
    """Batches of 64 over 3 processes, and a last one of 2: one process has no image of it."""
    model = network().double()
    options = {"epochs": 2, "lr": 0.05, "momentum": 0.9, "device": "cpu", "validation": 2} | options
    history = fit(model, split(132), split(1001), **options)
    return model, history


def float32():
    """100 steps of the lecture's network; its weights after each tenth."""
    mnist = load_mnist()
    torch.manual_seed(0)
    model, kept = mlp(), []
    keep = lambda *args: kept.append([p.detach().clone() for p in model.parameters()])  # noqa: E731
    options = {"epochs": 10, "lr": 0.05, "momentum": 0.9, "device": "cpu", "progress": False}
    history = fit(model, mnist.train[:640], mnist.test[:500], after_epoch=keep, **options)
    return kept, history


def short_run():
    mnist = load_mnist()
    torch.manual_seed(0)
    history = fit(mlp(), mnist.train[:12_000], mnist.test, recipe="fast", device="cpu", progress=False)
    return history[-1].test_accuracy


def dropout(processes, folder):
    """Ctrl-C reaches the second process alone; all stop after the same step, and resume to the same bits."""
    options = {"epochs": 3, "batch_size": 16, "lr": 0.05, "device": "cpu"}
    straight, again = network(dropout=0.3), network(dropout=0.3)
    expected = [fit(model, split(150), **options) for model in (straight, again)]
    act = interrupt if processes.rank == 1 else nn.Identity()
    model = network(dropout=0.3, end=At(14, act))
    stopped = fit(model, split(150), **options, checkpoint=folder / "dropout.pt")
    resumed = network(seed=processes.rank, dropout=0.3)
    histories = [
        fit(resumed, split(150), **options, resume=folder / "dropout.pt"),
        fit(model, split(150), **options, resume=stopped),
    ]
    every = [[p.detach() for p in m.parameters()] for m in (straight, again, resumed, model)]
    return {
        "stopped_at": (len(stopped), stopped.batches_done, stopped.interrupted),
        "equal": [all(map(torch.equal, every[0], other)) for other in every[1:]],
        "metrics": [[record[:3] for record in history] for history in (expected[0], *histories)],
        "sum": float(sum(p.double().sum() for p in every[0])),
    }


def error_of(action):
    try:
        action()
    except Exception as error:
        return type(error).__name__, str(error)
    return None


def bad_values(processes, folder):
    """Each of them in one process only."""
    second = processes.rank == 1
    options = {"epochs": 2, "batch_size": 10, "device": "cpu"}
    found = {}

    before = []

    def spoil(logits):
        before.append([p.detach().clone() for p in model.parameters()])
        return logits * math.nan if second else logits

    model = network(end=At(9, spoil))
    found["nan"] = error_of(lambda: fit(model, split(150), **options, checkpoint=folder / "nan.pt"))
    found["nan_weights_kept"] = all(map(torch.equal, model.parameters(), before[0]))

    train = split(150)
    if second:
        train.labels[140] = 10
    found["label"] = error_of(lambda: fit(network(), train, **options))
    train = split(150)
    if second:
        train.images[3, 3, 3] += 1
    found["other_data"] = error_of(lambda: fit(network(), train, **options))
    found["other_seed"] = error_of(lambda: fit(network(), split(150), **options, seed=processes.rank))
    narrow = nn.Sequential(nn.Flatten(), nn.Linear(784, 9))
    found["narrow"] = error_of(lambda: fit(narrow, split(150), **options))
    (folder / "file").write_text("")
    found["no_folder"] = error_of(
        lambda: fit(network(), split(150), **options, checkpoint=folder / "file" / "c.pt")
    )
    found["damaged"] = error_of(lambda: fit(network(), split(150), **options, resume=folder / "file"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(network(end=nn.Softmax(dim=1)), split(150), **options)
    found["warnings"] = sum("double softmax" in str(w.message) for w in caught)
    return found


def commands(folder):
    """Mistakes of a user on the command line; the test counts what is printed."""
    data = ["--data", str(folder / "small")]
    (folder / "held").mkdir(exist_ok=True)
    (folder / "held" / "model.pt").touch()
    out = ["--out", str(folder / "new")]
    return [
        cli.main(["train", *arguments])
        for arguments in (
            [*data, *out, "--lr", "0"],
            [*data, *out, "--lr", "1e30"],
            [*out, "--data", str(folder / "nowhere")],
            [*data, "--out", str(folder / "held")],
            [*data, *out, "--resume"],
            ["--resume"],
        )
    ]


def main(folder):
    with distributed.process_group() as processes:
        results = {
            "processes": (processes.rank, processes.count),
            "dropout": dropout(processes, folder),
            "bad_values": bad_values(processes, folder),
        }
        model, history = float64(checkpoint=folder / "float64.pt", progress=True)
        results["float64"] = [p.detach() for p in model.parameters()]
        results["float64_history"] = [tuple(record) for record in history]
        kept, history = float32()
        results["float32"], results["float32_history"] = kept, [tuple(record) for record in history]
        results["accuracy"] = short_run()
        results["exit_codes"] = commands(folder)
    torch.save(results, folder / f"results{processes.rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
