"""Runs, view Second opinion, without a browser: the core's verdict and numbers, and the ways to it."""

import pytest

from tests.support.made_runs import finished
from tests.support.pages import charts_of, open_page
from tiger import datasets, runs
from tiger.core import paths
from tiger.reports import opinion as reports


@pytest.fixture(autouse=True)
def _workspace(tiger_home, monkeypatch):
    monkeypatch.chdir(paths.PROJECT)


def table(app, *columns):
    return next(frame.value for frame in app.dataframe if set(columns) <= set(frame.value.columns))


def test_the_verdict_and_every_number_are_the_cores():
    cat = datasets.load("synthetic")
    found = reports.second_opinion(*(reports.side_of(runs.find(name), cat) for name in ("demo-small", "demo-rqvae")))
    app = open_page("runs", runs="demo-small,demo-rqvae", view="Second opinion")
    assert not app.error
    said = "\n".join(box.value for box in app.info).replace("\\", "")
    assert found.head in said and all(reports.begun(line) in said for line in found.lines)
    assert table(app, "Measure", "B - A (points)").equals(reports.measures_table(found))
    assert table(app, "Prefix of").equals(reports.churn_table(found))
    assert reports.command(found) in [block.value for block in app.code]
    assert [chart["alt"] for chart in charts_of(app)] == [reports.figure_summary(found)]
    app.button(key="opinion_swap").click().run()
    assert app.query_params["runs"] in ("demo-rqvae,demo-small", ["demo-rqvae,demo-small"]) and not app.error


def test_it_is_offered_for_two_runs_with_ids_only():
    made = finished("without codes")
    app = open_page("runs", runs=f"demo-small,{made.id}", view="Second opinion")
    assert "Second opinion" not in app.button_group(key="runs:view").options and not app.error
    app = open_page("runs", runs="demo-small,demo-rqvae,demo-recommender")
    assert "Second opinion" not in app.button_group(key="runs:view").options
    app = open_page("runs", runs="demo-small,demo-rqvae")
    assert "Second opinion" in app.button_group(key="runs:view").options


def test_tree_leads_to_it():
    app = open_page("tree", run="demo-small", against="Another run", view="Numbers")
    links = [link.proto for link in app.get("page_link") if "Second opinion" in link.proto.label]
    assert len(links) == 1 and "demo-small%2Cdemo-rqvae" in links[0].query_string.replace(",", "%2C")
