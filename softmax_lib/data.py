"""MNIST in memory, batches of it, and a root folder for torchvision.  Introduced by notebook 6.

The full data set is part of this package (``mnist/``: licence, authors, checksums), so nothing here needs a
network.  Importing this module has one effect, the only one of its kind in the library: it lets
``import torchvision`` work where a CUDA build of torchvision stands beside a CPU build of torch
(``_let_torchvision_import`` says why).  So import ``softmax_lib.data`` before ``torchvision``.
"""

import contextlib
import hashlib
import importlib.util
import math
import os
import re
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from numbers import Integral  # int, and NumPy's integers
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

NUM_CLASSES = 10
FILE_NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


# ---------------------------------------------------------------------------------------------------- splits


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Images and their labels, checked once, when the split is made.

    images: uint8 tensor (N, H, W), grey levels 0-255.  labels: int64 tensor (N,), each in [0, 10).
    Raises TypeError or ValueError for anything else, and names what came.

    >>> Split(torch.zeros(3, 28, 28, dtype=torch.uint8), torch.tensor([5, 0, 4]))
    Split(3 images of 28 x 28)
    """

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if not isinstance(images, Tensor) or images.dtype != torch.uint8:
            raise TypeError(f"images must be a uint8 tensor of grey levels 0-255, not {_kind(images)}")
        if images.ndim != 3:
            raise ValueError(f"images must have the shape (N, height, width), not {tuple(images.shape)}")
        check_targets(labels, num_rows=len(images), num_classes=NUM_CLASSES)
        if labels.ndim != 1:
            raise ValueError(f"labels must have the shape (N,), not {tuple(labels.shape)}: labels.argmax(1)")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice | Tensor) -> "Split":
        """The split of these rows: ``mnist.train[:10_000]``, or a tensor of row numbers."""
        if not isinstance(rows, slice | Tensor):
            raise TypeError("a split is cut with a slice or a tensor; one image is split.images[i]")
        return Split(self.images[rows], self.labels[rows])

    def __repr__(self) -> str:
        return f"Split({len(self):,} images of {self.images.shape[1]} x {self.images.shape[2]})"

    def hold_out(self, amount: int | float, seed: int = 0) -> tuple["Split", "Split"]:
        """(the rest, the held-out part), drawn at random from the seed; both keep the original order.

        amount: a number of images (5000), or a fraction in (0, 1) of them (0.1).
        """
        count = round(amount * len(self)) if isinstance(amount, float) and amount <= 1 else amount
        if isinstance(count, float) and count.is_integer():
            count = int(count)
        if isinstance(count, bool) or not isinstance(count, Integral) or not 0 < count < len(self):
            raise ValueError(
                f"hold out a fraction in (0, 1) or 1 to {len(self) - 1} of {len(self)} images; not {amount!r}"
            )
        held_out = torch.zeros(len(self), dtype=torch.bool)
        held_out[torch.randperm(len(self), generator=seeded_generator(seed))[:count]] = True
        return self[~held_out], self[held_out]


class Mnist(NamedTuple):
    """A training and a test split: what :func:`load_mnist` returns."""

    train: Split
    test: Split


# --------------------------------------------------------------------------------------------------- targets


def check_targets(targets: object, *, num_rows: int, num_classes: int) -> None:
    """Nothing, if a loss may be computed with these targets; else an error that says what to write instead.

    targets: labels, an int64 tensor (N,) of class indices in [0, C); or soft targets, a float tensor (N, C)
    whose rows are probabilities.  torch would answer some wrong targets with a message about its insides,
    and others (-100, rows that don't sum to 1) with a number.
    """
    if not isinstance(targets, Tensor):
        raise TypeError(f"labels must be a torch tensor, not {_kind(targets)}: torch.as_tensor(labels)")
    shape, dtype = tuple(targets.shape), str(targets.dtype).removeprefix("torch.")
    found = f"found {dtype} of shape {shape}"
    expected = f"labels must be int64 of shape ({num_rows},), one class index a row; {found}"
    if num_rows == 0:
        raise ValueError("there are no rows: the batch or split is empty, and its mean loss would be nan")
    if shape == (num_rows, 1) and num_classes != 1:
        raise ValueError(f"{expected}. Drop the second axis: labels.squeeze(1).long()")
    if targets.ndim == 2 and shape == (num_rows, num_classes):
        if not targets.is_floating_point():
            raise TypeError(f"{expected}. These look like one-hot rows: use labels.argmax(1)")
        if not bool((targets >= 0).all()):
            raise ValueError("soft targets must not be negative: each row is a probability distribution")
        if not bool(((targets.sum(1) - 1).abs() < 1e-4).all()):
            worst = targets.sum(1)[(targets.sum(1) - 1).abs().argmax()].item()
            raise ValueError(f"each row of soft targets must sum to 1; one sums to {worst:.4f}")
        return
    if shape != (num_rows,):
        raise ValueError(f"{expected}")
    if targets.dtype != torch.int64:
        raise TypeError(f"{expected}. Convert them: labels.long()")
    low, high = targets.min().item(), targets.max().item()
    if low < 0 or high >= num_classes:
        wrong = low if low < 0 else high
        note = " (-100 is torch's 'ignore this row'; it is not used here)" if wrong == -100 else ""
        raise ValueError(
            f"labels must be class indices from 0 to {num_classes - 1}; found {wrong}{note}. "
            "Count classes from 0, and give the model one output a class"
        )


def _kind(value: object) -> str:
    """Words for what came: 'a float32 tensor of shape (3, 28, 28)', 'a list'."""
    if isinstance(value, Tensor | np.ndarray):
        dtype = str(value.dtype).removeprefix("torch.")
        name = "tensor" if isinstance(value, Tensor) else "NumPy array"
        return f"a {dtype} {name} of shape {tuple(value.shape)}"
    return f"a {type(value).__name__}"


# --------------------------------------------------------------------------------------------------- batches


def seeded_generator(*seed: int) -> torch.Generator:
    """A generator that depends on all of the numbers: ``seeded_generator(seed, epoch)``."""
    if any(isinstance(part, bool) or not isinstance(part, Integral) or part < 0 for part in seed):
        raise ValueError(f"a seed is a whole number, 0 or more; found {', '.join(map(repr, seed))}")
    return torch.Generator().manual_seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))


class Batches:
    """The batches of a split, straight from memory; iterate over it once an epoch.

    Each batch is a pair: images float32 (B, 1, H, W) in [0, 1], labels int64 (B,).  The last batch holds
    what is left over (938 batches of 64 for 60,000 images, the last of 32).

    The order of an epoch depends on ``(seed, epoch)`` alone.  An epoch counts when its last batch has been
    taken; looking at a batch (:meth:`peek`, ``next(iter(batches))``) or drawing random numbers elsewhere
    changes nothing.  ``device``: where the batches come out; the data are moved there once.

    >>> len(Batches(load_mnist().train, 64))
    938
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        device: str | torch.device = "cpu",
    ):
        if not isinstance(split, Split):
            raise TypeError(f"split must be a Split such as mnist.train, not {_kind(split)}")
        if isinstance(batch_size, bool) or not isinstance(batch_size, Integral) or batch_size < 1:
            raise ValueError(f"batch_size must be a whole number, 1 or more; found {batch_size!r}")
        seeded_generator(seed)  # refuses a bad seed now, not in the first epoch
        self.images = split.images.to(device)
        self.labels = split.labels.to(device)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Go to this epoch (0, 1, 2, …): the next iteration gives the batches in its order."""
        self.epoch = epoch

    def __len__(self) -> int:
        return math.ceil(len(self.labels) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return self.starting_at(0)

    def starting_at(self, first: int) -> Iterator[tuple[Tensor, Tensor]]:
        """This epoch's batches from number ``first`` on (0 is the whole epoch): an epoch taken up midway."""
        epoch = self.epoch
        order = self._order(epoch)
        for step in range(first, len(self)):
            yield self._batch(order, step)
        self.epoch = epoch + 1

    def peek(self) -> tuple[Tensor, Tensor]:
        """The first batch of the coming epoch; the epoch is not begun by it."""
        return self._batch(self._order(self.epoch), 0)

    def _order(self, epoch: int) -> Tensor | None:
        if not self.shuffle:
            return None
        order = torch.randperm(len(self.labels), generator=seeded_generator(self.seed, epoch))
        return order.to(self.labels.device)

    def _batch(self, order: Tensor | None, step: int) -> tuple[Tensor, Tensor]:
        rows = self._rows(step)
        if order is None:
            images, labels = self.images[rows], self.labels[rows]
        else:
            rows = order[rows]  # index_select is quicker than indexing with a tensor
            images, labels = self.images.index_select(0, rows), self.labels.index_select(0, rows)
        return images.unsqueeze(1).to(torch.float32).div_(255), labels

    def _rows(self, step: int) -> slice:
        start = step * self.batch_size
        return slice(start, min(start + self.batch_size, len(self.labels)))


# --------------------------------------------------------------------------------------------------- loading


def load_mnist(folder: str | Path | None = None) -> Mnist:
    """MNIST's training and test split, read straight into memory; nothing is downloaded or written.

    folder: None for the full MNIST set that comes with this package, compared with its SHA-256 sums each
    time.  Or a folder with idx files of ten classes under MNIST's four names, each ``.gz`` or raw
    (Fashion-MNIST's files have the same names).

    >>> mnist = load_mnist()
    >>> mnist.train
    Split(60,000 images of 28 x 28)

    Raises FileNotFoundError (a file is missing) or ValueError (damaged, cut short, not idx, labels outside
    0-9, images and labels that don't belong together); the message names the file.
    """
    read = _read_bundled if folder is None else _reader_of(Path(os.path.expanduser(folder)))
    return Mnist(*(_load_split(*names, read) for names in FILE_NAMES.values()))


def _load_split(images_name: str, labels_name: str, read) -> Split:
    images, images_path = read(images_name)
    labels, labels_path = read(labels_name)
    images = _parse_idx(images, images_path, axes=3)
    labels = _parse_idx(labels, labels_path, axes=1)
    if len(images) != len(labels):
        raise ValueError(
            f"{labels_path} holds {len(labels):,} labels, but {images_path} holds {len(images):,} images: "
            "they are not of the same split, or one file is not complete. Get both again from one source"
        )
    if len(labels) == 0:
        raise ValueError(f"{images_path} holds no images; expected at least one")
    if labels.max() >= NUM_CLASSES:
        row = int((labels >= NUM_CLASSES).argmax())
        raise ValueError(
            f"{labels_path}: labels must be from 0 to {NUM_CLASSES - 1}; number {row} is {labels[row]}. "
            "Only data sets of ten classes fit"
        )
    # np.frombuffer gives a read-only view of the file's bytes; torch wants memory of its own
    return Split(torch.from_numpy(images.copy()), torch.from_numpy(labels.astype(np.int64)))


def bundled_files() -> Iterator[tuple[resources.abc.Traversable, str]]:
    """The four .gz files of the package, each with the SHA-256 that it must have."""
    folder = resources.files("softmax_lib") / "mnist"
    for line in (folder / "SHA256SUMS").read_text("ascii").splitlines():
        sha256, name = line.split()
        yield folder / name, sha256


def _read_bundled(name: str) -> tuple[bytes, str]:
    path, expected = next((path, sha256) for path, sha256 in bundled_files() if path.name == f"{name}.gz")
    advice = "Install softmax_lib again, or restore the file in a clone: git checkout -- softmax_lib/mnist"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: this file of the package is missing. {advice}") from None
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise ValueError(
            f"{path} ({len(data):,} bytes) is damaged: expected SHA-256 {expected}, found {found}. {advice}"
        )
    return _gunzip(data, str(path)), str(path)


def _reader_of(folder: Path):
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder. load_mnist() without a folder needs none")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; give the folder that holds MNIST's four files")

    def read(name: str) -> tuple[bytes, str]:
        for path in (folder / f"{name}.gz", folder / name):  # .gz first: it carries a checksum
            if path.is_file():
                data = path.read_bytes()
                # by content, not by name: browsers unpack .gz files and keep the name
                return (_gunzip(data, str(path)) if data[:2] == b"\x1f\x8b" else data), str(path)
        there = ", ".join(sorted(entry.name for entry in folder.iterdir())[:8]) or "nothing"
        raise FileNotFoundError(
            f"{folder}: expected {name}.gz or {name} in it, found {there}. "
            "All four files of the set are needed, under MNIST's names"
        )

    return read


def _gunzip(data: bytes, path: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)  # 31: gzip, with its CRC and length checked
    try:
        raw = unpacker.decompress(data)
    except zlib.error as error:
        raise ValueError(
            f"{path} ({len(data):,} bytes) is damaged: gzip says '{error}'. Get the file again"
        ) from None
    if not unpacker.eof:
        raise ValueError(
            f"{path} is cut short: its {len(data):,} bytes end in mid-stream. Get the file again"
        )
    if unpacker.unused_data:
        raise ValueError(
            f"{path} has {len(unpacker.unused_data):,} bytes after the end of its gzip stream. "
            "Get the file again"
        )
    return raw


def _parse_idx(raw: bytes, path: str, axes: int) -> np.ndarray:
    """The uint8 array in an idx file: bytes 0 0 8 (for uint8), the number of axes, their sizes, data."""
    what = {3: "images", 1: "labels"}[axes]
    if not raw:
        raise ValueError(f"{path} is empty (0 bytes); expected an idx file of {what}. Get the file again")
    if raw[:512].lstrip().startswith(b"<"):
        raise ValueError(
            f"{path} is a web page (HTML), saved under this name; expected an idx file of {what}. "
            "The download was answered with a page: get the file itself"
        )
    header = 4 + 4 * axes
    if raw[:4] != bytes((0, 0, 8, axes)) or len(raw) < header:
        other = {3: " That is a file of images.", 1: " That is a file of labels."}
        hint = other.get(raw[3], "") if raw[:3] == bytes((0, 0, 8)) and len(raw) > 3 else ""
        raise ValueError(
            f"{path} is not an idx file of {what}: expected it to begin with the bytes 00 00 08 0{axes} and "
            f"{axes} sizes, found {raw[:4].hex(' ')} ({len(raw):,} bytes in all).{hint}"
        )
    shape = tuple(int(size) for size in np.frombuffer(raw, ">u4", count=axes, offset=4))
    expected = header + int(np.prod(shape, dtype=object))
    if len(raw) != expected:
        problem = "is cut short" if len(raw) < expected else "has bytes after its end"
        raise ValueError(
            f"{path} {problem}: for {' x '.join(f'{size:,}' for size in shape)} {what} expected "
            f"{expected:,} bytes unpacked, found {len(raw):,}. Get the file again"
        )
    if axes == 3 and shape[1:] != (28, 28):
        raise ValueError(f"{path}: expected images of 28 x 28 pixels, found {shape[1]} x {shape[2]}")
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


# ----------------------------------------------------------------------------------------------- torchvision


def torchvision_root(folder: str | Path | None = None) -> Path:
    """A folder on which ``torchvision.datasets.MNIST(root, download=True)`` finds all and downloads nothing.

    folder: where to unpack the four files (55 MB); None for PyTorch's own cache folder (``$TORCH_HOME``, or
    ``~/.cache/torch``).  Files that are there are compared, and only what is missing or damaged is written,
    each under its final name only when complete, so a call that was interrupted is repaired by the next,
    and two at once don't disturb each other.

    Raises OSError if the folder can't be written; the message says which one to give instead.
    """
    if folder is None:
        root = Path(torch.hub.get_dir()).parent / "softmax_lib"
    else:
        root = Path(os.path.expanduser(folder)).absolute()
    raw_folder = root / "MNIST" / "raw"  # torchvision's layout
    for packed, _ in bundled_files():
        name = packed.name.removesuffix(".gz")
        raw, _ = _read_bundled(name)
        path = raw_folder / name
        try:
            if not _holds(path, raw):
                _write_atomically(path, raw)
        except OSError as error:
            if _holds(path, raw):  # another process was quicker (Windows refuses to replace an open file)
                continue
            raise type(error)(
                f"{path} can't be written ({error.strerror or error}). "
                "Give a folder that you can write to: torchvision_root('some/folder'), or set TORCH_HOME"
            ) from error
    return root


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _write_atomically(path: Path, data: bytes) -> None:
    """Write a temporary file beside ``path``, then rename it: the final name never holds half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left_over in path.parent.glob(f"{path.name}.*.partial"):  # of a process that was killed
        with contextlib.suppress(FileNotFoundError):
            if time.time() - left_over.stat().st_mtime > 600:
                left_over.unlink()
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def torchvision_build() -> str | None:
    """The installed torchvision's version, such as '0.28.0+cu130', read without importing it; or None."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return None
    version_file = Path(spec.origin).with_name("version.py")
    found = re.search(r"__version__ *= *['\"]([^'\"]+)", version_file.read_text("utf-8"))
    return found.group(1) if found else None


def torchvision_needs_help() -> bool:
    """Whether a CUDA or ROCm build of torchvision stands beside a CPU build of torch."""
    if torch.version.cuda is not None or torch.version.hip is not None:
        return False
    return re.search(r"\+(cu\d|rocm)", torchvision_build() or "") is not None


def _let_torchvision_import() -> None:
    """Declare the two operators that ``import torchvision`` looks up, where nothing else can.

    PyPI's Linux wheel of torchvision is built for CUDA.  Beside a CPU build of torch its compiled part does
    not load, and the import ends in "operator torchvision::nms does not exist" (pytorch/vision issues 9077
    and 9337).  The course needs no compiled operator of torchvision, only data sets and transforms, so
    declaring their signatures is enough.  Where the two builds match, nothing is touched.
    """
    if "torchvision" in sys.modules or not torchvision_needs_help() or hasattr(torch.ops.torchvision, "nms"):
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    # the declarations go when this object does: torch keeps it, also when this module is reloaded
    torch.ops.torchvision.declared_by_softmax_lib = library


_let_torchvision_import()
