#!/usr/bin/env python3
"""The account contract through its vendor's own Python client, which knows nothing of Comptoir.

It needs `pip install vrt-lss-account==7.9.2527`. `tests/clients/run.sh` has that in `target/clients-venv`.
"""

import datetime
import io
import uuid
import zipfile

import vrt_lss_account as account
from support import Api, demo


def main():
    with demo() as server:
        host = server["url"]
        with account.ApiClient(account.Configuration(host=host)) as anonymous:
            request = account.TokenRequest(username="ivan", password=server["password"], ttl_seconds=3600)
            token = account.AuthApi(anonymous).run_token_generation(token_request=request)

        with account.ApiClient(account.Configuration(host=host, access_token=token)) as client:
            user = account.InfoApi(client).read_info()
            print(f"{user.username} of {user.company_key}: {user.specification}")

            # What the demo's connector has reported for this user in two months.
            today = datetime.date.today()
            since = today - datetime.timedelta(days=59)
            statistics = account.StatisticsApi(client)
            used = statistics.generate_statistics(var_from=since, to=today)
            days = used.dates
            points = sum(kind.points_per_day for day in days for service in day.services for kind in service.processes)
            print(f"{len(days)} days with usage, {points} points")
            assert days and points

            report = statistics.generate_report(var_from=since, to=today)
            with zipfile.ZipFile(io.BytesIO(report)) as workbook:
                assert "xl/workbook.xml" in workbook.namelist()
            print(f"the report is a workbook of {len(report)} bytes")

            # A service reports one more process, with a BOT's token.
            connector = Api(host, f"Bearer {server['api_token']['secret']}")
            code = str(uuid.uuid4())
            connector.post("/comptoir/v1/processes", {
                "process_code": code,
                "start": {
                    "username": "ivan", "service": "UNIVERSAL", "process_type": "PLAN",
                    "points": ["warehouse", "shop 1", "shop 2"],
                },
                "requests": [{"request_code": str(uuid.uuid4()), "operation": "run_plan_calculation"}],
            })
            file = f"/comptoir/v1/processes/{code}/files/INPUT"
            connector.request("PUT", file, b'{"points": 3}', {"Content-Type": "application/octet-stream"})
            connector.post(f"/comptoir/v1/processes/{code}/finish", {"status": "FINISHED_IN_TIME", "elements": 3})

            audit = account.AuditApi(client).read_audit(operation="run_plan_calculation")
            print(f"the audit has {audit.counters.filter.total} calculation of today")
            data = account.DataApi(client).read_data(
                process_code=code, data_flow_type=account.FlowType.INPUT, data_flow_stage="RAW"
            )
            print(f"its input was {bytes(data).decode()}")


if __name__ == "__main__":
    main()
