"""How answers begin that decline: an apology or a word on being a machine, then who (I, we),
that it is not done, and what. Precision comes from the sentence's beginning and from the verbs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from sentinel.detectors._sentences import sentences

READ = 600  # characters of an answer that the model of refusals reads
_HEAD = 1500  # characters that are looked at
_SENTENCES = 3  # and sentences: a refusal is told at the beginning
PARTLY = 0.55  # score of one that does something in place of it, or less
_UNREACHED = 0.5
_LATER = 0.1  # taken off for each sentence ahead
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'"})


def _any(*words: str) -> str:
    return f"(?:{'|'.join(words)})"


_DOING = _any(
    "help", "assist", "aid", "support you", "provide", "comply", r"fulfil?l", "carry out",
    "do (?:that|this|so)", "answer", "respond", "generate", "create", "produce", "write", "draft",
    "compose", "give", "offer", "share", "discuss", "engage", "participate", "take part", "continue",
    "complete", "proceed", "promote", "encourage", "endorse", "condone", "facilitate",
    "be (?:involved|part)", "make", "tell", "teach", "explain", "advise", "talk about", "translate",
    "describe", "accept", "honou?r", "process", "perform", "agree", "instruct", "show you", "go along",
    "play along", "role-?play", "act as",
)  # fmt: skip
_REACHING = _any(
    "access", "browse", "open", "view", "see", "watch", "listen", "play", "retrieve", "look up",
    "search", "visit", "read (?:the|your|that|this|any)", "verify", "predict", "check", "send", "place",
    "order", "book", "remember", "determine", "evaluate", "assess",
)  # fmt: skip
_LACKING = (
    r"(?:don't|do not) have (?:\w+ ){0,2}?(?:access|opinions?|preferences?|information|feelings|emotions"
    r"|beliefs|experiences?|the (?:ability|capability|capacity))\b"
)
_SOFT = _any("simply", "really", "just", "definitely", "absolutely", "personally", "directly", "legally")
_SOFT = rf"(?:{_SOFT} ){{0,2}}"
_BE = "(?:am|'m|are|'re)"
_ABLE = _any(
    "allowed", "permitted", "programmed", "designed", r"authori[sz]ed", "going", "willing", "equipped"
)
_NOT = _any(
    "can't", "cannot", "can not", "won't", "will not", "wouldn't", "would not", "couldn't", "shouldn't",
    "should not", "must not", "(?:will not|won't|may not) be able to",
    "(?:'d|would) (?:rather not|prefer not to)", rf"{_BE} {_SOFT}(?:unable|not able) to",
    rf"{_BE} not {_ABLE} to", "refuse to", rf"{_BE} (?:forbidden|prohibited) (?:to|from)",
    "(?:must|have to|need to|will have to) (?:respectfully |politely )?(?:decline|refuse) to",
)  # fmt: skip
_ME = r"(?:i|we) ?"
_MODEL = "(?:ai|assistant|chatbot|language model|llm)"
_AI = (
    rf"(?:(?:as|being) an? (?:\w+ ){{0,4}}{_MODEL}(?: \w+){{0,4}}"
    r"|because i(?:'m| am) an ai),? "
)
_SORRY = _any(
    r"(?:i(?:'m| am)|we(?:'re| are)) (?:\w+ ){0,2}?(?:sorry|afraid)", "sorry",
    "(?:(?:my|our) )?apologies", r"i (?:do )?apologi[sz]e", "unfortunately", "regrettably", "no",
    r"(?:i understand|thank you)(?: [\w']+){0,12}", "however", r"(?:let me|to) be \w+",
)  # fmt: skip
_OPEN = rf"(?:{_SORRY}(?: for [^.,;!]{{1,60}})?[,.!:;]? (?:but |however,? |that |and )?)?(?:{_AI})?"
_THIS = "(?:(?:this|your|the) request|this|that|it|what you(?:'re| are) asking)(?:'s| is| would be| goes)?"
_RULES = _any("guidelines", "policy", "policies", "programming", "rules", "principles", "values", "terms")


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_DECLINES = (
    _form(rf"^{_OPEN}{_ME}{_SOFT}{_NOT} {_SOFT}(?:\w+ )?{_DOING}\b"),
    _form(rf"^{_OPEN}{_ME}(?:{_BE} not|don't|do not) (?:feel )?comfortable\b"),
    _form(rf"^{_SORRY}[,.!]? ?(?:but )?{_ME}{_NOT}(?: do (?:that|this|so))?[.!]?$"),
    _form(rf"^{_OPEN}{_ME}(?:(?:must|have to|need to) )?(?:\w+ly )?(?:decline|refuse)\b"),
    _form(
        rf"^{_OPEN}{_THIS} (?:\w+ )?not something (?:that )?i(?:'m| am)? (?:can|will|could|willing|able)\b"
    ),
    _form(rf"^{_OPEN}{_THIS} ?(?:against|violates) (?:my|our) (?:\w+ )?{_RULES}\b"),
    _form(rf"^{_OPEN}{_ME}(?:don't|do not) (?:condone|support|encourage|promote|endorse)\b"),
    _form(rf"^[^,;:]{{3,120}} (?:is|are|goes|would be|violates?) (?:against )?my (?:\w+ )?{_RULES}\b"),
    _form(
        rf"^{_OPEN}it (?:would not|wouldn't|is not|isn't|would be)(?: be)? "
        r"(?:in|un|ir)?(?:appropriate|responsible|ethical) for me to\b"
    ),
    _form(
        rf"^{_OPEN}i(?:'m| am) (?:just |only )?an? (?:\w+ ){{0,3}}{_MODEL}(?: \w+){{0,4}},? "
        rf"(?:and |so )(?:i )?{_SOFT}{_NOT} (?:\w+ )?{_DOING}\b"
    ),
    _form(rf"(?:,| and| so) i {_NOT} (?:do (?:it|that|this|so)|help|assist)\b(?! but)"),
    _form(rf"^{_OPEN}my {_RULES} (?:prohibits?|prevents?|do(?:es)? not allow|don't allow|forbids?)\b"),
)
_ELSEWHERE = (  # the usual ones in German, French, Spanish and Chinese
    _form(
        r"^(?:(?:(?:es )?tut mir (?:sehr )?leid|leider|entschuldigung)[,.]? ?(?:aber )?)?"
        r"(?:dabei |das |diese )?(?:kann|darf|werde) ich (?:[\wäöüß]+ ){0,6}?(?:nicht|keine?n?)\b[^.]{0,40}?"
        r"(?:helfen|weiterhelfen|beantworten|unterstützen|bereitstellen|erstellen)\b"
    ),
    _form(
        r"^(?:(?:es )?tut mir (?:sehr )?leid|leider|entschuldigung)[,.]? ?(?:aber )?(?:ich (?:kann|darf)"
        r"|(?:dabei|hierbei|damit) kann ich)\b[^.]{0,60}? (?:nicht|keine?n?)\b[^.]{0,60}?"
        r"(?:helfen|weiterhelfen|beantworten|unterstützen|bereitstellen|erstellen)\b"
    ),
    _form(
        r"^(?:(?:je suis (?:vraiment )?)?désolée?|malheureusement|je regrette)?[,.]? ?(?:mais )?"
        r"je ne (?:peux|puis) (?:malheureusement )?pas (?:\w+ ){0,2}?"
        r"(?:aider|répondre|fournir|assister|satisfaire|accéder à (?:cette|votre) demande)\b"
    ),
    _form(
        r"^(?:lo (?:siento|lamento)|disculpa|perdón|lamentablemente|desafortunadamente)?[,.]? ?(?:pero )?"
        r"no puedo (?:\w+ )?(?:ayudar(?:te|le|os|les)?|responder|proporcionar|asistir(?:te|le)?|cumplir)\b"
    ),
    _form(r"^(?:很?抱歉|对不起|不好意思)[，,]?\s*(?:但是?)?我?(?:无法|不能|没有?办法)"),
)
_CANNOT_REACH = (
    _form(rf"^{_OPEN}i ?{_SOFT}{_NOT} {_SOFT}(?:\w+ )?{_REACHING}\b"),
    _form(
        rf"^{_OPEN}i {_SOFT}(?:don't|do not) have (?:\w+ ){{0,2}}?(?:the (?:ability|capability|capacity) to"
        r"|access to (?:the internet|real-?time|live|current|external|your))\b"
    ),
    _form(rf"^(?:{_SORRY},? (?:but )?)?{_AI}{_ME}{_SOFT}{_LACKING}"),
)
_DOES_IT = _form(
    r",? (?:but|however,?) (?:i can(?!'|not)|i could|i will|i'll|i'd be happy|here|let me|we can)\b"
)
_NO_REFUSAL = _form(
    r"\b(?:(?:couldn't|could not|can't|cannot) agree more|(?:refuse to|won't|will not) give up)\b"
    r"|[,.!?]['\"”]* (?:(?:he|she|they|(?:the|my|his|her) \w+|\w+) )?"
    r"(?:said|replied|answered|whispered|cried|shouted)\b"
    r"|\b(?:can't|cannot|can not) (?:help (?:but|feeling|wondering|thinking|noticing|it)|give (?:\w+ )?up"
    r"|make it|tell you how (?:happy|much|excited|sorry|many))"
)


class Refusal(msgspec.Struct, frozen=True):
    """The sentence start..end declines. `score`: lower where it goes on to do something in place of it, where
    it only tells what a model cannot reach, and where it is not the first."""

    start: int
    end: int
    score: float
    why: str


def refusals(text: str) -> Iterator[Refusal]:
    """The first sentence that declines, if one of the first few does."""
    head = text[:_HEAD].translate(_APOSTROPHES)
    for number, (start, end) in enumerate(sentences(head, 0, final=True)):
        if number >= _SENTENCES:
            return
        piece = head[start:end]
        said = re.sub(r"\s+", " ", piece.strip(' \n\t*_"#>'))
        if not said or said.endswith("?") or _NO_REFUSAL.search(said):
            continue
        told = _told(said)
        if told:
            begin = start + len(piece) - len(piece.lstrip())
            yield Refusal(begin, start + len(piece.rstrip()), round(told[0] - _LATER * number, 2), told[1])
            return


def _told(said: str) -> tuple[float, str] | None:
    if any(form.search(said) for form in (*_DECLINES, *_ELSEWHERE)):
        if _DOES_IT.search(said):
            return PARTLY, "it declines, and does something in place of it"
        return 0.95, "it declines"
    if any(form.search(said) for form in _CANNOT_REACH):
        return _UNREACHED, "it tells what a model cannot reach"
    return None
