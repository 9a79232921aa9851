//! What the media threads count. Read by the log, the screen and the measurements; the counts follow the packets.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::video::kind::PictureKind;
use crate::video::ladder::{LAYERS, LayerIndex};

macro_rules! picture_counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters of one kind of pictures since the program's start.
        #[derive(Default)]
        pub struct PictureStats {
            $($(#[$doc])* pub $name: Counter,)*
        }

        impl PictureStats {
            fn all(&self, kind: PictureKind) -> Vec<(&'static str, u64)> {
                let name = |plain, presented| match kind {
                    PictureKind::Camera => plain,
                    PictureKind::Presentation => presented,
                };
                vec![$((
                    name(stringify!($name), concat!("presentation_", stringify!($name))),
                    self.$name.total(),
                ),)*]
            }
        }
    };
}

picture_counters! {
    /// Pictures that the device delivered.
    pictures_captured,
    /// Pictures of the device that the encoder never saw, because a newer one came first.
    pictures_skipped,
    /// Pictures that could not be read.
    pictures_damaged,
    /// Pictures left out because what was made before still waited to be sent.
    pictures_left_out,
    /// Frames that the encoder made.
    frames_encoded,
    /// Keyframes among them.
    keyframes_encoded,
    /// Frames that had more bytes than can be sent; the next ones are coarser.
    frames_too_large,
    /// Frames handed to the network.
    frames_sent,
    /// Pictures handed to the network, in however many layers.
    pictures_sent,
    /// Frames thrown away before sending, because sending fell behind.
    frames_unsent,
    /// Frames received whole, but for those of presentations that are not shown.
    frames_received,
    /// Frames that the decoder's queue had no room for.
    frames_overflowed,
    /// Pictures decoded.
    pictures_decoded,
    /// Frames that could not be decoded.
    frames_undecodable,
    /// Keyframes this kiosk asked for.
    keyframes_wanted,
    /// Missing pieces, or whole frames, that this kiosk asked for, each time that it did.
    pieces_wanted,
    /// Pieces sent again because others asked for them.
    pieces_sent_again,
    /// Repairs sent with frames.
    repairs_sent,
    /// Frames that a piece sent again or a repair made whole.
    frames_repaired,
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Counters since the program's start.
        #[derive(Default)]
        pub struct Stats {
            camera: PictureStats,
            presentation: PictureStats,
            $($(#[$doc])* pub $name: Counter,)*
        }

        impl Stats {
            /// Those of one kind of pictures.
            pub fn of(&self, kind: PictureKind) -> &PictureStats {
                match kind {
                    PictureKind::Camera => &self.camera,
                    PictureKind::Presentation => &self.presentation,
                }
            }

            /// Frames of the camera that the encoder of one layer made.
            pub fn encoded(&self, layer: LayerIndex) -> &Counter {
                let layers: [&Counter; LAYERS] = [
                    &self.frames_encoded_144p,
                    &self.frames_encoded_240p,
                    &self.frames_encoded_360p,
                    &self.frames_encoded_480p,
                ];
                layers[layer.index()]
            }

            /// Those of them that were handed to the network.
            pub fn sent(&self, layer: LayerIndex) -> &Counter {
                let layers: [&Counter; LAYERS] = [
                    &self.frames_sent_144p,
                    &self.frames_sent_240p,
                    &self.frames_sent_360p,
                    &self.frames_sent_480p,
                ];
                layers[layer.index()]
            }

            /// Every counter with its name; a presentation's begin with `presentation_`.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                let mut all = vec![$((stringify!($name), self.$name.total()),)*];
                all.extend(PictureKind::ALL.into_iter().flat_map(|kind| self.of(kind).all(kind)));
                all
            }
        }
    };
}

counters! {
    /// Datagrams sent.
    datagrams_sent,
    /// Bytes sent, datagrams whole.
    bytes_sent,
    /// Datagrams that were opened.
    datagrams_received,
    /// Bytes received, datagrams whole.
    bytes_received,
    /// Datagrams that did not open: forged, repeated or damaged.
    datagrams_refused,
    /// Periods of the microphone lost because their cleaning fell behind.
    periods_uncleaned,
    /// Audio packets sent.
    audio_sent,
    /// Packets of coded sound among them.
    audio_coded_sent,
    /// Audio packets withdrawn because the gate closed after they were made.
    audio_withdrawn,
    /// Audio packets lost between the microphone's thread and the socket's.
    audio_unsent,
    /// Audio packets received.
    audio_received,
    /// Packets of coded sound among them.
    audio_coded_received,
    /// Audio packets for which the player's ring had no room.
    audio_overflowed,
    /// Times that samples were lost because nobody read the microphone in time (overruns).
    microphone_xruns,
    /// Times that the speaker ran dry because nobody wrote in time (underruns).
    speaker_xruns,
    /// Blocks of 2.5 ms played.
    blocks_played,
    /// Blocks played while no microphone was open that could hear them.
    references_unused,
    /// 10 ms periods of a stream that were made up.
    periods_concealed,
    /// Frames of the camera's smallest layer that the encoder made.
    frames_encoded_144p,
    /// The same of the next layer.
    frames_encoded_240p,
    /// The same of the next layer.
    frames_encoded_360p,
    /// The same of the largest layer.
    frames_encoded_480p,
    /// Frames of the camera's smallest layer that were handed to the network.
    frames_sent_144p,
    /// The same of the next layer.
    frames_sent_240p,
    /// The same of the next layer.
    frames_sent_360p,
    /// The same of the largest layer.
    frames_sent_480p,
    /// No count but a state: by how many steps less of the camera is encoded than wanted, because the processor does not
    /// keep up; 0: none.
    encoding_lowered,
}

/// One counter.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// That many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// So many now, for what is no count but a state.
    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Adds up what a device counts since it was opened, however often it is opened.
#[derive(Default)]
pub(super) struct Xruns(u64);

impl Xruns {
    /// The device has counted so many.
    pub(super) fn see(&mut self, count: u64, all: &Counter) {
        all.add(count.saturating_sub(self.0));
        self.0 = count;
    }

    /// The device is gone; the next one counts from zero.
    pub(super) fn gone(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xruns_add_up_over_devices() {
        let all = Counter::default();
        let mut xruns = Xruns::default();
        for count in [0, 2, 2, 5] {
            xruns.see(count, &all);
        }
        xruns.gone();
        xruns.see(5, &all);
        assert_eq!(all.total(), 10);
    }
}
