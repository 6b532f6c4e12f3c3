#!/usr/bin/env python3
"""The nomenclature contract: a list of goods is uploaded, what it will do is looked at and confirmed, and the catalogue
is read back. Nothing is changed before the confirmation."""

import json
import time
import uuid

from support import Api, demo

GOODS = """Название;Артикул;Группа;Цена;НДС;Штрихкоды EAN-13
Сок яблочный;J-1;Напитки/Соки;1 234,50;20;4820000000017
Сок томатный;J-2;Напитки/Соки;98,00;20;4820000000024
Вода;W-1;Напитки;12,30;10;4820000000031
Без цены;X-1;Прочее;дорого;20;
"""

# Who asks and in which language: the contract wants to know.
HEADERS = {"Accept-Language": "en-US", "X-LP-Client-Identifier": "example", "X-LP-Client-Type": "Service"}


def multipart(name, filename, content):
    """A form with one file, and its media type."""
    boundary = uuid.uuid4().hex
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def main():
    with demo() as server:
        api = Api.signed_in(server, "olena")
        organisation = api.get("/comptoir/v1/companies/north_star")["guid"]
        base = f"/v5/orgs/{organisation}"
        imports = f"{base}/async/imports/nomenclature"

        def wait_for(task, *states):
            while task["status"] not in states:
                assert task["status"] in ("InQueue", "InProgress"), task
                time.sleep(0.1)
                task = api.json("GET", f"{imports}/{task['guid']}", headers=HEADERS)
            return task

        before = api.get(f"{base}/nomenclature")["items_total"]
        body, media_type = multipart("file", "goods.csv", GOODS.encode())
        task = json.loads(api.request("POST", f"{imports}:new.xlsx", body, {**HEADERS, "Content-Type": media_type}))
        task = wait_for(task, "WaitingForFeedback")
        for resolution in task["resolutions"]:
            print(f"{resolution['type']}: {resolution['message']}")

        task = api.json("POST", f"{imports}/{task['guid']}/confirm", headers=HEADERS)
        wait_for(task, "Completed")

        goods = api.get(f"{base}/nomenclature")
        print(f"{goods['items_total']} goods, {before} before")
        assert goods["items_total"] == before + 3, "the row whose price is no number was refused"

        report = api.request("GET", f"{imports}/{task['guid']}/report.xlsx", headers=HEADERS)
        catalogue = api.request("GET", f"{base}/nomenclature.xlsx", headers=HEADERS)
        assert report.startswith(b"PK") and catalogue.startswith(b"PK")
        print(f"a report of {len(report)} bytes, the whole catalogue in {len(catalogue)}")


if __name__ == "__main__":
    main()
