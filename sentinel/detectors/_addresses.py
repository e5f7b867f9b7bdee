"""Postal addresses: a number with the name of a street, as English, German, French, Spanish, Italian,
Portuguese, Dutch, Nordic and Polish write it, with unit, place and postal code where they follow; post office
boxes; and postal codes behind a label or beside a state.

What makes a street is a word that names one (`Road`, `-strasse`, `rue`). Words that name other things as well
(`Drive`, `Park`) count for less alone than with a place, a unit or a label. Case matters, but for labels and
what is behind them. The group `value` is what is found.
"""

from __future__ import annotations

from collections.abc import Iterable

from sentinel.detectors._recognizers import NamedPattern, Recognizer

_CERTAIN, _GOOD, _FAIR, _WEAK = 0.9, 0.8, 0.6, 0.4


def _words(words: Iterable[str]) -> str:
    """Each in lower case, with a capital, or in capitals."""
    return "|".join(f"[{word[0].upper()}{word[0]}](?:{word[1:]}|{word[1:].upper()})" for word in words)


_STRONG = (
    _words(["street", "avenue", "road", "lane", "boulevard", "parkway", "terrace", "crescent", "highway"])
    + r"|(?:Ave|AVE|Rd|RD|Blvd|BLVD|Ln|LN|Pkwy|PKWY|Cres|Hwy|HWY)\b\.?"
)
_OTHER = (
    _words(
        ["drive", "court", "place", "way", "circle", "square", "trail", "close", "grove", "gardens", "mews"]
    )
    + "|"
    + _words(["row", "walk", "hill", "heights", "park", "plaza", "loop", "alley", "turnpike", "quay", "view"])
    + r"|(?:St|ST|Dr|DR|Ct|CT|Pl|PL|Sq|SQ|Ter|TER|Cir|CIR|Trl|TRL|Av|AV|Plz)\b\.?"
)
_NUMBER = r"(?<![\w.,$\u20ac\u00a3#/\-])\d{1,6}[A-Za-z]?(?:[\-/]\d{1,4})?(?:\s1/2)?"
_COMPASS = r"(?:(?:North|South|East|West|[NSEW]|NE|NW|SE|SW)\b\.?\s)?"
_NAME = r"(?:[A-Z\xc0-\xde][\w.'\u2019\-]{0,70}|\d{1,3}(?:st|nd|rd|th|ST|ND|RD|TH))"
_SHORT_NAME = rf"{_NAME}(?:\s(?:(?:of|the|de|la|and)\s)?{_NAME}){{0,2}}"

_UNIT = (
    r"(?:[,\s]{1,8}(?:(?:"
    + _words(["apt", "apartment", "suite", "ste", "unit", "flat", "floor", "room", "rm", "bldg", "building"])
    + r")\b\.?\s?#?|#)\s?\w{1,6}\b)"
)
_STATE = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]"
    r"|T[NX]|UT|V[AIT]|W[AIVY])"
)
_ZIP = r"\d{5}(?:-\d{4})?"
_PROVINCE = r"(?:AB|BC|MB|NB|NL|NS|NT|NU|ON|PE|QC|SK|YT)"
_CANADIAN = r"[A-Z]\d[A-Z][ \-]?\d[A-Z]\d"
_BRITISH = r"[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}"
_TOWN = r"[A-Z\xc0-\xde][\w.'\u2019\-]{1,70}(?:[ ,]{1,2}[A-Z\xc0-\xde][\w.'\u2019\-]{1,70}){0,4}"
_GAP = r"[,\s]{1,8}"
_PLACE = (
    rf"(?:(?:(?:{_GAP}{_TOWN})?{_GAP}(?:{_STATE}\.?{_GAP}{_ZIP}|{_PROVINCE}{_GAP}{_CANADIAN}|{_CANADIAN}"
    rf"|{_BRITISH})"
    rf"|{_GAP}{_TOWN}{_GAP}(?:{_STATE}|{_ZIP}|[A-Z]{{2,3}}{_GAP}\d{{4}})"
    rf"|{_GAP}(?:[A-Z]{{1,2}}-)?\d{{4,5}}\s(?:[A-Z]{{2}}\s)?[A-Z\xc0-\xde][\w.'\u2019\-]{{1,70}})(?!\w))"
)
_STREET = rf"(?!(?:1[89]|20)\d\d\b){_NUMBER}[ \xa0]{_COMPASS}{_SHORT_NAME}\s(?:{_STRONG})"
_ANY_STREET = rf"{_NUMBER}[ \xa0]{_COMPASS}{_SHORT_NAME}\s(?:{_STRONG}|{_OTHER})"
_ENDS = r"(?:\s(?:[NSEW]|NE|NW|SE|SW|North|South|East|West)\b)?(?!\w|['\u2019]s)"

# Behind the word that a name ends in, or before the name, stands the number.
_JOINED = (
    r"(?<!\w)[A-Z\xc0-\xde][\w\-]{1,70}(?:stra(?:\xdf|ss)e|str\.|gasse|allee|straat|laan|gracht|plein|kade"
    r"|gatan|v\xe4gen|veien|katu|kuja)"
)
_JOINED_WEAK = r"(?<!\w)[A-Z\xc0-\xde][\w\-]{1,70}(?:weg|platz|ring|damm|ufer|vej|gade|gata)"
_APART = (
    r"(?<!\w)(?:Via|Viale|Piazza|Corso|Vicolo|Calle|C/|Avenida|Avda\.?|Av\.|Paseo|Rua|Travessa|Pra\xe7a|ul\."
    r"|ulica|al\.|aleja)\s(?:(?:de|del|della|delle|degli|dei|di|da|do|dos|das|la|las|los|el|le|san|santa)\s){0,3}"
    rf"{_NAME}(?:\s(?:(?:de|del|della|di|da|do|dos|e|y|la)\s){{0,2}}{_NAME}){{0,3}}"
)
_HOUSE = r",?\s(?:n\.?[\xba\xb0]?\.?\s?)?\d{1,4}\s?[a-zA-Z]?(?:[/\-]\d{1,4})?(?![\w\-/]|[.,:]\d)"
_FRENCH = (
    r"(?<![\w.,/\-])\d{1,4}(?:\s?(?:bis|ter))?,?\s(?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Bb]d|[Cc]hemin|[Ii]mpasse"
    r"|[Aa]ll\xe9e|[Qq]uai|[Rr]oute|[Pp]lace)\s(?:(?:de|du|des|la|le|les|(?:de )?l['\u2019]|d['\u2019])"
    r"\s?){0,3}"
    rf"{_NAME}(?:[\s\-](?:(?:de|du|des|la|et)\s){{0,2}}{_NAME}){{0,3}}(?!\w)"
)
_BOX = (
    r"(?<!\w)(?:P\.?\s?O\.?\s?[Bb](?:ox|OX)\s#?\d{1,6}|(?:PSC|CMR|Unit)\s\d{2,5},?\s(?:Box|BOX)\s\d{1,5}"
    r"|Postfach\s\d[\d ]{1,8}\d|(?:APO|FPO|DPO),?\sA[AEP]\s\d{5})(?![\w\-])"
)

_LABEL = (
    r"(?<![A-Za-z@])(?i:(?<!ip )(?<!mail )(?<!mac )(?<!web )address(?:es)?(?:\s(?:is|was|to|of record))?"
    r"|adress[ee]|anschrift|wohnhaft in|direcci\xf3n|domicilio|indirizzo|endere\xe7o"
    r"|domicili\xe9e? (?:au|\xe0)"
    r"|(?:lives?|living|lived|resid(?:es?|ing)|stay(?:s|ing)?|located|moved) (?:at|to)"
    r"|(?:ship|deliver|mail|send)(?:ed|ing)?(?: (?:it|this|them|the \w{1,70}))? to)"
    r"[\s\"'*_:=|>,(\-\u2013]{1,5}"
)
_LOOSE = r"[\w.'\u2019\-]{1,70}"
_TAIL = rf"{_UNIT}?{_PLACE}?"
_LABELLED = (
    rf"{_LABEL}(?P<value>\d{{1,6}}[A-Za-z]?,?\s{_LOOSE}(?:\s{_LOOSE}){{0,3}}?\s(?i:{_STRONG}|{_OTHER})"
    rf"{_ENDS}{_TAIL})"
)
_NAMED = (
    rf"{_LABEL}(?P<value>\d{{1,6}}[A-Za-z]?,?\s(?:\d{{1,5}}\s)?{_NAME}(?:\s{_NAME}){{0,4}}"
    rf"(?:\s\d{{1,4}})?{_TAIL})"
)


def _value(core: str, tail: str) -> str:
    return f"(?P<value>{core}{tail})"


_EUROPEAN = f"(?:{_JOINED}|{_APART}){_HOUSE}"
_WITH_PLACE = f"(?P<place>{_UNIT}?{_PLACE}|{_UNIT})?"
STREET_ADDRESS = Recognizer(
    name="StreetAddressRecognizer",
    kind="StreetAddressRecognizer",
    entity="STREET_ADDRESS",
    context=(),
    patterns=(
        NamedPattern("street", _value(_STREET, _ENDS + _WITH_PLACE), _FAIR, _CERTAIN),
        NamedPattern(
            "street by a word of several meanings", _value(_ANY_STREET, _ENDS + _WITH_PLACE), _WEAK, _CERTAIN
        ),
        NamedPattern("street behind a label", _LABELLED, _CERTAIN),
        NamedPattern("name and number behind a label", _NAMED, _FAIR),
        NamedPattern("street and number", _value(_EUROPEAN, _WITH_PLACE), _FAIR, _CERTAIN),
        NamedPattern("number and rue", _value(_FRENCH, _WITH_PLACE), _FAIR, _CERTAIN),
        NamedPattern("way and number", _value(f"{_JOINED_WEAK}{_HOUSE}", _WITH_PLACE), 0.0, _CERTAIN),
        NamedPattern("post office box", _value(_BOX, f"{_PLACE}?"), _GOOD),
    ),
    flags=16,  # DOTALL
)

_CODE_LABEL = (
    r"(?<![A-Za-z])(?i:zip(?:[\s_\-]?code)?|post(?:al)?[\s_\-]?code|postleitzahl|plz|code postal"
    r"|c\xf3digo postal|cap|cep|postnummer|kod pocztowy)"
    r"[\s\"'*_:=|>(\-\u2013]{1,5}(?i:(?:is|was|of|ist|est|es)\s)?"
)
_CODE = (
    rf"(?:{_ZIP}|{_BRITISH}|{_CANADIAN}|\d{{3,4}}[ \-]\d{{2,3}}|\d{{2}}-\d{{3}}|\d{{4}}(?:\s?[A-Z]{{2}})?)"
)
POSTAL_CODE = Recognizer(
    name="PostalCodeRecognizer",
    kind="PostalCodeRecognizer",
    entity="POSTAL_CODE",
    context=(),
    patterns=(
        NamedPattern("behind a label", rf"{_CODE_LABEL}(?P<value>{_CODE})(?![\w\-])", _GOOD),
        NamedPattern(
            "behind town and state",
            rf"(?<!\w)[A-Z][\w.'\u2019\-]{{1,70}},\s?(?:{_STATE}\s{{1,2}}(?P<value>{_ZIP})"
            rf")(?![\w\-])",
            _GOOD,
        ),
        NamedPattern(
            "behind a province", rf"(?<!\w){_PROVINCE},?\s{{1,2}}(?P<value>{_CANADIAN})(?!\w)", _GOOD
        ),
    ),
    flags=16,  # DOTALL
)
