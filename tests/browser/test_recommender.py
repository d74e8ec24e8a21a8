"""The Recommender page in a browser: a model is trained live, measured, and stands in the table."""

from playwright.sync_api import expect

from tests.browser.conftest import SLOW_MS


def test_a_model_trains_live_and_joins_the_table(app, page):
    page.goto(f"{app.url}/recommender")
    expect(page.get_by_text("What it recommends")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("Test item of all 4,000 users")).to_be_visible()
    page.get_by_text("Train a recommender").click()
    page.get_by_text("Popularity", exact=True).click()
    expect(page.get_by_text("train popularity")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("0.0643")).to_be_visible(timeout=SLOW_MS)  # recall@10, seen items excluded
    expect(page.get_by_text("Held-out item:")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("radio", name="Compare").or_(page.get_by_role("button", name="Compare")).first.click()
    expect(page.get_by_text("Popularity for 6.4 %, the fewest")).to_be_visible(timeout=SLOW_MS)
    page.goto(f"{app.url}/recommender?view=Cost")
    expect(page.get_by_text("a generative request costs the same")).to_be_visible(timeout=SLOW_MS)
