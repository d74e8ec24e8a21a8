"""The table of all runs with its filters; choosing rows writes their ids into the address."""

import hashlib
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from tiger.datasets import registry
from tiger.reports import runs as runs_report
from tiger.reports import runs_verdicts
from tiger.reports.runs import RunsPage, RunsRequest
from tiger.reports.runs_rows import OUTCOMES, param_title
from tiger.runs import index
from tiger.runs.index import Entry
from tiger.ui.shared import address, diagnoses, exports, layout, pickers, state

TICK_S, BUDGET_S = 0.7, 0.4  # between two looks while runs are examined, and how long each examines
PERCENT = ("Distinct share", "Explained variance", "Codebook use")


def read(entries: Sequence[Entry]) -> RunsRequest:
    """The filters, as the address and this session's widgets have them."""
    chosen = {name: tuple(st.session_state.get(f"runs:{name}", ())) for name in ("datasets", "methods", "states", "verdicts",
                                                                               "tags")}
    return RunsRequest(text=address.read(address.FIND) or "", kind=address.read(address.RUN_KIND),
                       starred=bool(st.session_state.get("runs:starred")), group=_group(entries), **chosen)


def answer() -> RunsPage:
    """The table; what did not change since the last rerun is not read again."""
    entries = state.take_entries()
    return runs_report.runs_page(entries, read(entries))


def _group(entries: Sequence[Entry]) -> str:
    """What the address groups by; a name that means nothing is said once, and nothing is grouped."""
    asked = address.read(address.GROUP_BY)
    if not asked:
        return ""
    try:
        found = runs_report.group_named(entries, asked)
    except ValueError as error:
        address.notice(f"The address asks for by '{asked[:20]}', but {error}")
        address.write(address.GROUP_BY, None)
        return ""
    if found != asked:
        address.write(address.GROUP_BY, found)
    return found


def filters(page: RunsPage) -> None:
    """Search, kind, grouping and, folded away, everything else that narrows the table."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="run_filters"):
        st.text_input("Search runs", key="runs:find", placeholder="name, tag, method, value …", type="search", width=190,
                      on_change=pickers.shows(address.FIND, "runs:find", address.read(address.FIND) or ""))
        pickers.segmented(address.RUN_KIND, "Kind", key="runs:kind")
        _group_by(page)
        n_set = sum(bool(st.session_state.get(f"runs:{name}")) for name in ("datasets", "methods", "states", "verdicts", "tags",
                                                                           "starred"))
        with st.popover(f"Filters ({n_set} set)" if n_set else "Filters", icon=":material/filter_alt:"):
            for name, words in (("datasets", "Dataset"), ("methods", "Method"), ("verdicts", "Verdict"), ("states", "State"),
                                ("tags", "Tag")):
                counts = getattr(page.choices, name)
                gone = [one for one in st.session_state.get(f"runs:{name}", ()) if one not in counts]
                options = [*counts, *gone]
                labels = {one: f"{one} ({counts.get(one, 0):,})" for one in options}
                st.multiselect(words, options, key=f"runs:{name}", placeholder="all", format_func=labels.__getitem__)
            st.toggle("With a star only", key="runs:starred")


def _group_by(page: RunsPage) -> None:
    """Into which groups the runs are folded; hyper-parameters that differ can be chosen, too."""
    now = address.read(address.GROUP_BY) or ""
    options = ["", *runs_report.GROUPS, *page.differing]
    st.selectbox("Group by", options if now in options else [*options, now], key="runs:group", width=160,
                 format_func=lambda name: "no grouping" if not name else name if name in runs_report.GROUPS
                 else param_title(name),
                 on_change=pickers.shows(address.GROUP_BY, "runs:group", now))


def chosen_ids() -> list[str]:
    """Ids of the chosen runs, as the address has them."""
    return [one for one in (address.read(address.RUNS) or "").split(",") if one]


def choose(ids: list[str]) -> None:
    """Choose these runs from now on."""
    address.write(address.RUNS, ",".join(ids[:address.MAX_CHOSEN]))


def table(page: RunsPage) -> None:
    """All rows; the boxes at their left choose runs, a click on a column's name sorts."""
    if not page.rows:
        layout.empty("No run matches these filters.")
        return
    ids, chosen = [row.entry.id for row in page.rows], chosen_ids()
    key = f"runs_table:{hashlib.sha256(','.join(ids).encode()).hexdigest()[:12]}"
    at = {run_id: number for number, run_id in enumerate(ids)}

    def select() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        hidden = [run_id for run_id in chosen if run_id not in at]
        choose(hidden + [ids[number] for number in rows if number < len(ids)])

    st.dataframe(page.table, key=key, hide_index=True, on_select=select, selection_mode="multi-row", placeholder="",
                 selection_default={"selection": {"rows": [at[run_id] for run_id in chosen if run_id in at]}},
                 height=min(38 + 35 * len(ids), 430), column_config=columns(page.table), alt=page.summary)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(page.summary, width="content")
        exports.csv_button(lambda: export(page), "runs", rows=len(page.rows))
        hidden = len([run_id for run_id in chosen if run_id not in at])
        if chosen:
            st.caption(f"{len(chosen)} chosen{f', {hidden} of them not in the table' if hidden else ''}", width="content")
            st.button("Clear selection", type="tertiary", key="runs:clear", on_click=choose, args=([],))


def export(page: RunsPage) -> pd.DataFrame:
    """The table with every hyper-parameter that differs."""
    return runs_report.table(page.rows, page.differing)


def columns(frame: pd.DataFrame) -> exports.Columns:
    """How the columns are written: shares in per cent, times as dates, few digits."""
    found: exports.Columns = {name: st.column_config.NumberColumn(format="percent") for name in PERCENT if name in frame}
    found |= {name: st.column_config.NumberColumn(format="%.1f") for name in frame if str(name).startswith("Perplexity")}
    found |= {name: st.column_config.NumberColumn(format="%.4f") for name in ("Recall@10", "NDCG@10")}
    found |= {"Started": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
              "Duration (s)": st.column_config.NumberColumn(format="%.1f"), "★": st.column_config.TextColumn(width=40),
              "Verdict": st.column_config.TextColumn(width=150),
              "Name": st.column_config.TextColumn(width=240, pinned=True),
              "Differs from default": st.column_config.TextColumn(width="medium"),
              "Note": st.column_config.TextColumn(width="medium")}
    return {name: how for name, how in found.items() if name in frame}


def groups(page: RunsPage) -> None:
    """One row a group, with the mean of every outcome and its 95 % confidence interval."""
    if page.groups is None or not len(page.groups):
        return
    frame = page.groups
    shown = pd.DataFrame({"Group": frame["Group"], "Runs": frame["Runs"]})
    for name in OUTCOMES:
        if name in frame:
            low, high = (frame.get(f"{name} {end}", pd.Series([float("nan")] * len(frame))) for end in ("low", "high"))
            shown[name] = [_ranged(name, *ends) for ends in zip(frame[name], low, high, strict=True)]
    shown["Best"] = frame["Best"]
    st.subheader("Groups", anchor=False)
    st.dataframe(shown, hide_index=True, key="runs_groups", height=min(38 + 35 * len(shown), 320))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Mean, and in brackets its 95 % confidence interval where a group has two or more runs.", width="content")
        exports.csv_button(frame, "run-groups")


def _ranged(name: str, mean: float, low: float, high: float) -> str:
    if mean != mean:
        return ""
    low, high = (max(low, 0.0), min(high, 1.0)) if name in PERCENT and low == low else (low, high)
    form = ".1%" if name in PERCENT else ".4f" if "@" in name else ",.0f"
    return f"{mean:{form}}" + (f" ({low:{form}} to {high:{form}})" if low == low else "")


def keep_current(page: RunsPage) -> None:
    """Examine what was not examined yet, a little at a time, and draw the page again when a run's state changes."""
    wanted = registry.key(state.dataset_ref())
    here = [entry for entry in page.due if entry.dataset_key == wanted]
    elsewhere = len(page.due) - len(here)
    if st.session_state.get("runs:all_datasets"):
        here, elsewhere = list(page.due), 0
    if here or page.active:
        st.fragment(_tick, run_every=TICK_S if here else 2.0)(here, page.active)
    if elsewhere:
        st.button(f"Diagnose {elsewhere:,} run{'s' * (elsewhere != 1)} of other datasets", icon=":material/stethoscope:",
                  key="runs:elsewhere", type="tertiary", on_click=lambda: st.session_state.update({"runs:all_datasets": True}),
                  help="Loads each of these datasets, which may take a while.")


def _active() -> tuple[tuple[str, str], ...]:
    """Runs that wait or train, and how each stands."""
    return tuple((entry.id, entry.status.state) for entry in index.entries() if entry.status.active)


def _tick(due: list[Entry], active: tuple[tuple[str, str], ...]) -> None:
    """One look: examine for a moment, or see whether a run went on."""
    left = runs_verdicts.due(due)
    if left:
        diagnoses.examine(left, BUDGET_S)
        left = runs_verdicts.due(due)
        if left:
            st.caption(f"The doctor examines the runs: {len(left):,} left.")
            return
        st.rerun()
    if _active() != active:
        st.rerun()

