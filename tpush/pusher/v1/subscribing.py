"""Clients of ``tpush.v1`` that subscribe: from now on, or from the message that they had last.

A client joins when the channel has the subscription, and has told what was published before. What
it tells of reaches this worker before that answer, and what is published later after it: so there
is neither a gap nor a double between what a client that comes back is given and what comes to it
from then on. Until it has joined, what it will join is held, as others may leave it.

There is one question to the channel at a time, however many clients wait: those that come meanwhile
are answered together with the next, or, where they are too many for one, with the next but one.
After an answer with messages there is a pause, for as long as they take to read: clients that come
back again and again leave half of the worker's time to others.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import Any

from twisted.internet.interfaces import IReactorTime

from tpush.errors import TPushError
from tpush.message import ConnectionID, check_name
from tpush.pusher.audience import Audience
from tpush.pusher.client import Client
from tpush.pusher.commands import Join
from tpush.pusher.executor import Executor
from tpush.pusher.groups import Exchange, Groups
from tpush.pusher.v1.answers import answer, refusals, refuse
from tpush.pusher.v1.dialect import position_fields
from tpush.pusher.v1.recovering import Recovering
from tpush.pusher.v1.requests import RequestID, Subscribe, Wrong
from tpush.pusher.v1.waiting import Waiters, Waiting
from tpush.recalled import Recalled

MOST_PLACES = 5_000
"""That one question is about: with the longest names they are 1.4 MB, and a box has 4 MiB."""


PAUSE = 30e-6
"""Seconds for each message that was told."""


class TooMuchAsked(TPushError):
    """A client waits for as many acknowledgements as it may."""

    status = 503


class Subscribing:
    """Lets clients join, and tells them when they have.

    Args:
        executor: lets them join, where they may.
        groups: who is in which.
        audience: who is connected.
        exchange: asks the channel.
        clock: tells when to ask again.
        flush: writes what waits to be written.
        most: subscriptions of one client that wait to be acknowledged.
        most_bytes: that one client is given again.
    """

    def __init__(
        self,
        executor: Executor,
        groups: Groups,
        audience: Audience[Any],
        exchange: Exchange,
        clock: IReactorTime,
        flush: Callable[[], None],
        most: int,
        most_bytes: int,
    ) -> None:
        self._executor = executor
        self._groups = groups
        self._audience = audience
        self._recall = exchange.recall
        self._clock = clock
        self._flush = flush
        self._most = most
        self._most_bytes = most_bytes
        self._asked = Waiters()
        """Those that the question under way is for."""
        self._next = Waiters()
        """Those that the next one is for."""
        self._asking = False
        """Whether a question is under way, or has to wait."""

    def subscribe(self, client: Client, name: RequestID, command: Subscribe) -> None:
        """Let a client join soon, and tell it when it has.

        Raises:
            Forbidden: it may not.
            InvalidName: no group can be called so.
            TPushError: there is no room at the moment.
            TooMuchAsked: it waits for as many acknowledgements as it may.
            Wrong: it comes back to a group that it is in.
        """
        waiting = Waiting(name, command.group, command.since, command.presence)
        event = check_name(waiting.event)
        if (others := len(self._of(client))) >= self._most:
            raise TooMuchAsked(f"{others} subscriptions wait to be acknowledged")
        self._executor.check_join(client, command.group, presence=command.presence)
        connection = client.connection
        if connection is None:
            return
        if waiting.since and self._groups.has_joined(connection, event):
            raise Wrong("bad-request", "the client is in that group already", name)
        self._hold(connection, waiting)
        self._next.add(client, waiting)
        if not self._asking:
            self._ask()

    def cancel(self, client: Client, group: str) -> None:
        """Let a client that is about to join a group not do so."""
        for waiters in self._asked, self._next:
            for each in [each for each in waiters.of(client) if each.group == group]:
                waiters.remove(client, each)
                self._release(client, [each])
                refuse(client, Wrong("cancelled", "the client has unsubscribed since", each.name))

    def forget(self, client: Client) -> None:
        """Be told that a client is gone."""
        self._release(client, self._of(client))
        self._asked.forget(client)
        self._next.forget(client)

    def _of(self, client: Client) -> Sequence[Waiting]:
        return [*self._asked.of(client), *self._next.of(client)]

    def _hold(self, connection: ConnectionID, waiting: Waiting) -> None:
        with ExitStack() as held:
            for event in waiting.events:
                self._groups.hold(connection, event)
                held.callback(self._groups.release, connection, event)
            held.pop_all()  # until it is released

    def _release(self, client: Client, waiting: Sequence[Waiting]) -> None:
        if client.connection is not None:
            for event in chain.from_iterable(each.events for each in waiting):
                self._groups.release(client.connection, event)

    def _ask(self) -> None:
        self._asking = bool(self._next)
        if not self._asking:
            return
        self._asked = self._next.take(MOST_PLACES)
        places = self._asked.places()

        def known(told: Sequence[Recalled]) -> None:
            answers = dict(zip(places, told, strict=True))
            self._known(Recovering(self._audience, answers, self._most_bytes))
            messages = sum(len(each.messages) for each in told)
            if messages:
                self._clock.callLater(PAUSE * messages, self._ask)
            else:
                self._ask()

        asked = self._recall(list(places.values()), self._most_bytes)
        _answered = asked.addCallbacks(known, lambda _: self._unknown())

    def _known(self, recovering: Recovering) -> None:
        self._flush()  # what was published before is not for whoever joins
        asked, self._asked = self._asked, Waiters()
        for client, waiting in asked:
            others = [*waiting, *self._next.of(client)]
            for each in list(waiting):
                self._acknowledge(client, each, others, recovering)

    def _acknowledge(
        self, client: Client, waiting: Waiting, others: Sequence[Waiting], recovering: Recovering
    ) -> None:
        # Who has been put into the group meanwhile may have had some.
        met = client.connection is None or self._groups.joined_meanwhile(
            client.connection, waiting.event
        )
        missed = None if met else recovering.missed(client, waiting, others)
        try:
            with refusals(waiting.name):
                self._executor.execute(client, Join(waiting.group, waiting.presence))
        except Wrong as wrong:
            refuse(client, wrong)
            return
        finally:
            self._release(client, [waiting])
        said: dict[str, Any] = {"group": waiting.group}
        if waiting.since is not None:
            said["recovered"] = missed is not None
        # Where it stands: what it is given again comes after this.
        place = recovering.recalled(waiting).position if missed is None else waiting.since
        said |= {} if place is None else position_fields(place)
        frames = answer("subscribed", waiting.name, **said), *(missed or ())
        client.write_frames(b"".join(frames), len(frames))

    def _unknown(self) -> None:
        asked, self._asked, self._asking = self._asked, Waiters(), False
        later, self._next = self._next, Waiters()
        for client, waiting in chain(asked, later):
            self._release(client, waiting)
            for each in waiting:
                refuse(client, Wrong("try-later", "this worker is going away", each.name))
