"""The table of adapters, and their settings."""

from __future__ import annotations

import importlib
from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from sentinel.adapters.anthropic import AnthropicConfig
from sentinel.adapters.base import Adapter, HttpAdapter
from sentinel.adapters.open_inference import OpenInferenceConfig
from sentinel.adapters.openai import OpenAIConfig
from sentinel.adapters.tgis import TgisConfig

ADAPTERS = {
    "open_inference": "sentinel.adapters.open_inference:OpenInference",
    "tgis": "sentinel.adapters.tgis:Tgis",
    "openai": "sentinel.adapters.openai:OpenAI",
    "anthropic": "sentinel.adapters.anthropic:Anthropic",
}


class AdaptersConfig(BaseModel):
    """`adapters:`, one key per adapter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open_inference: OpenInferenceConfig = Field(
        default_factory=OpenInferenceConfig,
        description="Open Inference v2 over gRPC: Triton, KServe, MLServer.",
    )
    tgis: TgisConfig = Field(
        default_factory=TgisConfig,
        description="TGIS over gRPC: fmaas.GenerationService.",
    )
    openai: OpenAIConfig = Field(
        default_factory=OpenAIConfig,
        description="OpenAI over HTTP: chat completions, completions, responses.",
    )
    anthropic: AnthropicConfig = Field(
        default_factory=AnthropicConfig,
        description="Anthropic over HTTP: messages.",
    )


def load_adapters(config: AdaptersConfig) -> list[Adapter]:
    """Every adapter, with its settings."""
    return [_load(target)(getattr(config, name)) for name, target in ADAPTERS.items()]


def grpc_adapters(adapters: list[Adapter]) -> list[Adapter]:
    """Those whose methods are gRPC's."""
    return [adapter for adapter in adapters if not hasattr(adapter, "error_body")]


def http_adapters(adapters: list[Adapter]) -> list[HttpAdapter]:
    """Those whose methods are paths of HTTP."""
    return [cast(HttpAdapter, adapter) for adapter in adapters if hasattr(adapter, "error_body")]


def _load(target: str) -> type:
    module, _, name = target.partition(":")
    found: type = getattr(importlib.import_module(module), name)
    return found
