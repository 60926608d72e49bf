"""Timing side by side: what is compared takes turns, and a ratio is taken in each round.

The machine may be shared, and its speed changes from minute to minute.  Two things timed one after the other
in the same round met the same machine; their ratio says more than either time.
"""

import os
import platform
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def alternate(
    functions: dict[str, Callable[[], object]], rounds: int, warm_up: bool = True
) -> dict[str, list]:
    """The seconds of each function in each round; a first round, in which all is slower, is not counted.

    The order is turned round in every other round, so that no function always comes after the same one.
    """
    times: dict[str, list] = {name: [] for name in functions}
    for number in range(-1 if warm_up else 0, rounds):
        for name in list(functions)[:: -1 if number % 2 else 1]:
            took = seconds(functions[name])
            if number >= 0:
                times[name].append(took)
    return times


def rows(times: dict[str, list], reference: str, **more: object) -> list[dict]:
    """A row for each thing that was timed: its median, and its ratio to the reference, round by round."""
    out = []
    for name, own in times.items():
        ratios = [mine / other for mine, other in zip(own, times[reference], strict=True)]
        out.append(
            {
                "what": name,
                **more,
                "seconds": three_digits(statistics.median(own)),
                "lowest": three_digits(min(own)),
                "highest": three_digits(max(own)),
                "ratio": three_digits(statistics.median(ratios)),
                "ratio_lowest": three_digits(min(ratios)),
                "ratio_highest": three_digits(max(ratios)),
                "rounds": len(own),
            }
        )
    return out


def three_digits(value: float) -> float:
    return float(f"{value:.3g}")


def machine(device: str = "cpu") -> str:
    """Words for what it was measured on: processor, threads, versions, and how busy it was."""
    parts = [processor(), f"{os.cpu_count()} cores", f"{torch.get_num_threads()} threads of torch"]
    if device == "cuda":
        parts.insert(0, torch.cuda.get_device_name())
    spins = os.environ.get("GOMP_SPINCOUNT")
    parts += [f"GOMP_SPINCOUNT={spins}"] if spins else []
    parts += [f"Python {platform.python_version()}", f"torch {torch.__version__}", platform.system()]
    if hasattr(os, "getloadavg"):
        parts.append(f"load {os.getloadavg()[0]:.1f} at the end")
    return ", ".join(parts)


def processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text("utf-8"))
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or platform.machine()
