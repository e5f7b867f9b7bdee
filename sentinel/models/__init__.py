"""The model plane: a process that holds heavy models, and the clients that ask it.

- base      what a model is; registry: the kinds of models; one file a kind
- batcher   which waiting passages run together, without a clock or a thread of its own
- inference a loaded model asked, and what it raises told
- runner    one model's life: loaded, warmed up, asked on a thread of its own, unloaded when idle
- answers   answers known already, by keyed hash
- plane     which models answer for a detector; equal passages in flight run once
- here      the same models in one's own process, without a plane
- wire      the messages; server and client speak them over gRPC
- client    what the data plane holds: never raises for a plane that is broken or late

Clients, and through them the data plane, import neither a kind nor anything that a kind needs.
"""
