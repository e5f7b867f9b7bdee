"""`sentinel.v1.GuardService` for callers that are not in the path: one text in, the decision out."""

from __future__ import annotations

import grpc
import grpc.aio

from sentinel.core.errors import ConfigError
from sentinel.core.exchange import Stage
from sentinel.guard.screening import ScreenRequest, ScreenResult, screen
from sentinel.pb import guard_pb2
from sentinel.proxy.driver import Driver, on_thread

_SERVICE = "sentinel.v1.GuardService"
_STAGES = {"": Stage.INPUT, "input": Stage.INPUT, "output": Stage.OUTPUT}

Context = grpc.aio.ServicerContext[guard_pb2.ScreenRequest, guard_pb2.ScreenResponse]


class GuardService:
    """Answers with the rules that the worker's calls get, reloads included."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def attach(self, server: grpc.aio.Server) -> None:
        handler = grpc.unary_unary_rpc_method_handler(
            self._screen,
            request_deserializer=guard_pb2.ScreenRequest.FromString,
            response_serializer=guard_pb2.ScreenResponse.SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(_SERVICE, {"Screen": handler}),)
        )

    async def _screen(self, request: guard_pb2.ScreenRequest, context: Context) -> guard_pb2.ScreenResponse:
        stage = _STAGES.get(request.stage)
        if stage is None:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, 'stage: must be "input" or "output"')
        asked = ScreenRequest(
            text=request.text,
            stage=stage,
            id=request.id,
            question=request.question,
            context=tuple(request.context),
            detectors=tuple(request.detectors),
            route=request.route or "default",
            model=request.model,
            tenant=request.tenant,
            system=request.system,
            schema=request.schema,
        )
        try:
            return _response(await self._result(asked, context))
        except ConfigError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    async def _result(self, asked: ScreenRequest, context: Context) -> ScreenResult:
        """Long texts on a thread, as in calls that pass through; detectors too that may be loaded first."""
        limits, chars = self._driver.settings.limits, sum(map(len, (asked.text, *asked.documents)))
        if chars > limits.max_text_chars:
            why = f"text: more than limits.max_text_chars ({limits.max_text_chars})"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, why)
        driver = self._driver
        given = driver.screener, driver.settings.redactor, asked, driver.ask_from_thread()
        if asked.detectors or chars > limits.inline_chars or driver.ask is not None:
            return await on_thread(screen, *given)
        return screen(*given)


def _response(result: ScreenResult) -> guard_pb2.ScreenResponse:
    return guard_pb2.ScreenResponse(
        id=result.id,
        action=result.action,
        text=result.text,
        findings=[
            guard_pb2.Finding(
                detector=finding.detector,
                type=finding.type,
                start=finding.start,
                end=finding.end,
                score=finding.score,
                level=finding.level,
                rule=finding.rule,
                why=finding.why,
                part=finding.part,
                evidence=[
                    guard_pb2.Evidence(start=start, end=end, weight=weight)
                    for start, end, weight in finding.evidence
                ],
                threshold=finding.threshold,
            )
            for finding in result.findings
        ],
        scores=result.scores,
        decision_id=result.decision_id,
        policy=result.policy,
        elapsed_us=result.elapsed_us,
        rule=result.rule,
        message=result.message,
        failed=result.failed,
        detectors=result.detectors,
    )
