"""What becomes of a record after the call: recorder -> spool -> exporter -> store.

recorder  Recorder: puts a record into the spool; the only part that the data plane imports
semconv   every name of the GenAI semantic conventions and of ours, behind a version switch
spans     a record as OpenTelemetry spans
rows      a record as rows of the store's tables
ledger    what the exporter remembers: cursors, the pending batch, open exchanges
collect   the spool read into the ledger's next batch
exporter  Exporter: batches from the spool into the store, each exactly once
status    the exporter's state as a small file
retry     waiting between attempts
"""
