"""What a connect hook answers. Pure.

::

    {"allow": false, "reason": "not today"}
    {"user": "ann", "groups": ["news"]}
    {}

What is none of these is no answer: nobody is let in by mistake.
"""

import json
from dataclasses import dataclass
from typing import Any

from tpush.errors import HookFailed, InvalidName
from tpush.message import check_name, group_event, user_event

MAX_GROUPS = 10_000
"""More than any client may be in."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that can be read.

    Args:
        allow: whether the client may connect.
        reason: why not, for people.
        user: who it is; None leaves what its token says.
        groups: that it joins, besides those that it asks for.
    """

    allow: bool = True
    reason: str = ""
    user: str | None = None
    groups: tuple[str, ...] = ()


def read_answer(body: bytes) -> Answer:
    """Return what a body says.

    Raises:
        HookFailed: it is no answer; the text says why.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise HookFailed("its answer is no JSON") from None
    if not isinstance(said, dict):
        raise HookFailed("its answer is no JSON object")
    allow, reason = said.get("allow", True), said.get("reason") or ""
    user, groups = said.get("user"), said.get("groups") or []
    if not isinstance(allow, bool):
        raise HookFailed("allow is true or false")
    if not isinstance(reason, str):
        raise HookFailed("reason is text")
    if not isinstance(groups, list) or len(groups) > MAX_GROUPS:
        raise HookFailed("groups is a list of names")
    if user is not None:
        _check(user, user_event(str(user)), "user")
    for group in groups:
        _check(group, group_event(str(group)), "groups")
    return Answer(allow, reason, user, tuple(groups))


def _check(name: Any, event: str, what: str) -> None:
    try:
        if not isinstance(name, str) or not name:
            raise InvalidName("a name is text")
        check_name(event)
    except InvalidName:
        raise HookFailed(f"{what} has what cannot be called so") from None
