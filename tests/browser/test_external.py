"""A training in another program, watched live in a real browser: curves grow, the diagnosis follows, and its end is seen."""

import os
import subprocess
import sys
import textwrap

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PROJECT, settled

PROGRAM = textwrap.dedent("""
    import sys
    import numpy as np
    import tiger
    from tiger.recording import recorder
    recorder.KEEP_S, recorder.KEEP_SHARE, recorder.STATUS_S, recorder.STATUS_SHARE = 0.0, 1e9, 0.0, 1e9
    rng = np.random.default_rng(0)
    emb_IE = rng.normal(size=(400, 6)).astype(np.float32)
    rec = tiger.watch("their loop", embeddings=emb_IE, n_codes=[16, 16], n_steps=900, library="vector-quantize-pytorch",
                      settings={"kmeans_init": False, "threshold_ema_dead_code": 0})
    print(rec.run.id, flush=True)
    step = 0
    for line in sys.stdin:  # how many codes of each level are used from here on; "close" ends it
        if line.strip() == "close":
            rec.close(codes=np.stack([np.arange(400) % 16, np.arange(400) // 25], 1))
            break
        for _ in range(10):
            rows = rng.integers(0, 400, 300)
            rec.log(step, codes=rng.integers(0, int(line), (300, 2)), rows=rows, losses={"loss": 1 / (step + 1)})
            step += 10
        print(step, flush=True)
""")


@pytest.fixture
def theirs(app):
    """The other program, and a way to let it train on."""
    program = subprocess.Popen([sys.executable, "-c", PROGRAM], cwd=PROJECT, env={**os.environ, "TIGER_HOME": str(app.home)},
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    run_id = program.stdout.readline().strip()

    def go_on(words: str) -> None:
        program.stdin.write(words + "\n")
        program.stdin.flush()
        if words != "close":
            program.stdout.readline()

    yield run_id, go_on, program
    program.kill()
    program.wait()


def test_a_training_elsewhere_is_followed_from_health_to_collapse_to_its_end(page, app, theirs):
    run_id, go_on, program = theirs
    go_on("16")
    page.goto(f"{app.url}/train?run={run_id}")
    expect(page.get_by_text("Another program trains this run")).to_be_visible()
    expect(page.get_by_text("step 90 of 900")).to_be_visible()
    assert page.get_by_role("button", name="Stop", exact=True).count() == 0
    go_on("1")  # nobody touches the page
    expect(page.get_by_text("step 190 of 900")).to_be_visible()
    expect(page.get_by_text("Total collapse.")).to_be_visible()
    page.get_by_role("link", name="See the diagnosis").click()
    expect(page.get_by_role("heading", name="Total collapse")).to_be_visible()
    expect(page.locator("[data-testid=stCode]").first).to_contain_text("kmeans_init=True, threshold_ema_dead_code=2")
    go_on("16")
    expect(page.get_by_role("heading", name="Total collapse")).to_have_count(0)
    go_on("close")
    program.wait(60)
    expect(page.locator(".stMarkdownBadge", has_text="finished").first).to_be_visible()
    page.goto(f"{app.url}/tree?run={run_id}")
    settled(page)
    assert page.get_by_text("was recorded without the codes of all items").count() == 0


def test_a_program_that_is_killed_is_seen_as_ended(page, app, theirs):
    run_id, go_on, program = theirs
    go_on("16")
    page.goto(f"{app.url}/train?run={run_id}")
    expect(page.get_by_text("step 90 of 900")).to_be_visible()
    program.kill()
    program.wait()
    expect(page.get_by_text("The recording program ended without close(); what it recorded is kept.")).to_be_visible()
