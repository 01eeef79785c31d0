//! Rules of GOVCS.

use gomod::govcs::GoVcs;

fn refusal(setting: &str) -> String {
    match GoVcs::parse(setting) {
        Ok(rules) => panic!("{setting} is {rules:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn mistakes_are_told_in_go_s_words() {
    for (setting, wanted) in [
        ("public:git,", "empty entry in GOVCS"),
        ("public:git,,private:all", "empty entry in GOVCS"),
        (" x ", "malformed entry in GOVCS (missing colon): \"x\""),
        (":git", "empty pattern in GOVCS: \":git\""),
        ("x:", "empty VCS list in GOVCS: \"x:\""),
        ("x: ", "empty VCS list in GOVCS: \"x:\""),
        ("x:git|", "empty VCS name in GOVCS: \"x:git|\""),
        ("./x:git", "relative pattern not allowed in GOVCS: \"./x\""),
        ("..:git", "relative pattern not allowed in GOVCS: \"..\""),
        ("x:git, x:hg", "unreachable pattern in GOVCS: \"x:hg\" after \"x:git\""),
    ] {
        assert_eq!(refusal(setting), wanted);
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rules = GoVcs::parse(" example.com/a : off , example.com: git | svn ,private:hg").unwrap();
    let allows = |vcs, root, private| rules.check(vcs, root, private).is_ok();
    assert!(!allows("git", "example.com/a", false));
    assert!(allows("svn", "example.com/b", true) && !allows("hg", "example.com/b", true));
    assert!(allows("hg", "other.org/x", true) && !allows("git", "other.org/x", true));
    assert!(
        allows("git", "other.org/x", false) && !allows("svn", "other.org/x", false),
        "Go's default comes last"
    );
    assert!(allows("mod", "example.com/a", false));
    assert_eq!(
        rules.check("git", "example.com/a", false).map_err(|refusal| refusal.to_string()),
        Err("GOVCS disallows using git for public example.com/a; see 'go help vcs'".to_owned())
    );
}

#[test]
fn the_default_is_that_of_go() {
    for rules in [GoVcs::default(), GoVcs::parse(" ").unwrap()] {
        assert!(rules.check("fossil", "example.com", true).is_ok());
        assert!(rules.check("hg", "example.com", false).is_ok());
        assert!(rules.check("fossil", "example.com", false).is_err());
    }
}

#[test]
fn a_system_is_allowed_somewhere_if_a_rule_that_counts_allows_it() {
    let allows =
        |setting: &str, vcs, has_private| GoVcs::parse(setting).unwrap().allows_somewhere(vcs, has_private);
    assert!(allows("", "git", false) && allows("", "hg", false) && !allows("", "svn", false));
    assert!(allows("", "svn", true));
    assert!(!allows("private:git", "svn", true), "the default's rule stands behind it");
    assert!(!allows("public:git", "hg", false));
    assert!(allows("example.com:fossil", "fossil", false));
    assert!(!allows("public:off,private:off", "git", true));
}
