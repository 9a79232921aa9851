//! The audio gate as the kiosk wants it and as it reports itself. What is shown follows the report alone; a gate that
//! does not confirm is a fault, to be treated as live.

use vestibule_common::time::{Duration, Time};

use super::effect::{GateState, LampState};
use super::news::GateReport;
use crate::view::Microphone;

/// How long the gate may take to confirm.
const CONFIRM_WITHIN: Duration = Duration::from_millis(300);
/// Between two tries with a gate that does not confirm.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What is known of the gate.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    wanted: GateState,
    report: Option<GateReport>,
    /// When a confirmation is overdue, or the next try is due.
    due: Option<Time>,
    overdue: bool,
    /// It was asked to open and has said nothing since: it may be open already.
    opening: bool,
}

impl Gate {
    /// A gate that was just asked to close.
    pub(crate) fn new(now: Time) -> Gate {
        Gate {
            wanted: GateState::Closed,
            report: None,
            due: Some(now + CONFIRM_WITHIN),
            overdue: false,
            opening: false,
        }
    }

    /// What it should do. Returns whether to tell it.
    pub(crate) fn want(&mut self, wanted: GateState, now: Time) -> bool {
        if self.wanted == wanted {
            return false;
        }
        self.wanted = wanted;
        self.opening |= wanted == GateState::Open;
        self.due = Some(now + CONFIRM_WITHIN);
        true
    }

    /// What it says it does. Returns whether to tell it once more what it should do.
    pub(crate) fn report(&mut self, report: GateReport, now: Time) -> bool {
        let (confirmed, faulty) = match &report {
            GateReport::Open => (self.wanted == GateState::Open, false),
            GateReport::Closed => (self.wanted == GateState::Closed, false),
            GateReport::Missing(_) => (true, false),
            GateReport::Fault(_) => (false, true),
        };
        self.report = Some(report);
        // A report that says closed may have been under way when the gate was asked to open.
        self.opening = self.wanted == GateState::Open && !confirmed;
        if confirmed {
            self.due = None;
            self.overdue = false;
            return false;
        }
        // A report that was under way when the wish changed is overtaken by the next one.
        let unasked = self.due.is_none();
        if unasked {
            self.due = Some(now + if faulty { ASK_AGAIN } else { CONFIRM_WITHIN });
        }
        unasked && !faulty
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.due
    }

    /// Returns whether to tell it once more, and whether it has just become overdue.
    pub(crate) fn handle_timeout(&mut self, now: Time) -> (bool, bool) {
        if self.due.is_none_or(|due| now < due) {
            return (false, false);
        }
        self.due = Some(now + ASK_AGAIN);
        let new = !self.overdue;
        self.overdue = true;
        (true, new)
    }

    /// What it should do.
    pub(crate) fn wanted(&self) -> GateState {
        self.wanted
    }

    /// What it says of itself.
    pub(crate) fn last_report(&self) -> Option<&GateReport> {
        self.report.as_ref()
    }

    /// For the screen.
    pub(crate) fn microphone(&self) -> Microphone {
        match &self.report {
            Some(GateReport::Missing(_)) => Microphone::Missing,
            Some(GateReport::Open) if !self.overdue => Microphone::Live,
            Some(GateReport::Closed) if !self.overdue => Microphone::Muted,
            Some(GateReport::Open | GateReport::Closed | GateReport::Fault(_)) | None => Microphone::Fault,
        }
    }

    /// For the lamp: lit means that no sample leaves, so it goes dark before the gate opens and is lit after the gate
    /// has closed. `None` before the gate has said anything.
    pub(crate) fn lamp(&self) -> Option<LampState> {
        if self.report.is_none() && !self.overdue {
            return None;
        }
        Some(match self.microphone() {
            Microphone::Live => LampState::Off,
            Microphone::Muted | Microphone::Missing if self.opening => LampState::Off,
            Microphone::Muted | Microphone::Missing => LampState::On,
            Microphone::Fault => LampState::Fault,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    #[test]
    fn what_is_shown_follows_the_report_and_never_the_wish() {
        let mut gate = Gate::new(at(0));
        assert_eq!((gate.lamp(), gate.microphone()), (None, Microphone::Fault), "nothing is known yet");
        gate.report(GateReport::Closed, at(10));
        assert_eq!((gate.lamp(), gate.microphone()), (Some(LampState::On), Microphone::Muted));
        assert!(gate.want(GateState::Open, at(20)));
        assert_eq!(gate.microphone(), Microphone::Muted, "asked is not done");
        assert_eq!(gate.lamp(), Some(LampState::Off), "it may be open before it says so");
        assert!(!gate.report(GateReport::Open, at(30)));
        assert_eq!((gate.lamp(), gate.microphone()), (Some(LampState::Off), Microphone::Live));
        assert_eq!(gate.poll_timeout(), None);
    }

    #[test]
    fn the_lamp_is_dark_from_before_the_gate_opens_until_it_says_that_it_has_closed() {
        let mut gate = Gate::new(at(0));
        gate.report(GateReport::Closed, at(10));
        gate.want(GateState::Open, at(20));
        gate.report(GateReport::Closed, at(21));
        assert_eq!(gate.lamp(), Some(LampState::Off), "that was said before it was asked");
        gate.want(GateState::Closed, at(22));
        assert_eq!(gate.lamp(), Some(LampState::Off), "it may have opened in between");
        gate.report(GateReport::Closed, at(23));
        assert_eq!(gate.lamp(), Some(LampState::On));
    }

    #[test]
    fn a_microphone_that_comes_back_has_its_gate_opened_after_the_lamp_went_dark() {
        let mut gate = Gate::new(at(0));
        gate.report(GateReport::Closed, at(10));
        gate.want(GateState::Open, at(20));
        gate.report(GateReport::Open, at(30));
        gate.report(GateReport::Missing(crate::device::DeviceError::Lost("card".into())), at(40));
        assert_eq!(gate.lamp(), Some(LampState::On), "nothing can leave");
        assert!(gate.report(GateReport::Closed, at(50)), "told again to open,");
        assert_eq!(gate.lamp(), Some(LampState::Off), "and dark before it is");
        gate.report(GateReport::Open, at(60));
        assert_eq!((gate.lamp(), gate.microphone()), (Some(LampState::Off), Microphone::Live));
        // Opened by a person while it is gone: it may be back before it is said.
        gate.report(GateReport::Missing(crate::device::DeviceError::Lost("card".into())), at(70));
        gate.want(GateState::Closed, at(80));
        gate.want(GateState::Open, at(90));
        assert_eq!(gate.lamp(), Some(LampState::Off));
    }

    #[test]
    fn a_gate_that_does_not_confirm_is_a_fault_after_300_ms() {
        let mut gate = Gate::new(at(0));
        gate.report(GateReport::Open, at(1));
        assert_eq!(gate.poll_timeout(), Some(at(300)));
        assert_eq!(gate.handle_timeout(at(299)), (false, false));
        assert_eq!(gate.microphone(), Microphone::Live, "it says so, and it is true");
        assert_eq!(gate.handle_timeout(at(300)), (true, true));
        assert_eq!((gate.lamp(), gate.microphone()), (Some(LampState::Fault), Microphone::Fault));
        assert_eq!(gate.handle_timeout(at(1300)), (true, false), "asked again, told once");
        gate.report(GateReport::Closed, at(1310));
        assert_eq!((gate.lamp(), gate.microphone()), (Some(LampState::On), Microphone::Muted));
    }

    #[test]
    fn a_gate_that_opens_by_itself_is_shown_live_and_told_to_close() {
        let mut gate = Gate::new(at(0));
        gate.report(GateReport::Closed, at(1));
        assert!(gate.report(GateReport::Open, at(1000)));
        assert_eq!(gate.microphone(), Microphone::Live);
        assert_eq!(gate.handle_timeout(at(1300)), (true, true));
        assert!(!gate.report(GateReport::Fault("underrun".into()), at(1400)));
        assert_eq!(gate.microphone(), Microphone::Fault);
    }
}
