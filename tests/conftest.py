"""What the unit tests set up.  (notebooks/conftest.py does the same for the notebooks.)"""

import os
import signal
import socket

import matplotlib
import pytest

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as in the Makefile: a busy machine slows torch less

# A runner may have started pytest with Ctrl-C ignored; the tests of Ctrl-C, and their processes, need it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Unit tests never open a window. (By this call, not by MPLBACKEND, which would reach the kernels too.)
matplotlib.use("Agg")


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
