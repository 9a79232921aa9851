//! Microphones and speakers through ALSA: a card by its id, at 48 kHz and 16 bit or what the card has instead, mono or the
//! channels the card has. The kiosk's side is always 48 kHz, mono.
//!
//! `setup` agrees with the card, `line` moves the samples, `samples` converts them, `explain` words what goes wrong.

mod explain;
mod line;
mod samples;
mod setup;

use alsa::{Card, Ctl, Direction};
use vestibule_common::media::{AudioBlock, BLOCK_SAMPLES, FRAME_SAMPLES};
use vestibule_common::time::{Duration, Time};

use self::line::Line;
use self::setup::RATE;
use crate::audio::RateConverter;
use crate::device::clock::Clock;
use crate::device::config::CardName;
use crate::device::found::SoundCard;
use crate::device::reopen::Opened;
use crate::device::{DeviceError, Microphone, PERIOD, Speaker};

/// The sound cards, by number.
pub(in crate::device) fn find() -> Vec<SoundCard> {
    hush();
    alsa::card::Iter::new().flatten().filter_map(|card| describe(card).ok()).collect()
}

/// Keeps from standard error what the library says of a refusal there too, each time that a card is looked for: `explain`
/// says it once, with what to do. For this thread.
fn hush() {
    if let Err(error) = alsa::Output::local_error_handler() {
        log::debug!("ALSA goes on writing to standard error: {error}");
    }
}

fn describe(card: Card) -> alsa::Result<SoundCard> {
    let control = Ctl::from_card(&card, true)?;
    let info = control.card_info()?;
    let (mut captures, mut plays) = (None, None);
    for device in alsa::ctl::DeviceIter::new(&control) {
        let Ok(device) = u32::try_from(device) else { continue };
        for (way, first) in [(Direction::Capture, &mut captures), (Direction::Playback, &mut plays)] {
            if first.is_none() && control.pcm_info(device, 0, way).is_ok() {
                *first = Some(device);
            }
        }
    }
    Ok(SoundCard {
        id: info.get_id()?.to_owned(),
        name: info.get_name()?.to_owned(),
        driver: info.get_driver()?.to_owned(),
        captures,
        plays,
    })
}

/// Why no microphone was found.
pub(in crate::device) fn no_microphone() -> DeviceError {
    explain::none(Direction::Capture)
}

/// Why no speaker was found.
pub(in crate::device) fn no_speaker() -> DeviceError {
    explain::none(Direction::Playback)
}

/// Opens a microphone.
///
/// Errors: `Missing` without the card, `Busy` if another program records, `Unsupported` if no conversion helps.
pub(in crate::device) fn open_microphone(
    card: &CardName,
    buffer: Duration,
    clock: Clock,
) -> Result<Opened<dyn Microphone>, DeviceError> {
    hush();
    let line = Line::open(card, Direction::Capture, buffer, clock)?;
    let description = line.description();
    Ok(Opened { device: Box::new(AlsaMicrophone::new(line)?), description })
}

/// Opens a speaker.
///
/// Errors: as [`open_microphone`].
pub(in crate::device) fn open_speaker(
    card: &CardName,
    buffer: Duration,
    clock: Clock,
) -> Result<Opened<dyn Speaker>, DeviceError> {
    hush();
    let line = Line::open(card, Direction::Playback, buffer, clock)?;
    let description = line.description();
    Ok(Opened { device: Box::new(AlsaSpeaker::new(line)?), description })
}

struct AlsaMicrophone {
    line: Line,
    /// Between the card's rate and the kiosk's, where they differ.
    converter: Option<RateConverter>,
    /// What the card gave, mono.
    card: Vec<f32>,
    room: [f32; PERIOD],
}

impl AlsaMicrophone {
    fn new(mut line: Line) -> Result<AlsaMicrophone, DeviceError> {
        let converter = converter(line.rate(), RateConverter::from_card)?;
        let most = converter.as_ref().map_or(PERIOD, |converter| converter.most().0);
        line.reserve(most);
        Ok(AlsaMicrophone { line, converter, card: vec![0.0; most], room: [0.0; PERIOD] })
    }
}

impl Microphone for AlsaMicrophone {
    fn read(&mut self, period: &mut [i16; PERIOD]) -> Result<Time, DeviceError> {
        let captured = match &mut self.converter {
            None => self.line.read(&mut self.room)?,
            Some(converter) => {
                let card = &mut self.card[..converter.needed()];
                let captured = self.line.read(card)?;
                converter.convert(card, &mut self.room);
                captured - converter.delay()
            }
        };
        for (sample, card) in period.iter_mut().zip(&self.room) {
            // Out of range is clipped by the conversion.
            *sample = card.round() as i16;
        }
        Ok(captured)
    }

    fn xruns(&self) -> u64 {
        self.line.xruns()
    }
}

struct AlsaSpeaker {
    line: Line,
    converter: Option<RateConverter>,
    /// What the card gets, mono.
    card: Vec<f32>,
    room: [f32; BLOCK_SAMPLES],
}

impl AlsaSpeaker {
    fn new(mut line: Line) -> Result<AlsaSpeaker, DeviceError> {
        let converter = converter(line.rate(), RateConverter::to_card)?;
        let most = converter.as_ref().map_or(BLOCK_SAMPLES, |converter| converter.most().1);
        line.reserve(most);
        Ok(AlsaSpeaker { line, converter, card: vec![0.0; most], room: [0.0; BLOCK_SAMPLES] })
    }
}

impl Speaker for AlsaSpeaker {
    fn ready(&mut self) -> Result<(), DeviceError> {
        let frames = self.converter.as_ref().map_or(BLOCK_SAMPLES, RateConverter::gives);
        self.line.ready(frames)
    }

    fn write(&mut self, block: &AudioBlock) -> Result<Time, DeviceError> {
        for (sample, own) in self.room.iter_mut().zip(block) {
            *sample = f32::from(*own);
        }
        match &mut self.converter {
            None => self.line.write(&self.room),
            Some(converter) => {
                let frames = converter.convert(&self.room, &mut self.card);
                Ok(self.line.write(&self.card[..frames])? + converter.delay())
            }
        }
    }

    fn xruns(&self) -> u64 {
        self.line.xruns()
    }
}

/// A converter for a card that does not run at 48 kHz.
fn converter(
    rate: u32,
    make: impl Fn(u32) -> Option<RateConverter>,
) -> Result<Option<RateConverter>, DeviceError> {
    if rate == RATE {
        return Ok(None);
    }
    let refused = || DeviceError::Unsupported(format!("it runs at {rate} Hz; 4 to 384 kHz can be resampled"));
    make(rate).map(Some).ok_or_else(refused)
}

// A microphone's period is a frame of the network's.
const _: () = assert!(PERIOD == FRAME_SAMPLES);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocations::allocations;
    use crate::device::config::{MicrophoneName, SpeakerName};

    /// ALSA's PCM that takes and gives anything at once is all that machines without a sound card have.
    #[test]
    fn a_period_allocates_nothing() {
        let (Ok(MicrophoneName::Card(source)), Ok(SpeakerName::Card(sink))) =
            ("pcm:null".parse(), "pcm:null".parse())
        else {
            unreachable!("both are names of PCMs")
        };
        let (buffer, clock) = (Duration::from_millis(40), Clock::start());
        let mut microphone = open_microphone(&source, buffer, clock).unwrap().device;
        let mut speaker = open_speaker(&sink, buffer, clock).unwrap().device;
        let mut period = [1; PERIOD];
        let block = [1; BLOCK_SAMPLES];
        let mut pass = || {
            microphone.read(&mut period).unwrap();
            speaker.ready().unwrap();
            speaker.write(&block).unwrap();
        };
        pass();
        assert_eq!(allocations(|| (0..100).for_each(|_| pass())), 0);
        assert_eq!(period, [0; PERIOD]);
    }

    #[test]
    fn a_card_that_is_not_there_is_missing() {
        let card = CardName::of_card("NoSuchCard", 0);
        let error = open_microphone(&card, Duration::from_millis(40), Clock::start()).err().unwrap();
        assert!(matches!(error, DeviceError::Missing(_)), "{error}");
    }
}
