"""Check digits and addresses, each named after the scheme that defines it. Input: digits or letters only."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

_BASE58 = {c: i for i, c in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_BECH32 = {c: i for i, c in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CONSTANTS = (1, 0x2BC830A3)  # BIP 173 and BIP 350

# Verhoeff 1969: the permutation whose powers move the digits before they meet in the dihedral group D5.
_STEP = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: every second digit from the right doubled, cross sums added, divisible by ten."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def weighted(digits: Iterable[str], weights: Iterable[int]) -> int:
    """Sum of digit times weight, over as many as there are of both."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def verhoeff(digits: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = _STEP[value]
        check = _dihedral(check, value)
    return check == 0


def _dihedral(left: int, right: int) -> int:
    """The product in D5: 0 to 4 are rotations, 5 to 9 reflections."""
    if left < 5:
        return (left + right) % 5 + (0 if right < 5 else 5)
    return (left - right) % 5 + (5 if right < 5 else 0)


def iso_7064_mod_11_10(digits: str) -> int:
    """The check digit that follows `digits` (ISO/IEC 7064, MOD 11,10)."""
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10


def icao_9303(characters: str) -> int | None:
    """The check digit of a machine-readable document number: weights 7, 3, 1; letters from A = 10."""
    total = 0
    for place, char in enumerate(characters):
        if char.isdigit():
            value = int(char)
        elif "A" <= char <= "Z":
            value = ord(char) - ord("A") + 10
        else:
            return None
        total += value * (7, 3, 1)[place % 3]
    return total % 10


def base58check(address: str) -> bool:
    """Whether the last four bytes are the double SHA-256 of the rest (Bitcoin P2PKH and P2SH addresses)."""
    number = 0
    for char in address:
        if char not in _BASE58:
            return False
        number = number * 58 + _BASE58[char]
    zeros = len(address) - len(address.lstrip("1"))
    data = number.to_bytes(zeros + (number.bit_length() + 7) // 8, "big")
    return sha256(sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def bech32(address: str) -> bool:
    """BIP 173 or BIP 350: one case only, at most 90 characters, a valid checksum after the last `1`."""
    if address not in (address.lower(), address.upper()) or len(address) > 90:
        return False
    address = address.lower()
    cut = address.rfind("1")
    human, data = address[:cut], address[cut + 1 :]
    if cut < 1 or len(data) < 6 or any(char not in _BECH32 for char in data):
        return False
    values = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human] + [_BECH32[c] for c in data]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATOR):
            if top >> bit & 1:
                check ^= generator
    return check in _BECH32_CONSTANTS
