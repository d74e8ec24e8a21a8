"""Map, Tree and import in a real browser: clicks, lasso, links in another browser, the keyboard, axe on every page."""

import os
import re
import time
import urllib.parse

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import named_in_address, param, settled, visit, visiting
from tests.support.oracles import oracle
from tests.support.training import wait_for
from tiger import datasets, quantizers
from tiger.datasets import registry
from tiger.runs import import_run
from tiger.semantic_ids import import_ids
from tiger.ui.shared import address, pagelist

CANVAS = """[...document.querySelectorAll('[data-testid=stMain] *')]
  .map(one => one.shadowRoot?.querySelector('canvas.items')).find(Boolean)"""
MARKS = f"""() => {{
  const canvas = {CANVAS}, {{x, y, points}} = canvas.map, box = canvas.getBoundingClientRect(), each = canvas.width / box.width
  const all = Array.from(points.item, (item, i) => [box.left + x[i] / each, box.top + y[i] / each, item])
  const seen = all.filter(a => a[0] > box.left + 20 && a[0] < box.right - 20
    && a[1] > box.top + 50 && a[1] < Math.min(box.bottom, innerHeight) - 20)
  const near = (a, b) => Math.abs(a[0] - b[0]) < 16 && Math.abs(a[1] - b[1]) < 16
  return seen.filter(a => !all.some(b => b[2] !== a[2] && near(a, b))).slice(0, 8) }}"""
"""Marks that stand alone: where on the page, and whose item."""
FOCUSED = """() => { let at = document.activeElement;
  while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
  return at.labels?.[0]?.innerText || at.getAttribute('aria-label') || at.innerText
    || at.closest('[data-testid]')?.dataset.testid || '' }"""
UNFOLD = "() => document.querySelectorAll('[data-testid=stMain] details:not([open]) > summary').forEach(one => one.click())"
OVERHANG = "() => (main => main.scrollWidth - main.clientWidth)(document.querySelector('[data-testid=stMain]'))"
WIDE, NARROW = {"width": 1400, "height": 1000}, {"width": 390, "height": 900}
STILL = """*, *::before, *::after { transition: none !important; animation: none !important }
  [data-stale=true] { opacity: 1 !important }"""
VIEWS = {
    "catalogue": [{"show": view} for view in ("Users", "Shape", "Load own data")],
    "codebooks": [{"view": view} for view in ("Collisions", "One item's walk")],
    "map": [{"axes": "3-D", "group": "3-4-5"}],
    "tree": [*({"view": view} for view in ("Numbers", "Disagreements", "Difference")), {"against": "Categories"}],
    "recommender": [{"view": view} for view in ("Compare", "Beam width", "Cost")],
    "beam": [*({"look": look, "at": "2"} for look in ("Step by step", "Why", "Recommendations")),
             {"look": "Before and after", "at": "2", "width": "4", "was": "~~~"}],
    "present": [{"scene": "5"}],
    "drift": [*({"view": view} for view in (*address.DRIFT_VIEW.options[1:3], address.DRIFT_VIEW.options[4])),
              {"view": address.DRIFT_VIEW.options[3], "study": "demo-schedule"}],
    "lessons": [{"lesson": "residuals", "told": "1"}, {"lesson": "code", "told": "0-r-0"},
                {"lesson": "beam", "told": "1-r"}],
    "diversity": [{"view": address.DIVERSITY_VIEW.options[1]}],
    "runs": [{"runs": "demo-small,demo-rqvae", "view": "Second opinion"}],
    "exchange": [{"exchange": view} for view in ("Import vectors", "Import codebooks", "Export")]}
"""Every further view of the pages."""
VIEW = f"() => ({{...{CANVAS}.map.view}})"
PIXELS = f"() => {CANVAS}.toDataURL()"


def opened(page, app, path: str, **params: str) -> None:
    visit(page, app, f"{path}?{urllib.parse.urlencode(params)}")


def drawn(page, selector: str = ".chart") -> None:
    """Wait for the first figure."""
    page.wait_for_selector(selector)
    settled(page)


def heading(page) -> str:
    return page.locator("[data-testid=stMain] h3").first.inner_text()


def click_mark(page, mark) -> None:
    """Point at a mark as a person does, then click it; the address names its item."""
    x, y, item = mark
    page.mouse.move(x - 3, y - 3)
    page.mouse.move(x, y)
    page.wait_for_timeout(150)
    page.mouse.click(x, y)
    page.wait_for_function("item => new URL(location.href).searchParams.get('item') === String(item)", arg=item)
    settled(page)


def elsewhere(profile, url: str):
    """The same address in a window that knows nothing of this one: no cookie, and nothing kept by the page."""
    other = profile.new_page()
    other.set_viewport_size({"width": 1400, "height": 1000})
    profile.clear_cookies()
    other.add_init_script("localStorage.clear(); sessionStorage.clear()")
    other.goto(url)
    settled(other)
    return other


def test_the_map_in_the_browser_and_its_link_elsewhere(page, app, profile):
    """Everything on one visit, since a visit is what takes long: keys, colours, zoom, clicks, lasso, and the link."""
    sent: list[float] = []
    page.on("websocket", lambda wire: wire.on("framesent", lambda _: sent.append(time.monotonic())))
    opened(page, app, "map", layout="PCA")
    drawn(page, "canvas.items")
    all_on_the_map_can_be_reached_by_tab(page)
    page.get_by_role("slider", name="Coloured by the first").scroll_into_view_if_needed()
    before, pixels = len(sent), page.evaluate(PIXELS)
    page.get_by_role("radio", name="Category").check(force=True)
    page.wait_for_function(f"before => ({PIXELS})() !== before", arg=pixels, timeout=5_000)
    assert param(page, "colour") == "Category" and len(sent) == before  # in other colours, and nothing was asked
    expect(page.get_by_text(re.compile("stand for the .* top categories"))).to_be_visible()
    page.get_by_role("radio", name="ID prefix").check(force=True)
    page.get_by_role("slider", name="Coloured by the first").press("ArrowRight")
    assert param(page, "level") == "2" and param(page, "colour") is None
    settled(page)
    assert len(sent) > before  # the server was told
    middle = page.evaluate(MARKS)[0]
    page.mouse.move(middle[0], middle[1])
    page.mouse.wheel(0, -300)
    page.wait_for_function(f"({VIEW})().zoom > 1.5")
    page.wait_for_timeout(300)  # until it stands still
    view = page.evaluate(VIEW)
    first, second = page.evaluate(MARKS)[:2]
    for mark in (first, second, first):  # an item that was clicked before can be clicked again
        click_mark(page, mark)
        assert page.evaluate(VIEW) == view
    shown = heading(page)
    assert shown == datasets.load("synthetic").items["title"][first[2]]
    a_box_lists_its_items(page)
    page.get_by_text("Latent", exact=True).click()
    page.wait_for_url("**space=Latent*")
    settled(page)
    expect(page.get_by_text("PCA of the latent vectors").first).to_be_visible()
    other = elsewhere(profile, page.url)
    assert heading(other) == shown
    expect(other.get_by_text(re.compile("PCA of the latent vectors .* shades for level 2")).first).to_be_visible()
    other.close()
    link = f"item={first[2]}&group={param(page, 'group')}"
    for path in ("codebooks?view=One+item%27s+walk", "catalogue?"):
        visit(page, app, f"{path}&{link}")
        expect(page.get_by_role("heading", name=shown).first).to_be_visible()


def a_box_lists_its_items(page) -> None:
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Box").click()
    box = page.locator("canvas.items").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + min(box["height"], 900 - box["y"]) / 2
    page.mouse.move(x - 90, y - 90)
    page.mouse.down()
    page.mouse.move(x, y, steps=4)
    page.mouse.move(x + 90, y + 90, steps=4)
    page.mouse.up()
    page.wait_for_url("**group=*")
    settled(page)
    expect(page.get_by_text(re.compile(r"^\d+ items from the lasso$"))).to_be_visible()


def all_on_the_map_can_be_reached_by_tab(page) -> None:
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(FOCUSED).strip())
    words = " | ".join(reached)
    for wanted in ("Input", "PCA", "2-D", "Coloured by the first", "Lasso", "PCA of the input", "Search items", "Step",
                   "Data and export"):
        assert wanted in words, f"'{wanted}' is not among {words}"


CUT = """slider => { const canvas = slider.getRootNode().querySelector('[data-side=own] canvas'), before = canvas.toDataURL()
  slider.stepUp()
  slider.dispatchEvent(new Event('input'))
  return canvas.toDataURL() !== before && new URL(location.href).searchParams.get('level') }"""
"""One level more: what is drawn and what the address says before anybody else can have had a turn."""


def test_trees_change_levels_in_the_browser_a_branch_opens_and_the_link_opens_the_same_tree(page, app, profile):
    opened(page, app, "tree", level="2")
    own = page.locator("[data-side=own] canvas")
    assert page.get_by_role("slider", name="Levels to compare").evaluate(CUT) == "3"
    assert "after 12 hyperplanes" in page.locator("[data-side=other] canvas").get_attribute("aria-label")
    expect(page.get_by_text("After 12 hyperplanes")).to_be_visible()  # the server is told
    place = own.evaluate("""canvas => { const { view } = canvas.tree, { box } = view.tops[0]
      return { prefix: view.tops[0].prefix, x: box.x + box.w / 2, y: box.y + box.h / 2 } }""")
    own.click(position={"x": place["x"], "y": place["y"]})
    page.wait_for_url(f"**branch={place['prefix']}*")
    settled(page)
    expect(page.get_by_text(re.compile(rf"^Branch {place['prefix']}: [\d,]+ items"))).to_be_visible()
    expect(page.locator(f"[data-side=own] canvas[aria-label*='below branch {place['prefix']}:']")).to_be_visible()
    for key in ("ArrowDown", "ArrowRight", "Enter"):  # the first branch, the first one below it; it opens
        own.press(key)
    page.wait_for_url(re.compile(rf"branch={place['prefix']}-\d+-\d+"))
    settled(page)
    page.get_by_role("button", name="One more").click()
    page.wait_for_url("**planes=13*")
    page.get_by_role("radio", name="Sunburst").check(force=True)
    page.wait_for_url("**drawn=Sunburst*")
    settled(page)
    named_in_address(page, planes="13", drawn="Sunburst")
    shown = param(page, "branch")
    other = elsewhere(profile, page.url)
    expect(other.get_by_text("After 13 hyperplanes").first).to_be_visible()
    expect(other.get_by_text(re.compile(rf"^Branch {shown}: [\d,]+ items"))).to_be_visible()
    expect(other.get_by_role("radiogroup", name="Chart type").get_by_role("radio", name="Sunburst")).to_be_checked()
    other.close()


@pytest.fixture(scope="module")
def axe():
    """The accessibility checker; without it the tests are skipped, in CI they fail."""
    reason = "axe-playwright-python is missing; install requirements-dev.txt"
    return oracle("axe_playwright_python.sync_playwright", reason).Axe()


@pytest.fixture(scope="module")
def visitor(app, profile):
    """One window for the look at all pages: to load the app anew for each of them would take longer than the looking."""
    with visiting(profile) as page:
        yield page


@pytest.mark.parametrize("key", [entry.key for entry in pagelist.PAGES])
def test_every_view_is_accessible_fits_its_window_and_asks_no_other_machine(app, axe, visitor, key):
    """In both themes, wide and narrow; ``visiting`` sees to foreign requests."""
    page = visitor
    try:
        opened(page, app, "" if key == "home" else key, dataset="synthetic")
        examine(axe, page, "the page in light")
        page.set_viewport_size(WIDE)
        turn(page, "dark")
        page.wait_for_timeout(250)
        page.keyboard.press("r")  # the script runs anew and learns of the dark
        settled(page)
        found = serious(axe, page, {"runOnly": ["color-contrast"]})
        assert not found, "\n".join(["in dark", *found])
        turn(page, "light")
        for address in VIEWS.get(key, []):
            opened(page, app, key, **address)
            examine(axe, page, str(address))
    except BaseException:
        page.goto("about:blank")  # the next look begins anew, in light
        page.emulate_media(color_scheme="light")
        raise


def turn(page, scheme: str) -> None:
    """Switch the theme, and wait until it is drawn."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function("scheme => getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme === scheme",
                           arg=scheme)


def examine(axe, page, which: str) -> None:
    """Nothing that axe calls serious, and nothing over the edge, of what is shown and of what can be unfolded.

    Wide and narrow, beginning with the width that the window has and ending with the other: to draw all anew for another width
    takes as long as to look.
    """
    page.add_style_tag(content=STILL)  # things fade in, and half transparent text, as of a run before, has little contrast
    page.evaluate(UNFOLD)
    settled(page)
    assert page.get_by_test_id("stAlert").filter(has_text="failed").count() == 0, which
    for size in sorted((WIDE, NARROW), key=lambda size: size != page.viewport_size):
        page.set_viewport_size(size)
        wait_for(lambda: page.evaluate(OVERHANG) <= 0, f"{which} to fit {size['width']} pixels", 5)
        if size == WIDE:
            found = serious(axe, page)
            assert not found, "\n".join([which, *found])


def serious(axe, page, options: dict | None = None) -> list[str]:
    """What axe finds that would shut somebody out."""
    context = {"exclude": ["[data-testid=stSidebarNavItems]"]}  # Streamlit 1.67 puts a section's links into a div in the list
    hits = axe.run(page, context=context, options={"resultTypes": ["violations"]} | (options or {})).response["violations"]
    return [f"{hit['id']}: {node['html'][:160]}" for hit in hits if hit["impact"] in ("serious", "critical")
            for node in hit["nodes"][:3]]


@pytest.mark.shared_data
def test_letters_ids_load_onto_beauty_by_upload_and_every_page_shows_them(page, app, shared_data, monkeypatch):
    monkeypatch.setenv("TIGER_HOME", str(app.home))
    cat = datasets.load("recbole", path=str(shared_data / "amazon-beauty"))
    entry = registry.add(cat.source, "Beauty")
    opened(page, app, "exchange", dataset=entry.id)
    page.get_by_test_id("stFileUploader").locator("input[type=file]").set_input_files(
        shared_data / "letter-beauty" / "Beauty.index.json")
    expect(page.get_by_text("12,101 of 12,101 items have an ID of 4 codes")).to_be_visible(timeout=90_000)
    page.get_by_role("button", name="Save as a run").click()
    page.wait_for_url("**run=import-*", timeout=60_000)
    settled(page)
    expect(page.get_by_text("was imported.")).to_be_visible()
    run = param(page, "run")
    for path in ("map", "tree", "codebooks", "doctor"):
        opened(page, app, path, run=run)
        assert page.get_by_test_id("stAlert").filter(has_text="failed").count() == 0, path
        if path in ("map", "tree"):
            drawn(page, {"map": "canvas.items", "tree": "[data-side=own] canvas"}[path])
    opened(page, app, "map", run=run, item="4711")
    drawn(page, "canvas.items")
    expect(page.get_by_text("PCA of the input vectors of 12,101 items").first).to_be_visible()
    click_mark(page, page.evaluate(MARKS)[0])


@pytest.mark.shared_data
def test_movielens_map_and_tree(page, app, shared_data, tmp_path, monkeypatch):
    monkeypatch.setenv("TIGER_HOME", os.fspath(app.home))
    cat = datasets.load("recbole", path=str(shared_data / "ml-100k"))
    registry.add(cat.source, "MovieLens 100K")
    np.save(tmp_path / "lsh.npy", quantizers.create("lsh", n_codes=16, seed=1).fit(cat.embedding_IE).encode(cat.embedding_IE))
    run = import_run.keep(import_ids(tmp_path / "lsh.npy", cat, "number", 16), cat, "LSH of another seed")
    opened(page, app, "map", run=run.id)
    drawn(page, "canvas.items")
    click_mark(page, page.evaluate(MARKS)[0])
    opened(page, app, "tree", run=run.id, view="Numbers")
    drawn(page)
    expect(page.get_by_text("LSH of another seed: n = 1")).to_be_visible()
    opened(page, app, "tree", run=run.id, against="Categories", view="Difference")
    expect(page.get_by_text(re.compile(r"^[\d,]+ items moved at level 1"))).to_be_visible()


def test_trees_are_drawn_anew_in_a_window_of_another_height(page, app):
    opened(page, app, "tree", drawn="Sunburst")
    canvas = page.locator("[data-side=own] canvas")
    before = canvas.evaluate("canvas => canvas.height")
    page.set_viewport_size({"width": 1400, "height": 760})
    wait_for(lambda: canvas.evaluate("canvas => canvas.height === canvas.clientHeight ? canvas.height : 0") not in (0, before),
             "trees of the new height")
