"""A run on the Train page: started through the form, and read from its folder."""

import json
import os
import re
import signal

from playwright.sync_api import expect

from tests.browser.conftest import param, settled
from tests.support.training import wait_for


def run_folder(page, app):
    return app.home / "runs" / param(page, "run")


def read(folder, name: str) -> dict:
    return json.loads((folder / name).read_text())


def state_is(folder, *states: str, timeout_s: float = 300):  # a worker leaves everything else the right of way
    return wait_for(lambda: (about := read(folder, "status.json"))["state"] in states and about, f"{states}", timeout_s)


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def begin(page, app, dataset: str, recipe: str = "Healthy", steps: int = 20_000):
    """Start a run through the form, so long that it never ends by itself; returns its folder."""
    page.goto(f"{app.url}/train?dataset={dataset}")
    settled(page)
    if recipe != "Healthy":
        page.get_by_role("button", name="More recipes").click()
    page.get_by_text(re.compile(f"^{recipe}")).first.click()
    settled(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Hyper-parameters and command").click()
    page.get_by_text("Hyper-parameters: ").click()
    box = page.locator("[class*=st-key-preset]").get_by_label("Steps", exact=True)
    box.fill(str(steps))
    box.press("Enter")
    expect(page.locator("[class*=st-key-command] [data-testid=stCode]")).to_contain_text(f"--n-steps {steps}")
    page.keyboard.press("Escape")
    before = {path.name for path in app.home.glob("runs/*")}
    press(page, "Start training")
    page.wait_for_url(lambda url: param(page, "run") not in before and "run=rqvae-" in url)  # a first try may have left its run
    return run_folder(page, app)


def kill(pid: int) -> None:
    """End a worker without warning, on any system."""
    os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
