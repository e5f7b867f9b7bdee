"""What a reload may change in a running worker besides the rules, as one frozen value."""

from __future__ import annotations

from typing import Literal

import msgspec

from sentinel.core.redact import Redactor
from sentinel.proxy.limits import LimitsConfig
from sentinel.proxy.status import RefusalConfig

UnknownMethods = Literal["pass", "refuse"]


class Settings(msgspec.Struct, frozen=True):
    """`tenant_key` is the metadata key that names the tenant ("" for none)."""

    redactor: Redactor
    limits: LimitsConfig
    refusal: RefusalConfig
    unknown_methods: UnknownMethods
    unknown_paths: UnknownMethods
    tenant_key: str
    record_content: bool
