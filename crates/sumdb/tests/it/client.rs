//! The verifying client against databases that are honest, wrong and malicious, with Go's verdicts.

use std::collections::HashMap;

use sumdb::client::{ClientError, Evidence};
use testkit::cases;
use testkit::cases::Case;

use crate::driver::{Driver, Stopped};
use crate::note::{TEST, verifier};
use crate::record::module;

/// The height of the tiles in the cases.
const HEIGHT: u8 = 2;

type World = HashMap<String, Vec<u8>>;

/// What a run over all cases has seen, so that it can be told that it saw something.
#[derive(Default, Debug)]
struct Seen {
    believed: u32,
    refused: u32,
    /// Refused by Go, and believed here, rightly.
    forgiven: u32,
    forks: u32,
}

#[test]
fn lookups_are_believed_as_go_believes_them() {
    let (mut worlds, mut seen) = (Vec::<World>::new(), Seen::default());
    let mut driver = Driver::new(b"", HEIGHT).unwrap();
    let mut truth = &HashMap::new();
    let all = cases!("client");
    let (remotes, scenarios): (Vec<&Case>, Vec<&Case>) =
        all.iter().partition(|case| matches!(case.word(0), "world" | "remote"));
    for case in remotes {
        match case.word(0) {
            "world" => worlds.push(World::new()),
            _ => drop(worlds.last_mut().unwrap().insert(case.text(1).to_owned(), case.bytes(2).to_vec())),
        }
    }
    let mut fork = None;
    for case in scenarios {
        match case.word(0) {
            "scenario" => truth = &worlds[usize::try_from(case.number(2)).unwrap()],
            "remembered" => {
                driver = Driver::new(case.bytes(1), HEIGHT).unwrap();
                driver.remote.clone_from(truth);
                fork = None;
            }
            "set" => drop(driver.remote.insert(case.text(1).to_owned(), case.bytes(2).to_vec())),
            "drop" => drop(driver.remote.remove(case.text(1))),
            "lookup" => fork = lookup(case, &mut driver, truth, &mut seen),
            "security" => {
                let evidence: Box<Evidence> =
                    fork.take().unwrap_or_else(|| panic!("{case}: no fork was found"));
                assert_evidence(case, &evidence);
            }
            other => panic!("{other}"),
        }
    }
    assert!(seen.believed > 300 && seen.refused > 100 && seen.forks > 30, "{seen:?}");
    assert!(seen.forgiven < seen.refused / 4, "{seen:?}");
}

/// Looks a module version up and compares the verdict; gives the evidence if there is a fork.
fn lookup(case: &Case, driver: &mut Driver, truth: &World, seen: &mut Seen) -> Option<Box<Evidence>> {
    let module = module(case.text(1), case.text(2));
    let kept = driver.memory.len();
    let ours = driver.lookup(&module);
    let is_ok = case.is_ok(4);
    match ours {
        Ok(authentic) => {
            let (path, version) = (case.text(1), case.text(2));
            let lines: Vec<&str> = authentic
                .record()
                .lines(path, version)
                .chain(authentic.record().lines(path, &format!("{version}/go.mod")))
                .collect();
            if is_ok {
                assert_eq!(lines.join("\n"), case.text(5), "{case}");
                assert_eq!(driver.newest(), case.number(3), "{case}");
                assert!(driver.rounds <= 1, "tiles were waited for {} times: {case}", driver.rounds);
                seen.believed += 1;
            } else {
                // Go also fetches tiles that prove nothing of this; whoever believes without them is still right.
                let answer = &truth[&format!("/{}", sumdb::client::Lookup::path(&module))];
                assert!(
                    answer.windows(lines[0].len()).any(|part| part == lines[0].as_bytes()),
                    "believed a lie: {case}"
                );
                seen.forgiven += 1;
            }
            assert_eq!(driver.durable, driver.client.newest().note(), "{case}");
            None
        }
        Err(error) => {
            // An authentic record of another module is no answer here, and one without lines for Go.
            let no_lines = matches!(error, Stopped::Refused(ClientError::OtherModule { .. }));
            assert!(!is_ok || (no_lines && case.text(5).is_empty()), "{case}: {error:?}");
            assert_eq!(driver.memory.len(), kept, "nothing is kept of what is refused: {case}");
            seen.refused += 1;
            match error {
                Stopped::Refused(ClientError::Fork(evidence)) => {
                    seen.forks += 1;
                    Some(evidence)
                }
                _ => None,
            }
        }
    }
}

/// What is wrong is the same as Go says, in the same words where Go has a proof at all, and anyone can check it.
fn assert_evidence(case: &Case, evidence: &Evidence) {
    evidence.check(&verifier(TEST)).unwrap_or_else(|error| panic!("{case}: {error}"));
    let (ours, theirs) = (evidence.to_string(), case.text(1));
    assert_eq!(Evidence::parse(&ours).as_ref(), Ok(evidence), "{case}");
    // Of two trees of one size, or of none, either can be called the older; Go has no proof for an empty one.
    if theirs.contains("internal error") || evidence_sizes_agree(evidence) {
        return;
    }
    assert_eq!(ours, theirs, "{case}");
    assert_eq!(Evidence::parse(theirs).as_ref(), Ok(evidence), "{case}");
}

fn evidence_sizes_agree(evidence: &Evidence) -> bool {
    evidence.older().lines().nth(1) == evidence.newer().lines().nth(1)
}
