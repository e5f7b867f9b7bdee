"""Wire bytes <-> the texts of a message. One file per protocol; no I/O.

base            what an adapter is: its methods, and messages decoded into texts that can be edited
registry        ADAPTERS, the table of them, and their settings
open_inference  Open Inference v2 (KServe, Triton, MLServer): inference.GRPCInferenceService
open_inference_stream  its ModelStreamInfer: streamed answers to several requests
_tensors        where the texts lie among a message's tensors, and how they are put back
_infer_dialects which of two protocols a message of ModelStreamInfer is written in
_characters     characters that lie across two messages
_router         whose request of a call an answer belongs to
tgis            TGIS: fmaas.GenerationService
openai          chat completions, completions, responses: whole and streamed
  _openai_*     their requests and answers, field by field
anthropic       messages, likewise
  _anthropic_*
_sse            server-sent events, cut anywhere
_json           JSON with the place of every value: an edit is a splice
_json_walk      what a protocol's walk finds in a message
_json_message   whole messages: their texts, and edits put back
_json_requests  what the protocols' requests share
_json_stream    streams: events walked into elements, and channels
_json_element   an element of a stream: as it came, edited, in two parts
_json_text      a tool call's arguments: JSON text inside a JSON string, in fragments
_templates      the short way to read an event that is made like the one before

For every message that decodes:
- encode(the same texts) is the message's own bytes;
- encode(other texts) changes those texts and nothing else that the message says, unknown fields included, but
  for what tells the old texts once more (tokens, log-probabilities): that is left out;
- a text that the receiver could read and the adapter cannot is an error, or is named in `unread`.
"""
