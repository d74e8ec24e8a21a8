"""Temperature against sameness: hotter decoding spreads a user's recommendations over more categories.

Recommendations are drawn without replacement from the tempered distribution over the whole catalogue: every
item's exact log-probability at that temperature plus Gumbel noise, best first. At temperature 1 this samples
from what the model believes; plain beam search, which always takes the likeliest, stands beside it.

Source: Rajput et al. 2023, section 4.3 "Recommendation diversity"; Kool et al. 2019, "Stochastic beams and where
to find them", arXiv:1903.06059 (Gumbel top-k is sampling without replacement).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tiger import beam, metrics
from tiger.catalogue import Catalogue
from tiger.models.generative import GenerativeRecommender
from tiger.params import build, param
from tiger.progress import Progress

CUTS = (10, 20, 50)
REPORTED = {1.0: (0.76, 1.14, 1.70), 1.5: (1.14, 1.52, 2.06), 2.0: (1.38, 1.76, 2.28)}
"""Entropy@10, @20, @50 on Amazon Beauty at each temperature, as reported by Rajput et al. 2023 for their model.

Their categories and their Beauty catalogue's metadata differ from what is loaded here, so only the direction
and the rough size can be compared.
"""
WIDTH = 50
BATCH = 4


@dataclass
class DiversityParams:
    """What a diversity study is asked."""

    temperatures: str = param("1, 1.5, 2", "Temperatures to compare, each on all levels at once.")
    each_level: bool = param(True, "Also heat one level alone, at the highest temperature.")
    users: int = param(100, "Users who get recommendations; an even sample of those with a test item.", low=2, high=20_000)
    epochs: int = param(4, "Epochs of the small recommender that is trained where no model run is chosen.", low=1, high=100)
    seed: int = param(0, "Seed of the draws.", low=0, high=2**31 - 1)

    def heats(self) -> list[float]:
        """The temperatures as numbers.

        Raises:
            ValueError: not 1 to 8 numbers from 0.05 to 20.
        """
        try:
            found = sorted({float(part) for part in self.temperatures.replace(",", " ").split()})
        except ValueError:
            found = []
        if not 1 <= len(found) <= 8 or not all(0.05 <= heat <= 20 for heat in found):
            raise ValueError(f"temperatures is '{self.temperatures}', but must be 1 to 8 numbers from 0.05 to 20, such as "
                             "1, 1.5, 2.")
        return found


def diversity_params(given: dict[str, Any]) -> DiversityParams:
    """Checked parameters from plain values."""
    made: DiversityParams = build(DiversityParams, given)
    made.heats()
    return made


def category_labels(cat: Catalogue) -> tuple[np.ndarray | None, str]:
    """One label an item and what it is: the category down to its second level, or the commonest attribute."""
    path = cat.items["category"].astype(str).str.strip()
    if (path != "").any():
        return path.str.split(">").str[:2].str.join(">").str.strip().to_numpy(object), "category (two levels)"
    if "attributes" in cat.items:
        parts = cat.items["attributes"].astype(str).str.split()
        count = parts.explode().value_counts()
        best = [max(words, key=count.__getitem__) if words else "" for words in parts]
        return np.array(best, object), "commonest attribute"
    return None, ""


def entropy_at(ranked_UK: np.ndarray, label_I: np.ndarray, k: int) -> float:
    """Mean over the users of the entropy (nats) of the categories among their first k items.

    Items without a category (-1) and empty places are left out.
    """
    found = []
    for row in ranked_UK[:, :k]:
        label_N = label_I[row[row >= 0]]
        label_N = label_N[label_N >= 0]
        if len(label_N):
            found.append(float(metrics.entropy(np.unique(label_N, return_counts=True)[1])))
    return float(np.mean(found)) if found else float("nan")


@torch.inference_mode()
def sample(model: GenerativeRecommender, histories: list[np.ndarray], heat: float | list[float], k: int,
           rng: np.random.Generator) -> np.ndarray:
    """k different items a user (B, k), drawn from the model at these temperatures; -1 where there are fewer.

    Args:
        histories: item numbers that all have an ID.
        heat: one temperature, or one a level of the IDs.
    """
    rows = [model.part_read(history) for history in histories]
    logp_BI = beam.score_all(model.net_, model.trie_, rows, heat).numpy()  # type: ignore[arg-type]
    noisy_BI = logp_BI + rng.gumbel(size=logp_BI.shape)
    best_BK = np.argsort(-noisy_BI, axis=1, kind="stable")[:, :k]
    return np.where(np.isfinite(np.take_along_axis(logp_BI, best_BK, 1)), best_BK, -1)


def settings(asked: DiversityParams, n_levels: int) -> list[dict[str, Any]]:
    """Beam search, every temperature on all levels, and the hottest on each level alone."""
    found: list[dict[str, Any]] = [{"name": "beam search", "level": 0, "heat": None, "heats": [1.0] * n_levels}]
    heats = asked.heats()
    found += [{"name": f"T = {heat:g}", "level": 0, "heat": heat, "heats": [heat] * n_levels} for heat in heats]
    if asked.each_level and heats[-1] > 1:
        for level in range(n_levels):
            found.append({"name": f"T = {heats[-1]:g} on level {level + 1} only", "level": level + 1, "heat": heats[-1],
                          "heats": [heats[-1] if at == level else 1.0 for at in range(n_levels)]})
    return found


def steps(cat: Catalogue, model: GenerativeRecommender, asked: DiversityParams,
          done: frozenset[str] = frozenset()) -> Iterator[Progress]:
    """Every setting; a Progress with ``metrics["row"]`` closes each: name, heat, level, recall@10, entropy@k, ids.

    Raises:
        ValueError: the catalogue names no categories.
    """
    labels, _ = category_labels(cat)
    if labels is None:
        raise ValueError("This dataset names neither categories nor attributes, so the entropy of categories cannot be "
                         "measured; load item metadata with a category column.")
    label_I, parts = metrics.label_numbers(labels), cat.split()
    place_N = np.unique(np.linspace(0, len(parts.user_U) - 1, min(asked.users, len(parts.user_U))).astype(np.int64))
    has_id_I = model.facts_["ids"].numpy()[:, 0] >= 0
    histories = [history[has_id_I[history]] for history in
                 (parts.history_before(int(parts.user_U[place]), "test") for place in place_N)]
    place_N = place_N[[len(history) > 0 for history in histories]]
    histories = [history for history in histories if len(history)]
    todo = settings(asked, model.trie_.n_levels)
    n_all = len(todo) * len(histories)
    for number, setting in enumerate(todo):
        if setting["name"] in done:
            continue
        rng, found = np.random.default_rng([asked.seed, number]), []
        for start in range(0, len(histories), BATCH):
            part = histories[start:start + BATCH]
            found.append(_ranked(model, part, setting, rng))
            yield Progress(setting["name"], number * len(histories) + start, n_all)
        ranked_UK = np.concatenate(found)
        row = {key: setting[key] for key in ("name", "level", "heat")}
        row |= {"recall": float(metrics.recall_at_k(ranked_UK, parts.test_U[place_N], 10).mean()),
                "different": len(np.unique(ranked_UK[:, :10][ranked_UK[:, :10] >= 0])), "n_users": len(histories)}
        row |= {f"entropy{k}": entropy_at(ranked_UK, label_I, k) for k in CUTS}
        yield Progress(setting["name"], (number + 1) * len(histories), n_all, {"row": row})


def _ranked(model: GenerativeRecommender, part: list[np.ndarray], setting: dict[str, Any],
            rng: np.random.Generator) -> np.ndarray:
    if setting["heat"] is None:
        items_BK = model.rank_batch([model.shorten(row) for row in part], max(CUTS), WIDTH)[0]
        return np.pad(items_BK, ((0, 0), (0, max(CUTS) - items_BK.shape[1])), constant_values=-1)
    drawn_BK = sample(model, part, setting["heats"], max(CUTS), rng)
    return np.pad(drawn_BK, ((0, 0), (0, max(CUTS) - drawn_BK.shape[1])), constant_values=-1)
