"""Records -> columns of our own tables (`migrations/`, from 0002 on). Column-oriented: clickhouse-connect
writes Native blocks straight from columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from sentinel.core.record import DecisionRow, FindingRow, Record


class Table(NamedTuple):
    """Rows for one table, by column: `columns[i]` names the values in `data[i]`; all columns are equally
    long.

    DateTime64(9) columns take integers, nanoseconds since the Unix epoch.
    """

    columns: Sequence[str]
    data: Sequence[Sequence[Any]]

    @property
    def rows(self) -> int:
        return len(self.data[0]) if self.data else 0


_SAME_NAME = (
    "exchange_id trace_id server_span client_span parent_span trace_state trace_flags protocol method "
    "route model tenant upstream response_id streaming grpc_code error_type action rule policy "
    "detectors input_chars output_chars input_bytes output_bytes input_tokens output_tokens upstream_ns "
    "screen_us released_chars worker input_content output_content"
).split()

_EXCHANGE: dict[str, Callable[[Record], Any]] = {
    "phase": lambda record: record.phase.value,
    "outcome": lambda record: record.outcome.value,
    "started_at": lambda record: record.started_ns,
    "ended_at": lambda record: record.ended_ns or record.started_ns,
    "duration_ns": lambda record: max(0, record.ended_ns - record.started_ns),
    "input_screened": lambda record: record.input_screened.value,
    "output_screened": lambda record: record.output_screened.value,
    "finding_count": lambda record: max(record.finding_count, len(record.findings)),
}

_CONTEXT: dict[str, Callable[[Record], Any]] = {
    "exchange_id": lambda record: record.exchange_id,
    "started_at": lambda record: record.started_ns,
    "method": lambda record: record.method,
    "route": lambda record: record.route,
    "model": lambda record: record.model,
    "tenant": lambda record: record.tenant,
    "policy": lambda record: record.policy,
}

_DECISION: dict[str, Callable[[DecisionRow], Any]] = {
    "decision_id": lambda decision: decision.decision_id,
    "stage": lambda decision: decision.stage,
    "action": lambda decision: decision.action,
    "rule": lambda decision: decision.rule,
    "elapsed_us": lambda decision: decision.elapsed_us,
    "scores": lambda decision: decision.scores,
    "failed": lambda decision: decision.failed,
    "hits.rule": lambda decision: [hit[0] for hit in decision.hits],
    "hits.action": lambda decision: [hit[1] for hit in decision.hits],
    "hits.enforced": lambda decision: [hit[2] for hit in decision.hits],
    "hits.cause": lambda decision: [hit[3] for hit in decision.hits],
    "hits.why": lambda decision: [hit[4] for hit in decision.hits],
}

_FINDING = FindingRow.__struct_fields__


def exchanges(records: Sequence[Record]) -> Table:
    """One row per record."""
    columns = {name: [getattr(record, name) for record in records] for name in _SAME_NAME}
    columns |= {name: [read(record) for record in records] for name, read in _EXCHANGE.items()}
    return Table(tuple(columns), list(columns.values()))


def decisions(records: Iterable[Record]) -> Table:
    """One row per screened stage; `hits.*` hold every rule that fired, strictest first."""
    pairs = [(record, decision) for record in records for decision in record.decisions]
    columns = {name: [read(record) for record, _ in pairs] for name, read in _CONTEXT.items()}
    columns |= {name: [read(decision) for _, decision in pairs] for name, read in _DECISION.items()}
    return Table(tuple(columns), list(columns.values()))


def findings(records: Iterable[Record]) -> Table:
    """One row per finding; `index` is its place among the record's findings."""
    triples = [(record, i, finding) for record in records for i, finding in enumerate(record.findings)]
    columns: dict[str, list[Any]] = {
        name: [read(record) for record, _, _ in triples] for name, read in _CONTEXT.items()
    }
    columns |= {name: [getattr(finding, name) for _, _, finding in triples] for name in _FINDING}
    columns["index"] = [i for _, i, _ in triples]
    columns["detector_version"] = [
        record.detectors.get(finding.detector, "") for record, _, finding in triples
    ]
    return Table(tuple(columns), list(columns.values()))


def record_tables(records: Sequence[Record]) -> dict[str, Table]:
    """Everything of our own that a batch of records writes, ready for `Store.insert`."""
    return {
        "sentinel_exchanges": exchanges(records),
        "sentinel_decisions": decisions(records),
        "sentinel_findings": findings(records),
    }
