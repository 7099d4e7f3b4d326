"""Answers without the cookies that came along.

treq keeps them for the next request, and fails with an error of its own where one is not ASCII,
though the answer was there.
"""

from twisted.internet.defer import Deferred
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer


@implementer(IAgent)
class Cookieless:
    """Takes cookies out of answers.

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
        """Ask, and let go of what is to be kept."""
        asked: Deferred[IResponse] = self._agent.request(method, uri, headers, bodyProducer)
        return asked.addCallback(_without_cookies)


def _without_cookies(response: IResponse) -> IResponse:
    response.headers.removeHeader("set-cookie")
    return response
