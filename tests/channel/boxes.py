"""Boxes of the channel's protocol as bytes, wrong ones too."""

from typing import Any

from twisted.protocols import amp

from tests.channel.server_case import KEY
from tpush.channel import wire


def box(**fields: bytes) -> bytes:
    serialized: bytes = amp.AmpBox({
        key.encode(): value for key, value in fields.items()
    }).serialize()
    return serialized


def command(kind: type[wire.OneWay], **arguments: Any) -> bytes:
    made = kind.makeArguments(arguments, None)
    made[b"_command"] = kind.commandName
    serialized: bytes = made.serialize()
    return serialized


def items(kind: type[wire.OneWay], *each: Any) -> bytes:
    return command(kind, items=list(each), acknowledged=None)


def hello(**changed: Any) -> bytes:
    return command(
        wire.Hello,
        **{
            "version": 1, "role": "", "name": "", "key": KEY, "worker": None, "session": None,
            "acknowledged": None, "nonce": b"n" * 32, **changed,
        },
    )  # fmt: skip
