//! What the rooms want done, in order: the shell drains it after every input.
//!
//! It holds what one input made and no more; the bound is that of one input's consequences (at most a resume's whole
//! event log).

use std::collections::VecDeque;
use std::time::Duration;

use vestibule_common::control::{ErrorCode, RelayError, Tell, ToKiosk};

use super::{Action, ConnectionId};
use crate::route::RouteChange;

/// The actions that the shell has not taken yet.
#[derive(Default)]
pub(super) struct Outbox {
    actions: VecDeque<Action>,
}

impl Outbox {
    /// News, unasked.
    pub(super) fn tell(&mut self, connection: ConnectionId, body: Tell) {
        self.actions.push_back(Action::Tell { connection, message: ToKiosk { re: None, body } });
    }

    /// The one answer to a request.
    pub(super) fn answer(&mut self, connection: ConnectionId, request: u32, body: Tell) {
        self.actions.push_back(Action::Tell { connection, message: ToKiosk { re: Some(request), body } });
    }

    pub(super) fn route(&mut self, change: RouteChange) {
        self.actions.push_back(Action::Route(change));
    }

    pub(super) fn disconnect(&mut self, connection: ConnectionId) {
        self.actions.push_back(Action::Disconnect { connection });
    }

    pub(super) fn pop(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }
}

/// A request that is not carried out.
pub(super) fn refusal(code: ErrorCode, detail: impl Into<String>) -> RelayError {
    RelayError { code, detail: detail.into(), retry_after_ms: None }
}

/// A request that may be carried out a little later.
pub(super) fn not_yet(code: ErrorCode, detail: impl Into<String>, retry_after: Duration) -> RelayError {
    // Rounded up: whoever waits exactly this long must not come too early again.
    let ms = u64::try_from(retry_after.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
    RelayError { code, detail: detail.into(), retry_after_ms: Some(ms) }
}
