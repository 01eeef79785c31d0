//! `larder explain`: which settings decide over a module.

use super::Exit;
use super::mode::Ask;
use super::named::Named;
use super::paper::{Cell, Paper, Tone, count, heading, one_line};
use super::status::files;
use crate::app::call::NoServer;

use crate::app::explain::{
    After, Direct, Explained, FoundBy, Minting, Outcome, Rule, Served, SourceOf, Step, ToldBy,
    ask as sources_asked, explain,
};
use crate::config::Reading;

/// Explains, and asks the sources if that is wanted; [`Exit::Attention`] when the module can come from nowhere,
/// [`Exit::Failed`] when no source has it.
pub(super) fn run(ask: &Ask, named: &Named, asks_sources: bool, reading: &Reading) -> anyhow::Result<Exit> {
    let told = ask.caller().get::<Explained>(&named.call_below("explain"));
    let explained = match told {
        Err(error) if error.is::<NoServer>() => {
            let loaded = reading.load()?;
            let version = named.meant().version;
            Explained { version, ..explain(&loaded, named.path())? }
        }
        told => told?,
    };
    let mut asked = Vec::new();
    if asks_sources {
        let loaded = reading.load()?;
        asked = sources_asked(&loaded, &ask.shown.environment, (named.path(), named.want()))?;
    }
    let explained = Explained { asked, ..explained };
    super::print_described(&ask.shown, &explained, describe)?;
    let refused = explained.direct.as_ref().and_then(|direct| direct.refused.as_ref());
    let is_lost = explained.way.sources.len() == 1 && refused.is_some();
    let is_nowhere = explained.way.no_source.is_some() || is_lost;
    let is_had = explained.asked.last().is_none_or(|step| step.outcome == Outcome::Ok);
    Ok(match (is_nowhere, is_had) {
        (true, _) => Exit::Attention,
        (false, true) => Exit::Fine,
        (false, false) => Exit::Failed,
    })
}

/// The settings that decide, and what they decide.
pub(super) fn describe(paper: &mut Paper, explained: &Explained) {
    let version = explained.version.as_ref().map_or(String::new(), |version| format!("@{version}"));
    paper.line(&[Cell(one_line(&format!("{}{version}", explained.module)), Tone::Strong)]);
    let mut rows = settings(explained);
    let held = match explained.versions_held {
        Some(0) => "nothing".to_owned(),
        Some(1) => "1 version".to_owned(),
        Some(versions) => format!("{} versions", count(versions)),
        None => "not known: no server runs on the data directory".to_owned(),
    };
    rows.push(vec![Cell::soft("held"), Cell::plain(&held)]);
    if explained.told_by == ToldBy::Settings {
        rows.push(vec![Cell::soft("told by"), Cell::soft("the settings, as a server would start with them")]);
    }
    paper.table(&rows);
    if !explained.asked.is_empty() {
        paper.space();
        paper.table(&asked(&explained.asked));
    }
    if let Some(held) = &explained.held {
        paper.space();
        files(paper, held);
    }
}

/// What the settings decide, for whoever has asked no server.
pub(super) fn describe_settings(paper: &mut Paper, explained: &Explained) {
    paper.line(&[Cell(one_line(&explained.module), Tone::Strong)]);
    paper.table(&settings(explained));
}

fn settings(explained: &Explained) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    let mut say = |name: &str, text: String, tone, by: Option<&Rule>| {
        rows.push(vec![
            Cell::soft(name),
            Cell(one_line(&text), tone),
            by.map_or_else(|| Cell::soft(""), rule),
        ]);
    };
    match &explained.private_by {
        Some(by) => say("private", "yes".to_owned(), Tone::Warn, Some(by)),
        None => say("private", "no".to_owned(), Tone::Plain, None),
    }
    let way = &explained.way;
    for (at, text) in way.sources.iter().map(source).enumerate() {
        let (name, by) = if at == 0 { ("sources", Some(&way.by)) } else { ("", None) };
        say(name, text, Tone::Plain, by);
    }
    if let Some(why) = &way.no_source {
        let name = if way.sources.is_empty() { "sources" } else { "" };
        say(name, format!("none: {why}"), Tone::Bad, way.sources.is_empty().then_some(&way.by));
    }
    let checksum = &explained.checksum;
    let database = checksum.database.as_deref().unwrap_or("none");
    say("checksums", format!("{database}: {}", checksum.why), Tone::Plain, Some(&checksum.by));
    say("served to", served(&explained.served), Tone::Plain, None);
    for (name, text, tone) in explained.direct.iter().flat_map(direct) {
        say(name, text, tone, None);
    }
    rows
}

/// What was asked, a row each; what was said in more lines stands below its first.
fn asked(steps: &[Step]) -> Vec<Vec<Cell>> {
    let mut rows = vec![heading(&["SOURCE", "ASKED FOR", "OUTCOME", "TIME", "SAID"])];
    for step in steps {
        let tone = match step.outcome {
            Outcome::Ok => Tone::Good,
            Outcome::Absent => Tone::Warn,
            Outcome::Failed => Tone::Bad,
        };
        let mut said = step.said.iter();
        rows.push(vec![
            Cell::soft(&step.source),
            Cell::plain(step.what.to_string()),
            Cell(step.outcome.to_string(), tone),
            Cell::plain(format!("{} ms", count(step.took_ms))),
            Cell::plain(said.next().map_or("", String::as_str)),
        ]);
        rows.extend(said.map(|line| {
            let mut row = vec![Cell::soft(""); 4];
            row.push(Cell::plain(line));
            row
        }));
    }
    rows
}

fn rule(rule: &Rule) -> Cell {
    let pattern = rule.pattern.as_ref().map_or(String::new(), |pattern| format!(" `{pattern}`"));
    Cell::soft(format!("{}{pattern} ({})", rule.setting, rule.from))
}

fn source(source: &SourceOf) -> String {
    let credential =
        source.credential.as_ref().map_or(String::new(), |name| format!(", with the credential {name}"));
    let after = match source.asked {
        After::First => "",
        After::Absence => "then, when that has it not, ",
        After::Failure => "then, when that has it not or fails, ",
    };
    format!("{after}{}{credential}", source.name)
}

fn served(served: &Served) -> String {
    if served.everybody {
        return "everybody".to_owned();
    }
    let part =
        |word: &str, list: &[String]| (!list.is_empty()).then(|| format!("{word} {}", list.join(", ")));
    let parts = [
        part("clients from", &served.from),
        part("at the listener", &served.on),
        part("under the host name", &served.hosts),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// The app that makes tokens, and how it does.
pub(super) fn minting(app: &Minting) -> Vec<String> {
    let Minting { app: id, api, .. } = app;
    let installation = match (app.installation, &app.owner) {
        (Some(id), Some(owner)) => format!("installation {id} of {owner}"),
        (Some(id), None) => format!("installation {id}"),
        (None, owner) => format!("the installation of {}", owner.as_deref().unwrap_or_default()),
    };
    let mut lines = vec![format!("tokens are made by the app {id}, {installation}, at {api}")];
    lines.extend(app.expires.map(|time| format!("its token expires at {time}")));
    lines.extend(app.trouble.as_ref().map(|trouble| format!("it failed: {trouble}")));
    lines
}

fn direct(direct: &Direct) -> Vec<(&'static str, String, Tone)> {
    let mut lines = Vec::new();
    let repository = || direct.repository.clone().unwrap_or_default();
    let system = direct.system.as_deref().unwrap_or_default();
    let found = match direct.found_by {
        FoundBy::Vanity => format!("{system} at {}, as the settings say", repository()),
        FoundBy::Path => format!("{system} at {}, as the path says", repository()),
        FoundBy::Page => format!("where {} says", direct.page.as_deref().unwrap_or_default()),
        FoundBy::Nothing => "nowhere".to_owned(),
    };
    lines.push(("direct", found, Tone::Plain));
    if let Some(name) = &direct.credential {
        lines.push(("", format!("with the credential {name}"), Tone::Plain));
    }
    lines.extend(direct.minting.iter().flat_map(minting).map(|line| ("", line, Tone::Plain)));
    if let Some(why) = &direct.refused {
        lines.push(("", format!("refused: {why}"), Tone::Bad));
        return lines;
    }
    lines.push((
        "",
        format!("by {} over {}", direct.systems.join(", "), direct.schemes.join(", ")),
        Tone::Plain,
    ));
    if direct.insecure {
        lines.push(("", "without a look at certificates (goinsecure)".to_owned(), Tone::Warn));
    }
    lines
}
