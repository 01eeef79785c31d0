//! Killed without warning, again and again, while clients fetch: nothing received whole is lost, nothing wrong served.
//!
//! The moments are drawn from a seed: after so many answers, in the middle of the others. The kernel survives, so what
//! a loss of power does is not shown here; `store` and `larder`'s own tests do that.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use testkit::{Dice, ModuleFiles, Upstream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;

use crate::larder::Larder;

const KILLS: usize = 50;
const CLIENTS: usize = 8;
const SMALL_MODULES: usize = 24;
const SMALL_VERSIONS: usize = 60;
const BIG_VERSIONS: usize = 40;
/// What may pass between starting the process and its first answer; generous, since other tests run beside this one.
const READY_WITHIN: Duration = Duration::from_secs(5);
const SEED: u64 = 20_260_102;

/// Every path with what must be served there.
type Catalogue = BTreeMap<String, Bytes>;

fn versions() -> Vec<ModuleFiles> {
    let small = (0..SMALL_MODULES).flat_map(|module| {
        (0..SMALL_VERSIONS).map(move |version| {
            ModuleFiles::new(&format!("example.com/Small{module}"), &format!("v1.{version}.0"))
                .padding(version * 400)
        })
    });
    let big = (0..BIG_VERSIONS).map(|version| {
        ModuleFiles::new("example.com/big", &format!("v1.{version}.0")).padding(1_000_000 + 60_000 * version)
    });
    small.chain(big).collect()
}

fn catalogue(versions: &[ModuleFiles]) -> Catalogue {
    let files = |files: &ModuleFiles| {
        [("info", files.info()), ("mod", files.mod_file()), ("zip", files.zip())]
            .map(|(extension, bytes)| (files.url(extension), bytes))
    };
    versions.iter().flat_map(files).collect()
}

/// What one request came to.
enum Came {
    Whole(Vec<u8>),
    /// Refused, cut, or told as a failure: whatever a client sees of a killed server.
    Nothing,
}

/// One request, bearing whatever happens to the connection. A body without length counts only when its chunks end.
async fn ask(address: SocketAddr, path: &str) -> Came {
    let Ok(mut stream) = TcpStream::connect(address).await else { return Came::Nothing };
    let request = format!("GET {path} HTTP/1.1\r\nHost: larder\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    if stream.write_all(request.as_bytes()).await.is_err() || stream.read_to_end(&mut answer).await.is_err() {
        return Came::Nothing;
    }
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return Came::Nothing };
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let body = answer.split_off(end + 4);
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: Option<usize> = length.map(|length| length.trim().parse().unwrap());
    assert!(!head.starts_with("http/1.1 200") || length.is_some(), "a length is always known here: {head}");
    if head.starts_with("http/1.1 200") && length == Some(body.len()) {
        return Came::Whole(body);
    }
    let may_be = ["http/1.1 200", "http/1.1 5"].iter().any(|begin| head.starts_with(begin));
    assert!(may_be || path.starts_with("/cached-only/"), "{path}: {head}");
    Came::Nothing
}

/// Clients that fetch until they are told to stop; `received` is what came whole, and was right.
fn load(address: SocketAddr, catalogue: &Arc<Catalogue>, order: Vec<String>, enough: usize) -> Received {
    let order = Arc::new(order);
    let (next, whole) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (stop, reached) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let received = Arc::new(Mutex::new(BTreeSet::new()));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (order, next, whole, stop) = (order.clone(), next.clone(), whole.clone(), stop.clone());
        let (catalogue, received, reached) = (catalogue.clone(), received.clone(), reached.clone());
        clients.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let Some(path) = order.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                if let Came::Whole(body) = ask(address, path).await {
                    assert!(body == catalogue[path], "{path} was served wrong");
                    received.lock().await.insert(path.clone());
                    if whole.fetch_add(1, Ordering::Relaxed) + 1 == enough {
                        reached.notify_one();
                    }
                }
            }
        });
    }
    Received { paths: received, clients, stop, reached }
}

struct Received {
    paths: Arc<Mutex<BTreeSet<String>>>,
    clients: JoinSet<()>,
    stop: Arc<AtomicBool>,
    reached: Arc<Notify>,
}

impl Received {
    /// What had come whole when the server was dead.
    async fn end(mut self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
        std::mem::take(&mut *self.paths.lock().await)
    }
}

/// Asks for all of these without letting the server fetch anything; says how many it did not have.
async fn check_held(address: SocketAddr, catalogue: &Catalogue, paths: &[String]) -> Vec<String> {
    let mut lost = Vec::new();
    for path in paths {
        match ask(address, &format!("/cached-only{path}")).await {
            Came::Whole(body) => {
                assert!(body == catalogue[path], "{path} was served wrong after the restart");
            }
            Came::Nothing => lost.push(path.clone()),
        }
    }
    lost
}

/// Every file of the static tree is whole, and every list names only versions that are.
fn check_tree(tree: &Path, catalogue: &Catalogue) -> usize {
    let mut files = 0;
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = format!("/{}", path.strip_prefix(tree).unwrap().display());
            let bytes = std::fs::read(&path).unwrap();
            if path.file_name().unwrap() == "list" {
                for version in String::from_utf8(bytes).unwrap().lines() {
                    for kind in ["info", "mod", "zip"] {
                        assert!(folder.join(format!("{version}.{kind}")).exists(), "{name} names {version}");
                    }
                }
            } else {
                assert!(catalogue.get(&name).is_some_and(|whole| *whole == bytes), "{name} is not whole");
            }
            files += 1;
        }
    }
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_serves_again_what_clients_had_received() {
    let dir = tempfile::tempdir().unwrap();
    let versions = versions();
    let catalogue = Arc::new(catalogue(&versions));
    let upstream = Upstream::of(&versions).await;
    let mut larder = Larder::over(&dir.path().join("data"), &upstream.url());
    let mut dice = Dice::new(SEED);
    let mut order: Vec<String> = catalogue.keys().cloned().collect();
    let (mut held, mut worst) = (BTreeSet::new(), Duration::ZERO);
    let begun = Instant::now();
    for round in 0..KILLS {
        for at in 1..order.len() {
            order.swap(at, dice.below(at + 1));
        }
        let received = load(larder.address(), &catalogue, order.clone(), 1 + dice.below(60));
        received.reached.notified().await;
        larder.kill9();
        let fresh = received.end().await;
        if round % 10 == 0 {
            check_tree(&larder.data("modules"), &catalogue);
        }
        larder.restart();
        let asked = Instant::now();
        assert_eq!(larder.ask("/readyz").await.status, 200);
        worst = worst.max(larder.ready_after() + asked.elapsed());
        let fresh_paths: Vec<String> = fresh.iter().cloned().collect();
        let lost = check_held(larder.address(), &catalogue, &fresh_paths).await;
        assert!(lost.is_empty(), "after kill {round}, what clients had received is gone: {lost:?}");
        held.extend(fresh);
    }
    larder.logged("the tree was looked through").await;
    upstream.stop().await;
    let all: Vec<String> = held.into_iter().collect();
    let lost = check_held(larder.address(), &catalogue, &all).await;
    assert!(lost.is_empty(), "in the end, what clients had received is gone: {lost:?}");
    larder.kill9();
    let files = check_tree(&larder.data("modules"), &catalogue);
    println!(
        "crash: {KILLS} kills in {:.1?}, {} files received whole and served again, {files} in the tree, ready \
         within {worst:.1?} at worst",
        begun.elapsed(),
        all.len()
    );
    assert!(worst < READY_WITHIN, "ready only after {worst:?}");
}
