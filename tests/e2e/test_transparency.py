"""What a caller sees through Sentinel is what it sees without it, call by call.

Each call is made twice, direct and through, and both observations are equal. `PASS` is a method that Sentinel
does not know; `INFER` is one that it decodes and screens.
"""

from __future__ import annotations

import base64
import json
import multiprocessing
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from tests.e2e import infer
from tests.e2e.client import (
    INFER,
    PASS,
    Call,
    Feed,
    Metadata,
    Observation,
    Script,
    connect,
    eventually,
    finish,
    grouped,
    observe,
    open_stream,
)
from tests.e2e.processes import Torture
from tests.e2e.sidecar import Sidecar
from tests.e2e.torture import from_text, to_text

ALL_BYTES = bytes(range(256))

METADATA: dict[str, Metadata] = {
    "none": (),
    "ascii": (("x-one", "1"),),
    "repeated": (("x-many", "1"), ("x-many", "2"), ("x-other", "o"), ("x-many", "1")),
    "comma": (("x-comma", "a,b"), ("x-comma", "c")),
    "binary": (("x-all-bin", ALL_BYTES),),
    "repeated binary": (("x-raw-bin", b"\x00"), ("x-raw-bin", b"\xff,\xff"), ("x-raw-bin", b"")),
    "empty": (("x-empty", ""),),
    "inner spaces": (("x-spaces", "a  b   c"),),
    "punctuation": (("x_under.score-and.dots", "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"),),
    "long": (("x-long", "v" * 2000),),
    "longer than the default limit of 8 KiB": (("x-long", "v" * 25_000),),
    "authorisation": (("authorization", "Bearer " + "synthetic"), ("cookie", "a=b")),
}
KINDS = {
    "unknown method": (PASS, (b"a", b"b"), [["echo"]]),
    "ModelInfer": (INFER, (infer.request("hello"),), infer.answer("world")),
}

Same = Callable[[Call], Observation]


@pytest.fixture
def same(upstream: Torture, sidecar: Sidecar) -> Same:
    def check(call: Call) -> Observation:
        direct = observe(upstream.address, call)
        through = observe(sidecar.address, call.again())
        assert through.without_ours() == direct
        if call.method == PASS:
            assert through == direct, "an unscreened call carries no decision"
        elif through.code == "OK":
            assert through.decision_id and through.action == "allow"
        return direct

    return check


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[str, tuple[bytes, ...], Script]:
    return KINDS[request.param]


@pytest.fixture(params=METADATA)
def metadata(request: pytest.FixtureRequest) -> Metadata:
    return METADATA[request.param]


Kind = tuple[str, tuple[bytes, ...], Script]


def test_request_metadata(upstream: Torture, sidecar: Sidecar, kind: Kind, metadata: Metadata) -> None:
    method, requests, script = kind

    def arrived(address: str) -> dict[str, list[str | bytes]]:
        call = Call(script, requests, method, metadata)
        assert observe(address, call).code == "OK"
        pairs = [pair for pair in upstream.control.seen(call)["metadata"] if pair[0] != "torture-id"]
        return grouped(from_text(pairs))

    direct = arrived(upstream.address)
    assert {key: direct.get(key) for key in grouped(metadata)} == grouped(metadata)
    assert arrived(sidecar.address) == direct


def test_response_metadata(same: Same, kind: Kind, metadata: Metadata) -> None:
    method, requests, script = kind
    pairs = to_text(metadata)
    seen = same(Call([["initial", pairs], *script, ["trailers", pairs]], requests, method))
    assert (seen.code, seen.initial, seen.trailing) == ("OK", grouped(metadata), grouped(metadata))


def test_trailers_on_error(same: Same, kind: Kind, metadata: Metadata) -> None:
    method, requests, _ = kind
    pairs = to_text(metadata)
    script = [["initial", pairs], ["read_all"], ["status", "FAILED_PRECONDITION", "not now", pairs]]
    seen = same(Call(script, requests, method))
    assert (seen.code, seen.details) == ("FAILED_PRECONDITION", "not now")
    assert (seen.initial, seen.trailing) == (grouped(metadata), grouped(metadata))


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_every_status_code(same: Same, kind: Kind, code: grpc.StatusCode) -> None:
    method, requests, _ = kind
    assert same(Call([["read_all"], ["status", code.name, "why", []]], requests, method)).code == code.name


@pytest.mark.parametrize("details", ["", "100% \u00fc\u4e2d\U0001f600", "two\nlines\t\u0000end", "d" * 3000])
def test_status_message(same: Same, kind: Kind, details: str) -> None:
    method, requests, _ = kind
    assert same(Call([["read_all"], ["status", "ABORTED", details, []]], requests, method)).details == details


def test_error_before_any_read(same: Same, kind: Kind) -> None:
    """The upstream refuses at once: the answer is trailers only."""
    method, requests, _ = kind
    assert same(Call([["status", "UNAUTHENTICATED", "who", []]], requests, method)).code == "UNAUTHENTICATED"


def test_error_after_messages(same: Same) -> None:
    seen = same(Call([["text", "a"], ["text", "b"], ["status", "DATA_LOSS", "lost", [["t", "1"]]]]))
    assert (seen.messages, seen.code, seen.trailing) == ((b"a", b"b"), "DATA_LOSS", {"t": ["1"]})


def test_status_details(upstream: Torture, sidecar: Sidecar, kind: Kind) -> None:
    method, requests, _ = kind
    info = error_details_pb2.ErrorInfo(reason="QUOTA", domain="example.com", metadata={"k": "v"})
    packed = any_pb2.Any()
    packed.Pack(info)
    status = status_pb2.Status(code=8, message="quota", details=[packed])
    pairs = [["grpc-status-details-bin", base64.b64encode(status.SerializeToString()).decode()], ["t", "1"]]

    def rich(address: str) -> Any:
        call = Call([["read_all"], ["status", "RESOURCE_EXHAUSTED", "quota", pairs]], requests, method)
        with connect(address) as channel:
            stream = open_stream(channel, call)
            assert finish(stream).trailing["t"] == ["1"]
            return rpc_status.from_call(stream)

    assert rich(upstream.address) == status
    assert rich(sidecar.address) == status


ENDS_EARLY: dict[str, Call] = {
    "at once": Call([["status", "ABORTED", "no", [["t", "1"]]]], (b"a",) * 5),
    "without reading": Call([["text", "deaf"]], (b"a" * 1000,) * 50),
    "method not implemented": Call([], (b"a",), "/torture.Torture/Missing"),
}


@pytest.mark.parametrize("name", ENDS_EARLY)
def test_upstream_that_ends_before_it_has_read_everything(
    upstream: Torture, sidecar: Sidecar, name: str
) -> None:
    """Its status races the requests that are still on their way, so it is asked a hundred times."""
    direct = observe(upstream.address, ENDS_EARLY[name])
    with connect(sidecar.address) as channel:
        for _ in range(100):
            assert finish(open_stream(channel, ENDS_EARLY[name].again())) == direct


def test_method_that_the_upstream_lacks(same: Same) -> None:
    assert same(Call([], method="/torture.Torture/Missing")).code == "UNIMPLEMENTED"


@pytest.mark.parametrize(
    "method", ["/a.b.c.D/E", "/D/E", "/a/b/c", "/inference.GRPCInferenceService/ServerLive"]
)
def test_method_paths(upstream: Torture, sidecar: Sidecar, method: str) -> None:
    for address in (upstream.address, sidecar.address):
        assert observe(address, Call([["read_all"], ["send", 0]], method=method)).code == "OK"


# Streams


STREAMS: dict[str, tuple[Script, tuple[bytes, ...]]] = {
    "no request at all": ([["read_all"], ["text", "answer"]], ()),
    "no answer at all": ([["read_all"]], (b"a", b"b")),
    "neither": ([["read_all"]], ()),
    "answers after half-close": ([["read_all"], ["text", "late"]], (b"a", b"b", b"c")),
    "answers before it reads": ([["text", "early"], ["read_all"]], (b"a", b"b", b"c")),
    "never reads": ([["text", "deaf"]], (b"a",) * 50),
    "echo": ([["echo"]], tuple(str(n).encode() for n in range(300))),
    "long answer": ([["read_all"], ["send", 100, 2000]], (b"",)),
    "long request": ([["read_all"], ["text", "end"]], (b"x" * 100,) * 2000),
    "empty messages": ([["echo"]], (b"",) * 20),
    "empty among others": ([["echo"]], (b"", b"a", b"", b"b")),
    "1 MiB messages": ([["echo"]], (b"\x00\xff" * (1 << 19),) * 3),
}


@pytest.mark.parametrize("name", STREAMS)
def test_streams(same: Same, name: str) -> None:
    script, requests = STREAMS[name]
    assert same(Call(script, requests)).code == "OK"


@pytest.mark.parametrize("via", ["direct", "sentinel"])
class TestOrder:
    """Things that come one after another: the caller goes on only once it has seen the step before."""

    @pytest.fixture
    def address(self, via: str, upstream: Torture, sidecar: Sidecar) -> str:
        return upstream.address if via == "direct" else sidecar.address

    def test_initial_metadata_comes_before_the_first_message(self, address: str, upstream: Torture) -> None:
        call = Call([["initial", [["x", "1"]]], ["wait", "$"], ["text", "m"]])
        call.script[1][1] = call.id
        with connect(address) as channel:
            stream = open_stream(channel, call)
            assert grouped(stream.initial_metadata()) == {"x": ["1"]}
            upstream.control.open(call.id)
            assert finish(stream).messages == (b"m",)

    def test_messages_are_not_held_back(self, address: str) -> None:
        """Ping-pong: each request follows the answer to the one before."""
        feed = Feed()
        with connect(address) as channel:
            stream = open_stream(channel, Call([["echo"]]), feed)
            for number in range(100):
                feed.put(str(number).encode())
                assert next(stream) == str(number).encode()
            feed.close()
            assert finish(stream).code == "OK"

    def test_upstream_ends_while_the_caller_still_sends(self, address: str) -> None:
        feed = Feed()
        with connect(address) as channel:
            script: Script = [["read"], ["text", "enough"], ["status", "OUT_OF_RANGE", "stop", [["t", "1"]]]]
            stream = open_stream(channel, Call(script), feed)
            feed.put(b"one")
            seen = finish(stream)
            feed.close()
        assert (seen.messages, seen.code, seen.trailing) == ((b"enough",), "OUT_OF_RANGE", {"t": ["1"]})

    def test_half_close_reaches_the_upstream_while_it_still_answers(
        self, address: str, upstream: Torture
    ) -> None:
        call = Call([["text", "first"], ["read_all"], ["wait", "$"], ["text", "last"]])
        call.script[2][1] = call.id
        with connect(address) as channel:
            stream = open_stream(channel, call)
            assert next(stream) == b"first"
            eventually(lambda: upstream.control.seen(call), lambda seen: bool(seen["half_closed"]))
            upstream.control.open(call.id)
            assert finish(stream, [b"first"]).messages == (b"first", b"last")


# Deadlines and cancellation


@pytest.mark.parametrize("via", ["direct", "sentinel"])
class TestDeadline:
    @pytest.fixture
    def address(self, via: str, upstream: Torture, sidecar: Sidecar) -> str:
        return upstream.address if via == "direct" else sidecar.address

    def test_what_is_left_of_it_is_passed_on(self, address: str, upstream: Torture, kind: Kind) -> None:
        method, requests, script = kind
        call = Call(script, requests, method, timeout=1000)
        assert observe(address, call).code == "OK"
        # Each hop rounds what it writes to the wire up, by a hundredth at most.
        assert 980 < upstream.control.seen(call)["deadline"] < 1021

    def test_none_stays_none(self, address: str, upstream: Torture, kind: Kind) -> None:
        method, requests, script = kind
        call = Call(script, requests, method, timeout=None)
        assert observe(address, call).code == "OK"
        assert upstream.control.seen(call)["deadline"] is None

    def test_expires_for_both_sides(self, address: str, upstream: Torture, kind: Kind) -> None:
        method, requests, _ = kind
        call = Call([["read_all"], ["wait", "never"]], requests, method, timeout=0.7)
        assert observe(address, call).code == "DEADLINE_EXCEEDED"
        assert upstream.control.ended(call)["ended"] == "cancelled"

    def test_the_record_says_that_it_expired(
        self, address: str, upstream: Torture, sidecar: Sidecar, kind: Kind
    ) -> None:
        if address == upstream.address:
            pytest.skip("nothing records there")
        method, requests, _ = kind
        before = sidecar.total("sentinel_calls_total", code="DEADLINE_EXCEEDED")
        call = Call([["read_all"], ["wait", "never"]], requests, method, timeout=0.7)
        assert observe(address, call).code == "DEADLINE_EXCEEDED"
        eventually(
            lambda: sidecar.total("sentinel_calls_total", code="DEADLINE_EXCEEDED"),
            lambda count: count == before + 1,
        )

    def test_expires_in_the_middle_of_a_stream(self, address: str, upstream: Torture) -> None:
        call = Call([["text", "a"], ["wait", "never"]], timeout=0.7)
        seen = observe(address, call)
        assert (seen.messages, seen.code) == ((b"a",), "DEADLINE_EXCEEDED")
        assert upstream.control.ended(call)["ended"] == "cancelled"

    def test_of_the_upstream_itself(self, address: str, kind: Kind) -> None:
        """The upstream gives up before the caller does: its own words arrive."""
        method, requests, _ = kind
        call = Call([["read_all"], ["status", "DEADLINE_EXCEEDED", "model too slow", []]], requests, method)
        seen = observe(address, call)
        assert (seen.code, seen.details) == ("DEADLINE_EXCEEDED", "model too slow")


@pytest.mark.parametrize("via", ["direct", "sentinel"])
class TestCancellation:
    @pytest.fixture
    def address(self, via: str, upstream: Torture, sidecar: Sidecar) -> str:
        return upstream.address if via == "direct" else sidecar.address

    def test_by_the_caller_in_a_stream(self, address: str, upstream: Torture) -> None:
        call = Call([["text", "a"], ["wait", "never"]])
        with connect(address) as channel:
            stream = open_stream(channel, call, Feed())
            assert next(stream) == b"a"
            stream.cancel()
            assert upstream.control.ended(call)["ended"] == "cancelled"

    def test_by_the_caller_while_the_upstream_floods(self, address: str, upstream: Torture) -> None:
        call = Call([["send", 1000, 10_000_000]])
        with connect(address) as channel:
            stream = open_stream(channel, call)
            next(stream)
            stream.cancel()
            assert upstream.control.ended(call)["ended"] == "cancelled"

    def test_by_the_caller_before_an_answer(self, address: str, upstream: Torture, kind: Kind) -> None:
        method, requests, _ = kind
        call = Call([["read_all"], ["wait", "never"]], requests, method)
        with connect(address) as channel:
            stream = open_stream(channel, call)
            eventually(lambda: upstream.control.seen(call), lambda seen: bool(seen["notes"]))
            stream.cancel()
            assert upstream.control.ended(call)["ended"] == "cancelled"

    def test_by_a_caller_that_vanishes(self, address: str, upstream: Torture, kind: Kind) -> None:
        method, requests, _ = kind
        call = Call([["read_all"], ["wait", "never"]], requests, method, timeout=None)
        caller = multiprocessing.get_context("spawn").Process(target=observe, args=(address, call))
        caller.start()
        eventually(lambda: upstream.control.seen(call), lambda seen: bool(seen["notes"]))
        caller.kill()
        caller.join()
        assert upstream.control.ended(call)["ended"] == "cancelled"

    def test_by_the_upstream(self, address: str, kind: Kind) -> None:
        method, requests, _ = kind
        call = Call([["read_all"], ["status", "CANCELLED", "evicted", [["t", "1"]]]], requests, method)
        seen = observe(address, call)
        assert (seen.code, seen.details, seen.trailing["t"]) == ("CANCELLED", "evicted", ["1"])


# Sizes and compression


@pytest.mark.parametrize("size", [0, 1, 5, 16_383, 16_384, 4 << 20, (4 << 20) + 1])
def test_answer_sizes(same: Same, size: int) -> None:
    assert same(Call([["read_all"], ["send", size]])).code == "OK"


def test_64_mib_both_ways(same: Same) -> None:
    size = 64 << 20
    assert same(Call([["echo"]], (b"\x01" * size,), timeout=60)).messages[0][0] == size


def test_0_bytes_both_ways_through_model_infer(same: Same) -> None:
    """Nothing at all is a valid message."""
    assert same(Call([["read_all"], ["send", 0]], (b"",), INFER)).messages == (b"",)


def test_64_mib_tensor_through_model_infer(same: Same) -> None:
    """A tensor that is not text: an image, say."""
    raw = b"\x00\x01" * (32 << 20)
    image = infer.field(1, b"image") + infer.field(2, b"UINT8") + infer.field(3, infer.varint(len(raw)))
    message = infer.field(1, b"m") + infer.field(5, image) + infer.field(7, raw)
    assert same(Call(infer.answer("a picture"), (message,), INFER, timeout=60)).code == "OK"


def test_compressed_by_either_side(same: Same, kind: Kind) -> None:
    method, requests, script = kind
    call = Call([["compress"], *script], requests, method, compression=grpc.Compression.Gzip)
    assert same(call).code == "OK"


def test_compressed_long_message(same: Same) -> None:
    call = Call([["compress"], ["echo"]], (b"a" * (1 << 20),), compression=grpc.Compression.Gzip)
    assert same(call).messages[0][0] == 1 << 20


def test_reflected_metadata_names_no_key_of_ours(upstream: Torture, sidecar: Sidecar) -> None:
    """To a method that Sentinel does not know, nothing is added but the trace context."""
    call = Call([["read_all"], ["reflect"]], metadata=(("x-one", "1"),))
    through = observe(sidecar.address, call)
    assert grouped(tuple(pair) for pair in json.loads(through.messages[0])) == {"x-one": ["1"]}
