"""The subprotocol ``tpush.v1``: JSON both ways. `docs/protocol.md` is its specification."""
