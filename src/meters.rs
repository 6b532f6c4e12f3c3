//! Counting without locks, and the text that Prometheus reads.
//!
//! Must not know: what is counted, or who asks.

use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

/// How often values fell below each of a few bounds, and their sum. Adding one costs a few atomic additions.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One more than bounds: for what is above all of them.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// A histogram with these upper bounds, in rising order.
    #[must_use]
    pub fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Adds a value.
    pub fn add(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// How many values were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// What a family of figures is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by bounds.
    Histogram,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The media type of [`Exposition`].
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page in Prometheus's text format: families, each with its samples.
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// Begins a family, whose samples follow.
    pub fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str());
    }

    /// Adds a sample of the family that was begun last.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        let mut before = '{';
        for (label, text) in labels {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{before}{label}=\"{text}\"");
            before = ',';
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    /// A family of one sample without labels.
    pub fn single(&mut self, name: &str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// Adds the samples of a histogram; `scale` of its units are one of the family's.
    pub fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram, scale: u32) {
        let (bucket, mut below) = (format!("{name}_bucket"), 0);
        let scaled = |value: u64| Scaled { value, scale }.to_string();
        let bounds = histogram.bounds.iter().map(|bound| scaled(*bound)).chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&histogram.counts) {
            below += count.load(Ordering::Relaxed);
            let labels = [labels, &[("le", bound.as_str())]].concat();
            self.sample(&bucket, &labels, below);
        }
        self.sample(&format!("{name}_sum"), labels, scaled(histogram.sum.load(Ordering::Relaxed)));
        self.sample(&format!("{name}_count"), labels, below);
    }

    /// The page.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

/// A number of small units in large ones: exactly, without floats.
#[derive(Debug, Clone, Copy)]
pub struct Scaled {
    /// In small units.
    pub value: u64,
    /// How many of them are one large one: a power of ten.
    pub scale: u32,
}

impl Display for Scaled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.value / u64::from(self.scale), self.value % u64::from(self.scale));
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let digits = usize::try_from(self.scale.ilog10()).unwrap_or(0);
        let rest = format!("{rest:0digits$}");
        write!(f, "{whole}.{}", rest.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_falls_under_the_first_bound_that_is_not_below_it() {
        let histogram = Histogram::new(&[10, 100]);
        for value in [0, 10, 11, 100, 101, 5_000] {
            histogram.add(value);
        }
        let mut page = Exposition::default();
        page.family("x", Kind::Histogram, "Some.");
        page.histogram("x", &[("a", "b")], &histogram, 10);
        let expected = "# HELP x Some.\n# TYPE x histogram\nx_bucket{a=\"b\",le=\"1\"} 2\nx_bucket{a=\"b\",le=\"10\"} 4\n\
                        x_bucket{a=\"b\",le=\"+Inf\"} 6\nx_sum{a=\"b\"} 522.2\nx_count{a=\"b\"} 6\n";
        assert_eq!(page.into_text(), expected);
        assert_eq!(histogram.count(), 6);
    }

    #[test]
    fn what_a_label_says_cannot_break_out_of_it() {
        let mut page = Exposition::default();
        page.sample("x", &[("a", "\"} 1\n\\")], 2);
        assert_eq!(page.into_text(), "x{a=\"\\\"} 1\\n\\\\\"} 2\n");
    }

    #[test]
    fn small_units_are_written_exactly() {
        for (value, text) in [(0, "0"), (1, "0.000001"), (1_500_000, "1.5"), (2_000_000, "2"), (10_250, "0.01025")] {
            assert_eq!(Scaled { value, scale: 1_000_000 }.to_string(), text);
        }
    }
}
