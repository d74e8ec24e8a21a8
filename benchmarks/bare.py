"""What the RQ-VAE benchmarks share: the bare matrix multiplications they compare with, and facts of the machine."""

import itertools
import os
import platform
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as tiger sets them; read when torch is imported
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tiger import datasets

PROJECT = Path(__file__).resolve().parent.parent
WIDTHS = [256, 512, 256, 128, 32]  # the paper's encoder for 256-d embeddings; the decoder mirrors it
N_LEVELS, N_CODES = 3, 256
BEAUTY = PROJECT.parent / "shared" / "data" / "amazon-beauty"


class BareStep:
    """Only the matrix multiplications of one training step, into buffers made beforehand.

    Forward of every layer, the weight gradient of every layer, the input gradient of every layer but the first,
    and one product of latents and codes per level. No bias, no ReLU, no loss, no update.
    """

    def __init__(self, n_rows: int, dtype: torch.dtype = torch.float32):
        widths = WIDTHS + WIDTHS[-2::-1]
        self.rows = [torch.randn(n_rows, width).to(dtype) for width in widths]
        self.out = [torch.empty_like(rows) for rows in self.rows]
        self.weights = [torch.randn(after, before).to(dtype)
                        for before, after in itertools.pairwise(widths)]
        self.grads = [torch.empty_like(weight) for weight in self.weights]
        self.latent, self.book = torch.randn(n_rows, WIDTHS[-1]), torch.randn(N_CODES, WIDTHS[-1])
        self.distance = torch.empty(n_rows, N_CODES)

    def encode(self) -> None:
        """The encoder's layers and the distances to three codebooks."""
        for i in range(len(WIDTHS) - 1):
            torch.mm(self.rows[i], self.weights[i].t(), out=self.out[i + 1])
        self.distances()

    def distances(self) -> None:
        """One product per level."""
        for _ in range(N_LEVELS):
            torch.mm(self.latent, self.book.t(), out=self.distance)

    def train(self) -> None:
        """Everything that a step multiplies."""
        for i, weight in enumerate(self.weights):
            torch.mm(self.rows[i], weight.t(), out=self.out[i + 1])
        self.distances()
        for i in range(len(self.weights) - 1, -1, -1):
            torch.mm(self.rows[i + 1].t(), self.rows[i], out=self.grads[i])
            if i:
                torch.mm(self.rows[i + 1], self.weights[i], out=self.out[i])


def beauty(path: str) -> np.ndarray:
    """Amazon Beauty's 12,101 TF-IDF/SVD vectors (I, 256)."""
    return datasets.load("recbole", path=path).embedding_IE


def use_threads(n: int) -> None:
    """Let torch compute on this many threads."""
    torch.set_num_threads(n)


def machine() -> dict[str, object]:
    """Processor, cores, threads, versions and load, so that a figure can be judged."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        cpu = next((line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line), cpu)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": torch.get_num_threads(), "torch": torch.__version__,
            "capability": torch.backends.cpu.get_cpu_capability(), "load_1min": load}


def spread(values: list[float], digits: int = 3) -> dict[str, float]:
    """Minimum, median and maximum."""
    return {"min": round(min(values), digits), "median": round(float(np.median(values)), digits),
            "max": round(max(values), digits)}
