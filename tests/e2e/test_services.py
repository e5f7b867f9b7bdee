"""What is found on the ports: health, reflection, unknown methods, admin pages; several workers."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.e2e import infer
from tests.e2e.client import GUARD_S, INFER, Call, connect, eventually, finish, observe, open_stream
from tests.e2e.processes import ROOT, Torture, mapped_files, owner_of_port, torture
from tests.e2e.sidecar import Sidecar, start_sidecar

HEALTH = "grpc.health.v1.Health"
HEAVY = ("torch", "transformers", "spacy", "pandas", "evidently", "chdb", "presidio_analyzer", "numpy")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class TestHealth:
    @pytest.fixture(scope="class")
    @classmethod
    def own(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Torture]:
        with torture(tmp_path_factory.mktemp("own")) as started:
            yield started

    @pytest.fixture(scope="class")
    @classmethod
    def front(cls, tmp_path_factory: pytest.TempPathFactory, own: Torture) -> Iterator[Sidecar]:
        directory = tmp_path_factory.mktemp("health")
        with start_sidecar(directory, own.address, health={"interval_s": 0.1}) as it:
            yield it

    @pytest.mark.parametrize("service", ["", "inference.GRPCInferenceService"])
    def test_check_follows_the_upstream(self, front: Sidecar, own: Torture, service: str) -> None:
        with connect(front.address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            request = health_pb2.HealthCheckRequest(service=service)

            def status() -> int:
                return int(stub.Check(request, timeout=GUARD_S).status)

            for said, expected in (("SERVING", SERVING), ("NOT_SERVING", NOT_SERVING), ("SERVING", SERVING)):
                own.control.ask("Health", status=said)
                eventually(status, lambda found, expected=expected: found == expected)

    def test_watch_follows_the_upstream(self, front: Sidecar, own: Torture) -> None:
        own.control.ask("Health", status="SERVING")
        eventually(front.ready, bool)
        with connect(front.address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=GUARD_S)
            assert next(watch).status == SERVING
            own.control.ask("Health", status="NOT_SERVING")
            assert next(watch).status == NOT_SERVING
            own.control.ask("Health", status="SERVING")
            assert next(watch).status == SERVING
            watch.cancel()

    def test_readyz_follows_the_upstream(self, front: Sidecar, own: Torture) -> None:
        own.control.ask("Health", status="NOT_SERVING")
        eventually(lambda: front.get("/readyz")[0], lambda status: status == 503)
        assert front.get("/healthz")[0] == 200
        own.control.ask("Health", status="SERVING")
        eventually(lambda: front.get("/readyz")[0], lambda status: status == 200)

    def test_an_unknown_service(self, front: Sidecar) -> None:
        with connect(front.address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            with pytest.raises(grpc.RpcError) as caught:
                stub.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=GUARD_S)
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND


class TestReflection:
    """The upstream's own reflection, through Sentinel."""

    @pytest.mark.parametrize("via", ["direct", "sentinel"])
    def test_descriptors(self, upstream: Torture, sidecar: Sidecar, via: str) -> None:
        with connect(upstream.address if via == "direct" else sidecar.address) as channel:
            database = ProtoReflectionDescriptorDatabase(channel)
            assert HEALTH in database.get_services()
            service = DescriptorPool(database).FindServiceByName(HEALTH)
            assert {"Check", "Watch"} <= {method.name for method in service.methods}

    def test_a_client_that_knows_nothing_but_the_address(self, sidecar: Sidecar) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from grpc_requests import Client

            client = Client.get_by_endpoint(sidecar.address)
            assert HEALTH in client.service_names
            assert client.request(HEALTH, "Check", {"service": ""}) == {"status": "SERVING"}
            client.channel.close()


class TestUnknownMethods:
    @pytest.fixture(scope="class")
    @classmethod
    def strict(
        cls, tmp_path_factory: pytest.TempPathFactory, upstream: Torture, rules: Path
    ) -> Iterator[Sidecar]:
        directory = tmp_path_factory.mktemp("strict")
        rule = {"paths": [str(rules)]}
        with start_sidecar(directory, upstream.address, unknown_methods="refuse", rules=rule) as it:
            yield it

    def test_refused_before_the_upstream_hears_of_it(self, strict: Sidecar, upstream: Torture) -> None:
        call = Call([["echo"]])
        seen = observe(strict.address, call)
        assert (seen.code, seen.messages) == ("UNIMPLEMENTED", ())
        assert "unknown_methods" in seen.details and call.method in seen.details
        assert upstream.control.seen(call)["peer"] == ""

    def test_known_methods_still_work(self, strict: Sidecar) -> None:
        seen = observe(strict.address, Call(infer.answer("x"), (infer.request("hello"),), INFER))
        assert (seen.code, seen.action) == ("OK", "allow")
        live = Call([["send", 0]], method="/inference.GRPCInferenceService/ServerLive")
        assert observe(strict.address, live).code == "OK"
        with connect(strict.address) as channel:
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=GUARD_S)

    def test_what_passed_unread_is_never_called_screened(self, sidecar: Sidecar) -> None:
        def counts() -> tuple[float, float, float]:
            return (
                sidecar.total("sentinel_calls_total", screened="yes"),
                sidecar.total("sentinel_calls_total", screened="no"),
                sidecar.total("sentinel_unscreened_total", reason="unknown_method"),
            )

        yes, no, unknown = counts()
        for _ in range(3):
            seen = observe(sidecar.address, Call([["echo"]]))
            assert (seen.code, seen.action, seen.decision_id) == ("OK", "", "")
        eventually(counts, lambda now: now == (yes, no + 3, unknown + 3))
        call = Call(infer.answer("x"), (infer.request("hello"),), INFER)
        assert observe(sidecar.address, call).action == "allow"
        eventually(counts, lambda now: now == (yes + 1, no + 3, unknown + 3))

    def test_rules_have_no_say_in_it(self, tmp_path: Path, upstream: Torture) -> None:
        """The bundled rules refuse what they cannot check; a method that no adapter knows is not theirs."""
        with start_sidecar(tmp_path, upstream.address, unknown_methods="pass") as sidecar:
            assert observe(sidecar.address, Call([["echo"]], (b"a",))).messages == (b"a",)

    def test_a_stream_of_a_known_protocol(self, sidecar: Sidecar) -> None:
        """Known, so screened: each of its requests is counted as one."""

        def counts() -> tuple[float, float]:
            return (
                sidecar.total("sentinel_calls_total", screened="yes"),
                sidecar.total("sentinel_calls_total", screened="no"),
            )

        yes, no = counts()
        method = "/inference.GRPCInferenceService/ModelStreamInfer"
        seen = observe(sidecar.address, Call([["echo"]], (infer.request("a"), infer.request("b")), method))
        assert (seen.code, seen.action, len(seen.messages)) == ("OK", "allow", 2)
        eventually(counts, lambda now: now == (yes + 2, no))


class TestAdmin:
    def test_pages(self, sidecar: Sidecar) -> None:
        assert sidecar.get("/healthz")[0] == 200
        assert sidecar.get("/readyz")[0] == 200
        assert sidecar.get("/nothing")[0] == 404

    def test_metrics_add_up_over_the_workers(self, sidecar: Sidecar, upstream: Torture) -> None:
        """Calls on many connections, so on both workers; both counts are in the sum."""
        before = sidecar.total("sentinel_calls_total", screened="no")
        served = serving_pids(sidecar, upstream, 24)
        assert served == set(sidecar.workers())
        assert len(served) == 2
        eventually(
            lambda: sidecar.total("sentinel_calls_total", screened="no") - before, lambda more: more == 24
        )

    def test_they_are_for_prometheus(self, sidecar: Sidecar) -> None:
        names = set(sidecar.metrics())
        assert {"sentinel_calls_total", "sentinel_in_flight", "sentinel_screen_seconds_bucket"} <= names


def serving_pids(sidecar: Sidecar, upstream: Torture, connections: int) -> set[int | None]:
    """Which worker served, over as many connections of one call each."""
    calls = [Call([["send", 0]]) for _ in range(connections)]
    for call in calls:
        assert observe(sidecar.address, call).code == "OK"
    ports = {int(upstream.control.seen(call)["peer"].rpartition(":")[2]) for call in calls}
    return {owner_of_port(port, sidecar.workers()) for port in ports}


class TestDataPlaneIsLight:
    def test_no_heavy_library_is_mapped_into_a_worker(self, sidecar: Sidecar) -> None:
        observe(sidecar.address, Call(infer.answer("x"), (infer.request("hello"),), INFER))
        for pid in sidecar.workers():
            found = {
                path
                for path in mapped_files(pid)
                for name in HEAVY
                if f"/{name}" in path or f"_{name}" in path
            }
            assert found == set()

    def test_no_heavy_library_is_imported(self) -> None:
        source = f"import sys, sentinel.app.worker; print([m for m in {HEAVY!r} if m in sys.modules])"
        done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True)
        assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_unix_sockets_on_both_sides(tmp_path: Path, rules: Path) -> None:
    above, below = f"unix:{tmp_path}/up.sock", f"unix:{tmp_path}/down.sock"
    with (
        torture(tmp_path, "--listen", above) as upstream,
        start_sidecar(tmp_path, above, listen={"grpc": below}, rules={"paths": [str(rules)]}) as sidecar,
    ):
        assert sidecar.address == below
        call = Call(infer.answer("x"), (infer.request("hello"),), INFER)
        assert observe(below, call).without_ours() == observe(upstream.address, call.again())
        assert observe(below, Call([["echo"]], (b"a", b"b"))).messages == (b"a", b"b")


def test_nothing_that_callers_send_is_logged(sidecar: Sidecar) -> None:
    """Not in texts, metadata or bytes that cannot be read."""
    word = "quokka" + "-31415"
    calls = [
        Call(infer.answer(word), (infer.request(f"mail {word}@example.com"),), INFER, (("x-key", word),)),
        Call([["echo"]], (word.encode(),)),
        Call([["read_all"]], (b"\xff" + word.encode(),), INFER),
        Call([["read_all"], ["text", word]], (infer.request(word),), INFER),
        Call([["read_all"], ["status", "INTERNAL", word, []]], (infer.request(word),), INFER),
    ]
    with connect(sidecar.address) as channel:
        for call in calls:
            finish(open_stream(channel, call))
    assert word not in sidecar.log_text()
    assert word not in sidecar.get("/metrics")[1]
