"""A server for each test: the built binary on a free port, with a database that goes when it ends."""

import json
import os
import select
import subprocess
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

USERNAME = "operator"
PASSWORD = "a long enough password"
COMPANY = "clients"

READY_WITHIN = 30  # seconds, on a busy machine
ENDS_WITHIN = 30


@dataclass
class Server:
    """A running server, and plain HTTP for what no client would send."""

    url: str
    pid: int

    def request(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        """Sends `body` as JSON, or `raw` as it is; `content_type="…"` becomes the header Content-Type."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            raw = json.dumps(body).encode()
            named.setdefault("content-type", "application/json")
        with urllib3.PoolManager(retries=False, timeout=30) as pool:
            return pool.request(method, self.url + path, body=raw, headers=named)


@pytest.fixture
def server(tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    log = tmp_path / "server.log"
    environment = {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(temporary),
        "COMPTOIR_OPERATOR_USERNAME": USERNAME,
        "COMPTOIR_OPERATOR_PASSWORD": PASSWORD,
        "COMPTOIR_OPERATOR_COMPANY": COMPANY,
    }
    command = [os.environ["COMPTOIR_BIN"], "serve", "--database", "temp", "--listen", "127.0.0.1:0"]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
    try:
        if not select.select([process.stdout], [], [], READY_WITHIN)[0]:
            pytest.fail(f"no ready line after {READY_WITHIN} s; the log:\n{log.read_text()}")
        line = process.stdout.readline()
        assert line, f"the server ended with {process.wait(ENDS_WITHIN)}; the log:\n{log.read_text()}"
        ready = json.loads(line)
        assert ready["ready"] is True
        assert ready["pid"] == process.pid
        yield Server(ready["url"], ready["pid"])
        process.terminate()
        assert process.wait(ENDS_WITHIN) == 0, f"SIGTERM is an orderly end; the log:\n{log.read_text()}"
        assert process.stdout.read() == b"", "standard output carries the ready line and nothing else"
        assert list(temporary.iterdir()) == [], "a temporary database goes with its server"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
