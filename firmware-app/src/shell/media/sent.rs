//! The pictures of one kind that left last, for rooms that miss pieces of them. Nothing of it leaves once the pictures are off:
//! all that is kept has one ticket, which is shown at the socket again.
//!
//! Not paced: it is little, and late already. So there is an allowance, however many ask.

use vestibule_common::media::{Resend, ResendConfig};
use vestibule_common::time::{Duration, Time};
use vestibule_common::wire::Nack;

use super::shutter::PictureTicket;
use super::switch::CameraSwitch;
use crate::video::allowance::Allowance;

/// Less than the relay keeps of a stream, and shorter: it answers for what it has got, so this is for what it has not.
const KEPT: ResendConfig =
    ResendConfig { max_bytes: 192 << 10, max_bodies: 768, max_age: Duration::from_millis(500) };
/// Pieces sent again a second, and at once: of a megabit, what a short break of the network takes.
const PIECES: (u32, u32) = (200, 50);

/// What was sent of one kind of pictures.
pub(super) struct Sent {
    resend: Resend,
    /// Under which all of it was captured.
    ticket: Option<PictureTicket>,
    allowance: Allowance,
}

impl Sent {
    /// Nothing.
    pub(super) fn new() -> Sent {
        let allowance = Allowance::new(PIECES.0, PIECES.1);
        Sent { resend: Resend::new(KEPT), ticket: None, allowance }
    }

    /// Keeps a piece of a picture with this ticket that is being sent.
    pub(super) fn remember(&mut self, body: &[u8], ticket: PictureTicket, now: Time) {
        if self.ticket != Some(ticket) {
            self.clear();
            self.ticket = Some(ticket);
        }
        self.resend.remember(body, now);
    }

    /// Gives each piece that is asked for and may still leave to `send`, which must not wait, none of them twice in a round
    /// trip. How many that were.
    pub(super) fn answer(
        &mut self,
        nack: &Nack,
        switch: &CameraSwitch,
        round_trip: Duration,
        now: Time,
        mut send: impl FnMut(&[u8]),
    ) -> u64 {
        let Some(ticket) = self.ticket else { return 0 };
        let mut count = 0;
        let mut answer = self.resend.answer(nack, round_trip, now);
        while let Some(body) = answer.next_body() {
            if !self.allowance.take(now) {
                return count;
            }
            // The last word at the socket, as for what is sent for the first time.
            if !switch.pass(ticket, || send(body)) {
                self.clear();
                return count;
            }
            count += 1;
        }
        count
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.resend.clear();
        self.ticket = None;
    }
}

#[cfg(test)]
mod tests {
    use vestibule_common::id::StreamId;
    use vestibule_common::media::{FrameInfo, Packetizer};
    use vestibule_common::wire::{Kind, MAX_BODY};

    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(40);
    const MS: fn(u64) -> Time = Time::from_millis;

    fn nack(frame: u32) -> Nack {
        Nack { stream: StreamId(2), spatial: 0, frame, pieces: Default::default() }
    }

    /// Keeps a picture of `pieces` pieces.
    fn picture(sent: &mut Sent, number: u32, pieces: usize, ticket: PictureTicket, now: Time) {
        let bytes = vec![7; pieces * 1000];
        let packetizer = Packetizer::video(StreamId(2));
        let pieces = packetizer.frame_numbered(number, &bytes, FrameInfo::video(now, true, None)).unwrap();
        for piece in 0..pieces.count() {
            let mut body = [0; MAX_BODY];
            let len = pieces.write(piece, &mut body).unwrap();
            sent.remember(&body[..len], ticket, now);
        }
    }

    fn again(sent: &mut Sent, frame: u32, switch: &CameraSwitch, now: Time) -> u64 {
        let mut left = 0;
        let count = sent.answer(&nack(frame), switch, ROUND_TRIP, now, |body| {
            assert_eq!(Kind::of(body), Ok(Kind::Retransmission));
            left += 1;
        });
        assert_eq!(count, left);
        count
    }

    #[test]
    fn what_was_captured_before_camera_off_is_not_sent_again_after_it() {
        let (mut sent, switch) = (Sent::new(), CameraSwitch::default());
        switch.send(true, MS(0));
        switch.want(true, true, MS(0));
        picture(&mut sent, 1, 3, switch.ticket().unwrap(), MS(10));
        assert_eq!(again(&mut sent, 1, &switch, MS(20)), 3);
        switch.want(false, false, MS(30));
        assert_eq!(again(&mut sent, 1, &switch, MS(100)), 0);
        switch.want(true, true, MS(110));
        assert_eq!(again(&mut sent, 1, &switch, MS(120)), 0, "nor once it is on again");
        picture(&mut sent, 2, 3, switch.ticket().unwrap(), MS(130));
        assert_eq!(again(&mut sent, 1, &switch, MS(140)), 0, "nor among newer ones");
        assert_eq!(again(&mut sent, 2, &switch, MS(140)), 3);
    }

    #[test]
    fn a_new_ticket_drops_what_was_kept_under_the_old_one() {
        let (mut sent, switch) = (Sent::new(), CameraSwitch::default());
        switch.send(true, MS(0));
        switch.want(true, true, MS(0));
        picture(&mut sent, 1, 3, switch.ticket().unwrap(), MS(10));
        switch.want(true, false, MS(20));
        switch.want(true, true, MS(30));
        picture(&mut sent, 2, 1, switch.ticket().unwrap(), MS(40));
        assert_eq!(again(&mut sent, 1, &switch, MS(50)), 0);
        assert_eq!(again(&mut sent, 2, &switch, MS(50)), 1);
    }

    #[test]
    fn asking_often_gains_nothing() {
        let (mut sent, switch) = (Sent::new(), CameraSwitch::default());
        switch.send(true, MS(0));
        switch.want(true, true, MS(0));
        picture(&mut sent, 1, 100, switch.ticket().unwrap(), MS(10));
        let count: u64 = (10..210).map(|ms| again(&mut sent, 1, &switch, MS(ms))).sum();
        assert!((50..=50 + 40).contains(&count), "{count}");
    }
}
