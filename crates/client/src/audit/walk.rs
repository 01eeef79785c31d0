//! Reading the records of a tree, tile after tile, and looking some of them up.

use futures_util::{StreamExt as _, stream};
use gomod::ModuleVersion;
use sumdb::tile::HEIGHT;
use sumdb::{Record, Tile};

use super::Progress;
use super::entry::module_of;
use super::range::Span;
use super::report::{Kind, Report, told};
use super::sample::Sample;
use super::seen::Versions;
use crate::database::{AT_ONCE, Class, Database, Fault};

/// How many records are compared with an earlier one. A log with so many doubles needs no more of them.
const SUSPECTS: usize = 1_000;

/// A walk over the records of a tree.
pub(super) struct Walk<'d> {
    database: &'d Database,
    span: Span,
    versions: Versions,
    /// Records of versions that an earlier record may be of: its number, the record, its version.
    suspects: Vec<(u64, Record, ModuleVersion)>,
    sample: Sample<(Record, ModuleVersion)>,
}

impl<'d> Walk<'d> {
    pub(super) fn new(database: &'d Database, span: Span, lookups: usize) -> Self {
        Self {
            database,
            span,
            versions: Versions::default(),
            suspects: Vec::new(),
            sample: Sample::of(lookups),
        }
    }

    /// Reads, then looks up. What cannot be found out ends it.
    pub(super) async fn run(mut self, report: &mut Report, tell: impl Fn(Progress)) {
        report.cover(self.span);
        let Span { from, to, .. } = self.span;
        let database = self.database;
        if from == to {
            return self.edge(report).await;
        }
        let tiles = (from >> HEIGHT..to.div_ceil(1 << HEIGHT))
            .filter_map(|number| Tile::new(HEIGHT, None, number, 1)?.in_tree(to));
        let mut read = stream::iter(tiles)
            .map(|tile| async move { (tile, database.records(tile).await) })
            .buffered(AT_ONCE);
        let mut done = 0;
        while let Some((tile, records)) = read.next().await {
            done += u64::from(tile.width());
            match records {
                Ok(records) => {
                    report.records += records.len() as u64;
                    for record in records {
                        self.look_at(record, report);
                    }
                }
                Err(fault) => judge(report, &tile.to_string(), &fault),
            }
            if report.stopped.is_some() {
                return;
            }
            tell(Progress { done, of: to - from, bytes: database.answers().1 });
        }
        drop(read);
        self.compare(report).await;
        self.look_up(report).await;
    }

    /// Whether the tree is there, without its records.
    async fn edge(&self, report: &mut Report) {
        let last = self.span.to.saturating_sub(1) >> HEIGHT;
        let tile = Tile::new(HEIGHT, Some(0), last, 1).and_then(|tile| tile.in_tree(self.span.to));
        // An empty tree has none.
        let Some(tile) = tile else { return };
        if let Err(fault) = self.database.hashes(tile).await {
            judge(report, &tile.to_string(), &fault);
        }
    }

    /// What one record says, and whether another one may have said it before.
    fn look_at(&mut self, record: Record, report: &mut Report) {
        let id = record.id();
        let place = format!("record {id}");
        let module = match module_of(&record) {
            Ok(module) => module,
            Err(fault) => return report.find(Kind::Record, &place, &fault.to_string()),
        };
        if let Some(earlier) = self.versions.earlier(&module.to_string(), id)
            && self.suspects.len() < SUSPECTS
        {
            self.suspects.push((earlier, record.clone(), module.clone()));
        }
        self.sample.offer(|| (record, module));
    }

    /// Whether records of one version are; reads the earlier ones again.
    async fn compare(&mut self, report: &mut Report) {
        for (earlier, record, module) in std::mem::take(&mut self.suspects) {
            let place = format!("record {}", record.id());
            match self.record(earlier).await {
                Ok(other) if module_of(&other).is_ok_and(|other| other == module) => {
                    let how = if other.text() == record.text() { "repeats" } else { "contradicts" };
                    report.find(Kind::Repeated, &place, &format!("{module}: it {how} record {earlier}"));
                }
                Ok(_) => {}
                Err(fault) => judge(report, &place, &fault),
            }
        }
    }

    /// A record that was read before.
    async fn record(&self, id: u64) -> Result<Record, Fault> {
        let tile = Tile::new(HEIGHT, None, id >> HEIGHT, 1).and_then(|tile| tile.in_tree(self.span.to));
        let records = match tile {
            Some(tile) => self.database.records(tile).await?,
            None => Vec::new(),
        };
        let found = records.into_iter().find(|record| record.id() == id);
        found.ok_or_else(|| Fault::Absent { what: format!("record {id}"), text: String::new() })
    }

    /// Compares what lookups answer with what the tiles have.
    async fn look_up(self, report: &mut Report) {
        let database = self.database;
        let mut answers = stream::iter(self.sample.into_taken())
            .map(|(record, module)| async move { (database.lookup(&module).await, record, module) })
            .buffered(AT_ONCE);
        while let Some((answer, record, module)) = answers.next().await {
            let place = format!("lookup/{module}");
            match answer {
                Ok(found) if found.record == record => report.lookups += 1,
                Ok(found) => {
                    let (id, other) = (record.id(), found.record.id());
                    report.find(
                        Kind::Lookup,
                        &place,
                        &format!("it is record {id}, the answer is record {other}"),
                    );
                }
                Err(fault) if fault.class() == Class::Unreachable => return report.stop(&fault),
                Err(fault) => report.find(Kind::Lookup, &place, &told(&fault)),
            }
        }
    }
}

/// What it means that a tile could not be read.
fn judge(report: &mut Report, place: &str, fault: &Fault) {
    match fault.class() {
        Class::Absent => report.find(Kind::Missing, place, &told(fault)),
        Class::Unreachable => report.stop(fault),
        Class::Wrong => report.find(Kind::Tile, place, &told(fault)),
    }
}
