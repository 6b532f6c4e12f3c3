"""The published documents are OpenAPI, as a validator of other people's sees it."""

import json

import pytest
from openapi_spec_validator import validate

ACCOUNT = {
    ("post", "/account/token/generation"): "run_token_generation",
    ("post", "/account/token/validation"): "run_token_validation",
    ("post", "/account/password"): "change_password",
    ("get", "/account/info"): "read_info",
    ("put", "/account/info"): "update_info",
    ("get", "/account/system/check"): "check",
    ("get", "/account/system/version"): "version",
    ("get", "/account/file/{filename}"): "file",
}


@pytest.mark.parametrize("path", ["/openapi.json", "/openapi/account.json"])
def test_the_document_is_valid_and_names_the_account_operations_as_their_client_does(server, path):
    answer = server.request("GET", path)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    document = json.loads(answer.data)
    validate(document)
    for (method, route), operation in ACCOUNT.items():
        assert document["paths"][route][method]["operationId"] == operation
