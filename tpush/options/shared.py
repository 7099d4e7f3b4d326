"""Options that several roles have."""

from tpush.kinds import client_endpoint, host_name, seconds, switch, whole
from tpush.limits import MAX_CONTENT
from tpush.options.option import DEFAULTS, SECRET, Option, listen

CONFIG = Option(
    "config",
    "",
    str,
    "TOML file with options: names without dashes in front, in the role's table ([channel], [ws], "
    "[http] or [tpush]), or all of it for one role; the command line and variables come first",
)
LISTEN_CHANNEL = listen("tcp:2206:interface=127.0.0.1", "roles and programs connect")
LISTEN_WS = listen("tcp:4236:interface=127.0.0.1", "browsers connect")
LISTEN_HTTP = listen("tcp:4237:interface=127.0.0.1", "back ends publish")
LISTEN_WS_TOO = listen(LISTEN_WS.default, "browsers connect", "listen-ws")
LISTEN_HTTP_TOO = listen(LISTEN_HTTP.default, "back ends publish", "listen-http")
CHANNEL = Option(
    "channel",
    "tcp:127.0.0.1:2206",
    client_endpoint,
    "client endpoint where the channel listens",
)
WORKERS = Option("workers", "1", whole(1, 1024), "processes that share the work")
NAME = Option("name", "", str, "what this process is called in the channel's log")
HOST = Option(
    "host",
    "",
    host_name,
    "name of this server in URLs, besides localhost and addresses; may be repeated",
    repeats=True,
)
INSECURE = Option(
    "insecure",
    "",
    switch,
    "listen to the network though nothing is asked of those who connect",
    flag=True,
)
SECRET_FILE = Option(
    "secret-file",
    "",
    str,
    "file with the channel's secret, which both ends prove and never send; of several lines the "
    f"channel takes any, others prove the first; or the secret itself in {SECRET}",
)
SILENCE = Option(
    "silence",
    f"{DEFAULTS.silence:g}",
    seconds(2 * DEFAULTS.heartbeat, 600),
    "seconds without a sign of life after which the other end of a channel link is dead",
    limit="silence",
)
MAX_HELD = Option(
    "max-held",
    str(DEFAULTS.held_items),
    whole(1, 100_000_000),
    "publishes that a process holds until the channel acknowledges them; beyond it they fail (503)",
    limit="held_items",
)
MAX_HELD_BYTES = Option(
    "max-held-bytes",
    str(DEFAULTS.held_bytes),
    whole(1, 2**40),
    "bytes of publishes that a process holds until the channel acknowledges them; beyond it they "
    "fail (503)",
    limit="held_bytes",
)
DRAIN_GRACE = Option(
    "drain-grace",
    f"{DEFAULTS.drain_grace:g}",
    seconds(0, 600),
    "seconds for which a role that is told to end says so at /health, before it stops listening",
    limit="drain_grace",
)
MAX_BODY = Option(
    "max-body",
    str(DEFAULTS.content),
    whole(1, MAX_CONTENT),
    "bytes of a POST request's content; beyond it the answer is 413",
    limit="content",
)
