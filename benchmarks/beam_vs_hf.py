"""Our constrained beam search against Hugging Face ``generate`` on the same T5 weights, in one run.

    python benchmarks/beam_vs_hf.py [--items 12101] [--width 50] [--batch 8] [--history 20]

Both search the same catalogue (random unique IDs, three levels of 256) for the same users with the paper's
sizes; Hugging Face is held to the catalogue by a ``prefix_allowed_tokens_fn`` over a dictionary trie. The
weights are random: time does not depend on them. Only times are compared: Hugging Face normalises over its
whole vocabulary and we over one level; ``tests/unit/models/test_hugging_face.py`` holds the results equal. Prints one JSON line.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from transformers import T5Config, T5ForConditionalGeneration

from tiger.models.encoder_decoder import T5Net
from tiger.search import beam
from tiger.search.trie import Trie

SIZES = [256, 256, 256]


def make(n_items: int, seed: int) -> tuple[T5Net, T5ForConditionalGeneration, np.ndarray]:
    """Two models with the same weights, and the catalogue's IDs."""
    torch.manual_seed(seed)
    number_I = np.random.default_rng(seed).choice(256**3, n_items, replace=False)
    ids_IM = np.stack([number_I >> shift & 255 for shift in (16, 8, 0)], 1)
    mine = T5Net(torch.from_numpy(ids_IM), SIZES, 128, 4, 6, 64, 1024, 0.0, 0.0).eval()
    config = T5Config(vocab_size=1 + sum(SIZES), d_model=128, d_kv=64, d_ff=1024, num_layers=4, num_heads=6,
                      dropout_rate=0.0, decoder_start_token_id=0, pad_token_id=0, eos_token_id=None)
    theirs = T5ForConditionalGeneration(config).eval()
    mine.copy_t5(theirs.state_dict())
    return mine, theirs, ids_IM


def allowed(tokens_IM: torch.Tensor) -> dict[tuple[int, ...], list[int]]:
    """Prefix of tokens to the tokens that may follow."""
    children: dict[tuple[int, ...], set[int]] = {}
    for row in tokens_IM.tolist():
        for depth in range(len(row)):
            children.setdefault(tuple(row[:depth]), set()).add(row[depth])
    return {prefix: sorted(codes) for prefix, codes in children.items()}


def seconds(work, repeats: int) -> list[float]:
    """Times of the calls, after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    for name, default in (("items", 12101), ("width", 50), ("batch", 8), ("history", 20), ("repeats", 5),
                          ("seed", 0), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    mine, theirs, ids_IM = make(args.items, args.seed)
    trie, follow = Trie(ids_IM, SIZES), allowed(mine.tokens_IM)
    rows = list(np.random.default_rng(args.seed).integers(0, args.items, (args.batch, args.history)))
    tokens = torch.stack([mine.tokens_IM[row].flatten() for row in rows])

    def hugging_face():
        return theirs.generate(
            tokens, num_beams=args.width, num_return_sequences=args.width, max_new_tokens=3, do_sample=False,
            length_penalty=0.0, prefix_allowed_tokens_fn=lambda _, sent: follow[tuple(sent[1:].tolist())])

    ours_s = seconds(lambda: beam.search(mine, trie, rows, args.width), args.repeats)
    with torch.inference_mode():
        theirs_s = seconds(hugging_face, args.repeats)
    one_s = seconds(lambda: beam.search(mine, trie, rows[:1], 20), args.repeats)
    per_user = 1000 / args.batch
    print(json.dumps({**vars(args), "ours_ms_per_user": round(np.median(ours_s) * per_user, 2),
                      "hugging_face_ms_per_user": round(np.median(theirs_s) * per_user, 2),
                      "times_faster": round(float(np.median(theirs_s) / np.median(ours_s)), 2),
                      "one_user_width_20_ms": round(float(np.median(one_s)) * 1000, 2)}))


if __name__ == "__main__":
    main()
