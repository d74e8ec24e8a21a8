"""Catalogue: the items, the users' histories and the item embeddings that everything else works on."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tiger.core.words import counted
from tiger.datasets.fingerprint import Fingerprint
from tiger.datasets.reference import DatasetRef

ITEM_COLUMNS = ("item_id", "title", "text", "category")


@dataclass(frozen=True)
class Split:
    """Leave-one-out: per user the last item is for test, the second last for validation, the rest for training.

    Users with fewer than three items train only; ``user_U`` lists those that are evaluated.
    ``valid_U`` and ``test_U`` are item numbers, in step with ``user_U``.
    Source: Rajput et al. 2023, section 4.1; Kang and McAuley 2018.
    """

    catalogue: "Catalogue"
    user_U: np.ndarray
    valid_U: np.ndarray
    test_U: np.ndarray

    def train_history(self, user: int) -> np.ndarray:
        """What the model may learn from: everything but the last two items (all of a history shorter than 3)."""
        history = self.catalogue.history(user)
        return history[:-2] if len(history) >= 3 else history

    def history_before(self, user: int, part: str) -> np.ndarray:
        """What the model reads when it predicts the user's ``"valid"`` or ``"test"`` item."""
        if part not in ("valid", "test"):
            raise ValueError(f"part is {part!r}, but must be 'valid' or 'test'.")
        history = self.catalogue.history(user)
        if len(history) < 3:
            raise ValueError(f"user {user} has {counted(len(history), 'item')}; leave-one-out needs at least 3.")
        return history[:-2] if part == "valid" else history[:-1]


@dataclass(frozen=True)
class Sampled:
    """What a catalogue is a sample of, where its files hold more items than it does.

    Args:
        n_rows: items of all files.
        n_files: files.
        seed: that the sample was drawn with.
    """

    n_rows: int
    n_files: int
    seed: int

    def summary(self, n_items: int) -> str:
        """What was sampled, as a sentence without its end."""
        return (f"a sample of {n_items:,} of {counted(self.n_rows, 'item')}, drawn evenly over {self.n_files:,} "
                f"file{'s' * (self.n_files != 1)} (seed {self.seed})")


@dataclass
class Catalogue:
    """Items, histories (compressed sparse rows, oldest first), embeddings and where they came from.

    Args:
        name: short name for people.
        items: DataFrame with one row an item: item_id, title, text, category (strings, may be empty);
            ``category`` may hold a path "Beauty > Hair > Shampoo". Further columns are kept.
        indptr_U1: int64, U+1 row starts into ``history_items``.
        history_items: int64 item numbers, all histories one after another.
        user_ids: list of U strings.
        embedding_IE: float32, one row an item.
        source: what ``datasets.load_ref`` needs to load the same catalogue again.
        report: the data report's numbers, JSON-able (n_users, n_items, n_interactions, duplicates_dropped ...).
    """

    name: str
    items: pd.DataFrame
    indptr_U1: np.ndarray
    history_items: np.ndarray
    user_ids: list[str]
    embedding_IE: np.ndarray
    source: DatasetRef = field(default_factory=lambda: DatasetRef(name=""))
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_interactions(self) -> int:
        return len(self.history_items)

    @property
    def sampled(self) -> Sampled | None:
        """What its items are a sample of; None where it holds all that its files do."""
        found = self.report.get("sampled")
        return Sampled(found["n_rows"], found["n_files"], found["seed"]) if found else None

    @cached_property
    def has_repeats(self) -> bool:
        """Whether any user interacted with an item twice; where nobody did, seen items are no recommendations."""
        user_N = np.repeat(np.arange(self.n_users), np.diff(self.indptr_U1))
        pairs_N = user_N * self.n_items + self.history_items
        return len(np.unique(pairs_N)) < len(pairs_N)

    def history(self, user: int) -> np.ndarray:
        """The user's item numbers, oldest first (int64).

        Raises:
            IndexError: no such user; says how many there are.
        """
        if not 0 <= user < self.n_users:
            raise IndexError(f"user {user} does not exist; this catalogue has users 0 to {self.n_users - 1}.")
        return self.history_items[self.indptr_U1[user]:self.indptr_U1[user + 1]]

    def split(self) -> Split:
        """Leave-one-out split; see ``Split``."""
        length_U = np.diff(self.indptr_U1)
        user_U = np.flatnonzero(length_U >= 3)
        ends = self.indptr_U1[user_U + 1]
        return Split(self, user_U, self.history_items[ends - 2], self.history_items[ends - 1])

    def fingerprint(self) -> int:
        """A number that two catalogues share only if they hold the same items in the same order."""
        text = "\n".join(self.items["item_id"].astype(str))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")

    @cached_property
    def content(self) -> Fingerprint:
        """What it holds, to keep beside what is learned from it."""
        return Fingerprint.of(self)

    def reordered(self, was_I: np.ndarray) -> "Catalogue":
        """The same items under other numbers; histories follow them.

        Args:
            was_I: (I,) the number that each item of this catalogue has in the new one, a permutation.
        """
        order_I = np.argsort(was_I, kind="stable")
        return replace(self, items=self.items.iloc[order_I].reset_index(drop=True), embedding_IE=self.embedding_IE[order_I],
                       history_items=np.asarray(was_I, np.int64)[self.history_items])

    def save(self, folder: Path) -> None:
        """Write ``items.parquet``, ``users.parquet``, ``history_items.npy``, ``embedding.npy``, ``catalogue.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.items.to_parquet(folder / "items.parquet", index=False)
        users = pd.DataFrame({"user_id": self.user_ids, "length": np.diff(self.indptr_U1)})
        users.to_parquet(folder / "users.parquet", index=False)
        np.save(folder / "history_items.npy", self.history_items.astype(np.int32), allow_pickle=False)
        np.save(folder / "embedding.npy", self.embedding_IE, allow_pickle=False)
        about = {"name": self.name, "source": self.source, "report": self.report}
        (folder / "catalogue.json").write_text(json.dumps(about, indent=1), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> "Catalogue":
        """Read what ``save`` wrote."""
        about = json.loads((folder / "catalogue.json").read_text(encoding="utf-8"))
        users = pd.read_parquet(folder / "users.parquet")
        indptr_U1 = np.concatenate([[0], np.cumsum(users["length"].to_numpy(np.int64))])
        return cls(about["name"], pd.read_parquet(folder / "items.parquet"), indptr_U1,
                   np.load(folder / "history_items.npy", allow_pickle=False).astype(np.int64),
                   users["user_id"].tolist(), np.load(folder / "embedding.npy", allow_pickle=False).astype(np.float32),
                   about["source"], about["report"])
