//! Checksum databases that are in trouble. What they say is passed on as it came and proven by the client; so here is
//! only what can be told without proof: an outage is an outage, and their own 404 and 410 stay what they are.

use testkit::Upstream;
use testkit::upstream::On;

use super::answers::{Ends, STATUSES};
use crate::proxy::TestProxy;

const PATHS: [&str; 3] = [
    "/sumdb/sum.golang.org/lookup/example.com/m@v1.0.0",
    "/sumdb/sum.golang.org/tile/8/0/000",
    "/sumdb/sum.golang.org/latest",
];

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

async fn serving() -> Upstream {
    let upstream = Upstream::start().await;
    upstream.put("/sumdb/sum.golang.org/supported", "");
    for path in PATHS {
        upstream.put(path, "what the database says\n");
    }
    upstream
}

/// Asked while the upstream errs, then when it is sound again: nothing is remembered beyond a second.
async fn ends(path: &str, name: &str, script: impl FnOnce(On<'_>), ends: Ends) {
    let upstream = serving().await;
    let proxy = TestProxy::over(&upstream);
    script(upstream.on(path));
    let response = proxy.get(path).await;
    assert_eq!(response.status, ends.status(), "{name}, {path}: {}", response.text());
    assert!(response.complete && response.text().contains("request id: "), "{name}, {path}");
    assert_eq!(response.header("cache-control"), Some("no-store"), "{name}, {path}");
    upstream.heal(path);
    proxy.clock().advance(std::time::Duration::from_millis(60_001));
    assert_eq!(proxy.get(path).await.text(), "what the database says\n", "{name}, {path}");
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
