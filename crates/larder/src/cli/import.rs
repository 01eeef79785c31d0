//! `larder import`.

use std::fmt::Write;
use std::path::Path;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use super::Exit;
use super::paper::one_line;
use crate::config::Loaded;
use crate::jobs::import::Report;

/// Refused files that are named on the terminal; `--json` names all.
const SHOWN: usize = 50;

/// Takes over the modules below a directory; [`Exit::Refused`] when something was left out.
pub(super) fn run(from: &Path, loaded: &Loaded, json: bool) -> anyhow::Result<Exit> {
    // Drawn on standard error, and only if that is a terminal.
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("  {bar:40} {pos}/{len} module versions, {eta} left") {
        bar.set_style(style);
    }
    let report = crate::app::import(&loaded.config, from, |done, of| {
        bar.set_length(of);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = report?;
    let text = if json { serde_json::to_string(&report)? + "\n" } else { describe(&report) };
    super::print(&text)?;
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
