"""The app on datasets of one's own that lack something: no histories, no texts, files that change or do not load."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.pages import open_page
from tiger import datasets, models, quantizers, runs
from tiger.core import files, paths
from tiger.datasets import registry
from tiger.runs import artifacts
from tiger.runs.records import Status
from tiger.ui.shared import pagelist, state


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


def test_a_changed_file_is_read_again(tmp_path):
    items = tmp_path / "items.csv"
    items.write_text("item_id,title\n1,red scarf\n2,blue hat\n")
    ref = {"name": "tables", "params": {"items": str(items)}}
    first = state.load_catalogue(ref)
    assert state.load_catalogue(ref) is first
    items.write_text("item_id,title\n1,green pan\n2,blue hat\n3,tall cup\n")
    second = state.load_catalogue(ref)
    assert second.items["title"].tolist() == ["green pan", "blue hat", "tall cup"]
    assert first.items["title"].tolist() == ["red scarf", "blue hat"]


VIEWS = {"catalogue": ("show", ["Items", "Users", "Shape", "Load own data"]),
         "recommender": ("view", ["Train", "Compare", "Beam width", "Cost"])}
PLACES = [(page, {}) for page in pagelist.PAGES] + [
    (pagelist.BY_KEY[key], {name: view}) for key, (name, views) in VIEWS.items() for view in views]


@pytest.fixture(scope="module")
def homes(tmp_path_factory) -> dict[str, Path]:
    """Two workspaces with a dataset of vectors without texts or histories, as many as the bundled shop has items.

    The second one has a quantizer run and a recommender of its own, too, made of the bundled ones.
    """
    path = tmp_path_factory.mktemp("vectors") / "vectors.npy"
    np.save(path, np.load(paths.BUNDLED / "synthetic" / "embedding.npy", allow_pickle=False))
    made = {name: tmp_path_factory.mktemp("home") for name in ("bare", "with runs")}
    for home in made.values():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TIGER_HOME", str(home))
            entry = registry.add(registry.vectors_alone(str(path)), "Vectors")
    for name in ("demo-rqvae", "demo-recommender"):
        folder = made["with runs"] / "runs" / name.replace("demo", "own")
        shutil.copytree(paths.BUNDLED / "runs" / name, folder)
        config = json.loads((folder / "config.json").read_text()) | {"id": folder.name, "dataset": entry.ref}
        if config.get("ids"):
            config["ids"] = {"run": "own-rqvae"}
        (folder / "config.json").write_text(json.dumps(config))
    return made


@pytest.fixture
def vectors_only(homes, monkeypatch) -> str:
    """The dataset's id, in the workspace without runs."""
    monkeypatch.setenv("TIGER_HOME", str(homes["bare"]))
    return registry.entries()[-1].id


@pytest.fixture
def with_runs(homes, monkeypatch) -> str:
    """The dataset's id, in the workspace with runs of its own."""
    monkeypatch.setenv("TIGER_HOME", str(homes["with runs"]))
    return registry.entries()[-1].id


@pytest.mark.thorough
@pytest.mark.parametrize("runs_too", [False, True], ids=["bare", "with runs"])
@pytest.mark.parametrize(("page", "params"), PLACES, ids=lambda part: getattr(part, "key", None) or "-".join(part.values()))
def test_every_page_opens_on_a_dataset_without_histories(request, page, params, runs_too):
    dataset = request.getfixturevalue("with_runs" if runs_too else "vectors_only")
    app = open_page(page, dataset=dataset, **params)
    assert [title.value for title in app.title] == [page.question]
    assert app.query_params["dataset"] == dataset
    assert app.query_params.get("run") == ("own-rqvae" if runs_too else None)
    assert not app.error, [box.value for box in app.error]


@pytest.mark.parametrize(("key", "params"), [("catalogue", {"show": "Users"}), ("beam", {}), ("recommender", {})])
def test_where_a_history_is_needed_its_absence_is_said(with_runs, key, params):
    app = open_page(pagelist.BY_KEY[key], dataset=with_runs, **params)
    assert any("This dataset has no histories" in text.value for text in app.markdown)


@pytest.fixture
def form(tmp_path, monkeypatch):
    """The form for own tables."""
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(tmp_path))
    return open_page(pagelist.BY_KEY["catalogue"], show="Load own data")


def test_interactions_alone_load_with_nothing_else_chosen(form, tmp_path):
    rows = [f"u{user},i{item}\n" for user in range(6) for item in range(user, user + 6)]
    (tmp_path / "inter.csv").write_text("user_id,item_id\n" + "".join(rows))
    form.button_group(key="load:tables:how").set_value("Path on the server").run()
    form.text_input(key="load:tables:interactions:at").set_value(str(tmp_path / "inter.csv")).run()
    form.button(key="load:tables:go").click().run()
    assert not form.error, [box.value for box in form.error]
    said = [box.value.replace("\\", "") for box in form.info]
    assert any("6 users, 36 interactions. No item has text, so the vectors come from co-occurrence" in text
               for text in said), said
    assert registry.find(form.query_params["dataset"]).ref["embedding"] == {"method": "cooccurrence"}


@pytest.mark.parametrize(("content", "n_left"), [(b"item_id,title\n1,hat\n1,scarf\n", 0), (b"item_id,title\n1,hat\n2,pan\n", 1)])
def test_an_upload_stays_only_where_it_loads(form, tiger_home, content, n_left):
    form.file_uploader(key="load:tables:items:up").set_value([("items.csv", content, "text/csv")]).run()
    form.button(key="load:tables:go").click().run()
    assert len(list((tiger_home / "uploads").glob("*/*"))) == n_left
    assert [("repeats the item id" in box.value) for box in form.error] == [True] * (1 - n_left)


def test_uploaded_pictures_stand_beside_the_titles(form, tmp_path):
    """By the form, from a table and an archive, to a recommender's list and the beam's history and list."""
    png, archive = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (30, 20), "red").save(png, "PNG")
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("pictures/red one.png", png.getvalue())
    things = [f"i{n},thing {n % 5} of {n},{'img/red one.png' if n < 8 else ''}\n" for n in range(12)]
    items = "item_id,title,image\n" + "".join(things)
    rows = "user_id,item_id\n" + "".join(f"u{u},i{n % 12}\n" for u in range(12) for n in range(u, u + 6))
    for name, content in (("items", items), ("interactions", rows)):
        form.file_uploader(key=f"load:tables:{name}:up").set_value([(f"{name}.csv", content.encode(), "text/csv")])
    form.file_uploader(key="load:tables:pictures:up").set_value([("all.zip", archive.getvalue(), "application/zip")]).run()
    form.button(key="load:tables:go").click().run()
    assert not form.error, [box.value for box in form.error]
    entry = registry.find(form.query_params["dataset"])
    cat = datasets.load_ref(entry.ref)
    assert "png" not in " ".join(cat.items["text"]), "names of files are no words"
    assert [path.name for path in Path(entry.ref["params"]["pictures"]).iterdir()] == ["red_one.png"]
    sizes = {"n_codes": 4, "n_levels": 2}
    ids = runs.new_run({"dataset": entry.ref, "quantizer": {"name": "random_codes", "params": sizes}},
                       Status("finished", attempt=1))
    artifacts.write_result(ids, quantizers.create("random_codes", **sizes).fit(cat.embedding_IE), cat.embedding_IE, 1)
    params = {"width": 16, "n_layers": 1, "n_heads": 2, "n_epochs": 1}
    model = runs.new_run({"kind": "model", "dataset": entry.ref, "model": {"name": "rq_transformer", "params": params},
                          "ids": {"run": ids.id}}, Status("finished", attempt=1))
    models.create("rq_transformer", **params).fit(cat, ids.semantic_ids()).save(model.path)
    files.write_json(model.path / "metrics.json", {})
    where = {"dataset": entry.id, "model": model.id}
    shown = open_page(pagelist.BY_KEY["recommender"], **where).dataframe[-1].value
    beams = open_page(pagelist.BY_KEY["beam"], look="Recommendations", **where)
    listed = next(frame.value for frame in beams.dataframe if "Beam" in frame.value)
    for table, title in ((shown, "title"), (listed, "Beam")):
        small = [int(words.rsplit(" ", 1)[1]) < 8 for words in table[title] if words]
        assert [str(cell).startswith("data:image/webp") for cell in table["picture"][:len(small)]] == small and any(small)
    assert '<img src="data:image/webp' in " ".join(part.proto.body for part in beams.get("html"))


def test_a_path_longer_than_any_is_one_sentence(form, tmp_path):
    form.button_group(key="load:tables:how").set_value("Path on the server").run()
    form.text_input(key="load:tables:items:at").set_value(str(tmp_path / ("x" * 5000))).run()
    form.button(key="load:tables:go").click().run()
    assert ["check the spelling." in box.value for box in form.error] == [True]
    assert "Errno" not in form.error[0].value and len(form.error[0].value) < 400


def test_a_remedy_is_a_field_of_the_form(form, tmp_path):
    (tmp_path / "i.csv").write_bytes(b"item_id,title\n1,caf\xe9\n2,x\n3,y\n")
    form.button_group(key="load:tables:how").set_value("Path on the server").run()
    form.text_input(key="load:tables:items:at").set_value(str(tmp_path / "i.csv")).run()
    form.button(key="load:tables:go").click().run()
    said = form.error[0].value.replace("\\", "")
    assert "or load it with Encoding set to latin-1" in said and "encoding=" not in said
