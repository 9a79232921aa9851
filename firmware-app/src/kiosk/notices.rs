//! Sentences that matter now. The gravest one is shown; a passing one goes by itself, an alarm stays until it was read.

use std::collections::VecDeque;

use vestibule_common::time::{Duration, Time};

use crate::view::Severity;
use crate::view::words::Sentence;

/// A sentence and until when it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Item {
    pub(crate) sentence: Sentence,
    pub(crate) detail: Option<String>,
    pub(crate) severity: Severity,
    until: Option<Time>,
}

/// The sentences.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    items: VecDeque<Item>,
}

impl Notices {
    /// Beyond it the oldest of the least grave go.
    const MAX: usize = 8;

    pub(crate) fn add(&mut self, sentence: Sentence, detail: Option<String>, severity: Severity, now: Time) {
        let until = match severity {
            Severity::Info => Some(now + Duration::from_secs(6)),
            Severity::Warning => Some(now + Duration::from_secs(20)),
            Severity::Alarm => None,
        };
        self.remove(&sentence);
        if self.items.len() >= Self::MAX {
            let mildest = self.items.iter().map(|item| item.severity).min();
            let at = self.items.iter().position(|item| Some(item.severity) == mildest);
            at.and_then(|at| self.items.remove(at));
        }
        self.items.push_back(Item { sentence, detail, severity, until });
    }

    /// It no longer holds.
    pub(crate) fn remove(&mut self, sentence: &Sentence) {
        self.items.retain(|item| item.sentence != *sentence);
    }

    /// The one to show: the newest of the gravest.
    pub(crate) fn shown(&self) -> Option<&Item> {
        self.items.iter().max_by_key(|item| item.severity)
    }

    /// The one that is shown was read.
    pub(crate) fn dismiss(&mut self) {
        if let Some(sentence) = self.shown().map(|item| item.sentence.clone()) {
            self.remove(&sentence);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.items.iter().filter_map(|item| item.until).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) {
        self.items.retain(|item| item.until.is_none_or(|until| now < until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_is_shown_and_an_alarm_stays() {
        let mut notices = Notices::default();
        notices.add(Sentence::Ready, None, Severity::Alarm, Time::ZERO);
        for _ in 0..20 {
            notices.add(Sentence::HostHere, None, Severity::Info, Time::ZERO);
        }
        for seconds in 0..20 {
            notices.add(Sentence::RelayGone { seconds }, None, Severity::Warning, Time::ZERO);
        }
        assert_eq!(notices.items.len(), Notices::MAX);
        assert_eq!(notices.shown().unwrap().sentence, Sentence::Ready);
        notices.handle_timeout(Time::from_millis(3_600_000));
        assert_eq!(notices.shown().unwrap().sentence, Sentence::Ready);
        notices.dismiss();
        assert_eq!(notices.shown(), None);
    }
}
