"""What carries calls to back ends: persistent connections, and nothing on top."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.client import Agent, HTTPConnectionPool, _HTTP11ClientFactory
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from tpush.cookieless import Cookieless

IDLE = 30
"""Seconds that a connection is kept for the next call."""


class _QuietFactory(_HTTP11ClientFactory):
    noisy = False
    """No line in the log for each connection."""


@implementer(IAgent)
class AsSent:
    """Lets answers through as they were sent: treq would inflate them, without a bound.

    Args:
        agent: asks.
    """

    def __init__(self, agent: IAgent) -> None:
        self._agent = agent

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 - IAgent has the name
    ) -> Deferred[IResponse]:
        """Ask without an offer to inflate."""
        if headers is not None:
            headers.removeHeader("accept-encoding")
        asked: Deferred[IResponse] = self._agent.request(method, uri, headers, bodyProducer)
        return asked.addCallback(_as_sent)


def _as_sent(response: IResponse) -> IResponse:
    response.headers.removeHeader("content-encoding")
    return response


def make_pool(reactor: Any, most: int) -> HTTPConnectionPool:
    """Return a pool of connections.

    Args:
        reactor: the reactor to use.
        most: that are kept for the next call.
    """
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = most
    pool.cachedConnectionTimeout = IDLE
    pool._factory = _QuietFactory
    return pool


def make_agent(reactor: Any, pool: HTTPConnectionPool) -> IAgent:
    """Return what asks over the connections of a pool."""
    agent: IAgent = Cookieless(AsSent(Agent(reactor, pool=pool)))
    return agent
