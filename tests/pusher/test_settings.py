"""What the options of a pusher say of who may connect."""

import time
from pathlib import Path
from typing import Any

import jwt
from twisted.trial.unittest import SynchronousTestCase
from typing_extensions import override

from tpush.errors import TokenRefused
from tpush.pusher.admission import Auth
from tpush.pusher.rights import Right, Rights
from tpush.pusher.settings import admission

SECRET, OTHER = b"a secret of thirty-two bytes, or so", b"another one of at least thirty-two"


class AdmissionTests(SynchronousTestCase):
    """A file of secrets, and what is asked of tokens."""

    @override
    def setUp(self) -> None:
        self.file = Path(self.mktemp())
        self.file.touch(0o600)
        self.file.write_bytes(SECRET)

    def settings(self, **given: Any) -> dict[str, Any]:
        named = {name.replace("_", "-"): value for name, value in given.items()}
        return {
            "token-secret-file": str(self.file), "token-public-key-file": "", "auth": "",
            "token-audience": "", "token-issuer": "", "token-leeway": 0.0, "origin": [], "host": [],
            "client-join": "token", "client-publish": "off", **named,
        }  # fmt: skip

    def test_what_clients_may_do(self) -> None:
        """By default what their token names, and to publish nothing."""
        self.assertEqual(admission(self.settings()).rights, Rights())
        given = self.settings(client_join="open", client_publish="token")
        self.assertEqual(admission(given).rights, Rights(Right.OPEN, Right.TOKEN))

    def test_whether_a_token_is_needed(self) -> None:
        """Where there are keys one is, unless something else is said; without, none can be."""
        self.assertIs(admission(self.settings()).auth, Auth.REQUIRED)
        self.assertIs(admission(self.settings(auth="optional")).auth, Auth.OPTIONAL)
        self.assertIs(admission(self.settings(auth="none")).auth, Auth.NONE)
        without = admission(self.settings(token_secret_file=""))
        self.assertEqual((without.auth, without.keys), (Auth.NONE, None))
        for auth in "optional", "required":
            nothing = self.settings(token_secret_file="", auth=auth)
            self.assertRaises(ValueError, admission, nothing)

    def test_what_is_asked_of_a_token(self) -> None:
        """Audience, issuer and leeway are those of the options."""
        keys = admission(
            self.settings(token_audience="push", token_issuer="shop", token_leeway=30.0)
        ).keys
        assert keys is not None
        late = time.time() - 20
        keys.check(jwt.encode({"aud": "push", "iss": "shop", "exp": late}, SECRET, "HS256"))
        for claims in ({"aud": "mail", "iss": "shop"}, {"aud": "push", "iss": "else"}):
            self.assertRaises(TokenRefused, keys.check, jwt.encode(claims, SECRET, "HS256"))

    def test_reload(self) -> None:
        """Keys are read again when they have changed; where there are none nothing happens."""
        admitting = admission(self.settings())
        assert admitting.keys is not None
        self.file.write_bytes(OTHER)
        admitting.reload()
        admitting.keys.check(jwt.encode({}, OTHER, "HS256"))
        admission(self.settings(token_secret_file="")).reload()
