"""A chart that the browser draws: the pointer, the legend, zoom, and the picture that is saved."""

import io

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import App, visit
from tiger import runs
from tiger.reports import cold as report
from tiger.reports import study_page, study_report

CHART = ".chart"


@pytest.fixture
def chart(page: Page, app: App):
    """Recall over K of the bundled cold-start study."""
    visit(page, app, "cold?")
    found = page.locator(CHART).first
    expect(found.locator(".plot > svg")).to_have_attribute("aria-label", report.k_summary(rows()))
    return found


def rows():
    run = runs.find("demo-cold")
    return study_page.REPORTS["cold"].frame(study_report.read(run).rows)


def marks(chart):
    return chart.locator(".plot > svg g[clip-path] > path[transform]")


def middle(mark) -> tuple[float, float]:
    box = mark.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_pointer_the_legend_zoom_and_the_picture(page: Page, chart):
    over_k = report.over_k(rows()).sort_values("k")
    assert marks(chart).count() == len(over_k)
    method = over_k["title"].iloc[0]
    first = over_k[over_k["title"] == method].iloc[-1]  # the first line's last mark is drawn after its other ones
    page.mouse.move(*middle(marks(chart).nth((over_k["title"] == method).sum() - 1)))
    tip = chart.locator(".tip")
    expect(tip).to_contain_text(f"{method}")
    expect(tip).to_contain_text(f"{first['k']}: {first['recall']:.1%}, 95 % {first['low']:.1%} to {first['high']:.1%}")

    button = chart.get_by_role("button", name=method, exact=True)
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert marks(chart).count() == (over_k["title"] != method).sum()
    button.click()
    expect(marks(chart)).to_have_count(len(over_k))

    plot = chart.locator(".ground").bounding_box()
    shown = chart.locator(".plot > svg text").all_text_contents()
    page.mouse.move(plot["x"] + 0.5 * plot["width"], plot["y"] + 0.3 * plot["height"])
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.9 * plot["width"], plot["y"] + 0.31 * plot["height"], steps=4)
    expect(chart.locator(".zone")).to_be_visible()
    page.mouse.up()
    zoomed = chart.locator(".plot > svg text").all_text_contents()
    assert zoomed != shown and "0%" in zoomed, "another part of K, all of recall"
    page.mouse.dblclick(plot["x"] + 0.3 * plot["width"], plot["y"] + 0.2 * plot["height"])
    assert chart.locator(".plot > svg text").all_text_contents() == shown

    chart.hover()
    with page.expect_download() as kept:
        chart.get_by_role("button", name="Save as PNG").click()
    assert kept.value.suggested_filename == "cold-k.png"
    with Image.open(io.BytesIO(kept.value.path().read_bytes())) as picture:
        size = chart.locator(".plot > svg").bounding_box()
        assert picture.width == pytest.approx(2 * size["width"], abs=4) and picture.height > 2 * size["height"]
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 20, "lines, marks and words"


def test_a_narrow_page_keeps_the_chart_inside(page: Page, app: App):
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, app, "cold?")
    found = page.locator(CHART).first
    found.scroll_into_view_if_needed()
    box, legend = found.bounding_box(), found.locator(".legend")
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert legend.bounding_box()["width"] <= box["width"]
    assert legend.get_by_role("button").count() == report.over_k(rows())["title"].nunique()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


SIDES = """() => [...document.querySelectorAll('[class*="st-key-beside-"]')].map(group => {
  const columns = [...group.querySelectorAll('[data-testid=stColumn] > [data-testid=stVerticalBlock]')]
  const box = one => one.getBoundingClientRect()
  const charts = columns.map(column => column.querySelector('[data-testid^=stBidi]')).map(one => Math.round(box(one).top))
  const ends = columns.map(column => box([...column.children].at(-1)).bottom)
  return { charts, below: Math.round(box(group).bottom - Math.max(...ends)) } })"""
"""Of charts side by side: where each begins, and what is left empty below the last part of all."""


@pytest.mark.parametrize("path", ["train", "cold"])
def test_charts_side_by_side_begin_at_one_height_whatever_stands_over_and_under_them(page, app, path):
    visit(page, app, path)
    page.set_viewport_size({"width": 1400, "height": 900})
    page.wait_for_function(f"() => ({SIDES})().some(one => one.charts.length > 1)")
    change = """what => { const parts = document.querySelectorAll('[class*="st-key-beside-"] [data-testid=stColumn] > * > *')
      const column = parts[0].parentElement
      if (what === 'one part less') column.firstElementChild.remove()
      if (what === 'long words') parts[0].querySelector('p').append(' word'.repeat(80))
      if (what === 'one part more') column.append(column.lastElementChild.cloneNode(true)) }"""
    for what in ("as it is", "long words", "one part more", "one part less"):
        page.evaluate(change, what)
        found = page.evaluate(SIDES)
        assert found and all(len(set(one["charts"])) == 1 and abs(one["below"]) <= 1 for one in found), (what, found)
