"""A file of options: what it says, and what is wrong with it."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tests.channel.properties import cases
from tests.integration.processes import ROOT
from tests.test_options import ROLES
from tests.test_tokens import PRIVATE, public_pem
from tpush.channel.plugin import Options as ChannelOptions
from tpush.commandline import RoleOptions
from tpush.config_file import TABLES, TYPES, read_options
from tpush.options.shared import CONFIG
from tpush.publisher.plugin import Options as PublisherOptions
from tpush.pusher.plugin import Options as PusherOptions
from tpush.single import Options as SingleOptions

EXAMPLE = ROOT / "docs" / "examples" / "tpush.toml"


class ConfigCase(SynchronousTestCase):
    """Has a file."""

    @override
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "tpush.toml"

    def parse(
        self,
        said: str,
        *arguments: str,
        role: type[RoleOptions] = PusherOptions,
        environ: dict[str, str] | None = None,
    ) -> RoleOptions:
        self.path.write_text(said)
        options = role()
        with (
            patch.dict("os.environ", environ or {}),
            patch("tpush.commandline.exposed_endpoints", return_value=[]),
        ):
            options.parseOptions(["--config", str(self.path), *arguments])
        return options

    def refused(self, said: str, *arguments: str, **keywords: Any) -> str:
        """Return why, without the name of the file."""
        error = self.assertRaises(SystemExit, self.parse, said, *arguments, **keywords)
        self.assertNotIn("\n", str(error))
        return str(error).replace(str(self.path), "FILE")


class SaysTests(ConfigCase):
    """What stands in a file becomes what a role is given."""

    def test_flat(self) -> None:
        """For one role it needs no table; each type of value is taken."""
        options = self.parse(
            """
            workers = 3
            ping-interval = 12.5
            ping-timeout = 4
            slow-client = "drop-oldest"
            listen = ["tcp:1:interface=127.0.0.1", "unix:/x y"]
            """
        )
        self.assertEqual(options["listen"], ["tcp:1:interface=127.0.0.1", "unix:/x y"])
        said = (options["workers"], options["ping-interval"], options["ping-timeout"])
        self.assertEqual(said, (3, 12.5, 4.0))
        self.assertEqual(options["slow-client"], "drop-oldest")
        self.assertEqual(options["auth"], "")
        self.assertEqual(options.limits.ping_interval, 12.5)

    def test_tables(self) -> None:
        """One file serves all roles: each takes its table alone."""
        said = "".join(f"[{table}]\nmax-queues = 7\n" for table in ("channel", "tpush"))
        said += "[ws]\nworkers = 2\n[http]\nworkers = 3\n"
        for role, name, value in (
            (ChannelOptions, "max-queues", 7),
            (SingleOptions, "max-queues", 7),
            (PusherOptions, "workers", 2),
            (PublisherOptions, "workers", 3),
        ):
            self.assertEqual(self.parse(said, role=role)[name], value)

    def test_every_role_has_a_table(self) -> None:
        """The names of tables are those of the roles."""
        self.assertEqual({role.role.removeprefix("tpush-") for role in ROLES}, set(TABLES))

    def test_flags(self) -> None:
        """A flag is true or false."""
        for said, value in (("true", True), ("false", False)):
            options = self.parse(f"insecure = {said}", role=ChannelOptions)
            self.assertIs(options["insecure"], value)
        options = self.parse("insecure = false", "--insecure", role=ChannelOptions)
        self.assertTrue(options["insecure"])

    def test_who_comes_first(self) -> None:
        """The command line, the environment, the file, the default; lists are not joined."""
        said, environ = 'workers = 2\norigin = ["https://a"]', {"TPUSH_WORKERS": "3"}
        self.assertEqual(self.parse(said)["workers"], 2)
        self.assertEqual(self.parse(said, environ=environ)["workers"], 3)
        self.assertEqual(self.parse(said, "--workers", "4", environ=environ)["workers"], 4)
        self.assertEqual(self.parse("")["workers"], 1)
        self.assertEqual(self.parse(said, "--origin", "https://b")["origin"], ["https://b"])
        self.assertEqual(self.parse("origin = []")["origin"], [])
        blank = {"TPUSH_LISTEN": " "}
        self.assertEqual(self.parse("", environ=blank)["listen"], ["tcp:4236:interface=127.0.0.1"])

    def test_by_variable(self) -> None:
        """The file itself may be named by a variable."""
        self.path.write_text("workers = 5")
        options = PusherOptions()
        with (
            patch.dict("os.environ", {"TPUSH_CONFIG": str(self.path)}),
            patch("tpush.commandline.exposed_endpoints", return_value=[]),
        ):
            options.parseOptions([])
        self.assertEqual(options["workers"], 5)

    def test_travels(self) -> None:
        """A worker process is given what the file says."""
        settings = self.parse("silence = 17\nname = 'one'").settings
        self.assertEqual(json.loads(json.dumps(settings)), settings)
        self.assertEqual((settings["limits"]["silence"], settings["name"]), (17, "one"))

    def test_every_option(self) -> None:
        """Each option of each role may stand in it, with its default as a value of its type."""
        for role in ROLES:
            lines = []
            for option in role.table:
                if option is CONFIG or not option.default:
                    continue
                number = option.type in (int, float)
                value = option.default if number else json.dumps(option.default)
                lines.append(f"{option.name} = {f'[{value}]' if option.repeats else value}")
            options, plain = self.parse("\n".join(lines), role=role), self.parse("", role=role)
            self.assertGreater(len(lines), 10)
            self.assertEqual({**options}, {**plain})

    def test_the_example(self) -> None:
        """The file of the docs is right for each role that it is for."""
        said = EXAMPLE.read_text().replace("/etc/tpush", str(self.folder))
        (self.folder / "tokens.pub").write_bytes(public_pem(PRIVATE["EdDSA"]))
        for name in ("channel.secret", "api.keys"):
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_text("a secret of the tests alone")
        channel, pusher, publisher = (
            self.parse(said, role=role)
            for role in (ChannelOptions, PusherOptions, PublisherOptions)
        )
        self.assertEqual(channel.secrets, pusher.secrets)
        self.assertEqual((pusher["workers"], publisher["workers"]), (4, 2))
        self.assertEqual(len(pusher["origin"]), 2)


class WrongTests(ConfigCase):
    """What is wrong is one line that names the file and the key."""

    def test_wrong(self) -> None:
        """Names, types, values, and what is no TOML."""
        for said, text in (
            ("worker = 2", "tpush-ws: FILE: worker is no option of tpush-ws: is it workers?"),
            ("max_pending = 65536", "is it max-pending?"),
            ("xyz = 1", "tpush-ws: FILE: xyz is no option of tpush-ws"),
            ('config = "x"', "FILE: config is no option of tpush-ws"),
            ("settle = 3", "FILE: settle is no option of tpush-ws"),
            ('"a\\nb" = 1', "FILE: 'a\\nb' is no option of tpush-ws"),
            ("workers = 0", "FILE: workers is a whole number from 1 to 1024, not '0'"),
            ("workers = '2'", "FILE: workers is an integer, not a string"),
            ("workers = 2.0", "FILE: workers is an integer, not a float"),
            ("workers = true", "FILE: workers is an integer, not a boolean"),
            ("workers = [2]", "FILE: workers is an integer, not an array"),
            ("silence = '20'", "FILE: silence is an integer or a float, not a string"),
            ("silence = true", "FILE: silence is an integer or a float, not a boolean"),
            ("silence = nan", "FILE: silence is seconds from 10 to 600, not 'nan'"),
            ("name = 7", "FILE: name is a string, not an integer"),
            ("name = 2026-01-01", "FILE: name is a string, not a date"),
            ("name = 2026-01-01T10:00:00Z", "FILE: name is a string, not a date"),
            ("name = 10:00:00", "FILE: name is a string, not a time"),
            ("origin = 'https://a'", "FILE: origin is an array of strings, not a string"),
            ("origin = ['a', 1]", "FILE: origin is an array of strings, and has an integer in it"),
            ("origin = [['a']]", "FILE: origin is an array of strings, and has an array in it"),
            ("listen = []", "FILE: listen is an array of one string at the least"),
            ("listen = ['tcp']", "FILE: listen is a server endpoint string"),
            ("slow-client = 'wait'", "FILE: slow-client is one of disconnect, drop-newest"),
            ("trusted-proxy = ['x']", "FILE: trusted-proxy is an address, a network such as"),
            ("[ws]\nworkers = 0", "FILE: [ws] workers is a whole number from 1 to 1024, not '0'"),
            ("[ws]\nworkers = 'x'", "FILE: [ws] workers is an integer, not a string"),
            ("[ws]\nfoo = 1", "FILE: [ws] foo is no option of tpush-ws"),
            ("[ws.name]", "FILE: [ws] name is a string, not a table"),
            ("[wss]\nworkers = 1", "FILE: [wss] is no role: there are channel, ws, http, tpush"),
            ("[http]\nworkers = 1", "FILE has tables, and none is [ws]"),
            ("workers = 1\n[ws]", "FILE: workers stands outside the tables: put it into that of"),
            ("[[ws]]\nworkers = 1", "FILE: ws is no option of tpush-ws"),
            ("workers", "FILE is no TOML: Expected '='"),
            ("workers = 1\nworkers = 2", "FILE is no TOML: "),
            ("workers = " + "9" * 5000, "FILE is no TOML: "),
            ("workers = 0x" + "f" * 5000, "FILE: workers has more digits than"),
            ("origin = " + "[" * 5000, "FILE is no TOML: "),
            ("webhook = 'http://x/'", "--webhook needs --webhook-secret-file"),
        ):
            with self.subTest(said=said[:50]):
                self.assertIn(text, self.refused(said))

    def test_flags(self) -> None:
        """A flag is no number, and no text."""
        for said in ("1", "'yes'"):
            text = self.refused(f"insecure = {said}", role=ChannelOptions)
            self.assertIn("FILE: insecure is a boolean, not a", text)

    def test_values_are_not_shown(self) -> None:
        """What has a wrong type may be a secret that stands where its file's name should."""
        self.assertNotIn("hunter2", self.refused("secret-file = ['hunter2 hunter2']"))

    def test_the_command_line_is_to_blame(self) -> None:
        """What it says is told as what it is, whatever the file says."""
        self.assertIn("tpush-ws: --workers is a whole", self.refused("workers = 2", "--workers=0"))

    def test_files(self) -> None:
        """It is there, is UTF-8, and nobody else may write it."""
        role = PusherOptions()
        error = self.assertRaises(SystemExit, role.parseOptions, ["--config", "/nowhere"])
        self.assertEqual(str(error), "tpush-ws: cannot read /nowhere: no such file or directory")
        self.path.touch(mode=0o600)
        self.path.chmod(0o646)
        self.assertIn("others may write FILE", self.refused(""))
        self.path.chmod(0o644)
        self.path.write_bytes(b"name = '\xff'")
        arguments = ["--config", str(self.path)]
        error = self.assertRaises(SystemExit, PusherOptions().parseOptions, arguments)
        self.assertIn("is not UTF-8 at byte 8", str(error))
        self.path.write_bytes(b"\xef\xbb\xbfname = 'a'")
        role.parseOptions(arguments)
        self.assertEqual(role["name"], "a")


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


class AnyTests(SynchronousTestCase):
    """Whatever stands there, it is an option or an error."""

    @cases(300)
    @given(st.sampled_from([option.name for option in PusherOptions.table]) | st.text(), VALUES)
    def test_any(self, name: str, value: Any) -> None:
        """No value ends in another error than one for who wrote it."""
        with patch("tpush.config_file._parse", return_value={name: value}):
            try:
                said = read_options("FILE", "tpush-ws", PusherOptions.table)
            except ValueError as error:
                assert str(error).startswith("FILE") and "\n" not in str(error), error
            else:
                assert all(isinstance(t, str) for given in said.values() for t in given.texts)

    def test_types(self) -> None:
        """Each type of TOML has a name, and each option is of one of them."""
        for role in ROLES:
            for option in role.table:
                self.assertIn(option.type, (str,) if option.repeats else TYPES)
