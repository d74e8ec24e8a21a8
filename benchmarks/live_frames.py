"""How often the pictures of a run that trains change before a viewer: the grid of codes and the latents on their plane.

    python benchmarks/live_frames.py [--repeats 3]

Starts the app and the recipe "Watch it collapse" on the bundled shop in a real Chromium; looks at every animation frame whether
the canvases differ from the last one. Prints pictures and training steps a second, from the first picture to the last.
"""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.browser.conftest import ARGS, close, program, settled, start

COUNT = """async () => {
  const find = () => [...document.querySelectorAll('[data-testid=stMain] *')]
    .map(one => one.shadowRoot?.querySelector('.step')).find(Boolean)
  const seen = [], begun = performance.now(); let last = ''
  while (performance.now() - begun < 9000) {
    await new Promise(requestAnimationFrame)
    const step = find()
    if (!step) continue
    const now = [...step.getRootNode().querySelectorAll('canvas')].map(one => {
      const pixels = one.getContext('2d').getImageData(0, 0, one.width, one.height).data; let sum = 0
      for (let i = 0; i < pixels.length; i += 997) sum = (sum * 31 + pixels[i]) | 0
      return sum }).join()
    if (now !== last) seen.push([performance.now() - begun, step.textContent])
    last = now
  }
  return seen }"""


def main() -> None:
    """Train, look, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        app = start(Path(home) / "workspace")
        try:
            browser = playwright.chromium.launch(executable_path=program(), args=ARGS)
            page = browser.new_page(viewport={"width": 1400, "height": 900})
            for _ in range(given.repeats):
                page.goto(f"{app.url}/train")
                settled(page)
                page.get_by_text("Watch it collapse", exact=True).first.click()
                settled(page)
                page.get_by_role("button", name="Start training").click()
                page.wait_for_url(re.compile(r"[?&]run=(?!demo)"))
                seen = page.evaluate(COUNT)
                seconds = (seen[-1][0] - seen[0][0]) / 1000
                print(json.dumps({"pictures_a_second": round(len(seen) / seconds, 1),
                                  "steps_a_second": round(len({step for _, step in seen}) / seconds, 1)}), flush=True)
                settled(page)
        finally:
            close(app)


if __name__ == "__main__":
    main()
