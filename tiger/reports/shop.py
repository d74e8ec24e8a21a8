"""What is in a catalogue and who interacts with what: search, one history, the data report, how unequal it all is."""

import numpy as np
import pandas as pd

from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.reports.items import item_rows


def popularity(cat: Catalogue) -> np.ndarray:
    """Interactions per item, int64 (I,)."""
    return np.bincount(cat.history_items, minlength=cat.n_items)


def example(cat: Catalogue) -> tuple[int, int]:
    """What is shown before anything is chosen: the item in most histories, and a user who has it: the first one with five to
    twelve items, which a page can show whole, else the one with the fewest of at least five.
    """
    item = int(popularity(cat).argmax())
    users = users_of(cat, item)
    long_enough = [int(user) for user in users if len(cat.history(int(user))) >= 5]
    if not long_enough:
        return item, int(users[0]) if len(users) else 0
    fits = (user for user in long_enough if len(cat.history(user)) <= 12)
    return item, next(fits, min(long_enough, key=lambda user: len(cat.history(user))))


def browse(cat: Catalogue, search: str = "", category: str | None = None,
           codes_IL: np.ndarray | None = None) -> pd.DataFrame:
    """Items whose texts hold every searched word, those with most interactions first.

    Args:
        search: words; case does not matter; every word must occur in title, text, category or item id.
        category: only items whose category is this one or lies below it.
        codes_IL: codes or semantic IDs of these items, shown in a column of their own.

    Returns:
        the columns of ``item_rows``, then interactions and text.
    """
    items = cat.items
    keep_I = np.ones(len(items), bool)
    if category:
        own = items["category"].astype(str)
        keep_I &= ((own == category) | own.str.startswith(f"{category} > ")).to_numpy()
    words = search.casefold().split()
    if words:
        texts = items["title"].str.cat([items["text"], items["category"], items["item_id"]], sep="\n")
        haystack = texts.astype(str).str.casefold()
        for word in words:
            keep_I &= haystack.str.contains(word, regex=False).to_numpy()
    count_I = popularity(cat)
    found_N = np.flatnonzero(keep_I)
    found_N = found_N[np.argsort(-count_I[found_N], kind="stable")]
    return item_rows(cat, found_N, codes_IL).assign(interactions=count_I[found_N],
                                                    text=items["text"].to_numpy()[found_N])


def categories(cat: Catalogue, at_most: int = 200) -> list[str]:
    """Category paths and all their prefixes, in order; the most frequent ``at_most`` of them."""
    counts: dict[str, int] = {}
    for path, n in cat.items["category"].value_counts().items():
        parts = str(path).split(" > ")
        for depth in range(1, len(parts) + 1):
            start = " > ".join(parts[:depth])
            if start:
                counts[start] = counts.get(start, 0) + int(n)
    return sorted(sorted(counts, key=lambda start: -counts[start])[:at_most])


def history(cat: Catalogue, user: int, codes_IL: np.ndarray | None = None) -> pd.DataFrame:
    """A user's items, oldest first, each with the part of the leave-one-out split it belongs to.

    Returns:
        position (from 1), part ("train", "valid" or "test"), then the columns of ``item_rows``.
    """
    items_T = cat.history(user)
    parts = ["train"] * len(items_T)
    if len(items_T) >= 3:
        parts[-2:] = ["valid", "test"]
    frame = item_rows(cat, items_T, codes_IL)
    frame.insert(0, "position", np.arange(1, len(items_T) + 1))
    frame.insert(1, "part", parts)
    return frame


def users_of(cat: Catalogue, item: int, at_most: int = 100) -> np.ndarray:
    """User numbers of the first ``at_most`` users whose history holds the item, ascending."""
    places = np.flatnonzero(cat.history_items == item)
    return np.unique(np.searchsorted(cat.indptr_U1, places, side="right") - 1)[:at_most]


def length_histogram(cat: Catalogue, longest: int | None = None) -> pd.DataFrame:
    """Users per history length, in at most about 50 rows; lengths over ``longest`` are counted in the last one.

    Args:
        longest: by default 50, or what 95 % of the users stay within where that is more.

    Returns:
        length (the least of the row's lengths), users.
    """
    length_U = np.diff(cat.indptr_U1)
    if longest is None:
        longest = max(50, int(np.quantile(length_U, 0.95)) if len(length_U) else 0)
    width = -(-longest // 50)
    counts = np.bincount(np.minimum(length_U, longest) // width, minlength=1)
    return pd.DataFrame({"length": np.arange(len(counts)) * width, "users": counts})


def length_summary(frame: pd.DataFrame) -> str:
    """The takeaway of ``length_histogram`` in one sentence."""
    most, width = frame.loc[frame["users"].idxmax()], int(frame["length"].diff().max()) if len(frame) > 1 else 1
    lengths = f"{most['length']}" if width == 1 else f"{most['length']} to {most['length'] + width - 1}"
    return (f"The most common history holds {lengths} item{'s' * (lengths != '1')} ({most['users']:,} of "
            f"{counted(frame['users'].sum(), 'user')}).")


def tail_summary(frame: pd.DataFrame) -> str:
    """The takeaway of ``popularity_tail`` in one sentence."""
    tenth = frame[frame["rank"] <= max(1, frame["rank"].max() / 10)].iloc[-1]
    return f"The most popular tenth of the items has {tenth['share']:.0%} of all interactions."


def popularity_tail(cat: Catalogue, points: int = 400) -> pd.DataFrame:
    """Interactions of the most popular item, the second most popular ..., thinned evenly on a log axis.

    Returns:
        rank (from 1), interactions, share (of all interactions up to this rank, 0..1).
    """
    count_I = np.sort(popularity(cat))[::-1]
    rank = np.unique(np.geomspace(1, max(1, len(count_I)), points).astype(int))
    share_I = np.cumsum(count_I) / max(1, count_I.sum())
    return pd.DataFrame({"rank": rank, "interactions": count_I[rank - 1], "share": share_I[rank - 1]})


def somebody_else(cat: Catalogue, user: int) -> int:
    """Another user, far from this one in the list; repeated, it visits every user."""
    stride = max(1, int(cat.n_users * 0.618))
    while np.gcd(stride, cat.n_users) != 1:
        stride += 1
    return (user + stride) % cat.n_users


def report_rows(cat: Catalogue) -> list[tuple[str, str, str]]:
    """The data report for people: label, value, and one line that says what it counts.

    Counts come from the catalogue itself; what only the loader can know (duplicates dropped) from its report.
    """
    length_U = np.diff(cat.indptr_U1)
    low, middle, high = np.quantile(length_U, [0.1, 0.5, 0.9]).astype(int) if len(length_U) else (0, 0, 0)
    cold = int((popularity(cat) == 0).sum())
    dropped = cat.report.get("duplicates_dropped", 0)
    sampled = cat.sampled
    rows = [("Items", f"{cat.n_items:,}", f"{sampled.summary(cat.n_items).capitalize()}." if sampled else
             "Items that can be recommended."),
            *([("Items in all files", f"{sampled.n_rows:,}", "The items here are a sample of these; python -m tiger encode "
                "gives all of them their IDs.")] if sampled else []),
            ("Users", f"{cat.n_users:,}", "Each user has one history."),
            ("Interactions", f"{cat.n_interactions:,}", "Total length of all histories."),
            ("Length 10 · 50 · 90 %", f"{low} · {middle} · {high}",
             f"10 % of the users have at most {counted(low, 'item')}, 50 % at most {middle}, 90 % at most {high}."),
            ("Cold items", f"{cold:,}", "Items without interactions."),
            ("Duplicates dropped", f"{dropped:,}", "Repeated rows dropped when the data were loaded.")]
    return rows
