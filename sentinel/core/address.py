"""Where something listens, as users write it: HOST:PORT or unix:/path, or the URL of a server."""

from __future__ import annotations

import re

_URL = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?(/[\x21-\x7e]*)?")


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


def checked_url(url: str) -> str:
    """`http(s)://HOST[:PORT][/prefix]`, the same text without a slash at its end. Raises ValueError."""
    match = _URL.fullmatch(url)
    if match is None or any(mark in url for mark in "?#@"):
        raise ValueError(f"must be http://HOST:PORT or https://HOST:PORT, and is {url[:60]!r}")
    if match[2] and not 0 < int(match[2]) <= 65_535:
        raise ValueError(f"the port must be 1 to 65535, and is {match[2]}")
    return url.rstrip("/")
