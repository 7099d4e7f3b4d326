"""Resources of groups, users and connections."""

import re
from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from typing_extensions import override

from tpush.message import group_event, user_event
from tpush.orders import Bind, Join, Leave, Order
from tpush.publisher.errors import BadRequest
from tpush.publisher.guard import Guard
from tpush.publisher.load import Load
from tpush.publisher.request import PublisherRequest
from tpush.publisher.v1.body import JSON, kind_of, read_json
from tpush.publisher.v1.closing import FIELDS, read_close
from tpush.publisher.v1.fields import WHOM, read_except, read_object, read_to
from tpush.publisher.v1.ordering import Ordering
from tpush.publisher.v1.problem import Answer
from tpush.publisher.v1.resource import APIResource, NoSuchResource, respond
from tpush.publisher.v1.target import check_called

SHOWN = 1_000
"""Addresses that are told of a group or a user, where nothing else is asked for."""

MOST_SHOWN = 10_000

NUMBER = re.compile(rb"[0-9]{1,5}")


class OrderResource(APIResource):
    """Has something done, or told, by the workers of the cluster."""

    def __init__(self, ordering: Ordering, guard: Guard, load: Load) -> None:
        super().__init__(guard, load)
        self.ordering = ordering

    @override
    def answer(self, request: PublisherRequest) -> int:
        self.check(request)
        return request.answer_later(self.give(request).addCallback(respond, request))

    def give(self, request: PublisherRequest) -> Deferred[Answer]:
        """Give the order that a request asks for.

        Raises:
            TPushError: it asks for none that can be given.
        """
        raise NotImplementedError


class Information(OrderResource):
    """``GET /v1/info``: the workers of the cluster."""

    allowed: ClassVar[tuple[bytes, ...]] = (b"GET",)

    @override
    def give(self, request: PublisherRequest) -> Deferred[Answer]:
        return self.ordering.info()


class Closing(OrderResource):
    """``POST /v1/close``: connections, or all of a group or a user."""

    @override
    def give(self, request: PublisherRequest) -> Deferred[Answer]:
        said = _body(request, "a close", FIELDS)
        return self.ordering.give(read_close(said), read_to(said), read_except(said))


class Change(OrderResource):
    """``POST`` to a verb of one group or user: does something with the connections in ``to``."""

    def __init__(self, order: Order, ordering: Ordering, guard: Guard, load: Load) -> None:
        super().__init__(ordering, guard, load)
        self._order = order

    @override
    def give(self, request: PublisherRequest) -> Deferred[Answer]:
        said = _body(request, "a change", WHOM)
        return self.ordering.give(self._order, read_to(said), read_except(said))


class Named(OrderResource):
    """``GET``: one group or user, its verbs below it."""

    allowed: ClassVar[tuple[bytes, ...]] = (b"GET",)

    def __init__(
        self,
        show: Callable[[int], Deferred[Answer]],
        verbs: dict[bytes, Order],
        ordering: Ordering,
        guard: Guard,
        load: Load,
    ) -> None:
        super().__init__(ordering, guard, load)
        self._show = show
        for verb, order in verbs.items():
            self.putChild(verb, Change(order, ordering, guard, load))

    @override
    def give(self, request: PublisherRequest) -> Deferred[Answer]:
        return self._show(_limit(request))


class Collection(NoSuchResource):
    """The groups, or the users: each by its name.

    Args:
        kind: ``group`` or ``user``.
        ordering: gives orders.
        guard: who may.
        load: whether there is time for it.
    """

    def __init__(self, kind: str, ordering: Ordering, guard: Guard, load: Load) -> None:
        super().__init__()
        self._kind = kind
        self._parts = ordering, guard, load

    @override
    def getChild(self, path: bytes, request: PublisherRequest) -> Resource:
        group = self._kind == "group"
        try:
            name = check_called(self._kind, path.decode(), group_event if group else user_event)
        except (UnicodeDecodeError, BadRequest):
            return NoSuchResource()
        ordering, *_ = self._parts
        show: Callable[[str, int], Deferred[Answer]]
        verbs: dict[bytes, Order]
        if group:
            show, verbs = ordering.group, {b"join": Join(name), b"leave": Leave(name)}
        else:
            show, verbs = ordering.user, {b"bind": Bind(name)}
        return Named(lambda most: show(name, most), verbs, *self._parts)


class Unbinding(Change):
    """``POST /v1/unbind``: says of connections that nobody who is known is there."""

    def __init__(self, ordering: Ordering, guard: Guard, load: Load) -> None:
        super().__init__(Bind(None), ordering, guard, load)


def _body(request: PublisherRequest, what: str, fields: frozenset[str]) -> Any:
    kind_of(request, JSON)
    return read_object(read_json(request.content.read()), what, fields)


def _limit(request: PublisherRequest) -> int:
    name, _, said = request.query.partition(b"=")
    if not request.query:
        return SHOWN
    if name != b"limit" or not NUMBER.fullmatch(said) or int(said) > MOST_SHOWN:
        raise BadRequest(f"limit is a number from 0 to {MOST_SHOWN}, and the only parameter")
    return int(said)
