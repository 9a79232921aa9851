//! What the people of rooms do and see, played on real kiosks without a screen: knocking, approving, seeing each other.
//! The scenarios in `tests/tests` are written in these words.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::programs::{Kiosk, Relay};

/// Simulated devices; the microphone hears a steady tone, so that everyone always has something to hear.
pub const DEVICES: [&str; 4] = ["--devices-devices", "sim", "--devices-microphone", "sim:tone"];

/// The same with a smaller and slower picture, for scenarios with many rooms on one machine.
pub const SMALL: [&str; 10] = [
    "--devices-devices",
    "sim",
    "--devices-microphone",
    "sim:tone",
    "--devices-camera-width",
    "320",
    "--devices-camera-height",
    "240",
    "--devices-camera-rate",
    "10",
];

/// A relay and rooms in one meeting; the first is its host.
pub struct Meeting {
    /// The relay.
    pub relay: Relay,
    /// Who started the meeting.
    pub host: Kiosk,
    /// Who was let in.
    pub guest: Kiosk,
}

/// Both rooms in one meeting, seen and heard.
pub fn meet(folder: &Path) -> Result<Meeting, String> {
    meet_at(folder, Relay::start(folder, None, &[])?)
}

/// Both rooms in one meeting at this relay, seen and heard.
pub fn meet_at(folder: &Path, relay: Relay) -> Result<Meeting, String> {
    let mut host = Kiosk::start(folder, "Boardroom", &relay, &DEVICES, None)?;
    let mut guest = Kiosk::start(folder, "Workshop", &relay, &DEVICES, None)?;
    home(&mut host)?;
    home(&mut guest)?;
    let code = start(&mut host)?;
    knock(&mut guest, &code)?;
    approve(&mut host)?;
    let mut meeting = Meeting { relay, host, guest };
    together(&mut [&mut meeting.host, &mut meeting.guest])?;
    Ok(meeting)
}

impl Meeting {
    /// Waits until each room sees and hears the other *now*.
    pub fn together(&mut self) -> Result<(), String> {
        together(&mut [&mut self.host, &mut self.guest])
    }
}

/// Waits until the view satisfies `look`; returns it.
pub fn see(kiosk: &mut Kiosk, what: &str, look: impl Fn(&Value) -> bool) -> Result<Value, String> {
    kiosk.wait_for(what, |kiosk| {
        let view = kiosk.view()?;
        if look(&view) { Ok(view) } else { Err(view.to_string()) }
    })
}

/// Waits until these words stand somewhere on the screen.
pub fn read(kiosk: &mut Kiosk, words: &str) -> Result<Value, String> {
    see(kiosk, words, |view| view.to_string().contains(words))
}

/// Waits until the log has a line with these words; returns the line.
pub fn logged(kiosk: &mut Kiosk, words: &str) -> Result<String, String> {
    let log = kiosk.log.clone();
    kiosk.wait_for(&format!("{words:?} in the log"), |_| {
        let text = std::fs::read_to_string(&log).map_err(|error| error.to_string())?;
        text.lines().find(|line| line.contains(words)).map(str::to_owned).ok_or(text.clone())
    })
}

/// Waits until these words stand on the screen, and in the log too.
pub fn told(kiosk: &mut Kiosk, words: &str) -> Result<(), String> {
    read(kiosk, words)?;
    logged(kiosk, words).map(drop)
}

/// Waits until the room is at home and everything works.
pub fn home(kiosk: &mut Kiosk) -> Result<(), String> {
    see(kiosk, "ready at home", |view| view["screen"]["Home"]["ready"] == true).map(drop)
}

/// Waits until the room is in no meeting and on no way into one.
pub fn out(kiosk: &mut Kiosk) -> Result<Value, String> {
    see(kiosk, "home", |view| view["screen"]["Home"].is_object())
}

/// Starts a meeting and reads its code.
pub fn start(host: &mut Kiosk) -> Result<String, String> {
    host.touch("\"StartMeeting\"")?;
    host.wait_for("a code", code)
}

/// The code of the meeting that the room is in.
pub fn code(kiosk: &mut Kiosk) -> Result<String, String> {
    Ok(kiosk.meeting()?["code"].as_str().unwrap_or_default().replace(' ', ""))
}

/// A code that no meeting has.
pub fn wrong(code: &str, by: u32) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap_or(0) + by) % 1_000_000)
}

/// Types these digits.
pub fn digits(kiosk: &mut Kiosk, digits: &str) -> Result<(), String> {
    digits.chars().try_for_each(|digit| kiosk.touch(&format!("{{\"Digit\":{digit}}}")))
}

/// Opens the keypad and types the code; the answer is not waited for.
pub fn knock(guest: &mut Kiosk, code: &str) -> Result<(), String> {
    guest.touch("\"OpenJoin\"")?;
    digits(guest, code)
}

/// Lets in whoever knocks, with the button.
pub fn approve(host: &mut Kiosk) -> Result<(), String> {
    see(host, "an armed knock", |view| view["knock"]["armed"] == true)?;
    host.press("approve", Duration::from_millis(100))
}

/// Knocks and is let in.
pub fn join(guest: &mut Kiosk, host: &mut Kiosk) -> Result<(), String> {
    let code = code(host)?;
    knock(guest, &code)?;
    approve(host)?;
    see(guest, "the meeting", |view| view["screen"]["Meeting"].is_object()).map(drop)
}

/// Asks for something that cannot be undone, and confirms it: `"Leave"`, `"EndForAll"`, `{"Remove":…}`.
pub fn confirm(kiosk: &mut Kiosk, what: &str) -> Result<(), String> {
    kiosk.touch(&format!("{{\"Ask\":{what}}}"))?;
    see(kiosk, "the question", |view| view["question"].is_object())?;
    kiosk.touch("\"Confirm\"")
}

/// The other room of this name, as the tiles show it.
pub fn tile(kiosk: &mut Kiosk, name: &str) -> Result<Value, String> {
    let tiles = kiosk.meeting()?["tiles"].clone();
    let found = tiles.as_array().and_then(|tiles| tiles.iter().find(|tile| tile["name"] == name));
    found.cloned().ok_or_else(|| format!("no tile of {name} among {tiles}"))
}

/// The other room's key.
pub fn peer(kiosk: &mut Kiosk, name: &str) -> Result<String, String> {
    let tile = tile(kiosk, name)?;
    Ok(tile["picture"]["Room"].as_str().ok_or("a tile without a key")?.to_owned())
}

/// Waits until each of these rooms sees and hears all the others *now*.
pub fn together(rooms: &mut [&mut Kiosk]) -> Result<(), String> {
    let others = rooms.len() - 1;
    for kiosk in rooms {
        let before = (kiosk.counter("pictures_decoded")?, kiosk.counter("audio_received")?);
        kiosk.wait_for("the other rooms", |kiosk| {
            let tiles = kiosk.meeting()?["tiles"].clone();
            let now = (kiosk.counter("pictures_decoded")?, kiosk.counter("audio_received")?);
            let arrive = tiles.as_array().is_some_and(|tiles| {
                tiles.len() == others && tiles.iter().all(|tile| tile["placeholder"].is_null())
            });
            if arrive && now.0 > before.0 && now.1 > before.1 {
                Ok(())
            } else {
                Err(format!("{tiles} {now:?}"))
            }
        })?;
    }
    Ok(())
}

/// Waits until nothing of the other rooms arrives any more.
pub fn silent(kiosk: &mut Kiosk) -> Result<(), String> {
    let mut before = kiosk.counter("audio_received")?;
    kiosk.wait_for("silence", |kiosk| {
        std::thread::sleep(Duration::from_millis(300));
        let now = kiosk.counter("audio_received")?;
        let result = if now == before { Ok(()) } else { Err(format!("{now} packets after {before}")) };
        before = now;
        result
    })
}

/// Waits until a lamp is lit, or dark.
pub fn lamp(kiosk: &mut Kiosk, lamp: &str, lit: bool) -> Result<(), String> {
    kiosk.wait_for(&format!("the {lamp} lamp to be {}", if lit { "lit" } else { "dark" }), |kiosk| {
        let lamps = kiosk.ask("lamps")?;
        if lamps["lit"][lamp] == lit { Ok(()) } else { Err(lamps.to_string()) }
    })
}

/// Types a text on the keyboard that is open.
pub fn type_text(kiosk: &mut Kiosk, text: &str) -> Result<(), String> {
    text.chars().try_for_each(|c| kiosk.touch(&json!({ "Type": c }).to_string()))
}

/// Writes a message to everyone, or to the room of this name alone. The chat panel must be open.
pub fn write(kiosk: &mut Kiosk, text: &str, to: Option<&str>) -> Result<(), String> {
    let to = to.map(|name| peer(kiosk, name)).transpose()?;
    kiosk.touch(&json!({ "ChatTo": to }).to_string())?;
    type_text(kiosk, text)?;
    kiosk.touch("\"Submit\"")
}

/// Opens the chat panel.
pub fn open_chat(kiosk: &mut Kiosk) -> Result<(), String> {
    kiosk.touch("{\"TogglePanel\":\"Chat\"}")?;
    see(kiosk, "the chat", |view| chat(view).is_array()).map(drop)
}

/// The messages that a view shows.
pub fn chat(view: &Value) -> &Value {
    &view["screen"]["Meeting"]["panel"]["Chat"]["messages"]
}

/// Waits until the open chat shows this message; returns it.
pub fn message(kiosk: &mut Kiosk, text: &str) -> Result<Value, String> {
    let find = |view: &Value| chat(view).as_array()?.iter().find(|message| message["text"] == text).cloned();
    let view = see(kiosk, &format!("the message {text:?}"), |view| find(view).is_some())?;
    find(&view).ok_or_else(|| view.to_string())
}
