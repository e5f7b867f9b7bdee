"""Sentinel, a sidecar that screens and records what goes into and comes out of a language model.

Callers speak gRPC to Sentinel instead of to the model server. The nouns, as a call meets them:

Exchange   one request and its response, as texts with roles (`core.exchange`)
Adapter    wire bytes <-> the texts of an Exchange (`adapters`)
Detector   finds things in a text and never acts (`detectors`)
Finding    what a detector found: type, range, score (`core.finding`)
Rule       joins findings to an Action; rules together are the Policy (`policy`)
Decision   what the policy decided and why (`core.decision`)
Session    the sans-io course of one exchange: events in, commands out (`guard`)
Record     what is kept of an exchange, redacted by construction (`core.record`)
Spool      the durable local queue of records (`spool`)
Exporter   drains the spool into the Store (`telemetry`, `store`)
"""

__version__ = "0.1.0"
