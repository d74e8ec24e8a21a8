"""The app's server: Streamlit's, for this machine alone unless it is shared.

    python -m tiger.ui.shared.serve [--share | --class] [words for Streamlit, such as --server.port 8600]

Requests whose ``Host`` header names another machine are refused, so that no website can reach the lab through a
visitor's browser (DNS rebinding). Queued runs start with the server, not with the first visitor.
"""

import contextlib
import gc
import importlib
import ipaddress
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config
from streamlit.runtime.pages_manager import PagesManager

from tiger.core import access, logs, paths
from tiger.runs import executors, supervisor
from tiger.runs.executors.local import LocalExecutor, n_cores
from tiger.ui.shared import door, downloads, identity, layout, membership  # noqa: F401  layout: all that Home needs, pandas included
from tiger.ui.shared.membership import Classroom
from tiger.ui.shared.together import Together, keep_what_fragments_drew

LATER = ("torch", "plotly.graph_objects", "sklearn.cluster")  # Home does without them, other pages do not
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def preload() -> None:
    """Import what is needed soon, while the server already answers; what is imported is never garbage.

    Torch computes on one thread here, unless the environment says otherwise: what a page computes is hundreds of small products,
    and every rerun is a thread of its own, for which OpenMP would start a team that waits for cores which trainings have.
    Workers, which are told how many threads they have, are processes of their own.
    """
    own = "OMP_NUM_THREADS" not in os.environ  # read once, when torch is loaded; set_num_threads speaks for its own thread alone
    if own:
        os.putenv("OMP_NUM_THREADS", "1")  # os.environ, which workers are given, stays as it is
    for name in LATER:
        importlib.import_module(name)
    if own:
        os.unsetenv("OMP_NUM_THREADS")
    gc.collect()
    gc.freeze()  # or each full collection walks through 300,000 objects of modules, for a fifth of a second


@contextlib.asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """While the server is up its supervisor starts queued runs; when it is told to end, its workers stop, resumable."""
    running = supervisor.current()
    running.executor.warm_up()
    threading.Thread(target=preload, name="tiger-preload", daemon=True).start()
    try:
        yield
    finally:
        running.shut_down()


def parse(words: list[str]) -> tuple[bool, dict[str, Any]]:
    """Whether the server is shared (``--share``, ``--class``), and Streamlit's options from the words of the command line.

    Raises:
        ValueError: an option that Streamlit does not have, or one without its value.
    """
    options: dict[str, Any] = {}
    share, rest = bool({"--share", "--class"} & set(words)), [word for word in words if word not in ("--share", "--class")]
    while rest:
        word, _, value = rest.pop(0).partition("=")
        known = config._config_options_template.get(word.removeprefix("--"))
        if not word.startswith("--") or known is None:
            raise ValueError(f"'{word}' is not an option of tiger app; it takes --share, --class and Streamlit's options, such "
                             "as --server.port 8600.")
        if not value and (not rest or rest[0].startswith("--")) and known.type is bool:
            value = "true"
        elif not value:
            if not rest:
                raise ValueError(f"{word} needs a value, such as --server.port 8600.")
            value = rest.pop(0)
        options[known.key] = value.lower() in ("true", "1", "yes") if known.type is bool else known.type(value)
    return share, options


class OwnHosts:
    """Refuses what is asked of another host: middleware around Streamlit's routes, its websocket among them.

    Args:
        names: host names under which this server may be asked, without port.
        numeric: any address may be used too, as visitors of a shared server do; no website can forge one.
    """

    def __init__(self, app: ASGIApp, names: set[str], numeric: bool):
        self.app, self.names, self.numeric = app, names, numeric

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and not self.allows(Headers(scope=scope).get("host", "")):
            sentence = "This server does not accept that host name; open the address that it printed when it started.\n"
            await PlainTextResponse(sentence, status_code=400)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def allows(self, host: str) -> bool:
        """Whether a ``Host`` header names this server."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if name in self.names:
            return True
        try:
            return self.numeric and bool(ipaddress.ip_address(name))
        except ValueError:
            return False


def own_names(share: bool, address: str) -> set[str]:
    """Host names of this server: loopback and its address; of a shared one also the machine's and ``TIGER_HOSTS``."""
    names = {*LOOPBACK, address}
    if share:
        names |= {socket.gethostname(), socket.getfqdn(), *os.environ.get("TIGER_HOSTS", "").split(",")}
    return {name.strip().lower() for name in names} - {""}


def invite(classroom: Classroom, url: str) -> None:
    """Print how visitors and the teacher come in."""
    print(f"Students join at {url}/join?code={classroom.code}  (code {classroom.code})\n"
          f"Teacher, keep this link to yourself: {url}/teach/{classroom.key}", flush=True)


def main(words: list[str]) -> None:
    """Serve ``app.py`` until it is interrupted."""
    logs.to_stderr()
    share, options = parse(words)
    executor = executors.create()  # what is wrong with a cluster is said before anybody is let in
    executor.close()
    address = str(options.setdefault("server.address", "0.0.0.0" if share else "127.0.0.1"))
    share = share or address not in LOOPBACK
    os.environ["TIGER_SHARED"] = "1" if share else "0"
    options["server.showEmailPrompt"] = False
    if share:
        options["logger.hideWelcomeMessage"] = True  # for which Streamlit asks the internet for this machine's address
        print(f"TIGER Lab is open to this network: http://{socket.gethostname()}:{options.get('server.port', 8501)}", flush=True)
    keep_what_fragments_drew()
    downloads.keep_what_was_offered()
    middleware, routes = [Middleware(OwnHosts, names=own_names(share, address), numeric=share), Middleware(Together)], []
    if "--class" in words:
        if isinstance(executor, LocalExecutor):
            os.environ.setdefault("TIGER_WORKERS", str(n_cores()))  # many small runs: one core each wastes none
        classroom = membership.open_class(paths.home())
        access.identify_by(lambda: door.whoever_asks(classroom))
        if not identity.configured():  # otherwise app.py has the way in, which needs Streamlit's websocket
            middleware.append(Middleware(door.Door, classroom=classroom))
        routes = door.routes(classroom)
        invite(classroom, f"http://{socket.gethostname()}:{options.get('server.port', 8501)}")
    PagesManager.uses_pages_directory = False  # app.py has the page list; a first visitor by a deep link gets it, too
    sys.argv = [str(paths.PROJECT / "app.py")]  # beside which Streamlit finds its configuration
    st.App(paths.PROJECT / "app.py", lifespan=lifespan, routes=routes, middleware=middleware).run(config=options)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ValueError as error:
        sys.exit(f"tiger app: {error}")
