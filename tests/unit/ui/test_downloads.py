"""What can be saved after its button was drawn anew: a run of the page by what Streamlit's runner does to its files."""

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager, MediaFileMetadata
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from tiger.ui.shared import downloads


@pytest.fixture
def clock(monkeypatch):
    """The seconds that it is, in a list; what ``keep_what_was_offered`` changes is put back."""
    now = [1000.0]
    monkeypatch.setattr(downloads.time, "monotonic", lambda: now[0])
    for owner, name in ((MediaFileManager, "_remove_orphaned_deferred_callables"), (MediaFileMetadata, "mark_for_delete"),
                        (MediaFileMetadata, "is_marked_for_delete")):
        monkeypatch.setattr(owner, name, vars(owner)[name])
    downloads.keep_what_was_offered()
    return now


class Page:
    """A page with one button for each text, whose place and words are the same in every run."""

    def __init__(self):
        self.storage = MemoryMediaFileStorage("/media")
        self.files = MediaFileManager(self.storage)

    def run(self, *texts):
        self.files.clear_session_refs()
        buttons = [self.files.add_deferred(text.encode, "text/plain", f"0.{n}", "a.txt") for n, text in enumerate(texts)]
        self.files.remove_orphaned_files()
        return buttons

    def saved(self, url):
        return self.storage.get_file(url.removeprefix("/media/")).content


def test_a_button_of_some_runs_ago_saves_what_it_offered(clock):
    page = Page()
    (first,) = page.run("one")
    clock[0] += 5
    (last,) = page.run("two")
    page.run("three", "four")
    page.run("five")  # one button less
    assert page.saved(page.files.execute_deferred(first)) == b"one"
    assert page.saved(page.files.execute_deferred(last)) == b"two"


def test_what_was_made_waits_for_its_visitor_whoever_else_runs_a_page(clock):
    page = Page()
    (button,) = page.run("one")
    url = page.files.execute_deferred(button)
    for _ in range(30):
        clock[0] += 1
        page.run("one")
    assert page.saved(url) == b"one"


def test_nothing_stays_for_ever(clock):
    page = Page()
    (old,) = page.run("one")
    url = page.files.execute_deferred(old)
    (offered,) = page.run("two")
    for _ in range(3):
        clock[0] += downloads.KEEP_SECONDS + 1
        page.files.remove_orphaned_files()  # as every run of any other page does
    with pytest.raises(MediaFileStorageError):
        page.files.execute_deferred(old)
    with pytest.raises(MediaFileStorageError):
        page.saved(url)
    assert page.saved(page.files.execute_deferred(offered)) == b"two"


def test_a_button_that_is_drawn_disabled_saves_nothing_any_more(clock):
    page = Page()
    (button,) = page.run("one")
    page.files.remove_deferred("0.0")
    with pytest.raises(MediaFileStorageError):
        page.files.execute_deferred(button)
