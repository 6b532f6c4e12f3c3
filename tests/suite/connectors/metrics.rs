//! The gauges, read by a parser of the text format that did not write them.

use std::collections::BTreeMap;

use serde_json::json;

use super::{MERCHANT, SET, SYSTEM, TODAY, World};
use crate::support::{Client, Log, api_token};

/// A sample: its labels, and its value as it is written.
type Sample = (BTreeMap<String, String>, String);

/// Parses a page strictly by the published grammar: every line is a comment that is understood or a sample of a family
/// whose type is known.
fn parse(page: &str) -> BTreeMap<String, Vec<Sample>> {
    assert!(page.ends_with('\n'), "the last line ends");
    let mut families: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    let mut helped = Vec::new();
    for line in page.strip_suffix('\n').unwrap().split('\n') {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, text) = help.split_once(' ').unwrap();
            assert!(!text.is_empty() && !helped.contains(&name.to_owned()), "{line}");
            helped.push(name.to_owned());
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(kind, "gauge", "{line}");
            assert!(families.insert(name.to_owned(), Vec::new()).is_none(), "{name} twice");
        } else {
            let (name, sample) = sample(line);
            let family = families.get_mut(&name).unwrap_or_else(|| panic!("{name} has no type before it"));
            assert!(family.iter().all(|(labels, _)| *labels != sample.0), "twice the same labels: {line}");
            family.push(sample);
        }
    }
    families
}

fn sample(line: &str) -> (String, Sample) {
    let mut rest = line.chars().peekable();
    let mut name = String::new();
    while let Some(character) = rest.next_if(|each| each.is_ascii_alphanumeric() || matches!(each, '_' | ':')) {
        name.push(character);
    }
    let mut labels = BTreeMap::new();
    if rest.next_if_eq(&'{').is_some() {
        loop {
            let mut label = String::new();
            while let Some(character) = rest.next_if(|each| each.is_ascii_alphanumeric() || *each == '_') {
                label.push(character);
            }
            assert!(!label.is_empty() && rest.next() == Some('=') && rest.next() == Some('"'), "{line}");
            let mut value = String::new();
            loop {
                match rest.next().unwrap_or_else(|| panic!("no end of a label: {line}")) {
                    '"' => break,
                    '\\' => value.push(match rest.next() {
                        Some('n') => '\n',
                        Some(escaped @ ('\\' | '"')) => escaped,
                        other => panic!("{other:?} is no escape: {line}"),
                    }),
                    character => value.push(character),
                }
            }
            assert!(labels.insert(label, value).is_none(), "{line}");
            match rest.next() {
                Some(',') => {}
                Some('}') => break,
                other => panic!("{other:?} after a label: {line}"),
            }
        }
    }
    assert_eq!(rest.next(), Some(' '), "{line}");
    let value: String = rest.collect();
    value.parse::<f64>().unwrap_or_else(|_| panic!("no number: {line}"));
    (name, (labels, value))
}

const METRICS: &str = "/comptoir/v1/connectors/metrics";

async fn scrape(client: &Client) -> BTreeMap<String, Vec<Sample>> {
    let answer = client.get(METRICS).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    parse(answer.text())
}

fn labels(system: &str, merchant: &str, key: &str) -> BTreeMap<String, String> {
    let labels = [("system", system), ("merchant", merchant), ("key", key)];
    labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[tokio::test]
async fn numbers_are_gauges_with_their_labels_escaped_and_their_exact_values() {
    let world = World::new().await;
    let nasty = "a\"b\\c\nd\\n,}{= ї";
    let body = format!(
        r#"{{"externalSystemId": "{SYSTEM}", "timestamp": {TODAY}, "items": [
            {{"key": {}, "value": 99999999999999999999}}, {{"key": "Очереди.Ошибки", "value": 10.0, "merchantId": "{MERCHANT}"}},
            {{"key": "text", "value": "5"}}, {{"key": "yes", "value": true}}, {{"key": "none", "value": null}},
            {{"key": "when", "value": 1, "valueType": "datetime"}}]}}"#,
        json!(nasty)
    );
    assert_eq!(world.send(&body).await.expect(200).json()["successInAllSubrequests"], true);
    let page = scrape(&world.bot).await;
    assert_eq!(
        page["comptoir_connector_value"],
        [
            (labels(SYSTEM, "", nasty), "99999999999999999999".to_owned()),
            (labels(SYSTEM, MERCHANT, "Очереди.Ошибки"), "10.0".to_owned()),
        ]
    );
    let times = &page["comptoir_connector_value_timestamp_seconds"];
    assert_eq!(times[0], (labels(SYSTEM, "", nasty), TODAY.to_string()));
    assert_eq!(page["comptoir_connector_series_shown"], [(BTreeMap::new(), "2".to_owned())]);
    assert_eq!(page["comptoir_connector_series_omitted"], [(BTreeMap::new(), "0".to_owned())]);
}

#[tokio::test]
async fn their_number_is_bounded_and_what_is_left_out_is_counted_and_logged() {
    let world = World::with(|options| options.connectors.max_gauges = 3).await;
    let items: Vec<_> = (0..5).map(|at| json!({"key": format!("k{at}"), "value": at})).collect();
    world.set(TODAY, items.into()).await;
    let log = Log::start();
    let page = scrape(&world.admin).await;
    let keys: Vec<_> = page["comptoir_connector_value"].iter().map(|(labels, _)| labels["key"].as_str()).collect();
    assert_eq!(keys, ["k0", "k1", "k2"]);
    assert_eq!(page["comptoir_connector_series_omitted"][0].1, "2");
    assert_eq!(log.with("series are left out of the gauges").len(), 1);
}

#[tokio::test]
async fn each_company_sees_its_own_and_what_is_disabled_is_left_out() {
    let world = World::new().await;
    let items = json!([{"key": "a", "value": 1}, {"key": "b", "value": 2, "merchantId": MERCHANT}]);
    world.set(TODAY, items).await;
    world.server.company("south").await;
    let foreign = world.server.user("south", "foreign", &["BOT"]).await;
    let (_, secret) = api_token(&foreign, json!({"name": "prometheus", "role": "BOT"})).await;
    let page = scrape(&world.server.bearing(&secret)).await;
    assert_eq!(page["comptoir_connector_value"], []);
    world.server.anonymous().get(METRICS).await.expect(401);
    let values = async || scrape(&world.bot).await["comptoir_connector_value"].len();
    assert_eq!(values().await, 2);
    world.admin.patch("/comptoir/v1/connectors/merchants/77624623f", json!({"enabled": false})).await.expect(200);
    assert_eq!(values().await, 1);
    world.admin.patch("/comptoir/v1/connectors/systems/29e86b162", json!({"enabled": false})).await.expect(200);
    assert_eq!(values().await, 0);
    world.bot.post(SET, json!({"externalSystemId": SYSTEM, "timestamp": TODAY, "items": []})).await.expect(200);
}
