"""Edits of an open stream, joined to its opening record: what is known of it if nothing more comes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec

from sentinel.core.decision import Action
from sentinel.core.exchange import Stage
from sentinel.core.record import DecisionRow, FindingRow, Record, decode, encode

_MAX_ROWS = 1_000  # of findings in the answer; more are counted


def joined(record: Record, edit: Record) -> Record:
    """A record, opening or of an edit, with what a later edit adds."""
    action, rule = record.action, record.rule
    if _strictness(edit.action) > _strictness(action):
        action, rule = edit.action, edit.rule
    return msgspec.structs.replace(
        record,
        action=action,
        rule=rule,
        detectors=record.detectors | edit.detectors,
        decisions=_decisions(record.decisions, edit.decisions),
        findings=(*record.findings, *_new_rows(record, edit)),
        finding_count=_count(record) + _count(edit),
        released_chars=max(record.released_chars, edit.released_chars),
    )


def amended(payload: bytes, edit: bytes) -> bytes:
    """The same for encoded records."""
    return encode(joined(decode(payload), decode(edit)))


def _decisions(before: Sequence[DecisionRow], edits: Sequence[DecisionRow]) -> tuple[DecisionRow, ...]:
    """One about the answer, with every rule that edits of it name."""
    decisions = {row.decision_id: row for row in before}
    for row in edits:
        known = decisions.get(row.decision_id, row)
        hits = {hit[0]: hit for hit in (*row.hits, *known.hits)}
        decisions[row.decision_id] = msgspec.structs.replace(known, hits=tuple(sorted(hits.values())))
    return tuple(decisions.values())


def _new_rows(record: Record, edit: Record) -> tuple[FindingRow, ...]:
    room = _MAX_ROWS - sum(row.stage == Stage.OUTPUT for row in record.findings)
    return tuple(itertools.islice(edit.findings, max(0, room)))


def _count(record: Record) -> int:
    return max(record.finding_count, len(record.findings))


def _strictness(label: str) -> int:
    return next((action for action in Action if action.label == label), Action.ALLOW)
