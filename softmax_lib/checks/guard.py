"""Runs a learner's function on one input: nothing that it does escapes, stays on, or goes on for ever.

An exception, `SystemExit` among them, is kept together with the learner's own line (only the notebook's stop
button passes through). What is printed is kept as well. The function works on copies; NumPy's settings, the
filter of warnings and the states of the random generators are put back. An endless answer is stopped after a
few seconds.
"""

import ast
import contextlib
import copy
import ctypes
import io
import linecache
import random
import signal
import sys
import sysconfig
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SECONDS = 5.0  # for all calls of one check together
_AGAIN = 0.02  # seconds between two attempts to stop an answer that swallows the first


class NeverEnds(BaseException):
    """Raised inside an answer that has used up its time; `except Exception` does not catch it."""


@dataclass
class Call:
    """What one call did: a value, or an error with the learner's line; what it printed; what it changed."""

    value: object = None
    error: BaseException | None = None
    line: tuple[int, str] | None = None  # number and text of the learner's own line that the error came from
    printed: str = ""
    arguments: tuple = ()  # the function's own copies of the arguments, as it left them
    changed: int | None = None  # position of an argument that the call changed

    @property
    def endless(self) -> bool:
        return isinstance(self.error, NeverEnds)


def call(function: Callable, args: tuple, *, seconds: float, names: tuple[str, ...] | None = None) -> Call:
    """Return what function(*args) does within so many seconds; args are copied; names: give them by name."""
    mine = tuple(copy_of(a) for a in args)
    tape = _Tape()
    out = Call(arguments=mine)
    try:
        with _prints_to(tape), _time_limit(seconds):
            out.value = function(**dict(zip(names, mine, strict=True))) if names else function(*mine)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a learner's `exit()` must not end the notebook
        out.error, out.line = error, _learners_line(error)
    out.printed = tape.getvalue()
    out.changed = next((i for i, (a, b) in enumerate(zip(args, mine, strict=True)) if _differs(a, b)), None)
    return out


def message_of(error: BaseException) -> str:
    """Return an error's message; one of the learner's own making may fail even at that."""
    try:
        return str(error)
    except Exception:
        return ""


def copy_of(value: object) -> object:
    """Return a copy that shares no memory with value: arrays, tensors, or anything that `deepcopy` takes."""
    return value.copy() if isinstance(value, np.ndarray) else copy.deepcopy(value)


def _differs(before: object, after: object) -> bool:
    """Return True where an array or tensor was changed, by more than the rounding of + h and then - h."""
    if not hasattr(before, "shape") or not hasattr(before, "dtype"):
        return False
    before, after = np.asarray(before), np.asarray(after)
    if before.shape != after.shape:
        return True
    if before.dtype.kind != "f":
        return not np.array_equal(before, after)
    rounding = 16 * np.finfo(before.dtype).eps * np.abs(before).max(initial=0.0)
    return not np.allclose(before, after, rtol=0, atol=rounding, equal_nan=True)


@contextlib.contextmanager
def settings_kept() -> Iterator[None]:
    """Seed the global random generators, silence NumPy's warnings, and put everything back at the end."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    try:
        with np.errstate(all="ignore"), np.printoptions(), warnings.catch_warnings(), _torch_settings_kept():
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


@contextlib.contextmanager
def _torch_settings_kept() -> Iterator[None]:
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    state, threads, dtype = torch.random.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype()
    torch.random.default_generator.manual_seed(0)
    torch.set_num_threads(1)  # the tensors are tiny; threads would only wait for each other
    try:
        with torch.set_grad_enabled(torch.is_grad_enabled()):
            yield
    finally:
        torch.random.set_rng_state(state)
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)


@contextlib.contextmanager
def _prints_to(tape: io.StringIO) -> Iterator[None]:
    """Keep what is printed or shown with `display`; drop what goes to the error stream."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    with contextlib.redirect_stdout(tape), contextlib.redirect_stderr(io.StringIO()):
        if shell is None:
            yield
            return
        usual, shell.display_pub = shell.display_pub, CapturedDisplays(tape)
        try:
            yield
        finally:
            shell.display_pub = usual


class CapturedDisplays:
    """Stands in for IPython's display publisher and writes the text form of what is shown."""

    is_publishing = False

    def __init__(self, tape: io.StringIO):
        self.tape = tape

    def publish(self, data: dict, *args: object, **kwargs: object) -> None:
        self.tape.write(str(data.get("text/plain", "")) + "\n")

    def clear_output(self, wait: bool = False) -> None:
        pass


class _Tape(io.StringIO):
    """Keeps the first few thousand characters that are printed, however many more come."""

    def write(self, text: str) -> int:
        if self.tell() < 4000:
            super().write(text[:4000])
        return len(text)


# ----------------------------------------------------------------------------------------- the learner's line
_LIBRARIES = (
    str(Path(__file__).parents[1]),
    *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")},
    "<frozen",
    "<__array_function__",
)


def _learners_line(error: BaseException) -> tuple[int, str] | None:
    """Return (number, text) of the deepest line that is the learner's, not a library's or this package's.

    Of an endless answer, return the outermost loop instead: where in it the time ran out is an accident.
    """
    lines = [
        (number, frame.f_code.co_filename)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(_LIBRARIES)
        and "site-packages" not in frame.f_code.co_filename
    ]
    if not lines:
        return None
    number, filename = lines[-1]
    if isinstance(error, NeverEnds):
        number, filename = lines[0]
        number = _loop_around(number, "".join(linecache.getlines(filename)))
    return number, linecache.getline(filename, number).strip()


def _loop_around(number: int, source: str) -> int:
    """Return the line where the outermost loop around a line begins; the line itself where there is none."""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError):
        for node in ast.walk(ast.parse(source)):  # outer nodes come before inner ones
            if isinstance(node, ast.While | ast.For) and node.lineno <= number <= node.end_lineno:
                return node.lineno
    return number


# --------------------------------------------------------------------------------------------- the time limit
def _time_limit(seconds: float) -> contextlib.AbstractContextManager:
    """Return a context that raises NeverEnds in its block after so many seconds, again if need be."""
    in_main = threading.current_thread() is threading.main_thread()
    return _by_signal(seconds) if in_main and hasattr(signal, "setitimer") else _by_thread(seconds)


@contextlib.contextmanager
def _by_signal(seconds: float) -> Iterator[None]:
    """The time limit in the main thread of Linux and macOS; it wakes `time.sleep` and `input` too.

    A bare `except:` inside the learner's loop swallows NeverEnds, so it is raised again a few microseconds
    later, at moments that vary: soon one falls outside the `try`.
    """
    running, moments = True, random.Random(0)

    def strike(signum, frame):
        if running and not _is_ours(frame):
            signal.setitimer(signal.ITIMER_REAL, moments.uniform(5e-6, 1e-4), _AGAIN)
            raise NeverEnds

    old_handler = signal.signal(signal.SIGALRM, strike)
    old_left, old_interval = signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3), _AGAIN)
    started = time.monotonic()
    try:
        yield
    finally:
        running = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old_handler)
        if old_left:  # someone else's alarm goes on where it was
            left = max(old_left - (time.monotonic() - started), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left, old_interval)


@contextlib.contextmanager
def _by_thread(seconds: float) -> Iterator[None]:
    """The time limit on Windows and outside the main thread: a second thread raises NeverEnds in this one.

    It reaches running Python code, not a call that waits inside C (`time.sleep` is stopped once it returns).
    """
    target = ctypes.c_ulong(threading.get_ident())
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    done, lock = threading.Event(), threading.Lock()

    def watch():
        wait = seconds
        for _ in range(3000):
            if done.wait(wait):
                return
            with lock:
                if not done.is_set() and not _is_ours(sys._current_frames().get(target.value)):
                    raise_in(target, ctypes.py_object(NeverEnds))
            wait = 1e-3

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        while not done.is_set():
            with contextlib.suppress(NeverEnds), lock:  # one that arrives just now comes too late to count
                done.set()
        raise_in(target, None)


def _is_ours(frame: object) -> bool:
    """Return True where the thread is in the checks' own bookkeeping, which must run to its end.

    contextlib and threading count as ours where we called them, not where the answer did.
    """
    innermost = frame
    while frame is not None and frame.f_code.co_filename in (contextlib.__file__, threading.__file__):
        frame = frame.f_back
    return frame is None or (
        frame.f_code.co_filename == __file__ and not (frame is innermost and frame.f_code is call.__code__)
    )
