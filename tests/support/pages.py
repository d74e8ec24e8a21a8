"""Opens pages of the app without a browser, as a visitor of a server that has been visited before."""

import json
from typing import Any

from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest, local_script_runner

from tiger.core import paths
from tiger.ui.shared import pagelist

APP = str(paths.PROJECT / "app.py")
_init, _run, _components = PagesManager.__init__, AppTest._run, []
_asked = local_script_runner.require_widgets_deltas


def _visited_before(self: PagesManager, *args: Any, **more: Any) -> None:
    """Every AppTest run stands for a fresh server, which runs a page without the app around it; see ui.shared.layout."""
    _init(self, *args, **more)
    PagesManager.uses_pages_directory = False


def _with_known_components(self: AppTest, *args: Any, **more: Any) -> AppTest:
    """An AppTest searches all installed packages for components, which takes longer than a page; once is enough."""
    if _components:
        self._bidi_component_manager = _components[0]
    done = _run(self, *args, **more)
    _components[:] = [self._bidi_component_manager]
    return done


def _end_of(runner: local_script_runner.LocalScriptRunner, timeout: float = 3) -> None:
    """An AppTest asks a thousand times a second whether its script has ended, which takes that script's turns."""
    assert runner._script_thread is not None
    runner._script_thread.join(timeout)
    _asked(runner, 0.1)  # raises where it has not


PagesManager.__init__ = _visited_before  # type: ignore[method-assign]
AppTest._run = _with_known_components  # type: ignore[method-assign]
local_script_runner.require_widgets_deltas = _end_of


def open_page(page: pagelist.Page | str, **params: str) -> AppTest:
    """The app on one page (or the page with this key), run once; ``params`` stand in the address.

    Where they name neither a run nor another dataset, the bundled run of the paper's size is looked at.
    """
    if params.get("dataset", "synthetic") == "synthetic":
        params.setdefault("run", "demo-rqvae")
    page = pagelist.BY_KEY[page] if isinstance(page, str) else page
    app = AppTest.from_file(APP, default_timeout=120)
    app.session_state["address_ready"] = True  # the browser has said that it keeps the history short, ``address.begin``
    if page.key != "home":
        app.switch_page(page.file)
    for name, value in params.items():
        app.query_params[name] = value
    app.run()
    app.switch_page(page.file)  # raises where this visitor has no such page
    assert not app.exception
    return app


TRAIN_FORM = ("more_recipes", "train_form")  # what Train makes once somebody opens it


def unfold(app: AppTest, *keys: str) -> AppTest:
    """The page with parts open that are made only then, ``layout.folded``."""
    app.session_state["unfolded"] = set(keys)
    return app.run()


def charts_of(app: AppTest) -> list[dict[str, Any]]:
    """What the browser draws of every chart of lines, marks and bars on the page, ``ui.shared.chart``."""
    parts = [part.proto for part in app.get("bidi_component")]
    return [json.loads(part.json)["chart"] for part in parts if part.component_name == "tiger.chart"]


def levels_of(app: AppTest) -> dict[str, Any]:
    """What the browser draws of every level's codes on Codebooks, ``ui.codebooks.component``."""
    return next(json.loads(part.proto.json) for part in app.get("bidi_component") if part.proto.component_name == "tiger.levels")


def numbers_of_level(app: AppTest, level: int | None = None) -> dict[str, str]:
    """Label to value of one level's numbers on Codebooks, from 0; None: of the level that is shown."""
    shown = levels_of(app)
    return dict(shown["levels"][shown["at"] if level is None else level]["numbers"])


def values_of(app: AppTest) -> dict[str, str]:
    """Label to value of every metric on the page."""
    return {metric.label: metric.value for metric in app.metric}


def html_of(app: AppTest) -> str:
    """All plain HTML on the page."""
    return " ".join(block.proto.body for block in app.get("html"))
