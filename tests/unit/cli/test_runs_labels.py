"""``tiger runs rename | note | tag | star | compare | delete`` and the filters of ``list``."""

import csv
import json

import pytest

from tests.support.cli import ask
from tests.support.made_runs import finished
from tiger import runs


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


def test_labels_from_the_command_line(capsys):
    run, other = finished("One"), finished("Other")
    assert ask(capsys, "runs", "rename", run.id, "A", "new name")[0] == 0
    assert ask(capsys, "runs", "note", run.id, "why it is here")[0] == 0
    assert ask(capsys, "runs", "tag", run.id, other.id, "--add", "paper", "wide")[0] == 0
    assert ask(capsys, "runs", "tag", other.id, "--remove", "wide")[0] == 0
    assert ask(capsys, "runs", "star", "last")[0] == 0
    assert (run.title, run.labels.note, run.labels.tags) == ("A new name", "why it is here", ("paper", "wide"))
    assert other.labels.tags == ("paper",) and other.labels.starred and not run.labels.starred
    listed = json.loads(ask(capsys, "runs", "list", "--json", "--search", "wide")[1])
    assert [row["title"] for row in listed] == ["A new name"]
    assert ask(capsys, "runs", "star", other.id, "--off")[0] == 0
    assert not other.labels.starred


def test_the_table_and_the_comparison_as_csv(capsys, tmp_path):
    made = [finished("Low", beta=0.25), finished("High", beta=25.0)]
    out = tmp_path / "runs.csv"
    code, said, _ = ask(capsys, "runs", "compare", *(run.id for run in made), "--out", str(out))
    assert code == 0 and "Beta" in said and "Learning rate" not in said
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [(row["Name"], float(row["Beta"])) for row in rows] == [("Low", 0.25), ("High", 25.0)]
    assert ask(capsys, "runs", "list", "--kind", "IDs", "--out", str(out))[0] == 0
    listed = {row["Run"] for row in csv.DictReader(out.read_text().splitlines())}
    assert listed == {"demo-rqvae", "demo-small", *(run.id for run in made)}
    groups = json.loads(ask(capsys, "runs", "list", "--json", "--by", "method", "--kind", "IDs")[1])
    assert [(row["Group"], row["Runs"]) for row in groups] == [("RQ-VAE", 4)]
    for name in ("learning_rate", "Learning rate", "learning-rate"):
        assert ask(capsys, "runs", "list", "--by", name)[0] == 0


def test_several_runs_are_deleted(capsys):
    made = [finished("One"), finished("Other")]
    assert ask(capsys, "runs", "delete", *(run.id for run in made))[0] == 0
    assert not [run for run in runs.list_runs() if not run.read_only]


@pytest.mark.parametrize(("words", "said"), [
    (("rename", "last"), "'rename' needs a run and the text"), (("tag", "last"), "Say which tags"),
    (("tag", "last", "--add", "a,b"), "'a,b' cannot be a tag"), (("show", "last", "last"), "'show' takes one run"),
    (("star", "demo-rqvae"), "codes' is bundled"), (("note", "no-such-run", "x"), "No run 'no-such-run'"),
    (("star",), "Name a run"), (("list", "--by", "dataste"), "cannot be grouped by 'dataste'; did you mean 'dataset'?"),
    (("list", "--by", "learn rate"), "did you mean 'learning_rate'?"),
    (("list", "--by", "xyzzy"), "choose dataset, method, verdict, state, tag, owner, sweep, all but the seed, or a hyper")])
def test_what_cannot_be_is_one_sentence(capsys, words, said):
    finished("One")
    code, out, err = ask(capsys, "runs", *words)
    assert code == 2 and said in err and not out
