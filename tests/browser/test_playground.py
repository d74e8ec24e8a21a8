"""The Playground in a real browser: it plays, steps, is cured, drawn in, and returns from its address."""

import re

from tests.browser.conftest import SLOW_MS, settled, visit
from tests.support.oracles import oracle

sync_api = oracle("playwright.sync_api")


ON_THE_WAY = """() => { const roots = [...document.querySelectorAll('*')].map(one => one.shadowRoot?.querySelector('.pg'))
  const root = roots.find(Boolean) ?? document.querySelector('.pg'), at = root?.querySelector('.at').textContent
  return at?.startsWith('Replaying') && { at, query: location.search, busy: root.getAttribute('aria-busy'),
    off: [...root.querySelectorAll(':is(button, [data-set]):disabled')].map(one => one.dataset.set ?? one.classList[0]) } }"""
"""How far a replay is, and what cannot be pressed meanwhile; false where there is none."""


def facts(page) -> list[str]:
    """Step, loss, usage and the chosen point, as they are read."""
    return [page.locator(part).inner_text() for part in (".at", ".loss tbody", ".usage .levels", ".point")]


def step(page) -> int:
    return int(page.locator(".at").inner_text().removeprefix("Step ").replace(",", ""))


def button(page, name: str):
    return page.get_by_role("button", name=name, exact=True)


def test_it_plays_is_cured_and_returns_from_its_address(page, app):
    visit(page, app, "playground?scenario=far&steps=80")
    sync_api.expect(page.locator(".usage")).to_contain_text("Level 1: perplexity 1.0 of 8, 7 dead")
    page.get_by_label("Restart dead codes").check()
    for n in range(81, 84):
        button(page, "Step").click()
        sync_api.expect(page.locator(".at")).to_have_text(f"Step {n}")
    sync_api.expect(page.locator(".usage")).to_contain_text(re.compile(r"Level 1: perplexity [4-8]\.\d of 8"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("() => { const send = WebSocket.prototype.send; window.sent = 0;"
                  " WebSocket.prototype.send = function (...all) { window.sent++; return send.apply(this, all) } }")
    button(page, "▶ Play").click()
    sync_api.expect(page.locator(".at")).to_have_text(re.compile(r"^Step \d{3,}$"))
    button(page, "❚❚ Pause").click()
    assert not asked and page.evaluate("window.sent") == 0, "playing asks the server nothing"
    now = step(page)
    page.locator("figure.one canvas").focus()
    page.keyboard.press("ArrowRight")
    sync_api.expect(page.locator(".point")).to_contain_text("Point 1:")
    page.wait_for_function("location.search.includes('point=1')")
    query = page.evaluate("location.search")
    assert f"steps={now}" in query and "turns=80-restart-1" in query
    seen = facts(page)
    page.reload()
    sync_api.expect(page.locator(".at")).to_have_text(f"Step {now:,}")
    assert facts(page) == seen
    button(page, "Watch it collapse").click()
    button(page, "Cure it").click()
    sync_api.expect(page.locator(".look")).to_contain_text("Cured")
    sync_api.expect(page.locator(".usage")).to_contain_text(re.compile(r"Level 1: perplexity [5-8]\.\d of 8"))
    button(page, "❚❚ Pause").click()
    page.wait_for_function("location.search.includes('anew-1') && location.search.includes('scenario=collapse')")
    now, seen = step(page), facts(page)
    page.reload()
    sync_api.expect(page.locator(".at")).to_have_text(f"Step {now:,}")
    assert facts(page) == seen
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Lessons").click()
    settled(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Playground").click()
    sync_api.expect(page.locator(".at")).to_have_text(f"Step {now:,}")


def test_points_are_drawn_by_pointer_and_by_keys_and_kept_in_the_address(page, app):
    visit(page, app, "playground?points=drawn")
    canvas = page.locator("figure.one canvas")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 90, steps=8)
    page.mouse.up()
    canvas.focus()
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    count = int(page.locator(".drawing span").inner_text().split()[0])
    assert count >= 6
    page.wait_for_function("n => (new URLSearchParams(location.search).get('xy') ?? '').length === 3 * n", arg=count)
    seen = facts(page)
    page.reload()
    sync_api.expect(page.locator(".drawing span")).to_have_text(f"{count} of 200 points")
    assert facts(page) == seen
    button(page, "Clear").click()
    sync_api.expect(page.locator(".drawing span")).to_have_text("0 of 200 points")


def test_a_core_lesson_is_predicted_watched_revealed_changed_and_kept(page, app):
    visit(page, app, "lessons?lesson=collapse")
    sync_api.expect(page.locator("figure.two canvas")).to_be_visible()
    sync_api.expect(page.locator(".play")).to_be_hidden()
    page.get_by_text("Above 12", exact=True).click()
    page.get_by_role("button", name="Lock in and watch").click()
    sync_api.expect(page.locator(".at")).to_have_text(re.compile(r"^Step [1-9]\d"))
    before = step(page)
    page.get_by_role("button", name="Reveal what was measured").click()
    sync_api.expect(page.get_by_text("Measured: Below 4.")).to_be_visible()
    settled(page)
    assert step(page) >= before, "the picture goes on"
    page.get_by_label("Codebooks start at").select_option("kmeans")
    sync_api.expect(page.locator(".usage")).to_contain_text(re.compile(r"Level 1: perplexity [5-8]\.\d of 8"))
    page.get_by_text("No item chooses it, so no gradient moves it", exact=True).click()
    page.get_by_role("link", name="Next lesson: What restarts and a k-means start do").click()
    settled(page)
    page.reload()
    settled(page)
    sync_api.expect(page.get_by_role("radio", name="Collapse and its cause ✓")).to_be_visible()


def test_a_link_to_a_late_step_is_replayed_in_slices(page, app):
    """The page says how far it is, keeps the link, and ends where a visitor who made the last steps by hand ends."""
    visit(page, app, "playground?scenario=far&steps=2496&turns=80-restart-1_1500-beta-5")
    for n in range(2497, 2499):
        sync_api.expect(button(page, "Step")).to_be_enabled()
        button(page, "Step").click()
        sync_api.expect(page.locator(".at")).to_have_text(f"Step {n:,}")
    by_hand = facts(page)
    page.goto(f"{app.url}/playground?scenario=far&steps=2498&turns=80-restart-1_1500-beta-5")
    found = page.wait_for_function(ON_THE_WAY, timeout=SLOW_MS).json_value()
    assert re.fullmatch(r"Replaying step [0-9,]+ of 2,498", found["at"]), found
    assert set(found["off"]) == {"play", "step", "cure", "restart", "beta", "rate", "estimator"}, "what starts anew is there"
    assert found["busy"] == "true" and "steps=2498" in found["query"]
    sync_api.expect(page.locator(".at")).to_have_text("Step 2,498")
    assert facts(page) == by_hand
    sync_api.expect(page.locator(".play")).to_be_enabled()
    assert "steps=2498" in page.evaluate("location.search")


def test_a_replay_that_is_left_goes_on_when_the_visitor_is_back(page, app):
    visit(page, app, "playground?seed=3&steps=300")
    sync_api.expect(page.locator(".at")).to_have_text("Step 300")
    seen = facts(page)
    page.goto(f"{app.url}/playground?seed=3&steps=2500")
    page.wait_for_function(ON_THE_WAY, timeout=SLOW_MS)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Lessons").click()
    settled(page)
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Playground").click()
    sync_api.expect(page.locator(".at")).to_have_text("Step 2,500")
    button(page, "Reset").click()
    sync_api.expect(page.locator(".at")).to_have_text("Step 0")
    page.goto(f"{app.url}/playground?seed=3&steps=300")
    sync_api.expect(page.locator(".at")).to_have_text("Step 300")
    assert facts(page) == seen
