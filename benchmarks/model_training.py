"""How close a recommender's training step comes to its layers' bare matrix products, and what padding costs.

    python benchmarks/model_training.py [--model rq_transformer] [--codes-only] [--precision float32] [--batches 9] [--threads 1]

Amazon Beauty (RecBole's files beside the checkout, or --path), random IDs of 3 x 256 codes. Batches of one epoch are taken
evenly from the shortest histories to the longest; each is trained ``--repeats`` times and its fastest step counts, as does the
fastest of as many rounds of its bare products. Bare products: the same step's linear layers and attention on its *real*
positions only, forward and both gradients, as plain torch.mm and torch.bmm into buffers made beforehand; no norm, softmax,
dropout, loss or update; always in float32, also where the step uses bfloat16. Prefix scores count as the products of their tiles
without the tiles' padding (their mean sizes). Times are CPU seconds of this process, so that a busy machine disturbs less. The
process keeps its memory as a worker does (``KEEP_MEMORY``). Share of padding: padded positions of the epoch's batches.
Goal: a share of at least 0.60. Prints one JSON line.
"""

import argparse
import json
import os
import sys
import time

import numpy as np
import torch
from bare import BEAUTY, machine

from tiger import datasets, models
from tiger.runs.executors.base import KEEP_MEMORY
from tiger.semantic_ids import SemanticIds

K, L = 256, 3
MODELS = ("rq_transformer", "sasrec", "encoder_decoder")
Product = tuple[int, int, int, int]  # how many of them, rows, from, to


def lengths_of(model: models.Recommender, rows: list[np.ndarray], batch: np.ndarray) -> list[int]:
    """Positions of each history in the batch: its items but the last, which is only predicted."""
    return [min(len(rows[at]), model.history_length + 1) - 1 for at in batch]


def padding(model: models.Recommender, rows: list[np.ndarray]) -> float:
    """Share of the positions of one epoch's batches that are padding."""
    made = real = 0
    for batch in model._batches(rows, 0):
        lengths = lengths_of(model, rows, batch)
        made, real = made + max(lengths) * len(lengths), real + sum(lengths)
    return 1 - real / made


def layer(n: int, width: int, inner: int, ff: int) -> list[Product]:
    """Queries, keys, values and output of attention, and the feed-forward layers, over n positions."""
    return [(1, n, width, inner)] * 3 + [(1, n, inner, width), (1, n, width, ff), (1, n, ff, width)]


def attention(lengths: list[int], queries: list[int], n_heads: int, head: int) -> list[Product]:
    """Scores and weighted sums of histories of these lengths, equal ones in one product."""
    found = []
    for length, n in sorted(set(zip(lengths, queries, strict=True))):
        same = sum(pair == (length, n) for pair in zip(lengths, queries, strict=True)) * n_heads
        found += [(same, n, head, length), (same, n, length, head)]
    return found


def prefix_scores(model: models.Recommender, rows: list[np.ndarray]) -> list[Product]:
    """Products of positions and child prefixes, level by level."""
    goal_N = torch.from_numpy(np.concatenate([row[-model.history_length:] if len(row) > model.history_length else row[1:]
                                              for row in rows]))
    prefixes, found = model.training_net_.prefixes, []
    for level in range(1, L + 1):
        for row_TN, child_TC in prefixes.tiles(level, prefixes.path_IM[goal_N, level - 1]):
            n, c = (max(1, round(float((side >= 0).sum(1).double().mean()))) for side in (row_TN, child_TC))
            found.append((len(row_TN), n, model.width, c))
    return found


def products(model: models.Recommender, lengths: list[int]) -> list[Product]:
    """The matrix products of one step's forward pass on real positions."""
    width, n, depth = model.width, sum(lengths), L + 1
    if model.name == "encoder_decoder":
        inner, tokens, goals = model.n_heads * model.head, [depth * length for length in lengths], [depth] * len(lengths)
        n_tokens, n_goals = sum(tokens), sum(goals)
        encoder = layer(n_tokens, width, inner, model.ff) + attention(tokens, tokens, model.n_heads, model.head)
        cross = [(1, n_goals, width, inner), (1, n_goals, inner, width)] + [(1, n_tokens, width, inner)] * 2
        decoder = layer(n_goals, width, inner, model.ff) + attention(goals, goals, model.n_heads, model.head) + cross
        decoder += attention(tokens, goals, model.n_heads, model.head)
        return (encoder + decoder) * model.n_layers + [(1, len(lengths), width, K)] * L
    head = width // model.n_heads
    found = (layer(n, width, width, 4 * width) + attention(lengths, lengths, model.n_heads, head)) * model.n_layers
    if model.name == "sasrec":
        return [*found, (1, n, width, model.n_items)]
    written = [depth] * n
    found += (layer(n * depth, width, width, 4 * width) + attention(written, written, model.n_heads, head)) * model.n_depth_layers
    return found + [(1, n, width, K)] * L


def bare_s(shapes: list[Product]) -> float:
    """Seconds of these products, forward and both gradients, into buffers made beforehand."""
    sets = {}
    for m, n, a, b in set(shapes):
        sets[m, n, a, b] = [torch.randn(m, *shape) if m > 1 else torch.randn(*shape)
                            for shape in ((n, a), (a, b), (n, b), (n, b), (n, a), (a, b))]
    start_s = time.process_time()
    for shape in shapes:
        x, w, g, out, gx, gw = sets[shape]
        product = torch.bmm if shape[0] > 1 else torch.mm
        product(x, w, out=out)
        product(g, w.mT, out=gx)
        product(x.mT, g, out=gw)
    return time.process_time() - start_s


def fastest_s(call, repeats: int) -> float:
    """Processor seconds of the fastest call."""
    times = []
    for _ in range(repeats):
        start_s = time.process_time()
        call()
        times.append(time.process_time() - start_s)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="rq_transformer", choices=MODELS)
    parser.add_argument("--codes-only", action="store_true", help="rq_transformer without prefix vectors")
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--path", default=str(BEAUTY))
    for name, default in (("batches", 9), ("repeats", 7), ("threads", 1), ("batch-size", 0), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cat = datasets.load("recbole", path=args.path)
    ids = SemanticIds.from_codes(np.random.default_rng(args.seed).integers(0, K, (cat.n_items, L)), K)
    values = ({"prefix_vectors": False} if args.codes_only else {}) | ({"batch_size": args.batch_size} if args.batch_size else {})
    model = models.create(args.model, seed=args.seed, precision=args.precision, **values)
    next(model.fit_steps(cat, ids))
    rows = model.examples(cat)
    batches = sorted(model._batches(rows, 0), key=lambda batch: sum(lengths_of(model, rows, batch)))
    steps_s, bare = [], []
    for nth in range(args.batches):
        batch = batches[int((nth + 0.5) / args.batches * len(batches))]
        given, shapes = [rows[at] for at in batch], products(model, lengths_of(model, rows, batch))
        if args.model == "rq_transformer" and not args.codes_only:
            shapes += prefix_scores(model, given)
        steps_s.append(fastest_s(lambda given=given: model._train_step(given, 1, 1e-4), args.repeats))
        bare.append(min(bare_s(shapes) for _ in range(args.repeats)))
    print(json.dumps({**vars(args), "path": None, "batch_size": model.batch_size,
                      "step_ms": [round(1000 * s, 1) for s in steps_s], "bare_ms": [round(1000 * s, 1) for s in bare],
                      "share_of_bare_rate": round(sum(bare) / sum(steps_s), 3),
                      "padding": round(padding(model, rows), 4), **machine()}))


if __name__ == "__main__":
    if not KEEP_MEMORY.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | KEEP_MEMORY)
    main()
