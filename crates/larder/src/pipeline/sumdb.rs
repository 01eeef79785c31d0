//! Checksum databases, for clients: a client behind Larder needs no other way out.
//!
//! What is answered was proven by [`crate::trust`]. Records and tiles never change: once proven they are found in the
//! cache's memory like a small file of a version. The database's own 404 and 410 are passed on.

use gomod::Request;
use gomod::request::{SumDbOperation, SumDbRequest};
use http::HeaderValue;
use sumdb::Tile;

use super::flight::{Landed, Passed};
use super::{Error, Pipeline};
use crate::trust::{LookupError, Noted};

impl Pipeline {
    /// The answer that needs nobody else: that a database is known here. It is 200 whatever the state of the database,
    /// since a client that reads anything else gives up or goes around us.
    pub(super) fn supported(&self, want: &Request) -> Option<Passed> {
        let Request::SumDb(SumDbRequest { name, operation: SumDbOperation::Supported }) = want else {
            return None;
        };
        self.settings.now().databases.find(name)?;
        Some(Passed { bytes: bytes::Bytes::new(), source: HeaderValue::from_static("larder") })
    }

    /// Brings what a database says, proven.
    pub(super) async fn bring_proven(&self, want: &Request, request: &SumDbRequest) -> Result<Landed, Error> {
        let settings = self.settings.kept();
        let Some(database) = settings.databases.find(&request.name) else {
            return Err(unknown(want, &request.name));
        };
        let proven = match &request.operation {
            SumDbOperation::Lookup(module) if settings.databases.keeps_in(&module.path) => {
                return Err(Error::PrivateLookup { database: request.name.clone() });
            }
            SumDbOperation::Lookup(module) => database
                .lookup(module)
                .await
                .map(|recorded| Noted { bytes: recorded.answer, source: recorded.source }),
            SumDbOperation::Tile(path) => match Tile::parse(&format!("tile/{path}")) {
                Ok(tile) => database.tile(tile).await,
                Err(_) => return Err(unknown(want, &request.name)),
            },
            SumDbOperation::Latest => {
                return passed(database.latest().await?).map(Landed::Passed);
            }
            SumDbOperation::Supported => return Err(Error::Lost),
        };
        let Noted { bytes, source } = proven?;
        Ok(Landed::Held(self.cache.remember_proven(want, bytes, &source)))
    }
}

fn passed(noted: Noted) -> Result<Passed, Error> {
    let source = HeaderValue::from_str(&noted.source).map_err(|_| Error::Lost)?;
    Ok(Passed { bytes: noted.bytes, source })
}

impl From<LookupError> for Error {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Private { database } => Self::PrivateLookup { database },
            LookupError::Lost { .. } => Self::Lost,
            other => Self::Database(other),
        }
    }
}

fn unknown(want: &Request, database: &str) -> Error {
    Error::Absent {
        want: want.to_string().into(),
        text: format!("the checksum database {database} is not configured here").into(),
        withdrawn: false,
        remembered_for: std::time::Duration::ZERO,
    }
}
