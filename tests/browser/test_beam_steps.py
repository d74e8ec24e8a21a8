"""Stepping through a beam in a real browser: bundled and real data, links, before and after, narrow and dark."""

import os
import re
import urllib.parse

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SLOW_MS, named_in_address, param, settled, visit
from tiger import datasets, models, quantizers, runs
from tiger.core import files
from tiger.datasets import registry
from tiger.runs import artifacts
from tiger.runs.records import Status


def opened(page, app, **params: str) -> None:
    visit(page, app, f"beam?{urllib.parse.urlencode(params)}")


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click(timeout=SLOW_MS)


def trained(app, shared_data, name: str) -> str:
    """A real dataset in the app's library with IDs and a recommender of seconds; returns the dataset's id."""
    os.environ["TIGER_HOME"] = str(app.home)
    ref = {"name": "recbole", "params": {"path": str(shared_data / name)}, "embedding": {"method": "tfidf", "dim": 32}}
    cat = datasets.load_ref(ref)
    n_codes = 16 if cat.n_items < 5000 else 64
    params = {"n_levels": 2, "n_codes": n_codes}
    made = runs.new_run({"dataset": ref, "quantizer": {"name": "lsh", "params": params}}, Status("finished", attempt=1))
    artifacts.write_result(made, quantizers.create("lsh", **params).fit(cat.embedding_IE), cat.embedding_IE, 1)
    model = {"name": "rq_transformer", "params": {"width": 16, "n_layers": 1, "n_heads": 2, "n_epochs": 1, "batch_size": 512}}
    run = runs.new_run({"kind": "model", "dataset": ref, "model": model, "ids": {"run": made.id}, "title": "Quick"},
                       Status("finished", attempt=1))
    models.create(model["name"], **model["params"]).fit(cat, made.semantic_ids()).save(run.path)
    files.write_json(run.path / "metrics.json", {})
    return registry.add(ref, name).id


def step_through(page, app, dataset: str) -> None:
    """Forward to the end, back, a link, before and after, why, the recommendations."""
    opened(page, app, dataset=dataset)
    figure = page.get_by_role("img", name="Beam search after level")
    forward = page.get_by_role("button", name="Forward", exact=True)
    expect(page.get_by_text("Level 1:", exact=True)).to_be_visible(timeout=SLOW_MS)
    level = 1
    while forward.is_enabled():
        level += 1
        forward.click(timeout=SLOW_MS)
        expect(page.get_by_text(f"Level {level}:", exact=True)).to_be_visible(timeout=SLOW_MS)
        expect(figure).to_be_visible()
        named_in_address(page, at=str(level))
        settled(page)
    assert level == page.get_by_role("radio", name=re.compile(r"^Level \d$")).count() > 1
    press(page, "Back")
    expect(page.get_by_text(f"Level {level - 1}:", exact=True)).to_be_visible(timeout=SLOW_MS)
    width = page.get_by_role("spinbutton", name="Beam width")
    width.fill("4")
    width.press("Enter")
    page.wait_for_url(re.compile("width=4"), timeout=SLOW_MS)
    expect(page.get_by_text("width 10 → 4")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("radio", name="Before and after").click()
    expect(page.get_by_text("Beams in common")).to_be_visible(timeout=SLOW_MS)
    settled(page)
    page.reload()
    settled(page)
    expect(page.get_by_text("Beams in common")).to_be_visible(timeout=SLOW_MS)
    expect(width).to_have_value("4")
    page.get_by_role("radio", name="Why").click()
    expect(page.get_by_text("Leave one item out:")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("radio", name="Recommendations").click()
    expect(page.get_by_text("★ The held-out item is")).to_be_visible(timeout=SLOW_MS)


def test_step_through_a_beam_of_the_bundled_shop(page, app):
    step_through(page, app, "synthetic")


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["ml-100k"])
def test_step_through_a_beam_of_real_data(page, app, shared_data, monkeypatch, name):
    monkeypatch.setenv("TIGER_HOME", str(app.home))
    step_through(page, app, trained(app, shared_data, name))


def test_a_click_on_a_branch_explains_it(page, app):
    opened(page, app, dataset="synthetic", at="1")
    cards = page.locator(".bm-item")
    expect(cards.first).to_be_visible(timeout=SLOW_MS)
    page.locator("svg g.branch").nth(3).click(position={"x": 6, "y": 8})
    page.wait_for_url(re.compile(r"pick=\d+"), timeout=SLOW_MS)
    expect(page.get_by_text(f"Score of {param(page, 'pick')}")).to_be_visible(timeout=SLOW_MS)


def test_a_branch_that_is_clicked_right_after_a_step_stays_explained(page, app):
    opened(page, app, dataset="synthetic", at="1")
    settled(page)
    page.get_by_role("button", name="Forward", exact=True).click()
    page.locator("svg g.branch").nth(3).dispatch_event("click")
    page.wait_for_url(re.compile(r"pick=\d+"), timeout=SLOW_MS)
    settled(page)
    page.wait_for_timeout(700)  # longer than a step waits to be told
    settled(page)
    assert param(page, "at") == "2"
    expect(page.get_by_text(f"Score of {param(page, 'pick')}")).to_be_visible(timeout=SLOW_MS)


def test_what_is_being_typed_stays_when_the_server_answers(page, app):
    opened(page, app, dataset="synthetic", at="1")
    settled(page)
    width = page.get_by_role("spinbutton", name="Beam width")
    page.get_by_role("button", name="Forward", exact=True).click()
    width.fill("4")  # before the server is told of the step
    settled(page)
    assert param(page, "at") == "2"
    expect(width).to_have_value("4")
    width.press("Enter")
    page.wait_for_url(re.compile("width=4"), timeout=SLOW_MS)


def test_the_temperature_stays_open_while_it_is_moved(page, app):
    opened(page, app, dataset="synthetic", at="1")
    page.get_by_text("Temperature 1", exact=True).click(timeout=SLOW_MS)
    page.get_by_role("slider", name="All levels").focus()
    for heat in ("1.1", "1.2"):  # the button's own label changes, too
        page.keyboard.press("ArrowRight")
        expect(page.get_by_text(f"Temperature {heat}", exact=True)).to_be_visible(timeout=SLOW_MS)
        settled(page)
        expect(page.get_by_role("slider", name="All levels")).to_be_visible()


def test_what_is_unfolded_under_the_tree_stays_so_at_another_level(page, app):
    opened(page, app, dataset="synthetic", at="1")
    listed = page.get_by_role("radio", name="Beam full")
    page.get_by_text("All candidates of this level").click(timeout=SLOW_MS)
    expect(listed).to_be_visible(timeout=SLOW_MS)
    press(page, "Forward")
    settled(page)
    named_in_address(page, at="2")
    settled(page)
    expect(listed).to_be_visible()


def test_a_dropped_item_comes_back_with_undo(page, app):
    opened(page, app, dataset="synthetic", user="77")
    cards = page.locator(".bm-item")
    expect(cards.first).to_be_visible(timeout=SLOW_MS)
    n_cards = cards.count()
    page.get_by_text("Edit history").click()
    press(page, "Drop")
    expect(cards).to_have_count(n_cards - 1, timeout=SLOW_MS)
    press(page, "Drop")  # the editor is still open
    expect(cards).to_have_count(n_cards - 2, timeout=SLOW_MS)
    press(page, "Undo")
    expect(cards).to_have_count(n_cards - 1, timeout=SLOW_MS)
    press(page, "Undo")
    expect(cards).to_have_count(n_cards, timeout=SLOW_MS)
    assert param(page, "items") is None
