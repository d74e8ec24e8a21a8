"""Home and Catalogue in a real browser: bundled and real data, links, reloads, narrow and dark."""

import re
import urllib.parse

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import named_in_address, param, settled, visit
from tiger.ui.shared import pagelist

HOME = "How TIGER works: from item to semantic ID to recommendation"
CATALOGUE = "Which items and user histories does this dataset have?"


def open_page(page, app, path: str = "") -> None:
    visit(page, app, path)


def load_from(page, app, path: str) -> None:
    """Load RecBole files from a path on the server."""
    open_page(page, app, "catalogue?show=Load+own+data")
    page.get_by_text("RecBole files", exact=True).click()
    expect(page.get_by_text("A folder of RecBole's atomic files")).to_be_visible()
    settled(page)  # until then the form of the source before stands there, too
    page.get_by_role("radio", name="Path on the server").click()
    box = page.get_by_role("textbox", name="Path", exact=True)
    expect(box).to_be_visible()
    box.fill(path)
    page.get_by_role("button", name="Load", exact=True).click()


def test_terms_are_reached_by_the_keyboard_and_show_their_definition(page, app):
    open_page(page, app)
    page.get_by_role("button", name="Terms").focus()
    seen = page.evaluate("""() => [getComputedStyle(document.querySelector('abbr'), '::after').content]""")
    for _ in range(2):
        page.keyboard.press("Tab")
        seen += page.evaluate("""() => { const term = document.activeElement, box = getComputedStyle(term, '::after')
          return [term.textContent, box.content, parseFloat(box.width) > 100] }""")
    item, semantic_id = ('"something that can be recommended."', '"the tuple of an item\'s codes, one a level."')
    assert seen == ["none", "item", item, True, "semantic ID", semantic_id, True]


def test_the_first_visit_shows_the_whole_pipeline(page, app):
    page.goto(app.url)
    expect(page.get_by_role("heading", name=HOME)).to_be_visible()
    expect(page.locator(".tg-card")).to_have_count(7)
    settled(page)
    named_in_address(page, dataset="synthetic", run="demo-small")
    expect(page.get_by_text("Doctor:")).to_be_visible()


def test_home_leads_to_every_page_and_keeps_dataset_and_run(page, app):
    """Every link says so; one is followed here, and ``test_explorer`` opens every page by its address."""
    open_page(page, app)
    links = page.locator("[data-testid=stMain] [data-testid=stPageLink] a")
    ends = [urllib.parse.urlsplit(link.get_attribute("href")) for link in links.all()]
    assert {end.path.strip("/") for end in ends} == {entry.key for entry in pagelist.PAGES} - {"home"}
    assert {(at["dataset"], at["run"]) for end in ends if (at := dict(urllib.parse.parse_qsl(end.query)))} == {
        ("synthetic", "demo-small")}
    links.last.click()
    expect(page.get_by_role("heading", name=HOME)).to_have_count(0)
    settled(page)
    named_in_address(page, dataset="synthetic")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name=HOME)).to_be_visible()
    settled(page)


def test_search_then_an_item_from_a_link(page, app):
    open_page(page, app, "catalogue")
    title = page.locator("[data-testid=stMain] h3").first.inner_text()
    box = page.get_by_role("searchbox", name="Search")
    box.fill("zzzz no such thing")
    box.press("Enter")
    expect(page.get_by_text("No item matches")).to_be_visible()
    box.fill(title)
    box.press("Enter")
    expect(page.get_by_text(re.compile(r"^[\d,]+ of [\d,]+ items"))).to_be_visible()
    page.wait_for_timeout(1500)
    grid = page.locator("[data-testid=stDataFrame]").first.bounding_box()
    page.mouse.click(grid["x"] + 16, grid["y"] + 52)
    page.wait_for_url("**item=*")
    chosen = param(page, "item")
    settled(page)
    shown = page.locator("[data-testid=stMain] h3").first.inner_text()
    page.reload()
    settled(page)
    named_in_address(page, item=chosen)
    assert page.locator("[data-testid=stMain] h3").first.inner_text() == shown


def test_a_history_from_a_link_and_somebody_else(page, app):
    open_page(page, app, "catalogue?show=Users&user=7")
    expect(page.get_by_role("spinbutton", name="User")).to_have_value("7")
    expect(page.get_by_text("Validation (blue)")).to_be_visible()
    page.get_by_role("button", name="Random user").click()
    page.wait_for_function("!location.search.includes('user=7&') && !location.search.endsWith('user=7')")
    settled(page)


def test_nonsense_in_the_address_is_said_once_and_replaced(page, app):
    script = urllib.parse.quote("<script>alert(1)</script>")
    open_page(page, app, f"catalogue?dataset=../../etc/passwd&run={script}&item=99999999&user=-1")
    expect(page.get_by_text("No dataset")).to_be_visible()
    expect(page.get_by_role("heading", name=CATALOGUE)).to_be_visible()
    named_in_address(page, dataset="synthetic", item=None)


@pytest.mark.shared_data
@pytest.mark.parametrize(("folder", "items", "users", "interactions"), [
    ("amazon-beauty", "12,101", "22,363", "198,502")])
def test_real_data_from_a_path_is_remembered(page, app, shared_data, folder, items, users, interactions):
    load_from(page, app, str(shared_data / folder))
    for number in (items, users, interactions):
        expect(page.get_by_test_id("stMetricValue").filter(has_text=re.compile(f"^{number}$"))).to_be_visible()
    page.wait_for_url(lambda url: "dataset=" in url and "dataset=synthetic" not in url)
    chosen = param(page, "dataset")
    page.get_by_role("link", name="Home").first.click()
    expect(page.get_by_role("heading", name=HOME)).to_be_visible()
    settled(page)
    expect(page.get_by_text(f"{items} items")).to_be_visible()
    page.reload()
    settled(page)
    named_in_address(page, dataset=chosen)
    expect(page.get_by_text(f"{items} items")).to_be_visible()


def test_a_bad_path_gets_one_sentence_and_leaves_what_was_loaded(page, app):
    load_from(page, app, "/etc")
    expect(page.get_by_text("lies outside the folders this server may read")).to_be_visible()
    named_in_address(page, dataset="synthetic")
    assert page.get_by_text("Traceback").count() == 0
