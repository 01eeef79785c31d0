//! `larder import`.

use std::fmt::Write;
use std::path::Path;

use indicatif::HumanBytes;

use super::paper::one_line;
use super::{Exit, progress};
use crate::config::Loaded;
use crate::jobs::import::Report;

/// Refused files that are named on the terminal; `--json` names all.
const SHOWN: usize = 50;

/// Takes over the modules below a directory; [`Exit::Refused`] when something was left out.
pub(super) fn run(from: &Path, loaded: &Loaded, json: bool) -> anyhow::Result<Exit> {
    let bar = progress::bar("module versions, {eta} left");
    let report = crate::app::import(&loaded.config, from, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = report?;
    super::print_answer(json, &report, || describe(&report))?;
    Ok(if report.refused.is_empty() { Exit::Fine } else { Exit::Refused })
}

/// The report for a person.
fn describe(report: &Report) -> String {
    let count = |kind: &str| report.adopted.get(kind).copied().unwrap_or(0);
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "adopted  {} zip, {} mod, {} info ({})\nheld     {} before\nrefused  {}",
        count("zip"),
        count("mod"),
        count("info"),
        HumanBytes(report.bytes),
        report.already_held,
        report.refused.len()
    );
    for refusal in report.refused.iter().take(SHOWN) {
        let _ = writeln!(text, "  {}: {}", one_line(&refusal.file), one_line(&refusal.why));
    }
    if report.refused.len() > SHOWN {
        let _ = writeln!(text, "  ... and {} more; --json names all", report.refused.len() - SHOWN);
    }
    text
}
