"""Tests of the broker and of the ways to it."""
