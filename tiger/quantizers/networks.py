"""The encoder and decoder: plain layers over one flat buffer, with forward and backward written out.

Why by hand: on a processor the matrix multiplications of this network take about 20 ms a step, and everything
around them should not add to that. All parameters lie in one buffer, so the optimiser makes one pass; every
activation and gradient has its place, so a step allocates next to nothing. The tests hold these gradients
against torch's automatic ones.
"""

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

ALIGN = 16  # floats: every tensor of the buffer starts on its own cache line


class ParameterBuffer:
    """Named float32 tensors that are views into one buffer, and the same views into a buffer of gradients.

    Args:
        shapes: name -> shape, in the order they are laid out.
        dtype: float32; bfloat16 for the copy that fast multiplications read.
    """

    def __init__(self, shapes: dict[str, tuple[int, ...]], dtype: torch.dtype = torch.float32):
        sizes = {name: -(-math.prod(shape) // ALIGN) * ALIGN for name, shape in shapes.items()}
        self.values = torch.zeros(sum(sizes.values()), dtype=dtype)
        self.grads = torch.zeros_like(self.values)
        self.value: dict[str, Tensor] = {}
        self.grad: dict[str, Tensor] = {}
        self.slices: dict[str, slice] = {}
        start = 0
        for name, shape in shapes.items():
            part = slice(start, start + math.prod(shape))
            self.slices[name] = part
            self.value[name], self.grad[name] = self.values[part].view(shape), self.grads[part].view(shape)
            start += sizes[name]


@dataclass
class Layer:
    """One affine layer: y = x W^T + b, with the gradients of W and b where it is trained."""

    weight_OI: Tensor
    bias_O: Tensor
    grad_weight_OI: Tensor | None = None
    grad_bias_O: Tensor | None = None


class Network:
    """Affine layers with ReLU between them, for a fixed number of rows.

    Args:
        layers: first to last; each one's input width is the one before's output width.
        n_rows: rows of every batch; buffers are made once for that many.
        need_input_grad: whether ``backward`` also gives the gradient of the input (the decoder's must).
    """

    def __init__(self, layers: list[Layer], n_rows: int, need_input_grad: bool = False):
        dtype = layers[0].weight_OI.dtype
        self.layers, self.need_input_grad = layers, need_input_grad
        self.out = [torch.empty(n_rows, layer.weight_OI.shape[0], dtype=dtype) for layer in layers]
        self.input: Tensor | None = None
        self.grad_in: list[Tensor] = []

    def forward(self, x_BE: Tensor) -> Tensor:
        """The last layer's output; a buffer that the next call overwrites."""
        self.input, last = x_BE, len(self.layers) - 1
        for i, (layer, out) in enumerate(zip(self.layers, self.out, strict=True)):
            torch.addmm(layer.bias_O, x_BE, layer.weight_OI.t(), out=out)
            x_BE = out if i == last else out.relu_()
        return x_BE

    def backward(self, grad_BO: Tensor) -> Tensor | None:
        """Fill every layer's gradients from the gradient of the output; returns the input's where wanted."""
        assert self.input is not None, "forward comes first"
        if not self.grad_in:
            self.grad_in = [torch.empty(len(grad_BO), layer.weight_OI.shape[1], dtype=grad_BO.dtype)
                            for layer in self.layers]
        for i in range(len(self.layers) - 1, -1, -1):
            layer, x_BI = self.layers[i], self.out[i - 1] if i else self.input
            torch.mm(grad_BO.t(), x_BI, out=layer.grad_weight_OI)
            torch.sum(grad_BO, 0, out=layer.grad_bias_O)
            if i == 0 and not self.need_input_grad:
                return None
            torch.mm(grad_BO, layer.weight_OI, out=self.grad_in[i])
            grad_BO = self.grad_in[i]
            if i:  # ReLU: no gradient where the output was 0
                torch.ops.aten.threshold_backward.grad_input(grad_BO, x_BI, 0, grad_input=grad_BO)
        return grad_BO


def layer_shapes(part: str, widths: list[int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the layers that lead through ``widths``."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        shapes[f"{part}.{i}.weight"], shapes[f"{part}.{i}.bias"] = (n_out, n_in), (n_out,)
    return shapes


def layers_of(part: str, values: dict[str, Tensor], grads: dict[str, Tensor] | None = None) -> list[Layer]:
    """Collect the layers of one part ("encoder", "decoder") from named tensors."""
    layers: list[Layer] = []
    while (name := f"{part}.{len(layers)}") + ".weight" in values:
        names = (f"{name}.weight", f"{name}.bias")
        layers.append(Layer(*(values[n] for n in names), *(grads[n] for n in names if grads is not None)))
    return layers


def init_layers(layers: list[Layer], generator: torch.Generator) -> None:
    """Fill weights and biases as ``torch.nn.Linear`` does: uniform within 1/sqrt(inputs)."""
    for layer in layers:
        bound = 1 / math.sqrt(layer.weight_OI.shape[1])
        layer.weight_OI.uniform_(-bound, bound, generator=generator)
        layer.bias_O.uniform_(-bound, bound, generator=generator)


def parse_widths(text: str) -> list[int]:
    """Read hidden widths such as "512-256-128"; an empty text means no hidden layer.

    Raises:
        ValueError: not whole numbers from 1 to 4096 joined by "-", or more than 6 of them.
    """
    parts = [part.strip() for part in text.split("-")] if text.strip() else []
    if len(parts) > 6 or not all(p.isascii() and p.isdigit() and 1 <= int(p) <= 4096 for p in parts):
        raise ValueError(f"hidden is {text!r}, but must be at most 6 whole numbers from 1 to 4096 joined by '-', "
                         "such as 512-256-128.")
    return [int(part) for part in parts]
