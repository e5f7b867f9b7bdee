"""A user's own recognizers, from files in Presidio's YAML format (`recognizers:` with `patterns` or
`deny_list`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import regex
import yaml

from sentinel.core.errors import ConfigError, ConfigErrors
from sentinel.detectors._recognizers import NamedPattern, Recognizer

_FLAGS = int(regex.DOTALL | regex.MULTILINE | regex.IGNORECASE)
_KEYS = {
    "name", "type", "enabled", "supported_entity", "supported_entities", "supported_language",
    "supported_languages", "patterns", "deny_list", "deny_list_score", "context", "country_code", "version",
    "global_regex_flags", "score_thresholds",
}  # fmt: skip


def read_recognizers(paths: Sequence[Path]) -> list[Recognizer]:
    """The enabled recognizers of all files. Raises ConfigErrors with every mistake: file, line, key."""
    reader = _Reader()
    found = [recognizer for path in paths for recognizer in reader.read(path)]
    if reader.errors:
        raise reader.errors[0] if len(reader.errors) == 1 else ConfigErrors(reader.errors)
    return found


class _Reader:
    def __init__(self) -> None:
        self.errors: list[ConfigError] = []
        self._file = ""
        self._flags = _FLAGS

    def read(self, path: Path) -> list[Recognizer]:
        self._file = str(path)
        try:
            text = path.read_text(encoding="utf-8")
            tree = yaml.compose(text, Loader=yaml.SafeLoader)
            content = yaml.safe_load(text)
        except OSError as error:
            self._mistake("", 0, f"cannot be read: {error.strerror}")
            return []
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            told = getattr(error, "problem", None) or "not YAML"
            self._mistake("", mark.line + 1 if mark else 0, str(told))
            return []
        items = content.get("recognizers") if isinstance(content, dict) else None
        if not isinstance(items, list):
            self._mistake("recognizers", 1, "expected a list of recognizers under this key")
            return []
        self._flags = int(content.get("global_regex_flags", _FLAGS))
        lines = _lines(tree)
        found = [self._recognizer(item, f"recognizers[{i}]", lines) for i, item in enumerate(items)]
        return [recognizer for recognizer in found if recognizer is not None and recognizer.enabled]

    def _mistake(self, key: str, line: int, message: str) -> None:
        self.errors.append(ConfigError(message, file=self._file, line=line, key=key))

    def _recognizer(self, item: Any, key: str, lines: dict[str, int]) -> Recognizer | None:
        before = len(self.errors)

        def mistake(below: str, message: str) -> None:
            place = f"{key}.{below}" if below else key
            line = next((lines[k] for k in (place, key) if k in lines), 0)
            self._mistake(place, line, message)

        if not isinstance(item, dict):
            mistake("", "expected a recognizer with `name`, `supported_entity` and `patterns` or `deny_list`")
            return None
        if item.get("type", "custom") != "custom":
            mistake(
                "type",
                "only `custom` belongs here; switch predefined recognizers on with detectors.pii.enable",
            )
        for name in item.keys() - _KEYS:
            mistake(str(name), f"unknown key; known: {', '.join(sorted(_KEYS))}")
        entity = item.get("supported_entity") or next(iter(item.get("supported_entities") or []), None)
        if not isinstance(entity, str) or not entity:
            mistake("supported_entity", "expected an entity type such as `EMPLOYEE_ID`")
        patterns = [
            pattern
            for i, entry in enumerate(item.get("patterns") or [])
            if (pattern := _pattern(entry, lambda below, told, i=i: mistake(f"patterns[{i}]{below}", told)))
        ]
        patterns += _deny_list(item, mistake)
        if not patterns and len(self.errors) == before:
            mistake("", "expected `patterns` or `deny_list`")
        contexts = _contexts(item)
        if len(self.errors) > before:
            return None
        return Recognizer(
            name=str(item.get("name") or entity),
            kind="",
            entity=str(entity),
            context=contexts,
            patterns=tuple(patterns),
            flags=int(item.get("global_regex_flags", self._flags)),
            enabled=bool(item.get("enabled", True)),
        )


def _contexts(item: dict[str, Any]) -> tuple[str, ...]:
    """Context words, which Presidio also takes per language; English ones then."""
    words = item.get("context") or []
    for language in item.get("supported_languages") or []:
        if isinstance(language, dict) and language.get("language") == "en":
            words = language.get("context") or words
    return tuple(str(word) for word in words)


def _pattern(entry: Any, mistake: Any) -> NamedPattern | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("regex"), str):
        mistake("", "expected `name`, `regex` and `score`")
        return None
    score = entry.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        mistake(".score", "expected a number from 0 to 1")
        return None
    try:
        regex.compile(entry["regex"], _FLAGS)
    except regex.error as error:
        mistake(".regex", f"not a regular expression: {error}")
        return None
    return NamedPattern(str(entry.get("name", "pattern")), entry["regex"], float(score))


def _deny_list(item: dict[str, Any], mistake: Any) -> list[NamedPattern]:
    """Words as Presidio searches them: whole words, any of the list."""
    words = item.get("deny_list") or []
    if not isinstance(words, list) or any(not isinstance(word, str) or not word for word in words):
        mistake("deny_list", "expected a list of words (quote numbers)")
        return []
    if not words:
        return []
    joined = "|".join(re.escape(word) for word in words)
    score = float(item.get("deny_list_score", 1.0))
    return [NamedPattern("deny_list", rf"(?:^|(?<=\W))({joined})(?:(?=\W)|$)", score)]


def _lines(node: Any, key: str = "") -> dict[str, int]:
    """Line (from 1) of every key of a YAML document."""
    found = {key: node.start_mark.line + 1} if key and node is not None else {}
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            below = f"{key}.{name.value}" if key else str(name.value)
            found.update(_lines(value, below))
            found[below] = name.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found.update(_lines(value, f"{key}[{index}]"))
    return found
