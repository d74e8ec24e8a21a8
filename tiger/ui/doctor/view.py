"""Doctor: the disease by name, its evidence, one line of formula, and remedies that start a second run."""

from typing import Any

import streamlit as st

from tiger import metrics, quantizers, reports, runs
from tiger.analysis import doctor
from tiger.core import params
from tiger.runs import supervisor
from tiger.ui.shared import layout, live, state

FORMULAS = {
    "untrained": r"\textstyle\sum_t \eta_t \ll 1",
    "over_strong_commitment": r"\mathcal{L} = \lVert x - \hat x \rVert^2 + \lVert \mathrm{sg}[r] - e \rVert^2 + "
                              r"\beta\,\lVert r - \mathrm{sg}[e] \rVert^2",
    "total_collapse": r"\mathrm{perplexity} = \exp\bigl(-\textstyle\sum_k p_k \ln p_k\bigr) \to 1",
    "level_starvation": r"\mathrm{perplexity}_l = \exp\bigl(-\textstyle\sum_k p_{lk} \ln p_{lk}\bigr) \ll K",
    "collision_storm": r"\text{unique} = |\{(c_1,\dots,c_L)\}|\,/\,I \ll 1",
    "healthy": r"\mathrm{perplexity}_l = \exp\bigl(-\textstyle\sum_k p_{lk} \ln p_{lk}\bigr) \approx K",
}
FACES: dict[str, tuple[Any, str]] = {
    "good": ("success", ":material/check_circle:"), "mild": ("info", ":material/info:"),
    "serious": ("warning", ":material/stethoscope:"), "critical": ("error", ":material/emergency:")}


def diagnose(run: runs.Run) -> doctor.Diagnosis:
    """What ails this run's codes; worked out once per run and step, for all visitors."""
    status = run.status
    return _diagnose(run.id, f"{status.state}:{status.step}:{status.attempt}")


@st.cache_resource(max_entries=128, show_spinner="The doctor reads the run …")
def _diagnose(run_id: str, _when: str) -> doctor.Diagnosis:
    run = runs.find(run_id)
    return reports.diagnose(run, state.load_catalogue(run.config.dataset))


def face(diagnosis: doctor.Diagnosis, text: str) -> None:
    """A box in the colour of the severity."""
    kind, icon = FACES[diagnosis.severity]
    getattr(st, kind)(text, icon=icon)


def verdict(run: runs.Run) -> None:
    """What happened, in one sentence."""
    with layout.guard("The doctor"):
        found = diagnose(run)
        face(found, f"**{found.title}.** {layout.plain(found.evidence[0])}")


def consult(run: runs.Run) -> None:
    """The whole consultation: name, evidence, formula, remedies."""
    found = diagnose(run)
    also = f" Also: {', '.join(found.also).lower()}." if found.also else ""
    face(found, f"### {found.title}\n{layout.plain(found.explanation + also)}")
    left, right = st.columns([3, 2], gap="medium")
    left.markdown("\n".join(f"- {layout.plain(line)}" for line in found.evidence))
    right.latex(FORMULAS[found.disease])
    remedies(run, found)


def remedies(run: runs.Run, found: doctor.Diagnosis) -> None:
    """One button a remedy: the same run with the remedy's changes, beside this one."""
    usable = [remedy for remedy in found.remedies if changes(run, remedy)]
    if not usable:
        if found.disease != "healthy":
            maker = "This quantizer has no switch that helps" if run.config.quantizer else \
                "These IDs were imported, so there is no quantizer to treat"
            st.info(f"{maker}; train an RQ-VAE on the same dataset instead.")
        return
    st.subheader("What helps", anchor=False)
    for place, (column, remedy) in enumerate(zip(st.columns(len(usable)), usable, strict=True)):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{layout.plain(remedy.title)}**")
            st.markdown(layout.plain(remedy.why))
            st.space("stretch")
            shown = ", ".join(f"{name} = {value}" for name, value in changes(run, remedy).items())
            st.caption(layout.plain(shown))
            st.button("Start the fixed run", key=f"remedy:{run.id}:{place}", icon=":material/healing:",
                      type="primary" if place == 0 else "secondary", on_click=_treat, args=(run, remedy))


def changes(run: runs.Run, remedy: doctor.Remedy) -> dict[str, Any]:
    """What the remedy really changes in this run: known hyper-parameters that have another value now."""
    if not run.config.quantizer:  # imported IDs
        return {}
    known = {spec.name for spec in params.specs(quantizers.REGISTRY[run.learner.name])}
    now = run.learner.params | run.live_params()
    return {name: value for name, value in remedy.changes.items() if name in known and now[name] != value}


def _treat(run: runs.Run, remedy: doctor.Remedy) -> None:
    given = run.learner
    fixed = given.params | run.live_params() | changes(run, remedy)
    config = {"dataset": run.config.dataset, "quantizer": {"name": given.name, "params": fixed},
              "title": f"{run.title}: {remedy.title.lower()}", "parent": run.id}
    try:
        supervisor.current().submit(config)
    except ValueError as error:
        st.toast(layout.plain(str(error)), icon=":material/error:")


def pair_of(run: runs.Run | None) -> list[runs.Run]:
    """This run and its newest fixed one; where it is itself a fixed one, its parent and it."""
    if run is None or not run.config.quantizer:
        return []
    parent = run.config.parent
    if parent:
        try:
            return [runs.find(parent), run]
        except ValueError:
            pass  # the sick run was deleted
    return [run, *[other for other in runs.list_runs() if other.config.parent == run.id
                   and other.config.kind == "quantizer"][:1]]


def side_by_side(pair: list[runs.Run], seen: tuple[str, ...]) -> None:
    """The runs with their curves, live."""
    live.follow(seen, *pair)
    sizes = max((run.codes_per_level() for run in pair), key=max)
    names = ("Before", "With the remedy") if len(pair) > 1 else ("This run",)
    for column, run, name in zip(st.columns(len(pair)), pair, names, strict=True):
        with column.container(border=True, height="stretch"):
            _half(run, name, sizes)


def _half(run: runs.Run, word: str, sizes: list[int]) -> None:
    status = run.status
    curves = live.feed(run, status)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{word}:** {layout.plain(run.title)}", width="content")
        live.badge(run, status)
    live.progress(status)
    unique = unique_ids(run)
    if unique:
        _, n_unique, n_items = unique[-1]
        st.metric("Different IDs", f"{n_unique:,} of {n_items:,}", border=True, height="content")
    else:
        st.metric("Different IDs", "not yet known", border=True)
    if live.has(live.PERPLEXITY, curves):
        live.draw(live.PERPLEXITY, curves, sizes, key=f"pair:{run.id}")
    else:
        st.caption("This quantizer reports no perplexity while it learns." if status.state == "finished" else
                   "The curve appears with the first measured step.")


def unique_ids(run: runs.Run) -> list[tuple[int, int, int]]:
    """Step, different IDs and items at every kept step."""
    return [(step, *_unique(run.id, step, run.status.attempt)) for step in run.snapshots()]


@st.cache_data(max_entries=4096, show_spinner=False)
def _unique(run_id: str, step: int, attempt: int) -> tuple[int, int]:
    found = metrics.collisions(runs.find(run_id).snapshot(step)["codes"])
    return found.unique, found.n_items


def examinable(run: runs.Run) -> bool:
    """Whether there are codes to examine."""
    return run.has_result() or bool(run.snapshots())
