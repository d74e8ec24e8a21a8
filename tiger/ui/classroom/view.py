"""The teacher's page: the board of all visitors, their predictions, and what a teacher can do for everybody."""

import contextlib
import time

import streamlit as st

from tiger import runs
from tiger.datasets import registry
from tiger.reports import classroom as report
from tiger.reports import runs_verdicts
from tiger.reports.classroom import ClassPage, Person
from tiger.reports.stage import stories
from tiger.runs import index
from tiger.runs.index import Entry
from tiger.ui.classroom import tiles
from tiger.ui.shared import address, diagnoses, layout, membership, state
from tiger.ui.shared.membership import Classroom
from tiger.ui.shared.pagelist import BY_KEY

TICK_S, BUDGET_S = 2.0, 0.3  # between two looks at the class, and how long each examines runs
MAX_ROWS, HEIGHT = 40, 1400  # visitors that are shown without a scroll bar, and the table's height in px beyond
COLUMNS = {
    "Runs": st.column_config.NumberColumn("Runs", width="small"),
    "Perplexity": st.column_config.LineChartColumn("Perplexity", y_min=0.0, y_max=1.0,
                                                   help="Share of the codes in use, from the first step to the last."),
    "Here": None, "Severity": None, "Run": None}


def taught() -> Classroom | None:
    """The class, for its teacher, to whom alone the navigation offers the page; None for everybody else."""
    here = membership.here()
    return here[0] if here and here[1].teacher else None


def answer(classroom: Classroom) -> ClassPage:
    """The class as it is now."""
    return report.class_page(people(classroom), index.entries(), classroom.predictions)


def people(classroom: Classroom) -> list[Person]:
    """Every visitor, in the order in which they joined."""
    return [Person(one.visitor.id, one.visitor.name, *classroom.seen(one.visitor)) for one in classroom.members()
            if not one.visitor.teacher]


def show(view: str) -> None:
    """One of the page's views: everybody's newest run as pictures or as a table, or how lessons were predicted."""
    runs_view, table_view, predictions_view = address.CLASS_VIEW.options
    {runs_view: pictures, table_view: board, predictions_view: predictions}[view]()


def _numbers() -> tuple[Classroom, ClassPage] | None:
    """The class now, with its numbers above; None where there is nobody to show."""
    classroom = taught()
    if classroom is None:
        return None
    page = answer(classroom)
    if due := runs_verdicts.due(page.newest):
        diagnoses.examine(due, BUDGET_S)
    with st.container(horizontal=True, key="class_numbers"):
        st.metric("Here now", f"{page.n_here} of {len(page.table)}", width="content")
        st.metric("Training", page.n_training, width="content")
        st.metric("Waiting", page.n_waiting, width="content")
        st.metric("Code to join", classroom.code, width="content")
    if page.table.empty:
        st.info(f"Nobody has joined yet. Visitors open this server's address and type the code {classroom.code}.",
                icon=":material/group_add:")
        return None
    return classroom, page


@st.fragment(run_every=TICK_S)
def pictures() -> None:
    """A picture of every visitor's newest run, drawn again every other second; one of them can be opened and shown."""
    if (found := _numbers()) is None:
        return
    classroom, page = found
    st.html(tiles.CSS + tiles.grid(page.table))
    names = dict(zip(page.table["Run"], page.table["Name"] + ": " + page.table["Newest run"], strict=True))
    names.pop("", None)
    if names:
        run_id = st.selectbox("Open or show a run", names, index=None, format_func=lambda one: names.get(one, one), width=420,
                              key="class_pick", placeholder="Choose a visitor's newest run")
        if run_id:
            _open_actions(classroom, run_id)


@st.fragment(run_every=TICK_S)
def board() -> None:
    """The table of visitors, drawn again every other second; the run of the chosen line can be opened and shown."""
    if (found := _numbers()) is None:
        return
    classroom, page = found
    picked = st.dataframe(page.table, key="class_board", hide_index=True, on_select="rerun", selection_mode="single-row",
                          column_config=COLUMNS, height="content" if len(page.table) <= MAX_ROWS else HEIGHT)
    rows = picked["selection"]["rows"]
    run_id = str(page.table["Run"].iloc[rows[0]]) if rows and rows[0] < len(page.table) else ""
    if run_id:
        _open_actions(classroom, run_id)
    else:
        st.caption("Click the box at the left of a line: open that visitor's newest run, or show it to the class.")


def _open_actions(classroom: Classroom, run_id: str) -> None:
    """What can be done with one visitor's run."""
    with st.container(horizontal=True, vertical_alignment="center", key="class_run"):
        for key in ("train", "codebooks", "doctor"):
            st.page_link(BY_KEY[key].file, label=BY_KEY[key].title, icon=BY_KEY[key].icon, query_params={"run": run_id})
        shown = classroom.shown == run_id
        st.button("Stop showing it" if shown else "Show it to the class", icon=":material/cast_for_education:", key="class_show",
                  on_click=layout.attempt, args=(show_run, classroom, "" if shown else run_id))


def show_run(classroom: Classroom, run_id: str) -> None:
    """Show a run to everybody: it is shared, and every sidebar leads to it."""
    if run_id:
        runs.label(runs.find(run_id), shared=True)
    classroom.show(run_id)


@st.fragment(run_every=TICK_S)
def predictions() -> None:
    """Bars of what was predicted, a lesson at a time, for the projector."""
    classroom = taught()
    if classroom is None:
        return
    tallies = {tally.key: tally for tally in report.tallies(classroom.predictions)}
    if not tallies:
        st.caption("Once somebody locks in a prediction on the Lessons page, its bars stand here.")
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    key = left.selectbox("Lesson", list(tallies), format_func=lambda one: f"{tallies[one].title} ({tallies[one].n})",
                         key="class_lesson")
    tally = tallies[key]
    measured = right.toggle("Show the answer", key=f"class_measured:{key}")
    st.html(tiles.CSS + tiles.bars(tally, measured))


def controls() -> None:
    """What a teacher does for everybody: pause, clear, and take the class home."""
    classroom = taught()
    if classroom is None:
        return
    st.subheader("Everybody", anchor=False)
    with st.container(horizontal=True, key="class_controls"):
        st.button("Pause all runs", icon=":material/pause:", key="class_pause", on_click=pause_all, args=(classroom,))
        with st.popover("Clear all", icon=":material/delete_sweep:"):
            st.markdown("Stop and delete every visitor's runs, datasets and uploads, and forget all predictions? Visitors stay "
                        "in the class.")
            st.button("Clear for good", type="primary", key="class_clear", on_click=clear_all,
                      args=(classroom,))
        when = time.strftime("%d %B %Y, %H:%M")
        page = answer(classroom)  # here: the download itself runs where nobody is told apart
        st.download_button("Class report", lambda: report.report(page, when).encode(), "class-report.html", "text/html",
                           icon=":material/download:", key="class_report", on_click="ignore")


def visitors_entries(classroom: Classroom) -> list[Entry]:
    """Every run that belongs to a visitor; a teacher's own stay out of it."""
    ids = {person.id for person in people(classroom)}
    return [entry for entry in index.entries() if entry.config.owner in ids]


def pause_all(classroom: Classroom) -> None:
    """Pause whatever trains."""
    for entry in visitors_entries(classroom):
        if entry.status.state == "running":
            with contextlib.suppress(ValueError):  # a kind of run that cannot be paused
                entry.run.control("pause")


def clear_all(classroom: Classroom) -> None:
    """Stop what trains, delete runs, datasets, uploads and stories, forget predictions; what still stops is said."""
    left = 0
    for entry in visitors_entries(classroom):
        if entry.status.active:
            with contextlib.suppress(ValueError):  # it ended just now
                entry.run.control("stop")
        try:
            runs.delete(entry.run)
        except ValueError:  # its worker still ends
            left += 1
    for person in people(classroom):
        registry.forget(person.id)
        stories.forget(person.id)
    classroom.clear()
    if left:
        state.notice(f"{left} {'run is' if left == 1 else 'runs are'} being stopped; press Clear all again in a moment.")
