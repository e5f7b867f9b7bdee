ALTER TABLE sentinel_findings ADD COLUMN IF NOT EXISTS
    `evidence` Array(Tuple(start UInt32, `end` UInt32, weight Float64)) CODEC(ZSTD(1)) AFTER `why`;
