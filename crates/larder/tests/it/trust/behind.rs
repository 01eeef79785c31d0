//! A database that gives older trees than it gave before: that is no fault, and worth a warning when it lasts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use testkit::database::Lie;

use super::{below, reached};

/// The log of this test's thread, on which everything runs.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let told = self.clone();
        let log = tracing_subscriber::fmt().json().with_writer(move || told.clone());
        tracing::subscriber::set_default(log.finish())
    }

    /// The lines of an event.
    fn lines(&self, event: &str) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.filter(|line| line["fields"]["event"] == event).collect()
    }
}

impl std::io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_database_that_stays_behind_is_told_of_once_when_that_has_lasted_ten_minutes() {
    let told = Told::default();
    let _listening = told.listen();
    let (database, proxy) = reached().await;
    let newest = proxy.get(&below("/latest")).await;
    assert_eq!(newest.text(), database.head(301));
    let mut times = 0;
    for stretch in ["the first", "another, after it had caught up"] {
        database.tell(&[Lie::Older(10)]);
        for (minutes, warnings) in [(1, 0), (9, 0), (1, 1), (30, 0)] {
            proxy.clock().advance(Duration::from_mins(minutes));
            let latest = proxy.get(&below("/latest")).await;
            assert!(latest.body == newest.body, "{stretch}: an older tree was passed on");
            times += warnings;
            assert_eq!(told.lines("sumdb_behind").len(), times, "{stretch}, after {minutes} more");
        }
        database.be_honest();
        proxy.clock().advance(Duration::from_mins(1));
        assert_eq!(proxy.get(&below("/latest")).await.status, 200);
    }
    let line = told.lines("sumdb_behind").remove(0);
    assert_eq!((&line["level"], &line["fields"]["records"]), (&"WARN".into(), &10.into()), "{line}");
    assert_eq!(line["fields"]["sumdb.name"], "localhost.localdev/sumdb");
    proxy.stop().await;
}
