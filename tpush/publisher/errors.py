"""What a publisher refuses of a request, besides what a channel refuses.

::

    TPushError
    ├── BadRequest           its fields do not say what to publish, or where to    400
    ├── Unauthorized         it has no key, or a wrong one                         401
    ├── CrossSite            a page of another site may have caused it             403
    ├── UnsupportedBody      its body is of a kind that is not read                415
    └── Overloaded           this publisher has as much to do as it may            503, retry later

Their texts go to the client: one line, and nothing of what it sent.
"""

from tpush.errors import TPushError


class BadRequest(TPushError):
    """The fields of a request do not say what to publish, or where to."""

    status = 400


class UnsupportedBody(TPushError):
    """The body of a request is of a kind that is not read."""

    status = 415


class Overloaded(TPushError):
    """This publisher has as much to do as it may."""

    status = 503


class Unauthorized(TPushError):
    """A request has no key, or a wrong one: its answer does not tell which."""

    status = 401


class CrossSite(TPushError):
    """A request without a key may have been caused by a page of another site."""

    status = 403
