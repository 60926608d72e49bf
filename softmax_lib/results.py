"""Tables of experiments: the course's own measurements, and yours.  Introduced by notebook 10.

``load("momentum")`` reads a table that ``make experiments`` made (``experiments/*.csv`` of this package; the
README there says how and on what).  ``save`` and ``load`` keep a table of your own in a file that you name.
A row is one run: its settings, its seed, and what came out.
"""

import contextlib
import csv
import os
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from softmax_lib.checkpoint import written_atomically

Row = dict[str, object]


def load(table: str | Path, **where: object) -> list[Row]:
    """The rows of a table, as dicts, in the order of the file; numbers are numbers, empty cells None.

    table: the name of one of the course's tables, or the path of a CSV file (it ends in ``.csv``).
    where: keep only the rows with these values.  Columns that end in ``_by_epoch`` or ``_by_layer`` hold
    lists of numbers.

    Raises FileNotFoundError for an unknown name, and names those that there are; ValueError for a column
    that the table does not have.

    >>> [row["seed"] for row in load("momentum", size="full", momentum=0.9)]
    [0, 1, 2]
    """
    if str(table).endswith(".csv"):
        path = Path(os.path.expanduser(table))
    else:
        path = resources.files("softmax_lib") / "experiments" / f"{table}.csv"
        if not path.is_file():
            raise FileNotFoundError(f"there is no table {str(table)!r}; there are {', '.join(tables())}")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = [{name: _value(name, text) for name, text in row.items()} for row in reader]
        columns = reader.fieldnames or []
    unknown = [name for name in where if name not in columns]
    if unknown:
        raise ValueError(
            f"{table} has no column {', '.join(map(repr, unknown))}; it has {', '.join(columns)}"
        )
    return [row for row in rows if all(row[name] == value for name, value in where.items())]


def tables() -> list[str]:
    """The names of the course's tables."""
    folder = resources.files("softmax_lib") / "experiments"
    return sorted(path.name.removesuffix(".csv") for path in folder.iterdir() if path.name.endswith(".csv"))


def save(path: str | Path, rows: Iterable[Row]) -> None:
    """Write the rows to a CSV file, all or nothing; a row may lack columns that others have.

    Raises ValueError where there is no row, so that an empty table never takes the place of a full one.
    """
    rows = list(rows)
    if not rows:
        raise ValueError(f"there are no rows to write to {path}; the file is left as it is")
    columns = list(dict.fromkeys(name for row in rows for name in row))  # each once, in order
    with written_atomically(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)


def _text(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _value(name: str, text: str | None) -> object:
    if name.endswith(("_by_epoch", "_by_layer")):
        return [_number(part) for part in (text or "").split()]
    return _number(text) if text else None


def _number(text: str) -> int | float | str:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text
