//! Makes a log of our own with many records, to measure how long a server takes to start with it, and in how much memory.
//!
//! ```sh
//! cargo run --release -p larder --example grow_log -- /tmp/log 1000000
//! larder serve --data /tmp/log/data --set log.name=sum.example.com --set log.key=/tmp/log/log.key
//! ```
//!
//! All is written by the steps of `sumdb::log` without any sync, since it may be made again. Of the lookups there is only
//! the newest, so that a server does not begin to write the others.

#![expect(clippy::disallowed_methods, reason = "it sets up a world outside the doors")]
#![expect(clippy::print_stdout, reason = "a command")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use gomod::{H1, ModulePath, ModuleVersion, Version};
use sumdb::log::{NewRecord, Restore};
use sumdb::note::Name;
use sumdb::record::Sums;
use sumdb::{Log, Record, Signer};

const NAME: &str = "sum.example.com";
/// Records staged at a time.
const BATCH: u64 = 65_536;
/// More than anybody has.
const MOST: u64 = 20_000_000;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [directory, count] = args.as_slice() else { bail!("grow_log DIRECTORY RECORDS") };
    let (directory, count) = (PathBuf::from(directory), count.parse::<u64>()?);
    if count == 0 || count > MOST {
        bail!("from 1 to {MOST} records");
    }
    let place = directory.join("data/modules/sumdb").join(NAME);
    fs::create_dir_all(&place)?;
    let signer = Signer::from_seed(Name::parse(NAME)?, &[7; 32]);
    let key = directory.join("log.key");
    fs::write(&key, signer.reveal())?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let mut log = Restore::new(signer, sumdb::tile::HEIGHT, None, None)?.finish(|_| None)?;
    let mut last = None;
    while log.size() < count {
        let end = count.min(log.size() + BATCH);
        (log, last) = grow(log, end, &place)?;
    }
    let note = log.head().note();
    fs::write(directory.join("log.key.state"), note)?;
    fs::write(place.join("latest"), note)?;
    let (module, record) = last.context("no record")?;
    let lookup = format!("lookup/{}@{}", module.path.escape(), module.version.escape());
    write(&place.join(lookup), format!("{record}{note}").as_bytes())?;
    println!("{} records in {}", log.size(), place.display());
    Ok(())
}

/// The log with more records, and the last of them.
fn grow(log: Log, end: u64, place: &Path) -> anyhow::Result<(Log, Option<(ModuleVersion, Record)>)> {
    let new = (log.size()..end).map(nth).collect::<anyhow::Result<Vec<NewRecord>>>()?;
    let last = new.last().map(|new| new.module.clone());
    let staged = log.stage(&new, |_| None).map_err(|refused| refused.1)?;
    for file in staged.files() {
        write(&place.join(file.to_string()), &file.bytes)?;
    }
    let (log, mut records) = staged.written().sign()?.remembered().published();
    Ok((log, last.zip(records.pop())))
}

/// A module version among many: some with few versions and some with many.
fn nth(n: u64) -> anyhow::Result<NewRecord> {
    let path = ModulePath::parse(&format!("git.example.com/team{}/service-{}/lib", n % 97, n % 4999))?;
    let module = ModuleVersion::new(path, Version::parse(&format!("v1.{}.{}", n / 4999, n % 10))?)?;
    let sum = |what: &str| H1::of_mod(format!("{what}{n}").as_bytes());
    Ok(NewRecord { module, sums: Sums { zip: sum("zip"), go_mod: sum("mod") } })
}

fn write(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::create_dir_all(file.parent().context("no directory")?)?;
    Ok(fs::write(file, bytes)?)
}
