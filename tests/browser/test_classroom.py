"""A class in real browsers: three visitors and a teacher at once, each with their own runs; a server and a worker are killed."""

import contextlib
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SLOW_MS, START, named_in_address, settled, stop
from tests.browser.training import begin, kill, press, read, state_is
from tests.support.training import wait_for


@pytest.fixture
def browsers(chromium):
    """Browsers of different people, who share no cookies."""
    with contextlib.ExitStack() as opened:
        def begin():
            context = opened.enter_context(chromium.new_context(viewport={"width": 1400, "height": 900}))
            context.set_default_timeout(SLOW_MS)
            context.add_init_script(START)
            return context.new_page()
        yield begin


def join(page, url: str, name: str, code: str) -> None:
    page.goto(url)
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Code of the class").fill(code)
    page.get_by_role("button", name="Join").click()
    settled(page)


def test_visitors_have_their_own_runs_the_teacher_sees_all_and_no_crash_loses_anything(serve, browsers, tmp_path):
    often = {"TIGER_CHECKPOINT_S": "0.5"}
    app = serve(tmp_path / "home", env=often, words=("--class",))
    log = app.log.read_text()
    code, key = re.search(r"\(code (\w{6})\)", log)[1], re.search(r"/teach/(\S+)", log)[1]
    ada, bob, cid, teacher = browsers(), browsers(), browsers(), browsers()
    join(ada, f"{app.url}/train", "Ada", code)
    ada.wait_for_url(lambda url: url.startswith(f"{app.url}/train") and code not in url)
    expect(ada.get_by_test_id("stSidebar")).to_contain_text("You are Ada")
    folder = begin(ada, app, "synthetic")
    run = folder.name
    press(ada, "Pause")  # until the others have joined
    paused = state_is(folder, "paused")

    join(bob, f"{app.url}/train?run={run}", "Bob", code)
    expect(bob.get_by_text(f"No run '{run}' exists here")).to_be_visible()
    bob.wait_for_url(re.compile(r"[?&]run=demo"))

    join(cid, f"{app.url}/lessons?lesson=code", "Cid", code)
    cid.get_by_text("More than a half", exact=True).click()
    cid.get_by_role("button", name="Lock in and watch").click()
    expect(cid.locator(".at")).to_have_text(re.compile(r"^Step [1-9]"))
    cid.evaluate("window.requestAnimationFrame = () => 0")  # the picture stands still; sixty a second take the others' time

    teacher.goto(f"{app.url}/teach/{key}")
    settled(teacher)
    teacher.goto(f"{app.url}/train?run={run}")
    settled(teacher)
    named_in_address(teacher, run=run)
    assert key not in teacher.url
    teacher.get_by_role("link", name="Class", exact=True).click()
    settled(teacher)
    expect(teacher.get_by_test_id("stMetric").filter(has_text="Here now")).to_contain_text("3 of 3")
    tiles = teacher.locator(".tc-tile")
    expect(tiles.filter(has_text="Ada")).to_contain_text("Healthy: k-means init + dead-code restart")
    expect(tiles.filter(has_text="Cid")).to_contain_text(re.compile("Lessons.*no run yet", re.DOTALL))
    teacher.get_by_text("Predictions", exact=True).click()
    expect(teacher.locator(".tc-bar").filter(has_text="More than a half")).to_contain_text("1 of 1")
    assert bob.get_by_role("link", name="Class", exact=True).count() == 0
    expect(teacher.get_by_test_id("stSidebar")).to_contain_text("You see everybody's runs")

    press(ada, "Resume")
    wait_for(lambda: read(folder, "status.json")["step"] > paused["step"] + 20, "twenty more steps")
    stop(app)
    app.log.unlink()
    again = serve(app.home, int(app.url.rsplit(":", 1)[1]), env=often, words=("--class",))
    assert code in again.log.read_text()
    ada.goto(f"{again.url}/train?run={run}")  # a fresh server's first visitor may come by any link
    settled(ada)
    named_in_address(ada, dataset="synthetic", run=run)
    expect(ada.get_by_test_id("stSidebar")).to_contain_text("You are Ada")
    expect(ada.get_by_test_id("stSidebar").get_by_text("Dataset", exact=True)).to_be_visible()
    expect(ada.get_by_role("button", name="Pause", exact=True)).to_be_visible()

    wait_for((folder / "checkpoint").exists, "a checkpoint")
    kill(read(folder, "status.json")["pid"])
    expect(ada.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    expect(ada.locator(".st-key-run_head")).to_contain_text("interrupted")
    reached = read(folder, "status.json")["step"]
    press(ada, "Resume")
    wait_for(lambda: read(folder, "status.json")["step"] > reached, "steps after the resume")
    press(ada, "Stop")
    state_is(folder, "stopped")
