"""The channel protocol: every command and argument type, on one page.

A link is one Twisted AMP connection. All commands are one-way: none has an answer, so a box with
AMP's ``_ask``, ``_answer`` or ``_error`` is a violation. `docs/channel-protocol.md` tells the same
for those who implement it in another language.

A link opens with the client's :class:`Hello`, which the channel answers with :class:`Welcome` or
:class:`Refuse`; one that has a secret sends a :class:`Challenge` first. The client then names its
subscriptions and watches, ends that with :class:`Restored`, and both ends send what they hold.
Both streams, requests to the channel and deliveries from it, are numbered and acknowledged; an
acknowledgement is cumulative, and rides as the optional argument ``acknowledged`` of any batch.
"""

from typing import Any

import msgpack
from twisted.protocols import amp
from typing_extensions import override

from tpush.errors import ProtocolViolation

VERSION = 1
"""Both ends of a link speak the same version, or the channel refuses."""

PIECE = 0xFFFF
"""An AMP value holds no more bytes."""

MAX_LABEL = 200
"""Characters of a role and a name, which are for the log."""


class LongBytes(amp.Argument):
    """Bytes of any length, spread over ``name``, ``name.1``, ``name.2`` and so on.

    How much is gathered is bounded by the box: the link counts its bytes while they arrive.
    """

    @override
    def toBox(self, name: bytes, strings: Any, objects: Any, proto: object) -> None:
        """Put a value into a box in as many pieces as it takes."""
        value = self.pack(objects[name.decode()])
        strings[name] = value[:PIECE]
        for piece, start in enumerate(range(PIECE, len(value), PIECE), 1):
            strings[b"%s.%d" % (name, piece)] = value[start : start + PIECE]

    @override
    def fromBox(self, name: bytes, strings: Any, objects: Any, proto: object) -> None:
        """Gather the pieces of a value."""
        pieces = [strings.pop(name)]
        while (piece := strings.pop(b"%s.%d" % (name, len(pieces)), None)) is not None:
            pieces.append(piece)
        objects[name.decode()] = self.unpack(b"".join(pieces))

    def pack(self, value: Any) -> bytes:
        """Return *value* as bytes."""
        return bytes(value)

    def unpack(self, value: bytes) -> Any:
        """Return the value that *value* stands for."""
        return value


class Items(LongBytes):
    """A list of lists, in msgpack; text is UTF-8 str, payloads are bin."""

    @override
    def pack(self, value: list[Any]) -> bytes:
        """Return *value* in msgpack."""
        packed: bytes = msgpack.packb(value)
        return packed

    @override
    def unpack(self, value: bytes) -> list[Any]:
        """Return the list in *value*.

        Raises:
            ProtocolViolation: it holds no list, or no msgpack.
        """
        try:
            items = msgpack.unpackb(value, strict_map_key=True)
        except (ValueError, msgpack.UnpackException) as error:
            raise ProtocolViolation(f"not msgpack: {error!r}") from None
        if not isinstance(items, list):
            raise ProtocolViolation(f"a list, not {type(items).__name__}")
        return items


class OneWay(amp.Command):
    """A command without an answer."""

    requiresAnswer = False


_acknowledged = (b"acknowledged", amp.Integer(optional=True))


class Hello(OneWay):
    """Client: who it is, and what it knows of this channel."""

    arguments = [
        (b"version", amp.Integer()),
        (b"role", amp.Unicode()),
        (b"name", amp.Unicode()),
        # 16 random bytes that tell this program from every other.
        (b"key", amp.String()),
        (b"worker", amp.Integer(optional=True)),
        # The session that it had last, and the number of the last delivery that it had of it.
        (b"session", amp.String(optional=True)),
        _acknowledged,
        # The highest number that it has sent of its own, over any link.
        (b"sent", amp.Integer(optional=True)),
        # 32 random bytes, drawn for this link.
        (b"nonce", amp.String()),
    ]


class Challenge(OneWay):
    """Channel: prove that you know a secret of mine."""

    arguments = [(b"channel", amp.String()), (b"nonce", amp.String())]


class Prove(OneWay):
    """Client: the proof, of :class:`tpush.channel.handshake.Transcript`."""

    arguments = [(b"proof", amp.String())]


class Welcome(OneWay):
    """Channel: the client is attached, to this session of this channel's instance."""

    arguments = [
        (b"version", amp.Integer()),
        (b"channel", amp.String()),
        (b"session", amp.String()),
        # Of the channel, where it has challenged the client.
        (b"proof", amp.String(optional=True)),
    ]


class Refuse(OneWay):
    """Channel: the client is not attached; the code says why, the reason is for people."""

    arguments = [(b"code", amp.Unicode()), (b"reason", amp.Unicode())]


class Subscribe(OneWay):
    """Client: the names of events."""

    arguments = [(b"events", Items())]


class Unsubscribe(OneWay):
    """Client: the names of events."""

    arguments = [(b"events", Items())]


class Watch(OneWay):
    """Client: ``[queue, ask]`` each."""

    arguments = [(b"queues", Items())]


class Unwatch(OneWay):
    """Client: the names of queues."""

    arguments = [(b"queues", Items())]


class Reserve(OneWay):
    """Client: ready for that many more jobs of the queues that it asks for."""

    arguments = [(b"jobs", amp.Integer())]


class Restored(OneWay):
    """Client: all that it has was named since its hello; it is ready for that many jobs."""

    arguments = [(b"jobs", amp.Integer())]


class Publish(OneWay):
    """Client: ``[number, one, event, text, data]`` each.

    Then, each nil or missing where it is not needed: the connection; a ticket, which asks those
    that get it what became of it; further targets, and targets that do not get it, each ``[event,
    connection or nil]``; whether it is JSON; whether it is an order to workers; a key, under which
    it is sent once.
    """

    arguments = [(b"items", Items()), _acknowledged]


class Answer(OneWay):
    """Client: ``[number, key, receipt]`` each: what was told of a publish that has a key.

    A receipt is ``[written, dropped, pending, workers, missing or nil]``.
    """

    arguments = [(b"items", Items()), _acknowledged]


class Enqueue(OneWay):
    """Client: ``[number, queue, data]`` each."""

    arguments = [(b"items", Items()), _acknowledged]


class Done(OneWay):
    """Client: ``[number, job, ok]`` each: the outcome of jobs."""

    arguments = [(b"items", Items()), _acknowledged]


class Mark(OneWay):
    """Client: ``[number]`` each, to be acknowledged in turn."""

    arguments = [(b"items", Items()), _acknowledged]


class Sync(OneWay):
    """Client: ``[number]`` each, to be answered when it is carried out."""

    arguments = [(b"items", Items()), _acknowledged]


class Recall(OneWay):
    """Client: ``[number, bytes, [[event, epoch or nil, offset or nil]…]]`` each.

    Asks what was published to events after what is known already, up to so many bytes of contents
    of each; nil asks where the newest stands.
    """

    arguments = [(b"items", Items()), _acknowledged]


class Deliver(OneWay):
    """Channel: ``[number, origin, publisher's number, event, text, data]`` each.

    Then the connection, the ticket, the other targets and both kinds, as in :class:`Publish`; and
    positions, ``[event, epoch, offset]`` each, where events keep history.

    The publisher's number is 0 for a message for one: it may
    come out of turn, after another subscriber has left.
    """

    arguments = [(b"items", Items()), _acknowledged]


class Job(OneWay):
    """Channel: ``[number, assignment, job, queue, attempt, data, asked]`` each."""

    arguments = [(b"items", Items()), _acknowledged]


class Reject(OneWay):
    """Channel: ``[number, request's number, code, reason]`` each: what was not carried out."""

    arguments = [(b"items", Items()), _acknowledged]


class Routed(OneWay):
    """Channel: ``[number, ticket, [worker…]]`` each: the workers that a message went to."""

    arguments = [(b"items", Items()), _acknowledged]


class Repeated(OneWay):
    """Channel: ``[number, ticket, receipt or nil]`` each: its key was had before."""

    arguments = [(b"items", Items()), _acknowledged]


class Synced(OneWay):
    """Channel: ``[number, request's number]`` each: it was carried out."""

    arguments = [(b"items", Items()), _acknowledged]


class Recalled(OneWay):
    """Channel: ``[number, request's number, index, epoch, offset, [message…], [name…]]`` each.

    A part of the answer to a :class:`Recall`: of which of its places, from 0; where the newest
    message of that event stands, nil where it keeps no history; and the newest messages, up to that
    one, without a gap, each as the end of an item of :class:`Deliver`. A name is ``[origin,
    publisher's number]`` of the newest message of one publisher. A :class:`Synced` ends the answer.
    """

    arguments = [(b"items", Items()), _acknowledged]


class Missed(OneWay):
    """Channel: ``[number]`` each: what was published before has not all been sent."""

    arguments = [(b"items", Items()), _acknowledged]


class Acknowledge(OneWay):
    """Both: the highest number that is settled here, where no batch takes it along."""

    arguments = [(b"acknowledged", amp.Integer())]


class Ping(OneWay):
    """Both: a sign of life, sent where nothing else is."""

    arguments = []


class Bye(OneWay):
    """Both: the sender leaves for good; nothing of it is kept."""

    arguments = []
