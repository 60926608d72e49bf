"""The course's two models: the linear softmax classifier (notebook 6) and the lecture's MLP (notebook 7).

Both return logits (N, C), never probabilities: the loss, ``torch.nn.functional.cross_entropy``, takes the
logarithm of the softmax itself, in one stable step.  ``logits.softmax(dim=1)`` gives the probabilities.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

LECTURE_SIZES = (784, 520, 320, 240, 120, 10)


def linear_classifier() -> nn.Sequential:
    """Softmax regression on MNIST: images (N, 1, 28, 28) to logits (N, 10), 7,850 parameters.

    logits = X W^T + b with X (N, 784), weight W (10, 784) (torch keeps it as (out, in)) and b (10,).
    """
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def mlp(sizes: Sequence[int] = LECTURE_SIZES, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """A multilayer perceptron: inputs of ``sizes[0]`` features to logits (N, ``sizes[-1]``).

    sizes: the number of inputs, of units of each hidden layer, and of classes; the lecture's network by
    default, with 682,090 parameters.  activation: called once for each hidden layer (``nn.ReLU``,
    ``nn.Sigmoid``, ``lambda: nn.LeakyReLU(0.1)``); nothing follows the last layer, whose outputs are logits.

    >>> import torch
    >>> mlp((784, 30, 10))(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    if not isinstance(sizes, Sequence):
        raise TypeError(f"sizes must be one tuple, such as (784, 30, 10); found {sizes!r}")
    sizes = tuple(sizes)
    if len(sizes) < 2 or not all(type(size) is int and size > 0 for size in sizes):
        raise ValueError(f"sizes must be two or more positive whole numbers, inputs first; found {sizes}")
    if not callable(activation) or isinstance(activation, nn.Module):
        raise TypeError(
            "activation must make a new layer at each call: pass nn.ReLU (the class), not nn.ReLU() or 'relu'"
        )
    layers: list[nn.Module] = [nn.Flatten()]  # (N, 1, 28, 28) -> (N, 784)
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])  # without the activation after the last layer
