"""Texts for streams: findings of every kind, their beginnings, and what lies around them."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

VALUES = [
    "jane.doe@example.com",
    "j@b.co",
    "4111 1111 1111 1111",
    "5555555555554444",
    "536-22-8726",
    "GB82 WEST 1234 5698 7654 32",
    "GB82WEST12345698765432",
    "(212) 555-0142",
    "+1 212 555 0142",
    "1111111111111111111114oLvT2",
    "912-78-1234",
    "DOB: 12/03/1984",
    "born in New Town on 3 March 1984",
    "1984-03-12 (date of birth)",
    "42 Harbour Lane, Apt. 7, Springfield, IL 62701",
    "Lindenstra\u00dfe 17, 10969 Berlin",
    "address: 9 old mill rd",
    "Zip code: 62701-1234",
    "Mobile: +1 (100) 000-5602",
    "card number 4111 1111 1111 1112",
    "IBAN: DE89 3704 0044 0532 0130 01",
    "AKIA" + "QYLPMN5HHHFPZAM2",
    "ghp_" + "q" * 36,
    "password = hunter2!Xy",
    "the password is Tr0ub4dor&3",
    "postgres://app:s3cr3tpw@db.example/x",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow" + "Ab3/" * 9 + "\n-----END RSA PRIVATE KEY-----",
    "api_key: Zx81kQ0pLm33vTyU",
]
DISGUISED = [
    "jane.doe＠example.com",
    "4111\u200b 1111 1111 1111",
    "５３６-２２-８７２６",
    "jаne.doe@example.com",
    "536–22–8726",
    "j\u200bane.doe@exam\u200bple.com",
]
AROUND = [
    *(
        "my phone number is",
        "SSN",
        "social security",
        "card number",
        "bank account",
        "and",
        "is not a",
        "the",
        "Hello,",
    ),
    *("born", "DOB:", "Street", "42", "Main", "Tel.:", "IBAN", "lives at", "12 rue de la Paix, 75002 Paris"),
    *("In 2024 we sold 1,200", "1. First", "**bold**", "`code`", "x = 3", "https://a.example/b?c=d", "e.g."),
    *(
        "token",
        "secret",
        "aws",
        "日本語です。",
        "naïve café",
        "Привет, мир",
        "“quoted”",
        "😀",
        "a:b",
        "to:",
        "@home",
    ),
    *(
        "0, 1, 1, 2, 3, 5, 8, 13, 21",
        "1 2 3 4 5 6 7 8 9",
        "555",
        "-",
        "--",
        "...",
        "<",
        "<MA",
        "<MAIL_1>",
        "~>",
    ),
]
SEPARATORS = ["", " ", " ", " ", ", ", "\n", "\n\n", ". ", "-", "/", "\t", "(", ") ", "\u00a0", "，"]


def beginnings(value: str) -> list[str]:
    return [value[:-1], value[: len(value) // 2], value[1:], value[: value.find("@") + 1] or value[:4]]


PIECES = [*VALUES, *DISGUISED, *AROUND, *[start for value in VALUES for start in beginnings(value) if start]]


@st.composite
def texts(draw: Callable[..., str], most: int = 9) -> str:
    count = draw(st.integers(1, most))
    return "".join(draw(st.sampled_from(PIECES)) + draw(st.sampled_from(SEPARATORS)) for _ in range(count))


@st.composite
def cuts(draw: Callable[..., list[int]], text: str) -> list[str]:
    """A text in pieces: of one size, or cut anywhere."""
    if draw(st.booleans()):
        size = draw(st.sampled_from([1, 2, 3, 4, 7, 16, 1000]))
        return [text[start : start + size] for start in range(0, len(text), size)]
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=12)))
    ends = [*places, len(text)]
    return [text[start:end] for start, end in zip([0, *places], ends, strict=True)]
