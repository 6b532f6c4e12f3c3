"""The account contract through its vendor's own client, vrt-lss-account 7.9.2527, fed with what the server returns.

The client checks every answer against strict models. Where it cannot send what is to be refused, because its own
models forbid it, the request goes out as plain HTTP and the answer is read with the client's models all the same.
"""

import base64
import hashlib
import hmac
import json
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from vrt_lss_account import ApiClient, AuthApi, Configuration, InfoApi, SystemApi
from vrt_lss_account.exceptions import ApiException, BadRequestException, NotFoundException, UnauthorizedException
from vrt_lss_account.models import (
    Attribute,
    General400,
    General404,
    General429,
    InfoChangeRequest,
    PasswordChangeRequest,
    TokenRequest,
    Tracedata,
    User,
)

from conftest import COMPANY, PASSWORD, USERNAME

NEW_PASSWORD = "another long password"
GENERATION = "/account/token/generation"


def client(server, token=None):
    return ApiClient(Configuration(host=server.url, access_token=token))


def sign_in(server, password=PASSWORD, **more):
    return AuthApi(client(server)).run_token_generation(
        TokenRequest(username=USERNAME, password=password, **more)
    )


def is_valid(server, token):
    return AuthApi(client(server)).run_token_validation(token).valid


def part(token, index):
    """One of a JWT's JSON parts: 0 the header, 1 the claims."""
    text = token.strip('"').split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def refusal(status, kind, call, *arguments):
    """The exception that `call` ends with. The client raises it whether or not it understood the body: what it did not
    understand is the exception's context."""
    with pytest.raises(kind) as raised:
        call(*arguments)
    error = raised.value
    assert error.status == status
    assert error.__context__ is None, f"the body does not deserialise: {error.__context__}"
    return error


def check_trace(trace, headers, operation, username="anonymous", company="anonymous"):
    assert (trace.username, trace.company) == (username, company)
    assert (trace.service.value, trace.operation) == ("ACCOUNT", operation)
    assert trace.request_code == headers["X-Request-Id"]
    uuid.UUID(trace.request_code)
    uuid.UUID(trace.process_code)
    assert trace.time.tzinfo is not None
    assert abs(datetime.now(timezone.utc) - trace.time) < timedelta(minutes=1)


def check_message(answer, status, operation):
    """A plain HTTP error of the shape {tracedata, message}."""
    assert answer.status == status, answer.data
    body = json.loads(answer.data)
    assert body["message"]
    check_trace(Tracedata.from_dict(body["tracedata"]), answer.headers, operation)
    return body


# --- tokens


def test_a_sign_in_yields_a_token_that_the_client_passes_back_with_its_quotes(server):
    token = sign_in(server, ttl_seconds=3600)
    assert token[0] == token[-1] == '"'
    assert part(token, 0)["alg"] == "HS256"
    claims = part(token, 1)
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["roles"] == ["ADMIN"]
    assert claims["sub"] and claims["company"] and claims["jti"]
    assert len(token.strip('"')) <= 900

    result = AuthApi(client(server)).run_token_validation(token)
    assert result.valid is True
    assert [role.value for role in result.roles] == ["ADMIN"]
    assert InfoApi(client(server, token)).read_info().username == USERNAME

    bare = token.strip('"')
    assert is_valid(server, bare)
    assert InfoApi(client(server, bare)).read_info().username == USERNAME


def test_a_token_without_ttl_lives_a_day_and_two_are_never_the_same(server):
    answers = [server.request("POST", GENERATION, {"username": USERNAME, "password": PASSWORD}) for _ in range(2)]
    tokens = [json.loads(answer.data) for answer in answers]
    claims = part(tokens[0], 1)
    assert claims["exp"] - claims["iat"] == 86400
    assert tokens[0] != tokens[1]
    assert all(answer.headers["content-type"].startswith("application/json") for answer in answers)
    assert answers[0].headers["X-Request-Id"] != answers[1].headers["X-Request-Id"]


def test_a_wrong_password_and_an_unknown_user_are_the_same_401(server):
    bodies = []
    for username, password in [(USERNAME, "not the right password"), ("nobody", PASSWORD)]:
        request = TokenRequest(username=username, password=password)
        error = refusal(401, UnauthorizedException, AuthApi(client(server)).run_token_generation, request)
        body = json.loads(error.body)
        check_trace(Tracedata.from_dict(body["tracedata"]), error.headers, "run_token_generation")
        for once in ("process_code", "request_code", "time"):
            del body["tracedata"][once]
        bodies.append(body)
    assert bodies[0]["message"]
    assert bodies[0] == bodies[1]


def test_after_five_wrong_passwords_the_next_attempt_must_wait_even_a_right_one(server):
    statuses = []
    while len(statuses) < 10 and 429 not in statuses:
        with pytest.raises(ApiException) as raised:
            sign_in(server, "not the right password")
        statuses.append(raised.value.status)
    assert statuses == [401] * 5 + [429]
    error = refusal(429, ApiException, sign_in, server)
    assert isinstance(error.data, General429)
    assert error.data.message
    check_trace(error.data.tracedata, error.headers, "run_token_generation")
    assert 1 <= int(error.headers["Retry-After"]) <= 2


@pytest.mark.parametrize(
    ("entity", "change"),
    [
        ("password", {"password": "short"}),
        ("password", {"password": "p" * 257}),
        ("password", {"password": None}),
        ("password", {"password": 1234567890}),
        ("username", {"username": "x"}),
        ("username", {"username": "x" * 257}),
        ("username", {"username": None}),
        ("ttl_seconds", {"ttl_seconds": 59}),
        ("ttl_seconds", {"ttl_seconds": 31556927}),
        ("ttl_seconds", {"ttl_seconds": "long"}),
    ],
)
def test_a_token_request_out_of_bounds_is_a_general400_that_names_the_field(server, entity, change):
    fields = {"username": USERNAME, "password": PASSWORD, "ttl_seconds": 60} | change
    request = TokenRequest.model_construct(**fields)
    error = refusal(400, BadRequestException, AuthApi(client(server)).run_token_generation, request)
    assert isinstance(error.data, General400)
    assert error.data.message
    check_trace(error.data.tracedata, error.headers, "run_token_generation")
    complaints = json.loads(error.body)["schema_errors"]
    assert [complaint["entity"] for complaint in complaints] == [entity]
    assert complaints[0]["message"]


def test_every_field_at_fault_is_named(server):
    answer = server.request("POST", GENERATION, {"username": "x", "ttl_seconds": 1})
    body = check_message(answer, 400, "run_token_generation")
    assert {complaint["entity"] for complaint in body["schema_errors"]} == {"username", "password", "ttl_seconds"}


@pytest.mark.parametrize("raw", [b"", b'{"username":', b"[]", b'"text"', b"null", b'{"username": "\xff\xfe"}'])
def test_a_malformed_body_is_a_general400(server, raw):
    answer = server.request("POST", GENERATION, raw=raw, content_type="application/json")
    check_message(answer, 400, "run_token_generation")


def test_fields_that_the_contract_does_not_know_are_ignored(server):
    answer = server.request("POST", GENERATION, {"username": USERNAME, "password": PASSWORD, "remember_me": True})
    assert answer.status == 200


def signed(claims, header=None, key=b""):
    """A JWT that somebody else made."""

    def encode(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    text = encode(json.dumps(header or {"alg": "HS256", "typ": "JWT"}).encode()) + b"." + encode(
        json.dumps(claims).encode()
    )
    return (text + b"." + encode(hmac.new(key, text, hashlib.sha256).digest())).decode()


def test_a_bad_token_is_not_valid_and_opens_nothing(server):
    good = sign_in(server).strip('"')
    head, body, signature = good.split(".")
    claims = part(good, 1)
    unsigned = signed(claims, {"alg": "none", "typ": "JWT"}).rsplit(".", 1)[0] + "."
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    bad = {
        "no JWT": "not-a-token-at-all",
        "dots": "..........",
        "longest": "x" * 1000,
        "another signature": f"{head}.{body}.{flipped}",
        "no signature": f"{head}.{body}.",
        "signature cut": good[:-1],
        "another claim": f"{head}.{signed(claims | {'roles': ['BOT']}).split('.')[1]}.{signature}",
        "another key": signed(claims, key=b"a key of my own"),
        "an empty key": signed(claims),
        "no algorithm": unsigned,
        "quoted twice": f'""{good}""',
    }
    for reason, token in bad.items():
        result = AuthApi(client(server)).run_token_validation(token)
        assert (result.valid, result.roles) == (False, []), reason
        error = refusal(401, UnauthorizedException, InfoApi(client(server, token)).read_info)
        check_trace(Tracedata.from_dict(json.loads(error.body)["tracedata"]), error.headers, "read_info")
    assert is_valid(server, good)


@pytest.mark.parametrize("text", ["", "short", "x" * 1001])
def test_a_text_of_a_length_no_token_has_is_simply_not_valid(server, text):
    answer = server.request("POST", "/account/token/validation", text)
    assert (answer.status, json.loads(answer.data)) == (200, {"valid": False, "roles": []})


@pytest.mark.parametrize("raw", [b'{"token": "x"}', b"12345678901", b"null", b"[]", b"", b"not.quoted.text"])
def test_a_validation_body_that_is_no_text_is_a_general400(server, raw):
    answer = server.request("POST", "/account/token/validation", raw=raw, content_type="application/json")
    check_message(answer, 400, "run_token_validation")


# --- passwords


def test_a_new_password_ends_the_old_tokens_and_the_old_password(server):
    earlier = sign_in(server)
    token = sign_in(server)
    change = PasswordChangeRequest(current_password=PASSWORD, new_password=NEW_PASSWORD)
    renewed = AuthApi(client(server, token)).change_password(change)
    assert renewed[0] == renewed[-1] == '"'
    claims = part(renewed, 1)
    assert claims["exp"] - claims["iat"] == 86400

    for old in (earlier, token):
        assert not is_valid(server, old)
        refusal(401, UnauthorizedException, InfoApi(client(server, old)).read_info)
    assert is_valid(server, renewed)
    assert InfoApi(client(server, renewed)).read_info().username == USERNAME
    refusal(401, UnauthorizedException, sign_in, server)
    assert is_valid(server, sign_in(server, NEW_PASSWORD))


def test_the_same_password_again_is_allowed_and_ends_the_old_tokens(server):
    token = sign_in(server)
    change = PasswordChangeRequest(current_password=PASSWORD, new_password=PASSWORD)
    renewed = AuthApi(client(server, token)).change_password(change)
    assert (is_valid(server, token), is_valid(server, renewed)) == (False, True)


@pytest.mark.parametrize(
    ("current", "new", "entity"),
    [
        ("not the right password", NEW_PASSWORD, "current_password"),
        (None, NEW_PASSWORD, "current_password"),
        (PASSWORD, None, "new_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "p" * 257, "new_password"),
        (PASSWORD, "with a NUL\0 inside", "new_password"),
    ],
)
def test_a_password_change_that_cannot_be_made_is_a_general400_and_changes_nothing(server, current, new, entity):
    token = sign_in(server)
    change = PasswordChangeRequest.model_construct(current_password=current, new_password=new)
    error = refusal(400, BadRequestException, AuthApi(client(server, token)).change_password, change)
    assert isinstance(error.data, General400)
    assert error.data.message
    check_trace(error.data.tracedata, error.headers, "change_password", USERNAME, COMPANY)
    assert [complaint["entity"] for complaint in json.loads(error.body)["schema_errors"]] == [entity]
    assert is_valid(server, token)
    assert is_valid(server, sign_in(server))


def test_a_password_change_without_a_token_or_a_body_is_refused(server):
    change = PasswordChangeRequest(current_password=PASSWORD, new_password=NEW_PASSWORD)
    refusal(401, UnauthorizedException, AuthApi(client(server)).change_password, change)
    token = sign_in(server)
    error = refusal(400, BadRequestException, AuthApi(client(server, token)).change_password)
    assert isinstance(error.data, General400)
    assert is_valid(server, token)


# --- info


def test_info_shows_who_one_is_and_never_a_password(server):
    answer = InfoApi(client(server, sign_in(server))).read_info_with_http_info()
    user = answer.data
    assert (user.username, user.company_key, user.enabled) == (USERNAME, COMPANY, True)
    assert [role.value for role in user.roles] == ["ADMIN"]
    assert user.timezone == 0
    assert user.edit_date is None
    assert datetime.now(timezone.utc) - user.creation_date < timedelta(minutes=1)
    assert "password" not in json.loads(answer.raw_data)


def test_info_without_a_token_is_401(server):
    error = refusal(401, UnauthorizedException, InfoApi(client(server)).read_info)
    body = json.loads(error.body)
    assert body["message"]
    check_trace(Tracedata.from_dict(body["tracedata"]), error.headers, "read_info")
    refusal(401, UnauthorizedException, InfoApi(client(server)).update_info, InfoChangeRequest())


def test_an_update_sets_what_it_names_keeps_what_it_leaves_out_and_clears_what_is_null(server):
    api = InfoApi(client(server, sign_in(server)))
    first = api.read_info()
    attributes = [Attribute(key="shop", value="Лавка № 1"), Attribute(key="note", value="")]
    full = api.update_info(
        InfoChangeRequest(
            specification="Анна Каренина", email="anna@example.com", phone="+71112223333", attributes=attributes
        )
    )
    assert (full.specification, full.email, full.phone) == ("Анна Каренина", "anna@example.com", "+71112223333")
    assert full.attributes == attributes
    assert first.edit_date is None
    assert full.edit_date >= first.creation_date
    assert full.creation_date == first.creation_date
    assert (full.username, full.roles, full.timezone) == (first.username, first.roles, first.timezone)
    assert api.read_info() == full

    part_only = api.update_info(InfoChangeRequest(email="a.k@example.com"))
    assert part_only.email == "a.k@example.com"
    assert (part_only.specification, part_only.phone, part_only.attributes) == (
        full.specification,
        full.phone,
        full.attributes,
    )

    cleared = api.update_info(InfoChangeRequest(phone=None))
    assert (cleared.phone, cleared.email) == (None, "a.k@example.com")
    emptied = api.update_info(InfoChangeRequest(attributes=[]))
    assert not emptied.attributes
    assert emptied.email == "a.k@example.com"


def test_what_info_returns_can_be_sent_back_as_it_is(server):
    api = InfoApi(client(server, sign_in(server)))
    api.update_info(InfoChangeRequest(email="anna@example.com", attributes=[Attribute(key="shop", value="1")]))
    answer = api.read_info_with_http_info()
    token = api.api_client.configuration.access_token
    raw = server.request("PUT", "/account/info", json.loads(answer.raw_data), authorization=f"Bearer {token}")
    assert raw.status == 200
    returned = User.from_json(raw.data.decode())
    assert returned.model_copy(update={"edit_date": answer.data.edit_date}) == answer.data


@pytest.mark.parametrize(
    ("entity", "change"),
    [
        ("specification", {"specification": "x"}),
        ("specification", {"specification": "x" * 257}),
        ("email", {"email": "a@b"}),
        ("email", {"email": "no address at all"}),
        ("phone", {"phone": "+7"}),
        ("phone", {"phone": "+" + "7" * 32}),
        ("attributes", {"attributes": [{"key": f"key {n}", "value": ""} for n in range(1001)]}),
        ("attributes", {"attributes": [{"key": "same", "value": "same"}] * 2}),
        ("attributes", {"attributes": [{"key": "", "value": ""}]}),
        ("attributes", {"attributes": [{"key": "k" * 101, "value": ""}]}),
        ("attributes", {"attributes": [{"key": "k", "value": "v" * 2001}]}),
        ("attributes", {"attributes": [{"key": "k"}]}),
        ("attributes", {"attributes": "none"}),
    ],
)
def test_an_update_out_of_bounds_is_a_general400_that_names_the_field_and_changes_nothing(server, entity, change):
    token = sign_in(server)
    before = InfoApi(client(server, token)).read_info()
    answer = server.request("PUT", "/account/info", {"phone": "+79990001122"} | change, authorization=f"Bearer {token}")
    assert answer.status == 400, answer.data
    error = General400.from_json(answer.data.decode())
    assert error.message
    check_trace(error.tracedata, answer.headers, "update_info", USERNAME, COMPANY)
    complaints = json.loads(answer.data)["schema_errors"]
    assert complaints and all(complaint["entity"].startswith(entity) for complaint in complaints)
    assert InfoApi(client(server, token)).read_info() == before


# --- system


def test_the_system_says_that_it_is_well_and_which_contract_it_speaks(server):
    api = SystemApi(client(server))
    assert api.check().health == 1.0
    version = api.version()
    assert (version.major, version.minor) == (7, 9)
    assert 1 <= len(version.build) <= 64


@pytest.mark.parametrize("name", ["file_en.html", "file_ru.html", "file_uk.html"])
def test_a_documentation_file_is_html_whatever_the_caller_accepts(server, name):
    answer = SystemApi(client(server)).file_with_http_info(name)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.data.lower().startswith("<!doctype html>")
    assert "/account/token/generation" in answer.data
    assert server.request("GET", f"/account/file/{name}", accept="application/json").status == 200


@pytest.mark.parametrize("name", ["file_de.html", "../../etc/passwd", "file_en.html/..", "file_en.html%00", "ФАЙЛ_en.html"])
def test_an_unknown_file_is_a_general404(server, name):
    error = refusal(404, NotFoundException, SystemApi(client(server)).file, name)
    assert isinstance(error.data, General404)
    assert error.data.resource_key
    check_trace(error.data.detail.tracedata, error.headers, "file")


def test_a_path_that_does_not_exist_is_a_general404(server):
    answer = server.request("GET", "/account/nothing/here")
    assert answer.status == 404
    error = General404.from_json(answer.data.decode())
    check_trace(error.detail.tracedata, answer.headers, "unknown")


# --- what only plain HTTP can get wrong


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", GENERATION, {"POST"}),
        ("PUT", "/account/token/validation", {"POST"}),
        ("PATCH", "/account/info", {"GET", "PUT"}),
        ("DELETE", "/account/system/version", {"GET"}),
    ],
)
def test_a_wrong_method_is_405_and_says_which_are_right(server, method, path, allowed):
    answer = server.request(method, path)
    assert answer.status == 405
    body = json.loads(answer.data)
    assert body["message"]
    assert Tracedata.from_dict(body["tracedata"]).request_code == answer.headers["X-Request-Id"]
    named = {name.strip() for name in answer.headers["Allow"].split(",")}
    assert allowed <= named <= allowed | {"HEAD", "OPTIONS"}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_a_body_of_another_type_is_415(server, content_type):
    raw = json.dumps({"username": USERNAME, "password": PASSWORD}).encode()
    answer = server.request("POST", GENERATION, raw=raw, content_type=content_type)
    check_message(answer, 415, "run_token_generation")


def test_json_with_a_charset_is_json(server):
    raw = json.dumps({"username": USERNAME, "password": PASSWORD}).encode()
    assert server.request("POST", GENERATION, raw=raw, content_type="application/json; charset=utf-8").status == 200
