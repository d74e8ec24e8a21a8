"""The stage in a real browser: keys, a thing taken away, a story, and its file played offline."""

import json
import re
import urllib.parse

from playwright.sync_api import expect

from tests.browser.conftest import SLOW_MS, START, settled, visit

SIZES = ((1280, 720), (1400, 900), (1920, 1080))
BOXES = """() => { const root = document.querySelector('.stage') ?? [...document.querySelectorAll('*')]
    .map(one => one.shadowRoot?.querySelector('.stage')).find(Boolean), all = root.getBoundingClientRect()
  const rects = [...root.querySelectorAll('.card, .chip, .node[data-state=running]:not(.single), .node[data-state=aside], .next')]
    .map(one => one.getBoundingClientRect())
  const hit = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1
  return { fills: all.width === innerWidth && all.height === innerHeight, still: root.scrollHeight <= root.clientHeight + 1,
    inside: rects.every(one => one.left >= 0 && one.top >= 0 && one.right <= innerWidth && one.bottom <= innerHeight),
    apart: rects.every((one, at) => rects.slice(at + 1).every(other => !hit(one, other))), n: rects.length } }"""
"""Whether the stage fills the window without scrolling, and nothing of it lies outside or over anything else."""


def titles(page) -> list[str]:
    return page.locator(".card .title").all_inner_texts()


def test_a_story_is_told_saved_and_plays_offline(page, app, chromium, tmp_path):
    visit(page, app, f"present?{urllib.parse.urlencode({'user': 77})}")
    stage, said = page.locator(".stage"), page.locator(".said")
    expect(said).to_contain_text("things to choose from")
    steps = page.locator(".dots button").count()
    for _ in range(steps - 2):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".card")).to_have_count(5)
    for width, height in SIZES:  # all of it without scrolling, nothing over anything else
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(500)
        found = page.evaluate(BOXES)
        assert found["fills"] and found["still"] and found["inside"] and found["apart"] and found["n"] > 12, (width, found)
    page.keyboard.press("PageDown")  # a clicker's key
    expect(page.locator(".hit").first).to_contain_text("really chosen next")
    page.keyboard.press("ArrowLeft")
    page.locator(".card").first.click()
    expect(said).to_contain_text("Because of", timeout=SLOW_MS)
    before, n_chips = titles(page), page.locator(".chip").count()
    page.locator(".chip.cause .drop").click()
    expect(said).to_contain_text("Without", timeout=SLOW_MS)
    expect(page.locator(".chip")).to_have_count(n_chips - 1)
    after = titles(page)
    assert after != before and {*after} - {*before} == {*page.locator(".card.new .title").all_inner_texts()}
    page.keyboard.press("k")
    page.keyboard.press("z")
    expect(page.locator(".chip")).to_have_count(n_chips, timeout=SLOW_MS)
    assert titles(page) == before
    page.keyboard.press("Home")
    page.keyboard.press("k")
    page.keyboard.press("s")
    page.get_by_label("Name of the story").fill("The </script> story")
    page.get_by_role("button", name="Save story").click()
    expect(page.locator(".found")).to_contain_text("The </script> story", timeout=SLOW_MS)
    page.keyboard.press("Escape")  # out of the drawer, then out of the stage
    page.keyboard.press("Escape")
    expect(stage).not_to_have_class(re.compile("full"))
    settled(page)
    with page.expect_download(timeout=SLOW_MS) as download:
        page.get_by_role("button", name="Download").click()
    file = tmp_path / "story.html"
    download.value.save_as(file)
    offline = chromium.new_context(offline=True)
    asked: list[str] = []
    alone = offline.new_page()
    alone.add_init_script(START)
    alone.on("request", lambda request: asked.append(request.url))
    alone.on("pageerror", lambda error: asked.append(str(error)))
    alone.goto(file.as_uri())
    expect(alone.locator(".said")).to_contain_text("Without")
    assert titles(alone) == after and alone.locator(".drop, input").count() == 0
    alone.locator(".card").first.click()
    expect(alone.locator(".said")).to_contain_text(re.compile("Because of|No single thing"))
    alone.keyboard.press("ArrowRight")
    expect(alone.locator(".said")).to_contain_text("things to choose from")
    alone.keyboard.press("ArrowLeft")
    assert titles(alone) == after
    assert asked == [file.as_uri()], json.dumps(asked)
    offline.close()


def test_a_person_is_found_by_interests_and_built_from_nothing(page, app):
    visit(page, app, "present")
    page.keyboard.press("p")
    page.get_by_label("coffee and camping").fill("coffee and camping")
    expect(page.locator(".found li").first).to_contain_text(re.compile(r"coffee: \d+, camping: \d+"), timeout=SLOW_MS)
    page.locator(".found button").first.click()
    expect(page.locator(".who")).to_contain_text(re.compile("likes .*(Coffee and Tea|Camping)"), timeout=SLOW_MS)
    page.keyboard.press("p")
    page.get_by_role("button", name="Start with nobody").click()
    expect(page.locator(".who")).to_contain_text("Somebody new", timeout=SLOW_MS)
    page.get_by_label("words in its title").fill("kettle")
    expect(page.locator(".found b").first).to_contain_text(re.compile("kettle", re.IGNORECASE), timeout=SLOW_MS)
    for n_chips in (1, 2):
        page.locator(".found button").nth(n_chips).click()
        expect(page.locator(".chip")).to_have_count(n_chips, timeout=SLOW_MS)
    page.keyboard.press("Escape")
    expect(page.locator(".card")).to_have_count(5)
    page.locator(".chip").nth(1).focus()
    last = page.locator(".chip .title").nth(1).inner_text()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".chip .title").first).to_have_text(last, timeout=SLOW_MS)
    page.keyboard.press("l")
    expect(page.locator(".columns h3").first).to_have_text("Popularity", timeout=SLOW_MS)
    expect(page.locator(".own")).to_contain_text("1,000 requests")


def test_a_comparison_ends_when_the_last_thing_is_taken_away(page, app):
    visit(page, app, "present?who=new&items=5")
    expect(page.locator(".chip")).to_have_count(1)
    page.keyboard.press("l")
    expect(page.locator(".columns h3").first).to_have_text("Popularity", timeout=SLOW_MS)
    page.evaluate("""() => { const { send } = WebSocket.prototype; window.sent = 0
      WebSocket.prototype.send = function (...what) { window.sent += 1; return send.apply(this, what) } }""")
    page.locator(".chip .drop").click()
    expect(page.locator(".chip")).to_have_count(0, timeout=SLOW_MS)
    page.wait_for_timeout(1000)
    assert page.evaluate("window.sent") < 4, "it was asked again and again"


FOCUSED = """() => { let at = document.activeElement
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
  return at?.closest('.stage') ? at.getAttribute('aria-label') ?? at.title ?? at.innerText : `outside: ${at?.tagName}` }"""
"""The name of the stage's control that has the focus."""


def focused(page) -> str:
    return page.evaluate(FOCUSED)


def test_the_keyboard_stays_on_its_control_over_every_redraw(page, app):
    visit(page, app, f"present?{urllib.parse.urlencode({'user': 77})}")
    chips, dots, said = page.locator(".chip"), page.locator(".dots button"), page.locator(".said")
    page.keyboard.press("Home")
    for place in (2, 1):  # a step's dot
        dots.nth(place).focus()
        page.keyboard.press("Enter")
        expect(dots.nth(place)).to_be_focused()
        expect(dots.nth(place)).to_have_attribute("aria-current", "step")
    page.keyboard.press("ArrowRight")
    expect(dots.nth(1)).to_be_focused()
    page.locator(".next").focus()
    for _ in range(dots.count() - 3):
        page.keyboard.press("Enter")
    expect(page.locator(".next")).to_be_disabled()  # at the end the only way is back
    expect(page.locator(".back")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".next")).to_be_enabled()
    last = chips.count() - 1
    chips.nth(last).focus()
    title = chips.nth(last).get_attribute("title")
    for by in (1, 2):  # a chip that is moved takes the focus along
        page.keyboard.press("Alt+ArrowUp")
        expect(chips.nth(last - by)).to_have_attribute("title", title, timeout=SLOW_MS)
        expect(chips.nth(last - by)).to_be_focused()
    page.keyboard.press("Tab")
    assert focused(page) == f"Take away {title}"
    after = chips.nth(last - 1).get_attribute("title")
    page.keyboard.press("Enter")
    expect(chips).to_have_count(last, timeout=SLOW_MS)
    assert focused(page) == f"Take away {after}"
    for n in (last + 1, last + 1, last + 1):  # taken away once, moved twice
        page.locator(".tool.undo").focus()
        page.keyboard.press("Enter")
        expect(chips).to_have_count(n, timeout=SLOW_MS)
        page.wait_for_function("() => !document.querySelector('html[data-untold]')")
        settled(page)
    expect(page.locator(".tool.undo")).to_be_disabled()
    expect(page.locator(".tool.lists")).to_be_focused()
    page.locator(".tool.people").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("coffee and camping")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".tool.people")).to_be_focused()
    for full in (False, True):
        page.locator(".tool.full").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".stage.full")).to_have_count(int(full))
        expect(page.locator(".tool.full")).to_be_focused()
    page.locator(".card").nth(1).focus()
    name = page.locator(".card .title").nth(1).inner_text()
    page.keyboard.press("Enter")
    expect(said).to_contain_text(re.compile("Because of|No single thing"), timeout=SLOW_MS)
    assert page.evaluate(FOCUSED.replace("at.getAttribute('aria-label') ?? at.title ??", "")).find(name) >= 0


def test_tab_goes_through_the_cards_by_rank_once_they_have_moved(page, app):
    visit(page, app, f"present?{urllib.parse.urlencode({'user': 77})}")
    page.keyboard.press("End")
    ranks, gone = page.locator(".card .rank"), page.locator(".chip").first.get_attribute("title")
    expect(ranks).to_have_count(5)
    page.get_by_role("button", name=f"Take away {gone}").click()
    expect(page.locator(".badge", has_text="▲").first).to_be_visible(timeout=SLOW_MS)
    expect(ranks).to_have_text(["1", "2", "3", "4", "5"])


def test_after_a_click_the_space_bar_is_a_step(page, app):
    """A pointer's focus is given to the stage: the next key must not press what stands in the place of what was clicked."""
    visit(page, app, f"present?{urllib.parse.urlencode({'user': 77})}")
    dots, chips = page.locator(".dots button"), page.locator(".chip")
    dots.nth(1).click()
    page.keyboard.press("Space")
    expect(dots.nth(2)).to_have_attribute("aria-current", "step")
    n_chips = chips.count()
    chips.first.locator(".drop").click()
    expect(chips).to_have_count(n_chips - 1, timeout=SLOW_MS)
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(dots.nth(1)).to_have_attribute("aria-current", "step")
    settled(page)
    expect(chips).to_have_count(n_chips - 1)
