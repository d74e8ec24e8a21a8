"""The moving picture of a training: every code as a cell, and latents among the code vectors; live, and replayed afterwards."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from tiger import runs
from tiger.plots import colours
from tiger.runs import movie
from tiger.runs.movie import Movie
from tiger.runs.records import Status
from tiger.ui.shared import caching
from tiger.ui.shared.live_feed import Mark

SENT = "movie_sent"  # session: run, attempt and the number of frames that the browser has
HTML = """<div class="film"><div class="pictures">
<figure><figcaption>Every code as a cell: stronger when used more, hollow when dead</figcaption>
<canvas class="cells" role="img"></canvas></figure>
<figure><figcaption>Latents (dots) and code vectors of level 1 (discs), grey when dead</figcaption>
<canvas class="plane" role="img"></canvas></figure></div>
<div class="controls"><button type="button"></button>
<input type="range" min="0" max="0" step="any" aria-label="Frame"><span class="step"></span></div></div>"""
CSS = """.film{color:var(--st-text-color,inherit);font:12px var(--st-font,sans-serif)}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:14px}
figure{margin:0;min-width:0}figcaption{opacity:.8;min-height:2.5em;line-height:1.25}
canvas{display:block;width:100%;height:206px}
.controls{display:flex;align-items:center;gap:.6rem;margin-top:.2rem;min-height:30px}
.controls input{flex:1 1 auto;min-width:60px;accent-color:var(--st-primary-color)}
.controls button{flex:0 0 34px;height:28px;border-radius:6px;border:1px solid color-mix(in srgb,currentColor 30%,transparent);
background:none;color:inherit;cursor:pointer;font-size:11px}
.step{flex:0 1 auto;font-variant-numeric:tabular-nums;min-width:5.5em}"""
PICTURE = st.components.v2.component("tiger.movie", html=HTML, css=CSS,
                                     js=Path(__file__).with_name("movie.js").read_text(encoding="utf-8"))


def begin() -> None:
    """The page is drawn from its start, so the browser may have nothing yet: send the whole movie once."""
    st.session_state.pop(SENT, None)


def there(run: runs.Run) -> bool:
    """Whether the run has a moving picture."""
    return (run.path / movie.ABOUT).exists()


def show(run: runs.Run, status: Status, marks: list[Mark]) -> None:
    """The picture. While the run trains, only frames that are new since the last look are sent."""
    if status.active:
        known = st.session_state.get(SENT)
        first = known[2] if known is not None and known[:2] == (run.id, status.attempt) else 0
        found = movie.read(run, max(0, first - 2))
        if found is None:
            return
        part = parts(found, max(0, first - 2))
        st.session_state[SENT] = run.id, status.attempt, part["first"] + len(found.step_F)
    else:
        part = whole(run)
    if part:
        PICTURE(key=f"movie:{run.id}", data=part | {
            "id": f"{run.id}:{status.attempt}", "live": status.active, "n_steps": status.n_steps,
            "marks": [[mark.step, mark.label] for mark in marks]})


@caching.resource(16)
def whole(run: runs.Run) -> dict[str, Any]:
    """All frames of a run that ended, packed once for all visitors; empty where they cannot be read."""
    found = movie.read(run)
    return {} if found is None or not len(found.step_F) else parts(found, 0)


def parts(found: Movie, first: int) -> dict[str, Any]:
    """Frames as the browser takes them: little-endian numbers in base64, places as multiples of ``unit``."""
    reach = 4 * float(np.abs(found.place_FN2).max(initial=1e-6))
    unit = reach / 32767
    return {"first": first, "sizes": found.n_codes, "n_items": len(found.item_N), "unit": unit,
            "colours": colours.of_codes(found.n_codes[0]),
            "step": _text(found.step_F, "<i4"), "count": _text(np.minimum(found.count_FC, 65535), "<u2"),
            "place": _text(np.clip(found.place_FN2, -reach, reach) / unit, "<i2"), "code": _text(found.code_FN, "<u2"),
            "book": _text(np.clip(found.book_FK2, -reach, reach) / unit, "<i2")}


def _text(array: np.ndarray, kind: str) -> str:
    return b64encode(np.ascontiguousarray(np.nan_to_num(array)).astype(kind).tobytes()).decode()
