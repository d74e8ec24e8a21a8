"""On which device a training computes: the processor by default, a graphics processor where one is asked for."""

import torch

CHOICES = ("cpu", "auto", "cuda", "mps")
HELP = "Device for training: cpu, cuda, mps, or auto (cuda if there is one)."


def pick(device: str) -> torch.device:
    """The device of this name.

    Args:
        device: one of ``CHOICES``.

    Raises:
        ValueError: this machine has none that torch can use.
    """
    usable = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return torch.device("cuda" if usable["cuda"] else "cpu")
    if device not in usable:
        raise ValueError(f"device is '{device}', but must be one of {', '.join(CHOICES)}.")
    if not usable[device]:
        there = ", ".join(name for name, is_there in usable.items() if is_there)
        raise ValueError(f"device is '{device}', but torch finds only {there} on this machine; choose {there} or auto.")
    return torch.device(device)


def to_cpu(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies on the processor, for files and checkpoints."""
    return {name: value.detach().to("cpu", copy=True) for name, value in tensors.items()}
