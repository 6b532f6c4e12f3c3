"""The gauges of connectors, read by Prometheus' own Python client."""

from prometheus_client.parser import text_string_to_metric_families

from conftest import PASSWORD, USERNAME

KEY = 'Очереди."Ошибки"\\\nза час'


def test_gauges_are_what_prometheus_reads(server):
    token = server.request("POST", "/account/token/generation", {"username": USERNAME, "password": PASSWORD}).json()
    bearer = {"authorization": f"Bearer {token}"}

    def call(method, path, body=None):
        answer = server.request(method, path, body, **bearer)
        assert answer.status == 200, answer.data
        return answer

    call("POST", "/comptoir/v1/connectors/systems", {"id": "29e86b162"})
    call("POST", "/comptoir/v1/connectors/merchants", {"id": "77624623f"})
    items = [{"key": KEY, "value": 10.5, "merchantId": "77624623f"}, {"key": "a", "value": 3}, {"key": "b", "value": "x"}]
    body = {"externalSystemId": "29e86b162", "timestamp": 1654055585, "items": items}
    assert call("POST", "/ExternalExchange/v1/statistic/set", body).json()["successInAllSubrequests"] is True

    page = call("GET", "/comptoir/v1/connectors/metrics")
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(page.data.decode())}
    assert all(family.type == "gauge" and family.documentation for family in families.values())
    values = {sample.labels["key"]: sample for sample in families["comptoir_connector_value"].samples}
    assert values.keys() == {KEY, "a"}
    assert values[KEY].value == 10.5
    assert values[KEY].labels == {"system": "29e86b162", "merchant": "77624623f", "key": KEY}
    times = {sample.labels["key"]: sample.value for sample in families["comptoir_connector_value_timestamp_seconds"].samples}
    assert times["a"] == 1654055585
    assert [sample.value for sample in families["comptoir_connector_series_omitted"].samples] == [0]
