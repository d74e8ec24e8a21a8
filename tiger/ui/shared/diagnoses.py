"""The doctor's diagnoses of runs and its findings on embeddings, cached for all visitors, as pages show them."""

from collections.abc import Sequence

import streamlit as st

from tiger import reports, runs
from tiger.analysis import doctor
from tiger.analysis.doctor import Diagnosis, VectorReport, VectorSigns
from tiger.datasets.catalogue import Catalogue
from tiger.reports import runs_verdicts
from tiger.runs import presets, supervisor
from tiger.runs.index import Entry
from tiger.ui.shared import caching, layout, state
from tiger.ui.shared.pagelist import BY_KEY

BOXES = {"good": (st.success, ":material/check_circle:"), "mild": (st.info, ":material/info:"),
         "serious": (st.warning, ":material/stethoscope:"), "critical": (st.error, ":material/emergency:")}
COLOURS = {"good": "green", "mild": "blue", "serious": "orange", "critical": "red"}


@caching.resource(128, "Examining the codes …")
def of_run(run: runs.Run, cat: Catalogue, window: int = 0) -> Diagnosis:
    """A run's diagnosis from its newest codes.

    Args:
        window: ``caching.window_key`` of a run that is recorded elsewhere, whose newest codes change without a new step.

    Raises:
        ValueError: there are no codes, or they do not fit to the catalogue.
    """
    return reports.diagnose(run, cat, vector_signs(cat))


@caching.resource(8, "Measuring the embeddings …")
def vector_signs(cat: Catalogue) -> VectorSigns:
    """What the embeddings themselves tell."""
    return doctor.measure(cat.embedding_IE)


def examine(due: Sequence[Entry], limit_s: float) -> None:
    """Let the doctor look at runs that it has not seen, for a moment; see ``runs_verdicts.examine``."""
    runs_verdicts.examine(due, lambda entry: state.load_catalogue(entry.config.dataset), limit_s, vector_signs)


def box(severity: str, text: str) -> None:
    """A box in the colour of a severity; ``text`` is Markdown."""
    show, icon = BOXES[severity]
    show(text, icon=icon)


def verdict(run: runs.Run) -> str:
    """A run's diagnosis and its first evidence in one box; returns how severe it is, "" where it cannot be made."""
    with layout.guard("The diagnosis"):
        found = of_run(run, state.load_catalogue(run.config.dataset), caching.window_key(run))
        box(found.severity, f"**{found.title}.** {layout.plain(found.evidence[0])}")
        return found.severity
    return ""


def warning(cat: Catalogue) -> None:
    """What will go wrong with these embeddings, and one button that trains with the setting that prevents it."""
    report = doctor.look_at(vector_signs(cat))
    if report.severity == "good":
        return
    bad = [finding for finding in report.findings if finding.severity != "good"]
    box(report.severity, "\n".join(f"- **{finding.title}.** {layout.plain(finding.sentence)}" for finding in bad))
    if report.fix is not None:
        _fix(report, cat.n_items)


def _fix(report: VectorReport, n_items: int) -> None:
    assert report.fix is not None
    name, value = next(iter(report.fix.changes.items()))
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Train with the fix", type="primary", icon=":material/healing:", key="fix_vectors",
                     help=layout.plain(f"{report.fix.title}. {report.fix.why}")):
            _train(report, n_items)
        st.caption(layout.plain(f"{report.fix.title}: {report.fix.why} ({name} = {value})"), width="stretch")


def _train(report: VectorReport, n_items: int) -> None:
    """Queue the healthy recipe with the fix and watch it train; what forbids it is said on this page."""
    assert report.fix is not None
    recipe = presets.fitted(presets.quantizer_presets()[0], n_items)
    given = {"name": recipe.quantizer.name, "params": {**recipe.quantizer.params, **report.fix.changes}}
    with layout.guard("The start"):
        run = supervisor.current().submit({"dataset": state.dataset_ref(), "quantizer": given, "preset": recipe.key,
                                           "title": f"{recipe.title}; {report.fix.title[0].lower()}{report.fix.title[1:]}"})
        state.choose_run(run.id)
        st.switch_page(BY_KEY["train"].file, query_params=state.link_params(run=run.id))


def findings(cat: Catalogue) -> None:
    """The embeddings' numbers, and all findings, harmless ones too."""
    signs = vector_signs(cat)
    report = doctor.look_at(signs)
    with st.container(horizontal=True, gap="medium"):
        for label, value, help_text in reports.vector_rows(signs):
            st.metric(label, value, help=help_text, width="content")
    lines = [f"- **{finding.title}.** {layout.plain(finding.sentence)}" for finding in report.findings]
    st.markdown("\n".join(lines) or "Nothing in these embeddings stands in the way of training.")
    if report.sample_note:
        st.caption(report.sample_note)
