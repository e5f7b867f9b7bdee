from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ScreenRequest(_message.Message):
    __slots__ = ("id", "stage", "text", "question", "context", "detectors", "route", "model", "tenant", "system", "schema")
    ID_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    DETECTORS_FIELD_NUMBER: _ClassVar[int]
    ROUTE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_FIELD_NUMBER: _ClassVar[int]
    id: str
    stage: str
    text: str
    question: str
    context: _containers.RepeatedScalarFieldContainer[str]
    detectors: _containers.RepeatedScalarFieldContainer[str]
    route: str
    model: str
    tenant: str
    system: str
    schema: str
    def __init__(self, id: _Optional[str] = ..., stage: _Optional[str] = ..., text: _Optional[str] = ..., question: _Optional[str] = ..., context: _Optional[_Iterable[str]] = ..., detectors: _Optional[_Iterable[str]] = ..., route: _Optional[str] = ..., model: _Optional[str] = ..., tenant: _Optional[str] = ..., system: _Optional[str] = ..., schema: _Optional[str] = ...) -> None: ...

class ScreenResponse(_message.Message):
    __slots__ = ("id", "action", "text", "findings", "scores", "decision_id", "policy", "elapsed_us", "rule", "message", "failed", "detectors")
    class ScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    class FailedEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class DetectorsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    DECISION_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_US_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    DETECTORS_FIELD_NUMBER: _ClassVar[int]
    id: str
    action: str
    text: str
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    scores: _containers.ScalarMap[str, float]
    decision_id: str
    policy: str
    elapsed_us: int
    rule: str
    message: str
    failed: _containers.ScalarMap[str, str]
    detectors: _containers.ScalarMap[str, str]
    def __init__(self, id: _Optional[str] = ..., action: _Optional[str] = ..., text: _Optional[str] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., scores: _Optional[_Mapping[str, float]] = ..., decision_id: _Optional[str] = ..., policy: _Optional[str] = ..., elapsed_us: _Optional[int] = ..., rule: _Optional[str] = ..., message: _Optional[str] = ..., failed: _Optional[_Mapping[str, str]] = ..., detectors: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("detector", "type", "start", "end", "score", "level", "rule", "why", "part", "evidence", "threshold")
    DETECTOR_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    detector: str
    type: str
    start: int
    end: int
    score: float
    level: str
    rule: str
    why: str
    part: int
    evidence: _containers.RepeatedCompositeFieldContainer[Evidence]
    threshold: float
    def __init__(self, detector: _Optional[str] = ..., type: _Optional[str] = ..., start: _Optional[int] = ..., end: _Optional[int] = ..., score: _Optional[float] = ..., level: _Optional[str] = ..., rule: _Optional[str] = ..., why: _Optional[str] = ..., part: _Optional[int] = ..., evidence: _Optional[_Iterable[_Union[Evidence, _Mapping]]] = ..., threshold: _Optional[float] = ...) -> None: ...

class Evidence(_message.Message):
    __slots__ = ("start", "end", "weight")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    start: int
    end: int
    weight: float
    def __init__(self, start: _Optional[int] = ..., end: _Optional[int] = ..., weight: _Optional[float] = ...) -> None: ...
