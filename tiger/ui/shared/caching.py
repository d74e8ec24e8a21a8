"""Caches of answers: functions take runs, catalogues and records themselves, and Streamlit asks here how to tell them apart."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from tiger.core import files
from tiger.datasets import registry
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.reference import DatasetRef
from tiger.runs import Run
from tiger.runs.counted import COUNTED
from tiger.runs.run import WINDOW

if TYPE_CHECKING:
    from tiger.reports.beam_page import BeamRequest, Writer
    from tiger.reports.codes import Codes
    from tiger.reports.tree import Reference

F = TypeVar("F", bound=Callable[..., Any])


def run_key(run: Run) -> tuple[Any, ...]:
    """Changes whenever the run has other codes, vectors, weights or counts: its folder, attempt, result and newest kept step."""
    kept = run.snapshots()
    return str(run.path), run.status.attempt, _stamp(run), kept[-1] if kept else -1, files.changed_ns(run.path / COUNTED)


def window_key(run: Run) -> int:
    """Changes whenever a recording wrote its newest codes."""
    return files.changed_ns(run.path / WINDOW)


def _stamp(run: Run) -> int:
    results = (run.path / name for name in ("codes.npy", "weights.safetensors", "model.json"))
    return next(filter(None, map(files.changed_ns, results)), 0)


def catalogue_key(cat: Catalogue) -> tuple[Any, ...]:
    """Changes whenever the catalogue has other items, histories or vectors, or its source names other files."""
    return data_key(cat.source), cat.content.digest


def data_key(ref: DatasetRef) -> str:
    """Names a dataset as its files are now: what is cached under it is made anew when one changes."""
    return f"{registry.key(ref)}:{hash(tuple(registry.stamps(ref)))}"


def codes_key(codes: "Codes") -> tuple[Any, ...]:
    """Changes whenever the run, the step or the catalogue does."""
    return run_key(codes.run), codes.step, catalogue_key(codes.cat)


def reference_key(other: "Reference") -> tuple[Any, ...]:
    """Changes whenever what a tree is compared with does."""
    return other.kind, other.title, other.widths, other.seed, catalogue_key(other.cat), other.run and run_key(other.run)


def writer_key(writer: "Writer") -> tuple[Any, ...]:
    """Changes whenever the recommender's weights do."""
    return run_key(writer.run)


def beam_key(req: "BeamRequest") -> tuple[Any, ...]:
    """Changes whenever the recommender, the catalogue, the user, the searches or the level do."""
    return writer_key(req.writer), catalogue_key(req.cat), req.user, req.search, req.before, req.level


KEYS: dict[str | type, Callable[[Any], Any]] = {
    Run: run_key, Catalogue: catalogue_key, "tiger.reports.codes.Codes": codes_key,
    "tiger.reports.tree.Reference": reference_key, "tiger.reports.beam_page.Writer": writer_key,
    "tiger.reports.beam_page.BeamRequest": beam_key}
"""What tells two arguments of one type apart; records of reports by name, because not every page imports them."""


def resource(max_entries: int, spinner: bool | str = False) -> Callable[[F], F]:
    """Keep a function's last answers for all visitors; nobody may change them."""
    return st.cache_resource(max_entries=max_entries, show_spinner=spinner, hash_funcs=KEYS)  # type: ignore[return-value]
