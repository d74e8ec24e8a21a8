"""What a websocket is sent, and when: by the order of messages and by what comes out, not by what Streamlit does with them."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from tiger.ui.shared import together


def message(text="", running=None):
    """A message as Streamlit sends it: a title of the page, or whether its script runs."""
    said = ForwardMsg()
    if running is None:
        said.page_config_changed.title = text
    else:
        said.session_status_changed.script_is_running = running
    return {"type": "websocket.send", "bytes": said.SerializeToString()}


def titles(sent):
    return [ForwardMsg.FromString(one["bytes"]).page_config_changed.title for one in sent if "bytes" in one]


def finish(what):
    """Run it in a thread, since browser tests leave an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, what).result()


def run(script, sent, scope="websocket"):
    """Let an app send through the middleware; what reaches the server is in ``sent``."""
    async def app(_scope, _receive, send):
        await script(send)

    async def out(one):
        sent.append(one)

    finish(together.Together(app)({"type": scope}, None, out))


def test_messages_wait_for_the_end_of_the_run_and_keep_their_order(monkeypatch):
    """All but that the script runs: that comes last but one, when everything on the page is of this run."""
    monkeypatch.setattr(together, "HOLD_SECONDS", 60)
    sent, seen = [], []

    async def script(send):
        for one in (message("a"), message(running=True), message("b"), message("x" * 3000)):
            await send(one)
            seen.append(len(sent))
        await send(message(running=False))
        seen.append(len(sent))
        await send(message("next run"))
        seen.append(len(sent))
        await send({"type": "websocket.close", "code": 1000})

    run(script, sent)
    assert seen == [0, 0, 0, 0, 5, 5]
    assert titles(sent) == ["a", "b", "x" * 3000, "", "", "next run"]
    assert [together.runs(one) for one in sent[3:5]] == [True, False]
    assert sent[-1]["type"] == "websocket.close"


def test_what_waited_long_enough_goes_out_before_the_run_ends(monkeypatch):
    monkeypatch.setattr(together, "HOLD_SECONDS", 0.01)
    sent = []

    async def script(send):
        for _ in range(2):  # the second time, too
            before = len(sent)
            await send(message("a"))
            await send(message("b"))
            assert len(sent) == before
            while len(sent) < before + 2:  # the suite's limit of time ends a test that waits for ever
                await asyncio.sleep(0.005)

    run(script, sent)
    assert titles(sent) == ["a", "b"] * 2


def test_an_end_that_comes_while_a_late_message_is_sent_overtakes_nothing(monkeypatch):
    monkeypatch.setattr(together, "HOLD_SECONDS", 0)
    sent, slow = [], []

    async def out(one):
        slow.append(one)
        await asyncio.sleep(0.02)  # a network that is slow to take it
        sent.append(one)

    async def app(_scope, _receive, send):
        await send(message("a"))
        while not slow:
            await asyncio.sleep(0)
        await send(message("b"))
        await send(message(running=False))

    finish(together.Together(app)({"type": "websocket"}, None, out))
    assert titles(sent) == ["a", "b", ""]


def test_a_visitor_who_left_is_said_to_the_next_message(monkeypatch):
    monkeypatch.setattr(together, "HOLD_SECONDS", 0)

    async def gone(_one):
        raise OSError("gone")

    async def app(_scope, _receive, send):
        await send(message("a"))
        await asyncio.sleep(0.02)
        with pytest.raises(OSError, match="gone"):
            await send(message("b"))

    finish(together.Together(app)({"type": "websocket"}, None, gone))


@pytest.mark.skipif(not hasattr(socket, "TCP_CORK"), reason="this system cannot hold a socket's segments back")
def test_what_is_sent_together_leaves_in_one_piece():
    """A server whose ``send`` writes each message at once, as Uvicorn's does; its visitor reads what is there."""
    pieces = []

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport
            self.task = asyncio.ensure_future(together.Together(self.app)({"type": "websocket"}, None, self.send))

        async def send(self, one):
            self.transport.write(one["bytes"])
            await asyncio.sleep(0.02)

        async def app(self, _scope, _receive, send):
            for one in (message("a"), message("b"), message(running=False)):
                await send(one)
            self.transport.close()

    async def visit():
        server = await asyncio.get_running_loop().create_server(Protocol, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        while piece := await reader.read(1000):
            pieces.append(piece)
        writer.close()
        server.close()

    finish(visit())
    assert pieces == [b"".join(one["bytes"] for one in (message("a"), message("b"), message(running=False)))]


@pytest.mark.parametrize("payload", [b"", ForwardMsg(ref_hash="h").SerializeToString()])
def test_what_says_whether_a_script_runs_and_what_does_not(payload):
    assert together.runs(message(running=False)) is False
    assert together.runs(message(running=True)) is True
    assert together.runs({"type": "websocket.send", "bytes": payload}) is None
    assert together.runs({"type": "websocket.send", "text": "words"}) is None


def test_other_requests_are_not_held(monkeypatch):
    monkeypatch.setattr(together, "HOLD_SECONDS", 60)
    sent = []

    async def script(send):
        await send({"type": "http.response.start", "status": 200})
        assert len(sent) == 1

    run(script, sent, scope="http")
    assert len(sent) == 1


OUTER = [((0, 0), "outer", ""), ((0, 0, 0), "outer", "title"), ((0, 0, 1), "inner", ""), ((0, 0, 1, 0), "inner", "chart"),
         ((0, 0, 2), "outer", "table")]  # where it is drawn, by which fragment, and what: an empty word is a block


def drawn(path, fragment, word, run):
    """A part of the page as Streamlit sends it."""
    said = ForwardMsg()
    said.metadata.delta_path.extend(path)
    said.delta.fragment_id = fragment
    if word:
        said.delta.new_element.markdown.body = f"{word} {run}"
    else:
        said.delta.add_block.vertical.SetInParent()
    return said


def begun():
    said = ForwardMsg()
    said.new_session.name = "page"
    return said


def on_the_page(messages):
    """What a browser has after these messages, and what it had at the begin of each run: it appends to a block or replaces."""
    blocks, had = {(0,): {}}, []
    for said in messages:
        if said.HasField("new_session"):
            had.append({path: dict(block) for path, block in blocks.items()})
            continue
        path = tuple(said.metadata.delta_path)
        children = blocks[path[:-1]]
        assert path[-1] <= len(children), f"Bad delta path index {path[-1]} (should be between [0, {len(children)}])"
        children[path[-1]] = said.delta.new_element.markdown.body
        if said.delta.HasField("add_block"):
            blocks.setdefault(path, {})
    return blocks, had


@pytest.mark.parametrize("n_left", range(len(OUTER) + 3))
def test_a_fragment_that_runs_again_at_once_leaves_no_part_without_its_place(n_left, monkeypatch):
    """However much of the whole page has left when a fragment runs again that holds another one, which a timer may ask for."""
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)  # put back after the test
    together.keep_what_fragments_drew()
    queue, sent = ForwardMsgQueue(), []
    for n, said in enumerate([begun(), *(drawn(*part, 1) for part in OUTER), drawn((0, 1), "", "below", 1)]):
        if n == n_left:
            sent += queue.flush()
        queue.enqueue(said)
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["outer"])
    for said in [begun(), *(drawn(*part, 2) for part in OUTER)]:
        queue.enqueue(said)
    page, (_, first) = on_the_page(sent + queue.flush())
    whole = {(0,): {0: "", 1: "below 1"}, (0, 0): {0: "title 2", 1: "", 2: "table 2"}, (0, 0, 1): {0: "chart 2"}}
    assert page == whole
    assert first == {path: {n: word.replace("2", "1") for n, word in block.items()} for path, block in whole.items()}


def test_a_whole_run_drops_what_the_one_before_it_drew(monkeypatch):
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)
    together.keep_what_fragments_drew()
    queue = ForwardMsgQueue()
    for said in [begun(), *(drawn(*part, 1) for part in OUTER)]:
        queue.enqueue(said)
    queue.clear(retain_lifecycle_msgs=True)
    assert [one.WhichOneof("type") for one in queue.flush()] == ["new_session"]
