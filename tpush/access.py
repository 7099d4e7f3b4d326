"""Who may do what: where secrets and keys come from.

They stand in files, one a line, or in the environment; never on a command line, where `ps` shows
them. No error names one.
"""

import fnmatch
import hmac
import os
import re
import stat
from codecs import BOM_UTF8
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from tpush.errors import UnsafeSecret

SHORTEST = 16
"""Bytes of a secret or a key: shorter ones can be guessed."""


def read_secrets(path: str) -> list[bytes]:
    """Read a file of secrets: one a line, the one to use first; ``#`` begins a comment line.

    Raises:
        UnsafeSecret: it cannot be read, others may read it, it has none, or one is too short.
    """
    lines = [line.strip() for line in read_file(path, private=True).splitlines()]
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line and not line.startswith(b"#")]
    if not numbered:
        raise UnsafeSecret(f"{path} has no secret in it")
    return [_long_enough(secret, f"line {number} of {path}") for number, secret in numbered]


def read_file(path: str, *, private: bool) -> bytes:
    """Read a file that what we trust in depends on.

    Args:
        path: which.
        private: others may not read it; they may never write it.

    Raises:
        UnsafeSecret: it cannot be read, or others may do what they may not.
    """
    forbidden = stat.S_IWOTH | (stat.S_IROTH if private else 0)
    what = "read or write" if private else "write"
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & forbidden:
                mode = "o-rw" if private else "o-w"
                raise UnsafeSecret(f"others may {what} {path}: chmod {mode} {path}")
            # Editors of Windows put it there, and nobody sees it.
            return file.read().removeprefix(BOM_UTF8)
    except OSError as error:
        raise UnsafeSecret(f"cannot read {path}: {(error.strerror or '').lower()}") from None


def secrets_of(path: str, environ: Mapping[str, str], variable: str) -> list[bytes]:
    """Return the secrets in the file at *path*, or the one in the environment, or none.

    Raises:
        UnsafeSecret: as :func:`read_secrets` does.
    """
    if path:
        return read_secrets(path)
    secret = environ.get(variable, "").encode()
    return [_long_enough(secret, variable)] if secret else []


def _long_enough(secret: bytes, where: str) -> bytes:
    if len(secret) < SHORTEST:
        raise UnsafeSecret(f"{where} has {len(secret)} bytes, and a secret needs {SHORTEST}")
    return secret


class KeyRing:
    """Keys in a file, any of which opens; read again when they have changed.

    Args:
        path: the file, as :func:`read_secrets` has it.

    Raises:
        UnsafeSecret: it cannot be used.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._keys = read_secrets(path)

    def reload(self) -> None:
        """Read the file again.

        Raises:
            UnsafeSecret: it cannot be used; the keys that were there still open.
        """
        self._keys = read_secrets(self._path)

    def opens(self, presented: bytes) -> bool:
        """Say whether this is one of the keys, in a time that says nothing of them."""
        return sum(hmac.compare_digest(key, presented) for key in self._keys) > 0


def is_ours(host: str, names: Collection[str]) -> bool:
    """Say whether a Host header, without its port, names this server.

    An IP literal, ``localhost`` and the names that were given do. A name that was not may be
    anyone's who lets it point here for a moment (DNS rebinding).

    Args:
        host: the name, or an address; an IPv6 address may stand in brackets.
        names: lower case.
    """
    name = host.lower().removesuffix(".")
    if name == "localhost" or name in names:
        return True
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def host_of(authority: str) -> str:
    """Return the host of ``host:port`` or of an origin such as ``https://host:port``.

    What is neither stays as it is, and is nobody's.
    """
    try:
        return urlsplit(authority if "//" in authority else "//" + authority).hostname or ""
    except ValueError:
        return authority


class Origins:
    """Which web pages may connect.

    Programs send no ``Origin`` and are let through: it is browsers that keep a page's user from
    lending it his place, and that say whose page it is.

    Args:
        allowed: origins, such as ``https://app.example.com``; ``*`` stands for anything. Without
            any: pages of the host that they connect to, whatever the port, where it is ours.
        hosts: names of this server, besides ``localhost`` and addresses.
    """

    def __init__(self, allowed: Collection[str] = (), hosts: Collection[str] = ()) -> None:
        self._allowed = [_pattern(origin.lower()) for origin in allowed]
        self._hosts = frozenset(host.lower() for host in hosts)

    def refuse(self, origin: str | None, host: str) -> str | None:
        """Say why a page may not connect, or None where it may.

        Args:
            origin: what its browser says; None is a program.
            host: what it asked for, without the port.
        """
        if origin is None:
            return None
        if self._allowed:
            known = any(pattern.match(origin.lower()) for pattern in self._allowed)
            return None if known else "pages of this origin may not connect: see --origin"
        if not is_ours(host, self._hosts):
            return "the Host is not a name of this server: see --host and --origin"
        if host_of(origin) != host.lower().strip("[]"):
            return "pages of another host may not connect: see --origin"
        return None


def _pattern(origin: str) -> re.Pattern[str]:
    """Return what an origin has to match, in which an IPv6 address is no set of characters."""
    return re.compile(fnmatch.translate(origin.replace("[", "[[]").replace("?", "[?]")))
