"""Recommenders side by side: models x IDs with item-level scores, seeds and confidence intervals."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tiger import evaluation, metrics, models, params, quantizers, runs
from tiger.run import Run

NAMES = ("recall@5", "ndcg@5", "recall@10", "ndcg@10")


def scores_frame(model_runs: Sequence[Run], split: str = "test") -> pd.DataFrame:
    """One row a measured model run.

    Returns:
        run, title, model, ids (what made the IDs), seed, settings (what differs from the defaults), recall@5 ...,
        low, high (of recall@10, 95 % over users), n_users, n_users_all, width, invalid, equal (at the width of the
        scores: share of invalid IDs in a free search, share of users whose ten items are an exact search's),
        trained_s.
    """
    rows = []
    for run in model_runs:
        scores = run.metrics().get(split)
        if not scores:
            continue
        given, interval = run.config["model"], scores["interval"]["recall@10"]
        rows.append({"run": run.id, "title": run.title, "model": given["name"], "ids": ids_words(run.config.get("ids")),
                     "seed": given["params"].get("seed", 0), "settings": settings_words(given),
                     **{name: scores[name] for name in NAMES}, "low": interval[0], "high": interval[1],
                     "n_users": scores["n_users"], "n_users_all": scores["n_users_all"], "width": scores["width"],
                     "invalid": at_width(run.metrics(), "invalid", "rate"), "equal": at_width(run.metrics(), "gap", "equal"),
                     "trained_s": trained_s(run)})
    columns = ["run", "title", "model", "ids", "seed", "settings", *NAMES, "low", "high", "n_users", "n_users_all",
               "width", "invalid", "equal", "trained_s"]
    return pd.DataFrame(rows, columns=columns)


def table_frame(scores: pd.DataFrame) -> pd.DataFrame:
    """Models x IDs: runs that differ by their seed only are one row, best first.

    Returns:
        model, ids, settings, recall@5 ..., seeds (how many), low, high (of recall@10, 95 %: Student over the
        seeds where there are several, else over the users), over (what the interval is over), n_users, width, invalid, equal.
    """
    rows = []
    for (model, ids, settings), part in scores.groupby(["model", "ids", "settings"], sort=False):
        seeds = part.drop_duplicates("seed")
        row: dict[str, Any] = {"model": model, "ids": ids, "settings": settings,
                               **{name: float(seeds[name].mean()) for name in NAMES}, "seeds": len(seeds)}
        low, high, over = float(seeds["low"].iloc[0]), float(seeds["high"].iloc[0]), "users"
        if len(seeds) > 1:
            mean = metrics.mean_interval(seeds["recall@10"].to_numpy())
            low, high, over = mean.low, mean.high, "seeds"
        rows.append(row | {"low": low, "high": high, "over": over, "n_users": int(seeds["n_users"].iloc[0]),
                           "width": seeds["width"].iloc[0],
                           "invalid": seeds["invalid"].iloc[0], "equal": seeds["equal"].iloc[0]})
    columns = ["model", "ids", "settings", *NAMES, "seeds", "low", "high", "over", "n_users", "width", "invalid",
               "equal"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("recall@10", ascending=False, ignore_index=True)


def table_words(table: pd.DataFrame) -> str:
    """The takeaway of ``table_frame`` in one sentence."""
    if table.empty:
        return "No recommender of this dataset has been measured yet."
    best, worst = table.iloc[0], table.iloc[-1]
    on = "" if best["ids"] == "–" else f" on {best['ids']}"
    words = f"{models.REGISTRY[best['model']].title}{on} finds the held-out item among its first ten for " \
            f"{100 * best['recall@10']:.1f} % of the users"
    if len(table) == 1:
        return words + "."
    return f"{words}, the most; {models.REGISTRY[worst['model']].title} for {100 * worst['recall@10']:.1f} %, the fewest."


def ids_words(ids: dict[str, Any] | None) -> str:
    """What made the IDs that a model writes, in a few words; a dash for a model that writes none."""
    if not ids:
        return "–"
    try:
        run = runs.find(ids["run"])
    except ValueError:
        return f"{ids['run']} (deleted)"
    made = quantizers.REGISTRY.get(run.learner.get("name", ""))
    name = made.title if made else "imported"
    return f"{name}: {run.title}" if run.title != run.id else f"{name}: {run.id}"


def settings_words(given: dict[str, Any]) -> str:
    """Hyper-parameters that differ from the defaults, without the seed."""
    specs = params.specs(models.REGISTRY[given["name"]])
    changed = {spec.name: given["params"][spec.name] for spec in specs
               if spec.name != "seed" and given["params"].get(spec.name, spec.default) != spec.default}
    return ", ".join(f"{name} {json.dumps(value)}" for name, value in changed.items()) or "defaults"


def at_width(scores: dict[str, Any], what: str, name: str, width: int = evaluation.WIDTH) -> float | None:
    """One number of ``evaluation.measure_search`` at one beam width; None where it was not measured."""
    rows = scores.get("search", {}).get(what, [])
    return next((float(row[name]) for row in rows if row["width"] == width), None)


def trained_s(run: Run) -> float:
    """Seconds that training took, pauses left out; nan where nothing was logged."""
    events = run.events()[0]
    return float(events[-1]["t_s"]) if events else float("nan")


def recommended_frame(items: Sequence[int] | np.ndarray, scores: Sequence[float] | np.ndarray, titles: Sequence[str],
                      held_out: int | None = None) -> pd.DataFrame:
    """Recommendations for people: rank, item, title, score, held_out (True at the item that really came next)."""
    items = [int(item) for item in items]
    return pd.DataFrame({"rank": np.arange(1, len(items) + 1), "item": items,
                         "title": [str(titles[item]) for item in items],
                         "score": [round(float(score), 4) for score in scores],
                         "held_out": [item == held_out for item in items]})


def dots_frame(table: pd.DataFrame, metric: str = "recall@10") -> pd.DataFrame:
    """``table_frame`` (and reported rows below it) for a figure: name, value, low, high, reported; best first."""
    reported = table["ids"] == "as reported"
    titles = [getattr(models.REGISTRY.get(name), "title", name) for name in table["model"]]
    words = ["reported by the paper" if told else ids for ids, told in zip(table["ids"], reported, strict=True)]
    names = [title if ids == "–" else f"{title} · {ids}" for title, ids in zip(titles, words, strict=True)]
    seen: dict[str, int] = {}
    for at, name in enumerate(names):  # two settings of one model are two rows
        seen[name] = seen.get(name, 0) + 1
        names[at] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    interval = table["low"].notna() & (metric == "recall@10")
    frame = pd.DataFrame({"name": names, "value": table[metric].astype(float), "low": table["low"].where(interval),
                          "high": table["high"].where(interval), "reported": reported})
    return frame.sort_values("value", ascending=False, ignore_index=True)


def search_frames(search: dict[str, Any]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``evaluation.measure_search`` as two long tables (series, width, share): invalid IDs, and the gap to exact."""
    invalid = pd.DataFrame([("invalid IDs in a free search", row["width"], row["rate"])
                            for row in search.get("invalid", [])], columns=["series", "width", "share"])
    gap = pd.DataFrame([("same ten items as an exact search", row["width"], row["equal"])
                        for row in search.get("gap", [])], columns=["series", "width", "share"])
    return invalid, gap


def search_words(search: dict[str, Any]) -> tuple[str, str]:
    """The takeaways of ``search_frames``: what a free beam writes that no item has, and what a beam loses."""
    rates = search["invalid"]
    first, last = rates[0], rates[-1]
    invalid = (f"Without the catalogue's trie, {100 * first['rate']:.1f} % of the IDs that {first['width']} beam writes and "
               f"{100 * last['rate']:.1f} % of those that {last['width']} beams write belong to no item.")
    return invalid, " ".join(evaluation.gap_words(gap) for gap in search["gap"][:1] + search["gap"][-1:])
