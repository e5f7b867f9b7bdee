"""Where something listens, as users write it: HOST:PORT or unix:/path."""

from __future__ import annotations


def checked(address: str) -> str:
    """The same text. Raises ValueError saying what to write instead when it is neither form."""
    if address.startswith("unix:"):
        if len(address) == len("unix:"):
            raise ValueError("must be unix:/path/to/socket, and the path is missing")
        return address
    return checked_tcp(address)


def checked_tcp(address: str) -> str:
    """The same for HOST:PORT alone."""
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()):
        raise ValueError(f"must be HOST:PORT, and is {address[:60]!r}")
    if int(port) > 65_535:
        raise ValueError(f"the port must be 0 to 65535, and is {port[:20]}")
    return address
