//! Numbers gathered at one moment, and their text (`OpenMetrics` 1.0, which Prometheus reads).
//!
//! ```text
//! # HELP larder_requests Requests that ended.
//! # TYPE larder_requests counter
//! larder_requests_total{kind="zip",outcome="ok",cache="hit"} 5
//! ```

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::counters::{BOUNDS_US, Counters, Latencies};
use super::families::{self, Family, Form};
use super::refusals::{Reason, Refusals};
use super::words::{Cached, Kind, Outcome, Tally};

/// The type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Numbers by family.
#[derive(Debug, Default)]
pub struct Samples(BTreeMap<&'static str, Vec<Sample>>);

#[derive(Debug)]
struct Sample {
    labels: Vec<(&'static str, String)>,
    value: Value,
}

/// The value of one series.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Whole(u64),
    /// Any number.
    Real(f64),
    /// Of a histogram.
    Durations(Durations),
}

/// How many durations lie between the bounds of a histogram.
#[derive(Clone, Debug, PartialEq)]
pub struct Durations {
    /// The upper bounds in seconds, and how many lie within each and above the one before; the last bound is infinite.
    pub buckets: Vec<(f64, u64)>,
    /// All of them together, in seconds.
    pub sum_s: f64,
}

impl From<Latencies> for Value {
    fn from(all: Latencies) -> Self {
        let bounds = BOUNDS_US.iter().map(|us| in_seconds(*us)).chain([f64::INFINITY]);
        Self::Durations(Durations {
            buckets: bounds.zip(all.counts).collect(),
            sum_s: in_seconds(all.sum_us),
        })
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl Samples {
    /// Adds a series: values of the family's labels in their order.
    pub fn put(&mut self, family: &Family, labels: &[&str], value: impl Into<Value>) {
        debug_assert_eq!(labels.len(), family.labels.len(), "{}", family.name);
        let labels = family.labels.iter().zip(labels);
        let labels = labels.map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.0.entry(family.name).or_default().push(Sample { labels, value: value.into() });
    }

    /// Adds what was counted. Of the many series a request may fall into, those that ever had one.
    pub fn counted(&mut self, counters: &Counters) {
        for kind in Kind::ALL.iter().copied() {
            for cached in Cached::ALL.iter().copied() {
                self.counted_of(counters, kind, cached);
            }
        }
        for tally in Tally::ALL {
            let family = families::of_tally(*tally);
            let word = [tally.as_str()];
            let labels: &[&str] = if family.labels.is_empty() { &[] } else { &word };
            self.put(&family, labels, counters.tallied(*tally));
        }
        self.put(&families::IN_FLIGHT, &[], counters.in_flight());
        self.put(&families::CONNECTIONS, &[], counters.connections());
        self.put(&families::LOG_LOST, &[], super::log::lost_lines());
    }

    /// Adds what was refused to keep within limits.
    pub fn refused(&mut self, refusals: &Refusals) {
        for reason in Reason::ALL {
            self.put(&families::REFUSED, &[reason.as_str()], refusals.of(reason));
        }
        self.put(&families::OVERLOADED, &[], u64::from(refusals.is_overloaded()));
    }

    fn counted_of(&mut self, counters: &Counters, kind: Kind, cached: Cached) {
        let labels = [kind.as_str(), cached.as_str()];
        for outcome in Outcome::ALL {
            let count = counters.requests(kind, *outcome, cached);
            // What dashboards ask for first is there from the start, so that a rate is never without data.
            let is_usual = kind == Kind::Zip && *outcome == Outcome::Ok && cached == Cached::Hit;
            if count > 0 || is_usual {
                let [kind, cached] = labels;
                self.put(&families::REQUESTS, &[kind, outcome.as_str(), cached], count);
            }
        }
        let [first, whole] = counters.latencies(kind, cached);
        if whole.count() > 0 {
            self.put(&families::RESPONSE_BYTES, &labels, counters.bytes(kind, cached));
            self.put(&families::FIRST_BYTE, &labels, first);
            self.put(&families::DURATION, &labels, whole);
        }
    }

    /// The text. Families without a series are left out.
    pub fn text(self) -> String {
        let mut registry = Registry::with_prefix("larder");
        registry.register_collector(Box::new(self));
        let mut text = String::with_capacity(64 * 1024);
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &registry);
        text
    }
}

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in families::ALL {
            let Some(samples) = self.0.get(family.name) else { continue };
            let help = format!("{}.", family.help);
            let form = match family.form {
                Form::Counter => MetricType::Counter,
                Form::Gauge => MetricType::Gauge,
                Form::Histogram => MetricType::Histogram,
                Form::Info => MetricType::Info,
            };
            let mut encoder = encoder.encode_descriptor(family.name, &help, None, form)?;
            for sample in samples {
                if family.form == Form::Info {
                    encoder.encode_info(&sample.labels)?;
                } else if sample.labels.is_empty() {
                    encode(&mut encoder, family.form, &sample.value)?;
                } else {
                    encode(&mut encoder.encode_family(&sample.labels)?, family.form, &sample.value)?;
                }
            }
        }
        Ok(())
    }
}

fn encode(encoder: &mut MetricEncoder<'_>, form: Form, value: &Value) -> fmt::Result {
    match (form, value) {
        (Form::Counter, Value::Whole(value)) => encoder.encode_counter::<NoLabelSet, _, u64>(value, None),
        (Form::Counter, Value::Real(value)) => encoder.encode_counter::<NoLabelSet, _, u64>(value, None),
        (_, Value::Whole(value)) => encoder.encode_gauge(value),
        (_, Value::Real(value)) => encoder.encode_gauge(value),
        (_, Value::Durations(all)) => {
            let count = all.buckets.iter().map(|(_, count)| count).sum();
            encoder.encode_histogram::<NoLabelSet>(all.sum_s, count, &all.buckets, None)
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of 285 years are exact")]
fn in_seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_from_the_configuration_are_escaped() {
        let mut samples = Samples::default();
        samples.put(&families::BUILD, &["a\"b\\c\nd"], 1_u64);
        let text = samples.text();
        assert!(text.contains(r#"larder_build_info{version="a\"b\\c\nd"} 1"#), "{text}");
    }
}
