"""Something to watch Sentinel with: a stand-in model server and conversations to have with it.

library         documents.yaml, and answers made of its sentences (no model, no randomness)
model           a gRPC server of the Open Inference protocol that answers from the library
tgis            the same as a TGIS server
http_model      the same over HTTP, as OpenAI and Anthropic speak it (http_openai, http_responses,
http_anthropic) http_asked      what its callers ask for, whatever the protocol
tensors         how the server reads requests and writes answers
conversations   conversations.yaml: what is said, and what a person would expect Sentinel to do
client          a gRPC client that holds the conversations and tells how each ended
ask             one question of your own, through the same client

The company, its documents and everybody in them are invented.
"""
