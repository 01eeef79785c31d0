//! Hashing what a module cache holds: a zip keeps a core busy, so that is done on the blocking pool.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use gomod::gosum::Summed;
use gomod::zip::{MAX_GO_MOD_BYTES, check};
use gomod::{FileKind, H1, ModuleVersion};

use super::subject::Holding;
use super::{Claim, Claims, Finding, Kind, Place};

/// A longer `.ziphash` is none.
const MAX_HASH_BYTES: u64 = 256;

/// What is compared next.
pub(super) enum Work {
    /// What go.sum files say of a version.
    Listed(Claims),
    /// What a cache holds of a version.
    Hash(Holding),
}

/// The claims, and what is wrong with the files themselves.
pub(super) async fn claims(work: Work) -> (Claims, Vec<Finding>) {
    match work {
        Work::Listed(claims) => (claims, Vec::new()),
        Work::Hash(holding) => {
            let module = holding.found.module.clone();
            let hashed = tokio::task::spawn_blocking(move || hashed(&holding)).await;
            // A panic there would be ours; the version then has no claims and the report says that.
            hashed.unwrap_or_else(|error| {
                let finding = Finding::of_file(Kind::Damaged, PathBuf::new(), error.to_string());
                (Claims { module, claims: Vec::new() }, vec![finding])
            })
        }
    }
}

/// Hashes the files of a version. Blocking.
fn hashed(holding: &Holding) -> (Claims, Vec<Finding>) {
    let Holding { root, found } = holding;
    let (mut claims, mut findings) = (Vec::new(), Vec::new());
    for kind in &found.kinds {
        let file = root.join(found.file(*kind));
        let hashed = match kind {
            FileKind::Info => continue,
            FileKind::Mod => mod_hash(&file).map(|hash| (Summed::GoMod, hash)),
            FileKind::Zip => zip_hash(&file, &found.module).map(|hash| (Summed::Zip, hash)),
        };
        match hashed {
            Ok((of, hash)) => {
                findings.extend(noted(&file, of, hash));
                claims.push(Claim { place: Place { file, line: None }, of, hash });
            }
            Err(why) => findings.push(Finding::of_file(Kind::Damaged, file, why)),
        }
    }
    (Claims { module: found.module.clone(), claims }, findings)
}

fn mod_hash(file: &Path) -> Result<H1, String> {
    let bytes = read(file, MAX_GO_MOD_BYTES).map_err(|error| error.to_string())?;
    Ok(H1::of_mod(&bytes))
}

/// The hash of a zip that follows the rules of module zips.
pub(super) fn zip_hash(file: &Path, module: &ModuleVersion) -> Result<H1, String> {
    let opened = File::open(file).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (size, mut file) = opened.map_err(|error| error.to_string())?;
    check(&mut file, size, module).map(|checked| checked.h1).map_err(|error| error.to_string())
}

/// The go command takes the hash beside a zip for the zip's (cmd/go `modfetch.checkMod`), so a wrong one hides what the
/// zip is.
fn noted(zip: &Path, of: Summed, hash: H1) -> Option<Finding> {
    let file = zip.with_extension("ziphash");
    let noted = (of == Summed::Zip).then(|| read(&file, MAX_HASH_BYTES).ok()).flatten()?;
    let noted = String::from_utf8_lossy(&noted).trim().to_owned();
    let is_other = H1::parse(&noted) != Ok(hash);
    is_other.then(|| {
        let mut finding =
            Finding::of_file(Kind::Damaged, file, format!("it notes {noted:?}, not the hash of its zip"));
        finding.here = Some(hash);
        finding
    })
}

fn read(file: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max {
        Err(io::Error::other(format!("longer than {max} bytes")))
    } else {
        Ok(bytes)
    }
}
