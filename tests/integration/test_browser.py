"""What the first user does: a browser's page on each of two hosts, and curl's URL."""

import shutil
import tempfile
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from typing_extensions import override

from tests.folder import short_folder
from tests.integration.certificate import self_signed
from tests.integration.processes import Cluster, Role, eventually, healthy
from tests.ports import free_port

PAGE = b"""<!doctype html><title>tpush</title><ol id="got"></ol><script>
var socket = new WebSocket("%b://" + location.hostname + ":%d/");
socket.onmessage = function (event) {
  var item = document.createElement("li");
  item.textContent = event.data;
  document.getElementById("got").append(item);
};
</script>"""


class Page(BaseHTTPRequestHandler):
    """Serves the page of one host."""

    scheme = b"ws"
    port = 0

    def do_GET(self) -> None:
        """Answer with the page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE % (self.scheme, self.port))

    @override
    def log_message(self, *_: object) -> None:
        pass


class BrowserTests(SynchronousTestCase):
    """Headless Chromium."""

    def browser(self, *arguments: str) -> Chrome:
        driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
        if driver is None or chromium is None:
            raise SkipTest("install chromium and chromium-driver to run it in a browser")
        profile = tempfile.mkdtemp(prefix="tpush-chromium-")
        self.addCleanup(shutil.rmtree, profile, ignore_errors=True)
        options = ChromeOptions()
        options.binary_location = chromium
        for argument in (
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={profile}",
            *arguments,
        ):
            options.add_argument(argument)
        browser = Chrome(options=options, service=Service(driver))
        self.addCleanup(browser.quit)
        return browser

    def serve(self, host: str, port: int, scheme: bytes = b"ws") -> str:
        handler = type("PageOf", (Page,), {"port": port, "scheme": scheme})
        server = ThreadingHTTPServer((host, 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://{host}:{server.server_port}/"

    def lines(self, browser: Chrome) -> list[str]:
        """Return what the page that is shown has got."""
        script = "return [...document.querySelectorAll('#got li')].map(li => li.textContent)"
        return list(browser.execute_script(script))

    def test_tls(self) -> None:
        """A page is greeted over TLS, and gets what is published."""
        browser = self.browser("--ignore-certificate-errors")
        both, _ = self_signed(short_folder(self))
        ws, http = free_port(), free_port()
        role = Role(
            "tpush",
            f"--listen-ws=ssl:{ws}:privateKey={both}:certKey={both}:interface=127.0.0.1",
            f"--listen-http=tcp:{http}:interface=127.0.0.1",
        )
        self.addCleanup(role.stop)
        eventually(lambda: healthy(f"http://127.0.0.1:{http}/"), "healthy")
        browser.get(self.serve("127.0.0.1", ws, b"wss"))
        eventually(lambda: self.lines(browser), "a greeting")
        requests.get(f"http://127.0.0.1:{http}/", {"content": "hello"}, timeout=10)
        eventually(lambda: self.lines(browser)[1:] == ["hello"], "what was published")

    def test_two_hosts(self) -> None:
        """A broadcast shows up on the pages of both hosts, a unicast on one."""
        browser = self.browser()
        cluster = Cluster(pushers=2, workers=1)
        self.addCleanup(cluster.stop)
        cluster.wait_until_ready()
        tabs = []
        for host, port in zip(cluster.pusher_hosts, cluster.pusher_ports, strict=True):
            browser.switch_to.new_window("tab")
            browser.get(self.serve(host, port))
            tabs.append(browser.current_window_handle)

        def lines(tab: str) -> list[str]:
            browser.switch_to.window(tab)
            return self.lines(browser)

        def ended(tab: str) -> bool:
            return lines(tab)[-1] == "the end"

        greetings = [eventually(partial(lines, tab), "a greeting")[0] for tab in tabs]
        worker, connection = (word.split(":")[1] for word in greetings[1].split()[:2])
        url = cluster.http_urls[0]
        requests.get(url, {"content": "to all: äöü €"}, timeout=10)
        address = {"to_worker_id": worker, "to_connection_id": connection}
        requests.get(url, {"content": "to one", **address}, timeout=10)
        requests.get(url, {"content": "the end"}, timeout=10)
        for tab, expected in zip(
            tabs,
            [["to all: äöü €", "the end"], ["to all: äöü €", "to one", "the end"]],
            strict=True,
        ):
            eventually(partial(ended, tab), "the end")
            self.assertEqual(lines(tab)[1:], expected)
