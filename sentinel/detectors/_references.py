"""References by form: addresses, identifiers of publications, citations and court cases that a model may have
made up. Whether one exists cannot be told from here; whether anybody handed it to the model can."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

_TRAILING = ".,;:!?)]}>\"'*_`”’"
_NAME = r"[A-Z][\w'’-]{1,40}"
_YEAR = r"(?:1[89]|20)\d\d[a-z]?"
_BODY = r"[^\s<>\"'`”’]{1,300}"
_FORMS = {
    "web address": rf"(?:https?://|(?<![\w@/.])www\.){_BODY}",
    "DOI": rf"(?<![\w/.])10\.\d{{4,9}}/{_BODY}",
    "arXiv identifier": r"(?i:arxiv)[:\s]{1,2}\d{4}\.\d{4,5}(?:v\d{1,2})?",
    "PubMed identifier": r"\bPMID:?\s?\d{4,9}\b",
    "ISBN": r"\bISBN(?:-1[03])?:?\s?[\d-]{9,17}[\dX]\b",
    "citation": rf"\b{_NAME}(?: et al\.?,?| (?:and|&) {_NAME},?|,(?= {_YEAR}\))) \(?{_YEAR}\)",
    "court case": rf"\b(?!(?:In|See|Under|Since|The|And|But) ){_NAME}(?: {_NAME}){{0,3}} vs?\. "
    rf"{_NAME}(?: {_NAME}){{0,3}}"
    r"(?:,? \d{1,4} [A-Z][\w. ]{0,12} ?\d{1,5})?",
}
# Without a scheme, told only beside documents: elsewhere it is mostly code. The commonest endings of hosts.
_BARE = re.compile(
    r"(?<![\w@/.\-])(?!www\.)(?:[a-z0-9](?:[a-z0-9-]{0,62})\.){1,5}"
    rf"(?:com|org|net|edu|gov|info|io|ai|eu|uk|de|fr|nl|se|no|dk|ch|us|example)/{_BODY}"
)
_ANY = re.compile("|".join(f"(?P<f{number}>{form})" for number, form in enumerate(_FORMS.values())))
_KINDS = tuple(_FORMS)
_PARTS = ("://", "www.", "10.", "PMID", "ISBN", " v. ", " vs. ")
_YEAR_IN_BRACKETS = re.compile(rf"{_YEAR}\)")
_LIKELY = {
    "web address": 0.4,
    "DOI": 0.5,
    "arXiv identifier": 0.5,
    "PubMed identifier": 0.5,
    "ISBN": 0.5,
    "citation": 0.4,
    "court case": 0.4,
}
_HOME = 0.2  # an address without a path: most are well known
_IMPOSSIBLE = 0.9
_GIVEN_OTHERS = 0.25  # added where documents were given: the answer should cite those
# Reserved for documentation: RFC 2606, RFC 6761.
_EXAMPLE_HOST = re.compile(r"(?:^|\.)example(?:\.(?:com|net|org))?$")
_EXAMPLE_ENDING = re.compile(r"\.example$")
_LOCAL_HOST = re.compile(r"(?:^|\.)(?:test|invalid|localhost)$")
_PLACEHOLDER = "placeholder web address"


class Reference(msgspec.Struct, frozen=True):
    """A reference at start..end of a text that stands in nothing the model was given. `kind` says what it is;
    `score` how probable it is that it was made up: a judgement by form, not a measurement."""

    start: int
    end: int
    kind: str
    score: float


def unknown_references(text: str, given: Sequence[str], *, documents: bool) -> Iterator[Reference]:
    """The references of `text` that stand in none of the `given` texts; `documents`: whether some of these
    are documents to answer from. Linear in all of them."""
    known: str | None = None
    forms = [
        form for form, may_be in ((_ANY, _may_refer(text)), (_BARE, documents and "/" in text)) if may_be
    ]
    for match in (match for form in forms for match in form.finditer(text)):
        kind = _KINDS[int(match.lastgroup[1:])] if match.lastgroup else "web address"
        found = match.group().rstrip(_TRAILING)
        if kind in ("web address", "citation") and found.count("(") > found.count(")"):
            found += ")" if match.group()[len(found) :].startswith(")") else ""
        score = _score(kind, found, documents)
        if score is None:
            continue
        if known is None:
            known = _plain("\n".join(given))
        if _core(kind, found) in known:
            continue
        score = min(0.95, score + (_GIVEN_OTHERS if documents else 0.0))
        if kind == "web address" and _EXAMPLE_HOST.search(_parts(found)[0]):
            kind = _PLACEHOLDER
        yield Reference(match.start(), match.start() + len(found), kind, round(score, 2))


def _may_refer(text: str) -> bool:
    """Whether it has a part that each of the forms has, which most texts lack and which is found quickly."""
    return (
        any(map(text.__contains__, _PARTS))
        or "arxiv" in text.lower()
        or (")" in text and _YEAR_IN_BRACKETS.search(text) is not None)
    )


def _parts(address: str) -> tuple[str, str]:
    """Host, and what follows its slash."""
    host, _, path = re.sub(r"^https?://", "", address).partition("/")
    return host.rpartition("@")[2].partition(":")[0].lower(), path


def _score(kind: str, found: str, documents: bool) -> float | None:
    """None where it is no reference to doubt. Hosts reserved for documentation are doubted beside documents;
    without any, an address may well show how one looks, and only `.example` is told, as hardly probable."""
    if kind == "web address":
        host, path = _parts(found)
        if _LOCAL_HOST.search(host) or "." not in host or re.fullmatch(r"[\d.]+", host):
            return None
        if _EXAMPLE_HOST.search(host) and not documents:
            return _HOME if _EXAMPLE_ENDING.search(host) else None
        return _LIKELY[kind] if path else _HOME
    if kind == "arXiv identifier":
        number = re.search(r"\d{4}\.", found)
        month = int(number.group()[2:4]) if number else 0
        return _LIKELY[kind] if 1 <= month <= 12 else _IMPOSSIBLE
    if kind == "ISBN":
        return _LIKELY[kind] if _isbn(re.sub(r"^ISBN(?:-1[03])?", "", found)) else _IMPOSSIBLE
    return _LIKELY[kind]


def _isbn(text: str) -> bool:
    """Whether its check digit is right (ISO 2108)."""
    digits = [10 if c == "X" else int(c) for c in text if c.isdigit() or c == "X"]
    if len(digits) == 10:
        return sum((10 - place) * digit for place, digit in enumerate(digits)) % 11 == 0
    return len(digits) == 13 and sum(d * (3 if i % 2 else 1) for i, d in enumerate(digits)) % 10 == 0


def _core(kind: str, found: str) -> str:
    """What of a reference must stand in what was given, written as `_plain` writes it."""
    if kind == "web address":
        found = re.sub(r"^(?:https?://)?(?:www\.)?", "", found).rstrip("/")
    elif kind in ("arXiv identifier", "PubMed identifier", "ISBN"):
        numbers = re.search(r"\d[\d.\-]*", found)
        found = numbers.group() if numbers else found
    elif kind in ("citation", "court case"):
        found = re.split(r"[\s,]", found)[0]
    return _plain(found)


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).lower()
