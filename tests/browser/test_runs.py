"""The Runs page in a browser: rows are ticked, compared, renamed and deleted; a second opinion is taken away."""

import shutil

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SLOW_MS, settled
from tests.support.made_runs import finished
from tiger import runs


@pytest.fixture
def three(app, monkeypatch):
    monkeypatch.setenv("TIGER_HOME", str(app.home))
    made = [finished(f"beta {beta:g}", beta=beta, seed=seed) for beta, seed in ((0.25, 0), (0.25, 1), (25.0, 0))]
    yield made
    for run in made:
        shutil.rmtree(run.path, ignore_errors=True)


def test_ticked_runs_are_compared_and_one_is_renamed(app, page, three):
    page.goto(f"{app.url}/runs?find=beta+codes&kind=IDs")
    expect(page.get_by_text("3 of ")).to_be_visible(timeout=SLOW_MS)
    settled(page)
    table = page.get_by_test_id("stDataFrame").first
    box = table.bounding_box()
    for row in range(3):
        page.mouse.click(box["x"] + 16, box["y"] + 35 + 35 * row + 17)
        settled(page)
    expect(page.get_by_text("3 chosen")).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_text("Loss ends at 1 in all of them").first).to_be_visible(timeout=SLOW_MS)
    assert page.url.count("rqvae-") == 3
    page.goto(f"{app.url}/runs?runs={three[2].id}")
    page.get_by_role("button", name="Edit").click(timeout=SLOW_MS)
    page.get_by_label("Name", exact=True).fill("The strong one")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="The strong one")).to_be_visible(timeout=SLOW_MS)
    assert runs.find(three[2].id).title == "The strong one"
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Tick the box at the left")).to_be_visible(timeout=SLOW_MS)
    assert not three[2].path.exists()


def test_a_second_opinion_is_taken_away_as_a_file_that_opens_without_a_network(app, page, tmp_path):
    page.goto(f"{app.url}/runs?runs=demo-small,demo-rqvae&view=Second+opinion")
    expect(page.get_by_text("B has fewer collisions")).to_be_visible(timeout=SLOW_MS)
    settled(page)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Report as HTML").click()
    saved.value.save_as(tmp_path / "report.html")
    page.goto((tmp_path / "report.html").as_uri())  # whatever it asked another machine for would fail this test
    expect(page.get_by_role("heading", name="Second opinion: Demo: 5 levels of 16 codes")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.get_by_text("python -m tiger compare demo-small demo-rqvae")).to_be_visible()
