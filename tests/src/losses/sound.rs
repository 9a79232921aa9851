//! A room's sound on its way: what a codec makes of a period, and what the far end plays. A trait, as there are several codecs.

use vestibule_common::id::StreamId;
use vestibule_common::media::{
    FRAME_BYTES, FRAME_SAMPLES, FrameInfo, JitterBuffer, Packetizer, SAMPLE_RATE, SILENCE, pcm,
};
use vestibule_common::time::Time;
use vestibule_common::wire::{AudioLevel, MAX_BODY, MediaHeader};
use vestibule_kiosk::audio::RateMatcher;

/// What the speaker got in one period.
#[derive(Copy, Clone, Debug)]
pub struct Played {
    /// When it was captured; `None` if nobody said it.
    pub captured: Option<Time>,
    /// Samples handed to the speaker so far since it began to play, and those of them that were made up, silence in the midst
    /// of speech included.
    pub samples: (u64, u64),
}

/// Both ends of a room's sound.
pub trait Sound {
    /// The next 10 ms were captured at this moment: the bodies that leave for them.
    fn capture(&mut self, captured: Time) -> Vec<Vec<u8>>;

    /// How many earlier frames each packet should repeat.
    fn set_repeats(&mut self, repeats: u8);

    /// A body of the stream came.
    fn handle(&mut self, header: &MediaHeader, payload: &[u8], now: Time);

    /// The next 10 ms for the speaker.
    fn play(&mut self, now: Time) -> Played;
}

/// Sound as samples, each period a packet of its own.
pub(super) struct Pcm {
    packetizer: Packetizer,
    period: usize,
    buffer: JitterBuffer,
    matcher: RateMatcher,
}

impl Pcm {
    /// On this stream.
    pub(super) fn new(stream: StreamId) -> Pcm {
        Pcm {
            packetizer: Packetizer::audio(stream),
            period: 0,
            buffer: JitterBuffer::new(),
            matcher: RateMatcher::new(),
        }
    }
}

impl Sound for Pcm {
    fn capture(&mut self, captured: Time) -> Vec<Vec<u8>> {
        let samples = speech(self.period);
        self.period += 1;
        let mut payload = [0; FRAME_BYTES];
        pcm::to_bytes(&samples, &mut payload);
        let info = FrameInfo::audio(captured, AudioLevel { below_full_scale_db: 30, voice: true });
        let pieces = self.packetizer.frame(&payload, info).expect("a period is a frame");
        let mut body = vec![0; MAX_BODY];
        let len = pieces.write(0, &mut body).expect("it fits a datagram");
        body.truncate(len);
        vec![body]
    }

    fn set_repeats(&mut self, _repeats: u8) {}

    fn handle(&mut self, header: &MediaHeader, payload: &[u8], now: Time) {
        let mut samples = SILENCE;
        if pcm::from_bytes(payload, &mut samples) {
            self.buffer.push(header.frame, header.captured, &samples, now);
        }
    }

    fn play(&mut self, now: Time) -> Played {
        let mut out = SILENCE;
        let captured = self.matcher.period(&mut self.buffer, &mut out, now).captured;
        let stats = self.buffer.stats();
        let made_up = stats.concealed + stats.inserted + stats.silent;
        let frame = FRAME_SAMPLES as u64;
        Played { captured, samples: ((stats.played + made_up) * frame, made_up * frame) }
    }
}

/// Period `n` of something like speech: syllables of a pitch and its harmonics, with short pauses.
fn speech(n: usize) -> [i16; FRAME_SAMPLES] {
    std::array::from_fn(|at| {
        let at = (n * FRAME_SAMPLES + at) as f64;
        let second = at / f64::from(SAMPLE_RATE);
        let syllable = (second * 4.0 * std::f64::consts::TAU).sin().max(0.0);
        let turn = second * 120.0 * std::f64::consts::TAU;
        let voice = 0.5 * turn.sin() + 0.25 * (2.0 * turn + 0.3).sin() + 0.15 * (3.0 * turn + 1.0).sin();
        (voice * syllable * 12_000.0) as i16
    })
}
