//! The network page: whose numbers, the verdict in a sentence, two minutes of each quantity (made in `graphs`), and where a
//! picture's time goes. Numbers only; their scale, their ticks and their names are the screen's.

mod graphs;

use std::sync::Arc;

use serde::{Serialize, Serializer};
use vestibule_common::id::PeerId;

use super::words::{NetworkWords, Sentence};
use crate::kiosk::Kiosk;
use crate::kiosk::network::Verdict;
use crate::session::Meeting;

/// How the network is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct VerdictView {
    /// "Good", "Weak: Workshop".
    pub text: String,
    /// How bad it is.
    pub tone: Tone,
}

/// How bad the network is.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Tone {
    /// Nothing is known.
    Unknown,
    /// All is well.
    Good,
    /// It is weak, or something does not arrive.
    Weak,
}

/// The network page.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NetworkView {
    /// The verdict in a sentence.
    pub verdict: VerdictView,
    /// This room and each other one.
    pub rooms: Vec<NetworkChip>,
    /// What is drawn; the same until a second has passed.
    pub graphs: Graphs,
}

/// Whose numbers may be chosen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NetworkChip {
    /// Another room's; this one's if absent.
    pub of: Option<PeerId>,
    /// Its name.
    pub label: String,
    /// Its numbers are shown.
    pub chosen: bool,
    /// Its network is weak.
    pub weak: bool,
}

/// Everything that is drawn, shared between one view and the next.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Graphs(Arc<Drawn>);

#[derive(PartialEq, Eq, Debug, Default, Serialize)]
struct Drawn {
    stages: Option<StagesView>,
    graphs: Vec<GraphView>,
}

impl Graphs {
    /// Where the pictures' time goes; this room's own pictures have no such way.
    pub fn stages(&self) -> Option<&StagesView> {
        self.0.stages.as_ref()
    }

    /// The graphs, the most telling ones first.
    pub fn graphs(&self) -> &[GraphView] {
        &self.0.graphs
    }
}

impl Serialize for Graphs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Two minutes of one quantity.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct GraphView {
    /// Which.
    pub quantity: Quantity,
    /// One to three lines.
    pub series: Vec<SeriesView>,
}

/// One line of a graph.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SeriesView {
    /// What it is.
    pub trace: Trace,
    /// Its points.
    pub points: Points,
}

/// [`KEPT`](crate::kiosk::network::KEPT) values, a second apart, the newest last, in thousandths of the quantity's unit; absent where not known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Points(pub Arc<[Option<u32>]>);

impl Points {
    /// The newest value.
    pub fn newest(&self) -> Option<u32> {
        self.0.last().copied().flatten()
    }

    /// The largest value.
    pub fn largest(&self) -> Option<u32> {
        self.0.iter().copied().flatten().max()
    }
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0[..].serialize(serializer)
    }
}

/// What a graph shows, with the unit of its points.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Quantity {
    /// Sent to the relay, kbit/s.
    BitrateUp,
    /// Received from the relay, kbit/s.
    BitrateDown,
    /// Of another room, kbit/s.
    Bitrate,
    /// Packets that did not arrive, percent.
    Loss,
    /// To the relay and back, and its jitter, ms.
    RoundTrip,
    /// Pictures a second.
    Pictures,
    /// Pieces sent once more, a second.
    Retransmissions,
    /// The layer, by its number.
    Size,
    /// What may be under way, kB.
    CongestionWindow,
    /// The jitter buffer of another room's sound, ms.
    JitterBuffer,
}

/// What a line is.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
pub enum Trace {
    /// Was sent.
    Sent,
    /// Was received.
    Received,
    /// Could be carried.
    Estimate,
    /// May be used.
    Allotment,
    /// To the relay.
    Up,
    /// From the relay.
    Down,
    /// To the relay and back.
    RoundTrip,
    /// Interarrival jitter to the relay.
    JitterUp,
    /// The same from the relay.
    JitterDown,
    /// The camera delivered.
    Captured,
    /// Was shown.
    Shown,
    /// The largest layer.
    Largest,
    /// Packets.
    Packets,
    /// Sound that was made up.
    Concealed,
    /// Came late, and came.
    Repaired,
    /// The only one.
    Only,
}

/// Where another room's pictures spend their time now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct StagesView {
    /// Capture, encode, pace, network, relay, jitter buffer, decode, paint: tenths of a millisecond each.
    pub stages: [Option<u32>; 8],
    /// All of them, in tenths of a millisecond.
    pub total: Option<u32>,
    /// By how much the network's may be wrong, in tenths of a millisecond.
    pub error: Option<u32>,
}

pub(super) fn of(kiosk: &Kiosk, meeting: &Meeting) -> NetworkView {
    let network = &kiosk.network;
    let language = kiosk.settings.language;
    let own = NetworkChip {
        of: None,
        label: Sentence::ThisRoom.say(language),
        chosen: network.shown.is_none(),
        weak: network.judgement.verdict == Verdict::OwnNetwork,
    };
    let others = meeting.roster.others().map(|member| {
        let peer = member.id();
        NetworkChip {
            of: Some(peer),
            label: meeting.label(&peer).unwrap_or(member.name.as_str()).to_owned(),
            chosen: network.shown == Some(peer),
            weak: network.judgement.is_weak(&peer),
        }
    });
    let (words, tone) = said(kiosk, meeting);
    NetworkView {
        verdict: VerdictView { text: words.whole(language), tone },
        rooms: std::iter::once(own).chain(others).collect(),
        graphs: network.graphs.clone().unwrap_or_default(),
    }
}

/// For the bar.
pub(super) fn verdict(kiosk: &Kiosk, meeting: &Meeting) -> VerdictView {
    let (words, tone) = said(kiosk, meeting);
    VerdictView { text: words.short(kiosk.settings.language), tone }
}

fn said(kiosk: &Kiosk, meeting: &Meeting) -> (NetworkWords, Tone) {
    if !meeting.online() {
        return (NetworkWords::NoConnection, Tone::Weak);
    }
    match kiosk.network.judgement.verdict {
        Verdict::Unknown => (NetworkWords::Unknown, Tone::Unknown),
        Verdict::Good => (NetworkWords::Good, Tone::Good),
        Verdict::OwnNetwork => (NetworkWords::OwnNetwork, Tone::Weak),
        Verdict::OwnDevice => (NetworkWords::OwnDevice, Tone::Weak),
        Verdict::Relay => (NetworkWords::Relay, Tone::Weak),
        Verdict::Room { peer, trouble, more } => {
            let room = meeting.label(&peer).unwrap_or_default().to_owned();
            (NetworkWords::Room { room, trouble, more }, Tone::Weak)
        }
    }
}
