"""A back end that is called: what it was sent, and how it answers."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override

from tests.hooks.keys import SECRET, verify

Answer = tuple[int, bytes]
OK: Answer = (200, b"{}")
OCCUPANCY = "occupied", "vacated"


class HookServer:
    """Listens on a port of its own, in threads, and verifies what comes.

    Args:
        port: where; 0 is any.
        secret: what calls are signed with.
    """

    def __init__(self, port: int = 0, secret: bytes = SECRET) -> None:
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        """The path, the name and the body of each call that was signed."""
        self.unsigned = 0
        self.answer: Callable[[str, dict[str, Any]], Answer] = lambda _path, _body: OK
        self.headers: dict[str, str] = {}
        """That each answer has besides."""
        self._secret = secret
        self._connections: list[socket.socket] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            @override
            def setup(self) -> None:
                super().setup()
                owner._connections.append(self.connection)

            def do_POST(self) -> None:
                status, said = owner._take(self)
                self.send_response(status)
                for name, value in owner.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            @override
            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 100

            @override
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Say nothing of those who did not wait for an answer."""

        self._server = Server(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _take(self, request: BaseHTTPRequestHandler) -> Answer:
        body = request.rfile.read(int(request.headers["content-length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            name = verify(headers, body, self._secret)
        except AssertionError:
            self.unsigned += 1
            return 401, b"{}"
        said = json.loads(body)
        self.calls.append((request.path, name, said))
        return self.answer(request.path, said)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def events(self) -> list[dict[str, Any]]:
        """What it was told, each batch once."""
        batches = {name: body["events"] for path, name, body in self.calls if path == "/events"}
        return [event for batch in batches.values() for event in batch]

    @property
    def told(self) -> list[tuple[str, str]]:
        """What clients did, in short: what happened, and to whom or where."""
        told = [each for each in self.events if each["type"] not in OCCUPANCY]
        return [(each["type"], each.get("group") or each["connection"]) for each in told]

    @property
    def occupancy(self) -> list[tuple[str, str]]:
        """Which groups have got their first member, and lost their last."""
        told = [each for each in self.events if each["type"] in OCCUPANCY]
        return [(each["type"], each["group"]) for each in told]

    def stop(self) -> None:
        """Listen no more, and end what connections there are."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            with contextlib.suppress(OSError):  # it has ended
                connection.shutdown(socket.SHUT_RDWR)
