"""A run's data changed: shuffled rows are matched by item id, and what would be wrong is refused in one sentence."""

import json
import random
import shutil

import numpy as np
import pytest

from tests.support.cli import ask
from tests.support.pages import open_page
from tests.support.training import config, keep_process
from tiger import datasets, runs
from tiger.core import files
from tiger.datasets import registry
from tiger.reports import codes as code_reports
from tiger.reports import doctor as doctor_reports
from tiger.runs import data, layouts, study_artifacts, worker
from tiger.runs.run import Run
from tiger.ui.shared import pagelist

N_ITEMS, N_USERS = 90, 40
QUANTIZER = {"n_codes": 8, "n_steps": 30, "batch_size": 32, "hidden": "16", "latent_width": 6, "seed": 1}
MODEL = {"width": 16, "n_layers": 1, "n_heads": 2, "n_epochs": 1, "batch_size": 16, "history_length": 6}


def write_table(folder, order, change=None):
    """items.csv with the items in this order; ``change`` gives another title to one item."""
    rng = random.Random(5)
    titles = [" ".join(rng.choices([f"word{n}" for n in range(40)], k=6)) for _ in range(N_ITEMS)]
    if change is not None:
        titles[change] = "nothing like before"
    lines = [f"i{item},{titles[item]},cat{item % 3}\n" for item in order]
    (folder / "items.csv").write_text("item_id,title,category\n" + "".join(lines))


def write_shop(folder, order=range(N_ITEMS)):
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(3)
    rows = [f"u{user},i{rng.randrange(N_ITEMS)},{when}\n" for user in range(N_USERS) for when in range(6)]
    (folder / "clicks.csv").write_text("user_id,item_id,timestamp\n" + "".join(rows))
    write_table(folder, order)
    return {"name": "tables", "params": {"items": str(folder / "items.csv"), "interactions": str(folder / "clicks.csv")},
            "embedding": {"method": "tfidf", "dim": 12}}


def shuffled_order():
    order = list(range(N_ITEMS))
    random.Random(1).shuffle(order)
    return order


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A workspace: a shop from two tables, a finished quantizer, a finished recommender, a quantizer that was stopped."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(folder / "home"))
        keep_process(patch)
        ref = write_shop(folder / "shop")
        quantizer = runs.new_run(config(ref, "rqvae", **QUANTIZER))
        assert worker.execute(quantizer) == 0, quantizer.status.message
        model = runs.new_run({"kind": "model", "dataset": ref, "ids": {"run": quantizer.id},
                              "model": {"name": "rq_transformer", "params": MODEL}})
        assert worker.execute(model) == 0, model.status.message
        yield folder, ref, quantizer, model


@pytest.fixture
def shop(trained, tmp_path, monkeypatch):
    """A copy of that workspace, whose tables may be changed: quantizer, model, codes by item id, folder of the tables."""
    folder, _, quantizer, model = trained
    home = tmp_path / "home"
    shutil.copytree(folder / "home", home)
    monkeypatch.setenv("TIGER_HOME", str(home))
    keep_process(monkeypatch)
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(folder))
    write_shop(folder / "shop")
    return Shop(Run(home / "runs" / quantizer.id), Run(home / "runs" / model.id), folder / "shop")


class Shop:
    def __init__(self, quantizer, model, tables):
        self.quantizer, self.model, self.tables = quantizer, model, tables
        self.codes = {f"i{item}": codes for item, codes in enumerate(quantizer.codes().tolist())}  # before anything changed

    def catalogue(self):
        return datasets.load_ref(self.quantizer.config.dataset)

    def shuffle(self):
        write_table(self.tables, shuffled_order())


def test_every_run_keeps_the_fingerprint_of_its_data(shop):
    for run in (shop.quantizer, shop.model):
        assert data.read(run).digest == shop.catalogue().content.digest
        assert data.changes(run, shop.catalogue()) is None
    study = runs.new_run(study_artifacts.request("drift", shop.quantizer.config.dataset, shop.quantizer.id,
                                                 {"strengths": "0", "remedies": "1", "reader": False}))
    assert worker.execute(study) == 0, study.status.message
    assert data.read(study).digest == shop.catalogue().content.digest


def test_shuffled_rows_every_item_shows_its_own_codes(shop):
    steps = shop.quantizer.snapshots()
    before = {step: dict(zip(shop.codes, shop.quantizer.snapshot(step)["codes"].tolist(), strict=True)) for step in steps}
    shop.shuffle()
    cat = shop.catalogue()
    names = cat.items["item_id"].tolist()
    assert names != list(shop.codes)
    shown = code_reports.codes_at(shop.quantizer, cat)
    assert shown.codes_IL.tolist() == [shop.codes[name] for name in names]
    for step in steps:
        kept = code_reports.codes_at(shop.quantizer, cat, step).codes_IL.tolist()
        assert kept == [before[step][name] for name in names]
    assert data.ids_for(shop.quantizer, cat).codes_IL.tolist() == shown.codes_IL.tolist()
    latent_IZ = shop.quantizer.latent()
    for item, name in enumerate(names[:5]):
        np.testing.assert_array_equal(layouts.vectors(cat, shop.quantizer, "latent")[item], latent_IZ[int(name[1:])])


def test_shuffled_rows_do_not_change_the_diagnosis(shop):
    before = doctor_reports.diagnose(shop.quantizer, shop.catalogue())
    shop.shuffle()
    after = doctor_reports.diagnose(shop.quantizer, shop.catalogue())
    assert (after.disease, after.severity) == (before.disease, before.severity)


def test_another_embedding_leaves_the_vectors_out_of_the_diagnosis(shop):
    write_table(shop.tables, range(N_ITEMS), change=7)
    found = doctor_reports.diagnose(shop.quantizer, shop.catalogue())
    assert "The data changed since" in found.evidence[0] and "another embedding" in found.evidence[0]
    assert "codes and the log alone" in found.evidence[0]


def test_resume_refuses_other_data_and_keeps_everything(shop):
    run = shop.quantizer
    files.write_json(run.path / "status.json", run.status.to_json() | {"state": "stopped", "step": 20})
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file() and path.name != "status.json"}
    shop.shuffle()
    assert worker.execute(run) == 1
    assert run.state == "failed" and "The data changed since" in run.status.message
    assert "in another order" in run.status.message and "cannot go on" in run.status.message
    after = {path: path.read_bytes() for path in before if path.name not in ("log.txt",)}
    assert after == {path: content for path, content in before.items() if path in after}
    write_shop(shop.tables)  # the former files are back
    assert worker.execute(run) == 0 and run.state == "finished"


def test_recommend_and_evaluate_match_items_by_id(shop, capsys):
    def recommended():
        code, out, err = ask(capsys, "recommend", shop.model.id, "--user", "0", "--json")
        assert code == 0, err
        found = json.loads(out)
        return [row["title"] for row in found["recommended"]], found["history"]

    def scores():
        code, out, err = ask(capsys, "evaluate", shop.model.id, "--json")
        assert code == 0, err
        return {name: json.loads(out)[name] for name in ("recall@10", "ndcg@10", "n_users")}

    before = recommended(), scores()
    shop.shuffle()
    assert (recommended(), scores()) == before


def test_evaluate_refuses_other_histories(shop, capsys):
    with (shop.tables / "clicks.csv").open("a") as file:
        file.write("u0,i3,99\n")
    code, _, err = ask(capsys, "evaluate", shop.model.id)
    assert code == 2 and "The data changed since" in err and "the histories differ" in err and err.count("\n") == 1
    assert ask(capsys, "recommend", shop.model.id, "--user", "0")[0] == 0, "a history may grow"


def test_other_items_are_refused_everywhere(shop, capsys, tmp_path):
    write_table(shop.tables, range(N_ITEMS))
    text = (shop.tables / "items.csv").read_text()
    (shop.tables / "items.csv").write_text(text + "i900,one more,cat1\n")
    for words in (["recommend", shop.model.id, "--user", "0"], ["evaluate", shop.model.id], ["doctor", shop.quantizer.id],
                  ["ids", "export", shop.quantizer.id, "--out", str(tmp_path / "out.csv")]):
        code, _, err = ask(capsys, *words)
        assert code == 2 and "1 item is new" in err and "train a new run" in err, (words, err)
    with pytest.raises(ValueError, match="The data changed since"):
        code_reports.codes_at(shop.quantizer, shop.catalogue())


def test_exported_ids_belong_to_the_items_they_are_named_after(shop, capsys, tmp_path):
    shop.shuffle()
    code, _, err = ask(capsys, "ids", "export", shop.quantizer.id, "--keys", "id", "--out", str(tmp_path / "index.json"))
    assert code == 0, err
    found = json.loads((tmp_path / "index.json").read_text())
    numbers = {name: [int(token.split("_")[1].rstrip(">")) for token in tokens][:3] for name, tokens in found.items()}
    assert numbers == shop.codes


def test_a_study_counts_items_as_its_parent_does(shop):
    shop.shuffle()
    study = runs.new_run(study_artifacts.request("drift", shop.quantizer.config.dataset, shop.quantizer.id,
                                                 {"strengths": "0", "remedies": "1,2", "reader": False}))
    assert worker.execute(study) == 0, study.status.message
    assert {row.changed for row in study_artifacts.rows(study)} == {0.0}, "nothing drifted, so no ID changes"
    write_table(shop.tables, range(N_ITEMS), change=7)
    refused = runs.new_run(study_artifacts.request("drift", shop.quantizer.config.dataset, shop.quantizer.id,
                                                   {"strengths": "0", "remedies": "1,2", "reader": False}))
    assert worker.execute(refused) == 1 and "another embedding" in refused.status.message


def test_a_recommender_learns_the_ids_of_the_items_after_a_shuffle(shop):
    shop.shuffle()
    cat = shop.catalogue()
    made = runs.new_run({"kind": "model", "dataset": shop.quantizer.config.dataset, "ids": {"run": shop.quantizer.id},
                         "model": {"name": "rq_transformer", "params": MODEL}})
    assert worker.execute(made) == 0, made.status.message
    learned = made.recommender().metadata_["ids"].numpy()[:, :3].tolist()
    assert learned == [shop.codes[name] for name in cat.items["item_id"]]


def test_a_map_belongs_to_the_data_that_it_was_computed_from(shop):
    ref, asked = shop.quantizer.config.dataset, layouts.UmapParams()
    before = layouts.layout_key(ref, None, "input", asked, shop.catalogue().content.digest)
    shop.shuffle()
    assert layouts.layout_key(ref, None, "input", asked, shop.catalogue().content.digest) != before
    late = runs.new_run(layouts.request(ref, None, "input", asked, "0" * 16))
    assert worker.execute(late) == 1 and "data changed since this map" in late.status.message


@pytest.mark.parametrize("damage", ["missing", b"", b"nonsense"])
def test_a_run_without_a_readable_fingerprint_is_not_said_to_have_changed(shop, damage):
    path = shop.quantizer.path / data.FILE
    path.unlink()
    if damage != "missing":
        path.write_bytes(damage)
    assert data.changes(shop.quantizer, shop.catalogue()) is None
    assert code_reports.codes_at(shop.quantizer, shop.catalogue()).codes_IL.tolist() == list(shop.codes.values())


def said(app):
    return " ".join(box.value.replace("\\", "") for box in [*app.info, *app.warning, *app.error])


@pytest.mark.thorough
def test_pages_say_that_the_data_changed(shop):
    ref = shop.quantizer.config.dataset
    where = {"dataset": registry.add(ref, "Shop").id, "run": shop.quantizer.id, "model": shop.model.id}
    shop.shuffle()
    for key in ("home", "codebooks", "map", "catalogue", "recommender", "beam"):
        app = open_page(pagelist.BY_KEY[key], **where)
        broken = [box.value for box in app.error if box.icon != ":material/stethoscope:"]  # that one is a diagnosis
        assert "the items are in another order" in said(app) and not broken, (key, said(app))
    shop_items = (shop.tables / "items.csv").read_text()
    (shop.tables / "items.csv").write_text(shop_items + "i900,one more,cat1\n")
    for key in ("home", "codebooks", "map", "doctor", "beam", "recommender"):
        app = open_page(pagelist.BY_KEY[key], **where)
        assert "The data changed since" in said(app) and not app.exception, (key, said(app))
