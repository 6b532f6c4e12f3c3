#!/usr/bin/env python3
"""Signs in to a demo server, reads the account, changes it and signs out: Python's standard library only.

Run it with `comptoir` on the PATH, or name the binary in COMPTOIR_BIN.
"""

import json
import os
import subprocess
import urllib.error
import urllib.request


def call(method, url, body=None, token=None):
    """One request; returns the status and the decoded body."""
    request = urllib.request.Request(url, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def main():
    binary = os.environ.get("COMPTOIR_BIN", "comptoir")
    command = [binary, "demo", "--json", "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        demo = json.loads(server.stdout.readline())
        url = demo["url"]

        _, token = call(
            "POST", f"{url}/account/token/generation", {"username": "olena", "password": demo["password"]}
        )
        _, account = call("GET", f"{url}/account/info", token=token)
        print(f"{account['username']} of {account['company_key']}: {account['specification']}")

        _, account = call("PUT", f"{url}/account/info", {"phone": "+380501112233"}, token)
        print(f"phone is now {account['phone']}")

        status, problem = call("PUT", f"{url}/account/info", {"email": "no address"}, token)
        print(f"{status}: {problem['message']}")

        call("POST", f"{url}/comptoir/v1/sign-out", token=token)
        status, _ = call("GET", f"{url}/account/info", token=token)
        print(f"after signing out: {status}")
        assert status == 401
    finally:
        server.terminate()
        assert server.wait(30) == 0


if __name__ == "__main__":
    main()
