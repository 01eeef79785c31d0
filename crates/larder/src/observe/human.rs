//! Log lines for people: the time, then what happened; requests in columns that line up.
//!
//! ```text
//! 05:28:29 200 hit    GET github.com/spf13/cobra/@v/v1.8.1.zip  232 kB  0.2 ms  proxy.example  d52b233b-a
//! 05:28:30 WARN  fetch failed: proxy.example: could not be reached  want=example.com/m/@v/list
//! ```

use std::fmt;

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::harmless::Style;
use super::hidden::{Hidden, Writing};
use super::{line_time, with_causes};

/// Formats events for people.
pub(super) struct Human(pub(super) Hidden);

impl<S, N> FormatEvent<S, N> for Human
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
        let writing = self.0.writing(Style::Plain);
        let mut fields = Fields { message: String::new(), others: Vec::new(), writing };
        event.record(&mut fields);
        let colours = writer.has_ansi_escapes();
        write!(writer, "{} ", time_of_day(line_time()))?;
        if event.metadata().target() == "request" {
            return fields.write_request(&mut writer, colours);
        }
        let level = *event.metadata().level();
        match (colours, colour(level)) {
            (true, Some(colour)) => write!(writer, "\x1b[{colour}m{level:<5}\x1b[0m ")?,
            _ => write!(writer, "{level:<5} ")?,
        }
        write!(writer, "{}", fields.message)?;
        // The name of an event is for machines: the message says it to people.
        for (name, value) in fields.others.iter().filter(|(name, _)| *name != "event") {
            write!(writer, "  {name}={value}")?;
        }
        writeln!(writer)
    }
}

/// What an event says.
struct Fields {
    message: String,
    others: Vec<(&'static str, String)>,
    writing: Writing,
}

impl Fields {
    fn take(&self, name: &str) -> &str {
        self.others.iter().find(|(held, _)| *held == name).map_or("-", |(_, value)| value)
    }

    fn write_request(&self, writer: &mut Writer<'_>, colours: bool) -> fmt::Result {
        let status = self.take("status");
        let shade = match (colours, status.as_bytes().first()) {
            (true, Some(b'5')) => "\x1b[31m",
            (true, Some(b'4')) => "\x1b[33m",
            (true, _) => "\x1b[32m",
            (false, _) => "",
        };
        let end = if colours { "\x1b[0m" } else { "" };
        let size = in_bytes(self.take("size_bytes").parse().unwrap_or(0));
        let (cache, source, id) = (self.take("cache.lookup"), self.take("upstream.name"), self.take("id"));
        let took = self.take("duration_ms");
        write!(writer, "{shade}{status}{end} {cache:<6} {}  {size}  {took} ms", self.message)?;
        if source != "-" {
            write!(writer, "  {source}")?;
        }
        match self.take("end") {
            "whole" => {}
            end => write!(writer, "  {end}")?,
        }
        writeln!(writer, "  {id}")
    }
}

impl Fields {
    fn shown(&mut self, field: &Field, value: fmt::Arguments<'_>) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.writing.write(&mut text, field.name(), value);
        text
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = self.shown(field, format_args!("{value:?}"));
        if field.name() == "message" { self.message = text } else { self.others.push((field.name(), text)) }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.shown(field, format_args!("{value}"));
        self.others.push((field.name(), text));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.others.push((field.name(), format!("{value:.1}")));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let text = self.shown(field, format_args!("{}", with_causes(value)));
        self.others.push((field.name(), text));
    }
}

fn colour(level: Level) -> Option<u8> {
    match level {
        Level::ERROR => Some(31),
        Level::WARN => Some(33),
        Level::DEBUG | Level::TRACE => Some(2),
        Level::INFO => None,
    }
}

/// `HH:MM:SS` in UTC: a line of the terminal is read within the day it was written.
fn time_of_day(at: Timestamp) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// A size as a person reads it, in decimal units.
fn in_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        assert_eq!([in_bytes(999), in_bytes(1_999), in_bytes(1_960_000)], ["999 B", "1 kB", "1.9 MB"]);
    }
}
