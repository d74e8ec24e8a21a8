"""Who may reach the server, and what the words of its command line mean."""

import pytest

from tiger.core import paths
from tiger.ui.shared import serve


def test_words_become_streamlits_options():
    share, options = serve.parse(["--server.port", "8600", "--share", "--server.headless=true", "--server.runOnSave"])
    assert share and options == {"server.port": 8600, "server.headless": True, "server.runOnSave": True}


@pytest.mark.parametrize(("words", "sentence"), [
    (["--port", "8600"], "'--port' is not an option of tiger app"), (["8600"], "'8600' is not an option"),
    (["--server.port"], "--server.port needs a value")])
def test_words_that_mean_nothing_are_refused_with_what_there_is(words, sentence):
    with pytest.raises(ValueError, match=sentence):
        serve.parse(words)


@pytest.mark.parametrize(("host", "alone", "shared"), [
    ("127.0.0.1:8501", True, True), ("localhost", True, True), ("LocalHost:1", True, True), ("[::1]:8501", True, True),
    ("127.0.0.1.", True, True), ("192.168.1.7:8501", False, True), ("[fe80::1]:8501", False, True), ("lab.example", False, True),
    ("evil.example", False, False), ("127.0.0.1.evil.example", False, False), ("localhost.evil.example", False, False),
    ("", False, False), ("127.0.0.1@evil.example", False, False), ("[", False, False), ("evil.example:8501", False, False)])
def test_only_own_host_names_are_answered(host, alone, shared, monkeypatch):
    """A website that points its own name at this machine (DNS rebinding) still sends its name."""
    monkeypatch.setenv("TIGER_HOSTS", "lab.example, ")
    assert serve.OwnHosts(None, serve.own_names(False, "127.0.0.1"), numeric=False).allows(host) is alone
    assert serve.OwnHosts(None, serve.own_names(True, "0.0.0.0"), numeric=True).allows(host) is shared


def test_a_shared_server_reads_no_typed_path_but_below_the_given_roots(monkeypatch, tmp_path):
    monkeypatch.delenv("TIGER_DATA_ROOTS", raising=False)
    monkeypatch.setenv("TIGER_SHARED", "1")
    with pytest.raises(ValueError, match="This server is shared, so it reads no typed paths; upload the files"):
        paths.check_readable(str(tmp_path))
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(tmp_path))
    assert paths.check_readable(str(tmp_path)) == tmp_path.resolve()
    with pytest.raises(ValueError, match="lies outside"):
        paths.check_readable(str(tmp_path.parent))
