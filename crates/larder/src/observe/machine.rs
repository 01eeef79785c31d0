//! Log lines for machines: one JSON object a line, its fields beside the time, the level and the message.
//!
//! ```text
//! {"timestamp":"2026-11-21T05:28:29.012345Z","level":"INFO","id":"d52b233b-a","status":200,…,"message":"GET …"}
//! ```
//!
//! Written straight into the line, since each request has one: through a general serializer it was a good part of
//! what a hit costs.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::harmless::Style;
use super::hidden::{Hidden, Writing};
use super::{line_time, with_causes};

/// Formats events as JSON.
pub(super) struct Machine(pub(super) Hidden);

impl<S, N> FormatEvent<S, N> for Machine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (at, level) = (line_time(), event.metadata().level());
        write!(writer, "{{\"timestamp\":\"{at:.6}\",\"level\":\"{level}\"")?;
        let mut fields = Fields { out: &mut writer, written: Ok(()), writing: self.0.writing(Style::Json) };
        event.record(&mut fields);
        fields.written?;
        writer.write_str("}\n")
    }
}

/// Writes each field where it is met.
struct Fields<'a, W> {
    out: &'a mut W,
    written: fmt::Result,
    writing: Writing,
}

impl<W: Write> Fields<'_, W> {
    fn text(&mut self, name: &str, value: fmt::Arguments<'_>) {
        self.put(format_args!(",\"{name}\":\""));
        self.written = self.written.and_then(|()| self.writing.write(self.out, name, value));
        self.put(format_args!("\""));
    }

    fn put(&mut self, value: fmt::Arguments<'_>) {
        self.written = self.written.and_then(|()| self.out.write_fmt(value));
    }
}

impl<W: Write> Visit for Fields<'_, W> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(format_args!(",\"{}\":{value}", field.name()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(format_args!(",\"{}\":{value}", field.name()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(format_args!(",\"{}\":{value}", field.name()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.put(format_args!(",\"{}\":{value}", field.name()));
        } else {
            self.put(format_args!(",\"{}\":null", field.name()));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field.name(), format_args!("{}", with_causes(value)));
    }
}
