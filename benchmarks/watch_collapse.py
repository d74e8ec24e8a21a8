"""How soon a collapse is named: vector-quantize-pytorch on Amazon Beauty, recorded by its hook, examined at every record.

    python benchmarks/watch_collapse.py --data ../shared/data/amazon-beauty [--seeds 0 1 2] [--steps 400]

The quantizer has 3 x 256 codes, moving averages of decay 0.99, and no restart of dead codes; the autoencoder reads TF-IDF
vectors, batch 1024. Three trainings a seed: "cold" has no k-means initialisation, so that the codebooks begin collapsed; "breaks"
begins by k-means and has its learning rate raised to 0.05 at step 150, as by a schedule gone wrong; "cured" is "cold" with what
the doctor says first there. Truth after each recorded step: the codes of all items use less than a quarter of a level. The doctor
sees only what was recorded. Reported: when truth began after the cause, when the doctor first said serious or critical from then
on, and in how many recorded steps truth and doctor agree. Prints one JSON object a seed.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import nn
from vector_quantize_pytorch import ResidualVQ

from tiger import datasets, metrics, reports
from tiger.analysis import doctor
from tiger.analysis.doctor import symptoms
from tiger.recording import recorder
from tiger.recording.vector_quantize import watch_quantizer

BREAKS_AT, BROKEN_RATE = 150, 0.05
TRAININGS = {"cold": {}, "breaks": {"kmeans_init": True}, "cured": {"kmeans_init": True, "threshold_ema_dead_code": 2}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--every", type=int, default=10)
    args = parser.parse_args()
    torch.set_num_threads(1)
    emb_IE = datasets.load("recbole", path=args.data).embedding_IE
    with tempfile.TemporaryDirectory() as home:
        os.environ["TIGER_HOME"] = home
        for seed in args.seeds:
            print(json.dumps({"seed": seed} | {name: trained(emb_IE, seed, args, name) for name in TRAININGS}), flush=True)


def trained(emb_IE, seed: int, args: argparse.Namespace, name: str) -> dict:
    """One training: truth and diagnosis, step by step, and its end."""
    torch.manual_seed(seed)
    x_IE = torch.from_numpy(emb_IE)
    encoder, decoder = _mlp(x_IE.shape[1], 32), _mlp(32, x_IE.shape[1])
    vq = ResidualVQ(dim=32, num_quantizers=3, codebook_size=256, decay=0.99, **TRAININGS[name])
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    hook = watch_quantizer(vq, "Beauty", embeddings=emb_IE, every=args.every, n_steps=args.steps)
    run = hook.recorder.run
    cat = datasets.load_ref(run.config.dataset)
    vectors = doctor.measure(cat.embedding_IE)
    begin, truth, said = BREAKS_AT if name == "breaks" else 0, {}, {}
    for step in range(args.steps):
        hook.rows = rows = torch.randint(0, len(x_IE), (1024,))
        due = hook.due
        rate = BROKEN_RATE if name == "breaks" and step >= BREAKS_AT else 1e-3
        optimiser.param_groups[0]["lr"] = rate
        quantised, _, loss = vq(encoder(x_IE[rows])[None])
        mse = (decoder(quantised[0]) - x_IE[rows]).square().sum(1).mean()
        optimiser.zero_grad()
        (mse + loss.sum()).backward()
        optimiser.step()
        hook.losses(loss=mse, learning_rate=rate)
        if due:
            codes_IL = hook.encode(encoder(x_IE).detach())
            true = metrics.perplexity(metrics.code_counts(codes_IL, 256))
            truth[step] = bool(true.min() < symptoms.STARVED_USE * 256)
            said[step] = reports.diagnose(run, cat, vectors).severity in ("serious", "critical")
    hook.close(latents=encoder(x_IE))
    found = reports.diagnose(run, cat, vectors)
    happened = next((step for step in truth if step >= begin and truth[step]), None)
    named = None if happened is None else next((step for step in said if step >= happened and said[step]), None)
    n_agree = sum(truth[step] == said[step] for step in said)
    false = [step for step in said if said[step] and not truth[step]]
    return {"happened_at": happened, "named_at": named, "agree": f"{n_agree} of {len(said)}", "false_alarms": false,
            "end": found.title,
            "perplexity": [round(value, 1) for value in found.signs.perplexity], "distinct_ids": found.signs.collisions.unique,
            "first_remedy": found.remedies[0].how if found.remedies else None}


def _mlp(width: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Linear(256, out))


if __name__ == "__main__":
    recorder.KEEP_SHARE = 1.0  # steps are far apart here, because all items are encoded between them
    main()
