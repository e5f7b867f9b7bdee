"""The only servers and the only event loop of the data plane.

grpc_front  gRPC in: which handler a method gets
http_front  HTTP in: what happens to a path
http_*      server and call, client, exchange, whole and streamed answers, pass-through, fields, codings,
errors driver      one exchange: performs what the guard's session commands
unary_call  one unary call to the model server, without grpc.aio's wrapping
forward     bytes through, untouched, for calls that nothing reads
upstream    the channel to the model server
metadata    which metadata travels, and in which form
status      a refusal as an honest gRPC error
health      the standard health service, following the upstream
limits      concurrency and message-size bounds
workers     the supervisor's side: start, watch and replace worker processes
admin       /healthz, /readyz, /metrics and sentinel.v1 on one port
"""
