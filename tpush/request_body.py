"""The body of a request, written at once.

treq's own goes through a cooperator of the global reactor, whatever reactor it is given.
"""

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer


@implementer(IBodyProducer)
class WholeBody:
    """Writes a body at once: it is in memory anyway.

    Args:
        body: all of it.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802
        """Write it."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802
        """Do nothing: it is written."""

    def resumeProducing(self) -> None:  # noqa: N802
        """Do nothing: it is written."""

    def stopProducing(self) -> None:  # noqa: N802
        """Do nothing: it is written."""
