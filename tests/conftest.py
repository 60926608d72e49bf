"""What every test run sets up: the unit tests here and the notebooks in one call, `python -m pytest`.

To run one notebook alone, select it by name, so that this file is read too: `python -m pytest -k 03_when`.
"""

import socket
import tempfile
from pathlib import Path

import matplotlib
import pytest
import store_outputs  # in tools/; see pythonpath in pyproject.toml
from nbval.plugin import IPyNbCell

# Kernels inherit the environment in which the stored outputs were made.
SCRATCH = tempfile.TemporaryDirectory(prefix="softmax-lib-tests-")
store_outputs.set_kernel_environment(Path(SCRATCH.name))

# Unit tests never open a window. (By this call, not by MPLBACKEND, which would reach the kernels too.)
matplotlib.use("Agg")


class NoStderr:
    """A notebook's cell that writes to stderr fails, also where its output is not compared."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        result = yield
        if isinstance(item, IPyNbCell):
            stderr = "".join(out.text for out in item.test_outputs or [] if out.get("name") == "stderr")
            if stderr:
                item.raise_cell_error(f"Cell {item.cell.get('id')} wrote to stderr", stderr)
        return result


def pytest_configure(config):
    # A hook in this file alone would not be called for notebooks/, which is not below tests/.
    config.pluginmanager.register(NoStderr(), "notebooks-no-stderr")


def pytest_unconfigure(config):
    SCRATCH.cleanup()


def is_local(host):
    return host in ("localhost", "::1", "", None) or str(host).startswith("127.")


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """Unit tests reach nothing but this computer. (pytest talks to the notebooks' kernels over 127.0.0.1.)"""
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

    def refuse(host):
        raise RuntimeError(f"a test asked the network for {host!r}: tests need no network")

    def connect_locally(self, address):
        if isinstance(address, tuple) and not is_local(address[0]):
            refuse(address[0])
        return connect(self, address)

    def look_up_locally(host, *args, **kwargs):
        if not is_local(host):
            refuse(host)
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_locally)
        patch.setattr(socket, "getaddrinfo", look_up_locally)
        yield
