"""Kinds of option values: each turns text into the value, or raises ValueError with what it is."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from twisted.internet.endpoints import clientFromString

from tpush.forwarded import Proxies

ON, OFF = ("1", "on", "yes", "true"), ("0", "off", "no", "false", "")

ORIGIN = re.compile(r"[!-.0-~]+(://[!-.0-~]+)?")
"""ASCII with no slash but those two; where there is a pattern it may be without them."""

OWN_PORT = re.compile(r"http://.*:80|https://.*:443", re.IGNORECASE)
"""With the port that its scheme has anyway, which browsers leave out: :rfc:`6454#section-6.2`."""

BARE = ("null", "file://")
"""Origins that name no host; the second is that of a page in a file, or of an app made of such."""

HOST = re.compile(r"[A-Za-z0-9._-]*[A-Za-z0-9_-]")

MOST_KEPT = 1_000_000
"""Messages of one group."""

SHORTEST_KEPT, LONGEST_KEPT = 0.1, 31 * 86_400.0
"""Seconds."""


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


def history(text: str) -> tuple[str, int, float]:
    """Be a kind: a pattern of names, a number of messages, and seconds.

    Raises:
        ValueError: it is none.
    """
    pattern, _, kept = text.rpartition("=")
    messages, _, time = kept.partition("/")
    try:
        rule = pattern, whole(1, MOST_KEPT)(messages), seconds(SHORTEST_KEPT, LONGEST_KEPT)(time)
    except ValueError:
        pattern = ""
    if not pattern:
        raise ValueError("a pattern, messages and seconds, such as chat-*=100/300")
    return rule


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a kind: one of a few words."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text

    return parse


def switch(text: str) -> bool:
    """Be a kind: on or off, which it is where nothing is said.

    Raises:
        ValueError: it is neither.
    """
    said = text.lower()
    if said not in (*ON, *OFF):
        raise ValueError(f"on ({', '.join(ON)}) or off ({', '.join(filter(None, OFF))})")
    return said in ON


def origin(text: str) -> str:
    """Be a kind: an origin as browsers send it, or a pattern of such.

    Raises:
        ValueError: no browser sends one that is like it.
    """
    known = text in BARE or (ORIGIN.fullmatch(text) and ("*" in text or "://" in text))
    if not known or OWN_PORT.fullmatch(text):
        raise ValueError(
            "an origin such as https://app.example.com, with no slash at its end, and no port "
            "that its scheme has anyway"
        )
    return text


def host_name(text: str) -> str:
    """Be a kind: a name in URLs, or an address.

    Raises:
        ValueError: it is neither.
    """
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        if not HOST.fullmatch(text):
            raise ValueError("a name such as push.example.com, with no port") from None
    return text


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


def proxy(text: str) -> str:
    """Be a kind: an address, a network, or unix.

    Raises:
        ValueError: it is none.
    """
    try:
        Proxies([text])
    except ValueError:
        raise ValueError("an address, a network such as 10.0.0.0/8, or unix") from None
    return text


def web_url(text: str) -> str:
    """Be a kind: a URL of the web, or nothing.

    Raises:
        ValueError: it is none.
    """
    try:
        url = urlsplit(text)
        known = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        known = False
    if text and not (known and text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("a URL such as https://app.example.com/hook, http or https")
    if text:
        _check_can_be_called(text)
    return text


def _check_can_be_called(url: str) -> None:
    from tpush.as_given import check_host

    try:
        check_host(url)
    except ValueError as error:
        raise ValueError(f"a URL that can be called ({error})") from None
