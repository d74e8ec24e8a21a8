"""Recommenders side by side: models x IDs with item-level scores, seeds and confidence intervals."""

import contextlib
import json
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import pandas as pd

from tiger import metrics, models, quantizers, runs
from tiger.analysis import evaluation
from tiger.analysis.evaluation import SearchMeasures
from tiger.core import params
from tiger.core.words import counted
from tiger.datasets import registry
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.reference import DatasetRef, Values
from tiger.models.generative import GenerativeRecommender
from tiger.runs.records import LearnerConfig, RunConfig
from tiger.runs.run import Run

NAMES = ("recall@5", "ndcg@5", "recall@10", "ndcg@10")
ENDS = tuple(f"{name} {end}" for name in NAMES for end in ("low", "high"))
SAME = ["dataset", "model", "quantizer", "made", "settings", "seen"]  # runs that are equal in these are seeds of one row
FEWEST = 3  # items of a history whose last one is held out of training; see ``catalogue.Split``


class IdsAbout(TypedDict):
    """What made a model's IDs: for people, its title, its settings without the seed, and its seed."""

    ids: str
    quantizer: str
    made: str
    ids_seed: int | str


def scores_frame(model_runs: Sequence[Run], split: str = "test") -> pd.DataFrame:
    """One row a measured model run.

    Returns:
        run, title, dataset, model, ids, quantizer, made (what made the IDs: for people, its kind, and its settings
        without the seed), seed, ids_seed, settings (what differs from the defaults), recall@5 ..., "recall@5 low",
        "recall@5 high" ... (95 % over users), seen ("excluded" or "kept": items of the history), beyond (what the papers'
        models of this kind have not, ``beyond_paper``), n_users, n_users_all, width, invalid, equal (at the width of the
        scores: share of invalid-ID rate of the free search, share of users whose ten items are an exact search's), trained_s.
    """
    rows: list[dict[str, object]] = []
    known: dict[str, str] = {}
    for run in model_runs:
        scores = run.metrics().get(split)
        if not scores:
            continue
        given, ref = run.learner, run.config.dataset
        key = registry.key(ref)
        known[key] = known.get(key) or dataset_summary(ref)  # looks through the library once a dataset
        unfinished = "" if run.state == "finished" else f", ended after step {run.status.step:,}"
        ends = {f"{name} {end}": scores["interval"][name][at] for name in NAMES for at, end in enumerate(("low", "high"))}
        rows.append({"run": run.id, "title": run.title, "dataset": known[key], "model": given.name,
                     **inputs_about(run.config), "seed": given.params.get("seed", 0),
                     "settings": settings_summary(given) + unfinished, **{name: scores[name] for name in NAMES}, **ends,
                     "seen": "excluded" if scores.get("exclude_seen") else "kept", "beyond": beyond_paper(given, ref),
                     "n_users": scores["n_users"], "n_users_all": scores["n_users_all"], "width": scores["width"],
                     "invalid": at_width(run.metrics(), "invalid", "rate"), "equal": at_width(run.metrics(), "gap", "equal"),
                     "trained_s": trained_s(run)})
    columns = ["run", "title", "dataset", "model", "ids", "quantizer", "made", "ids_seed", "seed", "settings", *NAMES, *ENDS,
               "seen", "beyond", "n_users", "n_users_all", "width", "invalid", "equal", "trained_s"]
    return pd.DataFrame(rows, columns=columns)


def table_frame(scores: pd.DataFrame) -> pd.DataFrame:
    """Models x IDs: runs that differ by their seeds only, the model's or the IDs', are one row; best first.

    Returns:
        dataset, model, ids, settings, seen, beyond, recall@5 ..., seeds (how many), repeats (runs left out because another
        one has both of their seeds), "recall@5 low", "recall@5 high" ... (95 %: Student over the seeds where there are
        several, else over the users), over (what the interval is over), n_users (the fewest), n_users_all, width,
        invalid, equal.
    """
    rows = []
    for (dataset, model, quantizer, made, settings, seen), part in scores.groupby(SAME, sort=False):
        seeds = part.sort_values("n_users", ascending=False, kind="stable").drop_duplicates(["seed", "ids_seed"])
        several, first = len(seeds) > 1, seeds.iloc[0]
        ids = first["ids"] if part["ids"].nunique() == 1 else f"{quantizer} ({made})"
        row: dict[str, object] = {"dataset": dataset, "model": model, "ids": ids, "made": made, "settings": settings,
                               "seen": seen, "beyond": first["beyond"], "seeds": len(seeds), "repeats": len(part) - len(seeds),
                               "over": "seeds" if several else "users"}
        for name in NAMES:
            mean = metrics.mean_interval(seeds[name].to_numpy(float)) if several else None
            row |= {name: float(seeds[name].mean()),
                    f"{name} low": mean.low if mean else float(first[f"{name} low"]),
                    f"{name} high": mean.high if mean else float(first[f"{name} high"])}
        rows.append(row | {"n_users": int(seeds["n_users"].min()), "n_users_all": int(first["n_users_all"]),
                           **{name: first[name] for name in ("width", "invalid", "equal")}})
    columns = ["dataset", "model", "ids", "made", "settings", "seen", "beyond", *NAMES, "seeds", "repeats", *ENDS, "over",
               "n_users", "n_users_all", "width", "invalid", "equal"]
    table = pd.DataFrame(rows, columns=columns)
    alike = table.groupby(["dataset", "ids"])["made"].transform("nunique") > 1  # one title, made by other settings
    table["ids"] = table["ids"].where(~alike, table["ids"] + " (" + table["made"] + ")")
    order = {name: at for at, name in enumerate(dict.fromkeys(table["dataset"]))}
    table = table.sort_values("recall@10", ascending=False, kind="stable").drop(columns="made")
    return table.sort_values("dataset", key=lambda column: column.map(order), kind="stable", ignore_index=True)


def table_summary(table: pd.DataFrame) -> str:
    """The takeaway of one dataset's ``table_frame``; which rows hold for some of the users only, which runs are left out."""
    if table.empty:
        return "No recommender of this dataset has been evaluated yet."
    best, worst = table.iloc[0], table.iloc[-1]
    words = f"{row_summary(best['model'], best['ids'], ' on ')} finds the held-out item among its first ten for " \
            f"{100 * best['recall@10']:.1f} % of the users"
    if len(table) > 1:
        words += f", the most; {models.REGISTRY[worst['model']].title} for {100 * worst['recall@10']:.1f} %, the fewest"
    words += "."
    some = [f"{row_summary(row['model'], row['ids'], ' on ')} ({users})" for _, row in table.iterrows()
            if (users := some_users(row["n_users"], row["n_users_all"]))]
    if some:
        words += f" Evaluated on a sample of users, so less comparable: {'; '.join(some)}."
    left_out = int(table["repeats"].sum())
    if left_out:
        words += f" {left_out} {'run repeats' if left_out == 1 else 'runs repeat'} both seeds of another run and " \
                 f"{'is' if left_out == 1 else 'are'} not counted again."
    return words


def row_summary(model: str, ids: str, between: str = " · ") -> str:
    """A row's name for people: the model, and the IDs that it writes, if any."""
    learner = models.REGISTRY.get(model)
    title = str(getattr(learner, "title", model))
    between = " of " if getattr(learner, "member_params", ()) else between
    return title if ids == "–" else f"{title}{between}{ids}"


def some_users(n_users: float, n_users_all: float) -> str:
    """ "300 of 22,363 users" where scores hold for a part of them; empty where they hold for all, or who knows."""
    return f"{n_users:,.0f} of {n_users_all:,.0f} users" if n_users < n_users_all else ""


def dataset_summary(ref: DatasetRef) -> str:
    """The dataset's id in the library; for one that is not in it, name and key."""
    known = registry.find_ref(ref)
    return known.id if known else f"{ref.get('name')}-{registry.key(ref)[:6]}"


def ids_summary(ids_run: str | None) -> str:
    """What made the IDs that a model writes, in a few words; a dash for a model that writes none."""
    return str(ids_about(ids_run)["ids"])


def ids_about(ids_run: str | None) -> IdsAbout:
    """What made them; ``made`` names the run where its settings do not say all."""
    if not ids_run:
        return IdsAbout(ids="–", quantizer="–", made="", ids_seed=0)
    try:
        run = runs.find(ids_run)
    except ValueError:
        return IdsAbout(ids=f"{ids_run} (deleted)", quantizer="deleted", made=f"run {ids_run}", ids_seed=0)
    given = run.config.quantizer
    made = quantizers.REGISTRY.get(given.name) if given else None
    name = made.title if made else "imported"
    about = IdsAbout(ids=f"{name}: {run.title}", quantizer=name, made=f"run {ids_run}", ids_seed=0)
    if given is not None and made is not None and run.state == "finished" and not run.config.parent:
        about["made"], about["ids_seed"] = _changed(given, made), given.params.get("seed", 0)
    return about


def inputs_about(config: RunConfig) -> IdsAbout:
    """What a model is made from besides the data: the IDs that it writes, or the recommenders that it combines."""
    given = config.learner
    names = models.REGISTRY[given.name].member_params if given is not None and given.name in models.REGISTRY else ()
    if given is None or not names:
        return ids_about(config.ids_run)
    parts = [_member_about(str(given.params[name])) for name in names]
    ids, quantizer = (" + ".join(part[key] for part in parts) for key in ("ids", "quantizer"))
    return IdsAbout(ids=ids, quantizer=quantizer, made="; ".join(part["made"] for part in parts),
                    ids_seed=" + ".join(str(part["ids_seed"]) for part in parts))


def _member_about(run_id: str) -> IdsAbout:
    """``IdsAbout`` of one recommender that is combined: its model and IDs, their settings, and their seeds."""
    try:
        config = runs.find(run_id).config
    except ValueError:
        return IdsAbout(ids=f"{run_id} (deleted)", quantizer="deleted", made=f"run {run_id}", ids_seed=0)
    given, own = config.learner, inputs_about(config)
    if given is None or given.name not in models.REGISTRY:
        return IdsAbout(ids=run_id, quantizer=config.kind, made=f"run {run_id}", ids_seed=0)
    title = row_summary(given.name, own["quantizer"], " on ")
    return IdsAbout(ids=title, quantizer=title, made=f"{settings_summary(given)}, {own['made']}".rstrip(", "),
                    ids_seed=f"{given.params.get('seed', 0)}/{own['ids_seed']}")


def settings_summary(given: LearnerConfig) -> str:
    """Hyper-parameters that differ from the defaults, without the seed."""
    return _changed(given, models.REGISTRY[given.name])


def _changed(given: LearnerConfig, learner: type) -> str:
    left_out = ("seed", *getattr(learner, "member_params", ()))
    changed = {spec.name: given.params[spec.name] for spec in params.specs(learner)
               if spec.name not in left_out and given.params.get(spec.name, spec.default) != spec.default}
    return ", ".join(f"{name} {json.dumps(value)}" for name, value in changed.items()) or "defaults"


def beyond_paper(given: LearnerConfig, ref: DatasetRef) -> str:
    """What a run has that the papers' models of its kind have not (``published``), separated by commas."""
    found = []
    for name in models.REGISTRY[given.name].member_params:
        with contextlib.suppress(ValueError):  # a member's run may be deleted
            member = runs.find(str(given.params.get(name))).learner
            found += beyond_paper(member, ref).split(", ")
    values = {spec.name: spec.default for spec in params.specs(models.REGISTRY[given.name])} | given.params
    if values.get("prefix_vectors"):
        found.append("a vector for every prefix")
    if models.REGISTRY[given.name].ids_verb and (ref.get("embedding") or {}).get("method") == "cooccurrence":
        found.append("IDs from co-occurrence besides text")
    if given.name in ("sasrec", "sasrec_ids"):
        found.append("the full softmax")
    if given.name == "sasrec_ids":
        found.append("vectors shared through IDs")
    return ", ".join(dict.fromkeys(filter(None, found)))


def at_width(scores: Values, what: str, name: str, width: int = evaluation.WIDTH) -> float | None:
    """One number of ``evaluation.measure_search`` at one beam width; None where it was not measured."""
    rows = scores.get("search", {}).get(what, [])
    return next((float(row[name]) for row in rows if row["width"] == width), None)


def trained_s(run: Run) -> float:
    """Seconds that training took, pauses left out; nan where nothing was logged."""
    events = run.events()[0]
    return float(events[-1].get("t_s", "nan")) if events else float("nan")


def seen_summary(excludes: bool, chosen: bool = False) -> str:
    """Which rule a list or a score follows, and why; ``chosen``: by a person, not by the data."""
    if excludes:
        return "Items already in the history are excluded" + ("." if chosen else "; no user of this dataset has an item twice.")
    return "Items already in the history may be recommended" + ("." if chosen else "; users of this dataset repeat items.")


def history_for_test(cat: Catalogue, user: int) -> tuple[np.ndarray, int | None]:
    """What a model reads of a user, and the held-out item: None where training saw the whole history.

    Raises:
        ValueError: no such user, or one without items.
    """
    try:
        history = cat.history(user)
    except IndexError as error:
        raise ValueError(str(error)) from None
    if not len(history):
        raise ValueError(f"user {user} has no items; choose one with at least one.")
    return (history, None) if len(history) < FEWEST else (history[:-1], int(history[-1]))


def fitting_width(model: models.Recommender, width: int) -> int:
    """A beam width, or the number of items that have IDs where these are fewer."""
    return min(width, model.trie_.n_items) if isinstance(model, GenerativeRecommender) else width


def best_items(model: models.Recommender, history: Sequence[int], k: int, exclude_seen: bool) -> np.ndarray:
    """A recommender's best items, at most k."""
    width = fitting_width(model, k)
    found = model.recommend(np.array(history, np.int64), min(k, model.n_items), width, exclude_seen=exclude_seen)
    return found["item"].to_numpy(np.int64)


def recommended_frame(items: Sequence[int] | np.ndarray, scores: Sequence[float] | np.ndarray, titles: Sequence[str],
                      held_out: int | None = None) -> pd.DataFrame:
    """Recommendations for people: rank, item, title, score, held_out (True at the held-out item)."""
    items = [int(item) for item in items]
    return pd.DataFrame({"rank": np.arange(1, len(items) + 1), "item": items,
                         "title": [str(titles[item]) for item in items],
                         "score": [round(float(score), 4) for score in scores],
                         "held_out": [item == held_out for item in items]})


def dots_frame(table: pd.DataFrame, metric: str = "recall@10") -> pd.DataFrame:
    """``table_frame`` (and reported rows below it) for a figure, best first.

    Returns:
        name, value, low, high, reported, some (measured on a sample of the users; the name says on how many).
    """
    reported = table["ids"] == "as reported"
    rules = {"excluded": "seen items excluded", "kept": "seen items kept"}
    words = [f"reported, {rules.get(seen, 'rule not stated')}" if published else ids
             for ids, seen, published in zip(table["ids"], table["seen"], reported, strict=True)]
    users = [some_users(*pair) for pair in zip(table["n_users"], table["n_users_all"], strict=True)]
    names = [row_summary(model, ids) + (f" ({some})" if some else "")
             for model, ids, some in zip(table["model"], words, users, strict=True)]
    seen: dict[str, int] = {}
    for at, name in enumerate(names):  # two settings of one model are two rows
        seen[name] = seen.get(name, 0) + 1
        names[at] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    frame = pd.DataFrame({"name": names, "value": table[metric].astype(float), "low": table[f"{metric} low"],
                          "high": table[f"{metric} high"], "reported": reported, "some": [bool(some) for some in users]})
    return frame.dropna(subset=["value"]).sort_values("value", ascending=False, ignore_index=True)


def weight_frame(model: models.Ensemble) -> pd.DataFrame:
    """Every weight that an ensemble tried on the validation items: series, weight, value; empty where the weight was given."""
    tried = pd.DataFrame(model.tried_GN, columns=["weight", "Recall@10", "NDCG@10"])
    return tried.melt("weight", var_name="series", value_name="value")[["series", "weight", "value"]]


def weight_summary(model: models.Ensemble) -> str:
    """An ensemble's weight, where it comes from, and whether combining helps at all."""
    if not len(model.tried_GN):
        return f"Weight of the second member: {model.weight_:g}, as given."
    ndcg_G = model.tried_GN[:, 2]
    words = f"Weight of the second member: {model.weight_:g}, the best of {len(ndcg_G)} by NDCG@10 on the validation items " \
            f"({ndcg_G.max():.4f}; the first member alone {ndcg_G[0]:.4f}, the second alone {ndcg_G[-1]:.4f})."
    if model.weight_ in (0.0, 1.0):
        words += " That is an end of the range, so one member alone ranks best: the combination does not help here."
    return words


def search_frames(search: SearchMeasures) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``evaluation.measure_search`` as two long tables (series, width, share): invalid IDs, and the gap to exact."""
    invalid = pd.DataFrame([("invalid-ID rate of the free search", row["width"], row["rate"])
                            for row in search.get("invalid", [])], columns=["series", "width", "share"])
    gap = pd.DataFrame([("same top 10 as an exact search", row["width"], row["equal"])
                        for row in search.get("gap", [])], columns=["series", "width", "share"])
    return invalid, gap


def search_summary(search: SearchMeasures) -> tuple[str, str]:
    """The takeaways of ``search_frames``: what a free beam writes that no item has, and what a beam loses."""
    rates, gaps = ([*one[:1], *one[1:][-1:]] for one in (search["invalid"], search["gap"]))  # one width is not said twice
    said = [f"{100 * one['rate']:.1f} % of {which} that {counted(one['width'], 'beam generates', 'beams generate')}"
            for one, which in zip(rates, ("the IDs", "those"), strict=False)]
    return (f"Without the catalogue's trie, {' and '.join(said)} belong to no item.",
            " ".join(evaluation.gap_summary(gap) for gap in gaps))
