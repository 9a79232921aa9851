//! What is drawn of a history: which graphs there are, in which order, and their points. Once a sample, not once a view.

use std::sync::Arc;

use vestibule_common::id::PeerId;
use vestibule_common::time::Duration;
use vestibule_common::unit::{Bitrate, DataSize};

use super::{Drawn, GraphView, Graphs, Points, Quantity, SeriesView, StagesView, Trace};
use crate::kiosk::network::{
    Direction, KEPT, Layer, LinkSample, NetworkHistory, PerSecond, RoomSample, Share, Stages,
};

impl Graphs {
    /// What is drawn of a history: this room's link, or what comes of another room; nothing of an empty one.
    pub fn of(history: &NetworkHistory, shown: Option<PeerId>) -> Graphs {
        if history.is_empty() {
            return Graphs::default();
        }
        Graphs(Arc::new(match shown {
            None => Drawn { stages: None, graphs: link(history) },
            Some(peer) => room(history, &peer),
        }))
    }
}

/// Files move seldom: of their window there is a graph only if it is known.
fn link(history: &NetworkHistory) -> Vec<GraphView> {
    let line = |trace, of: fn(&LinkSample) -> Option<u32>| {
        let values = history.moments().map(|moment| of(&moment.link));
        SeriesView { trace, points: points(values) }
    };
    let graph = |quantity, series: Vec<SeriesView>| GraphView { quantity, series };
    let window = line(Trace::Only, |link| size(link.congestion_window));
    let window = window.points.largest().map(|_| graph(Quantity::CongestionWindow, vec![window]));
    let mut graphs = vec![
        graph(
            Quantity::BitrateUp,
            vec![
                line(Trace::Sent, |link| kbits(link.up.bitrate)),
                line(Trace::Estimate, |link| kbits(link.up.estimate)),
                line(Trace::Allotment, |link| kbits(link.up.allotment)),
            ],
        ),
        graph(
            Quantity::BitrateDown,
            vec![
                line(Trace::Received, |link| kbits(link.down.bitrate)),
                line(Trace::Estimate, |link| kbits(link.down.estimate)),
                line(Trace::Allotment, |link| kbits(link.down.allotment)),
            ],
        ),
        graph(
            Quantity::Loss,
            vec![
                line(Trace::Up, |link| percent(link.up.loss)),
                line(Trace::Down, |link| percent(link.down.loss)),
            ],
        ),
        graph(
            Quantity::RoundTrip,
            vec![
                line(Trace::RoundTrip, |link| ms(link.round_trip)),
                line(Trace::JitterUp, |link| ms(link.up.jitter)),
                line(Trace::JitterDown, |link| ms(link.down.jitter)),
            ],
        ),
        graph(
            Quantity::Pictures,
            vec![
                line(Trace::Captured, |link| rate(link.frames_captured)),
                line(Trace::Sent, |link| rate(link.frames_sent)),
            ],
        ),
        graph(
            Quantity::Size,
            vec![line(Trace::Largest, |link| layer(link.layers.and_then(|layers| layers.iter().last())))],
        ),
        graph(
            Quantity::Retransmissions,
            vec![line(Trace::Up, |link| again(&link.up)), line(Trace::Down, |link| again(&link.down))],
        ),
    ];
    graphs.extend(window);
    graphs
}

fn room(history: &NetworkHistory, peer: &PeerId) -> Drawn {
    let line = |trace, of: fn(&RoomSample) -> Option<u32>| {
        let values = history.moments().map(|moment| moment.rooms.get(peer).and_then(of));
        SeriesView { trace, points: points(values) }
    };
    let graph = |quantity, series: Vec<SeriesView>| GraphView { quantity, series };
    let newest = history.moments().next_back().and_then(|moment| moment.rooms.get(peer));
    Drawn {
        stages: Some(stages(&newest.map(|room| room.stages.clone()).unwrap_or_default())),
        graphs: vec![
            graph(Quantity::Bitrate, vec![line(Trace::Only, |room| kbits(room.bitrate))]),
            graph(
                Quantity::Pictures,
                vec![
                    line(Trace::Received, |room| rate(room.frames_received)),
                    line(Trace::Shown, |room| rate(room.frames_shown)),
                ],
            ),
            graph(
                Quantity::Loss,
                vec![
                    line(Trace::Packets, |room| percent(room.loss)),
                    line(Trace::Concealed, |room| percent(room.concealed)),
                ],
            ),
            graph(Quantity::JitterBuffer, vec![line(Trace::Only, |room| ms(room.jitter_buffer))]),
            graph(Quantity::Size, vec![line(Trace::Shown, |room| layer(room.layer))]),
            graph(Quantity::Retransmissions, vec![line(Trace::Repaired, |room| rate(room.repaired))]),
        ],
    }
}

fn stages(stages: &Stages) -> StagesView {
    let tenths = |time: Duration| u32::try_from(time.as_micros() / 100).unwrap_or(u32::MAX);
    StagesView {
        stages: stages.all().map(|stage| stage.map(tenths)),
        total: stages.total().map(tenths),
        error: stages.error.map(tenths),
    }
}

/// The newest values at the end, nothing known before the oldest.
fn points(values: impl ExactSizeIterator<Item = Option<u32>>) -> Points {
    let missing = KEPT.saturating_sub(values.len());
    Points(std::iter::repeat_n(None, missing).chain(values).collect())
}

fn kbits(rate: Option<Bitrate>) -> Option<u32> {
    rate.map(|rate| u32::try_from(rate.as_bps()).unwrap_or(u32::MAX))
}

fn percent(share: Option<Share>) -> Option<u32> {
    share.map(|share| share.as_ppm() / 10)
}

fn ms(time: Option<Duration>) -> Option<u32> {
    time.map(|time| u32::try_from(time.as_micros()).unwrap_or(u32::MAX))
}

fn rate(rate: Option<PerSecond>) -> Option<u32> {
    rate.map(PerSecond::as_milli)
}

fn again(direction: &Direction) -> Option<u32> {
    rate(direction.retransmissions)
}

fn layer(layer: Option<Layer>) -> Option<u32> {
    layer.map(|layer| layer as u32 * 1000)
}

fn size(size: Option<DataSize>) -> Option<u32> {
    size.map(|size| u32::try_from(size.as_bytes()).unwrap_or(u32::MAX))
}
