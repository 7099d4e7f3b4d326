"""Addresses as people write them."""


def show_address(address: object) -> str:
    """Return ``host:port`` of a TCP address, the path of a unix one, and else what it says."""
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    if host is not None:
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    name = getattr(address, "name", None)
    if isinstance(name, bytes):
        return name.decode(errors="replace")
    return "a unix socket" if name is None and hasattr(address, "name") else str(address)
