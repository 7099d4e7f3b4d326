"""What a role needs of a channel: the one seam between the roles and the brokers."""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol, overload

from twisted.internet.defer import Deferred

from tpush.message import ConnectionID, Job, Message, Target, WorkerID
from tpush.recalled import Place, Recalled
from tpush.receipt import Counts, Receipt, Ticket


class IChannel(Protocol):
    """One program's end of the channel, whatever carries it.

    The in-process, the AMP and (later) the Redis channel pass one shared contract test. Callbacks
    run in a reactor turn of their own, never from inside a call of this interface; they may be
    coroutine functions or return Deferreds. What a callback raises is logged.

    A channel begins to connect when the reactor runs; it is made anywhere, before a fork too.
    """

    @property
    def connected(self) -> bool:
        """Whether the broker can be reached at this moment."""
        ...

    def claim(
        self,
        worker: WorkerID,
        taken: Callable[[], None],
        missed: Callable[[], None] = lambda: None,
    ) -> None:
        """Speak to the broker as this worker.

        Args:
            worker: the id that this program drew.
            taken: called where another worker of the cluster has it; it draws again, and
                claims that.
            missed: called when it is back at a broker that has routed without it: what was
                published meanwhile has not come, and will not.

        Raises:
            ChannelClosed: :meth:`close` was called.
        """
        ...

    def subscribe(self, event: str, callback: Callable[[Message], object]) -> None:
        """Have every message published to *event* from now on; a later call replaces the callback.

        Subscriptions survive the connection: they are restored whenever it is made anew.

        Raises:
            InvalidName: the event cannot be called so.
            TooManySubscriptions: this program has as many as it may.
            ChannelClosed: :meth:`close` was called.
        """
        ...

    def unsubscribe(self, event: str) -> None:
        """Have no more messages of *event*; nothing happens where there was no subscription."""
        ...

    @overload
    def publish(
        self,
        event: str,
        data: str | bytes,
        *,
        text: bool = False,
        connection: ConnectionID | None = None,
        also: Sequence[Target] = (),
        but: Sequence[Target] = (),
        key: str = "",
        json: bool = False,
        receipt: Literal[False] = False,
    ) -> None: ...

    @overload
    def publish(
        self,
        event: str,
        data: str | bytes,
        *,
        text: bool = False,
        connection: ConnectionID | None = None,
        also: Sequence[Target] = (),
        but: Sequence[Target] = (),
        key: str = "",
        json: bool = False,
        receipt: Literal[True],
    ) -> Deferred[Receipt]: ...

    def publish(
        self,
        event: str,
        data: str | bytes,
        *,
        text: bool = False,
        connection: ConnectionID | None = None,
        also: Sequence[Target] = (),
        but: Sequence[Target] = (),
        key: str = "",
        json: bool = False,
        receipt: bool = False,
    ) -> Deferred[Receipt] | None:
        """Publish to all that subscribed to *event*.

        When this returns the message is accepted: numbered, held, and sent until the broker has
        acknowledged it, over any number of reconnects.

        Args:
            event: where to.
            data: a str goes out as text, bytes as binary.
            text: *data* is bytes of UTF-8, and goes out as text.
            connection: for this connection of the event's worker alone.
            also: further targets; a worker gets it once, and so does whoever is in several.
            but: targets that do not get it.
            key: where another publish had the same in the last ``limits.key_seconds``, through
                whichever program, this one is not sent; its receipt is that of the other.
            json: *data* is JSON: it goes out as text, and to who can be told as what it is.
            receipt: have the workers that it goes to tell what became of it.

        Returns:
            With *receipt*: fires when all of them have told, or ``limits.receipt_wait`` has
            passed: the receipt says then how many are missing. Without it, None.

        Raises:
            InvalidName: an event or a key cannot be called so.
            InvalidAddress: no connection can have this id, or there are too many targets.
            InvalidText: it is to be text, and is not UTF-8; or to be JSON, and is none.
            TooLarge: *data* is over ``limits.content``.
            OutboxFull: as much is held as may be, or as many receipts are waited for; nothing was
                published.
            TooManySubscriptions: the first receipt takes one, and there is no room for it.
            ChannelClosed: :meth:`close` was called.
        """
        ...

    def order(
        self,
        event: str,
        order: bytes,
        *,
        connection: ConnectionID | None = None,
        also: Sequence[Target] = (),
        but: Sequence[Target] = (),
    ) -> Deferred[Receipt]:
        """Have the workers that a message would go to do something, and tell what came of it.

        Args:
            event: where to.
            order: of :mod:`tpush.orders`.
            connection: for this connection of the event's worker alone.
            also: further targets.
            but: targets that it does not concern.

        Returns:
            As :meth:`publish` with *receipt*, with the replies of workers.

        Raises:
            TPushError: as :meth:`publish` does.
        """
        ...

    def obey(self, callback: Callable[[Message], object]) -> None:
        """Carry orders out by *callback*, which has to :meth:`report`; without, they are ignored.

        Args:
            callback: gets what was published as an order to any event of this program's.
        """
        ...

    def report(self, ticket: Ticket, counts: Counts, reply: bytes = b"") -> None:
        """Tell the publisher of a message that has a ticket what became of it in this worker.

        Args:
            ticket: of the message.
            counts: connections.
            reply: what else the publisher asked for.

        Raises:
            OutboxFull: as much is held as may be; the publisher will miss it.
            ChannelClosed: :meth:`close` was called.
            ValueError: this program has claimed no worker id.
        """
        ...

    def publish_one(self, event: str, data: str | bytes, *, text: bool = False) -> None:
        """Publish to one of the subscribers of *event*, in turn.

        Arguments and errors are those of :meth:`publish`. Where the broker or the subscriber dies
        before it has acknowledged the message, another subscriber may be given it too.
        """
        ...

    def enqueue(self, queue: str, data: str | bytes) -> Deferred[None]:
        """Add one job to the end of *queue*.

        Returns:
            Fires when the broker has it, which keeps it in its memory; fails with
            :exc:`~tpush.errors.QueueFull` where the queue has as many jobs as it may, and with
            :exc:`~tpush.errors.ChannelClosed` where :meth:`close` came first.

        Raises:
            InvalidName: the queue cannot be called so.
            TooLarge: *data* is over ``limits.content``.
            OutboxFull: as much is held as may be; nothing was added.
            ChannelClosed: :meth:`close` was called.
        """
        ...

    def watch(self, queue: str, callback: Callable[[Job], object], *, ask: bool = False) -> None:
        """Take jobs from *queue*, one at a time; a later call replaces the callback.

        The next one is handed out when the callback has finished. Where it raises or its Deferred
        fails, the job goes back to the head of the queue after a back-off.

        Args:
            queue: which.
            callback: does the job.
            ask: no job comes unasked: each is asked for by :meth:`reserve`.

        Raises:
            InvalidName: the queue cannot be called so.
            TooManySubscriptions: this program watches as many as it may.
            ChannelClosed: :meth:`close` was called.
        """
        ...

    def unwatch(self, queue: str) -> None:
        """Take no more jobs from *queue*; one that was handed out is still finished."""
        ...

    def reserve(self) -> None:
        """Be ready for one more job, of any queue that is watched with *ask*.

        Raises:
            ChannelClosed: :meth:`close` was called.
        """
        ...

    def flush(self) -> Deferred[None]:
        """Wait for all that was asked of this channel so far.

        Returns:
            Fires when subscriptions and watches are in effect, and every publish has been
            acknowledged by the subscribers that it went to.

        Raises:
            ChannelClosed: :meth:`close` was called.
        """
        ...

    def settled(self) -> Deferred[None]:
        """Wait for the subscriptions that were asked for so far, whoever is slow to acknowledge.

        Returns:
            Fires when the broker has them; fails with :exc:`~tpush.errors.ChannelClosed` where
            :meth:`close` came first.
        """
        ...

    def recall(self, places: Sequence[Place], most: int) -> Deferred[Sequence[Recalled]]:
        """Ask what was published to events; :meth:`settled` comes with it.

        Args:
            places: events, each with the position after which it is asked; None asks where the
                newest stands.
            most: bytes of contents of one event; where there are more, the newest of them come.

        Returns:
            Fires with what is told of each place, after the messages that it tells of came to
            those who subscribed, and before those that follow; fails with
            :exc:`~tpush.errors.ChannelClosed` where :meth:`close` came first.

        Raises:
            InvalidName: no event can be called so, or no epoch.
            InvalidAddress: no message can have that offset, or an event is asked about twice for
                one epoch.
        """
        ...

    def close(self) -> Deferred[None]:
        """Leave the broker, after what is held was acknowledged or ``limits.stop_wait`` passed.

        Returns:
            Fires when the connection is gone. A second call returns the same Deferred.
        """
        ...
