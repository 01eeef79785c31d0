//! `GET flights`: what is being fetched now.

use std::sync::Arc;

use gomod::Request;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, Parts};
use crate::http::admin;
use crate::pipeline::view::UnderWay;

/// Flights that are told, the longest under way first.
const TOLD: usize = 1000;

/// What is being fetched.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flights {
    /// The flights, the longest under way first, at most 1000.
    pub flights: Vec<Flight>,
    /// How many there are.
    pub in_all: u64,
}

/// One fetch that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flight {
    /// What is asked for, as in a proxy's URL.
    pub path: String,
    /// The module, where it is one's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub module: Option<String>,
    /// When it began.
    pub since: Timestamp,
    /// Seconds since then.
    pub age_s: u64,
    /// The configured name of the source whose answer arrives; left out while one is still being asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// Bytes that have arrived.
    pub arrived_bytes: u64,
    /// The length that the source announced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size_bytes: Option<u64>,
    /// Requests that wait for it or follow it.
    pub followers: u64,
}

pub(super) fn answer(parts: Arc<Parts>) -> Answer {
    Box::pin(async move {
        let under_way = parts.pipeline.under_way();
        let in_all = under_way.len() as u64;
        let flights = under_way.into_iter().take(TOLD).map(|flight| told(&parts, flight)).collect();
        Ok(admin::json(&Flights { flights, in_all }))
    })
}

fn told(parts: &Parts, flight: UnderWay) -> Flight {
    Flight {
        path: flight.want.to_string(),
        module: Request::module(&flight.want).map(|path| path.as_str().to_owned()),
        since: flight.since,
        age_s: parts.clock.since(flight.since).as_secs(),
        source: flight.source.and_then(|source| source.to_str().ok().map(str::to_owned)),
        arrived_bytes: flight.arrived_bytes,
        size_bytes: flight.size_bytes,
        followers: flight.followers as u64,
    }
}
