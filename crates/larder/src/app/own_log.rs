//! Opens the log that is kept here, or says why the server does not start with it.
//!
//! What is wrong with the settings is told at the start: a key that is open to others, the key of another log, a place
//! where nothing can be remembered. What is wrong with the log itself is not: the server serves modules all the same, and
//! the state of the log says what is to be done.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use store::Blobs;
use sumdb::note::Name;
use sumdb::{Client, Signer, Verifier};

use super::direct::Workshop;
use super::{build, secrets};
use crate::clock::Clock;
use crate::config::{Config, Found, LogName};
use crate::log::remember::HeadFile;
use crate::log::{Log, Setup, key};
use crate::pipeline::Pipeline;
use crate::tasks::Tasks;

/// A pipeline over a store, with the log of these settings.
///
/// # Errors
/// What keeps a pipeline from being built, or the log from being opened.
pub(super) fn pipeline_with_it(
    config: &Config,
    blobs: Arc<dyn Blobs>,
    workshop: Workshop,
    (tasks, clock): (&Tasks, Clock),
) -> anyhow::Result<Arc<Pipeline>> {
    let own_log = open(config, blobs.clone(), tasks)?;
    build::pipeline_with(config, build::Stores { blobs, own_log, workshop }, tasks.clone(), clock)
}

/// The log of these settings, if they name one.
///
/// # Errors
/// A key that cannot be used for it, or no place outside of the data directory to remember its newest head.
fn open(config: &Config, blobs: Arc<dyn Blobs>, tasks: &Tasks) -> anyhow::Result<Option<Arc<Log>>> {
    let (Some(name), Some(secret)) = (&config.log.name, &config.log.key) else { return Ok(None) };
    if let Found::File(path) = secret.find() {
        outside(&config.data, path, "log.key")?;
    }
    let text = secrets::read(secret).context("`log.key` cannot be used")?;
    let signer = key::signer(name.as_str(), &text)
        .with_context(|| format!("`log.key` {secret} is not the key of `log.name` {name}"))?;
    let state = config.log.state_file().context("`log.state` names no file")?;
    outside(&config.data, &state, "log.state")?;
    let remember = HeadFile::open(&state).with_context(|| {
        format!(
            "the newest head of {name} cannot be remembered in {}; name a file that can be written, outside of the data \
             directory, by `log.state`",
            state.display()
        )
    })?;
    fits(&signer, &state, "log.state")?;
    let published = config.data.join("modules/sumdb").join(name.as_str()).join("latest");
    fits(&signer, &published, "data")?;
    Ok(Some(Log::open(Setup { signer, remember: Arc::new(remember), blobs }, tasks)))
}

/// Makes the key pair of a log: the private key in a new file, the verifier key given back.
///
/// # Errors
/// A file in the data directory, one that is there already, or one that cannot be made.
pub fn make_key(config: &Config, name: &LogName, file: &Path) -> anyhow::Result<Verifier> {
    if config.sumdb.iter().any(|database| database.spec.name() == name.as_str()) {
        bail!("{name} is a database of `sumdb`; a client could not tell the two apart");
    }
    outside(&config.data, file, "--key")?;
    Ok(key::make(Name::parse(name.as_str())?, file)?)
}

/// Sees that a file does not lie in the data directory, whatever links lead to it.
fn outside(data: &Path, file: &Path, key: &str) -> anyhow::Result<()> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let real_file: PathBuf = file.canonicalize().unwrap_or_else(|_| real(directory));
    if real_file.starts_with(real(data)) {
        bail!(
            "`{key}`: {} lies in the data directory {}, and would be in every backup of it; name a file elsewhere",
            file.display(),
            data.display()
        );
    }
    Ok(())
}

/// Sees that a head that was signed before was signed with this key.
fn fits(signer: &Signer, file: &Path, key: &str) -> anyhow::Result<()> {
    let note = match fs::read(file) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            return Err(error).with_context(|| format!("`{key}`: {} cannot be read", file.display()));
        }
    };
    let opened = Client::new(signer.verifier().clone(), &note);
    let instead = match key {
        "log.state" => {
            "put it back from a copy, or, if nothing newer was ever signed, copy `latest` of the log there"
        }
        _ => "remove it: it is written anew from what `log.state` remembers",
    };
    opened.map(drop).with_context(|| {
        format!(
            "`log.key` does not fit the log: the head in {} (`{key}`) was not signed with {}+{}; if that file is damaged, \
             {instead}",
            file.display(),
            signer.verifier().name(),
            signer.verifier().key_hash()
        )
    })
}
