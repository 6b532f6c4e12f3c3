//! The company's newest numbers as Prometheus reads them.
//!
//! Must not know: the database, HTTP, the runtime, files, the system clock. Source:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>, the text format, version 0.0.4.

use std::fmt::Write;

use crate::connectors::model::UnixSeconds;
use crate::connectors::value::Number;

/// The newest number of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The system's code.
    pub system: String,
    /// The merchant's code; empty: none, which Prometheus takes for a label that is not there.
    pub merchant: String,
    /// The key.
    pub key: String,
    /// The number.
    pub number: Number,
    /// When it was so.
    pub at: UnixSeconds,
}

/// The page: a gauge for each sample, when each was so, and how many series are `omitted`.
#[must_use]
pub fn page(samples: &[Sample], omitted: u64) -> String {
    let mut page = String::with_capacity(512 + samples.len() * 256);
    let labels: Vec<String> = samples.iter().map(labels).collect();
    head(&mut page, "comptoir_connector_value", "The newest number of a series.");
    for (sample, labels) in samples.iter().zip(&labels) {
        line(&mut page, "comptoir_connector_value", labels, &sample.number.text());
    }
    head(&mut page, "comptoir_connector_value_timestamp_seconds", "When the newest number of a series was so.");
    for (sample, labels) in samples.iter().zip(&labels) {
        line(&mut page, "comptoir_connector_value_timestamp_seconds", labels, &sample.at.to_string());
    }
    head(&mut page, "comptoir_connector_series_shown", "How many series with a number are on this page.");
    line(&mut page, "comptoir_connector_series_shown", "", &samples.len().to_string());
    head(
        &mut page,
        "comptoir_connector_series_omitted",
        "How many more there are than connectors.max_gauges lets be shown.",
    );
    line(&mut page, "comptoir_connector_series_omitted", "", &omitted.to_string());
    page
}

fn head(page: &mut String, name: &str, help: &str) {
    writeln!(page, "# HELP {name} {help}\n# TYPE {name} gauge").expect("a string takes all");
}

fn line(page: &mut String, name: &str, labels: &str, value: &str) {
    writeln!(page, "{name}{labels} {value}").expect("a string takes all");
}

fn labels(sample: &Sample) -> String {
    let mut labels = String::with_capacity(64 + sample.key.len());
    for (open, name, value) in
        [("{", "system", &sample.system), (",", "merchant", &sample.merchant), (",", "key", &sample.key)]
    {
        labels.push_str(open);
        labels.push_str(name);
        labels.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => labels.push_str(r"\\"),
                '"' => labels.push_str(r#"\""#),
                '\n' => labels.push_str(r"\n"),
                other => labels.push(other),
            }
        }
        labels.push('"');
    }
    labels.push('}');
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_prometheus_reads() {
        let sample = |key: &str, number: &str| Sample {
            system: "29e86b162".to_owned(),
            merchant: String::new(),
            key: key.to_owned(),
            number: Number::parse(number).expect("a number"),
            at: 1_654_055_585,
        };
        let page = page(&[sample("Очереди.Ошибки", "10"), sample("a\\b\"c\nd", "99999999999999999999")], 3);
        assert_eq!(
            page,
            r#"# HELP comptoir_connector_value The newest number of a series.
# TYPE comptoir_connector_value gauge
comptoir_connector_value{system="29e86b162",merchant="",key="Очереди.Ошибки"} 10
comptoir_connector_value{system="29e86b162",merchant="",key="a\\b\"c\nd"} 99999999999999999999
# HELP comptoir_connector_value_timestamp_seconds When the newest number of a series was so.
# TYPE comptoir_connector_value_timestamp_seconds gauge
comptoir_connector_value_timestamp_seconds{system="29e86b162",merchant="",key="Очереди.Ошибки"} 1654055585
comptoir_connector_value_timestamp_seconds{system="29e86b162",merchant="",key="a\\b\"c\nd"} 1654055585
# HELP comptoir_connector_series_shown How many series with a number are on this page.
# TYPE comptoir_connector_series_shown gauge
comptoir_connector_series_shown 2
# HELP comptoir_connector_series_omitted How many more there are than connectors.max_gauges lets be shown.
# TYPE comptoir_connector_series_omitted gauge
comptoir_connector_series_omitted 3
"#
        );
    }
}
