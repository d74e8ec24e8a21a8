"""Training steps a second against the bare matrix multiplications of the same layers.

    python benchmarks/rqvae_steps.py [--data ../shared/data/amazon-beauty] [--threads 2] [--rounds 30]

Amazon Beauty, 256-d vectors, the paper's network, batch 1024. Short segments of real training (through
``fit_steps``, with measurements every 10 steps) and of bare float32 multiplications take turns, so that both see
the same machine; the ratio is taken segment by segment. Target: at least 0.85. Prints one JSON object.
"""

import argparse
import json
import time
from collections.abc import Callable

from bare import BEAUTY, BareStep, beauty, machine, spread, use_threads

from tiger import quantizers

SEGMENT = 20  # steps


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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(BEAUTY))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    use_threads(args.threads)
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
