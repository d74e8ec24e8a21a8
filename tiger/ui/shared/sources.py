"""What several pages start from, cached for all visitors: codes, kept steps, the quantizer, labels, semantic IDs."""

import numpy as np

from tiger import runs
from tiger.analysis import tree
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.labels import category_labels
from tiger.quantizers import Quantizer
from tiger.reports import codes as code_reports
from tiger.reports.branches import Texts
from tiger.reports.codes import Codes
from tiger.reports.usage import UsageHistory
from tiger.runs import data
from tiger.semantic_ids import SemanticIds
from tiger.ui.shared import caching, state


def codes_at(run: runs.Run, cat: Catalogue, step: int | None = None) -> Codes:
    """The run's codes at a kept step, or the newest ones; ValueError where there are none for this catalogue."""
    state.say_changes(run, cat)
    return _codes_at(run, cat, step)


@caching.resource(128)
def _codes_at(run: runs.Run, cat: Catalogue, step: int | None) -> Codes:
    return code_reports.codes_at(run, cat, step)


@caching.resource(64)
def usage_history(run: runs.Run, n_codes: tuple[int, ...]) -> UsageHistory:
    """How many items carried each code at every kept step."""
    return code_reports.usage_history(run, n_codes)


@caching.resource(8)
def quantizer(run: runs.Run) -> Quantizer | None:
    """The trained quantizer, or None where there is none."""
    return code_reports.quantizer_of(run)


@caching.resource(8)
def semantic_ids(run: runs.Run, cat: Catalogue) -> SemanticIds:
    """The run's semantic IDs in the catalogue's order; ValueError where there are none for this catalogue."""
    return data.ids_for(run, cat)


def ids_of(run: runs.Run | None, cat: Catalogue) -> np.ndarray | None:
    """The semantic IDs of this catalogue's items, (I, M); None without codes. Why codes do not fit is said.

    Of a sample they are the codes alone: which place an item has among all that share its ID is not known here.
    """
    if run is None or not run.knows_all_items():
        return None
    state.say_changes(run, cat)
    try:
        ids = semantic_ids(run, cat)
        return ids.codes_IL if cat.sampled else ids.ids_IM
    except ValueError as error:
        state.notice(str(error))
        return None


@caching.resource(8)
def labels(cat: Catalogue) -> tuple[np.ndarray | None, str]:
    """A label an item, and what it is: the category, or the commonest attribute; None without either."""
    return category_labels(cat)


@caching.resource(4)
def texts(cat: Catalogue) -> Texts:
    """What names and describes branches."""
    return Texts.of(cat)


@caching.resource(8)
def category_codes(cat: Catalogue) -> np.ndarray:
    """The catalogue's category paths as codes, (I, L); -1 for items without one."""
    return tree.category_codes(cat.items["category"].to_numpy(object))


def has_categories(cat: Catalogue) -> bool:
    """Whether the catalogue names categories at all."""
    return bool((category_codes(cat) >= 0).any())
