"""What the form of a text gives away, whatever its words: forged chat templates, hidden text, fake dialogue.

Each search is one pass of an expression without nested repetition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_SPEAKER = (
    r"(?:system|assistant|user|human|ai|developer|tool|benutzer|assistent|usuario|asistente|utilisateur)"
)


class Mark(msgspec.Struct, frozen=True):
    """A place whose form is suspicious. `score` is the probability that it is an attack, alone."""

    type: str
    start: int
    end: int
    score: float
    why: str


# Control tokens of chat templates, by the models' published tokenizer files. They never occur in prose.
_CONTROL = re.compile(
    r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|begin_of_text|end_of_text|start_header_id"
    r"|end_header_id|eot_id|eom_id|endofprompt|end|tool|channel|message|return|start|vision_start"
    r"|START_OF_TURN_TOKEN|END_OF_TURN_TOKEN|SYSTEM_TOKEN|USER_TOKEN|CHATBOT_TOKEN)\|>"
    r"|\[/?INST\]|<</?SYS>>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\]"
    r"|<(?:start|end)_of_turn>|<｜(?:User|Assistant|begin▁of▁sentence|end▁of▁sentence)｜>",
    re.IGNORECASE,
)
_ROLE_BEHIND = re.compile(
    r"(?:system|user|assistant|developer|model|tool)\b[^\n]{0,20}(?:\n|<\|)", re.IGNORECASE
)
_TURN = re.compile(
    rf"[ \t]*(?:[#*\[<({{=\-]{{1,6}}[ \t]*)?({_SPEAKER})"
    r"(?:[ \t]+(?:message|prompt|override|note|update|notice|instruction)s?)?"
    rf"[ \t]*(?:[\])}}>*:=\-]{{1,6}})[ \t]*",
    re.IGNORECASE,
)
_BORDER = re.compile(
    r"(?:[-=#*~_<>|\[({]{2,20}[ \t]*|\b)(?:end|ende|fin|begin|start|new|neue|nuevas?|nouvelles?)"
    r"[ \t]+(?:of[ \t]+)?(?:the[ \t]+|la[ \t]+|de[ \t]+|der[ \t]+)?"
    r"(?:system|user|assistant|previous|new|initial|context|document|input|hidden)?[ \t]*"
    r"(?:prompt|instructions?|message|input|context|document|rules|query|conversation|anweisungen|instrucciones|consignes)"
    r"[ \t]*[-=#*~_<>|\])}:.]{1,20}",
    re.IGNORECASE,
)
# Every border speaks of one of these. None has an i: the expression takes letters for it that fold to others.
_BORDERED = "prompt nstruc message nput context document rules query conversat sungen gnes".split()
_RULES = ("--", "==", "##", "**", "~~", "__", ">>", "]", "}")
_ROLE_TAG = re.compile(
    r"</?(?:system|assistant|user|instructions?|system_prompt|admin|context|document|tool_(?:response|result|call)|function_results?)>",
    re.IGNORECASE,
)
_ROLE_JSON = re.compile(
    r"[\"']role[\"']\s{0,4}:\s{0,4}[\"'](?:system|developer|assistant|user)[\"']", re.IGNORECASE
)

# What the expressions below look for, all of it.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u180e\u200b-\u200d\u202d\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ef]"
)
_TAGS = re.compile(r"[\U000e0020-\U000e007e]{2,}[\U000e007f]?")
_FLAG = re.compile(
    "\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f"
)  # flags of regions are spelled with them
_ZERO_WIDTH = re.compile("[\u200b\u200c\u200d\u2060\u2061-\u2064\ufeff\u00ad\u180e\u034f]{6,}")
_INNER = re.compile("[^\\W\\d_][\u200b\u2060\ufeff\u00ad\u2061-\u2064][^\\W\\d_]")
_OVERRIDE_MARK = re.compile("[\u202d\u202e]")
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_HIDDEN_HTML = re.compile(
    r"<[a-z][^<>]{0,300}(?:display\s{0,3}:\s{0,3}none|visibility\s{0,3}:\s{0,3}hidden|font-size\s{0,3}:\s{0,3}0(?![.\d]*[1-9])"
    r"|opacity\s{0,3}:\s{0,3}0(?![.\d])|color\s{0,3}:\s{0,3}(?:white|\#fff(?:fff)?|transparent)\b)[^<>]{0,300}>([^<]{8,2000})",
    re.IGNORECASE,
)
_LINK_COMMENT = re.compile(r"(?:^|\n)\[(?://|comment)\]:[ \t]{0,9}#[ \t]{0,9}[(\"']([^\n]{8,1000})")

_SPELLING_LIMIT = 4000
_MOST_TURNS = 200


def forged(text: str) -> Iterator[Mark]:
    """Control tokens, borders and tags of a conversation that the writer made up."""
    tags = "<" in text
    for match in _some(_CONTROL, text) if tags or "[" in text else ():
        forged_turn = _ROLE_BEHIND.match(text, match.end()) is not None or match.group()[1:2] in "I<"
        score = 0.85 if forged_turn else 0.5
        yield Mark("FORGED_TEMPLATE", *match.span(), score, "a control token of a chat template")
    for match in _some(_BORDER, text) if _may_be_bordered(text) else ():
        if any(mark in match.group() for mark in _RULES):
            yield Mark("FORGED_TEMPLATE", *match.span(), 0.5, "a border that claims to end the prompt")
    for match in _some(_ROLE_TAG, text) if tags else ():
        yield Mark("FORGED_TEMPLATE", *match.span(), 0.1, "a tag named like a part of the prompt")
    for match in _some(_ROLE_JSON, text) if "role" in text else ():
        yield Mark("FORGED_TEMPLATE", *match.span(), 0.1, "a message with a role of its own")


def _may_be_bordered(text: str) -> bool:
    return any(map(text.__contains__, _RULES)) and any(map(text.casefold().__contains__, _BORDERED))


class Turn(msgspec.Struct, frozen=True):
    start: int
    end: int
    speaker: str


def turns(text: str) -> list[Turn]:
    """The lines that begin like a speaker's turn, at most `_MOST_TURNS`."""
    if ":" not in text and "]" not in text and "#" not in text and ">" not in text and "*" not in text:
        return []
    found: list[Turn] = []
    start = 0
    while len(found) < _MOST_TURNS:
        match = _TURN.match(text, start)
        if match is not None:
            found.append(Turn(match.start(1), match.end(), match.group(1).lower()))
        start = text.find("\n", start) + 1
        if start == 0:
            break
    return found


def hidden(text: str) -> Iterator[tuple[Mark, str]]:
    """What a reader does not see and a model reads, with the hidden words where they are known."""
    if not text.isascii():
        yield from _hidden_characters(text)
    if "<" in text or "[" in text:
        for match in _some(_HIDDEN_HTML, text):
            yield Mark("INVISIBLE_TEXT", *match.span(1), 0.3, "an element that is not shown"), match.group(1)
        for start, end in _comments(text):
            yield Mark("INVISIBLE_TEXT", start, end, 0.05, "a comment in markup"), text[start:end]


def _comments(text: str) -> Iterator[tuple[int, int]]:
    """The insides of comments in HTML, and in Markdown as unused links."""
    start = text.find("<!--")
    while start >= 0:
        end = text.find("-->", start)
        if end < 0:
            break
        yield start + 4, min(end, start + _SPELLING_LIMIT)
        start = text.find("<!--", end)
    for match in _some(_LINK_COMMENT, text) if "]:" in text else ():
        yield match.span(1)


def _hidden_characters(text: str) -> Iterator[tuple[Mark, str]]:
    if not _UNSEEN.search(text):
        return
    flags = {match.start() + 1 for match in _FLAG.finditer(text)}
    for match in _some(_TAGS, text):
        if match.start() in flags:
            continue
        said = "".join(chr(ord(char) - 0xE0000) for char in match.group() if ord(char) < 0xE007F)
        yield Mark("INVISIBLE_TEXT", *match.span(), 0.97, "tag characters, which spell invisible text"), said
    for match in _some(_SELECTORS, text):
        yield (
            Mark("INVISIBLE_TEXT", *match.span(), 0.9, "a run of variation selectors, which can carry bytes"),
            _of_selectors(match.group()[:_SPELLING_LIMIT]),
        )
    for match in _some(_ZERO_WIDTH, text):
        said = _of_bits(match.group()[:_SPELLING_LIMIT])
        yield (
            Mark("INVISIBLE_TEXT", *match.span(), 0.9 if said else 0.6, "a run of zero-width characters"),
            said,
        )
    inner = [match.start() + 1 for match in _some(_INNER, text, 64)]
    if len(inner) >= 4:
        yield Mark("INVISIBLE_TEXT", inner[0], inner[-1] + 1, 0.55, "invisible characters inside words"), ""
    for match in _some(_OVERRIDE_MARK, text, 1):
        end = text.find("\u202c", match.start())
        stop = end if 0 <= end - match.start() <= 1000 else min(len(text), match.end() + 200)
        said = text[match.end() : stop][::-1]
        yield (
            Mark("INVISIBLE_TEXT", match.start(), stop, 0.6, "a mark that reverses the direction of text"),
            said,
        )


def _of_selectors(run: str) -> str:
    """Bytes as variation selectors 1 to 256, the way they are smuggled behind an emoji."""
    data = bytes((ord(c) - 0xFE00) if ord(c) <= 0xFE0F else (ord(c) - 0xE0100 + 16) for c in run)
    return _printable(data)


def _of_bits(run: str) -> str:
    """Bytes as two zero-width characters for 0 and 1; whichever of both readings is text."""
    kinds = sorted(set(run))
    if len(kinds) < 2 or len(run) < 16:
        return ""
    for zero in kinds:
        bits = "".join("0" if char == zero else "1" for char in run)
        said = _printable(bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits) - 7, 8)))
        if said:
            return said
    return ""


def _printable(data: bytes) -> str:
    try:
        said = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return said if said.isprintable() else ""


def many_shot(found: list[Turn], length: int) -> Mark | None:
    """A long series of turns of both sides in one text: the answers train the model in the context."""
    asked = sum(turn.speaker in _ASKING for turn in found)
    answered = sum(turn.speaker in _ANSWERING for turn in found)
    pairs = min(asked, answered)
    if pairs < 4:
        return None
    score = min(0.9, 0.15 + 0.05 * pairs)
    return Mark("MANY_SHOT", found[0].start, length, score, "many turns of a made-up dialogue")


_ASKING = frozenset("user human benutzer usuario utilisateur".split())
_ANSWERING = frozenset("assistant ai assistent asistente".split())


def _some(expression: re.Pattern[str], text: str, most: int = 20) -> Iterator[re.Match[str]]:
    for count, match in enumerate(expression.finditer(text)):
        if count == most:
            return
        yield match
