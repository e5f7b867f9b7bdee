"""Dates of birth: a whole date behind or before a word that says what it is. A date alone is none.

The languages are those whose words the data of European and American forms has: English, German, French,
Spanish, Italian, Portuguese, Dutch, the Scandinavian ones and Polish. The group `value` is what is found.
"""

from __future__ import annotations

import re

from sentinel.detectors._recognizers import NamedPattern, Recognizer
from sentinel.detectors._verdicts import Verdict, is_date, today, unless

_OLDEST = 1900

_MONTHS = (
    r"jan(?:uary|uar|uari|vier)?|j[a\xe4]nner|enero|gennaio|janeiro"
    r"|feb(?:ruary|ruar|ruari)?|f[e\xe9]v(?:rier)?|febrero|febbraio|fevereiro"
    r"|mar(?:ch|s|zo|\xe7o)?|m[a\xe4]rz|maerz|maart"
    r"|apr(?:il|ile)?|avr(?:il)?|abr(?:il)?"
    r"|ma[yi]|mayo|mei|maggio|maio"
    r"|jun[ei]?|juin|junio|giugno|junho"
    r"|jul[iy]?|juillet|julio|luglio|julho"
    r"|aug(?:ust|ustus)?|ao[u\xfb]t|agosto"
    r"|sep(?:t|tember|tembre|tiembre)?|setiembre|settembre|setembro"
    r"|o[ck]t(?:ober|obre|ubre)?|ottobre|outubro"
    r"|nov(?:ember|embre|iembre|embro)?"
    r"|de[cz](?:ember)?|d[e\xe9]c(?:embre)?|diciembre|dicembre|dezembro"
)
_YEAR = r"(?:19|20)\d\d"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_GAP = r"[ .\-/]{1,2}"
_DATE = (
    r"(?:"
    rf"{_YEAR}[\-/.]\d{{1,2}}[\-/.]\d{{1,2}}"
    rf"|\d{{1,2}}[\-/. ]{{1,2}}\d{{1,2}}[\-/. ]{{1,2}}(?:{_YEAR}|\d\d)"
    rf"|{_DAY}(?:st|nd|rd|th|er|[.\xba\xb0])?[ .\-/]{{0,2}}(?:of |de |d['\u2019])?(?:{_MONTHS})"
    rf"(?:\.?,?[ \-/]|\.)?(?:de |del |of )?{_YEAR}"
    rf"|(?:{_MONTHS}){_GAP}{_DAY}(?:st|nd|rd|th)?,?[ \-]{_YEAR}"
    rf"|{_YEAR}(?:0[1-9]|1[0-2]){_DAY}"
    r")"
)
_VALUE = rf"(?<!\d)(?P<value>{_DATE})(?!\d|[\-/.]\d)"
_WEEKDAY = r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,? )?"

_LABEL = (
    r"(?<![a-z])(?:date[\s_\-]?of[\s_\-]?birth|birth[\s_\-]?da(?:te|y)|d\.?o\.?b\b\.?"
    r"|geburts(?:datum|tag)|geboortedatum|f[o\xf6\xf8]dsels(?:datum|dato|dag)"
    r"|date[\s_]de[\s_]naissance|fecha[\s_]de[\s_]nacimiento|data[\s_]di[\s_]nascita"
    r"|data[\s_]de[\s_]nascimento|data[\s_]urodzenia)"
)
# Marks of forms, tables, JSON and Markdown; a hint at the format; a few small words.
_MARKS = r"[\s\"'*_:=|>,(\[\-\u2013]{0,6}"
_HINT = r"(?:[(\[]?(?:dd?|mm?|yyyy|yy)[\-/. ](?:dd?|mm?)[\-/. ](?:yyyy|yy|dd?)[)\]]?)?"
_SMALL = r"(?:(?:is|was|on|the|am|ist|est|le|es|el|\xe8|il|\xe9|em|op|of|as|listed|recorded|given)\s){0,3}"
_BEFORE = rf"{_LABEL}(?:\s?\))?{_MARKS}{_HINT}{_MARKS}{_SMALL}{_WEEKDAY}{_VALUE}"

_PLACE = r"(?:[\s,]{1,2}(?:in|at|to|near|on)(?:\s(?:[A-Z][\w.'\u2019\-]{0,70}|of|the|and|de|la),?){1,6})?"
_BORN = (
    rf"(?<![A-Za-z])(?:(?i:born){_PLACE},?[\s:]{{1,2}}(?i:(?:on\s)?(?:the\s)?{_WEEKDAY})"
    r"|\((?i:b\.)\s?"
    r"|(?i:geboren|geb\.)[\s:]{1,2}(?i:(?:am|op|den)\s)?"
    r"|(?i:n\xe9e?|nacid[oa]|naci\xf3|nat[oa]|f\xf6dd|f\xf8dt|urodzon[ya]|nascid[oa]|nasceu)"
    r"(?:\s(?:\xe0|a|en|em|i)\s[A-Z][\w'\u2019\-]{1,70})?[\s,]{1,2}(?i:le|el|il|den|dnia|em|a)\s)"
    rf"(?i:{_VALUE})"
)

_WHOSE = r"(?:my|his|her|their|our|your|the|\w{1,70}['\u2019]s)\s"
_AFTER = (
    rf"{_VALUE}(?:\s{{0,2}}[(\[](?:date of birth|birth ?da(?:te|y)|d\.?o\.?b\.?|geburtsdatum|birth)[)\]]"
    rf"|,?\s(?:is|was|being|as)\s(?:{_WHOSE})?(?:date of birth|birth ?da(?:te|y)|dob)\b"
    r"|,?\s(?:is|was)\s(?:when|the (?:day|date))\s(?:that\s)?(?:\w{1,70}\s){1,2}was born\b)"
)

BIRTH_DATE = Recognizer(
    name="BirthDateRecognizer",
    kind="BirthDateRecognizer",
    entity="DATE_OF_BIRTH",
    context=(),
    patterns=(
        NamedPattern("behind a label", _BEFORE, 0.9),
        NamedPattern("behind `born`", rf"(?-i:{_BORN})", 0.8),
        NamedPattern("before a label", _AFTER, 0.8),
    ),
)

_NUMBER = re.compile(r"\d+")


def birth_date(text: str, recognizer: Recognizer) -> Verdict:
    """A day of the calendar, read as either order of day and month, from 1900 to today's year."""
    digits = [match.group() for match in _NUMBER.finditer(text)]
    if len(digits) == 1 and len(digits[0]) == 8:
        digits = [digits[0][:4], digits[0][4:6], digits[0][6:]]
    if len(digits) == 3:
        first = len(digits[0]) == 4
        year, one, two = _year(digits[0] if first else digits[2]), digits[1], digits[2 if first else 0]
        return unless(
            not (_in_range(year) and (is_date(year, int(one), int(two)) or is_date(year, int(two), int(one))))
        )
    # With a month in letters.
    return unless(len(digits) != 2 or not _in_range(int(max(digits, key=len))))


def _year(digits: str) -> int:
    """Of two digits, the latest year that is not ahead."""
    if len(digits) > 2:
        return int(digits)
    this = today().year
    return this - (this - int(digits)) % 100


def _in_range(year: int) -> bool:
    return _OLDEST <= year <= today().year
