"""A second opinion in sentences: never more than the intervals allow, items matched by id, and one file to hand around."""

import json
import re

import numpy as np
import pytest

import tiger
from tests.support.training import clusters
from tiger import datasets, metrics, runs
from tiger.analysis.opinion import Measure, Opinion
from tiger.analysis.opinion.compare import Churn
from tiger.metrics import Interval
from tiger.reports import opinion as reports


def measure(key: str, low: float, high: float, **more) -> Measure:
    """A measure whose difference has this interval."""
    middle, level = (low + high) / 2, 1 if key in ("neighbours", "purity") else 0
    at = {"level_a": level, "level_b": level, "a": Interval(0.5, 0.4, 0.6, 100), "b": Interval(0.5 + middle, 0.4, 0.7, 100)}
    return Measure(key, difference=Interval(middle, low, high, 100), **(at | more))


def judged(*measures: Measure) -> tuple[str, tuple[str, ...]]:
    return reports.verdict(Opinion(100, measures, (), 100, 2000, 0))


def test_the_issues_own_sentence():
    """B has fewer collisions (1.2 % against 4.4 %, difference 3.2 points, 95 % interval 2.5 to 3.9); neighbours equally well."""
    fewer = measure("collisions", -0.039, -0.025, a=Interval(0.044, 0.04, 0.05, 9), b=Interval(0.012, 0.01, 0.02, 9))
    head, lines = judged(fewer, measure("neighbours", -0.006, 0.012, chance_a=0.01, chance_b=0.01))
    assert head == "B is better in 1 of 2 measures; 1 shows no advantage"
    assert lines[0] == "B has fewer collisions (1.2% against 4.4%, difference 3.2 points, 95 % interval 2.5 to 3.9)"
    assert lines[1] == ("neighbours are kept equally well at level 1, within 2 points (A 50.0%, B 50.3% above chance, difference "
                        "0.3 points, 95 % interval -0.6 to 1.2)")


@pytest.mark.parametrize(("low", "high", "better", "words"), [
    (0.001, 0.03, "B", "B keeps neighbours together better"), (-0.03, -0.001, "A", "A keeps neighbours together better"),
    (-0.001, 0.03, "", "no difference is shown"), (-0.019, 0.019, "", "within 2 points"),
    (-0.021, 0.001, "", "no difference is shown"), (0.0, 0.0, "", "within 2 points")])
def test_a_winner_is_named_only_where_the_interval_leaves_zero_out(low, high, better, words):
    one = measure("neighbours", low, high)
    assert reports.better(one) == better and words in judged(one)[1][0]
    opposite = measure("collisions", low, high)  # there less is better
    assert reports.better(opposite) == {"B": "A", "A": "B", "": ""}[better]


def test_what_cannot_be_compared_is_said_and_wins_nothing():
    head, lines = judged(measure("purity", 0.2, 0.3, comparable=False), measure("collisions", -0.2, -0.1))
    assert head == "B is better in 1 of 2 measures; 1 shows no advantage" and "purity cannot be compared" in lines[0]
    head, lines = judged(measure("purity", 0.2, 0.3, level_a=2, level_b=1))
    assert "where prefixes have as many values (level 2 of A, 1 of B)" in lines[0]


def test_changes_are_said_as_written_and_up_to_relabelling():
    def churned(raw, moved, rand):
        return Opinion(9, (), tuple(Churn(level, Interval(raw, raw, raw, 9), Interval(moved, moved, moved, 9), 0.9,
                                          Interval(rand, rand, rand, 9)) for level in (1, 2)), 9, 200, 0)
    assert reports.changes_summary(churned(0.0, 0.0, 1.0)) == "No ID changed in its first 2 codes."
    said = reports.changes_summary(churned(1.0, 0.25, 0.5))
    assert said.startswith("100.0% of the items have other codes as written")
    assert "25.0% left their branch at level 1 (90.0% by chance)" in said


@pytest.fixture
def shop(tiger_home):
    return datasets.load("synthetic")


def test_an_external_run_under_another_dataset_is_matched_by_item_id(shop):
    """The bundled run's own IDs, recorded elsewhere in another order and without the last fifty items, differ in nothing."""
    run = runs.find("demo-small")
    order = np.random.default_rng(0).permutation(shop.n_items - 50)
    rec = tiger.watch("elsewhere", embeddings=shop.embedding_IE[order], item_ids=shop.items["item_id"].iloc[order].tolist(),
                      n_codes=run.codes_per_level())
    rec.close(codes=run.codes()[order])
    theirs = datasets.load_ref(rec.run.config.dataset)
    found = reports.second_opinion(reports.side_of(run, shop), reports.side_of(rec.run, theirs), rounds=100)
    assert found.opinion.n_items == shop.n_items - 50 and found.changes == "No ID changed in its first 5 codes."
    assert (found.frame["difference"] == 0).all() and "within 2 points" in found.lines[0]
    assert found.frame["a"].iloc[0] == pytest.approx(metrics.collisions(run.codes()[:-50]).rate)
    back = reports.second_opinion(reports.side_of(rec.run, theirs), reports.side_of(run, shop), rounds=100)
    assert "purity" in {one.key for one in back.opinion.measures}, "labels come from the catalogue that has them"


def test_other_embeddings_are_looked_at_as_well_and_strangers_are_refused(shop):
    run = runs.find("demo-small")
    rec = tiger.watch("elsewhere", embeddings=clusters(shop.n_items, 9), item_ids=shop.items["item_id"].tolist(),
                      n_codes=run.codes_per_level())
    rec.close(codes=run.codes())
    theirs = datasets.load_ref(rec.run.config.dataset)
    found = reports.second_opinion(reports.side_of(run, shop), reports.side_of(rec.run, theirs), rounds=100)
    assert {one.space for one in found.opinion.measures if one.key == "neighbours"} == {"of A", "of B"}
    assert sum("in the embeddings of" in line for line in found.lines) == 2
    rec = tiger.watch("strangers", embeddings=clusters(20, 6), item_ids=[f"other {at}" for at in range(20)], n_codes=[4])
    rec.close(codes=np.zeros((20, 1), int))
    with pytest.raises(ValueError, match=r"0 items in common that both give an ID, but at least 10.*'other 0' in the second"):
        reports.second_opinion(reports.side_of(run, shop), reports.side_of(rec.run, datasets.load_ref(rec.run.config.dataset)))


def test_a_file_of_ids_is_a_side_and_gaps_are_left_out(shop, tmp_path):
    codes_IL = runs.find("demo-small").codes()
    index = {str(item): [f"<{'abcde'[at]}_{code}>" for at, code in enumerate(row)] for item, row in enumerate(codes_IL.tolist())
             if item % 7}
    (tmp_path / "index.json").write_text(json.dumps(index))
    own, theirs = reports.side_of(runs.find("demo-small"), shop), reports.side_of_file(tmp_path / "index.json", shop)
    found = reports.second_opinion(own, theirs, rounds=100)
    assert found.opinion.n_items == len(index) and found.changes.startswith("No ID changed")
    assert any("IDs of B were imported" in line for line in found.notes)
    assert any(f"B {len(index):,}" in line for line in found.notes)


def test_the_report_is_one_file_that_asks_for_nothing(shop):
    a, b = (reports.side_of(runs.find(name), shop) for name in ("demo-small", "demo-rqvae"))
    found = reports.second_opinion(a, b, rounds=100, seed=3)
    text = reports.report(found)
    assert "Plotly.newPlot" in text and "python -m tiger compare demo-small demo-rqvae --rounds 100 --seed 3" in text
    body = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"""(src|href)\s*=\s*["']?https?:|url\(|@import""", body) and '<script src' not in text
    for line in found.lines:
        assert reports.begun(line) in body
    assert all(row["A"] in body for row in reports.measures_table(found).to_dict("records"))
    assert "100 rounds, seed 3" in body


def test_two_runs_of_one_name_are_told_apart(shop):
    side = reports.side_of(runs.find("demo-small"), shop)
    found = reports.second_opinion(side, side, rounds=100)
    assert found.a.title == "Demo: 5 levels of 16 codes (demo-small)"
    assert found.head == "None of 4 measures shows that one set is better"
