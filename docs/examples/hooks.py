"""A back end that tpush tells and asks: `python hooks.py hook.secret`."""

import base64
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SECRET = base64.b64decode(Path(sys.argv[1]).read_text().strip().removeprefix("whsec_"))


def verify(headers, body):
    """Say whether tpush has sent this, and just now."""
    name, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > 300:
        return False
    mac = hmac.digest(SECRET, f"{name}.{stamp}.".encode() + body, hashlib.sha256)
    wanted = b"v1," + base64.b64encode(mac)
    given = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(wanted, each) for each in given)


class Hooks(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if not verify(self.headers, body):
            return self.answer(401, {})
        said = json.loads(body)
        if self.path == "/connect":
            banned = said["query"].get("name") == ["mallory"]
            groups = ["lobby"]
            return self.answer(200, {"allow": False} if banned else {"groups": groups})
        for event in said["events"]:
            # What happens to a group as a whole has no connection.
            print(event["type"], event.get("connection", "-"), event.get("group", ""), flush=True)
        return self.answer(200, {})

    def answer(self, status, said):
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


ThreadingHTTPServer(("127.0.0.1", 8000), Hooks).serve_forever()
