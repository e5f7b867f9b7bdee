"""Made-up personal data and secrets, one to a sentence, for the table of leaks. The same ones every time."""

from __future__ import annotations

import base64
import random
import string
import zlib
from collections.abc import Callable
from typing import NamedTuple

_WORDS = (
    "amber birch cedar delta ember flint grove harbor indigo juniper kestrel lantern meadow nectar".split()
)
_UPPER, _ALNUM = string.ascii_uppercase, string.ascii_letters + string.digits
_BEFORE = "Thanks for asking. I looked it up for you, and what we have on file is "
_AFTER = " according to our notes. Tell me if any of it has changed; I will see to it that it is put right."


class Planted(NamedTuple):
    kind: str
    before: str
    value: str
    """What must not come out."""
    closing: str
    """Belongs to the value and is no secret: it may come out, or be covered with it."""
    after: str

    @property
    def text(self) -> str:
        return self.before + self.value + self.closing + self.after


def planted(each: int) -> list[Planted]:
    """So many of each kind."""
    made = []
    for kind, (make, before, closing) in _KINDS.items():
        source = random.Random(kind)
        for index in range(each):
            made.append(Planted(kind, _BEFORE + before, make(source, index), closing, _AFTER))
    return made


def _email(source: random.Random, index: int) -> str:
    """20 to 50 characters."""
    return _address(source, 20 + index * 5 % 35, "@example.org")


def _long_email(source: random.Random, index: int) -> str:
    """55 to 90 characters."""
    domain = f"@{source.choice(_WORDS)}.{source.choice(_WORDS)}.example.org"
    return _address(source, 55 + index * 5 % 40, domain)


def _address(source: random.Random, size: int, domain: str) -> str:
    local = ".".join(source.sample(_WORDS, len(_WORDS)))
    return local[: size - len(domain) - 1] + "x" + domain


def _card(source: random.Random, index: int) -> str:
    digits = source.choice(("4", "51", "53", "55"))
    digits += "".join(source.choices(string.digits, k=15 - len(digits)))
    doubled = sum(sum(divmod(int(digit) * 2, 10)) for digit in digits[::2])
    return digits + str(-(doubled + sum(map(int, digits[1::2]))) % 10)


def _spaced_card(source: random.Random, index: int) -> str:
    card = _card(source, index)
    return " ".join(card[start : start + 4] for start in range(0, 16, 4))


def _ssn(source: random.Random, index: int) -> str:
    return f"{source.randint(301, 665)}-{source.randint(21, 88)}-{source.randint(2301, 9876)}"


def _iban(source: random.Random, index: int) -> str:
    account = "".join(source.choices(string.digits, k=18))
    return f"DE{98 - int(account + '131400') % 97:02}{account}"


def _phone(source: random.Random, index: int) -> str:
    return f"{source.choice((212, 312, 415, 617))}-{source.randint(221, 889)}-{source.randint(2001, 9876)}"


def _key(source: random.Random, index: int) -> str:
    """AWS's, GitHub's and Slack's in turn."""
    if index % 3 == 0:
        return "AKIA" + "".join(source.choices(_UPPER + "234567", k=16))
    if index % 3 == 1:
        body = "".join(source.choices(_ALNUM, k=30))
        return "ghp_" + body + _base62(zlib.crc32(body.encode()))
    numbers = ["".join(source.choices(string.digits[1:], k=11)) for _ in range(2)]
    return "-".join(["xoxb", *numbers, "".join(source.choices(_ALNUM, k=24))])


def _long_key(source: random.Random, index: int) -> str:
    """GitHub's fine-grained token."""
    parts = ("".join(source.choices(_ALNUM, k=size)) for size in (22, 59))
    return "_".join(["github", "pat", *parts])


def _base62(number: int) -> str:
    alphabet, said = string.digits + _UPPER + string.ascii_lowercase, ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        said = alphabet[digit] + said
    return said


def _key_body(source: random.Random, index: int) -> str:
    body = base64.b64encode(source.randbytes(420)).decode()
    return "\n".join(body[start : start + 64] for start in range(0, len(body), 64))


_PEM = "{} RSA PRIVATE KEY-----"
Make = Callable[[random.Random, int], str]
_KINDS: dict[str, tuple[Make, str, str]] = {
    "e-mail, 20 to 50 characters": (_email, "the e-mail address ", ""),
    "e-mail, 55 to 90 characters": (_long_email, "the e-mail address ", ""),
    "card": (_card, "card number ", ""),
    "card with spaces": (_spaced_card, "card number ", ""),
    "US social security number": (_ssn, "the SSN ", ""),
    "IBAN": (_iban, "the account ", ""),
    "phone number": (_phone, "the mobile phone number ", ""),
    "API key": (_key, "the token ", ""),
    "API key of 93 characters": (_long_key, "the token ", ""),
    "private key": (_key_body, f"\n{_PEM.format('-----BEGIN')}\n", f"\n{_PEM.format('-----END')}\n"),
}
