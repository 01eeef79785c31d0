//! `larder invalidate`: has the running server forget what may change of a module.

use super::Exit;
use super::mode::Ask;
use super::named::Named;
use super::paper::{Cell, Paper, Tone, one_line};
use crate::app::api::invalidate::Invalidated;

/// Tells what was forgotten.
pub(super) fn run(ask: &Ask, named: &Named) -> anyhow::Result<Exit> {
    let done: Invalidated = ask.caller().post("invalidate", &named.meant())?;
    super::print_described(&ask.shown, &done, describe)?;
    Ok(Exit::Fine)
}

fn describe(paper: &mut Paper, done: &Invalidated) {
    let answers = match done.answers.len() {
        0 => "no answer".to_owned(),
        _ => done.answers.join(", "),
    };
    let troubles = match done.troubles {
        0 => "no absence or failure".to_owned(),
        1 => "1 absence or failure".to_owned(),
        many => format!("{many} absences and failures"),
    };
    paper.line(&[
        Cell(one_line(&done.module), Tone::Strong),
        Cell::plain(format!(": forgot {answers}; {troubles}")),
    ]);
    if !done.held.is_empty() {
        let text = format!(
            "its {} {}: what is held of a version never changes",
            done.held.join(", "),
            if done.held.len() == 1 { "is held and stays" } else { "are held and stay" }
        );
        paper.line(&[Cell(text, Tone::Warn)]);
    }
}
