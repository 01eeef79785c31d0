//! Why a file is trusted: on the disk, in answers, changed later.

use std::sync::Arc;

use gomod::{FileKind, H1, ModulePath, ModuleVersion, Version};
use larder::cache::manifest::{Manifest, Record, VerifiedBy, line};
use larder::verify::{self, Bound, Verified, Wrong};
use store::Blobs;
use testkit::module::ModuleFiles;
use testkit::upstream::Upstream;

use crate::proxy::TestProxy;

fn small() -> ModuleFiles {
    ModuleFiles::new("example.com/m", "v1.0.0").file("m.go", "package m\n")
}

fn of(files: &ModuleFiles) -> ModuleVersion {
    let [path, version] = [files.path(), files.version()];
    ModuleVersion::new(ModulePath::parse(path).unwrap(), Version::parse(version).unwrap()).unwrap()
}

#[test]
fn nothing_is_said_to_be_on_record_that_was_not_compared_with_it() {
    let (files, lie) = (small(), small().requires(&[("example.com/evil", "v1.0.0")]));
    let (database, h1) = (Arc::from("sum.example.com"), |text: String| H1::parse(&text).unwrap());
    let (right, zip_h1) = (h1(files.mod_h1()), h1(files.zip_h1()));
    let by = |verified: &Verified| verified.database().map(ToString::to_string);
    let on_record = Bound::Record(right, &database);
    assert_eq!(by(&verify::go_mod(files.mod_file(), on_record).unwrap()).unwrap(), "sum.example.com");
    let refused = verify::go_mod(lie.mod_file(), on_record).unwrap_err();
    assert!(matches!(refused, Wrong::Record { recorded, .. } if recorded == right), "{refused}");
    assert_eq!(by(&verify::go_mod(files.mod_file(), Bound::First(Some(&right))).unwrap()), None);
    assert!(matches!(verify::go_mod(lie.mod_file(), Bound::First(Some(&right))), Err(Wrong::Hash { .. })));
    assert_eq!(by(&verify::info(&of(&files), &files.info()).unwrap()), None, "no record binds it");
    let blobs = store::Memory::new();
    let sound = |files: &ModuleFiles| {
        let spool = blobs.spool().unwrap();
        spool.write(&files.zip()).unwrap();
        verify::zip(&of(files), spool, verify::sums::of(&files.zip())).unwrap()
    };
    let on_record = Bound::Record(zip_h1, &database);
    assert_eq!(by(&sound(&files).bound_by(on_record).unwrap()).unwrap(), "sum.example.com");
    assert!(matches!(sound(&lie).bound_by(on_record), Err(Wrong::Record { .. })));
    assert_eq!(by(&sound(&lie).bound_by(Bound::First(None)).unwrap()), None);
}

fn by_record() -> VerifiedBy {
    VerifiedBy::Record { database: "sum.example.com".into() }
}

#[test]
fn a_manifest_says_which_database_vouches_and_older_ones_are_still_read() {
    let old = r#"{"version":"v1.0.0","kind":"mod","h1":"h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","sha256":"00",
        "size":1,"blocks":"00","source":"proxy.example","at":"2026-11-21T04:00:00Z","verified_by":"import"}"#
        .replace("\n        ", "");
    let record: Record = serde_json::from_str(&old).unwrap();
    assert_eq!(record.verified_by, VerifiedBy::Import);
    let vouched = Record { verified_by: by_record(), ..record };
    let text = [line(&vouched).as_ref(), b"\n"].concat();
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((&json["verified_by"], &json["database"]), (&"record".into(), &"sum.example.com".into()));
    let read = Manifest::parse(&[old.as_bytes(), b"\n", &text].concat());
    assert_eq!(**read.record(&Version::parse("v1.0.0").unwrap(), FileKind::Mod).unwrap(), vouched);
    let first = old.replace("import", "first-seen");
    assert_eq!(serde_json::from_str::<Record>(&first).unwrap().verified_by, VerifiedBy::FirstSeen);
    assert!(serde_json::from_str::<Record>(&old.replace("import", "nobody")).is_err());
}

#[tokio::test]
async fn an_answer_says_why_its_content_is_trusted_also_after_that_has_changed() {
    let files = small().padding(100_000);
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let mut proxy = TestProxy::over(&upstream);
    for (url, kind) in [(files.url("mod"), FileKind::Mod), (files.url("zip"), FileKind::Zip)] {
        proxy.get(&url).await;
        let told = |answer: &testkit::raw::Response| answer.header("x-larder-verified-by").map(str::to_owned);
        assert_eq!(told(&proxy.get(&url).await).as_deref(), Some("first-seen"), "{url}");
        let module = of(&files);
        let cache = proxy.pipeline().cache();
        let record = cache.record(&module, kind).await.unwrap().unwrap();
        assert!(cache.vouch(&module, kind, &record, by_record()).await.unwrap());
        assert_eq!(told(&proxy.get(&url).await).as_deref(), Some("record sum.example.com"), "{url}");
        assert!(!cache.vouch(&module, kind, &record, VerifiedBy::Import).await.unwrap(), "a stale record");
        proxy = proxy.restart().await;
        let again = proxy.get(&url).await;
        assert_eq!(told(&again).as_deref(), Some("record sum.example.com"), "{url} after a restart");
        assert_eq!(again.header("x-larder-cache"), Some("hit"));
    }
    let list = proxy.get(&files.list_url()).await;
    assert_eq!(list.header("x-larder-verified-by"), None, "a list is vouched for by nobody");
    proxy.stop().await;
}

#[tokio::test]
async fn what_is_held_unverified_is_told_so_and_counted() {
    let files = small();
    let upstream = Upstream::of(std::slice::from_ref(&files)).await;
    let proxy = TestProxy::over(&upstream);
    proxy.get(&files.url("mod")).await;
    let (cache, module) = (proxy.pipeline().cache(), of(&files));
    let record = cache.record(&module, FileKind::Mod).await.unwrap().unwrap();
    assert!(cache.vouch(&module, FileKind::Mod, &record, VerifiedBy::Unverified).await.unwrap());
    let answer = proxy.get(&files.url("mod")).await;
    assert_eq!(answer.header("x-larder-verified-by"), Some("unverified"));
    let metrics = proxy.get("/metrics").await.text();
    assert!(metrics.contains("larder_served_unverified_total 1\n"), "{metrics}");
    let state = proxy.get(&format!("/api/v1/modules/{}/@v/v1.0.0", files.path())).await;
    assert!(state.text().contains(r#""verified_by":"unverified""#), "{}", state.text());
}
