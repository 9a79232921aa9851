//! Which layer of which stream goes to whom: what a receiver shows, what its way down carries, and what the sender sends at the
//! moment. A receiver gets one layer of a stream at a time and changes at a keyframe; of sound, at any frame.
//!
//! Whoever never told what it shows gets all streams, of each the smallest layer that is sent.

use std::collections::BTreeMap;

use vestibule_common::control::Streams;
use vestibule_common::id::StreamId;
use vestibule_common::media::ladder::{self, Rung, Share, Want};
use vestibule_common::media::voice::{CODED_LAYER, PCM_LAYER};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::Bitrate;
use vestibule_common::wire::{KeyframeRequest, Kind, MediaHeader, View};

use super::Slot;
use super::sound::{SoundLayers, SoundWish};

/// Whoever told nothing is waited for so long.
pub(super) const UNTOLD: Duration = Duration::from_secs(2);
/// A layer of which nothing came for so long is not sent any more.
const LIVE: Duration = Duration::from_millis(700);
/// A receiver's keyframe is asked for at most this often.
const ASK_EVERY: Duration = Duration::from_millis(400);
/// Frames further apart than this are of a sender that began anew (PROTOCOL.md, section 12).
const FAR: u32 = 1024;
/// The layers that a stream may have here.
pub(super) const LAYERS: usize = ladder::CAMERA.len();

/// What is known of one stream.
struct Stream {
    owner: Slot,
    /// The owner's sound: whoever names that knows of the owner.
    audio: StreamId,
    /// Its ladder; empty for sound.
    rungs: &'static [Rung],
    layers: [Live; LAYERS],
    /// What has come of it, if it is sound.
    sound: SoundLayers,
    /// By receiver.
    choices: Choices,
}

/// Choices of those who ever told anything about a stream: the other members of its room, however many the relay has.
#[derive(Default)]
struct Choices(Vec<(Slot, Choice)>);

impl Choices {
    fn get(&self, slot: Slot) -> Option<&Choice> {
        let index = self.0.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        Some(&self.0[index].1)
    }

    fn get_mut(&mut self, slot: Slot) -> Option<&mut Choice> {
        let index = self.0.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        Some(&mut self.0[index].1)
    }

    fn or_default(&mut self, slot: Slot) -> &mut Choice {
        let index = self.0.binary_search_by_key(&slot, |(slot, _)| *slot).unwrap_or_else(|index| {
            self.0.insert(index, (slot, Choice::default()));
            index
        });
        &mut self.0[index].1
    }

    fn remove(&mut self, slot: Slot) {
        self.0.retain(|(other, _)| *other != slot);
    }
}

/// One layer as it comes.
#[derive(Clone, Default)]
struct Live {
    seen: Option<Time>,
    /// Its newest frame, and whether only one piece of it has come.
    frame: Option<u32>,
    begins: bool,
}

impl Live {
    fn is_sent(&self, now: Time) -> bool {
        self.seen.is_some_and(|seen| now.since(seen) < LIVE)
    }
}

/// What one receiver gets of one stream.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Choice {
    /// Of sound: it told what it shows before the owner had come, and the owner is known to have come since.
    unaware: Option<Option<Time>>,
    /// The highest layer that is of use to it; `None` for one that does not show the stream.
    pub(super) highest: Option<u8>,
    /// The highest that its way down carries, and what that may take.
    pub(super) allowed: u8,
    pub(super) cap: Bitrate,
    /// What it gets.
    pub(super) current: Option<u8>,
    /// The stream has one layer only, and that is made for receivers that are much faster.
    pub(super) too_slow: bool,
    asked: Option<Time>,
}

/// All streams, and who gets what of them.
#[derive(Default)]
pub(super) struct Layers {
    streams: BTreeMap<StreamId, Stream>,
    /// What each receiver told last, the most important first; none for one that never did.
    views: Vec<Option<View>>,
    /// What each receiver is to get of sounds.
    sounds: Vec<SoundWish>,
    /// So many of the largest layers of each camera go to nobody.
    given_up: u8,
}

impl Layers {
    /// `members` are in the owner's room: what they told that they show may name these streams.
    pub(super) fn open(&mut self, owner: Slot, streams: Streams, members: &[Slot]) {
        let ladders: [(StreamId, &'static [Rung]); 3] = [
            (streams.audio, &[]),
            (streams.video, &ladder::CAMERA),
            (streams.presentation, &ladder::PRESENTATION),
        ];
        for (id, rungs) in ladders {
            let stream = Stream {
                owner,
                audio: streams.audio,
                rungs,
                layers: Default::default(),
                sound: SoundLayers::default(),
                choices: Choices::default(),
            };
            self.streams.insert(id, stream);
        }
        // A view that was told before names who was there before.
        for slot in members {
            if let Some(Some(view)) = self.views.get(usize::from(*slot)) {
                for (id, _) in ladders {
                    self.streams.entry(id).and_modify(|stream| stream.apply(*slot, id, view));
                }
                if let Some(choice) = self.choice(*slot, streams.audio) {
                    choice.unaware = choice.highest.is_none().then_some(None);
                }
            }
        }
    }

    fn choice(&mut self, slot: Slot, id: StreamId) -> Option<&mut Choice> {
        self.streams.get_mut(&id)?.choices.get_mut(slot)
    }

    /// Whether a receiver may not know yet that the owner of this stream of sound has come. Until it does, or has had the time, it is
    /// treated as if it had told nothing.
    pub(super) fn is_unaware(&mut self, slot: Slot, audio: StreamId, now: Time) -> bool {
        let Some(choice) = self.choice(slot, audio).filter(|choice| choice.highest.is_none()) else {
            return false;
        };
        choice.unaware.as_mut().is_some_and(|since| now.since(*since.get_or_insert(now)) < UNTOLD)
    }

    pub(super) fn close(&mut self, id: StreamId) {
        self.streams.remove(&id);
    }

    /// The receiver is gone: whoever gets its place has told nothing.
    pub(super) fn forget(&mut self, slot: Slot) {
        if let Some(view) = self.views.get_mut(usize::from(slot)) {
            *view = None;
        }
        if let Some(wish) = self.sounds.get_mut(usize::from(slot)) {
            *wish = SoundWish::default();
        }
        for stream in self.streams.values_mut() {
            stream.choices.remove(slot);
        }
    }

    /// A receiver tells what it shows of `streams`, those of the others in its room; whether that is news.
    pub(super) fn handle_view(
        &mut self,
        slot: Slot,
        view: View,
        streams: impl Iterator<Item = StreamId>,
        now: Time,
    ) -> bool {
        if self.view(slot) == Some(&view) {
            return false;
        }
        let mut first = self.view(slot).is_none();
        let told = !first;
        for id in streams {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            if told && stream.audio == id {
                let choice = stream.choices.get(slot);
                first = choice.is_some_and(|choice| choice.unaware.is_some());
            }
            stream.apply(slot, id, &view);
            // Until now it got the smallest: it goes on with what it has.
            let sent = stream.smallest(now);
            if let Some(choice) = stream.choices.get_mut(slot)
                && first
                && choice.highest.is_some()
            {
                choice.current = sent;
            }
        }
        let index = usize::from(slot);
        if self.views.len() <= index {
            self.views.resize(index + 1, None);
        }
        self.views[index] = Some(view);
        true
    }

    /// What the receiver told last.
    pub(super) fn view(&self, slot: Slot) -> Option<&View> {
        self.views.get(usize::from(slot))?.as_ref()
    }

    /// A piece of a stream came.
    pub(super) fn see(&mut self, header: &MediaHeader, now: Time) {
        let Some(stream) = self.streams.get_mut(&header.stream) else { return };
        if stream.rungs.is_empty() {
            return stream.sound.see(header.layer.spatial, header.frame, now);
        }
        let Some(live) = stream.layers.get_mut(usize::from(header.layer.spatial)) else { return };
        live.seen = Some(now);
        // What is sent again is no beginning.
        let first = matches!(header.kind, Kind::Video | Kind::Presentation);
        let newer = live.frame.is_none_or(|frame| header.frame.wrapping_sub(frame) as i32 > 0);
        let restarted = live.frame.is_some_and(|frame| header.frame.abs_diff(frame) > FAR);
        live.begins = first && (newer || restarted);
        if live.begins {
            live.frame = Some(header.frame);
        }
    }

    /// Whether a receiver gets this piece, which was the last one seen. Where a keyframe begins it may go over to its layer.
    pub(super) fn takes(&mut self, slot: Slot, header: &MediaHeader, now: Time) -> bool {
        let wish = self.sound_wish(slot);
        let Some(audio) = self.streams.get(&header.stream).map(|stream| stream.audio) else { return true };
        let told = self.view(slot).is_some() && !self.is_unaware(slot, audio, now);
        let Some(stream) = self.streams.get_mut(&header.stream) else { return true };
        if stream.rungs.is_empty() {
            // Whoever told nothing may know but plain samples.
            let highest = stream.choices.get(slot).map(|choice| choice.highest);
            let highest = if told { highest.flatten() } else { Some(PCM_LAYER) };
            let Some(highest) = highest else { return false };
            return stream.sound.takes(
                &wish,
                highest >= CODED_LAYER,
                header.layer.spatial,
                header.frame,
                now,
            );
        }
        if !told {
            return stream.gives_untold(header.layer.spatial, now);
        }
        let target = stream.target(slot, now);
        let Some(choice) = stream.choices.get_mut(slot) else { return false };
        if choice.highest.is_none() {
            return false;
        }
        let layer = header.layer.spatial;
        let begins = stream.layers.get(usize::from(layer)).is_some_and(|live| live.begins);
        if choice.current != Some(layer) && target == Some(layer) && header.flags.keyframe && begins {
            choice.current = Some(layer);
        }
        choice.current == Some(layer)
    }

    /// Whether a receiver gets this layer of a stream at the moment.
    pub(super) fn gets(&self, slot: Slot, id: StreamId, layer: u8, now: Time) -> bool {
        let Some(stream) = self.streams.get(&id) else { return false };
        if self.view(slot).is_none() {
            return stream.gives_untold(layer, now);
        }
        let choice = stream.choices.get(slot).filter(|choice| choice.highest.is_some());
        choice.is_some_and(|choice| stream.rungs.is_empty() || choice.current == Some(layer))
    }

    /// Pieces of this stream were dropped on the way to the receiver: only a keyframe helps.
    pub(super) fn interrupt(&mut self, slot: Slot, id: StreamId) {
        let stream = self.streams.get_mut(&id);
        if let Some(choice) = stream.and_then(|stream| stream.choices.get_mut(slot)) {
            choice.current = None;
        }
    }

    /// A receiver asks for a keyframe of the layer that it gets, whichever it names.
    pub(super) fn resolve(&self, slot: Slot, request: KeyframeRequest, now: Time) -> KeyframeRequest {
        let Some(stream) = self.streams.get(&request.stream) else { return request };
        let current = stream.choices.get(slot).and_then(|choice| choice.current);
        let spatial = current.or_else(|| stream.target(slot, now)).unwrap_or(request.spatial);
        KeyframeRequest { spatial, ..request }
    }

    /// A keyframe that a receiver needs to go over to its layer, if it was not asked for lately.
    pub(super) fn next_request(&mut self, slot: Slot, now: Time) -> Option<KeyframeRequest> {
        let view = self.views.get(usize::from(slot)).and_then(Option::as_ref)?;
        for id in view.streams.iter().map(|viewed| viewed.stream) {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            let Some(spatial) = stream.target(slot, now) else { continue };
            let Some(choice) = stream.choices.get_mut(slot) else { continue };
            let shown = choice.highest.is_some() && !stream.rungs.is_empty();
            let due = choice.asked.is_none_or(|asked| now.since(asked) >= ASK_EVERY);
            if shown && due && choice.current != Some(spatial) {
                choice.asked = Some(now);
                return Some(KeyframeRequest { stream: id, spatial });
            }
        }
        None
    }

    /// Shares what a way down carries among the pictures that its receiver shows. Returns what they could use at most, and what
    /// they got. `part` of that is left while something waits, which is soon over: the layers stay the same. A stream of which nothing comes, of a camera that is off, takes nothing from the others; it begins with what it would
    /// get beside them.
    pub(super) fn allot(&mut self, slot: Slot, budget: Bitrate, part: f64, now: Time) -> (Bitrate, Bitrate) {
        let Some(view) = self.views.get(usize::from(slot)).and_then(Option::as_ref) else {
            return Default::default();
        };
        let mut shown: heapless::Vec<StreamId, { ladder::MAX_WANTS }> = heapless::Vec::new();
        let mut wants: heapless::Vec<Want, { ladder::MAX_WANTS }> = heapless::Vec::new();
        let mut coming: heapless::Vec<Want, { ladder::MAX_WANTS }> = heapless::Vec::new();
        for viewed in &view.streams {
            let Some(stream) = self.streams.get(&viewed.stream) else { continue };
            // Naming it again gets nobody more of it.
            if stream.rungs.is_empty() || !stream.is_shown(slot) || shown.contains(&viewed.stream) {
                continue;
            }
            let before = stream.choices.get(slot).map_or(0, |choice| choice.allowed);
            let top = (stream.rungs.len() as u8 - 1).saturating_sub(self.given_up);
            let want = Want { rungs: stream.rungs, highest: viewed.spatial.min(top), before };
            // As many fit as a view names.
            let _ = (shown.push(viewed.stream), wants.push(want));
            if stream.comes(now) {
                let _ = coming.push(want);
            }
        }
        let shares = ladder::share(budget, &coming);
        let mut of_coming = shares.iter();
        let of_all = ladder::share(budget, &wants);
        for (id, share) in shown.iter().zip(&of_all) {
            let Some(stream) = self.streams.get_mut(id) else { continue };
            let comes = stream.comes(now);
            let Share { rung, cap } = *if comes { of_coming.next().unwrap_or(share) } else { share };
            let least = stream.rungs[usize::from(rung)].least;
            if let Some(choice) = stream.choices.get_mut(slot) {
                let left = Bitrate::bps((cap.as_bps() as f64 * part) as u64);
                (choice.allowed, choice.cap) = (rung, left.max(least.min(cap)));
            }
        }
        let most =
            |want: &Want| want.rungs[usize::from(want.highest).min(want.rungs.len() - 1)].most.as_bps();
        let allotted = shares.iter().map(|share| share.cap.as_bps()).sum();
        (Bitrate::bps(coming.iter().map(most).sum()), Bitrate::bps(allotted))
    }

    /// How many sounds a receiver has shown to it, each counted once.
    pub(super) fn sounds(&self, slot: Slot) -> usize {
        let Some(view) = self.view(slot) else { return 0 };
        let mut sounds: heapless::Vec<StreamId, { ladder::MAX_WANTS }> = heapless::Vec::new();
        for viewed in &view.streams {
            let is_sound = |stream: &Stream| stream.rungs.is_empty() && stream.is_shown(slot);
            if !sounds.contains(&viewed.stream) && self.streams.get(&viewed.stream).is_some_and(is_sound) {
                // As above.
                let _ = sounds.push(viewed.stream);
            }
        }
        sounds.len()
    }

    /// From now on so many of the largest layers of each camera go to nobody.
    pub(super) fn give_up_layers(&mut self, layers: u8) {
        self.given_up = layers;
    }

    /// What a receiver is to get of sounds.
    pub(super) fn sound_wish(&self, slot: Slot) -> SoundWish {
        self.sounds.get(usize::from(slot)).copied().unwrap_or_default()
    }

    /// A receiver is to get this of sounds from now on.
    pub(super) fn set_sound_wish(&mut self, slot: Slot, wish: SoundWish) {
        let index = usize::from(slot);
        if self.sounds.len() <= index {
            self.sounds.resize(index + 1, SoundWish::default());
        }
        let before = &mut self.sounds[index];
        let since = if before.coded == wish.coded { before.since } else { wish.since };
        *before = SoundWish { since, ..wish };
    }

    /// Who gets a stream, with what it chose.
    pub(super) fn choices(&mut self, id: StreamId) -> impl Iterator<Item = (Slot, &mut Choice)> {
        let choices = self.streams.get_mut(&id).map(|stream| stream.choices.0.iter_mut());
        choices.into_iter().flatten().map(|(slot, choice)| (*slot, choice))
    }

    /// Whether a stream has nothing for this receiver that its way down carries.
    pub(super) fn is_too_slow(&self, id: StreamId, slot: Slot) -> bool {
        let choice = self.streams.get(&id).and_then(|stream| stream.choices.get(slot));
        choice.is_some_and(|choice| choice.too_slow)
    }

    /// The ladder of a stream; empty for sound and for unknown ones.
    pub(super) fn rungs(&self, id: StreamId) -> &'static [Rung] {
        self.streams.get(&id).map_or(&[], |stream| stream.rungs)
    }
}

impl Stream {
    fn apply(&mut self, slot: Slot, id: StreamId, view: &View) {
        if slot == self.owner {
            return;
        }
        let viewed = view.streams.iter().find(|viewed| viewed.stream == id);
        let choice = self.choices.or_default(slot);
        let highest = viewed.map(|viewed| viewed.spatial);
        if choice.highest.is_none() {
            // Until it is thought over, its way down carries everything. What was asked for it stays asked for.
            let Choice { unaware, asked, .. } = *choice;
            *choice = Choice { highest, allowed: u8::MAX, unaware, asked, ..Choice::default() };
        }
        choice.highest = highest;
        if highest.is_none() {
            choice.current = None;
        } else {
            choice.unaware = None;
        }
    }

    /// Whether a receiver shows it: no one of another room can.
    fn is_shown(&self, slot: Slot) -> bool {
        self.choices.get(slot).is_some_and(|choice| choice.highest.is_some())
    }

    fn is_live(&self, layer: u8, now: Time) -> bool {
        self.layers.get(usize::from(layer)).is_some_and(|live| live.is_sent(now))
    }

    /// Whether whoever told nothing gets this layer.
    fn gives_untold(&self, layer: u8, now: Time) -> bool {
        self.rungs.is_empty() || self.smallest(now).is_none_or(|smallest| smallest == layer)
    }

    /// The smallest layer that is sent at the moment.
    fn smallest(&self, now: Time) -> Option<u8> {
        (0..LAYERS as u8).find(|layer| self.is_live(*layer, now))
    }

    /// Whether any layer of it is sent at the moment.
    fn comes(&self, now: Time) -> bool {
        self.layers.iter().any(|live| live.is_sent(now))
    }

    /// The highest layer that is sent at the moment and may go to a receiver, or else the lowest there is.
    fn target(&self, slot: Slot, now: Time) -> Option<u8> {
        let choice = self.choices.get(slot)?;
        let most = choice.highest?.min(choice.allowed);
        let live = |layer: &u8| self.is_live(*layer, now);
        let most = most.min(LAYERS as u8 - 1);
        // A sender that makes no layer so small is shown all the same.
        (0..=most).rev().find(live).or_else(|| (most + 1..LAYERS as u8).find(live))
    }
}

#[cfg(test)]
mod tests;
