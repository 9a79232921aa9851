//! A camera that is a test picture, a laptop's test pages, or a Y4M file. Its sensor has a clock of its own that is aligned with nothing: each
//! frame is due at an exact multiple of the frame time after the camera was opened, and one that nobody fetched in time
//! is dropped.

use std::path::Path;

use vestibule_common::time::{Duration, Time};

use super::clip::Clip;
use super::pages::TestPages;
use super::picture::TestPicture;
use super::stamp::{self, Stamp};
use crate::device::clock::Clock;
use crate::device::{Camera, CameraFormat, CameraFrame, DeviceError, PixelFormat};

/// A simulated camera. Delivers I420.
pub struct SimCamera {
    show: Show,
    format: CameraFormat,
    frame: Vec<u8>,
    clock: Clock,
    opened: Time,
    /// Frames, and the seconds that they take.
    rate: (u64, u64),
    /// The frame that is due next.
    next: u64,
}

enum Show {
    Picture(Box<TestPicture>),
    Pages(Box<TestPages>),
    Clip { clip: Box<Clip>, stamped: bool },
}

impl SimCamera {
    /// The test picture, width and height rounded down to even pixels, at least 160x120 at one frame per second.
    pub fn test_picture(width: u32, height: u32, rate: u32, room: &str, clock: Clock) -> SimCamera {
        let (width, height) = (width.max(160) & !1, height.max(120) & !1);
        let picture = TestPicture::new(width as usize, height as usize, room);
        SimCamera::new(Show::Picture(Box::new(picture)), (width, height), (rate.max(1).into(), 1), clock)
    }

    /// Pages of text with a pointer, as a laptop shows them, width and height as for the test picture.
    pub fn test_pages(width: u32, height: u32, rate: u32, room: &str, clock: Clock) -> SimCamera {
        let (width, height) = (width.max(160) & !1, height.max(120) & !1);
        let pages = TestPages::new(width as usize, height as usize, rate.max(1), room);
        SimCamera::new(Show::Pages(Box::new(pages)), (width, height), (rate.max(1).into(), 1), clock)
    }

    /// A Y4M file in a loop, at its own rate. With `stamped`, frame number and time are drawn into it.
    ///
    /// Errors: `Missing` without the file, `Unsupported` if it is no 8-bit 4:2:0.
    pub fn clip(path: &Path, stamped: bool, clock: Clock) -> Result<SimCamera, DeviceError> {
        let clip = Clip::open(path)?;
        let (width, height) = clip.size();
        let pixels = |size| u32::try_from(size).unwrap_or(u32::MAX);
        let (size, rate) = ((pixels(width), pixels(height)), clip.rate());
        Ok(SimCamera::new(Show::Clip { clip: Box::new(clip), stamped }, size, rate, clock))
    }

    fn new(show: Show, (width, height): (u32, u32), rate: (u64, u64), clock: Clock) -> SimCamera {
        let per_second = u32::try_from((rate.0 + rate.1 / 2) / rate.1).unwrap_or(u32::MAX).max(1);
        let format = CameraFormat {
            width,
            height,
            stride: width,
            pixels: PixelFormat::I420,
            rate: per_second,
            full_range: false,
        };
        let frame = vec![0; width as usize * height as usize * 3 / 2];
        // The first frame is due after one frame time, as a sensor's is.
        SimCamera { show, format, frame, clock, opened: clock.now(), rate, next: 1 }
    }

    /// When a frame is due. Computed from the start each time, so that rounding does not add up.
    fn due(&self, number: u64) -> Time {
        let micros = u128::from(number) * u128::from(self.rate.1) * 1_000_000 / u128::from(self.rate.0);
        self.opened + Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The newest frame that is due already.
    fn newest(&self, now: Time) -> u64 {
        let elapsed = now.since(self.opened).as_micros();
        let frames = elapsed * u128::from(self.rate.0) / (u128::from(self.rate.1) * 1_000_000);
        u64::try_from(frames).unwrap_or(u64::MAX)
    }
}

impl Camera for SimCamera {
    fn format(&self) -> CameraFormat {
        self.format
    }

    fn next_frame(&mut self) -> Result<CameraFrame<'_>, DeviceError> {
        let skipped = self.newest(self.clock.now()).saturating_sub(self.next);
        self.next += skipped;
        let number = self.next;
        let due = self.due(number);
        let (width, height) = (self.format.width as usize, self.format.height as usize);
        let stamp = Stamp {
            frame: (number & 0xff_ffff) as u32,
            monotonic_us: self.clock.to_monotonic_us(due) & 0xff_ffff_ffff,
        };
        // Drawn before it is due, so that drawing is not delay.
        match &mut self.show {
            Show::Picture(picture) => picture.draw(&mut self.frame, number, stamp),
            Show::Pages(pages) => pages.draw(&mut self.frame, number, stamp),
            Show::Clip { clip, stamped } => {
                clip.skip(skipped)?;
                clip.next(&mut self.frame)?;
                if *stamped {
                    stamp::draw(&mut self.frame[..width * height], width, height, stamp);
                }
            }
        }
        self.clock.sleep_until(due);
        self.next += 1;
        Ok(CameraFrame { bytes: &self.frame, captured: due, sequence: (number & u64::from(u32::MAX)) as u32 })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::*;
    use stamp::read_stamp;

    #[test]
    fn frames_carry_their_number_and_the_time_they_were_due() {
        let clock = Clock::start();
        let mut camera = SimCamera::test_picture(320, 240, 100, "Workshop", clock);
        let mut last = None;
        for _ in 0..10 {
            let frame = camera.next_frame().unwrap();
            let stamp = read_stamp(&frame.bytes[..320 * 240], 320, 240).unwrap();
            assert_eq!(stamp.frame, frame.sequence);
            assert_eq!(stamp.monotonic_us, clock.to_monotonic_us(frame.captured) & 0xff_ffff_ffff);
            assert!(clock.now() >= frame.captured, "a frame came before it was taken");
            if let Some((sequence, captured)) = last {
                let gap: u32 = frame.sequence - sequence;
                assert_eq!(frame.captured.since(captured), Duration::from_millis(10) * gap);
            }
            last = Some((frame.sequence, frame.captured));
        }
    }

    #[test]
    fn frames_that_nobody_fetched_are_dropped_and_show_as_a_gap() {
        let clock = Clock::start();
        let mut camera = SimCamera::test_picture(160, 120, 100, "", clock);
        let first = camera.next_frame().unwrap().sequence;
        clock.sleep_until(clock.now() + Duration::from_millis(60));
        let later = camera.next_frame().unwrap();
        assert!(later.sequence >= first + 5, "{} after {first}", later.sequence);
    }

    /// A 4:2:0 clip of `count` frames, each filled with its number times ten.
    fn clip(folder: &Path, (width, height): (usize, usize), count: u8) -> std::path::PathBuf {
        let path = folder.join("clip.y4m");
        let mut file = File::create(&path).unwrap();
        writeln!(file, "YUV4MPEG2 W{width} H{height} F60:1 Ip C420jpeg").unwrap();
        for n in 0..count {
            let chroma = width.div_ceil(2) * height.div_ceil(2);
            file.write_all(b"FRAME\n").unwrap();
            file.write_all(&vec![n * 10; width * height]).unwrap();
            file.write_all(&vec![128; chroma * 2]).unwrap();
        }
        path
    }

    #[test]
    fn a_file_is_played_in_a_loop_at_its_rate_in_even_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = clip(folder.path(), (33, 17), 3);
        let clock = Clock::start();
        let mut camera = SimCamera::clip(&path, false, clock).unwrap();
        assert_eq!(camera.format().to_string(), "32x16 I420 at 60 frames/s");
        for _ in 0..8 {
            let frame = camera.next_frame().unwrap();
            assert_eq!(frame.bytes.len(), 32 * 16 * 3 / 2);
            // Frame 1 is the file's first, also after frames were dropped.
            assert_eq!(u32::from(frame.bytes[0]), (frame.sequence - 1) % 3 * 10);
            assert_eq!(frame.bytes[32 * 16], 128);
        }
    }

    #[test]
    fn a_file_can_be_stamped_and_a_wrong_one_is_refused_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = clip(folder.path(), (320, 240), 2);
        let clock = Clock::start();
        let mut camera = SimCamera::clip(&path, true, clock).unwrap();
        let frame = camera.next_frame().unwrap();
        assert!(read_stamp(&frame.bytes[..320 * 240], 320, 240).is_some());

        let empty = clip(folder.path(), (320, 240), 0);
        let error = SimCamera::clip(&empty, false, clock).unwrap().next_frame().err().unwrap();
        assert!(matches!(error, DeviceError::Unsupported(_)), "{error}");
        let text = folder.path().join("text.y4m");
        std::fs::write(&text, "not a film").unwrap();
        assert!(matches!(SimCamera::clip(&text, false, clock).err(), Some(DeviceError::Unsupported(_))));
        let nowhere = folder.path().join("nowhere.y4m");
        assert!(matches!(SimCamera::clip(&nowhere, false, clock).err(), Some(DeviceError::Missing(_))));
    }
}
