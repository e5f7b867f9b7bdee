"""ClickHouse's HTTP interface before the embedded engine: as much of it as clickhouse-connect, ClickHouse's
own drivers and Grafana's data source use (https://clickhouse.com/docs/interfaces/http).

- A request is one statement: the `query` parameter, then the body. Other parameters are settings of that
  statement (`param_x` fills `{x:Type}`), and hold for it alone: there are no sessions.
- GET may only read.
- Whoever reaches the port may use it, unless a password is set. A web page must not (a browser would send its
  requests to loopback, too): without a password, requests with an Origin or for a name other than loopback's
  are refused.
- Bounded: MAX_CONNECTIONS connections, MAX_STATEMENTS statements at a time, body and result by size.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from sentinel.store import _native, _statement, _wire
from sentinel.store._engine import Answer, Engine, EngineError

MAX_CONNECTIONS = 64
MAX_STATEMENTS = 8
WAIT_FOR_TURN_S = 30
IDLE_S = 60
_LIMITS = {"max_result_bytes": str(_wire.MAX_BODY_BYTES), "max_execution_time": "120"}

# Parameters of the interface itself, not settings (ClickHouse's HTTPHandler), plus those that only make sense
# for an answer sent while it is computed.
_OWN_PARAMETERS = frozenset(
    "query database default_format query_id session_id session_timeout session_check compress "
    "decompress user password quota_key role stacktrace buffer_size wait_end_of_query "
    "client_protocol_version http_headers_progress_interval_ms send_progress_in_http_headers "
    "cancel_http_readonly_queries_on_client_close enable_http_compression http_zlib_compression_level "
    "close_session http_write_exception_in_output_format".split()
)
_CONTENT_TYPES = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
}
# ClickHouse's exceptionCodeToHTTPStatus; 500 for the rest.
_STATUS = {
    **dict.fromkeys((516, 192, 193, 194, 497, 291), 403),
    **dict.fromkeys((6, 26, 27, 36, 38, 41, 43, 47, 53, 62, 69, 70, 72, 117, 441, 456, 457), 400),
    **dict.fromkeys((46, 47, 50, 60, 63, 81, 115, 128, 170), 404),
    159: 408,
    202: 503,
    48: 501,
    164: 500,
}
_LOOPBACK_HOST = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?", re.IGNORECASE)


class HttpFront:
    """Serves an engine on HOST:PORT from `start()` to `stop()`; `address` names the port taken for port 0."""

    def __init__(self, engine: Engine, listen: str, user: str, password: str) -> None:
        host, _, port = listen.rpartition(":")
        self._server = _Server((host.strip("[]"), int(port)), engine, user, password)
        taken = self._server.server_address
        self.address = f"{host}:{taken[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="store-http", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = MAX_CONNECTIONS

    def __init__(self, address: tuple[str, int], engine: Engine, user: str, password: str) -> None:
        self.engine, self.user, self.password = engine, user, password
        self.turns = threading.BoundedSemaphore(MAX_STATEMENTS)
        self._connections = threading.BoundedSemaphore(MAX_CONNECTIONS)
        if ":" in address[0]:
            import socket

            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)
        self.timezone, self.version = (
            engine.run(b"SELECT timezone(), version()").data.decode().strip().split("\t")
        )

    def process_request(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        if not self._connections.acquire(timeout=WAIT_FOR_TURN_S):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "sentinel-store"
    sys_version = ""
    timeout = IDLE_S
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024

    def log_message(self, format: str, *args: object) -> None:
        """Statements are nobody's log lines."""

    def do_GET(self) -> None:
        self._serve(read_only=True)

    def do_HEAD(self) -> None:
        self._serve(read_only=True)

    def do_POST(self) -> None:
        self._serve(read_only=False)

    def _serve(self, *, read_only: bool) -> None:
        url = urlsplit(self.path)
        given = dict(parse_qsl(url.query, keep_blank_values=True))
        try:
            body = self._body()
            if url.path == "/ping" or (url.path == "/" and not given.get("query") and not body and read_only):
                return self._reply(200, b"Ok.\n")
            if url.path != "/":
                return self._reply(404, b"There is nothing here: statements go to /, and /ping answers\n")
            self._admit(given)
            given, body = self._form(given, body)
            self._answer(given, body, read_only)
        except _wire.BodyError as error:
            self.close_connection = True
            self._refuse(error.status, 1002, f"Code: 1002. DB::Exception: {error}. (UNKNOWN_EXCEPTION)")
        except EngineError as error:
            self._refuse(_STATUS.get(error.code, 500), error.code, str(error))

    def _body(self) -> bytes:
        return _wire.read_body(
            self.rfile, self.headers["Content-Length"], self.headers["Transfer-Encoding"] or ""
        )

    def _form(self, given: dict[str, str], body: bytes) -> tuple[dict[str, str], bytes]:
        content_type = self.headers["Content-Type"] or ""
        if content_type.startswith("multipart/form-data"):
            return given | _wire.form_fields(body, content_type), b""
        body = _wire.decode_body(body, self.headers["Content-Encoding"] or "")
        return given, body

    def _admit(self, given: dict[str, str]) -> None:
        if not self.server.password:
            host = self.headers["Host"] or "localhost"
            if self.headers["Origin"] or not _LOOPBACK_HOST.fullmatch(host):
                raise _refused(
                    "a web page may not use the store: set `store.password_file` to allow other clients"
                )
            return
        user, password = given.get("user", ""), given.get("password", "")
        kind, _, basic = (self.headers["Authorization"] or "").partition(" ")
        if kind.lower() == "basic":
            try:
                user, _, password = base64.b64decode(basic).decode().partition(":")
            except ValueError:
                raise _refused("the Authorization header cannot be read") from None
        user = self.headers["X-ClickHouse-User"] or user or "default"
        password = self.headers["X-ClickHouse-Key"] or password
        right = hmac.compare_digest(user.encode(), self.server.user.encode())
        if not (hmac.compare_digest(password.encode(), self.server.password.encode()) and right):
            raise _refused("user or password is wrong")

    def _answer(self, given: dict[str, str], body: bytes, read_only: bool) -> None:
        query = given.get("query", "").encode()
        statement = query + b"\n" + body if query and body else query or body
        default = given.get("default_format") or self.headers["X-ClickHouse-Format"] or "TabSeparated"
        settings = _LIMITS | {
            name: value
            for name, value in given.items()
            if name not in _OWN_PARAMETERS and not name.startswith("param_")
        }
        if read_only:
            settings["readonly"] = "2"
        if not statement.strip():
            raise EngineError(
                62, "Code: 62. DB::Exception: Syntax error: the statement is empty. (SYNTAX_ERROR)"
            )
        shape = _statement.examine(statement, default)
        if shape.touches_files:
            raise _not_served("INFILE and OUTFILE")
        if "1" in (given.get("compress"), given.get("decompress")):
            raise _not_served("ClickHouse's own compression (compress=1, decompress=1): use HTTP's")
        if not self.server.turns.acquire(timeout=WAIT_FOR_TURN_S):
            text = "Code: 202. DB::Exception: Too many statements at once. (TOO_MANY_SIMULTANEOUS_QUERIES)"
            raise EngineError(202, text)
        try:
            answer = self.server.engine.run(
                statement[: shape.statement_end] if shape.insert_format else statement,
                shape.output_format,
                insert_format=shape.insert_format,
                insert_data=statement[shape.data_at :] if shape.insert_format else b"",
                database=given.get("database", "") or self.headers["X-ClickHouse-Database"] or "",
                settings=settings,
                parameters={name[6:]: value for name, value in given.items() if name.startswith("param_")},
            )
        finally:
            self.server.turns.release()
        self._reply_with(answer, shape, given)

    def _reply_with(self, answer: Answer, shape: _statement.Shape, given: dict[str, str]) -> None:
        data = _native_for(answer.data, given) if shape.output_format == "Native" else answer.data
        headers = {"X-ClickHouse-Query-Id": given.get("query_id") or str(uuid.uuid4())}
        written = answer.written_rows or (answer.read_rows if shape.inserts else 0)
        headers["X-ClickHouse-Summary"] = json.dumps(
            {
                "read_rows": str(answer.read_rows),
                "read_bytes": str(answer.read_bytes),
                "written_rows": str(written),
                "result_bytes": str(len(data)),
                "elapsed_ns": str(answer.elapsed_ns),
            }
        )
        headers["X-ClickHouse-Timezone"] = self.server.timezone
        headers["X-ClickHouse-Server-Display-Name"] = "sentinel"
        if shape.answers:
            headers["X-ClickHouse-Format"] = shape.output_format
            headers["Content-Type"] = _CONTENT_TYPES.get(shape.output_format, "text/plain; charset=UTF-8")
        if given.get("enable_http_compression") not in ("0", "false"):
            data, encoding = _wire.encode_answer(data, self.headers["Accept-Encoding"] or "")
            if encoding:
                headers["Content-Encoding"] = encoding
        self._reply(200, data, headers)

    def _refuse(self, status: int, code: int, text: str) -> None:
        body = f"{text} (version {self.server.version})\n".encode()
        self._reply(status, body, {"X-ClickHouse-Exception-Code": str(code)})

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain; charset=UTF-8", **(headers or {})}.items():
            self.send_header(name, value.replace("\r", " ").replace("\n", " "))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


def _native_for(data: bytes, given: dict[str, str]) -> bytes:
    version = given.get("client_protocol_version", "")
    try:
        return _native.for_client(data, int(version) if version.isdigit() else 0)
    except _native.UnknownType as error:
        raise _not_served(
            f"Native with columns of type {error} for clients with a protocol version"
        ) from None


def _not_served(what: str) -> EngineError:
    return EngineError(48, f"Code: 48. DB::Exception: Not served here: {what}. (NOT_IMPLEMENTED)")


def _refused(why: str) -> EngineError:
    return EngineError(
        516, f"Code: 516. DB::Exception: Authentication failed: {why}. (AUTHENTICATION_FAILED)"
    )
