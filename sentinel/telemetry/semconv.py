"""Every attribute, event and span name that spans use: OpenTelemetry's GenAI conventions, which are still in
development, and our own under `sentinel.*`, for no guardrail convention is merged.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ and .../gen-ai-events/
"""

from __future__ import annotations

import msgspec


class GenAi(msgspec.Struct, frozen=True):
    """The names of one version of the GenAI conventions."""

    schema_url: str = "https://opentelemetry.io/schemas/1.38.0"
    operation_name: str = "gen_ai.operation.name"
    provider_name: str = "gen_ai.provider.name"
    request_model: str = "gen_ai.request.model"
    request_stream: str = "gen_ai.request.stream"
    response_id: str = "gen_ai.response.id"
    response_model: str = "gen_ai.response.model"
    input_tokens: str = "gen_ai.usage.input_tokens"
    output_tokens: str = "gen_ai.usage.output_tokens"
    input_messages: str = "gen_ai.input.messages"
    output_messages: str = "gen_ai.output.messages"
    evaluation_event: str = "gen_ai.evaluation.result"
    evaluation_name: str = "gen_ai.evaluation.name"
    evaluation_score: str = "gen_ai.evaluation.score.value"
    evaluation_label: str = "gen_ai.evaluation.score.label"
    evaluation_explanation: str = "gen_ai.evaluation.explanation"


VERSIONS = {
    # Before 1.37 the provider was called the system; the evaluation event came with 1.38 and keeps its name.
    "1.36": GenAi(schema_url="https://opentelemetry.io/schemas/1.36.0", provider_name="gen_ai.system"),
    "1.38": GenAi(),
}

CHAT = "chat"
TEXT_COMPLETION = "text_completion"
OPERATIONS = {"openai": CHAT, "anthropic": CHAT}
"""Operation by protocol; every other protocol that carries prompts is a text completion."""

ERROR_TYPE = "error.type"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
HTTP_ROUTE = "http.route"
HTTP_STATUS = "http.response.status_code"
RPC_SYSTEM = "rpc.system"
RPC_SERVICE = "rpc.service"
RPC_METHOD = "rpc.method"
RPC_STATUS = "rpc.response.status_code"

EXCHANGE_ID = "sentinel.exchange_id"
PROTOCOL = "sentinel.protocol"
ROUTE = "sentinel.route"
TENANT = "sentinel.tenant"
WORKER = "sentinel.worker"
OUTCOME = "sentinel.outcome"
ACTION = "sentinel.action"
RULE = "sentinel.rule"
POLICY = "sentinel.policy"
DECISION_IDS = "sentinel.decision_ids"
INPUT_SCREENED = "sentinel.input.screened"
OUTPUT_SCREENED = "sentinel.output.screened"
SCREEN_US = "sentinel.screen_us"
RELEASED_CHARS = "sentinel.released_chars"
FINDING_COUNT = "sentinel.finding_count"
DETECTOR = "sentinel.detector"
"""Followed by `.<name>`: that detector's version."""

FINDING_STAGE = "sentinel.finding.stage"
FINDING_TYPE = "sentinel.finding.type"
FINDING_DETECTOR = "sentinel.finding.detector"
FINDING_PATH = "sentinel.finding.path"
FINDING_START = "sentinel.finding.start"
FINDING_END = "sentinel.finding.end"
FINDING_RULE = "sentinel.finding.rule"
FINDING_LEVEL = "sentinel.finding.level"
FINDING_ENFORCED = "sentinel.finding.enforced"
FINDING_THRESHOLD = "sentinel.finding.threshold"
FINDING_HMAC = "sentinel.finding.value_hmac"
FINDING_EVIDENCE = "sentinel.finding.evidence"
"""Texts `START-END WEIGHT`, strongest first."""
