"""Envoy's own messages, as fields: {message: {field: [number, type, repeated]}} on stdout. Run with the
`xds-protos` environment's Python."""

from __future__ import annotations

import json

from envoy.config.core.v3 import base_pb2
from envoy.extensions.filters.http.ext_proc.v3 import processing_mode_pb2
from envoy.service.ext_proc.v3 import external_processor_pb2
from envoy.type.v3 import http_status_pb2

files = (base_pb2, external_processor_pb2, http_status_pb2)
messages = {name: each for file in files for name, each in file.DESCRIPTOR.message_types_by_name.items()}
fields = {
    name: {each.name: [each.number, each.type, int(each.is_repeated)] for each in message.fields}
    for name, message in messages.items()
}
modes = dict(processing_mode_pb2.ProcessingMode.BodySendMode.items())
service = external_processor_pb2.DESCRIPTOR.services_by_name["ExternalProcessor"]
methods = [f"/{service.full_name}/{method.name}" for method in service.methods]
print(json.dumps({"fields": fields, "modes": modes, "methods": methods}))
