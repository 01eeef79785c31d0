//! The kinds of question, and what is right to answer.

use bytes::Bytes;
use testkit::{ModuleFiles, Upstream};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    List,
    Latest,
    Query,
    Info,
    Mod,
    /// Small enough to be checked before any of it is sent.
    Zip,
    /// Sent while it arrives.
    LargeZip,
}

impl Question {
    /// The module version that it is about.
    pub(super) fn files(self) -> ModuleFiles {
        let files = ModuleFiles::new("example.com/m", "v1.0.0").file("m.go", "package m\n");
        if self == Self::LargeZip { files.padding(300_000) } else { files }
    }

    pub(super) fn path(self) -> String {
        let files = ModuleFiles::new("example.com/m", "v1.0.0");
        match self {
            Self::List => files.list_url(),
            Self::Latest => files.latest_url(),
            Self::Query => "/example.com/m/@v/main.info".to_owned(),
            Self::Info => files.url("info"),
            Self::Mod => files.url("mod"),
            Self::Zip | Self::LargeZip => files.url("zip"),
        }
    }

    pub(super) fn right(self) -> Bytes {
        match self {
            Self::List => Bytes::from("v1.0.0\n"),
            Self::Latest | Self::Query | Self::Info => self.files().info(),
            Self::Mod => self.files().mod_file(),
            Self::Zip | Self::LargeZip => self.files().zip(),
        }
    }

    /// A copy of it may become out of date.
    pub(super) fn ages(self) -> bool {
        matches!(self, Self::List | Self::Latest | Self::Query)
    }

    pub(super) fn is_zip(self) -> bool {
        matches!(self, Self::Zip | Self::LargeZip)
    }

    /// JSON that names a version.
    pub(super) fn is_info(self) -> bool {
        matches!(self, Self::Latest | Self::Query | Self::Info)
    }

    /// An upstream that answers it rightly, and has a page to sign in.
    pub(super) async fn upstream(self) -> Upstream {
        let upstream = Upstream::of(&[self.files()]).await;
        upstream.put("/example.com/m/@v/main.info", self.files().info());
        upstream.on("/login").html(200, "<html>Sign in to the network</html>");
        upstream
    }
}
