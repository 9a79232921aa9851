//! What is wanted of each sender: every stream's layers with what they should take, made of what all its receivers chose.
//!
//! A layer is made for the fastest of its receivers. Whoever can take much less than that goes down to the layer below, so that
//! one slow way down costs the others nothing. Of a presentation, which has one layer, it gets what its way down carries, which while
//! little moves is all, and few keyframes.

use heapless::Vec;
use vestibule_common::bandwidth::sound::periods_for;
use vestibule_common::id::StreamId;
use vestibule_common::media::voice::{CODED_LAYER, PCM_LAYER, PCM_RATE, coded_rate};
use vestibule_common::time::{Duration, Time};
use vestibule_common::unit::Bitrate;
use vestibule_common::wire::{Demand, Demanded};

use super::Slot;
use super::layers::{LAYERS, Layers};

/// A demand is told again after this,
const AGAIN: Duration = Duration::from_millis(500);
/// and a changed one at most this often.
const CHANGED: Duration = Duration::from_millis(100);
/// Who can take less than so many hundredths of a layer's fastest receiver gets the layer below.
const SLOW: u64 = 70;
/// Who does not have the layer yet needs this much to get it: no flapping.
const QUICK: u64 = 80;
/// A cap that moved by less than so many hundredths is the same.
const SAME: u64 = 4;

/// What less than half of a layer's receivers need counts up to this: one packet more in a picture of up to six, or one repeat of sound.
const FOR_FEW: u8 = 1;

/// How many repairs a layer is to have whose receivers need so many each. They take from the pictures of all of them, so a receiver that
/// loses much, or says so, gets what more than half need; what it still misses it asks for again.
fn needed_by_most(needs: &mut [u8]) -> u8 {
    needs.sort_unstable();
    let most = needs.len().checked_sub(1).map_or(0, |last| needs[last / 2]);
    most.max(needs.last().map_or(0, |worst| (*worst).min(FOR_FEW)))
}

/// The layers that are wanted of one stream by these receivers, who are moved to the layer that they get. `repairs` tells what
/// each of them needs.
pub(super) fn demanded(
    layers: &mut Layers,
    id: StreamId,
    receivers: &[Slot],
    repairs: impl Fn(Slot) -> u8,
) -> Vec<Demanded, LAYERS> {
    let rungs = layers.rungs(id);
    let mut wanted: Vec<Demanded, LAYERS> = Vec::new();
    for rung in (0..rungs.len() as u8).rev() {
        let mut caps: heapless::Vec<(u64, bool, u8), 256> = heapless::Vec::new();
        let highest = |choice: &super::layers::Choice| {
            choice.highest.map(|highest| highest.min(choice.allowed).min(rungs.len() as u8 - 1))
        };
        let here = layers
            .choices(id)
            .filter(|(slot, choice)| receivers.contains(slot) && highest(choice) == Some(rung));
        let mut fastest = 0;
        for (slot, choice) in here {
            if choice.cap == Bitrate::default() {
                // Nothing was allotted yet: as much as is of use.
                choice.cap = rungs[usize::from(rung)].most;
            }
            fastest = fastest.max(choice.cap.as_bps());
            // More receivers of one room than that change the slowest by little.
            let has_it = if rungs.len() > 1 { choice.current == Some(rung) } else { !choice.too_slow };
            let _ = caps.push((choice.cap.as_bps(), has_it, repairs(slot)));
        }
        if caps.is_empty() {
            continue;
        }
        // The lowest of several is for whoever is left.
        let last = rung == 0 && rungs.len() > 1;
        let enough =
            |cap: u64, has_it: bool| last || cap * 100 >= fastest * if has_it { SLOW } else { QUICK };
        if rung > 0 {
            let most = rungs[usize::from(rung) - 1].most;
            for (slot, choice) in layers.choices(id) {
                let cap = choice.cap.as_bps();
                if receivers.contains(&slot)
                    && highest(choice) == Some(rung)
                    && !enough(cap, choice.current == Some(rung))
                {
                    choice.allowed = rung - 1;
                    choice.cap = choice.cap.min(most);
                }
            }
        }
        if rungs.len() == 1 {
            for (_, choice) in
                layers.choices(id).filter(|(slot, it)| receivers.contains(slot) && it.highest.is_some())
            {
                choice.too_slow = !enough(choice.cap.as_bps(), !choice.too_slow);
            }
        }
        let stays = || caps.iter().filter(|(cap, has_it, _)| enough(*cap, *has_it));
        let cap = stays().map(|(cap, ..)| *cap).min().unwrap_or(fastest);
        let mut needs: Vec<u8, 256> = stays().map(|(.., repairs)| *repairs).collect();
        let repairs = needed_by_most(&mut needs);
        // A ladder has no more rungs than that.
        let _ = wanted.push(Demanded { stream: id, spatial: rung, repairs, cap: Bitrate::bps(cap) });
    }
    wanted
}

/// The layers that are wanted of a stream of sound by these receivers, and perhaps by others who told nothing.
pub(super) fn demanded_sound(
    layers: &mut Layers,
    id: StreamId,
    receivers: &[Slot],
    untold: bool,
) -> Vec<Demanded, 2> {
    let heard: heapless::Vec<(Slot, u8), 256> = layers
        .choices(id)
        .filter_map(|(slot, choice)| Some((slot, choice.highest?)))
        .filter(|(slot, _)| receivers.contains(slot))
        .take(256)
        .collect();
    let mut wanted: Vec<Demanded, 2> = Vec::new();
    let (mut plain, mut long) = (untold, false);
    let mut repeats: Vec<u8, 256> = Vec::new();
    for (slot, highest) in heard {
        let wish = layers.sound_wish(slot);
        if wish.coded && highest >= CODED_LAYER {
            // There are as many places as receivers.
            let _ = repeats.push(wish.repeats);
            // Where one is too narrow for short frames, all get long ones: 10 ms more.
            long |= periods_for(wish.cap, wish.repeats) > 1;
        } else {
            plain = true;
        }
    }
    // There is room for both.
    if plain {
        let _ = wanted.push(Demanded { stream: id, spatial: PCM_LAYER, repairs: 0, cap: PCM_RATE });
    }
    if !repeats.is_empty() {
        let repairs = needed_by_most(&mut repeats);
        let cap = coded_rate(repairs, if long { 2 } else { 1 });
        let _ = wanted.push(Demanded { stream: id, spatial: CODED_LAYER, repairs, cap });
    }
    wanted
}

/// What a sender was told last.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    demand: Option<Demand>,
    at: Time,
}

impl Told {
    /// Whether to tell this now.
    pub(super) fn is_news(&mut self, demand: &Demand, now: Time) -> bool {
        let since = now.since(self.at);
        let due = match &self.demand {
            None => true,
            Some(before) => since >= AGAIN || since >= CHANGED && differs(before, demand),
        };
        if due {
            (self.demand, self.at) = (Some(demand.clone()), now);
        }
        due
    }
}

fn differs(before: &Demand, now: &Demand) -> bool {
    let same = |(before, now): (&Demanded, &Demanded)| {
        let [old, new] = [before, now].map(|demanded| demanded.cap.as_bps());
        let place = |demanded: &Demanded| (demanded.stream, demanded.spatial, demanded.repairs);
        place(before) == place(now) && old.abs_diff(new) * 100 <= old * SAME
    };
    before.strained != now.strained
        || before.layers.len() != now.layers.len()
        || !before.layers.iter().zip(&now.layers).all(same)
}

#[cfg(test)]
mod tests {
    use vestibule_common::control::Streams;
    use vestibule_common::wire::{View, Viewed};

    use super::super::sound::SoundWish;
    use super::*;

    /// Receivers 1, 2, … of these kbit/s, all of whom show the stream large: what is demanded, and the layer of each.
    fn demand_of(kbps: &[u64]) -> (std::vec::Vec<(u8, u8, u64)>, std::vec::Vec<u8>) {
        let mut layers = Layers::default();
        let id = StreamId(2);
        layers.open(
            0,
            Streams { audio: StreamId(1), video: id, presentation: StreamId(3), file: StreamId(4) },
            &[],
        );
        let receivers: std::vec::Vec<Slot> = (1..=kbps.len() as Slot).collect();
        for (slot, kbps) in receivers.iter().zip(kbps) {
            let streams = [Viewed { stream: id, spatial: 3 }].into_iter().collect();
            layers.handle_view(*slot, View { streams }, std::iter::once(id), Time::ZERO);
            layers.allot(*slot, Bitrate::kbps(*kbps), 1.0, Time::ZERO);
        }
        let demanded = demanded(&mut layers, id, &receivers, |slot| if slot == 2 { 5 } else { 0 });
        let demanded =
            demanded.iter().map(|layer| (layer.spatial, layer.repairs, layer.cap.as_bps() / 1000)).collect();
        let chosen = layers.choices(id).filter(|(slot, _)| receivers.contains(slot));
        (demanded, chosen.map(|(_, choice)| choice.allowed).collect())
    }

    #[test]
    fn a_layer_is_made_for_its_fastest_and_the_slow_go_down() {
        assert_eq!(demand_of(&[1200]), (vec![(3, 0, 1200)], vec![3]));
        assert_eq!(demand_of(&[1200, 1000]), (vec![(3, 1, 1000)], vec![3, 3]), "nearly as fast");
        assert_eq!(demand_of(&[1700, 800]), (vec![(3, 0, 1630), (2, 5, 800)], vec![3, 2]));
        assert_eq!(demand_of(&[5000, 5000, 200]), (vec![(3, 1, 1630), (1, 0, 200)], vec![3, 3, 1]));
        assert_eq!(demand_of(&[10, 5000]), (vec![(3, 5, 1630), (0, 0, 60)], vec![0, 3]));
    }

    #[test]
    fn a_presentation_is_made_for_its_fastest_and_the_slow_are_known() {
        let mut layers = Layers::default();
        let id = StreamId(3);
        let streams = Streams { audio: StreamId(1), video: StreamId(2), presentation: id, file: StreamId(4) };
        layers.open(0, streams, &[]);
        let mut demand_of = |kbps: [u64; 3]| {
            for (slot, kbps) in (1..).zip(kbps) {
                let streams = [Viewed { stream: id, spatial: 0 }].into_iter().collect();
                layers.handle_view(slot, View { streams }, std::iter::once(id), Time::ZERO);
                layers.allot(slot, Bitrate::kbps(kbps), 1.0, Time::ZERO);
            }
            let demanded = demanded(&mut layers, id, &[1, 2, 3], |_| 0);
            let caps: std::vec::Vec<u64> = demanded.iter().map(|it| it.cap.as_bps() / 1000).collect();
            (caps, [1, 2, 3].map(|slot| layers.is_too_slow(id, slot)))
        };
        assert_eq!(demand_of([5000, 2500, 400]), (vec![2500], [false, false, true]));
        assert_eq!(demand_of([5000, 2200, 2200]), (vec![2200], [false, false, true]), "it has to be quicker");
        assert_eq!(demand_of([5000, 2200, 2500]), (vec![2200], [false; 3]));
        assert_eq!(demand_of([300, 100, 250]), (vec![250], [false, true, false]));
    }

    #[test]
    fn repairs_are_made_for_most_and_few_for_the_others() {
        let cases: [(&[u8], u8); 9] = [
            (&[], 0),
            (&[0], 0),
            (&[7], 7),
            (&[0, 15], 1),
            (&[4, 15], 4),
            (&[0, 15, 0], 1),
            (&[15, 0, 6], 6),
            (&[15, 15, 0, 0], 1),
            (&[15, 0, 3, 15], 3),
        ];
        for (needs, made) in cases {
            assert_eq!(needed_by_most(&mut needs.to_vec()), made, "{needs:?}");
        }
    }

    #[test]
    fn coded_sound_repeats_what_most_need_in_frames_that_the_narrowest_carries() {
        let sound = |wishes: &[(u8, u8)]| {
            let mut layers = Layers::default();
            let [audio, video, presentation, file] = [1, 2, 3, 4].map(StreamId);
            layers.open(0, Streams { audio, video, presentation, file }, &[]);
            let receivers: std::vec::Vec<Slot> = (1..=wishes.len() as Slot).collect();
            for (slot, (repeats, periods)) in receivers.iter().zip(wishes) {
                let streams = [Viewed { stream: audio, spatial: CODED_LAYER }].into_iter().collect();
                layers.handle_view(*slot, View { streams }, std::iter::once(audio), Time::ZERO);
                let cap = coded_rate(*repeats, *periods);
                layers.set_sound_wish(
                    *slot,
                    SoundWish { coded: true, repeats: *repeats, cap, since: Time::ZERO },
                );
            }
            let demanded = demanded_sound(&mut layers, audio, &receivers, false);
            let only = demanded.first().filter(|_| demanded.len() == 1).unwrap();
            (only.repairs, periods_for(only.cap, only.repairs))
        };
        assert_eq!(sound(&[(3, 1)]), (3, 1));
        assert_eq!(sound(&[(3, 1), (0, 1)]), (1, 1), "no longer frames for want of repeats");
        assert_eq!(sound(&[(3, 1), (0, 1), (2, 1)]), (2, 1));
        assert_eq!(sound(&[(0, 2), (0, 1), (0, 1)]), (0, 2), "one is narrow");
    }

    #[test]
    fn a_demand_is_told_when_it_changes_and_now_and_then() {
        let demand = |kbps| Demand {
            layers: [Demanded { stream: StreamId(2), spatial: 3, repairs: 0, cap: Bitrate::kbps(kbps) }]
                .into_iter()
                .collect(),
            ..Demand::default()
        };
        let mut told = Told::default();
        let at = Time::from_millis;
        assert!(told.is_news(&demand(1000), at(1000)));
        assert!(!told.is_news(&demand(700), at(1050)), "not so soon");
        assert!(!told.is_news(&demand(1020), at(1200)), "nearly the same");
        assert!(told.is_news(&demand(700), at(1200)));
        assert!(!told.is_news(&demand(700), at(1600)));
        assert!(told.is_news(&demand(700), at(1700)));
    }
}
