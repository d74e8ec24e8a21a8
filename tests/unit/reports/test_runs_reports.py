"""The table of runs, its groups, verdicts and comparisons, against numbers worked by hand."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from tests.support.made_runs import finished, settle
from tiger import datasets, reports, runs
from tiger.plots import runs as run_plots
from tiger.reports import runs as runs_report
from tiger.reports import runs_compare, runs_rows, runs_verdicts
from tiger.reports.runs import RunsRequest
from tiger.runs import index


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


def codes(n_distinct: int, n_items: int = 8) -> np.ndarray:
    """Codes of three levels whose IDs are ``n_distinct`` different ones."""
    number_I = np.arange(n_items) % n_distinct
    return np.stack([number_I % 4, number_I // 4, np.zeros_like(number_I)], 1)


@pytest.fixture
def six():
    """Two settings of beta and three seeds; seed s of beta 25 ends at loss 2 + s, of beta 0.25 at 1."""
    return [finished(f"beta {beta:g}", codes_IL=codes(4 if beta > 1 else 6 + seed), beta=beta, seed=seed,
                     losses=(8.0, 4.0, 2.0 + seed if beta > 1 else 1.0)) for beta in (0.25, 25.0) for seed in range(3)]


def page(**asked) -> runs_report.RunsPage:
    return runs_report.runs_page(index.entries(), RunsRequest(**asked))


def test_only_differing_parameters_are_columns(six):
    found = page(kind="IDs", text="beta").table
    assert {"Seed", "Beta"} <= set(found) and "Learning rate" not in found and "Codes" not in found
    assert found.set_index("Run")["Beta"].to_dict() == {run.id: run.learner.params["beta"] for run in six}
    assert page(text="beta").differing == ("seed", "beta")
    assert set(found["Differs from default"]) == {"codes 16, steps 30", "codes 16, steps 30, beta 25"}
    assert found["Distinct IDs"].tolist() == [4, 4, 4, 8, 7, 6], "newest first"
    assert found["Duration (s)"].tolist() == [1.5] * 6


def test_a_column_of_numbers_and_lists_is_text():
    finished("A"), finished("B", n_codes=[16, 8, 4])
    own = page(text="rq-vae finished codes").table.set_index("Name")["Codes"]
    assert own[["A", "B"]].tolist() == ["16", "16,8,4"]


@pytest.mark.parametrize(("asked", "n"), [
    ({}, None), ({"text": "BETA 0.25"}, 3), ({"text": "beta nonsense"}, 0), ({"kind": "Recommenders"}, 1),
    ({"kind": "Studies"}, 7),
    ({"kind": "IDs"}, 8), ({"starred": True}, 1), ({"tags": ("paper",)}, 1), ({"text": "a remark"}, 1),
    ({"methods": ("RQ-VAE",), "states": ("finished",)}, 8), ({"datasets": ("Elsewhere",)}, 0)])
def test_filters(six, asked, n):
    runs.label(six[0], starred=True, tags=["paper"], note="A remark")
    found = page(**asked)
    assert len(found.rows) == (len(index.entries()) if n is None else n)
    assert len(found.table) == len(found.rows)


def test_the_answer_is_kept_until_something_changes(six):
    settle()
    index.entries()
    before = page()
    assert page() is before
    runs.label(six[0], name="Another")
    after = page()
    assert after is not before and "Another" in set(after.table["Name"])


def test_groups_have_the_mean_and_students_interval(six):
    found = page(group="beta", text="beta").groups.set_index("Group")
    assert found.loc["0.25", "Runs"] == 3
    assert found.loc["0.25", "Distinct IDs"] == 7
    half = 4.302652729911275 * 1 / math.sqrt(3)  # t of 2 degrees of freedom, standard deviation 1
    assert found.loc["0.25", "Distinct IDs low"] == pytest.approx(7 - half)
    assert found.loc["25", "Distinct IDs high"] == pytest.approx(4)
    assert set(page(group="All but the seed", text="beta").groups["Runs"]) == {3}


def test_a_run_with_two_tags_is_in_both_groups(six):
    runs.label(six[0], tags=["x", "y"])
    runs.label(six[1], tags=["y"])
    found = page(group="Tag", text="beta").groups.set_index("Group")["Runs"].to_dict()
    assert found == {"x": 1, "y": 2, "(none)": 4}


def test_verdicts_are_the_doctors_and_examined_once(monkeypatch):
    cat = datasets.load("synthetic")
    demo = index.of(runs.find("demo-rqvae"))
    assert [entry.id for entry in runs_verdicts.due([demo])] == ["demo-rqvae"]
    assert runs_verdicts.examine([demo], lambda entry: cat) == 1
    found = runs_verdicts.known([demo])["demo-rqvae"]
    told = reports.diagnose(demo.run, cat)
    assert (found.title, found.severity) == (told.title, str(told.severity))
    assert found.outcome.explained == pytest.approx(told.signs.explained)
    assert found.outcome.distinct == told.signs.collisions.unique
    assert runs_verdicts.due([demo]) == []
    runs_verdicts._kept.clear()  # as another process finds the file
    assert runs_verdicts.known([demo])["demo-rqvae"] == found
    monkeypatch.setattr(runs_verdicts, "_doctors_code", lambda: "another doctor")
    assert len(runs_verdicts.due([demo])) == 1


def test_a_torn_line_of_the_cache_costs_one_examination():
    entry = index.of(finished("One", codes_IL=codes(4)))
    cat = datasets.load("synthetic")
    runs_verdicts.examine([entry], lambda one: cat)
    found = runs_verdicts.known([entry])[entry.id]
    assert found.severity == runs_verdicts.UNKNOWN, "eight rows of codes do not fit 2,000 items"
    assert found.outcome.distinct == 4
    path = runs_verdicts.cache_file()
    line = path.read_bytes()
    for spoilt in (line[:-20], b"[]\n" + line[:40], b'{"key": 1}\n', b""):
        path.write_bytes(spoilt)
        runs_verdicts._kept.clear()
        assert len(runs_verdicts.due([entry])) == 1
    assert json.loads(line)["outcome"]["n_items"] == 8


def rows_of(made: list[runs.Run]) -> tuple[runs_rows.Row, ...]:
    return runs_rows.rows_of([index.of(run) for run in made])


def test_seeds_are_folded_into_mean_and_interval(six):
    found = runs_compare.compare(rows_of(six), "Loss")
    assert found.can_fold and found.folded and found.differing == ("seed", "beta")
    last = found.lines[found.lines["step"] == 30].set_index("series")
    assert last["value"].to_dict() == {"beta 0.25": 1.0, "beta 25": 3.0}
    assert last["n"].tolist() == [3, 3]
    half = 4.302652729911275 / math.sqrt(3)
    assert last.loc["beta 25", ["low", "high"]].tolist() == pytest.approx([3 - half, 3 + half])
    assert "between 1 (beta 0.25) and 3 (beta 25)" in found.summary


def test_without_folding_every_run_is_a_curve(six):
    found = runs_compare.compare(rows_of(six), "Perplexity of level 2", fold=False)
    assert not found.folded and found.lines["series"].nunique() == 6
    assert found.lines["low"].isna().all()
    first = found.lines.groupby("series").first()["value"]
    assert set(first) == {16.0}, "twice the loss"


def test_folded_runs_are_compared_at_the_steps_that_all_reached():
    long, short = finished("A", losses=(4.0, 3.0, 2.0, 1.0)), finished("A", losses=(6.0, 5.0), seed=1)
    lines = runs_compare.compare(rows_of([long, short]), "Loss").lines
    assert lines["step"].tolist() == [10, 20] and lines["value"].tolist() == [5.0, 4.0]


def test_runs_that_differ_in_the_seed_alone_keep_their_name_and_others_of_one_name_are_told_apart():
    a, b = finished("Same", seed=0), finished("Same", seed=1)
    assert runs_compare.compare(rows_of([a, b])).lines["series"].unique().tolist() == ["Same"]
    apart = runs_compare.compare(rows_of([a, b]), fold=False).lines["series"].unique().tolist()
    assert apart == [f"Same ({run.id[-6:]})" for run in (a, b)]


def test_runs_that_differ_in_much_are_named_by_their_names_unless_folded():
    other = {"beta": 1.0, "learning_rate": 0.01, "batch_size": 64, "n_codes": 8, "n_levels": 2}
    few, many = finished("Few", beta=0.5, learning_rate=0.1, batch_size=32, n_codes=4), finished("Many", **other)
    lone = runs_compare.compare(rows_of([few, many])).lines["series"].unique().tolist()
    assert lone == ["Few", "Many"]
    again = finished("Many again", **other, seed=1)
    folded = runs_compare.compare(rows_of([few, many, again])).lines["series"].unique().tolist()
    assert folded[0] == "Few" and {"beta 1", "codes 8", "levels 2"} <= set(folded[1].split(", "))


def test_the_comparison_shows_only_what_differs(six):
    found = runs_compare.compare(rows_of(six))
    assert "Learning rate" not in found.params and found.params["Beta"].tolist() == [0.25] * 3 + [25.0] * 3
    assert "Dataset" not in found.params and "Method" not in found.params
    assert list(found.axes) == ["Seed", "Beta", "Codebook use", "Distinct share", "Explained variance"]
    with pytest.raises(ValueError, match="51 runs are chosen, but at most 50"):
        runs_compare.compare(rows_of(six)[:1] * 51)


def test_curves_have_a_band_where_runs_are_folded(six):
    found = runs_compare.compare(rows_of([*six, finished("beta 3", beta=3.0)]), "Loss")
    figure = run_plots.run_curves(found.lines, "Loss", found.summary, log=True)
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(bands) == 2 and len(figure.data) == 5
    assert figure.layout.meta["alt"] == found.summary and figure.layout.yaxis.type == "log"


def test_parallel_coordinates_place_every_value_on_its_tick():
    frame = pd.DataFrame({"Rate": [1e-4, 1e-3, 1e-2, 1e-2], "Start": ["on", "off", "on", "off"],
                          "Share": [0.1, 0.2, 0.3, math.nan]})
    rate, start, share = run_plots.parallel_coordinates(frame, ["Rate", "Start"], "Share", "Alt").data[0].dimensions
    assert rate["values"] == pytest.approx([-4, -3, -2, -2]) and rate["ticktext"] == ("0.0001", "0.001", "0.01")
    assert list(start["values"]) == [0, 1, 0, 1] and start["ticktext"] == ("on", "off")
    assert share["tickvals"] is None and np.isnan(share["values"][3])
