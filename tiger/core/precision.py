"""Which number format the matrix products of training use."""

import contextlib

import torch

CHOICES = ("float32", "bfloat16", "auto")
HELP = "Precision of matrix products: float32, bfloat16, or auto (bfloat16 if the CPU supports it)."


def uses_bfloat16(precision: str) -> bool:
    """Whether this choice means bfloat16 on this machine."""
    return precision == "bfloat16" or (precision == "auto" and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def bfloat16_products(device: torch.device, on: bool) -> contextlib.AbstractContextManager[object]:
    """Where matrix products are in bfloat16, if ``on``; parameters and what they add up to stay float32."""
    return torch.autocast(device.type, torch.bfloat16) if on else contextlib.nullcontext()


def float32_products(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Where they are in float32, whatever stands around it."""
    known = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if known else contextlib.nullcontext()
