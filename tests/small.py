"""Small data and what several test files ask of weights."""

import pytest
import torch

from softmax_lib.data import Split

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")


def striped_split(n, seed=0):
    """Images that a small network learns in a few steps: the label is a bright row."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 10, (n,), generator=generator)
    images = torch.randint(0, 100, (n, 28, 28), generator=generator, dtype=torch.uint8)
    images[torch.arange(n), 2 * labels] = 255
    return Split(images, labels)


def weights(model):
    return [parameter.detach().clone() for parameter in model.parameters()]


def equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
