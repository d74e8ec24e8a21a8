"""``python -m tiger encode RUN``: the semantic IDs that a trained run gives to items.

``--out FILE`` holds all of them in memory; ``--input`` and ``--output FOLDER`` stream shards of any number of vectors.
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tiger import datasets
from tiger.cli import flags
from tiger.cli.bulk import add_engine, engine_of, follow
from tiger.cli.runs import pick
from tiger.core import files, words
from tiger.datasets.io import shards
from tiger.datasets.vectors import Given
from tiger.quantizers import Quantizer
from tiger.runs import counted, data
from tiger.runs.bulk import encode as bulk
from tiger.runs.run import Run
from tiger.semantic_ids import SemanticIds, index_json

BATCH = 65_536
WHERE = ("say where the IDs go: --out FILE for the items of the run's dataset or of --embeddings, or --input FOLDER and --output "
         "FOLDER for shards.")
KINDS = (".npy", ".safetensors", ".json")


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A run, where the items come from, and where the IDs go."""
    parser.add_argument("run", help="the run's id, or 'last'", metavar="RUN")
    parser.add_argument("--embeddings", metavar="FILE", help="encode these vectors (.npy or .safetensors) instead of "
                                                             "the items of the run's dataset")
    parser.add_argument("--tensor", default="", metavar="NAME",
                        help="with --embeddings: the tensor's name, where a .safetensors file has several")
    parser.add_argument("--out", metavar="FILE",
                        help="codes as .npy; unique IDs as .safetensors; index.json for other systems as .json")
    many = parser.add_argument_group("more vectors than memory holds")
    many.add_argument("--input", metavar="FOLDER", help="encode the .npy and .parquet files of this folder or fsspec address, "
                                                        "in the order of their names (default: those that the run learned from)")
    many.add_argument("--output", metavar="FOLDER", help="with --input: shards of unique IDs as .parquet, and manifest.json; "
                                                         "a call that was broken off goes on there")
    add_engine(many, "vectors", bulk.SHARD_SIZE)
    many.add_argument("--column", default=shards.COLUMN, metavar="NAME",
                      help=f"column of a .parquet file that holds the vectors (default {shards.COLUMN})")


def run(args: argparse.Namespace) -> flags.Output:
    """Encode and write; the file appears whole or not at all."""
    if (args.input and not args.output) or bool(args.output) == bool(args.out) or (args.output and args.embeddings):
        raise ValueError(WHERE)
    if args.output:
        return encode_shards(args)
    out = Path(args.out)
    if out.suffix not in KINDS:
        raise ValueError(f"'{out.name}' ends in '{out.suffix}', but must end in one of {', '.join(KINDS)}.")
    if not out.parent.is_dir():
        raise ValueError(f"The folder {out.parent} does not exist; make it first.")
    chosen = trained(args.run)
    quantizer = chosen.quantizer()
    emb_IE, names = embeddings(args, chosen)
    codes_IL = encode(quantizer, emb_IE, args.json)
    ids = SemanticIds.from_codes(codes_IL, quantizer.n_codes)
    write(out, codes_IL, ids, names)
    n_unique = len(np.unique(codes_IL, axis=0))
    flags.say(args, f"{words.counted(len(codes_IL), 'item')}, {words.counted(n_unique, 'distinct ID')}, written to {out}.")
    return {"run": chosen.id, "out": str(out), "items": len(codes_IL), "unique": n_unique, "n_codes": ids.n_codes}


def trained(name: str) -> Run:
    """A run that was trained here; of imported IDs ValueError says how to write them to a file."""
    chosen = pick(name)
    try:
        chosen.check_quantizer()
    except ValueError as error:
        instead = f" The IDs that it has: python -m tiger ids export {chosen.id} --out FILE." * (chosen.config.kind == "import")
        raise ValueError(f"{error}{instead}") from None
    return chosen


def encode_shards(args: argparse.Namespace) -> flags.Output:
    """Stream shards of vectors to shards of IDs, and say what came out over all of them."""
    chosen, output = trained(args.run), Path(args.output)
    own = None if args.input else counted.shards_of(chosen)
    if own is None and not args.input:
        raise ValueError(WHERE)
    place, column = (own.path, own.column) if own else (args.input, args.column)
    with engine_of(args) as engine:
        made = follow(bulk.encode(chosen, place, output, engine, shard_size=args.shard_size, column=column),
                      args.json)
    found = made.collisions
    flags.say(args, f"{words.counted(found.n_items, 'item')}, {words.counted(found.unique, 'distinct ID')}, at most "
                    f"{words.counted(found.largest, 'item')} to one, written to {output}.")
    return {"run": chosen.id, "output": str(output), "items": found.n_items, "unique": found.unique, "collision_rate": found.rate,
            "largest": found.largest, "n_codes": made.n_codes, "prefixes": made.prefixes, "perplexity": made.perplexity}


def encode(quantizer: Quantizer, emb_IE: np.ndarray, silent: bool = False) -> np.ndarray:
    """Codes, batch by batch behind a progress bar."""
    codes = []
    with tqdm(total=len(emb_IE), unit="item", unit_scale=True, disable=silent, desc="encoding") as bar:
        for start in range(0, len(emb_IE), BATCH):
            try:
                codes.append(quantizer.encode(np.array(emb_IE[start:start + BATCH], np.float32)))
            except ValueError as error:
                where = f" (rows count from {start})" if start else ""
                raise ValueError(f"{error}{where}") from None
            bar.update(len(codes[-1]))
    return np.concatenate(codes)


def embeddings(args: argparse.Namespace, chosen: Run) -> tuple[np.ndarray, list[str] | None]:
    """The vectors to encode and, where they belong to a catalogue, its item ids."""
    if args.embeddings:
        return Given(args.embeddings, tensor=args.tensor).array(), None
    cat = datasets.load_ref(chosen.config.dataset)
    changed = data.changes(chosen, cat)
    if changed is not None and (changed.n_vectors or not changed.same_items):
        flags.say(args, f"{data.sentence(chosen, changed, False)} The items of today are encoded, in today's order.")
    return cat.embedding_IE, cat.items["item_id"].tolist()


def write(out: Path, codes_IL: np.ndarray, ids: SemanticIds, names: list[str] | None) -> None:
    """Write the kind of file that the name asks for."""
    if out.suffix == ".json":
        files.write(out, index_json(ids, names))
        return
    part = out.with_name(f".{out.stem}.part{out.suffix}")
    if out.suffix == ".npy":
        np.save(part, codes_IL, allow_pickle=False)
    else:
        ids.save(part)
    files.replace(part, out)
