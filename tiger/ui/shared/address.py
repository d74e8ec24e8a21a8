"""What lives in a page's address: every parameter declared once, read as a checked value, written without history entries.

``read`` gives the value that the address asks for; what cannot be is said once above the page and replaced. ``write``
changes the address in place, so that Back leaves the page however often its address changed. A parameter that is
``remembered`` goes along to the session's other pages.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import streamlit as st

from tiger.core.words import counted

T = TypeVar("T")
GROUP_LIMIT = 200  # items of a lasso that an address carries
MAX_CHOSEN = 50  # runs that are chosen at once on the Runs page
SHORT_HISTORY = st.components.v2.component("tiger.short_history", js="""
export default ({setTriggerValue}) => {
  if (window.tigerShortHistory) return
  window.tigerShortHistory = true
  const push = history.pushState.bind(history)
  history.pushState = (state, title, url) => {
    const to = new URL(url ?? location.href, location.href)
    return to.pathname === location.pathname ? history.replaceState(state, title, url) : push(state, title, url)
  }
  setTriggerValue("ready", true)
}""")
"""Streamlit 1.67 adds a history entry whenever the server writes the address; with this only another page is an entry."""


@dataclass(frozen=True)
class Param(Generic[T]):
    """One parameter of the address.

    Args:
        name: as it stands in the address.
        about: what it says, in a few words.
        default: the value where the address is silent; it is left out of the address unless it is ``remembered``.
        remembered: it outlives the page, in the session.
        of_dataset: it speaks of one dataset's items or runs, and is forgotten with another dataset.
        old_names: how older links call it.
        old_values: how older links call its values.
    """

    name: str
    about: str
    default: T | None = None
    remembered: bool = False
    of_dataset: bool = False
    old_names: tuple[str, ...] = ()
    old_values: Mapping[str, str] = field(default_factory=dict)

    def parse(self, text: str) -> T:
        """The value that a text stands for.

        Raises:
            ValueError: none; its message ends the sentence "The address asks for NAME 'TEXT', but ...".
        """
        raise NotImplementedError

    def format(self, value: T) -> str:
        """The text that stands for a value."""
        return str(value)


@dataclass(frozen=True)
class Text(Param[str]):
    """Any text up to a length; whoever reads it decides what it means."""

    default: str | None = ""
    max_chars: int = 80

    def parse(self, text: str) -> str:
        return text[:self.max_chars]


@dataclass(frozen=True)
class Number(Param[int]):
    """A whole number from ``low``; a bound from above is often known only where it is read."""

    low: int = 0
    high: int = 10**11

    def below(self, stop: int) -> "Number":
        """The same parameter, below ``stop``."""
        return replace(self, high=stop - 1)

    def parse(self, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 12 and self.low <= int(text) <= self.high:
            return int(text)
        raise ValueError(f"here it can only be {self.low} to {self.high}.")


@dataclass(frozen=True)
class Choice(Param[str]):
    """One of a few words; the first is the default."""

    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "default", self.options[0])

    def parse(self, text: str) -> str:
        if text in self.options:
            return text
        raise ValueError(f"here it can only be {', '.join(self.options)}.")


@dataclass(frozen=True)
class Items(Param[tuple[int, ...]]):
    """Item numbers, "12-5-7"; "none" stands for no item."""

    n_items: int = 10**11
    max_items: int = 500

    def below(self, stop: int) -> "Items":
        """The same parameter for a catalogue of ``stop`` items."""
        return replace(self, n_items=stop)

    def parse(self, text: str) -> tuple[int, ...]:
        parts = [] if text == "none" else text.split("-")
        if len(parts) > self.max_items:
            raise ValueError(f"these are {len(parts)} items, but a history may have at most {self.max_items}.")
        for part in parts:
            if not (part.isascii() and part.isdigit() and len(part) < 12 and int(part) < self.n_items):
                raise ValueError(f"item '{(part or text)[:12]}' is unknown; this dataset has items 0 to {self.n_items - 1}.")
        return tuple(map(int, parts))

    def format(self, value: tuple[int, ...]) -> str:
        return "-".join(map(str, value)) or "none"


@dataclass(frozen=True)
class PerLevel(Param[tuple[float, ...]]):
    """A positive number for each level, "1-0.7-1", or one for all, "0.7"; cut to ``low`` .. ``high``."""

    n_levels: int = 1
    low: float = 0.1
    high: float = 3.0

    def of(self, n_levels: int) -> "PerLevel":
        """The same parameter for IDs of ``n_levels`` levels."""
        return replace(self, n_levels=n_levels)

    def parse(self, text: str) -> tuple[float, ...]:
        try:
            values = [float(part) for part in text.split("-")[:64]]
        except ValueError:
            raise ValueError("it must be one number, or one a level with a dash between them.") from None
        if len(values) not in (1, self.n_levels):
            raise ValueError(f"the IDs have {counted(self.n_levels, 'level')}; give one number, or one for each level.")
        if not all(math.isfinite(value) and value > 0 for value in values):
            raise ValueError("it must be a finite number above 0.")
        cut = tuple(min(max(round(value, 2), self.low), self.high) for value in values)
        return cut * self.n_levels if len(cut) == 1 else cut

    def format(self, value: tuple[float, ...]) -> str:
        return "-".join(f"{one:g}" for one in (value[:1] if len(set(value)) == 1 else value))


DATASET = Text("dataset", "the dataset, by its id", remembered=True)
RUN = Text("run", "the quantizer run, by its id", remembered=True, of_dataset=True)
MODEL = Text("model", "the recommender run, by its id", remembered=True, of_dataset=True)
ITEM = Number("item", "the chosen item", remembered=True, of_dataset=True)
USER = Number("user", "the chosen user", remembered=True, of_dataset=True)
LEVEL = Number("level", "the chosen level, or how many levels count", low=1, remembered=True, of_dataset=True)
GROUP = Text("group", 'items that a lasso chose, "3-4-5"', of_dataset=True, max_chars=4000)
GROUP_OF = Number("group_of", "how many items the lasso chose, where GROUP is a part of them", of_dataset=True)
STEP = Number("step", "a kept step of the run; the newest codes where it is absent", of_dataset=True)
CODE = Number("code", "a code of the chosen level", of_dataset=True)
SHOW = Choice("show", "what Catalogue shows", options=("Items", "Users", "Shape", "Load own data"))
CODES_VIEW = Choice("view", "what Codebooks shows", options=("Usage", "Collisions", "One item's walk"))
TREE_VIEW = Choice("view", "what Tree shows", options=("Trees", "Numbers", "Disagreements", "Difference"))
AGAINST = Choice("against", "what the run's tree is compared with", options=("LSH", "Another run", "Categories"))
OTHER_RUN = Text("other_run", "the run to compare with, by its id", of_dataset=True)
LSH_SEED = Number("lsh_seed", "the seed of LSH's hyperplanes", default=0, high=999)
DRAWN = Choice("drawn", "how trees are drawn", options=("Icicle", "Sunburst", "Treemap"))
PLANES = Number("planes", "how many of LSH's hyperplanes count", low=1)
BRANCH = Text("branch", 'a branch of the run\'s tree, "12-7"', of_dataset=True)
PAIRS = Choice("pairs", "the order of the disagreements", options=("Most alike", "Least alike"))
MOVED = Number("moved", "the level at which items moved", default=1, low=1,
               old_values={f"Level {level}": str(level) for level in range(1, 65)})
SPACE = Choice("space", "which vectors Map projects", options=("Input", "Latent", "Reconstruction"))
LAYOUT = Choice("layout", "how Map projects them", options=("PCA", "UMAP"))
AXES = Choice("axes", "how many dimensions Map has", options=("2-D", "3-D"))
SEED = Number("seed", "the seed of Map's UMAP, or of the Playground's points and start values", default=0, high=999)
COLOUR = Choice("colour", "what Map's colours stand for", options=("ID prefix", "Category"))
HISTORY = Items("items", 'Beam\'s changed history, "12-5-7"', of_dataset=True)
WIDTH = Number("width", "Beam's width", default=10, low=1)
TEMPERATURE = PerLevel("temperature", 'Beam\'s temperature, "0.7" or one a level "1-0.7-1"', old_names=("heat",))
FREE = Choice("free", "whether Beam may leave the catalogue", options=("0", "1"))
SEEN = Choice("seen", "whether Beam may find items of the history: by the data, no, yes", options=("auto", "0", "1"))
AT = Number("at", "the level that Beam's steps have reached", default=1)
WAS = Text("was", "the search that Beam compares with", of_dataset=True, max_chars=8000)
PICK = Text("pick", 'the branch that Beam explains, "12-7"', of_dataset=True)
LISTED = Choice("listed", "which of a level's candidates Beam lists",
                options=("all", "kept", "full", "outside", "seen", "invalid"))
LOOK = Choice("look", "what Beam shows", options=("Step by step", "Why", "Recommendations", "Before and after"))
PRESENTER = Choice("presenter", "a link to the presenter's view from when it was a part of Beam", options=("0", "1"))
WHO = Choice("who", "whether Present shows a user or somebody new", options=("user", "new"))
SCENE = Number("scene", "the step that Present's stage shows", default=0, high=99)
DRIFT_VIEW = Choice("view", "what Drift shows", options=("Trade-off", "Code transitions", "Old recommender", "Period by period",
                                                         "All numbers"), old_values={"Where items went": "Code transitions"})
DIVERSITY_VIEW = Choice("view", "what Diversity shows", options=("All users", "One user"))
CLASS_VIEW = Choice("view", "what Class shows", options=("Runs", "Table", "Predictions"))
RECIPE = Text("recipe", "the preset that Train or Recommender starts from")
PATH = Number("path", "the step of the path for a first visit", default=0)
STUDY = Text("study", "the study that is shown, by its id", of_dataset=True)
LESSON = Text("lesson", "the lesson that is shown", old_values={
    "turn": "rotation", "names": "matching", "reader": "recommender", "heat": "temperature"})
TOLD = Text("told", 'how far a lesson was told: the prediction, whether revealed, the answer, "1-r-2"', max_chars=8)
DONE = Text("done", 'the core lessons whose last question was answered, "code.residuals"', remembered=True, max_chars=200)
FIND = Text("find", "words that the listed runs have", max_chars=200)
RUN_KIND = Choice("kind", "which kind of runs is listed", options=("All", "IDs", "Recommenders", "Studies", "Sweeps", "Maps"))
GROUP_BY = Text("by", "what the listed runs are grouped by")
RUNS = Text("runs", "the chosen runs, by their ids, with commas between them", max_chars=4000)
RUNS_VIEW = Choice("view", "how chosen runs are compared", options=("Curves", "Differences", "Parallel coordinates",
                                                                      "Second opinion"))
CURVE = Text("curve", "which logged metric is drawn")
PLAY_METHOD = Choice("method", "the Playground's quantizer", options=("rqvae", "vqvae", "kmeans", "lsh"))
PLAY_POINTS = Choice("points", "the Playground's points", options=("blobs", "ring", "spiral", "moons", "tree", "drawn"))
PLAY_DRAWN = Text("xy", "points drawn in the Playground, three letters each", max_chars=600)
PLAY_LEVELS = Choice("levels", "the Playground's levels", options=("2", "1", "3"))
PLAY_CODES = Choice("codes", "the Playground's codes a level", options=("8", "2", "4", "16", "32"))
PLAY_BETA = Choice("beta", "the Playground's beta at its first step", options=("0.25", "0", "0.05", "1", "5", "25"))
PLAY_RATE = Choice("rate", "the Playground's learning rate at its first step",
                   options=("0.01", "0.001", "0.003", "0.03", "0.1", "0.3"))
PLAY_RESTART = Choice("restart", "whether the Playground restarts dead codes at its first step", options=("1", "0"))
PLAY_START = Choice("start", "where the Playground's codebooks start", options=("kmeans", "random", "far"))
PLAY_ESTIMATOR = Choice("estimator", "the Playground's gradient estimator at its first step", options=("ste", "rotation", "none"))
PLAY_STEPS = Number("steps", "the steps that the Playground has made", default=0, high=5000)
PLAY_TURNS = Text("turns", 'what changed while the Playground trained, "120-rate-0.3"', max_chars=600)
PLAY_POINT = Number("point", "the Playground's chosen point", default=0, high=199)
PLAY_SPEED = Choice("speed", "how fast the Playground plays", options=("normal", "slow", "fast"))
SCENARIO = Text("scenario", "the settings that the Playground opens with", max_chars=20)

SCHEMA: tuple[Param[Any], ...] = (
    DATASET, RUN, MODEL, ITEM, USER, LEVEL, GROUP, GROUP_OF, STEP, CODE, SHOW, CODES_VIEW, TREE_VIEW, AGAINST, OTHER_RUN,
    LSH_SEED, DRAWN, PLANES, BRANCH, PAIRS, MOVED, SPACE, LAYOUT, AXES, SEED, COLOUR, HISTORY, WIDTH, TEMPERATURE, FREE,
    SEEN, AT, WAS, PICK, LISTED, LOOK, PRESENTER, WHO, SCENE, DRIFT_VIEW, DIVERSITY_VIEW, CLASS_VIEW, RECIPE, PATH, STUDY,
    LESSON, TOLD, DONE, FIND, RUN_KIND, GROUP_BY, RUNS, RUNS_VIEW, CURVE, PLAY_METHOD, PLAY_POINTS, PLAY_DRAWN, PLAY_LEVELS,
    PLAY_CODES, PLAY_BETA, PLAY_RATE, PLAY_RESTART, PLAY_START, PLAY_ESTIMATOR, PLAY_STEPS, PLAY_TURNS, PLAY_POINT,
    PLAY_SPEED, SCENARIO)

LINKED = (DATASET, RUN, MODEL, SHOW, RECIPE, PATH, STUDY, LESSON, RUNS)
"""What links name and no component of a page changes in the browser by itself."""


def begin(page: str) -> None:
    """Before a page is drawn: write what had to wait.

    What a session's first run writes waits until the browser says that ``SHORT_HISTORY`` works, or else for the next run.
    """
    here, seen = (page, st.query_params.to_dict()), st.session_state.get("address_seen")
    if seen != here:
        st.session_state.pop("address_waits", None)
    st.session_state["address_seen"] = here
    if seen is None:
        return
    _ready()
    if seen[0] == page and DATASET.name in here[1] and any(here[1].get(one.name) != seen[1].get(one.name) for one in LINKED):
        # Streamlit 1.67 does not show the address of a link to the page it stands on, unless something is written to it
        st.query_params[DATASET.name] = here[1][DATASET.name]


@st.fragment
def keep_history_short() -> None:
    """Where the browser is told about ``SHORT_HISTORY``: a fragment, so that its answer runs nothing but this."""
    SHORT_HISTORY(key="short_history", on_ready_change=_ready)


def _ready() -> None:
    st.session_state["address_ready"] = True
    for name, text in st.session_state.pop("address_waits", {}).items():
        _put(name, text)


def read(param: Param[T], default: T | None = None) -> Any:
    """The value that the address asks for, else the remembered one, else the default.

    Args:
        param: what to read; ``param.below(stop)`` where the bound is known only here.
        default: instead of the parameter's own default.
    """
    default = param.default if default is None else default
    text = text_of(param)
    if not text:
        kept = st.session_state.get(f"at_{param.name}") if param.remembered else None
        if kept is None or not _is(param, param.format(kept)):
            return default
        write(param, kept)
        return kept
    try:
        value = param.parse(text)
    except ValueError as error:
        notice(f"The address asks for {param.name} '{text[:20]}', but {error}")
        write(param, None)
        return default
    write(param, value)
    return value


def _is(param: Param[Any], text: str) -> bool:
    try:
        param.parse(text)
    except ValueError:
        return False
    return True


def write(param: Param[T], value: T | None) -> None:
    """Set a parameter, or with None take it out of the address and of the session's memory."""
    if param.remembered:
        st.session_state[f"at_{param.name}"] = value
    silent = value is None or (value == param.default and not param.remembered)
    _put(param.name, "" if value is None or silent else param.format(value))
    for name in param.old_names:
        _put(name, "")


def forget(*params: Param[Any]) -> None:
    """Take parameters out of the address and of the session's memory."""
    for param in params:
        write(param, None)


def text_of(param: Param[Any]) -> str:
    """What the address says of a parameter, unchecked, in today's words; "" where it says nothing."""
    waiting = st.session_state.get("address_waits", {})
    for name in (param.name, *param.old_names):
        text = waiting[name] if name in waiting else st.query_params.get(name, "")
        if text:
            return param.old_values.get(text, text)
    return ""


def _put(name: str, text: str) -> None:
    if not st.session_state.get("address_ready"):
        st.session_state.setdefault("address_waits", {})[name] = text
        return
    if st.query_params.get(name, "") == text:
        return
    _, seen = st.session_state.get("address_seen", ("", {}))
    for known in (st.query_params, seen):  # what the server itself wrote, no link has changed
        if text:
            known[name] = text
        else:
            known.pop(name, None)


def notice(text: str) -> None:
    """Say something once, at the top of the page."""
    waiting = st.session_state.setdefault("notices", [])
    if text not in waiting:
        waiting.append(text)


def take_notices() -> list[str]:
    """What is to be said; each is returned once."""
    return st.session_state.pop("notices", [])
