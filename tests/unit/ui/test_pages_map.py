"""The Map without a browser: what is drawn is what is said, and links open the same view."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.support.explore import figures_of, numbers_in, open_page, seen_on, sent_to_map, text_of, traces_of
from tests.support.pages import unfold
from tiger import datasets, metrics, runs
from tiger.analysis import projection
from tiger.core import files, paths
from tiger.plots import map as plot
from tiger.reports import branches
from tiger.reports import map as map_reports
from tiger.reports.codes import codes_at
from tiger.runs import layouts, supervisor
from tiger.ui.map import view as map_view


@pytest.fixture(autouse=True)
def _workspace(tiger_home, monkeypatch):
    monkeypatch.chdir(paths.PROJECT)


@pytest.fixture(scope="module")
def demo():
    """The bundled catalogue and the demo run's codes."""
    return datasets.load("synthetic"), runs.find("demo-rqvae").codes()


def test_the_map_shows_the_linked_item_and_its_three_kinds_of_neighbours(demo):
    cat, codes_IL = demo
    app = open_page("map", layout="PCA", item="77", level="2")
    assert not app.dataframe, "made once they are unfolded"
    unfold(app, "map_near")
    assert cat.items["title"][77] in text_of(app)
    same = (codes_IL[:, 0] == codes_IL[77, 0]).sum() - 1
    assert f"**{same:,}** share 1 code" in text_of(app)
    near = [frame.value["item"].tolist() for frame in app.dataframe if "in_input" in frame.value]
    assert near[0] == metrics.nearest(cat.embedding_IE, np.array([77]), 10)[0][0].tolist()
    latent = runs.find("demo-rqvae").latent()
    distance = np.linalg.norm(latent - latent[77], axis=1)
    distance[77] = np.inf
    assert set(near[1]) == set(np.argsort(distance)[:10])
    seen = seen_on(app)
    assert f"PCA of the input vectors of {cat.n_items:,} items" in seen.said and "shades for level 2" in seen.said
    near_NK = metrics.nearest(cat.embedding_IE, np.arange(cat.n_items), 10)[0]
    shared = (codes_IL[near_NK, 0] == codes_IL[:, :1]).mean()
    said = map_reports.finding(codes_at(runs.find("demo-rqvae"), cat))
    assert int(said.split("%")[0]) / 100 == pytest.approx(shared, abs=0.04)  # 300 of 2,000 items are asked


def test_chance_is_that_of_two_different_items():
    """Two of five items share a first code: one of ten pairs."""
    codes = SimpleNamespace(codes_IL=np.array([[0], [0], [1], [2], [3]]),
                            cat=SimpleNamespace(embedding_IE=np.eye(5, dtype=np.float32)))
    assert map_reports.finding(codes).endswith("(10% by chance)")


@pytest.fixture
def _few_drawn(monkeypatch):
    """A map that draws 200 marks of more than 300 items."""
    st.cache_resource.clear()
    monkeypatch.setattr(projection, "DRAWN_LIMIT", 300)
    monkeypatch.setattr(map_reports, "SAMPLE", 200)
    yield
    st.cache_resource.clear()


@pytest.mark.usefixtures("_few_drawn")
def test_above_the_limit_a_density_counts_all_and_a_sample_is_drawn(demo):
    cat, codes_IL = demo
    app = open_page("map", space="Latent")
    density, seen = figures_of(app)[0], seen_on(app)
    assert f"Density of all {cat.n_items:,} items in the PCA of their latent vectors" in density
    assert numbers_in(traces_of(app, "Density")[0]["customdata"]).sum() == cat.n_items
    assert "Shown is a sample of 200 items, stratified by first code. The density above" in seen.said
    sample = projection.sample(codes_IL[:, 0], 200).tolist()
    assert set(seen.places) == {*sample, 0}  # item 0 is chosen
    solid = open_page("map", axes="3-D")
    assert not figures_of(solid) and "sample of 200" in seen_on(solid).said and "ensity" not in seen_on(solid).said


@pytest.mark.usefixtures("_few_drawn")
def test_a_chosen_item_and_a_lasso_outside_the_sample_are_drawn_too(demo):
    _, codes_IL = demo
    left_out = np.setdiff1d(np.arange(2000), projection.sample(codes_IL[:, 0], 200))
    app = open_page("map", layout="PCA", item=str(left_out[5]), group="-".join(map(str, left_out[10:13])))
    seen = seen_on(app)
    assert {left_out[5], *left_out[10:13]} <= set(seen.places) and len(seen.places) == 204
    assert "Added to the sample: 4 selected items." in seen.said
    everything = projection.pca(demo[0].embedding_IE, 2).place_ND
    share = (everything[left_out[5]] - everything.min(0)) / np.ptp(everything, axis=0)
    assert seen.places[left_out[5]] == pytest.approx(share, abs=1e-4)


@pytest.mark.usefixtures("_few_drawn")
def test_umap_of_a_sample_says_what_it_is_a_sample_of_and_who_is_not_there(demo):
    ref = runs.find("demo-rqvae").config.dataset
    rows = np.arange(0, 1200, 4)
    asked = layouts.request(ref, None, "input", projection.UmapParams(), demo[0].content.digest)
    places = np.random.default_rng(0).normal(size=(300, 2))
    layouts.store_layout(asked.projection.key, layouts.Layout(places, rows))
    app = open_page("map", layout="UMAP", item="8", group="4-5-6")
    density, words = figures_of(app)[0], seen_on(app).said
    assert "in the PCA of their input vectors" in density
    assert "UMAP was computed on a sample of 300 items, stratified by category." in words
    assert "The density above counts all items, in their PCA." in words and "first code" not in words
    assert "Of the lasso, 2 items have no position" in words and "not on the map" not in words
    assert "The selected item is not on the map" in seen_on(open_page("map", layout="UMAP", item="9")).said


def test_colours_by_category_stand_in_the_address(demo):
    cat, _ = demo
    top = cat.items["category"].str.split(" > ").str[0]
    app = open_page("map", layout="PCA", colour="Category")
    seen = seen_on(app)
    assert f"stand for the {top.nunique()} top categories" in seen.said and seen.by == ["ID prefix", "Category"]
    looks = {name: {seen.marks[item] for item in np.flatnonzero(top == name)} for name in set(top)}
    assert all(len(here) == 1 for here in looks.values())
    assert len(set.union(*looks.values())) == top.nunique()
    assert {name.split(" ", 1)[1]: mark for name, mark in seen.legend.items()} == {name: mark for name, (mark,) in looks.items()}
    assert not seen_on(open_page("map")).legend  # 256 codes have no room in a legend
    app = open_page("map", colour="Category", level="3")  # more levels than these categories have
    assert not app.info and "top categories" in seen_on(app).said


def test_a_large_lasso_is_kept_whole_by_its_session_and_in_part_by_a_link():
    inside = list(range(1500))
    app = open_page("map")
    app.session_state["at_group"] = inside, len(inside)
    app.run()
    frame = next(table.value for table in app.dataframe if "semantic_id" in table.value and len(table.value) > 100)
    assert "1,500 items from the lasso" in text_of(app) and len(frame) == map_view.SHOWN
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
    assert "items from the lasso" not in text_of(other)


def test_an_item_without_an_id_says_so(demo):
    _, codes_IL = demo
    folder = paths.subfolder("runs") / "demo-gaps"
    shutil.copytree(paths.BUNDLED / "runs" / "demo-rqvae", folder)
    files.write_json(folder / "config.json", runs.find("demo-rqvae").config.to_json() | {"id": "demo-gaps", "title": "Gaps"})
    gaps = codes_IL.astype(np.int32)
    gaps[[7, 9]] = -1
    np.save(folder / "codes.npy", gaps)
    app = unfold(open_page("map", run="demo-gaps", item="7"), "map_near")
    assert "This item has no ID. It shares no code with others." in text_of(app) and "share 1 code" not in text_of(app)
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
    app.text_input(key="item_search").set_value(cat.items["title"][123]).run()
    app.selectbox(key="pick_item").set_value(123).run()
    assert app.query_params["item"] in ("123", ["123"])
    assert cat.items["title"][123] in text_of(app)


@pytest.mark.parametrize(("space", "places"), [("Input", "the same at every step"), ("Latent", "those of the finished run")])
def test_earlier_steps_colour_the_same_places(space, places):
    app = open_page("map", layout="PCA", space=space)
    steps = runs.find("demo-rqvae").snapshots()
    last = seen_on(app)
    assert "Positions are" not in last.said
    app.select_slider(key="pick_step").set_value(steps[0]).run()
    assert not app.error and app.query_params["step"] in (str(steps[0]), [str(steps[0])])
    then = seen_on(app)
    assert then.places == last.places and len(last.places) == 2000 and then.marks != last.marks
    assert f"Positions are {places}; colours are step {steps[0]:,}'s." in then.said


@pytest.mark.thorough
@pytest.mark.parametrize("params", [
    {"item": "999999"}, {"item": "-1"}, {"level": "9"}, {"space": "Nowhere"}, {"layout": "x"}, {"axes": "4-D"},
    {"group": "1-2-99999999-x-<b>"}, {"step": "7777777"}, {"axes": "3-D"}, {"space": "Latent"},
    {"space": "Reconstruction"}, {"group": "3-4-5", "item": "4"}, {"colour": "x"},
    {"group": "1", "group_of": "99999999999"}, {"group": "1-2", "group_of": "x"}, {"colour": "Category", "step": "0"}])
def test_any_address_opens_the_map(params):
    assert seen_on(open_page("map", **params)).places


def test_a_lasso_in_the_address_lists_its_items(demo):
    app = open_page("map", group="3-4-5")
    assert "3 items from the lasso" in text_of(app)


def test_umap_is_asked_of_a_worker_once(monkeypatch):
    asked = []

    class Queue:
        def submit(self, config):
            asked.append(config)
            return runs.new_run(config)

    monkeypatch.setattr(supervisor, "current", Queue)
    app = open_page("map", layout="UMAP", space="Latent", seed="3")
    assert "PCA of the latent vectors" in seen_on(app).said
    app.run()
    assert [(config.projection.space, config.projection.params["seed"]) for config in asked] == [
        ("latent", 3)]
    key = asked[0].projection.key
    places = np.random.default_rng(0).normal(size=(2000, 2))
    layouts.store_layout(key, layouts.Layout(places, np.arange(2000)))
    app.run()
    assert "UMAP of the latent vectors" in seen_on(app).said and len(asked) == 1


class FullQueue:
    def submit(self, config):
        raise ValueError("8 runs are waiting already; stop one of them.")


@pytest.mark.parametrize("ended", [False, True])
def test_a_full_queue_leaves_pca_on_the_map(monkeypatch, ended):
    """Asking for UMAP, or for a stopped UMAP once more, while the queue takes nothing."""
    if ended:
        run = runs.new_run(layouts.request(runs.find("demo-rqvae").config.dataset, None, "input", projection.UmapParams(seed=4),
                                          datasets.load("synthetic").content.digest))
        files.write_json(run.path / "status.json", run.status.to_json() | {"state": "stopped"})
    monkeypatch.setattr(supervisor, "current", FullQueue)
    app = open_page("map", layout="UMAP", seed="4")
    if ended:
        app.button(key="umap_again").click().run()
    assert not app.exception and not app.error
    assert any("8 runs are waiting already" in box.value for box in app.warning)
    assert "PCA of the input vectors" in seen_on(app).said


def lassoing() -> None:
    """What the browser's lasso of 1,500 marks sets off."""
    from tiger.ui.map import view as map_view
    from tiger.ui.shared import state

    map_view.lassoed(state.catalogue().n_items, [*range(1499, -1, -1), 7, 99999])


def test_the_lasso_keeps_every_item_that_it_chose():
    app = AppTest.from_function(lassoing, default_timeout=60).run()
    assert not app.exception
    assert app.session_state["at_group"] == (list(range(1500)), 1500)


@pytest.mark.usefixtures("unfolded")
def test_the_map_can_be_taken_away(demo):
    app = open_page("map", item="77", group="3-4-5", space="Latent")
    assert {"Table as CSV", "Figure as HTML"} <= {button.proto.label for button in app.get("download_button")}
    assert any(len(table.value) == map_view.SHOWN and "semantic_id" in table.value for table in app.dataframe)
    codes, cat = codes_at(runs.find("demo-rqvae"), demo[0]), demo[0]
    where = projection.pca(cat.embedding_IE, 3)
    view = map_reports.MapView("input", "PCA", 3, 0, False, 1)
    shown = map_reports.picture(codes, codes, codes.codes_IL - 10**6, branches.Texts.of(cat), view, None, where)
    frame = shown.rows(shown.drawn_N, shown.look(view))
    figure = plot.ringed(plot.points(frame, "x", shown.look(view).groups), frame[frame["item"] == 77], frame.head(2))
    assert sum(len(trace.x) for trace in figure.data) == cat.n_items + 3
    assert {trace.type for trace in figure.data} == {"scatter3d"}


def test_marks_are_sent_once_and_again_when_they_change():
    app = open_page("map", layout="PCA")
    first = sent_to_map(app)
    assert first["points"]["id"] == first["id"]
    app.query_params["item"] = "7"
    app.run()
    assert sent_to_map(app)["points"] is None and sent_to_map(app)["now"]["item"] == 7
    app.query_params["space"] = "Latent"
    app.run()
    assert sent_to_map(app)["points"]["frame"] != first["points"]["frame"]


@pytest.mark.parametrize("run", ["demo-small", "demo-rqvae"])
@pytest.mark.parametrize("space", ["Input", "Latent"])
def test_the_bundled_runs_begin_with_a_umap_that_nobody_has_to_compute(run, space):
    app = open_page("map", run=run, space=space)
    assert seen_on(app).said.startswith(f"UMAP of the {space.lower()} vectors of 2,000 items")
    assert not any(made.config.kind == "projection" for made in runs.list_runs())


def test_the_map_of_the_small_run_has_a_legend_of_its_sixteen_branches():
    app = open_page("map", run="demo-small")
    assert len(seen_on(app).legend) == 16


def test_where_no_umap_is_stored_the_map_begins_with_pca():
    assert seen_on(open_page("map", run="demo-small", space="Reconstruction")).said.startswith("PCA of the reconstructions")
