"""Instructions inside documents: each segment (sentence, line or table cell) judged against the rest of its
document and the caller's question.

A document informs; it does not speak to whoever reads it for the caller. So what counts is mood (orders,
questions), address (the assistant, its answer), and whether a segment belongs to what stands around it. Words
alone would learn the topics of the documents.
"""

from __future__ import annotations

import math
import re
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from sentinel.detectors._injection_grammar import hits, shape_of
from sentinel.detectors._injection_lookalikes import apart
from sentinel.detectors._injection_words import plain

if TYPE_CHECKING:
    import numpy as np

BITS = 13
SEGMENTS = 400  # of one document; of a longer one the first and last are read
LEAST_WORDS = 3
_MASK = (1 << BITS) - 1
# Lines, table cells, sentences; strings of JSON; tags of HTML.
_END = re.compile(
    r"\n|\s?\|\s?|[.!?…]{1,20}[\"'”’)\]]{0,3}(?=\s)|\"\s?[,:]\s?(?=[\"\[{])|</?[a-z][^<>]{0,200}>"
)
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?")
_OUTPUT = re.compile(
    r"\b(?:your|ur|deiner?|ihrer?|tus?|su|ta|votre)\s(?:[\w-]{1,20}\s){0,2}"
    r"(?:respon[sc]es?|answers?|repl(?:y|ies)|messages?|outputs?|summar(?:y|ies)|solutions?|codebase"
    r"|implementation|code|algorithm|explanation|elucidation|antwort(?:en)?|zusammenfassung"
    r"|respuestas?|resumen|réponses?|résumé)\b"
    # Of anybody's: not "the text and answer", "the code of the door", "this message".
    r"|\b(?:this|the|each|every|la)\s(?:(?!and\b|or\b|to\b)[\w-]{1,20}\s)?"
    r"(?:respon[sc]es?|answer|repl(?:y|ies)|outputs?|summar(?:y|ies)|solution|codebase|implementation"
    r"|algorithm|explanation|elucidation|respuesta|réponse)\b",
    re.IGNORECASE,
)
_READER = re.compile(
    r"\b(?:ai|assistants?|chatbots?|language models?|llms?|gpt|agents?|bots?|ki"
    r"|sprachmodell|asistente|modelo|modèle)\b",
    re.IGNORECASE,
)
_MACHINE = (
    r"(?:(?:ai|ki)(?:[ -](?:assistants?|agents?|models?|systems?|bots?))?|llms?|(?:large )?language models?"
    r"|gpts?|chatbots?|sprachmodelle?)"
)
_PERSON = (
    r"(?! (?:developer|engineer|enthusiast|expert|researcher|student|professor|teacher|user|company|startup"
    r"|team|vendor|provider|manager|skeptic|fan|nerd))"
)
_ADDRESSED = re.compile(
    rf"\b(?:notes?|notice|instructions?|messages?|hints?|hinweis|anweisung|attention)\s(?:to|for|an|für)\s"
    rf"(?:the |any |all |every |das |die |alle )?{_MACHINE}\s?[:,–—\]-]"
    rf"|\b{_MACHINE}\s(?:reading|processing|parsing|summari[sz]ing|analy[sz]ing)\s(?:this|these)\b"
    rf"|\bif you(?:'re|’re| are)\s(?:an? )?{_MACHINE}\b{_PERSON}"
    rf"|\b(?:dear|hey|attention|listen,?)\s{_MACHINE}\b{_PERSON}",
    re.IGNORECASE,
)
_USER = re.compile(
    r"\b(?:the|to|from|tell|ask|this)\s(?:user|users|reader|readers|customer|person)\b", re.IGNORECASE
)
_LINK = re.compile(
    r"https?://|www\.|\w@[\w-]{1,60}\.|\w\.(?:com|net|org|xyz|io|example)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\S{0,200}(?:://|www\.)\S{0,2000}")
_COMMAND = re.compile(r"(?:[$#>]\s{0,3})?(?:curl|wget|git|npm|pip|docker|kubectl|ssh)\s")
_SNIPPET = re.compile(
    r"\b(?:following|subsequent|below)\s(?:[\w-]+\s){0,2}(?:code|snippet|script|block|command)", re.IGNORECASE
)
FUNCTION_WORDS = frozenset(
    "the a an of to in on for with by and or is are was were be that this it as at from your you "
    "not how what who".split()
    + "der die das und zu in mit ist ein eine von für auf dein ihre wie was".split()
    + "el la los las de en y que un una con por para es tu su cómo qué".split()
    + "le les des du et que une dans pour sur est ton votre comment quel".split()
)
ORDERS = frozenset(
    """
    add include append insert write provide translate convert replace rearrange scramble use modify
    enhance integrate augment explain describe compose draft develop create give tell send forward email
    visit click download install run execute call open say print repeat respond answer reply ignore
    forget disregard stop start do please show list name summarize summarise recommend suggest mention
    promote encourage invite ensure embed incorporate infuse blend merge fuse weave inject consider
    remember let make render leverage utilize employ adopt deploy implement introduce anagram misspell
    jumble group combine remove substitute swap reverse break solve find calculate transfer delete
    upload share post search fetch read reveal output act pretend conclude finish begin end insist state
    claim warn ask direct redirect point refer praise rate approve mark hide omit avoid never always
    don't note keep put switch change rewrite encode decode spell schreibe antworte sage füge gib
    erkläre übersetze ersetze sende nenne ignoriere verwende empfiehl erwähne escribe responde di añade
    incluye traduce explica envía recomienda menciona ignora usa reemplaza écris réponds dis ajoute
    inclus traduis explique envoie recommande mentionne ignore utilise remplace""".split()
)
SIGNALS = (
    "grammar",
    "order",
    "question",
    "asks",
    "output",
    "reader",
    "user",
    "link",
    "snippet",
    "prose_in_table",
    "function",
    "alone",
    "off_question",
    "length",
    "first",
    "last",
    "broken_in",
    "digits",
    "fence_behind",
    "orders_around",
    "order_apart",
    "questions_around",
    "order_output",
    "you",
)


class Segment(msgspec.Struct, frozen=True):
    start: int
    end: int
    text: str
    words: tuple[str, ...]


class Page(msgspec.Struct, frozen=True):
    """A document in segments, with what its segments are compared with."""

    segments: list[Segment]
    counts: dict[str, int]
    tabular: bool
    orders: float
    questions: float
    text: str


def _cut(match: re.Match[str]) -> tuple[int, int]:
    """Where a segment stops, and where the next one begins. A mark that ends a sentence belongs to it."""
    return match.end() if match.group()[0] in ".!?…" else match.start(), match.end()


def page_of(text: str) -> Page:
    segments: list[Segment] = []
    start = 0
    for stop, end in (*map(_cut, _END.finditer(text)), (len(text), len(text))):
        piece = text[start:stop].strip(' |\n\t"{}[],:<>')
        words = tuple(word.lower() for word in _WORD.findall(piece)) if len(piece) > 8 else ()
        if len(words) >= LEAST_WORDS:
            at = text.index(piece, start)
            segments.append(Segment(at, at + len(piece), piece[:1200], words[:200]))
        start = end
    if len(segments) > SEGMENTS:
        segments = segments[: SEGMENTS // 2] + segments[-SEGMENTS // 2 :]
    counts: dict[str, int] = {}
    for segment in segments:
        for word in set(segment.words):
            counts[word] = counts.get(word, 0) + 1
    size = max(1, len(segments))
    orders = sum(segment.words[0] in ORDERS for segment in segments) / size
    questions = sum(segment.text.endswith("?") for segment in segments) / size
    return Page(segments, counts, text.count("|") > 8, orders, questions, text)


_ANSWERS = frozenset(
    """response responses responce answer answers reply replies message messages output outputs summary
    summaries solution solutions codebase implementation code algorithm explanation elucidation antwort
    antworten zusammenfassung respuesta respuestas resumen réponse réponses résumé""".split()
)
_READERS = frozenset(
    """ai assistant assistants chatbot chatbots language llm llms gpt agent agents bot bots ki sprachmodell
    asistente modelo modèle""".split()
)
_USERS = frozenset("user users reader readers customer person".split())
_MACHINES = frozenset("ai ki llm llms language gpt gpts chatbot chatbots sprachmodell sprachmodelle".split())
_POINTERS = frozenset("following subsequent below".split())


def _says(expression: re.Pattern[str], telling: frozenset[str], segment: Segment) -> float:
    """Whether the expression matches; only asked where one of the telling words is there."""
    return float(not telling.isdisjoint(segment.words) and expression.search(segment.text) is not None)


def addressed(segment: Segment) -> bool:
    """Whether it speaks to the machine that reads it, as no document does to people."""
    return bool(_says(_ADDRESSED, _MACHINES, segment))


def _prose(text: str) -> bool:
    """Whether a link has words beside it that may say what to do with it, other than a command's."""
    return not _COMMAND.match(text) and len(_WORD.findall(_ADDRESS.sub(" ", text))) >= LEAST_WORDS


def signals(page: Page, at: int, asked: frozenset[str]) -> list[float]:
    """The signals of one segment in the order of `SIGNALS`, each about 0 to 1."""
    segment = page.segments[at]
    text, words = segment.text, segment.words
    content = {word for word in words if len(word) > 3 and word not in FUNCTION_WORDS}
    alone = sum(page.counts[word] == 1 for word in content) / len(content) if content else 0.0
    function = sum(word in FUNCTION_WORDS for word in words) / len(words)
    order = float(words[0] in ORDERS)
    question = float(text.endswith("?"))
    output = _says(_OUTPUT, _ANSWERS, segment)
    shape = shape_of(text)
    before = page.text[max(0, segment.start - 3) : segment.start].rstrip(" ")
    behind = page.text[segment.end : segment.end + 6].lstrip(" .:!?")
    return [
        max((hit.pattern.weight for hit in apart(shape, hits(shape))), default=0.0),
        order,
        question,
        float(shape.letters[:1] == "E"),
        output,
        _says(_READER, _READERS, segment),
        _says(_USER, _USERS, segment),
        float(("." in text or "/" in text) and _LINK.search(text) is not None and _prose(text)),
        _says(_SNIPPET, _POINTERS, segment),
        float(page.tabular and function > 0.15 and len(words) > 4),
        function,
        alone,
        float(bool(asked)) * (1.0 - sum(word in asked for word in content) / max(1, len(content))),
        min(1.5, math.log1p(len(words)) / 4),
        float(at == 0),
        float(at == len(page.segments) - 1),
        float(bool(before) and before[-1] not in ".!?\n|:;\"'”)" and text[:1].isupper()),
        min(1.0, 5 * sum(map(str.isdigit, text)) / len(text)),
        float(behind.startswith("\n`") or text.endswith(":")) * order,
        page.orders,
        order * max(0.0, 1.0 - 4 * page.orders),
        question * max(0.0, 1.0 - 4 * page.questions),
        order * output,
        float("U" in shape.letters or "Y" in shape.letters),
    ]


@lru_cache(maxsize=1 << 14)
def _hash(word: str) -> int:
    return zlib.crc32(plain(word).encode("utf-8", "surrogatepass"))


def hashed(segment: Segment) -> np.ndarray:
    """Buckets of the words, the pairs, and the first word; int64."""
    import numpy as np

    words = np.fromiter(map(_hash, segment.words[:60]), np.int64, min(60, len(segment.words)))
    pairs = (words[:-1] * 31 + words[1:] * 0x9E3779B1) >> 7
    return np.concatenate((words ^ (words >> 13), pairs, words[:1] * 0x85EBCA6B >> 5)) & _MASK


def content_words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(text[:4000]) if len(word) > 3)
