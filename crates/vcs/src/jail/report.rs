//! What the end of a command means.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use tempfile::TempDir;

use super::group::{Ended, Stop};
use super::redact::Redaction;
use super::{Limits, local, trouble};
use crate::gate::{Incident, Pass};
use crate::{System, Trouble, VcsError};

/// Signals by which the kernel says that a limit was passed: SIGXCPU and SIGXFSZ.
const OVERTIME: i32 = 24;
const OVERSIZE: i32 = 25;

/// What is needed to tell, and what lives as long as the command.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) system: System,
    pub(super) redaction: Redaction,
    pub(super) limits: Limits,
    /// Its way through the gate.
    pub(super) pass: Option<Pass>,
    /// A directory with configuration of its own.
    pub(super) private: Option<TempDir>,
}

/// A report on a command that was started.
#[derive(Debug)]
pub(super) struct Said {
    /// The tool and what it is told to do: `git fetch`.
    pub(super) name: String,
    pub(super) deadline: Duration,
    pub(super) report: Report,
}

impl Said {
    /// What it said on the side, if all went well.
    pub(super) fn check(&self, ended: Ended) -> Result<String, VcsError> {
        let Ended { status, words, stop } = ended;
        let words = String::from_utf8_lossy(&words);
        let text = self.report.redaction.apply(&words);
        if stop != Some(Stop::Deadline) && status.is_some_and(|status| status.success()) {
            return Ok(text);
        }
        let told = trouble::failure(self.report.system, &self.name, &words, text);
        let incident = self.report.pass.as_ref().and_then(Pass::incident);
        Err(match (incident, told) {
            (Some(Incident::Inside(address)), _) => VcsError::Refused { address },
            (Some(Incident::Astray), _) => VcsError::Astray { command: self.name.clone() },
            (Some(Incident::TooMuch(max)), _) => {
                VcsError::TooLarge { what: "what the server sends".to_owned(), max }
            }
            _ if stop == Some(Stop::Deadline) => self.late(),
            (incident, told) => match (self.passed_limit(status, &words), told) {
                (Some(limit), _) => limit,
                (None, VcsError::Failed { command, trouble: Trouble::Other, text }) if incident.is_some() => {
                    VcsError::Failed { command, trouble: Trouble::Network, text }
                }
                (None, told) => told,
            },
        })
    }

    /// What passed between it and the network.
    pub(super) fn bytes(&self) -> u64 {
        self.report.pass.as_ref().map_or(0, Pass::passed)
    }

    /// It took too long.
    pub(super) fn late(&self) -> VcsError {
        VcsError::Timeout { command: self.name.clone(), after: self.deadline }
    }

    /// What a limit of the machine, or of ours, has to do with it. Tools tell of their own children by the signal's number.
    fn passed_limit(&self, status: Option<ExitStatus>, words: &str) -> Option<VcsError> {
        let signal = status.and_then(|status| status.signal());
        let died =
            |number: i32| signal == Some(number) || words.contains(&format!("died of signal {number}"));
        let limits = &self.report.limits;
        if died(OVERSIZE) || words.contains("File too large") {
            let what = "a file of the repository".to_owned();
            return Some(VcsError::TooLarge { what, max: limits.file_bytes });
        }
        if died(OVERTIME) {
            let after = Duration::from_secs(limits.cpu_s);
            return Some(VcsError::Timeout { command: self.name.clone(), after });
        }
        let is_full = words.contains("No space left on device") || words.contains("Disk quota exceeded");
        is_full.then(|| local("keeping the answer of", &self.name, std::io::Error::other("no space left")))
    }
}
