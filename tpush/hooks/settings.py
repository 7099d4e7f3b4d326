"""Which back ends are called, and what signs the calls."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from tpush.hooks.keys import SigningKeys


@dataclass(frozen=True, slots=True)
class HookSettings:
    """Which back ends are called; by default none.

    Args:
        webhook: the URL that is told of events; "" is none.
        connect_hook: the URL that is asked before a client is taken; "" is none.
        keys: what calls are signed with; there has to be some where a URL is given.

    Raises:
        ValueError: there is a URL, and nothing to sign with, or a password in it.
    """

    webhook: str = ""
    connect_hook: str = ""
    keys: SigningKeys | None = None

    def __post_init__(self) -> None:
        for name, url in (("webhook", self.webhook), ("connect-hook", self.connect_hook)):
            if url and self.keys is None:
                raise ValueError(f"--{name} needs --webhook-secret-file: calls to it are signed")
            if "@" in urlsplit(url).netloc:
                # Command lines are seen by all; nor must this error show what it is about.
                raise ValueError(f"--{name} has a user or a password in it, which are not sent")


NO_HOOKS = HookSettings()
