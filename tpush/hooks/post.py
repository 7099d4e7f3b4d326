"""One signed call to a back end, by treq."""

import re
from collections.abc import Callable
from typing import Any

from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.web.client import RequestTransmissionFailed, ResponseNeverReceived
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse

from tpush.as_given import AsGiven
from tpush.cancellable import cancellable
from tpush.errors import HookFailed, HookGone
from tpush.hooks.body import read_beginning
from tpush.hooks.keys import SigningKeys
from tpush.hooks.signing import headers
from tpush.request_body import WholeBody
from tpush.retry_after import seconds_asked

UNPRINTABLE = re.compile(r"[^ -~]")
MOST_SAID = 200
"""Characters of what went wrong, in the log."""

GONE = 410
LATER = frozenset({429, 503})
"""Whose Retry-After counts."""

FIXED = {"content-type": "application/json", "user-agent": "tpush"}


class Post:
    """Posts JSON to one URL. Redirects are not followed, and no cookie is kept.

    Args:
        url: where to.
        agent: carries it.
        keys: it is signed with.
        reactor: tells when time is up.
        seconds: for one call, from its connection to the last byte of the answer.
        now: returns the time of day, in seconds since 1970.
    """

    def __init__(
        self,
        url: str,
        agent: IAgent,
        keys: SigningKeys,
        reactor: Any,
        seconds: float,
        now: Callable[[], float],
    ) -> None:
        self._url = AsGiven.from_text(url)
        self._keys = keys
        self._reactor = reactor
        self._seconds = seconds
        self._now = now
        self._agent = agent

    async def send(self, name: str, body: bytes) -> bytes:
        """Send a body; return the answer, up to a bound.

        Args:
            name: of this call, the same at each attempt.
            body: JSON.

        Raises:
            HookGone: the answer is that there will be no other.
            HookFailed: there was no answer in time, or not one of success (2xx).
            CancelledError: it was cancelled.
        """
        exchange = cancellable(Deferred.fromCoroutine(self._exchange(name, body)))
        try:
            return await exchange.addTimeout(self._seconds, self._reactor)
        except (HookFailed, CancelledError):
            raise
        except TimeoutError:
            raise HookFailed(f"no answer within {self._seconds:g} s") from None
        except Exception as error:  # noqa: BLE001 - names, refusals, TLS, HTTP: any of many
            ended = isinstance(error, RequestTransmissionFailed | ResponseNeverReceived)
            raise HookFailed(_why(error), unanswered=ended) from None

    async def _exchange(self, name: str, body: bytes) -> bytes:
        signed = headers(self._keys.secrets, name, self._now(), body)
        # A new one each time: it keeps cookies, and would send them with another call.
        client = HTTPClient(self._agent, data_to_body_producer=WholeBody)
        response = await client.post(
            self._url,
            data=body,
            headers=Headers({name: [value] for name, value in {**FIXED, **signed}.items()}),
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )
        answer = await read_beginning(response)
        if not 200 <= response.code < 300:
            raise self._failure(response)
        return answer

    def _failure(self, response: IResponse) -> HookFailed:
        why = f"the answer is {response.code}"
        if response.code == GONE:
            return HookGone(why)
        if response.code not in LATER:
            return HookFailed(why)
        after, date = (_header(response, name) for name in ("retry-after", "date"))
        return HookFailed(why, asked=seconds_asked(after, date, self._now()))


def _header(response: IResponse, name: str) -> str:
    """Return the last header of this name, or nothing."""
    said: list[bytes] = response.headers.getRawHeaders(name.encode()) or [b""]
    return said[-1].decode("latin-1")


def _why(error: Exception) -> str:
    """Say in a line what went wrong: that an error was wrapped in another is no news."""
    reasons = getattr(error, "reasons", ())
    cause = reasons[0].value if reasons else error
    return UNPRINTABLE.sub("?", f"{type(cause).__name__}: {cause}")[:MOST_SAID]
