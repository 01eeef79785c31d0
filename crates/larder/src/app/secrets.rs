//! Secrets, read from where the settings say they are: at start, and again with each reload.
//!
//! A file that anybody on the machine may read, or write, is refused: what is in it is a secret no more. The secret is
//! the whole of the file without the line end behind it. What is told of a mistake is the key and the place, never the
//! content.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use source::{App, AppKey, AppSettings, Apps, Credential, Credentials, Installation, Listed, Netrc};

use crate::config::{self, Config, Form, Found, Pattern, Secret};

/// A longer file is no secret.
const MAX_SECRET_BYTES: u64 = 64 << 10;
/// A longer netrc is none.
const MAX_NETRC_BYTES: u64 = 1 << 20;
/// What others may do with a file.
const OTHERS: u32 = 0o007;

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecretError {
    /// The variable is not there.
    #[error("the variable {name} is not set, or is empty")]
    Unset {
        /// Its name.
        name: String,
    },
    /// The file cannot be read.
    #[error("the file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Others may read the file, or change it.
    #[error("the file {} is open to everybody on this machine; run: chmod o= {}", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no secret.
    #[error("the file {} is empty, too long, or not text", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// The secret itself.
pub(super) fn read(secret: &Secret) -> Result<String, SecretError> {
    match secret.find() {
        Found::Value(value) => Ok(value.to_owned()),
        Found::Unset(name) => Err(SecretError::Unset { name: name.to_owned() }),
        Found::File(path) => {
            let text = read_file(path, MAX_SECRET_BYTES)?;
            let secret = text.trim_end_matches(['\r', '\n']);
            if secret.is_empty() {
                return Err(SecretError::Empty { path: path.to_owned() });
            }
            Ok(secret.to_owned())
        }
    }
}

/// The files that hold credentials, the netrc among them, whether they are there or not. Keys are not: ssh reads them.
pub(super) fn files(config: &Config) -> Vec<PathBuf> {
    let secrets = config.credential.iter().flat_map(config::Credential::secrets);
    let secrets = secrets.chain(&config.hook.secret);
    let named = secrets.filter_map(|secret| match secret.find() {
        Found::File(path) => Some(path.to_owned()),
        Found::Value(_) | Found::Unset(_) => None,
    });
    named.chain(config.netrc.clone()).collect()
}

/// The secret by which push events are signed, if one is set.
///
/// # Errors
/// It cannot be had; the key is named.
pub(super) fn hook(config: &Config) -> anyhow::Result<Option<String>> {
    config.hook.secret.as_ref().map(read).transpose().context("`hook.secret`")
}

fn read_file(path: &Path, max_bytes: u64) -> Result<String, SecretError> {
    let unreadable = |cause| SecretError::Unreadable { path: path.to_owned(), cause };
    let file = open(path)?;
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= max_bytes);
    text.ok_or_else(|| SecretError::Empty { path: path.to_owned() })
}

/// A file that others may neither read nor change.
fn open(path: &Path) -> Result<File, SecretError> {
    let unreadable = |cause| SecretError::Unreadable { path: path.to_owned(), cause };
    let file = File::open(path).map_err(unreadable)?;
    // Asked of what is open, so that it is the file that is read.
    if file.metadata().map_err(unreadable)?.mode() & OTHERS != 0 {
        return Err(SecretError::Open { path: path.to_owned() });
    }
    Ok(file)
}

/// All credentials, read anew. An app that is in use already goes on with its token.
///
/// # Errors
/// A secret cannot be had or cannot be sent; the key and the credential are named.
pub(super) fn credentials(config: &Config, apps: &Apps) -> anyhow::Result<Credentials> {
    all(config, |entry| match entry.app {
        Some(_) => app(entry, apps),
        None => credential(entry, read, |file| open(file).map(drop)),
    })
}

/// All credentials by name: no file of a secret is opened, but for the netrc, and what would be sent is empty.
///
/// # Errors
/// A credential cannot be sent whatever its secret is.
pub(super) fn named(config: &Config) -> anyhow::Result<Credentials> {
    all(config, |entry| match &entry.app {
        Some(id) => Ok(Credential::App(App::new(app_settings(entry, id, None))?)),
        None => credential(entry, |_| Ok(String::new()), |_| Ok(())),
    })
}

fn all(
    config: &Config,
    credential: impl Fn(&config::Credential) -> anyhow::Result<Credential>,
) -> anyhow::Result<Credentials> {
    let mut found = Credentials::default().with_netrc(netrc(config.netrc.as_deref())?);
    for entry in &config.credential {
        let credential = credential(entry)?;
        let listed = Listed::new(entry.name(), &entry.origin, credential).map(|one| {
            if entry.patterns.is_empty() { one } else { one.only_for(Pattern::all(&entry.patterns)) }
        });
        found = listed
            .and_then(|one| found.with_listed(one))
            .with_context(|| format!("`credential` for {} cannot be used", entry.name()))?;
    }
    Ok(found)
}

/// One credential; `read` gives secrets, `look` looks at the file of a key.
fn credential(
    entry: &config::Credential,
    read: impl Fn(&Secret) -> Result<String, SecretError>,
    look: impl Fn(&Path) -> Result<(), SecretError>,
) -> anyhow::Result<Credential> {
    let of = |key: &str| format!("`credential` for {}: `{key}`", entry.name());
    if let Some(file) = &entry.ssh_key {
        look(file).with_context(|| of("ssh_key"))?;
        return Ok(Credential::Key { file: file.clone(), known_hosts: entry.known_hosts.clone() });
    }
    let username = entry.username.clone().unwrap_or_default();
    if let Some(token) = &entry.token {
        let token = read(token).with_context(|| of("token"))?;
        return Ok(match entry.token_form() {
            Form::Bearer => Credential::Bearer { token },
            Form::PrivateToken => Credential::Header { name: "PRIVATE-TOKEN".to_owned(), token },
            form => {
                let username = form.user().map_or(username, str::to_owned);
                Credential::Basic { username, password: token }
            }
        });
    }
    let password = entry.password.as_ref().with_context(|| of("password"))?;
    Ok(Credential::Basic { username, password: read(password).with_context(|| of("password"))? })
}

/// An app, with its key read anew.
fn app(entry: &config::Credential, apps: &Apps) -> anyhow::Result<Credential> {
    let of = |key: &str| format!("`credential` for {}: `{key}`", entry.name());
    let key = entry.app_key.as_ref().with_context(|| of("app_key"))?;
    let key = AppKey::parse(&read(key).with_context(|| of("app_key"))?).with_context(|| of("app_key"))?;
    let id = entry.app.as_deref().unwrap_or_default();
    let app = apps.join(app_settings(entry, id, Some(key))).with_context(|| of("api"))?;
    Ok(Credential::App(app))
}

fn app_settings(entry: &config::Credential, id: &str, key: Option<AppKey>) -> AppSettings {
    let owner = || Installation::Of(entry.owner.clone().unwrap_or_default());
    AppSettings {
        name: entry.name().to_owned(),
        id: id.to_owned(),
        installation: entry.installation.map_or_else(owner, Installation::Id),
        api: entry.api(),
        key,
    }
}

/// The user's netrc. It belongs to other programs too: it need not be there, nor readable, nor closed to others.
fn netrc(path: Option<&Path>) -> anyhow::Result<Netrc> {
    let Some(path) = path else { return Ok(Netrc::default()) };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Netrc::default()),
        Ok(metadata) if metadata.len() <= MAX_NETRC_BYTES => {
            if metadata.mode() & OTHERS != 0 {
                tracing::warn!(
                    event = "netrc_open",
                    path = %path.display(),
                    "netrc is open to everybody on this machine"
                );
            }
        }
        Ok(_) => anyhow::bail!("`netrc`: the file {} is too long", path.display()),
        Err(_) => {}
    }
    match fs::read(path) {
        Ok(text) => Ok(Netrc::parse(&String::from_utf8_lossy(&text))),
        Err(error) => {
            tracing::warn!(
                event = "netrc_unread",
                path = %path.display(),
                "netrc is passed over, since it cannot be read: {error}"
            );
            Ok(Netrc::default())
        }
    }
}
