"""A study as one HTML file: what was asked, what was found, the figures and all numbers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiger.core import files
from tiger.plots import drift as plot
from tiger.plots import studies as study_plot
from tiger.reports import cold as cold_report
from tiger.reports import diversity as diversity_report
from tiger.reports import drift as report
from tiger.reports import html, intervals
from tiger.reports.html import Part
from tiger.runs import config as run_config
from tiger.runs import study_artifacts
from tiger.runs.run import Run
from tiger.studies.drift import REMEDIES, SOURCES


def drift_page(run: Run) -> str:
    """The study as a page that opens without a network.

    Raises:
        ValueError: nothing was measured yet.
    """
    rows = measured(run)
    frame, asked, about = report.drift_frame(rows), run.study.params, study_artifacts.about(run)
    table = report.drift_table(frame)
    parts = [Part(text="\n\n".join(filter(None, [
        f"{about.get('dataset', '')}: {about.get('n_items', 0):,} items, IDs of “{about.get('parent', '')}”. New vectors: "
        f"{SOURCES[asked['source']]}{_knobs(asked)}.", report.winner_summary(frame), *study_artifacts.notes(run)])))]
    newest = report.last_periods(frame)
    words = report.trade_summary(frame)
    parts.append(Part("Changed IDs against error", words, plot.trade(newest, words), table))
    strongest = newest[newest["strength"] == newest["strength"].max()]
    if strongest["recall_after"].notna().any():
        words = report.recall_summary(frame)
        parts.append(Part("The old recommender reads the new IDs", words,
                          plot.recalls(strongest.dropna(subset=["recall_after"]), words)))
    if frame["period"].max() > 1:
        words = report.schedule_summary(frame)
        series = frame[frame["strength"] == frame["strength"].max()]
        parts.append(Part("Period after period", words, plot.over_periods(series, "changed", "IDs that changed", words)))
    for row in strongest.itertuples():
        flows = report.flow_frame(rows, row.strength, row.period, row.remedy)
        words = report.flow_summary(flows)
        parts.append(Part(f"Where items went: {row.name}", words, plot.flow(flows, words), flows))
    parts.append(Part("The seven remedies", "\n\n".join(f"{remedy.number}. {remedy.title}: {remedy.summary}"
                                                        for remedy in REMEDIES)))
    return whole(run, parts)


def cold_page(run: Run) -> str:
    """A cold-item study as a page that opens without a network. Raises ValueError as ``drift_page``."""
    frame, about, asked = cold_report.cold_frame(measured(run)), study_artifacts.about(run), run.study.params
    parts = [Part(text="\n\n".join(filter(None, [
        f"{about.get('dataset', '')}: {about.get('n_cold', 0):,} of {about.get('n_items', 0):,} items were held out of all "
        f"training; {about.get('cold_users', 0):,} users picked one of them next. Quantizer as in “{about.get('parent', '')}”, "
        f"recommender {about.get('model', '')}, beam width {asked['width']}, seed {asked['seed']}.",
        cold_report.cold_summary(frame)])))]
    k, epsilon = cold_report.SHOWN_K, cold_report.SHOWN_EPSILON
    for title, part, x, axis, words in (
            (f"Longer lists (epsilon {epsilon:g} where it applies)", cold_report.over_k(frame), "k", "K, length of the list",
             cold_report.k_summary(frame)),
            (f"More room for held-out items (K = {k})", cold_report.over_epsilon(frame), "epsilon", "Epsilon",
             cold_report.epsilon_summary(frame)),
            (f"The price for all other users (K = {k})", cold_report.over_epsilon(frame, "warm"), "epsilon", "Epsilon",
             cold_report.epsilon_summary(frame, "warm"))):
        if len(part):
            parts.append(Part(title, words, study_plot.cold_lines(part, x, axis, words), cold_report.cold_table(part)))
    parts.append(Part("All numbers", intervals.WORDS, table=cold_report.cold_table(frame)))
    return whole(run, parts)


def diversity_page(run: Run) -> str:
    """A diversity study as a page that opens without a network. Raises ValueError as ``drift_page``."""
    frame, about = diversity_report.diversity_frame(measured(run)), study_artifacts.about(run)
    words = diversity_report.diversity_summary(frame) or f"Settings measured so far: {len(frame)}."
    table, beside = diversity_report.diversity_table(frame), diversity_report.beside_the_paper(frame)
    parts = [Part(text=f"{about.get('dataset', '')}: {about.get('labels', 'categories')}; recommender {about.get('model', '')} "
                       f"on the IDs of “{about.get('parent', '')}”.\n\n{words}")]
    if len(beside):
        parts.append(Part("Entropy beside the paper's", "Hollow bars are reported by Rajput et al. 2023, section 4.3, for their "
                          "own model and categories on Amazon Beauty: compare the direction, not the height.",
                          study_plot.entropy_bars(beside, words), beside))
    parts.append(Part("Recall against entropy", words, study_plot.recall_entropy(frame, words), table))
    if (frame["level"] > 0).any():
        for value, title in diversity_report.CURVES.items():
            curve, said = diversity_report.per_level(frame), diversity_report.level_summary(frame, value, title)
            parts.append(Part(f"{title}, level by level", said, study_plot.level_curves(curve, value, title, said),
                              curve[["level", "heat", value, f"{value}_low", f"{value}_high"]]))
    parts.append(Part("All numbers", intervals.WORDS, table=table))
    return whole(run, parts)


def measured(run: Run) -> list[dict[str, Any]]:
    """The rows so far. Raises ValueError where there are none."""
    rows = study_artifacts.rows(run)
    if not rows:
        raise ValueError(f"Study {run.id} has measured nothing yet; it is {run.state}.")
    return rows


def whole(run: Run, parts: list[Part]) -> str:
    """The page, with a word where the study has not ended, and the equal command below."""
    if run.state != "finished":
        parts = [Part(text=f"This study is {run.state}; these are the numbers so far."), *parts]
    return html.page(run.title, parts, f"Made with TIGER Lab. {run_config.command(run.config)}")


PAGES: dict[str, Callable[[Run], str]] = {"drift": drift_page, "cold": cold_page, "diversity": diversity_page}
"""Kind of study to what makes its page."""


def check_out(out: str | None) -> None:
    """Raise ValueError where the folder that a report shall go to does not exist."""
    if out and not Path(out).absolute().parent.is_dir():
        raise ValueError(f"The folder of '{out}' does not exist; make it first.")


def write(run: Run, out: str) -> None:
    """Write a study's page to a file."""
    files.write(Path(out), PAGES[run.config.kind](run))


def _knobs(asked: dict[str, float]) -> str:
    if asked["source"] != "simulated":
        return ""
    return (f", at strength 1: rotation {asked['rotation']:g} degrees, shift {asked['shift']:g}, noise {asked['noise']:g}, "
            f"replaced {asked['replaced']:g}, season {asked['season']:g}, seed {asked['seed']}")
