"""A log for a library that has a line or two for each stranger."""

from twisted.logger import Logger


class Quiet:
    """Autobahn's log, of which an error is kept."""

    _log = Logger()

    def debug(self, *_: object, **__: object) -> None:
        """Say nothing."""

    info = warn = trace = debug

    def error(self, text: str, **fields: object) -> None:
        """Say it."""
        self._log.error(text, **fields)

    failure = error
