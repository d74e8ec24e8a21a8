"""Which dataset and which run a visitor looks at: in the address, remembered between pages, always valid.

The address wins (a link or a reload), then what this session looked at last, then the bundled dataset and
its demo run. Whatever comes from the address is checked; what is unknown is said once and replaced.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from tiger import datasets, runs
from tiger.analysis.doctor.symptoms import STARVED_USE, UNIQUE_ENOUGH
from tiger.core.words import counted
from tiger.datasets import registry
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.fingerprint import Changes
from tiger.datasets.reference import DatasetRef
from tiger.runs import config as run_config
from tiger.runs import data, index
from tiger.ui.shared import address, caching
from tiger.ui.shared.address import GROUP_LIMIT, notice, take_notices
from tiger.ui.shared.caching import data_key

__all__ = ["GROUP_LIMIT", "data_key", "notice", "take_notices"]
DEMO_RUN, DEMO_MODEL = "demo-small", "demo-recommender"
ENTRIES = "entries"  # what the sidebar looked up, for the page of the same rerun
UNHEARD_S = 1.0  # how long a value that was set may be on its way to the browser
NUMBERS = {param.name: param for param in address.SCHEMA if isinstance(param, address.Number)}


def catalogue() -> Catalogue:
    """The current catalogue; loaded once for all visitors."""
    return load_catalogue(dataset_ref())


def load_catalogue(ref: DatasetRef, confined: bool = False) -> Catalogue:
    """Load a catalogue from its reference; the last four stay in memory while their files stay as they are.

    Args:
        confined: read only where this server may read; for a reference that a visitor made.
    """
    return _load(ref, registry.stamps(ref), confined)


@st.cache_resource(max_entries=4, show_spinner="Loading the dataset …", show_time=True)
def _load(ref: DatasetRef, stamps: list[tuple[str, int, int]], _confined: bool) -> Catalogue:
    return datasets.load_ref(ref, apart=True, confined=_confined)


def catalogue_of(run: runs.Run) -> Catalogue:
    """A run's catalogue under the run's numbers for items; ValueError where its data are other ones by now."""
    cat = load_catalogue(run.config.dataset)
    say_changes(run, cat)
    return _numbered(run, cat)


@caching.resource(4)
def _numbered(run: runs.Run, cat: Catalogue) -> Catalogue:
    return data.catalogue_for(run, cat)


def say_changes(run: runs.Run, cat: Catalogue) -> None:
    """Say at the top of the page what changed in the data since the run was made, where anything did."""
    found = _changes(run, cat)
    histories = run.config.kind == "model"
    if found is None or not found.same_items or not found.summary(histories):  # other items are an error where they meet
        return
    words = [data.sentence(run, found, histories)]
    words += ["Items are matched by their ids."] * (found.was_I is not None)
    words += ["Its codes are those of the former embeddings."] * bool(found.n_vectors)
    notice(" ".join(words))


@caching.resource(64)
def _changes(run: runs.Run, cat: Catalogue) -> Changes | None:
    return data.changes(run, cat)


def dataset() -> registry.Entry:
    """The current dataset's entry in the registry."""
    requested = address.text_of(address.DATASET) or _dataset_of_linked_run() or st.session_state.get("at_dataset")
    found = registry.bundled()
    if requested:
        try:
            found = registry.find(requested)
        except ValueError as error:
            notice(f"{error} Showing '{found.title}' instead.")
            address.forget(address.RUN)
    if st.session_state.get("at_dataset") not in (None, found.id):  # another one by a link: its items and runs are others
        for param in address.SCHEMA:
            if param.of_dataset:
                st.session_state.pop(f"at_{param.name}", None)
    address.write(address.DATASET, found.id)
    return found


def dataset_ref() -> DatasetRef:
    """What ``datasets.load_ref`` needs for the current dataset."""
    return dataset().ref


def entries_here(kinds: tuple[str, ...] = run_config.CODED, among: Sequence[index.Entry] | None = None) -> list[index.Entry]:
    """Runs of these kinds made from the current dataset at a glance, newest first.

    Args:
        among: all runs, where they were looked up already.
    """
    wanted = registry.key(dataset_ref())
    everything = index.entries() if among is None else among
    return [entry for entry in everything if entry.config.kind in kinds and entry.dataset_key == wanted]


def healthy_run_id() -> str | None:
    """The current run where its codes are in use and tell items apart, else the newest such run of this dataset."""
    looked_up = st.session_state.get(ENTRIES)  # by the sidebar of this rerun
    known = [entry for entry in entries_here(among=looked_up) if entry.status.state == "finished" and entry.outcome
             and entry.outcome.usage >= STARVED_USE and entry.outcome.distinct_share >= UNIQUE_ENOUGH]
    current = st.session_state.get("at_run")
    return next((entry.id for entry in known if entry.id == current), known[0].id if known else None)


def keep_entries(found: tuple[index.Entry, ...] | None) -> None:
    """Keep what the sidebar looked up for the page that is drawn next; None forgets it."""
    st.session_state[ENTRIES] = found


def take_entries() -> tuple[index.Entry, ...]:
    """Every run at a glance, as the sidebar of this rerun looked it up: looking at thousands of folders twice takes as long as
    the rest of a page."""
    found: tuple[index.Entry, ...] | None = st.session_state.pop(ENTRIES, None)
    return index.entries() if found is None else found


def runs_here() -> list[runs.Run]:
    """Runs with codes of their own made from the current dataset, newest first."""
    return [entry.run for entry in entries_here()]


def models_here() -> list[runs.Run]:
    """Recommender runs of the current dataset, newest first."""
    return [entry.run for entry in entries_here(("model",))]


def first_choice(here: list[runs.Run], demo: str = "") -> runs.Run | None:
    """What is shown before anybody chose: the demo, else the newest finished run, else the newest; None without any."""
    finished = (run for run in here if index.of(run).status.state == "finished")
    return next((run for run in here if run.id == demo), None) or next(finished, None) or next(iter(here), None)


def current_run() -> runs.Run | None:
    """The run that the address or session names, else this dataset's first choice; None without any."""
    ref = dataset_ref()
    requested = address.read(address.RUN)
    found = None
    if requested:
        try:
            found = runs.find(requested)
            if found.config.kind not in run_config.CODED:
                raise ValueError(f"Run '{found.title}' has no codes of its own.")
            if _key(found) != registry.key(ref):
                raise ValueError(f"Run '{found.title}' belongs to another dataset.")
        except ValueError as error:
            notice(f"{error} Showing this dataset's own run instead.")
            found = None
    found = found or first_choice(runs_here(), DEMO_RUN)
    choose_run(found.id if found else None)
    return found


def current_model() -> runs.Run | None:
    """The recommender run that the address or session names, else this dataset's first choice; None without any."""
    here, requested = models_here(), address.text_of(address.MODEL)
    wanted = requested or st.session_state.get("at_model")
    found = next((run for run in here if run.id == wanted), None)
    if found is None and requested:
        notice(f"This dataset has no recommender '{requested[:60]}'; it may have been deleted.")
    found = found or first_choice(here, DEMO_MODEL)
    choose_model(found.id if found else None)
    return found


def choose_run(run_id: str | None) -> None:
    """Look at another run of this dataset from now on."""
    address.write(address.RUN, run_id)


def choose_model(run_id: str | None) -> None:
    """Look at another recommender of this dataset from now on."""
    address.write(address.MODEL, run_id)


def choose_dataset(dataset_id: str) -> None:
    """Look at another dataset from now on; its first choice of runs comes with it."""
    address.forget(*(param for param in address.SCHEMA if param.of_dataset))
    address.write(address.DATASET, dataset_id)


def link_params(**more: str | int) -> dict[str, str]:
    """Query parameters for a link to another page of the same dataset and run."""
    kept = {name: st.session_state.get(f"at_{name}") for name in ("dataset", "run", "model")}
    return {name: value for name, value in kept.items() if value} | {name: str(v) for name, v in more.items()}


def number(name: str, high: int) -> int | None:
    """A whole number below ``high`` from the address or the session's memory; None where neither has one."""
    return address.read(NUMBERS[name].below(high))


def number_or(name: str, high: int, fallback: int) -> int:
    """``number``, or ``fallback`` where there is none."""
    return address.read(NUMBERS[name].below(high), fallback)


def put_number(name: str, value: int | None) -> None:
    """Write a whole number into the address, or take it out."""
    address.write(NUMBERS[name], value)


def group(n_items: int) -> tuple[list[int], int]:
    """Items that a lasso chose, and how many those were.

    The session that drew the lasso has all of them, on whatever page it was since; a link carries an even choice
    of at most ``GROUP_LIMIT`` and the number of all. What is no item number is left out.
    """
    text = address.text_of(address.GROUP)
    items, whole = st.session_state.get("at_group") or ([], 0)
    if text and text != _group_text(items):
        parts = [part for part in address.GROUP.parse(text).split("-") if part.isascii() and part.isdigit() and len(part) < 10]
        items = [int(part) for part in parts if int(part) < n_items][:GROUP_LIMIT]
        said = address.text_of(address.GROUP_OF)
        whole = min(int(said), n_items) if said.isascii() and said.isdigit() and len(said) < 12 else 0
    put_group(items, whole)
    return items, max(whole, len(items))


def put_group(items: list[int], whole: int = 0) -> None:
    """Keep the items of a lasso, and write those that fit into the address; none of them: forget it."""
    whole, text = max(whole, len(items)), _group_text(items)
    st.session_state["at_group"] = items, whole
    address.write(address.GROUP, text)
    address.write(address.GROUP_OF, whole if whole > text.count("-") + 1 else None)


def _group_text(items: list[int]) -> str:
    """Item numbers as an address carries them: every n-th, so that at most ``GROUP_LIMIT`` are left."""
    return "-".join(map(str, items[::max(1, -(-len(items) // GROUP_LIMIT))]))


def load_dataset(ref: DatasetRef, title: str) -> None:
    """Load a dataset, remember it and look at it; an error changes nothing but this message, and its uploads go."""
    start = time.monotonic()
    with st.status("Reading the files and computing embeddings …", expanded=True) as status:
        try:
            cat = load_catalogue(ref, confined=True)
        except Exception:
            status.update(label="Nothing was loaded; your current dataset is unchanged.", state="error")
            registry.drop_uploads(ref)
            raise
        status.update(label="Loaded.", state="complete", expanded=False)
    entry = registry.add(cat.source, title or cat.name)
    choose_dataset(entry.id)
    chosen, used = ((about.get("embedding") or {}).get("method") for about in (ref, cat.source))
    notice(f"Loaded '{entry.title}' in {time.monotonic() - start:.1f} s: {counted(cat.n_items, 'item')}, "
           f"{counted(cat.n_users, 'user')}, {counted(cat.n_interactions, 'interaction')}."
           + (" No item has text, so the vectors come from co-occurrence alone." if chosen != used else ""))
    st.rerun()


def is_here(run: runs.Run) -> bool:
    """Whether a run, of whatever kind, belongs to the current dataset."""
    return _key(run) == registry.key(dataset_ref())


def _key(run: runs.Run) -> str:
    return index.of(run).dataset_key


def _dataset_of_linked_run() -> str | None:
    """A link may name only a run or model: its dataset comes with it (and is added to the registry if need be)."""
    requested = address.text_of(address.RUN) or address.text_of(address.MODEL)
    if not requested:
        return None
    try:
        ref = runs.find(requested).config.dataset
    except ValueError:  # ``current_run`` says what is wrong with it
        return None
    return registry.add(ref, str(ref["name"])).id


def set_widget(key: str, value: Any) -> None:
    """Let a widget show a value. One that shows it is left alone: what is set is sent anew, over what the browser has by then."""
    if key not in st.session_state:
        st.session_state[key] = value
    elif st.session_state[key] != value:
        _replaced(key).append((time.monotonic(), st.session_state[key]))
        st.session_state[key] = value


def _replaced(key: str) -> list[tuple[float, Any]]:
    """What a widget showed before it was set, as far as the browser may not have heard of that yet; when, and the value."""
    before = st.session_state.setdefault("replaced", {})
    before[key] = [(when, value) for when, value in before.get(key, ()) if time.monotonic() - when < UNHEARD_S]
    return before[key]


def show(key: str, value: Any, chosen: Callable[[Any], None]) -> Callable[[], None]:
    """Let a widget show a value; returns its ``on_change``, which hands on what the visitor chooses.

    Every message from the browser holds the values of all widgets. One that left before the browser heard of a value set here
    still names the one before, which the visitor did not choose.
    """
    set_widget(key, value)

    def heard() -> None:
        if st.session_state[key] not in [value for _, value in _replaced(key)]:
            chosen(st.session_state[key])

    return heard
