"""The Beam page without a browser: its numbers are the core's, links open the same view, bad input is one sentence."""

import json
import re
import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.support import tiny_models as tiny
from tests.support.pages import open_page
from tiger import datasets, models, runs
from tiger.analysis import attribution
from tiger.core import files, paths
from tiger.core.words import counted
from tiger.reports import beam as report
from tiger.reports import beam_page as reports
from tiger.reports import influence
from tiger.search import beam
from tiger.ui.shared import pagelist

PAGE = pagelist.BY_KEY["beam"]
USER = "77"


@pytest.fixture(autouse=True)
def _workspace(tiger_home, monkeypatch):
    monkeypatch.chdir(paths.PROJECT)


@pytest.fixture(scope="module")
def cat():
    return datasets.load("synthetic")


@pytest.fixture(scope="module")
def demo():
    """The bundled recommender."""
    return runs.find("demo-recommender").recommender()


@pytest.fixture(scope="module")
def history(cat):
    return cat.history(int(USER))[:-1].tolist()


def opened(**params: str) -> AppTest:
    return open_page(PAGE, **({"user": USER} | params))


def tree_of(app: AppTest) -> dict | None:
    """What the browser draws of the level that is shown, where the page shows steps."""
    sent = [json.loads(part.proto.json) for part in app.main.get("bidi_component")]
    return sent[0]["levels"][sent[0]["at"]] if sent else None


def text_of(app: AppTest) -> str:
    blocks = [*app.markdown, *app.caption, *app.subheader, *app.latex, *app.info, *app.warning, *app.success, *app.error]
    return "\n".join([(tree_of(app) or {}).get("summary", ""), *(block.value for block in blocks)]).replace("\\", "")


def param(app: AppTest, name: str) -> str | None:
    found = app.query_params.get(name)
    return found[0] if isinstance(found, list) else found


def best_new(model, history) -> np.ndarray:
    """All items that are not in the history, by exact log-probability."""
    order = np.argsort(-model.score_all(history), kind="stable")
    return order[~np.isin(order, history)]


def table(app: AppTest, *columns: str):
    """The first table that has these columns."""
    return next(frame.value for frame in app.dataframe if set(columns) <= set(frame.value.columns))


@pytest.mark.usefixtures("unfolded")
def test_every_number_of_a_step_is_the_cores(demo, history, cat):
    app = opened(at="2", width="7", heat="1-0.5-1-1")
    found = demo.beam_search(history, width=7, temperature=[1.0, 0.5, 1.0, 1.0], exclude_seen=True)
    shown, want = table(app, "prefix", "fate"), report.candidates(found, 2, at_most=200)
    assert shown["prefix"].tolist() == want["prefix"].tolist()
    for name in ("step_logp", "total_logp", "probability"):
        np.testing.assert_allclose(shown[name], want[name], atol=1e-5)
    assert shown["fate"].tolist() == want["fate"].tolist()
    assert shown["n_items_below"].tolist() == want["n_items_below"].tolist()
    n = report.counts(found, 2)
    n_beams = 7 + len(set(history))  # as many more as there are items that must not be found
    total, outside = 256 * n_beams, n[beam.OUTSIDE]
    assert f"{n_beams} prefixes × 256 codes = {total:,} candidates. {outside:,} are not a prefix of any ID" in text_of(app)
    assert param(app, "temperature") == "1-0.5-1-1" and param(app, "heat") is None  # an older link, in today's words
    best = want[want["fate"] == beam.KEPT].iloc[0]
    assert f"={best['total_logp']:.3f}" in text_of(app)
    tree = tree_of(app)
    assert best["prefix"] in tree["alt"]
    drawn = next(node for node in tree["nodes"] if node["key"] == best["prefix"])
    assert drawn["part"] == pytest.approx(np.exp(best["total_logp"]), abs=1e-4)
    assert drawn["parent"] == best["prefix"].split("-")[0]


@pytest.mark.usefixtures("unfolded")
def test_the_exact_search_marks_what_it_would_keep(demo, history):
    app = opened(at="1", width="5")
    best = best_new(demo, history)[:5]
    first = dict.fromkeys(demo.metadata_["ids"].numpy()[best, 0].tolist())
    shown = table(app, "prefix", "exact")
    marked = shown[shown["exact"].str.startswith("yes")]
    assert set(marked["prefix"].astype(int)) <= set(first)
    assert f"have **{len(first)}** distinct prefixes of 1 code;" in text_of(app)


@pytest.mark.usefixtures("unfolded")
def test_a_sum_of_one_is_said_once():
    for level in (1, 2):
        texts = [part.value for part in opened(at=str(level)).markdown]
        said = next(text for text in texts if text.startswith(r"$\log P(") and "e^" in text)
        numbers = re.findall(r"-?\d+\.\d{3}", said)
        assert "$$" not in said, "that is no formula within a line"
        assert len(numbers) == (2 if level == 1 else 4), said  # the summands, their sum if there are several, and the exponent


def test_forward_and_back(demo, history):
    app = opened()
    assert param(app, "at") is None and "**Level 1:**" in text_of(app)
    assert "**Level 2:**" in text_of(opened(at="2"))
    assert "No code is generated yet" in text_of(opened(at="0"))
    app = opened(look="Before and after")
    app.button(key="beam_forward").click().run()
    assert param(app, "at") == "2"
    app.button(key="beam_back").click().run()
    app.button(key="beam_back").click().run()
    assert param(app, "at") == "0" and app.button(key="beam_back").disabled
    app.button_group(key="beam_step").set_value(4).run()
    assert param(app, "at") == "4" and app.button(key="beam_forward").disabled
    assert not app.error


def test_a_branch_from_a_link_is_explained(demo, history):
    found = demo.beam_search(history, width=10, exclude_seen=True)
    prefix = report.kept(found, 2)[3]
    app = opened(at="2", pick=report.text(prefix))
    way = report.path(found, prefix)
    assert f"**Score of {report.text(prefix)}**" in text_of(app)
    assert f"{way['step_logp'].iloc[0]:.3f} {way['step_logp'].iloc[1]:+.3f}$ $={way['total_logp'].iloc[1]:.3f}" in text_of(app)


def test_numbers_under_the_tree_are_made_once_somebody_unfolds_them(monkeypatch):
    made = []
    monkeypatch.setattr(reports, "candidates", lambda *how, real=reports.candidates: (made.append(how), real(*how))[1])
    app = opened(at="2", width="6")
    assert not made and not app.dataframe and "Score of" not in text_of(app)
    app.session_state["beam_candidates"] = True
    app.run()
    assert len(made) == 1 and len(table(app, "prefix", "fate")) == 200


@pytest.mark.usefixtures("unfolded")
def test_the_history_can_be_built_and_undone(history):
    app = opened()
    at = len(history) - 1
    app.button(key="beam_drop").click().run()
    assert param(app, "items") == "-".join(map(str, history[:-1]))
    app.button(key="beam_earlier").click().run()
    swapped = [*history[:at - 2], history[at - 1], history[at - 2]]
    assert param(app, "items") == "-".join(map(str, swapped))
    app.text_input(key="beam_search").set_value("tripod").run()
    box = next(box for box in app.selectbox if box.key == "beam_new:tripod")
    app.button(key="beam_add").click().run()
    assert param(app, "items") == "-".join(map(str, [*swapped, box.value]))
    for _ in range(3):
        app.button(key="beam_undo").click().run()
    assert param(app, "items") is None and param(app, "was") is None and app.button(key="beam_undo").disabled
    app.button(key="beam_empty").click().run()
    assert any("history is empty" in box.value for box in app.error)
    app.button(key="beam_own").click().run()
    assert not app.error and param(app, "items") is None


def test_before_and_now_stand_together(demo, history, cat):
    app = opened(look="Before and after", at="4")
    assert "stays here beside the new one" in text_of(app)
    app.number_input(key="beam_width").set_value(4).run()
    app.slider(key="beam_temperature:0").set_value(2.0).run()
    assert param(app, "was") == "~~~~" and param(app, "temperature") == "2-1-1-1"
    before = demo.beam_search(history, width=10, exclude_seen=True)
    now = demo.beam_search(history, 4, [2.0, 1.0, 1.0, 1.0], exclude_seen=True)
    want = report.changes(before, now)
    shown = table(app, "rank_before", "rank_now")
    assert shown["item"].tolist() == want["item"].tolist()
    assert shown["rank_now"].fillna(0).tolist() == want["rank_now"].fillna(0).tolist()
    assert "width 10 → 4, temperature 1 → 2·1·1·1" in text_of(app)
    again = opened(**{name: param(app, name) for name in ("look", "at", "width", "temperature", "was")})
    assert table(again, "rank_before", "rank_now")["item"].tolist() == want["item"].tolist()
    again.button(key="beam_restore").click().run()
    assert param(again, "width") is None and param(again, "was") is None


def test_recommendations_beside_popularity_with_the_held_out_item_marked(demo, cat, history):
    app = opened(look="Recommendations")
    shown = table(app, "Beam", "Popularity")
    titles, target = cat.items["title"], int(cat.history(int(USER))[-1])
    items = demo.beam_search(history, width=10, exclude_seen=True).items["item"].tolist()
    assert [title.removeprefix("★ ") for title in shown["Beam"]] == titles[items].tolist()
    popular = models.create("popularity").fit(cat).recommend(history, 10, exclude_seen=True)["item"].tolist()
    assert [title.removeprefix("★ ") for title in shown["Popularity"]] == titles[popular].tolist()
    exact = best_new(demo, history)[:10]
    assert not set(items) & set(history) and not set(popular) & set(history)
    assert [title.removeprefix("★ ") for title in shown["Exact search"]] == titles[exact].tolist()
    assert shown["Beam"].str.startswith("★").any() == (target in items)
    assert titles[target] in text_of(app)


@pytest.mark.usefixtures("unfolded")
def test_why_names_the_item_that_mattered(demo, cat, history):
    app = opened(look="Why")
    item = int(demo.beam_search(history, width=10, exclude_seen=True).items["item"].iloc[0])
    codes = demo.metadata_["ids"][item].tolist()
    found = attribution.influence(demo, history, codes)
    words = influence.words(influence.frame(found, cat.items["title"].tolist(), codes))
    assert words in text_of(app)
    shown = table(app, "position", "fall of log P, whole ID")
    np.testing.assert_allclose(shown["fall of log P, whole ID"], found.change_MT.sum(0), atol=1e-4)
    np.testing.assert_allclose(shown["attention, whole ID"], found.attention_MT.mean(0), atol=1e-5)


def test_a_free_search_shows_the_ids_that_nobody_has(demo, history):
    app = opened(free="1", look="Recommendations", heat="3")
    wrong = demo.beam_search(history, 10, 3.0, constrained=False, exclude_seen=True).invalid
    assert len(wrong) and f"{len(wrong)} of 10 that the free search generated" in text_of(app)
    assert table(app, "id", "exists")["id"].tolist() == [report.text(codes) for codes in wrong["id"]]
    assert "of these, prefixes that no item has" in text_of(opened(free="1", at="3"))


def test_links_to_the_former_presenters_view_lead_to_the_stage():
    app = opened(presenter="1", at="3", items="5-9", width="7")
    assert app.title[0].value == pagelist.BY_KEY["present"].question
    kept = {name: param(app, name) for name in ("user", "items", "width", "scene", "presenter")}
    assert kept == {"user": USER, "items": "5-9", "width": "7", "scene": "3", "presenter": None}


@pytest.mark.thorough
@pytest.mark.parametrize(("params", "words"), [
    ({"width": "501"}, "width '501', but here it can only be 1 to 500"), ({"width": "ten"}, "can only be 1 to 500"),
    ({"width": "0"}, "can only be 1 to 500"), ({"temperature": "0"}, "must be a finite number above 0"),
    ({"heat": "1-2"}, "temperature '1-2', but the IDs have 4 levels"), ({"heat": "hot"}, "must be one number"),
    ({"temperature": "nan"}, "finite number"), ({"seen": "maybe"}, "seen 'maybe', but here it can only be auto, 0, 1"),
    ({"items": "3-99999"}, "item '99999' is unknown"), ({"items": "-1"}, "is unknown"), ({"items": "1~2"}, "is unknown"),
    ({"items": "-".join(["1"] * 501)}, "501 items, but a history may have at most 500"),
    ({"at": "9"}, "at '9', but here it can only be 0 to 4"), ({"at": "-1"}, "can only be 0 to 4"),
    ({"user": "999999"}, "user '999999', but here it can only be 0 to 3999"),
    ({"model": "nobody"}, "has no recommender 'nobody'"), ({"was": "~7777~~"}, "but here it can only be 1 to 500"),
    ({"was": "1~2"}, "search '1~2', but that is not a search of this page"), ({"look": "nothing"}, "can only be Step by step")])
def test_nonsense_in_the_address_is_said_and_replaced(params, words):
    app = opened(**params)
    assert words in text_of(app) and not app.error
    assert tree_of(app)["nodes"]


@pytest.mark.parametrize("params", [{"pick": "9999-x"}, {"pick": "1-2-3-4-5-6"}, {"was": "junk"}, {"was": "1~2~3~4~5"},
                                    {"free": "yes"}, {"presenter": "2"}, {"heat": "99"}, {"listed": "owned"}])
def test_any_address_opens(params):
    app = opened(**params)
    assert not app.error and tree_of(app)["nodes"]


@pytest.mark.usefixtures("unfolded")
def test_a_long_history_keeps_its_last_items(demo, cat):
    items = cat.history(int(USER)).tolist() * 12
    app = opened(items="-".join(map(str, items)), at="2")
    assert f"This history has {len(items)} items; the model reads the last 20" in text_of(app)
    found = demo.beam_search(items, width=10, exclude_seen=True)
    assert table(app, "prefix", "fate")["prefix"].tolist()[:10] == report.candidates(found, 2, at_most=10)["prefix"].tolist()


@pytest.mark.usefixtures("unfolded")
def test_why_numbers_the_items_as_the_history_does(cat):
    items = cat.history(int(USER)).tolist() * 5
    app = opened(items="-".join(map(str, items)), look="Why")
    assert table(app, "position", "fall of log P, whole ID")["position"].tolist() == list(range(len(items) - 19, len(items) + 1))


def saved_model(run_id: str, config: dict, made: models.Recommender) -> None:
    """A finished model run in the workspace."""
    folder = paths.subfolder("runs") / run_id
    made.save(folder)
    whole = {"kind": "model", "id": run_id, "title": run_id, "created_s": 9e9, "parent": None, "preset": None,
             "model": {"name": made.name, "params": {}}} | config
    files.write_json(folder / "config.json", whole)
    files.write_json(folder / "status.json", {"state": "finished", "attempt": 1})


def test_a_recommender_of_another_catalogue_or_of_other_ids_is_named(demo, tiger_home):
    ref = runs.find("demo-recommender").config.dataset
    made = models.create("rq_transformer", **tiny.SMALL).fit(tiny.catalogue(), tiny.semantic_ids())
    saved_model("too-small", {"dataset": ref, "ids": {"run": "demo-rqvae"}}, made)
    app = opened(model="too-small")
    assert any("was trained on 24 items, but this dataset has 2,000" in box.value for box in app.error)
    saved_model("lost-ids", {"dataset": ref, "ids": {"run": "gone-run"}}, demo)
    app = opened(model="lost-ids")
    assert "'gone-run' that made the IDs was deleted" in text_of(app) and not app.error
    (paths.subfolder("runs") / "lost-ids" / "weights.safetensors").write_bytes(b"nonsense")
    app = opened(model="lost-ids")
    assert ["cannot be read" in box.value and "train the run again" in box.value for box in app.error] == [True]


def test_without_a_recommender_the_way_to_one_is_shown(tiger_home):
    ref = {"name": "synthetic", "params": {"n_items": 60, "n_users": 30}, "embedding": {"method": "tfidf", "dim": 16}}
    run = runs.new_run({"dataset": ref, "quantizer": {"name": "random_codes", "params": {}}, "title": "Sixty"})
    app = open_page(PAGE, run=run.id)
    assert "This dataset has no generative recommender yet" in text_of(app)
    assert tree_of(app) is None and app.main.get("page_link")
    shutil.rmtree(run.path)


def test_baselines_without_a_run_can_be_trained_from_here(demo):
    def links(app) -> dict[str, str]:
        protos = [link.proto for link in app.get("page_link")]
        return {proto.label: proto.query_string for proto in protos if proto.label.startswith("Train ")}

    found = links(opened(look="Recommendations"))
    assert list(found) == ["Train SASRec", "Train SASRec with semantic IDs", "Train Vector regression", "Train Cascade",
                           "Train Pair ranker"]
    assert "recipe=sasrec" in found["Train SASRec"]
    config = runs.find("demo-recommender").config
    runs.new_run({"kind": "model", "dataset": config.dataset, "model": {"name": "sasrec"}})
    assert list(links(opened(look="Recommendations"))) == list(found)[1:]


@pytest.mark.usefixtures("unfolded")
def test_seen_items_are_excluded_by_the_datas_rule_and_the_rule_is_said(demo, history):
    app = opened()
    assert "Items already in the history are excluded; no user of this dataset has an item twice." in text_of(app)
    assert f"the beam holds 10 + {len(set(history))} prefixes before the last level" in text_of(app)
    assert app.toggle(key="beam_seen").value is True and param(app, "seen") is None
    app.toggle(key="beam_seen").set_value(False).run()
    assert param(app, "seen") == "1" and "Items already in the history may be recommended." in text_of(app)
    assert "items in the history allowed" in text_of(app)
    kept = demo.beam_search(history, width=10)
    assert table(app, "prefix", "fate")["prefix"].tolist()[:50] == report.candidates(kept, 1, at_most=50)["prefix"].tolist()
    app.button(key="beam_undo").click().run()
    assert param(app, "seen") is None and app.toggle(key="beam_seen").value is True


@pytest.mark.usefixtures("unfolded")
def test_a_seen_item_is_pruned_with_its_own_reason(demo, cat):
    """A search of a user whose own item lies alone below a prefix that the beam meets."""
    found = ((user, level, report.counts(search, level)[beam.OWNED]) for user in range(50) for level in (1, 2, 3, 4)
             for search in [demo.beam_search(cat.history(user)[:-1], width=10, exclude_seen=True)])
    user, level, n = next(one for one in found if one[2])
    app = opened(user=str(user), at=str(level), listed="seen")
    assert f"{counted(n, 'leads', 'lead')} only to items already in the history" in text_of(app)
    shown = table(app, "prefix", "fate")
    assert len(shown) == n and set(shown["fate"]) == {beam.OWNED}
    history = cat.history(user)[:-1]
    assert set(shown["prefix"]) <= {report.text(codes[:level]) for codes in demo.metadata_["ids"].numpy()[history].tolist()}


def test_links_from_before_seen_items_were_a_choice_still_compare(demo, history):
    app = opened(was="~4~2~", look="Before and after", at="4")
    before = demo.beam_search(history, 4, 2.0, exclude_seen=True)
    now = demo.beam_search(history, 10, exclude_seen=True)
    assert table(app, "rank_before", "rank_now")["item"].tolist() == report.changes(before, now)["item"].tolist()
