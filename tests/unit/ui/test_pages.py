"""Every page without a browser: it opens with its question, its numbers are the core's, bad addresses do no harm."""

import re
import urllib.parse
from types import SimpleNamespace

import numpy as np
import pytest

from tests.support.made_runs import finished
from tests.support.pages import charts_of, html_of, open_page, values_of
from tiger import datasets, metrics, runs
from tiger.core import paths
from tiger.datasets import registry
from tiger.reports import shop
from tiger.ui.home import picture
from tiger.ui.shared import glossary, pagelist

HOME, CATALOGUE = pagelist.BY_KEY["home"], pagelist.BY_KEY["catalogue"]


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


@pytest.mark.parametrize("page", pagelist.PAGES, ids=lambda page: page.key)
def test_every_page_opens_with_its_question_and_without_an_error(page):
    app = open_page(page)
    assert [title.value for title in app.title] == [page.question]
    assert not app.error


def test_the_page_list_names_every_file_once():
    files = sorted(path.name for path in (paths.PROJECT / "pages").glob("*.py"))
    assert sorted(page.file.removeprefix("pages/") for page in (*pagelist.PAGES, pagelist.CLASS)) == files


def test_home_shows_the_numbers_of_the_dataset_and_the_run():
    cat, run = datasets.load("synthetic"), runs.find("demo-rqvae")
    codes_IL = run.codes()
    shown = html_of(open_page(HOME))
    assert f"{cat.n_items:,} items" in shown
    assert f"{cat.embedding_IE.shape[1]} numbers" in shown
    assert f"{codes_IL.shape[1]} × {run.learner.params['n_codes']} codes" in shown
    assert f"{len(set(map(tuple, codes_IL.tolist()))):,} unique" in shown
    counts_K = np.bincount(codes_IL[:, 0], minlength=run.learner.params["n_codes"])
    assert f"{metrics.perplexity(counts_K):.0f}" in shown


def test_home_says_the_doctors_verdict_and_links_to_all_other_pages():
    app = open_page(HOME)
    assert any("Doctor:" in box.value for box in [*app.success, *app.info, *app.warning, *app.error])
    links = [link.proto for link in app.main.get("page_link")]
    assert {link.page for link in links} >= {page.key for page in pagelist.PAGES if page.key != "home"}
    path = [dict(urllib.parse.parse_qsl(link.query_string)) for link in links if "path=" in link.query_string]
    assert [step["path"] for step in path] == ["1", "2", "3", "4", "5", "6", "7"] and path[2]["recipe"] == "watch-collapse"


def test_the_seven_boxes_of_home_open_their_pages():
    app = open_page(HOME)
    assert html_of(app).count('class="tg-card"') == 7
    boxes = [link.proto for link in app.main.get("page_link")][7:14]  # behind the path's seven links
    assert [box.page for box in boxes] == ["catalogue", "map", "train", "codebooks", "tree", "catalogue", "beam"]


def test_the_path_says_what_to_do_on_each_page_and_where_to_go_next():
    for number, step in enumerate(pagelist.PATH, 1):
        app = open_page(step.page, path=str(number))
        assert any(f"{number} of {len(pagelist.PATH)}: {step.title}." in block.value for block in app.markdown)
        following = pagelist.PATH[number].title if number < len(pagelist.PATH) else "the lessons"
        assert any(link.proto.label == f"Next: {following}" for link in app.main.get("page_link"))


def test_terms_carry_their_definition_where_they_first_stand():
    text = "A prefix names a branch; prefixes of LSH at a sublevel. **Level** 2 has other levels, PURITY too."
    shown = glossary.marked(text, "tree")
    found = re.findall(r'<abbr tabindex="0" title="([^"]+)">([^<]+)</abbr>', shown)
    assert [word for _, word in found] == ["prefix", "LSH", "Level", "PURITY"]
    assert found[0][0].startswith("the first codes of a semantic ID")
    assert re.sub(r"<[^>]+>", "", shown) == text
    longest = glossary.marked("The dead codes of a codebook", "codebooks")
    assert re.findall(r">([^<]+)</abbr>", longest) == ["dead codes", "codebook"]
    assert glossary.marked("no terms here", "runs") == "no terms here"
    assert any('<abbr tabindex="0" title="the first codes' in block.value for block in open_page("tree").markdown)


def test_every_page_defines_its_terms():
    assert set(glossary.ON_PAGES) <= set(pagelist.BY_KEY)
    for key, terms in glossary.ON_PAGES.items():
        assert set(terms) <= set(glossary.TERMS), key
    assert all(text.endswith(".") and ". " not in text for text in glossary.TERMS.values())
    app = open_page("train")
    assert any("**Perplexity**: how many codes" in block.value for block in app.markdown)


def test_the_address_holds_dataset_and_run_and_pages_remember_them():
    app = open_page(CATALOGUE)
    assert app.query_params["dataset"] == "synthetic"
    assert app.query_params["run"] == "demo-rqvae"


@pytest.mark.parametrize(("params", "words"), [
    ({"dataset": "nobody"}, "No dataset 'nobody' is known here"),
    ({"dataset": "../../etc/passwd"}, "is known here"),
    ({"run": "no-such-run"}, "No run 'no-such-run' exists here"),
    ({"run": "<script>"}, "No run"),
    ({"item": "99999999"}, "The address asks for item '99999999'"),
    ({"item": "-1"}, "The address asks for item '-1'"),
    ({"item": "1e3"}, "The address asks for item"),
    ({"user": "٣", "show": "Users"}, "The address asks for user"),
])
def test_nonsense_in_the_address_is_said_and_replaced(params, words):
    app = open_page(CATALOGUE, **params)
    said = [box.value.replace("\\", "") for box in app.info]
    assert any(words in text for text in said), said
    assert app.query_params["dataset"] == "synthetic"
    assert app.query_params["run"] in ("demo-small", "demo-rqvae")
    app.run()
    assert not any(words in box.value.replace("\\", "") for box in app.info)


def test_catalogue_reports_what_the_loader_counted():
    cat, shown = datasets.load("synthetic"), values_of(open_page(CATALOGUE))
    assert shown["Items"] == f"{cat.report['n_items']:,}"
    assert shown["Users"] == f"{cat.report['n_users']:,}"
    assert shown["Interactions"] == f"{cat.report['n_interactions']:,}"
    assert shown["Cold items"] == f"{cat.report['cold_items']:,}"


def test_catalogue_searches_and_finds_nothing_kindly():
    cat = datasets.load("synthetic")
    app = open_page(CATALOGUE)
    word = re.sub(r"\W", " ", cat.items["title"].iloc[3]).split()[0]
    app.text_input(key="search:synthetic").set_value(word).run()
    count = sum(word.casefold() in " ".join(map(str, row)).casefold()
                for row in cat.items[["title", "text", "category", "item_id"]].itertuples(index=False))
    assert len(app.dataframe[0].value) == min(count, 1000)
    app.text_input(key="search:synthetic").set_value("no such thing anywhere").run()
    assert any("No item matches" in box.value for box in app.info)
    assert not app.error


def test_catalogue_shows_the_item_of_the_address_and_its_neighbours():
    cat = datasets.load("synthetic")
    app = open_page(CATALOGUE, item="17")
    assert app.subheader[0].value.replace("\\", "") == cat.items["title"].iloc[17]
    unit_IE = cat.embedding_IE / np.linalg.norm(cat.embedding_IE, axis=1, keepdims=True)
    cosine_I = unit_IE @ unit_IE[17]
    cosine_I[17] = -2
    near = app.dataframe[1].value
    assert near["item"].tolist() == np.argsort(-cosine_I, kind="stable")[:10].tolist()
    assert near["cosine"].tolist() == pytest.approx(np.sort(cosine_I)[::-1][:10].tolist(), abs=1e-5)


def test_catalogue_shows_a_history_with_its_split():
    cat = datasets.load("synthetic")
    app = open_page(CATALOGUE, show="Users", user="7")
    frame = app.dataframe[0].value
    assert frame["item"].tolist() == cat.history(7).tolist()
    assert frame["part"].tolist()[-2:] == ["validation", "test"]
    app.number_input(key="pick_user").set_value(9).run()
    assert app.query_params["user"] == "9"
    assert app.dataframe[0].value["item"].tolist() == cat.history(9).tolist()
    app.button(key="other_user").click().run()
    assert app.query_params["user"] == str(shop.somebody_else(cat, 9))


def test_catalogue_draws_the_shape():
    app = open_page(CATALOGUE, show="Shape")
    assert len(charts_of(app)) == 2
    assert not app.error


def test_a_bad_path_is_one_sentence_and_changes_nothing():
    app = open_page(CATALOGUE, show="Load own data")
    app.button_group(key="source").set_value("recbole").run()
    app.button_group(key="load:recbole:how").set_value("Path on the server").run()
    app.text_input(key="load:recbole:path:at").set_value("/etc/passwd").run()
    app.button(key="load:recbole:go").click().run()
    assert len(app.error) == 1
    assert "lies outside the folders this server may read" in app.error[0].value
    assert [entry.id for entry in registry.entries()] == ["synthetic"]
    assert app.query_params["dataset"] == "synthetic"


@pytest.mark.shared_data
def test_real_data_from_a_path_becomes_the_current_dataset(shared_data, monkeypatch):
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(shared_data))
    app = open_page(CATALOGUE, show="Load own data")
    app.button_group(key="source").set_value("recbole").run()
    app.button_group(key="load:recbole:how").set_value("Path on the server").run()
    app.text_input(key="load:recbole:path:at").set_value(str(shared_data / "ml-100k")).run()
    app.button(key="load:recbole:go").click().run()
    assert not app.error
    assert values_of(app)["Interactions"] == "100,000"
    assert app.query_params["dataset"].startswith("ml-100k")
    assert "run" not in app.query_params
    app.switch_page(HOME.file).run()
    assert not app.error
    assert "1,682 items" in html_of(app)
    assert "not trained yet" in html_of(app)


def test_a_run_in_the_address_brings_its_dataset():
    ref = {"name": "synthetic", "params": {"n_items": 60, "n_users": 30},
           "embedding": {"method": "tfidf", "dim": 16}}
    run = runs.new_run({"dataset": ref, "quantizer": {"name": "random_codes", "params": {}}, "title": "Sixty"})
    app = open_page(CATALOGUE, run=run.id)
    assert values_of(app)["Items"] == "60"
    assert app.query_params["run"] == run.id
    assert registry.find(app.query_params["dataset"]).ref == ref


def test_after_a_collapse_the_path_goes_on_with_a_healthy_run():
    rng = np.random.default_rng(0)
    cured = finished("Cured", codes_IL=rng.integers(16, size=(2000, 5)), n_levels=5)
    sick = finished("Sick", codes_IL=np.zeros((2000, 3), int))
    app = open_page("doctor", path="4", run=sick.id)
    following = next(link.proto for link in app.main.get("page_link") if link.proto.label == "Next: See the tree")
    assert dict(urllib.parse.parse_qsl(following.query_string))["run"] == cured.id
    backs = [link.proto.label for link in app.main.get("page_link") if "Back:" in link.proto.label]
    assert not backs, "there is something to cure"
    app = open_page("doctor", path="4", run="demo-rqvae")
    back = next(link.proto for link in app.main.get("page_link") if link.proto.label.endswith("Back: Watch it collapse"))
    assert dict(urllib.parse.parse_qsl(back.query_string))["recipe"] == "watch-collapse"
    app = open_page("tree", path="5", run="demo-rqvae")  # healthy itself
    following = next(link.proto for link in app.main.get("page_link") if link.proto.label == "Next: See the map")
    assert dict(urllib.parse.parse_qsl(following.query_string))["run"] == "demo-rqvae"


@pytest.mark.parametrize(("n_coded", "said"), [(80, "of 80 by codes alone;"), (40, "of the 40 items with codes; 40 have none;")])
def test_homes_card_counts_unique_ids_among_the_items_that_have_one(n_coded, said):
    shown, coded = SimpleNamespace(n_items=80), SimpleNamespace(n_items=n_coded, item_id=(1, 2), prefixes=(5, 40))
    card = picture._semantic_id(shown, coded)
    assert "40 unique" in card and said in card
