"""The class for a projector: a picture of everybody's newest run, and large bars of what was predicted. Plain HTML."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape

import pandas as pd

from tiger.reports.classroom import Tally

SEVERITIES = {"good": ("#2e8b57", "✓"), "mild": ("#3b7dd8", "i"), "serious": ("#c77700", "!"), "critical": ("#d0342c", "✕")}
QUIET, LINE = "#8d8a85", "#cf7a24"
WIDTH, HEIGHT = 200, 56  # of a sparkline, in its own units
CSS = """<style>
.tc-grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(148px,1fr));gap:.6rem}
.tc-tile{border:1px solid color-mix(in srgb,currentColor 22%,transparent);border-left:6px solid var(--tone);border-radius:8px;
 padding:.4rem .6rem .45rem;min-width:0}
.tc-tile.tc-away{opacity:.72}
.tc-title{display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden}
.tc-name{font-weight:650;font-size:1.05rem;line-height:1.3;overflow-wrap:anywhere}
.tc-say{font-size:.85rem;line-height:1.35;opacity:.85;overflow-wrap:anywhere}
.tc-tile img{display:block;width:100%;height:56px;margin:.3rem 0}
.tc-verdict{font-weight:600;font-size:.95rem;line-height:1.3}
.tc-verdict i{font-style:normal;color:var(--tone)}
.tc-question{font-size:1.6rem;font-weight:650;line-height:1.3;margin:.2rem 0 1rem}
.tc-bar{margin-bottom:1rem}
.tc-label{display:flex;justify-content:space-between;gap:1rem;font-size:1.45rem;line-height:1.35}
.tc-label b{font-variant-numeric:tabular-nums;white-space:nowrap}
.tc-track{height:40px;border-radius:8px;background:color-mix(in srgb,currentColor 10%,transparent);overflow:hidden}
.tc-fill{height:100%;background:#cf7a24;transition:width .6s}
.tc-right .tc-fill{background:#2e8b57}
.tc-right .tc-label{font-weight:650}
.tc-total{font-size:1.15rem;opacity:.85}
</style>"""


def grid(table: pd.DataFrame) -> str:
    """A tile a visitor.

    Args:
        table: of ``reports.classroom.ClassPage``.
    """
    return f'<div class="tc-grid">{"".join(map(_tile, table.to_dict("records")))}</div>'


def _tile(row: dict[str, object]) -> str:
    """Whose, where they are, how perplexity went, and the doctor's verdict."""
    tone, mark = SEVERITIES.get(str(row["Severity"]), (QUIET, ""))
    verdict = f"<i>{mark}</i> {escape(str(row['Verdict']))}" if row["Verdict"] else escape(str(row["State"])) or "no run yet"
    ids = f'<div class="tc-say">{row["Distinct IDs"]} IDs</div>' if row["Distinct IDs"] else ""
    curve = sparkline(row["Perplexity"]) if row["Run"] else ""  # type: ignore[arg-type]
    away = "" if row["Here"] else " tc-away"
    return (f'<div class="tc-tile{away}" style="--tone:{tone}"><div class="tc-name">{escape(str(row["Name"]))}</div>'
            f'<div class="tc-say">{escape(str(row["Page"])) or "joined"}</div>{curve}<div class="tc-verdict">{verdict}</div>'
            f'{ids}<div class="tc-say tc-title">{escape(str(row["Newest run"]))}</div></div>')


def sparkline(shares: Sequence[float]) -> str:
    """Perplexity over training as a share of the codes, 0 at the bottom and 1 at the top, as an image."""
    words = f"Perplexity: {shares[0]:.0%} of the codes at first, {shares[-1]:.0%} at last." if len(shares) else "No curve yet."
    step = WIDTH / max(1, len(shares) - 1)
    path = " ".join(f"{n * step:.1f},{HEIGHT - 3 - share * (HEIGHT - 6):.1f}" for n, share in enumerate(shares))
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
           f'<path d="M0 3H{WIDTH}M0 {HEIGHT - 3}H{WIDTH}" stroke="{QUIET}" stroke-dasharray="3 4"/>'
           f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2.5" vector-effect="non-scaling-stroke"/></svg>')
    return f'<img alt="{words}" src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}">'


def bars(tally: Tally, measured: bool) -> str:
    """A lesson's question and a bar for each answer, to be read from the last row.

    Args:
        measured: the answer that was measured is marked.
    """
    found = [f'<div class="tc-question">{escape(tally.question)}</div>']
    for number, (option, count) in enumerate(zip(tally.options, tally.counts, strict=True)):
        right = measured and number == tally.right
        mark = "✓ " if right else ""
        found.append(f'<div class="tc-bar{" tc-right" * right}"><div class="tc-label"><span>{mark}{escape(option)}</span>'
                     f'<b>{count} of {tally.n}</b></div><div class="tc-track"><div class="tc-fill" '
                     f'style="width:{count / tally.n:.1%}"></div></div></div>')
    found.append(f'<div class="tc-total">{tally.n} predicted{"; ✓ is what was measured" * measured}.</div>')
    return "".join(found)
