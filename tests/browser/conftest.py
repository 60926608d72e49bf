"""The browser tests' fixture `lab`; where there is no browser they are skipped, and say what is missing."""

from pathlib import Path
from urllib.parse import urlsplit

import browser as harness  # beside this file; see pythonpath in pyproject.toml
import pytest

MISSING = harness.what_is_missing()
SCREENSHOTS = Path(__file__).parent / "screenshots"
# What JupyterLab itself writes to the console as an error, whatever the notebook holds.
OF_LAB_ITSELF = ()


def pytest_collection_modifyitems(items):
    for item in items:
        if MISSING and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=MISSING))


@pytest.fixture(scope="session")
def _lab(tmp_path_factory):
    lab = harness.Lab(tmp_path_factory.mktemp("lab"), SCREENSHOTS)
    yield lab
    lab.close()


@pytest.fixture
def lab(_lab):
    """JupyterLab in a browser.  A test fails, too, if its page has written an error or asked the network."""
    _lab.browser.forget()
    yield _lab
    assert [e for e in _lab.browser.errors() if not any(known in e for known in OF_LAB_ITSELF)] == []
    asked = {urlsplit(address) for address in _lab.browser.requests()}
    assert {url.hostname for url in asked if url.scheme not in ("data", "blob")} <= {"127.0.0.1"}
