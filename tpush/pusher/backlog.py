"""What waits for one slow client, and what becomes of it at its bound: pure.

Whole frames wait here, and the transport is given little at a time: bytes that it has cannot be
taken back, while what waits here can be dropped without splitting a frame. A client that keeps up
has no backlog at all.
"""

from collections import deque
from enum import Enum


class SlowPolicy(Enum):
    """What is done for a client whose backlog is full."""

    DISCONNECT = "disconnect"
    """It is closed with 4008, and comes back when it likes."""

    DROP_NEWEST = "drop-newest"
    """It keeps what waits, and does not get what comes."""

    DROP_OLDEST = "drop-oldest"
    """What has waited longest makes room."""

    KEEP_LATEST = "keep-latest"
    """All that waits makes room."""


class Backlog:
    """Frames that wait, each write's as one: with how many messages they are.

    Args:
        limit: bytes that may wait.
        policy: what is done beyond.
    """

    __slots__ = ("_limit", "_policy", "_waiting", "size")

    def __init__(self, limit: int, policy: SlowPolicy) -> None:
        self._limit = limit
        self._policy = policy
        self._waiting: deque[tuple[bytes, int]] = deque()
        self.size = 0
        """Bytes that wait."""

    def __len__(self) -> int:
        """Count the messages that wait."""
        return sum(messages for _, messages in self._waiting)

    @property
    def newest(self) -> bytes | None:
        """What was added last and waits."""
        return self._waiting[-1][0] if self._waiting else None

    def add(self, frames: bytes, messages: int) -> int:
        """Let *frames* wait, as the policy has it.

        Args:
            frames: whole frames.
            messages: how many they are.

        Returns:
            How many messages were dropped, these or others.

        Raises:
            BacklogFull: they do not fit, and the policy is to disconnect.
        """
        dropped = 0
        if self.size + len(frames) > self._limit:
            if self._policy is SlowPolicy.DISCONNECT:
                raise BacklogFull
            dropped = self._make_room(len(frames))
            if self.size + len(frames) > self._limit:
                return dropped + messages
        self._waiting.append((frames, messages))
        self.size += len(frames)
        return dropped

    def take(self) -> bytes | None:
        """Take what has waited longest, or None."""
        if not self._waiting:
            return None
        frames, _ = self._waiting.popleft()
        self.size -= len(frames)
        return frames

    def clear(self) -> int:
        """Drop all that waits; return how many messages that was."""
        dropped = len(self)
        self._waiting.clear()
        self.size = 0
        return dropped

    def _make_room(self, size: int) -> int:
        if self._policy is SlowPolicy.DROP_NEWEST or size > self._limit:
            return 0
        if self._policy is SlowPolicy.KEEP_LATEST:
            return self.clear()
        dropped = 0
        while self._waiting and self.size + size > self._limit:
            frames, messages = self._waiting.popleft()
            self.size -= len(frames)
            dropped += messages
        return dropped


class BacklogFull(Exception):
    """A client whose policy is to disconnect has too much waiting."""
