//! The configuration: layers, mistakes, units.

use larder::config::{
    Config, Duration, FlagValue, Keys, Listen, Loaded, Mistakes, Pattern, Size, Sources, TextFile, redact,
};
use proptest::prelude::*;

/// Sources with a home directory and nothing else.
fn bare() -> Sources {
    let mut sources = Sources::default();
    sources.environment.insert("HOME".into(), "/home/gopher".into());
    sources
}

fn file(text: &str) -> Sources {
    Sources { file: Some(TextFile { name: "larder.toml".into(), text: text.into() }), ..bare() }
}

fn with_variables(mut sources: Sources, variables: &[(&str, &str)]) -> Sources {
    sources.environment.extend(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    sources
}

fn with_flag(mut sources: Sources, key: &str, value: &str) -> Sources {
    sources.flags.push(FlagValue { flag: format!("--set {key}"), key: key.into(), value: value.into() });
    sources
}

fn load(sources: &Sources) -> Result<Loaded, Mistakes> {
    Config::load(sources)
}

fn origin(loaded: &Loaded, key: &str) -> String {
    loaded.origins[key].to_string()
}

fn mistakes(sources: &Sources) -> Vec<String> {
    load(sources).unwrap_err().0.iter().map(ToString::to_string).collect()
}

#[test]
fn without_any_source_the_defaults_stand() {
    let loaded = load(&bare()).unwrap();
    assert_eq!(loaded.config.listen, ["127.0.0.1:3000".parse::<Listen>().unwrap()]);
    assert_eq!(loaded.config.upstream.reveal(), "https://proxy.golang.org,direct");
    assert_eq!(loaded.config.sumdb[0].spec.name(), "sum.golang.org");
    assert!(loaded.config.sumdb[0].spec.verifier().starts_with("sum.golang.org+033de0ae+"));
    assert_eq!(loaded.config.data.to_str(), Some("/home/gopher/.local/share/larder"));
    assert_eq!(loaded.config.cache.fresh, Duration::from_secs(60));
    assert!(loaded.origins.values().all(|origin| origin.to_string() == "default"));
}

#[test]
fn each_layer_beats_those_below_it() {
    let go = with_variables(bare(), &[("GOPRIVATE", "a.example,b.example")]);
    let in_file = Sources { file: file("\nprivate = [\"c.example\"]").file, ..go.clone() };
    let in_environment = with_variables(in_file.clone(), &[("LARDER_PRIVATE", "d.example, e.example")]);
    let in_flag = with_flag(in_environment.clone(), "private", "f.example");
    for (sources, patterns, from) in [
        (go, vec!["a.example", "b.example"], "environment GOPRIVATE"),
        (in_file, vec!["c.example"], "file larder.toml:2"),
        (in_environment, vec!["d.example", "e.example"], "environment LARDER_PRIVATE"),
        (in_flag, vec!["f.example"], "flag --set private"),
    ] {
        let loaded = load(&sources).unwrap();
        let names: Vec<_> = loaded.config.private.iter().map(Pattern::as_str).collect();
        assert_eq!(names, patterns);
        assert_eq!(origin(&loaded, "private"), from);
        assert_eq!(loaded.config.gonoproxy, loaded.config.private);
        assert_eq!(origin(&loaded, "gonoproxy"), "as private");
    }
}

#[test]
fn scalars_are_layered_like_lists() {
    let in_file = file("[cache]\nfresh = \"2m\"");
    let in_environment = with_variables(in_file.clone(), &[("LARDER_CACHE_FRESH", "3m")]);
    let in_flag = with_flag(with_flag(in_environment.clone(), "cache.fresh", "9m"), "cache.fresh", "4m");
    for (sources, minutes, from) in [
        (in_file, 2, "file larder.toml:2"),
        (in_environment, 3, "environment LARDER_CACHE_FRESH"),
        (in_flag, 4, "flag --set cache.fresh"),
    ] {
        let loaded = load(&sources).unwrap();
        assert_eq!(loaded.config.cache.fresh, Duration::from_secs(60 * minutes));
        assert_eq!(origin(&loaded, "cache.fresh"), from);
    }
}

#[test]
fn unknown_keys_are_mistakes_with_a_suggestion() {
    let text = "upstraem = \"off\"\n[cache]\nfrsh = \"1m\"\n[cahce]\nstale = \"1m\"\n[[route]]\nmatch = [\"a.example\"]\nupstrem = \"off\"";
    assert_eq!(
        mistakes(&with_flag(with_variables(file(text), &[("LARDER_PRIVAT", "x")]), "fresh", "1m")),
        [
            "larder.toml:1: unknown key `upstraem`; did you mean `upstream`?",
            "larder.toml:3: unknown key `cache.frsh`; did you mean `cache.fresh`?",
            "larder.toml:4: unknown key `cahce`; did you mean `cache`?",
            "larder.toml:8: unknown key `route.upstrem`; did you mean `route.upstream`?",
            "LARDER_PRIVAT: unknown key `LARDER_PRIVAT`; did you mean `LARDER_PRIVATE`?",
            "--set fresh: unknown key `fresh`; did you mean `cache.fresh`?",
            "larder.toml:6: route: the route has no `upstream`; write a proxy's address, `direct`, or `off`",
        ]
    );
}

#[test]
fn every_key_can_be_set_by_its_variable_and_is_documented() {
    let keys = Keys::of_config();
    assert!(keys.all().len() > 30);
    for key in keys.all() {
        assert!(key.description.len() > 20, "{} has no documentation", key.name);
        assert_eq!(keys.find_by_environment(&key.environment()), Some(key));
    }
}

#[test]
fn passwords_are_not_printed() {
    let loaded =
        load(&with_variables(bare(), &[("LARDER_UPSTREAM", "https://me:secret@proxy.example")])).unwrap();
    assert_eq!(loaded.config.upstream.reveal(), "https://me:secret@proxy.example");
    assert!(!format!("{loaded:?}").contains("secret"));
    assert!(!redact("https://me:secret@proxy.example").contains("secret"));
}

proptest! {
    #[test]
    fn durations_are_read_as_they_are_printed(millis in 0..u64::MAX) {
        let duration = Duration::from_millis(millis);
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
    }

    #[test]
    fn sizes_are_read_as_they_are_printed(bytes in 0..u64::MAX) {
        let size = Size::from_bytes(bytes);
        prop_assert_eq!(size.to_string().parse(), Ok(size));
    }
}
