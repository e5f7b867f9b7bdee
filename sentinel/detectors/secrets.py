"""`secrets`: keys, tokens, passwords and connection strings, in the same pass as `pii`.

A finding's type names the issuer or the kind (`AWS_ACCESS_KEY`, `PRIVATE_KEY`, `PASSWORD`). Formats with a
prefix of their own score high; assignments to a word such as `api_key` count when the value is random
enough and no placeholder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import regex
from pydantic import BaseModel, ConfigDict, Field

from sentinel.core.errors import ConfigError
from sentinel.core.finding import Finding
from sentinel.detectors import _secret_checks as checks
from sentinel.detectors._allow import AllowList
from sentinel.detectors._page import Asked, Page, Places
from sentinel.detectors._patterns import Expression
from sentinel.detectors._secret_rules import RULES, Check, SecretRule

BUILD = "1"  # raised whenever the same text may give other findings
_WRONG_CHECKSUM = 0.3


class SecretsConfig(BaseModel):
    """Which secrets are looked for, and what is let pass."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    disable: list[str] = Field(default=[], description="Types to leave out, such as `PASSWORD`.")
    allow_list: list[str] = Field(default=[], description="Values that are never findings.")
    allow_list_match: Literal["exact", "regex"] = Field(
        default="exact",
        description="Whether an allow_list entry is a whole value or an expression searched in it.",
    )
    min_score: float = Field(default=0.0, ge=0.0, le=1.0, description="Findings below are not reported.")
    base64_entropy: float = Field(
        default=3.5, ge=0.0, le=8.0, description="Least entropy, in bits per character, of an assigned value."
    )
    hex_entropy: float = Field(
        default=2.8, ge=0.0, le=4.0, description="The same for a value of hexadecimal digits."
    )


class _Verdict(msgspec.Struct, frozen=True):
    score: float
    why: str = ""


class SecretsDetector:
    name = "secrets"
    version = BUILD

    def __init__(self, config: SecretsConfig, cache_dir: Path, asked: Asked) -> None:
        known = {rule.type for rule in RULES}
        for name in config.disable:
            if name not in known:
                raise ConfigError(
                    f"no type `{name}`; known: {', '.join(sorted(known))}", key="detectors.secrets.disable"
                )
        self._rules = _rules(config)
        # All of them, whatever is asked for: where findings overlap the strongest is told, of any type.
        self.reach = [("*", 1.0)] * len(self._rules)
        self._config = config
        self._allowed = AllowList(config.allow_list, config.allow_list_match, "detectors.secrets.allow_list")
        self.expressions: list[Expression] = [
            Expression(rule.pattern, int(regex.IGNORECASE) if rule.folds else 0) for rule in self._rules
        ]

    def find(self, page: Page, first: int, hit: Sequence[int]) -> list[Finding]:
        found: list[Finding] = []
        for expression in hit:
            rule = self._rules[expression]
            for match in page.matches(first + expression):
                finding = self._judge(rule, match)
                if finding is not None:
                    found.append(finding)
        return [each for each in _strongest(found) if each.score >= page.floor(self.name, each.type)]

    def _judge(self, rule: SecretRule, match: Any) -> Finding | None:
        start, end = match.span("value") if "value" in match.re.groupindex else match.span()
        value = match.string[start:end]
        verdict = self._check(rule, value)
        if verdict is None or verdict.score < self._config.min_score or self._allowed.covers(value):
            return None
        return Finding(self.name, rule.type, start, end, verdict.score, f"{rule.name}{verdict.why}")

    def _check(self, rule: SecretRule, value: str) -> _Verdict | None:
        match rule.check:
            case Check.RANDOM:
                limits = self._config.base64_entropy, self._config.hex_entropy
                if checks.is_placeholder(value) or not checks.is_random(value, *limits):
                    return None
                return _Verdict(rule.score, ", random enough")
            case Check.PASSWORD:
                real = checks.is_password(value) and not checks.is_placeholder(value)
                return _Verdict(rule.score) if real else None
            case Check.NOT_PLACEHOLDER:
                return None if checks.is_placeholder(value) else _Verdict(rule.score)
            case Check.CRC32:
                if checks.crc32_base62(value):
                    return _Verdict(1.0, ", checksum right")
                return _Verdict(_WRONG_CHECKSUM, ", checksum wrong")
            case Check.JWT:
                return _Verdict(rule.score, ", header names an algorithm") if checks.is_jwt(value) else None
            case Check.DISCORD:
                return _Verdict(rule.score, ", holds a user id") if checks.is_discord(value) else None
            case _:
                return _Verdict(rule.score)


def _strongest(found: list[Finding]) -> list[Finding]:
    """Of findings that overlap, the highest score, then the longest: one secret is told once."""
    if len(found) < 2:
        return found
    kept: list[Finding] = []
    places = Places()
    for finding in sorted(found, key=lambda f: (-f.score, f.start - f.end, f.start)):
        if not places.overlap(finding.start, finding.end):
            places.add(finding.start, finding.end)
            kept.append(finding)
    return kept


def secret_types(config: SecretsConfig) -> frozenset[str]:
    """The types that are looked for."""
    return frozenset(rule.type for rule in _rules(config))


def _rules(config: SecretsConfig) -> tuple[SecretRule, ...]:
    return tuple(rule for rule in RULES if rule.type not in config.disable)
