"""The lab's main job in a real browser: train, turn a knob, pause, step, go on, stop, resume, reload; and look on."""

import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import settled
from tests.browser.training import begin, press, read, run_folder, state_is
from tests.support.training import wait_for
from tiger.datasets import registry


def known(app, monkeypatch, shared_data, name: str) -> str:
    """Put one of the real data sets into the app's library, as loading it on the Catalogue page does."""
    monkeypatch.setenv("TIGER_HOME", str(app.home))
    ref = {"name": "recbole", "params": {"path": str(shared_data / name)}, "embedding": {"method": "tfidf"}}
    return registry.add(ref, name).id


def watch_and_steer(page, app, dataset: str) -> None:
    """The whole main job on one dataset."""
    folder = begin(page, app, dataset)
    expect(page.locator("[data-testid=stVegaLiteChart]")).to_have_count(4)
    expect(page.get_by_text(re.compile(r"step [\d,]+ of 20,000"))).to_be_visible()

    beta = page.locator(".st-key-live_params").get_by_label("Beta", exact=True)
    beta.fill("1.5")
    beta.press("Enter")
    knobs = wait_for(lambda: [line for line in map(json.loads, (folder / "events.jsonl").read_text().splitlines())
                              if "live_param" in line], "the changed beta in the log")
    assert [(line["live_param"], line["value"]) for line in knobs] == [("beta", 1.5)]

    press(page, "Pause")
    paused = state_is(folder, "paused")
    expect(page.locator(".st-key-run_head")).to_contain_text("paused")
    press(page, "Step one batch")
    stepped = wait_for(lambda: (about := read(folder, "status.json"))["step"] == paused["step"] + 1
                       and about["state"] == "paused" and about, "one more step")
    expect(page.get_by_text(f"The batch of step {stepped['step']:,}, level by level")).to_be_visible()
    expect(page.locator(".chart")).to_have_count(1)  # the batch's bars
    expect(page.locator("[data-testid=stPlotlyChart]")).to_have_count(1)  # its residuals as strips

    press(page, "Resume")
    wait_for(lambda: read(folder, "status.json")["step"] > stepped["step"] + 1, "more steps")
    press(page, "Stop")
    stopped = state_is(folder, "stopped")
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()

    page.reload()
    settled(page)
    assert run_folder(page, app) == folder
    expect(page.get_by_text(f"step {stopped['step']:,} of 20,000").first).to_be_visible()
    press(page, "Resume")
    wait_for(lambda: read(folder, "status.json")["step"] > stopped["step"], "steps after the resume")
    assert read(folder, "status.json")["attempt"] == 2
    press(page, "Stop")
    state_is(folder, "stopped")


@pytest.mark.shared_data
def test_the_main_job_on_real_data(page, app, monkeypatch, shared_data):
    """On Beauty; the tests below do its parts on the bundled shop."""
    watch_and_steer(page, app, known(app, monkeypatch, shared_data, "amazon-beauty"))


def x_axis(page) -> np.ndarray:
    """The loss chart's step labels as grey pixels, once they stand still; they change with the range that is shown."""
    height, seen, still = 28, b"", 0
    for _ in range(40):
        box = page.locator("[data-testid=stVegaLiteChart] canvas").first.bounding_box()
        last, seen = seen, page.screenshot(clip={**box, "y": box["y"] + box["height"] - height, "height": height})
        still = still + 1 if seen == last else 0
        if still == 3:
            break
        page.wait_for_timeout(400)
    return np.asarray(Image.open(io.BytesIO(seen)).convert("L"), np.float32)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """How different two pictures are, where a shift by a few pixels and a little more width do not count: the chart is as wide
    as the labels beside it leave it."""
    (height, width), drawn = (len(one), min(one.shape[1], other.shape[1])), Image.fromarray(other)
    stretched = [np.asarray(drawn.resize((width + more, height), box=(0, 0, width, height))) for more in range(-10, 11, 2)]
    as_wide = [np.pad(like, ((0, 0), (0, 10)), "edge")[:, :width] for like in stretched]
    return min(np.abs(one[:, :width] - np.roll(like, shift, 1)).mean() for like in as_wide for shift in range(-3, 4))


def test_the_curves_grow_in_place_and_keep_their_zoom(page, app):
    folder = begin(page, app, "synthetic")
    chart = page.locator("[data-testid=stVegaLiteChart] canvas").first
    chart.wait_for()
    wait_for(lambda: read(folder, "status.json")["step"] > 40, "forty steps")
    press(page, "Pause")  # without a zoom the axis follows the training
    step = state_is(folder, "paused")["step"]
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    page.evaluate("document.querySelectorAll('canvas').forEach(canvas => canvas.marked = true)")
    box, whole = chart.bounding_box(), x_axis(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Shift")
    for _ in range(4):
        page.mouse.wheel(0, -200)
    page.keyboard.up("Shift")
    page.mouse.move(5, 5)
    zoomed = wait_for(lambda: difference(now := x_axis(page), whole) > 1 and [now], "the zoom")[0]
    press(page, "Resume")
    wait_for(lambda: read(folder, "status.json")["step"] > step + 20, "twenty more steps")
    page.wait_for_timeout(1500)
    marks = page.evaluate("[...document.querySelectorAll('[data-testid=stVegaLiteChart] canvas')].map(c => !!c.marked)")
    assert marks == [True] * 4, "a chart was built anew"
    assert difference(x_axis(page), zoomed) < 0.5 * difference(whole, zoomed), "the zoom was lost"
    press(page, "Stop")
    state_is(folder, "stopped")


def test_a_collapse_is_named_and_the_remedy_runs_beside_it(page, app):
    folder = begin(page, app, "synthetic", "Total collapse", steps=60)
    state_is(folder, "finished")
    expect(page.get_by_text("Total collapse.").first).to_be_visible()
    page.get_by_role("link", name="Sick: ask the doctor").click()
    press_first = page.get_by_role("button", name="Start the fixed run").first
    press_first.click()
    expect(page.get_by_text("After:")).to_be_visible()
    fixed = wait_for(lambda: [path for path in (app.home / "runs").iterdir() if (path / "config.json").exists()
                              and read(path, "config.json")["parent"] == folder.name], "the fixed run")[0]
    state_is(fixed, "finished")
    expect(page.locator(".chart")).to_have_count(2)


def test_codebooks_a_click_chooses_a_code_and_the_link_keeps_it(page, app):
    page.goto(f"{app.url}/codebooks?dataset=synthetic&run=demo-rqvae")
    settled(page)
    cells = page.locator("canvas.cells")
    box = cells.bounding_box()
    cells.click(position={"x": 5.5 * box["width"] / 16, "y": 3.5 * box["height"] / 16})  # 16 x 16 cells
    page.wait_for_url(re.compile("code=53"))
    expect(page.get_by_role("heading", name="Level 1, code 53")).to_be_visible()
    page.get_by_role("radio", name="3", exact=True).check(force=True)
    expect(page.get_by_role("heading", name=re.compile(r"^Level 3 uses \d+ of 256 codes"))).to_be_visible(timeout=1000)
    expect(page.get_by_role("heading", name="Level 3, code 53")).to_be_visible()
    page.reload()
    settled(page)
    expect(page.get_by_role("heading", name="Level 3, code 53")).to_be_visible()
    expect(page.get_by_role("radio", name="3", exact=True)).to_be_checked()
    page.get_by_role("radio", name="1", exact=True).check(force=True)
    box = page.locator("canvas.bars").bounding_box()
    page.locator("canvas.bars").hover(position={"x": 47, "y": box["height"] - 50})
    expect(page.locator(".codes .tip")).to_contain_text("rank 1")


def test_codebooks_outlive_a_slow_network(page, app):
    """The browser says what it has before it hears of the runs that end in between, with which it throws old things away; and
    what its buttons save are those of a run before."""
    page.goto(f"{app.url}/codebooks?dataset=synthetic&run=demo-rqvae")
    settled(page)
    page.get_by_text("Data and export").first.click()
    csv = page.get_by_test_id("stDownloadButton").first.get_by_role("button").first
    csv.wait_for()
    settled(page)
    page.evaluate("window.lateMs = 3000")
    for level in "2321":
        page.get_by_role("radio", name=level, exact=True).check(force=True)
        page.wait_for_timeout(700)  # until its run is over; nothing of it has come yet
    with page.expect_download() as saved:
        csv.click()
    assert saved.value.suggested_filename == "usage-demo-rqvae-level-1-cells.csv"  # what is still seen
    page.get_by_role("radio", name="3", exact=True).check(force=True)
    page.wait_for_timeout(3500)  # until all of it came; and the page goes on
    settled(page)
    expect(page.get_by_role("heading", name=re.compile("^Level 3, code"))).to_be_visible()
