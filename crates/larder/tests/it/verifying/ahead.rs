//! Ahead: the records of what a go.mod file requires are known before anybody asks for them.

use testkit::database::lookup_path;
use testkit::eventually;
use testkit::module::ModuleFiles;

use super::World;

fn module(path: &str) -> ModuleFiles {
    ModuleFiles::new(path, "v1.0.0").file("m.go", "package m\n")
}

/// Requires two modules directly, one of them private to some, and one through others.
fn requiring() -> ModuleFiles {
    let text = "module example.com/m\n\ngo 1.21\n\nrequire (\n\texample.com/near v1.0.0\n\texample.com/secret v1.0.0\n\
                \texample.com/far v1.0.0 // indirect\n)\n";
    module("example.com/m").go_mod(text)
}

fn versions() -> Vec<ModuleFiles> {
    let others = ["near", "far", "secret"].map(|name| module(&format!("example.com/{name}")));
    [vec![requiring()], others.to_vec()].concat()
}

#[tokio::test]
async fn what_a_verified_go_mod_file_requires_is_looked_up_before_it_is_asked_for() {
    let world = World::with(&versions(), &[("gonosumdb", "example.com/secret")]).await;
    let looked_up = |name: &str| world.database.count(&lookup_path(&format!("example.com/{name}"), "v1.0.0"));
    assert_eq!(world.proxy.get(&requiring().url("mod")).await.status, 200);
    eventually("the lookup of what is required", || async { looked_up("near") == 1 }).await;
    // Those that somebody asks for begin after it, so whatever was to be looked up ahead has been.
    assert_eq!(world.proxy.get(&module("example.com/near").url("mod")).await.status, 200);
    assert_eq!((looked_up("near"), looked_up("far"), looked_up("secret")), (1, 0, 0));
    world.proxy.stop().await;
}

#[tokio::test]
async fn a_go_mod_file_that_is_refused_leads_to_no_lookup() {
    let world = World::with(&versions(), &[]).await;
    let lie =
        module("example.com/m").requires(&[("example.com/near", "v1.0.0"), ("example.com/far", "v1.0.0")]);
    world.upstream.serve(&lie);
    assert_eq!(world.proxy.get(&lie.url("mod")).await.status, 502);
    assert_eq!(world.proxy.get(&module("example.com/secret").url("mod")).await.status, 200);
    let asked = world.database.paths().concat();
    assert!(!asked.contains("near") && !asked.contains("far"), "{asked}");
    world.proxy.stop().await;
}
