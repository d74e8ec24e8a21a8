"""What one run of a page has to say goes to the browser together and whole, so that it draws once."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

HOLD_SECONDS = 0.1
SHORT = 200  # bytes: what says that a run is over is short


def runs(message: Message) -> bool | None:
    """Whether the page's script, or a fragment of it, runs now, where this is Streamlit's message of it; else None."""
    payload = message.get("bytes") or b""
    if not 0 < len(payload) <= SHORT:
        return None
    said = ForwardMsg.FromString(payload)
    return said.session_status_changed.script_is_running if said.WhichOneof("type") == "session_status_changed" else None


def keep_what_fragments_drew() -> None:
    """Have Streamlit send all that waits when a fragment runs again, in its order.

    By itself it drops what the fragment drew before, where that has not left yet, but keeps what fragments inside it drew, for
    which the browser then has no place, so that the page is blank from there on ("Bad delta path index"). It does so lest new
    parts are put in the place of those that wait, for which it suffices to forget where these are.
    """
    drop = ForwardMsgQueue.clear

    def clear(self: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None) -> None:
        if retain_lifecycle_msgs and fragment_ids_this_run:
            self._delta_index_map = {}
        else:
            drop(self, retain_lifecycle_msgs, fragment_ids_this_run)

    ForwardMsgQueue.clear = clear  # type: ignore[method-assign]


class Together:
    """Middleware that holds what goes out over a websocket until the page's run is over, at most ``HOLD_SECONDS``.

    Streamlit sends every ten milliseconds what a run has made by then, and its browser side renders the page each time, first of
    all with every element marked as stale, since the script runs. With all of it in one, and that it ran last of all, a quick run
    costs the browser some four tenths less (``benchmarks/felt.py``), and nothing flickers. (Left out altogether, the browser
    would wait for ever after the key "r", from which on it knows that a run was asked for.)
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        outbox = Outbox(send)
        try:
            await self.app(scope, receive, outbox.send)
        finally:
            outbox.close()


@contextlib.contextmanager
def in_one_go(send: Send) -> Iterator[None]:
    """Where the system can, let what is sent leave in one piece: a browser that gets the first message alone begins to draw, and
    draws again for the others, in one of three runs. Uvicorn's ``send`` is a method of the connection's protocol."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is None or not hasattr(socket, "TCP_CORK"):
        yield
        return
    with contextlib.suppress(OSError):  # the visitor may have left
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # by now, too
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


class Outbox:
    """What one websocket has yet to be sent, in order."""

    def __init__(self, send: Send):
        self._send, self._waiting, self._lock = send, list[Message](), asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._late: asyncio.Task[None] | None = None  # sends what was held for long enough

    async def send(self, message: Message) -> None:
        """Send with all that waits, or let wait. Raises what went wrong since the last time, as a send of its own would."""
        if self._late is not None and self._late.done():
            late, self._late = self._late, None
            late.result()
        self._waiting.append(message)
        running = runs(message) if message["type"] == "websocket.send" else False
        if running is False:
            self._waiting.sort(key=lambda one: bool(runs(one)) + 2 * (one is message))  # that it ran is said when it is over
            await self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HOLD_SECONDS, self._time_is_up)

    def _time_is_up(self) -> None:
        self._late = asyncio.create_task(self._flush())
        self._late.add_done_callback(lambda late: late.cancelled() or late.exception())  # or Python says that nobody looked

    async def _flush(self) -> None:
        self.close()
        async with self._lock:
            with in_one_go(self._send):
                while self._waiting:
                    await self._send(self._waiting.pop(0))

    def close(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
