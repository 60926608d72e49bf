"""What every widget shares: a live view where a kernel answers, and a figure and a sentence everywhere.

To add a widget, write a subclass of `Interactive` with three methods, and a line in ``_HOMES`` of the
package:

- ``draw(figure)``: the present state on an empty Matplotlib figure, with `softmax_lib.plots` where it can;
- ``sentence()``: the same in words, for those who cannot see it;
- ``build()``: the live view, an ipywidgets widget.  It is called once, when the widget is first shown.

The state lives in plain attributes of the subclass.  What the reader moves changes the state, then the live
view.  Callbacks are given to `Interactive.watch` and `Interactive.hear`, so that `close` can take every one
of them away.
"""

import base64
import io
import os
from collections.abc import Callable
from importlib import resources, util
from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"
# {id of a cell: (its last run, what that run showed)}
_shown: dict[str, tuple[str, list["Interactive"]]] = {}


class Interactive:
    """A widget that is a live view, a figure and a sentence at once; see this module's first lines.

    In a kernel, ending a cell with it shows the live view.  With ``SOFTMAX_LIB_WIDGETS=static`` in the
    environment, where ipywidgets is missing, and once it is closed, the figure and the sentence alone are
    shown.
    """

    size = (6.0, 3.0)  # of the figure, in inches
    requires: tuple[str, ...] = ("ipywidgets",)

    def __init__(self) -> None:
        self._view: Any = None
        self._undo: list[Callable[[], None]] = []  # takes each callback away
        self.closed = False

    # What a subclass writes -------------------------------------------------------------------------------

    def draw(self, figure: Any) -> None:
        """Draw the present state on an empty Matplotlib figure."""
        raise NotImplementedError

    def sentence(self) -> str:
        """Return the present state in words: one or two sentences."""
        raise NotImplementedError

    def build(self) -> Any:
        """Return the live view, an ipywidgets widget."""
        raise NotImplementedError

    # What all share ---------------------------------------------------------------------------------------

    @property
    def view(self) -> Any:
        """The live view; made when it is first asked for.  RuntimeError once the widget is closed."""
        if self.closed:
            raise RuntimeError(f"this {type(self).__name__} is closed; make a new one")
        if self._view is None:
            self._view = self.build()
        return self._view

    def watch(self, widget: Any, callback: Callable, names: Any = "value") -> None:
        """Call ``callback(change)`` when one of the widget's traits changes, until `close`."""
        widget.observe(callback, names)
        self._undo.append(lambda: widget.unobserve(callback, names))

    def hear(self, register: Callable, callback: Callable) -> None:
        """Call ``callback`` for what ``register`` tells, until `close`: a widget's `on_click` or `on_msg`."""
        register(callback)
        self._undo.append(lambda: register(callback, remove=True))

    def close(self) -> None:
        """Take the live view away with all its parts; no callback comes after this.  Twice does no harm."""
        self.closed = True
        while self._undo:
            self._undo.pop()()
        if self._view is not None:
            _close_with_parts(self._view)
            self._view = None

    def png(self) -> bytes:
        """Return the present state as a PNG picture; the same bytes for the same state."""
        from matplotlib.figure import Figure  # not pyplot: nothing is left open

        figure = Figure(figsize=self.size, layout="constrained")
        self.draw(figure)
        file = io.BytesIO()
        figure.savefig(file, dpi=100, metadata={"Software": None})
        return file.getvalue()

    def __repr__(self) -> str:
        return self.sentence()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        png = base64.b64encode(self.png()).decode()
        bundle: dict[str, Any] = {"text/plain": self.sentence(), "image/png": png}
        if self.closed or os.environ.get("SOFTMAX_LIB_WIDGETS") == "static" or _kernel() is None:
            return bundle
        missing = [name for name in self.requires if util.find_spec(name) is None]
        if missing:
            note = f"To play with it, install {' and '.join(missing)} (pip install {' '.join(missing)})"
            note += " and restart the kernel. This is its figure:"
            bundle["text/plain"] += f"\n{note}"
            picture = f'<img alt="{type(self).__name__}" src="data:image/png;base64,{png}">'
            bundle["text/html"] = f"<p>{note}</p>{picture}"
            return bundle
        _close_what_the_last_run_showed(self)
        bundle[VIEW] = {"version_major": 2, "version_minor": 0, "model_id": self.view.model_id}
        return bundle


def script(name: str) -> str:
    """Return the text of ``static/name``, a widget's hand-written JavaScript module or style sheet."""
    return resources.files(__package__).joinpath("static", name).read_text("utf-8")


def canvas(name: str, state: dict[str, Any]) -> Any:
    """Return a view that ``static/name.js`` draws and listens for, for what needs a pointer; uses anywidget.

    It has two dictionaries, in which bytes may stand for pixels: ``state``, written here and shown on the
    page, and ``input``, written on the page.  Short messages come to ``on_msg``.
    """
    import anywidget
    import traitlets

    class Canvas(anywidget.AnyWidget):
        _esm = script(f"{name}.js")
        _css = script("canvas.css")
        state = traitlets.Dict().tag(sync=True)
        input = traitlets.Dict().tag(sync=True)

    return Canvas(state=state)


def _kernel() -> Any:
    """The notebook's shell; None in a terminal or a script."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    return shell if hasattr(shell, "kernel") else None


def _close_what_the_last_run_showed(widget: Interactive) -> None:
    """A cell that is run again would leave its old widget behind: unseen, but alive in the kernel."""
    message = _kernel().get_parent()
    cell = message.get("metadata", {}).get("cellId")
    if cell is None:
        return
    run = message["header"]["msg_id"]
    last_run, shown = _shown.get(cell, (run, []))
    if last_run != run:
        for old in shown:
            if old is not widget:
                old.close()
        shown = []
    _shown[cell] = (run, [*shown, widget])


def _close_with_parts(view: Any) -> None:
    """Close a widget and all that it is made of: the front end's copies are dropped as well."""
    for part in getattr(view, "children", ()):
        _close_with_parts(part)
    for name in ("layout", "style"):
        part = getattr(view, name, None)
        if part is not None and hasattr(part, "close"):
            part.close()
    view.close()
