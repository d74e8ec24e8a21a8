"""What ``tiger.watch`` costs a training: pairs of ten steps in turn, with and without one record, on one machine.

    python benchmarks/watch_overhead.py [--pairs 60] [--width 768] [--device cpu|cuda] [--threads 2]

The model is an RQ-VAE of 3 x 256 codes (vector-quantize-pytorch, latent width 32, hidden layers 512, 256, 128), batch 1024 of
100,000 items. A record is what docs/DEBUGGING.md tells people to log: codes, the items' numbers, losses, learning rate and
codebooks. In each pair one stretch records and the other does not, in turn the first and the second. The target is at most
1 % of the time of ten steps. Also measured: a diagnosis of the live run, target 300 ms. Prints one JSON object.
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import nn
from vector_quantize_pytorch import ResidualVQ

import tiger
from tiger import datasets, reports
from tiger.analysis import doctor

N_ITEMS, BATCH, STEPS = 100_000, 1024, 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    with tempfile.TemporaryDirectory() as home:
        os.environ["TIGER_HOME"] = home
        print(json.dumps(measure(args), indent=1))


def measure(args: argparse.Namespace) -> dict:
    """All figures."""
    rng = np.random.default_rng(args.seed)
    centres = rng.normal(size=(500, args.width)).astype(np.float32)
    emb_IE = centres[rng.integers(0, 500, N_ITEMS)] + 0.5 * rng.normal(size=(N_ITEMS, args.width)).astype(np.float32)
    x_IE = torch.from_numpy(emb_IE).to(args.device)
    step = Training(x_IE, args.width, args.seed)
    start = time.perf_counter()
    rec = tiger.watch("overhead", embeddings=emb_IE, n_codes=[256] * 3, library="vector-quantize-pytorch")
    begin_s = time.perf_counter() - start
    for _ in range(3 * STEPS):
        step()
    bare, records, n = [], [], 0
    for pair in range(args.pairs):
        for recorded in ((True, False) if pair % 2 else (False, True)):
            _wait(args.device)
            start = time.perf_counter()
            for _ in range(STEPS):
                step()
            if recorded:
                n += STEPS
                rec.log(n, codes=step.codes, rows=step.rows, losses={"loss": step.loss}, learning_rate=1e-3,
                        codebooks=lambda: step.vq.codebooks)
            _wait(args.device)
            (records if recorded else bare).append(time.perf_counter() - start)
    ratio = np.array(records) / np.array(bare) - 1
    calls = [timed(rec, step, n + 1 + number) for number in range(200)]
    cat = datasets.load_ref(rec.run.config.dataset)
    vectors = doctor.measure(cat.embedding_IE)
    diagnoses = [_seconds(lambda: reports.diagnose(rec.run, cat, vectors)) for _ in range(9)]
    rec.close()
    draws = np.random.default_rng(0).integers(0, len(ratio), (2000, len(ratio)))
    low, high = np.quantile(np.median(ratio[draws], axis=1), [0.025, 0.975])
    return {"device": args.device, "threads": args.threads, "width": args.width, "seed": args.seed, "pairs": args.pairs,
            "ten_steps_ms": round(1e3 * float(np.median(bare)), 2),
            "overhead_percent": {"median": round(100 * float(np.median(ratio)), 2),
                                 "interval_95": [round(100 * low, 2), round(100 * high, 2)]},
            "record_us": {"median": round(1e6 * float(np.median(calls))), "p95": round(1e6 * float(np.quantile(calls, 0.95))),
                          "mean": round(1e6 * float(np.mean(calls)))},
            "record_share_percent": round(100 * float(np.mean(calls)) / float(np.median(bare)), 2),
            "watch_s": round(begin_s, 2), "diagnosis_ms": {"median": round(1e3 * float(np.median(diagnoses)), 1),
                                                           "slowest": round(1e3 * max(diagnoses), 1)}}


class Training:
    """An RQ-VAE; each call is one step."""

    def __init__(self, x_IE: torch.Tensor, width: int, seed: int):
        self.x_IE, device = x_IE, x_IE.device
        sizes = [width, 512, 256, 128, 32]
        self.encoder, self.decoder = _mlp(sizes).to(device), _mlp(sizes[::-1]).to(device)
        self.vq = ResidualVQ(dim=32, num_quantizers=3, codebook_size=256, kmeans_init=True, threshold_ema_dead_code=2).to(device)
        self.optimiser = torch.optim.Adam([*self.encoder.parameters(), *self.decoder.parameters()], lr=1e-3)
        self.draw = torch.Generator().manual_seed(seed)

    def __call__(self) -> None:
        self.rows = torch.randint(0, len(self.x_IE), (BATCH,), generator=self.draw)
        x_BE = self.x_IE[self.rows.to(self.x_IE.device)]
        quantised, self.codes, loss = self.vq(self.encoder(x_BE))
        self.loss = nn.functional.mse_loss(self.decoder(quantised), x_BE) + loss.sum()
        self.optimiser.zero_grad(set_to_none=True)
        self.loss.backward()
        self.optimiser.step()


def timed(rec, step: Training, number: int) -> float:
    """Seconds of one record right after a step, as a training pays them; the steps between are left out."""
    step()
    _wait(step.x_IE.device.type)
    return _seconds(lambda: rec.log(number, codes=step.codes, rows=step.rows, losses={"loss": step.loss}, learning_rate=1e-3,
                                    codebooks=lambda: step.vq.codebooks))


def _seconds(do) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def _mlp(sizes: list[int]) -> nn.Sequential:
    layers = []
    for wide, narrow in itertools.pairwise(sizes):
        layers += [nn.Linear(wide, narrow), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _wait(device: str) -> None:
    if device != "cpu":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
