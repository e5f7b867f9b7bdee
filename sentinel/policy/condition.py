"""`when:` conditions in CEL (https://cel.dev), by the package common-expression-language.

A condition sees facts and never text:
  request   {route, model, tenant, method, metadata}
  stage     "input" or "output"
  parts     [{role, path, chars}] of the texts that the rule looks at
  finding   {detector, type, score, start, end, part, role}: the finding in question (rules with `detect`)
  findings  all findings that the rule's `detect` let through
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

FIELDS: dict[str, tuple[str, ...]] = {
    "request": ("route", "model", "tenant", "method", "metadata"),
    "stage": (),
    "parts": ("role", "path", "chars"),
    "finding": ("detector", "type", "score", "start", "end", "part", "role"),
    "findings": ("detector", "type", "score", "start", "end", "part", "role"),
}
FUNCTIONS = frozenset(
    "size startsWith endsWith contains matches int uint double string bytes type dyn timestamp duration "
    "getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes getSeconds "
    "getMilliseconds".split()
)

_LITERAL = re.compile(r"""[rR]?("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""")
_BOUND = re.compile(r"\.(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")
_ITEM = re.compile(
    r"\b(findings|parts)\s*\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,"
)
_FIELD = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\s*\.\s*([A-Za-z_]\w*)\b(?!\s*\()")
_METADATA_KEY = re.compile(r"""metadata\s*(?:\[\s*["']([^"']+)["']\s*\]|\.\s*(\w+))""")
_SAMPLE_FINDING = {
    "detector": "pii",
    "type": "X",
    "score": 0.5,
    "start": 0,
    "end": 1,
    "part": 0,
    "role": "prompt",
}


class ConditionError(ValueError):
    """What is wrong with a condition, in a sentence for its author."""


class Condition:
    """One compiled condition. Raises ConditionError when the expression is wrong.

    `static` conditions read only `request` and `stage`, so they can be answered for a call that cannot be
    read; `per_finding` ones must be asked for each finding.
    """

    __slots__ = ("_program", "per_finding", "reads_findings", "reads_parts", "source", "static")

    def __init__(self, source: str, *, has_findings: bool) -> None:
        self.source = source
        try:
            self._program = _cel().compile(source)
        except ValueError as error:
            raise ConditionError(f"is not a CEL expression: {_syntax(str(error))}") from None
        names = _variables(self._program, source)
        _check_names(names, self._program.functions(), source, has_findings)
        self.static = not names & {"parts", "finding", "findings"}
        self.per_finding = "finding" in names
        self.reads_findings = "findings" in names
        self.reads_parts = "parts" in source
        _try(self._program, source)

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Raises what the evaluation raises, and TypeError when the answer is not true or false."""
        answer = self._program.execute(facts)
        if answer is True or answer is False:
            return answer
        raise TypeError("the condition is neither true nor false")


def explain_failure(error: Exception) -> str:
    """Why an evaluation failed, in words that hold nothing of the call."""
    if isinstance(error, KeyError):
        return "it reads a key that this call does not have"
    return f"its evaluation ended in {type(error).__name__}"


@cache
def _cel() -> ModuleType:
    """The package's compiled module. Its `__init__` also imports a command line (typer, rich, prompt_toolkit:
    300 ms and 20 MB that a worker does not need), so the extension is loaded by its file."""
    loaded = sys.modules.get("cel.cel")
    if loaded is not None:
        return loaded
    package = importlib.util.find_spec("cel")
    folders = list(package.submodule_search_locations or ()) if package else []
    for folder in folders:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = Path(folder, f"cel{suffix}")
            spec = importlib.util.spec_from_file_location("cel.cel", path) if path.exists() else None
            if spec is not None and spec.loader is not None:
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)
                sys.modules["cel.cel"] = module
                return module
    raise ImportError("rules with `when:` need the package common-expression-language")


def _syntax(message: str) -> str:
    found = re.search(r"ERROR: <input>:(\d+):(\d+): (.*)", message)
    return f"{found[3]} (line {found[1]}, column {found[2]} of the expression)" if found else "syntax error"


def _variables(program: Any, source: str) -> set[str]:
    bound = set(_BOUND.findall(_LITERAL.sub("''", source)))
    return set(program.variables()) - bound


def _check_names(names: set[str], functions: list[str], source: str, has_findings: bool) -> None:
    known = [name for name in FIELDS if has_findings or not name.startswith("finding")]
    for name in sorted(names):
        if name in FIELDS and name not in known:
            raise ConditionError(f"reads {name}, which only a rule with `detect` has")
        if name not in known:
            raise ConditionError(f"unknown name {name!r}; known are {', '.join(known)}")
    for name in functions:
        if name[0].isalpha() and name not in FUNCTIONS:
            raise ConditionError(f"unknown function {name!r}; known are {', '.join(sorted(FUNCTIONS))}")
    for name, field in _FIELD.findall(plain := _LITERAL.sub("''", source)):
        root = dict((item, whole) for whole, item in _ITEM.findall(plain)).get(name, name)
        if field not in FIELDS.get(root, (field,)):
            raise ConditionError(f"{name} has no {field!r}; it has {', '.join(FIELDS[root])}")


def _try(program: Any, source: str) -> None:
    """Evaluate once on a sample, which finds wrong fields and types that the names alone do not show."""
    metadata = {bracket or dotted: "1" for bracket, dotted in _METADATA_KEY.findall(source)}
    facts = {
        "request": {"route": "r", "model": "m", "tenant": "t", "method": "/p.S/M", "metadata": metadata},
        "stage": "input",
        "parts": [{"role": "prompt", "path": "p", "chars": 1}],
        "finding": _SAMPLE_FINDING,
        "findings": [_SAMPLE_FINDING],
    }
    try:
        answer = program.execute(facts)
    except KeyError as error:
        raise ConditionError(f"reads a key that does not exist: {error.args[0]}") from None
    except (TypeError, RuntimeError) as error:
        raise ConditionError(f"cannot be evaluated: {str(error).split('. ')[0]}") from None
    except ValueError:
        return  # a conversion such as int(metadata["x"]) depends on the call's own values
    if answer is not True and answer is not False:
        raise ConditionError(f"must be true or false, and is of type {type(answer).__name__}")
