"""A sweep in a browser: it is asked for in the form, trains, and says what mattered."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import SLOW_MS, settled, visit
from tests.support.training import wait_for
from tiger import runs


def test_a_tiny_sweep_is_started_and_its_result_seen(app, page, monkeypatch):
    visit(page, app, "runs?kind=Sweeps")
    page.get_by_text("Start a sweep").click()
    settled(page)
    page.get_by_label("What trains").click()
    page.get_by_role("option", name="Residual k-means", exact=True).click()
    settled(page)
    page.get_by_label("Hyper-parameters to vary").click()
    page.get_by_role("option", name="Codes", exact=True).click()
    page.keyboard.press("Escape")
    settled(page)
    values = page.get_by_label("Codes: values", exact=True)
    values.fill("1, 8")
    values.press("Enter")
    expect(page.get_by_text("is 1, but must be between 2 and")).to_be_visible(timeout=SLOW_MS)
    values.fill("4, 16")
    values.press("Enter")
    page.get_by_label("Seeds", exact=True).fill("0-2")
    page.get_by_label("Seeds", exact=True).press("Enter")
    expect(page.get_by_text("6 runs (2 settings × 3 seeds)")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("button", name="Start sweep").click()
    expect(page.get_by_text("6 of 6 runs begun: 6 finished.")).to_be_visible(timeout=SLOW_MS)
    settled(page)
    expect(page.get_by_text(re.compile("Codes mattered most: it explains .* and is best at 16"))).to_be_visible(timeout=SLOW_MS)
    expect(page.locator(".chart")).to_have_count(1)
    page.get_by_role("button", name="Compare its runs").click()
    expect(page.get_by_text("6 chosen")).to_be_visible(timeout=SLOW_MS)
    monkeypatch.setenv("TIGER_HOME", str(app.home))
    run = max((run for run in runs.list_runs() if run.config.kind == "sweep"), key=lambda run: run.config.created_s)
    assert run.config.sweep.grid == {"n_codes": [4, 16]} and run.config.sweep.seeds == [0, 1, 2]
    wait_for(lambda: run.state == "finished", "the end of the sweep")
