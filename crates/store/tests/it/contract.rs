//! The contract, run on every store and file system there is here.

mod memory {
    use std::sync::Arc;
    use store::{Blobs, Memory};

    fn subject() -> (Arc<dyn Blobs>, ()) {
        (Arc::new(Memory::new()), ())
    }

    testkit::blobs_contract!(subject);
}

mod faulty {
    use std::sync::Arc;
    use store::{Blobs, Memory};
    use testkit::Faulty;

    fn subject() -> (Arc<dyn Blobs>, ()) {
        (Arc::new(Faulty::new(Memory::new())), ())
    }

    testkit::blobs_contract!(subject);
}

mod watched {
    use std::sync::Arc;
    use store::{Blobs, Memory, Watched};

    fn subject() -> (Arc<dyn Blobs>, ()) {
        (Arc::new(Watched::new(Arc::new(Memory::new()), Box::new(|_, _, _| {}))), ())
    }

    testkit::blobs_contract!(subject);
}

#[cfg(unix)]
mod disk {
    use std::sync::Arc;
    use store::{Blobs, Disk};

    fn subject() -> (Arc<dyn Blobs>, super::Checked) {
        let dir = tempfile::tempdir().unwrap();
        (Arc::new(Disk::open(dir.path()).unwrap()), super::Checked(dir))
    }

    testkit::blobs_contract!(subject);
}

/// A file system that refuses to read without waiting, and answers from memory always.
#[cfg(target_os = "linux")]
mod disk_in_memory {
    use std::path::Path;
    use std::sync::Arc;
    use store::{Blobs, Disk};

    fn subject() -> (Arc<dyn Blobs>, super::Checked) {
        let shm = Path::new("/dev/shm");
        let dir = if shm.is_dir() {
            tempfile::tempdir_in(shm).unwrap()
        } else {
            crate::skipped("no /dev/shm here; run on the ordinary file system instead");
            tempfile::tempdir().unwrap()
        };
        (Arc::new(Disk::open(dir.path()).unwrap()), super::Checked(dir))
    }

    testkit::blobs_contract!(subject);
}

/// A directory that must have no spools in it when the test is over.
#[cfg(unix)]
struct Checked(tempfile::TempDir);

#[cfg(unix)]
impl Drop for Checked {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // The store may still be alive in a thread that publishes for a caller that went away.
        let runs = std::fs::read_dir(self.0.path().join("tmp")).unwrap();
        for run in runs {
            let left: Vec<_> = std::fs::read_dir(run.unwrap().path()).into_iter().flatten().collect();
            assert!(left.is_empty(), "left in tmp: {left:?}");
        }
    }
}
