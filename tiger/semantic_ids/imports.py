"""Anyone's semantic IDs: read codes from a file and line them up with a catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tiger import metrics
from tiger.core import params
from tiger.core.words import counted, none_of
from tiger.datasets.catalogue import Catalogue
from tiger.semantic_ids import alignment, conventions
from tiger.semantic_ids.alignment import ALIGNMENTS, CLEAR, Fit
from tiger.semantic_ids.conventions import COLLISION_TOKEN, Assumed
from tiger.semantic_ids.ids import SemanticIds
from tiger.semantic_ids.raw import RawIds
from tiger.semantic_ids.readers import read

N_CODES = params.Spec("n_codes", int, None, "Codes to choose from at each level.", low=1, high=2**20, optional=True, listed=True)
"""What may be asked for: one number, or one a level with commas between them."""


@dataclass(frozen=True)
class ImportReport:
    """What an import found.

    Args:
        file: the file's name.
        n_rows: IDs in the file.
        n_items: items of the catalogue (or of the file, without a catalogue).
        align: how the file's items were matched, a key of ``ALIGNMENTS``.
        n_codes: codes per level; ``guessed`` when the file and the caller did not say.
        gap_N: items of the catalogue without an ID.
        strangers: items of the file that the catalogue does not have, the first 20 of ``n_strangers``.
        collisions: what the codes share.
        tried: the ways of matching that were tried, best first; empty where one was asked for untried.
        assumed: what was taken for granted of the codes: offsets of tokens, a collision token.
        notes: how the file was read, where that was no matter of course.
    """

    file: str
    n_rows: int
    n_items: int
    align: str
    n_codes: list[int]
    guessed: bool
    gap_N: np.ndarray
    strangers: list[str]
    n_strangers: int
    collisions: metrics.Collisions
    tried: list[Fit] = field(default_factory=list)
    assumed: Assumed = field(default_factory=lambda: Assumed(()))
    notes: tuple[str, ...] = ()

    @property
    def chosen(self) -> Fit | None:
        """How the way of matching that was taken fits; None where that was not tried."""
        return next((fit for fit in self.tried if self.align in (fit.align, *fit.also)), None)

    @property
    def doubt(self) -> str:
        """Why the IDs may stand at the wrong items, and what to do; empty where nothing says so."""
        one = self.chosen
        if one is None or one.by_name or not np.isfinite(one.recall):
            return ""
        said = f"Matched so, {one.recall:.1%} of true neighbours share their first codes ({one.by_chance:.1%} by chance)"
        best = max(self.tried, key=lambda fit: fit.gain)
        if best.beats(one):
            return f"{said}, but {best.recall:.1%} do when matched by {ALIGNMENTS[best.align]}; match them so."
        if one.gain > CLEAR:
            return ""
        return (f"{said}: these items are numbered differently, or the codes were made from other embeddings. Give the file item "
                "ids (as the keys of index.json, or as a column item_id), or match the items another way.")

    def sentences(self) -> list[str]:
        """The report in plain sentences, most important first."""
        matched = self.n_items - len(self.gap_N)
        said = [f"{matched:,} of {counted(self.n_items, 'item')} {'has' if matched == 1 else 'have'} an ID of "
                f"{counted(len(self.n_codes), 'code')}, matched by {ALIGNMENTS[self.align]}."]
        said += [*self.notes, *self.assumed.sentences(), *self._evidence()]
        if len(self.gap_N):
            shown = ", ".join(map(str, self.gap_N[:5]))
            said.append(f"{counted(len(self.gap_N), 'item has', 'items have')} no ID (item number{'s' * (len(self.gap_N) > 1)} "
                        f"{shown}{' ..' if len(self.gap_N) > 5 else ''}) and {'is' if len(self.gap_N) == 1 else 'are'} left out "
                        "of every count.")
        if self.n_strangers:
            shown = ", ".join(self.strangers[:5]) + (" .." if self.n_strangers > 5 else "")
            said.append(f"{counted(self.n_strangers, 'ID belongs to an item that is', 'IDs belong to items that are')} not in "
                        f"this catalogue ({shown}) and {'was' if self.n_strangers == 1 else 'were'} dropped.")
        if self.guessed:
            sizes = ", ".join(map(str, self.n_codes))
            said.append(f"The file does not say how many codes a level has; {sizes} "
                        f"{'is' if len(self.n_codes) == 1 else 'are'} assumed, the next power of two above a level's largest "
                        "code. Dead codes are counted if the sizes are given, as in n_codes='256'.")
        if self.collisions.collided_items:
            said.append(f"{counted(self.collisions.collided_items, 'item')} share all their codes with another item; a collision "
                        "level makes their IDs unique.")
        return said

    def _evidence(self) -> list[str]:
        """What speaks against this way of matching; or why it was taken, where the codes decided it."""
        one = self.chosen
        if one is None:
            return []
        said = [self.doubt] if self.doubt else []
        said += [f"Matching by {ALIGNMENTS[other]} gives the same result." for other in (one.align, *one.also)
                 if other != self.align]
        others = [fit for fit in self.tried if fit is not one]
        if self.doubt or not others or not one.gain > CLEAR:
            return said
        two = others[0]
        return [*said, f"Matched so, {one.recall:.0%} of true neighbours share their first codes ({one.by_chance:.1%} by "
                f"chance); matched by {ALIGNMENTS[two.align]}, {two.recall:.0%} do ({two.by_chance:.1%})."]


@dataclass(frozen=True)
class Imported:
    """Imported IDs and the report on them."""

    ids: SemanticIds
    report: ImportReport


def import_ids(path: Path | str, catalogue: Catalogue | None = None, align: str | None = None,
               n_codes: int | Sequence[int] | None = None, tried: list[Fit] | None = None,
               collision_token: str = "auto", raw: RawIds | None = None) -> Imported:
    """Read semantic IDs that any system wrote.

    Args:
        path: ``index.json`` (item to tokens ``<a_1>`` or codes), or codes as npy, safetensors, CSV, Parquet, JSON Lines.
        catalogue: whose items the IDs belong to; without one the file's own item numbers are taken.
        align: a key of ``ALIGNMENTS``; None takes the one that fits best (``alignment.fits``).
        n_codes: codes per level; what the file says comes first; without either, the next power of two.
        tried: what ``alignment.fits`` found for this file and catalogue, where it was asked before.
        collision_token: whether the last code only tells items apart that share all others: "auto" (where it shows),
            "yes" or "no". The file of this lab's own says it itself.
        raw: the file's content, where it was read before.

    Returns:
        IDs with one row per catalogue item (-1 for gaps), and the report.

    Raises:
        ValueError: one sentence: what is wrong, where, the limit and the remedy. Nothing is half-loaded.
    """
    path = Path(path)
    if collision_token not in COLLISION_TOKEN:
        raise ValueError(f"collision_token is {collision_token!r}, but must be one of {', '.join(COLLISION_TOKEN)}.")
    raw = read(path) if raw is None else raw
    chosen, tried = _choose(path.name, raw, catalogue, align, tried)
    row_item_N = alignment.item_numbers(path.name, raw, catalogue, chosen)
    n_items = catalogue.n_items if catalogue is not None else int(row_item_N.max(initial=-1)) + 1
    stranger_N = (row_item_N < 0) | (row_item_N >= n_items)
    row_item_N = np.where(stranger_N, -1, row_item_N)
    if stranger_N.all():
        raise ValueError(f"{none_of(len(row_item_N), 'item')} in '{path.name}' is among this catalogue's "
                         f"{n_items:,} when matched by {ALIGNMENTS[chosen]}; choose another alignment.")
    _refuse_twice(path.name, raw, row_item_N)
    offset_L = (0,) * raw.codes_NL.shape[1] if raw.n_codes is not None or _holds(n_codes, raw) else \
        conventions.offsets(raw.codes_NL)
    raw = conventions.shifted(raw, offset_L)
    codes_IL = np.full((n_items, raw.codes_NL.shape[1]), -1, np.int64)
    codes_IL[row_item_N[~stranger_N]] = raw.codes_NL[~stranger_N]
    assumed = Assumed(offset_L, _collision_token(path.name, raw, codes_IL, catalogue, collision_token))
    ids, guessed = _make_ids(raw, codes_IL, n_codes, bool(assumed.collision))
    names = raw.keys if raw.keys is not None else np.arange(len(raw.codes_NL))
    strangers = [str(name)[:40] for name in names[stranger_N][:20]]
    report = ImportReport(path.name, len(raw.codes_NL), n_items, chosen, ids.n_codes[:ids.n_levels], guessed,
                          np.flatnonzero(~ids.has_id_I), strangers, int(stranger_N.sum()),
                          metrics.collisions(ids.codes_IL), tried, assumed, raw.notes)
    return Imported(ids, report)


def _holds(n_codes: int | Sequence[int] | None, raw: RawIds) -> bool:
    """Whether the sizes that the caller says hold the codes as they stand in the file."""
    if n_codes is None:
        return False
    sizes_L = np.broadcast_to(n_codes, raw.codes_NL.shape[1:]) if np.size(n_codes) in (1, raw.codes_NL.shape[1]) else np.zeros(1)
    return bool((raw.codes_NL < sizes_L).all())


def _collision_token(name: str, raw: RawIds, codes_IL: np.ndarray, catalogue: Catalogue | None, requested: str) -> str:
    """Why the last code is taken for a collision token; empty where it is a code."""
    if raw.n_levels is not None or requested == "no":
        return ""
    if requested == "yes":
        if raw.codes_NL.shape[1] < 2:
            raise ValueError(f"'{name}' has one code an item, so there is no collision token besides; read it with "
                             "collision_token='no'.")
        return "asked"
    if conventions.counts_collisions(raw.codes_NL):
        return "counts"
    if catalogue is not None and conventions.tells_nothing(codes_IL, catalogue.embedding_IE):
        return "uninformative"
    return ""


def _choose(name: str, raw: RawIds, catalogue: Catalogue | None, align: str | None,
            tried: list[Fit] | None) -> tuple[str, list[Fit]]:
    """The way of matching that was asked for, or the one that fits best; and what was tried."""
    if catalogue is None or align is not None:
        return align or "number", tried or []
    tried = tried or alignment.fits(name, raw, catalogue)
    if tried:
        return tried[0].align, tried
    return "number" if raw.keys is None or all(map(str.isdecimal, raw.keys)) else "item_id", []


def _refuse_twice(name: str, raw: RawIds, row_item_N: np.ndarray) -> None:
    """One item, one ID."""
    rows = np.flatnonzero(row_item_N >= 0)
    order = rows[np.argsort(row_item_N[rows], kind="stable")]
    twice = np.flatnonzero(row_item_N[order][1:] == row_item_N[order][:-1])
    if len(twice):
        first, second = order[twice[0]], order[twice[0] + 1]
        item = raw.keys[first] if raw.keys is not None else first
        one, other = (tuple(raw.codes_NL[row].tolist()) for row in (first, second))
        raise ValueError(f"'{name}' gives item {item} two IDs, {one} in row {first} and {other} in row "
                         f"{second}; keep one.")


def _make_ids(raw: RawIds, codes_IL: np.ndarray, n_codes: int | Sequence[int] | None,
              collision: bool) -> tuple[SemanticIds, bool]:
    """Unique IDs, and whether the codebook sizes were guessed.

    Args:
        collision: the last code is a collision token; it stays where it makes the IDs unique.
    """
    if raw.n_codes is not None and raw.n_levels is not None:
        return SemanticIds(codes_IL, raw.n_codes, raw.n_levels), False
    n_levels = codes_IL.shape[1] - collision
    largest_L = codes_IL[:, :n_levels].max(axis=0)
    guessed = n_codes is None
    sizes: int | Sequence[int] = [max(2, 1 << int(largest).bit_length()) for largest in largest_L] if n_codes is None else n_codes
    if not isinstance(sizes, int) and len(sizes) == codes_IL.shape[1] and collision:
        sizes = sizes[:-1]  # the caller counted the token as a level
    ids = SemanticIds.from_codes(codes_IL[:, :n_levels], sizes, True if collision else None)
    if collision and not metrics.collisions(codes_IL).collided_items:
        kept = [*ids.n_codes[:n_levels], int(codes_IL[:, -1].max()) + 1]
        ids = SemanticIds(codes_IL, kept, n_levels)
    return ids, guessed
