//! The words that label what is counted: closed sets, so that the number of series is bounded by construction.
//!
//! A word is the index of its place in a fixed array; its text is looked at only when the numbers are read.

/// Makes an enum whose variants are words, in the order of their places.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$what])* $variant,)+ }

        impl $name {
            /// All of them, in the order of their places.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word, in labels and log lines.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

words! {
    /// What was asked for.
    Kind {
        /// `@v/list`.
        List = "list",
        /// `@latest`.
        Latest = "latest",
        /// A branch, a commit, a version prefix.
        Query = "query",
        /// `.info` of a version.
        Info = "info",
        /// `.mod` of a version.
        Mod = "mod",
        /// `.zip` of a version.
        Zip = "zip",
        /// A record of a checksum database.
        SumDbLookup = "sumdb_lookup",
        /// A tile of a checksum database.
        SumDbTile = "sumdb_tile",
        /// The newest tree of a checksum database, or whether one is passed through.
        SumDbLatest = "sumdb_latest",
        /// A page for people.
        Page = "page",
        /// Health, readiness, metrics, version: what machines watch.
        Probe = "probe",
        /// The administration.
        Api = "api",
        /// What is none of these, malformed requests among them.
        Other = "other",
    }
}

impl Kind {
    /// Whether it is of the GOPROXY protocol.
    pub fn is_module(self) -> bool {
        !matches!(self, Self::Page | Self::Probe | Self::Api | Self::Other)
    }
}

words! {
    /// What became of a request.
    Outcome {
        /// Answered with content.
        Ok = "ok",
        /// The client's copy is still right.
        NotModified = "not_modified",
        /// It does not exist, as every source says; or was withdrawn.
        Absent = "absent",
        /// Forbidden by a rule.
        Denied = "denied",
        /// It cannot be had now: a source fails, the store takes nothing, or there is too much to do.
        Unavailable = "unavailable",
        /// What a source sent is wrong.
        Corrupt = "corrupt",
        /// A request that nobody can answer.
        Malformed = "malformed",
        /// A fault of this server.
        Internal = "internal",
        /// Begun and cut, since it could not be finished rightly.
        Cut = "cut",
        /// The client went away before the end.
        Left = "left",
    }
}

impl Outcome {
    /// What a status says; each class of failure has its own.
    pub fn of_status(status: u16) -> Self {
        match status {
            0..300 => Self::Ok,
            304 => Self::NotModified,
            404 | 410 => Self::Absent,
            401 | 403 => Self::Denied,
            429 | 503 | 504 => Self::Unavailable,
            502 => Self::Corrupt,
            300..500 => Self::Malformed,
            _ => Self::Internal,
        }
    }

    /// The class of the failure, if it is one.
    pub fn failure(self) -> Option<&'static str> {
        (!matches!(self, Self::Ok | Self::NotModified | Self::Left)).then_some(self.as_str())
    }
}

words! {
    /// How an answer relates to what was held.
    Cached {
        /// From what was held.
        Hit = "hit",
        /// From what was held, though its freshness had passed.
        Stale = "stale",
        /// Fetched for this request.
        Miss = "miss",
        /// From a fetch that another request had started.
        Joined = "joined",
        /// No content, or none that could be held.
        None = "none",
    }
}

words! {
    /// Events that are counted where they happen, each in a family of its own or under a label (`families::TALLIES`).
    Tally {
        /// A flight was started.
        FlightStarted = "started",
        /// A request joined a flight in the air.
        FlightJoined = "joined",
        /// A flight brought what it was to bring.
        FlightLanded = "landed",
        /// A flight failed; absence is no failure.
        FlightFailed = "failed",
        /// A refresh brought an answer.
        RefreshDone = "done",
        /// A refresh failed, the copy was served.
        RefreshFailed = "failed",
        /// A file agreed with the hash on record.
        VerifiedAgreed = "agreed",
        /// A file was the first seen of its version.
        VerifiedFirst = "first_seen",
        /// A file broke a rule.
        VerifiedRefused = "refused",
        /// A file differs from the hash on record.
        VerifiedDiffers = "differs",
        /// A file is what the record of a checksum database says.
        VerifiedRecord = "record",
        /// A file came in though the database that should have vouched for it could not be asked.
        VerifiedNot = "unverified",
        /// A held file was answered with that no database has vouched for, though one should.
        ServedUnverified = "served_unverified",
        /// A file was served without being kept, since the store took nothing.
        Unkept = "unkept",
        /// A database was asked for a record, which is proven.
        LookupProven = "proven",
        /// A database has no record.
        LookupAbsent = "absent",
        /// A database could not be asked.
        LookupFailed = "failed",
        /// What was said in the name of a database is not proven.
        LookupWrong = "wrong",
        /// A database is closed, and was not asked.
        LookupClosed = "closed",
        /// A client has connected.
        ConnectionOpened = "opened",
        /// A scrub has reached its end.
        ScrubDone = "done",
        /// A scrub was interrupted.
        ScrubInterrupted = "interrupted",
        /// Files that a scrub has read.
        ScrubbedFiles = "files",
        /// Their bytes.
        ScrubbedBytes = "bytes",
        /// Something wrong that a scrub has mended.
        ScrubMended = "mended",
        /// Something wrong that it could not mend.
        ScrubBroken = "broken",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_stands_at_its_own_place() {
        for (place, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, place, "{kind:?}");
        }
        for (place, tally) in Tally::ALL.iter().enumerate() {
            assert_eq!(*tally as usize, place, "{tally:?}");
        }
    }

    #[test]
    fn a_status_names_its_outcome() {
        let named = |status| Outcome::of_status(status).as_str();
        assert_eq!([200, 206, 304, 400, 403].map(named), ["ok", "ok", "not_modified", "malformed", "denied"]);
        assert_eq!([404, 410, 416, 500].map(named), ["absent", "absent", "malformed", "internal"]);
        assert_eq!([502, 503, 504].map(named), ["corrupt", "unavailable", "unavailable"]);
    }
}
