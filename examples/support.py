"""What the examples share: a demo server for as long as it is needed, and one HTTP request. Standard library only."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT = 30


@contextlib.contextmanager
def demo():
    """A demo server on a free port; what its ready line says: url, users, password, api_token …"""
    with serving("demo", "--json") as line:
        yield line


@contextlib.contextmanager
def serving(*command, **environment):
    """A server of its own, on a free port, until the block ends. COMPTOIR_BIN names the binary."""
    binary = os.environ.get("COMPTOIR_BIN", "comptoir")
    server = subprocess.Popen(
        [binary, *command, "--listen", "127.0.0.1:0"],
        env={**os.environ, "COMPTOIR_LOG": "warn", **environment},
        stdout=subprocess.PIPE,
    )
    try:
        # Printed once it listens, so there is nothing to poll for.
        line = server.stdout.readline()
        if not line:
            sys.exit(f"{binary} ended before it was ready, with status {server.wait(TIMEOUT)}")
        yield json.loads(line)
    finally:
        server.terminate()
        status = server.wait(TIMEOUT)
    assert status == 0, f"the server ended with {status}"


class Api:
    """Requests to one server with one credential."""

    def __init__(self, url, authorization=None):
        self.url = url
        self.authorization = authorization

    @classmethod
    def signed_in(cls, server, username):
        """As a user of the demo, with a JWT."""
        credentials = {"username": username, "password": server["password"]}
        token = cls(server["url"]).post("/account/token/generation", credentials)
        return cls(server["url"], f"Bearer {token}")

    def request(self, method, path, body=None, headers=None, expect=200):
        """One request; the body of the answer as bytes. `body`: bytes as they are, anything else as JSON."""
        request = urllib.request.Request(self.url + path, method=method, headers=headers or {})
        if body is not None:
            if not isinstance(body, bytes):
                body = json.dumps(body).encode()
                request.add_header("Content-Type", "application/json")
            request.data = body
        if self.authorization:
            request.add_header("Authorization", self.authorization)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        assert status == expect, f"{method} {path}: {status} {text.decode(errors='replace')}"
        return text

    def json(self, method, path, body=None, **more):
        """One request; the answer's JSON."""
        text = self.request(method, path, body, **more)
        return json.loads(text) if text else None

    def get(self, path, expect=200, **query):
        """GET, with the parameters of the query by name."""
        query = urllib.parse.urlencode({name: value for name, value in query.items() if value is not None})
        return self.json("GET", f"{path}?{query}" if query else path, expect=expect)

    def post(self, path, body=None, expect=200):
        """POST of JSON."""
        return self.json("POST", path, body, expect=expect)

    def put(self, path, body=None, expect=200):
        """PUT of JSON."""
        return self.json("PUT", path, body, expect=expect)
