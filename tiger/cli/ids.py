"""``python -m tiger ids``: bring in semantic IDs that another system made, and take a run's IDs elsewhere."""

import argparse
from pathlib import Path

from tiger import datasets
from tiger.analysis import projection
from tiger.cli import flags
from tiger.cli.runs import pick
from tiger.core import files, tables
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.runs import data, import_run
from tiger.semantic_ids import (
    ALIGNMENTS,
    COLLISION_TOKEN,
    N_CODES,
    SemanticIds,
    first_appearance,
    fits,
    id_table,
    import_ids,
    index_json,
    parquet_bytes,
    projector_tsv,
    read,
)

ACTIONS = ("import", "export")
KEYS = ("number", "id", "first_appearance")
SUFFIXES = (".json", ".parquet", ".tsv", ".csv", ".safetensors")


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """An action; what comes in or whose IDs go out; and how."""
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help=" | ".join(ACTIONS))
    parser.add_argument("source", metavar="FILE|RUN",
                        help="import: index.json, jsonl, npy, safetensors, csv or parquet; export: a run's id, or 'last'")
    parser.add_argument("--align", choices=list(ALIGNMENTS), metavar="HOW",
                        help=f"import: how the file's items are matched, {' | '.join(ALIGNMENTS)} (default: what fits best)")
    parser.add_argument("--n-codes", type=flags.reader(N_CODES), metavar="INT[,...]",
                        help="import: codes per level: one number, or one for each level")
    parser.add_argument("--collision-token", choices=COLLISION_TOKEN, default="auto", metavar="HOW",
                        help=f"import: whether the last code only tells items apart that share all others, "
                             f"{' | '.join(COLLISION_TOKEN)} (default: %(default)s, where the codes show it)")
    parser.add_argument("--title", default="", help="import: title of the run")
    parser.add_argument("--dry-run", action="store_true", help="import: only report what would be imported")
    parser.add_argument("--out", metavar="FILE", help="export: index.json (see --keys); .parquet for Embedding Atlas; "
                        ".tsv for the Embedding Projector (and -metadata.tsv beside it); .csv; .safetensors")
    parser.add_argument("--keys", choices=KEYS, default="number", metavar="KEYS",
                        help=f"export: the keys of index.json, {' | '.join(KEYS)} (default: %(default)s); LC-Rec, "
                             "LETTER and MiniOneRec number items in the order in which they first appear in the histories")
    flags.add_dataset(parser, rest)


def run(args: argparse.Namespace) -> flags.Output:
    """Do what was asked."""
    return bring(args) if args.action == "import" else take(args)


def bring(args: argparse.Namespace) -> flags.Output:
    """Read a file of IDs, say what was found, and keep it as a finished run."""
    cat = datasets.load_ref(flags.dataset_ref(args))
    path = Path(args.source)
    raw = read(path)
    tried = fits(path.name, raw, cat) if args.align else None
    found = import_ids(path, cat, args.align, args.n_codes, tried=tried, collision_token=args.collision_token, raw=raw)
    said = [flags.worded(line) for line in found.report.sentences()]
    flags.say(args, "\n".join(said))
    result: flags.Output = {"run": None, "items": found.ids.n_ids, "gaps": len(found.report.gap_N),
                              "strangers": found.report.n_strangers, "align": found.report.align,
                              "collision_token": found.report.assumed.collision, "sentences": said}
    if args.dry_run:
        return result
    made = import_run.keep(found, cat, args.title, str(path.resolve()))
    flags.say(args, f"Kept as run {made.id}. See it: python -m tiger app, then open the run '{made.title}'; or "
                    f"python -m tiger doctor {made.id}")
    return result | {"run": made.id}


def take(args: argparse.Namespace) -> flags.Output:
    """Write a run's IDs the way another tool reads them."""
    if not args.out:
        raise ValueError(f"Name the output: --out FILE, which ends in one of {', '.join(SUFFIXES)}.")
    out = Path(args.out)
    if out.suffix not in SUFFIXES:
        raise ValueError(f"'{out.name}' ends in '{out.suffix}', but must end in one of {', '.join(SUFFIXES)}.")
    if not out.parent.is_dir():
        raise ValueError(f"The folder {out.parent} does not exist; make it first.")
    chosen = pick(args.source)
    cat = datasets.load_ref(chosen.config.dataset)
    ids = data.ids_for(chosen, cat)
    written = write(out, ids, cat, args.keys)
    flags.say(args, f"{counted(ids.n_ids, 'ID')} written to {', '.join(map(str, written))}.")
    return {"run": chosen.id, "ids": ids.n_ids, "out": [str(path) for path in written]}


def atlas_bytes(ids: SemanticIds, cat: Catalogue) -> bytes:
    """Parquet with embeddings and their PCA, so that Embedding Atlas opens it at once."""
    return parquet_bytes(ids, cat, True, projection.pca(cat.embedding_IE).place_ND)


def write(out: Path, ids: SemanticIds, cat: Catalogue, keys: str = "number") -> list[Path]:
    """Write the kind of file that the name asks for, whole or not at all. Returns what was written."""
    if out.suffix == ".safetensors":
        return [ids.save(out)]
    if out.suffix == ".tsv":
        vectors, metadata = projector_tsv(ids, cat)
        other = out.with_name(f"{out.stem}-metadata.tsv")
        files.write(out, vectors)
        files.write(other, metadata)
        return [out, other]
    if out.suffix == ".json":
        content: str | bytes = index_json(ids, cat.items["item_id"].astype(str).tolist() if keys == "id" else None,
                                          first_appearance(cat) if keys == "first_appearance" else None)
    else:
        content = atlas_bytes(ids, cat) if out.suffix == ".parquet" else \
            tables.csv_bytes(id_table(ids, cat), disarm=False)
    files.write(out, content)
    return [out]
