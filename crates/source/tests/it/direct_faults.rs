//! Trouble at a repository is never taken for absence, whichever question meets it.

use std::time::Duration;

use gomod::Query;
use source::direct::CodeError;
use vcs::{Trouble, VcsError};

use crate::history::{History, ROOT, pseudo, version};

fn history() -> History {
    let retracting = ("go.mod", "module example.test/r\nretract v1.0.0\n");
    History::new().commit(&[retracting]).tag("v1.0.0").tag("v1.1.0+a").commit(&[retracting])
}

fn faults() -> [VcsError; 4] {
    let command = "git fetch".to_owned();
    [
        VcsError::Failed { command: command.clone(), trouble: Trouble::Auth, text: "denied".to_owned() },
        VcsError::Failed { command: command.clone(), trouble: Trouble::Network, text: String::new() },
        VcsError::Timeout { command, after: Duration::from_secs(1) },
        VcsError::Crowded { retry_after: Duration::from_secs(1) },
    ]
}

fn outcome<T>(answer: Result<T, CodeError>) -> &'static str {
    match answer {
        Ok(_) => "answered",
        Err(error) if error.is_absent() => "absent",
        Err(_) => "trouble",
    }
}

#[tokio::test]
async fn no_answer_turns_trouble_into_absence() {
    for question in ["tags", "stat", "read_file", "tags_behind", "descends_from", "archive"] {
        for fault in faults() {
            let (code, repo) = history().failing(question, fault).module(ROOT);
            let made = version(&pseudo("v1.1.1-0.", 1));
            let outcomes = [
                ("list", outcome(code.versions().await)),
                ("latest", outcome(code.latest().await)),
                ("branch", outcome(code.query(&Query::parse("main").unwrap()).await)),
                ("info", outcome(code.info(&version("v1.0.0")).await)),
                ("pseudo", outcome(code.info(&made).await)),
                ("mod", outcome(code.go_mod(&version("v1.0.0")).await)),
                ("zip", outcome(code.zip(&version("v1.0.0")).await)),
            ];
            for (what, outcome) in outcomes {
                assert_ne!(outcome, "absent", "{what} when {question} fails");
            }
            assert!(outcomes.iter().any(|(_, outcome)| *outcome == "trouble"), "{question} was not asked");
            assert!(repo.asked().iter().any(|asked| asked.starts_with(question)));
        }
    }
}

#[tokio::test]
async fn what_a_repository_does_not_have_is_absent_in_gos_words() {
    let (code, _) = history().module(ROOT);
    let unknown = code.info(&version("v9.0.0")).await.unwrap_err();
    assert!(unknown.is_absent());
    assert_eq!(unknown.to_string(), "example.test/r@v9.0.0: invalid version: unknown revision v9.0.0");
    let (code, _) = History::new().module(ROOT);
    let empty = code.latest().await.unwrap_err();
    assert!(empty.is_absent());
    assert_eq!(empty.to_string(), "module example.test/r: no matching versions for query \"latest\"");
}
