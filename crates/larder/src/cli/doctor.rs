//! `larder doctor`: what is in the way.

use gomod::ModulePath;

use super::Exit;
use super::mode::Shown;
use super::paper::{Cell, Paper, Tone, count, heading, one_line};
use crate::app::doctor::{Asked, Installed, Tool, asked, installed};
use crate::config::Loaded;

/// Shows the tools, and what the settings say of a module; [`Exit::Attention`] when one is needed and missing.
pub(super) fn tools(path: Option<&ModulePath>, loaded: &Loaded, shown: &Shown) -> anyhow::Result<Exit> {
    let installed = installed(loaded, &shown.environment, path)?;
    super::print_described(shown, &installed, describe_tools)?;
    Ok(if installed.lacks().is_some() { Exit::Attention } else { Exit::Fine })
}

fn describe_tools(paper: &mut Paper, installed: &Installed) {
    let mut rows = vec![heading(&["TOOL", "FOUND", "VERSION", "NEEDED FOR"])];
    rows.extend(installed.tools.iter().map(row));
    paper.table(&rows);
    if !installed.is_used {
        paper.line(&[Cell::soft("no source is `direct`: none of them is used")]);
    }
    let Some(explained) = &installed.explained else { return };
    paper.space();
    super::explain::describe_settings(paper, explained);
    if let Some(lacking) = installed.lacks() {
        paper.space();
        paper.line(&[Cell(format!("{lacking} is needed for this module, and is missing"), Tone::Bad)]);
    }
}

fn row(tool: &Tool) -> Vec<Cell> {
    let found = match &tool.file {
        Some(file) => Cell(one_line(file), Tone::Good),
        None => Cell("missing".to_owned(), Tone::Warn),
    };
    let version = Cell::plain(tool.version.as_deref().unwrap_or("-"));
    vec![Cell::soft(&tool.name), found, version, Cell::plain(&tool.needed_for)]
}

/// Shows what a repository says; [`Exit::Failed`] when it does not let us in.
pub(super) fn auth(path: &ModulePath, loaded: &Loaded, shown: &Shown) -> anyhow::Result<Exit> {
    let asked = asked(loaded, &shown.environment, path)?;
    super::print_described(shown, &asked, describe_asked)?;
    Ok(if asked.tags.is_some() { Exit::Fine } else { Exit::Failed })
}

fn describe_asked(paper: &mut Paper, asked: &Asked) {
    super::explain::describe_settings(paper, &asked.explained);
    paper.space();
    let mut rows = Vec::new();
    let mut say =
        |name: &str, text: &str, tone| rows.push(vec![Cell::soft(name), Cell(one_line(text), tone)]);
    if let (Some(root), Some(repository)) = (&asked.root, &asked.repository) {
        say("repository", &format!("{repository}, whose top is {root}"), Tone::Plain);
    }
    if asked.credential.is_some() || asked.repository.is_some() {
        let credential =
            asked.credential.as_deref().unwrap_or("none of ours; what the tool is configured with");
        say("credential", credential, Tone::Plain);
        for line in asked.minting.iter().flat_map(super::explain::minting) {
            say("", &line, Tone::Plain);
        }
    }
    if let Some(tags) = asked.tags {
        say("answer", &format!("it lets us in, and has {} tags", count(tags)), Tone::Good);
    }
    for (at, line) in asked.trouble.iter().enumerate() {
        say(if at == 0 { "answer" } else { "" }, line, Tone::Bad);
    }
    paper.table(&rows);
}
