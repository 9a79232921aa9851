//! Who wants which layers: what this kiosk shows of others, told to the relay, and what others want of it, told by the relay.

use std::sync::Arc;

use vestibule_common::bandwidth::sound::periods_for;
use vestibule_common::control::Streams;
use vestibule_common::id::StreamId;
use vestibule_common::media::ladder;
use vestibule_common::media::voice::{CODED_LAYER, PCM_LAYER, REPEATS_MOST};
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::{Demand, View, Viewed};

use super::speaking::{CodedWish, SoundLayers, SoundSwitch};
use super::switch::CameraSwitch;
use crate::video::plan::{LayersWanted, wish};

/// How often it is looked what is shown.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What is shown is told again after this.
const TELL_EVERY: Duration = Duration::from_millis(500);
/// A demand that was not told again for so long counts no more.
const STALE: Duration = Duration::from_secs(2);
/// A layer is large enough for a place on the screen that is larger by this many hundredths.
const ENOUGH: usize = 125;

/// What is shown and played of others.
pub(super) struct Shown {
    /// Streams of sound.
    pub sounds: Vec<StreamId>,
    /// Streams of pictures, with the shorter side of their place on the screen, in pixels.
    pub pictures: Vec<(StreamId, usize)>,
}

impl Shown {
    /// As the relay is told it: sound first, then the largest pictures.
    fn view(mut self) -> View {
        self.pictures.sort_by_key(|(stream, side)| (std::cmp::Reverse(*side), *stream));
        let sound = |stream: StreamId| Viewed { stream, spatial: CODED_LAYER };
        let picture = |(stream, side): (StreamId, usize)| Viewed { stream, spatial: layer_for(side) };
        let all = self.sounds.into_iter().map(sound).chain(self.pictures.into_iter().map(picture));
        View { streams: all.take(View::MAX_STREAMS).collect() }
    }
}

/// The smallest layer that is large enough for a place with this shorter side, in pixels.
fn layer_for(side: usize) -> u8 {
    let enough = |rung: &ladder::Rung| rung.height as usize * ENOUGH >= side.saturating_mul(100);
    ladder::CAMERA.iter().position(enough).unwrap_or(ladder::CAMERA.len() - 1) as u8
}

/// Both directions' wishes.
pub(super) struct Wishes {
    camera: Arc<CameraSwitch>,
    presentation: Arc<CameraSwitch>,
    sound: Arc<SoundSwitch>,
    look: Time,
    told: Option<(View, Time)>,
    /// When others' wishes were told.
    demanded: Option<Time>,
}

impl Wishes {
    /// Nobody has said anything.
    pub(super) fn new([camera, presentation]: [Arc<CameraSwitch>; 2], sound: Arc<SoundSwitch>) -> Wishes {
        Wishes { camera, presentation, sound, look: Time::ZERO, told: None, demanded: None }
    }

    /// Another relay, or none.
    pub(super) fn forget(&mut self) {
        self.told = None;
        self.drop_demand();
    }

    fn drop_demand(&mut self) {
        self.demanded = None;
        self.camera.want_layers(None);
        self.presentation.want_layers(None);
        self.sound.want(SoundLayers::PLAIN);
    }

    /// Other rooms are shown than before: that is looked at at once.
    pub(super) fn hurry(&mut self) {
        self.look = Time::ZERO;
    }

    /// Whether to look what is shown. Asking settles it.
    pub(super) fn looks(&mut self, now: Time) -> bool {
        let due = now >= self.look;
        if due {
            self.look = now + LOOK_EVERY;
        }
        due
    }

    /// This is shown: what to tell the relay of it, if anything.
    pub(super) fn handle_shown(&mut self, shown: Shown, now: Time) -> Option<Box<View>> {
        let view = shown.view();
        let known = self.told.as_ref().is_some_and(|(told, at)| *told == view && now.since(*at) < TELL_EVERY);
        if known {
            return None;
        }
        self.told = Some((view.clone(), now));
        Some(Box::new(view))
    }

    /// The relay tells what is wanted of these streams.
    pub(super) fn handle_demand(&mut self, demand: &Demand, own: Option<Streams>, now: Time) {
        let Some(own) = own else { return };
        self.demanded = Some(now);
        for (switch, stream) in [(&self.camera, own.video), (&self.presentation, own.presentation)] {
            let layers = demand.layers.iter().filter(|layer| layer.stream == stream).filter_map(wish);
            switch.want_layers(Some(layers.take(LayersWanted::new().capacity()).collect()));
        }
        let sounds = || demand.layers.iter().filter(|layer| layer.stream == own.audio);
        let coded = sounds().find(|layer| layer.spatial == CODED_LAYER).map(|layer| CodedWish {
            repeats: layer.repairs.min(REPEATS_MOST as u8),
            periods: periods_for(layer.cap, layer.repairs),
        });
        // Whoever comes may not have told yet what it hears: then plain samples go on.
        let plain = coded.is_none() || sounds().any(|layer| layer.spatial == PCM_LAYER);
        self.sound.want(SoundLayers { plain, coded });
    }

    /// Forgets a demand that is not told again; whether it did.
    pub(super) fn handle_timeout(&mut self, now: Time) -> bool {
        let stale = self.demanded.is_some_and(|at| now.since(at) > STALE);
        if stale {
            self.drop_demand();
        }
        stale
    }
}

#[cfg(test)]
mod tests {
    use vestibule_common::media::voice::coded_rate;
    use vestibule_common::unit::Bitrate;
    use vestibule_common::wire::{Demanded, MAX_BODY};

    use super::*;
    use crate::video::ladder::LayerIndex;

    const OWN: Streams =
        Streams { audio: StreamId(1), video: StreamId(2), presentation: StreamId(3), file: StreamId(4) };

    #[test]
    fn a_place_gets_the_smallest_layer_that_is_large_enough() {
        let layers = [100, 180, 181, 300, 301, 450, 451, usize::MAX].map(layer_for);
        assert_eq!(layers, [0, 0, 1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn what_is_shown_is_told_when_it_changes_and_now_and_then() {
        let mut wishes = Wishes::new([Arc::default(), Arc::default()], Arc::default());
        let mut told = |side, ms| {
            let at = Time::from_millis(ms);
            let pictures = vec![(StreamId(11), side), (StreamId(21), 600)];
            let shown = Shown { sounds: vec![StreamId(10)], pictures };
            if wishes.looks(at) { wishes.handle_shown(shown, at) } else { None }
        };
        let view = told(200, 1000).unwrap();
        let layers: Vec<(u32, u8)> = view.streams.iter().map(|it| (it.stream.0, it.spatial)).collect();
        assert_eq!(layers, [(10, 1), (21, 3), (11, 1)]);
        assert_eq!(told(100, 1050), None, "it is not looked at yet");
        assert_eq!(told(190, 1100), None, "the same layers");
        assert!(told(100, 1200).is_some());
        assert_eq!(told(100, 1600), None);
        assert!(told(100, 1700).is_some());
    }

    #[test]
    fn what_is_wanted_reaches_the_encoders_and_is_forgotten_when_nobody_tells_it_any_more() {
        let (camera, presentation) = (Arc::new(CameraSwitch::default()), Arc::new(CameraSwitch::default()));
        let sound = Arc::new(SoundSwitch::default());
        let mut wishes = Wishes::new([camera.clone(), presentation.clone()], sound.clone());
        let layers = [(2, 3, 1000), (2, 1, 200), (9, 0, 50), (1, 1, 80)].into_iter();
        let layers = layers.map(|(stream, spatial, kbps)| Demanded {
            stream: StreamId(stream),
            spatial,
            repairs: 4,
            cap: Bitrate::kbps(kbps),
        });
        let demand = Demand { layers: layers.collect(), ..Demand::default() };
        wishes.handle_demand(&demand, None, Time::ZERO);
        assert_eq!(camera.wishes().layers, None, "not ours");
        wishes.handle_demand(&demand, Some(OWN), Time::ZERO);
        let wanted = camera.wishes().layers.unwrap();
        let wanted: Vec<(usize, u64)> =
            wanted.iter().map(|wish| (wish.layer.index(), wish.cap.as_bps() / 1000)).collect();
        assert_eq!(wanted, [(3, 920), (1, 184)]);
        assert_eq!(camera.wishes().repairs(LayerIndex::default()), 4);
        assert_eq!(presentation.wishes().layers, Some(LayersWanted::new()), "nobody wants it");
        let coded = Some(CodedWish { repeats: 3, periods: 2 });
        assert_eq!(sound.wanted(), SoundLayers { plain: false, coded });
        assert!(!wishes.handle_timeout(Time::ZERO + STALE));
        assert!(camera.wishes().layers.is_some());
        assert!(wishes.handle_timeout(Time::ZERO + STALE + Duration::from_millis(1)));
        assert_eq!((camera.wishes().layers, presentation.wishes().layers), (None, None));
        assert_eq!(sound.wanted(), SoundLayers::PLAIN);
    }

    #[test]
    fn frames_are_as_long_as_the_relay_asks_with_however_many_repeats() {
        let sound = Arc::new(SoundSwitch::default());
        let mut wishes = Wishes::new([Arc::default(), Arc::default()], sound.clone());
        for (repairs, periods) in (0..=REPEATS_MOST as u8).flat_map(|repeats| [(repeats, 1), (repeats, 2)]) {
            let cap = coded_rate(repairs, periods);
            let coded = Demanded { stream: OWN.audio, spatial: CODED_LAYER, repairs, cap };
            let demand = Demand { layers: [coded].into_iter().collect(), ..Demand::default() };
            let mut body = [0; MAX_BODY];
            let len = demand.emit(&mut body).unwrap();
            wishes.handle_demand(&Demand::parse(&body[..len]).unwrap(), Some(OWN), Time::ZERO);
            assert_eq!(sound.wanted().coded, Some(CodedWish { repeats: repairs, periods }));
        }
    }
}
