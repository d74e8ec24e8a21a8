"""The Runs page without a browser: table, filters, what is done with chosen runs, comparisons; and names in pickers."""

import time

import pytest

from tests.support.made_runs import finished, write_status
from tests.support.pages import TRAIN_FORM, charts_of, open_page, unfold
from tiger import runs
from tiger.runs import index, outcome, supervisor, sweep, sweep_plan
from tiger.runs.records import Status


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


@pytest.fixture
def four():
    return [finished(f"beta {beta:g}", beta=beta, seed=seed) for beta in (0.25, 25.0) for seed in (0, 1)]


def chosen(made: list[runs.Run]) -> str:
    return ",".join(run.id for run in made)


def table(app, *columns: str):
    """The table that has these columns."""
    return next(frame.value for frame in app.dataframe if set(columns) <= set(frame.value.columns))


def test_all_runs_are_listed_and_the_address_filters_and_groups(four):
    app = open_page("runs")
    shown = table(app, "Name", "Started")
    assert len(shown) == len(runs.list_runs()) and {run.id for run in four} < set(shown["Run"])
    app = open_page("runs", find="beta codes", by="seed")
    assert table(app, "Name", "Started")["Name"].tolist() == ["beta 25"] * 2 + ["beta 0.25"] * 2
    assert table(app, "Group")["Runs"].tolist() == [2, 2]
    assert not app.error
    app = open_page("runs", find="beta codes", by="BETA")
    assert sorted(table(app, "Group")["Group"]) == ["0.25", "25"]
    app = open_page("runs", by="sead")
    assert not app.exception and not [frame for frame in app.dataframe if "Group" in frame.value]
    assert any("by 'sead', but runs cannot be grouped by 'sead'; did you mean 'seed'?" in one.value
               for one in [*app.warning, *app.info, *app.error])
    assert "by" not in app.query_params


def test_a_rerun_looks_at_the_runs_once(four, monkeypatch):
    app, looks = open_page("runs"), []
    for _ in range(20):  # the doctor examines in turns, and reruns behind the last
        if any("The doctor examines" in caption.value for caption in app.caption):
            app.run()
    monkeypatch.setattr(index, "entries", lambda real=index.entries: looks.append(1) or real())
    app.run()
    assert len(looks) == 1
    runs.label(four[0], name="Another name")
    assert "Another name" in table(app.run(), "Name", "Started")["Name"].tolist()
    app = open_page("runs", dataset="unknown")
    assert not app.exception and len(table(app, "Name", "Started")) == len(runs.list_runs())


def test_a_chosen_run_is_renamed_noted_tagged_starred_and_deleted(four):
    run = four[2]
    app = open_page("runs", runs=run.id)
    key = f"runs:edit:{run.id}"
    app.text_input(key=f"{key}:name").set_value("The best")
    app.text_input(key=f"{key}:tags").set_value("paper, wide")
    app.text_area(key=f"{key}:note").set_value("Because.")
    next(button for button in app.button if button.label == "Save").click().run()
    assert (run.title, run.labels.tags, run.labels.note) == ("The best", ("paper", "wide"), "Because.")
    app.button(key="runs:star").click().run()
    assert run.labels.starred
    assert "The best" in table(app, "Name", "Started")["Name"].tolist()
    app.button(key="runs:delete").click().run()
    assert not run.path.exists() and "runs" not in app.query_params
    assert not app.error


def test_tags_of_several_runs_keep_what_each_has_alone(four):
    runs.label(four[0], tags=["own", "both"])
    runs.label(four[1], tags=["both"])
    app = open_page("runs", runs=chosen(four[:2]))
    key = f"runs:edit:{chosen(four[:2])}"
    assert app.text_input(key=f"{key}:tags").value == "both"
    app.text_input(key=f"{key}:tags").set_value("new")
    next(button for button in app.button if button.label == "Save").click().run()
    assert four[0].labels.tags == ("own", "new") and four[1].labels.tags == ("new",)


def test_bundled_runs_can_be_looked_at_only():
    app = open_page("runs", runs="demo-rqvae")
    assert not [button for button in app.button if button.key in ("runs:star", "runs:delete")]
    assert any("Bundled runs cannot be renamed" in caption.value for caption in app.caption)


def test_chosen_runs_are_compared(four):
    app = open_page("runs", runs=chosen(four))
    assert len(charts_of(app)) == 1
    assert app.toggle(key="runs:fold").value
    app.button_group(key="runs:view").set_value("Differences").run()
    shown = table(app, "Beta", "Seed", "Run")
    assert app.dataframe[-1].value.columns[:3].tolist() == ["Name", "Seed", "Beta"] and len(app.dataframe[-1].value) == 4
    assert "Learning rate" not in shown
    app.button_group(key="runs:view").set_value("Parallel coordinates").run()
    assert len(app.get("plotly_chart")) == 1 and not app.error


def test_runs_that_do_not_exist_are_said_and_forgotten(four):
    app = open_page("runs", runs=f"{four[0].id},no-such-run,../../x")
    assert any("do not exist here" in box.value for box in app.info)
    assert app.query_params["runs"] in (four[0].id, [four[0].id])


def test_the_doctor_examines_what_has_codes():
    app = open_page("runs", find="demo-rqvae", kind="IDs")
    app.run()
    assert table(app, "Name", "Verdict")["Verdict"].tolist() == ["Healthy"]
    assert any("1 healthy" in caption.value for caption in app.caption)


def test_a_run_gets_its_name_at_start(monkeypatch):
    made = []
    monkeypatch.setattr(supervisor, "current", lambda: type("Queue", (), {
        "submit": lambda self, config: made.append(config) or runs.new_run(config), "starts": lambda self: {}})())
    app = unfold(open_page("train"), *TRAIN_FORM)
    app.text_input(key="name:start").set_value("Baseline, wide").run()
    assert app.code[0].value.endswith("--title 'Baseline, wide'")
    app.button(key="start").click().run()
    assert [config.title for config in made] == ["Baseline, wide"]


def test_pickers_show_time_and_short_id_and_at_most_a_hundred(four, monkeypatch):
    from tiger.ui.shared import layout
    run = four[-1]
    when = time.localtime(run.config.created_s)
    words = f"beta 25 · finished · {when.tm_mday} {time.strftime('%b %H:%M', when)} · {run.id[-6:]}"
    app = open_page("catalogue")
    assert {words, "Demo: 3 levels of 256 codes · finished"} <= set(app.selectbox(key="pick_run").options)
    monkeypatch.setattr(layout, "MAX_PICKED", 2)
    runs.label(four[0], starred=True)
    app = open_page("catalogue")
    options = app.selectbox(key="pick_run").options
    assert len(options) == 4, "the two newest, the one with a star, and the shown one"
    assert any(link.proto.label == "All 6 runs" for link in app.sidebar.get("page_link"))


@pytest.fixture
def sweeps_made(monkeypatch):
    """Runs that the form queues; nothing trains."""
    made: list[runs.Run] = []
    monkeypatch.setattr(supervisor, "current", lambda: type("Queue", (), {
        "submit": lambda self, config: made.append(runs.new_run(config)) or made[-1], "starts": lambda self: {}})())
    return made


def start_sweep(values: dict[str, str], seeds: str = "0, 1"):
    """Fill in the form and press its button."""
    app = open_page("runs")
    app.session_state["sweep:open"] = True
    app.run()
    app.multiselect(key="sweep:vary:rqvae").set_value(list(values)).run()
    for name, text in values.items():
        app.text_input(key=f"sweep:values:rqvae:{name}").set_value(text)
    app.text_input(key="sweep:seeds").set_value(seeds).run()
    return app


def finish(run: runs.Run) -> None:
    """Make a sweep's runs, finished: the higher beta, the more distinct IDs."""
    for point in sweep_plan.points(run.config.sweep):
        member = finished("x", beta=point.setting["beta"], seed=point.seed)
        distinct = 90 if point.setting["beta"] > 1 else 50 + point.seed
        outcome.write(member.path, outcome.Outcome(100, distinct, (16,), (8.0,), 0.5))
        sweep.note(run, point, member.id, 1)
    n = len(sweep.members(run))
    write_status(run, state="finished", step=n, n_steps=n)


def test_the_form_asks_for_the_same_as_the_command_and_a_sweep_shows_what_mattered(sweeps_made):
    def folded(app) -> bool:
        return not [one for one in app.multiselect if one.key.startswith("sweep:")]

    assert folded(open_page("runs")), "a form that is folded away costs nothing"
    app = start_sweep({"beta": "1, 4"})
    assert "sweep rqvae --vary beta=1.0,4.0 --seeds 0,1" in app.code[0].value
    assert any(caption.value.startswith("4 runs (2 settings × 2 seeds)") for caption in app.caption)
    app.button(key="start_sweep").click().run()
    run, = sweeps_made
    assert run.config.sweep.grid == {"beta": [1.0, 4.0]} and run.config.sweep.seeds == [0, 1]
    assert app.query_params["runs"] in (run.id, [run.id]) and folded(app)
    assert any("Next in the queue" in box.value or "Starting" in box.value for box in app.info)
    finish(run)
    app = open_page("runs", runs=run.id)
    assert any("Beta mattered most" in text.value for text in app.markdown) and not app.error
    assert len(charts_of(app)) == 1
    assert table(app, "Beta", "Runs")["Beta"].tolist() == [4.0, 1.0]
    assert table(app, "Part")["Part"].tolist() == ["Beta", "Seeds"]
    assert not [button for button in app.button if button.label in ("Pause", "Step one batch")]
    app.button(key="sweep:compare").click().run()
    assert len(charts_of(app)) == 1 and any("4 chosen" in caption.value for caption in app.caption)


def test_two_hyper_parameters_make_a_heat_map_and_lists_stand_between_semicolons(sweeps_made):
    app = start_sweep({"beta": "1, 4", "n_codes": "16; 32,16,16,16,16"}, "0-1")
    app.button(key="start_sweep").click().run()
    run, = sweeps_made
    assert run.config.sweep.grid == {"beta": [1.0, 4.0], "n_codes": [16, [32, 16, 16, 16, 16]]}
    finish(run)
    app = open_page("runs", runs=run.id)
    spec = app.get("plotly_chart")[0].proto.spec
    assert '"heatmap"' in spec and "32,16,16,16,16" in spec and not app.error


@pytest.mark.parametrize(("name", "text", "words"), [
    ("beta", "1, x", "beta is 'x', but must be a finite number"), ("beta", "", "beta has 0 values, but needs 1 to 50"),
    ("n_codes", "1", "is 1, but must be between 2 and 65536")])
def test_what_the_form_cannot_ask_is_said_beside_it(sweeps_made, name, text, words):
    app = start_sweep({name: text})
    assert any(words in box.value for box in app.error), [box.value for box in app.error]
    assert not [one for one in app.button if one.key == "start_sweep"]


def test_sweeps_are_a_kind_and_group_their_runs(sweeps_made):
    app = start_sweep({"beta": "1, 4"})
    app.button(key="start_sweep").click().run()
    run, = sweeps_made
    for point in sweep_plan.points(run.config.sweep):
        runs.new_run(sweep.member_config(run, point), Status("finished", attempt=1))
    write_status(run, state="finished", step=4, n_steps=4)
    app = open_page("runs", kind="Sweeps")
    shown = table(app, "Name", "Started")
    assert shown["Run"].tolist() == [run.id] and shown["Differs from default"].tolist() == ["beta 1, 4; seeds 0, 1"]
    app = open_page("runs", by="Sweep", find=run.id)
    shown = table(app, "Group")
    assert (shown["Group"].tolist(), shown["Runs"].tolist()) == ([f"Sweep of beta · {run.id[-6:]}"], [4])
