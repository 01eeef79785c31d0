//! How a token is sent: hosts have agreed on the user and password of HTTP, and not on which of the two is the token.

use std::fmt;
use std::str::FromStr;

use crate::config::text::as_text;

/// How a token is sent, by the host that wants it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `Authorization: Bearer`: proxies, Bitbucket Data Center.
    Bearer,
    /// The password of a user that is named.
    Basic,
    /// GitHub: classic and fine-grained tokens, tokens of apps.
    GitHub,
    /// GitLab: personal, group and project access tokens.
    GitLab,
    /// GitLab: the token of a CI job, `CI_JOB_TOKEN`.
    GitLabJob,
    /// GitLab: a deploy token, which has a user of its own.
    GitLabDeploy,
    /// Bitbucket Cloud: access tokens of repositories, projects and workspaces.
    Bitbucket,
    /// Gitea and Forgejo: access tokens.
    Gitea,
    /// Azure DevOps: personal access tokens.
    Azure,
    /// The header `PRIVATE-TOKEN`, as GitLab's API has it.
    PrivateToken,
}

/// A text that is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the `form` of a token is bearer, basic, github, gitlab, gitlab-job, gitlab-deploy, bitbucket, gitea, azure or \
     private-token"
)]
pub struct NoForm;

impl Form {
    /// All forms.
    const ALL: [Self; 10] = [
        Self::Bearer,
        Self::Basic,
        Self::GitHub,
        Self::GitLab,
        Self::GitLabJob,
        Self::GitLabDeploy,
        Self::Bitbucket,
        Self::Gitea,
        Self::Azure,
        Self::PrivateToken,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::GitLabJob => "gitlab-job",
            Self::GitLabDeploy => "gitlab-deploy",
            Self::Bitbucket => "bitbucket",
            Self::Gitea => "gitea",
            Self::Azure => "azure",
            Self::PrivateToken => "private-token",
        }
    }

    /// The user whose password the token is, as the host's documentation has it; none where the operator names one, or
    /// where the token is no password.
    pub fn user(self) -> Option<&'static str> {
        match self {
            Self::Bearer | Self::PrivateToken | Self::Basic | Self::GitLabDeploy => None,
            Self::GitHub => Some("x-access-token"),
            Self::GitLab | Self::Gitea => Some("oauth2"),
            Self::GitLabJob => Some("gitlab-ci-token"),
            Self::Bitbucket => Some("x-token-auth"),
            // Any user will do, and Microsoft's documentation leaves it empty.
            Self::Azure => Some(""),
        }
    }

    /// Whether the operator names the user.
    pub fn has_user_of_choice(self) -> bool {
        matches!(self, Self::Basic | Self::GitLabDeploy)
    }
}

impl FromStr for Form {
    type Err = NoForm;

    fn from_str(text: &str) -> Result<Self, NoForm> {
        Self::ALL.into_iter().find(|form| form.as_str() == text.trim()).ok_or(NoForm)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

as_text!(Form, ["github", "gitlab", "bearer"]);
