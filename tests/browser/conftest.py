"""The real app on a free port, with a workspace of its own, in a real Chromium."""

import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.oracles import oracle

PROJECT = Path(__file__).resolve().parents[2]
ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-extensions", "--disable-default-apps"]
# What the tests' browser does otherwise: V8 compiles with care only what is very hot, since pages are soon left, and windows of
# one site share a process, with what it has compiled
LESS = ["--js-flags=--no-turbofan --invocation-count-for-maglev=4000", "--process-per-site"]
SLOW_MS = 60_000  # a busy machine is slow, not wrong
# Streamlit says on its root element whether the server answers and whether the script still runs, and our components on the
# document's whether the server is still to be told something; a busy server may take a while to answer what it was told (its
# websocket is listened to, in START). Quiet is what stays so
QUIET = """turn => { const root = document.querySelector('[data-testid=stApp]');
  const now = root?.dataset.testConnectionState === 'CONNECTED' && root.dataset.testScriptState === 'notRunning'
    && document.querySelector('html:not([data-untold]) h1') && !(window.told > (window.answered ?? 0))
    && !document.querySelector('[data-testid=stSpinner], [data-testid=stSkeleton]');
  if (!now || window.quiet?.turn !== turn) window.quiet = {turn, since: performance.now()};
  return now && performance.now() - window.quiet.since > 120 }"""
TURNS = itertools.count()
# Turning and pulsing signs are drawn sixty times a second, without a graphics processor: for a test, once is enough. Messages
# arrive window.lateMs late, as over a slow network, where a test says so
START = """addEventListener('DOMContentLoaded', () => { const style = document.createElement('style');
  style.textContent = '*, *::before, *::after { animation-iteration-count: 1 !important }'; document.head.append(style) })
  window.WebSocket = class extends WebSocket {
    constructor(...to) { super(...to); super.addEventListener('message', () => { window.answered = performance.now() }) }
    addEventListener(what, hear, ...how) { super.addEventListener(what, what !== 'message' ? hear :
      said => window.lateMs ? setTimeout(() => hear.call(this, said), window.lateMs) : hear.call(this, said), ...how) }
    send(what) { window.told = performance.now(); super.send(what) } }"""
GO = "to => { history.pushState({}, '', to); dispatchEvent(new PopStateEvent('popstate', {state: {}})) }"
NAMES = ("chromium-headless-shell",  # the browser without its own windows: a third less work a page
         "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser, and is tried once more when it fails.

    A browser, a server and workers share a busy machine's cores here, so that now and then something comes later than a
    test waits for; what fails twice is broken. Pytest's closing line counts the second tries ("rerun").
    """
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.flaky(reruns=1))


@dataclass
class App:
    """A running app: its address, its workspace, and its server process."""

    url: str
    home: Path
    log: Path
    process: subprocess.Popen[bytes]


def start(home: Path, port: int | None = None, env: dict[str, str] | None = None, words: tuple[str, ...] = ()) -> App:
    """Start the app and wait until it answers; the same port again stands for a restarted server."""
    port = port or free_port()
    home.mkdir(parents=True, exist_ok=True)
    log = home / "server.log"
    shared = os.environ.get("TIGER_SHARED_DATA") or (PROJECT.parent / "shared").resolve()
    roots = os.pathsep.join(map(str, [PROJECT.parent, shared, home]))
    # two workers at once have a thread each: one of two threads waits all the time for cores that other tests have
    around = os.environ | {"TIGER_HOME": str(home), "TIGER_DATA_ROOTS": roots, "TIGER_WORKERS": "2"} | (env or {})
    command = [sys.executable, "-m", "tiger.ui.shared.serve", "--server.port", str(port), "--server.headless", "true",
               *words]
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=out, stderr=subprocess.STDOUT, env=around)
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return App(url, home, log, process)
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"the app did not start:\n{log.read_text()[-3000:]}")


def free_port(wanted: int = 0) -> int:
    """A port on which nothing listens: the wanted one where that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(app: App) -> None:
    """End the server as a crash would: at once, and its workers go on."""
    app.process.kill()
    app.process.wait()


def close(app: App) -> None:
    """End the server and whatever still trains in its workspace."""
    stop(app)
    end_workers(app)


def end_workers(app: App) -> None:
    """End what still trains, as after a test that failed half way: it would stand in the next one's way.

    A run that starts names its supervisor until its worker speaks for itself; the supervisor is the server, which stays.
    """
    for path in app.home.glob("runs/*/status.json"):
        for _ in range(300):
            status = json.loads(path.read_text())
            if status["state"] != "running" or status["pid"] != app.process.pid or app.process.poll() is not None:
                break
            time.sleep(0.1)
        if status["state"] in ("running", "paused") and status["pid"] not in (None, app.process.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                worker = psutil.Process(status["pid"])
                worker.terminate()
                worker.wait(60)


def program() -> str | None:
    """Where a Chromium is: what CHROMIUM says, or the first that is found by name."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


def settled(page) -> None:
    """Wait until the script has run to its end and no other follows in a moment, and nothing shows an error."""
    page.wait_for_function(QUIET, arg=next(TURNS), timeout=SLOW_MS, polling=50)
    assert page.locator("[data-testid=stException]").count() == 0


def visit(page, app: App, path: str) -> None:
    """Open an address; where the app is open already, as Back and Forward do, so that the browser loads nothing anew."""
    if page.url.startswith(app.url):
        page.evaluate(GO, f"/{path}")
        page.wait_for_timeout(100)  # until the script has begun
    else:
        page.goto(f"{app.url}/{path}")
    settled(page)


@pytest.fixture(scope="session")
def chromium():
    """One browser for all tests; without one they are skipped, in CI they fail."""
    if program() is None:
        reason = "no Chromium found; install chromium or set CHROMIUM to its program"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    sync_api = oracle("playwright.sync_api")
    sync_api.expect.set_options(timeout=SLOW_MS)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=[*ARGS, *LESS])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def port() -> int:
    """One address for the apps of all files: a browser keeps what it loaded from there."""
    return free_port()


@pytest.fixture(scope="session")
def server(chromium, port, tmp_path_factory) -> Iterator[App]:
    """One server for the tests of all files, since one that starts computes ten seconds."""
    running = start(tmp_path_factory.mktemp("home"), free_port(port))
    yield running
    close(running)


@pytest.fixture(scope="module")
def app(server) -> Iterator[App]:
    """The app with an empty workspace, shared by the tests of one file."""
    yield server
    end_workers(server)
    for path in server.home.glob("*/*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture(autouse=True)
def _no_worker_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "app" in request.fixturenames:
        end_workers(request.getfixturevalue("app"))


@pytest.fixture
def serve(chromium) -> Iterator[Callable[..., App]]:
    """``start`` for tests that need a server of their own; all are stopped at the end."""
    running: list[App] = []

    def begin(home: Path, port: int | None = None, env: dict[str, str] | None = None, words: tuple[str, ...] = ()) -> App:
        running.append(start(home, port, env, words))
        return running[-1]

    yield begin
    for one in running:
        close(one)


@pytest.fixture(scope="session")
def profile(chromium):
    """The browser that all visitors use one after the other, so that it loads and compiles the app's scripts once."""
    context = chromium.new_context()
    context.set_default_timeout(SLOW_MS)
    context.add_init_script(START)
    yield context
    context.close()


@contextlib.contextmanager
def visiting(profile, width: int = 1400, height: int = 1000, scheme: str = "light", window: Any = None) -> Iterator[Any]:
    """A new visitor, who leaves nothing behind; an error when the page threw one or asked another machine.

    Args:
        window: where an earlier visitor was; a new window by default.
    """
    visitor = window or profile.new_page()
    visitor.set_viewport_size({"width": width, "height": height})
    visitor.emulate_media(color_scheme=scheme)
    errors: list[str] = []
    heard = {"pageerror": lambda error: errors.append(str(error)),
             "request": lambda request: errors.append(request.url) if is_foreign(request.url) else None}
    for event, hear in heard.items():
        visitor.on(event, hear)
    try:
        yield visitor
    finally:
        if visitor.url.startswith("http"):
            visitor.evaluate("localStorage.clear(); sessionStorage.clear()")
        if window is None:
            visitor.close()
        else:
            visitor.goto("about:blank")
            for event, hear in heard.items():
                visitor.remove_listener(event, hear)
        profile.clear_cookies()
    assert not errors


@pytest.fixture(scope="session")
def window(profile) -> Iterator[list[Any]]:
    """Where one visitor after the other comes, since a window keeps what its page compiled; empty before the first."""
    opened: list[Any] = []
    yield opened
    for one in opened:
        one.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, profile, window):
    """A new visitor with a wide window, where nothing is that a test before left: no pointer, history or second document."""
    if not window:
        window.append(profile.new_page())
    try:
        with visiting(profile, window=window[0]) as visitor:
            devtools = profile.new_cdp_session(visitor)
            devtools.send("Page.resetNavigationHistory")
            devtools.detach()
            visitor.mouse.move(0, 0)
            yield visitor
    except BaseException:
        window.pop().close()  # the next visitor begins in another
        raise


def param(page, name: str) -> str | None:
    """What the address says of a parameter."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query)).get(name)


def named_in_address(page, **wanted: str | None) -> None:
    """Wait until the address has these parameters, and none where ``None`` stands: a page completes it after it is drawn."""
    page.wait_for_function("""wanted => { const has = new URL(location.href).searchParams
      return Object.entries(wanted).every(([name, value]) => has.get(name) === value) }""", arg=wanted)


def is_foreign(url: str) -> bool:
    """Whether a request leaves this machine."""
    parts = urllib.parse.urlsplit(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in ("127.0.0.1", "localhost")
