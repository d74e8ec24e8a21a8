"""Where training computes."""

import pytest
import torch

from tiger.core import devices


def test_the_processor_is_always_there_and_auto_takes_cuda_where_it_is(monkeypatch):
    assert devices.pick("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.pick("auto") == devices.pick("cuda") == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.pick("auto") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused_in_one_sentence(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=rf"device is '{name}', but torch finds only cpu on this machine; choose cpu"):
        devices.pick(name)
    with pytest.raises(ValueError, match="must be one of cpu, auto, cuda, mps"):
        devices.pick("tpu")


def test_copies_on_the_processor_are_copies():
    weight = torch.nn.Parameter(torch.arange(3.0))
    copy = devices.to_cpu({"a": weight})["a"]
    with torch.no_grad():
        weight += 1
    assert copy.tolist() == [0, 1, 2] and not copy.requires_grad
