"""Model files: the parameters of a network, written atomically and read safely.  Introduced by notebook 7.

A model file is a plain PyTorch state dict: ``torch.load(path, weights_only=True)`` reads it anywhere.
"""

import contextlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn


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
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise type(error)(
                f"{path} can't be written ({error.strerror or error}). Make room, or choose another folder"
            ) from error
        raise


def save_model(model: nn.Module, path: str | Path) -> None:
    """Write the model's parameters to ``path``, all or nothing.  Raises OSError if that can't be done."""
    state = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    content = io.BytesIO()  # torch.save answers a full disk with a RuntimeError about its insides
    torch.save(state, content)
    with written_atomically(path) as partial:
        partial.write_bytes(content.getbuffer())


def load_model(model: nn.Module, path: str | Path) -> nn.Module:
    """The model, with the parameters of the file ``path`` (a state dict).

    Raises FileNotFoundError if there is no such file, and ValueError if it is damaged, is something else,
    or holds another architecture; then the model is unchanged and the differing shapes are listed.
    Nothing but tensors is ever unpickled.
    """
    path = Path(os.path.expanduser(path))
    if not path.is_file():
        problem = "is a folder; give the model.pt in it" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{path} {problem}. python -m softmax_lib train writes a model.pt")
    try:
        with zipfile.ZipFile(
            path
        ) as archive:  # what torch.save writes is a zip file; torch.load skips its CRCs
            if archive.testzip() is not None:
                raise zipfile.BadZipFile
        state = torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError:
        raise
    except Exception:  # torch's own message may advise weights_only=False, which would run a stranger's code
        raise ValueError(
            f"{path} ({path.stat().st_size:,} bytes) can't be read as a model file: it is damaged, cut short "
            "or something else. Expected a state dict as softmax_lib writes it; train again, or get it again"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"{path} holds {type(state).__name__} data, not a state dict (names and tensors)")
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    differences = [
        f"{name}: expected {wanted.get(name, 'nothing')}, found {found.get(name, 'nothing')}"
        for name in sorted(wanted | found, key=str)
        if wanted.get(name) != found.get(name)
    ]
    if differences:
        raise ValueError(f"{path} holds another architecture; " + "; ".join(differences))
    model.load_state_dict(state)
    return model
