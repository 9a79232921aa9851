//! How many repairs a sender adds to its pictures: as many as the losses ask for where sending again takes too long, none
//! elsewhere.
//!
//! A lost piece that is asked for is here a round trip after it was missed, with every picture behind it waiting; what is lost
//! again takes another one and a half. Where a round trip is short nobody sees that, and asking costs only what was lost.
//! Beyond [`FAR`] repairs are made. Losses on a way down are known to the relay, which tells them ([`Demanded::repairs`]),
//! those on the way up to the sender itself.

use super::repair::repairs_for;
use crate::time::Duration;
use crate::unit::DataSize;
use crate::wire::Demanded;

/// Sending again is enough for round trips up to this. A piece is missed some 10 ms after the next one came, and with this
/// round trip here within two intervals of 30 pictures a second, the second time it is asked for too.
pub const FAR: Duration = Duration::from_millis(20);
/// With fewer losses than this no repairs are made: one in a hundred frames of six pieces, asked for, is a picture now and then.
const FEW: f64 = 0.01;
/// [`Demanded::repairs`] counts the lost share in parts of so many.
const PARTS: f64 = 50.0;
/// Of what the last frames took, so much is remembered with each further one.
const REMEMBERED: f64 = 0.9;

/// What to tell the senders of a way down with this loss (0 to 1) and round trip, as [`Demanded::repairs`] of a picture.
pub fn demanded_repairs(loss: f64, round_trip: Option<Duration>) -> u8 {
    let far = round_trip.is_some_and(|round_trip| round_trip > FAR);
    if !far || loss.is_nan() || loss < FEW {
        return 0;
    }
    (loss * PARTS).ceil().min(f64::from(Demanded::MOST_REPAIRS)) as u8
}

/// The repairs of one sender's pictures of a kind.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    /// Bytes of frames and of their repairs, the older ones forgotten.
    frames: f64,
    repairs: f64,
    /// The share that is lost on the way up and comes too late when it is sent again.
    up: f64,
}

impl Protection {
    /// What is known of the way up. Whoever misses a piece that was lost there asks through the relay, over a way that is, as far
    /// as we know, as long as ours: so it takes two round trips.
    pub fn set_way_up(&mut self, loss: f64, round_trip: Option<Duration>) {
        let far = round_trip.is_some_and(|round_trip| round_trip * 2 > FAR);
        self.up = if far && loss >= FEW { loss.min(1.0) } else { 0.0 };
    }

    /// The share of pieces, 0 to 1, that a frame's repairs are to make up for, where `demanded` was told of its layer.
    pub fn loss(&self, demanded: u8) -> f64 {
        let down = f64::from(demanded.min(Demanded::MOST_REPAIRS)) / PARTS;
        1.0 - (1.0 - self.up) * (1.0 - down)
    }

    /// How many repairs a frame of so many pieces gets: at most half as many, one for a single piece.
    pub fn repairs(&self, pieces: u16, demanded: u8) -> u16 {
        let loss = self.loss(demanded);
        if loss < FEW { 0 } else { repairs_for(pieces, loss) }
    }

    /// A frame of this size was sent, with repairs of that size.
    pub fn handle_frame(&mut self, frame: DataSize, repairs: DataSize) {
        self.frames = self.frames * REMEMBERED + frame.as_bytes() as f64;
        self.repairs = self.repairs * REMEMBERED + repairs.as_bytes() as f64;
    }

    /// Which share of what was sent lately were repairs, 0 to a half: the encoders have the rest.
    pub fn share(&self) -> f64 {
        let all = self.frames + self.repairs;
        if all > 0.0 { self.repairs / all } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Option<Duration> = |ms| Some(Duration::from_millis(ms));

    #[test]
    fn a_way_down_wants_repairs_only_when_it_is_long_and_loses() {
        let told = |loss| demanded_repairs(loss, MS(50));
        assert_eq!([0.0, 0.009, 0.01, 0.021, 0.1, 0.29, 0.9, f64::NAN].map(told), [0, 0, 1, 2, 5, 15, 15, 0]);
        assert_eq!(demanded_repairs(0.1, MS(20)), 0, "sending again is quick");
        assert_eq!(demanded_repairs(0.1, MS(21)), 5);
        assert_eq!(demanded_repairs(0.1, None), 0);
    }

    #[test]
    fn both_ways_count_and_what_sending_again_mends_does_not() {
        let mut protection = Protection::default();
        assert_eq!(protection.repairs(6, 0), 0);
        assert_eq!(protection.repairs(6, 5), 3, "a tenth");
        protection.set_way_up(0.1, MS(10));
        assert_eq!(protection.repairs(6, 0), 0, "near");
        protection.set_way_up(0.005, MS(200));
        assert_eq!(protection.repairs(6, 0), 0, "hardly any loss");
        protection.set_way_up(0.1, MS(200));
        assert_eq!((protection.repairs(6, 0), protection.repairs(1, 0)), (3, 1));
        assert!((protection.loss(5) - 0.19).abs() < 1e-9);
        protection.set_way_up(f64::NAN, MS(200));
        assert_eq!(protection.loss(0), 0.0);
    }

    #[test]
    fn the_share_follows_what_is_sent() {
        let mut protection = Protection::default();
        assert_eq!(protection.share(), 0.0);
        let mut send = |repairs| {
            for _ in 0..60 {
                protection.handle_frame(DataSize::bytes(6000), DataSize::bytes(repairs));
            }
            protection.share()
        };
        assert!((send(3000) - 1.0 / 3.0).abs() < 0.01);
        assert!(send(0) < 0.01);
    }
}
