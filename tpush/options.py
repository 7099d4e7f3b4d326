"""Every option once: name, variable, type, default, bound, help.

``--help``, the table in the docs and every error come from here. A role lists the options that it
takes (:class:`RoleOptions`); each has an environment variable, ``--max-body`` is
``TPUSH_MAX_BODY``; the command line comes first.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from twisted.internet.endpoints import clientFromString
from twisted.python.usage import Options, UsageError
from typing_extensions import override

from tpush.access import KeyRing, secrets_of
from tpush.errors import CannotListen, UnsafeSecret
from tpush.limits import MAX_CONTENT, Limits
from tpush.net.opening import exposed_endpoints

DEFAULTS = Limits()
SECRET = "TPUSH_SECRET"  # noqa: S105 - the name of a variable
PIDFILE = "twistd.pid"


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Args:
        name: without dashes.
        default: as it is written on a command line.
        kind: turns text into the value, or raises ValueError with what it should be.
        help: a phrase, with its unit.
        repeats: whether it may be given more than once; its variable is split at white space.
        flag: it takes no value: it is given or not.
        limit: the field of :class:`~tpush.limits.Limits` that it sets, if it sets one.
    """

    name: str
    default: str
    kind: Callable[[str], Any]
    help: str
    repeats: bool = False
    flag: bool = False
    limit: str | None = None

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "TPUSH_" + self.name.upper().replace("-", "_")


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a kind: a whole number within bounds."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


def seconds(least: float, most: float) -> Callable[[str], float]:
    """Return a kind: seconds within bounds."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not least <= value <= most:
            raise ValueError(f"seconds from {least:g} to {most:g}")
        return value

    return parse


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a kind: one of a few words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text

    return parse


def switch(text: str) -> bool:
    """Be a kind: on or off."""
    return text.lower() in ("1", "on", "yes", "true")


def server_endpoint(text: str) -> str:
    """Be a kind: a server endpoint string; whether it can be opened is found out later.

    Raises:
        ValueError: it is none.
    """
    if not text or ":" not in text:
        raise ValueError("a server endpoint string, such as tcp:4236:interface=127.0.0.1")
    return text


def client_endpoint(text: str) -> str:
    """Be a kind: a client endpoint string.

    Raises:
        ValueError: it is none.
    """
    from twisted.internet import reactor

    try:
        clientFromString(reactor, text)
    except Exception:  # noqa: BLE001 - its parsers raise what they like
        raise ValueError("a client endpoint string, such as tcp:127.0.0.1:2206") from None
    return text


def listen(default: str, what: str, name: str = "listen") -> Option:
    """Return the option that says where a role listens."""
    phrase = f"server endpoint where {what}; may be repeated"
    return Option(name, default, server_endpoint, phrase, repeats=True)


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
SETTLE = Option(
    "settle",
    f"{DEFAULTS.settle:g}",
    seconds(DEFAULTS.reconnect_most + 0.3, 60),
    "seconds that a channel which has just started holds publishes, until workers are back",
    limit="settle",
)
LINGER = Option(
    "linger",
    f"{DEFAULTS.linger:g}",
    seconds(0, 600),
    "seconds that what is sent to a lost worker is kept, in case it comes back",
    limit="linger",
)
SILENCE = Option(
    "silence",
    f"{DEFAULTS.silence:g}",
    seconds(2 * DEFAULTS.heartbeat, 600),
    "seconds without a sign of life after which the other end of a channel link is dead",
    limit="silence",
)
JOB_ATTEMPTS = Option(
    "job-attempts",
    str(DEFAULTS.job_attempts),
    whole(1, 1_000_000),
    "times that a job is handed out before it goes to the queue {queue}/failed",
    limit="job_attempts",
)
MAX_HELD = Option(
    "max-held",
    str(DEFAULTS.held_items),
    whole(1, 100_000_000),
    "publishes that a process holds until the channel acknowledges them; beyond it they fail (503)",
    limit="held_items",
)
MAX_PENDING = Option(
    "max-pending",
    str(DEFAULTS.pending),
    whole(64 * 1024, 1024 * 1024 * 1024),
    "bytes that may wait for one client that does not read as fast as messages come",
    limit="pending",
)
MAX_CONNECTIONS = Option(
    "max-connections",
    str(DEFAULTS.connections),
    whole(0, 100_000_000),
    "clients at once, over all workers; beyond it they get a 503; 0 is what the limit of "
    "descriptors leaves",
    limit="connections",
)
MAX_HANDSHAKES = Option(
    "max-handshakes",
    str(DEFAULTS.handshakes),
    whole(1, 1_000_000),
    "clients at once that have not finished their handshake, of each worker",
    limit="handshakes",
)
MAX_FRAMES = Option(
    "max-frames",
    str(DEFAULTS.client_frames),
    whole(0, 1_000_000),
    "frames that a client may send in a second, before it is closed with 4429; 0 is any number",
    limit="client_frames",
)
SLOW_CLIENT = Option(
    "slow-client",
    "disconnect",
    one_of("disconnect", "drop-newest", "drop-oldest", "keep-latest"),
    "what is done beyond that: disconnect (with close code 4008), drop-newest, drop-oldest or "
    "keep-latest",
)
PING_INTERVAL = Option(
    "ping-interval",
    f"{DEFAULTS.ping_interval:g}",
    seconds(0, 3600),
    "seconds between two pings to a client; 0 sends none",
    limit="ping_interval",
)
PING_TIMEOUT = Option(
    "ping-timeout",
    f"{DEFAULTS.ping_timeout:g}",
    seconds(1, 600),
    "seconds that a client has to answer a ping, before it is disconnected",
    limit="ping_timeout",
)
SECRET_FILE = Option(
    "secret-file",
    "",
    str,
    "file with the channel's secret, which both ends prove and never send; of several lines the "
    f"channel takes any, others prove the first; or the secret itself in {SECRET}",
)
API_KEY_FILE = Option(
    "api-key-file",
    "",
    str,
    "file with API keys, one a line, any of which may publish; read again at SIGHUP",
)
HOST = Option(
    "host",
    "",
    str,
    "name of this server in URLs, besides localhost and addresses; may be repeated",
    repeats=True,
)
ORIGIN = Option(
    "origin",
    "",
    str,
    "origin whose web pages may connect, such as https://*.example.com; may be repeated; without "
    "it pages of the host that they connect to may, where that is an address, localhost or --host",
    repeats=True,
)
INSECURE = Option(
    "insecure",
    "",
    switch,
    "listen to the network though nothing is asked of those who connect",
    flag=True,
)
MAX_BODY = Option(
    "max-body",
    str(DEFAULTS.content),
    whole(1, MAX_CONTENT),
    "bytes of a POST request's content; beyond it the answer is 413",
    limit="content",
)


class RoleOptions(Options):
    """The command line of one role, from its table."""

    role: ClassVar[str] = ""
    table: ClassVar[Sequence[Option]] = ()
    listening: ClassVar[Sequence[Option]] = ()
    """Those of the table that say where the role listens."""
    guard: ClassVar[str] = ""
    """The option without which the role does not listen to the network."""
    guarded: ClassVar[Sequence[Option]] = ()
    """Those of the listening ones that it is about."""

    @override
    def __init_subclass__(cls) -> None:
        for option in cls.table:
            setattr(cls, "opt_" + option.name.replace("-", "_"), _handler(option))

    def __init__(self) -> None:
        super().__init__()
        self.longdesc = "Each option has an environment variable: " + ", ".join(
            f"--{option.name} is {option.variable}" for option in self.table
        )
        self.given: dict[str, list[str]] = {}
        """What the command line says, as text."""
        self.secrets: list[bytes] = []
        """What :data:`SECRET_FILE` or its variable holds."""

    @override
    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the command line; a wrong option ends the program with one line.

        Raises:
            SystemExit: an option is wrong.
        """
        try:
            super().parseOptions(options)
        except UsageError as error:
            raise SystemExit(f"{self.role}: {error}") from None

    @override
    def postOptions(self) -> None:
        """Settle every option, and find out whether the endpoints can be listened on.

        Raises:
            UsageError: an option is wrong.
        """
        from twisted.internet import reactor

        for option in self.table:
            self[option.name] = _settle(option, self.given.get(option.name), os.environ)
        self._settle_files()
        try:
            if SECRET_FILE in self.table:
                self.secrets = secrets_of(self["secret-file"], os.environ, SECRET)
            if self.get("api-key-file"):
                KeyRing(self["api-key-file"])
            endpoints = [each for it in self.listening for each in self[it.name]]
            exposed = exposed_endpoints(reactor, endpoints)
        except (CannotListen, UnsafeSecret) as error:
            raise UsageError(str(error)) from None
        for option in self.guarded:
            for endpoint in set(self[option.name]).intersection(exposed):
                self._check_guard(f"--{option.name} {endpoint}")

    @property
    def limits(self) -> Limits:
        """The limits that the options ask for."""
        return Limits(**self.settings["limits"])

    @property
    def settings(self) -> dict[str, Any]:
        """What the options say, as it travels to a worker process: each by name, and limits."""
        plain = {option.name: self[option.name] for option in self.table if not option.limit}
        limits = {option.limit: self[option.name] for option in self.table if option.limit}
        return {**plain, "limits": limits, "secrets": [secret.hex() for secret in self.secrets]}

    def _check_guard(self, what: str) -> None:
        by_variable = self.secrets if self.guard == SECRET_FILE.name else []
        if not (self["insecure"] or self[self.guard] or by_variable):
            raise UsageError(
                f"{what} is open to the network, and nothing is asked of those who connect: "
                f"give --{self.guard}, or --insecure if the network is closed"
            )

    def _settle_files(self) -> None:
        """Let roles that are started in one folder not take each other for themselves.

        By itself `twistd` writes ``twistd.pid`` for each, with ``-n`` too, and the second one
        refuses to start; in the background all write ``twistd.log``, each over the others' lines.
        """
        twistd = getattr(self, "parent", None)
        if twistd is None:
            return
        if twistd.get("pidfile") == PIDFILE:
            twistd["pidfile"] = "" if twistd.get("nodaemon") else f"{self.role}.pid"
        if not twistd.get("nodaemon") and not twistd.get("logfile"):
            twistd["logfile"] = f"{self.role}.log"


def first_secret(settings: Mapping[str, Any]) -> bytes | None:
    """Return the secret that a role proves to its channel, from what travels to a worker."""
    secrets: Sequence[str] = settings["secrets"]
    return bytes.fromhex(secrets[0]) if secrets else None


def _handler(option: Option) -> Callable[..., None]:
    def set_flag(self: RoleOptions) -> None:
        self.given[option.name] = ["1"]

    def add(self: RoleOptions, value: str) -> None:
        self.given.setdefault(option.name, []).append(value)

    handle: Callable[..., None] = set_flag if option.flag else add
    handle.__doc__ = option.help + (f" [default: {option.default}]" if option.default else "")
    return handle


def _settle(option: Option, given: Sequence[str] | None, environ: Mapping[str, str]) -> Any:
    """Return the value of *option*, from the command line, the environment or its default.

    Raises:
        UsageError: it is not what it should be.
    """
    source, texts = f"--{option.name}", given
    if not texts and environ.get(option.variable):
        source = option.variable
        texts = environ[source].split() if option.repeats else [environ[source]]
    try:
        nothing = [] if option.repeats and not option.default else [option.default]
        values = [option.kind(text) for text in texts or nothing]
    except ValueError as error:
        raise UsageError(f"{source} is {error}, not {' '.join(texts or [])!r}") from None
    return values if option.repeats else values[-1]
