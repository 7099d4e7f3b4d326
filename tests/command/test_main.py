"""The command line: what is asked for, and how it ends."""

import io
import json
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import jwt
from twisted.trial.unittest import SynchronousTestCase

from tests.test_tokens import PRIVATE, private_pem, public_pem
from tpush.command.main import COMMANDS, main, parser
from tpush.command.status import MEANINGS, Status, status_of
from tpush.command.targets import exceptions_of, targets_of
from tpush.http import (
    EVERYBODY,
    Connection,
    Group,
    NoSuchConnection,
    NotAllowed,
    NotReachable,
    PublishFailed,
    Rejected,
    StrangeAnswer,
    TryLater,
    User,
    WorkersMissing,
)

SECRET = "a secret of at least thirty-two bytes"


class CommandCase(SynchronousTestCase):
    """Runs command lines in this process."""

    def run_it(self, *arguments: str, stdin: bytes = b"", **environ: str) -> int:
        """Run one; return its status, with what it has printed in ``out`` and ``err``."""
        given = io.TextIOWrapper(io.BytesIO(stdin))
        with (
            patch.object(sys, "stdin", given),
            patch.dict("os.environ", environ, clear=True),
        ):
            return self.capture(lambda: main(arguments))

    def file(self, content: str) -> str:
        path = Path(self.mktemp())
        path.write_text(content)
        path.chmod(0o600)
        return str(path)

    def capture(self, run: Callable[[], int]) -> int:
        """Return what is returned, or is exited with; what is printed is in ``out`` and ``err``."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                status = run()
            except SystemExit as ended:
                status = int(str(ended.code))
        self.out, self.err = out.getvalue(), err.getvalue()
        return status


class UsageTests(CommandCase):
    """Wrong usage is 2, with one line that says what to do."""

    def test_help(self) -> None:
        """Help has all commands, and all statuses; each command has examples."""
        self.assertEqual(self.run_it("--help"), 0)
        for status in Status:
            self.assertIn(f"  {status:>3}  {MEANINGS[status]}", self.out)
        listed = " ".join(self.out.split())
        for module in COMMANDS:
            self.assertIn(module.SUMMARY, listed)
            self.assertEqual(self.run_it(module.NAME, "--help"), 0)
        self.assertIn("examples:\n  tpush bench", self.out)

    def test_wrong(self) -> None:
        """Nothing is done."""
        for arguments, said in (
            ([], "COMMAND"),
            (["dance"], "invalid choice"),
            (["publish", "hello"], "whom is it for?"),
            (["publish", "--broad", "hello"], "unrecognized"),
            (["publish", "--broadcast", "--json", "{"], "no JSON"),
            (["publish", "--broadcast", "--lines", "x"], "give no content"),
            (["publish", "--broadcast", "--binary", "x"], "give no content"),
            (["publish", "--broadcast", "--lines", "--idempotency-key", "k"], "for one message"),
            (["publish", "--broadcast", "--json", "[NaN]"], "no JSON"),
            (["publish", "--broadcast", "--json", "1e999"], "no JSON"),
            (["publish", "--connection", "7", "x"], "two numbers, not '7'\n"),
            (["publish", "--group", "\udcff", "x"], "a name in UTF-8, not '\\udcff'"),
            (["info", "--user", "\udcff"], "a name in UTF-8"),
            (["listen", "--group", "\udcff"], "a name in UTF-8"),
            (["publish", "--broadcast", "x", "--url", "push"], "a publisher's URL is http://"),
            (["publish", "--broadcast", "x", "--attempts", "0"], "from 1 to 100"),
            (["publish", "--broadcast", "x", "--api-key-file", "/none"], "cannot read /none"),
            (["listen", "--url", "http://x"], "a pusher's URL is ws://"),
            (["listen", "--url", "ws://127.0.0.1:abc"], "'127.0.0.1:abc' is no host, nor a host"),
            (["listen", "--url", "ws://127.0.0.1:99999"], "is no host, nor"),
            (["listen", "--url", "ws://127.0.0.1:0"], "is no host, nor"),
            (["listen", "--group", ""], "a name, and not empty"),
            (["listen", "--url", "ws://[::1"], "Invalid IPv6"),
            (["listen", "--url", "ws://a..b"], "is no host, nor"),
            (["listen", "--url", "ws://web_1:4236"], "'web_1' is no name of a host"),
            (["bench", "--url", "http://web_1:4237"], "'web_1' is no name of a host"),
            (["bench", "--url", "http://127.0.0.1:abc"], "is no host, nor a host and a port"),
            (["info", "--url", f"http://{'a' * 64}.b"], "is no host, nor"),
            (["listen", "--count", "0"], "from 1"),
            (["token", "check"], "what is it checked with?"),
            (["token", "make", "--secret-file", "/none"], "cannot read /none"),
            (["bench", "--messages", "x"], "from 1"),
        ):
            self.assertEqual(self.run_it(*arguments), 2, arguments)
            self.assertIn(said, self.err)
        self.assertEqual(self.run_it("publish", "--broadcast", stdin=b"\xff"), 2)

    def test_key(self) -> None:
        """A key that is no key is told without it."""
        self.assertEqual(
            self.run_it("publish", "--broadcast", "x", TPUSH_API_KEY="sixteen bytes ü!"), 2
        )
        self.assertNotIn("sixteen", self.err)

    def test_targets(self) -> None:
        """Each kind of target, in its order, and those that are left out."""
        asked: Namespace = parser().parse_args(
            ["publish", "x", "--group=a", "--user", "b", "--connection=7:3", "--broadcast",
             "--except-group", "c", "--except-user=d", "--except-connection=8:4"]
        )  # fmt: skip
        self.assertEqual(targets_of(asked), [Group("a"), User("b"), Connection(7, 3), EVERYBODY])
        self.assertEqual(exceptions_of(asked), [Group("c"), User("d"), Connection(8, 4)])

    def test_statuses(self) -> None:
        """Each error has a status."""
        for kind, status in (
            (NoSuchConnection, 3), (NotReachable, 4), (NotAllowed, 5), (TryLater, 6),
            (WorkersMissing, 7), (Rejected, 1), (StrangeAnswer, 1), (PublishFailed, 1),
        ):  # fmt: skip
            self.assertEqual(status_of(kind("x")), status)


class StreamsTests(CommandCase):
    """What a program is started with is not always a terminal, or there at all."""

    def run_without(
        self, descriptor: int, *arguments: str, stdout: int | None = subprocess.PIPE
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command line in a process one of whose descriptors is closed."""
        return subprocess.run(
            [sys.executable, "-m", "tpush.command", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            preexec_fn=lambda: os.close(descriptor) if descriptor >= 0 else None,
        )

    def test_closed(self) -> None:
        """A stream that is closed has nothing, and takes whatever it is given."""
        secrets = self.file(SECRET)
        made = self.run_without(1, "token", "make", "--secret-file", secrets)
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        checked = self.run_without(0, "token", "check", "--secret-file", secrets)
        self.assertEqual(checked.returncode, 1)
        self.assertEqual(checked.stderr, "tpush: this is no JSON Web Token\n")
        wrong = self.run_without(2, "publish", "x")
        self.assertEqual((wrong.returncode, wrong.stdout), (2, ""))

    def test_full(self) -> None:
        """Where nothing can be written any more that is said, in a line."""
        secrets = self.file(SECRET)
        full = os.open("/dev/full", os.O_WRONLY)
        self.addCleanup(os.close, full)
        made = self.run_without(-1, "token", "make", "--secret-file", secrets, stdout=full)
        self.assertEqual(made.returncode, 1)
        self.assertEqual(made.stderr, "tpush: [Errno 28] No space left on device\n")


class TokenTests(CommandCase):
    """``tpush token``."""

    def test_both(self) -> None:
        """What is made is good, and says what it was made with; the first secret signs."""
        secrets = self.file(f"# kid: new\n{SECRET}\n{SECRET[::-1]}\n")
        make = ("token", "make", "--secret-file", secrets, "--audience=a", "--issuer=i")
        self.assertEqual(
            self.run_it(*make, "--user=ann", "--group=x", "--group=y", "--publish=x"), 0
        )
        token = self.out.strip()
        check = ("token", "check", "--secret-file", secrets, "--audience=a", "--issuer=i")
        for stdin, arguments, environ in (
            (token.encode(), [], {}),
            (b"", ["--token-file", self.file(token)], {}),
            (b"", [], {"TPUSH_TOKEN": token}),
        ):
            self.assertEqual(self.run_it(*check, *arguments, stdin=stdin, **environ), 0, self.err)
            said = json.loads(self.out)
            self.assertTrue(3500 < said.pop("seconds") <= 3600)
            self.assertEqual(said, {"user": "ann", "groups": ["x", "y"], "publish": ["x"]})
        self.assertEqual(self.run_it(*check[:-1], stdin=token.encode()), 0)
        self.assertEqual(self.run_it(*check[:-2], stdin=token.encode()), 1)
        self.assertEqual(self.err, "tpush: the token is for another audience\n")
        other = self.file(SECRET[::-1])
        self.assertEqual(self.run_it("token", "check", "--secret-file", other, stdin=b"x"), 1)

    def test_private_key(self) -> None:
        """A key of each kind signs by its algorithm, and its public half checks that."""
        for algorithm, private in PRIVATE.items():
            named = f"# kid: mine\n{private_pem(private).decode()}"
            make = ("token", "make", "--private-key-file", self.file(named), "--user=ann")
            public = self.file(f"# kid: mine\n{public_pem(private).decode()}")
            for kid in ("mine", "yours"):
                more = [] if kid == "mine" else ["--kid", kid]
                self.assertEqual(self.run_it(*make, *more), 0, self.err)
                header = jwt.get_unverified_header(self.out.strip())
                self.assertEqual((header["alg"], header["kid"]), (algorithm, kid))
                # A pusher whose key is called otherwise does not take it.
                check = ("token", "check", "--public-key-file", public)
                status = 0 if kid == "mine" else 1
                self.assertEqual(self.run_it(*check, stdin=self.out.encode()), status, self.err)

    def test_kid(self) -> None:
        """A secret may be called by a name, too; without one it has none."""
        secrets = self.file(SECRET)
        for more, kid in (([], None), (["--kid", "k1"], "k1")):
            self.assertEqual(self.run_it("token", "make", "--secret-file", secrets, *more), 0)
            self.assertEqual(jwt.get_unverified_header(self.out.strip()).get("kid"), kid)
            check = ("token", "check", "--secret-file", secrets)
            self.assertEqual(self.run_it(*check, stdin=self.out.encode()), 0)

    def test_one_key(self) -> None:
        """One key signs: not none, and not two."""
        secrets = self.file(SECRET)
        both = ("--secret-file", secrets, "--private-key-file", secrets)
        for arguments, said in (
            ((), "one of the arguments --secret-file --private-key-file is required"),
            (both, "not allowed with argument"),
            (both[2:], "has no private key in it"),
            (("--secret-file", secrets, "--kid", "a b"), "a name without a space, not 'a b'"),
        ):
            self.assertEqual(self.run_it("token", "make", *arguments), 2)
            self.assertIn(said, self.err)

    def test_no_use(self) -> None:
        """What no pusher would take is not made."""
        secrets = self.file(SECRET)
        self.assertEqual(
            self.run_it("token", "make", "--secret-file", secrets, "--user", "u" * 200), 2
        )
        self.assertEqual(self.out, "")
