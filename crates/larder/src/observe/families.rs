//! The families of series that `/metrics` shows: names, meanings, labels. The only list of them; `docs/metrics.md`
//! is made of it. Labels have few values, each known beforehand or named in the configuration; no module path,
//! no address, nothing that a client or a source sends is ever one.

use super::words::Tally;

/// What kind of number a family holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Only grows while the server runs; its series end in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations in seconds, by upper bound.
    Histogram,
    /// Facts as labels, the number being 1; its series end in `_info`.
    Info,
}

/// A family of series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its name, without the prefix `larder_` and without the suffix that its form adds.
    pub name: &'static str,
    /// What kind of number it holds.
    pub form: Form,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence without a full stop.
    pub help: &'static str,
}

impl Family {
    /// The name of its series, without what a histogram adds.
    pub fn series(&self) -> String {
        let suffix = match self.form {
            Form::Counter => "_total",
            Form::Info => "_info",
            Form::Gauge | Form::Histogram => "",
        };
        format!("larder_{}{suffix}", self.name)
    }
}

/// Makes the constants and the list of them.
macro_rules! families {
    ($($constant:ident: $form:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $constant: Family =
                Family { name: $name, form: Form::$form, labels: &[$($label),*], help: $help };
        )+

        /// All families, in the order in which they are shown.
        pub const ALL: &[Family] = &[$($constant,)+];
    };
}

families! {
    REQUESTS: Counter "requests" ["kind", "outcome", "cache"] "Requests that ended";
    RESPONSE_BYTES: Counter "response_body_bytes" ["kind", "cache"] "Bytes of bodies given to clients";
    FIRST_BYTE: Histogram "request_first_byte_seconds" ["kind", "cache"]
        "From the head of a request to the head of its answer";
    DURATION: Histogram "request_duration_seconds" ["kind", "cache"]
        "From the head of a request to the end of its answer, the client's own reading included";
    IN_FLIGHT: Gauge "requests_in_flight" [] "Requests that came in and have not ended";
    FLIGHTS: Gauge "flights" [] "Fetches in the air, each for all who ask for the same thing";
    BOARDED: Counter "flights_boarded" ["how"]
        "Requests that were not answered from what is held, by whether they started a fetch or joined one";
    FLOWN: Counter "flights_ended" ["outcome"] "Fetches that ended; one that found an absence landed";
    REFRESHES: Counter "refreshes" ["outcome"]
        "Held answers that can change, asked for again; when that fails, the copy is served on";
    VERIFIED: Counter "verified" ["result"]
        "Files that arrived: agreed with the hash on record, first of their version, broke a rule, or differ";
    UNKEPT: Counter "served_unkept" [] "Files served without being kept, since the store took nothing";
    LOG_LOST: Counter "log_lines_lost" [] "Log lines dropped, since whoever reads the log was too slow";
    RESIDENT: Gauge "process_resident_memory_bytes" [] "Memory of the process that is in use";
    CPU: Counter "process_cpu_seconds" [] "Processor time of the process, its own and the system's on its behalf";
    OPEN_FDS: Gauge "process_open_fds" [] "File descriptors that are open";
    MAX_FDS: Gauge "process_max_fds" [] "File descriptors that may be open";
    THREADS: Gauge "process_threads" [] "Threads of the process";
    START_TIME: Gauge "process_start_time_seconds" [] "When the process started, in seconds since 1970";
    BUILD: Info "build" ["version"] "Which Larder this is";
}

/// Where each counted event is shown: its family, and for a family with a label the value, which is the event's word.
pub const fn of_tally(tally: Tally) -> Family {
    match tally {
        Tally::FlightStarted | Tally::FlightJoined => BOARDED,
        Tally::FlightLanded | Tally::FlightFailed => FLOWN,
        Tally::RefreshDone | Tally::RefreshFailed => REFRESHES,
        Tally::VerifiedAgreed | Tally::VerifiedFirst | Tally::VerifiedRefused | Tally::VerifiedDiffers => {
            VERIFIED
        }
        Tally::Unkept => UNKEPT,
    }
}
