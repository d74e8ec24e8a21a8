"""The keyboard stays where it was when a page is drawn again, and moves on where its button has nothing left to do."""

from tests.browser.conftest import settled, visit

FOCUSED = """() => { let at = document.activeElement
  while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement
  const words = at.getAttribute('aria-label') ?? at.innerText.split('\\n').pop()
  return `${at.getAttribute('role') ?? at.type ?? at.tagName} ${words}` }"""


CONTROLS = {
    "catalogue": [("radio", "Shape", "Enter")],
    "codebooks": [("radio", "2", "Enter"), ("slider", "Step", "ArrowLeft")],
    "tree": [("slider", "Levels to compare", "ArrowRight"), ("radio", "Sunburst", "Enter")],
    "beam?at=1": [("spinbutton", "Beam width", "ArrowUp"), ("radio", "Why", "Enter"), ("button", "Random user", "Enter")]}


def test_focus_stays(page, app):
    for path, controls in CONTROLS.items():
        visit(page, app, path)
        for role, name, key in controls:
            control = page.get_by_test_id("stMain").get_by_role(role, name=name).first
            control.focus()
            before = page.evaluate(FOCUSED)
            assert not before.startswith("BODY")
            page.keyboard.press(key)
            page.wait_for_timeout(150)  # until the script has begun
            settled(page)
            assert page.evaluate(FOCUSED) == before, f"{path}: {name}"


def test_focus_moves_on_from_a_button_that_is_disabled_by_its_own_press(page, app):
    visit(page, app, "tree?planes=19")
    more = page.get_by_role("button", name="One more")
    more.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.st-key-plane_more button').disabled")
    page.wait_for_function("document.activeElement !== document.body")
    assert page.evaluate("document.activeElement.closest('[data-testid=stMain]') !== null")
