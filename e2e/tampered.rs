//! One wrong bit, anywhere between the source, the checksum database, the disk and the client: Larder refuses what it
//! makes wrong, and where a client goes around Larder, the go command does.

use std::path::Path;

use testkit::go::{self, Output};
use testkit::{ModuleFiles, Upstream};

use crate::database::Database;
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
