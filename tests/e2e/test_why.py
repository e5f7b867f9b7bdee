"""Every finding says why, in the store and to callers of the guard's own API: offsets, evidence, score,
threshold, detector version, and no text."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sentinel.pb import guard_pb2
from tests.e2e import infer
from tests.e2e.client import GUARD_S, INFER, Call, connect, observe
from tests.e2e.processes import Torture
from tests.e2e.sidecar import start_sidecar

RULES = """
rules:
  - id: hide-mail
    level: low
    stage: input
    detect: {detector: pii, type: EMAIL_ADDRESS, score: 0.4}
    action: redact
  - id: see-insults
    level: low
    stage: output
    detect: {detector: toxicity, type: INSULT, score: 0.6}
    action: flag
"""
PROMPT = "Write to quokka@example.com."
ANSWER = "Go away, you stupid moron!"


def records(config: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "sentinel.cli", "records", "--json", "-c", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "moron" not in done.stdout and "quokka" not in done.stdout
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_findings_say_why(tmp_path: Path, upstream: Torture) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    with start_sidecar(
        tmp_path,
        upstream.address,
        rules={"paths": [str(tmp_path / "rules.yaml")]},
        exporter={"enabled": True, "linger_seconds": 0.1},
        store={"listen": "127.0.0.1:0"},
    ) as sidecar:
        call = Call(infer.answer(ANSWER), (infer.request(PROMPT),), INFER)
        assert observe(sidecar.address, call).code == "OK"
        with connect(sidecar.admin) as channel:
            screen = channel.unary_unary("/sentinel.v1.GuardService/Screen")
            request = guard_pb2.ScreenRequest(text=ANSWER, stage="output").SerializeToString()
            told = guard_pb2.ScreenResponse.FromString(screen(request, timeout=GUARD_S))
        assert sidecar.stop() == 0
        (record,) = records(sidecar.config_file)
    mail, insult = record["findings"]
    assert (mail["type"], PROMPT[mail["start"] : mail["end"]]) == ("EMAIL_ADDRESS", "quokka@example.com")
    assert (mail["threshold"], mail["evidence"]) == (0.4, [])
    assert (insult["type"], insult["threshold"]) == ("INSULT", 0.6)
    assert ANSWER[insult["start"] : insult["end"]] == ANSWER
    words = [ANSWER[each["start"] : each["end"]] for each in insult["evidence"]]
    assert {"stupid", "moron"} <= set(words) and len(words) <= 5
    for finding in (mail, insult):
        assert finding["detector_version"] == record["detectors"][finding["detector"]] != ""
    (found,) = told.findings
    assert (found.rule, found.threshold, found.score) == ("see-insults", 0.6, pytest.approx(insult["score"]))
    assert [{"start": e.start, "end": e.end, "weight": e.weight} for e in found.evidence] == insult[
        "evidence"
    ]
    assert told.detectors == {"toxicity": insult["detector_version"]}
