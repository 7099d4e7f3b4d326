"""The tests of the publisher."""
