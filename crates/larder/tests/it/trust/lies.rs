//! A database that lies, and everything that can be asked of it through a whole Larder: what goes out whole is the
//! truth, what is kept is the truth, and once it is honest again nothing of the lie is left.
//!
//! Which lie is believed by whom is Go's verdict, from the table of the crate `sumdb`.

use std::collections::BTreeMap;
use std::time::Duration;

use sumdb::client::Evidence;
use sumdb::{Tile, Verifier};
use testkit::cases::{self, Case};
use testkit::database::{History, LIES, Lie, forged_lines, lookup_path, synthetic_module};
use testkit::raw::Response;
use testkit::{Database, Upstream};

use super::kept;
use crate::proxy::TestProxy;

/// How many rows of the table are taken for each lie.
const ROWS: usize = 2;

/// Rows of the table for each lie, of other sizes, records and memories for each: all of them are compared in `sumdb`.
fn scenarios() -> Vec<Case> {
    let mut rows = BTreeMap::<String, Vec<Case>>::new();
    for case in cases::of(concat!(env!("CARGO_MANIFEST_DIR"), "/../sumdb"), "lies") {
        if case.word(1) == "same" {
            rows.entry(case.text(4).to_owned()).or_default().push(case);
        }
    }
    let mut chosen = Vec::new();
    for (turn, mut rows) in rows.into_values().enumerate() {
        for again in 0..ROWS {
            // Steps that share no factor with the number of rows meet them all in turn.
            let at = (turn * 7 + again * 19) % rows.len();
            chosen.push(rows.swap_remove(at));
        }
    }
    chosen
}

/// One lie told to one Larder.
struct Told {
    case: Case,
    lie: Lie,
    id: u64,
    truth: History,
    forged: History,
    database: Database,
    proxy: TestProxy,
}

impl Told {
    async fn new(case: Case, upstream: &Upstream) -> Self {
        let (size, id, remembered) = (case.number(0), case.number(2), case.number(3));
        let truth = History::synthetic(size);
        let database = Database::of(truth.truncated(remembered)).await;
        let settings = [("upstream", &*upstream.url()), ("sumdb", &*database.spec())];
        let mut proxy = TestProxy::with(&settings);
        if remembered > 0 {
            let latest = proxy.get(&ours("/latest")).await;
            assert_eq!(latest.text(), database.head(remembered), "{case}");
            // Of that tree nothing but its head is known, as to the client of each case.
            proxy = proxy.restart().await;
            std::fs::remove_dir_all(proxy.data("modules/sumdb")).unwrap();
        }
        let (module, version) = synthetic_module(id);
        let mut forged = truth.clone();
        forged.replace(id, &forged_lines(module, &version));
        database.rewrite(truth.clone());
        database.forge(forged.clone());
        proxy.clock().advance(Duration::from_secs(6));
        let lie = *LIES.iter().find(|lie| format!("{lie:?}") == case.text(4)).unwrap();
        Self { case, lie, id, truth, forged, database, proxy }
    }

    fn verifier(&self) -> Verifier {
        self.database.verifier()
    }

    fn lookup(&self) -> String {
        let (module, version) = synthetic_module(self.id);
        lookup_path(module, &version)
    }

    /// What there is to be asked for of the record: itself, the tiles above it, the newest tree, its neighbours.
    fn paths(&self) -> Vec<String> {
        let (id, size) = (self.id, self.truth.size());
        let tile = |level: Option<u8>| {
            let number = id >> (8 * (u64::from(level.unwrap_or(0)) + 1));
            Tile::new(8, level, number, 1)?.in_tree(size).map(|tile| format!("/{tile}"))
        };
        let tiles = [Some(0), Some(1), Some(2), None].into_iter().filter_map(tile);
        std::iter::once(self.lookup()).chain(tiles).chain(["/latest".to_owned()]).collect()
    }

    /// Whether bytes at a path are true of a history.
    fn is_true(&self, path: &str, response: &Response, history: &History) -> bool {
        let bytes = &response.body;
        if path == "/latest" {
            return kept::is_head(bytes, &self.verifier(), history);
        }
        match Tile::parse(path.trim_start_matches('/')) {
            Err(_) => kept::is_record(bytes, &self.verifier(), history),
            Ok(tile) => match tile.level() {
                None => {
                    let records = history.records(history.size(), tile.number(), tile.width());
                    records.unwrap().as_bytes() == bytes
                }
                Some(level) => {
                    let hashes = history.hashes(history.size(), level, tile.number(), tile.width());
                    hashes.unwrap() == *bytes
                }
            },
        }
    }

    /// Asks for everything while the database lies; gives what was wrong.
    async fn ask_the_liar(&self) -> Vec<String> {
        let (case, mut wrong) = (&self.case, Vec::new());
        self.database.tell(&[self.lie]);
        // Who has seen nothing of the history that is signed believes it, as Go does.
        let believed = if case.word(6) == "forged" { &self.forged } else { &self.truth };
        for path in self.paths() {
            let response = self.proxy.get(&ours(&path)).await;
            let is_wrong = if response.status == 200 {
                // A head is all there is to see of a fork at first sight.
                // A head is all there is to see of some.
                let is_first = self.is_taken_in() && path == "/latest";
                let is_forged = self.is_taken_in() && self.is_true(&path, &response, &self.forged);
                !is_first && !is_forged && !self.is_true(&path, &response, believed)
            } else {
                // A tree that is older, and signed, has fewer tiles.
                let is_smaller = matches!(self.lie, Lie::Older(_) | Lie::NoRecords);
                let is_beyond = is_smaller && response.status == 404 && path.starts_with("/tile/");
                let is_outage = (502..=504).contains(&response.status);
                !is_beyond && (!is_outage || response.header("cache-control") != Some("no-store"))
            };
            let is_believed = matches!(case.word(6), "honest" | "forged");
            if is_wrong || path == self.lookup() && (response.status == 200) != is_believed {
                wrong.push(format!("{case}: {path}: {} {}", response.status, response.text()));
            }
        }
        wrong
    }

    /// Asks for everything again when the database is honest; gives what was wrong.
    async fn ask_the_penitent(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for path in self.paths() {
            let response = self.proxy.get(&ours(&path)).await;
            if response.status != 200 || !self.is_true(&path, &response, &self.truth) {
                wrong.push(format!("{}, then: {path}: {} {}", self.case, response.status, response.text()));
            }
        }
        wrong
    }

    /// Whether the database has been closed; then there is evidence that anyone can check.
    fn is_closed(&self) -> bool {
        let name = self.database.name();
        let hash = self.verifier().key_hash();
        if !self.proxy.data(&format!("meta/sumdb/{name}/{hash}/closed")).exists() {
            return false;
        }
        let evidence = kept::files(&self.proxy.data(&format!("evidence/sumdb/{name}")));
        let (_, text) = evidence.first().unwrap();
        let evidence = Evidence::parse(str::from_utf8(text).unwrap()).unwrap();
        evidence.check(&self.verifier()).unwrap_or_else(|error| panic!("{}: {error}", self.case));
        true
    }

    /// Whether what was said was believed, for there was nothing to compare it with: a tree that was signed and that no
    /// honest one continues.
    fn is_taken_in(&self) -> bool {
        let remembered = self.case.number(3);
        match self.lie {
            Lie::Fork | Lie::ForkInLatest | Lie::ForkInLookups => self.id >= remembered,
            Lie::FalseEmptyTree => remembered == 0,
            _ => false,
        }
    }

    /// Asks when the database is honest again. If it was closed, that is not for us to believe.
    async fn ask_again(&self, is_closed: bool) -> Vec<String> {
        if !is_closed {
            return self.ask_the_penitent().await;
        }
        let response = self.proxy.get(&ours(&self.lookup())).await;
        let is_refused = (502..=504).contains(&response.status);
        if is_refused { Vec::new() } else { vec![format!("{}, then: {}", self.case, response.text())] }
    }
}

fn ours(path: &str) -> String {
    format!("/sumdb/localhost.localdev/sumdb{path}")
}

#[tokio::test]
async fn no_lie_goes_out_whole_or_is_kept_and_none_outlasts_the_liar() {
    let upstream = Upstream::start().await;
    let scenarios = scenarios();
    assert_eq!(scenarios.len(), ROWS * LIES.len());
    let mut wrong = Vec::new();
    for case in scenarios {
        let mut told = Told::new(case, &upstream).await;
        wrong.extend(told.ask_the_liar().await);
        let what = told.case.to_string();
        told.database.be_honest();
        told.proxy.clock().advance(Duration::from_secs(61));
        let is_closed = told.is_closed();
        assert!(!is_closed || told.lie.is_fork(), "{what}: closed, and no fork");
        assert!(is_closed || told.case.word(7) != "fork", "{what}: a fork, and not closed");
        if told.is_taken_in() {
            continue;
        }
        kept::assert_true(&what, &told.proxy, &told.verifier(), &told.truth);
        wrong.extend(told.ask_again(is_closed).await);
        kept::assert_true(&what, &told.proxy, &told.verifier(), &told.truth);
        told.proxy = told.proxy.restart().await;
        wrong.extend(told.ask_again(is_closed).await);
    }
    assert!(wrong.is_empty(), "{} answers:\n{}", wrong.len(), wrong.join("\n"));
}
