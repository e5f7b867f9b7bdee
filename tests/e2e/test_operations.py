"""Starting, draining, reloading, and workers that die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import infer
from tests.e2e.client import (
    INFER,
    PASS,
    Call,
    connect,
    eventually,
    finish,
    observe,
    open_stream,
)
from tests.e2e.load import Load
from tests.e2e.processes import Torture, alive, group_members
from tests.e2e.sidecar import Sidecar, start_sidecar

REQUESTS = {PASS: (b"a",), INFER: (infer.request("hello"),)}


def slow_calls(seconds: float = 0.02) -> list[Call]:
    script = [["sleep", seconds], *infer.answer("x")]
    return [Call(script, REQUESTS[method], method) for method in (PASS, INFER)]


def reached(upstream: Torture) -> set[str]:
    return set(upstream.control.ask("All"))


class TestDrain:
    def test_no_accepted_call_is_lost(self, tmp_path: Path, upstream: Torture, rules: Path) -> None:
        """Under load: every call that the upstream saw was answered; what came too late was told so."""
        with start_sidecar(tmp_path, upstream.address, workers=2, rules={"paths": [str(rules)]}) as sidecar:
            with Load(sidecar.address, slow_calls(0.1)) as load:
                eventually(lambda: len(load.answered), lambda count: count > 30)
                assert sidecar.stop(within_s=10) == 0
                time.sleep(0.3)
            assert load.failed.keys() & reached(upstream) == set()
            # gRPC itself cancels a call that it has read and not yet handed to us when the server stops.
            assert {seen.code for seen in load.failed.values()} <= {"UNAVAILABLE", "CANCELLED"}
            assert not (sidecar.state_dir / "serve.json").exists()
            assert group_members(sidecar.pid) == {}

    def test_a_long_stream_may_finish(self, tmp_path: Path, upstream: Torture) -> None:
        call = Call([["text", "a"], ["wait", "$"], ["text", "b"]])
        call.script[1][1] = call.id
        with start_sidecar(tmp_path, upstream.address, drain_s=15) as sidecar:
            with connect(sidecar.address) as channel:
                stream = open_stream(channel, call)
                assert next(stream) == b"a"
                sidecar.signal(signal.SIGTERM)
                late = Call([["send", 0]], timeout=5)
                eventually(lambda: observe(sidecar.address, late.again()).code, lambda code: code != "OK")
                upstream.control.open(call.id)
                assert finish(stream, [b"a"]).messages == (b"a", b"b")
            assert sidecar.process.wait(10) == 0

    @pytest.mark.parametrize("method", [PASS, INFER], ids=["unknown method", "ModelInfer"])
    def test_a_stuck_call_ends_with_the_drain(self, tmp_path: Path, upstream: Torture, method: str) -> None:
        call = Call([["read_all"], ["wait", "never"]], REQUESTS[method], method, timeout=None)
        with (
            start_sidecar(tmp_path, upstream.address, drain_s=1) as sidecar,
            connect(sidecar.address) as channel,
        ):
            stream = open_stream(channel, call)
            eventually(lambda: upstream.control.seen(call)["notes"], bool)
            assert sidecar.stop(within_s=10) == 0
            assert finish(stream).code in ("UNAVAILABLE", "CANCELLED")
            assert upstream.control.ended(call)["ended"] == "cancelled"


class TestWorkerDies:
    @pytest.fixture(scope="class")
    @classmethod
    def pair(
        cls, tmp_path_factory: pytest.TempPathFactory, upstream: Torture, rules: Path
    ) -> Iterator[Sidecar]:
        directory = tmp_path_factory.mktemp("pair")
        with start_sidecar(directory, upstream.address, workers=2, rules={"paths": [str(rules)]}) as it:
            yield it

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
    def test_it_is_replaced(self, pair: Sidecar, number: int) -> None:
        before = pair.workers()
        calls = pair.total("sentinel_calls_total")
        os.kill(before[0], number)
        after = eventually(
            pair.workers, lambda now: len(now) == 2 and before[0] not in now and all(map(alive, now))
        )
        assert before[1] in after
        eventually(pair.ready, bool)
        for _ in range(8):
            assert observe(pair.address, Call([["send", 0]])).code == "OK"
        eventually(lambda: pair.total("sentinel_calls_total"), lambda now: now == calls + 8)

    def test_the_other_keeps_serving_meanwhile(self, pair: Sidecar) -> None:
        """Calls on the worker that died fail once; none fails on the other, and none after that."""
        with Load(pair.address, slow_calls()) as load:
            eventually(lambda: len(load.answered), lambda count: count > 30)
            first = pair.workers()[0]
            os.kill(first, signal.SIGKILL)
            eventually(pair.workers, lambda now: first not in now and len(now) == 2)
            count = len(load.answered)
            eventually(lambda: len(load.answered), lambda now: now > count + 60)
            failures = len(load.failed)
            eventually(lambda: len(load.answered), lambda now: now > count + 90)
            assert len(load.failed) == failures
        assert {seen.code for seen in load.failed.values()} <= {"UNAVAILABLE"}

    def test_no_process_outlives_a_supervisor_that_was_killed(
        self, tmp_path: Path, upstream: Torture
    ) -> None:
        with start_sidecar(tmp_path, upstream.address, workers=2, drain_s=1) as sidecar:
            members = group_members(sidecar.pid)
            assert len(members) >= 3
            os.kill(sidecar.pid, signal.SIGKILL)
            sidecar.process.wait(5)
            eventually(lambda: [pid for pid in members if alive(pid)], lambda living: not living)
            sidecar.start()
            assert observe(sidecar.address, Call([["send", 0]])).code == "OK"


RULE = """
rules:
  - id: {id}
    level: high
    stage: input
    detect: {{detector: pii, type: EMAIL_ADDRESS}}
    action: {action}
"""
WITH_EMAIL = Call(infer.answer("x"), (infer.request("write to someone@example.com"),), INFER)


class TestReload:
    @pytest.fixture(params=["file change", "SIGHUP"])
    def trigger(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture(scope="class")
    @classmethod
    def live(
        cls, tmp_path_factory: pytest.TempPathFactory, upstream: Torture
    ) -> Iterator[tuple[Sidecar, Path]]:
        directory = tmp_path_factory.mktemp("reload")
        rules = directory / "rules"
        rules.mkdir()
        (rules / "mine.yaml").write_text(RULE.format(id="mine", action="flag"))
        with start_sidecar(directory, upstream.address, workers=2, rules={"paths": [str(rules)]}) as it:
            yield it, rules / "mine.yaml"

    @staticmethod
    def write(sidecar: Sidecar, path: Path, text: str, trigger: str) -> None:
        part = path.with_suffix(".part")
        part.write_text(text)
        part.rename(path)
        if trigger == "SIGHUP":
            sidecar.signal(signal.SIGHUP)

    @staticmethod
    def actions(sidecar: Sidecar) -> set[str]:
        """What calls on several connections are told, so that every worker is asked."""
        return {observe(sidecar.address, WITH_EMAIL.again()).action for _ in range(8)}

    def test_rules(self, live: tuple[Sidecar, Path], trigger: str) -> None:
        sidecar, rules = live
        for action in ("block", "flag"):
            self.write(sidecar, rules, RULE.format(id="mine", action=action), trigger)
            eventually(lambda: self.actions(sidecar), lambda found, action=action: found == {action})

    @pytest.mark.parametrize(
        ("text", "key"),
        [
            (RULE.format(id="mine", action="explode"), "action"),
            (RULE.format(id="mine", action="block").replace("level: high", "levle: high"), "levle"),
            ("rules: [", ""),
            (RULE.format(id="mine", action="block").replace("pii", "no_such_detector"), "detector"),
        ],
        ids=["value", "key", "YAML", "detector"],
    )
    def test_wrong_rules_are_refused_and_the_old_ones_kept(
        self, live: tuple[Sidecar, Path], text: str, key: str
    ) -> None:
        sidecar, rules = live
        trigger = "SIGHUP" if key else "file change"
        good = RULE.format(id="mine", action="flag")
        self.write(sidecar, rules, good, trigger)
        eventually(lambda: self.actions(sidecar), lambda found: found == {"flag"})
        logged = len(sidecar.log_text())
        refused = sidecar.total("sentinel_reloads_total", result="refused")
        self.write(sidecar, rules, text, trigger)
        eventually(
            lambda: sidecar.total("sentinel_reloads_total", result="refused"), lambda now: now >= refused + 2
        )
        told = sidecar.log_text()[logged:]
        assert f"{rules}:" in told and key in told
        assert rules.name in sidecar.get("/readyz")[1]
        assert self.actions(sidecar) == {"flag"}
        self.write(sidecar, rules, good, trigger)
        eventually(lambda: sidecar.get("/readyz")[1], lambda text: rules.name not in text)

    def test_config(self, live: tuple[Sidecar, Path], trigger: str) -> None:
        sidecar, _ = live
        for setting, code in (("refuse", "UNIMPLEMENTED"), ("pass", "OK")):
            config = {**sidecar.read_config(), "unknown_methods": setting}
            sidecar.write_config(config)
            if trigger == "SIGHUP":
                sidecar.signal(signal.SIGHUP)
            eventually(
                lambda: {observe(sidecar.address, Call([["send", 0]])).code for _ in range(8)},
                lambda found, code=code: found == {code},
            )

    def test_wrong_config_is_refused(self, live: tuple[Sidecar, Path]) -> None:
        sidecar, _ = live
        good = sidecar.read_config()
        logged = len(sidecar.log_text())
        sidecar.write_config({**good, "drain_seconds": 5})
        eventually(lambda: sidecar.log_text()[logged:], lambda text: "drain_seconds" in text)
        assert self.actions(sidecar) == {"flag"}
        sidecar.write_config(good)
        eventually(lambda: sidecar.get("/readyz")[1], lambda text: "drain_seconds" not in text)

    def test_no_call_is_lost_over_reloads(self, live: tuple[Sidecar, Path]) -> None:
        sidecar, rules = live
        with Load(sidecar.address, slow_calls()) as load:
            for round_ in range(6):
                action = ("flag", "block")[round_ % 2]
                self.write(sidecar, rules, RULE.format(id="mine", action=action), "SIGHUP")
                count = len(load.answered)
                eventually(lambda: len(load.answered), lambda now, count=count: now > count + 20)
        assert load.failed == {}


class TestStart:
    @pytest.mark.parametrize(
        ("config", "words"),
        [
            ({"workers": 0}, ["sentinel.yaml", "workers"]),
            ({"upstraem": {}}, ["sentinel.yaml", "upstraem"]),
            ({"rules": {"paths": ["no-such-folder"]}}, ["no-such-folder"]),
            ({"listen": {"tls": {"certificate": "no.pem", "key": "no.key"}}}, ["no.key", "listen.tls.key"]),
            ({"listen": {"grpc": "192.0.2.1:1"}}, ["192.0.2.1:1", "listen.grpc"]),
        ],
        ids=["value", "key", "rules", "tls", "address"],
    )
    def test_a_mistake_ends_it_with_a_clear_error(
        self, tmp_path: Path, config: dict[str, object], words: list[str]
    ) -> None:
        with pytest.raises(AssertionError, match="before it was ready") as caught:
            with start_sidecar(tmp_path, "127.0.0.1:1", **config):
                pass
        for word in words:
            assert word in str(caught.value)
        assert "Traceback" not in str(caught.value)
