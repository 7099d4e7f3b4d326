"""The secrets that calls are signed with, in a file."""

from collections.abc import Sequence

from tpush.access import read_secrets
from tpush.errors import UnsafeSecret
from tpush.hooks.signing import read_secret


class SigningKeys:
    """Secrets in a file, one a line, each of which signs; read again when they have changed.

    Args:
        path: the file, which others may not read.

    Raises:
        UnsafeSecret: it cannot be used.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self.secrets: Sequence[bytes] = ()
        self.reload()

    def reload(self) -> None:
        """Read the file again.

        Raises:
            UnsafeSecret: it cannot be used; the secrets that were there still sign.
        """
        try:
            self.secrets = [read_secret(line) for line in read_secrets(self._path)]
        except ValueError as error:
            raise UnsafeSecret(f"{self._path} has what is no secret: one is {error}") from None
