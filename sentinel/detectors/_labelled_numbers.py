"""Numbers behind a label that fail their check: a wrong check digit, an area code that does not exist.

Most often they are misread, made up or mistyped, and yet somebody's. They are told with a low score, for
rules that ask for it, and only where no other recognizer of the type finds as much. The group `value` is
what is found.
"""

from __future__ import annotations

import re

from sentinel.detectors._recognizers import NamedPattern, Recognizer
from sentinel.detectors._verdicts import Verdict

SCORE = 0.3
_MARKS = r"[\s\"'*_:=|>#(\-\u2013]{0,5}"
_SMALL = r"(?:(?:number|numbers|no\.?|nr\.?|is|was|are|on|at|to|of|my|the|below|here)[\s:]{1,2}){0,3}"

_PHONE_LABEL = (
    r"(?<![a-z])(?:(?:tele|cell|mobile)?[\s_]?phone(?:[\s_]?(?:number|no\.?|nr\.?))?|tel(?:efon|\xe9fono|efono"
    r"|efone|efoon)?(?:nummer)?\b\.?|t\xe9l(?:\xe9phone)?\.?|mobil(?:e|nummer|telefon)?|m\xf3vil|celular"
    r"|cell(?:ulare)?|handy(?:nummer)?|portable|whats\s?app|fax|office|desk|hotline|landline"
    r"|contact(?:[\s_](?:number|no\.?))?"
    r"|(?:call|ring|text|phone|reach|dial|sms|answering|contact|messages?)"
    r"(?:\s(?:me|us|him|her|them|you))?(?:\s(?:back|at|on|to))?)"
)
_PHONE = r"(?:\+|\(\+?|00)?\d(?:[ \xa0().\-/]{0,3}\d){5,14}(?: ?(?:x|ext\.?|extension)\s?\d{1,6})?"
_PHONE_VALUE = rf"(?<![\d.])(?P<value>{_PHONE})(?![\d:]|[\-/.,]\d|\s?(?:%|am\b|pm\b|USD|EUR))"
_PHONE_PLACE = r"[\s,]{0,2}[(\-]?\s?(?:office|mobile|fax|cell|desk|home|work)\b"

_ABROAD = r"(?<![\w+])(?P<value>\+[1-9]\d{0,2}(?:[ \xa0().\-/]{0,3}\d){8,12})(?!\d|[.,]\d)"

_CARD_LABEL = (
    r"(?<![a-z])(?:(?:credit|debit|bank|payment|charge)?[\s_]?card(?:[\s_]?(?:number|no\.?|nr\.?))?|visa"
    r"|master\s?card|amex|american express|diners|maestro|kreditkarte(?:nnummer)?|kartennummer"
    r"|carte(?: bancaire)?|tarjeta|carta di credito)"
)
_CARD_VALUE = r"(?<![\d.])(?P<value>\d(?:[ \-]?\d){11,18})(?![ \-./]?\d)"

_IBAN_LABEL = (
    r"(?<![a-z])(?:iban|(?:bank[\s_]?)?account(?:[\s_]?(?:number|no\.?|nr\.?))?|konto(?:nummer)?|compte"
    r"|cuenta|conto|conta|rekening)"
)
_IBAN_VALUE = (
    r"(?<![A-Z0-9])(?P<value>[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?:[ \-][A-Z0-9]{4}){2,7}(?:[ \-]\d{1,3})?))"
    r"(?![A-Z0-9])"
)

LABELLED_PHONE = Recognizer(
    name="LabelledPhoneRecognizer",
    kind="LabelledPhoneRecognizer",
    entity="PHONE_NUMBER",
    context=(),
    patterns=(
        NamedPattern("behind a label", rf"{_PHONE_LABEL}{_MARKS}{_SMALL}{_PHONE_VALUE}", SCORE),
        NamedPattern("before a label", rf"{_PHONE_VALUE}{_PHONE_PLACE}", SCORE),
        NamedPattern("with a plus", _ABROAD, SCORE),
    ),
    doubt="no valid number of the regions looked at",
)
LABELLED_CARD = Recognizer(
    name="LabelledCardRecognizer",
    kind="LabelledCardRecognizer",
    entity="CREDIT_CARD",
    context=(),
    patterns=(NamedPattern("behind a label", rf"{_CARD_LABEL}{_MARKS}{_SMALL}{_CARD_VALUE}", SCORE),),
    doubt="the check digit is wrong or the issuer unknown",
)
LABELLED_IBAN = Recognizer(
    name="LabelledIbanRecognizer",
    kind="LabelledIbanRecognizer",
    entity="IBAN_CODE",
    context=(),
    patterns=(NamedPattern("behind a label", rf"(?i:{_IBAN_LABEL}{_MARKS}{_SMALL}){_IBAN_VALUE}", SCORE),),
    flags=16,  # DOTALL
    doubt="the check digits or the country's format are wrong",
)

_DATE = re.compile(r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d\d")


def labelled_phone(text: str, recognizer: Recognizer) -> Verdict:
    """No date, and not the same digit over and over."""
    digits = {char for char in text if char.isdigit()}
    return False if len(digits) < 2 or _DATE.match(text) else None
