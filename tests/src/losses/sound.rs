//! A room's sound on its way: what a codec makes of a period, and what the far end plays. A trait, as there are several codecs.

use vestibule_common::id::StreamId;
use vestibule_common::media::voice::{CODED_LAYER, PCM_LAYER, VoicePacker, VoicePacket};
use vestibule_common::media::{
    BLOCK_SAMPLES, FRAME_BYTES, FRAME_SAMPLES, FrameInfo, JitterBuffer, Packetizer, SAMPLE_RATE, SILENCE, pcm,
};
use vestibule_common::time::Time;
use vestibule_common::wire::{AudioLevel, Layer, MAX_BODY, MediaHeader};
use vestibule_kiosk::audio::{OpusDecoder, RateMatcher, SoundCoder};

/// What the speaker got in one block.
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

    /// The highest layer of sound that the far end can play.
    fn layer(&self) -> u8;

    /// Which layers are wanted, the coded one with so many repeats and in frames of so many periods.
    fn want(&mut self, plain: bool, coded: Option<(u8, u8)>);

    /// A body of the stream came.
    fn handle(&mut self, header: &MediaHeader, payload: &[u8], now: Time);

    /// The next block for the speaker.
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
        let mut payload = [0; FRAME_BYTES];
        pcm::to_bytes(&speech(self.period), &mut payload);
        self.period += 1;
        vec![body(&self.packetizer, self.period, &payload, Layer::default(), captured)]
    }

    fn layer(&self) -> u8 {
        PCM_LAYER
    }

    fn want(&mut self, _plain: bool, _coded: Option<(u8, u8)>) {}

    fn handle(&mut self, header: &MediaHeader, payload: &[u8], now: Time) {
        let mut samples = SILENCE;
        if pcm::from_bytes(payload, &mut samples) {
            self.buffer.push(header.frame, header.captured, &samples, now);
        }
    }

    fn play(&mut self, now: Time) -> Played {
        let mut out = [0; BLOCK_SAMPLES];
        let captured = self.matcher.block(&mut self.buffer, &mut out, now).captured;
        Played { captured, samples: samples(&self.buffer) }
    }
}

/// Both layers of sound, each sent while it is wanted: coded in frames as long, and with as many earlier ones repeated, as is said.
pub(super) struct Voice {
    packetizer: Packetizer,
    period: usize,
    plain: bool,
    /// With so many repeats, in frames of so many periods.
    coded: Option<(u8, u8)>,
    coder: SoundCoder,
    /// The number of the frame that is being coded, and when it was captured.
    begun: (usize, Time),
    packer: VoicePacker,
    buffer: JitterBuffer,
    matcher: RateMatcher,
}

impl Voice {
    /// On this stream.
    pub(super) fn new(stream: StreamId) -> Voice {
        let decoder = OpusDecoder::new().expect("there is memory for a decoder");
        Voice {
            packetizer: Packetizer::audio(stream),
            period: 0,
            plain: true,
            coded: None,
            coder: SoundCoder::new().expect("there is memory for an encoder"),
            begun: (0, Time::ZERO),
            packer: VoicePacker::new(),
            buffer: JitterBuffer::with_decoder(Box::new(decoder)),
            matcher: RateMatcher::new(),
        }
    }
}

impl Sound for Voice {
    fn capture(&mut self, captured: Time) -> Vec<Vec<u8>> {
        let samples = speech(self.period);
        self.period += 1;
        let mut bodies = Vec::new();
        if self.plain {
            let mut payload = [0; FRAME_BYTES];
            pcm::to_bytes(&samples, &mut payload);
            bodies.push(body(&self.packetizer, self.period, &payload, Layer::default(), captured));
        }
        let (repeats, periods) = self.coded.unwrap_or((0, 1));
        if self.coder.begins() {
            self.begun = (self.period, captured);
        }
        let coded = self.coder.period(&samples, periods, repeats);
        if let Some(coded) = coded.filter(|_| self.coded.is_some()) {
            let payload = self.packer.pack(&coded, self.coder.periods(), repeats);
            let layer = Layer { spatial: CODED_LAYER, temporal: 0 };
            let (number, captured) = self.begun;
            bodies.push(body(&self.packetizer, number, &payload, layer, captured));
        }
        bodies
    }

    fn layer(&self) -> u8 {
        CODED_LAYER
    }

    fn want(&mut self, plain: bool, coded: Option<(u8, u8)>) {
        (self.plain, self.coded) = (plain, coded);
    }

    fn handle(&mut self, header: &MediaHeader, payload: &[u8], now: Time) {
        if header.layer.spatial == CODED_LAYER {
            let packet = VoicePacket::parse(payload).expect("a packer made it");
            self.buffer.push_coded(header.frame, header.captured, &packet, now);
            return;
        }
        let mut samples = SILENCE;
        if pcm::from_bytes(payload, &mut samples) {
            self.buffer.push(header.frame, header.captured, &samples, now);
        }
    }

    fn play(&mut self, now: Time) -> Played {
        let mut out = [0; BLOCK_SAMPLES];
        let captured = self.matcher.block(&mut self.buffer, &mut out, now).captured;
        Played { captured, samples: samples(&self.buffer) }
    }
}

/// A packet of sound.
fn body(packetizer: &Packetizer, number: usize, payload: &[u8], layer: Layer, captured: Time) -> Vec<u8> {
    let level = AudioLevel { below_full_scale_db: 30, voice: true };
    let info = FrameInfo { layer, ..FrameInfo::audio(captured, level) };
    let pieces = packetizer.frame_numbered(number as u32, payload, info).expect("a period is a frame");
    let mut body = vec![0; MAX_BODY];
    let len = pieces.write(0, &mut body).expect("it fits a datagram");
    body.truncate(len);
    body
}

/// Samples that a buffer has put out, and those of them that it made up.
fn samples(buffer: &JitterBuffer) -> (u64, u64) {
    let stats = buffer.stats();
    let made_up = stats.concealed + stats.inserted + stats.silent;
    ((stats.played + made_up) * FRAME_SAMPLES as u64, made_up * FRAME_SAMPLES as u64)
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
