"""Items and vectors that ``tiger.watch`` recorded: kept once for all runs that train on them, named by their content.

    recorded/<key>/embedding.npy   float32, one row an item
    recorded/<key>/items.json      item_ids and titles
    recorded/<key>/about.json      title, when it was recorded, how many items and how wide

Writing needs numpy alone.
"""

import hashlib
import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tiger.core import files, paths
from tiger.core.params import param
from tiger.datasets.reference import DatasetRef

if TYPE_CHECKING:
    from tiger.datasets.base import RawCatalogue

KEY = re.compile(r"[0-9a-f]{16}")
BLOCK = 65_536  # rows that are hashed at once


@dataclass
class Recorded:
    """Vectors and item ids from a training elsewhere; no histories."""

    title: ClassVar[str] = "Recorded vectors"
    summary: ClassVar[str] = "Items and vectors that tiger.watch recorded in this workspace."

    key: str = param("", "Name of the folder in the workspace's folder 'recorded'.")

    def read(self) -> "RawCatalogue":
        """Items and their vectors; ValueError where they are not in this workspace, or damaged."""
        import pandas as pd

        from tiger.datasets import base
        from tiger.datasets.vectors import Given
        folder = _folder(self.key)
        about, listed = files.read_json(folder / "about.json"), files.read_json(folder / "items.json")
        if about is None or listed is None or not isinstance(listed.get("item_ids"), list):
            raise ValueError(f"The recorded vectors '{self.key[:40]}' are not in this workspace; copy the folder "
                             f"recorded/{self.key[:40]} of the workspace that recorded them.")
        items = pd.DataFrame({"item_id": listed["item_ids"]}, dtype="str")
        if isinstance(listed.get("titles"), list) and len(listed["titles"]) == len(items):
            items["title"] = items["text"] = listed["titles"]
        raw = base.assemble(str(about.get("title") or "Recorded vectors"), items, f"recorded/{self.key}/items.json", None)
        raw.embedding_IE = Given(str(folder / "embedding.npy")).read(raw.items["item_id"].tolist())
        return raw


def _folder(key: str) -> Path:
    if not KEY.fullmatch(key):
        raise ValueError(f"'{key[:40]}' names no recorded vectors; a key is 16 hex digits.")
    return paths.subfolder("recorded") / key


def write(emb_IE: np.ndarray, item_ids: Sequence[str], titles: Sequence[str] | None, title: str) -> DatasetRef:
    """Keep vectors and ids, if this workspace does not have them yet. The folder appears whole or not at all.

    Args:
        emb_IE: float32, finite.
        item_ids: distinct texts.
        titles: for people; None: the ids.
        title: what the dataset is called.

    Returns:
        What loads them.
    """
    key = _content_key(emb_IE, item_ids, titles)
    root = paths.subfolder("recorded")
    if not (root / key / "about.json").is_file():
        part = root / f".new-{secrets.token_hex(6)}"
        part.mkdir()
        try:
            np.save(part / "embedding.npy", emb_IE, allow_pickle=False)
            listed = {"item_ids": list(item_ids), "titles": None if titles is None else list(titles)}
            files.write_json(part / "items.json", listed)
            files.write_json(part / "about.json", {"title": title, "created_s": time.time(), "n_items": len(emb_IE),
                                                   "width": emb_IE.shape[1]})
            try:
                part.rename(root / key)
            except OSError:  # another process recorded the same in this moment
                if not (root / key / "about.json").is_file():
                    raise
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return reference(key)


def reference(key: str) -> DatasetRef:
    """What loads the vectors of this key."""
    return {"name": "recorded", "params": {"key": key}, "embedding": None}


def known() -> Iterator[tuple[str, str, float]]:
    """Key, title and time (seconds since 1970) of all vectors recorded in this workspace."""
    for path in paths.subfolder("recorded").glob("*/about.json"):
        about = files.read_json(path) or {}
        created_s = about.get("created_s")
        if KEY.fullmatch(path.parent.name) and isinstance(created_s, int | float):
            yield path.parent.name, str(about.get("title") or "Recorded vectors"), float(created_s)


def _content_key(emb_IE: np.ndarray, item_ids: Sequence[str], titles: Sequence[str] | None) -> str:
    made = hashlib.blake2b(digest_size=8)
    made.update(json.dumps([emb_IE.shape, list(item_ids), None if titles is None else list(titles)]).encode())
    for start in range(0, len(emb_IE), BLOCK):
        made.update(np.ascontiguousarray(emb_IE[start:start + BLOCK]).tobytes())
    return made.hexdigest()
