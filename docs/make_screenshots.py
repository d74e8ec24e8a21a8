"""Makes the README's pictures: the real app, a workspace of its own, a real Chromium.

    python docs/make_screenshots.py [PAGE ...]

Needs what the browser tests need (playwright, and a Chromium that is found by name or by CHROMIUM).
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.browser.conftest import ARGS, close, program, settled, start
from tiger.ui.shared.pagelist import BY_KEY

FOLDER = Path(__file__).resolve().parent
SIZE = {"width": 1400, "height": 940}
DARK = ("home",)
FOLDED: dict[str, str] = {}  # what would push the interesting part off the picture
AT = {"playground": "playground?scenario=healthy&steps=140&point=7",  # pages that show little before somebody acts
      "present": "present?scene=4"}
MAX_BYTES = 150_000


def shoot(browser: Browser, address: str, page: str, scheme: str, path: Path) -> None:
    """One page, drawn to its end, as a PNG with a palette."""
    context = browser.new_context(viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]
    tab = context.new_page()
    tab.goto(f"{address}/{AT.get(page, '' if page == 'home' else page)}")
    settled(tab)
    if page in FOLDED:
        tab.get_by_text(FOLDED[page]).click()
    tab.mouse.move(SIZE["width"] - 4, 4)
    tab.wait_for_timeout(2500)
    settled(tab)  # figures come later than the script's end
    picture = Image.open(io.BytesIO(tab.screenshot())).convert("RGB")
    picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
    context.close()
    print(f"{path.name}  {path.stat().st_size:,} bytes")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path.name} is over {MAX_BYTES:,} bytes; show less on it.")


def main() -> None:
    """The named pages, or those that have a picture; in light, and some in dark too."""
    pages = sys.argv[1:] or [path.stem for path in sorted(FOLDER.glob("*.png")) if path.stem in BY_KEY]
    if program() is None:
        raise SystemExit("No Chromium found; install chromium or set CHROMIUM to its program.")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        app = start(Path(home))
        try:
            browser = playwright.chromium.launch(executable_path=program(), args=ARGS)
            for page in pages:
                shoot(browser, app.url, page, "light", FOLDER / f"{page}.png")
                if page in DARK:
                    shoot(browser, app.url, page, "dark", FOLDER / f"{page}-dark.png")
            browser.close()
        finally:
            close(app)


if __name__ == "__main__":
    main()
