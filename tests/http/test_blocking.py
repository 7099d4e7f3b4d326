"""The client that blocks."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import BaseAdapter
from typing_extensions import override

from tests.http.client_case import RETRY, ClientCase, ClientContract
from tests.http.fake import FakeServer, Fault
from tpush.http import EVERYBODY, NO_RETRY, BlockingPublisher, NotReachable
from tpush.http.request import Request

IMPORTS = """
import sys
from tpush.http import BlockingPublisher
BlockingPublisher("http://127.0.0.1:1")
print([name for name in sys.modules if name in ("treq", "twisted.internet.reactor")])
"""


class Adapter(BaseAdapter):
    """Lets a session talk to a server in memory."""

    def __init__(self, test: "BlockingTests") -> None:
        super().__init__()
        self._test = test

    @override
    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        test, path = self._test, str(request.url).removeprefix("http://push.test/")
        body = request.body or b""
        assert isinstance(body, bytes)
        test.headers.append({name.lower(): value for name, value in request.headers.items()})
        test.timeouts.append(timeout)
        try:
            answer = test.server.take(Request(path, body))
        except NotReachable as error:
            raise requests.ConnectionError(str(error)) from error
        response = requests.Response()
        response.status_code = answer.status
        response._content = answer.body
        response.headers.update({"Retry-After": answer.retry_after, "Location": "/elsewhere"})
        response.headers["Set-Cookie"] = "a=b"
        response.request = request
        return response

    @override
    def close(self) -> None:
        self._test.closed = True


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """Answer one connection after the other, and close it; the value is where."""

    def serve() -> None:
        for answer in answers:
            connection, _ = listening.accept()
            with connection:
                request = b""
                while b'"}' not in request:
                    request += connection.recv(65536)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve)
        serving.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        serving.join(10)


class BlockingTests(ClientContract, ClientCase):
    """On ``requests``."""

    closed = False

    @override
    def make(
        self, url: str = "http://push.test/x/", faults: Sequence[Fault] = (), **how: Any
    ) -> None:
        self.server = FakeServer(*faults)
        self.timeouts: list[Any] = []
        self.client = BlockingPublisher(
            url,
            adapter=Adapter(self),
            sleep=self.pauses.append,
            draw_key=self.draw,
            chance=lambda: 1.0,
            **{"retry": RETRY, **how},
        )

    @override
    def do(self, verb: str, *args: Any, **keywords: Any) -> Any:
        return getattr(self.client, verb)(*args, **keywords)

    def test_timeout(self) -> None:
        """No request is without one."""
        self.make(timeout=7.0)
        self.do("publish", (), "x")
        self.assertEqual(self.timeouts, [7.0])

    def test_cookies(self) -> None:
        """None is kept: threads share the session."""
        self.make()
        self.do("publish", (), "x")
        self.do("publish", (), "x")
        self.assertNotIn("cookie", self.headers[1])

    def test_cut_off(self) -> None:
        """An answer that ends in its head is none."""
        accepted = b'{"accepted": true}'
        whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(accepted), accepted)
        for end in 17, 25, len(whole) - 5:
            with answering(whole[:end], whole) as url:
                publisher = BlockingPublisher(url, sleep=self.pauses.append)
                publisher.publish((), "x")
            self.assertEqual(len(self.pauses), 1)
            self.pauses.clear()

    def test_while_another_is_handled(self) -> None:
        """What went wrong before is not what keeps it from being published."""
        with socket.create_server(("127.0.0.1", 0)) as unused:
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        publisher = BlockingPublisher(url, retry=NO_RETRY)
        try:
            int("no price")
        except ValueError:
            error = self.assertRaises(NotReachable, publisher.publish, EVERYBODY, "no price")
        self.assertIn("refused", str(error))

    def test_close(self) -> None:
        """Leaving it closes its connections."""
        self.make()
        with self.client:
            self.assertFalse(self.closed)
        self.assertTrue(self.closed)

    def test_imports(self) -> None:
        """It imports no reactor, and not what the other client needs."""
        done = subprocess.run(
            [sys.executable, "-c", IMPORTS], capture_output=True, text=True, timeout=60, check=True
        )
        self.assertEqual(done.stdout, "[]\n")
