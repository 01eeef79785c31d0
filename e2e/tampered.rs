//! One wrong bit, anywhere between the source, the checksum database, the disk and the client: Larder refuses what it
//! makes wrong, and where a client goes around Larder, the go command does.

use std::path::{Path, PathBuf};

use testkit::go::{self, Output};
use testkit::{ModuleFiles, Upstream, eventually};

use crate::database::{Database, KEY, NAME};
use crate::larder::Larder;
use crate::world;

const WANTED: &str = "example.com/lib@v1.0.0";

fn library() -> ModuleFiles {
    ModuleFiles::new("example.com/lib", "v1.0.0").file("lib.go", "package lib\n").padding(200_000)
}

/// A place in the world outside where a bit can be wrong.
struct Outside {
    name: &'static str,
    /// What the database answers wrong.
    fault: &'static str,
    /// Makes the source wrong.
    forge: fn(&Upstream),
    /// What go says, when it meets it itself.
    go_says: &'static [&'static str],
}

const OUTSIDE: [Outside; 6] = [
    Outside {
        name: "the source's zip",
        fault: "",
        forge: |upstream| {
            let forged = ModuleFiles::new("example.com/lib", "v1.0.0").file("lib.go", "package lib;");
            upstream.put(&library().url("zip"), forged.padding(200_000).zip());
        },
        go_says: &["verifying module: checksum mismatch", "SECURITY ERROR"],
    },
    Outside {
        name: "the source's .mod",
        fault: "",
        forge: |upstream| {
            upstream.put(&library().url("mod"), "module example.com/lib\n\ngo 1.22\n");
        },
        go_says: &["verifying go.mod: checksum mismatch", "SECURITY ERROR"],
    },
    Outside {
        name: "the database's record",
        fault: "/lookup/ flip 60\n",
        forge: |_| (),
        go_says: &["cannot authenticate record data in server response"],
    },
    Outside {
        name: "the root hash that the database signs",
        fault: "/lookup/ flip -140\n",
        forge: |_| (),
        go_says: &["reading tree note: invalid signature for key"],
    },
    Outside {
        name: "the database's signature",
        fault: "/lookup/ flip -20\n",
        forge: |_| (),
        go_says: &["reading tree note: invalid signature for key"],
    },
    Outside {
        name: "the database's tile",
        fault: "/tile/8/0/ flip 5\n",
        forge: |_| (),
        go_says: &["downloaded inconsistent tile"],
    },
];

async fn download(dir: &Path, proxy: &str, sumdb: &str) -> Output {
    let go = world::client(dir, proxy).sumdb(sumdb);
    go.run(&["mod", "download", WANTED]).await
}

#[tokio::test]
async fn a_wrong_bit_outside_is_refused_by_go_where_it_goes_around_larder() {
    if !go::available() {
        return;
    }
    for place in OUTSIDE {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::large(dir.path(), &[library()], 600).await;
        let upstream = Upstream::of(&[library()]).await;
        let sound = download(&dir.path().join("sound"), &upstream.url(), &database.spec()).await;
        sound.success();
        database.faults(place.fault);
        (place.forge)(&upstream);
        let refused = download(&dir.path().join("wrong"), &upstream.url(), &database.spec()).await;
        assert!(!refused.ok, "{}: go took it", place.name);
        for words in place.go_says {
            assert!(refused.stderr.contains(words), "{}: {}", place.name, refused.stderr);
        }
    }
}

#[tokio::test]
async fn a_wrong_bit_outside_is_refused_by_larder_for_clients_that_verify_nothing() {
    if !go::available() {
        return;
    }
    for place in OUTSIDE {
        let dir = tempfile::tempdir().unwrap();
        let below = |name: &str| dir.path().join(name);
        let database = Database::large(dir.path(), &[library()], 600).await;
        let upstream = Upstream::of(&[library()]).await;
        let flags = ["--upstream", &upstream.url(), "--sumdb", &database.spec()];
        let larder = Larder::start(&below("data"), &flags);
        database.faults(place.fault);
        (place.forge)(&upstream);
        for (client, sumdb) in [("trusting", "off"), ("verifying", KEY)] {
            let refused = download(&below(client), &larder.url(), sumdb).await;
            assert!(!refused.ok, "{}: a {client} client got it", place.name);
            // What was on its way to the first is cut; whoever asks after that is told.
            let is_cut = client == "trusting" && refused.stderr.contains("unexpected EOF");
            let is_told = refused.stderr.contains("502 Bad Gateway");
            assert!(is_cut || is_told, "{}: {}", place.name, refused.stderr);
        }
        // Nothing of it was kept: what is right again is taken.
        database.faults("");
        upstream.put(&library().url("mod"), library().mod_file());
        upstream.put(&library().url("zip"), library().zip());
        let healed = || async { download(&below("healed"), &larder.url(), KEY).await.ok };
        eventually(place.name, healed).await;
    }
}

/// A place on the disk of Larder, by the end of its path, and what go says when it meets a wrong bit there itself.
const HELD: [(&str, &[&str]); 5] = [
    ("/@v/v1.0.0.zip", &["zip: checksum error"]),
    ("/@v/v1.0.0.mod", &["verifying go.mod: checksum mismatch", "SECURITY ERROR"]),
    ("/lookup/example.com/lib@v1.0.0", &["cannot authenticate record data in server response"]),
    ("/tile/8/0/000", &["inconsistent tile"]),
    ("/tile/8/1/000.p/2", &["inconsistent tile"]),
];

/// Inverts a bit of a file.
fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let middle = (bytes.len() / 2).min(60);
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

fn find(folder: &Path, end: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            find(&path, end)
        } else {
            path.display().to_string().ends_with(end).then_some(path)
        }
    })
}

#[tokio::test]
async fn a_wrong_bit_on_the_disk_is_never_served_and_healed_when_it_can_be() {
    if !go::available() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let below = |name: &str| dir.path().join(name);
    let database = Database::large(dir.path(), &[library()], 600).await;
    let upstream = Upstream::of(&[library()]).await;
    let flags = ["--upstream", &upstream.url(), "--sumdb", &database.spec()];
    let mut larder = Larder::start(&below("data"), &flags);
    download(&below("first"), &larder.url(), KEY).await.success();
    let tree = larder.data("modules");
    for (at, (end, go_says)) in HELD.into_iter().enumerate() {
        let file = find(&tree, end).unwrap_or_else(|| panic!("{end} is not held"));
        let (path, right) =
            (format!("/{}", file.strip_prefix(&tree).unwrap().display()), std::fs::read(&file).unwrap());
        larder.kill9();
        flip(&file);
        // Around Larder, at its files.
        std::fs::write(tree.join(format!("sumdb/{NAME}/supported")), "").unwrap();
        let around =
            download(&below(&format!("around-{at}")), &format!("file://{}", tree.display()), KEY).await;
        assert!(!around.ok, "{end}: go took it");
        for words in go_says {
            assert!(around.stderr.contains(words), "{end}: {}", around.stderr);
        }
        // By way of Larder, with nobody to ask.
        upstream.stop().await;
        database.faults("/ status 503\n");
        larder.restart();
        let answer = larder.ask(&path).await;
        let is_right = answer.status == 200 && answer.body == right;
        assert!(is_right || [502, 503].contains(&answer.status), "{path}: {}", answer.status);
        // And with everybody there again.
        upstream.restart().await;
        database.faults("");
        let healed = || async {
            let answer = larder.ask(&path).await;
            assert!(answer.status != 200 || answer.body == right, "{path} was served wrong");
            answer.status == 200
        };
        eventually(&path, healed).await;
        download(&below(&format!("healed-{at}")), &larder.url(), KEY).await.success();
    }
}
