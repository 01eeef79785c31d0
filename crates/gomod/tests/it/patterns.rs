//! Patterns of module paths, compared with Go.

use gomod::Patterns;
use testkit::cases;

#[test]
fn patterns_match_what_go_matches() {
    for case in cases!("match_prefix_patterns") {
        let patterns = Patterns::parse(case.text(0));
        let wanted = case.is(2, "true");
        assert_eq!(patterns.matches(case.text(1)), wanted, "{case}");
        assert!(patterns.matches_folded(case.text(1)) || !wanted, "{case}");
        assert_eq!(Patterns::parse(&patterns.to_string()).matches(case.text(1)), wanted, "{case}");
    }
}

#[test]
fn case_is_left_out_of_account_where_asked() {
    let patterns = Patterns::parse("github.com/Acme/*,Git.Example.com,x.y/[A-C]/?");
    for path in ["github.com/acme/x", "GITHUB.com/ACME/x", "git.example.com/a/b", "x.y/B/Z", "x.y/b/z/w"] {
        assert!(patterns.matches_folded(path), "{path}");
    }
    assert!(!patterns.matches("github.com/acme/x"));
    assert!(!patterns.matches_folded("github.com/acme"));
    assert!(Patterns::parse("x.y/[Z-a]").matches_folded("x.y/_"));
}

#[test]
fn a_star_may_end_within_a_character_as_in_go() {
    assert!(Patterns::parse("*??").matches("日"));
    assert!(!Patterns::parse("??").matches("日"));
}

#[test]
fn stars_and_question_marks_do_not_cross_a_slash() {
    // A slash in a class counts as the end of an element, so here the text has one more than there are elements.
    for glob in ["*[/x]", "a?[/x]"] {
        assert!(!Patterns::parse(glob).matches("a/x"), "{glob}");
    }
    assert!(Patterns::parse("*[/]x").matches("a/x/y"));
}

#[test]
fn lists_are_made_of_entries_with_something_in_them() {
    assert!(Patterns::parse("").is_empty());
    assert!(Patterns::parse(",,/,").is_empty());
    assert!(Patterns::default().is_empty());
    assert_eq!(Patterns::parse(",a.b/,,c*,").to_string(), "a.b,c*");
    assert_eq!(["a.b", "c,d/"].into_iter().collect::<Patterns>(), Patterns::parse("a.b,c,d"));
    assert!(!Patterns::parse(" a.b").matches("a.b"), "entries are not trimmed");
}

#[test]
fn long_globs_take_no_more_than_the_product_of_the_lengths() {
    let glob = "*a".repeat(2000);
    let text = "a".repeat(4000);
    assert!(Patterns::parse(&glob).matches(&text));
    assert!(!Patterns::parse(&format!("{glob}b")).matches(&text));
}
