"""Notebooks 1 to 4 start in a second: what they import waits for no torch."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "torchvision", "matplotlib", "PIL", "scipy", "tqdm"}


def heavy_modules_after(code):
    """Which of the heavy packages a fresh interpreter holds after running the code."""
    report = "import sys; print(*(name for name in sys.modules if '.' not in name))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True, timeout=60
    )
    return HEAVY & set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["softmax_lib", "softmax_lib.functional", "softmax_lib.gradcheck", "softmax_lib.toy"]
)
def test_importing_loads_nothing_heavy(module):
    assert heavy_modules_after(f"import {module}") == set()


def test_using_the_numpy_modules_loads_nothing_heavy():
    code = """
from softmax_lib.functional import cross_entropy, cross_entropy_grad
from softmax_lib.gradcheck import numerical_gradient, relative_error
from softmax_lib.toy import make_blobs
X, labels = make_blobs(3, 2)
logits = X @ [[1, 0, -1], [0, 1, -1]]
numerical = numerical_gradient(lambda z: cross_entropy(z, labels), logits)
assert relative_error(cross_entropy_grad(logits, labels), numerical) < 1e-7
"""
    assert heavy_modules_after(code) == set()


def test_a_heavy_import_would_be_noticed():
    assert "matplotlib" in heavy_modules_after("import matplotlib")
