CREATE TABLE IF NOT EXISTS sentinel_exchanges
(
    `exchange_id` String CODEC(ZSTD(1)),
    `phase` LowCardinality(String),
    `outcome` LowCardinality(String),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `ended_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `duration_ns` UInt64 CODEC(T64, ZSTD(1)),
    `trace_id` String CODEC(ZSTD(1)),
    `server_span` String CODEC(ZSTD(1)),
    `client_span` String CODEC(ZSTD(1)),
    `parent_span` String CODEC(ZSTD(1)),
    `trace_state` String CODEC(ZSTD(1)),
    `trace_flags` LowCardinality(String),
    `protocol` LowCardinality(String),
    `method` LowCardinality(String),
    `route` LowCardinality(String),
    `model` LowCardinality(String),
    `tenant` LowCardinality(String),
    `upstream` LowCardinality(String),
    `response_id` String CODEC(ZSTD(1)),
    `streaming` Bool,
    `grpc_code` LowCardinality(String),
    `error_type` LowCardinality(String),
    `action` Enum8('' = -1, 'allow' = 0, 'flag' = 1, 'redact' = 2, 'block' = 3),
    `rule` LowCardinality(String),
    `policy` LowCardinality(String),
    `detectors` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `input_screened` LowCardinality(String),
    `output_screened` LowCardinality(String),
    `input_chars` UInt64 CODEC(T64, ZSTD(1)),
    `output_chars` UInt64 CODEC(T64, ZSTD(1)),
    `input_bytes` UInt64 CODEC(T64, ZSTD(1)),
    `output_bytes` UInt64 CODEC(T64, ZSTD(1)),
    `input_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `output_tokens` UInt64 CODEC(T64, ZSTD(1)),
    `upstream_ns` UInt64 CODEC(T64, ZSTD(1)),
    `screen_us` UInt64 CODEC(T64, ZSTD(1)),
    `released_chars` UInt64 CODEC(T64, ZSTD(1)),
    `finding_count` UInt32 CODEC(T64, ZSTD(1)),
    `worker` LowCardinality(String),
    `input_content` Array(String) CODEC(ZSTD(3)),
    `output_content` Array(String) CODEC(ZSTD(3)),
    INDEX by_exchange_id exchange_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(ended_at)
PARTITION BY toDate(started_at)
ORDER BY (started_at, exchange_id)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 20000;

CREATE TABLE IF NOT EXISTS sentinel_decisions
(
    `exchange_id` String CODEC(ZSTD(1)),
    `decision_id` String CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `stage` LowCardinality(String),
    `method` LowCardinality(String),
    `route` LowCardinality(String),
    `model` LowCardinality(String),
    `tenant` LowCardinality(String),
    `policy` LowCardinality(String),
    `action` Enum8('' = -1, 'allow' = 0, 'flag' = 1, 'redact' = 2, 'block' = 3),
    `rule` LowCardinality(String),
    `elapsed_us` UInt64 CODEC(T64, ZSTD(1)),
    `scores` Map(LowCardinality(String), Float64) CODEC(ZSTD(1)),
    `failed` Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    `hits` Nested
    (
        `rule` LowCardinality(String),
        `action` Enum8('' = -1, 'allow' = 0, 'flag' = 1, 'redact' = 2, 'block' = 3),
        `enforced` Bool,
        `cause` LowCardinality(String),
        `why` String
    ),
    INDEX by_exchange_id exchange_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_decision_id decision_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(started_at)
ORDER BY (started_at, exchange_id, stage, decision_id)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 20000;

CREATE TABLE IF NOT EXISTS sentinel_findings
(
    `exchange_id` String CODEC(ZSTD(1)),
    `started_at` DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    `index` UInt32 CODEC(T64, ZSTD(1)),
    `stage` LowCardinality(String),
    `method` LowCardinality(String),
    `route` LowCardinality(String),
    `model` LowCardinality(String),
    `tenant` LowCardinality(String),
    `policy` LowCardinality(String),
    `part` UInt32 CODEC(T64, ZSTD(1)),
    `path` LowCardinality(String),
    `role` LowCardinality(String),
    `detector` LowCardinality(String),
    `detector_version` LowCardinality(String),
    `type` LowCardinality(String),
    `start` UInt32 CODEC(T64, ZSTD(1)),
    `end` UInt32 CODEC(T64, ZSTD(1)),
    `score` Float64 CODEC(ZSTD(1)),
    `threshold` Float64 CODEC(ZSTD(1)),
    `rule` LowCardinality(String),
    `action` Enum8('' = -1, 'allow' = 0, 'flag' = 1, 'redact' = 2, 'block' = 3),
    `level` LowCardinality(String),
    `enforced` Bool,
    `value_hmac` String CODEC(ZSTD(1)),
    `why` String CODEC(ZSTD(1)),
    INDEX by_exchange_id exchange_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_value_hmac value_hmac TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(started_at)
ORDER BY (started_at, exchange_id, index)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 20000;
