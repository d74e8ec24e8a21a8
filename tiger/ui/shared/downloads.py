"""What a button offers to save stays there until a click on it has arrived, however slow the network."""

import time
from typing import Any

from streamlit.runtime.media_file_manager import MediaFileManager, MediaFileMetadata

KEEP_SECONDS = 60.0


def keep_what_was_offered() -> None:
    """Have Streamlit keep downloads for ``KEEP_SECONDS`` after their button was drawn anew or their visitor left.

    By itself it forgets at the end of a run what the buttons of the run before would have saved, although the browser still has
    these buttons, and a finished file when two runs of anybody have ended, although the browser may not have asked for it yet:
    with two visitors of a training, 0.3 seconds away, one click in four saved something (``benchmarks/slow_network.py``).
    """
    MediaFileManager._remove_orphaned_deferred_callables = _forget_old  # type: ignore[method-assign]
    MediaFileMetadata.mark_for_delete = _mark  # type: ignore[method-assign]
    MediaFileMetadata.is_marked_for_delete = property(_is_old)  # type: ignore[method-assign,assignment]


def _forget_old(self: MediaFileManager) -> None:
    """Remove what no button of anybody's has offered for long enough; the caller holds the lock."""
    offered = {file_id for by_place in self._files_by_session_and_coord.values() for file_id in by_place.values()}
    now = time.monotonic()
    entries: dict[str, Any] = self._deferred_callables  # type: ignore[assignment]
    for file_id, entry in list(entries.items()):
        if file_id in offered:
            entry.pop("gone_s", None)
        elif now - entry.setdefault("gone_s", now) > KEEP_SECONDS:
            self._drop_deferred_id(file_id)


def _mark(self: MediaFileMetadata) -> None:
    self.__dict__.setdefault("gone_s", time.monotonic())


def _is_old(self: MediaFileMetadata) -> bool:
    return time.monotonic() - self.__dict__.get("gone_s", float("inf")) > KEEP_SECONDS
