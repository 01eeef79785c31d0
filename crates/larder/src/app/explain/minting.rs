//! A credential that makes its own tokens: what the settings say of it, and how it does.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use source::Apps;

use crate::config::Config;

/// A GitHub App whose tokens are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minting {
    /// Its client id or app id.
    pub app: String,
    /// The number of its installation, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub installation: Option<u64>,
    /// The account on which it is installed, if the settings name that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    /// The address of its API.
    pub api: String,
    /// When its token expires; left out if it has none, or nobody was there who knows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires: Option<Timestamp>,
    /// What the API said instead of giving a token, the last time that it was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trouble: Option<String>,
}

impl Minting {
    /// That of the credential with this name, as the settings have it, if it is an app.
    pub(in crate::app) fn of(config: &Config, name: &str) -> Option<Self> {
        let entry = config.credential.iter().find(|entry| entry.name() == name)?;
        Some(Self {
            app: entry.app.clone()?,
            installation: entry.installation,
            owner: entry.owner.clone(),
            api: entry.api(),
            expires: None,
            trouble: None,
        })
    }

    /// The same, with how it does.
    pub(in crate::app) fn with_state_of(self, apps: &Apps, name: &str) -> Self {
        let Some(state) = apps.state(name) else { return self };
        let installation = state.installation.or(self.installation);
        Self { installation, expires: state.expires, trouble: state.trouble, ..self }
    }
}
