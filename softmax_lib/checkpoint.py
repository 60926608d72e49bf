"""Files that hold a network or a whole run: written atomically, checked when read.  Introduced by notebook 7.

A model file holds the parameters (a plain state dict); a checkpoint holds all that a run needs to go on: the
model, the optimizer, the schedule, and what the caller adds.  Both are PyTorch files, so
``torch.load(path, weights_only=True)`` reads them anywhere.  Their last 64 bytes are the SHA-256 of all bytes
before them (in the comment that a zip file may end with), so any changed byte is found here.
"""

import contextlib
import copy
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

FORMAT = "softmax_lib checkpoint 1"
_SUM_TAG = b"sha256 "  # the zip comment: this, then 64 hexadecimal digits


class CheckpointError(ValueError):
    """A file that can't be used: missing, damaged, something else, or of another model or run."""


class _MissingError(CheckpointError, FileNotFoundError):
    """There is no such file: for callers that look for a FileNotFoundError."""


# ---------------------------------------------------------------------------------------------------- writing


@contextlib.contextmanager
def written_atomically(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; renamed to ``path`` at the end, removed on an error.

    So ``path`` holds either the old file or the whole new one, never a part.  The temporary name is fixed
    (``model.pt.partial``): one that a killed process left is overwritten by the next.
    """
    path = Path(os.path.expanduser(path))
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before the name changes
        os.replace(partial, path)
        _fsync_folder(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise type(error)(
                f"{path} can't be written ({error.strerror or error}). Make room, or choose another folder"
            ) from error
        raise


def _fsync_folder(folder: Path) -> None:
    """Put the new name on the disk too, where a system allows it (Windows doesn't)."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def save_model(model: nn.Module, path: str | Path) -> None:
    """Write the model's parameters to ``path``, all or nothing.  Raises OSError if that can't be done."""
    _write({name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}, path)


def save_checkpoint(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    path: str | Path,
    *,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    **extra: object,
) -> None:
    """Write all that a training loop needs to go on to ``path``, all or nothing.

    extra: what ``load_checkpoint`` is to return: numbers, text, tensors, and lists, tuples and dicts of them,
    such as ``epoch=3, generator=torch.get_rng_state()``.

    Raises TypeError for other values, before anything is written, and OSError if the file can't be written;
    an older file under this name then stays as it is.
    """
    state = {
        "format": FORMAT,
        "model": model.state_dict(),
        **optimizer_state(optimizer, scheduler),
        "extra": extra,
    }
    _write(_plain(state, "checkpoint"), path)


def optimizer_state(optimizer, scheduler=None) -> dict:
    """The states of both, each with the name of its kind, so that another kind is told when it is loaded."""
    return {
        "optimizer": {"name": type(optimizer).__name__, **optimizer.state_dict()},
        "scheduler": scheduler and {"name": type(scheduler).__name__, **scheduler.state_dict()},
    }


def _plain(value, name: str):
    """The value with tensors on the CPU and NumPy's numbers as Python's; TypeError for what can't be read."""
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {_plain(key, name): _plain(item, f"{name}[{key!r}]") for key, item in value.items()}
    if isinstance(value, tuple | list):
        items = [_plain(item, f"{name}[{i}]") for i, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    if value is None or type(value) in (bool, int, float, str, bytes):
        return value
    raise TypeError(
        f"{name} is a {type(value).__name__}; a checkpoint holds numbers, text, tensors, and lists, tuples "
        "and dicts of them, because anything else could run code when it is read"
    )


def _write(state: dict, path: str | Path) -> None:
    content = io.BytesIO()  # torch.save answers a full disk with a RuntimeError about its insides
    torch.save(state, content)
    with written_atomically(path) as partial:
        partial.write_bytes(_with_sum(content.getvalue()))


def _with_sum(archive: bytes) -> bytes:
    """The zip file with a comment at its end: the SHA-256 of everything before the digits."""
    length = len(_SUM_TAG) + 64
    content = archive[:-2] + length.to_bytes(2, "little") + _SUM_TAG  # a zip file ends: length, comment
    return content + hashlib.sha256(content).hexdigest().encode("ascii")


# ---------------------------------------------------------------------------------------------------- reading


def load_model(model: nn.Module, path: str | Path) -> nn.Module:
    """The model, with the parameters of the file ``path`` (a state dict, or a checkpoint).

    Raises CheckpointError (a ValueError) if there is no such file, or if it is damaged, is something else, or
    holds another architecture; then the model is unchanged and the differing shapes are listed.  Nothing
    but tensors is ever unpickled.
    """
    state, path = _read(path, "model file")
    if isinstance(state, dict) and state.get("format") == FORMAT:
        state = state["model"]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(
            f"{path} holds {type(state).__name__} data, not a state dict (names and tensors)"
        )
    _refuse(path, "another architecture", _shape_differences(model, state))
    model.load_state_dict(state)
    return model


def load_checkpoint(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    path: str | Path,
    *,
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
) -> dict:
    """Put model, optimizer and scheduler in the state that ``save_checkpoint`` wrote; what it got as extra.

    Raises CheckpointError (a ValueError) if the file is missing, damaged or something else, or if it belongs
    to another architecture, optimizer or schedule; then nothing is changed, and what differs is listed.
    Nothing but tensors and plain values is ever unpickled.
    """
    state = read_checkpoint(path)
    restore(state, path, model, optimizer, scheduler)
    return state["extra"]


def read_checkpoint(path: str | Path) -> dict:
    """The content of a checkpoint, verified: "model", "optimizer", "scheduler" and "extra"."""
    state, path = _read(path, "checkpoint")
    parts = {"format", "model", "optimizer", "scheduler", "extra"}
    if not isinstance(state, dict) or state.get("format") != FORMAT or state.keys() != parts:
        kind = "a model file: load_model reads it" if _is_state_dict(state) else "something else"
        raise CheckpointError(f"{path} is not a checkpoint as save_checkpoint writes it, but {kind}")
    return state


def restore(state: dict, source: object, model, optimizer, scheduler=None) -> None:
    """Load the content of a checkpoint (``model=None``: not the weights); or CheckpointError, unchanged."""
    if model is not None:
        _refuse(source, "another architecture", _shape_differences(model, state["model"], dtypes=True))
    differences = _optimizer_differences(optimizer, state["optimizer"])
    found, own = (state["scheduler"] or {}).get("name"), scheduler and type(scheduler).__name__
    if found != own:
        differences.append(f"schedule: expected {own or 'none'}, found {found or 'none'}")
    elif own and (keys := scheduler.state_dict().keys() ^ (state["scheduler"].keys() - {"name"})):
        differences.append(f"fields of the schedule: {', '.join(sorted(keys))}")
    _refuse(source, "the state of another optimizer", differences)
    if model is not None:
        model.load_state_dict(state["model"])
    saved = state["optimizer"]
    as_here = [  # how the update is computed, not what it is: that depends on the device
        {**theirs, **{name: own[name] for name in ("fused", "foreach") if name in own}}
        for theirs, own in zip(saved["param_groups"], optimizer.param_groups, strict=True)
    ]
    # a copy, because load_state_dict keeps the tensors themselves
    optimizer.load_state_dict(copy.deepcopy({"state": saved["state"], "param_groups": as_here}))
    if scheduler is not None:
        scheduler.load_state_dict({k: v for k, v in state["scheduler"].items() if k != "name"})


def _optimizer_differences(optimizer: torch.optim.Optimizer, saved: dict) -> list[str]:
    """What keeps the saved state from fitting: another kind, other fields, other shapes."""
    name = type(optimizer).__name__
    fields = sorted({field for state in saved["state"].values() for field in state})
    if saved["name"] != name:
        return [f"optimizer: expected {name}, found {saved['name']} with {', '.join(fields) or 'no state'}"]
    groups = optimizer.param_groups
    sizes, found = ([len(group["params"]) for group in every] for every in (groups, saved["param_groups"]))
    if sizes != found:
        return [f"numbers of parameters: expected {sizes}, found {found}"]
    differences = [
        f"field {field} of the optimizer: expected {'one' if field in own else 'none'}"
        for own, theirs in zip(groups, saved["param_groups"], strict=True)
        for field in sorted(own.keys() ^ theirs.keys())
    ]
    parameters = [parameter for group in groups for parameter in group["params"]]
    indices = [index for group in saved["param_groups"] for index in group["params"]]
    if indices != list(range(len(parameters))) or not saved["state"].keys() <= set(indices):
        return [*differences, "numbering of the parameters"]
    for index, state in saved["state"].items():
        shape = tuple(parameters[index].shape)
        differences += [
            f"{field} of parameter {index}: expected {shape}, found {tuple(value.shape)}"
            for field, value in state.items()
            if isinstance(value, Tensor) and tuple(value.shape) != (() if field == "step" else shape)
        ]
    return differences


def _read(path: str | Path, kind: str) -> tuple[object, Path]:
    """What the file holds, its checksum verified."""
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        example = "model.pt" if kind == "model file" else "checkpoint.pt"
        problem = f"is a folder; give the {example} in it" if path.is_dir() else "does not exist"
        raise _MissingError(f"{path} {problem}. python -m softmax_lib train writes a {example}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path} can't be read as a {kind}: {error.strerror or error}. Make it readable, or give another"
        ) from None
    try:
        problem = _damage(content)
        if not problem:
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True), path
    except Exception:  # torch's own message may advise weights_only=False, which would run a stranger's code
        problem = "it is damaged, or holds more than tensors and plain values"
    raise CheckpointError(
        f"{path} ({len(content):,} bytes) can't be read as a {kind}: {problem}. "
        "Take an older copy, or train again"
    )


def _damage(content: bytes) -> str:
    """What is wrong with the bytes of a file; "" if nothing is."""
    if not content:
        return "it is empty"
    if content[:512].lstrip().startswith(b"<"):
        return "it is a web page (HTML), saved under this name"
    if not content.startswith(b"PK"):
        return "it is something else, not a file of PyTorch"
    if content[-22:-18] == b"PK\5\6" and content[-2:] == b"\0\0":
        # no comment, so not written here: a state dict by torch.save, which has CRCs that torch skips
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return "it is damaged" if archive.testzip() is not None else ""
    body, digits = content[:-64], content[-64:]
    if not body.endswith(_SUM_TAG) or hashlib.sha256(body).hexdigest().encode("ascii") != digits:
        return "it was changed or cut short after it was written (its checksum says so)"
    return ""


def _is_state_dict(state: object) -> bool:
    return isinstance(state, dict) and all(isinstance(value, Tensor) for value in state.values())


def _shape_differences(model: nn.Module, state: dict, dtypes: bool = False) -> list[str]:
    def describe(tensor) -> str:
        if not isinstance(tensor, Tensor):
            return "nothing" if tensor is None else type(tensor).__name__
        dtype = str(tensor.dtype).removeprefix("torch.")
        return f"{tuple(tensor.shape)} {dtype}" if dtypes else f"{tuple(tensor.shape)}"

    wanted = model.state_dict()
    return [
        f"{name}: expected {describe(wanted.get(name))}, found {describe(state.get(name))}"
        for name in sorted(wanted.keys() | state.keys(), key=str)
        if describe(wanted.get(name)) != describe(state.get(name))
    ]


def _refuse(source: object, what: str, differences: list[str]) -> None:
    if differences:
        raise CheckpointError(f"{source} holds {what}; {'; '.join(differences)}")
