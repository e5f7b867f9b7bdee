"""What tells a real secret from text that looks like one: checksums, structure, entropy, and placeholders."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# Values that documentation, templates and masks put where a secret would stand.
_PLACEHOLDER = re.compile(
    r"""(?ix)
      [<\[{(] .* | .* [>\])}] $ | .* \$\{ .* | \$ [a-z_][a-z0-9_]* | % .* % | .* \{\{ .* | \#\{ .*
    | @ [a-z_]+ @
    | (.) \1*
    | [x*.\-_•]{3,} .*
    | .* (?: x{4,} | \*{3,} | \.{3,} | 0{8,} | 1234567 | abcdefg | qwerty ) .*
    | .* (?: your | example | sample | placeholder | dummy | redacted | change[-_]?me | replace[-_]
           | insert[-_] | todo | fixme | foobar | lorem | not[-_]?a[-_]?real | fake | test[-_]?key
           | my[-_] (?:secret|token|key|pass) ) .*
    | (?: null | none | nil | undefined | true | false | string | str | int | pass(?:word|wd|phrase)? | secret
        | token | key | api[-_]?key | user(?:name)? | admin | root | test(?:ing)? | hidden | empty | required
        | optional | default | \*+ )
    | (?: process\.env | os\.environ | os\.getenv | env\. | getenv | config\. | self\. | this\. | settings\.
        | secrets\. | vault: ) .*
    """
)
_HEX = re.compile(r"[0-9a-fA-F]+")


def is_placeholder(value: str) -> bool:
    return _PLACEHOLDER.fullmatch(value) is not None


def entropy(value: str) -> float:
    """Shannon entropy in bits per character."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values()) if size else 0.0


def is_random(value: str, base64_limit: float, hex_limit: float) -> bool:
    """Whether the entropy reaches the limit of the value's alphabet.

    A short value cannot reach the entropy of its alphabet: the limit shrinks with the length's logarithm.
    """
    if _HEX.fullmatch(value):
        return entropy(value) >= min(hex_limit, 0.8 * math.log2(len(value))) and not value.isdigit()
    return entropy(value) >= min(base64_limit, 0.8 * math.log2(len(value)))


def crc32_base62(token: str) -> bool:
    """GitHub's and npm's tokens end in the CRC-32 of the 30 characters after the prefix, in base 62."""
    body = token.split("_", 1)[1]
    number = binascii.crc32(body[:-6].encode())
    digits = ""
    for _ in range(6):
        number, place = divmod(number, 62)
        digits = _BASE62[place] + digits
    return digits == body[-6:]


def is_jwt(token: str) -> bool:
    """Whether the first part is a JOSE header (RFC 7515): an object that names its algorithm."""
    header = token.split(".", 1)[0]
    try:
        decoded = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except ValueError:
        return False
    return isinstance(decoded, dict) and "alg" in decoded


def is_discord(token: str) -> bool:
    """Whether the first part is a user id in base64: digits only."""
    head = token.split(".", 1)[0]
    try:
        return base64.b64decode(head + "=" * (-len(head) % 4)).isdigit()
    except ValueError:
        return False


def is_password(value: str) -> bool:
    """Whether a value after a word such as `password` can be one: no plain word, no placeholder."""
    mixed = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]"))
    return len(value) >= 6 and mixed >= 2 and not re.fullmatch("[A-Z]?[a-z]+[.!?,]?", value)
