"""What listens to what clients say."""

from typing import Protocol

from tpush.pusher.client import Client


class Hearing(Protocol):
    """Listens to clients that speak one dialect. Never raises."""

    def hear(self, client: Client, payload: bytes, *, text: bool) -> None:
        """Take a message of a client.

        Args:
            client: whose.
            payload: valid UTF-8 where *text* is true.
            text: whether it came as text.
        """

    def forget(self, client: Client) -> None:
        """Be told that a client is gone."""
