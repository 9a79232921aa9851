//! A recording of the microphone, the reference and the output side by side, for whoever has to find out in the field why a
//! room echoes. Asked for by the caretaker, announced on the screen, and bounded.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;

use hound::{SampleFormat, WavSpec, WavWriter};
use vestibule_common::media::SAMPLE_RATE;
use vestibule_common::time::Duration;

use super::cleaning::Tracks;

/// The longest recording: 17 MB.
pub const LONGEST_RECORDING: Duration = Duration::from_secs(60);
/// Without a period for this long there is no microphone.
const SILENT: Duration = Duration::from_secs(2);
/// Periods that may wait for the disk.
pub(super) const WAITING: usize = 100;

/// Writes what comes out of `tracks` to `path` in the background: a WAV file of three channels, microphone, reference and
/// output, of 48 kHz and 16 bit, readable by this user only. `done` is told how it ended, in a sentence; a file that could
/// not be finished is gone.
///
/// Errors: the system's, when the file or a thread cannot be made.
pub(super) fn start(
    path: PathBuf,
    length: Duration,
    tracks: Receiver<Tracks>,
    done: impl FnOnce(Result<String, String>) + Send + 'static,
) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let periods = length.min(LONGEST_RECORDING).as_millis() / 10;
    thread::Builder::new().name("recording".into()).spawn(move || {
        let outcome = write(file, periods as usize, &tracks);
        done(outcome.map(|written| sentence(&path, written)).map_err(|error| {
            if let Err(error) = std::fs::remove_file(&path) {
                log::warn!("{}: {error}", path.display());
            }
            format!("{}: {error}", path.display())
        }));
    })?;
    Ok(())
}

fn write(file: File, periods: usize, tracks: &Receiver<Tracks>) -> Result<usize, String> {
    let spec = WavSpec {
        channels: 3,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let fault =
        |error: hound::Error| format!("cannot be written ({error}); make room on the disk and record again");
    let mut wav = WavWriter::new(BufWriter::new(file), spec).map_err(fault)?;
    let mut written = 0;
    while written < periods {
        let Tracks { microphone, reference, output } = match tracks.recv_timeout(SILENT) {
            Ok(tracks) => tracks,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        };
        for ((microphone, reference), output) in microphone.iter().zip(&reference).zip(&output) {
            for sample in [microphone, reference, output] {
                wav.write_sample(*sample).map_err(fault)?;
            }
        }
        written += 1;
    }
    wav.finalize().map_err(fault)?;
    if written == 0 { Err("there is no microphone to record".into()) } else { Ok(written) }
}

fn sentence(path: &Path, periods: usize) -> String {
    format!(
        "{}: {}.{} s of microphone, reference and output",
        path.display(),
        periods / 100,
        periods / 10 % 10
    )
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use vestibule_common::media::FRAME_SAMPLES;

    use super::*;

    fn record(path: PathBuf, tracks: Receiver<Tracks>) -> Result<String, String> {
        let (done, ended) = sync_channel(1);
        start(path, Duration::from_millis(100), tracks, move |outcome| done.send(outcome).unwrap()).unwrap();
        ended.recv().unwrap()
    }

    #[test]
    fn three_tracks_lie_side_by_side_and_it_ends_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let (sender, tracks) = sync_channel(WAITING);
        for _ in 0..50 {
            let of = |sample| [sample; FRAME_SAMPLES];
            sender.send(Tracks { microphone: of(1), reference: of(2), output: of(3) }).unwrap();
        }
        let said = record(path.clone(), tracks).unwrap();
        assert!(said.ends_with("0.1 s of microphone, reference and output"), "{said}");
        let mut wav = hound::WavReader::open(&path).unwrap();
        assert_eq!((wav.spec().channels, wav.duration()), (3, 4800));
        assert_eq!(wav.samples::<i16>().take(6).collect::<Result<Vec<_>, _>>().unwrap(), [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn without_a_microphone_no_file_is_left_and_none_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let (sender, tracks) = sync_channel(WAITING);
        drop(sender);
        assert!(record(path.clone(), tracks).unwrap_err().contains("no microphone"));
        assert!(!path.exists());
        std::fs::write(&path, "mine").unwrap();
        let (_sender, tracks) = sync_channel(WAITING);
        assert!(start(path.clone(), Duration::from_secs(1), tracks, |_| {}).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
