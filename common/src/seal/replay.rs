//! A sliding window over packet numbers: each is accepted once (RFC 4303, section 3.4.3).

use super::OpenError;

const WORDS: usize = 32;
/// Packets behind the newest that are still told apart: two seconds at a thousand packets a second.
const WINDOW: u64 = WORDS as u64 * 64;

/// Bit `n % WINDOW` says whether packet `n` came, for the `WINDOW` numbers up to `largest`.
#[derive(Default)]
pub(super) struct ReplayWindow {
    largest: Option<u64>,
    seen: [u64; WORDS],
}

impl ReplayWindow {
    pub(super) fn largest(&self) -> Option<u64> {
        self.largest
    }

    /// Whether `packet` may be new; nothing changes until it is authenticated and accepted.
    pub(super) fn check(&self, packet: u64) -> Result<(), OpenError> {
        let Some(largest) = self.largest else { return Ok(()) };
        if packet > largest {
            return Ok(());
        }
        if largest - packet >= WINDOW {
            return Err(OpenError::TooOld);
        }
        let (word, bit) = place(packet);
        if self.seen[word] & bit != 0 { Err(OpenError::Replayed) } else { Ok(()) }
    }

    pub(super) fn accept(&mut self, packet: u64) {
        if let Some(largest) = self.largest
            && packet > largest
        {
            let first = largest + 1;
            if packet - largest >= WINDOW {
                self.seen = [0; WORDS];
            } else {
                for skipped in first..=packet {
                    let (word, bit) = place(skipped);
                    self.seen[word] &= !bit;
                }
            }
        }
        let (word, bit) = place(packet);
        self.seen[word] |= bit;
        self.largest = Some(self.largest.map_or(packet, |largest| largest.max(packet)));
    }
}

fn place(packet: u64) -> (usize, u64) {
    ((packet / 64) as usize % WORDS, 1 << (packet % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Against a set that remembers everything.
        #[test]
        fn accepts_each_number_once(numbers in prop::collection::vec(0u64..6000, 1..400)) {
            let mut window = ReplayWindow::default();
            let mut seen = BTreeSet::new();
            for number in numbers {
                let largest = seen.last().copied();
                let expected = match largest {
                    Some(largest) if number + WINDOW <= largest => Err(OpenError::TooOld),
                    _ if seen.contains(&number) => Err(OpenError::Replayed),
                    _ => Ok(()),
                };
                prop_assert_eq!(window.check(number), expected);
                if expected.is_ok() {
                    window.accept(number);
                    seen.insert(number);
                }
            }
        }
    }
}
