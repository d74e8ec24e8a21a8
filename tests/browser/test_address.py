"""The address in a real browser: it names what is shown, and writing it leaves Back alone."""

import re

import pytest

from tests.browser.conftest import named_in_address, settled, visit, visiting


def history_length(page) -> int:
    return page.evaluate("history.length")


@pytest.mark.parametrize("start", ["", "codebooks?level=99", "tree?branch=3"])
def test_a_first_visit_completes_its_address_without_a_history_entry(page, app, start):
    page.goto("about:blank")
    page.goto(f"{app.url}/{start}")
    settled(page)
    named_in_address(page, dataset="synthetic", run="demo-small")
    page.wait_for_function("new URL(location.href).searchParams.get('level') !== '99'")
    page.go_back()
    page.wait_for_url("about:blank")


def test_a_narrow_screen_with_its_sidebar_shut_completes_its_address_too(profile, app):
    with visiting(profile, 420, 900) as page:
        page.goto("about:blank")
        page.goto(f"{app.url}/catalogue")
        settled(page)
        page.wait_for_url("**dataset=synthetic**")
        page.go_back()
        page.wait_for_url("about:blank")


def test_back_leaves_a_page_that_rewrote_its_address(page, app):
    page.goto(f"{app.url}/catalogue")
    settled(page)
    page.wait_for_url("**run=demo-small**")
    before = page.url
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Codebooks").click()
    page.wait_for_url("**/codebooks**")
    settled(page)
    long = history_length(page)
    box = page.get_by_role("spinbutton", name="Code")
    for code in ("7", "9"):
        box.fill(code)
        box.press("Enter")
        page.wait_for_url(f"**code={code}**")
        settled(page)
    page.get_by_role("radio", name="2", exact=True).click()
    page.wait_for_url("**level=2**")
    page.get_by_role("heading", name=re.compile("^Level 2, code")).wait_for()  # the server was told
    settled(page)
    assert history_length(page) == long
    page.go_back()
    page.wait_for_url(before)  # with what the page completes after it is drawn
    settled(page)
    assert page.url == before


def test_a_page_is_left_while_a_component_tells_what_was_chosen(page, app):
    for after_ms in (0, 250, 300, 350, 450):
        visit(page, app, "codebooks?level=1")
        page.get_by_role("radio", name="2", exact=True).click()
        page.wait_for_timeout(after_ms)
        page.get_by_test_id("stSidebarNav").get_by_role("link", name="Home").click()
        page.get_by_role("heading", name=re.compile("semantic ID")).wait_for()
        settled(page)


def test_a_link_to_the_page_it_stands_on_changes_the_address(page, app):
    visit(page, app, "train?path=2&recipe=healthy")
    page.get_by_role("link", name="Next: Watch it collapse").click()
    page.wait_for_url("**path=3**")
    settled(page)
    page.get_by_test_id("stMain").get_by_text("Too few codes", exact=True).click()
    page.get_by_text("there are too few combinations").wait_for()
    settled(page)  # a rerun reads the address of the browser
    named_in_address(page, path="3")
    page.get_by_text("3 of 7").wait_for()
