"""What the texts become: the operators replace, mask, hash and pseudonymise.

Overlapping findings are one region, from the first start to the last end, edited once:
- the finding with the highest level, then score, then length names the type and the operator
  (then the earlier one, then the rule's id, so that the choice is always the same);
- a character that a mask would leave readable stays readable only if every finding over it would leave it so.
Findings that only touch are edited apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from sentinel.core.decision import Action, Decision
from sentinel.core.exchange import TextPart
from sentinel.core.finding import Finding
from sentinel.core.quoting import quoted, unquoted
from sentinel.core.redact import Redactor
from sentinel.policy.engine import Selection
from sentinel.policy.rule import OperatorConfig, Rule
from sentinel.policy.vault import Vault, label

HASH_DIGITS = 16  # of the 32 that a record keeps: enough to tell values apart within an answer


class _Edit(msgspec.Struct, frozen=True):
    finding: Finding
    rule: Rule

    @property
    def rank(self) -> tuple[float, float, int, int, str]:
        finding = self.finding
        return (
            -self.rule.level,
            -finding.score,
            finding.start - finding.end,
            finding.start,
            self.rule.id,
        )


def edit(
    decision: Decision, selection: Selection, parts: Sequence[TextPart], vault: Vault, redactor: Redactor
) -> list[str]:
    """The texts after all enforced redact rules of the decision; those without an edit are the same objects.

    When a value is pseudonymised, or the vault does so always, look-alikes are escaped in all texts of the
    message.
    """
    texts = [part.text for part in parts]
    by_part: dict[int, list[_Edit]] = {}
    for hit in decision.hits:
        if hit.enforced and hit.action is Action.REDACT:
            rule = selection.rule(hit.rule)
            for index in hit.findings:
                finding = decision.findings[index]
                if finding.end > finding.start:
                    by_part.setdefault(finding.part, []).append(_Edit(finding, rule))
    escapes = vault.always or any(
        e.rule.operator.name == "pseudonymise" for edits in by_part.values() for e in edits
    )
    for index, text in enumerate(texts):
        edits = by_part.get(index)
        if edits:
            texts[index] = _edited(parts[index], edits, vault if escapes else None, redactor)
        elif escapes:
            texts[index] = vault.escape(text)
    return texts


class Replacement(msgspec.Struct, frozen=True, gc=False):
    """`text` in the place of `start:end`."""

    start: int
    end: int
    text: str


def replacements(
    decision: Decision, selection: Selection, part: int, text: str, origin: int, redactor: Redactor
) -> list[Replacement]:
    """What the enforced redact rules of a decision about answers make of one of its texts, in its order.

    `text` is the stretch of it from `origin` on that holds every finding.
    """
    edits = [
        _Edit(decision.findings[index], selection.rule(hit.rule))
        for hit in decision.hits
        if hit.enforced and hit.action is Action.REDACT
        for index in hit.findings
        if decision.findings[index].part == part
    ]
    edits = [each for each in edits if each.finding.end > each.finding.start]
    done: list[Replacement] = []
    for start, end, region in _regions(edits) if edits else ():
        chosen = min(region, key=lambda edit: edit.rank)
        value = text[start - origin : end - origin]
        done.append(Replacement(start, end, _replacement(value, start, chosen, region, redactor)))
    return done


def scrub(decision: Decision, parts: Sequence[TextPart]) -> list[str]:
    """The texts as they may be kept: every finding of the decision, whatever its rules do, is `<TYPE>`."""
    texts = [part.text for part in parts]
    by_part: dict[int, list[Finding]] = {}
    for finding in decision.findings:
        by_part.setdefault(finding.part, []).append(finding)
    for index, found in by_part.items():
        text = texts[index]
        kept, position = [], 0
        for finding in sorted(found, key=lambda f: (f.start, -f.end)):
            if finding.end <= position:
                continue
            if finding.start >= position:
                kept += [text[position : finding.start], f"<{label(finding.type)}>"]
            position = finding.end
        texts[index] = "".join((*kept, text[position:]))
    return texts


def _edited(part: TextPart, edits: list[_Edit], vault: Vault | None, redactor: Redactor) -> str:
    """With a vault, everything but the pseudonyms is escaped, other operators' replacements included: so two
    texts that the edit brings together cannot form a pseudonym."""
    text = part.text
    done: list[str] = []
    pending: list[str] = []  # not yet escaped
    position = 0
    for start, end, region in _regions(edits):
        pending.append(text[position:start])
        position = end
        chosen = min(region, key=lambda edit: edit.rank)
        if vault is not None and chosen.rule.operator.name == "pseudonymise":
            value = unquoted(text[start:end]) if part.quoted else text[start:end]
            done += [vault.escape("".join(pending)), vault.pseudonym(chosen.finding.type, value)]
            pending = []
        else:
            replacement = _replacement(text[start:end], start, chosen, region, redactor)
            pending.append(quoted(replacement) if part.quoted else replacement)
    rest = "".join((*pending, text[position:]))
    return "".join((*done, vault.escape(rest) if vault is not None else rest))


def _regions(edits: list[_Edit]) -> Iterator[tuple[int, int, list[_Edit]]]:
    """Overlapping findings together, in the order of the text."""
    ordered = sorted(edits, key=lambda edit: (edit.finding.start, edit.finding.end))
    region = [ordered[0]]
    end = ordered[0].finding.end
    for current in ordered[1:]:
        if current.finding.start < end:
            region.append(current)
            end = max(end, current.finding.end)
        else:
            yield region[0].finding.start, end, region
            region, end = [current], current.finding.end
    yield region[0].finding.start, end, region


def _replacement(value: str, start: int, chosen: _Edit, region: list[_Edit], redactor: Redactor) -> str:
    operator = chosen.rule.operator
    if operator.name == "mask":
        return _masked(value, start, operator.char, region)
    if operator.name == "hash":
        digits = redactor.hash(value).partition(":")[2][:HASH_DIGITS]
        return f"<{label(chosen.finding.type)}:{digits}>"
    return operator.with_ if operator.with_ is not None else f"<{label(chosen.finding.type)}>"


def _masked(value: str, start: int, char: str, region: list[_Edit]) -> str:
    covered = bytearray(len(value))
    for edit in region:
        first, last = edit.finding.start - start, edit.finding.end - start
        keep_first, keep_last = _kept(edit.rule.operator, last - first)
        for index in range(first + keep_first, last - keep_last):
            covered[index] = 1
    return "".join(char if hidden else letter for letter, hidden in zip(value, covered, strict=True))


def _kept(operator: OperatorConfig, length: int) -> tuple[int, int]:
    """How many characters stay readable at each end; none of a value so short that all of them would."""
    if operator.name != "mask" or operator.keep_first + operator.keep_last >= length:
        return 0, 0
    return operator.keep_first, operator.keep_last
