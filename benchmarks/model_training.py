"""How close a recommender's training step comes to its layers' bare matrix products, and what padding costs.

    python benchmarks/model_training.py [--model rq_transformer] [--codes-only] [--steps 20] [--threads 1] [--batch-size 128]

Amazon Beauty (RecBole's files beside the checkout, or --path), random IDs of 3 x 256 codes. Bare products: the same
step's linear layers and attention on its *real* positions only, forward and both gradients, as plain torch.mm and
torch.bmm; no norm, softmax, dropout, loss, update or prefix vectors. Times are
CPU seconds of this process, so that a busy machine disturbs less. Share of padding: padded positions of the batches of one epoch.
Prints one JSON line.
"""

import argparse
import json
import time

import numpy as np
import torch
from bare import BEAUTY, machine, spread

from tiger import datasets, models
from tiger.semantic_ids import SemanticIds

K, L = 256, 3


def padding(model: models.Recommender, rows: list[np.ndarray]) -> float:
    """Share of the positions of one epoch's batches that are padding."""
    made = real = 0
    for batch in model._batches(rows, 0):
        lengths = [min(len(rows[at]), model.history_length + 1) - 1 for at in batch]
        made, real = made + max(lengths) * len(lengths), real + sum(lengths)
    return 1 - real / made


def products(model: models.Recommender, lengths: list[int]) -> list[tuple[int, int, int]]:
    """The matrix products (rows, from, to) of one step's forward pass on real positions."""
    n, width = sum(lengths), model.width
    layer = [(n, width, width)] * 4 + [(n, width, 4 * width), (n, 4 * width, width)]
    found = layer * model.n_layers
    if model.name == "rq_transformer":
        depth = [(n * (L + 1), *shape[1:]) for shape in layer] * model.n_depth_layers
        return found + depth + [(n, width, K)] * L
    return [*found, (n, width, model.n_items)]


def bare_s(shapes: list[tuple[int, int, int]]) -> float:
    """Seconds of these products, forward and both gradients, into buffers made beforehand."""
    sets = {}
    for n, a, b in set(shapes):
        sets[n, a, b] = (torch.randn(n, a), torch.randn(a, b), torch.randn(n, b), torch.empty(n, b), torch.empty(n, a),
                         torch.empty(a, b))
    start_s = time.process_time()
    for shape in shapes:
        x, w, g, out, gx, gw = sets[shape]
        torch.mm(x, w, out=out)
        torch.mm(g, w.t(), out=gx)
        torch.mm(x.t(), g, out=gw)
    return time.process_time() - start_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="rq_transformer", choices=("rq_transformer", "sasrec"))
    parser.add_argument("--codes-only", action="store_true", help="rq_transformer without prefix vectors")
    parser.add_argument("--path", default=str(BEAUTY))
    for name, default in (("steps", 20), ("threads", 1), ("batch-size", 128), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cat = datasets.load("recbole", path=args.path)
    codes_IL = np.random.default_rng(args.seed).integers(0, K, (cat.n_items, L))
    ids = SemanticIds.from_codes(codes_IL, K)
    values = {"prefix_vectors": False} if args.codes_only else {}
    model = models.create(args.model, seed=args.seed, batch_size=args.batch_size, **values)
    rows = model.examples(cat) if args.model == "sasrec" else []
    steps_s, bare, seen = [], [], []
    fit = model.fit_steps(cat, ids)
    next(fit)
    rows = rows or model.examples(cat)
    batches = model._batches(rows, 0)
    for step in range(1, args.steps + 1):
        lengths = [min(len(rows[at]), model.history_length + 1) - 1 for at in batches[step]]
        start_s = time.process_time()
        next(fit)
        steps_s.append(time.process_time() - start_s)
        shapes = products(model, lengths)
        bare_s(shapes)
        bare.append(min(bare_s(shapes), bare_s(shapes)))
        seen.append(sum(lengths))
    print(json.dumps({**vars(args), "path": None, "step_ms": spread([1000 * s for s in steps_s]),
                      "bare_ms": spread([1000 * s for s in bare]), "positions": spread([float(n) for n in seen], 0),
                      "share_of_bare_rate": round(sum(bare) / sum(steps_s), 3),
                      "padding": round(padding(model, rows), 4), **machine()}))


if __name__ == "__main__":
    main()
