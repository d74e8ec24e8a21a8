"""The frame around every page: logo, shared sidebar, heading, notices, and errors as one sentence."""

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import streamlit as st

from tiger import runs
from tiger.core import access, disk, errors, paths, remedies
from tiger.core.words import counted
from tiger.datasets import registry
from tiger.runs import index
from tiger.runs.records import RESUMABLE, STATE_SUMMARY
from tiger.ui.shared import address, forms, glossary, identity, membership, state
from tiger.ui.shared.pagelist import BY_KEY, CLASS, PAGES, PATH

T = TypeVar("T")
log = logging.getLogger("tiger.ui")
LOGO = Path(__file__).with_name("logo.svg")
LABELS = {"align": "Match the items by", "n_codes": "Codes per level"}  # fields whose label is not their name
IN_FIELD = 26  # letters of a run that the sidebar's picker shows whole
MAX_PICKED = 100  # runs that the sidebar offers: the newest, and those with a star
LOOKS = """<style>
[data-testid="stSidebarNavItems"] {padding-top: 0}
[data-testid="stSidebarHeader"] {margin-bottom: 0; height: 3.2rem}
[data-testid="stSidebarNavLink"] {padding-top: .1rem; padding-bottom: .1rem; margin-top: 0; margin-bottom: 0; line-height: 1.55}
[data-testid="stNavSectionHeader"] {padding-top: .1rem; padding-bottom: 0; margin-top: .3rem}
[data-testid="stSidebarNavSeparator"] {margin-top: .3rem}
[data-testid="stSidebarUserContent"] {padding-top: .6rem; padding-bottom: 1rem}
[data-testid="stSidebarUserContent"] [data-testid="stVerticalBlock"] {gap: .5rem}
[data-testid="stRadioOption"]:not([data-selected]) > div > div:first-child,
[data-testid="stCheckbox"] label:not([data-selected]) > span + div {
 box-shadow: 0 0 0 1.5px color-mix(in srgb, currentColor 58%, transparent)}
:is([data-testid="stTextInputRootElement"], [data-testid="stNumberInputContainer"], [data-testid="stTextAreaRootElement"],
 [data-testid="stSelectbox"] [role="group"], [data-testid="stMultiSelect"] [role="group"],
 [data-testid="stFileUploaderDropzone"]):not(:focus-within) {border-color: color-mix(in srgb, currentColor 58%, transparent)}
[data-testid="stButtonGroup"] [role="radiogroup"] {flex-wrap: wrap}
[data-testid="stMarkdownContainer"] :is(p, li):has(> abbr:focus) {position: relative}
[data-testid="stMarkdownContainer"] abbr:focus::after {content: attr(title); position: absolute; left: 0; top: calc(100% + 4px);
 z-index: 9; max-width: 100%; padding: .35rem .7rem; border-radius: 8px; background: #262730; color: #fafafa; font-size: .875rem;
 font-weight: 400; line-height: 1.4; border: 1px solid #8d8a85; white-space: normal; pointer-events: none}
.katex-display > .katex {white-space: normal}
.katex-display > .katex > .katex-html > .base {margin: .15em 0}
[data-testid="stMainBlockContainer"] {container-type: inline-size; padding-top: 4rem}
[data-testid="stSelectbox"] input {text-overflow: ellipsis}
.st-key-heading > :last-child {margin-left: auto}
@container (max-width: 620px) {
[data-testid="stHorizontalBlock"]:has(> [data-testid="stColumn"]) {flex-wrap: wrap}
[data-testid="stHorizontalBlock"] > [data-testid="stColumn"] {flex: 1 1 100%; min-width: 100%}}
@media (min-width: 900px) {
[data-testid="stMainBlockContainer"] {padding-top: 2.4rem}
[data-testid="stHeader"] {background: none}
[data-testid="stHeader"], [data-testid="stToolbar"] {pointer-events: none}
[data-testid="stHeader"] button {pointer-events: auto}}
""" + Path(__file__).with_name("beside.css").read_text(encoding="utf-8") + "</style>"
"""Links close to each other, so that the pickers below them are in sight at 900 pixels; rings of radio buttons and switches, and
borders of fields, that stand out from the ground by more than 3 to 1; formulas that wrap instead of being cut; definitions of
terms below their paragraph while they have the focus; columns below each other where the page is narrow, though the window with
its sidebar is not; no empty band above the heading; and charts side by side in rows."""
KEEP_FOCUS = f"<script>{Path(__file__).with_name('focus.js').read_text(encoding='utf-8')}</script>"
DARK_BUTTONS = """<style>[data-testid="stBaseButton-primary"]:not(:disabled) * {color: #16110a}</style>"""
"""Streamlit writes white on primary buttons; on the light orange of the dark theme that cannot be read."""


@contextmanager
def guard(doing: str = "") -> Iterator[None]:
    """Show an error inside the block as one sentence and log the trace; what was on the page stays.

    Args:
        doing: what was going on, for the log and for errors that say too little themselves.
    """
    try:
        yield
    except Exception as error:  # the last stop before a visitor: nothing may end as a raw traceback
        log.exception("%s", doing or "page")
        st.error(plain(sentence(error, doing)), icon=":material/error:")


def attempt(do: Callable[..., T], *args: Any, say: Callable[[str], Any] = state.notice) -> T | None:
    """Do what a button asks for; what forbids it is said in one sentence, and None returned.

    Args:
        say: where; at the top of the page, or ``toast`` for a button of a fragment, which draws no page.
    """
    try:
        return do(*args)
    except Exception as error:  # a callback has no page around it that could show an error
        if not isinstance(error, ValueError | TimeoutError):  # these are answers
            log.exception("a button")
        say(sentence(error, "This"))
        return None


def toast(text: str) -> None:
    """Say something in the corner of the page."""
    st.toast(plain(text), icon=":material/error:", duration="long")


def sentence(error: Exception, doing: str = "") -> str:
    """An error as one sentence: its own words where the core raised it, with its kind in front otherwise."""
    if disk.is_full(error):
        return disk.full_sentence(paths.home())
    text = " ".join(str(error.args[0] if isinstance(error, KeyError) and error.args else error).split())[:500]
    if isinstance(error, ValueError | IndexError | TimeoutError) and text and errors.ours(error):
        return worded(text)
    return f"{doing or 'This page'} failed: {text or 'no reason given'} ({type(error).__name__})."


def worded(text: str) -> str:
    """A message whose remedies are named as the fields of forms: "Encoding set to latin-1"."""
    return remedies.worded(text, lambda name, value: f"{LABELS.get(name) or forms.words(name)} set to {value}")


def plain(text: str) -> str:
    """Text as it is, with nothing read as Markdown."""
    return re.sub(r"([\\`*_\[\]$~<>#:|])", r"\\\1", text)


@contextmanager
def frame(title: str) -> Iterator[None]:
    """Around the chosen page: errors as one sentence, and notices said."""
    st.session_state["framed"] = True
    try:
        with guard(f"The page {title}"):
            yield
        say_notices()
    finally:
        st.session_state["framed"] = st.session_state["joined"] = False


def navigation() -> Any:
    """The page list as Streamlit's navigation; returns the chosen page."""
    sections: dict[str, list[Any]] = {}
    visitor = access.current()
    for entry in (*PAGES, *([CLASS] if visitor and visitor.teacher else [])):
        sections.setdefault(entry.section, []).append(st.Page(
            paths.PROJECT / entry.file, title=entry.title, icon=entry.icon, default=entry.key == "home"))
    return st.navigation(sections, expanded=True)


def note_page(title: str) -> None:
    """Tell the class's teacher where this visitor is; nothing outside of a class."""
    if here := membership.here():
        here[0].note_page(here[1], title)


def _join_frame() -> None:
    """Run again inside the frame where Streamlit ran a page by itself.

    A folder called ``pages`` makes it do so until ``st.navigation`` was called once in this server: a fresh
    server's first visitor may come by a link to another page than Home.
    """
    if not st.session_state.get("framed") and not st.session_state.get("joined"):
        st.session_state["joined"] = True
        navigation()
        st.rerun()


def sidebar() -> None:
    """Dataset picker, run picker and the way to one's own data; the same on every page."""
    st.html(LOOKS + (DARK_BUTTONS if st.context.theme.type == "dark" else "") + KEEP_FOCUS, unsafe_allow_javascript=True)
    with st.sidebar:
        now = state.dataset().id  # first, since a link may add one
        entries = {entry.id: entry.title for entry in registry.entries()}
        st.selectbox("Dataset", list(entries), format_func=entries.__getitem__, key="pick_dataset",
                     on_change=state.show("pick_dataset", now, partial(_picked, frozenset(entries), state.choose_dataset)))
        _run_picker()
        if st.button("Load own data", icon=":material/upload_file:", key="load_own", type="tertiary"):
            st.switch_page(BY_KEY["catalogue"].file, query_params=state.link_params(show="Load own data"))
        if visitor := access.current():
            _teacher_shows()
            st.caption(f"You are {plain(visitor.name)}. " + ("You see everybody's runs." if visitor.teacher else
                       "The teacher sees your runs; others see what you share."))
            identity.account()


def _picked(offered: frozenset[str], choose: Callable[[str], None], chosen: str) -> None:
    """A picker changed. A browser that comes back to a restarted server may still name a label that is none any more."""
    if chosen in offered:
        choose(chosen)


def _teacher_shows() -> None:
    """The run that the teacher shows to everybody."""
    here = membership.here()
    if here is None or not here[0].shown:
        return
    try:
        shown = runs.find(here[0].shown)
    except ValueError:  # deleted, or shared no more
        return
    st.page_link(BY_KEY["train"].file, label=f"The teacher shows: {plain(shown.title)}", icon=":material/cast_for_education:",
                 query_params={"run": shown.id})


def _run_picker() -> None:
    state.keep_entries(None)
    chosen = state.current_run()
    if chosen is None:
        st.caption("No run of this dataset yet.")
        st.page_link(BY_KEY["train"].file, label="Train the first one", icon=":material/play_circle:",
                     query_params=state.link_params())
        return
    everything = index.entries()
    state.keep_entries(everything)
    here = state.entries_here(among=everything)
    offered = [entry for number, entry in enumerate(here)
               if number < MAX_PICKED or entry.labels.starred or entry.id == chosen.id]
    labels = {entry.id: entry_label(entry) for entry in offered}
    st.selectbox("Run", list(labels), format_func=lambda run_id: labels.get(run_id, run_id), key="pick_run",
                 on_change=state.show("pick_run", chosen.id, partial(_picked, frozenset(labels), state.choose_run)))
    words = labels[chosen.id]
    st.caption(plain(words if len(chosen.title) > IN_FIELD else words.removeprefix(f"{chosen.title} · ")))
    if len(offered) < len(here):
        st.page_link(BY_KEY["runs"].file, label=f"All {counted(len(here), 'run')}", icon=BY_KEY["runs"].icon)


def run_label(run: runs.Run) -> str:
    """A run in a list of runs: its title, its state, when it was started, and the end of its id."""
    return entry_label(index.of(run))


def entry_label(entry: index.Entry) -> str:
    """The same for a run at a glance."""
    status = entry.status
    early = f" after {status.step:,} of {counted(status.n_steps, 'step')}" if status.state in RESUMABLE and status.n_steps else ""
    words = [entry.title, f"{STATE_SUMMARY[status.state]}{early}"]
    visitor = access.current()
    if visitor and entry.owner and entry.config.owner != visitor.id:
        words.insert(1, entry.owner)
    if entry.config.created_s:
        when = time.localtime(entry.config.created_s)
        words += [f"{when.tm_mday} {time.strftime('%b %H:%M', when)}", entry.short_id]
    return " · ".join(words)


def heading(key: str, explanation: str, *, terms: bool = True) -> None:
    """The page's question, one line on how to read it, and the place for what there is to say.

    Args:
        terms: whether the page's terms are explained; a view for those who know none of them has none.
    """
    _join_frame()
    with st.container(horizontal=True, vertical_alignment="center", key="heading"):
        st.title(BY_KEY[key].question, anchor=False, width="content")
        st.space("stretch")
        if terms and (known := glossary.of_page(key)):
            with st.popover("Terms", icon=":material/dictionary:", help="The terms on this page, each in one sentence."):
                st.markdown("\n\n".join(f"**{term}**: {meaning}" for term, meaning in known))
    shown = glossary.marked(explanation, key) if terms else explanation
    st.markdown(shown, unsafe_allow_html=shown != explanation)
    _path(key)
    st.session_state["notices_at"] = st.container()
    say_notices()


def prediction(options: Sequence[str], predicted: int, right: int) -> None:
    """Whether what was predicted is what was measured."""
    if predicted == right:
        st.success(f"As you predicted: **{options[right]}**.", icon=":material/check_circle:")
    else:
        st.warning(f"Measured: **{options[right]}**.", icon=":material/lightbulb:")


def path_params(number: int) -> dict[str, str]:
    """Query parameters of a link to a step of the path, counted from 1."""
    step, more = PATH[number - 1], {}
    if step.recipe:
        more["recipe"] = step.recipe
    if step.healthy and (run_id := state.healthy_run_id()):
        more["run"] = run_id
    return state.link_params(path=number, **more)


def _path(key: str) -> None:
    """Which step of the path for a first visit this is, what to do here, and the link to the next one."""
    number = address.read(address.PATH.below(len(PATH) + 1), 0)
    if not number or PATH[number - 1].page != key:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="path"):
        step = PATH[number - 1]
        st.markdown(f":material/timer: **{number} of {len(PATH)}: {step.title}.** {step.do}")
        if number < len(PATH):
            following = PATH[number]
            st.page_link(BY_KEY[following.page].file, label=f"Next: {following.title}", icon=":material/arrow_forward:",
                         query_params=path_params(number + 1))
        else:
            st.page_link(BY_KEY["lessons"].file, label="Next: the lessons", icon=":material/school:",
                         query_params=state.link_params())


def path_back(key: str, why: str) -> None:
    """On a step of the path that has nothing to work on: why, and the link to the step before it."""
    number = address.read(address.PATH.below(len(PATH) + 1), 0)
    if number > 1 and PATH[number - 1].page == key:
        before = PATH[number - 2]
        st.page_link(BY_KEY[before.page].file, label=f"{why} {before.title}", icon=":material/arrow_back:",
                     query_params=path_params(number - 1))


def say_notices() -> None:
    """Say what waits to be said, below the heading; called again when the page has run to its end."""
    for text in state.take_notices():
        st.session_state.get("notices_at", st).info(plain(text), icon=":material/info:")


@contextmanager
def folded(label: str, key: str, icon: str, expanded: bool = False, *, popover: bool = False) -> Iterator[bool]:
    """A part of the page that is folded away, and whether it must be drawn: from when it was first unfolded on this page's visit,
    so that what was typed into it stays.

    Args:
        popover: a button that opens it over the page, instead of a bar that unfolds.
    """
    box = (st.popover(label, key=key, icon=icon, on_change="rerun") if popover
           else st.expander(label, expanded, key=key, icon=icon, on_change="rerun"))
    with box:
        seen = st.session_state.setdefault("unfolded", set())
        if box.open:
            seen.add(key)
        yield key in seen


@st.fragment
def unfold(label: str, key: str, draw: Callable[[], None], icon: str | None = None) -> None:
    """A part of the page that is folded away, and drawn once somebody unfolds it, by a fragment of its own, so that most visits
    of the page are without it; nothing else on the page depends on it."""
    with st.expander(label, key=key, icon=icon, on_change="rerun") as box:
        if box.open:
            draw()


def beside(n: int, key: str) -> Sequence[Any]:
    """Columns for charts side by side; however long their titles are, the charts begin at one height."""
    with st.container(key=f"beside-{key}"):
        return st.columns(n, gap="medium")


def empty(text: str, page: str | None = None, label: str = "") -> None:
    """An empty state: what is missing, and the way to it."""
    with st.container(border=True):
        st.markdown(text)
        if page:
            st.page_link(BY_KEY[page].file, label=label or BY_KEY[page].title, icon=BY_KEY[page].icon,
                         query_params=state.link_params())


def has_codes(run: runs.Run | None, *, of_all: bool = True) -> TypeGuard[runs.Run]:
    """Whether the run has codes to show; where it has none, the page says what is missing.

    Args:
        of_all: the page needs the codes of all items; a recording may only have those of its latest batches.
    """
    if run is None:
        empty("This dataset has no run yet, so its items have no codes.", "train", "Train the first one")
    elif not run.has_result() and not run.snapshots():
        empty(f"**{plain(run.title)}** has not saved any codes yet.", "train", "Watch it train")
    elif of_all and not run.knows_all_items():
        empty(f"**{plain(run.title)}** was recorded without the codes of all items; they come with `rec.close(codes=codes)`, or "
              "from batches that were logged with `rows=`. Its latest codes are on the page Codebooks.", "codebooks",
              "See its latest codes")
    else:
        return True
    return False


def page_cards() -> None:
    """A way into every page but Home, each with its question; three to five in a row, so that rows are full."""
    others = [page for page in PAGES if page.key != "home"]
    in_a_row = min((4, 5, 3), key=lambda n: -len(others) % n)
    for first in range(0, len(others), in_a_row):
        for column, page in zip(st.columns(in_a_row), others[first:first + in_a_row], strict=False):
            with column.container(border=True, height="stretch"):
                st.page_link(page.file, label=f"**{page.title}**", icon=page.icon, query_params=state.link_params())
                st.caption(page.question)


def verdict(title: str, severity: str, evidence: list[str]) -> None:
    """The doctor's verdict in one box: its name and its first two findings."""
    show = {"good": st.success, "mild": st.info, "serious": st.warning}.get(severity, st.error)
    icon = ":material/check_circle:" if severity == "good" else ":material/stethoscope:"
    show(f"**Doctor: {plain(title)}.** {plain(' '.join(evidence[:2]))}", icon=icon)
