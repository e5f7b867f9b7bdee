"""`sentinel serve` with a model plane: started where a rule needs it, replaced, shown, stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from sentinel.demo.model import MODEL
from sentinel.models.base import Passage
from sentinel.models.client import BlockingModelClient
from tests.e2e import infer
from tests.e2e.client import INFER, Call, Observation, connect, eventually, observe
from tests.e2e.halfway import FOREVER, halfway
from tests.e2e.processes import Torture, alive
from tests.e2e.sidecar import Sidecar, start_sidecar
from tests.e2e.test_streams import CHAT, STREAM, said_over_grpc
from tests.models import tiny
from tests.models.running import TOY
from tests.rawhttp import Connection, request

MODELS: dict[str, Any] = {"detectors": {"pii": {"kind": TOY, "deadline_ms": 20_000}}}


def plane(sidecar: Sidecar) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sidecar.get("/readyz")[1])["models"]
    return found


def test_a_plane_under_the_supervisor(tmp_path: Path, upstream: Torture, rules: Path) -> None:
    asked = {"rules": {"paths": [str(rules)]}, "models": MODELS}
    with start_sidecar(tmp_path, upstream.address, **asked) as sidecar:
        first = plane(sidecar)
        assert first["models"] == {"pii": "ready"}
        client = BlockingModelClient(f"unix:{sidecar.state_dir}/models.sock")
        assert client.inspect([Passage("rude")], {"pii"}, 20_000)[0].findings
        assert sidecar.total("sentinel_model_texts_total", model="pii", answer="asked") == 1
        assert sidecar.total("sentinel_model_ready", model="pii") == 1

        os.kill(first["pid"], signal.SIGKILL)
        eventually(lambda: plane(sidecar), lambda it: it["pid"] != first["pid"] and it["models"])
        eventually(
            lambda: client.inspect([Passage("rude")], {"pii"}, 2000)[0], lambda found: not found.failed
        )
        assert sidecar.total("sentinel_restarts_total", process="models") == 1
        client.close()

        last = plane(sidecar)["pid"]
        assert sidecar.stop() == 0
        assert not alive(last)


def test_no_plane_where_no_rule_needs_it(tmp_path: Path, upstream: Torture, rules: Path) -> None:
    models = {"detectors": {"manners": {"kind": TOY}}}
    with start_sidecar(tmp_path, upstream.address, rules={"paths": [str(rules)]}, models=models) as sidecar:
        assert plane(sidecar) is None


RULES = """
rules:
  - {id: manners, detect: {detector: manners, score: 0.5}, action: block, deadline_ms: 20000}
"""


def asked(sidecar: Sidecar, prompt: str, answer: str = "fine", model: str = "m") -> Observation:
    call = Call(infer.answer(answer), (infer.request(prompt, model=model),), INFER)
    return observe(sidecar.address, call)


def test_calls_are_screened_by_the_plane_and_fail_as_told(tmp_path: Path, upstream: Torture) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    models = {"detectors": {"manners": {"kind": TOY, "deadline_ms": 20_000}}}
    paths = {"paths": [str(rules)]}
    with start_sidecar(tmp_path, upstream.address, rules=paths, models=models) as sidecar:
        assert asked(sidecar, "a kind word").code == "OK"
        assert asked(sidecar, "a rude word").code == "PERMISSION_DENIED"
        assert asked(sidecar, "kind", "a rude word").code != "OK"
        assert asked(sidecar, "please explode").code == "PERMISSION_DENIED"  # on_error: closed
        os.kill(plane(sidecar)["pid"], signal.SIGKILL)
        assert asked(sidecar, "another kind word").code == "PERMISSION_DENIED"
        eventually(lambda: asked(sidecar, "yet a kind word").code, lambda code: code == "OK")


MANNERS = {"detector": "manners", "score": 0.5}
BOTH_WAYS: list[dict[str, Any]] = [
    {
        "id": way,
        "stage": "input",
        "match": {"model": way},
        "detect": MANNERS,
        "action": "block",
        "on_error": way,
        "deadline_ms": 20_000,
    }
    for way in ("open", "closed")
]


def test_a_plane_that_dies_under_load_is_replaced_and_each_rule_fails_as_told(
    tmp_path: Path, upstream: Torture
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(json.dumps({"rules": BOTH_WAYS}))
    models = {"detectors": {"manners": {"kind": TOY, "deadline_ms": 20_000, "pause_s": 0.02}}}
    seen: Counter[tuple[str, str, str]] = Counter()
    numbers, lock, done = count(), threading.Lock(), threading.Event()

    def caller(sidecar: Sidecar, way: str, word: str) -> None:
        while not done.is_set():
            code = asked(sidecar, f"a {word} word {next(numbers)}", model=way).code
            with lock:
                seen[way, word, code] += 1

    def seen_all(*outcomes: tuple[str, str, str]) -> None:
        """Each of them, and again."""
        with lock:
            before = Counter(seen)
        eventually(lambda: Counter(seen), lambda now: all(now[each] > before[each] + 1 for each in outcomes))

    judged = [
        (way, word, code)
        for way in ("open", "closed")
        for word, code in (("kind", "OK"), ("rude", "PERMISSION_DENIED"))
    ]
    failed = [("open", "rude", "OK"), ("closed", "kind", "PERMISSION_DENIED")]
    with (
        start_sidecar(tmp_path, upstream.address, rules={"paths": [str(rules)]}, models=models) as sidecar,
        ThreadPoolExecutor(8) as pool,
    ):
        try:
            callers = [
                pool.submit(caller, sidecar, way, word)
                for way in ("open", "closed")
                for word in ("kind", "rude")
                for _ in range(2)
            ]
            seen_all(*judged)
            assert set(seen) == set(judged)
            first = plane(sidecar)["pid"]
            os.kill(first, signal.SIGKILL)
            seen_all(*failed)
            eventually(lambda: plane(sidecar), lambda it: it["pid"] != first and it["models"])
            seen_all(*judged)
        finally:
            done.set()
        for each in callers:
            each.result(60)
        assert set(seen) == {*judged, *failed}
        assert sidecar.total("sentinel_restarts_total", process="models") == 1
        for way, word, code in judged:  # nothing of the failure is left
            assert asked(sidecar, f"a {word} word at last", model=way).code == code


INSULTS = """
rules:
  - {id: insults, stage: output, detect: {detector: insults, type: INSULT}, action: redact}
"""


def test_streams_are_asked_about_sentence_by_sentence(tmp_path: Path) -> None:
    """A real model in a plane of its own; the model server falls silent behind three sentences."""
    rules = tmp_path / "rules.yaml"
    rules.write_text(INSULTS)
    own = {"kind": "onnx", "path": str(tiny.counting(tmp_path) / "model.onnx"), "scope": "sentence"}
    own |= {"labels": {"rude": "INSULT"}, "deadline_ms": 20_000}
    prompt = f"Repeat: The cat sat. You are a fool. Rain fell. So {FOREVER}"
    told = "The cat sat.<INSULT> Rain fell."

    async def over_http(address: str) -> str:
        connection = await Connection.open(address)
        body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": prompt}]}
        asked = request("POST", CHAT, json.dumps(body).encode(), "Content-Type: application/json")
        await connection.send(asked)
        said, seen = "", b""
        while len(said) < len(told):
            seen += await asyncio.wait_for(connection.reader.readuntil(b"\n\n"), 30)
            events = [line[6:] for line in seen.decode().splitlines() if line.startswith("data: ")]
            said = "".join(json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events)
        connection.close()
        return said

    def over_grpc(address: str) -> str:
        said = ""
        with connect(address) as channel:
            stream = channel.stream_stream(STREAM)(iter([infer.request(prompt, model=MODEL)]), timeout=30)
            while len(said) < len(told):
                said += said_over_grpc([next(stream)])
            stream.cancel()
        return said

    with (
        halfway(tmp_path) as model,
        start_sidecar(
            tmp_path,
            model.grpc,
            listen={"http": "127.0.0.1:0"},
            upstream={"http": f"http://{model.http}"},
            rules={"paths": [str(rules)]},
            models={"detectors": {"insults": own}},
        ) as sidecar,
    ):
        assert asyncio.run(over_http(sidecar.http)) == told
        assert over_grpc(sidecar.address) == told
        assert sidecar.total("sentinel_model_texts_total", model="insults", answer="asked") == 3
        assert sidecar.total("sentinel_model_texts_total", model="insults", answer="cached") == 3
