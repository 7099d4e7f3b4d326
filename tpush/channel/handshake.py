"""How the two ends of a link prove that they know one secret, without sending it. Pure.

Each end draws a nonce. The client proves first; a channel that has accepted the proof answers
with its own, made with the same secret. A proof is an HMAC with SHA-256 over everything that the
two have said of themselves, both nonces, and who proves: so none can be played back, on this link
or another, nor be sent back to whom it came from.

A secret that is being replaced: the channel accepts any of several, and a client proves with its
first.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import msgpack

KEY_BYTES = 16
"""Of what tells one program from every other."""

NONCE_BYTES = 32

Prover = Literal["client", "channel"]


@dataclass(frozen=True, slots=True)
class Transcript:
    """What both ends have said before anything is proved.

    Args:
        version: of the protocol.
        role: the client's.
        key: the client's id.
        worker: the worker id that the client claims.
        channel: the channel's instance.
        client_nonce: drawn by the client for this link.
        channel_nonce: drawn by the channel for this link.
    """

    version: int
    role: str
    key: bytes
    worker: int | None
    channel: bytes
    client_nonce: bytes
    channel_nonce: bytes

    def prove(self, secret: bytes, prover: Prover) -> bytes:
        """Return the proof that *prover* knows *secret*."""
        said = msgpack.packb([
            "tpush",
            prover,
            self.version,
            self.role,
            self.key,
            self.worker,
            self.channel,
            self.client_nonce,
            self.channel_nonce,
        ])
        return hmac.digest(secret, said, "sha256")

    def proved_with(self, secrets: Iterable[bytes], prover: Prover, proof: bytes) -> bytes | None:
        """Return which of *secrets* a proof was made with, or None; all take the same time."""
        found = None
        for secret in secrets:
            if hmac.compare_digest(self.prove(secret, prover), proof):
                found = secret
        return found
