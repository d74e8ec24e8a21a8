"""One level of the search: the sum behind a branch's score, all candidates, and the exact search."""

from functools import partial

import pandas as pd
import streamlit as st

from tiger.core.words import counted
from tiger.plots import beam as plot
from tiger.reports import beam as report
from tiger.reports.beam_page import FATES, N_CANDIDATES, BeamRequest, Branch, Picture, Step
from tiger.search import beam
from tiger.ui.beam.answers import Numbers
from tiger.ui.shared import address, exports, layout, pickers
from tiger.ui.shared.exports import Columns

SCORE = "beam_score"  # the part that a click on a branch unfolds
LISTED = {"all": "All", "kept": "Kept", "full": "Beam full", "outside": "Not in the catalogue", "seen": "Already in the history",
          "invalid": "Kept, but no such item"}
TREE_COLUMNS: Columns = {
    "level": "Level", "branch": "Prefix", "words": st.column_config.TextColumn("Meaning", width=300),
    "step_logp": st.column_config.NumberColumn("Step log P", format="%.3f"),
    "total_logp": st.column_config.NumberColumn("Total log P", format="%.3f"),
    "n_items_below": st.column_config.NumberColumn("Items below", format="localized"), "fate": "Outcome"}
COLUMNS: Columns = {
    "rank": st.column_config.NumberColumn("Rank", width=55, format="localized"),
    "prefix": st.column_config.TextColumn("Prefix", width=105),
    "fate": st.column_config.TextColumn("Outcome", width=150),
    "words": st.column_config.TextColumn("Meaning", width=270, help="Its category where one dominates, else its "
                                          "characteristic words; the title of a single item."),
    "probability": st.column_config.ProgressColumn("P of the prefix", width=110, format="%.4f", min_value=0.0),
    "step_logp": st.column_config.NumberColumn("Step log P", width=80, format="%.3f"),
    "total_logp": st.column_config.NumberColumn("Total log P", width=85, format="%.3f"),
    "n_items_below": st.column_config.NumberColumn("Items below", width=85, format="localized"),
    "mix": st.column_config.TextColumn("Category mix", width=300), "code": None,
    "exact": st.column_config.TextColumn("Exact search", width=105, help="Would an exact search keep it? Yes, if one "
                                         "of its best items lies below; the best of them is named."),
}
ORDER = ["rank", "prefix", "fate", "words", "probability", "step_logp", "total_logp", "exact", "n_items_below", "mix"]
LOST_COLUMNS: Columns = {
    "rank": "Exact rank", "title": st.column_config.TextColumn("Title", width=300),
    "logp": st.column_config.NumberColumn("log P", format="%.3f"), "lost_at": "Lost at level", "prefix": "Its prefix there",
    "total_logp": st.column_config.NumberColumn("log P there", format="%.3f"),
    "worst_kept": st.column_config.NumberColumn("Lowest kept there", format="%.3f")}


def show(req: BeamRequest, picture: Picture, numbers: Numbers) -> None:
    """What stands under the tree, folded away so that another user's tree comes at once: the sum behind a score, all candidates,
    and what an exact search says. Labels are the same at every level, or Streamlit would fold up what is open."""
    if address.read(address.PICK):
        st.session_state.setdefault(SCORE, True)
    layout.unfold("The score of a branch, term by term", SCORE, lambda: formula(req, numbers.branch(), drawn(picture)),
                  ":material/function:")
    layout.unfold("All candidates of this level", "beam_candidates", partial(candidates, req, numbers), ":material/table_rows:")
    layout.unfold("Where beam search pruned better items", "beam_lost",
                  lambda: exact_search(req, numbers.step(), numbers.kept_exact()), ":material/content_cut:")
    exports.under(lambda: plot.tree(picture.tree, picture.alt, req.n_levels), f"beam-tree-{req.user}-{picture.level}",
                  lambda: as_table(picture.tree), config=TREE_COLUMNS, key="beam_numbers")


def drawn(picture: Picture) -> list[str]:
    """The branches of a picture, likeliest first."""
    best = picture.tree.sort_values("total_logp", ascending=False)
    return [report.text(prefix) for prefix in best["prefix"] if prefix]


def legend(frame: pd.DataFrame) -> None:
    """What the marks of a tree mean, as a line that wraps where the page is narrow."""
    parts = [f'<span style="white-space:nowrap"><b aria-hidden="true" style="color:{look.colour}">{look.glyph}</b> '
             f"{look.name}</span>" for look in plot.shown(frame).values()]
    st.html(f'<div style="display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;font-size:.82rem">{"".join(parts)}</div>')


def as_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The drawn branches as a table."""
    table = frame[frame["level"] > 0]
    table = table.assign(branch=[report.text(prefix) for prefix in table["prefix"]])
    return exports.unsigned_zeros(table[["level", "branch", "words", "step_logp", "total_logp", "n_items_below", "fate"]])


def formula(req: BeamRequest, branch: Branch, drawn: list[str]) -> None:
    """The sum behind a branch's score, with its numbers; ``drawn`` are the branches to choose from by keyboard."""
    prefix, path, name = branch.prefix, branch.path, report.text(branch.prefix)
    st.selectbox("Branch", dict.fromkeys([name, *drawn]), key="beam_branch", width=260,
                 on_change=pickers.shows(address.PICK, "beam_branch", name))
    st.markdown(f"**Score of {name}**" + (f" ({layout.plain(branch.words)})" if branch.words else ""))
    st.markdown(r"$\displaystyle \log P(c_{1..l}\mid h)=\sum_{i=1}^{l}\log p(c_i\mid c_{<i},h)$")  # inline: it wraps
    parts = " ".join(f"{value:+z.3f}" for value in path["step_logp"]).removeprefix("+")
    last = path.iloc[-1]
    total = last["total_logp"]
    share_tex = ("" if plot.share(total).startswith("<") else "=") + plot.share(total).replace("%", r"\%")
    added = f"$={parts}$ $={total:z.3f},$" if len(path) > 1 else f"$={parts},$"
    st.markdown(rf"$\log P({','.join(map(str, prefix))}\mid h)$ {added} "
                f"${{P=e^{{{total:z.3f}}}{share_tex}}}$")
    temperature = req.search.temperature[:req.level]
    if any(value != 1 for value in temperature):
        st.caption(r"With a temperature $T_l$, $p(c_l\mid c_{<l},h)=\mathrm{softmax}(z_l/T_l)$; here $T=" + ",\\,".join(
            f"{value:g}" for value in temperature) + "$.")
    st.caption(f"Rank {last['rank']:,.0f} of {counted(last['n_candidates'], 'candidate')}; {last['fate']}. The lowest kept "
               f"prefix has {last['worst_kept']:.3f}.")


def candidates(req: BeamRequest, numbers: Numbers) -> None:
    """Every candidate of the level with its numbers and its fate; the first of them in the table, all as CSV."""
    step, chosen = numbers.step(), address.read(address.LISTED)
    total, frame = sum(step.counts.values()), numbers.candidates(FATES[chosen])
    here = [name for name, fate in FATES.items() if fate is None or step.counts[fate] or name == chosen]
    st.segmented_control("List", here, key="beam_listed", required=True, label_visibility="collapsed",
                         format_func=lambda name: f"{LISTED[name]} {step.counts[FATES[name] or beam.KEPT]:,}" if FATES[name]
                         else LISTED[name],
                         on_change=pickers.shows(address.LISTED, "beam_listed", chosen))
    order = [name for name in ORDER if name != "mix" or (frame["mix"] != "").any()]
    st.dataframe(exports.unsigned_zeros(frame[order]), column_config=COLUMNS, hide_index=True, height=330,
                 key=f"beam_all:{step.level}:{chosen}")
    with st.container(horizontal=True, vertical_alignment="center"):
        n = step.counts.get(FATES[chosen] or "", total)
        st.caption(f"Best first; the best {N_CANDIDATES} of {n:,} are shown." if n > N_CANDIDATES else "Best first.",
                   width="content")
        exports.csv_button(numbers.all_candidates, f"beam-user-{req.user}-level-{step.level}", f"All {total:,} as CSV", total)


def exact_search(req: BeamRequest, step: Step, would_keep: pd.DataFrame) -> None:
    """What an exact search over the catalogue would keep here, its best items that the beam lost, and where."""
    lost, n_all = step.lost, req.ids.n_ids
    gone = would_keep[would_keep["lost_at"].notna()]
    st.markdown(f"Beam search lost **{len(lost):,}** of the {counted(step.n_exact, 'best item')} that an exact search over the "
                "catalogue finds.")
    st.markdown(f"The IDs of the best {counted(step.n_exact, 'item')} that an exact search finds have "
                f"**{len(would_keep):,}** distinct prefix{'es' * (len(would_keep) != 1)} of {step.level} "
                f"code{'s' * (step.level > 1)}; the beam still holds **{len(would_keep) - len(gone):,}** of them.")
    if gone.empty:
        st.success("So far beam search has lost nothing that an exact search finds.", icon=":material/check_circle:")
    else:
        first = gone.iloc[0]
        st.warning(f"A better item was pruned at level {first['lost_at']}: “{layout.plain(req.title(first['best_item']))}”, "
                   f"rank {first['best_rank']} of the exact search.", icon=":material/content_cut:")
    st.markdown(f"The exact search expanded {counted(step.n_expanded, 'prefix', 'prefixes')} to find the best of "
                f"{counted(n_all, 'item')}; beam search scored {counted(step.n_candidates, 'candidate')}. With beam width "
                f"{n_all:,} nothing would be lost.")
    if lost.empty:
        st.caption("Beam search found all of the exact search's best items. Try a narrower beam.")
        return
    st.dataframe(exports.unsigned_zeros(lost[list(LOST_COLUMNS)]), hide_index=True, column_config=LOST_COLUMNS)
    exports.csv_button(lost, f"beam-lost-{req.user}", "Lost items as CSV")
