//! A small meeting room as an impulse response, by the image method (Allen and Berkley, "Image method for efficiently
//! simulating small-room acoustics", JASA 65, 1979).

use vestibule_common::media::SAMPLE_RATE;

/// Metres: length, width, height.
const ROOM: [f64; 3] = [4.2, 3.4, 2.6];
/// The panel hangs on a wall: its speaker and, 0.3 m away, its microphone.
const SPEAKER: [f64; 3] = [0.05, 1.55, 1.40];
const MICROPHONE: [f64; 3] = [0.05, 1.85, 1.42];
/// What a wall gives back of the pressure: reverberation of about 0.3 s.
const REFLECTION: f64 = 0.85;
/// Metres a second.
const SOUND: f64 = 343.0;
/// Later reflections are 60 dB down.
const LENGTH: usize = SAMPLE_RATE as usize * 3 / 10;

/// From the speaker to the microphone, a tap a sample at 48 kHz; the first is at the direct way's delay.
pub(super) fn impulse_response() -> Vec<f32> {
    let mut response = vec![0.0_f32; LENGTH];
    let order = |axis: usize| (SOUND * 0.3 / (2.0 * ROOM[axis])).ceil() as i32;
    let places = |axis: usize| {
        // The images of the speaker along one axis, with how many walls the sound met.
        let (length, speaker, microphone) = (ROOM[axis], SPEAKER[axis], MICROPHONE[axis]);
        (-order(axis)..=order(axis)).flat_map(move |n| {
            [0, 1].map(|mirrored| {
                let image = if mirrored == 0 { speaker } else { -speaker };
                let away = image + 2.0 * f64::from(n) * length - microphone;
                (away * away, (2 * n - mirrored).unsigned_abs())
            })
        })
    };
    for (x, met_x) in places(0) {
        for (y, met_y) in places(1) {
            for (z, met_z) in places(2) {
                let distance = (x + y + z).sqrt();
                let delay = distance / SOUND * f64::from(SAMPLE_RATE);
                let gain = REFLECTION.powi((met_x + met_y + met_z) as i32) / distance;
                // Between two samples: shared by both.
                let (at, part) = (delay as usize, delay.fract());
                for (at, share) in [(at, 1.0 - part), (at + 1, part)] {
                    if let Some(tap) = response.get_mut(at) {
                        *tap += (gain * share) as f32;
                    }
                }
            }
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direct_way_comes_first_and_the_room_falls_silent() {
        let response = impulse_response();
        let first = response.iter().position(|tap| *tap != 0.0).unwrap();
        assert_eq!(first, (0.3007 / SOUND * 48_000.0) as usize);
        let energy = |span: std::ops::Range<usize>| response[span].iter().map(|tap| tap * tap).sum::<f32>();
        let (early, late) = (energy(0..2400), energy(LENGTH - 2400..LENGTH));
        assert!(late > 0.0 && early / late > 1e4, "{early} {late}");
    }
}
