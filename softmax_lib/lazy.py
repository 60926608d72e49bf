"""Names of a package that are loaded when they are first used.  ``checks`` and ``widgets`` are made so."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module


def lazily(package: str, homes: Mapping[str, Sequence[str]], what: str) -> tuple[Callable, Callable, list]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package (PEP 562), in this order.

    homes: {module of the package: the names that it holds}.  what: how a message calls such a name.
    """
    home_of = {name: home for home, names in homes.items() for name in names}
    everything = sorted(home_of)

    def __getattr__(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"there is no {what} named {name!r}; there are {', '.join(everything)}")
        return getattr(import_module(f"{package}.{home_of[name]}"), name)

    return __getattr__, lambda: everything, everything
