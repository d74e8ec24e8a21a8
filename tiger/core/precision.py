"""Which number format the matrix products of training use."""

import torch

CHOICES = ("float32", "bfloat16", "auto")
HELP = "Multiply matrices in float32, in bfloat16, or in bfloat16 where the processor has it (auto)."


def uses_bfloat16(precision: str) -> bool:
    """Whether this choice means bfloat16 on this machine."""
    return precision == "bfloat16" or (precision == "auto" and torch.ops.mkldnn._is_mkldnn_bf16_supported())
