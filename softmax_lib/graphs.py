"""The loop of ``train_epoch`` on a GPU, with a step that is recorded once as a CUDA graph and then replayed.

A step of the lecture's network starts some sixty kernels, and Python takes longer to start most of them than
the GPU to run them.  A graph starts them all by one call (PyTorch's documentation: "CUDA semantics", section
"CUDA Graphs").  They are the same kernels in the same order, so the updates are those of ``train_epoch``.

A replay runs no Python, so only networks are recorded whose layers do the same at each call; any other is
trained by ``train_epoch``, as on a CPU.  Used by ``fit`` by itself; notebook 10 mentions it.
"""

import contextlib
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from softmax_lib.data import Batches
from softmax_lib.watch import BadLoss, Metrics, Watch

LAYERS = {nn.Sequential, nn.Flatten, nn.Linear, nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU}
LAYERS |= {nn.Sigmoid, nn.Tanh, nn.Softplus}
STEPS_BEFORE = 3  # what is made in the first steps, such as momentum, must be there when one is recorded


def can_be_recorded(model: nn.Module) -> bool:
    """Whether a step is the same kernels each time: known layers only, no dropout, no hooks."""
    layers_do_the_same = all(
        type(module) in LAYERS
        and "forward" not in vars(module)
        and not (module._forward_hooks or module._forward_pre_hooks)
        and not (module._backward_hooks or module._backward_pre_hooks)
        for module in model.modules()
    )
    return layers_do_the_same and not any(
        parameter._backward_hooks or parameter._post_accumulate_grad_hooks for parameter in model.parameters()
    )


def cuda_graph(run: Callable[[], None]) -> Callable[[], None]:
    """A function that repeats what ``run`` starts on the GPU.  Called here, ``run`` computes nothing."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


class RecordedEpochs:
    """``train_epoch`` for one model and its fused SGD: call it once an epoch.

    record: makes the replay of a step; the tests on a CPU give one that runs the step itself.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.SGD, record: Callable = cuda_graph):
        self.model, self.optimizer, self.record = model, optimizer, record
        device = next(model.parameters()).device
        self.lr = torch.zeros((), device=device)  # what a replay reads must stay where it was recorded
        self.bad = BadLoss(device)
        self._forget()

    def _forget(self) -> None:
        self.replay = self.images = self.labels = self.loss = self.logits = self.gradients = None
        self.steps = 0
        self.made_of = [(p.data_ptr(), p.requires_grad) for p in self.model.parameters()]

    def __call__(self, batches: Batches, watch: Watch) -> Metrics:
        if self.made_of != [(p.data_ptr(), p.requires_grad) for p in self.model.parameters()]:
            self._forget()  # replaced or frozen since the last epoch
        self.bad.step.fill_(watch.step)
        watch.bad = self.bad
        with watch:
            self.model.train()
            for images, labels in watch.ready(batches, self.model):
                loss, logits = self._step(images, labels, watch, is_whole=len(labels) == batches.batch_size)
                watch.add(loss, logits, labels)
            return watch.metrics()

    def _step(self, images: Tensor, labels: Tensor, watch: Watch, is_whole: bool) -> tuple[Tensor, Tensor]:
        self.lr.fill_(self.optimizer.param_groups[0]["lr"])
        if is_whole and self.replay is None and self.steps == STEPS_BEFORE:
            self._record(images, labels, watch)
        self.steps += 1
        if self.replay is None or not is_whole:
            return self._computed(images, labels, watch)
        self.images.copy_(images)
        self.labels.copy_(labels)
        self.replay()
        for parameter, gradient in zip(self.model.parameters(), self.gradients, strict=True):
            parameter.grad = gradient
        return self.loss, self.logits

    def _record(self, images: Tensor, labels: Tensor, watch: Watch) -> None:
        self.images, self.labels = images.clone(), labels.clone()

        def run():
            self.loss, self.logits = self._computed(self.images, self.labels, watch)

        with contextlib.suppress(RuntimeError):  # then every step is computed like the first ones
            self.replay = self.record(run)
        self.gradients = [parameter.grad for parameter in self.model.parameters()]

    def _computed(self, images: Tensor, labels: Tensor, watch: Watch) -> tuple[Tensor, Tensor]:
        logits = self.model(images)  # (B, C)
        watch.check(logits, labels)
        loss = F.cross_entropy(logits, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.bad.note(loss)
        with self._on_device():
            self.optimizer.step()
        return loss.detach(), logits.detach()

    @contextlib.contextmanager
    def _on_device(self) -> Iterator[None]:
        """The optimizer takes the learning rate and the flag of a bad loss from the device."""
        (group,) = self.optimizer.param_groups
        lr, group["lr"], self.optimizer.found_inf = group["lr"], self.lr, self.bad.flag
        try:
            yield
        finally:
            group["lr"] = lr
            del self.optimizer.found_inf
