"""How many IDs of a free search no item has, and at which level they go wrong, while a codes-only model trains.

    python benchmarks/invalid_ids.py [--data ../shared/data/amazon-sports] [--dropout 0.3] [--label-smoothing 0.0] [--threads 1]

RQ-VAE IDs of three levels of 256 codes, seed 0; an RQ-Transformer without prefix vectors; 256 users, test item. Prints one
JSON line after each of the named epochs of one run; the table of docs/EXPERIMENTS.md comes from here.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from bare import BEAUTY

from tiger import datasets, models, quantizers
from tiger.models.generative import GenerativeRecommender
from tiger.semantic_ids import SemanticIds

N_USERS, WIDTH, BATCH = 256, 20, 64
EPOCHS = (1, 2, 4, 8, 12)


def first_wrong(model: GenerativeRecommender, rows: list[np.ndarray], width: int) -> list[float]:
    """Share of the written IDs of which the prefix of each length is the first that no item has."""
    trie, written = model.trie_, [model.search(rows[at:at + BATCH], width, constrained=False).ids_BWM.flatten(0, 1)
                                  for at in range(0, len(rows), BATCH)]
    ids_NM = torch.cat(written)
    node_N, found = torch.zeros(len(ids_NM), dtype=torch.int64), []
    for level in range(trie.n_levels):
        child_N = trie.child(level, node_N, ids_NM[:, level])
        found.append(float(((node_N >= 0) & (child_N < 0)).float().mean()))
        node_N = child_N
    return found


@torch.inference_mode()
def valid_mass(model: GenerativeRecommender, rows: list[np.ndarray]) -> list[float]:
    """Probability of the codes that some item has, after the prefixes of a constrained beam; the mean of each level."""
    trie, net, mass = model.trie_, model.net_, []
    memory, cache, code_BW = net.encode(rows), None, None  # type: ignore[operator]
    node_BW, total_BW = torch.zeros(len(rows), 1, dtype=torch.int64), torch.zeros(len(rows), 1)
    for level in range(trie.n_levels):
        logits_BWK, cache = net.step(memory, cache, level, code_BW)  # type: ignore[operator]
        step_BWK = torch.log_softmax(logits_BWK.float(), -1)
        known_BWK = trie.mask(level, node_BW).view(step_BWK.shape)
        mass.append(float((step_BWK.exp() * known_BWK).sum(-1)[torch.isfinite(total_BW)].mean()))
        all_BN = (total_BW[..., None] + step_BWK).masked_fill(~known_BWK, -torch.inf).flatten(1)
        total_BW, at_BW = all_BN.topk(min(WIDTH, all_BN.shape[1]))
        parent_BW, code_BW = at_BW // step_BWK.shape[-1], at_BW % step_BWK.shape[-1]
        node_BW = trie.child(level, node_BW.gather(1, parent_BW), code_BW)
        if level + 1 < trie.n_levels:
            cache = net.reorder(cache, parent_BW)  # type: ignore[operator]
    return mass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=BEAUTY.parent / "amazon-sports")
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--label-smoothing", type=float, default=0.0)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cat = datasets.load("recbole", path=str(given.data), embedding={"method": "cooccurrence", "seed": 0})
    quantizer = quantizers.create("rqvae", seed=0, koleo=1.0, precision="auto").fit(cat.embedding_IE)
    ids = SemanticIds.from_codes(quantizer.encode(cat.embedding_IE), n_codes=256)
    model = models.create("rq_transformer", seed=0, precision="auto", prefix_vectors=False, n_epochs=EPOCHS[-1],
                          dropout=given.dropout, label_smoothing=given.label_smoothing)
    assert isinstance(model, GenerativeRecommender)
    split = cat.split()
    users = split.user_U[::max(1, len(split.user_U) // N_USERS)][:N_USERS]
    for progress in model.fit_steps(cat, ids):
        epoch = progress.metrics["epoch"]
        if epoch not in EPOCHS:
            continue
        rows = [model.readable_history(split.history_before(int(user), "test")) for user in users]
        wrong = {width: first_wrong(model, rows, width) for width in (1, WIDTH)}
        print(json.dumps({"epoch": int(epoch), "step": progress.step, "level_loss": progress.metrics["level_loss"],
                          "prefixes": [model.trie_.n_nodes(depth) for depth in range(1, len(ids.n_codes) + 1)],
                          "invalid": {width: round(sum(share), 4) for width, share in wrong.items()},
                          "first_wrong": {width: np.round(share, 4).tolist() for width, share in wrong.items()},
                          "valid_mass": np.round(valid_mass(model, rows), 4).tolist()}), flush=True)


if __name__ == "__main__":
    main()
