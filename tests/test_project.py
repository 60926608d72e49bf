"""The project's files hold together: requirements, lock, conda environment, wheel, licences, README."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib", "python-build": "build"}


def lines_of(path):
    lines = (line.partition("#")[0].strip() for line in (ROOT / path).read_text("utf-8").splitlines())
    return [line for line in lines if line]


def lock():
    pins = [Requirement(line) for line in lines_of("constraints.txt")]
    assert all(re.fullmatch(r"==[^*]+", str(pin.specifier)) for pin in pins)
    return {canonicalize_name(pin.name): Version(str(pin.specifier)[2:]) for pin in pins}


def ranges():
    """Name -> range, of the dependencies and of all extras."""
    listed = [*PROJECT["dependencies"], *(r for rs in PROJECT["optional-dependencies"].values() for r in rs)]
    requirements = [Requirement(text) for text in listed]
    return {
        canonicalize_name(r.name): r.specifier
        for r in requirements
        if canonicalize_name(r.name) != "softmax-lib"
    }


def test_the_lock_pins_a_version_inside_each_range():
    pins = lock()
    for name, specifier in ranges().items():
        assert pins[name] in specifier, f"{name}: {pins[name]} is not {specifier}"


def test_the_lock_is_what_is_installed_and_complete():
    """For Linux on a CPU: all that the test extra pulls in (and the book where set up), as locked."""
    if sys.platform != "linux" or sys.version_info[:2] != (3, 11):
        pytest.skip("the lock is complete for Linux with Python 3.11")
    pins = lock()
    own_extras = ("test", "lab", "book") if find_spec("sphinx") else ("test", "lab")
    waiting, seen = ["softmax-lib"], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            extras = own_extras if name == "softmax-lib" else ("",)
            cuda = "nvidia" in requirement.name or requirement.name in (
                "triton",
                "cuda-bindings",
                "cuda-toolkit",
            )
            wanted = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": e}) for e in extras
            )
            if wanted and not cuda:
                waiting.append(canonicalize_name(requirement.name))
    seen -= {"softmax-lib"}
    assert seen <= pins.keys(), f"not locked: {sorted(seen - pins.keys())}"
    for name in seen:
        assert Version(metadata.version(name)).public == pins[name].public, name


def test_the_lock_has_no_local_versions_and_no_addresses():
    for line in lines_of("constraints.txt"):
        assert "+" not in line and "/" not in line and "@" not in line


def test_torch_and_torchvision_are_the_matching_pair():
    pins = lock()
    assert (str(pins["torch"]), str(pins["torchvision"])) == ("2.13.0", "0.28.0")


def test_the_conda_environment_has_the_same_ranges():
    text = lines_of("environment.yml")
    start, end = text.index("dependencies:") + 1, text.index("- pip:")
    parts = [re.fullmatch(r"- ([a-z0-9-]+)(.*)", line).groups() for line in text[start:end]]
    conda = {
        CONDA_NAMES.get(name, name): SpecifierSet(spec)
        for name, spec in parts
        if name not in ("python", "pip")
    }
    assert conda == ranges()
    python = dict(parts)["python"].removeprefix("=")
    assert Version(python) in SpecifierSet(PROJECT["requires-python"])


def test_each_module_is_in_the_packages_map():
    from softmax_lib import __doc__ as text

    modules = {path.stem for path in (ROOT / "softmax_lib").glob("*.py")} - {"__init__", "__main__"}
    packages = {path.parent.name for path in (ROOT / "softmax_lib").glob("*/__init__.py")}
    assert set(re.findall(r"^``(\w+)``", text, re.MULTILINE)) == modules | packages


def test_a_wheel_works_outside_the_clone(tmp_path):
    """Built, unpacked into an empty folder, and used from there: the data and drawings came along."""
    source = tmp_path / "source"  # a copy: building writes beside the sources
    shutil.copytree(
        ROOT / "softmax_lib", source / "softmax_lib", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = """
import softmax_lib
from softmax_lib import checks, digits, results
from softmax_lib.data import load_mnist
print(softmax_lib.__file__)
print(load_mnist().train, len(digits.sample_drawings()) >= 10, checks.softmax is not None)
print(len(results.load("momentum")) > 0)
"""
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    used = site / "softmax_lib" / "__init__.py"
    assert done.stdout == f"{used}\nSplit(60,000 images of 28 x 28) True True\nTrue\n", done.stderr
    names = zipfile.ZipFile(wheel).namelist()
    assert "softmax_lib/mnist/SHA256SUMS" in names and any(name.endswith("LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "notebooks/", "tools/")) for name in names)


def test_the_readme_names_commands_and_files_that_exist():
    text = (ROOT / "README.md").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / path).exists(), path
    for script in re.findall(r"\b(tools/\w+\.py)", text):
        assert (ROOT / script).is_file(), script


def test_no_file_names_a_machines_path_or_an_index_host():
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git clone")
    for name in filter(None, tracked.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in {".gz", ".png"} or name.startswith("tests/") or not path.exists():
            continue
        text = path.read_text("utf-8")
        found = re.search(
            r"(?<![\w.])/(?:work|root|home)/[A-Za-z]|pypi\.org|pythonhosted|download\.pytorch", text
        )
        assert not found, f"{name}: {found.group()}"
