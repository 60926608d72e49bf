"""The notebooks as tests, under nbval: the environment of their kernels, and a rule of ours about stderr."""

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
import store_outputs  # in tools/; see pythonpath in pyproject.toml
from nbval.plugin import IPyNbCell

# Kernels inherit the environment in which the stored outputs were made.
SCRATCH = tempfile.TemporaryDirectory(prefix="softmax-lib-tests-")
store_outputs.set_kernel_environment(Path(SCRATCH.name))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A cell that writes to stderr fails, also where its output is not compared."""
    result = yield
    if isinstance(item, IPyNbCell):
        stderr = "".join(out.text for out in item.test_outputs or [] if out.get("name") == "stderr")
        if stderr:
            item.raise_cell_error(f"Cell {item.cell.get('id')} wrote to stderr", stderr)
    return result


def pytest_unconfigure() -> None:
    SCRATCH.cleanup()
