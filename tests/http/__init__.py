"""Tests of the clients of the JSON API."""
