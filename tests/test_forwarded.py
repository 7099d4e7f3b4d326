"""Whose connection it is, behind proxies too."""

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tpush.forwarded import FORWARDED, Proxies, client_of, read_address, read_peer


class ClientTests(SynchronousTestCase):
    """A client is told by its address, of IPv6 by the network that it got."""

    def test_client_of(self) -> None:
        """IPv4 by the address, IPv6 by the first 64 bits, a mapped one as what it holds."""
        for text, client in (
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ):
            address = read_address(text)
            assert address is not None
            self.assertEqual(client_of(address), client)

    def test_no_address(self) -> None:
        """What is none is none."""
        for text in ("", "unknown", "1.2.3", "x" * 10_000, "1.2.3.4/8"):
            self.assertIsNone(read_address(text))

    @given(st.ip_addresses() | st.text("0123456789abcdef.:% \0", max_size=20))
    @cases(200)
    def test_as_ip_address(self, address: object) -> None:
        """What is read is what Python's own function reads, and nothing else."""
        text = str(address)
        try:
            expected = ip_address(text)
        except ValueError:
            self.assertIsNone(read_address(text))
            return
        self.assertEqual(read_address(text), getattr(expected, "ipv4_mapped", None) or expected)


class ProxiesTests(SynchronousTestCase):
    """A proxy that is trusted is believed for what it wrote itself."""

    def client(self, peer: str | None, said: str, *trusted: str, header: str = "") -> str:
        name = header or "x-forwarded-for"
        return str(Proxies(trusted, name).client(read_peer(peer), {name: said}))

    def test_not_trusted(self) -> None:
        """Nobody else is believed."""
        self.assertEqual(self.client("192.0.2.1", "198.51.100.7"), "192.0.2.1")
        self.assertEqual(self.client("192.0.2.1", "198.51.100.7", "192.0.2.2"), "192.0.2.1")

    def test_trusted(self) -> None:
        """A proxy says who it is, by an address, a network, or a unix socket."""
        for peer, trusted in (
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.0/24"),
            ("::ffff:192.0.2.1", "192.0.2.0/24"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("192.0.2.1", "::ffff:192.0.2.0/120"),
            ("192.0.2.1", "::ffff:0:0/96"),
            ("2001:db8::5", "2001:db8::/32"),
            (None, "unix"),
        ):
            self.assertEqual(self.client(peer, "198.51.100.7", trusted), "198.51.100.7")

    def test_forged(self) -> None:
        """What the client itself sent stands before what the proxy wrote, and is not believed."""
        said = "203.0.113.1, 198.51.100.7"
        self.assertEqual(self.client("192.0.2.1", said, "192.0.2.0/24"), "198.51.100.7")

    def test_several_proxies(self) -> None:
        """Each proxy of ours is believed for the one before it."""
        said = "203.0.113.1, 198.51.100.7, 192.0.2.2, 192.0.2.3"
        self.assertEqual(self.client("192.0.2.1", said, "192.0.2.0/24"), "198.51.100.7")
        self.assertEqual(self.client("192.0.2.1", "192.0.2.9", "192.0.2.0/24"), "192.0.2.9")

    def test_says_nothing(self) -> None:
        """A proxy that does not say, or what nobody understands, is the client itself."""
        for said in ("", "unknown", "198.51.100.7, unknown", "_hidden", ","):
            self.assertEqual(self.client("192.0.2.1", said, "192.0.2.1"), "192.0.2.1")
        self.assertEqual(self.client(None, "", "unix"), "None")

    def test_ports(self) -> None:
        """A port beside an address is left out."""
        for said, client in (
            ("198.51.100.7:1234", "198.51.100.7"),
            ("[2001:db8::7]:1234", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
        ):
            self.assertEqual(self.client("192.0.2.1", said, "192.0.2.1"), client)

    def test_forwarded(self) -> None:
        """The header of RFC 7239, section 4 and 6."""
        for said, client in (
            ("for=198.51.100.7", "198.51.100.7"),
            ("For=198.51.100.7;proto=http;by=203.0.113.43", "198.51.100.7"),
            ('proto=https; for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
            ('for=1.2.3.4, for="198.51.100.7:80"', "198.51.100.7"),
            ("for=1.2.3.4, for=_hidden", "192.0.2.1"),
            ("by=198.51.100.7", "192.0.2.1"),
        ):
            said_by = self.client("192.0.2.1", said, "192.0.2.1", header=FORWARDED)
            self.assertEqual(said_by, client, said)

    def test_forwarded_in_quotes(self) -> None:
        """What a client gets a proxy to quote, such as its Host, says nothing of who it is."""
        for said in (
            'host="x;for=1.2.3.4";for=198.51.100.7',
            'host="x, for=1.2.3.4";for=198.51.100.7',
            'host="x\\", for=1.2.3.4;\\"";for=198.51.100.7',
            'for=198.51.100.7;host="x\\\\";by=203.0.113.43',
            '", for=198.51.100.7',
            'for=1.2.3.4;x="y, for="198.51.100.7"',
            'for=1.2.3.4;x="\\, for=198.51.100.7;host="y\\"z"',
        ):
            said_by = self.client("192.0.2.1", said, "192.0.2.1", header=FORWARDED)
            self.assertEqual(said_by, "198.51.100.7", said)

    def test_the_other_header(self) -> None:
        """The header that our proxies do not write is not looked at: anybody may have."""
        proxies = Proxies(["192.0.2.1"])
        client = proxies.client(read_peer("192.0.2.1"), {"forwarded": "for=1.2.3.4"})
        self.assertEqual(str(client), "192.0.2.1")

    def test_wrong(self) -> None:
        """What is neither address nor network is refused."""
        for trusted in ("proxy.test", "10.0.0.1/8", ""):
            self.assertRaises(ValueError, Proxies, [trusted])

    @cases(100)
    @given(st.text(max_size=60), st.sampled_from(["x-forwarded-for", FORWARDED]))
    def test_anything(self, said: str, header: str) -> None:
        """Whatever a header says is an address or nothing."""
        self.client("192.0.2.1", said, "192.0.2.0/24", header=header)
