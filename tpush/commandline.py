"""The command line of a role, from the options that it takes."""

import os
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from twisted.python.usage import Options, UsageError
from typing_extensions import override

from tpush.access import KeyRing, secrets_of
from tpush.config_file import Given, read_options
from tpush.errors import CannotListen, UnsafeSecret
from tpush.limits import Limits
from tpush.net.probing import exposed_endpoints
from tpush.options.option import SECRET, Option
from tpush.options.shared import CONFIG, SECRET_FILE

PIDFILE = "twistd.pid"


class RoleOptions(Options):
    """The command line of one role, from its table."""

    role: ClassVar[str] = ""
    table: ClassVar[Sequence[Option]] = ()
    """What it takes; the option that names a file of all others comes by itself."""
    listening: ClassVar[Sequence[Option]] = ()
    """Those of the table that say where the role listens."""
    guard: ClassVar[str] = ""
    """The option without which the role does not listen to the network."""
    guarded: ClassVar[Sequence[Option]] = ()
    """Those of the listening ones that it is about."""

    @override
    def __init_subclass__(cls) -> None:
        if CONFIG not in cls.table:
            cls.table = (*cls.table, CONFIG)
        for option in cls.table:
            setattr(cls, "opt_" + option.name.replace("-", "_"), _handler(option))

    def __init__(self) -> None:
        super().__init__()
        example = self.table[0]
        self.longdesc = (
            f"Each option has an environment variable, as {example.variable} for "
            f"--{example.name}, and may stand in the file of --{CONFIG.name}; the command line "
            "comes first, and then the variable."
        )
        self.given: dict[str, list[str]] = {}
        """What the command line says, as text."""
        self.secrets: list[bytes] = []
        """What :data:`SECRET_FILE` or its variable holds."""

    @override
    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Read the command line; a wrong option ends the program with one line.

        Raises:
            SystemExit: an option is wrong.
        """
        try:
            super().parseOptions(options)
        except UsageError as error:
            raise SystemExit(f"{self.role}: {error}") from None

    @override
    def postOptions(self) -> None:
        """Settle every option, and find out whether the endpoints can be listened on.

        Raises:
            UsageError: an option is wrong.
        """
        from twisted.internet import reactor

        self._settle_files()
        try:
            self._settle_all()
            self.read_files()
            endpoints = [each for it in self.listening for each in self[it.name]]
            exposed = exposed_endpoints(reactor, endpoints)
        except (CannotListen, UnsafeSecret, ValueError) as error:
            raise UsageError(str(error)) from None
        for option in self.guarded:
            for endpoint in set(self[option.name]).intersection(exposed):
                self._check_guard(f"--{option.name} {endpoint}")

    def _settle_all(self) -> None:
        """Give each option its value.

        Raises:
            UnsafeSecret: the file with options cannot be read.
            ValueError: an option is wrong.
        """
        *others, config = self.table
        path = self[config.name] = _settle(config, self._given(config))
        file = read_options(path, self.role, others) if path else {}
        for option in others:
            self[option.name] = _settle(option, self._given(option) or file.get(option.name))

    def _given(self, option: Option) -> Given | None:
        """Return what the command line says of an option, or else the environment."""
        if option.name in self.given:
            return Given(f"--{option.name}", self.given[option.name])
        said = os.environ.get(option.variable)
        if not said:
            return None
        return Given(option.variable, said.split() if option.repeats else [said])

    def read_files(self) -> None:
        """Read the secrets, and find out whether other files can be used; once more at a SIGHUP.

        Raises:
            UnsafeSecret: one cannot.
            ValueError: options do not go together.
        """
        if SECRET_FILE in self.table:
            self.secrets = secrets_of(self["secret-file"], os.environ, SECRET)
        self.check()

    def check(self) -> None:
        """Find out what else is wrong.

        Raises:
            UnsafeSecret: a file of keys cannot be used.
            ValueError: options do not go together.
        """
        if self.get("api-key-file"):
            KeyRing(self["api-key-file"])

    @property
    def limits(self) -> Limits:
        """The limits that the options ask for."""
        return Limits(**self.settings["limits"])

    @property
    def settings(self) -> dict[str, Any]:
        """What the options say, as it travels to a worker process: each by name, and limits."""
        plain = {option.name: self[option.name] for option in self.table if not option.limit}
        limits = {option.limit: self[option.name] for option in self.table if option.limit}
        return {**plain, "limits": limits, "secrets": [secret.hex() for secret in self.secrets]}

    def _check_guard(self, what: str) -> None:
        by_variable = self.secrets if self.guard == SECRET_FILE.name else []
        if not (self["insecure"] or self[self.guard] or by_variable):
            raise UsageError(
                f"{what} is open to the network, and nothing is asked of those who connect: "
                f"give --{self.guard}, or --insecure if the network is closed"
            )

    def _settle_files(self) -> None:
        """Let roles that are started in one folder not take each other for themselves.

        By itself `twistd` writes ``twistd.pid`` for each, with ``-n`` too, and the second one
        refuses to start; in the background all write ``twistd.log``, each over the others' lines.
        """
        twistd = getattr(self, "parent", None)
        if twistd is None:
            return
        if twistd.get("pidfile") == PIDFILE:
            twistd["pidfile"] = "" if twistd.get("nodaemon") else f"{self.role}.pid"
        if not twistd.get("nodaemon") and not twistd.get("logfile"):
            twistd["logfile"] = f"{self.role}.log"


def _handler(option: Option) -> Callable[..., None]:
    def set_flag(self: RoleOptions) -> None:
        self.given[option.name] = ["1"]

    def add(self: RoleOptions, value: str) -> None:
        self.given.setdefault(option.name, []).append(value)

    handle: Callable[..., None] = set_flag if option.flag else add
    handle.__doc__ = option.help + (f" [default: {option.default}]" if option.default else "")
    return handle


def _settle(option: Option, given: Given | None) -> Any:
    """Return the value of an option, from what is given or its default.

    Raises:
        ValueError: it is not what it should be.
    """
    nothing = [] if option.repeats and not option.default else [option.default]
    texts = (given.texts if given else ()) or nothing
    try:
        values = [option.kind(text) for text in texts]
    except ValueError as error:
        source = given.source if given else f"--{option.name}"
        raise ValueError(f"{source} is {error}, not {' '.join(texts)!r}") from None
    return values if option.repeats else values[-1]
