//! What changes at given moments: a link's rate, its delay.

use vestibule_common::time::Time;
use vestibule_common::unit::{Bitrate, DataSize};

/// A value at every moment, constant between its steps.
#[derive(Clone, Debug)]
pub struct Schedule<T> {
    /// The first is at [`Time::ZERO`].
    steps: Vec<(Time, T)>,
}

impl<T: Copy> Schedule<T> {
    /// The same for ever.
    pub fn constant(value: T) -> Schedule<T> {
        Schedule { steps: vec![(Time::ZERO, value)] }
    }

    /// Each value from its second on.
    ///
    /// # Panics
    /// Unless the first is at 0 and they ascend.
    pub fn of_seconds(steps: &[(u64, T)]) -> Schedule<T> {
        Schedule::of(steps.iter().map(|(at, value)| (Time::from_millis(at * 1000), *value)).collect())
    }

    /// Each value from its moment on.
    ///
    /// # Panics
    /// Unless the first is at [`Time::ZERO`] and they ascend.
    pub fn of(steps: Vec<(Time, T)>) -> Schedule<T> {
        assert!(steps.first().is_some_and(|(at, _)| *at == Time::ZERO), "a schedule begins at 0");
        assert!(steps.is_sorted_by_key(|(at, _)| *at), "a schedule goes forward");
        Schedule { steps }
    }

    /// The value at a moment.
    pub fn at(&self, now: Time) -> T {
        self.steps[self.index(now)].1
    }

    fn index(&self, now: Time) -> usize {
        self.steps.partition_point(|(at, _)| *at <= now).saturating_sub(1)
    }
}

impl Schedule<Bitrate> {
    /// When a link of this rate, which is free from `begin_ns` on, has carried so much: nanoseconds. `None` if it never has.
    pub(super) fn carried_ns(&self, begin_ns: u64, size: DataSize) -> Option<u64> {
        // Bits times nanoseconds in a second, so that rate times nanoseconds is subtracted exactly.
        let mut left = u128::from(size.as_bytes()) * 8 * 1_000_000_000;
        let mut at = begin_ns;
        let mut index = self.index(Time::from_micros(begin_ns / 1000));
        loop {
            let rate = u128::from(self.steps[index].1.as_bps());
            let end = self.steps.get(index + 1).map(|(end, _)| end.as_micros() * 1000);
            if let Some(end) = end {
                let able = rate * u128::from(end - at);
                if able < left {
                    left -= able;
                    (at, index) = (end, index + 1);
                    continue;
                }
            }
            let span = left.checked_div(rate)?;
            let rest = u128::from(!left.is_multiple_of(rate));
            return u64::try_from(span + rest).ok().and_then(|span| at.checked_add(span));
        }
    }

    /// What it carries between two moments.
    pub fn capacity(&self, from: Time, to: Time) -> DataSize {
        let mut bits = 0;
        let mut at = from;
        for index in self.index(from).. {
            let end = self.steps.get(index + 1).map_or(to, |(end, _)| (*end).min(to));
            bits += u128::from(self.steps[index].1.as_bps()) * end.since(at).as_micros();
            if end >= to {
                break;
            }
            at = end;
        }
        DataSize::bytes(u64::try_from(bits / 8_000_000).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Schedule<Bitrate> {
        Schedule::of_seconds(&[(0, Bitrate::kbps(1000)), (40, Bitrate::bps(0)), (50, Bitrate::kbps(500))])
    }

    #[test]
    fn a_value_holds_until_the_next() {
        let at = |ms| rates().at(Time::from_millis(ms)).as_bps();
        assert_eq!(
            [at(0), at(39_999), at(40_000), at(50_000), at(1_000_000)],
            [1_000_000, 1_000_000, 0, 500_000, 500_000]
        );
    }

    #[test]
    fn a_packet_that_meets_a_step_goes_on_at_the_new_rate() {
        let rates = rates();
        let packet = DataSize::bytes(1250);
        assert_eq!(rates.carried_ns(0, packet), Some(10_000_000));
        // 4 ms before the outage: 4000 of 10000 bits, then 6000 bits at half the rate, 12 ms.
        assert_eq!(rates.carried_ns(39_996_000_000, packet), Some(50_012_000_000));
        assert_eq!(Schedule::constant(Bitrate::bps(0)).carried_ns(5, packet), None);
        assert_eq!(Schedule::constant(Bitrate::kbps(3000)).carried_ns(1, DataSize::bytes(1)), Some(2668));
    }

    #[test]
    fn what_it_carries_is_the_area_under_it() {
        let between = |from, to| rates().capacity(Time::from_millis(from), Time::from_millis(to)).as_bytes();
        assert_eq!(between(0, 1000), 125_000);
        assert_eq!(between(39_000, 51_000), 125_000 + 62_500);
        assert_eq!(between(60_000, 62_000), 125_000);
    }
}
