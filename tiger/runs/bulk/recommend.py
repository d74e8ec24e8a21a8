"""Recommendations for every user of a catalogue, in shards of users; goes on after an interruption, the same on every engine."""

import functools
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tiger import datasets
from tiger.core import disk, files
from tiger.core.progress import Progress
from tiger.datasets.catalogue import Catalogue
from tiger.models import Recommender
from tiger.runs import data
from tiger.runs.bulk import folder
from tiger.runs.bulk.engines import Engine
from tiger.runs.run import Run

FORMAT = "tiger-recommended-shards"
SHARD_SIZE = 8192  # users
BATCH = 128  # users that are searched for at once


@dataclass(frozen=True)
class Job:
    """What is recommended to whom.

    Args:
        run: folder of the model run.
        output: folder of the shards.
        k: items a user.
        width: beams of a generative model.
        exclude_seen: leave out the items of the history.
        shard_size: users of a shard.
        n_users: users of the catalogue.
    """

    run: str
    output: Path
    k: int
    width: int
    exclude_seen: bool
    shard_size: int
    n_users: int

    def done(self, stage: str, number: int) -> bool:
        return folder.shard(self.output, number).exists()

    def do(self, stage: str, number: int) -> int:
        """One shard: user, user_id, rank, item, item_id, score; no row for a user of whom the model can read nothing."""
        model, cat = _opened(self.run)
        users = np.arange(number * self.shard_size, min((number + 1) * self.shard_size, self.n_users))
        parts = [self._lists(model, cat, part) for part in np.array_split(users, -(-len(users) // BATCH))]
        user_N, rank_N, item_N, score_N = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        names, ids = np.asarray(cat.user_ids, object), cat.items["item_id"].to_numpy(object)
        folder.write_shard(folder.shard(self.output, number), {
            "user": user_N, "user_id": names[user_N].tolist(), "rank": rank_N, "item": item_N, "item_id": ids[item_N].tolist(),
            "score": score_N.astype(np.float32)})
        return len(users)

    def _lists(self, model: Recommender, cat: Catalogue, users: np.ndarray) -> tuple[np.ndarray, ...]:
        """User, rank from 1, item and score of the lists of some users."""
        histories = {int(user): cat.history(int(user)) for user in users}
        rows = {user: model.readable_history(history) for user, history in histories.items()}
        readable = [user for user, row in rows.items() if len(row)]
        if not readable:
            return (np.empty(0, np.int64),) * 3 + (np.empty(0, np.float32),)
        seen = [np.unique(histories[user]) for user in readable] if self.exclude_seen else None
        item_BR, score_BR = model.rank_batch([model.with_user(rows[user], user) for user in readable], self.k, self.width, seen)
        there_BR = item_BR >= 0
        user_BR, rank_BR = np.broadcast_arrays(np.array(readable)[:, None], np.arange(1, item_BR.shape[1] + 1))
        return user_BR[there_BR], rank_BR[there_BR], item_BR[there_BR], score_BR[there_BR]


@functools.lru_cache(maxsize=1)
def _opened(run: str) -> tuple[Recommender, Catalogue]:
    """Model and catalogue of a run, loaded once a process."""
    opened = Run(Path(run))
    return opened.recommender(), data.catalogue_for(opened, datasets.load_ref(opened.config.dataset))


def recommend(run: Run, output: Path, engine: Engine, *, k: int, width: int, exclude_seen: bool | None = None,
              shard_size: int = SHARD_SIZE) -> Generator[Progress, None, int]:
    """Write the best k items of every user, after all of their history, to Parquet files. Returns the number of users.

    Args:
        output: folder, made where it is missing; a call that was broken off goes on there.
        exclude_seen: leave out the items of the history; None: yes where the data hold no repeats.
        shard_size: users of a shard, 1..

    Raises:
        ValueError: the data changed since the run was made, or an output folder that holds something else.
    """
    if shard_size < 1:
        raise ValueError(f"The shard size is {shard_size}, but must be at least 1 user.")
    model, cat = _opened(str(run.path))
    job = Job(str(run.path), output.resolve(), k, width, model.excludes_seen(exclude_seen, cat), shard_size, cat.n_users)
    asked = {"format": FORMAT, "run": run.id, "fingerprint": folder.fingerprint(run, "model.json"),
             "catalogue": cat.fingerprint(), "k": k, "width": width, "exclude_seen": job.exclude_seen, "shard_size": shard_size,
             "n_users": cat.n_users}
    with folder.opened(output, asked) as manifest:
        if "finished" not in manifest:
            disk.check_space(output)
            yield from folder.each(engine, job, "recommend", -(-cat.n_users // shard_size), "recommending")
            files.write_json(output / folder.MANIFEST, asked | {"finished": True}, durable=True)
    return cat.n_users
