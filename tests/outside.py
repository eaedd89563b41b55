"""Who watches a bot from outside of it: one asks it with curl, the other one counts what it pushes."""

from __future__ import annotations

import http.server
import json
import shutil
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

REFUSED, SILENT = "refused", "no answer"
_CURL_CODES = {7: REFUSED, 28: SILENT}


def ask(url: str, *, patience_s: float = 20.0) -> tuple[int, Any] | str:
    """(status, JSON) of an answer, or what came of it otherwise, in the words of docs/liveness.md. Blocks."""
    return _with_curl(url, patience_s) if shutil.which("curl") else _with_urllib(url, patience_s)


def _with_curl(url: str, patience_s: float) -> tuple[int, Any] | str:
    command = ["curl", "--silent", "--noproxy", "*", "--max-time", f"{patience_s:g}", "--write-out", "\n%{http_code}"]
    done = subprocess.run([*command, url], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return _CURL_CODES[done.returncode]
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


def _with_urllib(url: str, patience_s: float) -> tuple[int, Any] | str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        try:
            response = opener.open(url, timeout=patience_s)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            return response.status, json.load(response)
    except TimeoutError:
        return SILENT
    except urllib.error.URLError as error:
        if not isinstance(error.reason, ConnectionRefusedError):
            raise
        return REFUSED


class Outside:
    """Counts the pushes, in a thread of its own: a loop that hangs does not stop it.

    Attributes:
        paths: what was asked for.
        answers: cleared, it takes a push and leaves it without an answer.
    """

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.status = 200
        self.answers = threading.Event()
        self.answers.set()
        outside = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outside.paths.append(self.path)
                outside.answers.wait()
                try:
                    self.send_response(outside.status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except ConnectionError:
                    pass  # whoever asked did not wait

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/ping/s3cret-uuid"

    @property
    def n(self) -> int:
        return len(self.paths)


@contextmanager
def counting() -> Iterator[Outside]:
    outside = Outside()
    thread = threading.Thread(target=outside.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield outside
    finally:
        outside.answers.set()
        outside.server.shutdown()
        thread.join()
        outside.server.server_close()


@contextmanager
def taken_port() -> Iterator[int]:
    """A port of 127.0.0.1 where somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        yield somebody.getsockname()[1]
