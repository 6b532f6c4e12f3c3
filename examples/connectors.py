#!/usr/bin/env python3
"""The contract of connectors: figures are reported, with Bearer or Basic, and read back as a series and by Prometheus."""

import base64
import time

from support import Api, demo

SET = "/ExternalExchange/v1/statistic/set"
KEY = "Очереди.ОбработкаЗаказов.КоличествоОшибок"


def main():
    with demo() as server:
        admin = Api.signed_in(server, "olena")
        known = {system["id"] for system in admin.get("/comptoir/v1/connectors/systems")["items"]}
        if "warehouse_7" not in known:
            admin.post("/comptoir/v1/connectors/systems", {"id": "warehouse_7", "name": "Warehouse"})

        now = int(time.time())
        connector = Api(server["url"], f"Bearer {server['api_token']['secret']}")
        for minutes_ago, errors in ((2, 3), (1, 5), (0, 4)):
            said = connector.post(SET, {
                "externalSystemId": "warehouse_7",
                "timestamp": now - 60 * minutes_ago,
                "items": [
                    {"key": KEY, "value": errors},
                    {"key": "Синхронизация.Последняя", "value": "2026-11-27T10:00:00Z", "valueType": "datetime"},
                ],
            })
            assert said["success"] and said["successInAllSubrequests"], said
        print(said["message"])

        # As a 1C HTTP client signs in.
        pair = base64.b64encode(f"olena:{server['password']}".encode()).decode()
        basic = Api(server["url"], f"Basic {pair}")
        said = basic.post(SET, {
            "externalSystemId": "warehouse_7", "timestamp": now,
            "items": [{"key": "Заказы", "value": 17, "merchantId": "nobody"}],
        })
        print(said["message"])
        assert not said["success"]

        series = admin.get("/comptoir/v1/connectors/series", system="warehouse_7", key=KEY)
        print([(point["at"], point["value"]) for point in series["items"]])
        assert [point["value"] for point in series["items"]] == [3, 5, 4]

        page = connector.request("GET", "/comptoir/v1/connectors/metrics").decode()
        series = f'comptoir_connector_value{{system="warehouse_7",merchant="",key="{KEY}"}}'
        gauge = next(line for line in page.splitlines() if line.startswith(series))
        print(gauge)
        assert gauge.endswith(" 4")


if __name__ == "__main__":
    main()
