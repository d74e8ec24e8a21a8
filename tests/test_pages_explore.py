"""Map and Tree without a browser: the core's numbers are what is shown, links open the same view."""

import shutil

import numpy as np
import pages_help  # noqa: F401  runs every page inside the app, so that a pressed button is heard
import pytest
from streamlit.testing.v1 import AppTest

from tiger import datasets, files, jobs, maps, metrics, paths, projection, quantizers, runs, tree

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
    return "\n".join(block.value for block in [*app.markdown, *app.caption, *app.subheader])


def figures_of(app: AppTest) -> list[str]:
    return [chart.proto.alt for chart in app.get("plotly_chart")]


def test_the_map_shows_the_linked_item_and_its_three_kinds_of_neighbours(demo):
    cat, codes_IL = demo
    app = open_page("map", item="77", level="2")
    assert cat.items["title"][77] in text_of(app).replace("\\", "")
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


def test_a_search_jumps_to_the_item(demo):
    cat, _ = demo
    app = open_page("map")
    app.text_input(key="walk_search").set_value(cat.items["title"][123]).run()
    app.selectbox(key="pick_item").set_value(123).run()
    assert app.query_params["item"] in ("123", ["123"])
    assert cat.items["title"][123] in text_of(app).replace("\\", "")


def test_earlier_steps_colour_the_same_places():
    app = open_page("map")
    steps = runs.find("demo-rqvae").snapshots()
    app.select_slider(key="pick_step").set_value(steps[0]).run()
    assert not app.error and app.query_params["step"] in (str(steps[0]), [str(steps[0])])


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
    summary = open_page("tree", against="Another run", view="Difference", run="demo-rqvae").dataframe[0].value
    assert summary["Move at this level"].sum() == (tree.match(codes_IL, renamed).moved_at_I > 0).sum() == 1


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
