"""Rule files -> Policy, or every mistake at once, each with file, line and key."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from sentinel.core.errors import ConfigError, ConfigErrors
from sentinel.core.mistakes import answers_for, guess, mistakes_of, unknown_key
from sentinel.core.source import KeyPath, Source, read
from sentinel.policy.condition import Condition, ConditionError
from sentinel.policy.engine import Policy
from sentinel.policy.rule import (
    OperatorConfig,
    Rule,
    RuleConfig,
    RuleFile,
    compile_rule,
)

SUFFIXES = (".yaml", ".yml")
PATHS = "rules.paths"  # the key of the configuration that names rule files and folders

_OPTIONS: dict[object, set[str]] = {"replace": {"with"}, "mask": {"char", "keep_first", "keep_last"}}


def bundled_rules() -> Path:
    """The rule packs that come with Sentinel: in the wheel, or in the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_bundled" / "rules"
    return installed if installed.is_dir() else package.parent / "rules"


def load_policy(
    paths: Sequence[Path],
    known_detectors: Collection[str],
    by_model: Mapping[str, Collection[str]] = {},
    key: str = "",
) -> Policy:
    """All rules of files and folders (their *.yaml and *.yml, not of folders within: a mounted Kubernetes
    ConfigMap shows each file a second time in one). No path gives a policy without rules.

    `by_model`: the detectors that each model answers for; `key`: of the configuration, where it names the
    paths. Raises ConfigErrors with every mistake.
    """
    errors: list[ConfigError] = []
    rules: list[Rule] = []
    places: dict[str, str] = {}
    for file in _files(paths, key, errors):
        source, mistakes = read(file)
        errors.extend(mistakes)
        if source is not None:
            rules.extend(_rules_of(source, known_detectors, by_model, places, errors))
    if errors:
        raise ConfigErrors(errors)
    return Policy(tuple(rules))


def _files(paths: Sequence[Path], key: str, errors: list[ConfigError]) -> Iterator[Path]:
    seen: set[Path] = set()
    for number, path in enumerate(paths):
        found = [path]
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
            if not found:
                errors.append(_wrong_path("has no rule file (*.yaml)", path, key, number))
        elif not path.exists():
            errors.append(_wrong_path("no such file or folder", path, key, number))
            continue
        for file in found:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file


def _wrong_path(message: str, path: Path, key: str, number: int) -> ConfigError:
    if not key:
        return ConfigError(message, file=str(path))
    return ConfigError(f"{path}: {message}", key=f"{key}[{number}]")


def _rules_of(
    source: Source,
    known: Collection[str],
    by_model: Mapping[str, Collection[str]],
    places: dict[str, str],
    errors: list[ConfigError],
) -> Iterator[Rule]:
    errors.extend(source.error(key, message) for key, message in _file_mistakes(source.value))
    items = source.value.get("rules") if isinstance(source.value, dict) else None
    for index, raw in enumerate(items if isinstance(items, list) else ()):
        path: KeyPath = ("rules", index)
        place = f"{source.file}:{source.line(path)}"
        config, mistakes = _read_rule(raw)
        if isinstance(raw, dict):
            mistakes += _meaning_mistakes(raw, known, by_model)
            name = raw.get("id")
            if isinstance(name, str) and name in places:
                mistakes.append(
                    (("id",), f"{name!r} is also the id of the rule at {places[name]}; rename one")
                )
            elif isinstance(name, str):
                places[name] = place
        errors.extend(source.error(path + inner, message) for inner, message in mistakes)
        if config is not None and not mistakes:
            yield compile_rule(config, source.file, source.line(path), _example_lines(source, path, config))


def _example_lines(source: Source, path: KeyPath, config: RuleConfig) -> dict[str, tuple[int, ...]]:
    counts = {"positive": len(config.examples.positive), "negative": len(config.examples.negative)}
    return {
        sign: tuple(source.line((*path, "examples", sign, index)) for index in range(count))
        for sign, count in counts.items()
    }


def _file_mistakes(value: object) -> Iterator[tuple[KeyPath, str]]:
    if not isinstance(value, dict):
        yield (), "a rule file is a mapping with the key `rules:` and a list of rules under it"
        return
    for key in value:
        if key not in RuleFile.model_fields:
            yield (str(key),), unknown_key(str(key), RuleFile)
    if "rules" not in value:
        yield (), "the key `rules:` with a list of rules is missing"
    elif not isinstance(value["rules"], list):
        yield ("rules",), "must be a list of rules, each starting with `- id:`"


def _read_rule(raw: object) -> tuple[RuleConfig | None, list[tuple[KeyPath, str]]]:
    try:
        return RuleConfig.model_validate(raw), []
    except ValidationError as error:
        return None, mistakes_of(error, RuleConfig)


def _meaning_mistakes(
    raw: Mapping[str, Any], known: Collection[str], by_model: Mapping[str, Collection[str]]
) -> list[tuple[KeyPath, str]]:
    """What is well formed and makes no sense. Reads the rule as written, so that it is told beside the other
    mistakes of the same rule."""
    return [*_detect_mistakes(raw, known, by_model), *_operator_mistakes(raw), *_example_mistakes(raw)]


def _detect_mistakes(
    raw: Mapping[str, Any], known: Collection[str], by_model: Mapping[str, Collection[str]]
) -> Iterator[tuple[KeyPath, str]]:
    detect, when = raw.get("detect"), raw.get("when")
    if detect is None and when is None:
        yield (), "looks for nothing; add `detect:`, `when:` or both"
    if isinstance(detect, dict) and isinstance(name := detect.get("detector"), str) and name not in known:
        listed = ", ".join(sorted(known)) or "none"
        told = f"unknown detector {name!r}; known are {listed}{guess(name, known)}"
        yield ("detect", "detector"), answers_for(name, by_model[name]) if name in by_model else told
    if isinstance(when, str) and when:
        try:
            Condition(when, has_findings=detect is not None)
        except ConditionError as error:
            yield ("when",), str(error)
    if raw.get("action") == "redact" and detect is None and when is not None:
        yield ("action",), "redact needs `detect:`, which says what to cover"


def _operator_mistakes(raw: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    operator = raw.get("operator")
    if operator is None:
        return
    if raw.get("action") in ("allow", "flag", "block"):
        yield (
            ("operator",),
            f"has no meaning with `action: {raw['action']}`; remove it or write `action: redact`",
        )
    name = _operator_name(raw)
    if name == "pseudonymise" and raw.get("stage") != "input":
        yield (
            ("operator",),
            "pseudonymise needs `stage: input`, because the answer gets the values back; "
            "write another rule for the output",
        )
    if isinstance(operator, dict) and name in get_args(OperatorConfig.model_fields["name"].annotation):
        for key in operator:
            if key in ("with", "char", "keep_first", "keep_last") and key not in _OPTIONS.get(name, ()):
                yield ("operator", key), f"has no meaning for the operator {name}"


def _operator_name(raw: Mapping[str, Any]) -> object:
    operator = raw.get("operator", "replace")
    return operator.get("name", "replace") if isinstance(operator, dict) else operator


def _example_mistakes(raw: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    examples, stage = raw.get("examples"), raw.get("stage", "both")
    for sign in ("positive", "negative"):
        items = examples.get(sign) if isinstance(examples, dict) else None
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if not isinstance(item, dict):
                continue
            path: KeyPath = ("examples", sign, index)
            if stage in ("input", "output") and item.get("stage", stage) != stage:
                yield (*path, "stage"), f"the rule is for {stage} only"
            if "redacted" in item and raw.get("action") != "redact":
                yield (*path, "redacted"), "only a redact rule changes a text"
            elif "redacted" in item and _operator_name(raw) == "hash":
                yield (*path, "redacted"), "depends on the key of the hash; leave it out"
            if "redacted" in item and sign == "negative":
                yield (*path, "redacted"), "a negative example stays as it is"
