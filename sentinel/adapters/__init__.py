"""Wire bytes <-> the texts of a message. One file per protocol; no I/O.

base            what an adapter is: its methods, and messages decoded into texts that can be edited
registry        ADAPTERS, the table of them, and their settings
open_inference  Open Inference v2 (KServe, Triton, MLServer): inference.GRPCInferenceService
_tensors        where the texts lie among a message's tensors, and how they are put back

For every message that decodes:
- encode(the same texts) is the message's own bytes;
- encode(other texts) changes those texts and nothing else that the message says, unknown fields included;
- a text that the receiver could read and the adapter cannot is an error, or is named in `unread`.
"""
