//! The part of a scrub that compares the files of our own log with its signed head.
//!
//! What follows from the records is written anew. A tile of records is never touched: nothing here can say what it was.

use store::StoreError;

use super::report::{Event, Outcome, What};
use super::walk::{Walk, finding};
use crate::log::Refusal;
use crate::log::audit::{Damage, Flaw, Part, Step};

const FROM_A_COPY: &str = "records are never written anew here: stop the server, bring this file back from a copy or a mirror \
                           of the log, and start it";

impl<T: Fn(Event) + Send + Sync> Walk<'_, T> {
    /// All files of our own log, if one is kept here.
    pub(super) async fn own_log(&mut self) -> Result<(), StoreError> {
        let Some(log) = self.pipeline.log().cloned() else { return Ok(()) };
        let mut audit = match log.audit(self.order.heal).await {
            Ok(audit) => audit,
            Err(refusal) => {
                let detail = format!("the files of our own log are not compared: {refusal}");
                let found = finding(log.place(), What::Unreadable, detail);
                self.found(found, Outcome::Broken { why: advice(&refusal).to_owned() });
                return Ok(());
            }
        };
        let pipeline = self.pipeline.clone();
        while !self.is_stopped() {
            let step = tokio::select! {
                step = audit.step() => step,
                () = pipeline.stopping() => continue,
            };
            let Some(Step { files, bytes, flaws }) = step else { return Ok(()) };
            self.report.files += files;
            self.report.bytes += bytes;
            for flaw in flaws {
                self.flaw(flaw);
            }
            self.pace.charge(bytes).await;
        }
        Ok(())
    }

    fn flaw(&mut self, flaw: Flaw) {
        let (what, detail) = told(&flaw);
        let outcome = match (flaw.mended, flaw.part) {
            (Some(Ok(())), _) => Outcome::Healed,
            (Some(Err(why)), _) => Outcome::Broken { why },
            (None, _) if !self.order.heal => Outcome::Left,
            (None, Part::Head) => {
                let why =
                    "the next record writes it anew; or stop the server, remove this file, and start it";
                Outcome::Broken { why: why.to_owned() }
            }
            (None, _) => Outcome::Broken { why: FROM_A_COPY.to_owned() },
        };
        self.found(finding(&flaw.file, what, detail), outcome);
    }
}

/// What is wrong, in words.
fn told(flaw: &Flaw) -> (What, String) {
    let part = match flaw.part {
        Part::Records => "a tile of records of our own log",
        Part::Hashes => "a tile of hashes of our own log",
        Part::Lookup => "the answer to a lookup at our own log",
        Part::Head => "the newest signed head of our own log",
        Part::Supported => "a file of our own log, empty for whoever serves the directory,",
    };
    match &flaw.damage {
        Damage::Missing => (What::Missing, format!("{part} is not there")),
        Damage::Differs => (What::Rotten, format!("{part} is not what was signed")),
        Damage::Unreadable(why) => (What::Unreadable, format!("{part} cannot be read: {why}")),
    }
}

fn advice(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Stopped(stopped) => stopped.advice(),
        _ => "the next scrub tries again",
    }
}
