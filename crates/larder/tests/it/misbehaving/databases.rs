//! Checksum databases that are in trouble: an outage is an outage, and their own 404 and 410 stay what they are.

use testkit::upstream::On;
use testkit::{Database, ModuleFiles, Upstream};

use super::answers::{Ends, STATUSES};
use crate::proxy::TestProxy;

/// What is asked for at the database, and the tile that proves the first.
const PATHS: [&str; 3] = ["/lookup/example.com/m@v1.0.0", "/tile/8/0/000.p/1", "/latest"];

/// Makes the upstream err.
type Script = fn(On<'_>);

/// Trouble on the way, whatever is asked for.
const TROUBLE: [(&str, Script, Ends); 6] = [
    ("no answer", |on| drop(on.refuse()), Ends::Outage),
    ("another protocol", |on| drop(on.raw("SSH-2.0-OpenSSH_9.2\r\n")), Ends::Outage),
    ("cut", |on| drop(on.cut_after(2)), Ends::Outage),
    ("compressed", |on| drop(on.gzip()), Ends::Refused),
    ("endless", |on| drop(on.endless()), Ends::Refused),
    ("a redirect into the network", |on| drop(on.redirect("http://169.254.169.254/")), Ends::Outage),
];

/// Asked while the database errs, then when it is sound again: nothing is remembered beyond a second. Its absence is
/// its own word for a lookup alone: a tree that it has signed has a newest note, and tiles.
async fn ends(path: &str, name: &str, script: impl FnOnce(On<'_>), ends: Ends) {
    let database = Database::start().await;
    database.record(&ModuleFiles::new("example.com/m", "v1.0.0"));
    let upstream = Upstream::start().await;
    database.mirror_on(&upstream);
    let below = format!("/sumdb/{}", database.name());
    let (ours, theirs) = (format!("{below}{path}"), format!("{below}{path}"));
    let proxy =
        TestProxy::with(&[("upstream", &upstream.url()), ("sumdb", &database.verifier().to_string())]);
    script(upstream.on(&theirs));
    let response = proxy.get(&ours).await;
    let status = if path.starts_with("/tile") && ends.is_absence() { 503 } else { ends.status() };
    assert_eq!(response.status, status, "{name}, {path}: {}", response.text());
    assert!(response.complete && response.text().contains("request id: "), "{name}, {path}");
    assert_eq!(response.header("cache-control"), Some("no-store"), "{name}, {path}");
    upstream.heal(&theirs);
    proxy.clock().advance(std::time::Duration::from_millis(60_001));
    assert_eq!(proxy.get(&ours).await.body, database.says(path).unwrap(), "{name}, {path}");
}

#[tokio::test]
async fn a_database_in_trouble_is_an_outage_and_its_own_absence_is_passed_on() {
    for path in PATHS {
        for (status, right) in STATUSES {
            let name = format!("status {status}");
            ends(path, &name, |on| drop(on.status_text(status, "what it says")), right).await;
        }
        for (name, script, right) in TROUBLE {
            ends(path, name, script, right).await;
        }
    }
}
