//! The families of series that `/metrics` shows: names, meanings, labels. The only list of them; `docs/metrics.md`
//! is made of it. Labels have few values, each known beforehand or named in the configuration; no module path,
//! no address, nothing that a client or a source sends is ever one.

use super::words::{Cached, Kind, Outcome, Tally};

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
    CONNECTIONS: Gauge "connections_open" [] "Connections of clients that are open";
    ACCEPTED: Counter "connections_accepted" [] "Connections of clients that were accepted";
    REFUSED: Counter "refused" ["reason"]
        "Requests answered 503 and connections closed, to keep within a limit, by the limit";
    OVERLOADED: Gauge "overloaded" [] "1 while requests or connections are refused for overload";
    FLIGHTS: Gauge "flights" [] "Fetches in the air, each for all who ask for the same thing";
    BOARDED: Counter "flights_boarded" ["how"]
        "Requests that were not answered from what is held, by whether they started a fetch or joined one";
    FLOWN: Counter "flights_ended" ["outcome"] "Fetches that ended; one that found an absence landed";
    REFRESHES: Counter "refreshes" ["outcome"]
        "Held answers that can change, asked for again; when that fails, the copy is served on";
    VERIFIED: Counter "verified" ["result"]
        "Files that arrived: are what the checksum database has (record), agreed with what was held, first of their version, came while the database could not be asked (unverified), broke a rule (refused), or differ";
    UNVERIFIED: Counter "served_unverified" []
        "Answers with held files for which the checksum database that covers them has not vouched yet";
    UNKEPT: Counter "served_unkept" [] "Files served without being kept, since the store took nothing";
    LOOKUPS: Counter "sumdb_lookups" ["outcome"]
        "Lookups that were not answered from what is kept: proven, absent, failed, wrong, or refused since the database is closed";
    SUMDB_TREE: Gauge "sumdb_tree_size" ["sumdb"] "Records of the newest tree of a checksum database that was proven";
    SUMDB_CLOSED: Gauge "sumdb_closed" ["sumdb"]
        "1 while a checksum database is asked nothing more, since it has signed two histories";
    LOG_SIZE: Gauge "log_records" [] "Records of our own log that are signed";
    LOG_REFUSED: Counter "log_records_refused" [] "Records that our own log was asked for and could not add";
    LOG_STATE: Gauge "log_state" ["state"]
        "What our own log does: it is being read after a start (reading), takes records (signing), could not write the last one (failing), or waits for an operator (stopped); 1 for the one that is so";
    UNPROVEN: Gauge "unproven_versions" ["why"]
        "Held versions for which the checksum database that covers them has not vouched: it has not been asked yet (waiting), or does not know them (unrecorded)";
    UPSTREAM_CALLS: Counter "upstream_calls" ["upstream", "outcome"]
        "Calls to an upstream that ended; paused and crowded ones were not sent";
    UPSTREAM_FIRST_BYTE: Histogram "upstream_first_byte_seconds" ["upstream"]
        "From the beginning of a call to the head of its answer";
    UPSTREAM_BYTES: Counter "upstream_body_bytes" ["upstream"] "Bytes of bodies received from an upstream";
    UPSTREAM_RETRIES: Counter "upstream_retries" ["upstream"] "Calls that were made again after a failure";
    UPSTREAM_RESUMED: Counter "upstream_bodies_resumed" ["upstream"]
        "Bodies that broke off and were taken up where they ended";
    UPSTREAM_IN_FLIGHT: Gauge "upstream_calls_in_flight" ["upstream", "size"]
        "Calls for small answers and for zips (large) under way, and those waiting for a place";
    UPSTREAM_STATE: Gauge "upstream_breaker" ["upstream", "state"]
        "1 for the state of the breaker: closed is asked, open is left alone, half-open is tried";
    UPSTREAM_OPENED: Counter "upstream_breaker_opened" ["upstream"] "How often the breaker has opened";
    STORE_FREE: Gauge "store_free_bytes" [] "Bytes that may still be written on the file system of the store";
    HELD: Gauge "held" ["what"]
        "Modules, versions and files that are held; grows for a while after a start, while they are counted";
    HELD_BYTES: Gauge "held_bytes" [] "Bytes of the files that are held";
    STORE_STATE: Gauge "store_state" ["state"] "1 for the state that the store is in";
    STORE_SIZE: Gauge "store_size_bytes" [] "Size of the file system of the store";
    MEMORY_USED: Gauge "cache_memory_bytes" [] "Bytes of answers that are kept in memory, estimated";
    MEMORY_LIMIT: Gauge "cache_memory_limit_bytes" [] "Bytes of them at most, the setting `cache.memory`";
    SCRUBS: Counter "scrubs" ["outcome"] "Scrubs that reached the end (done) or did not (interrupted)";
    SCRUBBED_FILES: Counter "scrubbed_files" [] "Held files that scrubs have read again";
    SCRUBBED_BYTES: Counter "scrubbed_bytes" [] "Bytes of those files";
    SCRUB_FOUND: Counter "scrub_findings" ["outcome"] "What scrubs found wrong: mended or broken";
    SCRUB_LAST: Gauge "scrub_last_end_seconds" []
        "When the last whole scrub ended, or the first start before there was one, in seconds since 1970";
    CONFIG_BROKEN: Gauge "config_broken" []
        "1 while the configuration on disk has mistakes and an older one is in force";
    CONFIG_READ: Gauge "config_read_seconds" []
        "When the configuration in force was read, in seconds since 1970";
    CONFIG_RELOADS: Counter "config_reloads" ["outcome"] "Reloads that were applied, and those that failed";
    CONFIG_WAITING: Gauge "config_needs_restart" [] "Settings that only a restart puts in force";
    CERTIFICATE: Gauge "tls_certificate_expires_seconds" []
        "When the first certificate that is shown expires, in seconds since 1970; absent without TLS";
    PUSHES: Counter "pushes" ["outcome"]
        "Push events with a right signature: of a repository of whose modules something is known, of another one (unknown), or the same as a moment ago (repeated)";
    PUSH_SEEN: Histogram "push_visible_seconds" []
        "From the arrival of a push event until what it may have changed of known answers was asked for again, so that clients get it";
    VCS_CALLS: Counter "vcs_calls" ["system", "outcome"]
        "Commands of version control that asked a server, by how they ended";
    VCS_SECONDS: Histogram "vcs_call_seconds" ["system"] "How long those commands ran";
    VCS_BYTES: Counter "vcs_bytes" ["system"] "Bytes that passed between those commands and the network, in both directions";
    VCS_WAITED: Histogram "vcs_wait_seconds" [] "How long those commands waited for their turn";
    VCS_WAITING: Gauge "vcs_waiting" [] "Commands of version control that wait for their turn";
    VCS_CHILDREN: Gauge "vcs_children" ["reach"]
        "Commands of version control that run: those that may ask servers (network), and those that read what is kept (content)";
    COPIES: Gauge "vcs_copies" [] "Kept copies of repositories";
    COPIES_BYTES: Gauge "vcs_copies_bytes" [] "Bytes of them, measured after each fetch";
    COPIES_LIMIT: Gauge "vcs_copies_limit_bytes" [] "Bytes of them at most, the setting `vcs.size`";
    COPIES_EVICTED: Counter "vcs_copies_evicted" [] "Kept copies that went to make room for others";
    FOUND: Counter "discoveries" ["outcome"]
        "Modules looked for, by what came of it: where the operator's table (table), the path or a page says, or at a proxy that a page names (proxy); there is none (absent), the rules forbid it (refused), or it cannot be told now (failed)";
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
        Tally::VerifiedRecord
        | Tally::VerifiedAgreed
        | Tally::VerifiedFirst
        | Tally::VerifiedNot
        | Tally::VerifiedRefused
        | Tally::VerifiedDiffers => VERIFIED,
        Tally::ServedUnverified => UNVERIFIED,
        Tally::Unkept => UNKEPT,
        Tally::LookupProven
        | Tally::LookupAbsent
        | Tally::LookupFailed
        | Tally::LookupWrong
        | Tally::LookupClosed => LOOKUPS,
        Tally::ConnectionOpened => ACCEPTED,
        Tally::ScrubDone | Tally::ScrubInterrupted => SCRUBS,
        Tally::ScrubbedFiles => SCRUBBED_FILES,
        Tally::ScrubbedBytes => SCRUBBED_BYTES,
        Tally::ScrubMended | Tally::ScrubBroken => SCRUB_FOUND,
    }
}

/// The reference of all families, `docs/metrics.md`.
pub fn reference() -> String {
    let row = |family: &Family| {
        let form = match family.form {
            Form::Counter => "counter",
            Form::Gauge => "gauge",
            Form::Histogram => "histogram",
            Form::Info => "info",
        };
        format!("| `{}` | {form} | {} | {} |\n", family.series(), quoted(family.labels), family.help)
    };
    let rows: Vec<String> = ALL.iter().map(row).collect();
    let kinds: Vec<&str> = Kind::ALL.iter().map(|word| word.as_str()).collect();
    let outcomes: Vec<&str> = Outcome::ALL.iter().map(|word| word.as_str()).collect();
    let states: Vec<&str> = Cached::ALL.iter().map(|word| word.as_str()).collect();
    let (rows, kinds, outcomes, states) = (rows.concat(), quoted(&kinds), quoted(&outcomes), quoted(&states));
    format!(
        "{INTRODUCTION}{rows}\n## Values of labels\n\n- `kind`: {kinds}.\n- `outcome` of a request: {outcomes}.\n- \
         `cache`: {states}.\n- `outcome` of `larder_vcs_calls`: `ok`, `absent`, `auth`, `identity` (of the \
         server), `network`, `limited`, `corrupt`, `timeout`, `refused` (led to where it must not go), `too-large`, `crowded` (its turn did not come), `local` (this \
         machine), `failed` (anything else), `abandoned`.\n- `upstream`: the names that upstreams have in the log and in `X-Larder-Source`.\n- `sumdb`: the names of the configured \
         checksum databases.\n"
    )
}

/// Words as code, with commas.
fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

const INTRODUCTION: &str = "\
# Numbers

<!-- Made by `larder config reference metrics.md`; a test fails when it is older than the program. -->

`GET /metrics` tells them as OpenMetrics text, which Prometheus reads, to callers on this machine, to the networks that
`metrics.allow` lists, and on `control.sock`. Series are there from the first time they are needed; their number is
bounded by the tables below and by how many upstreams are configured. No label holds a module path, an address or
anything else that a client or an upstream sent. Counters begin at zero with each start. A dashboard and alert rules
that use them are in `deploy/`.

| Series | Form | Labels | Says |
| --- | --- | --- | --- |
";
