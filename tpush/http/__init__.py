"""Clients of the JSON API: for programs on Twisted, and for those that block.

Each is imported when it is first asked for: who publishes from a script or a WSGI framework pays
for no reactor, and who has a reactor not for ``requests``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tpush.http.errors import (
    NoSuchConnection,
    NotAllowed,
    NotReachable,
    Problem,
    PublishFailed,
    Rejected,
    StrangeAnswer,
    TryLater,
    WorkersMissing,
)
from tpush.http.outcome import ACCEPTED, Accepted, Outcome
from tpush.http.publish import JSON, Content, Publish
from tpush.http.retry import NO_RETRY, Retry
from tpush.http.target import EVERYBODY, Connection, Group, Target, User
from tpush.http.verbs import Done, Members
from tpush.receipt import Counts, Receipt

if TYPE_CHECKING:
    from tpush.http.blocking import BlockingPublisher
    from tpush.http.publisher import Publisher

__all__ = [
    "ACCEPTED",
    "EVERYBODY",
    "JSON",
    "NO_RETRY",
    "Accepted",
    "BlockingPublisher",
    "Connection",
    "Content",
    "Counts",
    "Done",
    "Group",
    "Members",
    "NoSuchConnection",
    "NotAllowed",
    "NotReachable",
    "Outcome",
    "Problem",
    "Publish",
    "PublishFailed",
    "Publisher",
    "Receipt",
    "Rejected",
    "Retry",
    "StrangeAnswer",
    "Target",
    "TryLater",
    "User",
    "WorkersMissing",
]

CLIENTS = {
    "BlockingPublisher": "tpush.http.blocking",
    "Publisher": "tpush.http.publisher",
}
"""Where each client is."""


def __getattr__(name: str) -> Any:
    """Import a client, :pep:`562`.

    Raises:
        AttributeError: there is nothing of this name.
    """
    if name not in CLIENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(CLIENTS[name]), name)
