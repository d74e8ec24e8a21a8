"""A kind of study that is registered while the lab runs: worker, resume, report, command line, form and page follow."""

import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.support import toy_study
from tests.support.training import keep_process
from tiger import runs, studies
from tiger.cli import main as cli
from tiger.cli import train
from tiger.reports import study_page
from tiger.runs import config as run_config
from tiger.runs import study_artifacts, worker
from tiger.ui.studies import page


@pytest.fixture
def demo(tiger_home, monkeypatch):
    """The bundled run, in a lab that has one more kind of study: one line in each of three registries."""
    monkeypatch.setitem(studies.REGISTRY, "toy", ("tests.support.toy_study", "count codes"))
    monkeypatch.setitem(study_page.REPORTS, "toy", toy_study.REPORT)
    monkeypatch.setitem(page.VIEWS, "toy", toy_study.VIEW)
    keep_process(monkeypatch)
    return runs.find("demo-rqvae")


def shares(demo, n):
    return [float(np.mean(demo.codes()[:, 0] < number)) for number in range(1, n + 1)]


def test_it_is_carried_out_kept_and_reported(demo):
    made = runs.new_run(study_artifacts.request("toy", demo.config.dataset, demo.id, {"n": 4}))
    assert worker.execute(made) == 0 and made.state == "finished"
    assert [row.share for row in study_artifacts.rows(made)] == shares(demo, 4)
    assert study_artifacts.about(made).parent == demo.title and study_artifacts.notes(made) == ["These are counts."]
    assert run_config.command(made.config) == f"python -m tiger toy {demo.id} --n 4"
    assert "<h2>Shares</h2>" in study_page.page(made)
    worker.execute(made)
    assert sum("row" in event for event in made.events()[0]) == 4, "nothing is measured again"


def test_a_torn_last_row_is_measured_again_and_rows_of_older_labs_are_read(demo):
    made = runs.new_run(study_artifacts.request("toy", demo.config.dataset, demo.id, {"n": 5}))
    worker.execute(made)
    log = made.path / "events.jsonl"
    old = log.read_bytes().replace(b'"share"', b'"old_share"')
    log.write_bytes(old[:-12])  # the machine went off while the fifth row was written
    assert len(study_artifacts.rows(made)) == 4
    worker.execute(made)
    assert [row.share for row in study_artifacts.rows(made)] == shares(demo, 5) and made.state == "finished"
    assert all(line.startswith(b"{") and line.endswith(b"}") for line in log.read_bytes().splitlines())


def test_its_command_is_there_with_its_flags_and_sentences(demo, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(train, "watch", lambda made, args: worker.execute(made))  # a child would not know the toy
    assert cli.main(["toy", demo.id, "--n", "2", "--json", "--out", str(tmp_path / "toy.html")]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["rows"] == [{"number": at + 1, "share": share} for at, share in enumerate(shares(demo, 2))]
    assert found["words"].endswith("of the items are below 2.") and (tmp_path / "toy.html").stat().st_size > 500
    assert cli.main(["toy", demo.id, "--n", "7"]) == 2 and "does not like" in capsys.readouterr().err
    cli.main(["--help"])
    assert "count codes" in capsys.readouterr().out


@pytest.mark.usefixtures("unfolded")
def test_its_page_shows_it_and_its_form_starts_another_one(demo, monkeypatch):
    made = runs.new_run(study_artifacts.request("toy", demo.config.dataset, demo.id, {}))
    worker.execute(made)
    asked = []
    queue = type("Fake", (), {"submit": lambda self, config: asked.append(config) or runs.new_run(config),
                             "starts": lambda self: {}})
    monkeypatch.setattr("tiger.runs.supervisor.current", queue)
    app = AppTest.from_string("from tiger.ui.studies import page\npage.show('toy')", default_timeout=60)
    app.query_params["run"] = demo.id
    app.run()
    assert not app.exception and not app.error
    assert any("of the items are below 3." in block.value for block in app.markdown)
    assert "These are counts" in app.info[0].value
    app.number_input(key="study:toy:n").set_value(6).run()
    assert "python -m tiger toy demo-rqvae --model demo-recommender --n 6" in app.code[0].value
    app.button(key="start:toy").click()
    app.run()
    assert asked[0].kind == "toy" and asked[0].study.params == {"n": 6}
    assert any("Nothing is counted yet." in block.value for block in app.markdown)


def test_an_unknown_kind_is_refused_with_those_there_are(demo):
    with pytest.raises(ValueError, match="'none' is no kind of study; known are drift, cold, diversity, toy"):
        studies.find("none")
