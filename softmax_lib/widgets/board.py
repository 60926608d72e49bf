"""The experiment board of notebook 10: settings side by side, their curves over each other, a table to sort.

widgets.ExperimentBoard(results.load("momentum", size="small"))
widgets.ExperimentBoard({"mine": [history_0, history_1], "yours": [history_2]})
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from softmax_lib.plots import CLASS_COLORS
from softmax_lib.widgets.base import Interactive, canvas
from softmax_lib.widgets.curves import LABELS, Panel, light_png
from softmax_lib.widgets.svg import Picture

DASHES = ("", "7 3", "2 3", "9 3 2 3", "14 4")  # colour is never alone
RESULTS = ("seed", "parameters", "stopped", "prediction", "settings")  # columns that are no setting
RESULTS += tuple(f"{split}_{metric}" for split in ("train", "validation", "test") for metric in LABELS)
LISTS = ("_by_epoch", "_by_layer")
ACCURACIES = ("validation_accuracy", "test_accuracy", "train_accuracy")  # the first that there is counts


@dataclass
class Group:
    """One setting with its runs, one a seed: what is in a row of the table, and a curve with its band."""

    name: str
    color: str
    dash: str
    finals: dict[str, list[float]] = field(default_factory=dict)  # {"loss": of each run, "accuracy": …}
    curves: dict[str, list[list[float]]] = field(default_factory=dict)  # {"loss": each run's epochs, …}
    runs: int = 0
    shown: bool = True

    @property
    def epochs(self) -> int:
        """Of the longest curve."""
        return max((len(curve) for curves in self.curves.values() for curve in curves), default=0)

    def band(self, metric: str) -> list[tuple[float, float, float]]:
        """Mean, smallest and largest of the runs, for each epoch that all of them reached."""
        columns = zip(*self.curves.get(metric, ()), strict=False)
        return [(sum(values) / len(values), min(values), max(values)) for values in columns]

    def mean(self, metric: str) -> float:
        """Of the runs' last values; nan where there are none."""
        values = self.finals.get(metric)
        return sum(values) / len(values) if values else math.nan

    def spread(self, metric: str) -> str:
        """Mean and range: ``0.9352 (0.9180 to 0.9480)``."""
        values = self.finals.get(metric)
        if not values:
            return "-"
        text = f"{self.mean(metric):.4f}"
        return text if len(values) == 1 else f"{text} ({min(values):.4f} to {max(values):.4f})"


COLUMNS: dict[str, tuple[Callable[[Group], Any], Callable[[Group], str]]] = {
    # heading: what it is sorted by, what is written
    "run": (lambda group: _numbers_as_numbers(group.name), lambda group: group.name),
    "seeds": (lambda group: group.runs, lambda group: str(group.runs)),
    "epochs": (lambda group: group.epochs, lambda group: str(group.epochs or "-")),
    "train loss": (lambda group: group.mean("loss"), lambda group: group.spread("loss")),
    "accuracy": (lambda group: group.mean("accuracy"), lambda group: group.spread("accuracy")),
}


class ExperimentBoard(Interactive):
    """Compare runs: mean curves with bands from the lowest to the highest seed, and a table of last values.

    runs: rows as `softmax_lib.results.load` returns them, each a run; or {name: history}, {name: [history,
    …]}, with histories of `fit`, one a seed.
    by: the columns whose values tell the settings apart.  By default those that differ between the rows, or
    the column ``name`` where there is one.  Rows with the same values are seeds of one setting.

    The accuracy is the validation's; where there is none, the test's, else the training's.  A run that was
    stopped because its loss was not finite counts as a seed, and is in no mean.

    ``sort(column, descending)`` and ``show(names)`` do what the headings and the boxes of the table do.

    ValueError for no run, more than ten settings, an unknown column or name.
    """

    size = (7.0, 4.6)
    requires = ("ipywidgets", "anywidget")

    def __init__(
        self, runs: Iterable[Mapping[str, Any]] | Mapping[str, Any], by: Sequence[str] | str | None = None
    ) -> None:
        super().__init__()
        named = _named_histories(runs) if isinstance(runs, Mapping) else _named_rows(list(runs), by)
        if not 1 <= len(named) <= len(CLASS_COLORS):
            raise ValueError(
                f"runs must have 1 to {len(CLASS_COLORS)} settings, so that their colours can be told apart; "
                f"found {len(named)}. Choose rows, as in results.load('momentum', size='small')"
            )
        self.groups = []
        for k, (name, rows) in enumerate(named.items()):
            group = Group(name, CLASS_COLORS[k], DASHES[k % len(DASHES)])
            for row in rows:
                _add_run(group, row)
            self.groups.append(group)
        self.sorted_by: tuple[str, bool] | None = None  # (column, descending)

    # What the reader does ---------------------------------------------------------------------------------

    def sort(self, column: str, descending: bool | None = None) -> None:
        """Order the table by a column; without a direction, by the other one than now, first upwards."""
        if column not in COLUMNS:
            raise ValueError(f"no column {column!r}; there are {', '.join(COLUMNS)}")
        if descending is None:
            descending = self.sorted_by == (column, False)
        self.sorted_by = (column, descending)
        key = COLUMNS[column][0]
        last = [group for group in self.groups if key(group) != key(group)]  # nan: no run came to an end
        known = [group for group in self.groups if key(group) == key(group)]
        self.groups = sorted(known, key=key, reverse=descending) + last
        self._update()

    def show(self, names: Iterable[str]) -> None:
        """Draw the curves of these settings only."""
        names = [names] if isinstance(names, str) else list(names)
        known = [group.name for group in self.groups]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ValueError(f"no run {unknown[0]!r}; there are {', '.join(known)}")
        for group in self.groups:
            group.shown = group.name in names
        self._update()

    # As words and as a figure -----------------------------------------------------------------------------

    def sentence(self) -> str:
        """Return the table as plain text, a line a setting."""
        cells = [list(COLUMNS), *([write(group) for _, write in COLUMNS.values()] for group in self.groups)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in cells
        ]
        return "\n".join(line.rstrip() for line in lines)

    def draw(self, figure: Any) -> None:
        """Draw the curves of what is shown, and the table below them."""
        grid = figure.add_gridspec(2, 2, height_ratios=[3, 0.3 + 0.22 * len(self.groups)])
        for k, metric in enumerate(LABELS):
            ax = figure.add_subplot(grid[0, k])
            for group in self._shown():
                band = group.band(metric)
                if band:
                    mean, low, high = zip(*band, strict=True)
                    epochs = range(1, len(band) + 1)
                    style = (0, tuple(map(int, group.dash.split()))) if group.dash else "-"
                    ax.plot(epochs, mean, color=group.color, linestyle=style, label=group.name)
                    ax.fill_between(epochs, low, high, color=group.color, alpha=0.2, linewidth=0)
            ax.set(xlabel="epoch", ylabel=LABELS[metric])
            ax.set_ylim(0, 1.02 if metric == "accuracy" else None)
            ax.grid(axis="y", color="0.9", linewidth=0.8)
            ax.spines[["top", "right"]].set_visible(False)
            if metric == "loss" and ax.lines:
                ax.legend(fontsize="x-small", handlelength=3)
        below = figure.add_subplot(grid[1, :])
        below.axis("off")
        text = [[_cut(write(group), 34) for _, write in COLUMNS.values()] for group in self.groups]
        widths = [0.29, 0.07, 0.08, 0.28, 0.28]
        table = below.table(text, colLabels=list(COLUMNS), colWidths=widths, loc="center", cellLoc="left")
        table.auto_set_font_size(False)
        table.set_fontsize(8)
        for (row, column), cell in table.get_celld().items():
            cell.set(edgecolor="0.85", linewidth=0.6, height=1 / (len(self.groups) + 1))
            if row and column == 0:
                cell.get_text().set(color=self.groups[row - 1].color, weight="bold")

    def png(self) -> bytes:
        """Return the figure as a PNG picture of few colours, a quarter as large."""
        return light_png(super().png())

    def _shown(self) -> list[Group]:
        return [group for group in self.groups if group.shown]

    # The live view ----------------------------------------------------------------------------------------

    def build(self) -> Any:
        """Return curves and table; a few lines of JavaScript pass on what is pressed."""
        view = canvas("board", {"html": self._html()})
        self.hear(view.on_msg, self._pressed)
        return view

    def _pressed(self, view: Any, message: dict, buffers: Any) -> None:
        """A heading, or the box of a setting."""
        kind, name = message.get("kind"), message.get("name")
        if kind == "sort" and name in COLUMNS:
            self.sort(name)
        elif kind == "show":
            for group in self.groups:
                group.shown ^= group.name == name
            self._update()

    def _update(self) -> None:
        if self._view is not None:
            self._view.state = {"html": self._html()}

    def _html(self) -> str:
        """Picture and table.  ``data-kind`` and ``data-name`` are what is sent when a part is pressed."""
        column, descending = self.sorted_by or (None, False)
        head = "<th>curve</th>"
        for name in COLUMNS:
            order = ("descending" if descending else "ascending") if name == column else "none"
            arrow = "▼" if descending else "▲"
            hidden = ' style="visibility: hidden"' if order == "none" else ""  # its place is kept
            label = f"{name}<span{hidden}> {arrow}</span>"
            button = f'<button data-kind="sort" data-name="{name}">{label}</button>'
            head += f'<th aria-sort="{order}" scope="col">{button}</th>'
        body = ""
        for group in self.groups:
            name = escape(group.name)
            box = f'type="checkbox" data-kind="show" data-name="{name}" aria-label="curve of {name}"'
            sample = Picture(40, 12, "")
            sample.line([(0, 6), (40, 6)], stroke=group.color, stroke_width=3, stroke_dasharray=group.dash)
            row = f"<td><label><input {box}{' checked' if group.shown else ''}> {sample}</label></td>"
            row += f'<th scope="row">{name}</th>'
            row += "".join(f"<td>{escape(write(group))}</td>" for _, write in list(COLUMNS.values())[1:])
            body += f"<tr>{row}</tr>"
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"{self._picture()}{table}"

    def _picture(self) -> Picture:
        """Both panels, with the curves of what is shown."""
        shown = self._shown()
        names = ", ".join(group.name for group in shown) or "no run"
        picture = Picture(760, 235, f"Loss and accuracy against the epochs of {names}")
        epochs = max((group.epochs for group in self.groups), default=1)
        for k, metric in enumerate(LABELS):
            bands = {group.name: group.band(metric) for group in self.groups}
            highest = max((high for band in bands.values() for *_, high in band), default=2.5)
            panel = Panel(picture, 50 + 380 * k, metric, highest, epochs, max(1, epochs))
            for group in shown:
                rows = list(enumerate(bands[group.name], start=1))
                edge = [(e, high) for e, (_, _, high) in rows] + [(e, low) for e, (_, low, _) in rows[::-1]]
                corners = " ".join("{:.1f},{:.1f}".format(*panel.place(*corner)) for corner in edge)
                picture.add("polygon", points=corners, fill=group.color, fill_opacity=0.2)
                look = {"stroke": group.color, "stroke_width": 2, "stroke_dasharray": group.dash}
                panel.line([(e, mean) for e, (mean, _, _) in rows], **look)
        return picture


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _numbers_as_numbers(name: str) -> list[str | float]:
    """For sorting: ``"lr 10"`` comes after ``"lr 2"``."""
    parts = re.split(r"(\d+(?:\.\d+)?)", name)  # text, number, text, number, …
    return [float(part) if k % 2 else part for k, part in enumerate(parts)]


# ------------------------------------------------------------------------------------- rows and histories


def _named_rows(rows: list[Mapping[str, Any]], by: Sequence[str] | str | None) -> dict[str, list]:
    """{name of a setting: its rows}, in the order of the rows."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if by is None:
        settings = [name for name in columns if name not in RESULTS and not name.endswith(LISTS)]
        differ = [name for name in settings if len({str(row.get(name)) for row in rows}) > 1]
        by = ["name"] if "name" in columns else differ
    by = [by] if isinstance(by, str) else list(by)
    unknown = [name for name in by if name not in columns]
    if unknown:
        raise ValueError(f"by must name columns of the rows; found {unknown[0]!r}, there are {columns}")
    named: dict[str, list] = {}
    for row in rows:
        values = [str(row.get(name)) if name == "name" else f"{name} {row.get(name)}" for name in by]
        named.setdefault(", ".join(values) or "all runs", []).append(row)
    return named


def _named_histories(runs: Mapping[str, Any]) -> dict[str, list]:
    """The same for histories of `fit`; one alone is a list of one."""
    named = {}
    for name, histories in runs.items():
        histories = [histories] if hasattr(histories, "column") else list(histories)
        if not all(hasattr(history, "column") for history in histories):
            raise ValueError(
                f"runs[{name!r}] must be a history of fit or a list of them; found {histories!r}"
            )
        named[str(name)] = [_row_of(history) for history in histories]
    return named


def _row_of(history: Any) -> dict[str, Any]:
    """A history as a row with the names of a table's columns."""
    measured = [kind for kind in ACCURACIES if len(history) and history.column(kind)[0] is not None]
    kind = measured[0] if measured else ACCURACIES[-1]
    losses, accuracies = history.column("train_loss"), history.column(kind)
    row: dict[str, Any] = {"train_loss_by_epoch": losses, "accuracy_by_epoch": accuracies}
    if losses:
        row |= {"train_loss": losses[-1], kind: accuracies[-1]}
    return row


def _add_run(group: Group, row: Mapping[str, Any]) -> None:
    group.runs += 1
    accuracy = next((row[kind] for kind in ACCURACIES if row.get(kind) is not None), None)
    if row.get("stopped") or row.get("train_loss") is None:
        return
    for metric, value in (("loss", row["train_loss"]), ("accuracy", accuracy)):
        if value is not None and math.isfinite(value):
            group.finals.setdefault(metric, []).append(float(value))
    for metric, column in (("loss", "train_loss_by_epoch"), ("accuracy", "accuracy_by_epoch")):
        if row.get(column):
            group.curves.setdefault(metric, []).append([float(value) for value in row[column]])
