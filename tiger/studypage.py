"""A drift study as one HTML file: what was asked, which remedy wins where, the figures and all numbers."""

from tiger import htmlpage, runconfig, studies
from tiger.drift import REMEDIES, SOURCES
from tiger.htmlpage import Part
from tiger.plots import drift as plot
from tiger.reports import drift as report
from tiger.run import Run


def drift_page(run: Run) -> str:
    """The study as a page that opens without a network.

    Raises:
        ValueError: nothing was measured yet.
    """
    rows = studies.rows(run)
    if not rows:
        raise ValueError(f"Study {run.id} has measured nothing yet; it is {run.state}.")
    frame, asked, about = report.drift_frame(rows), run.config["study"]["params"], studies.about(run)
    table = report.drift_table(frame)
    parts = [Part(text="\n\n".join(filter(None, [
        f"{about.get('dataset', '')}: {about.get('n_items', 0):,} items, IDs of “{about.get('parent', '')}”. New vectors: "
        f"{SOURCES[asked['source']]}{_knobs(asked)}.", report.winner_words(frame), *studies.notes(run)])))]
    newest = report.last_periods(frame)
    words = report.trade_words(frame)
    parts.append(Part("Changed IDs against error", words, plot.trade(newest, words), table))
    strongest = newest[newest["strength"] == newest["strength"].max()]
    if strongest["recall_after"].notna().any():
        words = report.recall_words(frame)
        parts.append(Part("The old recommender reads the new IDs", words,
                          plot.recalls(strongest.dropna(subset=["recall_after"]), words)))
    if frame["period"].max() > 1:
        words = report.schedule_words(frame)
        series = frame[frame["strength"] == frame["strength"].max()]
        parts.append(Part("Period after period", words, plot.over_periods(series, "changed", "IDs that changed", words)))
    for row in strongest.itertuples():
        flows = report.flow_frame(rows, row.strength, row.period, row.remedy)
        words = report.flow_words(flows)
        parts.append(Part(f"Where items went: {row.name}", words, plot.flow(flows, words), flows))
    parts.append(Part("The seven remedies", "\n\n".join(f"{remedy.number}. {remedy.title}: {remedy.one_line}"
                                                        for remedy in REMEDIES)))
    return htmlpage.page(run.title, parts, f"Made with TIGER Lab. {runconfig.command(run.config)}")


def _knobs(asked: dict[str, float]) -> str:
    if asked["source"] != "simulated":
        return ""
    return (f", at strength 1: rotation {asked['rotation']:g} degrees, shift {asked['shift']:g}, noise {asked['noise']:g}, "
            f"replaced {asked['replaced']:g}, season {asked['season']:g}, seed {asked['seed']}")
