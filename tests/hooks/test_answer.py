"""What a connect hook may answer."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.channel.properties import cases
from tpush.errors import HookFailed
from tpush.hooks.answer import Answer, read_answer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["allow", "reason", "user", "groups", "other"]), inner, max_size=5
        )
    ),
    max_leaves=8,
)


class AnswerTests(SynchronousTestCase):
    """It is read, or it is none: nobody is let in by mistake."""

    def test_answers(self) -> None:
        """All is optional."""
        for said, answer in [
            ({}, Answer()),
            ({"other": 1}, Answer()),
            ({"user": None, "groups": None, "reason": None}, Answer()),
            ({"allow": False}, Answer(allow=False)),
            ({"allow": False, "reason": "no"}, Answer(allow=False, reason="no")),
            ({"user": "ann", "groups": ["a", "b"]}, Answer(user="ann", groups=("a", "b"))),
        ]:
            self.assertEqual(read_answer(json.dumps(said).encode()), answer)

    def test_no_answers(self) -> None:
        """What means something else than it says is none."""
        for body in (
            b"", b"ok", b"[]", b"null", b'"no"', b"\xff{}", b"{", b"[" * 100_000,
            b'{"allow": "false"}', b'{"allow": 0}', b'{"allow": null}', b'{"reason": 1}',
            b'{"user": ""}', b'{"user": 7}', b'{"user": ["ann"]}', b'{"user": "\\ud800"}',
            b'{"user": "%b"}' % (b"x" * 200), b'{"groups": "news"}', b'{"groups": [7]}',
            b'{"groups": [""]}', b'{"groups": {"news": 1}}', b'{"groups": ["%b"]}' % (b"x" * 200),
            json.dumps({"groups": ["x"] * 10_001}).encode(),
        ):  # fmt: skip
            self.assertRaises(HookFailed, read_answer, body)

    @cases(500)
    @given(JSON)
    def test_any_json(self, said: object) -> None:
        """An answer that allows is one that says nothing else."""
        try:
            answer = read_answer(json.dumps(said).encode())
        except HookFailed:
            return
        assert isinstance(said, dict)
        assert answer.allow is said.get("allow", True)
        assert list(answer.groups) == (said.get("groups") or [])
        assert answer.user == said.get("user")

    @cases(300)
    @given(st.binary(max_size=60))
    def test_any_bytes(self, body: bytes) -> None:
        """Nothing else is raised."""
        with contextlib.suppress(HookFailed):
            read_answer(body)
