"""What ``train_epoch`` and ``evaluate`` keep an eye on, so that they can be read without it.

Totals over the examples, wrong targets, a double softmax, a loss that is nan or infinite, and Ctrl-C.
Nothing here changes a number that a plain loop would give.
"""

import math
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from softmax_lib.data import Batches, Split, check_targets
from softmax_lib.distributed import Processes, Shares

STEPS_BETWEEN_CHECKS = 50  # on a GPU, where asking for a value makes the processor wait
BATCHES_AT_ONCE = 50  # counted together: a comparison of 64 numbers costs less than the call that makes it


class Metrics(NamedTuple):
    """Mean cross-entropy in nats, fraction of right answers, number of examples: means over the examples."""

    loss: float
    accuracy: float
    num_examples: int


class NonFiniteLossError(FloatingPointError):
    """The loss is nan or infinite; the step was not made.  ``history``: the epochs before it (of ``fit``)."""

    history = None


class InterruptLater:
    """While entered, the first Ctrl-C only sets ``requested``; a second one stops at once, as usual.

    ending: put off SIGTERM (``kill``, a batch system) and SIGHUP (a closed terminal) as well.  They take
    effect when this is left, unless an error is on its way.

    Only Python's main thread can say what a signal does; elsewhere, and where a signal is ignored already
    (``nohup``), nothing is changed.
    """

    def __init__(self, ending: bool = False):
        self.requested = False
        self._signals = [signal.SIGINT]
        if ending:
            names = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP
            self._signals += [getattr(signal, name) for name in names if hasattr(signal, name)]
        self._previous = {}
        self._put_off = None  # SIGTERM or SIGHUP

    def __enter__(self) -> "InterruptLater":
        if threading.current_thread() is threading.main_thread():
            for signum in self._signals:
                previous = signal.getsignal(signum)
                if callable(previous) or (previous is signal.SIG_DFL and signum != signal.SIGINT):
                    self._previous[signum] = previous
                    signal.signal(signum, self._note)
        return self

    def __exit__(self, *exception) -> None:
        try:
            for signum in self._signals[1:]:
                if signum in self._previous:
                    signal.signal(signum, self._previous.pop(signum))
            if self._put_off is not None and exception[0] is None:
                signal.raise_signal(self._put_off)
        finally:  # Ctrl-C last: until here it would lose what a caller is about to get
            if self._previous:
                signal.signal(signal.SIGINT, self._previous.pop(signal.SIGINT))

    def _note(self, signum, frame):
        if signum == signal.SIGINT:
            if self.requested:
                raise KeyboardInterrupt
        else:
            self._put_off = signum
        self.requested = True


class Watch:
    """One pass over the batches.  ``train_epoch`` and ``evaluate`` make one; ``fit`` passes its own.

    name: how messages call the pass ("epoch 3").  totals: of the part of the epoch already done.
    interrupt: ``fit``'s, which ends the pass early between two steps; without one, a Ctrl-C inside
    ``with watch:`` is raised there.  after_step: called with this object after each step.  processes: those
    that train together; then all stop after the same step, and for the same bad value.
    """

    def __init__(
        self,
        name: str = "",
        *,
        totals: tuple[int, float, int, int] = (0, 0.0, 0, 0),
        interrupt: InterruptLater | None = None,
        after_step: Callable[["Watch"], None] | None = None,
        warn_of_probabilities: bool = True,
        processes: Processes | None = None,
    ):
        self.name = name
        self.interrupt = interrupt
        self.after_step = after_step
        self.warn_of_probabilities = warn_of_probabilities
        # batches done; sum over them of mean loss times examples; right answers; examples
        self.step, self.loss_sum, self.num_correct, self.num_examples = totals
        self._uncounted = []  # (loss, size, logits, labels) of the last batches
        self.processes = processes or Processes()
        self._own_interrupt = InterruptLater()
        self._stop = False  # with several processes: what they agreed on
        self._batches = None
        self._unchecked = True
        self.bad: BadLoss | None = None  # on a GPU
        self._optimizer = None  # on a GPU: the one that looks at the flag

    def __enter__(self) -> "Watch":
        if self.interrupt is None:
            self._own_interrupt.__enter__()
        return self

    def __exit__(self, *exception) -> None:
        if self.interrupt is None:
            self._own_interrupt.__exit__()
        if self._optimizer is not None:
            del self._optimizer.found_inf
        if self._own_interrupt.requested and exception[0] is None:  # after the last step
            raise KeyboardInterrupt

    # ---------------------------------------------------------------------------------------------- batches

    def ready(self, batches, model: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches on the model's device and in its dtype; ends early when ``fit``'s interrupt asks."""
        if isinstance(batches, Split):
            raise TypeError("batches must be pairs (images, labels), not a Split: Batches(split, 64)")
        self._batches = batches
        like = next(model.parameters(), torch.empty(0))
        for images, labels in batches.starting_at(self.step) if isinstance(batches, Batches) else batches:
            for name, value in (("images", images), ("labels", labels)):
                if not isinstance(value, Tensor):
                    raise TypeError(
                        f"{name} must be a torch tensor, not {type(value).__name__}: torch.as_tensor({name})"
                    )
            yield images.to(like), labels.to(like.device)
            self.step += 1
            if self.step % STEPS_BETWEEN_CHECKS == 0:
                self._raise_if_bad()
            if self.after_step is not None:
                self.after_step(self)
            if self._own_interrupt.requested:
                raise KeyboardInterrupt
            if self.interrupt is not None and self.processes.count == 1:
                self._stop = self.interrupt.requested
            if self._stop:
                return

    def check(self, logits: Tensor, labels: Tensor) -> None:
        """Raise a plain error where the loss would raise torch's, or give a number that means nothing."""
        own = isinstance(self._batches, Batches)  # their labels were checked when the split was made
        if own and not self._unchecked:
            return
        with self.processes.together():
            self._check(logits, labels, own)
        self._unchecked = False

    def _check(self, logits: Tensor, labels: Tensor, own: bool) -> None:
        if logits.ndim != 2 or len(logits) != len(labels):
            raise ValueError(
                f"the model must return logits of shape (N, C), here ({len(labels)}, C); "
                f"it returned {tuple(logits.shape)}"
            )
        all_labels = self._batches.labels if own else labels
        check_targets(all_labels, num_rows=len(all_labels), num_classes=logits.shape[1])
        if self._unchecked and self.warn_of_probabilities and _are_probabilities(logits):
            num_classes = logits.shape[1]
            floor = math.log(math.e + num_classes - 1) - 1
            warnings.warn(
                "double softmax: the model returns probabilities (non-negative, each row sums to 1), but "
                "cross_entropy expects logits and takes the softmax itself. With "
                f"{num_classes} classes the loss can't fall below {floor:.4f} that way. "
                "Remove the softmax at the end of the model",
                stacklevel=5,
            )

    # ----------------------------------------------------------------------------------------------- totals

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count one batch: ``loss`` is its mean, so it weighs as many times as it has examples."""
        if self._share == 0:  # the example only stands in
            return
        self.num_examples += len(labels)
        # on a GPU the loss stays there: asking for its value makes the processor wait
        value = loss.detach().clone() if _asking_costs_time(loss) else loss.item()
        self._uncounted.append((value, len(labels), logits.detach().clone(), labels.clone()))
        if len(self._uncounted) == BATCHES_AT_ONCE:
            self._count()

    def _count(self) -> None:
        """Take the batches that ``add`` kept into the sums."""
        if not self._uncounted:
            return
        losses, sizes, logits, labels = zip(*self._uncounted, strict=True)
        self._uncounted.clear()
        labels = torch.cat([each if each.ndim == 1 else each.argmax(dim=1) for each in labels])  # 2: soft
        best, predictions = torch.cat(logits).max(dim=1)
        # a row with a nan has no prediction; argmax would answer the first nan's class
        correct = ((predictions == labels) & ~best.isnan()).sum()
        if isinstance(losses[0], Tensor):
            weights = torch.tensor(sizes, dtype=torch.float64, device=correct.device)
            self.loss_sum += torch.stack(losses).double() @ weights
            self.num_correct += correct
        else:
            self.loss_sum += sum(loss * size for loss, size in zip(losses, sizes, strict=True))
            self.num_correct += correct.item()

    @property
    def _share(self) -> float:
        return self._batches.share if isinstance(self._batches, Shares) else 1.0

    def totals(self) -> tuple[int, float, int, int]:
        """What a later watch needs to go on in mid-epoch: of all processes together."""
        self._count()
        sums = self.processes.sums(float(self.loss_sum), int(self.num_correct), self.num_examples)
        return self.step, sums[0], int(sums[1]), int(sums[2])

    def metrics(self) -> Metrics:
        """The means so far, over the examples of all processes.  ValueError if there were none."""
        self._raise_if_bad()
        return self._means(*self.totals())

    def metrics_here(self) -> Metrics:
        """The means so far, over the examples of this process: for a look in between."""
        self._raise_if_bad()
        self._count()
        return self._means(self.step, float(self.loss_sum), int(self.num_correct), self.num_examples)

    @staticmethod
    def _means(step: int, loss_sum: float, num_correct: int, num_examples: int) -> Metrics:
        if num_examples == 0:
            raise ValueError(
                "there were no batches. Is the data set empty, or an iterator (zip, a generator) used up by "
                "an earlier epoch? Pass a list, a DataLoader or Batches"
            )
        return Metrics(loss_sum / num_examples, num_correct / num_examples, num_examples)

    # ------------------------------------------------------------------------------------------- bad values

    def require_finite(self, loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """Let no step follow from a loss that is nan or infinite.

        On the CPU this raises before the step.  On a GPU with a fused optimizer, asking would cost time at
        each step, so a flag on the device switches the update off (as mixed-precision training does), and
        the error comes within 50 steps; the weights are those from before the bad step in both cases.
        """
        fused = all(group.get("fused") for group in optimizer.param_groups)
        stop_asked = self.interrupt is not None and self.interrupt.requested
        if not (fused and _asking_costs_time(loss)):
            value = loss.item()
            if self.processes.count > 1:  # the loss of the whole batch, the same in all
                value, stops = self.processes.sums(value * self._share, float(stop_asked))
                self._stop = stops > 0
            if not math.isfinite(value):
                self._raise(self.step, value)
            return
        if self.processes.count > 1:
            self._stop = self.processes.any(stop_asked)
        if self.bad is None:
            self.bad = BadLoss(loss.device, self.step, self.processes)
        self._optimizer = optimizer
        optimizer.found_inf = self.bad.flag
        self.bad.note(loss)

    def _raise_if_bad(self):
        if self.bad is not None and self.bad.flag.item():
            self._raise(int(self.bad.step), math.nan)

    def _raise(self, step: int, value: float):
        where = f"{self.name}, batch {step + 1}" if self.name else f"batch {step + 1}"
        error = NonFiniteLossError(
            f"{where}: the loss is {value:.4g}. No step was made: the weights are those from before it. "
            "Usual causes: a learning rate too large, images not in [0, 1], nan or infinity in the data"
        )
        raise self.processes.known_to_all(error)


class BadLoss:
    """What a GPU notes of losses that are nan or infinite, without being asked.

    flag: 1.0 on the device from the first such loss on; the optimizer's ``found_inf``.
    step: the number of that step, once there was one.
    """

    def __init__(self, device: torch.device, step: int = 0, processes: Processes | None = None):
        self.flag = torch.zeros((), device=device)
        self.step = torch.full((), step, device=device)
        self.processes = processes or Processes()

    def note(self, loss: Tensor) -> None:
        """The loss of the next step."""
        self.flag.copy_(torch.maximum(self.flag, (~loss.detach().isfinite()).float()))
        self.processes.maximum_(self.flag)
        self.step += self.flag == 0  # stands still at the first bad step


def _asking_costs_time(loss: Tensor) -> bool:
    """Whether the processor would have to wait for the value: on a GPU, which works behind its back."""
    return loss.is_cuda


def _are_probabilities(logits: Tensor) -> bool:
    """Whether each row is non-negative and sums to 1 within 1e-4 (one class says nothing)."""
    logits = logits.detach()
    if logits.shape[1] == 1:
        return False
    return bool(((logits >= 0).all() & ((logits.sum(dim=1) - 1).abs() < 1e-4).all()).item())
