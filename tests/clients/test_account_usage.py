"""Statistics, report, data and quotas of the account contract through the vendor's own client, vrt-lss-account
7.9.2527; the report's cells through openpyxl, and held against the statistics."""

import io
import json
import uuid
from datetime import date, datetime, timedelta, timezone

import openpyxl
import pytest
from vrt_lss_account import AuditApi, DataApi, QuotasApi, StatisticsApi
from vrt_lss_account.exceptions import BadRequestException, NotFoundException
from vrt_lss_account.models import FlowType, General400, General404, ProcessType, Service

from conftest import USERNAME
from test_account import check_trace, client, refusal, sign_in

PROCESSES = "/comptoir/v1/processes"
TODAY = datetime.now(timezone.utc).date()


class Used:
    """A server whose operator has used services on two days, and a token of the operator."""

    def __init__(self, server):
        self.server = server
        self.token = sign_in(server)
        self.yesterday = TODAY - timedelta(days=1)
        self.code = self.report(self.yesterday, "UNIVERSAL", "PLAN", ["a", "b", "a"], 7)
        self.report(self.yesterday, "AGRO", "MATRIX", ["a"], 2)
        self.report(TODAY - timedelta(days=40), "UNIVERSAL", "PLAN", ["c"], 1)

    def request(self, method, path, body=None, **more):
        bearer = f"Bearer {self.token}"
        answer = self.server.request(method, path, body, authorization=bearer, **more)
        assert answer.status == 200, answer.data
        return answer

    def report(self, day, service, process_type, points, elements):
        code = str(uuid.uuid4())
        begun = {"service": service, "process_type": process_type, "time": f"{day}T10:00:00Z", "points": points}
        finish = {"status": "FINISHED_IN_TIME", "elements": elements, "timings": {"calculation_ms": 1500}}
        made = [{"request_code": str(uuid.uuid4()), "operation": "run_calculation"}]
        body = {"process_code": code, "start": begun, "requests": made, "finish": finish}
        self.request("POST", PROCESSES, body)
        return code


@pytest.fixture
def used(server):
    return Used(server)


def statistics(used, **query):
    return StatisticsApi(client(used.server, used.token)).generate_statistics(**query)


def rows(found):
    """A statistic as the rows of a report."""
    return [
        (day.var_date, service.service.value, process.process_type.value, process.processes_per_day,
         process.points_per_day, process.unique_points_per_day, process.elements_per_day)
        for day in found.dates
        for service in day.services
        for process in service.processes
    ]


def test_the_client_reads_the_statistics(used):
    found = statistics(used, var_from=used.yesterday, to=used.yesterday)
    assert found.username == USERNAME
    assert rows(found) == [
        (used.yesterday, "UNIVERSAL", "PLAN", 1, 3, 2, 7),
        (used.yesterday, "AGRO", "MATRIX", 1, 1, 1, 2),
    ]
    only = statistics(used, var_from=used.yesterday, to=used.yesterday, service=Service.AGRO, process_type=ProcessType.MATRIX)
    assert len(rows(only)) == 1
    assert len(rows(statistics(used, var_from=TODAY - timedelta(days=40)))) == 3
    # This month until yesterday: on the first of a month there is none of it.
    assert len(rows(statistics(used))) == (0 if TODAY.day == 1 else 2)
    assert statistics(used, var_from=TODAY).dates == []


def test_a_period_that_is_not_in_order_is_refused_by_the_parameter(used):
    api = StatisticsApi(client(used.server, used.token))
    for call, operation in [(api.generate_statistics, "generate_statistics"), (api.generate_report, "generate_report")]:
        for days in [(TODAY, used.yesterday), (date(2000, 1, 1), TODAY)]:
            error = refusal(400, BadRequestException, call, *days)
            assert isinstance(error.data, General400)
            assert json.loads(error.body)["schema_errors"][0]["entity"] == "from"
            check_trace(error.data.tracedata, error.headers, operation, USERNAME, "clients")


def test_the_report_says_cell_by_cell_what_the_statistics_say(used):
    first = TODAY - timedelta(days=60)
    api = StatisticsApi(client(used.server, used.token))
    book = openpyxl.load_workbook(io.BytesIO(bytes(api.generate_report(first, TODAY))))
    assert book.sheetnames == ["Summary", "Days"]
    days = book["Days"]
    names = [cell.value for cell in days[6]]
    # The operator is an ADMIN: one column more.
    assert names == ["Date", "User", "Service", "Process type", "Processes", "Points", "Unique points a day", "Elements"]
    read = [[cell.value for cell in row] for row in days.iter_rows(min_row=7)]
    assert {row.pop(1) for row in read} == {USERNAME}
    assert [(row[0].date(), *row[1:]) for row in read] == rows(statistics(used, var_from=first, to=TODAY))
    assert days.freeze_panes == "A7" and days.auto_filter.ref == "A6:H9"
    assert days["A7"].number_format == "yyyy-mm-dd" and days["F7"].number_format == "#,##0"
    summary = book["Summary"]
    assert [cell.value for cell in summary[7]][:6] == ["UNIVERSAL", "PLAN", 2, 4, 3, 8]
    assert len(summary._charts) == 1
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)
    ukrainian = used.request("GET", "/account/report", accept="application/json", accept_language="uk")
    assert openpyxl.load_workbook(io.BytesIO(ukrainian.data))["Summary"]["A1"].value == "Звіт про використання"


def test_the_client_reads_data_of_a_process(used):
    data = bytes(range(256)) * 2048
    used.request("PUT", f"{PROCESSES}/{used.code}/files/OUTPUT", raw=data, content_type="application/octet-stream")
    api = DataApi(client(used.server, used.token))
    assert bytes(api.read_data(used.code, FlowType.OUTPUT)) == data
    for code, flow in [(used.code, FlowType.INPUT), (str(uuid.uuid4()), FlowType.OUTPUT)]:
        error = refusal(404, NotFoundException, api.read_data, code, flow)
        assert isinstance(error.data, General404)
        assert error.data.resource_key == code
    error = refusal(400, BadRequestException, api.read_data, "abc")
    assert json.loads(error.body)["schema_errors"][0]["entity"] == "process_code"


def test_the_client_reads_the_quotas(used):
    api = QuotasApi(client(used.server, used.token))
    # It takes an empty list for a broken answer, so whoever has no limits is shown the highest ones.
    widest = api.read_quota().base.services
    assert [service.service for service in widest] == list(Service)
    used.request("PUT", f"/comptoir/v1/quotas/{USERNAME}/UNIVERSAL/PLAN", {"points_per_day": 25000})
    [service] = api.read_quota().base.services
    [quota] = service.processes
    assert (service.service, quota.process_type) == (Service.UNIVERSAL, ProcessType.PLAN)
    assert (quota.points_per_request, quota.points_per_day, quota.max_concurrent_execution) == (1000000, 25000, 1000)


def test_the_client_reads_what_was_reported_in_the_audit(used):
    audit = AuditApi(client(used.server, used.token))
    begin = datetime.combine(used.yesterday, datetime.min.time(), timezone.utc)
    [action] = audit.read_audit(var_from=begin, service=Service.AGRO).actions
    statistics = action.statistics
    assert (statistics.request_points_count, statistics.result_elements_count) == (1, 2)
    assert statistics.calculation_info.calculation_time == "PT1.5S"
    assert action.requests[0].operation == "run_calculation"
