"""Map and Tree without a browser: the core's numbers are what is shown, links open the same view."""

import base64
import json
import shutil

import numpy as np
import pages_help  # noqa: F401  runs every page inside the app, so that a pressed button is heard
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tiger import datasets, files, imported, jobs, maps, metrics, paths, projection, quantizers, runs, tree
from tiger.semantic_ids import import_ids
from tiger.ui import codebook_data, compare_view, map_data, map_items, tree_data

APP = str(paths.PROJECT / "app.py")


@pytest.fixture(autouse=True)
def _workspace(tiger_home, monkeypatch):
    monkeypatch.chdir(paths.PROJECT)


@pytest.fixture(scope="module")
def demo():
    """The bundled catalogue and the demo run's codes."""
    return datasets.load("synthetic"), runs.find("demo-rqvae").codes()


def open_page(name: str, **params: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120).run()
    app.switch_page(f"pages/{name}.py")
    app.query_params.clear()
    for key, value in params.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception and not app.error, [box.value for box in app.error]
    return app


def text_of(app: AppTest) -> str:
    return "\n".join(block.value for block in [*app.markdown, *app.caption, *app.subheader]).replace("\\", "")


def figures_of(app: AppTest) -> list[str]:
    return [chart.proto.alt for chart in app.get("plotly_chart")]


def test_the_map_shows_the_linked_item_and_its_three_kinds_of_neighbours(demo):
    cat, codes_IL = demo
    app = open_page("map", item="77", level="2")
    assert cat.items["title"][77] in text_of(app)
    same = (codes_IL[:, 0] == codes_IL[77, 0]).sum() - 1
    assert f"**{same:,}** share 1 code" in text_of(app)
    near = [frame.value["item"].tolist() for frame in app.dataframe if "in_input" in frame.value]
    assert near[0] == metrics.nearest(cat.embedding_IE, np.array([77]), 10)[0][0].tolist()
    latent = runs.find("demo-rqvae").latent()
    distance = np.linalg.norm(latent - latent[77], axis=1)
    distance[77] = np.inf
    assert set(near[1]) == set(np.argsort(distance)[:10])
    assert f"PCA of the input vectors of {cat.n_items:,} items" in figures_of(app)[0]
    assert "shades for level 2" in figures_of(app)[0]


def numbers_in(array) -> np.ndarray:
    """An array of a figure's JSON, however Plotly wrote it."""
    if isinstance(array, dict):
        found = np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])
        return found.reshape([int(n) for n in array["shape"].split(",")]) if "shape" in array else found
    return np.array(array)


def traces_of(app: AppTest, words: str) -> list[dict]:
    """The traces of the figure whose alt text has these words."""
    return next(json.loads(chart.proto.spec)["data"] for chart in app.get("plotly_chart") if words in chart.proto.alt)


def places_of(app: AppTest, words: str) -> dict[int, tuple[float, float]]:
    """Item to place on the map, of all marks (rings lie on marks)."""
    return {int(item): place for trace in traces_of(app, words) for item, *place in zip(
        numbers_in(trace["customdata"]), numbers_in(trace["x"]), numbers_in(trace["y"]), strict=True)}


@pytest.fixture
def _few_drawn(monkeypatch):
    """A map that draws 200 marks of more than 300 items."""
    st.cache_resource.clear()
    monkeypatch.setattr(projection, "DRAWN_LIMIT", 300)
    monkeypatch.setattr(map_data, "SAMPLE", 200)
    yield
    st.cache_resource.clear()


@pytest.mark.usefixtures("_few_drawn")
def test_above_the_limit_a_density_counts_all_and_a_sample_is_drawn(demo):
    cat, codes_IL = demo
    app = open_page("map", space="Latent")
    density, words = figures_of(app)[:2]
    assert f"Density of all {cat.n_items:,} items in the PCA of their latent vectors" in density
    assert numbers_in(traces_of(app, "Density")[0]["customdata"]).sum() == cat.n_items
    assert "Drawn is a sample of 200 items, of every first code about its share. The density above" in words
    sample = projection.sample(codes_IL[:, 0], 200).tolist()
    assert set(places_of(app, "hue and shape")) == {*sample, 0}  # item 0 is chosen
    flat = open_page("map", axes="3-D")
    assert len(figures_of(flat)) == 1 and "sample of 200" in figures_of(flat)[0] and "ensity" not in text_of(flat)


@pytest.mark.usefixtures("_few_drawn")
def test_a_chosen_item_and_a_lasso_outside_the_sample_are_drawn_too(demo):
    _, codes_IL = demo
    left_out = np.setdiff1d(np.arange(2000), projection.sample(codes_IL[:, 0], 200))
    app = open_page("map", item=str(left_out[5]), group="-".join(map(str, left_out[10:13])))
    places = places_of(app, "hue and shape")
    assert {left_out[5], *left_out[10:13]} <= set(places) and len(places) == 204
    assert "Added to the sample: 4 chosen items." in text_of(app)
    everything = projection.pca(demo[0].embedding_IE, 2).place_ND
    assert places[left_out[5]] == pytest.approx(everything[left_out[5]], abs=1e-4)


@pytest.mark.usefixtures("_few_drawn")
def test_umap_of_a_sample_says_what_it_is_a_sample_of_and_who_is_not_there(demo):
    ref = runs.find("demo-rqvae").config["dataset"]
    rows = np.arange(0, 1200, 4)
    asked = maps.request(ref, None, "input", projection.UmapParams())
    places = np.random.default_rng(0).normal(size=(300, 2))
    maps.store_layout(asked["projection"]["key"], maps.Layout(places, rows))
    app = open_page("map", layout="UMAP", item="8", group="4-5-6")
    density, words = figures_of(app)[:2]
    assert "in the PCA of their input vectors" in density
    assert "UMAP placed a sample of 300 items, of every category about its share." in words
    assert "The density above counts all items, in their PCA." in words and "first code" not in words
    assert "Of the lasso, 2 items have no place" in text_of(app) and "not on the map" not in text_of(app)
    assert "The chosen item is not on the map" in text_of(open_page("map", layout="UMAP", item="9"))


def test_colours_by_category_stand_in_the_address(demo):
    cat, _ = demo
    top = cat.items["category"].str.split(" > ").str[0]
    app = open_page("map", colour="Category")
    assert f"stand for the {top.nunique()} top categories" in figures_of(app)[0]
    look = {}
    for trace in traces_of(app, "top categories")[:-1]:
        for item, colour in zip(numbers_in(trace["customdata"]), numbers_in(trace["marker"]["color"]), strict=True):
            look[int(item)] = (trace["marker"]["symbol"], int(colour))
    seen = {name: {look[item] for item in np.flatnonzero(top == name)} for name in set(top)}
    assert all(len(looks) == 1 for looks in seen.values())
    assert len(set.union(*seen.values())) == top.nunique()
    app = open_page("map", colour="Category", level="3")  # more levels than these categories have
    assert not app.info and "first … category levels" in app.select_slider(key="map_level").label


def test_a_large_lasso_is_kept_whole_by_its_session_and_in_part_by_a_link():
    inside = list(range(1500))
    app = open_page("map")
    app.session_state["at_group"] = inside, len(inside)
    app.run()
    frame = next(table.value for table in app.dataframe if "semantic_id" in table.value and len(table.value) > 100)
    assert "1,500 items from the lasso" in text_of(app) and len(frame) == map_items.SHOWN
    assert "first 1,000 of 1,500" in text_of(app)
    assert any("1,500 rows as lasso.csv" in button.proto.help for button in app.get("download_button"))
    link = {name: value if isinstance(value, str) else value[0] for name, value in app.query_params.items()}
    assert link["group_of"] == "1500" and link["group"].count("-") < 200
    app.query_params.clear()  # to another page and back, as the sidebar's links do
    app.switch_page("pages/tree.py").run()
    app.query_params.clear()
    app.switch_page("pages/map.py").run()
    assert "1,500 items from the lasso" in text_of(app) and "first 1,000 of 1,500" in text_of(app)
    other = open_page("map", **link)
    assert "1,500 items from the lasso" in text_of(other)
    assert "Shown are 188 of the 1,500 items: a link carries at most 200." in text_of(other)
    other.button(key="forget").click().run()
    assert "group" not in other.query_params and "group_of" not in other.query_params
    assert "from the lasso" not in text_of(other)


def test_an_item_without_an_id_says_so(demo):
    _, codes_IL = demo
    folder = paths.subfolder("runs") / "demo-gaps"
    shutil.copytree(paths.BUNDLED / "runs" / "demo-rqvae", folder)
    files.write_json(folder / "config.json", runs.find("demo-rqvae").config | {"id": "demo-gaps", "title": "Gaps"})
    gaps = codes_IL.astype(np.int32)
    gaps[[7, 9]] = -1
    np.save(folder / "codes.npy", gaps)
    app = open_page("map", run="demo-gaps", item="7")
    assert "This item has no ID, so it shares no code" in text_of(app) and "share 1 code" not in text_of(app)
    assert "This item has no ID." in text_of(app)
    assert len([table for table in app.dataframe if "in_input" in table.value]) == 2  # input and latent
    app = open_page("tree", run="demo-gaps", item="7")
    assert "has **no ID** here" in text_of(app)


@pytest.mark.parametrize(("page", "level"), [("map", "9"), ("map", "0"), ("tree", "4")])
def test_a_level_that_is_not_there_is_said_with_the_levels_that_are(page, level):
    said = [box.value for box in open_page(page, level=level).info]
    assert any(f"asks for level '{level}', but here it can only be 1 to 3" in text for text in said)


def test_a_search_jumps_to_the_item(demo):
    cat, _ = demo
    app = open_page("map")
    app.text_input(key="walk_search").set_value(cat.items["title"][123]).run()
    app.selectbox(key="pick_item").set_value(123).run()
    assert app.query_params["item"] in ("123", ["123"])
    assert cat.items["title"][123] in text_of(app)


@pytest.mark.parametrize(("space", "places"), [("Input", "the same at every step"), ("Latent", "those of the finished run")])
def test_earlier_steps_colour_the_same_places(space, places):
    app = open_page("map", space=space)
    steps = runs.find("demo-rqvae").snapshots()
    last, colours_then = places_of(app, "hue and shape"), traces_of(app, "hue and shape")
    assert "Places are" not in text_of(app)
    app.select_slider(key="pick_step").set_value(steps[0]).run()
    assert not app.error and app.query_params["step"] in (str(steps[0]), [str(steps[0])])
    assert places_of(app, "hue and shape") == last and len(last) == 2000
    assert traces_of(app, "hue and shape") != colours_then
    assert f"Places are {places}; colours are step {steps[0]:,}'s." in text_of(app)


@pytest.mark.parametrize("params", [
    {"item": "999999"}, {"item": "-1"}, {"level": "9"}, {"space": "Nowhere"}, {"layout": "x"}, {"axes": "4-D"},
    {"group": "1-2-99999999-x-<b>"}, {"step": "7777777"}, {"axes": "3-D"}, {"space": "Latent"},
    {"space": "Reconstruction"}, {"group": "3-4-5", "item": "4"}])
def test_any_address_opens_the_map(params):
    assert figures_of(open_page("map", **params))


def test_a_lasso_in_the_address_lists_its_items(demo):
    app = open_page("map", group="3-4-5")
    assert "3 items from the lasso" in text_of(app)


def test_umap_is_asked_of_a_worker_once(monkeypatch):
    asked = []

    class Queue:
        def submit(self, config):
            asked.append(config)
            return runs.new_run(config)

    monkeypatch.setattr(jobs, "supervisor", Queue)
    app = open_page("map", layout="UMAP", space="Latent", seed="3")
    assert "PCA of the latent vectors" in figures_of(app)[0]
    app.run()
    assert [(config["projection"]["space"], config["projection"]["params"]["seed"]) for config in asked] == [
        ("latent", 3)]
    key = asked[0]["projection"]["key"]
    places = np.random.default_rng(0).normal(size=(2000, 2))
    maps.store_layout(key, maps.Layout(places, np.arange(2000)))
    app.run()
    assert "UMAP of the latent vectors" in figures_of(app)[0] and len(asked) == 1


class FullQueue:
    def submit(self, config):
        raise ValueError("8 runs are waiting already; stop one of them.")


@pytest.mark.parametrize("ended", [False, True])
def test_a_full_queue_leaves_pca_on_the_map(monkeypatch, ended):
    """Asking for UMAP, or for a stopped UMAP once more, while the queue takes nothing."""
    if ended:
        run = runs.new_run(maps.request(runs.find("demo-rqvae").config["dataset"], None, "input", projection.UmapParams()))
        files.write_json(run.path / "status.json", run.status | {"state": "stopped"})
    monkeypatch.setattr(jobs, "supervisor", FullQueue)
    app = open_page("map", layout="UMAP")
    if ended:
        app.button(key="umap_again").click().run()
    assert not app.exception and not app.error
    assert any("8 runs are waiting already" in box.value for box in app.warning)
    assert "PCA of the input vectors" in figures_of(app)[0]


def test_the_tree_says_what_the_hyperplanes_do(demo):
    cat, codes_IL = demo
    lsh = quantizers.create("lsh", n_levels=codes_IL.shape[1], n_codes=256, seed=0).fit(cat.embedding_IE)
    if runs.find("demo-rqvae").config["quantizer"]["params"]["n_codes"] != 256:
        pytest.skip("the demo run has another number of codes")
    buckets = len(np.unique(lsh.bits(cat.embedding_IE)[:, :5], axis=0))
    app = open_page("tree", planes="5")
    assert f"After 5 hyperplanes there are {buckets} buckets" in text_of(app)
    app.button(key="plane_more").click().run()
    assert app.query_params["planes"] in ("6", ["6"]) and "After 6 hyperplanes" in text_of(app)


@pytest.fixture
def uneven(demo, tmp_path):
    """Imported IDs of the first 600 items with levels of 256, 256, 256 and 4 codes; the other items have none."""
    cat, _ = demo
    codes = np.random.default_rng(0).integers(0, [256, 256, 256, 4], (600, 4))
    codes[0] = 255, 255, 255, 3
    text = {str(item): [f"<{'abcd'[level]}_{code}>" for level, code in enumerate(row)]
            for item, row in enumerate(codes.tolist())}
    (tmp_path / "index.json").write_text(json.dumps(text))
    return imported.keep(import_ids(tmp_path / "index.json", cat), cat, "Theirs"), codes


def test_lsh_has_as_many_bits_as_ids_with_uneven_levels(demo, uneven):
    cat, _ = demo
    app = open_page("tree", run=uneven[0].id, planes="26", lsh_seed="3")
    assert "LSH, 26 bits" in text_of(app) and app.slider(key="planes").max == 26
    signs = quantizers.create("lsh", n_levels=2, n_codes=1 << 13, seed=3).fit(cat.embedding_IE).bits(cat.embedding_IE)
    assert f"After 26 hyperplanes there are {len(np.unique(signs, axis=0)):,} buckets" in text_of(app)
    codes = codebook_data.Codes(uneven[0], cat, None, np.zeros((2, 4), int), [256, 256, 256, 4])
    assert tree_data.bit_widths(codes) == (8, 8, 8, 2)
    weight = 1 << np.arange(8)
    theirs, lost, _ = tree_data.lsh_seed("unused", (8, 8, 8, 2), 3, cat)
    assert (theirs[:, 1] == signs[:, 8:16] @ weight).all() and (theirs[:, 3] == signs[:, 24:] @ weight[:2]).all()
    assert 0 < lost < 1


def test_other_hyperplanes_stand_in_the_address(demo):
    cat, _ = demo
    for seed in (0, 7):
        bits = quantizers.create("lsh", n_levels=3, n_codes=256, seed=seed).fit(cat.embedding_IE).bits(cat.embedding_IE)
        largest = np.unique(bits[:, :9], axis=0, return_counts=True)[1].max()
        assert f"the fullest holds {largest} items" in text_of(open_page("tree", lsh_seed=str(seed), planes="9"))


def test_neighbours_are_asked_only_of_items_with_an_id(demo, uneven):
    cat, _ = demo
    app = open_page("tree", run=uneven[0].id, view="Numbers")
    shown = app.dataframe[0].value
    row = shown[(shown["Measure"] == "True neighbours on the same branch") & (shown["Level"] == 1)].iloc[0]
    codes = np.full((cat.n_items, 1), -1)
    codes[:600, 0] = uneven[1][:, 0]
    query = np.unique(np.linspace(0, 599, 500).astype(int))
    near = metrics.nearest(cat.embedding_IE, query, 10)[0]
    share = [np.mean([codes[other, 0] == codes[item, 0] for other in row if other < 600])
             for item, row in zip(query, near, strict=True) if (row < 600).any()]
    assert float(row.iloc[2].split()[0]) == pytest.approx(np.mean(share), abs=1e-3)
    assert len(share) > 400  # of a sample of all items only 150 would have an ID


def test_an_unknown_number_is_called_unknown():
    nan = float("nan")
    frame = pd.DataFrame([{"set": "one", "measure": "recall", "level": 1, "mean": nan, "low": nan, "high": nan},
                          {"set": "one", "measure": "recall", "level": 2, "mean": 0.0001, "low": nan, "high": nan}])
    assert compare_view.table(frame)["one"].tolist() == ["unknown", "< 0.001"]
    assert compare_view.curve_words(frame, "recall", "True") == "True: one unknown at level 1, 0% at level 2."


def test_a_branch_lists_its_items(demo):
    _, codes_IL = demo
    code = int(np.bincount(codes_IL[:, 0]).argmax())
    app = open_page("tree", branch=str(code))
    assert f"**Branch {code}**: {(codes_IL[:, 0] == code).sum():,} items" in text_of(app)
    assert f"below branch {code}" in figures_of(app)[0]
    app.button(key="whole_tree").click().run()
    assert "branch" not in app.query_params


def test_the_numbers_are_the_cores(demo):
    cat, codes_IL = demo
    shown = open_page("tree", view="Numbers").dataframe[0].value
    row = shown[(shown["Measure"] == "Branches") & (shown["Level"] == 2)].iloc[0]
    assert row.iloc[2].replace(",", "") == str(len(np.unique(codes_IL[:, :2], axis=0)))
    label = cat.items["category"].str.split(" > ").str[:2].str.join(" > ")
    pure = metrics.purity(*(np.unique(column, return_inverse=True)[1] for column in (codes_IL[:, 0], label)))
    row = shown[(shown["Measure"] == "Category purity") & (shown["Level"] == 1)].iloc[0]
    assert float(row.iloc[2].split()[0]) == pytest.approx(pure, abs=1e-3)


@pytest.mark.parametrize("params", [
    {"against": "Categories"}, {"against": "Another run"}, {"against": "x"}, {"view": "Disagreements"},
    {"view": "Disagreements", "pairs": "Least alike", "level": "3"}, {"view": "Difference"},
    {"view": "Numbers", "against": "Categories"}, {"view": "Difference", "against": "Categories"},
    {"drawn": "Treemap", "level": "1"}, {"drawn": "Sunburst", "level": "3"}, {"branch": "zzz"}, {"branch": "1-2-3-4-5"},
    {"branch": "99999"}, {"planes": "24"}, {"planes": "999"}])
def test_any_address_opens_the_tree(params):
    open_page("tree", **params)


def test_two_runs_are_compared_up_to_renaming(demo):
    _, codes_IL = demo
    other = paths.subfolder("runs") / "renamed-demo"
    shutil.copytree(paths.BUNDLED / "runs" / "demo-rqvae", other)
    config = runs.find("demo-rqvae").config | {"id": "renamed-demo", "title": "Renamed"}
    files.write_json(other / "config.json", config)
    renamed = np.random.default_rng(0).permutation(256)[codes_IL]
    renamed[7, 0] = (renamed[7, 0] + 1) % 256
    np.save(other / "codes.npy", renamed.astype(np.int32))
    app = open_page("tree", against="Another run", view="Difference", run="demo-rqvae", moved="Level 2")
    assert app.dataframe[0].value["Move at this level"].sum() == (tree.match(codes_IL, renamed).moved_at_I > 0).sum() == 1
    assert "0 items** moved at level 2" in text_of(app)
    app.button_group(key="moved").set_value("Level 1").run()
    assert "1 items** moved at level 1" in text_of(app)


def test_the_run_to_compare_with_stands_in_the_address_by_its_id():
    for name in ("one-again", "two-again"):
        folder = paths.subfolder("runs") / name
        shutil.copytree(paths.BUNDLED / "runs" / "demo-rqvae", folder)
        files.write_json(folder / "config.json", runs.find("demo-rqvae").config | {"id": name, "title": "Again"})
    app = open_page("tree", against="Another run", run="demo-rqvae", other_run="two-again")
    assert app.selectbox(key="pick_other").value == "two-again" and not app.info
    app.selectbox(key="pick_other").set_value("one-again").run()
    assert app.query_params["other_run"] in ("one-again", ["one-again"])
    assert sorted(app.selectbox(key="pick_other").options) == ["Again (one-again)", "Again (two-again)"]
    app = open_page("tree", against="Another run", run="demo-rqvae", other_run="Again")
    assert any("No other finished run 'Again'" in box.value.replace("\\", "") for box in app.info)
    assert "other_run" not in app.query_params


def test_the_chosen_item_stays_chosen_from_page_to_page(demo):
    cat, codes_IL = demo
    app = open_page("map", item="77")
    app.query_params.clear()  # as the sidebar's links do
    app.switch_page("pages/tree.py").run()
    assert app.query_params["item"] in ("77", ["77"])
    assert f"lies at **{maps.id_text(codes_IL[77].tolist())}** here" in text_of(app)
    app.button(key="to_branch").click().run()
    assert app.query_params["branch"] in (str(codes_IL[77, 0]), [str(codes_IL[77, 0])])
    app.query_params.clear()
    app.switch_page("pages/catalogue.py").run()
    assert any(cat.items["title"][77] in block.value.replace("\\", "") for block in app.subheader)


def test_more_seeds_are_queued_with_everything_else_equal(monkeypatch):
    asked = []

    class Queue:
        def submit(self, config):
            asked.append(config)

    monkeypatch.setattr(jobs, "supervisor", Queue)
    app = open_page("tree", view="Numbers")
    app.button(key="more_seeds").click().run()
    own = runs.find("demo-rqvae").config["quantizer"]["params"]
    assert len(asked) == 2 and {config["quantizer"]["params"]["seed"] for config in asked}.isdisjoint({own["seed"]})
    assert all(config["quantizer"]["params"] | {"seed": own["seed"]} == own for config in asked)
