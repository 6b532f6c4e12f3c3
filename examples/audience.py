#!/usr/bin/env python3
"""The audience contract: subscribers come in, figures are counted anew, and read as JSON and as XML."""

import time
import xml.etree.ElementTree as xml

from support import Api, demo


def main():
    with demo() as server:
        admin = Api.signed_in(server, "olena")
        customers = admin.post("/comptoir/v1/audience/lists", {"name": "Spring fair"})["id"]
        shop = admin.post("/comptoir/v1/audience/resources", {"name": "Letters about the fair"})["id"]

        # The contract carries its credential in the body: here the API token of a machine.
        api = Api(server["url"])
        credential = {"token": server["api_token"]["secret"]}

        def ask(path, body):
            answer = api.post(f"/api/v1.1/{path}", {**credential, **body})
            assert answer["error"] == 0, answer
            return answer["data"]

        subscribers = [
            {
                "email": f"customer{number}@example.com",
                "_fname": f"Customer {number}",
                "subscriptions": [{
                    "resource_id": shop,
                    "channel": "email",
                    # Every tenth has had enough.
                    "status": "unsubscribed" if number % 10 == 0 else "subscribed",
                    "email_data": {"email": f"customer{number}@example.com"},
                }],
            }
            for number in range(1, 101)
        ]
        ask("profiles/import_batch", {"db_id": customers, "matching": "email", "data": subscribers})

        task = ask("resources/refresh_counters", {"id": shop, "list_id": customers, "format": "json"})["task_id"]
        while (status := ask("tasks/status", {"task_id": task}))["status"] not in ("completed", "failed"):
            print(f"counting: {status['progress']} %")
            time.sleep(0.1)
        assert status["status"] == "completed", status

        [figures] = ask("resources/get_counters", {"id": shop, "list_id": customers})
        by_channel = {entry["channel"]: entry["status"] for entry in figures["channels"]}
        print(f"e-mail: {by_channel['email']}")
        assert (by_channel["email"]["subscribed"], by_channel["email"]["unsubscribed"]) == (90, 10)

        # The same in XML, for those who would rather have it.
        document = xml.Element("xml")
        for name, value in {**credential, "id": shop, "list_id": customers}.items():
            xml.SubElement(document, name).text = str(value)
        text = api.request(
            "POST", "/api/v1.1/resources/get_counters", xml.tostring(document),
            {"Content-Type": "application/xml", "Accept": "application/xml"},
        )
        found = [int(element.text) for element in xml.fromstring(text).iter("subscribed")]
        print(f"subscribed, by channel, in XML: {found}")
        assert 90 in found


if __name__ == "__main__":
    main()
