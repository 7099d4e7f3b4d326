"""Sockets, transports and worker processes: what the roles stand on, and knows none of them."""
