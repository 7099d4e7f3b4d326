"""What is sent for a publish."""

from twisted.trial.unittest import SynchronousTestCase

from tpush.http import EVERYBODY, JSON, Connection, Group, Publish, User


class PublishTests(SynchronousTestCase):
    """A publish says in JSON what it is, and to whom."""

    def test_targets(self) -> None:
        """One target stands alone, several in a list."""
        for to, said in (
            (EVERYBODY, {"broadcast": True}),
            (Group("news"), {"group": "news"}),
            (User("ann"), {"user": "ann"}),
            (Connection(7, 3), {"connection": "7:3"}),
        ):
            self.assertEqual(Publish(to, "x").as_dict(), {"to": said, "content": "x"})
            self.assertEqual(Publish([to], "x").as_dict(), {"to": [said], "content": "x"})

    def test_contents(self) -> None:
        """Text, bytes and values, the empty ones too."""
        for content, said in (
            ("ü", {"content": "ü"}),
            ("", {"content": ""}),
            (b"\xff\0", {"base64": "/wA="}),
            (JSON({"a": [1]}), {"data": {"a": [1]}}),
            (JSON(None), {"data": None}),
        ):
            self.assertEqual(Publish((), content).as_dict(), {"to": [], **said})
        with self.assertRaises(TypeError):
            Publish(EVERYBODY, 5).as_dict()  # type: ignore[arg-type]

    def test_all(self) -> None:
        """Exceptions, a receipt and a key, where there are any."""
        publish = Publish(
            [Group("a"), User("b")], "x", but=[User("c")], receipt=True, idempotency_key="k"
        )
        self.assertEqual(publish.as_dict(), {
            "to": [{"group": "a"}, {"user": "b"}], "content": "x", "except": [{"user": "c"}],
            "receipt": True, "key": "k",
        })  # fmt: skip

    def test_addresses(self) -> None:
        """An address is two numbers."""
        self.assertEqual(Connection.read("7:3"), Connection(7, 3))
        for wrong in ("", "7", "7:", ":3", "7:3:1", "a:b", "-7:3", "7:3\n", "٣:1"):
            with self.assertRaises(ValueError):
                Connection.read(wrong)
