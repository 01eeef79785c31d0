//! Who may say that a repository has changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::environment::Environment;
use super::secret::{Found, Secret};

/// Who may say, at `POST /hooks/push`, that something was pushed to a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Hook {
    /// Where the secret is by which hosts of repositories sign what they say: the path of a file, beginning with `/` or
    /// `./`, or `env:NAME`. GitHub, GitLab, Gitea, Forgejo and Bitbucket are understood. Unset: nobody is listened to.
    #[schemars(with = "Option<Secret>", extend("x-default" = "none"))]
    pub secret: Option<Secret>,
}

impl Hook {
    /// Takes the secret out of its variable, if it is in one.
    pub(super) fn resolve(&mut self, environment: &Environment) {
        if let Some(secret) = &mut self.secret {
            secret.resolve(environment);
        }
    }

    /// The variable that should hold the secret and does not.
    pub(super) fn unset(&self) -> Option<&str> {
        match self.secret.as_ref()?.find() {
            Found::Unset(name) => Some(name),
            Found::Value(_) | Found::File(_) => None,
        }
    }
}
