"""Writes ``data/synthetic``: the made shop with its default values, ready to open.

    python -m tiger.datasets.sources.bundle
"""

from pathlib import Path

from tiger.core import paths
from tiger.core.words import counted
from tiger.datasets import embed
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.reference import DatasetRef
from tiger.datasets.sources.synthetic import Synthetic

FOLDER = paths.BUNDLED / "synthetic"


def write(folder: Path = FOLDER) -> Catalogue:
    """Make the default shop, embed it by default and save it."""
    raw = Synthetic().read()
    ref: DatasetRef = {"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}
    emb_IE = embed.embed_texts(raw.items["text"].tolist())
    cat = Catalogue(raw.name, raw.items, raw.indptr_U1, raw.history_items, raw.user_ids, emb_IE, ref,
                    raw.report)
    cat.save(folder)
    return cat


if __name__ == "__main__":
    made = write()
    size = sum(file.stat().st_size for file in FOLDER.iterdir())
    print(f"{counted(made.n_items, 'item')} and {counted(made.n_users, 'user')} in {FOLDER}, {size / 2**20:.1f} MB")
