//! Samples as a card has them, interleaved and of any width, and as the kiosk has them: mono, in units of one 16-bit step.

/// How a card writes a sample. In the order in which the kiosk likes them.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum SampleFormat {
    /// 16 bit.
    S16,
    /// 32 bit.
    S32,
    /// 24 bit in three bytes.
    S24In3,
    /// 24 bit in the lower three of four bytes.
    S24In4,
}

impl SampleFormat {
    /// All of them.
    pub(super) const ALL: [SampleFormat; 4] =
        [SampleFormat::S16, SampleFormat::S32, SampleFormat::S24In3, SampleFormat::S24In4];

    /// Bytes of a sample.
    pub(super) fn width(self) -> usize {
        match self {
            SampleFormat::S16 => 2,
            SampleFormat::S24In3 => 3,
            SampleFormat::S32 | SampleFormat::S24In4 => 4,
        }
    }

    /// As a person says it.
    pub(super) fn name(self) -> &'static str {
        match self {
            SampleFormat::S16 => "16 bit",
            SampleFormat::S32 => "32 bit",
            SampleFormat::S24In3 => "24 bit in 3 bytes",
            SampleFormat::S24In4 => "24 bit in 4 bytes",
        }
    }

    fn read(self, bytes: &[u8]) -> f32 {
        match self {
            SampleFormat::S16 => f32::from(i16::from_le_bytes([bytes[0], bytes[1]])),
            SampleFormat::S32 => i32_le(bytes) as f32 / 65_536.0,
            // The sign is in the highest byte: put to the top, the value is 256 times as large.
            SampleFormat::S24In3 | SampleFormat::S24In4 => {
                i32::from_le_bytes([0, bytes[0], bytes[1], bytes[2]]) as f32 / 65_536.0
            }
        }
    }

    fn write(self, sample: f32, bytes: &mut [u8]) {
        // Out of range is clipped by the conversions; the highest 24-bit value is not 2^23.
        let fine = (f64::from(sample) * 256.0).round().clamp(-8_388_608.0, 8_388_607.0) as i32;
        match self {
            SampleFormat::S16 => bytes.copy_from_slice(&(sample.round() as i16).to_le_bytes()),
            SampleFormat::S32 => bytes.copy_from_slice(&(fine * 256).to_le_bytes()),
            SampleFormat::S24In3 => bytes.copy_from_slice(&fine.to_le_bytes()[..3]),
            SampleFormat::S24In4 => bytes.copy_from_slice(&fine.to_le_bytes()),
        }
    }
}

fn i32_le(bytes: &[u8]) -> i32 {
    i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// How a card lays out its sound.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    /// Of each sample.
    pub(super) format: SampleFormat,
    /// At least one.
    pub(super) channels: usize,
}

impl Layout {
    /// Bytes of one sample of every channel.
    pub(super) fn frame(self) -> usize {
        self.format.width() * self.channels
    }

    /// The mean of all channels, for as many frames as `bytes` and `mono` both have.
    pub(super) fn mix_down(self, bytes: &[u8], mono: &mut [f32]) {
        let share = 1.0 / self.channels as f32;
        for (sample, frame) in mono.iter_mut().zip(bytes.chunks_exact(self.frame())) {
            let samples = frame.chunks_exact(self.format.width());
            *sample = samples.map(|bytes| self.format.read(bytes)).sum::<f32>() * share;
        }
    }

    /// The same in every channel.
    pub(super) fn spread(self, mono: &[f32], bytes: &mut [u8]) {
        for (sample, frame) in mono.iter().zip(bytes.chunks_exact_mut(self.frame())) {
            for bytes in frame.chunks_exact_mut(self.format.width()) {
                self.format.write(*sample, bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sixteen_bit_sample_survives_every_layout() {
        let samples: Vec<f32> = (i16::MIN..=i16::MAX).step_by(37).map(f32::from).collect();
        for format in SampleFormat::ALL {
            for channels in [1, 2, 6] {
                let layout = Layout { format, channels };
                let mut bytes = vec![0xa5; samples.len() * layout.frame()];
                layout.spread(&samples, &mut bytes);
                let mut back = vec![0.0; samples.len()];
                layout.mix_down(&bytes, &mut back);
                for (sent, got) in samples.iter().zip(&back) {
                    assert!((sent - got).abs() < 0.01, "{layout:?}: {sent} became {got}");
                }
            }
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_formats() {
        let written = |format: SampleFormat, sample: f32| {
            let mut bytes = vec![0; format.width()];
            format.write(sample, &mut bytes);
            bytes
        };
        assert_eq!(written(SampleFormat::S16, -2.0), [0xfe, 0xff]);
        assert_eq!(written(SampleFormat::S32, 1.0), [0, 0, 1, 0]);
        assert_eq!(written(SampleFormat::S24In3, -1.0), [0, 0xff, 0xff]);
        assert_eq!(written(SampleFormat::S24In4, -1.0), [0, 0xff, 0xff, 0xff]);
        // Some cards leave rubbish in the fourth byte.
        assert_eq!(SampleFormat::S24In4.read(&[0, 0xff, 0xff, 0x12]), -1.0);
    }

    #[test]
    fn what_is_too_loud_is_clipped() {
        for format in SampleFormat::ALL {
            let mut bytes = vec![0; format.width()];
            format.write(40_000.0, &mut bytes);
            assert!((32_766.9..=32_768.0).contains(&format.read(&bytes)), "{format:?}");
            format.write(-40_000.0, &mut bytes);
            assert_eq!(format.read(&bytes), -32_768.0);
        }
    }

    #[test]
    fn stereo_is_mixed_down_to_its_mean() {
        let layout = Layout { format: SampleFormat::S16, channels: 2 };
        let mut bytes = Vec::new();
        bytes.extend(i16::MAX.to_le_bytes());
        bytes.extend((i16::MAX - 2).to_le_bytes());
        let mut mono = [0.0];
        layout.mix_down(&bytes, &mut mono);
        assert_eq!(mono, [32_766.0]);
    }
}
