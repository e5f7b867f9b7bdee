"""The composition root: builds the planes from the configuration, starts, drains and reloads them.

serve     the supervisor: `sentinel serve`
worker    a data-plane process: serves callers
exporter  the record-plane process: drains the spool into the store
log       how Sentinel logs
"""
