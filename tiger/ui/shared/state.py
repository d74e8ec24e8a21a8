"""Which dataset and which run a visitor looks at: in the address, remembered between pages, always valid.

The address wins (a link or a reload), then what this session looked at last, then the bundled dataset and
its demo run. Whatever comes from the address is checked; what is unknown is said once and replaced.
"""

import json
from typing import Any

import streamlit as st

from tiger import datasets, runs
from tiger.datasets import registry
from tiger.datasets.catalogue import Catalogue
from tiger.runs import config as run_config

DEMO_RUN, DEMO_MODEL = "demo-rqvae", "demo-recommender"
NUMBERS = ("item", "user", "level")
FROM_ONE = ("level", "planes")  # numbers that people count from 1
GROUP_LIMIT = 200  # items of a lasso that an address carries


def catalogue() -> Catalogue:
    """The current catalogue; loaded once for all visitors."""
    return load_catalogue(json.dumps(dataset_ref(), sort_keys=True))


def load_catalogue(ref_json: str) -> Catalogue:
    """Load a catalogue from its reference as JSON; the last four stay in memory while their files stay as they are."""
    return _load(ref_json, registry.stamps(json.loads(ref_json)))


@st.cache_resource(max_entries=4, show_spinner="Loading the dataset …", show_time=True)
def _load(ref_json: str, stamps: list[tuple[str, int, int]]) -> Catalogue:
    return datasets.load_ref(json.loads(ref_json))


def data_key(ref: dict[str, Any]) -> str:
    """Names a dataset as its files are now: what is cached under it is made anew when one changes."""
    return f"{registry.key(ref)}:{hash(tuple(registry.stamps(ref)))}"


def dataset() -> registry.Entry:
    """The current dataset's entry in the library."""
    asked = st.query_params.get("dataset") or _dataset_of_linked_run() or st.session_state.get("at_dataset")
    found = registry.bundled()
    if asked:
        try:
            found = registry.find(asked)
        except ValueError as error:
            notice(f"{error} Showing '{found.title}' instead.")
            st.query_params.pop("run", None)
            st.session_state["at_run"] = None
    if st.session_state.get("at_dataset") not in (None, found.id):  # another one by a link: its items are others
        for name in NUMBERS:
            st.session_state.pop(f"at_{name}", None)
        st.session_state.pop("at_group", None)
    _remember("dataset", found.id)
    return found


def dataset_ref() -> dict[str, Any]:
    """What ``datasets.load_ref`` needs for the current dataset."""
    return dataset().ref


def runs_here() -> list[runs.Run]:
    """Runs made from the current dataset, newest first."""
    wanted = registry.key(dataset_ref())
    return [run for run in runs.list_runs() if run.config.get("kind") in run_config.CODED and _key(run) == wanted]


def current_run() -> runs.Run | None:
    """The run that the address or session names, else this dataset's demo run or newest; None without any."""
    ref = dataset_ref()
    asked = st.query_params.get("run") or st.session_state.get("at_run")
    found = None
    if asked:
        try:
            found = runs.find(asked)
            if found.config.get("kind") not in run_config.CODED:
                raise ValueError(f"Run '{found.title}' has no codes of its own.")
            if _key(found) != registry.key(ref):
                raise ValueError(f"Run '{found.title}' belongs to another dataset.")
        except ValueError as error:
            notice(f"{error} Showing this dataset's own run instead.")
            found = None
    found = found or _default_run()
    _remember("run", found.id if found else None)
    return found


def models_here() -> list[runs.Run]:
    """Model runs of the current dataset, newest first."""
    wanted = registry.key(dataset_ref())
    return [run for run in runs.list_runs() if run.config.get("kind") == "model" and _key(run) == wanted]


def current_model() -> runs.Run | None:
    """The model run that the address (``model``) or session names, else this dataset's demo or newest one."""
    here = models_here()
    asked = st.query_params.get("model") or st.session_state.get("at_model")
    found = next((run for run in here if run.id == asked), None)
    if found is None and st.query_params.get("model"):
        notice(f"No recommender '{str(asked)[:60]}' of this dataset exists here; it may have been deleted.")
    found = found or next((run for run in here if run.id == DEMO_MODEL), here[0] if here else None)
    _remember("model", found.id if found else None)
    return found


def choose_model(run_id: str | None) -> None:
    """Look at another recommender of this dataset from now on."""
    _remember("model", run_id)


def choose_dataset(dataset_id: str) -> None:
    """Look at another dataset from now on; its default run and recommender come with it."""
    _remember("dataset", dataset_id)
    _remember("run", None)
    _remember("model", None)
    for name in NUMBERS:
        put_number(name, None)
    put_group([])


def choose_run(run_id: str | None) -> None:
    """Look at another run of this dataset from now on."""
    _remember("run", run_id)


def link_params(**more: str | int) -> dict[str, str]:
    """Query parameters for a link to another page of the same dataset and run."""
    kept = {name: st.session_state.get(f"at_{name}") for name in ("dataset", "run", "model")}
    return {name: value for name, value in kept.items() if value} | {name: str(v) for name, v in more.items()}


def number(name: str, high: int) -> int | None:
    """A whole number from the address (``item``, ``user``, ``level``); None when absent or not below ``high``.

    The least is 0, or 1 for the names in ``FROM_ONE``.

    What was chosen on one page stays chosen on the next: the numbers in ``NUMBERS`` outlive the page's address.
    """
    text = st.query_params.get(name, "")
    if not text:
        kept = st.session_state.get(f"at_{name}")
        if kept is None or kept >= high:
            return None
        put_number(name, kept)
        return kept
    low = int(name in FROM_ONE)
    if text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) < high:
        put_number(name, int(text))
        return int(text)
    notice(f"The address asks for {name} '{text[:20]}', but here it can only be {low} to {high - 1}.")
    put_number(name, None)
    return None


def number_or(name: str, high: int, fallback: int) -> int:
    """``number``, or ``fallback`` where the address names none."""
    found = number(name, high)
    return fallback if found is None else found


def put_number(name: str, value: int | None) -> None:
    """Write a whole number into the address, or take it out."""
    if name in NUMBERS:
        st.session_state[f"at_{name}"] = value
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != str(value):
        st.query_params[name] = str(value)


def group(n_items: int) -> tuple[list[int], int]:
    """Items that a lasso chose, and how many those were.

    The session that drew the lasso knows all of them, on whatever page it was since; a link carries an even choice
    of at most ``GROUP_LIMIT`` and the number of all. What is no item number is left out.
    """
    text = st.query_params.get("group", "")
    items, whole = st.session_state.get("at_group") or ([], 0)
    if text and text != _group_text(items):
        parts = [part for part in text[:4000].split("-") if part.isascii() and part.isdigit() and len(part) < 10]
        items = [int(part) for part in parts if int(part) < n_items][:GROUP_LIMIT]
        said = st.query_params.get("group_of", "")
        whole = min(int(said), n_items) if said.isascii() and said.isdigit() and len(said) < 12 else 0
    put_group(items, whole)
    return items, max(whole, len(items))


def put_group(items: list[int], whole: int = 0) -> None:
    """Keep the items of a lasso, and write those that fit into the address; none of them: forget it."""
    whole, text = max(whole, len(items)), _group_text(items)
    st.session_state["at_group"] = items, whole
    for name, value in (("group", text), ("group_of", str(whole) if whole > text.count("-") + 1 else "")):
        if not value:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def _group_text(items: list[int]) -> str:
    """Item numbers as an address carries them: every n-th, so that at most ``GROUP_LIMIT`` are left."""
    return "-".join(map(str, items[::max(1, -(-len(items) // GROUP_LIMIT))]))


def notice(text: str) -> None:
    """Say something once, at the top of the page."""
    waiting = st.session_state.setdefault("notices", [])
    if text not in waiting:
        waiting.append(text)


def take_notices() -> list[str]:
    """What is to be said; each is returned once."""
    return st.session_state.pop("notices", [])


def is_here(run: runs.Run) -> bool:
    """Whether a run, of whatever kind, belongs to the current dataset."""
    return _key(run) == registry.key(dataset_ref())


def _key(run: runs.Run) -> str:
    return registry.key(run.config.get("dataset") or {})


def _dataset_of_linked_run() -> str | None:
    """A link may name only a run or model: its dataset comes with it (and is added to the library if need be)."""
    asked = st.query_params.get("run") or st.query_params.get("model")
    if not asked:
        return None
    try:
        ref = runs.find(asked).config["dataset"]
    except (ValueError, KeyError):
        return None
    return registry.add(ref, str(ref["name"])).id


def _default_run() -> runs.Run | None:
    """The demo run where this dataset has it, else the newest run."""
    here = runs_here()
    return next((run for run in here if run.id == DEMO_RUN), here[0] if here else None)


def _remember(name: str, value: str | None) -> None:
    st.session_state[f"at_{name}"] = value
    if value is None:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value
