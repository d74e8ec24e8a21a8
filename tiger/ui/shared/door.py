"""The way into a class: the page where a visitor says a name, the teacher's link, and the door that lets nobody else in."""

from html import escape
from http.cookies import SimpleCookie
from string import Template
from urllib.parse import parse_qs, quote

import streamlit as st
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime.scriptrunner import get_script_run_ctx

from tiger.core.access import Visitor
from tiger.ui.shared import identity
from tiger.ui.shared.membership import MAX_NAME, Classroom

COOKIE, COOKIE_S = "tiger_visitor", 30 * 24 * 3600
OPEN = ("/join", "/teach/", "/static/", "/_stcore/health", "/favicon.ico")
"""Addresses, or their beginnings, that anybody may ask for: none shows what belongs to the class."""
MAX_FORM_BYTES = 8192
NOBODY = Visitor("", "")  # a browser that did not join: it owns nothing
PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Join the class - TIGER Lab</title>
<style>
:root { color-scheme: light dark; --accent: #a54c08; --on: #fff; --line: #8a8a8a; --error: #b3261e }
@media (prefers-color-scheme: dark) { :root { --accent: #f0a04b; --on: #16110a; --line: #8f8f8f; --error: #ff8a80 } }
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 12vh auto 0; padding: 0 1.25rem }
h1 { font-size: 1.9rem; line-height: 1.2; margin-bottom: .4rem }
label { display: block; margin: 1.2rem 0 .3rem; font-weight: 600 }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .6rem .7rem; border: 1px solid var(--line);
  border-radius: .5rem }
button { font: inherit; font-weight: 600; margin-top: 1.5rem; padding: .65rem 1.4rem; border: 0; border-radius: .5rem;
  background: var(--accent); color: var(--on); cursor: pointer }
.error { color: var(--error); font-weight: 600 }
small { display: block; margin-top: 1.6rem }
</style></head><body><main>
<h1>Join the class</h1>
<p>Train small models that give items semantic IDs, break them, and see why.</p>
$error
<form method="post" action="/join">
<label for="name">Your name</label>
<input id="name" name="name" required maxlength="$max_name" autocomplete="nickname" autofocus value="$name">
<label for="code">Code of the class</label>
<input id="code" name="code" required maxlength="12" autocomplete="off" autocapitalize="characters" value="$code">
<input type="hidden" name="next" value="$next">
<button>Join</button>
</form>
<small>Your teacher sees your name and your runs. Others see only what you share.</small>
</main></body></html>
""")
SAFE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
        "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def routes(classroom: Classroom) -> list[Route]:
    """The addresses of the door; where an identity provider says who somebody is, nobody comes in by a name alone."""
    async def form(request: Request) -> Response:
        if identity.configured():
            return RedirectResponse(f"/?{request.url.query}", status_code=303, headers=SAFE)
        return _page(code=request.query_params.get("code", ""), next_path=request.query_params.get("next", ""))

    async def join(request: Request) -> Response:
        if int(request.headers.get("content-length") or MAX_FORM_BYTES + 1) > MAX_FORM_BYTES:
            return PlainTextResponse("That form is too long.\n", status_code=413)
        said = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        try:
            token = classroom.join(said.get("code", ""), said.get("name", ""))
        except ValueError as error:
            return _page(said.get("code", ""), said.get("next", ""), said.get("name", ""), str(error))
        return _enter(token, said.get("next", ""))

    async def teach(request: Request) -> Response:
        known = request.cookies.get(COOKIE)
        visitor = classroom.visitor(known)
        token = known if visitor and visitor.teacher else classroom.teach(request.path_params["key"])
        if token is None:
            return PlainTextResponse("This teacher's link is of an earlier start; the server printed a new one.\n", 403)
        return _enter(token, "")

    by_name = [] if identity.configured() else [Route("/join", join, methods=["POST"])]
    return [Route("/join", form, methods=["GET"]), *by_name, Route("/teach/{key}", teach)]


def _page(code: str, next_path: str, name: str = "", error: str = "") -> Response:
    said = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
    text = PAGE.substitute(error=said, name=escape(name), code=escape(code), next=escape(next_path), max_name=MAX_NAME)
    return HTMLResponse(text, status_code=400 if error else 200, headers=SAFE)


def _enter(token: str, next_path: str) -> Response:
    own = next_path.startswith("/") and not next_path.startswith(("//", "/\\"))
    answer = RedirectResponse(next_path if own else "/", status_code=303, headers=SAFE)
    answer.set_cookie(COOKIE, token, max_age=COOKIE_S, httponly=True, samesite="lax")
    return answer


class Door:
    """Middleware that lets only members of the class through; a page leads to the form, anything else is refused."""

    def __init__(self, app: ASGIApp, classroom: Classroom):
        self.app, self.classroom = app, classroom

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind, path = scope["type"], scope.get("path", "")
        if kind not in ("http", "websocket") or path.startswith(OPEN) or self.classroom.visitor(_token(scope)):
            await self.app(scope, receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["method"] in ("GET", "HEAD") and not path.startswith("/_stcore"):
            query = scope.get("query_string", b"").decode("latin-1")
            back = quote(path + (f"?{query}" if query else ""), safe="")
            await RedirectResponse(f"/join?next={back}", status_code=303, headers=SAFE)(scope, receive, send)
        else:
            await PlainTextResponse("Join the class first.\n", status_code=401)(scope, receive, send)


def _token(scope: Scope) -> str | None:
    cookie = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(COOKIE)
    return cookie.value if cookie else None


def whoever_asks(classroom: Classroom) -> Visitor | None:
    """The visitor for whom this script runs; None outside of scripts, where the server acts by itself."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    return classroom.visitor(st.context.cookies.get(COOKIE)) or classroom.visitor(identity.token()) or NOBODY
