//! ALSA's answers, for the person who must act: what was wanted, what was found, what to do.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use alsa::Direction;

use crate::device::DeviceError;
use crate::device::real::users;

/// Why a PCM does not open.
pub(super) fn explain(name: &str, way: Direction, error: alsa::Error) -> DeviceError {
    match error.errno() {
        libc::EBUSY => DeviceError::Busy(holder(name, way)),
        // Whoever may not open a card does not find it either.
        libc::ENODEV | libc::ENOENT | libc::ENXIO if is_closed(name) => forbidden(name),
        libc::ENODEV | libc::ENOENT | libc::ENXIO => {
            DeviceError::Missing(missing(name, way, Path::new("/proc/asound")))
        }
        libc::EACCES | libc::EPERM => forbidden(name),
        _ => DeviceError::Lost(format!("{name}: {error}")),
    }
}

/// Why no card was found for a direction.
pub(super) fn none(way: Direction) -> DeviceError {
    match cards(Path::new("/proc/asound")).into_iter().find(|id| is_closed(&format!("hw:{id}"))) {
        Some(id) => forbidden(&format!("hw:CARD={id}")),
        None => DeviceError::Missing(format!(
            "no {0} is plugged in; plug one in, or name a sound card in devices.{0}",
            device(way)
        )),
    }
}

fn forbidden(name: &str) -> DeviceError {
    DeviceError::Unsupported(format!(
        "{name} {FORBIDDEN}: let its user join the group audio (usermod -aG audio USER) and start it again"
    ))
}

/// Whether the card is there, but not for this program's user.
fn is_closed(name: &str) -> bool {
    let link = card_id(name).and_then(|id| fs::read_link(format!("/proc/asound/{id}")).ok());
    let Some(card) = link else { return false };
    let number = card.to_string_lossy().trim_start_matches("card").to_owned();
    let opened = fs::File::open(format!("/dev/snd/controlC{number}"));
    opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

fn device(way: Direction) -> &'static str {
    match way {
        Direction::Capture => "microphone",
        Direction::Playback => "speaker",
    }
}

const FORBIDDEN: &str = "may not be opened by the program's user";

/// Whether a reason of [`explain`] is that of a forbidden device, which no conversion opens.
pub(super) fn is_forbidden(why: &str) -> bool {
    why.contains(FORBIDDEN)
}

/// A card that can be used neither as it is nor through ALSA's conversions.
pub(super) fn neither(name: &str, why: &str, converted: DeviceError) -> DeviceError {
    match converted {
        DeviceError::Unsupported(also) => DeviceError::Unsupported(format!(
            "{name} offers nothing the kiosk can use: {why}; with ALSA's conversions: {also}. Choose another card, or \
             name a PCM of asound.conf that converts (pcm:NAME)"
        )),
        DeviceError::Missing(_) | DeviceError::Busy(_) | DeviceError::Lost(_) => converted,
    }
}

/// Why a line that worked ends.
pub(super) fn lost(name: &str, way: Direction, error: alsa::Error) -> DeviceError {
    match error.errno() {
        libc::ENODEV | libc::ENOENT | libc::EBADFD => DeviceError::Lost(format!("{name} was unplugged")),
        libc::EPIPE | libc::ESTRPIPE => DeviceError::Lost(format!(
            "{name} stops again as soon as it is started: {}",
            match way {
                Direction::Capture => "it overruns",
                Direction::Playback => "it runs dry",
            }
        )),
        _ => DeviceError::Lost(format!("{name}: {error}")),
    }
}

/// A card that is not there, or has no such direction. `proc` is ALSA's folder of cards.
fn missing(name: &str, way: Direction, proc: &Path) -> String {
    let what = device(way);
    let Some(wanted) = card_id(name) else {
        let lister = if way == Direction::Capture { "arecord" } else { "aplay" };
        return format!("there is no PCM {name} with a {what}; {lister} -L lists their names");
    };
    let cards = cards(proc);
    if cards.iter().any(|card| card == wanted) {
        return format!(
            "the sound card {wanted} has no {what} at {name}; choose another card or device for devices.{what} \
             (vestibule-kiosk devices lists them)"
        );
    }
    if cards.is_empty() {
        return format!("there is no sound card {wanted}, nor any other: plug it in");
    }
    format!(
        "there is no sound card {wanted}; there are: {}. Plug it in, or name one of these in devices.{what} as \
         hw:CARD=ID",
        cards.join(", ")
    )
}

/// The id in the name of a card's PCM; `None` for other PCMs.
fn card_id(name: &str) -> Option<&str> {
    let card = name.strip_prefix("hw:")?;
    let id = card.strip_prefix("CARD=").unwrap_or(card);
    id.split(',').next()
}

/// The ids of the cards there are: everyone may read them, also who may not open the cards.
fn cards(proc: &Path) -> Vec<String> {
    let list = fs::read_to_string(proc.join("cards")).unwrap_or_default();
    // " 0 [Boardroom      ]: Loopback - Loopback"
    list.lines()
        .filter_map(|line| line.split_once('[')?.1.split_once("]:"))
        .map(|(id, _)| id.trim().to_owned())
        .collect()
}

/// Which program has the card open in a direction.
fn holder(name: &str, way: Direction) -> String {
    let number = card_id(name).and_then(|id| fs::read_link(format!("/proc/asound/{id}")).ok());
    let Some(number) = number else {
        return format!("{name} is held by another program; end that one");
    };
    let number = number.to_string_lossy().trim_start_matches("card").to_owned();
    let ending = match way {
        Direction::Capture => 'c',
        Direction::Playback => 'p',
    };
    let mut holders = BTreeSet::new();
    for entry in fs::read_dir("/dev/snd").into_iter().flatten().flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.starts_with(&format!("pcmC{number}D")) && file.ends_with(ending) {
            holders.extend(users::of(&PathBuf::from("/dev/snd").join(file)));
        }
    }
    if holders.is_empty() {
        return format!(
            "{name} is held by a program that cannot be seen from here; fuser -v /dev/snd/* as root names it"
        );
    }
    format!("{name} is held by {}; end that program", holders.into_iter().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_names_a_card_that_is_not_there_is_told_which_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let none = missing("hw:CARD=Desk,DEV=0", Direction::Capture, folder.path());
        assert!(none.starts_with("there is no sound card Desk, nor any other"), "{none}");
        let list = " 0 [Boardroom      ]: Loopback - Loopback\n                      Loopback 1\n \
                    1 [PCH            ]: HDA-Intel - HDA Intel PCH\n";
        fs::write(folder.path().join("cards"), list).unwrap();
        let other = missing("hw:CARD=Desk", Direction::Playback, folder.path());
        assert!(other.contains("there are: Boardroom, PCH.") && other.contains("devices.speaker"), "{other}");
        let half = missing("hw:PCH,DEV=3", Direction::Capture, folder.path());
        assert!(half.contains("card PCH has no microphone"), "{half}");
        let pcm = missing("surround", Direction::Playback, folder.path());
        assert!(pcm.contains("no PCM surround") && pcm.contains("aplay -L"), "{pcm}");
    }

    #[test]
    fn errors_say_what_to_do() {
        let says =
            |errno| explain("hw:CARD=PCH", Direction::Capture, alsa::Error::new("open", errno)).to_string();
        assert!(says(libc::EACCES).contains("group audio"));
        assert!(says(libc::EBUSY).contains("held by"));
        let unfit =
            neither("hw:CARD=X", "no samples", DeviceError::Unsupported("no rate".into())).to_string();
        assert!(unfit.contains("no samples") && unfit.contains("no rate") && unfit.contains("another card"));
        assert!(is_forbidden(&says(libc::EACCES)) && !is_forbidden(&unfit));
    }
}
