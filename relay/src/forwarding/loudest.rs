//! Whose sound goes to whom in a room of more than a few: to each receiver that of the three loudest others, so that sound takes the same
//! of a way down however many meet.
//!
//! It reads nothing but the level that each packet tells of itself. Whoever tells a wrong one gets a place that it should not have, but one
//! only. A receiver's places change hands so that no word loses its beginning: who begins to speak takes the place of one who has been
//! silent for a while, with the first packet; the place of one who speaks is taken by who is clearly louder.

use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::{AudioLevel, Kind, MediaHeader};

use super::Slot;

/// So many others are heard at a time.
pub(super) const PLACES: usize = 3;
/// In rooms of so many members everybody hears everybody.
pub(super) const SMALL_ROOM: usize = PLACES + 1;
/// Who was silent for so long gives its place to whoever speaks; pauses between words are shorter.
const SILENT: Duration = Duration::from_millis(300);
/// Sound is speech if the sender says so or it is as loud as this: a sender takes some packets to be sure.
const SPEECH: Loudness = Loudness(82_000);
/// What the sender takes for a voice counts for so much more than noise of the same level.
const VOICE: u32 = 10_000;
/// Who takes the place of one who speaks is so much louder, in two packets one after the other.
const LOUDER: u32 = 9_000;
/// How loud somebody was counts for less and less: thousandths of a decibel each millisecond.
const FADES: u32 = 20;
/// Frames further apart than this are of a sender that began anew (PROTOCOL.md, section 12).
const FAR: u32 = 64;

/// Thousandths of a decibel above the softest level there is.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Loudness(u32);

impl Loudness {
    fn of(level: AudioLevel) -> Loudness {
        let above = 127 - u32::from(level.below_full_scale_db.min(127));
        Loudness(above * 1000 + if level.voice { VOICE } else { 0 })
    }
}

/// One sender's sound.
#[derive(Copy, Clone, Debug, Default)]
struct Source {
    /// The newest packet of sound, its number and when it came.
    newest: Option<(u32, Time)>,
    /// When it spoke last.
    spoke: Option<Time>,
    /// How loud the newest packet was, and what that and the one before both were at least.
    last: Loudness,
    both: Loudness,
    /// The loudest of late, as it was with the newest packet.
    peak: Loudness,
}

impl Source {
    fn peak(&self, now: Time) -> Loudness {
        let since = self.newest.map_or(Duration::ZERO, |(_, at)| now.since(at));
        let faded = u64::from(FADES) * since.as_millis() as u64;
        Loudness(u64::from(self.peak.0).saturating_sub(faded) as u32)
    }

    /// Nothing comes of it.
    fn is_gone(&self, now: Time) -> bool {
        self.newest.is_none_or(|(_, at)| now.since(at) >= SILENT)
    }

    fn is_silent(&self, now: Time) -> bool {
        self.spoke.is_none_or(|at| now.since(at) >= SILENT)
    }
}

/// All senders, and who has a place with whom.
#[derive(Default)]
pub(super) struct Loudest {
    sources: Vec<Source>,
    /// By receiver.
    places: Vec<[Option<Slot>; PLACES]>,
}

impl Loudest {
    /// Makes room for a member, so that its packets allocate nothing.
    pub(super) fn open(&mut self, slot: Slot) {
        let count = usize::from(slot) + 1;
        if self.sources.len() < count {
            self.sources.resize(count, Source::default());
            self.places.resize(count, Default::default());
        }
    }

    /// The member is gone: it has no place, and nobody has one with it.
    pub(super) fn forget(&mut self, slot: Slot) {
        if let Some(source) = self.sources.get_mut(usize::from(slot)) {
            *source = Source::default();
        }
        for place in self.places.iter_mut().flatten() {
            place.take_if(|holder| *holder == slot);
        }
        self.clear(slot);
    }

    /// The receiver plays others than before: its places are free.
    pub(super) fn clear(&mut self, receiver: Slot) {
        if let Some(places) = self.places.get_mut(usize::from(receiver)) {
            *places = Default::default();
        }
    }

    /// A packet of a sender's sound came.
    pub(super) fn hear(&mut self, slot: Slot, header: &MediaHeader, now: Time) {
        let Some(source) = self.sources.get_mut(usize::from(slot)) else { return };
        // What is sent again, or a second time in another layer, says nothing new.
        let newer = source.newest.is_none_or(|(number, _)| {
            header.frame.wrapping_sub(number) as i32 > 0 || header.frame.abs_diff(number) > FAR
        });
        if header.kind != Kind::Audio || !newer {
            return;
        }
        let loudness = Loudness::of(header.level);
        source.peak = source.peak(now).max(loudness);
        source.both = loudness.min(source.last);
        source.last = loudness;
        source.newest = Some((header.frame, now));
        if header.level.voice || loudness >= SPEECH {
            source.spoke = Some(now);
        }
    }

    /// Whether a receiver gets the packet of this sender that was just heard. It may take a place by that.
    pub(super) fn passes(&mut self, receiver: Slot, slot: Slot, now: Time) -> bool {
        let Some(places) = self.places.get_mut(usize::from(receiver)) else { return false };
        if places.contains(&Some(slot)) {
            return true;
        }
        let sources = &self.sources;
        let source = |slot: Slot| sources.get(usize::from(slot)).copied().unwrap_or_default();
        let newcomer = source(slot);
        let holder = |index: &usize| places[*index].map(source).unwrap_or_default();
        let free = (0..PLACES).find(|index| holder(index).is_gone(now));
        let taken = free.or_else(|| {
            if newcomer.is_silent(now) {
                return None;
            }
            let order = |index: &usize| (!holder(index).is_silent(now), holder(index).peak(now));
            let quietest = (0..PLACES).min_by_key(order)?;
            let louder = newcomer.both.0 >= holder(&quietest).peak(now).0 + LOUDER;
            (holder(&quietest).is_silent(now) || louder).then_some(quietest)
        });
        if let Some(index) = taken {
            places[index] = Some(slot);
        }
        taken.is_some()
    }
}

#[cfg(test)]
mod tests {
    use vestibule_common::id::StreamId;
    use vestibule_common::wire::{Layer, MediaFlags};

    use super::*;

    const RECEIVER: Slot = 9;
    const PERIOD: Duration = Duration::from_millis(10);
    const SILENCE: (u8, bool) = (90, false);
    const VOICE: (u8, bool) = (30, true);

    /// Some members who send a packet each every 10 ms.
    struct Room {
        loudest: Loudest,
        now: Time,
        frame: u32,
    }

    impl Room {
        fn new() -> Room {
            let mut loudest = Loudest::default();
            loudest.open(RECEIVER);
            Room { loudest, now: Time::from_millis(5000), frame: 1 }
        }

        /// A period in which members 0, 1, … are as loud as this, or send nothing: who is heard.
        fn period(&mut self, levels: &[Option<(u8, bool)>]) -> Vec<usize> {
            let mut heard = Vec::new();
            for (slot, level) in levels.iter().enumerate() {
                let Some((below_full_scale_db, voice)) = *level else { continue };
                let header = MediaHeader {
                    kind: Kind::Audio,
                    stream: StreamId(slot as u32),
                    layer: Layer::default(),
                    flags: MediaFlags::default(),
                    frame: self.frame,
                    reference_distance: 0,
                    piece: 0,
                    pieces: 1,
                    captured: self.now,
                    level: AudioLevel { below_full_scale_db, voice },
                    stages: None,
                };
                self.loudest.hear(slot as Slot, &header, self.now);
                if self.loudest.passes(RECEIVER, slot as Slot, self.now) {
                    heard.push(slot);
                }
            }
            self.now += PERIOD;
            self.frame = self.frame.wrapping_add(1);
            heard
        }

        /// The same for a while; who is heard in the last period.
        fn periods(&mut self, count: u32, levels: &[Option<(u8, bool)>]) -> Vec<usize> {
            (0..count).map(|_| self.period(levels)).last().unwrap_or_default()
        }
    }

    #[test]
    fn of_silence_three_are_heard_and_a_word_from_its_first_packet() {
        let mut room = Room::new();
        let mut levels = [Some(SILENCE); 6];
        assert_eq!(room.periods(100, &levels), [0, 1, 2]);
        levels[5] = Some(VOICE);
        let heard = room.period(&levels);
        assert!(heard.contains(&5) && heard.len() <= PLACES + 1, "{heard:?}");
        assert_eq!(room.period(&levels).len(), PLACES);
        // Before its sender is sure that it is speech.
        levels[4] = Some((40, false));
        assert!(room.period(&levels).contains(&4));
        levels[3] = Some(VOICE);
        assert!(room.period(&levels).contains(&3));
        assert_eq!(room.period(&levels), [3, 4, 5]);
    }

    #[test]
    fn a_pause_keeps_the_place_and_a_silence_gives_it_away() {
        let mut room = Room::new();
        let speaks = [Some(VOICE), Some(VOICE), Some(VOICE), None, None];
        room.periods(100, &speaks);
        let mut pause = speaks;
        (pause[1], pause[3]) = (Some(SILENCE), Some(VOICE));
        assert_eq!(room.periods(29, &pause), [0, 1, 2], "290 ms between two words");
        assert_eq!(room.periods(2, &pause), [0, 2, 3], "more than that");
        pause[1] = Some(VOICE);
        assert_eq!(room.periods(200, &pause), [0, 2, 3], "four speak: who has a place keeps it");
        pause[0] = None;
        assert_eq!(room.periods(32, &pause), [1, 2, 3], "and one who was muted gives it away");
    }

    #[test]
    fn who_is_clearly_louder_takes_the_quietest_ones_place_with_its_second_packet() {
        let mut room = Room::new();
        let mut levels = [Some((25, true)), Some((40, true)), Some((30, true)), None];
        room.periods(100, &levels);
        levels[3] = Some((32, true));
        assert_eq!(room.periods(200, &levels), [0, 1, 2], "8 dB are not clearly louder");
        levels[3] = Some((20, true));
        assert_eq!(room.period(&levels), [0, 1, 2], "the first of them may be a click");
        room.period(&levels);
        assert_eq!(room.periods(200, &levels), [0, 2, 3]);
    }

    #[test]
    fn a_click_does_not_take_the_place_of_one_who_speaks() {
        let mut room = Room::new();
        let mut levels = [Some(VOICE), Some(VOICE), Some(VOICE), Some(SILENCE)];
        room.periods(100, &levels);
        levels[3] = Some((0, false));
        assert_eq!(room.period(&levels), [0, 1, 2]);
        levels[3] = Some(SILENCE);
        assert_eq!(room.periods(50, &levels), [0, 1, 2]);
    }

    #[test]
    fn whoever_lies_has_one_place_and_the_others_are_heard() {
        let mut room = Room::new();
        let mut levels = [Some(SILENCE); 6];
        levels[0] = Some((0, true));
        room.periods(100, &levels);
        // The others speak one after the other, two at a time.
        for turn in 0..10 {
            let pair = [1 + turn % 5, 1 + (turn + 1) % 5];
            let mut levels = levels;
            pair.iter().for_each(|slot| levels[*slot] = Some((45, true)));
            for period in 0..100 {
                let heard = room.period(&levels);
                let both = pair.iter().all(|slot| heard.contains(slot));
                // Who spoke just before has its place for a pause more.
                assert!(both || period < 31, "turn {turn}, period {period}: {heard:?}");
                assert!(heard.contains(&0) && heard.len() <= PLACES + 1);
            }
        }
    }

    #[test]
    fn what_comes_again_or_in_a_second_layer_counts_once() {
        let mut room = Room::new();
        room.periods(100, &[Some(VOICE), Some(VOICE), Some(VOICE), Some(SILENCE)]);
        let loud = [None, None, None, Some((0, true))];
        let before = room.now;
        assert!(room.period(&loud).is_empty());
        (room.now, room.frame) = (before, room.frame - 1);
        assert!(room.period(&loud).is_empty(), "the same packet in another layer is no second one");
        assert_eq!(room.period(&loud), [3]);
    }

    #[test]
    fn whoever_is_gone_has_no_place_nor_its_successor() {
        let mut room = Room::new();
        let levels = [Some(VOICE), Some(VOICE), Some(VOICE), Some(SILENCE)];
        assert_eq!(room.periods(100, &levels), [0, 1, 2]);
        room.loudest.forget(1);
        assert_eq!(room.period(&[None, None, None, Some(SILENCE)]), [3]);
        assert_eq!(room.period(&levels).len(), PLACES);
        room.loudest.clear(RECEIVER);
        assert_eq!(room.period(&[None, Some(SILENCE), None, None]), [1]);
    }
}
