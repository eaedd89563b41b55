"""Somebody who takes OTLP over HTTP, decodes it, and can be slow, busy, broken or gone."""

from __future__ import annotations

import gzip
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

_OK = 200


class Receiver:
    """In threads of its own.

    Attributes:
        requests: (path, headers in lower case, message) of all that were decoded, refused ones too.
        status: what is answered.
        answer_headers: sent with each answer.
        rejected: (n, why), for a partial success; None takes all.
        answers: cleared, it takes a push and leaves it without an answer.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.status = _OK
        self.answer_headers: dict[str, str] = {}
        self.rejected: tuple[int, str] | None = None
        self.answers = threading.Event()
        self.answers.set()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {key.lower(): value for key, value in self.headers.items()}
                if headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                assert headers["content-type"] == "application/x-protobuf"
                request, answer = receiver.decoded(self.path, body)
                receiver.requests.append((self.path, headers, request))
                receiver.answers.wait()
                content = answer.SerializeToString() if receiver.status == _OK else b"no"
                try:
                    self.send_response(receiver.status)
                    for key, value in ({"Content-Length": str(len(content))} | receiver.answer_headers).items():
                        self.send_header(key, value)
                    self.end_headers()
                    self.wfile.write(content)
                except ConnectionError:
                    pass  # whoever asked did not wait

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def decoded(self, path: str, body: bytes) -> tuple[Message, Message]:
        n, why = self.rejected or (0, "")
        if path.endswith("/v1/traces"):
            answer = ExportTraceServiceResponse()
            answer.partial_success.rejected_spans, answer.partial_success.error_message = n, why
            return ExportTraceServiceRequest.FromString(body), answer
        answer = ExportMetricsServiceResponse()
        answer.partial_success.rejected_data_points, answer.partial_success.error_message = n, why
        return ExportMetricsServiceRequest.FromString(body), answer

    def metrics(self) -> dict[str, Any]:
        """Those of the last push, by name."""
        (scoped,) = self._last("/v1/metrics").resource_metrics[0].scope_metrics
        assert scoped.scope.name == "botmon_cog"
        return {metric.name: metric for metric in scoped.metrics}

    def spans(self) -> list[Any]:
        """All that were taken or refused, in their order."""
        requests = [request for path, _, request in self.requests if path == "/v1/traces"]
        return [
            span for request in requests for of in request.resource_spans for to in of.scope_spans for span in to.spans
        ]

    def resource(self, path: str) -> dict[str, Any]:
        last = self._last(path)
        of = last.resource_metrics if path == "/v1/metrics" else last.resource_spans
        return attributes(of[0].resource)

    def _last(self, path: str) -> Any:
        return [request for to, _, request in self.requests if to == path][-1]


def attributes(of: Any) -> dict[str, Any]:
    """Of a resource, a point or a span, as plain values."""
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in of.attributes}


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.answers.set()
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()
