"""Opens pages of the app without a browser, as a visitor of a server that has been visited before."""

from typing import Any

from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from tiger.core import paths
from tiger.ui.shared import pagelist

APP = str(paths.PROJECT / "app.py")
_init = PagesManager.__init__


def _visited_before(self: PagesManager, *args: Any, **more: Any) -> None:
    """Every AppTest run stands for a fresh server, which runs a page without the app around it; see ui.shell."""
    _init(self, *args, **more)
    PagesManager.uses_pages_directory = False


PagesManager.__init__ = _visited_before  # type: ignore[method-assign]


def open_page(page: pagelist.Page, **params: str) -> AppTest:
    """The app on one page, run once; ``params`` stand in the address."""
    app = AppTest.from_file(APP, default_timeout=60).run()
    app.switch_page(page.file)
    app.query_params.clear()
    for name, value in params.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def values_of(app: AppTest) -> dict[str, str]:
    """Label to value of every metric on the page."""
    return {metric.label: metric.value for metric in app.metric}


def html_of(app: AppTest) -> str:
    """All plain HTML on the page."""
    return " ".join(block.proto.body for block in app.get("html"))
