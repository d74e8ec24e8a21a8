"""A rehearsal of Present: what somebody shows to an audience in three minutes, with a picture of every step and its time.

    python benchmarks/rehearsal.py --out FOLDER [--data PATH] [--home FOLDER] [--likes WORDS] [--size 1400x900]

On the bundled shop, or on ``--data``, a folder of RecBole's atomic files (MovieLens 100K, Amazon Beauty). There, the newest
recommender in ``--home`` is shown; without one, IDs by residual k-means and a small recommender are trained first, which counts
as preparation. The steps: find a person by what they like, let the tree grow, ask what a suggestion rests on, take that thing
away, undo it, compare with other recommenders, show what was really chosen, keep two scenes as a story and play it. Goals: under
three minutes with five seconds of talk a step; a dropped thing shows what changes within a second.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bare import machine
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import ARGS, close, program, start, visit
from tiger import datasets, models, quantizers, runs
from tiger.core import files
from tiger.datasets import registry
from tiger.runs import artifacts, presets
from tiger.runs.records import Status

TALK_S = 5.0  # what a presenter says at each step
SMALL = 5000  # items: below that, histories are long and training is short


def prepared(home: Path, path: str) -> str:
    """The query that opens the dataset with a recommender of it; trains one where ``home`` has none."""
    os.environ["TIGER_HOME"] = str(home)
    plain = {"name": "recbole", "params": {"path": str(Path(path).resolve())}, "embedding": {"method": "tfidf"}}
    entry = next((entry for entry in registry.entries() if entry.ref.get("params") == plain["params"]), None) or registry.add(
        plain, Path(path).name)
    here = [run for run in runs.list_runs() if registry.key(run.config.dataset) == registry.key(entry.ref)]
    found = [run for run in here if run.config.kind == "model" and run.has_result()]
    if not found:
        found = [_train(entry.ref)]
    return f"dataset={entry.id}&model={found[0].id}"


def _train(ref: dict) -> runs.Run:
    begin, cat = time.perf_counter(), datasets.load_ref(ref)
    params = {"n_levels": 3, "n_codes": 64 if cat.n_items < SMALL else 256}
    ids = runs.new_run({"dataset": ref, "title": "IDs", "quantizer": {"name": "rkmeans", "params": params}},
                       Status("finished", attempt=1))
    artifacts.write_result(ids, quantizers.create("rkmeans", **params).fit(cat.embedding_IE), cat.embedding_IE, 1)
    preset = next(one for one in presets.MODELS if one.key == ("rq-long" if cat.n_items < SMALL else "rq"))
    name, values = preset.model.name, dict(preset.model.params)
    run = runs.new_run({"kind": "model", "dataset": ref, "model": {"name": name, "params": values}, "ids": {"run": ids.id},
                        "title": preset.title}, Status("finished", attempt=1))
    models.create(name, **values).fit(cat, ids.semantic_ids()).save(run.path)
    files.write_json(run.path / "metrics.json", {})
    print(f"prepared: {preset.title} in {time.perf_counter() - begin:.0f} s", flush=True)
    return run


@dataclass
class Show:
    """The page, where pictures go, and how long each step took until it stood there."""

    page: Page
    out: Path
    took_s: dict[str, float] = field(default_factory=dict)

    def step(self, name: str, act: Callable[[], object], until: Callable[[], object]) -> None:
        begin = time.perf_counter()
        act()
        until()
        self.took_s[name] = time.perf_counter() - begin
        self.page.wait_for_timeout(700)  # what moves comes to rest
        self.page.screenshot(path=self.out / f"{len(self.took_s):02d}-{name.replace(' ', '-')}.png")

    def key(self, *keys: str) -> Callable[[], None]:
        def press() -> None:
            for key in keys:
                self.page.keyboard.press(key)

        return press


def rehearse(show: Show, likes: str) -> None:
    """The whole show, on a page that stands on the stage."""
    page, said = show.page, show.page.locator(".said")
    cards, chips = page.locator(".card"), page.locator(".chip")
    show.step("people who like", lambda: (page.keyboard.press("p"), page.locator(".stage input[type=search]").fill(likes)),
              lambda: expect(page.locator(".found li").first).to_contain_text(":"))
    show.step("a person", lambda: page.locator(".found button").first.click(),
              lambda: expect(page.locator(".who")).to_contain_text("likes"))
    page.keyboard.press("Escape") if page.locator(".found").is_visible() else None
    steps = page.locator(".dots button").count()
    for number in range(1, steps - 2):
        show.step(f"step {number}", show.key("ArrowRight"), lambda: None)
    show.step("suggestions", show.key("ArrowRight"), lambda: expect(cards).to_have_count(5))
    for card in range(cards.count()):  # of a long history often no single thing carries a suggestion; the page says so
        before = said.inner_text()
        show.step(f"because of {card + 1}", cards.nth(card).click, lambda before=before: expect(said).not_to_have_text(before))
        if "Because of" in said.inner_text():
            break
    n_chips, cause = chips.count(), page.locator(".chip.cause .drop")
    show.step("without it", lambda: (cause if cause.count() else page.locator(".chip .drop")).last.click(),
              lambda: expect(said).to_contain_text("Without"))
    show.step("kept", show.key("k"), lambda: None)
    show.step("undone", show.key("z"), lambda: expect(chips).to_have_count(n_chips))
    show.step("compared", show.key("l"), lambda: expect(page.locator(".columns h3").first).to_be_visible())
    page.keyboard.press("l")
    show.step("what came next", show.key("ArrowRight"), lambda: page.wait_for_timeout(50))
    show.step("a story", show.key("k", "s"), lambda: expect(page.get_by_label("Name of the story")).to_be_visible())
    page.get_by_label("Name of the story").fill("What they like")
    show.step("saved", lambda: page.get_by_role("button", name="Save story").click(),
              lambda: expect(page.locator(".found")).to_contain_text("What they like"))
    show.step("played", lambda: page.locator(".found button").first.click(), lambda: expect(cards).to_have_count(5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--likes", default="coffee and camping")
    parser.add_argument("--size", default="1400x900")
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    args.out.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=60_000)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = args.home or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        query = prepared(home, args.data) if args.data else ""
        app = start(home)
        try:
            browser = playwright.chromium.launch(executable_path=program(), args=ARGS)
            page = browser.new_page(viewport={"width": width, "height": height})
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            show = Show(page, args.out)
            show.step("opened", lambda: visit(page, app, f"present?{query}"),
                      lambda: expect(page.locator(".said")).to_contain_text("choose from"))
            rehearse(show, args.likes)
            browser.close()
        finally:
            close(app)
    for name, took_s in show.took_s.items():
        print(f"{name:>18} {took_s:6.2f} s")
    whole = sum(show.took_s.values()) + TALK_S * len(show.took_s)
    print(f"whole show with {TALK_S:g} s of talk a step: {whole:.0f} s; median step "
          f"{statistics.median(show.took_s.values()):.2f} s; load {os.getloadavg()[0]:.1f}; {machine()['cpu']}; "
          f"errors on the page: {errors or 'none'}")


if __name__ == "__main__":
    main()
