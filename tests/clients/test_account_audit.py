"""The audit of the account contract through its vendor's own client, vrt-lss-account 7.9.2527."""

import json
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from vrt_lss_account import AuditApi, InfoApi
from vrt_lss_account.exceptions import BadRequestException
from vrt_lss_account.models import CalculationStatus, InfoChangeRequest, ProcessType, Service

from conftest import COMPANY, USERNAME
from test_account import check_trace, client, refusal, sign_in


@pytest.fixture
def token(server):
    """A token of the operator, who has signed in and changed its phone number seven times."""
    token = sign_in(server)
    info = InfoApi(client(server, token))
    for number in range(7):
        info.update_info(InfoChangeRequest(phone=f"+38000000000{number}"))
    return token


def test_the_client_reads_its_own_actions(server, token):
    read = AuditApi(client(server, token)).read_audit_with_http_info(sort_direction="DESC")
    found = read.data
    assert (found.counters.overall.total, found.counters.filter.total) == (8, 8)
    assert len(found.actions) == 8
    # Nothing that the server says gets lost in the client's models.
    raw = json.loads(read.raw_data)
    assert list(raw) == ["actions", "counters"]
    assert set(raw["actions"][0]) == set(found.actions[0].to_dict())
    for action in found.actions:
        assert (action.username, action.company, action.service) == (USERNAME, COMPANY, Service.ACCOUNT)
        assert action.process_type == ProcessType.NOTRACE
        assert action.statistics.calculation_info.status == CalculationStatus.FINISHED_IN_TIME
        assert not action.input_file_exists and not action.output_file_exists
        uuid.UUID(action.process_code)
        [request] = action.requests
        assert request.process_code == action.process_code
        check_trace(request, {"X-Request-Id": request.request_code}, request.operation, USERNAME, COMPANY)
    times = [action.time for action in found.actions]
    assert times == sorted(times, reverse=True)


def test_the_request_of_an_action_is_the_one_that_was_answered(server, token):
    changed = InfoApi(client(server, token)).update_info_with_http_info(InfoChangeRequest(phone="+380000000099"))
    newest = AuditApi(client(server, token)).read_audit(operation="update_info", limit=1, sort_direction="DESC")
    headers = {name.lower(): value for name, value in changed.headers.items()}
    assert newest.actions[0].requests[0].request_code == headers["x-request-id"]


def test_filters_pages_and_periods(server, token):
    audit = AuditApi(client(server, token))
    page = audit.read_audit(operation="update_info", offset=2, limit=3)
    assert (page.counters.overall.total, page.counters.filter.total, len(page.actions)) == (8, 7, 3)
    for nothing in [{"service": Service.PACKER}, {"process_type": ProcessType.PLAN}, {"status": CalculationStatus.FAILED}]:
        page = audit.read_audit(**nothing)
        assert (page.counters.overall.total, page.counters.filter.total, page.actions) == (8, 0, [])
    now = datetime.now(timezone(timedelta(hours=3)))
    hour = timedelta(hours=1)
    assert audit.read_audit(var_from=now - hour, to=now + hour).counters.overall.total == 8
    assert audit.read_audit(var_from=now - 2 * hour, to=now - hour).counters.overall.total == 0
    # Without an offset it is the caller's, which is UTC.
    utc = datetime.now(timezone.utc).replace(tzinfo=None)
    assert audit.read_audit(var_from=utc - hour, to=utc + hour).counters.overall.total == 8
    everything = [action.process_code for action in audit.read_audit(limit=10_000_000, sort_field="operation").actions]
    backwards = [
        action.process_code
        for action in audit.read_audit(limit=10_000_000, sort_field="operation", sort_direction="DESC").actions
    ]
    assert everything == backwards[::-1]


def test_what_cannot_be_asked_for_is_a_general400_that_names_the_parameter(server, token):
    audit = AuditApi(client(server, token))
    now = datetime.now(timezone.utc)
    for parameter, asked in [
        ("sort_field", {"sort_field": "name"}),
        ("from", {"var_from": now, "to": now - timedelta(hours=1)}),
    ]:
        error = refusal(400, BadRequestException, lambda: audit.read_audit(**asked))
        check_trace(error.data.tracedata, error.headers, "read_audit", USERNAME, COMPANY)
        [fault] = json.loads(error.body)["schema_errors"]
        assert fault["entity"] == parameter
