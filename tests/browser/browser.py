"""A browser and a JupyterLab for tests: what a person would do, as Python calls.  For conftest.py beside it.

lab.open("import softmax_lib", "1 + 1")          # a new notebook of these cells, in the browser
lab.run_all()
lab.browser.on(".my-button").click()             # any method of Playwright's locators, page, mouse, keyboard
"""

import json
import os
import queue
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

HERE = Path(__file__).resolve().parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 30  # seconds that a step may take before it counts as failed


def find_browser():
    """The path of a Chromium, the one named in SOFTMAX_LIB_CHROMIUM or one on the PATH; or None."""
    return os.environ.get("SOFTMAX_LIB_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def what_is_missing():
    """One sentence about what these tests lack on this machine; an empty one if they can run."""
    lacking = []
    if not find_browser():
        lacking.append("no Chromium (Debian and Ubuntu: apt install chromium)")
    if not shutil.which("node"):
        lacking.append("no node (apt install nodejs npm)")
    elif not (HERE / "node_modules" / "playwright-core").is_dir():
        lacking.append("no playwright-core (make test-browser installs it)")
    return "browser tests need a browser: " + ", ".join(lacking) if lacking else ""


class Target:
    """Something in the browser: calls of any name are passed on to Playwright (`boundingBox`, `click`, …)."""

    def __init__(self, browser, on):
        self.browser, self.name = browser, on

    def __getattr__(self, method):
        return lambda *given: self.browser.ask(self.name, method, *given)


class Browser:
    """A Chromium with one page, driven through driver.mjs."""

    def __init__(self):
        command = ["node", "driver.mjs", find_browser(), str(PATIENCE * 1000)]
        self.process = subprocess.Popen(
            command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.answers = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.page, self.mouse, self.keyboard = (self.on(name) for name in ("page", "mouse", "keyboard"))

    def _read(self):
        for line in self.process.stdout:
            self.answers.put(json.loads(line))
        self.answers.put({"error": "the browser has ended"})

    def on(self, selector):
        """The element that the selector finds (CSS, or Playwright's `text=…`, `role=…`)."""
        return Target(self, selector)

    def ask(self, on, method, *given):
        self.process.stdin.write(json.dumps({"on": on, "do": method, "with": given}) + "\n")
        self.process.stdin.flush()
        try:
            answer = self.answers.get(timeout=3 * PATIENCE)
        except queue.Empty:
            raise TimeoutError(f"no answer from the browser to {method} on {on}") from None
        if "error" in answer:
            raise AssertionError(f"{method} on {on}: {answer['error']}")
        return answer["value"]

    def until(self, condition, what, patience=PATIENCE):
        """Wait until `condition()` is true and return it; AssertionError saying `what` was waited for."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            result = condition()
            if result:
                return result
            time.sleep(0.05)
        raise AssertionError(f"after {patience} s still not: {what}")

    def drag(self, *points, steps=8):
        """Press the mouse at the first point (x, y), move through the others, let go at the last."""
        self.mouse.move(*points[0])
        self.mouse.down()
        for x, y in points[1:]:
            self.mouse.move(x, y, {"steps": steps})
        self.mouse.up()

    def download(self, selector, path):
        """Click, and save the file that comes; returns the name that the page gave it."""
        return self.ask("download", selector, str(path))

    def errors(self):
        """What the page has written to its console as errors, and what it threw."""
        return self.ask("seen", "")["errors"]

    def requests(self):
        """The addresses that the page has asked for."""
        return self.ask("seen", "")["requests"]

    def forget(self):
        """Empty both lists."""
        self.ask("forget", "")

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Server:
    """A JupyterLab on 127.0.0.1 with configuration, data and notebooks in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder / "notebooks"
        self.folder.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.token = secrets.token_hex(16)
        places = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
        labconfig = folder / "config" / "labconfig"
        labconfig.mkdir(parents=True)
        (labconfig / "page_config.json").write_text(
            json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}})
        )
        # every cell is in the page, also those out of sight
        (labconfig / "default_setting_overrides.json").write_text(
            json.dumps({"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}})
        )
        environment = {**os.environ, **places, "IPYTHONDIR": str(folder / "ipython"), "OMP_NUM_THREADS": "2"}
        environment["JUPYTERLAB_SETTINGS_DIR"] = str(folder / "settings")
        environment["JUPYTERLAB_WORKSPACES_DIR"] = str(folder / "workspaces")
        environment.pop("SOFTMAX_LIB_WIDGETS", None)  # these tests want the live ones
        environment.pop("SOFTMAX_LIB_PROGRESS", None)
        command = [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--ip=127.0.0.1",
            f"--port={self.port}",
        ]
        command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}", "--allow-root"]
        command += ["--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate"]
        self.log = folder / "jupyter.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        self._wait()

    def _wait(self):
        address = f"http://127.0.0.1:{self.port}/api/status?token={self.token}"
        for _ in range(600):
            try:
                urllib.request.urlopen(address, timeout=5).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        self.close()
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()[-3000:]}")

    def address(self, name):
        return f"http://127.0.0.1:{self.port}/lab/tree/{name}?token={self.token}&reset"

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Lab:
    """One JupyterLab in one browser."""

    def __init__(self, folder, screenshots):
        self.server, self.screenshots, self.count = Server(folder), screenshots, 0
        try:
            self.browser = Browser()
        except BaseException:
            self.server.close()
            raise

    def open(self, *cells, name=None):
        """Open a new notebook of these code cells in the browser, and wait until its kernel is ready."""
        self.count += 1
        self.name = name or f"notebook-{self.count}.ipynb"
        notebook = new_notebook(cells=[new_code_cell(source) for source in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
        nbformat.write(notebook, self.server.folder / self.name)
        self.browser.page.goto(self.server.address(self.name))
        self.wait_until_idle()

    def open_copy_of(self, path):
        """Open a copy of a notebook that exists."""
        self.name = Path(path).name
        shutil.copy(path, self.server.folder / self.name)
        self.browser.page.goto(self.server.address(self.name))
        self.wait_until_idle()

    def wait_until_idle(self):
        """Wait until the status bar says that the kernel is idle: earlier clicks are lost."""
        self.browser.on("text=Python 3 (ipykernel) | Idle").waitFor({"timeout": 2 * PATIENCE * 1000})

    def menu(self, *names):
        """Open a menu and choose from it: `menu("Run", "Run All Cells")`."""
        bar, *items = names
        self.browser.on(f'.lm-MenuBar-item:has-text("{bar}")').click()
        for item in items:
            self.browser.on(f'.lm-Menu-item:visible:has-text("{item}") >> nth=0').click()

    def run_all(self, patience=PATIENCE):
        """Run > Run All Cells, and wait until every code cell has its number."""
        self.menu("Run", "Run All Cells")
        self.wait_until_run(patience)

    def wait_until_run(self, patience=PATIENCE):
        prompts = (
            "() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(p => p.textContent)"
        )

        def all_have_numbers():
            return all(re.search(r"\[\d+\]", text) for text in self.browser.page.evaluate(prompts))

        self.browser.until(all_have_numbers, "all cells have run", patience)

    def restart(self):
        """Kernel > Restart Kernel…, confirmed as a person does; the outputs stay."""
        self.menu("Kernel", "Restart Kernel…")
        self.browser.on(".jp-Dialog .jp-mod-accept").click()
        self.wait_until_idle()

    def restart_and_run_all(self, patience=PATIENCE):
        """Kernel > Restart Kernel and Run All Cells…, confirmed as a person does."""
        self.menu("Kernel", "Restart Kernel and Run All Cells")
        self.browser.on(".jp-Dialog .jp-mod-accept").click()
        time.sleep(1)  # the old numbers go first
        self.wait_until_run(patience)

    def run_cell(self, number, source=None):
        """Click into the code cell of this number (from 0), write `source` if given, and press Ctrl-Enter."""
        editor = f".jp-CodeCell >> nth={number} >> .cm-content"
        self.browser.on(editor).click()
        if source is not None:
            self.browser.on(editor).fill(source)
        self.browser.keyboard.press("Control+Enter")
        self.wait_until_run()

    def output(self, number):
        """The text of the outputs of the code cell of this number (from 0)."""
        return self.browser.on(f".jp-CodeCell >> nth={number} >> .jp-Cell-outputArea").innerText()

    def save(self):
        """Save the notebook with Ctrl-S and return what was written."""
        self.menu("File", "Save Notebook")
        time.sleep(1)
        return nbformat.read(self.server.folder / self.name, as_version=4)

    def reload(self):
        """Reload the page, as with F5, and wait for the kernel."""
        self.browser.page.goto(self.server.address(self.name).removesuffix("&reset"))
        self.wait_until_idle()

    def screenshot(self, name, selector=None):
        """A picture of the page, or of one element, for a person to look at; in tests/browser/screenshots."""
        self.screenshots.mkdir(exist_ok=True)
        target = self.browser.on(selector) if selector else self.browser.page
        target.screenshot({"path": str(self.screenshots / f"{name}.png")})

    def close(self):
        self.browser.close()
        self.server.close()
