"""Holds the WebSocket connections."""
