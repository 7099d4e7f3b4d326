"""The tests of tpush; the tree mirrors the package."""
