"""Drift, Cold items, Diversity and Lessons in a real browser: bundled results, a study watched, a report taken away."""

import json
import re

from playwright.sync_api import expect

from tests.browser.conftest import settled
from tests.support.training import wait_for

DRIFT = "What happens to the IDs when the embeddings change?"


def test_the_first_visit_shows_a_measured_trade_off_and_every_view(page, app):
    page.goto(f"{app.url}/drift")
    expect(page.get_by_role("heading", name=DRIFT)).to_be_visible()
    expect(page.get_by_text(re.compile("changes the fewest IDs")).first).to_be_visible()
    expect(page.locator(".chart").first).to_be_visible()
    page.get_by_text("Code transitions", exact=True).click()
    expect(page.locator(".sankey").first).to_be_visible()
    page.get_by_text("Old recommender", exact=True).click()
    expect(page.get_by_text(re.compile("Before the drift the recommender's recall@10 is"))).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Report as HTML").click()
    text = saved.value.path().read_text(encoding="utf-8")
    assert "Plotly.newPlot" in text and 'src="http' not in text


def test_a_study_is_started_watched_and_its_numbers_appear(page, app):
    page.goto(f"{app.url}/drift")
    settled(page)
    page.get_by_text("Compare remedies with your own settings").click()
    for label, value in (("Strengths", "1"), ("Remedies", "2, 7")):
        box = page.get_by_role("textbox", name=label, exact=True)
        box.fill(value)
        box.press("Enter")
        settled(page)
    page.get_by_test_id("stMain").locator("summary").filter(has_text=re.compile("^.*recommender$", re.IGNORECASE)).last.click()
    page.get_by_test_id("stCheckbox").get_by_text("Recommender", exact=True).click()  # off: two remedies that train nothing
    settled(page)
    before = set(app.home.glob("runs/*/status.json"))
    page.get_by_role("button", name="Compare remedies", exact=True).click()
    [own] = wait_for(lambda: set(app.home.glob("runs/*/status.json")) - before, "the study to be made")
    wait_for(lambda: json.loads(own.read_text())["state"] == "finished", "the study to finish")
    expect(page).to_have_url(re.compile(f"study={own.parent.name}"))
    settled(page)
    expect(page.locator(".stMarkdownBadge", has_text="finished").first).to_be_visible()
    expect(page.get_by_text(re.compile("At strength 1, ")).first).to_be_visible()


def test_lessons_ask_first_and_fit_a_narrow_screen(page, app):
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{app.url}/lessons?lesson=rotation")
    settled(page)
    expect(page.get_by_text("Predict first")).to_be_visible()
    page.get_by_text("More than four fifths", exact=True).click()
    expect(page.get_by_text(re.compile("of the IDs changed"))).to_be_visible()
    expect(page.get_by_text("Remember:")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_running_a_lesson_here_shows_it_once_and_leaves_the_study_page_alone(page, app):
    page.goto(f"{app.url}/lessons?lesson=rotation")
    settled(page)
    page.get_by_text("More than four fifths", exact=True).click()
    before = set(app.home.glob("runs/*/status.json"))
    page.get_by_role("button", name="Run it here").dblclick()
    expect(page).to_have_url(re.compile("study=drift-"))
    [own] = wait_for(lambda: set(app.home.glob("runs/*/status.json")) - before, "the study to be made")
    expect(page.get_by_role("heading", name="Lesson: A rotation of all vectors")).to_be_visible()
    wait_for(lambda: json.loads(own.read_text())["state"] == "finished", "the study to finish")
    expect(page.get_by_text("The numbers above were measured here.")).to_be_visible()
    assert set(app.home.glob("runs/*/status.json")) - before == {own}, "one study for two clicks"
    page.goto(f"{app.url}/drift")
    settled(page)
    expect(page.get_by_role("heading", name=re.compile("^Lesson"))).to_have_count(0)
