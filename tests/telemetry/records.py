"""Records as the data plane writes them, told apart by their exchange id."""

from __future__ import annotations

from typing import Any

from sentinel.core.record import DecisionRow, FindingRow, Outcome, Phase, Record, Screened

START_NS = 1_767_225_600_000_000_000  # 2026-01-01 00:00:00 UTC
SECOND_NS = 1_000_000_000


def finding(**changes: Any) -> FindingRow:
    fields: dict[str, Any] = {
        "stage": "input",
        "part": 0,
        "path": "inputs[text_input][0]",
        "role": "prompt",
        "detector": "pii",
        "type": "EMAIL_ADDRESS",
        "start": 3,
        "end": 20,
        "score": 0.85,
        "rule": "pii-email",
        "action": "flag",
        "level": "medium",
        "threshold": 0.5,
        "value_hmac": "k1:00ff",
        "why": "pattern and domain",
    }
    return FindingRow(**fields | changes)


def record(exchange_id: str, **changes: Any) -> Record:
    """An answered unary call with one finding; the trace id is the exchange id."""
    fields: dict[str, Any] = {
        "exchange_id": exchange_id,
        "phase": Phase.FINAL,
        "outcome": Outcome.ANSWERED,
        "started_ns": START_NS,
        "ended_ns": START_NS + SECOND_NS,
        "trace_id": exchange_id,
        "server_span": "b7ad6b7169203331",
        "client_span": "00f067aa0ba902b7",
        "protocol": "open_inference",
        "method": "/inference.GRPCInferenceService/ModelInfer",
        "route": "default",
        "model": "demo",
        "upstream": "127.0.0.1:9000",
        "action": "flag",
        "rule": "pii-email",
        "policy": "policy-digest",
        "detectors": {"pii": "2.2"},
        "input_screened": Screened.YES,
        "output_screened": Screened.NO_RULE,
        "upstream_ns": SECOND_NS // 2,
        "screen_us": 100,
        "decisions": (DecisionRow("d" * 32, "input", "flag", "pii-email", elapsed_us=100),),
        "findings": (finding(),),
    }
    return Record(**fields | changes)


def opening(exchange_id: str, **changes: Any) -> Record:
    """The opening record of a stream."""
    return record(exchange_id, phase=Phase.OPEN, ended_ns=0, streaming=True, **changes)


def edit(exchange_id: str, *findings: FindingRow, **changes: Any) -> Record:
    """An edit of a stream, by default of one finding in its answer."""
    rows = findings or (finding(stage="output", role="answer", rule="hide", action="redact"),)
    return Record(
        **{
            "exchange_id": exchange_id,
            "phase": Phase.EDIT,
            "outcome": Outcome.INTERRUPTED,
            "started_ns": START_NS,
            "trace_id": "",
            "server_span": "",
            "client_span": "",
            "protocol": "",
            "method": "",
            "route": "",
            "action": "redact",
            "rule": "hide",
            "finding_count": len(rows),
            "findings": rows,
        }
        | changes
    )
