"""A semantic ID as a row of small boxes, in plain HTML that reads in light and dark."""

from collections.abc import Iterable
from html import escape

CSS = """<style>
.tg-say{font-size:.83rem;line-height:1.4;opacity:.82}
.tg-id{display:flex;gap:.24rem;flex-wrap:wrap}
.tg-id span{font-size:.8rem;line-height:1.35;padding:.04rem .42rem;border-radius:5px;
 font-variant-numeric:tabular-nums;border:1px solid color-mix(in srgb,#cf7a24 65%,transparent);
 background:color-mix(in srgb,#cf7a24 14%,transparent)}
.tg-id.tg-open span{border-style:dashed;background:none}
</style>"""


def chips(codes: Iterable[object], extra: str = "") -> str:
    """The codes of an ID, a box each; a row of -1 means that the item has none."""
    shown = list(codes)
    if -1 in shown:
        return '<div class="tg-say">no ID</div>'
    boxes = "".join(f"<span>{escape(str(code))}</span>" for code in shown)
    return f'<div class="tg-id{extra}">{boxes}</div>'
