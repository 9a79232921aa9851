//! The speaker's thread: every 2.5 ms one block of each room, at this room's pace and mixed, with the kiosk's own sounds,
//! to the speaker. Its loop allocates, locks and logs nothing.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use heapless::spsc::{Consumer, Producer};
use vestibule_common::id::{PeerId, StreamId};
use vestibule_common::media::{
    AudioBlock, BLOCK_DURATION, BLOCK_SAMPLES, JitterBuffer, Mixer, VoicePacket, Volume,
};
use vestibule_common::time::{Duration, Time};

use super::chime::Sound;
use super::cleaning::{EchoPath, Played};
use super::decode::Heard;
use super::gauges::VoiceCount;
use super::receive::{AudioIn, SoundIn};
use super::ring::ring;
use super::stats::{Stats, Xruns};
use super::{MediaNews, NewsSender};
use crate::audio::{OpusDecoder, RateMatcher, glide};
use crate::device::Speaker;
use crate::device::clock::Clock;
use crate::device::realtime::{self, Priority};
use crate::device::reopen::{DeviceState, Reopening, Source};
use crate::shell::watch::Watch;

/// The most rooms that are heard.
pub(super) const MAX_VOICES: usize = 32;
/// Packets between the receiving thread and the player: a tenth of a second of nine rooms.
const AUDIO_RING: usize = 128;
/// How often a room's sound tells its pictures where it is, in blocks.
const HEARD_EVERY: u32 = 40;
/// What is left of the other rooms while this one has the word, where only one direction is open: -30 dB.
const TURNED_DOWN: f32 = 0.032;

/// A thread that comes later than this has stood still, and does not catch up with what it missed.
const STANDSTILL: Duration = Duration::from_millis(100);

/// A room that is heard.
pub(super) struct Voice {
    /// Whose.
    pub peer: PeerId,
    /// Which stream.
    pub stream: StreamId,
    /// What of it has not been played.
    buffer: JitterBuffer,
    matcher: RateMatcher,
    blocks: u32,
    gauge: Arc<VoiceCount>,
}

impl Voice {
    /// A voice with nothing to say yet, whose frames are counted in `gauge`.
    pub(super) fn new(peer: PeerId, stream: StreamId, gauge: Arc<VoiceCount>) -> Box<Voice> {
        let decoder = OpusDecoder::new().inspect_err(|error| log::warn!("{error}"));
        let buffer =
            decoder.map_or_else(|_| JitterBuffer::new(), |it| JitterBuffer::with_decoder(Box::new(it)));
        Box::new(Voice { peer, stream, buffer, matcher: RateMatcher::new(), blocks: 0, gauge })
    }

    fn take(&mut self, packet: &AudioIn) {
        let AudioIn { frame, captured, arrival, .. } = *packet;
        match &packet.sound {
            SoundIn::Plain(samples) => {
                self.buffer.push(frame, captured, samples, arrival);
            }
            SoundIn::Coded(payload) => {
                if let Some(coded) = VoicePacket::parse(payload) {
                    self.buffer.push_coded(frame, captured, &coded, arrival);
                }
            }
        }
    }
}

/// What the player is told.
pub(super) enum PlayoutCommand {
    /// Play this room too.
    Add(Box<Voice>),
    /// No longer play this room.
    Drop(PeerId),
    /// This loud.
    Volume(Volume),
    /// Play a sound of the kiosk's own.
    Play(&'static Sound),
}

/// The player's ends.
pub(super) struct Playing {
    /// For the control thread.
    pub commands: Producer<'static, PlayoutCommand>,
    /// Voices that are no longer played, to be freed elsewhere.
    pub gone: Consumer<'static, Box<Voice>>,
    /// For the receiving thread.
    pub audio: Producer<'static, AudioIn>,
    /// For the decoding thread.
    pub heard: Consumer<'static, Heard>,
}

/// Starts the speaker's thread.
pub(super) fn start(
    source: Source<dyn Speaker>,
    echo_path: EchoPath,
    news: NewsSender,
    stats: Arc<Stats>,
    watch: &Watch,
    clock: Clock,
) -> io::Result<Playing> {
    let (commands, inbox) = ring::<PlayoutCommand, 128>();
    let (gone, freed) = ring::<Box<Voice>, 64>();
    let (audio, packets) = ring::<AudioIn, AUDIO_RING>();
    let (heard, heard_out) = ring::<Heard, 128>();
    let tell = move |state: &DeviceState| news.tell(MediaNews::Speaker(state.clone()));
    let mut speaker = Reopening::new(source, clock, tell);
    let mut player = Player::new(inbox, gone, packets, heard, echo_path, stats);
    let run = move || {
        realtime::raise_this_thread_or_say(Priority::Sound);
        let mut next = clock.now();
        loop {
            player.turn(&mut speaker, &mut next, clock);
        }
    };
    watch.spawn("speaker", run)?;
    Ok(Playing { commands, gone: freed, audio, heard: heard_out })
}

/// How much later than the fastest packet a stream is played, in microseconds; 0 while nothing of it is.
fn buffered(buffer: &JitterBuffer) -> u64 {
    buffer.excess_us().map_or(0, |_| buffer.stats().delay.as_micros() as u64)
}

struct Player {
    inbox: Consumer<'static, PlayoutCommand>,
    gone: Producer<'static, Box<Voice>>,
    packets: Consumer<'static, AudioIn>,
    heard: Producer<'static, Heard>,
    echo_path: EchoPath,
    /// Of the other rooms' sound, at the end of the last block.
    rooms_gain: f32,
    voices: heapless::Vec<Box<Voice>, MAX_VOICES>,
    mixer: Mixer,
    sound: Option<(&'static Sound, usize)>,
    stats: Arc<Stats>,
    /// What each voice put out in this block, and when that was captured.
    moments: [(Option<Time>, AudioBlock); MAX_VOICES],
    xruns: Xruns,
}

impl Player {
    fn new(
        inbox: Consumer<'static, PlayoutCommand>,
        gone: Producer<'static, Box<Voice>>,
        packets: Consumer<'static, AudioIn>,
        heard: Producer<'static, Heard>,
        echo_path: EchoPath,
        stats: Arc<Stats>,
    ) -> Player {
        Player {
            inbox,
            gone,
            packets,
            heard,
            echo_path,
            rooms_gain: 1.0,
            voices: heapless::Vec::new(),
            mixer: Mixer::new(Volume::FULL),
            sound: None,
            stats,
            moments: [(None, [0; BLOCK_SAMPLES]); MAX_VOICES],
            xruns: Xruns::default(),
        }
    }

    /// Waits for room in the speaker and plays the next block. Without a speaker the buffers are drained in step all the
    /// same; `next` is when that is due.
    fn turn(&mut self, speaker: &mut Reopening<dyn Speaker>, next: &mut Time, clock: Clock) {
        // Where there is none, the pause is the block's.
        let played = speaker.run(Duration::ZERO, |speaker| {
            speaker.ready()?;
            let block = self.block(clock.now());
            let leaves = speaker.write(&block)?;
            self.was_heard(leaves);
            self.was_played(block, leaves);
            self.xruns.see(speaker.xruns(), &self.stats.speaker_xruns);
            Ok(())
        });
        let now = clock.now();
        if played.is_some() || now.since(*next) > STANDSTILL {
            *next = now;
        }
        if played.is_none() {
            self.xruns.gone();
            self.block(now);
            *next += BLOCK_DURATION;
            clock.sleep_until(*next);
        }
    }

    /// The next 2.5 ms.
    fn block(&mut self, now: Time) -> AudioBlock {
        while let Some(command) = self.inbox.dequeue() {
            self.obey(command);
        }
        while let Some(packet) = self.packets.dequeue() {
            if let Some(voice) = self.voices.iter_mut().find(|voice| voice.stream == packet.stream) {
                voice.take(&packet);
            }
        }
        for (voice, (moment, block)) in self.voices.iter_mut().zip(&mut self.moments) {
            let matched = voice.matcher.block(&mut voice.buffer, block, now);
            self.stats.periods_concealed.add(matched.concealed);
            voice.gauge.concealed.fetch_add(matched.concealed, Ordering::Relaxed);
            voice.gauge.played.fetch_add(matched.frames, Ordering::Relaxed);
            voice.gauge.buffer_us.store(buffered(&voice.buffer), Ordering::Relaxed);
            *moment = matched.captured;
        }
        let turned_down = self.echo_path.near_speaks.load(Ordering::Relaxed);
        let (before, wanted) = (self.rooms_gain, if turned_down { TURNED_DOWN } else { 1.0 });
        for (_, block) in &mut self.moments[..self.voices.len()] {
            let mut gain = before;
            glide(block, &mut gain, wanted);
        }
        self.rooms_gain = wanted;
        let own = self.sound.map(|(sound, at)| (sound.block(at), at + 1 < sound.blocks()));
        self.sound = self.sound.and_then(|(sound, at)| (at + 1 < sound.blocks()).then_some((sound, at + 1)));
        let rooms = self.moments[..self.voices.len()].iter().map(|(_, block)| block);
        let mut out = [0; BLOCK_SAMPLES];
        self.mixer.mix(rooms.chain(own.iter().map(|(block, _)| block)), &mut out);
        self.stats.blocks_played.one();
        out
    }

    fn obey(&mut self, command: PlayoutCommand) {
        match command {
            PlayoutCommand::Add(voice) => {
                if self.voices.iter().any(|known| known.stream == voice.stream) {
                    self.free(voice);
                } else if let Err(voice) = self.voices.push(voice) {
                    self.free(voice);
                }
            }
            PlayoutCommand::Drop(peer) => {
                while let Some(at) = self.voices.iter().position(|voice| voice.peer == peer) {
                    let voice = self.voices.swap_remove(at);
                    self.free(voice);
                }
            }
            PlayoutCommand::Volume(volume) => self.mixer.set_volume(volume),
            PlayoutCommand::Play(sound) => self.sound = Some((sound, 0)),
        }
    }

    /// Hands a voice back; freeing it here would be work for the allocator.
    fn free(&mut self, voice: Box<Voice>) {
        if let Err(voice) = self.gone.enqueue(voice) {
            drop(voice); // nobody frees: better late by a microsecond than a leak
        }
    }

    /// The canceller's reference. A full ring: there is no microphone that needs it.
    fn was_played(&mut self, samples: AudioBlock, leaves: Time) {
        if self.echo_path.played.enqueue(Played { samples, leaves }).is_err() {
            self.stats.references_unused.one();
        }
    }

    fn was_heard(&mut self, leaves: Time) {
        for (voice, (moment, _)) in self.voices.iter_mut().zip(&self.moments) {
            let Some(captured) = *moment else { continue };
            voice.blocks += 1;
            // A full ring: the decoding thread has older news to read first.
            let heard = Heard { peer: voice.peer, captured, heard: leaves };
            if voice.blocks % HEARD_EVERY == 1 && self.heard.enqueue(heard).is_err() {
                voice.blocks = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocations::allocations;
    use crate::device::reopen::Opened;
    use crate::device::{DeviceError, PERIOD};
    use crate::kiosk::Chime;

    /// A speaker that always has room.
    struct Endless(Clock);

    impl Speaker for Endless {
        fn ready(&mut self) -> Result<(), DeviceError> {
            Ok(())
        }

        fn write(&mut self, _: &AudioBlock) -> Result<Time, DeviceError> {
            Ok(self.0.now())
        }
    }

    /// A player, and the far ends of its rings.
    struct Bench {
        player: Player,
        commands: Producer<'static, PlayoutCommand>,
        freed: Consumer<'static, Box<Voice>>,
        audio: Producer<'static, AudioIn>,
        told: Consumer<'static, Heard>,
        references: Consumer<'static, Played>,
    }

    fn bench() -> Bench {
        let (commands, inbox) = ring::<PlayoutCommand, 128>();
        let (gone, freed) = ring::<Box<Voice>, 64>();
        let (audio, packets) = ring::<AudioIn, AUDIO_RING>();
        let (heard, told) = ring::<Heard, 128>();
        let (played, references) = ring::<Played, 128>();
        let near_speaks = Arc::new(true.into());
        let echo_path = EchoPath { played, near_speaks };
        let player = Player::new(inbox, gone, packets, heard, echo_path, Arc::default());
        Bench { player, commands, freed, audio, told, references }
    }

    #[test]
    fn without_a_speaker_time_passes_at_its_pace() {
        let Bench { mut player, .. } = bench();
        let clock = Clock::start();
        let mut speaker = Reopening::new(Source::missing("unplugged"), clock, |_| {});
        let begin = clock.now();
        let mut next = begin;
        for turn in 1..=40 {
            let before = next;
            player.turn(&mut speaker, &mut next, clock);
            let late = clock.now().since(before) > STANDSTILL;
            assert!(late || next == before + BLOCK_DURATION, "turn {turn}");
            assert!(clock.now() >= next);
        }
        assert_eq!(player.stats.blocks_played.total(), 40);
    }

    #[test]
    fn a_block_of_nine_rooms_allocates_nothing() {
        let Bench { mut player, mut commands, mut freed, mut audio, mut told, mut references } = bench();
        let clock = Clock::start();
        let open = move || {
            Ok(Opened { device: Box::new(Endless(clock)) as Box<dyn Speaker>, description: String::new() })
        };
        let mut speaker = Reopening::new(Source::new(open), clock, |_| {});
        let mut next = clock.now();
        let stream = |room: u8| StreamId(u32::from(room));
        for room in 0..9 {
            let voice = Voice::new(PeerId([room; 32]), stream(room), Arc::default());
            assert!(commands.enqueue(PlayoutCommand::Add(voice)).is_ok());
        }
        assert!(commands.enqueue(PlayoutCommand::Play(Sound::of(Chime::Knock))).is_ok());
        assert!(commands.enqueue(PlayoutCommand::Volume(Volume::new(80))).is_ok());
        player.turn(&mut speaker, &mut next, clock);
        let mut counted = 0;
        for frame in 0..300 {
            for room in 0..9 {
                // One room loses packets.
                if room == 3 && frame % 7 == 0 {
                    continue;
                }
                let captured = Time::from_millis(u64::from(frame) * 10);
                let arrival = clock.now();
                let samples = [frame as i16 * 100; PERIOD];
                let sound = SoundIn::Plain(samples);
                let packet = AudioIn { stream: stream(room), frame, captured, sound, arrival };
                assert!(audio.enqueue(packet).is_ok());
            }
            if frame == 250 {
                assert!(commands.enqueue(PlayoutCommand::Drop(PeerId([5; 32]))).is_ok());
            }
            counted += allocations(|| (0..4).for_each(|_| player.turn(&mut speaker, &mut next, clock)));
        }
        assert_eq!(counted, 0);
        assert!(freed.dequeue().is_some() && told.dequeue().is_some() && references.dequeue().is_some());
    }
}
