"""Why items of a run share an ID, where they could have parted, and what remedies leave: computed at once, or trained."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.analysis import collisions, doctor
from tiger.analysis.collisions import CAUSES, Geometry, Groups, Left, Parting
from tiger.analysis.doctor import Remedy
from tiger.core import params
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.reference import Values
from tiger.quantizers import Quantizer
from tiger.reports import usage
from tiger.reports.codes import Codes
from tiger.reports.doctor import course_of, effective, settings_of, treated_config
from tiger.reports.items import id_text
from tiger.runs import Run, data
from tiger.runs import config as run_config
from tiger.runs.records import RunConfig

TITLES_SHOWN = 3
MEANING = {"too few codes": "vectors and texts differ, and the codes do not tell them apart",
           "copies and too few codes": "some are copies, others differ and got the same codes",
           "identical vectors": "no quantizer can tell them apart; merge the items or embed more of them",
           "identical text": "the text is the same and the vectors differ"}
FROM_IDS = ("IDs alone do not tell at which level items could have parted, nor what an extra level or Sinkhorn would leave. Give "
            "the codebooks and what they quantise: python -m tiger external read codebooks.safetensors --vectors latents.npy")
NO_VECTORS = "These codes have no vectors, so there is no next-best code, and no level can be added to what they leave."
OTHER_STEP = "Codebooks are kept for the newest codes only; choose the last step to see where items could have parted."
NOT_ENDED = "Where items could have parted is known once the run has ended, and its codes and codebooks are of one step."
NOT_RECORDED = ("Where items could have parted was not recorded: log the codebooks, codebooks=lambda: books, and hand over what "
                "they quantise, close(codes=codes, latents=z).")
OTHER_CODES = ("Only {:.0%} of these items have the nearest code at every level: the codes were assigned otherwise, or the "
               "codebooks are of another step. A cost below 0 is a code that was nearer.")


@dataclass(frozen=True)
class Explained:
    """Everything that is known of a run's collisions without training.

    Args:
        groups: the items of every shared ID.
        parting: the next-best codes of ``groups.order_N``; None where they cannot be known.
        frame: one row a group, ``groups_frame``.
        causes: one row a cause: cause, meaning, groups, items, surplus (items that would need another ID).
        summary: how many items share IDs, and why.
        unseen: what cannot be known of this run, and what to give so that it can.
    """

    codes: Codes
    groups: Groups
    parting: Parting | None
    frame: pd.DataFrame
    causes: pd.DataFrame
    summary: str
    unseen: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What one remedy leaves.

    Args:
        title, why: for people.
        left: None where it was not measured; ``reason`` says why.
        run: the run that was trained with it; None where nothing needed training, or nothing was trained yet.
        config: what a run with it is asked to do; None where nothing needs training.
    """

    title: str
    why: str
    left: Left | None
    reason: str = ""
    run: Run | None = None
    config: RunConfig | None = None


def geometry_of(codes: Codes, quantizer: Quantizer | None) -> tuple[Geometry | None, str]:
    """What a run's codes quantise and with what; or None, and why that is not known.

    Args:
        quantizer: the run's, where it has one.
    """
    run, cat = codes.run, codes.cat
    if codes.step is not None:
        return None, OTHER_STEP if run.has_result() else NOT_ENDED
    if quantizer is not None:
        books = quantizer.codebooks()
        if books is None:
            return None, NO_VECTORS
        kept = run.has_latent()
        latent_IZ = run.latent() if kept else quantizer.latent(cat.embedding_IE)
        return Geometry(latent_IZ[data.rows_for(run, cat, len(latent_IZ))] if kept else latent_IZ, books, quantizer.prices()), ""
    if not run.external:
        return None, FROM_IDS
    recorded = run.recorded_codebooks()
    if recorded is None or not run.has_latent():
        return None, NOT_RECORDED
    latent_IZ, settings = run.latent(), run.config.recording.settings if run.config.recording else {}
    cosine = settings.get("distance") == "cosine" or bool(settings.get("use_cosine_sim"))
    try:
        return Geometry(latent_IZ[data.rows_for(run, cat, len(latent_IZ))], recorded, None, "cosine" if cosine else "squared"), ""
    except ValueError as error:
        return None, str(error)


def explain(codes: Codes, geometry: Geometry | None, reason: str = "") -> Explained:
    """Explain the collisions of a run's codes.

    Args:
        geometry, reason: from ``geometry_of``.
    """
    cat = codes.cat
    groups = collisions.group(codes.codes_IL, cat.embedding_IE, texts_of(cat))
    parting = None if geometry is None else collisions.part(codes.codes_IL, groups.order_N, geometry)
    unseen = [reason] if reason and len(groups) else []
    if parting is not None and len(groups):
        nearest = float((np.nan_to_num(parting.cost_NL) >= -1e-6 * parting.residual_NM[:, :1]).all(1).mean())
        unseen += [OTHER_CODES.format(nearest)] if nearest < 0.99 and geometry is not None and geometry.prices is None else []
    causes = causes_frame(groups)
    return Explained(codes, groups, parting, groups_frame(codes, groups, parting), causes, _summary(codes, groups),
                     tuple(unseen))


def texts_of(cat: Catalogue) -> list[str]:
    """What each item's embedding is made of where that is text, else its title."""
    text, title = (cat.items[name].astype(str) for name in ("text", "title"))
    return text.where(text.str.strip() != "", title).tolist()


def _summary(codes: Codes, groups: Groups) -> str:
    said = usage.collisions_summary(codes.codes_IL)
    if not len(groups):
        return said
    by_cause, parts = groups.surplus_by_cause, []
    for cause, words in (("too few codes", "differ from the others in vector and text"), ("identical vectors",
                         "copy another's vector"), ("identical text", "have another's text")):
        if count := by_cause[cause]:  # type: ignore[index]
            parts.append(f"{count:,} {words}" if count < groups.surplus else f"all of them {words}")
    n = groups.surplus
    return f"{said} {n:,} ({n / max(groups.n_items, 1):.1%}) would need another ID: {', '.join(parts)}."


def causes_frame(groups: Groups) -> pd.DataFrame:
    """How many groups each cause has: cause, meaning, groups, items, surplus; causes without a group are left out."""
    cause_G = np.array(groups.causes, object)
    rows = [{"cause": cause, "meaning": MEANING[cause], "groups": int((cause_G == cause).sum()),
             "items": int(groups.size_G[cause_G == cause].sum()), "surplus": int((groups.size_G[cause_G == cause] - 1).sum())}
            for cause in CAUSES if (cause_G == cause).any()]
    return pd.DataFrame(rows, columns=["cause", "meaning", "groups", "items", "surplus"])


def groups_frame(codes: Codes, groups: Groups, parting: Parting | None) -> pd.DataFrame:
    """One row a shared ID, the fullest first.

    Returns:
        semantic_id, items (how many), cause, cosine, cosine_low, cosine_high (over its pairs), titles; with codebooks, of the
        item and the level that part it at the least relative cost (nan where items are copies): level, item_moved, next_code,
        relative (the cost as a share of what the level reads), cost (squared distance), residual (squared length of what the
        level reads), added (squared distance that all levels leave more), free (whether no item has the ID that follows);
        first_item.
    """
    titles = codes.cat.items["title"].to_numpy()
    items = [groups.items(number) for number in range(len(groups))]
    firsts = codes.codes_IL[[members[0] for members in items]] if items else codes.codes_IL[:0]
    frame = pd.DataFrame({
        "semantic_id": [id_text(row) for row in firsts.tolist()], "items": groups.size_G, "cause": groups.causes,
        "cosine": groups.cosine_mean_G, "cosine_low": groups.cosine_min_G, "cosine_high": groups.cosine_max_G,
        "titles": [" | ".join(map(str, titles[members[:TITLES_SHOWN]])) + " | .." * (len(members) > TITLES_SHOWN)
                   for members in items]})
    if parting is not None:
        best = [parting.cheapest(slice(start, start + size)) if apart > 1 else None for start, size, apart in
                zip(groups.start_G.tolist(), groups.size_G.tolist(), groups.n_apart_G.tolist(), strict=True)]
        rows = [_cell(parting, *at) if at else {} for at in best]
        named = pd.DataFrame(rows, columns=["level", "item_moved", "next_code", "relative", "cost", "residual", "added", "free"])
        whole = {"level": "Int64", "item_moved": "Int64", "next_code": "Int64", "free": "boolean"}
        frame = pd.concat([frame, named.astype(whole)], axis=1)
    return frame.assign(first_item=[int(members[0]) for members in items])


def _cell(parting: Parting, row: int, level: int) -> Values:
    return {"level": level + 1, "item_moved": int(parting.item_N[row]), "next_code": int(parting.second_NL[row, level]),
            "relative": float(parting.relative_NL[row, level]), "cost": float(parting.cost_NL[row, level]),
            "residual": float(parting.residual_NM[row, level]), "added": float(parting.added_NL[row, level]),
            "free": bool(parting.free_NL[row, level])}


@dataclass(frozen=True)
class GroupCard:
    """One shared ID.

    Args:
        items: its items: item, title, category, cosine (with the mean of the others' directions).
        levels: what the cheapest item's next-best code costs at each level, as ``groups_frame`` has it, and the item's title;
            None where that cannot be known.
        summary: where they could have parted, in one sentence; "" where that cannot be known.
    """

    number: int
    semantic_id: str
    cause: str
    items: pd.DataFrame
    levels: pd.DataFrame | None
    summary: str


def group_card(found: Explained, item: int | None) -> GroupCard:
    """The group of an item, or the fullest one where its ID is its own.

    Raises:
        ValueError: no items share an ID.
    """
    groups, cat = found.groups, found.codes.cat
    if not len(groups):
        raise ValueError("No two items share all their codes, so there is no group to show.")
    number = (groups.group_of(item) if item is not None else None) or 0
    items_N, row = groups.items(number), found.frame.iloc[number]
    unit_NE = metrics.unit_rows(cat.embedding_IE[items_N]).astype(np.float64)
    others_NE = metrics.unit_rows(unit_NE.sum(0) - unit_NE)
    frame = pd.DataFrame({"item": items_N, "title": cat.items["title"].to_numpy()[items_N],
                          "category": cat.items["category"].to_numpy()[items_N],
                          "cosine": np.einsum("ne,ne->n", unit_NE, others_NE)})
    levels = None if found.parting is None else _levels(found, number)
    return GroupCard(number, str(row["semantic_id"]), str(row["cause"]), frame, levels, _card_summary(found, row))


def _levels(found: Explained, number: int) -> pd.DataFrame:
    assert found.parting is not None
    start, size = int(found.groups.start_G[number]), int(found.groups.size_G[number])
    relative_NL = np.where(found.parting.second_NL >= 0, found.parting.relative_NL, np.inf)[start:start + size]
    rows = [_cell(found.parting, start + int(relative_NL[:, level].argmin()), level) for level in range(relative_NL.shape[1])]
    frame = pd.DataFrame(rows)
    titles = found.codes.cat.items["title"].to_numpy()
    return frame.assign(title=titles[frame["item_moved"]])


def _card_summary(found: Explained, row: pd.Series) -> str:
    if found.parting is None:
        return ""
    if pd.isna(row["level"]):
        return f"{str(row['cause']).capitalize()}: {MEANING[str(row['cause'])]}."
    title = str(found.codes.cat.items["title"].iloc[int(row["item_moved"])])
    free = "an ID that no other item has" if row["free"] else "an ID that is taken, too"
    added = float(row["added"])
    all_levels = f"{abs(added):.3g} {'more' if added >= 0 else 'less'}"
    return (f"They could have parted at level {row['level']}: the second-nearest code for “{title}” costs {row['cost']:.3g} more "
            f"in squared distance, {row['relative']:.1%} of the residual's {row['residual']:.3g}. With deeper levels coded anew "
            f"it gets {free}, and all levels together leave {all_levels}.")


# ---- remedies


def at_once(codes: Codes, geometry: Geometry | None, max_cells: int | None = None) -> list[Outcome]:
    """What remedies leave that need no training: nothing, a counter, an extra level, Sinkhorn on the last level.

    Args:
        max_cells: items that share an ID times codes of the last level, above which Sinkhorn is left out; None: no limit.
    """
    codes_IL = codes.codes_IL
    found = [Outcome("As it is", "", collisions.left_of(codes_IL, geometry)),
             Outcome("A counter as the last code", "TIGER's collision level numbers the items of an ID 0, 1, 2 …",
                     collisions.counted(codes_IL, geometry))]
    extra = "One level more, fitted to what the last one leaves; all else stays."
    last = "Items that share an ID get balanced codes of the last level, round by round, as LC-Rec assigns them."
    if geometry is None:
        reason = "not known without codebooks"
        return [*found, Outcome("An extra level", extra, None, reason), Outcome("Sinkhorn on the last level", last, None, reason)]
    found.append(Outcome("An extra level", extra, collisions.extra_level(codes_IL, geometry)))
    n_shared, n_codes = metrics.collisions(codes_IL).collided_items, len(geometry.codebooks[-1])
    if max_cells is not None and n_shared * n_codes > max_cells:
        return [*found, Outcome("Sinkhorn on the last level", last, None,
                                f"takes minutes for {counted(n_shared, 'item')}: python -m tiger collisions {codes.run.id}")]
    try:
        balanced = Outcome("Sinkhorn on the last level", last, collisions.sinkhorn_last(codes_IL, geometry))
    except ValueError as error:
        balanced = Outcome("Sinkhorn on the last level", last, None, str(error))
    return [*found, balanced]


def remedies_of(run: Run) -> list[Remedy]:
    """Remedies against collisions that a run can be trained with again; none for imported and recorded IDs."""
    given = run.config.quantizer
    if given is None:
        return []
    specs = {spec.name: spec for spec in params.specs(run_config.learner_class(given.name))}
    settings, sizes = settings_of(run), run.codes_per_level()
    offered = [doctor.spread_more(float(settings.get("koleo") or 0.0)), doctor.twice_as_many(sizes),
               doctor.deeper(len(sizes) + 1, sizes)]
    return [remedy for remedy in offered if effective(remedy, settings)
            and all(_fits(specs[name], value) for name, value in remedy.changes.items() if name in specs)]


def _fits(spec: params.Spec, value: object) -> bool:
    try:
        params.check(spec, value)
    except ValueError:
        return False
    return True


def trained(run: Run, cat: Catalogue) -> Iterator[Outcome]:
    """What remedies leave that need a training: of each, the newest run that was trained with it, or what would train it."""
    course = course_of(run)
    for remedy in remedies_of(run):
        settings = settings_of(run)
        wanted = settings | effective(remedy, settings)
        made = [one for one in course if one.id != run.id and settings_of(one) == wanted]
        config = treated_config(course[0], run.id, remedy, wanted)
        if not made:
            yield Outcome(remedy.title, remedy.why, None, "not trained yet", None, config)
            continue
        one = made[-1]
        left, reason = None, one.state
        if one.has_result():
            codes_IL = data.codes_for(one, cat)
            left = Left(metrics.collisions(codes_IL), int((codes_IL != data.codes_for(run, cat)).any(1).sum())
                        if codes_IL.shape[1] == len(run.codes_per_level()) else len(codes_IL), _own_error(one))
        yield Outcome(remedy.title, remedy.why, left, "" if left else reason, one, config)


def _own_error(run: Run) -> float:
    try:
        error_IM = run.recon_error()
    except ValueError:
        return math.nan
    whole = float(error_IM[:, 0].mean())
    return float(error_IM[:, -1].mean()) / whole if whole > 0 else 0.0


def outcomes_frame(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """What each remedy leaves: remedy, surplus, rate, items (that share an ID), largest (group), changed, error, note.

    ``surplus`` are items that would need another ID, ``rate`` is their share; nan where a remedy was not measured.
    """
    rows = []
    for one in outcomes:
        n = one.left.collisions if one.left else None
        rows.append({"remedy": one.title, "surplus": None if n is None else n.n_items - n.unique,
                     "rate": math.nan if n is None else n.rate, "items": None if n is None else n.collided_items,
                     "largest": None if n is None else n.largest, "changed": one.left.n_changed if one.left else None,
                     "error": one.left.error if one.left else math.nan, "note": one.left.note if one.left else one.reason})
    return pd.DataFrame(rows).astype(dict.fromkeys(("surplus", "items", "largest", "changed"), "Int64"))


def outcomes_summary(outcomes: Sequence[Outcome]) -> str:
    """Which measured remedy, other than a counter, leaves fewest."""
    measured = [one for one in outcomes if one.left is not None]
    now = measured[0].left
    rest = [one for one in measured[2:] if one.left is not None]
    if now is None or not rest or not now.collisions.groups:
        return ""
    best = min(rest, key=lambda one: -one.left.collisions.unique if one.left else 0)
    assert best.left is not None
    left, before = (found.collisions.n_items - found.collisions.unique for found in (best.left, now))
    if left >= before:
        return f"None of the measured remedies leaves fewer than {counted(before, 'item')} that need another ID."
    paid = [f"changes the codes of {counted(best.left.n_changed, 'item')}"] if best.left.n_changed else []
    if math.isfinite(best.left.error) and math.isfinite(now.error) and best.run is None:
        change = "raises" if best.left.error > now.error else "lowers"
        paid.append(f"{change} the error from {now.error:.1%} to {best.left.error:.1%}")
    return (f"“{best.title}” leaves {left:,} of {counted(before, 'item')} that need another ID"
            + (f"; it {' and '.join(paid)}." if paid else "."))
