"""Map and Tree without a browser: the core's numbers are what is shown, links open the same view. See test_pages_map."""

import json
import shutil
import time

import numpy as np
import pandas as pd
import pytest

from tests.support.explore import open_page, sent_to_trees, text_of
from tiger import datasets, metrics, quantizers, runs
from tiger.analysis import tree
from tiger.core import files, paths
from tiger.reports import tree as tree_reports
from tiger.reports.items import id_text
from tiger.runs import import_run, supervisor
from tiger.semantic_ids import import_ids
from tiger.ui.shared import state


@pytest.fixture(autouse=True)
def _workspace(tiger_home, monkeypatch):
    monkeypatch.chdir(paths.PROJECT)


@pytest.fixture(scope="module")
def demo():
    """The bundled catalogue and the demo run's codes."""
    return datasets.load("synthetic"), runs.find("demo-rqvae").codes()


def test_the_tree_says_what_the_hyperplanes_do(demo):
    cat, codes_IL = demo
    lsh = quantizers.create("lsh", n_levels=codes_IL.shape[1], n_codes=256, seed=0).fit(cat.embedding_IE)
    if runs.find("demo-rqvae").learner.params["n_codes"] != 256:
        pytest.skip("the demo run has another number of codes")
    buckets = len(np.unique(lsh.bits(cat.embedding_IE)[:, :5], axis=0))
    for run, level, bits in (("demo-rqvae", "1", 8), ("demo-small", "3", 12)):  # 256 codes are 8 bits a level, 16 codes 4
        assert f"After {bits} hyperplanes" in text_of(open_page("tree", run=run, level=level))
    app = open_page("tree", planes="5")
    assert f"After 5 hyperplanes there are {buckets} buckets" in text_of(app)
    app.button(key="plane_more").click().run()
    assert app.query_params["planes"] in ("6", ["6"]) and "After 6 hyperplanes" in text_of(app)


def test_a_message_from_before_a_value_was_set_does_not_undo_it(monkeypatch):
    """The browser sends the values of all widgets along; until it hears of the new one it names the old one."""
    app = open_page("tree", planes="7")
    app.button(key="plane_more").click().run()
    assert app.slider(key="planes").value == 8
    app.slider(key="planes").set_value(7).run()  # as a message does that was on its way
    assert app.slider(key="planes").value == 8 and app.query_params["planes"] in ("8", ["8"])
    app.slider(key="planes").set_value(5).run()  # nothing but what was there before is taken for that
    assert app.query_params["planes"] in ("5", ["5"])
    app.button(key="plane_more").click().run()
    later = time.monotonic() + 2 * state.UNHEARD_S
    monkeypatch.setattr("tiger.ui.shared.state.time.monotonic", lambda: later)
    app.slider(key="planes").set_value(5).run()  # by now it is the visitor's wish
    assert app.query_params["planes"] in ("5", ["5"])


def test_every_level_of_both_trees_is_sent_once_with_as_many_bits_a_level(demo):
    cat, codes_IL = demo
    bits = quantizers.create("lsh", n_levels=3, n_codes=256, seed=0).fit(cat.embedding_IE).bits(cat.embedding_IE)
    app = open_page("tree")
    sent = sent_to_trees(app)
    for name, prefixes in (("own", lambda level: codes_IL[:, :level]), ("other", lambda level: bits[:, :8 * level])):
        pictures = sent[name]["tree"]["pictures"]
        assert len(pictures) == 3
        for level, picture in enumerate(pictures, 1):
            largest = np.unique(prefixes(level), axis=0, return_counts=True)[1].max()
            assert f"The largest branch of {level} code{'s' * (level > 1)} holds {largest} of 2,000 items" in picture["finding"]
            top = [size for size, above in zip(picture["size"], picture["above"], strict=True) if above < 0]
            assert sum(top) == cat.n_items  # what is not drawn is inside a "…"
    app.run()
    again = json.loads(next(part.proto.json for part in app.main.get("bidi_component")
                            if part.proto.component_name == "tiger.trees"))
    assert again["own"] == {"id": sent["own"]["id"], "tree": None} and again["other"]["tree"] is None


@pytest.fixture
def uneven(demo, tmp_path):
    """Imported IDs of the first 600 items with levels of 256, 256, 256 and 4 codes; the other items have none."""
    cat, _ = demo
    codes = np.random.default_rng(0).integers(0, [256, 256, 256, 4], (600, 4))
    codes[0] = 255, 255, 255, 3
    text = {str(item): [f"<{'abcd'[level]}_{code}>" for level, code in enumerate(row)]
            for item, row in enumerate(codes.tolist())}
    (tmp_path / "index.json").write_text(json.dumps(text))
    return import_run.keep(import_ids(tmp_path / "index.json", cat), cat, "Theirs"), codes


def test_lsh_has_as_many_bits_as_ids_with_uneven_levels(demo, uneven):
    cat, _ = demo
    app = open_page("tree", run=uneven[0].id, planes="26", lsh_seed="3")
    assert sent_to_trees(app)["other"]["tree"]["title"] == "LSH, 26 bits" and app.slider(key="planes").max == 26
    signs = quantizers.create("lsh", n_levels=2, n_codes=1 << 13, seed=3).fit(cat.embedding_IE).bits(cat.embedding_IE)
    assert f"After 26 hyperplanes there are {len(np.unique(signs, axis=0)):,} buckets" in text_of(app)
    assert tree_reports.bit_widths((256, 256, 256, 4)) == (8, 8, 8, 2)
    weight = 1 << np.arange(8)
    made = tree_reports.lsh_codes(cat, (8, 8, 8, 2), 3)
    theirs, lost = made.codes_IL, made.error
    assert (theirs[:, 1] == signs[:, 8:16] @ weight).all() and (theirs[:, 3] == signs[:, 24:] @ weight[:2]).all()
    assert 0 < lost < 1


def test_other_hyperplanes_stand_in_the_address(demo):
    cat, _ = demo
    for seed in (0, 7):
        bits = quantizers.create("lsh", n_levels=3, n_codes=256, seed=seed).fit(cat.embedding_IE).bits(cat.embedding_IE)
        largest = np.unique(bits[:, :9], axis=0, return_counts=True)[1].max()
        assert f"the largest has {largest} items" in text_of(open_page("tree", lsh_seed=str(seed), planes="9"))


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
    assert tree_reports.wide_table(frame)["one"].tolist() == ["unknown", "< 0.001"]
    assert tree_reports.curve_summary(frame, "recall", "True") == "True: one unknown at level 1, 0% at level 2."


def test_a_branch_lists_its_items(demo):
    _, codes_IL = demo
    code = int(np.bincount(codes_IL[:, 0]).argmax())
    app = open_page("tree", branch=str(code))
    assert f"**Branch {code}**: {(codes_IL[:, 0] == code).sum():,} items" in text_of(app)
    own = sent_to_trees(app)["own"]["tree"]
    assert own["below"] and all(f"below branch {code}: " in picture["alt"] for picture in own["pictures"])
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


@pytest.mark.thorough
@pytest.mark.parametrize("params", [
    {"against": "Categories"}, {"against": "Another run"}, {"against": "x"}, {"view": "Disagreements"},
    {"view": "Disagreements", "pairs": "Least alike", "level": "3"}, {"view": "Difference"},
    {"view": "Numbers", "against": "Categories"}, {"view": "Difference", "against": "Categories"},
    {"drawn": "Treemap", "level": "1"}, {"drawn": "Sunburst", "level": "3"}, {"branch": "zzz"}, {"branch": "1-2-3-4-5"},
    {"branch": "99999"}, {"planes": "24"}, {"planes": "999"}, {"planes": "0"}, {"lsh_seed": "zzz"},
    {"lsh_seed": "5000"}, {"moved": "Level 9", "view": "Difference"}, {"other_run": "<b>", "against": "Another run"}])
def test_any_address_opens_the_tree(params):
    open_page("tree", **params)


def test_two_runs_are_compared_up_to_renaming(demo):
    _, codes_IL = demo
    other = paths.subfolder("runs") / "renamed-demo"
    shutil.copytree(paths.BUNDLED / "runs" / "demo-rqvae", other)
    config = runs.find("demo-rqvae").config.to_json() | {"id": "renamed-demo", "title": "Renamed"}
    files.write_json(other / "config.json", config)
    renamed = np.random.default_rng(0).permutation(256)[codes_IL]
    renamed[7, 0] = (renamed[7, 0] + 1) % 256
    np.save(other / "codes.npy", renamed.astype(np.int32))
    app = open_page("tree", against="Another run", view="Difference", run="demo-rqvae", other_run="renamed-demo", moved="Level 2")
    assert app.dataframe[0].value["Moved at this level"].sum() == (tree.match(codes_IL, renamed).moved_at_I > 0).sum() == 1
    assert "0 items** moved at level 2" in text_of(app)
    app.button_group(key="moved").set_value(1).run()
    assert "1 item** moved at level 1" in text_of(app)


def test_the_run_to_compare_with_stands_in_the_address_by_its_id():
    for name in ("one-again", "two-again"):
        folder = paths.subfolder("runs") / name
        shutil.copytree(paths.BUNDLED / "runs" / "demo-rqvae", folder)
        files.write_json(folder / "config.json", runs.find("demo-rqvae").config.to_json() | {"id": name, "title": "Again"})
    app = open_page("tree", against="Another run", run="demo-rqvae", other_run="two-again")
    assert app.selectbox(key="pick_other").value == "two-again" and not app.info
    app.selectbox(key="pick_other").set_value("one-again").run()
    assert app.query_params["other_run"] in ("one-again", ["one-again"])
    assert sorted(app.selectbox(key="pick_other").options) == [
        "Again · finished (one-again)", "Again · finished (two-again)", "Demo: 5 levels of 16 codes · finished"]
    app = open_page("tree", against="Another run", run="demo-rqvae", other_run="Again")
    assert any("has no other run 'Again'" in box.value.replace("\\", "") for box in app.info)
    assert "other_run" not in app.query_params


def test_the_chosen_item_stays_chosen_from_page_to_page(demo):
    cat, codes_IL = demo
    app = open_page("map", item="77")
    app.query_params.clear()  # as the sidebar's links do
    app.switch_page("pages/tree.py").run()
    assert app.query_params["item"] in ("77", ["77"])
    assert f"lies at **{id_text(codes_IL[77].tolist())}** here" in text_of(app)
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

    monkeypatch.setattr(supervisor, "current", Queue)
    app = open_page("tree", view="Numbers")
    app.button(key="more_seeds").click().run()
    own = runs.find("demo-rqvae").learner.params
    assert len(asked) == 2 and {config["quantizer"]["params"]["seed"] for config in asked}.isdisjoint({own["seed"]})
    assert all(config["quantizer"]["params"] | {"seed": own["seed"]} == own for config in asked)
