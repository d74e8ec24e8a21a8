"""The Tree page's numbers, cached: both ID sets over all their seeds, measured and side by side."""

import numpy as np
import pandas as pd
import streamlit as st

from tiger import metrics, runs
from tiger.analysis import tree
from tiger.analysis.tree import IdSet
from tiger.core.sampling import even_sample
from tiger.datasets.catalogue import Catalogue
from tiger.reports.codes import Codes
from tiger.runs import layouts, supervisor
from tiger.runs.records import LearnerConfig
from tiger.ui.shared import sources, state
from tiger.ui.tree import data as tree_data
from tiger.ui.tree.data import Other

N_QUERIES, N_NEIGHBOURS = 500, 10
LSH_SEEDS = 5
SEEDS = 3  # of a run, for its intervals


def lsh_set(codes: Codes, other: Other) -> IdSet:
    """LSH with as many bits as the run's IDs, over several seeds from the chosen one on."""
    dataset = state.data_key(state.dataset_ref())
    made = [tree_data.lsh_seed(dataset, other.widths, other.seed + n, codes.cat) for n in range(LSH_SEEDS)]
    return IdSet(other.title, [one[0] for one in made], [one[1] for one in made], [one[2] for one in made])


def neighbours(cat: Catalogue, known_I: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An even sample of the items that are known to have an ID, and their true neighbours in the whole catalogue."""
    known_N = np.flatnonzero(known_I)
    query_N = known_N[even_sample(len(known_N), N_QUERIES)]
    return query_N, _nearest(state.data_key(cat.source), query_N.tobytes(), query_N, cat)


@st.cache_resource(max_entries=8, show_spinner=False)
def _nearest(dataset: str, queries: bytes, _query_N: np.ndarray, _cat: Catalogue) -> np.ndarray:
    return metrics.nearest(_cat.embedding_IE, _query_N, N_NEIGHBOURS)[0]


def seeds_of(run: runs.Run) -> list[runs.Run]:
    """The run, and finished runs of the same dataset that differ from it in nothing but the seed."""
    if not run.config.quantizer or not run.has_result():
        return [run]
    found = {int(run.learner.params.get("seed", 0)): run}
    for other in state.runs_here():
        if other.has_result() and _but_seed(other) == _but_seed(run):
            found.setdefault(int(other.learner.params.get("seed", 0)), other)
    return list(found.values())


def _but_seed(run: runs.Run) -> tuple:
    given = run.config.quantizer or LearnerConfig("")
    asked = {name: value for name, value in given.params.items() if name != "seed"}
    return given.name, sorted(asked.items(), key=str)


def id_set(run: runs.Run, alike: list[runs.Run], cat: Catalogue) -> IdSet:
    """The codes of a run and its other seeds, under the run's name."""
    codes = [sources.codes_at(one, cat).codes_IL for one in alike]
    return IdSet(run.title, codes, [_lost(one.id, cat) for one in alike], [_trained_s(one) for one in alike])


@st.cache_resource(max_entries=32, show_spinner=False)
def _lost(run_id: str, _cat: Catalogue) -> float:
    run = runs.find(run_id)
    if "reconstruction" not in layouts.spaces(run):
        return float("nan")
    return tree_data.lost_share(_cat.embedding_IE, layouts.vectors(_cat, run, "reconstruction"))


def _trained_s(run: runs.Run) -> float:
    events = run.events()[0]
    return max((float(event["t_s"]) for event in events if "t_s" in event), default=float("nan"))


def both_sets(codes: Codes, other: Other) -> tuple[IdSet, IdSet]:
    """The run and what stands beside it, each over its seeds; two seeds of one recipe stand for themselves."""
    alike = seeds_of(codes.run)
    if other.kind == "LSH":
        return id_set(codes.run, alike, codes.cat), lsh_set(codes, other)
    if other.kind != "run":
        return id_set(codes.run, alike, codes.cat), IdSet(other.title, [other.codes_IL])
    beside = runs.find(other.key.removeprefix("run:"))
    if beside.id in {run.id for run in alike}:
        return id_set(codes.run, [codes.run], codes.cat), id_set(beside, [beside], codes.cat)
    return id_set(codes.run, alike, codes.cat), id_set(beside, seeds_of(beside), codes.cat)


def missing_seeds(run: runs.Run) -> list[int]:
    """Seeds to train so that the run has ``SEEDS`` of them; none for imported IDs and runs under way."""
    given = run.config.quantizer
    if not given or not run.has_result():
        return []
    known = {int(one.learner.params.get("seed", 0)) for one in state.runs_here()
             if _but_seed(one) == _but_seed(run)}
    return [seed for seed in range(2 * SEEDS) if seed not in known][:max(SEEDS - len(known), 0)]


def train_seeds(run: runs.Run, seeds: list[int]) -> None:
    """Queue the same run with other seeds."""
    given = run.learner
    for seed in seeds:
        supervisor.current().submit({"dataset": run.config.dataset, "title": f"{run.title}, seed {seed}",
                                  "quantizer": {"name": given.name, "params": given.params | {"seed": seed}}})


def numbers(codes: Codes, other: Other) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every number of both sets (``tree.compare``), and their branch sizes."""
    one, two = both_sets(codes, other)
    if two.name == one.name:
        two = IdSet(f"{two.name} (2)", two.codes, two.error, two.build_s)
    key = f"{state.data_key(state.dataset_ref())}:{codes.run.id}:{codes.step}:{codes.run.status.attempt}:{other.key}"
    key += f":{len(one.codes)}:{len(two.codes)}"
    return _numbers(key, [one, two], codes.cat)


@st.cache_resource(max_entries=32, show_spinner=False)
def _numbers(key: str, _sets: list[IdSet], _cat: Catalogue) -> tuple[pd.DataFrame, pd.DataFrame]:
    known_I = np.logical_and.reduce([metrics.has_id(codes_IL) for ids in _sets for codes_IL in ids.codes])
    frame = tree.compare(_sets, tree_data.labels(_cat)[0], neighbours(_cat, known_I), n_shuffles=3)
    return frame, tree.sizes_frame(_sets)
