"""What is compared: the textbook's pipeline, the library, a bare loop, and the matrix products alone.

The textbook's pipeline is the one of the lecture and of many tutorials: torchvision's data set, one image
after the other through ``ToTensor``, a ``DataLoader``, plain SGD, a line printed every ten batches.
"""

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

from softmax_lib.data import Split, seeded_generator, torchvision_root
from softmax_lib.models import LECTURE_SIZES, mlp

BATCH, LR, MOMENTUM = 64, 0.01, 0.5  # the lecture's recipe


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return mlp()


# -------------------------------------------------------------------------------------------- the textbook's


class Textbook:
    """Training and testing as the textbook writes them.  Its lines go to a string, not to a slow terminal."""

    def __init__(self, seed: int = 0, device: str = "cpu"):
        from torchvision import datasets, transforms  # softmax_lib.data, above, has mended its import

        root = torchvision_root()
        train, test = (
            datasets.MNIST(root, train=part, transform=transforms.ToTensor(), download=True)
            for part in (True, False)
        )
        self.device = torch.device(device)
        self.model = network(seed).to(self.device)
        self.train_loader = DataLoader(train, batch_size=BATCH, shuffle=True)
        self.test_loader = DataLoader(test, batch_size=BATCH)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=LR, momentum=MOMENTUM)
        self.criterion = nn.CrossEntropyLoss()

    def epoch(self) -> None:
        self.model.train()
        with redirect_stdout(io.StringIO()):
            for i, (data, target) in enumerate(self.train_loader):
                data, target = data.to(self.device), target.to(self.device)
                self.optimizer.zero_grad()
                loss = self.criterion(self.model(data), target)
                loss.backward()
                self.optimizer.step()
                if i % 10 == 0:
                    print(f"{i * len(data)}/{len(self.train_loader.dataset)} loss {loss.item():.6f}")

    def test(self) -> float:
        """The accuracy on the test images."""
        self.model.eval()
        correct = 0
        with torch.no_grad():
            for data, target in self.test_loader:
                data, target = data.to(self.device), target.to(self.device)
                correct += (self.model(data).argmax(1) == target).sum().item()
        return correct / len(self.test_loader.dataset)


# ------------------------------------------------------------------------------------------------- bare loops


def bare_epoch(model: nn.Module, split: Split, seed: int = 0) -> None:
    """The first epoch of ``fit``, update for update, without totals, checks, Ctrl-C or bar."""
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM, fused=True)
    model.train()
    order = torch.randperm(len(split), generator=seeded_generator(seed, 0))
    for start in range(0, len(split), BATCH):
        rows = order[start : start + BATCH]
        images = split.images[rows].unsqueeze(1).float().div_(255)
        loss = F.cross_entropy(model(images), split.labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def matrix_products(
    steps: int, batch: int = BATCH, backward: bool = True, sizes: tuple[int, ...] = LECTURE_SIZES
) -> Callable[[], None]:
    """A function that does the matrix products of so many steps, into tensors that are there already.

    For each of the five layers the forward product and the one for the weights' gradient, and for all but the
    first the one for the inputs' gradient: 14 a step.  backward=False: the forward ones alone, 5 a batch.
    """
    layers = []
    for inputs, outputs in pairwise(sizes):
        x, weight, dlogits = (
            torch.rand(batch, inputs),
            torch.rand(outputs, inputs),
            torch.rand(batch, outputs),
        )
        layers.append((x, weight, dlogits, *map(torch.empty_like, (x, weight, dlogits))))

    backwards = list(enumerate(layers))[::-1] if backward else []

    def run() -> None:
        for _ in range(steps):
            for x, weight, _, _, _, logits in layers:
                torch.mm(x, weight.t(), out=logits)
            for i, (x, weight, dlogits, dx, dweight, _) in backwards:
                torch.mm(dlogits.t(), x, out=dweight)
                if i > 0:
                    torch.mm(dlogits, weight, out=dx)

    return run


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def copies(split: Split, times: int) -> Split:
    """A split of so many times the images, each as often, without a second copy in memory on the way."""
    images = torch.empty(times * len(split), *split.images.shape[1:], dtype=torch.uint8)
    images.view(times, *split.images.shape).copy_(split.images)
    return Split(images, split.labels.repeat(times))
