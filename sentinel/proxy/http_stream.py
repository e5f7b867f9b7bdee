"""A streamed answer of a known path, towards the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sentinel.adapters.base import DecodedRequest
from sentinel.proxy.http_exchange import outcome_of
from sentinel.proxy.http_headers import Headers
from sentinel.proxy.http_model import ModelAnswer
from sentinel.proxy.http_pass import error_type_of

if TYPE_CHECKING:
    from sentinel.proxy.http_unary import ScreenedRun


async def stream_answer(
    run: ScreenedRun, response: ModelAnswer, request: DecodedRequest, headers: Headers
) -> None:
    """Drives the body of a streamed answer: the one place where its bytes go from the model server to the
    caller.

    The screener of streams belongs here: `run.adapter.open_stream(run.method, request)` decodes what
    `response.pieces()` yields. Until then the rules have let the stream pass unread (`Screened.STREAM`), and
    it leaves as it came.
    """
    call = run.call
    run.streaming = True
    await run.open_record()
    headers = [field for field in headers if field[0] != b"content-length"]
    await call.start(response.status, [*headers, *run.decision_headers()])
    async for piece in response.pieces():
        await call.write(piece)
    await run.record(outcome_of(response.status), response.status, error_type_of(response.status))
    await call.end()
