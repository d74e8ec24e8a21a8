"""``tiger compare`` on two ID sets as people type it: the page's verdict, the report, and what cannot be compared."""

import json

import pandas as pd
import pytest

from tests.support.cli import ask
from tiger import datasets, runs
from tiger.reports import opinion as reports


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


@pytest.mark.thorough
def test_two_runs_have_the_pages_verdict_report_and_table(tmp_path, capsys):
    cat = datasets.load("synthetic")
    found = reports.second_opinion(*(reports.side_of(runs.find(name), cat) for name in ("demo-small", "demo-rqvae")))
    code, out, _ = ask(capsys, "compare", "demo-small", "demo-rqvae", "--out", str(tmp_path / "report.html"), "--csv",
                       str(tmp_path / "all.csv"))
    assert code == 0 and found.verdict in out and found.changes in out
    assert (tmp_path / "report.html").read_text().count("Second opinion: Demo: 5 levels of 16 codes") == 2
    assert pd.read_csv(tmp_path / "all.csv")["difference"].tolist() == pytest.approx(found.frame["difference"].tolist())
    code, out, _ = ask(capsys, "compare", "demo-small", "demo-rqvae", "--json", "--rounds", "150", "--seed", "2")
    told = json.loads(out)
    assert code == 0 and (told["rounds"], told["seed"], told["items"]) == (150, 2, 2000)
    assert [row["better"] for row in told["measures"]] == found.frame["better"].tolist()


def test_a_run_is_compared_with_a_file(tmp_path, capsys):
    ask(capsys, "ids", "export", "demo-small", "--out", str(tmp_path / "index.json"))
    code, out, _ = ask(capsys, "compare", "demo-small", str(tmp_path / "index.json"), "--rounds", "100")
    assert code == 0 and "B: index.json" in out and "within 2 points" in out


def test_what_cannot_be_compared_ends_with_a_sentence(tmp_path, capsys):
    for words, said in ((["demo-small"], "takes two ID sets, but 1 name is given"),
                        (["demo-small", "demo-recommender"], "1 of them ID sets"),
                        (["demo-recommender", "--out", "x.html"], "--out and --csv are for two ID sets"),
                        (["demo-small", "demo-rqvae", "--rounds", "5"], "at least 100"),
                        (["demo-small", str(tmp_path / "none.json")], "none.json"),
                        (["demo-small", "demo-rqvae", "--out", "/nowhere/at/all/x.html"], "does not exist")):
        code, _, err = ask(capsys, "compare", *words)
        assert code == 2 and said in err, err
