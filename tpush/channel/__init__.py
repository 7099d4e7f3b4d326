"""The broker and the ways to it."""
