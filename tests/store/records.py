"""Records to store, with every field set to something that can be told from its default."""

from __future__ import annotations

from sentinel.core.record import DecisionRow, FindingRow, Outcome, Phase, Record, Screened

START_NS = 1_767_225_600_123_456_789  # 2026-01-01 00:00:00.123456789 UTC
SECOND_NS = 1_000_000_000


def blocked(number: int = 1, *, started_ns: int = START_NS) -> Record:
    """An exchange whose prompt was refused for two findings."""
    findings = tuple(
        FindingRow(
            stage="input",
            part=i,
            path="inputs[text_input][0]",
            role="prompt",
            detector="pii",
            type=kind,
            start=4,
            end=20,
            score=0.85,
            rule="pii-block",
            action="block",
            level="high",
            enforced=True,
            threshold=0.5,
            value_hmac="k1:00ff",
            why="pattern and checksum",
            evidence=((8, 12, 1.25), (4, 7, 0.1)),
        )
        for i, kind in enumerate(("CREDIT_CARD", "EMAIL_ADDRESS"))
    )
    decision = DecisionRow(
        decision_id=f"decision-{number}",
        stage="input",
        action="block",
        rule="pii-block",
        hits=(
            ("pii-block", "block", True, "finding", "a card number"),
            ("pii-shadow", "redact", False, "finding", ""),
        ),
        failed={"toxicity": "late"},
        scores={"injection": 0.25},
        elapsed_us=180,
    )
    return Record(
        exchange_id=f"{number:032x}",
        phase=Phase.FINAL,
        outcome=Outcome.REFUSED,
        started_ns=started_ns,
        ended_ns=started_ns + 2_000_000,
        trace_id="0af7651916cd43dd8448eb211c80319c",
        server_span="b7ad6b7169203331",
        client_span="00f067aa0ba902b7",
        parent_span="53995c3f42cd8ad8",
        protocol="open_inference",
        method="/inference.GRPCInferenceService/ModelInfer",
        route="default",
        model="demo",
        tenant="acme",
        upstream="127.0.0.1:9000",
        grpc_code="PERMISSION_DENIED",
        action="block",
        rule="pii-block",
        policy="policy-digest",
        detectors={"pii": "2.2"},
        input_screened=Screened.YES,
        output_screened=Screened.NOT_REACHED,
        input_chars=40,
        input_bytes=120,
        screen_us=180,
        worker="w0",
        decisions=(decision,),
        findings=findings,
    )


def allowed(number: int, *, started_ns: int = START_NS) -> Record:
    """An exchange that passed both stages."""
    decisions = tuple(
        DecisionRow(decision_id=f"decision-{number}-{stage}", stage=stage, action="allow", elapsed_us=40)
        for stage in ("input", "output")
    )
    return Record(
        exchange_id=f"{number:032x}",
        phase=Phase.FINAL,
        outcome=Outcome.ANSWERED,
        started_ns=started_ns,
        ended_ns=started_ns + 30_000_000,
        trace_id=f"{number:032x}",
        server_span="b7ad6b7169203331",
        client_span="00f067aa0ba902b7",
        protocol="open_inference",
        method="/inference.GRPCInferenceService/ModelInfer",
        route="default",
        model="demo",
        policy="policy-digest",
        input_screened=Screened.YES,
        output_screened=Screened.YES,
        input_chars=10,
        output_chars=100,
        upstream_ns=25_000_000,
        screen_us=80,
        decisions=decisions,
    )
