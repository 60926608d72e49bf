"""benchmarks/README.md and its figure, from the tables in benchmarks/results/."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from softmax_lib import results
from softmax_lib.checkpoint import written_atomically

BEGIN, END = "<!-- made by bench.py: begin -->", "<!-- made by bench.py: end -->"
TITLES = {
    "epoch": "One epoch of the lecture's recipe",
    "evaluation": "Evaluating the 10,000 test digits",
    "to97": "Time to 97 % on the test digits",
    "accuracy": "Accuracy at the end",
    "growth": "As the work grows",
    "waiting": "Waiting",
    "gpu": "On a GPU: nine epochs, a test after each",
    "tests": "The tests",
}
HEADS = {
    "what": "",
    "value": "",
    "seconds": "seconds",
    "ratio": "ratio",
    "rounds": "rounds",
    "seed": "seed",
    "epochs_to_97": "epochs",
    "seconds_to_97": "seconds to 97 %",
    "test_accuracy": "test accuracy",
    "megabytes": "peak memory, MB",
    "data": "images, MB",
}


def write_report(folder: Path, readme: Path) -> None:
    """Put tables and figure of what was measured between the two marks of README.md."""
    measured = {
        part: results.load(folder / f"{part}.csv") for part in TITLES if (folder / f"{part}.csv").exists()
    }
    text = "\n\n".join(section(part, rows) for part, rows in measured.items())
    if {"epoch", "to97", "growth"} <= measured.keys():
        draw(measured, readme.with_name("speed.png"))
        text = f"{FIGURE}\n\n{text}"
    before, _, rest = readme.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    with written_atomically(readme) as partial:
        partial.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8")


FIGURE = (
    "![Three panels. Seconds of an epoch: the textbook's pipeline, fit, a bare loop, the matrix products. "
    "Test accuracy against seconds: the textbook's pipeline and the fast recipe, with a line at 97 %. "
    "Seconds of an epoch against the number of images: a straight line.](speed.png)"
)


def section(part: str, rows: list[dict]) -> str:
    if part == "accuracy":
        rows = [summary(recipe, rows) for recipe in dict.fromkeys(row["recipe"] for row in rows)]
    shown = [
        name for name in (HEADS if part != "accuracy" else rows[0]) if any(row.get(name) for row in rows)
    ]
    table = ["| " + " | ".join(HEADS.get(name, name) for name in shown) + " |", "|" + "---|" * len(shown)]
    table += ["| " + " | ".join(cell(row, name) for name in shown) + " |" for row in rows]
    about = "" if part == "accuracy" else f"\n\n{rows[0]['measured']}: {rows[0]['machine']}."
    return f"### {TITLES[part]}\n\n" + "\n".join(table) + about


def summary(recipe: str, rows: list[dict]) -> dict:
    values = [row["test_accuracy"] for row in rows if row["recipe"] == recipe]
    return {
        "recipe": recipe,
        "seeds": str(len(values)),
        "mean": f"{np.mean(values):.4f}",
        "lowest": f"{min(values):.4f}",
        "highest": f"{max(values):.4f}",
    }


def cell(row: dict, name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if name == "seconds" and row.get("lowest") is not None:
        return f"{value} ({row['lowest']} to {row['highest']})"
    if name == "ratio" and row.get("ratio_lowest") is not None:
        return f"{value} ({row['ratio_lowest']} to {row['ratio_highest']})"
    return f"{value:.4f}" if name == "test_accuracy" else str(value)


def draw(measured: dict[str, list[dict]], path: Path) -> None:
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
    rows = [row for row in measured["epoch"] if row["what"] != "fit with its bar"]
    left.barh([row["what"] for row in rows], [row["seconds"] for row in rows], color="#0072B2")
    for place, row in enumerate(rows):
        left.annotate(f" {row['seconds']:.1f}", (row["seconds"], place), va="center")
    left.invert_yaxis()
    left.set(
        title="An epoch of the lecture's recipe",
        xlabel="seconds",
        xlim=(0, 1.2 * max(r["seconds"] for r in rows)),
    )

    styles = {
        "fit, fast recipe": ("fast recipe", "#0072B2", "s", 0.02, "left"),
        "textbook, the lecture's recipe": ("the textbook's pipeline", "#D55E00", "o", 0.98, "right"),
    }
    for what, (label, color, marker, x, side) in styles.items():
        for row in measured["to97"]:
            if row["what"] == what:
                at = np.cumsum(numbers(row["seconds_by_epoch"]))
                curve = row["accuracy_by_epoch"]
                middle.plot(at, curve, color=color, marker=marker, markersize=3, linewidth=1)
        middle.text(x, 0.92, label, color=color, ha=side, fontsize=8, transform=middle.transAxes)
    middle.axhline(0.97, color="0.3", linestyle=":", linewidth=1)
    middle.set(
        title="Accuracy against time",
        xlabel="seconds",
        ylabel="test accuracy",
        ylim=(0.9, 1),
        xscale="log",
    )

    data = [row for row in measured["growth"] if row["what"] == "data"]
    right.plot([60 * row["value"] for row in data], [row["seconds"] for row in data], "o-", color="#0072B2")
    right.set(
        title="Time grows with the data",
        xlabel="thousand images",
        ylabel="seconds an epoch",
        xlim=(0, None),
        ylim=(0, None),
    )
    figure.savefig(path, dpi=130)
    plt.close(figure)


def numbers(values: list) -> list[float]:
    return [float(value) for value in values]
