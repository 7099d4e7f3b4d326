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

from typing import Any, ClassVar

import msgpack
from twisted.protocols import amp
from typing_extensions import override

from tpush.channel.boxes import MAX_VALUE, Box
from tpush.errors import ProtocolViolation

VERSION = 1
"""Both ends of a link speak the same version, or the channel refuses."""

MAX_LABEL = 200
"""Characters of a role and a name, which are for the log."""


class Value(amp.Argument):
    """One value, under the name that its argument has in Python too.

    Twisted's own looks at each name each time whether Python could have an argument of that name.
    """

    @override
    def toBox(self, name: bytes, strings: Any, objects: Any, proto: object) -> None:
        """Put a value into a box, if there is one.

        Raises:
            KeyError: there is none, and there has to be.
        """
        value = objects.get(name.decode())
        if value is not None:
            strings[name] = self.toString(value)
        elif not self.optional:
            raise KeyError(name)

    @override
    def fromBox(self, name: bytes, strings: Any, objects: Any, proto: object) -> None:
        """Take a value out of a box.

        Raises:
            KeyError: there is none, and there has to be.
        """
        value = strings.pop(name, None)
        if value is None and not self.optional:
            raise KeyError(name)
        objects[name.decode()] = None if value is None else self.fromString(value)


class Number(Value, amp.Integer):
    """A whole number."""


class Bytes(Value, amp.String):
    """Up to 65,535 bytes."""


class Text(Value, amp.Unicode):
    """Up to 65,535 bytes of UTF-8."""


class LongBytes(amp.Argument):
    """Bytes of any length, spread over ``name``, ``name.1``, ``name.2`` and so on.

    How much is gathered is bounded by the box: the link counts its bytes while they arrive.
    """

    @override
    def toBox(self, name: bytes, strings: Any, objects: Any, proto: object) -> None:
        """Put a value into a box in as many pieces as it takes."""
        value = self.pack(objects[name.decode()])
        strings[name] = value[:MAX_VALUE]
        for piece, start in enumerate(range(MAX_VALUE, len(value), MAX_VALUE), 1):
            strings[b"%s.%d" % (name, piece)] = value[start : start + MAX_VALUE]

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
    """A command without an answer.

    From arguments to a box and back in the same steps as Twisted's own, less what is known of
    arguments and boxes here; a box that is read is used up.
    """

    requiresAnswer = False
    commandType = Box
    names: ClassVar[frozenset[str]]
    """Of its arguments."""

    @override
    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.names = frozenset(name.decode() for name, _ in cls.arguments)

    @classmethod
    @override
    def makeArguments(cls, objects: dict[str, Any], proto: object) -> Box:
        """Put arguments into a box.

        Raises:
            InvalidSignature: there is no such argument.
        """
        if not cls.names.issuperset(objects):
            raise amp.InvalidSignature(f"{sorted(objects)}, and not {sorted(cls.names)}")
        box: Box = Box()
        for name, argument in cls.arguments:
            argument.toBox(name, box, objects, proto)
        return box

    @classmethod
    @override
    def parseArguments(cls, box: dict[bytes, bytes], protocol: object) -> dict[str, Any]:
        """Take the arguments out of a box."""
        objects: dict[str, Any] = {}
        for name, argument in cls.arguments:
            argument.fromBox(name, box, objects, protocol)
        return objects


_acknowledged = (b"acknowledged", Number(optional=True))


class Hello(OneWay):
    """Client: who it is, and what it knows of this channel."""

    arguments = [
        (b"version", Number()),
        (b"role", Text()),
        (b"name", Text()),
        # 16 random bytes that tell this program from every other.
        (b"key", Bytes()),
        (b"worker", Number(optional=True)),
        # The session that it had last, and the number of the last delivery that it had of it.
        (b"session", Bytes(optional=True)),
        _acknowledged,
        # The highest number that it has sent of its own, over any link.
        (b"sent", Number(optional=True)),
        # 32 random bytes, drawn for this link.
        (b"nonce", Bytes()),
    ]


class Challenge(OneWay):
    """Channel: prove that you know a secret of mine."""

    arguments = [(b"channel", Bytes()), (b"nonce", Bytes())]


class Prove(OneWay):
    """Client: the proof, of :class:`tpush.channel.handshake.Transcript`."""

    arguments = [(b"proof", Bytes())]


class Welcome(OneWay):
    """Channel: the client is attached, to this session of this channel's instance."""

    arguments = [
        (b"version", Number()),
        (b"channel", Bytes()),
        (b"session", Bytes()),
        # Of the channel, where it has challenged the client.
        (b"proof", Bytes(optional=True)),
    ]


class Refuse(OneWay):
    """Channel: the client is not attached; the code says why, the reason is for people."""

    arguments = [(b"code", Text()), (b"reason", Text())]


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

    arguments = [(b"jobs", Number())]


class Restored(OneWay):
    """Client: all that it has was named since its hello; it is ready for that many jobs."""

    arguments = [(b"jobs", Number())]


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

    arguments = [(b"acknowledged", Number())]


class Ping(OneWay):
    """Both: a sign of life, sent where nothing else is."""

    arguments = []


class Bye(OneWay):
    """Both: the sender leaves for good; nothing of it is kept."""

    arguments = []
