//! The faults, one a minute, each real: sockets that stand still, processes that are killed, a disk that is full.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use testkit::{Upstream, raw};

use crate::findings::Reach;
use crate::larder::Larder;
use crate::watch::Watch;
use crate::world::{Asked, LEFT_ALONE, Manner, Want, World, timed};

/// After an upstream is sound again, or the disk has room, answers are right within this: the upstream may be left
/// alone for [`LEFT_ALONE`] and a quarter, the call that tries it takes a moment, a failure is remembered for a second,
/// and what was asked while the fault lasted may take as long as its source is waited for.
const SOURCES_RECOVER: Duration = Duration::from_secs(LEFT_ALONE.as_secs() * 5 / 4 + 4);
/// After the server is ready again.
const SERVER_RECOVERS: Duration = Duration::from_secs(2);
/// Held files that are damaged at a time: one flipped, one cut short, one removed, and over again.
const DAMAGED: usize = 6;

/// Whose answers are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    First,
    All,
}

/// What goes wrong for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Stall(Whose),
    Gone(Whose),
    Status(Whose, u16),
    Html(Whose),
    Cut(Whose),
    WrongZips,
    Terminate,
    Kill,
    FullDisk,
    Rot,
}

/// In this order, and over again. The restarts are near to each other, so that one life in between is long enough
/// to see what grows.
pub(crate) const COURSE: [(&str, Fault); 16] = [
    ("the first upstream stalls", Fault::Stall(Whose::First)),
    ("SIGTERM and start", Fault::Terminate),
    ("SIGKILL and start", Fault::Kill),
    ("the first upstream is gone", Fault::Gone(Whose::First)),
    ("all upstreams answer 500", Fault::Status(Whose::All, 500)),
    ("the disk is full", Fault::FullDisk),
    ("all upstreams answer HTML", Fault::Html(Whose::All)),
    ("held files are flipped, cut, removed", Fault::Rot),
    ("all upstreams cut their bodies", Fault::Cut(Whose::All)),
    ("all upstreams are gone", Fault::Gone(Whose::All)),
    ("the first upstream sends other zips", Fault::WrongZips),
    ("all upstreams answer 429", Fault::Status(Whose::All, 429)),
    ("all upstreams stall", Fault::Stall(Whose::All)),
    ("the first upstream cuts its bodies", Fault::Cut(Whose::First)),
    ("the first upstream answers 500", Fault::Status(Whose::First, 500)),
    ("the first upstream answers HTML", Fault::Html(Whose::First)),
];

impl Fault {
    fn reach(self) -> (Reach, Duration) {
        match self {
            Self::Terminate | Self::Kill => (Reach::Everything, SERVER_RECOVERS),
            Self::Rot => (Reach::Files, SOURCES_RECOVER),
            _ => (Reach::Misses, SOURCES_RECOVER),
        }
    }
}

/// The one who makes the faults.
pub(crate) struct Director {
    pub(crate) world: Arc<World>,
    pub(crate) larder: Larder,
    pub(crate) place: Place,
    pub(crate) watch: Watch,
}

impl Director {
    /// Makes a fault for as long as this, and ends it.
    pub(crate) async fn make(&mut self, name: &'static str, fault: Fault, lasts: Duration) {
        if fault == Fault::FullDisk && !self.place.is_small {
            return eprintln!("left out, since no file system can be mounted here: {name}");
        }
        let (reach, grace) = fault.reach();
        self.world.findings.open(name, reach, grace);
        let began = Instant::now();
        self.begin(fault).await;
        if fault == Fault::Rot {
            self.ask_damaged(began + lasts).await;
        } else if reach != Reach::Everything {
            tokio::select! {
                () = self.world.stop.cancelled() => {}
                () = tokio::time::sleep_until((began + lasts).into()) => {}
            }
        }
        self.end(fault).await;
        self.world.findings.close();
        if fault == Fault::Rot {
            self.check_healed(grace).await;
        }
    }

    async fn begin(&mut self, fault: Fault) {
        match fault {
            Fault::Stall(whose) => self.of(whose, |upstream| drop(upstream.on("*").hold())),
            Fault::Gone(whose) => {
                for upstream in self.whose(whose) {
                    upstream.stop().await;
                }
            }
            Fault::Status(whose, status) => self.of(whose, |upstream| {
                upstream.on("*").status(status).header("Retry-After", "1");
            }),
            Fault::Html(whose) => self.of(whose, |upstream| {
                upstream.on("*").html(200, "<html><body>Please sign in</body></html>\n");
            }),
            Fault::Cut(whose) => self.of(whose, |upstream| drop(upstream.on("*").cut_after(100))),
            Fault::WrongZips => self.world.catalogue.begin_wrong_zips(),
            Fault::Terminate => {
                self.larder.terminate();
                let code = self.larder.ended().await.code();
                if code != Some(0) {
                    self.world.findings.found_now(|| format!("SIGTERM ended it with {code:?}"));
                }
                self.restart();
            }
            Fault::Kill => {
                self.larder.kill9();
                self.restart();
            }
            Fault::FullDisk => {
                self.world.set_keeps(false);
                self.place.fill();
            }
            Fault::Rot => {
                for (index, path) in self.world.damage(DAMAGED).iter().enumerate() {
                    damage(&self.larder.data(&format!("modules{path}")), index);
                }
            }
        }
    }

    async fn end(&self, fault: Fault) {
        match fault {
            Fault::Gone(whose) => {
                for upstream in self.whose(whose) {
                    upstream.restart().await;
                }
            }
            Fault::Stall(whose) => self.of(whose, |upstream| {
                upstream.heal("*");
                upstream.release();
            }),
            Fault::Status(whose, _) | Fault::Html(whose) | Fault::Cut(whose) => {
                self.of(whose, |upstream| upstream.heal("*"));
            }
            Fault::WrongZips => self.world.catalogue.end_wrong_zips(),
            Fault::FullDisk => {
                self.place.empty();
                self.world.set_keeps(true);
            }
            Fault::Terminate | Fault::Kill | Fault::Rot => {}
        }
    }

    fn whose(&self, whose: Whose) -> Vec<&Upstream> {
        let count = if whose == Whose::First { 1 } else { 3 };
        self.world.catalogue.all().into_iter().take(count).collect()
    }

    fn of(&self, whose: Whose, change: impl Fn(&Upstream)) {
        self.whose(whose).into_iter().for_each(change);
    }

    fn restart(&mut self) {
        self.larder.restart();
        self.world.moved_to(self.larder.address());
        self.watch.next_life(self.larder.pid());
    }

    /// Asks for what was damaged until then: none of it may come whole and wrong.
    async fn ask_damaged(&self, until: Instant) {
        while Instant::now() < until && !self.world.stop.is_cancelled() {
            for path in self.world.damaged() {
                self.ask(&path).await;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    async fn ask(&self, path: &str) {
        let Some(version) = self.world.catalogue.find(path) else { return };
        let asked = Asked {
            want: Want::File(version, "zip"),
            manner: Manner::Get,
            was_held: true,
            by: "after damage, HTTP/1.1",
        };
        let (span, response) = timed(raw::get(self.world.address(), path)).await;
        self.world.judge(&asked, span, Some(&response));
    }

    /// What was damaged is right again for clients, and nothing wrong is left on the disk.
    async fn check_healed(&self, within: Duration) {
        tokio::time::sleep(within).await;
        let damaged = self.world.damaged();
        self.world.forget_damage();
        for path in damaged {
            self.ask(&path).await;
            let file = self.larder.data(&format!("modules{path}"));
            let right = self.world.catalogue.find(&path).map(|version| version.bytes("zip"));
            // What was removed while it was open is served from what is open, and missed when that is closed.
            let Ok(stored) = fs::read(file) else { continue };
            if Some(&stored[..]) != right.as_deref() {
                self.world.findings.found_now(|| format!("{path} is not healed on the disk"));
            }
        }
    }
}

/// Flips a byte, cuts, or removes.
fn damage(file: &Path, how: usize) {
    let size = fs::metadata(file).map_or(0, |metadata| metadata.len());
    let done = match how % 3 {
        0 => flip(file, size / 2),
        1 => OpenOptions::new().write(true).open(file).and_then(|open| open.set_len(size / 2)),
        _ => fs::remove_file(file),
    };
    done.unwrap_or_else(|error| panic!("damage {}: {error}", file.display()));
}

fn flip(file: &Path, at: u64) -> std::io::Result<()> {
    let mut open = OpenOptions::new().read(true).write(true).open(file)?;
    let mut byte = [0];
    open.seek(SeekFrom::Start(at))?;
    open.read_exact(&mut byte)?;
    open.seek(SeekFrom::Start(at))?;
    open.write_all(&[byte[0] ^ 1])
}

/// Where the data directory is: a file system in memory that can be filled, or an ordinary directory.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    is_small: bool,
}

impl Place {
    /// A place with room for a run of so many minutes.
    pub(crate) fn make(minutes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={}m", 256 + 40 * minutes);
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        let is_small = mount.is_ok_and(|output| output.status.success());
        Self { dir, is_small }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn kind(&self) -> &'static str {
        if self.is_small { "in memory, of limited size" } else { "an ordinary directory" }
    }

    fn ballast(&self) -> PathBuf {
        self.dir.path().join("ballast")
    }

    fn fill(&self) {
        let mut file = File::create(self.ballast()).unwrap();
        for piece in [1 << 20, 4096, 1] {
            let piece = vec![1; piece];
            while file.write_all(&piece).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_small {
            let _ = Command::new("umount").arg("--lazy").arg(self.dir.path()).status();
        }
    }
}
