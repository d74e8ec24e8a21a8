"""Vectors of any number in many files: an even, seeded sample of them as a catalogue without texts and histories.

Everything works on the sample: training, map, doctor. ``python -m tiger encode RUN`` then gives every item its ID.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from tiger.core.params import param
from tiger.datasets.base import MAX_ITEMS, RawCatalogue, assemble
from tiger.datasets.io import readers, shards


@dataclass
class Shards:
    """A folder of ``.npy`` and ``.parquet`` files, of which only the sampled rows are read."""

    title: ClassVar[str] = "Vectors in shards"
    summary: ClassVar[str] = ("More vectors than memory holds: a folder of .npy and .parquet files, or one file; the items here "
                              "are an even sample of theirs.")

    path: str = param("", "Folder of .npy (rows × width) and .parquet files, one file, or an fsspec address.")
    n_sample: int = param(100_000, "Number of items in the sample; all items where the files hold fewer.", low=1, high=MAX_ITEMS)
    seed: int = param(0, "Random seed of the sample.", low=0, high=2**31 - 1)
    column: str = param(shards.COLUMN, "Column of .parquet files that holds the vectors.", group="advanced")

    def files(self) -> list[shards.Source]:
        """Every file of vectors, sizes and widths checked.

        Raises:
            ValueError: there is none, or one cannot be used; names the file and the remedy.
        """
        if not self.path:
            raise ValueError("No path to the vectors was given; name a folder, a file or an address.")
        place = self.path
        if not shards.is_address(place):
            found = readers.find_place(place)
            if found is None:
                raise ValueError(f"'{place[:200]}' does not exist; check the path to the vectors.")
            place = str(found)
        return shards.sources(place, self.column)

    def read(self) -> RawCatalogue:
        """The sampled items and their vectors; ValueError names the file, the row and the remedy."""
        found = self.files()
        n_rows = sum(source.n_rows for source in found)
        row_N = shards.sample_rows(n_rows, self.n_sample, self.seed)
        emb_NE, ids = shards.take(found, row_N, self.column)
        names = ids or [str(row) for row in row_N.tolist()]
        items = pd.DataFrame({"item_id": names, "title": names if ids else [f"Item {name}" for name in names]}, dtype="str")
        name = Path(self.path.rstrip("/")).stem or "Vectors"
        raw = assemble(name, items, self.path, None)
        raw.embedding_IE = emb_NE
        if len(row_N) < n_rows:
            raw.report["sampled"] = {"n_rows": n_rows, "n_files": len(found), "seed": self.seed}
        return raw
