//! How many answers from files and flights are being sent at once, in all and to each address.
//!
//! Each such answer holds what its reader has not taken: up to 64 KiB gathered for its connection or stream and one
//! piece: 64 KiB, or 8 KiB when very many read (`body`). So 4096 of them hold 288 MiB as a rule, 512 MiB at the very worst, and
//! 1024 of one address a quarter of that, however many connections and HTTP/2 streams with shut windows they come by. Answers from memory share what is held
//! and never come here. Beyond a bound is refused with 503.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;

use super::Service;
use crate::auth::{Block, Identity, Shares};
use crate::cache::Content;
use crate::observe::Reason;
use crate::pipeline::{Answer, AnswerContent, Error};

/// How many may be sent.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// In all.
    pub all: usize,
    /// To one address.
    pub per_address: usize,
    /// Whose share an address uses.
    pub shares: Shares,
}

/// The answers that are being sent.
#[derive(Debug, Default)]
pub(super) struct Downloads(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    all: usize,
    each: HashMap<Block, usize>,
}

/// An answer's place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Sending {
    downloads: Arc<Downloads>,
    block: Option<Block>,
}

/// Which bound stands against one more, and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) reason: Reason,
    pub(super) most: usize,
}

impl Downloads {
    /// A place for one more answer.
    pub(super) fn begin(self: &Arc<Self>, peer: Option<IpAddr>, bounds: &Bounds) -> Result<Sending, Refused> {
        let block = bounds.shares.of(peer);
        let mut state = self.state();
        if state.all >= bounds.all {
            return Err(Refused { reason: Reason::Downloads, most: bounds.all });
        }
        if let Some(block) = block {
            let here = state.each.get(&block).copied().unwrap_or(0);
            if here >= bounds.per_address {
                return Err(Refused { reason: Reason::AddressDownloads, most: bounds.per_address });
            }
            state.each.insert(block, here + 1);
        }
        state.all += 1;
        Ok(Sending { downloads: self.clone(), block })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// The place that an answer needs to be sent, if it needs one.
    pub(super) fn sending(
        &self,
        answer: &Answer,
        method: &Method,
        who: &Identity,
    ) -> Result<Option<Sending>, Error> {
        let is_large = match &answer.content {
            AnswerContent::Held(held) => matches!(held.content, Content::File(_)),
            AnswerContent::Arriving(..) => true,
            AnswerContent::Passed(_) => false,
        };
        if !is_large || method == Method::HEAD {
            return Ok(None);
        }
        let begun = self.downloads.begin(who.peer, &self.settings.now().downloads);
        begun.map(Some).map_err(|refused| self.pipeline.overloaded(refused.reason, refused.most))
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let mut state = self.downloads.state();
        state.all = state.all.saturating_sub(1);
        if let Some(block) = self.block
            && let Some(here) = state.each.get_mut(&block)
        {
            *here = here.saturating_sub(1);
            if *here == 0 {
                state.each.remove(&block);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_its_share_all_have_the_whole_and_nothing_is_left_behind() {
        let (downloads, bounds) =
            (Arc::<Downloads>::default(), Bounds { all: 3, per_address: 2, shares: Shares::default() });
        let begin = |last: u8| downloads.begin(Some([192, 0, 2, last].into()), &bounds);
        let first = [begin(1).unwrap(), begin(1).unwrap()];
        let refused = Refused { reason: Reason::AddressDownloads, most: 2 };
        assert_eq!(begin(1).unwrap_err(), refused);
        let other = begin(2).unwrap();
        assert_eq!(begin(3).unwrap_err(), Refused { reason: Reason::Downloads, most: 3 });
        drop(first);
        drop((begin(3).unwrap(), other));
        assert!(downloads.state().each.is_empty() && downloads.state().all == 0);
    }
}
