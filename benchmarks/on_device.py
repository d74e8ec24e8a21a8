"""Let a trained recommender answer on a graphics processor, for benchmarks that score thousands of users.

The lab answers on the processor (a search for one user is too small to gain anything), so its search and its networks read
NumPy arrays and make their tensors where torch makes them by default. ``answering_on`` makes the device that default, sends
there what comes from NumPy, and brings back what goes to it; the computation itself is the lab's own.
"""

import contextlib
from collections.abc import Iterator
from unittest import mock

import torch

from tiger.models.base import Recommender

from_numpy, to_numpy = torch.from_numpy, torch.Tensor.numpy


@contextlib.contextmanager
def answering_on(device: str, *members: Recommender) -> Iterator[None]:
    """Within this block these trained recommenders compute on ``device``; on "cpu" nothing changes."""
    if device == "cpu":
        yield
        return
    for member in members:
        net = getattr(member, "net_", None)
        if net is not None:
            net.to(device)
        for trie in (getattr(member, "trie_", None), getattr(getattr(net, "prefixes", None), "trie", None)):
            for name, value in vars(trie).items() if trie is not None else ():
                setattr(trie, name, _moved(value, device))
    with (mock.patch.object(torch, "from_numpy", lambda array: from_numpy(array).to(device)),
          mock.patch.object(torch.Tensor, "numpy", lambda tensor: to_numpy(tensor.detach().cpu())), torch.device(device)):
        yield


def _moved(value: object, device: str) -> object:
    if isinstance(value, list):
        return [_moved(one, device) for one in value]
    return value.to(device) if isinstance(value, torch.Tensor) else value
