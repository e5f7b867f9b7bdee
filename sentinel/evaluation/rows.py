"""Labelled data as JSON lines: what a row may hold, and what a detector is asked for it.

A folder has one folder for each area (`AREAS`), with files `NAME.jsonl` or `NAME.jsonl.gz`; NAME is the
source. One JSON object a line. A line that cannot be read is a `Malformed`; it never stops the rest.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from sentinel.core.background import Background
from sentinel.core.errors import ConfigError
from sentinel.core.exchange import Role, Stage
from sentinel.evaluation.split import PII

TRAFFIC = "traffic"
BIAS = "bias"
SHARED = frozenset({TRAFFIC, BIAS})  # areas of no detector: everything in them is good
_SUFFIXES = (".jsonl", ".jsonl.gz")
# Sources whose texts are documents that a model was handed, in data that does not say so by `role`.
_DOCUMENTS = frozenset({"bipia_indirect"})
# Prompts that were written to provoke: traffic, but no everyday use. And rows elsewhere that are just that.
_PROVOKING = frozenset({"red_team"})
_ORDINARY = frozenset({"benign_traffic", "mitre_frr_benign"})


class Setting(StrEnum):
    """What a text is to a detector; figures of one setting say nothing about another."""

    PROMPT = "prompt"
    DOCUMENT = "document"
    ANSWER = "answer"
    COMPARED = "answer with documents"
    SYSTEM = "system prompt"

    @property
    def place(self) -> tuple[Stage, Role]:
        """Where such texts stand in a call."""
        return _PLACES[self]

    @property
    def plural(self) -> str:
        return "answers with documents" if self is Setting.COMPARED else f"{self}s"


_PLACES = {
    Setting.PROMPT: (Stage.INPUT, Role.PROMPT),
    Setting.DOCUMENT: (Stage.INPUT, Role.CONTEXT),
    Setting.ANSWER: (Stage.OUTPUT, Role.ANSWER),
    Setting.COMPARED: (Stage.OUTPUT, Role.ANSWER),
    Setting.SYSTEM: (Stage.INPUT, Role.SYSTEM),
}
_SETTINGS = {Role.PROMPT: Setting.PROMPT, Role.CONTEXT: Setting.DOCUMENT, Role.SYSTEM: Setting.SYSTEM}


class Span(msgspec.Struct, frozen=True, gc=False):
    """A labelled stretch of a text, offsets in characters, end exclusive."""

    start: Annotated[int, msgspec.Meta(ge=0)]
    end: int
    type: str


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """`cluster` names what a row is a near copy of; figures are told apart by `kind` and `source`."""

    cluster: str = ""
    kind: str = ""
    source: str = ""


class _TextRow(_Row, frozen=True, kw_only=True):
    text: str
    label: Literal[0, 1]
    role: Role | None = None


class _AnswerRow(_Row, frozen=True, kw_only=True):
    answer: str
    label: Literal[0, 1]
    question: str = ""
    context: str | list[str] = ""


class _SpanRow(_Row, frozen=True, kw_only=True):
    text: str
    spans: list[Span]


class _TrafficRow(_Row, frozen=True, kw_only=True):
    prompt: str
    response: str = ""


_Shape = TypeVar("_Shape", bound=_Row)


class _BiasRow(_Row, frozen=True, kw_only=True):
    text: str
    category: str = ""


class Case(msgspec.Struct, frozen=True):
    """One text that a detector is asked about. `label` 1 is the bad thing; a case of `pii` has spans instead.

    `place` is the source (`toxicity/davidson`), `line` where in its file the row is. `ordinary` marks what
    stands for everyday use, on which a finding of anything but personal data is a false alarm.
    """

    place: str
    line: int
    cluster: str
    kind: str
    source: str
    text: str
    background: Background
    label: int = 0
    spans: tuple[Span, ...] = ()
    ordinary: bool = False

    @property
    def setting(self) -> Setting:
        found = _SETTINGS.get(self.background.role)
        if found is not None:
            return found
        return Setting.COMPARED if self.background.context else Setting.ANSWER


class Malformed(msgspec.Struct, frozen=True):
    """A line that is no row, and why, without its text."""

    file: str
    line: int
    why: str


class Source(msgspec.Struct, frozen=True):
    """One file of an area."""

    area: str
    name: str
    path: Path

    @property
    def place(self) -> str:
        return f"{self.area}/{self.name}"


def _around(role: Role, text: str) -> Background:
    """What the product knows around a text that comes alone."""
    if role is Role.PROMPT:
        return Background(Stage.INPUT, role, question=text)
    if role is Role.CONTEXT:
        return Background(Stage.INPUT, role, context=(text,))
    if role is Role.SYSTEM:
        return Background(Stage.INPUT, role, system=text)
    return Background(Stage.OUTPUT, role)


def _text_case(row: _TextRow, source: Source, line: int) -> list[Case]:
    role = row.role or (Role.CONTEXT if source.name in _DOCUMENTS else Role.PROMPT)
    return [_case(row, source, line, row.text, _around(role, row.text), row.label)]


def _answer_case(row: _AnswerRow, source: Source, line: int) -> list[Case]:
    documents = [row.context] if isinstance(row.context, str) else row.context
    context = tuple(document for document in documents if document)
    background = Background(Stage.OUTPUT, Role.ANSWER, row.question, context)
    return [_case(row, source, line, row.answer, background, row.label)]


def _span_case(row: _SpanRow, source: Source, line: int) -> list[Case]:
    for number, span in enumerate(row.spans):
        if not span.start < span.end <= len(row.text):
            raise msgspec.ValidationError(f"`$.spans[{number}]` is no stretch of the text")
    return [_case(row, source, line, row.text, _around(Role.PROMPT, row.text), 0, tuple(row.spans))]


def _traffic_cases(row: _TrafficRow, source: Source, line: int) -> list[Case]:
    """The prompt and, where there is one, the answer."""
    cases = [_case(row, source, line, row.prompt, _around(Role.PROMPT, row.prompt), 0)]
    if row.response:
        background = Background(Stage.OUTPUT, Role.ANSWER, row.prompt)
        cases.append(_case(row, source, line, row.response, background, 0))
    return cases


def _bias_case(row: _BiasRow, source: Source, line: int) -> list[Case]:
    """A harmless text that speaks of people; its category stands where no kind is given."""
    case = _case(row, source, line, row.text, _around(Role.PROMPT, row.text), 0)
    return [msgspec.structs.replace(case, kind=row.kind or row.category)]


def _case(
    row: _Row,
    source: Source,
    line: int,
    text: str,
    background: Background,
    label: int,
    spans: tuple[Span, ...] = (),
) -> Case:
    ordinary = row.kind not in _PROVOKING if source.area == TRAFFIC else source.name in _ORDINARY
    # A row without a cluster is like no other but its copies.
    cluster = row.cluster or text
    return Case(source.place, line, cluster, row.kind, row.source, text, background, label, spans, ordinary)


Reader = Callable[[bytes, Source, int], list[Case]]


def _reader(shape: type[_Shape], cases: Callable[[_Shape, Source, int], list[Case]]) -> Reader:
    decoder = msgspec.json.Decoder(shape)
    return lambda raw, source, line: cases(decoder.decode(raw), source, line)


_TEXTS = _reader(_TextRow, _text_case)
AREAS: dict[str, Reader] = {
    "toxicity": _TEXTS,
    "injection": _TEXTS,
    "harm": _TEXTS,
    "groundedness": _reader(_AnswerRow, _answer_case),
    PII: _reader(_SpanRow, _span_case),
    BIAS: _reader(_BiasRow, _bias_case),
    TRAFFIC: _reader(_TrafficRow, _traffic_cases),
}


def sources(data: Path, areas: set[str]) -> list[Source]:
    """The files of these areas, by name. Raises ConfigError when there is none."""
    if not data.is_dir():
        raise ConfigError("is no folder; name one with labelled data, see docs/evaluation.md", file=str(data))
    found = [
        Source(area, path.name.removesuffix(".gz").removesuffix(".jsonl"), path)
        for area in sorted(areas)
        for path in sorted((data / area).glob("*"))
        if path.name.endswith(_SUFFIXES) and path.is_file()
    ]
    if not found:
        wanted = ", ".join(f"{area}/" for area in sorted(areas))
        hint = "; --detector NAME=AREA measures one on the labels of an area" if areas == {TRAFFIC} else ""
        raise ConfigError(f"holds no *.jsonl or *.jsonl.gz in {wanted}{hint}", file=str(data))
    return found


def read(source: Source) -> Iterator[Case | Malformed]:
    """The cases of a file, and its lines that are no row."""
    cases, line = AREAS[source.area], 0
    try:
        with _open(source.path) as lines:
            for line, raw in enumerate(lines, 1):
                if not raw.strip():
                    continue
                try:
                    yield from cases(raw, source, line)
                except UnicodeDecodeError:
                    yield Malformed(str(source.path), line, "is not UTF-8")
                except msgspec.DecodeError as error:
                    yield Malformed(str(source.path), line, str(error))
    except (OSError, EOFError, zlib.error) as error:
        why = f"the file cannot be read on: {getattr(error, 'strerror', None) or error}"
        yield Malformed(str(source.path), line + 1, why)


def _open(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
