"""What the Codebooks page looks at: a run's codes at one step, its kept steps, and its trained quantizer, cached."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from tiger import metrics, reports, runs
from tiger.datasets.catalogue import Catalogue
from tiger.quantizers import Quantizer
from tiger.reports import shop
from tiger.ui.shared import state


@dataclass(frozen=True)
class Codes:
    """A run's codes at one step.

    Args:
        run: where they come from.
        cat: whose items carry them.
        step: a kept step, or None for the newest codes of all items.
        codes_IL: one row an item; -1 where the kept step left the item out.
        n_codes: K of each level.
    """

    run: runs.Run
    cat: Catalogue
    step: int | None
    codes_IL: np.ndarray
    n_codes: list[int]

    @property
    def n_levels(self) -> int:
        return self.codes_IL.shape[1]

    @property
    def key(self) -> str:
        """Names these codes in widget keys."""
        return f"{self.run.id}:{self.step}"


def codes_at(run: runs.Run, cat: Catalogue, step: int | None) -> Codes:
    """The run's codes at a kept step, or the newest ones.

    Raises:
        ValueError: no codes yet, or codes for another number of items.
    """
    codes_IL = _newest(run.id, _when(run)) if step is None else _kept(run.id, step, cat.n_items, _attempt(run))
    if len(codes_IL) != cat.n_items:
        raise ValueError(f"Run '{run.title}' has codes for {len(codes_IL):,} items, but this dataset has "
                         f"{cat.n_items:,}; train a run on it.")
    return Codes(run, cat, step, codes_IL, list(_sizes(run.id, _when(run), codes_IL.shape[1])))


@st.cache_data(max_entries=64, show_spinner=False)
def _sizes(run_id: str, at: str, n_levels: int) -> list[int]:
    """K of each level: from the quantizer, or for imported IDs from the IDs themselves."""
    run = runs.find(run_id)
    given = run.config.quantizer.params if run.config.quantizer else {}
    if "n_codes" in given:
        return [int(given["n_codes"])] * n_levels
    return [int(size) for size in run.semantic_ids().n_codes[:n_levels]]


def _attempt(run: runs.Run) -> int:
    return int(run.status.attempt)


def _when(run: runs.Run) -> str:
    status, kept = run.status, run.snapshots()
    return f"{status.state}:{status.attempt}:{kept[-1] if kept else 0}"


@st.cache_resource(max_entries=16, show_spinner=False)
def _newest(run_id: str, at: str) -> np.ndarray:
    return runs.find(run_id).codes()


@st.cache_resource(max_entries=256, show_spinner=False)
def _kept(run_id: str, step: int, n_items: int, attempt: int) -> np.ndarray:
    found = runs.find(run_id).snapshot(step)
    codes_IL = np.full((n_items, found["codes"].shape[1]), -1, np.int64)
    codes_IL[found["rows"]] = found["codes"]
    return codes_IL


def kept_steps(codes: Codes) -> list[tuple[int, np.ndarray]]:
    """Step and codes of every kept step."""
    attempt = _attempt(codes.run)
    return [(step, _kept(codes.run.id, step, codes.cat.n_items, attempt)) for step in codes.run.snapshots()]


def over_time(codes: Codes) -> pd.DataFrame:
    """Perplexity and dead codes of each level at every kept step."""
    return _over_time(codes.run.id, _when(codes.run), codes)


@st.cache_data(max_entries=64, show_spinner=False)
def _over_time(run_id: str, at: str, _codes: Codes) -> pd.DataFrame:
    frame = reports.perplexity_over_time(kept_steps(_codes), max(_codes.n_codes))
    return frame.assign(level="level " + frame["level"].astype(str))


def busiest(codes: Codes, level: int) -> int:
    """The code that most items carry: what is shown before one is chosen."""
    return int(metrics.code_counts(codes.codes_IL[:, [level]], codes.n_codes[level])[0].argmax())


def quantizer(run: runs.Run) -> Quantizer | None:
    """The trained quantizer, or None where there is none (imported IDs, nothing saved yet)."""
    return _quantizer(run.id, _when(run))


@st.cache_resource(max_entries=8, show_spinner=False)
def _quantizer(run_id: str, at: str) -> Quantizer | None:
    try:
        return runs.find(run_id).quantizer()
    except ValueError:
        return None


def catalogue_of(run: runs.Run) -> Catalogue:
    """The catalogue that the run was trained on."""
    return state.load_catalogue(run.config.dataset)


def matches(cat: Catalogue, search: str, at_most: int = 100) -> list[int]:
    """Numbers of the items whose text holds the searched words, most bought first."""
    return _matches(json.dumps(cat.source, sort_keys=True, default=str), search, at_most, cat)


@st.cache_data(max_entries=128, show_spinner=False)
def _matches(source: str, search: str, at_most: int, _cat: Catalogue) -> list[int]:
    return [int(item) for item in shop.browse(_cat, search)["item"].head(at_most)]
