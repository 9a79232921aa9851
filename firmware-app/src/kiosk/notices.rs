//! Sentences that matter now. The gravest one is shown; a passing one goes by itself, an alarm stays until it was read, and
//! what holds on is shown whenever nothing else is.

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
        self.push(Item { sentence, detail, severity, until });
    }

    /// Stays until it is removed or was read; makes way for whatever else there is to say.
    pub(crate) fn hold(&mut self, sentence: Sentence, severity: Severity) {
        self.push(Item { sentence, detail: None, severity, until: None });
    }

    fn push(&mut self, item: Item) {
        self.remove(&item.sentence);
        if self.items.len() >= Self::MAX {
            let mildest = self.items.iter().map(|item| item.severity).min();
            let at = self.items.iter().position(|item| Some(item.severity) == mildest);
            at.and_then(|at| self.items.remove(at));
        }
        self.items.push_back(item);
    }

    /// It no longer holds.
    pub(crate) fn remove(&mut self, sentence: &Sentence) {
        self.items.retain(|item| item.sentence != *sentence);
    }

    /// The one to show: the newest of the gravest, alarms before what passes, that before what holds on.
    pub(crate) fn shown(&self) -> Option<&Item> {
        let rank = |item: &&Item| (item.severity == Severity::Alarm, item.until.is_some(), item.severity);
        self.items.iter().max_by_key(rank)
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

    #[test]
    fn what_holds_on_makes_way_and_is_shown_again() {
        let mut notices = Notices::default();
        let shown = |notices: &Notices| notices.shown().map(|item| item.sentence.clone());
        notices.hold(Sentence::ButtonsLost, Severity::Warning);
        notices.add(Sentence::HostHere, None, Severity::Info, Time::ZERO);
        assert_eq!(shown(&notices), Some(Sentence::HostHere));
        notices.handle_timeout(Time::from_millis(3_600_000));
        assert_eq!(shown(&notices), Some(Sentence::ButtonsLost));
        notices.dismiss();
        assert_eq!(shown(&notices), None);
    }
}
