"""Wire bytes <-> the texts of a message. One file per protocol; no I/O.

base            what an adapter is: its methods, and messages decoded into texts that can be edited
registry        ADAPTERS, the table of them, and their settings
open_inference  Open Inference v2 (KServe, Triton, MLServer): inference.GRPCInferenceService
open_inference_stream  its ModelStreamInfer: streamed answers to several requests
_tensors        where the texts lie among a message's tensors, and how they are put back
_infer_dialects which of two protocols a message of ModelStreamInfer is written in
_characters     characters that lie across two messages
_router         whose request of a call an answer belongs to

For every message that decodes:
- encode(the same texts) is the message's own bytes;
- encode(other texts) changes those texts and nothing else that the message says, unknown fields included, but
  for what tells the old texts once more (tokens, log-probabilities): that is left out;
- a text that the receiver could read and the adapter cannot is an error, or is named in `unread`.
"""
