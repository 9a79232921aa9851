//! What is known of the network in a meeting: what the media threads count (`count`), samples of it once a second (`sample`),
//! the last two minutes of them (`history`), whose network is weak (`verdict`), and the same numbers as a table (`csv`).

mod count;
mod csv;
mod history;
mod own;
mod sample;
#[cfg(test)]
mod tests;
mod verdict;

use vestibule_common::id::PeerId;
use vestibule_common::time::Time;

use super::effect::Effect;
use super::{Activity, Kiosk};
use crate::view::{Graphs, Panel};
pub use count::{
    Counters, Down, Jitter, PictureTimes, RoomCount, Sampler, SoundSpan, Totals, Up, VoiceCount,
};
pub use csv::{csv, lines};
pub use history::{KEPT, MAX_ROOMS, Moment, NetworkHistory};
pub(crate) use own::OwnLink;
pub use sample::{
    Direction, Layer, Layers, Limit, LinkQuality, LinkSample, NetworkSample, PerSecond, RoomSample, Share,
    Stages,
};
pub use verdict::{Judgement, Trouble, Verdict, judge};

/// The network as the kiosk's core knows it. It outlives the meeting, so that the caretaker can write it down after it,
/// and begins anew with the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    pub(crate) history: NetworkHistory,
    pub(crate) judgement: Judgement,
    /// Whose numbers are shown: another room's, or this one's.
    pub(crate) shown: Option<PeerId>,
    /// What the others are told of this room's network.
    pub(crate) own: OwnLink,
    /// As they are shown, while they are; made once a sample.
    pub(crate) graphs: Option<Graphs>,
}

impl Kiosk {
    /// The newest sample; outside of a meeting there is nothing that it could be of.
    pub(super) fn network_sampled(&mut self, mut sample: NetworkSample, now: Time) {
        let Some(meeting) = self.session.meeting() else { return };
        for member in meeting.roster.others() {
            let Some(room) = sample.rooms.get_mut(&member.id()) else { continue };
            room.quality = member.state.link.filter(|_| member.present && meeting.online());
            // Its pictures are missing only if it says that there are some.
            if member.state.camera_off || !member.present || !meeting.online() {
                room.without_pictures();
            }
        }
        let others = meeting.roster.others().map(|member| {
            let peer = member.id();
            (peer, meeting.label(&peer).unwrap_or(member.name.as_str()))
        });
        let into = self.time_in_meeting(now);
        self.network.history.record(sample, others, now, into);
        self.network.judgement = judge(&self.network.judgement, &self.network.history);
        self.network.own.weigh(self.network.judgement.own_quality(), now);
        self.draw_network();
    }

    /// Shows this room's numbers, or another's.
    pub(super) fn show_network_of(&mut self, peer: Option<PeerId>) {
        let known = |peer: &PeerId| self.session.meeting().is_some_and(|m| m.member(peer).is_some());
        if peer.as_ref().is_none_or(known) {
            self.network.shown = peer;
            self.draw_network();
        }
    }

    /// A room has left: nothing more is said of it.
    pub(super) fn network_without_the_gone(&mut self) {
        let known = |peer: &PeerId| self.session.meeting().is_some_and(|m| m.member(peer).is_some());
        self.network.history.keep_only(known);
        self.network.judgement = judge(&self.network.judgement, &self.network.history);
        self.network.shown = self.network.shown.filter(known);
        self.draw_network();
    }

    /// Makes what the page shows; nothing, while nobody looks.
    pub(super) fn draw_network(&mut self) {
        let open = self.activity() == Activity::Meeting && self.stay.panel == Some(Panel::Network);
        let network = &mut self.network;
        network.graphs = open.then(|| Graphs::of(&network.history, network.shown));
    }

    /// Has what is known of the network written down for the caretaker.
    pub(super) fn write_network_log(&mut self) {
        if !self.network.history.is_empty() {
            self.effects.push_back(Effect::WriteNetworkLog(csv(&self.network.history)));
        }
    }

    /// The newest numbers, a line for the own link and one for each room, for whoever observes the kiosk.
    pub fn network_lines(&self) -> Vec<String> {
        lines(&self.network.history)
    }
}
