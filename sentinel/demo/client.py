"""Holds the conversations, as an ordinary gRPC client that knows nothing of Sentinel but its trailers."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc
import grpc.aio
import msgspec
from google.rpc import error_details_pb2, status_pb2

from sentinel.demo.conversations import (
    Conversation,
    answer_text,
    bundled_conversations,
    infer_request,
)
from sentinel.demo.model import SERVICE
from sentinel.pb import open_inference_pb2 as pb


class Result(msgspec.Struct, frozen=True):
    """How a conversation ended.

    `code` is the status name; `message` and `details` (google.rpc.ErrorInfo: metadata, `reason`, `domain`)
    are empty when it is OK. `action`, `decision_id` and `exchange_id` come from Sentinel's trailers and are
    empty where there are none. `pieces` counts the messages of a stream.
    """

    conversation: Conversation
    answer: str
    code: str
    message: str
    details: dict[str, str]
    duration_ms: float
    action: str
    decision_id: str
    exchange_id: str
    pieces: int = 1


async def run_conversations(
    address: str,
    on_result: Callable[[Result], None],
    conversations: Sequence[Conversation] | None = None,
    *,
    model: str | None = None,
    timeout_s: float = 30.0,
) -> list[Result]:
    """Hold them one after the other with the server at `address` (HOST:PORT or unix:/path); `model` replaces
    the stand-in model's name. Errors of calls are results, not exceptions.
    """
    results = []
    async with grpc.aio.insecure_channel(address) as channel:
        for conversation in bundled_conversations() if conversations is None else conversations:
            request = infer_request(conversation, model) if model else infer_request(conversation)
            ask = (
                functools.partial(_stream, address)
                if conversation.stream
                else functools.partial(_unary, channel)
            )
            result = await _hold(ask, conversation, request, timeout_s)
            on_result(result)
            results.append(result)
    return results


async def _hold(
    ask: Ask, conversation: Conversation, request: pb.ModelInferRequest, timeout_s: float
) -> Result:
    metadata = (("x-tenant", conversation.tenant),) if conversation.tenant else ()
    started = time.perf_counter()
    answer, pieces, code, message = "", 0, "OK", ""
    details: dict[str, str] = {}
    try:
        answer, pieces, trailers = await ask(request, metadata, timeout_s)
    except grpc.RpcError as failed:
        error: Any = failed
        code, message = error.code().name, error.details() or ""
        trailers = dict(error.trailing_metadata() or ())
        details = _error_info(trailers)
    return Result(
        conversation=conversation,
        answer=answer,
        code=code,
        message=message,
        details=details,
        duration_ms=(time.perf_counter() - started) * 1000,
        action=str(trailers.get("sentinel-action", "")),
        decision_id=str(trailers.get("sentinel-decision-id", "")),
        exchange_id=str(trailers.get("sentinel-exchange-id", "")),
        pieces=pieces,
    )


Ask = Callable[[pb.ModelInferRequest, Any, float], Awaitable["_Said"]]
_Said = tuple[str, int, Mapping[str, Any]]  # the answer, the number of its messages, trailing metadata


async def _unary(
    channel: grpc.aio.Channel, request: pb.ModelInferRequest, metadata: Any, timeout_s: float
) -> _Said:
    call = channel.unary_unary(
        f"/{SERVICE}/ModelInfer",
        request_serializer=pb.ModelInferRequest.SerializeToString,
        response_deserializer=pb.ModelInferResponse.FromString,
    )(request, metadata=metadata, timeout=timeout_s)
    answer = answer_text(await call)
    return answer, 1, dict(await call.trailing_metadata() or ())


async def _stream(address: str, request: pb.ModelInferRequest, metadata: Any, timeout_s: float) -> _Said:
    """With the synchronous client: grpc.aio's reports INTERNAL when a server ends a call before reading it
    all.
    """
    return await asyncio.to_thread(_stream_at_once, address, request, metadata, timeout_s)


def _stream_at_once(address: str, request: pb.ModelInferRequest, metadata: Any, timeout_s: float) -> _Said:
    with grpc.insecure_channel(address) as channel:
        call = channel.stream_stream(
            f"/{SERVICE}/ModelStreamInfer",
            request_serializer=pb.ModelInferRequest.SerializeToString,
            response_deserializer=pb.ModelStreamInferResponse.FromString,
        )(iter([request]), metadata=metadata, timeout=timeout_s)
        pieces = [message.error_message or answer_text(message.infer_response) for message in call]
        return "".join(pieces), len(pieces), dict(call.trailing_metadata() or ())


def _error_info(trailers: Mapping[str, Any]) -> dict[str, str]:
    """google.rpc.ErrorInfo of a refusal, flat; {} where the server sent none."""
    packed = trailers.get("grpc-status-details-bin")
    if not isinstance(packed, bytes):
        return {}
    for detail in status_pb2.Status.FromString(packed).details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return {"reason": info.reason, "domain": info.domain, **info.metadata}
    return {}
