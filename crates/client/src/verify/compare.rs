//! One module version: what is claimed, what the database says, what the proxy serves.

use gomod::gosum::Summed;
use gomod::{H1, ModuleVersion};
use sumdb::record::Sums;

use super::proxy::{Proxy, Served};
use super::report::told;
use super::{Claims, Finding, Kind, Report};
use crate::database::{Class, Database, Fault};

/// What was answered of a version.
pub(super) struct Answer {
    sums: Result<Sums, Fault>,
    served: Served,
}

/// Asks the database and the proxy at once.
pub(super) async fn ask(database: &Database, proxy: Option<&Proxy>, module: &ModuleVersion) -> Answer {
    let served = async {
        match proxy {
            Some(proxy) => proxy.serves(module).await,
            None => Served::default(),
        }
    };
    let (recorded, served) = tokio::join!(database.lookup(module), served);
    Answer { sums: recorded.map(|recorded| recorded.sums), served }
}

/// Compares.
pub(super) fn judge(report: &mut Report, claims: &Claims, answer: &Answer) {
    let Claims { module, claims } = claims;
    for claim in claims {
        let mut finding = Finding::of_line(Kind::Differs, claim.place.clone(), String::new());
        finding.name(module, claim.of);
        finding.here = Some(claim.hash);
        let sums = match &answer.sums {
            Ok(sums) => sums,
            Err(fault) => {
                finding.kind = match fault.class() {
                    Class::Absent => Kind::Absent,
                    Class::Unreachable => Kind::Unreachable,
                    Class::Wrong => Kind::Unbelievable,
                };
                finding.what = told(fault);
                report.find(finding);
                continue;
            }
        };
        let recorded = hash_of(sums, claim.of);
        if recorded == claim.hash {
            report.same += 1;
        } else {
            finding.database = Some(recorded);
            "the checksum database says another hash".clone_into(&mut finding.what);
            report.find(finding);
        }
    }
    serves(report, claims.first().map(|claim| claim.place.clone()), module, answer);
}

/// What the proxy serves, against the record; without one against nothing.
fn serves(report: &mut Report, place: Option<super::Place>, module: &ModuleVersion, answer: &Answer) {
    let (Ok(sums), Some(place)) = (&answer.sums, place) else { return };
    for (of, served) in [(Summed::Zip, &answer.served.zip), (Summed::GoMod, &answer.served.go_mod)] {
        let recorded = hash_of(sums, of);
        let mut finding = Finding::of_line(Kind::Proxy, place.clone(), String::new());
        finding.name(module, of);
        match served {
            None => {}
            Some(Ok(served)) if *served == recorded => report.served += 1,
            Some(Ok(served)) => {
                finding.database = Some(recorded);
                finding.proxy = Some(*served);
                "the proxy serves other bytes than the checksum database has recorded"
                    .clone_into(&mut finding.what);
                report.find(finding);
            }
            Some(Err(why)) => {
                finding.kind = Kind::ProxyUnreachable;
                finding.what = format!("the proxy: {why}");
                report.find(finding);
            }
        }
    }
}

fn hash_of(sums: &Sums, of: Summed) -> H1 {
    match of {
        Summed::Zip => sums.zip,
        Summed::GoMod => sums.go_mod,
    }
}
