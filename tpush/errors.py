"""Every error that tpush raises, under one root.

::

    TPushError
    ├── InvalidName (ValueError)      an event or queue cannot be called so     400
    ├── InvalidAddress (ValueError)   no connection can have this id            400
    ├── InvalidText (ValueError)      a content is to be text, and is not       400
    ├── TooLarge                      a content is over its bound               413
    ├── OutboxFull                    held publishes are at their bound         503, retry later
    ├── QueueFull                     a queue is at its bound                   503, retry later
    ├── TooManySubscriptions          a program has as many as it may
    ├── ChannelClosed                 this channel was closed                   503
    ├── Refused                       the channel does not take this peer
    │   ├── VersionRefused            it speaks another protocol version
    │   ├── WorkerIDTaken             another worker has this id: draw again
    │   └── NotProved                 one of the two does not know the other's secret
    ├── ProtocolViolation             a peer sent what the protocol does not allow
    ├── TokenRefused                  a connection token is not valid           401
    │   └── TokenExpired              it was valid: come back with a new one
    ├── HookFailed                    a back end does not answer as it should   503, retry later
    │   └── HookGone                  it wants to be called no more
    ├── CannotListen                  an endpoint cannot be opened
    ├── NotReplaced                   a new worker does not come up
    └── UnsafeSecret                  a file of secrets cannot be used

``status`` is what the HTTP side answers with; an error without one is never a request's fault.
"""

from typing import ClassVar


class TPushError(Exception):
    """The root of all errors of tpush."""

    status: ClassVar[int] = 500


class InvalidName(TPushError, ValueError):
    """An event or a queue cannot be called so."""

    status = 400


class InvalidAddress(TPushError, ValueError):
    """No connection can have this id."""

    status = 400


class InvalidText(TPushError, ValueError):
    """A content is to go out as text, and is not UTF-8: it would end every client's connection."""

    status = 400


class TooLarge(TPushError):
    """A content is larger than may be published."""

    status = 413


class OutboxFull(TPushError):
    """What is held for the channel has reached its bound; nothing was added."""

    status = 503


class QueueFull(TPushError):
    """A queue holds as many jobs, or bytes, as it may, or there are as many queues.

    The job was not added.
    """

    status = 503


class TooManySubscriptions(TPushError):
    """A program has as many subscriptions, or watches, as it may; this one was not added."""


class ChannelClosed(TPushError):
    """The channel was closed by its owner, and takes nothing more."""

    status = 503


class Refused(TPushError):
    """The channel does not take this peer; ``code`` says why on the wire."""

    code: ClassVar[str] = "refused"


class VersionRefused(Refused):
    """The two ends speak different versions of the channel protocol."""

    code = "version"


class WorkerIDTaken(Refused):
    """Another worker has the id that this one drew."""

    code = "worker-id-taken"


class NotProved(Refused):
    """One of the two ends has not proved that it knows a secret of the other."""

    code = "not-proved"


class ProtocolViolation(TPushError):
    """A peer sent what the protocol does not allow."""


class TokenRefused(TPushError):
    """A connection token is not valid; the text says why, and nothing of what is in it."""

    status = 401


class TokenExpired(TokenRefused):
    """A connection token was valid and has run out: its holder may come back with a new one."""


class HookFailed(TPushError):
    """A back end that is told or asked something does not answer as it should; the text says how.

    Args:
        why: the same for people.
        unanswered: the connection ended before any answer; another one may do better.
        asked: seconds for which it wants to be left alone; 0 where it has not said.
    """

    status = 503

    def __init__(self, why: str, *, unanswered: bool = False, asked: float = 0.0) -> None:
        super().__init__(why)
        self.unanswered = unanswered
        self.asked = asked


class HookGone(HookFailed):
    """A back end wants to be called no more: 410."""


class CannotListen(TPushError):
    """An endpoint cannot be opened; the text says which and why."""


class NotReplaced(TPushError):
    """A worker that was to take another's place does not come up; the other one stays."""


class UnsafeSecret(TPushError):
    """A secret cannot be used; the text says which file or variable, and never what is in it."""
