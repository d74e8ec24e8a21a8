"""What the Tree page shows, made once for all visitors."""

import pandas as pd

from tiger import runs
from tiger.analysis import tree
from tiger.analysis.tree import Branches, IdSet
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.reports import at_scale
from tiger.reports import tree as reports
from tiger.reports.codes import Codes
from tiger.reports.tree import Difference, LshCodes, Pairs, Reference, SideBySide, TreePicture
from tiger.runs import supervisor
from tiger.ui.shared import caching, sources, state


@caching.resource(32)
def lsh_codes(cat: Catalogue, widths: tuple[int, ...], seed: int) -> LshCodes:
    """One seed's LSH codes."""
    return reports.lsh_codes(cat, widths, seed)


def lsh(codes: Codes, seed: int) -> Reference:
    """LSH with as many bits as the run's IDs, level by level."""
    widths = reports.bit_widths(codes.n_codes)
    title = f"LSH, {counted(sum(widths), 'bit')}"
    return Reference("LSH", title, codes.cat, lsh_codes(codes.cat, widths, seed).codes_IL, widths, seed)


def of_run(run: runs.Run, cat: Catalogue) -> Reference:
    """Another run's codes."""
    return Reference("run", run.title, cat, sources.codes_at(run, cat).codes_IL, run=run)


def categories(cat: Catalogue) -> Reference:
    """The catalogue's own category tree."""
    return Reference("categories", "the catalogue's categories", cat, sources.category_codes(cat))


def branches(codes: Codes, depth: int) -> tuple[Branches, str]:
    """The run's tree as it is looked at down to a depth, and what its sizes count; ``at_scale.tree_of``."""
    deepest = _counted_levels(codes)
    return _branches(codes, deepest if depth <= deepest else codes.n_levels + 1)  # two trees at most, whatever the depth


@caching.resource(64)
def _counted_levels(codes: Codes) -> int:
    return at_scale.counted_levels(codes)


@caching.resource(64)
def _branches(codes: Codes, depth: int) -> tuple[Branches, str]:
    return at_scale.tree_of(codes, depth)


def depth(level: int, requested: str) -> int:
    """How deep the run's tree is looked at: to a level, and one below the branch that somebody asked for."""
    return max(level, len(requested.split("-")) + 1 if requested else 0)


@caching.resource(64)
def own_trees(codes: Codes, requested: str) -> tuple[TreePicture, ...]:
    """The run's tree, or what lies below the branch that somebody asked for, down to level 1, 2 .. of the IDs."""
    cat = codes.cat
    trees: dict[tuple[int, int], tuple[Branches, dict[int, str]]] = {}  # by tree and root: titles by level
    for level in range(1, codes.n_levels + 1):
        found, scope = branches(codes, depth(level, requested))
        root = reports.branch(codes, found, requested).row or 0
        title = (codes.run.title if root else f"{codes.run.title}, {level} of {counted(codes.n_levels, 'level')}") + scope
        trees.setdefault((id(found), root), (found, {}))[1][level] = title
    return tuple(picture for (_, root), (found, titles) in trees.items()
                 for picture in reports.tree_pictures(found, sources.texts(cat), titles, root))


@caching.resource(64)
def other_trees(other: Reference, n_levels: int, planes: int) -> tuple[TreePicture, ...]:
    """The reference's tree down to level 1, 2 .., at most as many as the run has.

    Args:
        planes: LSH's hyperplanes, whatever the level, in one picture; 0 for as many as the run's levels have bits.
    """
    depths = list(range(1, min(n_levels, other.codes_IL.shape[1]) + 1))
    codes_IL, titles = other.codes_IL, {depth: f"{other.title}, {counted(depth, 'level')}" for depth in depths}
    if other.kind == "LSH":
        shown = [planes] if planes else [other.bits_at(level) for level in depths]
        codes_IL, depths = reports.first_planes(other, shown[-1]), [len(reports.plane_widths(other, n)) for n in shown]
        titles = {depth: f"{other.title} after {counted(n, 'hyperplane')}" for depth, n in zip(depths, shown, strict=True)}
    found = reports.tree_pictures(Branches.from_codes(codes_IL), sources.texts(other.cat), titles)
    at = dict(zip(titles, found, strict=True))
    return tuple(at[depth] for depth in depths)


@caching.resource(16)
def splits(other: Reference) -> pd.DataFrame:
    """LSH's buckets after each hyperplane."""
    return tree.split_steps(other.bits())


def side_by_side(codes: Codes, other: Reference) -> SideBySide:
    """Every number of both, each over its seeds; two seeds of one recipe stand for themselves."""
    here = state.runs_here()
    alike, beside = reports.seeds_of(codes.run, here), reports.seeds_of(other.run, here) if other.run else []
    if other.run and other.run.id in {run.id for run in alike}:
        alike, beside = [codes.run], [other.run]
    return _side_by_side(codes, other, alike, beside)


@caching.resource(32)
def _side_by_side(codes: Codes, other: Reference, alike: list[runs.Run], beside: list[runs.Run]) -> SideBySide:
    cat = codes.cat
    one = reports.id_set(codes.run.title, [sources.codes_at(run, cat) for run in alike])
    two = IdSet(other.title, [other.codes_IL])
    if other.run:
        two = reports.id_set(other.title, [sources.codes_at(run, cat) for run in beside])
    elif other.kind == "LSH":
        made = [lsh_codes(cat, other.widths, other.seed + n) for n in range(reports.LSH_SEEDS)]
        two = IdSet(other.title, [each.codes_IL for each in made], [each.error for each in made],
                    [each.build_s for each in made])
    return reports.side_by_side(cat, one, two, sources.labels(cat))


def train_seeds(run: runs.Run, seeds: list[int]) -> None:
    """Queue the same run with other seeds."""
    given = run.learner
    for seed in seeds:
        supervisor.current().submit({"dataset": run.config.dataset, "title": f"{run.title}, seed {seed}",
                                     "quantizer": {"name": given.name, "params": given.params | {"seed": seed}}})


@caching.resource(64)
def disagreement(codes: Codes, other: Reference, level: int, other_together: bool, closest: bool) -> Pairs:
    """Items together in one set and apart in the other."""
    return reports.disagreement(codes, other, level, other_together, closest)


@caching.resource(32, "Matching the branches …")
def difference(codes: Codes, other: Reference) -> Difference:
    """Which items moved between the two trees."""
    return reports.difference(codes, other)
