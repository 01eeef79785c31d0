//! `larder scrub`.

use std::fmt::Write;

use indicatif::{HumanBytes, HumanDuration};

use super::paper::one_line;
use super::{Exit, progress};
use crate::app::ScrubCall;
use crate::config::Loaded;
use crate::jobs::scrub::{Event, Finding, Outcome, Report};

/// Findings that are named on the terminal; `--json` names more.
const SHOWN: usize = 100;

/// Reads the store again; [`Exit::Refused`] when something is broken that was not before healed.
pub(super) fn run(call: &ScrubCall, loaded: &Loaded, json: bool) -> anyhow::Result<Exit> {
    let bar = progress::bar("modules, {msg}, {eta} left");
    let report = crate::app::scrub(&loaded.config, call, |event| match event {
        Event::Progress { done, of, bytes } => {
            bar.set_length(*of);
            bar.set_position(*done);
            bar.set_message(HumanBytes(*bytes).to_string());
        }
        Event::Found(finding) => bar.println(format!("  {}", one_line(&finding.file))),
        Event::Done(_) | Event::Failed(_) => {}
    });
    bar.finish_and_clear();
    let report = report?;
    super::print_answer(json, &report, || describe(&report, call))?;
    Ok(match (report.broken, report.unproven) {
        _ if report.interrupted => Exit::Refused,
        (0, 0) => Exit::Fine,
        (0, _) => Exit::Attention,
        _ => Exit::Refused,
    })
}

/// The report for a person.
fn describe(report: &Report, call: &ScrubCall) -> String {
    let mut text = String::new();
    let took = HumanDuration(std::time::Duration::try_from_secs_f64(report.took_s).unwrap_or_default());
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "read    {} files of {} modules ({}) in {took}\nhealed  {}\nbroken  {}",
        report.files,
        report.modules,
        HumanBytes(report.bytes),
        report.mended,
        report.broken
    );
    if report.agreed + report.unproven > 0 {
        let _ = writeln!(
            text,
            "records {} versions are what the checksum database has, {} have nothing there to vouch for them",
            report.agreed, report.unproven
        );
    }
    for finding in report.findings.iter().take(SHOWN) {
        tell(&mut text, finding);
    }
    let named = report.mended + report.broken + report.unproven;
    if named > SHOWN as u64 {
        let _ = writeln!(text, "  ... and {} more; --json names them", named - SHOWN as u64);
    }
    if report.interrupted {
        text.push_str("It did not reach the end: the server stopped.\n");
    }
    let next = match (report.broken, call.no_heal) {
        (0, _) => return text,
        (_, true) => "Nothing was changed. `larder scrub` heals what can be fetched again.\n",
        (_, false) => {
            "A broken file is refused to clients, not served. It is tried again when it is asked for, and by the next\n\
             scrub: mend the source and run `larder scrub`, or bring it back with `larder import DIR` from a good copy.\n"
        }
    };
    text.push_str(next);
    text
}

fn tell(text: &mut String, finding: &Finding) {
    let (word, why) = match &finding.outcome {
        Outcome::Healed => ("healed", None),
        Outcome::Removed => ("removed", None),
        Outcome::Left => ("left", None),
        Outcome::Unproven { why } => ("held", Some(why)),
        Outcome::Broken { why } => ("BROKEN", Some(why)),
    };
    let _ = writeln!(text, "  {word:<7} {}", one_line(&finding.file));
    let _ = writeln!(text, "          {}", one_line(&finding.detail));
    if let Some(why) = why {
        let _ = writeln!(text, "          {}", one_line(why));
    }
    if let Some(evidence) = &finding.evidence {
        let _ = writeln!(text, "          evidence: {}.body, .json", one_line(evidence));
    }
}
