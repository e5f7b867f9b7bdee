"""What becomes of a record after the call: recorder -> spool -> exporter -> store.

recorder  Recorder: puts a record into the spool; the only part that the data plane imports
semconv   every name of the GenAI semantic conventions and of ours, behind a version switch
spans     a record as OpenTelemetry spans
rows      spans as rows of `otel_traces`
ledger    what the exporter remembers: cursors, pending batches, open exchanges, ids seen, counts
collect   the spool as the exporter sees it, and the next frames to claim
edits     edits of an open stream, joined to its opening record
prepare   encoded records -> what the store gets, what the ledger remembers, what is broken
exporter  Exporter: batches from the spool into the store, each record once; run_exporter: the whole process
tidy      exported segments and notes about dropped ones are cleared away
quarantine  where records go that can never become rows
status    the exporter's state as a small file
keys      the keys that matched values are hashed with
report    a child process tells its supervisor its state
retry     waiting between attempts
"""
