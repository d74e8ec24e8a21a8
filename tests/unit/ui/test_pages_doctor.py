"""The Doctor page before and after a treatment, and what pages say of embeddings when they are loaded."""

import shutil

import numpy as np
import pytest
import torch

from tests.support.pages import charts_of, open_page, values_of
from tests.support.training import clusters, fit_into
from tiger import datasets, reports, runs
from tiger.core import paths
from tiger.datasets import registry
from tiger.ui.shared import pagelist

SMALL = {"n_codes": 64, "n_levels": 3, "hidden": "64", "latent_width": 16, "batch_size": 256, "n_steps": 200}
OFF = {"kmeans_init": False, "restart_threshold": 0.0}
DOCTOR, CATALOGUE, EXCHANGE = (pagelist.BY_KEY[key] for key in ("doctor", "catalogue", "exchange"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace: sound vectors with a healthy, a collapsed and a treated run, and one with two causes, half treated."""
    folder, ids, before = tmp_path_factory.mktemp("doctor"), {}, torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(folder / "home"))
        vectors = {"sound": clusters(), "offset": clusters() + np.float32(0.5), "copied": np.resize(clusters(700), (1500, 48))}
        for name, emb_IE in vectors.items():
            np.save(folder / f"{name}.npy", emb_IE)
            ids[name] = registry.add(registry.vectors_alone(str(folder / f"{name}.npy")), name).id

        def fit(name: str, data: str, **changes):
            ref = registry.find(ids[data]).ref
            run = runs.new_run({"dataset": ref, "title": name, "quantizer": {"name": "rqvae", "params": SMALL | changes}})
            ids[name] = fit_into(run, vectors[data]).id
            return run

        def treat(run, data: str):
            def train(config, found):
                return fit_into(runs.new_run(config), vectors[data])
            return list(reports.treat(run, datasets.load_ref(run.config.dataset), train, 1))[-1].run_id

        fit("healthy", "sound")
        ids["cured"] = treat(fit("collapsed", "sound", **OFF), "sound")
        fit("alone", "sound", **OFF, seed=1)
        ids["halfway"] = treat(fit("two causes", "offset", beta=50.0), "offset")
        fit("copies", "copied")
    torch.set_num_threads(before)
    return folder / "home", ids


@pytest.fixture
def ids(made, tiger_home, monkeypatch):
    shutil.copytree(made[0], tiger_home)
    monkeypatch.chdir(paths.PROJECT)
    monkeypatch.setattr("tiger.runs.supervisor.Supervisor._start_waiting", lambda self: None)
    return made[1]


def said(app) -> str:
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.success, *app.subheader]
    return "\n".join(part.value for part in parts).replace("\\", "")


def halves(app) -> list[str]:
    """The lines that begin the two halves, and the badges after each."""
    lines = [block.value.replace("\\", "") for block in app.markdown]
    return [line for line in lines if line.startswith(("**Before", "**After", "**This run", ":"))]


def distinct(run_id: str) -> int:
    return len(np.unique(runs.find(run_id).codes(), axis=0))


@pytest.mark.thorough
def test_copies_lead_to_the_items_that_share_an_id(ids):
    links = [link.proto.label for link in open_page(DOCTOR, run=ids["copies"]).get("page_link")]
    assert "Which items share an ID, and why" in links
    assert "Which items share an ID, and why" not in [link.proto.label for link in open_page(
        DOCTOR, run=ids["healthy"]).get("page_link")]


def test_a_healthy_run_says_so_and_offers_nothing(ids):
    app = open_page(DOCTOR, run=ids["healthy"])
    assert "### Healthy" in app.success[0].value and "What helps" not in said(app)
    assert values_of(app)["Distinct IDs"] == f"{distinct(ids['healthy']):,} of 1,500"
    assert not app.error and not app.warning


@pytest.mark.usefixtures("unfolded")
def test_levels_and_embeddings_are_measured_on_the_page(ids):
    app = open_page(DOCTOR, run=ids["healthy"])
    frame = next(table.value for table in app.dataframe if "perplexity" in table.value.columns)
    counts = [np.bincount(column, minlength=64) for column in runs.find(ids["healthy"]).codes().T]
    entropies = [-(count[count > 0] / 1500 * np.log(count[count > 0] / 1500)).sum() for count in counts]
    assert frame["perplexity"].tolist() == pytest.approx(np.exp(entropies))
    shown, emb_IE = values_of(app), clusters().astype(float)
    assert shown["Spread"] == f"{np.sqrt(emb_IE.var(0).sum()):.3g}" and shown["Distinct vectors"] == "1,500 of 1,500"


def test_the_sick_run_shows_what_came_of_its_remedy(ids):
    """Today's page showed two curves and the sick run's diagnosis alone."""
    app = open_page(DOCTOR, run=ids["collapsed"])
    assert "### Total collapse" in app.error[0].value
    first, badge, second, other = halves(app)[:4]
    assert first == "**Before:** collapsed" and "Total collapse" in badge
    assert second.startswith("**After:** collapsed: initialise by k-means") and "Healthy" in other
    assert [metric.value for metric in app.metric if metric.label == "Distinct IDs"] == [
        f"{distinct(ids[name]):,} of 1,500" for name in ("collapsed", "cured")]
    assert [(chart["x"]["range"], chart["y"]["range"]) for chart in charts_of(app)] == [([0, 200], [0, 64])] * 2
    assert f"remedy:{ids['collapsed']}:0" not in {button.key for button in app.button}, "it was trained already"
    assert not [button for button in app.button if (button.key or "").startswith("next:")]


def test_the_cured_run_shows_the_same_pair(ids):
    app = open_page(DOCTOR, run=ids["cured"])
    assert "### Healthy" in app.success[0].value
    assert next(line for line in halves(app) if line.startswith("**")) == "**Before:** collapsed"
    changed = next(line for line in said(app).splitlines() if line.startswith("Changed: "))
    assert set(changed.removeprefix("Changed: ").split(", ")) == {"kmeans_init = True", "restart_threshold = 1.0"}


def test_a_remedy_waits_beside_the_sick_run(ids):
    app = open_page(DOCTOR, run=ids["alone"])
    assert [line for line in halves(app) if line.startswith("**")] == ["**This run:** alone"]
    app.button(key=f"remedy:{ids['alone']}:0").click().run()
    fixed = next(run for run in runs.list_runs() if run.config.parent == ids["alone"])
    assert fixed.learner.params == runs.find(ids["alone"]).learner.params | {"kmeans_init": True, "restart_threshold": 1.0}
    assert f"**After:** {fixed.title}" in halves(app) and "waiting" in said(app)


@pytest.mark.parametrize("name", ["two causes", "halfway"])
def test_where_it_is_still_sick_the_next_remedy_is_offered(ids, name):
    app = open_page(DOCTOR, run=ids[name])
    text = said(app)
    assert "Over-strong commitment" in text and "Dominant mean" in text
    key = f"next:{ids[name]}" if name == "two causes" else f"remedy:{ids[name]}:0"
    app.button(key=key).click().run()
    made = next(run for run in runs.list_runs() if run.config.parent == ids["halfway"])
    assert made.learner.params == runs.find(ids["two causes"]).learner.params | {"beta": 0.25, "normalise": "centre"}


def test_copies_are_the_ceiling_and_nothing_is_offered(ids):
    app = open_page(DOCTOR, run=ids["copies"])
    text = said(app)
    assert "Duplicate vectors" in text and "700 distinct vectors among 1,500 items: at most 700 distinct IDs are possible" in text
    assert "What helps" not in text and "train an RQ-VAE" not in text


def test_no_run_no_diagnosis(tiger_home, ids, tmp_path):
    np.save(tmp_path / "new.npy", clusters(90))
    fresh = registry.add(registry.vectors_alone(str(tmp_path / "new.npy")), "fresh").id
    assert "No run selected" in said(open_page(DOCTOR, dataset=fresh))


@pytest.mark.parametrize("page", [CATALOGUE, EXCHANGE], ids=["catalogue", "exchange"])
def test_loaded_vectors_are_judged_and_one_button_trains_with_the_fix(ids, page):
    where = {"exchange": "Import vectors"} if page is EXCHANGE else {}
    app = open_page(page, dataset=ids["offset"], **where)
    assert any("Dominant mean" in box.value for box in app.warning)
    app.button(key="fix_vectors").click().run()
    made = next(run for run in runs.list_runs() if run.state == "queued")
    assert made.learner.params["normalise"] == "centre" and made.config.dataset == registry.find(ids["offset"]).ref
    assert app.title[0].value == pagelist.BY_KEY["train"].question
    assert made.title in said(app)


def test_sound_vectors_are_shown_without_a_warning(ids):
    app = open_page(CATALOGUE, dataset=ids["sound"], show="Shape")
    assert not app.warning and not [button for button in app.button if button.key == "fix_vectors"]
    assert values_of(app)["Distinct vectors"] == "1,500 of 1,500"
    assert "Nothing in these embeddings stands in the way" in said(app)


def test_copied_vectors_say_the_ceiling_when_they_are_loaded(ids):
    app = open_page(CATALOGUE, dataset=ids["copied"])
    assert any("at most 700 distinct IDs are possible" in box.value for box in app.warning)
    assert not [button for button in app.button if button.key == "fix_vectors"], "no setting helps"
