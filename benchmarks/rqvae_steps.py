"""Training steps a second against the bare matrix multiplications of the same layers, or against another checkout.

    python benchmarks/rqvae_steps.py [--data ../shared/data/amazon-beauty] [--threads 2] [--rounds 30]
    python benchmarks/rqvae_steps.py --against OTHER_CHECKOUT --widths 256 768 [--threads 1 2]

Amazon Beauty, 256-d vectors (or normal noise of another width), the paper's network, batch 1024. Short segments of real
training (through ``fit_steps``, with measurements every 10 steps) and of bare float32 multiplications take turns, so
that both see the same machine; the ratio is taken segment by segment. Target: at least 0.85. With ``--against`` the
other side of each pair is a process that trains the same quantizer with that checkout's code; the ratio is this
checkout's seconds a step by the other's. Prints one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
from bare import BEAUTY, BareStep, beauty, machine, spread, use_threads

from tiger import quantizers
from tiger.runs.executors.base import KEEP_MEMORY

SEGMENT = 20  # steps
WORKER = """
import sys, time, json
import numpy as np
import torch
torch.set_num_threads(int(sys.argv[1]))
from tiger import quantizers
fit = quantizers.create("rqvae", **json.loads(sys.argv[3])).fit_steps(np.load(sys.argv[2]))
next(fit)
for line in sys.stdin:
    start = time.perf_counter()
    for _ in range(int(line)):
        next(fit)
    print(time.perf_counter() - start, flush=True)
"""


def seconds(work: Callable[[], object], n_steps: int) -> float:
    """Seconds a step."""
    start = time.perf_counter()
    for _ in range(n_steps):
        work()
    return (time.perf_counter() - start) / n_steps


def compare(emb_IE, bare: BareStep, rounds: int, **params) -> dict[str, object]:
    """Segments in turn: bare, real, bare, real ... The first round warms up."""
    q = quantizers.create("rqvae", n_steps=SEGMENT * (rounds + 1), **params)
    fit = q.fit_steps(emb_IE)
    next(fit)  # k-means start
    pairs = [(seconds(bare.train, SEGMENT), seconds(lambda: next(fit), SEGMENT)) for _ in range(rounds + 1)][1:]
    return {"steps_per_s": spread([1 / real for _, real in pairs], 1),
            "bare_float32_steps_per_s": spread([1 / own for own, _ in pairs], 1),
            "ratio": spread([own / real for own, real in pairs])}


class Trainee:
    """A process of its own that trains with one checkout's code, a segment whenever it is told."""

    def __init__(self, checkout: str, threads: int, vectors: str, params: dict[str, object]):
        words = [sys.executable, "-c", WORKER, str(threads), vectors, json.dumps(params)]
        place = os.environ | KEEP_MEMORY | {"PYTHONPATH": checkout}  # as a run's worker has it
        self.process = subprocess.Popen(words, cwd=checkout, env=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def segment(self) -> float:
        """Seconds a step of the next segment."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{SEGMENT}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) / SEGMENT

    def end(self) -> None:
        """Let it go."""
        self.process.communicate()


def against(other: str, emb_IE: np.ndarray, threads: int, rounds: int, seed: int) -> dict[str, object]:
    """This checkout's steps and another's, segment by segment in turn."""
    vectors = f"/tmp/rqvae_steps_{os.getpid()}.npy"
    np.save(vectors, emb_IE)
    params = {"n_steps": SEGMENT * (rounds + 2), "seed": seed, "batch_size": 1024}
    here, there = (Trainee(path, threads, vectors, params) for path in (os.getcwd(), os.path.abspath(other)))
    pairs = [(here.segment(), there.segment()) for _ in range(rounds + 1)][1:]
    here.end(), there.end()
    os.unlink(vectors)
    return {"ms_here": spread([1000 * mine for mine, _ in pairs], 2), "ms_there": spread([1000 * own for _, own in pairs], 2),
            "ratio": spread([mine / own for mine, own in pairs])}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(BEAUTY))
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--against", metavar="CHECKOUT", help="measure against the step of another checkout")
    parser.add_argument("--widths", type=int, nargs="+", default=[256], help="embedding widths, with --against")
    args = parser.parse_args()
    if args.against:
        rng = np.random.default_rng(args.seed)
        rows = {width: rng.standard_normal((12_101, width), np.float32) for width in args.widths}
        result = {f"width {width}, {threads} threads": against(args.against, emb_IE, threads, args.rounds, args.seed)
                  for width, emb_IE in rows.items() for threads in args.threads}
        print(json.dumps({"batch": 1024, "seed": args.seed, "rounds": args.rounds, "segment_steps": SEGMENT,
                          "machine": machine(), "pairs": result}, indent=1))
        return
    use_threads(args.threads[0])
    emb_IE, bare = beauty(args.data), BareStep(1024)
    variants = {"float32": {}, "float32, KoLeo 1": {"koleo": 1.0}, "bfloat16": {"precision": "bfloat16"},
                "bfloat16, KoLeo 1": {"precision": "bfloat16", "koleo": 1.0}}
    result = {name: compare(emb_IE, bare, args.rounds, seed=args.seed, **params) for name, params in variants.items()}
    walls = {}
    for precision in ("float32", "bfloat16"):
        start = time.perf_counter()
        quantizers.create("rqvae", seed=args.seed, precision=precision).fit(emb_IE)
        walls[precision] = round(time.perf_counter() - start, 1)
    print(json.dumps({"items": len(emb_IE), "batch": 1024, "seed": args.seed, "rounds": args.rounds,
                      "segment_steps": SEGMENT, "machine": machine(), "variants": result,
                      "fit_600_steps_s": walls}, indent=1))


if __name__ == "__main__":
    main()
