"""The options of a pusher that its roles share, and what they say."""

from collections.abc import Mapping, Sequence
from typing import Any

from tpush.access import Origins
from tpush.forwarded import Proxies
from tpush.hooks.keys import SigningKeys
from tpush.hooks.settings import HookSettings
from tpush.options import clients, shared, webhooks
from tpush.options.option import Option
from tpush.pusher.admission import Admission, Auth
from tpush.pusher.rights import Right, Rights
from tpush.tokens import TokenKeys

CLIENT_OPTIONS: Sequence[Option] = (
    clients.MAX_CONNECTIONS,
    clients.MAX_HANDSHAKES,
    clients.HANDSHAKE_TIMEOUT,
    clients.MAX_PER_ADDRESS,
    clients.TRUSTED_PROXY,
    clients.PROXY_HEADER,
    clients.MAX_MESSAGE,
    clients.MAX_FRAMES,
    clients.MAX_GROUPS,
    clients.CLIENT_JOIN,
    clients.CLIENT_PUBLISH,
    clients.PRESENCE,
    clients.MAX_PENDING,
    clients.SLOW_CLIENT,
    clients.PING_INTERVAL,
    clients.PING_TIMEOUT,
    shared.DRAIN_GRACE,
    clients.DRAIN_RATE,
    clients.AUTH,
    clients.TOKEN_SECRET_FILE,
    clients.TOKEN_PUBLIC_KEY_FILE,
    clients.TOKEN_AUDIENCE,
    clients.TOKEN_ISSUER,
    clients.TOKEN_LEEWAY,
    clients.ORIGIN,
    webhooks.WEBHOOK,
    webhooks.WEBHOOK_SECRET_FILE,
    webhooks.WEBHOOK_TIMEOUT,
    webhooks.WEBHOOK_ATTEMPTS,
    webhooks.MAX_WEBHOOK_EVENTS,
    webhooks.CONNECT_HOOK,
    webhooks.CONNECT_HOOK_TIMEOUT,
)
"""What a pusher takes that concerns its clients."""


def admission(settings: Mapping[str, Any]) -> Admission:
    """Return who may connect.

    Args:
        settings: options by name.

    Raises:
        ValueError: a token is needed, and there is nothing to check it with.
        UnsafeSecret: a file of keys cannot be used.
    """
    files = settings["token-secret-file"], settings["token-public-key-file"]
    given = any(files)
    auth = Auth(settings["auth"] or ("required" if given else "none"))
    if auth is not Auth.NONE and not given:
        raise ValueError(
            f"--auth {auth.value} needs --token-secret-file or --token-public-key-file"
        )
    keys = TokenKeys(
        *files,
        audience=settings["token-audience"],
        issuer=settings["token-issuer"],
        leeway=settings["token-leeway"],
    )
    origins = Origins(settings["origin"], settings["host"])
    return Admission(origins, auth, keys if given else None, rights(settings))


def rights(settings: Mapping[str, Any]) -> Rights:
    """Return what clients may do.

    Args:
        settings: options by name.
    """
    return Rights(Right(settings["client-join"]), Right(settings["client-publish"]))


def proxies(settings: Mapping[str, Any]) -> Proxies:
    """Return which proxies are believed.

    Args:
        settings: options by name.
    """
    return Proxies(settings["trusted-proxy"], settings["proxy-header"])


def hooks(settings: Mapping[str, Any]) -> HookSettings:
    """Return which back ends are called.

    Args:
        settings: options by name.

    Raises:
        ValueError: one is, and there is nothing to sign the calls with.
        UnsafeSecret: the file of secrets cannot be used.
    """
    path = settings["webhook-secret-file"]
    keys = SigningKeys(path) if path else None
    return HookSettings(settings["webhook"], settings["connect-hook"], keys)


def check_hooks(settings: Mapping[str, Any]) -> None:
    """Find out what is wrong with the options for back ends that are called.

    Args:
        settings: options by name, those too that are limits.

    Raises:
        ValueError: they do not go together.
        UnsafeSecret: the file of secrets cannot be used.
    """
    asked, handshake = settings["connect-hook-timeout"], settings["handshake-timeout"]
    if hooks(settings).connect_hook and asked >= handshake:
        raise ValueError(
            f"--connect-hook-timeout {asked:g} is not below --handshake-timeout {handshake:g}: "
            "clients would be dropped before they are told"
        )
