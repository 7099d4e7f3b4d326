"""Tests of the ``tpush`` command."""
