"""Doctor: draws a consultation. The diagnosis with its evidence, the treated run beside the examined one, and remedies."""

import pandas as pd
import streamlit as st

from tiger import reports, runs
from tiger.analysis import doctor
from tiger.analysis.doctor import Diagnosis, Remedy
from tiger.datasets.reference import Values
from tiger.reports.doctor import Consultation, Examined
from tiger.runs import supervisor
from tiger.runs.records import STATE_SUMMARY
from tiger.ui.doctor import answers
from tiger.ui.shared import diagnoses, exports, layout, live, state
from tiger.ui.shared.pagelist import BY_KEY

PERPLEXITY = r"\mathrm{perplexity}_l = \exp\bigl(-\textstyle\sum_k p_{lk} \ln p_{lk}\bigr)"
SPREAD = r"\sigma = \sqrt{\tfrac1I \textstyle\sum_i \lVert x_i - \mu \rVert^2}"
FORMULAS = {
    "not_finite": r"x_{ie} \notin \mathbb{R}",
    "untrained": r"\textstyle\sum_t \eta_t \ll 1",
    "over_strong_commitment": r"\mathcal{L} = \lVert x - \hat x \rVert^2 + \lVert \mathrm{sg}[r] - e \rVert^2 + "
                              r"\beta\,\lVert r - \mathrm{sg}[e] \rVert^2",
    "high_learning_rate": r"\lvert \Delta e_k \rvert \approx \eta \not\ll \sigma",
    "no_gradient": r"\nabla_{\!z}\,\mathcal{L} = 2\beta\,(z - \mathrm{sg}[e])",
    "dominant_mean": r"\lVert \mu \rVert^2 \big/ \tfrac1I \textstyle\sum_i \lVert x_i \rVert^2 \to 1",
    "small_scale": SPREAD + r" \not\gg \eta",
    "large_scale": SPREAD + r" \gg \textstyle\sum_t \eta_t",
    "dominant_column": r"\max_e \mathrm{Var}(x_e) \big/ \textstyle\sum_e \mathrm{Var}(x_e) \to 1",
    "total_collapse": PERPLEXITY + r" \to 1",
    "at_chance": r"P(c_i = c_j \mid j \in \mathrm{NN}(i)) \approx P(c_i = c_j)",
    "level_starvation": PERPLEXITY + r" \ll K",
    "collision_storm": r"\text{unique} = |\{(c_1,\dots,c_L)\}|\,/\,I \ll 1",
    "duplicates": r"|\{(c_1,\dots,c_L)\}| \le |\{x_i\}| < I",
    "healthy": PERPLEXITY + r" \approx K",
}
SIZES_OF_LEVELS = {"level": st.column_config.NumberColumn("Level"), "n_codes": st.column_config.NumberColumn("Codes"),
                   "reach": st.column_config.NumberColumn("Within reach", help="The most codes that so many items can use."),
                   "perplexity": st.column_config.NumberColumn("Perplexity", format="%.1f"),
                   "use": st.column_config.NumberColumn("Utilisation", format="percent"),
                   "dead": st.column_config.NumberColumn("Dead codes")}


def consult(shown: Consultation) -> None:
    """The diagnosis, its evidence, one formula, and all measurements, folded away."""
    found = shown.run.diagnosis
    if found is None:
        layout.empty(f"**{layout.plain(shown.run.title)}** has no codes yet to examine.", "train", "Watch it train")
        return
    also = f" Also: {', '.join(found.also).lower()}." if found.also else ""
    diagnoses.box(found.severity, f"### {found.title}\n{layout.plain(found.explanation + also)}")
    left, right = st.columns([3, 2], gap="medium")
    left.markdown("\n".join(f"- {layout.plain(line)}" for line in found.evidence))
    right.latex(FORMULAS[found.disease])
    if found.severity == "good":
        layout.path_back("doctor", "This run is healthy, so there is nothing to cure. Back:")
    if found.disease in ("collision_storm", "duplicates") or {"Collision storm", "Duplicate vectors"} & set(found.also):
        st.page_link(BY_KEY["codebooks"].file, label="Which items share an ID, and why", icon=":material/join_inner:",
                     query_params=state.link_params(run=shown.run.run_id, view="Collisions"))
    if found.unseen:
        with st.expander(f"Not seen ({len(found.unseen)}): what to record as well", icon=":material/visibility_off:"):
            st.markdown("\n".join(f"- {layout.plain(line)}" for line in found.unseen))
    if shown.run.state in live.ACTIVE and not runs.find(shown.run.run_id).external:
        st.caption("This run still trains; the diagnosis is of the newest codes that it saved when the page was opened.")
    measurements(found, shown.run.run_id)


def measurements(found: Diagnosis, run_id: str) -> None:
    """Every number that the diagnosis rests on, folded away."""
    signs = found.signs
    if signs is None:
        return

    def draw() -> None:
        frame = reports.doctor_frame(found)
        st.markdown("**Codes**" + ("" if signs.ordered else ", levels independent of each other"))
        st.dataframe(frame, hide_index=True, column_config=SIZES_OF_LEVELS, key=f"levels:{run_id}")
        exports.csv_button(frame, f"levels-{run_id}")
        if signs.vectors is not None:
            st.markdown("**Embeddings**")
            with st.container(horizontal=True, gap="medium"):
                for label, value, about in reports.vector_rows(signs.vectors):
                    st.metric(label, value, help=about, width="content")
            if note := doctor.look_at(signs.vectors).sample_note:
                st.caption(note)

    layout.unfold("All measurements", f"measured:{run_id}", draw, ":material/straighten:")


def remedies(shown: Consultation) -> None:
    """One card a remedy: a button that trains it beside this run, or what came of it where it was trained."""
    found = shown.run.diagnosis
    if found is None or found.healthy:
        return
    if not shown.offers:
        if found.disease not in ("duplicates", "not_finite"):
            maker = "No setting of this quantizer helps" if shown.run.params else \
                "These IDs were imported, so there is no quantizer to train again"
            st.info(f"{maker}; train an RQ-VAE on the same dataset instead.")
        return
    st.subheader("What helps", anchor=False)
    trained = [_trained_with(shown, changes) for _, changes in shown.offers]
    cured = any(one.diagnosis and one.diagnosis.healthy for one in shown.course)
    first = None if cured else next((place for place, one in enumerate(trained) if one is None), None)
    for place, (column, (remedy, changes)) in enumerate(zip(st.columns(len(shown.offers)), shown.offers, strict=True)):
        with column.container(border=True, height="stretch"):
            st.markdown(f"**{layout.plain(remedy.title)}**")
            st.markdown(layout.plain(remedy.why))
            st.space("stretch")
            st.caption(layout.plain(_changes_summary(changes)))
            done = trained[place]
            if done is not None:
                _verdict_badge(done)
            else:
                _start(f"remedy:{shown.run.run_id}:{place}", shown, shown.run, remedy, place == first)


def _trained_with(shown: Consultation, changes: Values) -> Examined | None:
    """The run of this treatment that has the examined one's settings with these changes."""
    params = {**shown.run.params, **changes}
    return next((one for one in shown.course if one.params == params), None)


def _changes_summary(changes: Values) -> str:
    return ", ".join(f"{name} = {value}" for name, value in changes.items())


def _start(key: str, shown: Consultation, base: Examined, remedy: Remedy, first: bool) -> None:
    """The button that trains a remedy in a run of its own."""
    st.button("Start the fixed run", key=key, icon=":material/healing:", type="primary" if first else "secondary",
              on_click=_treat, args=(shown.course[0].run_id, base.run_id, remedy, {**base.params, **remedy.changes}))


def _treat(first_id: str, base_id: str, remedy: Remedy, params: Values) -> None:
    def start() -> None:
        supervisor.current().submit(reports.doctor.treated_config(runs.find(first_id), base_id, remedy, params))

    layout.attempt(start)


def next_remedy(shown: Consultation) -> None:
    """What to try after the remedies so far did not cure, where that starts from another run than the examined one."""
    if shown.next is None or shown.course[shown.next.base].run_id == shown.run.run_id:
        return
    base, remedy = shown.course[shown.next.base], shown.next.remedy
    st.subheader("The next remedy", anchor=False)
    with st.container(border=True):
        st.markdown(f"**{layout.plain(remedy.title)}.** {layout.plain(remedy.why)}")
        st.caption(layout.plain(f"Starts from “{base.title}” ({base.verdict}) and changes {_changes_summary(remedy.changes)}."))
        _start(f"next:{shown.run.run_id}", shown, base, remedy, True)


def pair_of(shown: Consultation) -> list[Examined]:
    """The runs that are drawn side by side: before and after, or the run alone; none of imported IDs."""
    if not shown.run.params:
        return []
    return [shown.before] if shown.after is None else [shown.before, shown.after]


def side_by_side(shown: Consultation, seen: tuple[str, ...]) -> None:
    """The runs with their diagnoses and their curves on the same axes; live while one of them trains."""
    pair = pair_of(shown)
    folders = [runs.find(one.run_id) for one in pair]
    live.follow(seen, *folders)
    sizes = max((run.codes_per_level() for run in folders), key=max)
    last = max(run.status.n_steps or 0 for run in folders)
    words = ("Before", "After") if len(pair) > 1 else ("This run",)
    for column, one, run, word in zip(st.columns(len(pair)), pair, folders, words, strict=True):
        with column.container(border=True, height="stretch"):
            _half(shown, one, run, word, sizes, last)
    if len(pair) > 1 and all(one.distinct_ids for one in pair):
        st.page_link(BY_KEY["runs"].file, label="Second opinion on the IDs before and after", icon=":material/balance:",
                     query_params=state.link_params(runs=",".join(one.run_id for one in pair), view="Second opinion"))


def _half(shown: Consultation, one: Examined, run: runs.Run, word: str, sizes: list[int], last: int) -> None:
    status = run.status
    curves, trains = live.feed(run, status), status.state in live.ACTIVE
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{word}:** {layout.plain(one.title)}", width="content")
        if one.diagnosis is None or trains:
            live.badge(run, status)
        else:
            _verdict_badge(one)
        if one.run_id != shown.run.run_id:
            st.page_link(BY_KEY["doctor"].file, label="Examine this run", icon=":material/arrow_forward:",
                         query_params=state.link_params(run=one.run_id))
    if one.changes:
        st.caption(layout.plain(f"Changed: {_changes_summary(one.changes)}"))
    if status.state != "finished":
        live.progress(status)
    st.space("stretch")  # so that numbers and curves of both stand at the same height
    counts = None if trains else one.distinct_ids
    counts = counts or answers.distinct_ids(run)
    st.metric("Distinct IDs", "{:,} of {:,}".format(*counts) if counts else "not yet known", border=True, height="content")
    if live.has(live.PERPLEXITY, curves):
        live.draw(live.PERPLEXITY, curves, sizes, key=f"pair:{run.id}", last=last)
    else:
        st.caption("This quantizer reports no perplexity while it is fitted." if status.state == "finished" else
                   "The curve appears with the first measured step.")


def _verdict_badge(one: Examined) -> None:
    """The diagnosis in the colour of its severity, or how the run stands."""
    found = one.diagnosis
    if found is None:
        st.badge(STATE_SUMMARY[one.state], color="gray")  # type: ignore[index]
    else:
        st.badge(found.title, icon=diagnoses.BOXES[found.severity][1],
                 color=diagnoses.COLOURS[found.severity])  # type: ignore[arg-type]


def course(shown: Consultation) -> None:
    """All runs of a treatment in one table, where there are more than the pair."""
    if len(shown.course) < 3:
        return
    rows = [{"Run": one.title, "Changed": _changes_summary(one.changes), "Diagnosis": one.verdict,
             "Distinct IDs": one.distinct_ids[0] if one.distinct_ids else None} for one in shown.course]
    st.markdown("**All runs of this treatment**")
    st.dataframe(pd.DataFrame(rows), hide_index=True, key=f"course:{shown.run.run_id}")
