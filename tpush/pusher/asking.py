"""A connect hook's say in who may connect."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from tpush.claims import Claims
from tpush.errors import HookFailed
from tpush.forwarded import Address
from tpush.hooks.answer import Answer
from tpush.metrics import PusherMetrics
from tpush.pusher.admission import Admitted
from tpush.pusher.closing import BUSY, FORBIDDEN, Close
from tpush.pusher.refusal import UNPRINTABLE, Denied
from tpush.sparing import SparingLog

if TYPE_CHECKING:
    from tpush.hooks.asking import ConnectHook

LONGEST = 123
"""Bytes of a reason that go into a close frame, :rfc:`6455#section-5.5`."""

SECRET = "token"  # noqa: S105 - the name of a parameter
"""Is told to nobody."""

LINES = 1
"""A second, in the log, of a hook that does not answer."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who wants to connect.

    Args:
        address: of the client, behind proxies too; None on a unix socket.
        origin: of the page; None is a program.
        path: of the URL.
        query: its parameters.
    """

    address: Address | None
    origin: str | None
    path: str
    query: Mapping[str, Sequence[str]]


class Asking:
    """Asks a connect hook, and does what it says.

    Args:
        hook: is asked.
        reactor: tells the time.
        metrics: counts those who are refused.
        now: returns the time of day, in seconds since 1970.
    """

    log = Logger()

    def __init__(
        self,
        hook: "ConnectHook",
        reactor: IReactorTime,
        metrics: PusherMetrics,
        now: Callable[[], float],
    ) -> None:
        self._hook = hook
        self._reactor = reactor
        self._metrics = metrics
        self._now = now
        self._log = SparingLog(self.log, reactor, LINES)

    async def ask(self, arrival: Arrival, admitted: Admitted) -> Admitted | Close:
        """Return who it is, or how a page is closed that is refused.

        Args:
            arrival: who wants to connect.
            admitted: what is known without the hook.

        Raises:
            Denied: a program is refused.
        """
        began = self._reactor.seconds()
        try:
            answer = await self._hook.ask(self._question(arrival, admitted.claims))
        except HookFailed as error:
            self._metrics.unanswered += 1
            self._log.warn("a client is refused, as --connect-hook failed: {error}", error=error)
            if arrival.origin is None:
                raise Denied(503, "nobody says whether this client may connect") from None
            return BUSY
        if answer.allow:
            return _joined(admitted, answer, self._reactor.seconds() - began)
        self._metrics.turned_away += 1
        reason = UNPRINTABLE.sub("?", answer.reason)[:LONGEST] or "this client may not connect"
        if arrival.origin is None:
            raise Denied(403, reason)
        return replace(FORBIDDEN, reason=reason)

    def stop(self) -> None:
        """Tell the log what would be told later."""
        self._log.stop()

    def _question(self, arrival: Arrival, claims: Claims) -> bytes:
        address = arrival.address
        question = {
            "type": "connect",
            "time": round(self._now(), 3),
            "address": None if address is None else str(address),
            "origin": arrival.origin,
            "path": arrival.path,
            "query": {name: list(v) for name, v in arrival.query.items() if name != SECRET},
            "user": claims.user,
        }
        return json.dumps(question, separators=(",", ":")).encode()


def _joined(admitted: Admitted, answer: Answer, waited: float) -> Admitted:
    """Return what is known with an answer: a token's time has gone on while the hook was asked."""
    claims, groups = admitted.claims, admitted.groups
    if claims.seconds is not None:
        claims = replace(claims, seconds=max(0.0, claims.seconds - waited))
    if answer.user is not None:
        claims = replace(claims, user=answer.user)
    if answer.groups:
        # It may come back to them too, having left.
        claims = replace(claims, groups=claims.groups | set(answer.groups))
        groups = [*groups, *answer.groups]
    return admitted if claims is admitted.claims else Admitted(claims, groups)
