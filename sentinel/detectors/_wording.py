"""Words of a text as a comparison of two texts needs them: offsets, stems, the value of a number."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import msgspec

_TOKEN = re.compile(
    r"(?P<number>[$€£¥]?\d+(?:,\d{3})*(?:\.\d+)?(?:%|(?:st|nd|rd|th|bn|mn|[kKmMbB])\b)?)"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)?|\w+)"
)
_STOP = frozenset(
    "a an the this that these those it its he him his she her hers they them their theirs we us our "
    "ours you your yours i me my mine who whom whose which what when where why how is are was were be "
    "been being am do does did done doing have has had having will would shall should can could may "
    "might must of in on at by for from to with as into onto over about through during between among up "
    "down out off again then than so too very just also and or but if because while although though "
    "however therefore thus not no nor there here s t re ve ll d m one ones such own same other another "
    "both each some any all more most only ever still yet already within upon across per via etc mr mrs "
    "ms dr".split()
)
_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_UNITS += " sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
NUMBER_WORDS: dict[str, float] = {
    **{word: float(i) for i, word in enumerate(_UNITS.split())},
    **{word: 20.0 + 10 * i for i, word in enumerate(_TENS.split())},
    **{word: float(i) for i, word in enumerate(_ORDINALS.split())},
    **{"dozen": 12.0, "twice": 2.0, "thrice": 3.0, "once": 1.0, "double": 2.0, "triple": 3.0, "half": 0.5},
}
SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_SUFFIXES = {"k": 1e3, "m": 1e6, "mn": 1e6, "b": 1e9, "bn": 1e9}
_VOWELS = set("aeiouy")


# Words that tell how something is told, or hold it together: new ones bring little that is new.
_COMMON = frozenset(
    "say state mention tell inform report describe explain express discuss talk speak ask answer reply "
    "respond note claim argue suggest propose recommend announce declare admit confirm believe think "
    "feel know consider regard decide determine plan intend want wish hope expect anticipate seek try "
    "attempt aim need require use utilize employ make create do perform conduct carry get obtain "
    "receive have include contain comprise consist involve provide offer give present show demonstrate "
    "indicate reveal highlight emphasize focus address concern relate refer call name become remain "
    "stay keep continue begin start end finish take bring come go move lead cause result follow occur "
    "happen exist appear seem look find discover learn understand see watch help support allow enable "
    "let send contact meet work serve act play run live thing people person individual man woman group "
    "team company firm organization member part side way manner method approach type kind form sort "
    "example case fact point issue matter topic subject problem question idea concept reason purpose "
    "goal effect number amount level range set series list time year month week day period place area "
    "location world life job information detail document text article passage author writer user "
    "customer client agent representative specific certain various different several many other new "
    "general main major important key possible potential current recent overall additional particular "
    "available due based according regarding including following able likely well often usually "
    "typically generally mainly primarily initially eventually finally ultimately currently recently "
    "previously later soon now today together instead rather quite however moreover furthermore "
    "additionally although despite whether since until while".split()
)


class Token(msgspec.Struct, frozen=True, gc=False):
    """A word or number of a text, at start..end. `stem` joins its forms; `value` is a number's, else None.
    `plain`: the word in lower case. `name`: it is written like a name. `content`: it carries meaning.
    `common`: but little."""

    start: int
    end: int
    plain: str
    stem: str
    value: float | None
    name: bool
    content: bool
    common: bool = False


def tokens(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The words and numbers of text[start:end]. Linear."""
    found: list[Token] = []
    stop = len(text) if end is None else end
    for match in _TOKEN.finditer(text, start, stop):
        word = match.group()
        if match.lastgroup == "number":
            value = _value(word)
            scale = _scale_behind(text, match.end(), stop)
            found.append(
                Token(match.start(), match.end(), word.lower(), word.lower(), value * scale, False, True)
            )
            continue
        plain, base, common, meant, name, content = _known(word)
        if meant is not None:
            meant *= _scale_behind(text, match.end(), stop)
        found.append(Token(match.start(), match.end(), plain, base, meant, name, content, common))
    return found


_SCALE_WORD = re.compile(r"[\s-]{1,2}(hundred|thousand|million|billion|trillion)\b", re.IGNORECASE)


def _scale_behind(text: str, at: int, stop: int) -> float:
    match = _SCALE_WORD.match(text, at, stop)
    return SCALES[match.group(1).lower()] if match else 1.0


def _value(word: str) -> float:
    digits = re.match(r"[^\d]*([\d,]*\d(?:\.\d+)?)", word)
    value = float(digits.group(1).replace(",", "")[:300]) if digits else 0.0
    tail = word[digits.end() :].lower() if digits else ""
    return value * _SUFFIXES.get(tail, 1.0)


_IRREGULAR = {
    form: base
    for base, forms in {
        "rise": "rose risen", "fall": "fell fallen", "grow": "grew grown growth", "give": "gave given",
        "take": "took taken", "buy": "bought", "sell": "sold", "sale": "sales", "win": "won", "lose": "lost",
        "begin": "began begun", "come": "came", "become": "became", "go": "went gone", "know": "knew known",
        "think": "thought", "say": "said", "see": "saw seen", "find": "found", "leave": "left",
        "keep": "kept", "hold": "held", "bring": "brought", "build": "built", "send": "sent",
        "spend": "spent", "meet": "met", "lead": "led", "read": "read", "write": "wrote written",
        "speak": "spoke spoken", "choose": "chose chosen", "drive": "drove driven", "eat": "ate eaten",
        "fight": "fought", "flee": "fled", "forget": "forgot forgotten", "get": "got gotten", "hear": "heard",
        "make": "made", "mean": "meant", "pay": "paid", "ride": "rode ridden", "run": "ran",
        "shrink": "shrank shrunk", "sink": "sank sunk", "steal": "stole stolen", "teach": "taught",
        "tell": "told", "throw": "threw thrown", "understand": "understood", "wear": "wore worn",
        "feel": "felt", "draw": "drew drawn", "catch": "caught", "break": "broke broken", "fly": "flew flown",
        "die": "died death dead dying", "bear": "born bore", "sit": "sat", "stand": "stood",
        "strike": "struck",
        "swim": "swam", "seek": "sought", "lend": "lent", "lay": "laid", "lie": "lay", "shoot": "shot",
        "sing": "sang sung", "show": "shown", "sleep": "slept", "good": "best better", "bad": "worse worst",
        "child": "children", "person": "people", "man": "men", "woman": "women", "wife": "wives",
        "life": "lives", "foot": "feet", "be": "been", "withdraw": "withdrew withdrawn",
    }.items()
    for form in forms.split()
}  # fmt: skip


@cache
def _common() -> frozenset[str]:
    return frozenset(stem(word) for word in _COMMON)


@lru_cache(maxsize=20_000)
def _known(word: str) -> tuple[str, str, bool, float | None, bool, bool]:
    """What of a token does not depend on its place: plain, stem, common, value, name, content."""
    plain = word.lower().replace("’", "'").removesuffix("'s")
    stop = plain in _STOP
    return (
        plain,
        stem(plain),
        stem(plain) in _common(),
        NUMBER_WORDS.get(plain),
        word[0].isupper() and not stop,
        not stop,
    )


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The word without the commonest English endings; a coarse join, wrong for some."""
    word = _IRREGULAR.get(word, word)
    if len(word) < 4 or not word.isascii():
        return word
    for ending, least in (("ies", 3), ("ied", 3)):
        if word.endswith(ending) and len(word) > least + 1:
            return word[:-3] + "i"
    base = word
    if base.endswith("ly") and len(base) > 5:
        base = base[:-2]
    for ending in ("ing", "ed", "es", "s"):
        if base.endswith(ending) and not base.endswith("ss") and len(base) - len(ending) >= 3:
            cut = base[: -len(ending)]
            if _VOWELS & set(cut):
                base = cut
                break
    for ending in ("ment", "ness", "ation", "ition", "ion", "er", "or", "al"):
        if base.endswith(ending) and len(base) - len(ending) >= 4:
            base = base[: -len(ending)]
            break
    if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "aeiouls":
        base = base[:-1]
    if base.endswith("e") and len(base) > 3:
        base = base[:-1]
    return base[:-1] + "i" if base.endswith("y") and len(base) > 3 else base
