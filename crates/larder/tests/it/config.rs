//! The configuration: layers, mistakes, units.

use larder::config::{
    Config, Duration, FlagValue, Keys, Listen, Loaded, Mistakes, Pattern, Place, Sources, TextFile, redact,
    reference,
};

/// Sources with a home directory and nothing else.
fn bare() -> Sources {
    let mut sources = Sources::default();
    sources.environment.insert("HOME".into(), "/users/gopher".into());
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
    assert!(loaded.config.sumdb[0].spec.verifier().to_string().starts_with("sum.golang.org+033de0ae+"));
    assert_eq!(loaded.config.data.to_str(), Some("/users/gopher/.local/share/larder"));
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
            "larder.toml:6: route: the route has no `upstream`; write a proxy's address, `direct`, or `off`",
            "larder.toml:8: unknown key `route.upstrem`; did you mean `route.upstream`?",
            "LARDER_PRIVAT: unknown key `LARDER_PRIVAT`; did you mean `LARDER_PRIVATE`?",
            "--set fresh: unknown key `fresh`; did you mean `cache.fresh`?",
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
        load(&with_variables(bare(), &[("LARDER_UPSTREAM", "https://me:hunter2@proxy.example")])).unwrap();
    assert_eq!(loaded.config.upstream.reveal(), "https://me:hunter2@proxy.example");
    assert!(!format!("{loaded:?}").contains("hunter2"));
    assert!(!redact("https://me:hunter2@proxy.example").contains("hunter2"));
}

#[test]
fn go_variables_are_the_lowest_layer_and_goproxy_is_none() {
    let variables = [
        ("GOPROXY", "http://127.0.0.1:3000"),
        ("GOSUMDB", "off"),
        ("GOPRIVATE", "a.example"),
        ("GONOSUMDB", "b.example"),
        ("GOVCS", "public:git, private:all"),
        ("GOINSECURE", "c.example"),
        ("NETRC", "/etc/netrc"),
        ("SSL_CERT_FILE", "/etc/ca.pem"),
        ("https_proxy", "http://me:hunter2@proxy.example:3128"),
        ("NO_PROXY", "localhost,.example"),
    ];
    let loaded = load(&with_variables(bare(), &variables)).unwrap();
    let config = &loaded.config;
    assert_eq!(config.upstream.reveal(), "https://proxy.golang.org,direct");
    assert_eq!(config.sumdb.len(), 1);
    assert_eq!(origin(&loaded, "gonoproxy"), "as private");
    assert_eq!(config.gonosumdb[0].as_str(), "b.example");
    assert_eq!(config.govcs.len(), 2);
    assert_eq!(config.goinsecure[0].as_str(), "c.example");
    assert_eq!(config.netrc.as_deref(), Some("/etc/netrc".as_ref()));
    assert_eq!(config.network.ca_file.as_deref(), Some("/etc/ca.pem".as_ref()));
    assert_eq!(config.network.no_proxy, ["localhost", ".example"]);
    assert_eq!(config.network.https_proxy.as_ref().unwrap().reveal(), "http://me:hunter2@proxy.example:3128");
    assert!(!loaded.to_table().contains("hunter2") && !loaded.to_json().to_string().contains("hunter2"));
    assert_eq!(origin(&loaded, "network.https_proxy"), "environment https_proxy");
}

#[test]
fn gonoproxy_cannot_narrow_what_was_declared_private_to_larder() {
    let sources = with_variables(bare(), &[("GONOPROXY", "b.example"), ("LARDER_PRIVATE", "a.example")]);
    let loaded = load(&sources).unwrap();
    assert_eq!(loaded.config.gonoproxy, loaded.config.private);
    let own = load(&with_flag(sources, "gonoproxy", "c.example")).unwrap();
    assert_eq!(own.config.gonoproxy[0].as_str(), "c.example");
}

#[test]
fn a_table_in_place_of_a_text_is_answered_with_an_example() {
    let told = mistakes(&file("[[vanity]]\npath = \"corp.example.com/lib\"\n")).join("\n");
    let example = "such as \"corp.example.com/lib=https://code.corp.example.com/lib.git\"";
    assert!(told.contains("vanity: invalid type: map") && told.contains(example), "{told}");
}

#[test]
fn a_pattern_of_go_that_can_never_match_is_a_mistake() {
    let found = mistakes(&with_variables(bare(), &[("GOPRIVATE", "a.example, b.example")]));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("GOPRIVATE: private: pattern ` b.example` can never match"), "{found:?}");
}

#[test]
fn port_means_all_addresses_until_listen_is_set() {
    let port = with_variables(file("listen = [\"127.0.0.1:1\"]"), &[("PORT", "8080")]);
    let loaded = load(&port).unwrap();
    assert_eq!(loaded.config.listen, [Listen { tls: false, place: Place::All(8080) }]);
    assert_eq!(origin(&loaded, "listen"), "environment PORT");
    let both = load(&with_variables(port, &[("LARDER_LISTEN", "127.0.0.1:2,[::1]:2")])).unwrap();
    assert_eq!(both.config.listen.len(), 2);
    assert!(
        mistakes(&with_variables(bare(), &[("PORT", "tcp")]))[0].starts_with("PORT: listen: `:tcp` is not")
    );
}

#[test]
fn the_data_directory_is_looked_for_in_order() {
    let data = |sources: &Sources| load(sources).unwrap().config.data.to_str().unwrap().to_owned();
    let xdg = with_variables(bare(), &[("XDG_DATA_HOME", "/xdg")]);
    assert_eq!(data(&xdg), "/xdg/larder");
    let state = with_variables(xdg, &[("STATE_DIRECTORY", "/var/lib/larder:/var/lib/other")]);
    assert_eq!(data(&state), "/var/lib/larder");
    let own = with_variables(state, &[("LARDER_DATA", "/own")]);
    assert_eq!(data(&own), "/own");
    assert_eq!(data(&with_flag(own, "data", "/flag")), "/flag");
    assert!(mistakes(&Sources::default())[0].contains("name a directory by --data or LARDER_DATA"));
}

#[test]
fn variables_of_kubernetes_services_are_passed_over() {
    let links = [
        ("LARDER_SERVICE_HOST", "10.0.0.1"),
        ("LARDER_SERVICE_PORT", "80"),
        ("LARDER_SERVICE_PORT_HTTP", "80"),
        ("LARDER_PORT", "tcp://10.0.0.1:80"),
        ("LARDER_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("LARDER_BLUE_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("LARDER_CONFIG", "/etc/larder/larder.toml"),
        ("LARDER_UPSTREAM", ""),
    ];
    assert!(load(&with_variables(bare(), &links)).is_ok());
}

#[test]
fn tables_can_be_written_as_text() {
    let variables = [
        ("LARDER_ROUTE", "a.example,b.example=https://one.example|direct; c.example=off"),
        ("LARDER_SUMDB", "off"),
    ];
    let loaded = load(&with_variables(bare(), &variables)).unwrap();
    assert_eq!(loaded.config.route.len(), 2);
    assert_eq!(loaded.config.route[0].patterns.len(), 2);
    assert_eq!(loaded.config.route[1].upstream.reveal(), "off");
    assert!(loaded.config.sumdb.is_empty());
    assert_eq!(loaded.to_json()["sumdb"]["value"], serde_json::json!(["off"]));
    let in_file = load(&file("listen = \":1, :2\"\nsumdb = \"off\"\nroute = [\"a.example=off\"]")).unwrap();
    assert_eq!(in_file.config.listen.len(), 2);
    assert_eq!(in_file.config.route.len(), 1);
}

#[test]
fn flags_of_one_list_add_up() {
    let sources = with_flag(with_flag(bare(), "private", "a.example"), "private", "b.example,c.example");
    assert_eq!(load(&sources).unwrap().config.private.len(), 3);
}

#[test]
fn all_mistakes_are_told_together_with_their_lines() {
    let text = "\
listen = [
  \"127.0.0.1:3000\",
  \"3000\",
]
sumdb = [\"off\", \"sum.golang.org\"]
cache = 5

[limits]
connections = \"many\"
header_bytes = 100

[timeout]
connect = 5
lookup = \"0s\"

[[route]]
match = [\"a.example\"]

[log]
format = \"yaml\"
";
    let found = mistakes(&with_flag(file(text), "cache.fresh", "1h"));
    let places: Vec<_> =
        found.iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        places,
        [
            "larder.toml:3: listen:",
            "larder.toml:5: sumdb:",
            "larder.toml:6: cache:",
            "larder.toml:9: limits.connections:",
            "larder.toml:10: limits.header_bytes:",
            "larder.toml:13: timeout.connect:",
            "larder.toml:14: timeout.lookup:",
            "larder.toml:16: route:",
            "larder.toml:20: log.format:",
            "--set cache.fresh:",
        ],
        "{found:#?}"
    );
    assert!(found[2].ends_with("is a section; write [cache], and its keys below"));
    assert!(found[5].contains("is a number here; write text in quotes"), "{found:#?}");
    assert!(
        found[8].contains("unknown variant `yaml`, expected one of `auto`, `text`, `json`"),
        "{found:#?}"
    );
}

#[test]
fn a_file_that_is_not_toml_is_told_with_its_line() {
    let found = mistakes(&file("listen = [\"127.0.0.1:3000\"]\nupstream = off\n[cache\n"));
    assert!(found[0].starts_with("larder.toml:2: "), "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("larder.toml:3: ")), "{found:?}");
}

#[test]
fn conflicts_between_keys_are_told_where_one_was_set() {
    let text = "govcs = [\"public:git\", \"public:hg\"]\nlisten = []\nsumdb = []\n[cache]\nstale = \"10s\"\n\
                [[route]]\nmatch = [\"a.example\"]\nupstream = \"off\"\n[[route]]\nmatch = [\"a.example\"]\nupstream = \"off\"";
    assert_eq!(
        mistakes(&file(text)),
        [
            "larder.toml:1: govcs: unreachable pattern in GOVCS: \"public:hg\" after \"public:git\"",
            "larder.toml:2: listen: the list is empty, so nobody could ask; write 127.0.0.1:3000",
            "larder.toml:3: sumdb: the list is empty; write `off` to do without a checksum database",
            "larder.toml:5: cache.stale: cache.fresh 1m is longer than cache.stale 10s; what is fresh is not yet stale",
            "larder.toml:6: route: `a.example` is matched by an earlier route, so it never comes to this one",
        ]
    );
}

#[test]
fn rules_for_upstreams_that_let_nothing_through_are_mistakes() {
    let text = "[retry]\nshare = 101\n[breaker]\ncalls = 0\nwindow = \"0s\"\npause = \"1m\"\n\
                [budget]\nsmall = 0\nlarge = 0\nwait = \"0s\"";
    let above = "write a duration above 0";
    assert_eq!(
        mistakes(&file(text)),
        [
            "larder.toml:2: retry.share: 101 percent is more than all; write 100 or less".to_owned(),
            "larder.toml:4: breaker.calls: 0 would let nothing through; write 1 or more".to_owned(),
            format!("larder.toml:5: breaker.window: 0s would end everything before it begins; {above}"),
            "larder.toml:6: breaker.pause: breaker.pause 1m is longer than breaker.pause_max 30s".to_owned(),
            "larder.toml:8: budget.small: 0 would let nothing through; write 1 or more".to_owned(),
            "larder.toml:9: budget.large: 0 would let nothing through; write 1 or more".to_owned(),
            format!("larder.toml:10: budget.wait: 0s would end everything before it begins; {above}"),
        ]
    );
}

#[test]
fn traces_that_could_not_be_sent_are_a_mistake() {
    let endpoint = |value: &str| mistakes(&file(&format!("[trace]\nendpoint = \"{value}\"\nsample = 101")));
    let sample = "larder.toml:3: trace.sample: 101 percent is more than all; write 100 or less";
    let wrong = if cfg!(feature = "otlp") {
        "127.0.0.1:4318 is not the address of a collector; write http://127.0.0.1:4318"
    } else {
        "this build has no traces; build with --features otlp, or leave it empty"
    };
    assert_eq!(
        endpoint("127.0.0.1:4318"),
        [format!("larder.toml:2: trace.endpoint: {wrong}"), sample.to_owned()]
    );
    assert_eq!(endpoint(""), [sample]);
}

#[test]
fn passwords_are_not_told_in_mistakes() {
    let variables = [
        ("LARDER_SUMDB", "sum.golang.org ftp://me:secret@a.example"),
        ("LARDER_ROUTE", "me:secret@b.example"),
    ];
    let found = mistakes(&with_variables(bare(), &variables));
    assert_eq!(found.len(), 2);
    assert!(!found.concat().contains("secret"), "{found:?}");
    for upstream in ["https://me:secret,x@a.example", "me:secret/x@a.example", "ftp://me:secret@a.example"] {
        let found = mistakes(&with_variables(bare(), &[("LARDER_UPSTREAM", upstream)]));
        assert!(!found.concat().contains("secret"), "{found:?}");
    }
}

#[test]
fn the_example_in_the_documents_loads() {
    let loaded = load(&file(reference::EXAMPLE)).unwrap();
    assert_eq!(origin(&loaded, "route"), "file larder.toml:7");
}

/// The generated documents, beside the crates.
fn document(name: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    std::fs::read_to_string(root.join("docs").join(name)).unwrap_or_default()
}

#[test]
fn the_generated_documents_are_fresh() {
    for (name, fresh) in [
        ("configure.md", reference::configure_md()),
        ("larder.schema.json", reference::json_schema()),
        ("metrics.md", larder::observe::families::reference()),
    ] {
        let refresh = format!("cargo run -p larder -- config reference {name} > docs/{name}");
        assert!(document(name) == fresh, "docs/{name} is older than the types: run `{refresh}`");
    }
}

#[test]
fn the_document_and_the_schema_name_every_key() {
    let (text, schema) = (reference::configure_md(), reference::json_schema());
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    for key in Keys::of_config().all() {
        assert!(
            text.contains(&format!("### `{}`", key.name)) && text.contains(&key.environment()),
            "{}",
            key.name
        );
        let place = format!("/properties/{}/description", key.name.replace('.', "/properties/"));
        assert!(schema.pointer(&place).is_some(), "{}", key.name);
    }
}

#[test]
fn tls_says_what_is_missing() {
    for (text, mistake) in [
        (
            "listen = [\":80\", \"https://:443\"]",
            "larder.toml:1: listen: https://:443 needs a certificate; name it by tls.cert",
        ),
        (
            "[tls]\ncert = \"/c\"\nkey = \"/k\"",
            "larder.toml:2: tls.cert: TLS is spoken nowhere; write https:// before",
        ),
        (
            "listen = [\"https://:443\"]\n[tls]\ncert = \"/c\"",
            "larder.toml:3: tls.cert: a certificate needs its key",
        ),
        (
            "listen = [\"https://:443\"]\n[tls]\nkey = \"/k\"",
            "larder.toml:3: tls.key: a key needs its certificate",
        ),
    ] {
        let found = mistakes(&file(text));
        assert!(found.len() == 1 && found[0].starts_with(mistake), "{text}: {found:?}");
    }
    load(&file("listen = [\"https://:443\"]\n[tls]\ncert = \"/c\"\nkey = \"/k\"")).unwrap();
}

#[test]
fn sockets_that_systemd_passes_are_the_least_of_what_sets_listen() {
    let passed = with_variables(bare(), &[("LISTEN_FDS", "1")]);
    let loaded = load(&passed).unwrap();
    assert_eq!(loaded.config.listen, ["systemd:".parse::<Listen>().unwrap()]);
    assert_eq!(origin(&loaded, "listen"), "environment LISTEN_FDS");
    let both = Sources { file: file("listen = [\":1\"]").file, ..passed };
    assert_eq!(load(&both).unwrap().config.listen, [":1".parse::<Listen>().unwrap()]);
}
