"""One epoch on so many copies of MNIST's training set: its seconds, and the peak of this process's memory.

Prints: data COPIES SECONDS MEGABYTES DATA_MEGABYTES.  The megabytes are those above what Python, torch and
the library take before there are any data.
"""

import resource
import sys

import torch
from pipelines import copies, network

from softmax_lib.data import Split, load_mnist
from softmax_lib.training import fit


def peak() -> float:
    """In MB; Linux counts in KiB, macOS in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


few = Split(torch.zeros(64, 28, 28, dtype=torch.uint8), torch.zeros(64, dtype=torch.int64))
fit(network(), few, epochs=1, progress=False, device="cpu")  # what is loaded at the first step is loaded now
before = peak()
train = load_mnist().train
if (times := int(sys.argv[1])) > 1:
    train = copies(train, times)
record = fit(network(), train, epochs=1, progress=False, device="cpu")[0]
print("data", times, round(record.train_seconds, 3), round(peak() - before), round(train.images.nbytes / 1e6))
