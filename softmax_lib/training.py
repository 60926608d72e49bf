"""Training and evaluating a classifier that returns logits.  Introduced by notebook 7.

``train_epoch`` and ``evaluate`` are the two loops of the lecture; ``fit`` calls them once an epoch and keeps
a :class:`History`.  The loss is the cross-entropy on logits, in nats; metrics are means over examples.
What goes on at the edge of each step (totals, wrong input, Ctrl-C) is in ``watch.py``.
"""

import contextlib
import copy
import csv
import math
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import NamedTuple, overload

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from softmax_lib.checkpoint import (
    CheckpointError,
    optimizer_state,
    read_checkpoint,
    restore,
    save_checkpoint,
    written_atomically,
)
from softmax_lib.data import NUM_CLASSES, Batches, Split, check_targets, seeded_generator
from softmax_lib.distributed import Processes, Shares, process_group
from softmax_lib.graphs import RecordedEpochs, can_be_recorded
from softmax_lib.watch import InterruptLater, Metrics, NonFiniteLossError, Watch

EVALUATION_BATCH_SIZE = 1000  # no gradients, so larger batches than in training fit and are quicker

# ---------------------------------------------------------------------------------------------- the two loops


def train_epoch(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    optimizer: torch.optim.Optimizer,
    *,
    watch: Watch | None = None,
) -> Metrics:
    """Metrics of one pass over the batches, with a step of the optimizer after each.

    batches: pairs (images (B, ...), labels (B,) int64 in [0, C), or soft targets (B, C)).  The model returns
    logits (B, C).  Loss and accuracy are means over the examples, each taken before its batch's step, while
    the weights change; ``evaluate`` measures the weights as they are at the end.

    Raises NonFiniteLossError, before the step, if the loss is nan or infinite; TypeError or ValueError for
    targets that don't fit.  Ctrl-C acts between two steps.
    """
    with watch or Watch() as watch:
        model.train()
        for images, labels in watch.ready(batches, model):
            logits = model(images)  # (B, C)
            watch.check(logits, labels)
            loss = F.cross_entropy(logits, labels)  # the mean over the batch
            optimizer.zero_grad()
            loss.backward()
            watch.require_finite(loss, optimizer)
            optimizer.step()
            watch.add(loss, logits, labels)
        return watch.metrics()


def evaluate(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], *, watch: Watch | None = None
) -> Metrics:
    """Metrics of the model as it is: no gradients, dropout off; the train or eval mode it had is restored."""
    watch = watch or Watch()
    with evaluation_mode(model), torch.no_grad():
        for images, labels in watch.ready(batches, model):
            logits = model(images)  # (B, C)
            watch.check(logits, labels)
            loss = F.cross_entropy(logits, labels)
            watch.add(loss, logits, labels)
    return watch.metrics()


def predict_labels(model: nn.Module, split: Split) -> Tensor:
    """The class with the largest logit for each image: int64 (N,), on the CPU."""
    device = next(model.parameters()).device
    with evaluation_mode(model), torch.no_grad():
        batches = Batches(split, EVALUATION_BATCH_SIZE, device=device)
        return torch.cat([model(images).argmax(dim=1).cpu() for images, _ in batches])


@contextlib.contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """``model.eval()`` inside; afterwards each layer is back in the mode it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


# ---------------------------------------------------------------------------------------------------- recipes


@dataclass(frozen=True)
class Recipe:
    """How to train: a named set of defaults for ``fit``.

    one_cycle: the learning rate rises from lr / 25 to lr over the first 30 % of the steps and falls to nearly
    0 along a cosine (``torch.optim.lr_scheduler.OneCycleLR``; Smith and Topin 2017, arXiv:1708.07120).
    """

    epochs: int
    batch_size: int
    lr: float
    momentum: float
    nesterov: bool = False
    one_cycle: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{name} must be a whole number, 1 or more; found {value!r}")
        if not (isinstance(self.lr, int | float) and 0 < self.lr < math.inf):
            raise ValueError(f"lr must be a positive number, such as 0.01; found {self.lr!r}")
        if not (isinstance(self.momentum, int | float) and 0 <= self.momentum < 1):
            raise ValueError(f"momentum must be in [0, 1); found {self.momentum!r}")


RECIPES = {
    "lecture": Recipe(epochs=9, batch_size=64, lr=0.01, momentum=0.5),
    "fast": Recipe(epochs=3, batch_size=128, lr=0.1, momentum=0.9, nesterov=True, one_cycle=True),
}


# ---------------------------------------------------------------------------------------------------- history


class EpochRecord(NamedTuple):
    """One epoch: losses in nats, accuracies as fractions, seconds; None where there was no such split."""

    epoch: int  # counted from 1
    train_loss: float
    train_accuracy: float
    test_loss: float | None
    test_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    train_seconds: float
    evaluation_seconds: float


@dataclass
class _Position:
    """Where a run stands, so that it can go on: between two epochs, or after some batches of one."""

    epoch: int = 0  # epochs finished
    totals: tuple = (0, 0.0, 0, 0)  # Watch.totals() of the epoch begun: batches done and sums
    random: list[dict] | None = None  # of the epoch begun: dropout's random stream, in each process
    seconds: float = 0.0  # of the epoch begun
    shapes: list[tuple] | None = None  # of the model's parameters
    state: dict | None = None  # of optimizer and schedule; None before the first step


class History(Sequence[EpochRecord]):
    """The epochs of a ``fit``, in order: ``history[-1].test_accuracy``, ``history.column("train_loss")``.

    recipe: what was used, after explicit arguments; recipe_name: where it began.  interrupted: whether Ctrl-C
    ended it; then ``fit(..., resume=history)`` goes on where it stopped.
    """

    def __init__(
        self, recipe: Recipe, seed: int, validation: int | float, device: str, recipe_name: str = "lecture"
    ):
        self.recipe = recipe
        self.recipe_name = recipe_name
        self.seed = seed
        self.validation = validation
        self.device = device
        self.interrupted = False
        self.records: list[EpochRecord] = []
        self._position = _Position()
        self._data = {"number of training images": 0, "checksum of the training data": 0}

    @overload
    def __getitem__(self, index: int) -> EpochRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[EpochRecord]: ...
    def __getitem__(self, index):
        return self.records[index]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def batches_done(self) -> int:
        """Of the epoch after the last one here: above 0 if training was stopped in the middle of it."""
        return self._position.totals[0]

    def column(self, name: str) -> list:
        """The values of one field, an epoch each."""
        if name not in EpochRecord._fields:
            raise ValueError(f"no field {name!r}; there are {', '.join(EpochRecord._fields)}")
        return [getattr(record, name) for record in self.records]

    def to_csv(self, path: str | Path) -> None:
        """Write a line an epoch; ``seconds`` is training and evaluation together.  All or nothing."""
        with written_atomically(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
            first, rest = EpochRecord._fields[:5], EpochRecord._fields[5:]
            writer = csv.writer(file)
            writer.writerow([*first, "seconds", *rest])
            for record in self.records:
                seconds = record.train_seconds + record.evaluation_seconds
                writer.writerow([*record[:5], round(seconds, 3), *record[5:]])

    def _add(
        self, train: Metrics, results: dict[str, Metrics], train_seconds: float, evaluation_seconds: float
    ):
        nothing = Metrics(None, None, 0)
        test, validation = results.get("test", nothing), results.get("validation", nothing)
        self.records.append(
            EpochRecord(
                len(self) + 1, *train[:2], *test[:2], *validation[:2], train_seconds, evaluation_seconds
            )
        )

    def _settings(self) -> dict:
        """What must not differ where a run goes on, or between the processes of one."""
        return {**vars(self.recipe), "seed": self.seed, "validation": self.validation, **self._data}

    def _to_checkpoint(self) -> dict:
        """All but the states of optimizer and schedule, in the plain values that a checkpoint holds."""
        kept = {name: value for name, value in vars(self).items() if name not in ("recipe", "_position")}
        position = {**vars(self._position), "state": None}
        return {**kept, "recipe": vars(self.recipe), "records": list(map(tuple, self)), "_position": position}

    @classmethod
    def _from_checkpoint(cls, content: dict, path: str | Path) -> "History":
        """The history in what ``read_checkpoint`` gave."""
        try:
            saved = dict(content["extra"]["fit"])
            history = cls(Recipe(**saved.pop("recipe")), saved["seed"], saved["validation"], saved["device"])
            state = {"optimizer": content["optimizer"], "scheduler": content["scheduler"]}
            history._position = _Position(**{**saved.pop("_position"), "state": state})
            history.records = [EpochRecord(*record) for record in saved.pop("records")]
            if saved.keys() != vars(history).keys() - {"recipe", "records", "_position"}:
                raise KeyError
            vars(history).update(saved)
            return history
        except (LookupError, TypeError, ValueError):
            raise CheckpointError(
                f"{path} is a checkpoint, but not one of fit: load_checkpoint reads it"
            ) from None

    def __repr__(self) -> str:
        names = [
            name for name in EpochRecord._fields[1:] if self.records and self[0]._asdict()[name] is not None
        ]
        lines = ["epoch  " + "  ".join(name.replace("_", " ") for name in names)]
        for record in self.records:
            values = (getattr(record, name) for name in names)
            cells = (
                f"{'-' if value is None else format(value, '.4f'):>{len(name)}}"
                for name, value in zip(names, values, strict=True)
            )
            lines.append(f"{record.epoch:>5}  " + "  ".join(cells))
        return "\n".join(lines if self.records else ["no epoch finished yet"])


def describe_epoch(record: EpochRecord, epochs: int) -> str:
    """One line: ``epoch 3/9  train loss 0.4213, accuracy 0.8795  test loss … (3.1 s + 0.2 s)``."""
    line = f"epoch {record.epoch}/{epochs}"
    for split in ("train", "validation", "test"):
        loss, accuracy = getattr(record, f"{split}_loss"), getattr(record, f"{split}_accuracy")
        if loss is not None:
            line += f" | {split} loss {loss:.4f}, accuracy {accuracy:.4f}"
    return f"{line} | {record.train_seconds:.1f} s + {record.evaluation_seconds:.1f} s evaluating"


# -------------------------------------------------------------------------------------------------------- fit


class Monitor:
    """What ``fit(..., monitor=...)`` calls while it runs.  In a subclass, write the methods that you need.

    Watch the loss and stop when it is low enough:

    >>> class StopBelow(Monitor):
    ...     def begin(self, history, num_batches, interrupt):
    ...         self.interrupt = interrupt
    ...
    ...     def after_step(self, watch):
    ...         if watch.step % 50 == 0 and watch.metrics_here().loss < 0.1:
    ...             self.interrupt.requested = True
    """

    def begin(self, history: History, num_batches: int, interrupt: InterruptLater) -> None:
        """Before the first step.

        history: the one that ``fit`` will return; epochs are added to it as they end, and after a resume it
        holds the earlier ones.  num_batches: the steps of an epoch.  ``interrupt.requested = True``, set at
        any moment and from any thread, ends training between two steps and keeps everything, as Ctrl-C does.
        """

    def after_step(self, watch: Watch) -> None:
        """After each step: ``watch.step`` of the epoch are done, ``watch.metrics_here()`` its means so far.

        On a GPU the sums stay there, and asking for a value makes the processor wait: ask now and then only.
        """

    def end(self) -> None:
        """After the last step, the evaluation and the checkpoint, or when an error ends training."""


def fit(
    model: nn.Module,
    train: Split,
    test: Split | None = None,
    *,
    recipe: str = "lecture",
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    momentum: float | None = None,
    validation: int | float = 0.0,
    seed: int = 0,
    device: str | torch.device = "auto",
    progress: str | bool = "auto",
    resume: "History | str | Path | None" = None,
    checkpoint: str | Path | None = None,
    after_epoch: Callable[[EpochRecord, int], None] | None = None,
    monitor: Monitor | None = None,
) -> History:
    """Train the model in place with SGD on the cross-entropy, and return the history of the epochs.

    model: returns logits (N, 10) for images (N, 1, 28, 28).
    train, test: splits, such as ``mnist.train``; ``test`` is evaluated after each epoch.
    recipe: "lecture" (9 epochs, batches of 64, lr 0.01, momentum 0.5) or "fast" (one cycle); epochs,
    batch_size, lr and momentum win over it where given.
    validation: a fraction, or a number, of the training images to hold out and evaluate after each epoch.
    device: "auto" takes CUDA, then MPS, then the CPU; the model returns to the device where it was.
    progress: a bar with loss and accuracy; "auto" shows it in a terminal or a notebook, unless the
    environment has SOFTMAX_LIB_PROGRESS=0.
    checkpoint: a file to write before the first epoch, after each epoch, and when training is stopped; one
    that is there is replaced.
    resume: a checkpoint's path, or the history of an earlier ``fit`` of this model.  Other settings, data or
    shapes than the earlier run's are refused before anything changes; only more epochs may follow.
    after_epoch: called after each epoch with its record and the number of epochs.
    monitor: looks on after each step, in place of the bar, and may end training like Ctrl-C:
    ``widgets.TrainingMonitor()`` in a notebook, or a :class:`Monitor` of your own.

    The order of the batches and dropout depend on (seed, epoch) alone, in a random stream of their own:
    what else is drawn or looked at changes nothing.  The same seed, machine and thread count give the same
    bits.

    Ctrl-C (a notebook's stop button) ends training between two steps.  The history is returned, the weights
    are kept, and the same call with ``resume=history``, or ``resume=path`` of the checkpoint, goes on to the
    same result as if it had never stopped.  A second Ctrl-C stops at once: then what was done since the last
    checkpoint is lost, as when the process is killed.  With a checkpoint, SIGTERM and SIGHUP end training in
    the same way as the first Ctrl-C, and then the process.

    A nan or infinite loss raises NonFiniteLossError before its step, and a checkpoint that can't be written
    OSError, both with ``.history``; an older checkpoint stays as it is.
    """
    with InterruptLater(ending=checkpoint is not None) as interrupt, process_group() as processes:
        with processes.together():
            explicit = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "momentum": momentum}
            settings = _settings(recipe, explicit)
            _refuse_other_types(model, train, test)
            device = processes.device(choose_device(device), device)
            history = History(settings, seed, validation, str(device), recipe)
            history._data = _describe_data(train)
            evaluated = {}
            if validation:
                train, evaluated["validation"] = train.hold_out(validation, seed)
            if test is not None:
                evaluated["test"] = test
            shared = {"device": device, "processes": processes}
            batches = Shares(train, settings.batch_size, shuffle=True, seed=seed, **shared)
            evaluation_batches = {
                name: Shares(split, EVALUATION_BATCH_SIZE, **shared) for name, split in evaluated.items()
            }
        processes.require_same(**history._settings(), shapes=[tuple(p.shape) for p in model.parameters()])
        resumed = _read_resumed(resume, processes)

        with _moved_to(device, model):
            optimizer, scheduler = _make_optimizer(model, settings, len(batches), device)
            with processes.together():
                _take_up(history, resumed, resume, model, optimizer, scheduler)
            position = history._position
            parallel_model = processes.parallel(model, batches)
            recorded = _recorded_epochs(model, optimizer, device, processes)
            bar = tqdm(
                total=settings.epochs * len(batches),
                initial=position.epoch * len(batches) + position.totals[0],
                unit="batch",
                disable=not (processes.is_first and _progress_wanted(progress, monitor)),
            )
            monitor = monitor if processes.is_first else None

            def after_step(watch: Watch) -> None:
                if scheduler is not None:
                    scheduler.step()
                if monitor is not None:
                    monitor.after_step(watch)
                with contextlib.suppress(OSError):  # the terminal may be gone
                    if not bar.disable and watch.step % 50 == 0:
                        metrics = watch.metrics_here()
                        shown = f"loss {metrics.loss:.4f}, accuracy {metrics.accuracy:.4f}"
                        bar.set_postfix_str(shown, refresh=False)
                    bar.update()

            def save() -> None:
                if checkpoint is not None:
                    with processes.together():
                        if processes.is_first:
                            fitted = history._to_checkpoint()
                            save_checkpoint(model, optimizer, checkpoint, scheduler=scheduler, fit=fitted)

            try:
                with bar, _looking_on(monitor, history, len(batches), interrupt):
                    if not _same_file(resume, checkpoint):
                        save()
                    for epoch in range(position.epoch, settings.epochs):
                        bar.set_description(f"epoch {epoch + 1}/{settings.epochs}", refresh=False)
                        batches.set_epoch(epoch)
                        watch = Watch(
                            f"epoch {epoch + 1}",
                            totals=position.totals if processes.is_first else (position.totals[0], 0.0, 0, 0),
                            interrupt=interrupt,
                            after_step=after_step,
                            warn_of_probabilities=epoch == 0 and processes.is_first,
                            processes=processes,
                        )
                        start = time.perf_counter() - position.seconds
                        with _own_random_stream(device, seed, position, processes):
                            if recorded is not None and can_be_recorded(model):
                                metrics = recorded(batches, watch)  # the same updates, started faster
                            else:
                                metrics = train_epoch(parallel_model, batches, optimizer, watch=watch)
                            random = _random_state(device)
                        seconds = time.perf_counter() - start
                        state = copy.deepcopy(optimizer_state(optimizer, scheduler))
                        states = {"shapes": _shapes(optimizer), "state": state}
                        if watch.step < len(batches):  # Ctrl-C in mid-epoch
                            random = processes.gather(random)
                            history._position = _Position(epoch, watch.totals(), random, seconds, **states)
                            save()
                            break
                        history._position = position = _Position(epoch + 1, **states)
                        start = time.perf_counter()
                        results = {
                            name: evaluate(
                                model, held, watch=Watch(warn_of_probabilities=False, processes=processes)
                            )
                            for name, held in evaluation_batches.items()
                        }
                        history._add(metrics, results, seconds, time.perf_counter() - start)
                        save()
                        if after_epoch is not None and processes.is_first:
                            after_epoch(history[-1], settings.epochs)
                        if processes.any(interrupt.requested):
                            break
            except (NonFiniteLossError, OSError) as error:
                error.history = history
                raise

            history.interrupted = len(history) < settings.epochs
            if history.interrupted and processes.is_first:
                unfinished = f"epoch {history._position.epoch + 1} of {settings.epochs}"
                how = "history" if checkpoint is None else repr(str(checkpoint))
                with contextlib.suppress(OSError):
                    tqdm.write(
                        f"Stopped in {unfinished}. In Python, the same call with resume={how} goes on."
                    )
            return history


def _settings(recipe: str, explicit: dict) -> Recipe:
    if recipe not in RECIPES:
        raise ValueError(f"recipe must be one of {', '.join(map(repr, RECIPES))}; found {recipe!r}")
    return replace(RECIPES[recipe], **{name: value for name, value in explicit.items() if value is not None})


def _refuse_other_types(model: object, train: object, test: object) -> None:
    for name, split in (("train", train), ("test", test)):
        if not (isinstance(split, Split) or (split is None and name == "test")):
            raise TypeError(
                f"{name} must be a Split, such as mnist.{name} or Split(images, labels), not "
                f"{type(split).__name__}. For a loader of your own, call train_epoch and evaluate"
            )
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch module, such as mlp(), not a {type(model).__name__}")
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ValueError("the model has no parameters to train: there are none, or all are frozen")


def read_history(path: str | Path) -> History:
    """The history in a checkpoint of ``fit``.  CheckpointError if the file is damaged or something else."""
    return History._from_checkpoint(read_checkpoint(path), path)


def _same_file(resume: object, checkpoint: str | Path | None) -> bool:
    if checkpoint is None or not isinstance(resume, str | os.PathLike):
        return False
    names = (os.path.realpath(os.path.expanduser(path)) for path in (resume, checkpoint))
    return len(set(names)) == 1


@contextlib.contextmanager
def _moved_to(device: torch.device, model: nn.Module) -> Iterator[None]:
    """The model is on the device inside, and afterwards where it was."""
    home = next(model.parameters()).device
    try:
        model.to(device)
        yield
    finally:
        model.to(home)


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """The torch device: for "auto" CUDA if there is one, then MPS (Apple), then the CPU."""
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.zeros((), device=chosen).item()
    except (RuntimeError, AssertionError, TypeError) as error:  # AssertionError: a build without CUDA
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"device {str(device)!r} can't be used here (torch {torch.__version__}: {reason}). "
            "Use 'auto' or 'cpu'"
        ) from None
    return chosen


def _make_optimizer(model: nn.Module, recipe: Recipe, num_batches: int, device: torch.device):
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov and recipe.momentum > 0,
        fused=device.type in ("cpu", "cuda"),  # one call for all parameters: the same update, less waiting
    )
    if not recipe.one_cycle:
        return optimizer, None
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=recipe.lr, total_steps=recipe.epochs * num_batches, cycle_momentum=False
    )
    return optimizer, scheduler


def _recorded_epochs(model, optimizer, device: torch.device, processes: Processes) -> RecordedEpochs | None:
    """On a GPU, for one process: CUDA graphs.  SOFTMAX_LIB_GRAPHS=0 in the environment does without."""
    wanted = os.environ.get("SOFTMAX_LIB_GRAPHS") != "0"
    if device.type == "cuda" and processes.count == 1 and wanted:
        return RecordedEpochs(model, optimizer)
    return None


def _shapes(optimizer) -> list[tuple]:
    return [tuple(parameter.shape) for group in optimizer.param_groups for parameter in group["params"]]


def _describe_data(train: Split) -> dict:
    """What tells the training data from others: their number, and a checksum (CRC-32)."""
    if len(train):  # labels may have been changed in place after the split was made
        check_targets(train.labels, num_rows=len(train), num_classes=NUM_CLASSES)
    checksum = 0
    for values in (train.images, train.labels):
        checksum = zlib.crc32(values.cpu().contiguous().numpy(), checksum)
    return {"number of training images": len(train), "checksum of the training data": checksum}


def _read_resumed(resume: "History | str | Path | None", processes: Processes) -> "History | dict | None":
    """A history as it is; of a path, the content of the checkpoint: one process reads it for all."""
    if resume is None or isinstance(resume, History):
        return resume
    if isinstance(resume, str | os.PathLike):
        return processes.from_first(lambda: read_checkpoint(resume))
    raise TypeError(
        "resume must be the History that fit returned, or the path of a checkpoint, not a "
        f"{type(resume).__name__}"
    )


def _take_up(history: History, resumed, resume, model, optimizer, scheduler) -> None:
    """Make ``history``, the optimizer and, from a checkpoint, the model stand where ``resume`` stopped.

    Another recipe, seed, architecture or data are refused before anything changes.
    """
    if resumed is None:
        return
    if isinstance(resumed, History):
        earlier, source, content = resumed, "the history to resume", None
    else:
        earlier, source, content = History._from_checkpoint(resumed, resume), resume, resumed
    ours, theirs = history._settings(), earlier._settings()
    if earlier._position.shapes is not None:  # None before the first step: any model may begin
        ours["shapes of parameters"] = _shapes(optimizer)
        theirs["shapes of parameters"] = earlier._position.shapes
    if not history.recipe.one_cycle:
        theirs["epochs"] = ours["epochs"]  # without a schedule, more epochs may follow
    different = [
        f"{name} {theirs[name]!r}, now {ours[name]!r}" for name in ours if theirs[name] != ours[name]
    ]
    if different:
        message = f"{source} was made with other settings: {'; '.join(different)}. Pass the same ones"
        raise (ValueError if content is None else CheckpointError)(message)
    if earlier._position.state is not None:
        restore(content or earlier._position.state, source, content and model, optimizer, scheduler)
    history.records = list(earlier.records)
    history._position = copy.deepcopy(earlier._position)


@contextlib.contextmanager
def _own_random_stream(
    device: torch.device, seed: int, position: _Position, processes: Processes
) -> Iterator[None]:
    """Draw (dropout, say) from a stream of (seed, epoch), or where it stood; torch's own is left alone.

    Each of several processes has its own stream.  In mid-epoch under another number of them than before, the
    streams begin anew.
    """
    stands = position.random if position.random and len(position.random) == processes.count else None
    stream = (1,)  # not the stream of the batches' order
    if processes.count > 1 or (position.random and not stands):
        stream += (processes.count, processes.rank, position.totals[0])
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        start = seeded_generator(seed, position.epoch, *stream).initial_seed()
        torch.random.default_generator.manual_seed(start)
        if cuda:
            torch.cuda.manual_seed(start)
        if stands:
            state = stands[processes.rank]
            torch.set_rng_state(state["cpu"])
            if cuda and state["cuda"] is not None:
                torch.cuda.set_rng_state(state["cuda"], device)
        yield


def _random_state(device: torch.device) -> dict:
    on_cuda = device.type == "cuda"
    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state(device) if on_cuda else None}


@contextlib.contextmanager
def _looking_on(monitor: Monitor | None, history: History, num_batches: int, interrupt) -> Iterator[None]:
    """The monitor's first and last call, the last one also when an error ends training."""
    if monitor is None:
        yield
        return
    monitor.begin(history, num_batches, interrupt)
    try:
        yield
    finally:
        monitor.end()


def _progress_wanted(progress: str | bool, monitor: Monitor | None) -> bool:
    if progress != "auto":
        return bool(progress)
    if monitor is not None:
        return False
    if os.environ.get("SOFTMAX_LIB_PROGRESS") == "0":
        return False
    return "ipykernel" in sys.modules or sys.stderr.isatty()
