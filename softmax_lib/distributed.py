"""Several processes that train one network together: ``torchrun --nproc-per-node 2 -m softmax_lib train``.

The work is PyTorch's: torchrun starts the processes, DistributedDataParallel adds their gradients, over gloo
on CPUs and NCCL on GPUs.  Here is what makes the sum the one of a single process: each takes its share of
every batch, its gradient weighs as much as its share, and what one finds out (a bad loss, Ctrl-C, an error)
all know.

With one process everything here does nothing.  Introduced by notebook 10.
"""

import atexit
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from softmax_lib.data import Batches

TIMEOUT = timedelta(minutes=2)  # how long one process waits for another that doesn't answer


class ProcessLostError(ConnectionError):
    """Another process of the run has ended, or no longer answers."""


@dataclass(frozen=True)
class Processes:
    """The processes of a run: how many, and which of them this is.

    What waits for all of them (``sums``, ``any``, ``gather``, …) must be called by all, in the same order.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes, prints and shows progress."""
        return self.rank == 0

    def sums(self, *values: float) -> list[float]:
        """The sum of each value over the processes, in float64."""
        if self.count == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(tensor)
        return tensor.tolist()

    def any(self, flag: bool) -> bool:
        """Whether the flag is true in one of them."""
        return self.sums(float(flag))[0] > 0

    def maximum_(self, tensor: Tensor) -> None:
        """Make the tensor, where it is, the maximum over the processes."""
        if self.count > 1:
            dist.all_reduce(tensor, op=dist.ReduceOp.MAX)

    def gather(self, value: object) -> list:
        """The values of all, by rank."""
        values = [value] * self.count
        if self.count > 1:
            dist.all_gather_object(values, value)
        return values

    def from_first(self, make: Callable[[], object]) -> object:
        """What ``make`` returns in the first process; its error is raised in all."""
        made = [None]
        with self.together():
            if self.is_first:
                made = [make()]
        if self.count > 1:
            dist.broadcast_object_list(made)
        return made[0]

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """An error inside, in whichever process, is raised in all.  Nothing inside may wait for others."""
        if self.count == 1:
            yield
            return
        error = None
        try:
            yield
        except Exception as raised:
            error = raised
        errors = self.gather(None if error is None else (type(error), str(error)))
        rank = next((rank for rank, known in enumerate(errors) if known is not None), None)
        if error is None and rank is not None:
            kind, message = errors[rank]
            error = _made_again(kind, f"{message} (process {rank} of {self.count} found this)")
        if error is not None:
            raise self.known_to_all(error)

    def known_to_all(self, error: Exception) -> Exception:
        """The error, marked as one that each process has: the first one tells it."""
        error.known_to_all = self.count > 1
        return error

    def require_same(self, **described: object) -> None:
        """ValueError, in all processes, if one of them has other values than the first."""
        everyone = self.gather(described)
        for rank, theirs in enumerate(everyone):
            different = [
                f"{name} {theirs[name]!r}, in process 0 {first!r}"
                for name, first in everyone[0].items()
                if theirs[name] != first
            ]
            if different:
                message = f"process {rank} was called with other arguments than process 0: "
                raise self.known_to_all(ValueError(message + "; ".join(different)))

    def device(self, chosen: torch.device, wanted: object) -> torch.device:
        """The device of this process: each has a GPU of its own."""
        if self.count == 1:
            return chosen
        if chosen.type == "cuda" and chosen.index is None:
            local_rank = int(os.environ.get("LOCAL_RANK", self.rank))
            if local_rank >= torch.cuda.device_count():
                raise ValueError(
                    f"process {self.rank} has no GPU of its own: this computer has "
                    f"{torch.cuda.device_count()}. Start one process a GPU, or pass device 'cpu'"
                )
            chosen = torch.device("cuda", local_rank)
            torch.cuda.set_device(chosen)
        elif chosen.type not in ("cpu", "cuda"):
            if wanted != "auto":
                raise ValueError(f"several processes train on 'cpu' or 'cuda', not on {str(chosen)!r}")
            chosen = torch.device("cpu")
        return chosen

    def parallel(self, model: nn.Module, batches: "Shares") -> nn.Module:
        """The model, with gradients that are summed over the processes as ``backward`` goes."""
        if self.count == 1:
            return model
        from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

        def weighted_mean(group, bucket):
            bucket.buffer().mul_(batches.share * self.count)  # so that the mean weighs examples
            return allreduce_hook(group, bucket)

        parallel = nn.parallel.DistributedDataParallel(model)
        parallel.register_comm_hook(None, weighted_mean)
        return parallel


class Shares(Batches):
    """This process's share of each batch: of 64 images over 3 processes 21, 21 and 22.

    share: the last batch's, as a fraction.  Where a batch has fewer images than there are processes, a share
    may be 0: then one image stands in, because each process must take part, and counts nothing.
    """

    def __init__(self, *args: object, processes: Processes, **options: object):
        super().__init__(*args, **options)
        self.processes = processes
        self.share = 1.0

    def _rows(self, step: int) -> slice:
        whole = super()._rows(step)
        size, rank, count = whole.stop - whole.start, self.processes.rank, self.processes.count
        first, end = size * rank // count, size * (rank + 1) // count
        self.share = (end - first) / size
        if first == end:
            first = min(first, size - 1)
            end = first + 1
        return slice(whole.start + first, whole.start + end)


@contextlib.contextmanager
def process_group() -> Iterator[Processes]:
    """The processes that torchrun started, or one, if it started none.

    The first call connects them; they stay connected until the process ends, because a second connection
    could meet what is left of the first.

    Raises ProcessLostError where torch reports that the connection to another process broke, or that it did
    not answer for two minutes.
    """
    if not (dist.is_available() and (dist.is_initialized() or dist.is_torchelastic_launched())):
        yield Processes()
        return
    try:
        if not dist.is_initialized():
            gpus = torch.cuda.is_available() and dist.is_nccl_available()
            dist.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=TIMEOUT)
            atexit.register(_disconnect)
        yield Processes(dist.get_rank(), dist.get_world_size())
    except Exception as error:
        if not (isinstance(error, dist.DistError) or "gloo" in str(error)):
            raise
        atexit.unregister(_disconnect)  # which could wait for the lost one
        reason = str(error).splitlines()[0].rpartition("] ")[2]
        raise ProcessLostError(
            f"process {os.environ.get('RANK', '?')} of the run stops, because another one ended or no longer "
            f"answers (torch: {reason[:200]}). What was done since the last checkpoint is lost"
        ) from error


def _disconnect() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def _made_again(kind: type, message: str) -> Exception:
    """An error like that of another process."""
    try:
        return kind(message)
    except TypeError:  # a type that takes other arguments
        return RuntimeError(f"{kind.__name__}: {message}")
