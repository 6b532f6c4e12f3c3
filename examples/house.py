#!/usr/bin/env python3
"""The house API: signing in, what is wrong with a request, a user and a token of one's own, signing out."""

import uuid

from support import Api, demo


def main():
    with demo() as server:
        olena = Api.signed_in(server, "olena")
        me = olena.get("/comptoir/v1/me")
        print(f"{me['username']} of {me['company_key']} is {' and '.join(me['roles'])}")

        refused = olena.put("/account/info", {"email": "no address"}, expect=400)
        print(f"refused: {refused['message']}")

        # The same key again makes nothing more: what a client wants that has lost an answer.
        key = {"Idempotency-Key": str(uuid.uuid4())}
        body = {"username": "warehouse_connector", "roles": ["BOT"]}
        for _ in range(2):
            made = olena.json("POST", "/comptoir/v1/users", body, headers=key)
        token = olena.post("/comptoir/v1/tokens", {"username": made["username"], "name": "warehouse", "role": "BOT"})
        connector = Api(server["url"], f"Bearer {token['secret']}")
        print(f"{connector.get('/comptoir/v1/me')['username']} has a token that begins with {token['secret'][:8]}")

        # Lists come page by page.
        names, page = [], None
        while True:
            answer = olena.get("/comptoir/v1/users", limit=2, page_token=page)
            names += [user["username"] for user in answer["items"]]
            page = answer.get("next_page_token")
            if page is None:
                break
        print(f"users: {', '.join(names)}")

        olena.post("/comptoir/v1/sign-out")
        olena.get("/comptoir/v1/me", expect=401)
        print("signed out: the token is of no use any more")


if __name__ == "__main__":
    main()
