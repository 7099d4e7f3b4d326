"""Every option once: the command line, the environment, the defaults, and what is wrong."""

import json
import socket
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase

from tests.hooks.keys import secret_file
from tests.ports import free_port
from tpush.channel import plugin as channel_plugin
from tpush.channel.history import HistoryRule
from tpush.channel.plugin import Options as ChannelOptions
from tpush.channel.settings import history
from tpush.commandline import RoleOptions
from tpush.errors import CannotListen
from tpush.publisher.plugin import Options as PublisherOptions
from tpush.pusher.plugin import Options as PusherOptions
from tpush.single import Options as SingleOptions

ROLES: list[type[RoleOptions]] = [ChannelOptions, PusherOptions, PublisherOptions, SingleOptions]
NOWHERE = ["--listen", "tcp:0:interface=127.0.0.1"]


class OptionsTests(SynchronousTestCase):
    """What a user writes becomes what a role is given."""

    def parse(self, *arguments: str, environ: dict[str, str] | None = None) -> PusherOptions:
        options = PusherOptions()
        with patch.dict("os.environ", environ or {}):
            options.parseOptions([*NOWHERE, *arguments])
        return options

    def refused(self, *arguments: str, **keywords: Any) -> str:
        return str(self.assertRaises(SystemExit, self.parse, *arguments, **keywords))

    def test_defaults(self) -> None:
        """Without options each role listens on loopback, at its own port."""
        expected = {
            ChannelOptions: ["tcp:2206:interface=127.0.0.1"],
            PusherOptions: ["tcp:4236:interface=127.0.0.1"],
            PublisherOptions: ["tcp:4237:interface=127.0.0.1"],
        }
        for role, endpoints in expected.items():
            options = role()
            with patch("tpush.commandline.exposed_endpoints"):
                options.parseOptions([])
            self.assertEqual(options["listen"], endpoints)
            if role is not ChannelOptions:
                self.assertEqual(options["channel"], "tcp:127.0.0.1:2206")
                self.assertEqual(options["workers"], 1)

    def test_environment(self) -> None:
        """A variable sets what the command line does not."""
        self.assertEqual(self.parse(environ={"TPUSH_WORKERS": "3"})["workers"], 3)
        both = self.parse("--workers", "2", environ={"TPUSH_WORKERS": "3"})
        self.assertEqual(both["workers"], 2)

    def test_repeated(self) -> None:
        """A role listens on as many endpoints as it is given."""
        options = self.parse("--listen", "tcp:0:interface=127.0.0.2")
        self.assertEqual(len(options["listen"]), 2)
        role = ChannelOptions()
        endpoints = "tcp:0:interface=127.0.0.1 tcp:0:interface=127.0.0.2"
        with patch.dict("os.environ", {"TPUSH_LISTEN": endpoints}):
            role.parseOptions([])
        self.assertEqual(role["listen"], endpoints.split())

    def test_wrong_values(self) -> None:
        """A wrong value is one line that names the option, what it is to be, and what it was."""
        for arguments, environ, text in [
            (
                ["--workers", "0"],
                {},
                "tpush-ws: --workers is a whole number from 1 to 1024, not '0'",
            ),
            (["--workers", "x"], {}, "tpush-ws: --workers is a whole number"),
            ([], {"TPUSH_WORKERS": "-1"}, "tpush-ws: TPUSH_WORKERS is a whole number"),
            (["--channel", "nonsense:1"], {}, "tpush-ws: --channel is a client endpoint string"),
            (["--silence", "never"], {}, "tpush-ws: --silence is seconds from 10 to 600"),
            (["--slow-client", "wait"], {}, "tpush-ws: --slow-client is one of disconnect, drop-"),
            (["--listen", "tcp:http"], {}, "tpush-ws: cannot listen on tcp:http: it is no server"),
            (["--listen", "carrier:pigeon"], {}, "tpush-ws: cannot listen on carrier:pigeon"),
            (["--auth", "maybe"], {}, "tpush-ws: --auth is one of"),
            (["--auth", "required"], {}, "tpush-ws: --auth required needs --token-secret-file"),
            (["--token-secret-file", "/nowhere"], {}, "tpush-ws: cannot read /nowhere: no such"),
            (["--webhook", "ftp://x/"], {}, "tpush-ws: --webhook is a URL such as https://app."),
            (["--webhook", "/hook"], {}, "tpush-ws: --webhook is a URL such as https://app."),
            (["--webhook", "http:///x"], {}, "tpush-ws: --webhook is a URL such as https://app."),
            (["--webhook", "http://x:y/"], {}, "tpush-ws: --webhook is a URL such as https://app."),
            (["--webhook", "http://web_1/"], {}, "tpush-ws: --webhook is a URL that can be called"),
            (["--webhook", "http://x/ y"], {}, "tpush-ws: --webhook is a URL such as https://app."),
            (["--webhook", "http://x/"], {}, "tpush-ws: --webhook needs --webhook-secret-file"),
            ([], {"TPUSH_CONNECT_HOOK": "http://x/"}, "tpush-ws: --connect-hook needs --webhook-"),
            (["--webhook-secret-file", "/nowhere"], {}, "tpush-ws: cannot read /nowhere: no such"),
            (["--connect-hook-timeout", "0"], {}, "--connect-hook-timeout is seconds from 0.1"),
            (
                ["--origin", "https://a/"],
                {},
                "--origin is an origin such as https://app.example.com",
            ),
            (["--origin", "https://"], {}, "tpush-ws: --origin is an origin such as https://app."),
            (["--origin", "https://*.a/"], {}, "tpush-ws: --origin is an origin such as https://"),
            (["--origin", "app.example.com"], {}, "tpush-ws: --origin is an origin such as https"),
            (["--origin", "https://a:443"], {}, "tpush-ws: --origin is an origin such as https"),
            (["--origin", "HTTP://*.a:80"], {}, "tpush-ws: --origin is an origin such as https"),
            (
                ["--origin", "https://ü.test"],
                {},
                "tpush-ws: --origin is an origin such as https://",
            ),
            ([], {"TPUSH_ORIGIN": "https://a/x"}, "tpush-ws: TPUSH_ORIGIN is an origin such as "),
            (["--host", "a.test:4236"], {}, "tpush-ws: --host is a name such as push.example.com"),
            (["--host", "http://a.test"], {}, "tpush-ws: --host is a name such as push.example."),
            (["--host", "a.test."], {}, "tpush-ws: --host is a name such as push.example.com"),
            (["--host", "*.test"], {}, "tpush-ws: --host is a name such as push.example.com"),
            (["--nonsense"], {}, "tpush-ws: option --nonsense not recognized"),
            (["more"], {}, "tpush-ws: "),
        ]:
            with self.subTest(arguments=arguments, environ=environ):
                said = self.refused(*arguments, environ=environ)
                self.assertIn(text, said)
                self.assertNotIn("\n", said)

    def test_origins_and_hosts(self) -> None:
        """What browsers send, patterns of it, and names of this server."""
        origins = ["https://a.test", "http://[::1]:8000", "https://[::443]", "http://a.test:443",
                   "https://*.a.test", "*.a.test", "*", "null", "file://",
                   "capacitor://localhost", "https://*"]  # fmt: skip
        hosts = ["push.example.com", "PUSH_1", "10.0.0.5", "[::1]", "::1"]
        options = self.parse(
            *(f"--origin={each}" for each in origins), *(f"--host={each}" for each in hosts)
        )
        self.assertEqual((options["origin"], options["host"]), (origins, hosts))

    def test_switches(self) -> None:
        """A variable says on or off, in some ways; what is neither is wrong."""
        for said, value in (("1", True), ("Yes", True), ("off", False), ("0", False), ("", False)):
            role = ChannelOptions()
            with patch.dict("os.environ", {"TPUSH_INSECURE": said}):
                role.parseOptions(NOWHERE)
            self.assertIs(role["insecure"], value)
        with patch.dict("os.environ", {"TPUSH_INSECURE": "ture"}):
            wrong = self.assertRaises(SystemExit, ChannelOptions().parseOptions, NOWHERE)
        text = "tpush-channel: TPUSH_INSECURE is on (1, on, yes, true) or off (0, off, no, false)"
        self.assertTrue(str(wrong).startswith(text), wrong)

    def test_history(self) -> None:
        """What is kept of groups: of each pattern first, and then of all others."""
        role = ChannelOptions()
        given = ["--history", "a=b=1/2", "--history", "chat-*=100/0.5", "--history-size", "5"]
        role.parseOptions(given)
        rules = [("a=b", 1, 2), ("chat-*", 100, 0.5), ("*", 5, 300)]
        self.assertEqual(history(role), [HistoryRule(*rule) for rule in rules])
        role = ChannelOptions()
        role.parseOptions([])
        self.assertEqual(history(role), [])
        for wrong in "", "a", "a=1", "a=1/x", "a=0/1", "a=1/0", "=1/1", "a=-1/1":
            with self.assertRaises(SystemExit) as refused:
                ChannelOptions().parseOptions([f"--history={wrong}"])
            said = "tpush-channel: --history is a pattern, messages and seconds, such as chat-*="
            self.assertTrue(str(refused.exception).startswith(said), refused.exception)

    def test_port_in_use(self) -> None:
        """A port that somebody listens on is found before anything starts."""
        for reuse in (False, True):
            with socket.socket() as other:
                if reuse:
                    other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                other.bind(("127.0.0.1", 0))
                other.listen()
                endpoint = f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"
                self.assertEqual(
                    self.refused("--listen", endpoint),
                    f"tpush-ws: cannot listen on {endpoint}: address already in use",
                )

    def test_the_same_endpoint_twice(self) -> None:
        """An endpoint that is given twice cannot be listened on twice."""
        endpoint = f"tcp:{free_port()}:interface=127.0.0.1"
        said = self.refused("--listen", endpoint, "--listen", endpoint)
        self.assertIn("address already in use", said)

    def test_open_by_accident(self) -> None:
        """A role that would serve the network and ask nothing does not start by accident."""
        secret = Path(self.mktemp())
        secret.write_text("0123456789abcdef")
        secret.chmod(0o600)
        open_to_all = ["--listen", "tcp:0"]
        for role, guard in ((ChannelOptions, "secret-file"), (PublisherOptions, "api-key-file")):
            error = self.assertRaises(SystemExit, role().parseOptions, open_to_all)
            self.assertEqual(
                str(error),
                f"{role.role}: --listen tcp:0 is open to the network, and nothing is asked of "
                f"those who connect: give --{guard}, or --insecure if the network is closed",
            )
            for more in (["--insecure"], [f"--{guard}", str(secret)]):
                role().parseOptions([*open_to_all, *more])
            role().parseOptions(["--listen", f"unix:{self.mktemp()}"])
        with patch.dict("os.environ", {"TPUSH_SECRET": "0123456789abcdef"}):
            ChannelOptions().parseOptions(open_to_all)
            self.assertRaises(SystemExit, PublisherOptions().parseOptions, open_to_all)
        SingleOptions().parseOptions(["--listen-ws", "tcp:0", "--listen-http", NOWHERE[1]])

    def test_secrets(self) -> None:
        """A secret that cannot be used is one line, which does not show it."""
        said = self.refused(environ={"TPUSH_SECRET": "hunter2"})
        self.assertEqual(said, "tpush-ws: TPUSH_SECRET has 7 bytes, and a secret needs 16")
        said = self.refused("--secret-file", "/nonexistent")
        self.assertIn("tpush-ws: cannot read /nonexistent", said)

    def test_hooks(self) -> None:
        """Back ends are called with a secret, and asked in less time than a handshake has."""
        secrets = secret_file(self)
        hook = ["--connect-hook", "https://x/hook?y", "--webhook-secret-file", str(secrets)]
        options = self.parse(*hook, "--webhook", "http://localhost:8000")
        self.assertEqual(options["connect-hook"], "https://x/hook?y")
        self.assertEqual(options.limits.connect_hook_wait, 5)
        said = self.refused(*hook, "--webhook", "https://ann:hunter2@x/")
        self.assertEqual(
            said, "tpush-ws: --webhook has a user or a password in it, which are not sent"
        )
        said = self.refused(*hook, "--handshake-timeout", "5")
        self.assertIn("--connect-hook-timeout 5 is not below --handshake-timeout 5", said)
        self.parse("--handshake-timeout", "5")
        secrets.write_text("hunter2 hunter2 hunter2")
        said = self.refused(*hook)
        self.assertEqual(
            said,
            f"tpush-ws: {secrets} has what is no secret: one is whsec_ and the base64 of 24 to 64 "
            "random bytes",
        )

    def test_help(self) -> None:
        """--help shows every option of a role with its default."""
        for role in ROLES:
            shown = " ".join(str(role()).split())
            for option in role.table:
                self.assertIn(f"--{option.name}" + ("" if option.flag else "="), shown)
                default = f" [default: {option.default}]" if option.default else ""
                words = f"{option.help}{default}".replace("- ", "-")
                self.assertIn(words, shown.replace("- ", "-"))
                self.assertEqual(option.variable, "TPUSH_" + option.name.upper().replace("-", "_"))

    def test_settings_travel(self) -> None:
        """What the options say can be sent to a worker process, and makes the same limits."""
        options = self.parse("--silence", "17")
        self.assertEqual(json.loads(json.dumps(options.settings)), options.settings)
        self.assertEqual(options.settings["limits"]["silence"], 17)
        self.assertEqual(options.limits.silence, 17)

    def test_taken_meanwhile(self) -> None:
        """A port that was taken since it was looked at ends the foreground with one line too."""
        self.patch(reactor, "seconds", reactor.seconds)  # trial has timers on the other clock
        for nodaemon, error in ((1, SystemExit), (0, CannotListen)):
            with socket.socket() as other:
                other.bind(("127.0.0.1", 0))
                endpoint = f"tcp:{other.getsockname()[1]}:interface=127.0.0.1"
                options = ChannelOptions()
                options.parent = cast(Any, {"nodaemon": nodaemon})
                with patch("tpush.commandline.exposed_endpoints", return_value=[]):
                    options.parseOptions(["--listen", endpoint])
                service = channel_plugin.makeService(options)
                raised = self.assertRaises(error, service.privilegedStartService)
            self.assertIn(f"cannot listen on {endpoint}: address already in use", str(raised))

    def test_pid_file(self) -> None:
        """Roles started in one folder do not share twistd's pid file."""
        for twistd, expected in [
            ({"pidfile": "twistd.pid", "nodaemon": 1}, ""),
            ({"pidfile": "twistd.pid", "nodaemon": 0}, "tpush-ws.pid"),
            ({"pidfile": "my.pid", "nodaemon": 1}, "my.pid"),
        ]:
            options = PusherOptions()
            options.parent = cast(Any, twistd)
            options.parseOptions(NOWHERE)
            self.assertEqual(twistd["pidfile"], expected)
