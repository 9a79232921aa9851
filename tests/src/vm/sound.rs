//! The room's sound: the kernel's snd-aloop driver, a sound card whose two devices are joined back to back.
//!
//! The kiosk uses device 0 of the card (`hw:CARD=NAME,DEV=0`); the room is device 1: what is played there arrives at
//! the kiosk's microphone, what the kiosk plays is recorded there, bit for bit while both sides use one format. The
//! driver may swallow the last tenth of a second before a player closes the card, so sound to compare ends in silence.

use std::fs;

use super::{Error, Machine, Socket, Task};

/// Sound as the tests exchange it: 16-bit samples, interleaved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wav {
    /// Samples a second, Hz.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// Samples, channel after channel.
    pub samples: Vec<i16>,
}

/// A plugged-in sound card.
pub struct Sound<'a> {
    machine: &'a Machine,
    card: String,
}

impl<'a> Sound<'a> {
    /// Plugs in one card for each id, such as `Boardroom`. Ids are letters and digits, 15 at most.
    ///
    /// # Errors
    /// When the driver does not load, or a card does not appear under its id.
    pub fn plug(machine: &'a Machine, cards: &[&str]) -> Result<Vec<Sound<'a>>, Error> {
        let enable = vec!["1"; cards.len()].join(",");
        machine.sh(&format!(
            "modprobe snd-aloop pcm_substreams=2 enable={enable} id={} && udevadm settle",
            cards.join(",")
        ))?;
        for card in cards {
            machine.sh(&format!("test -e /proc/asound/{card}"))?;
        }
        Ok(cards.iter().map(|card| Sound { machine, card: (*card).to_owned() }).collect())
    }

    /// The name under which a program in the guest opens the card.
    pub fn device(&self) -> String {
        format!("hw:CARD={},DEV=0", self.card)
    }

    /// Where the card is plugged in, to pull it out while programs use it.
    ///
    /// # Errors
    /// When the card is not plugged in.
    pub fn socket(&self) -> Result<Socket<'a>, Error> {
        Socket::of_sysfs(
            self.machine,
            &format!("/sys/class/sound/$(readlink /proc/asound/{})/device", self.card),
        )
    }

    /// Plays into the room, and so into the kiosk's microphone. Returns at once; waiting for the task waits for the
    /// sound's end.
    ///
    /// # Errors
    /// When the sound cannot be handed to the guest.
    pub fn play(&self, sound: &Wav) -> Result<Task<'a>, Error> {
        let name = format!("play-{}.wav", self.card);
        let staged = self.machine.share_path().join(&name);
        fs::write(&staged, sound.clone().then_silence().to_bytes())
            .map_err(Error::file("writing", &staged))?;
        // From memory, and with a buffer that an emulated machine can keep filled.
        self.machine.start(&format!(
            "mv /share/{name} /tmp/ && exec aplay -q --buffer-time=200000 -D hw:CARD={},DEV=1 /tmp/{name}",
            self.card
        ))
    }

    /// Records in the room what the kiosk's speaker plays, until [`Recording::finish`]. Returns once it records.
    ///
    /// # Errors
    /// When recording does not start.
    pub fn record(&self, rate: u32, channels: u16) -> Result<Recording<'a>, Error> {
        let file = format!("/tmp/record-{}.wav", self.card);
        let task = self.machine.start(&format!(
            "rm -f {file}; exec arecord -q --buffer-time=500000 -D hw:CARD={},DEV=1 -f S16_LE -r {rate} -c {channels} \
             {file}",
            self.card
        ))?;
        let status = format!("/proc/asound/{}/pcm1c/sub0/status", self.card);
        super::eventually("the recording started", || {
            if !task.is_running() {
                return Err(Error::Malformed(format!("arecord ended: {}", task.output()?)));
            }
            Ok(self.machine.sh(&format!("grep -q RUNNING {status}")).ok())
        })?;
        Ok(Recording { machine: self.machine, task, file })
    }

    /// Makes the two sides' clocks differ by `parts_per_million`, as those of two real devices do: the kiosk's side
    /// runs that much faster than the room's. At most 200,000 either way.
    ///
    /// # Errors
    /// When the driver does not take it.
    pub fn drift(&self, parts_per_million: i32) -> Result<(), Error> {
        // The control is a factor in units of 1/100000; one unit is 10 parts a million.
        let factor = 100_000 + parts_per_million / 10;
        self.machine
            .sh(&format!(
                "amixer -c {} cset iface=PCM,name='PCM Rate Shift 100000',device=1,subdevice=0 {factor}",
                self.card
            ))
            .map(drop)
    }
}

/// A recording that goes on.
pub struct Recording<'a> {
    machine: &'a Machine,
    task: Task<'a>,
    file: String,
}

impl Recording<'_> {
    /// Ends the recording and returns it. It begins with silence if nothing played at its start.
    ///
    /// # Errors
    /// When the recorded file cannot be fetched.
    pub fn finish(self) -> Result<Wav, Error> {
        // What came last is still in the card's buffer of half a second, of which arecord writes whole periods.
        self.machine.sh("sleep 1")?;
        // It completes the file's header when it is interrupted.
        self.task.signal("INT")?;
        // It ends with status 1 for being interrupted; what counts is the file.
        let _ = self.task.wait();
        self.machine.sh(&format!("mv {} /share/recorded.wav", self.file))?;
        let file = self.machine.share_path().join("recorded.wav");
        let bytes = fs::read(&file).map_err(Error::file("reading", &file))?;
        fs::remove_file(&file).map_err(Error::file("removing", &file))?;
        Wav::from_bytes(&bytes)
    }
}

impl Wav {
    /// A steady tone of a quarter of full scale, the same in every channel.
    pub fn tone(hertz: f64, rate: u32, channels: u16, seconds: u32) -> Wav {
        let sample = |at: u32| {
            let turn = f64::from(at) * hertz / f64::from(rate);
            ((turn * std::f64::consts::TAU).sin() * 8000.0) as i16
        };
        let frames = (0..rate * seconds).map(sample);
        let samples = frames.flat_map(|sample| std::iter::repeat_n(sample, channels.into())).collect();
        Wav { rate, channels, samples }
    }

    /// One of its channels, from 0 on.
    #[must_use]
    pub fn channel(&self, number: u16) -> Wav {
        let frames = self.samples.chunks_exact(self.channels.into());
        let samples = frames.map(|frame| frame[usize::from(number)]).collect();
        Wav { rate: self.rate, channels: 1, samples }
    }

    /// In how many tenths of a second of its one channel most of the energy is at this frequency, and of how many
    /// (Goertzel's algorithm).
    pub fn tenths_with(&self, frequency: f64) -> (usize, usize) {
        let turn = 2.0 * (std::f64::consts::TAU * frequency / f64::from(self.rate)).cos();
        let tenths = self.samples.chunks_exact(self.rate as usize / 10);
        let count = tenths.len();
        let with = tenths.filter(|tenth| {
            let energy: f64 = tenth.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            let (mut last, mut before) = (0.0, 0.0);
            for sample in *tenth {
                (last, before) = (f64::from(*sample) + turn * last - before, last);
            }
            let power = last * last + before * before - turn * last * before;
            // A pure tone of any phase has half of its energy times its length here.
            energy > 100.0 * tenth.len() as f64 && power > 0.25 * energy * tenth.len() as f64
        });
        (with.count(), count)
    }

    /// This sound and half a second of silence.
    #[must_use]
    pub fn then_silence(mut self) -> Wav {
        let silence = self.rate as usize / 2 * usize::from(self.channels);
        self.samples.extend(std::iter::repeat_n(0, silence));
        self
    }

    /// A RIFF/WAVE file of this sound.
    pub fn to_bytes(&self) -> Vec<u8> {
        let data = (self.samples.len() * 2) as u32;
        let frame = self.channels * 2;
        let mut bytes = Vec::with_capacity(44 + data as usize);
        bytes.extend(b"RIFF");
        bytes.extend((36 + data).to_le_bytes());
        bytes.extend(b"WAVEfmt ");
        bytes.extend(16_u32.to_le_bytes());
        bytes.extend(1_u16.to_le_bytes());
        bytes.extend(self.channels.to_le_bytes());
        bytes.extend(self.rate.to_le_bytes());
        bytes.extend((self.rate * u32::from(frame)).to_le_bytes());
        bytes.extend(frame.to_le_bytes());
        bytes.extend(16_u16.to_le_bytes());
        bytes.extend(b"data");
        bytes.extend(data.to_le_bytes());
        bytes.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        bytes
    }

    /// Reads a RIFF/WAVE file of 16-bit samples. A data chunk longer than the file is what there is of it.
    ///
    /// # Errors
    /// [`Error::Malformed`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Wav, Error> {
        let wrong = |what: &str| Error::Malformed(format!("not a 16-bit WAVE file: {what}"));
        if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
            return Err(wrong("no RIFF header"));
        }
        let (mut rest, mut format) = (&bytes[12..], None);
        while let Some((header, after)) = rest.split_at_checked(8) {
            let stated = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
            let length = stated.min(after.len());
            let body = &after[..length];
            match &header[..4] {
                b"fmt " => match body {
                    [1, 0, c0, c1, r0, r1, r2, r3, _, _, _, _, _, _, 16, 0, ..] => {
                        format =
                            Some((u16::from_le_bytes([*c0, *c1]), u32::from_le_bytes([*r0, *r1, *r2, *r3])));
                    }
                    _ => return Err(wrong("another sample format")),
                },
                b"data" => {
                    let (channels, rate) = format.ok_or_else(|| wrong("data before its format"))?;
                    let samples =
                        body.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
                    return Ok(Wav { rate, channels, samples });
                }
                _ => {}
            }
            // Chunks are padded to an even length.
            rest = after.get(length + length % 2..).unwrap_or(&[]);
        }
        Err(wrong("no data"))
    }

    /// Where `part` occurs in this sound for the first time, sample for sample; the position counts samples.
    pub fn find(&self, part: &[i16]) -> Option<usize> {
        self.samples.windows(part.len().max(1)).position(|window| window == part)
    }
}
