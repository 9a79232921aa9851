//! The main job, played by itself: two rooms meet through a relay on virtual displays, by touches and buttons only.
//! Every step is checked on the *other* kiosk; every screen is kept as a picture; a table says how it went.
//!
//! `demo --out DIR [--clip FILE.y4m] [--speech FILE.wav]`

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::Value;
use vestibule_tests::panel::Panel;
use vestibule_tests::programs::{Relay, wait_for};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("demo: {error}\nusage: demo --out DIR [--clip FILE.y4m] [--speech FILE.wav]");
            return ExitCode::from(2);
        }
    };
    let mut table = Table::default();
    let outcome = play(&options, &mut table);
    table.print();
    match outcome {
        Ok(()) => {
            println!(
                "\nEvery screen is a picture under {}. The black and white field in the rooms' pictures tells the demonstration \
                 which picture it sees.",
                options.out.display()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!(
                "\ndemo: {error}\nPictures are under {0}, the programs' logs under {0}/state.",
                options.out.display()
            );
            ExitCode::FAILURE
        }
    }
}

struct Options {
    out: PathBuf,
    clip: Option<String>,
    speech: Option<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let (mut out, mut clip, mut speech) = (None, None, None);
        while let Some(flag) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{flag} needs a value"))?;
            match flag.as_str() {
                "--out" => out = Some(PathBuf::from(value)),
                "--clip" => clip = Some(value),
                "--speech" => speech = Some(value),
                other => return Err(format!("there is no option {other}")),
            }
        }
        Ok(Options { out: out.ok_or("--out is needed")?, clip, speech })
    }
}

/// Steps, how long each took, and what was seen.
#[derive(Default)]
struct Table {
    rows: Vec<(String, Duration, Result<String, String>)>,
}

impl Table {
    fn step(&mut self, what: &str, run: impl FnOnce() -> Result<String, String>) -> Result<(), String> {
        let begin = Instant::now();
        let result = run();
        let error = result.as_ref().err().cloned();
        self.rows.push((what.into(), begin.elapsed(), result));
        error.map_or(Ok(()), Err)
    }

    fn print(&self) {
        println!("\n{:<44} {:>8}  seen", "step", "seconds");
        for (what, span, result) in &self.rows {
            let seen = match result {
                Ok(seen) => seen.clone(),
                Err(error) => format!("FAILED: {}", error.chars().take(300).collect::<String>()),
            };
            println!("{what:<44} {:>8.2}  {seen}", span.as_secs_f64());
        }
    }
}

fn play(options: &Options, table: &mut Table) -> Result<(), String> {
    let out: &Path = &options.out;
    std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    // A kiosk that finds its old state goes back into its old meeting.
    let state = &out.join("state");
    if state.exists() {
        std::fs::remove_dir_all(state).map_err(|error| format!("{}: {error}", state.display()))?;
    }
    let relay = Relay::start(state, None, &[])?;
    let camera = options.clip.as_ref().map_or("sim".into(), |clip| format!("sim:{clip}"));
    let microphone = options.speech.as_ref().map_or("sim".into(), |speech| format!("sim:{speech}"));
    let boardroom = ["--devices-devices", "sim", "--devices-sim-stamp", "--devices-camera", &camera];
    let boardroom = [&boardroom[..], &["--devices-microphone", &microphone]].concat();
    let workshop = ["--devices-devices", "sim"];
    let mut a = Panel::start(state, "Boardroom", &relay, &boardroom, 1280, 800)?;
    let mut b = Panel::start(state, "Workshop", &relay, &workshop, 1280, 800)?;

    table.step("both rooms are ready", || {
        for panel in [&mut a, &mut b] {
            panel.see("ready", |view| view["screen"]["Home"]["ready"] == true)?;
            panel.keep(out, "1-home")?;
        }
        Ok("home screens".into())
    })?;
    let mut code = String::new();
    table.step("Boardroom starts a meeting", || {
        a.tap("StartMeeting")?;
        let meeting = a.see("a meeting", |view| view["screen"]["Meeting"]["code"].is_string())?;
        code = meeting["screen"]["Meeting"]["code"].as_str().unwrap_or_default().replace(' ', "");
        a.keep(out, "2-alone")?;
        Ok(format!("code {code}"))
    })?;
    table.step("Workshop types a wrong code", || {
        b.tap("OpenJoin")?;
        b.see("the keypad", |view| view["screen"]["Join"].is_object())?;
        b.keep(out, "3-keypad")?;
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap_or(0) + 1) % 1_000_000);
        b.type_digits(&wrong)?;
        let view = b.see("the error", |view| view["screen"]["Join"]["error"].is_string())?;
        b.keep(out, "4-wrong-code")?;
        Ok(view["screen"]["Join"]["error"].to_string())
    })?;
    table.step("Workshop types the code and knocks", || {
        b.type_digits(&code)?;
        b.see("waiting", |view| view["screen"]["Waiting"].is_object())?;
        let view = a.see("the knock", |view| view["knock"]["armed"] == true)?;
        a.keep(out, "5-knock")?;
        b.keep(out, "5-waiting")?;
        Ok(view["knock"]["title"].to_string())
    })?;
    table.step("Boardroom approves with its button", || {
        a.kiosk.press("approve", Duration::from_millis(150))?;
        let released = Instant::now();
        for panel in [&mut a, &mut b] {
            panel.see("the other room", |view| {
                view["screen"]["Meeting"]["tiles"].as_array().is_some_and(|t| t.len() == 1)
            })?;
        }
        a.see_picture()?;
        b.see_picture()?;
        Ok(format!("both pictures within {} ms", released.elapsed().as_millis()))
    })?;
    table.step("pictures move on both screens", || {
        let spans = [a.see_pictures(10)?, b.see_pictures(10)?];
        for panel in [&mut a, &mut b] {
            panel.keep(out, "6-meeting")?;
        }
        Ok(format!("ten each, within {:.1} and {:.1} s", spans[0].as_secs_f64(), spans[1].as_secs_f64()))
    })?;
    table.step("each room hears the other", || {
        let loud = [a.hear(true)?, b.hear(true)?];
        Ok(format!("{:.0} and {:.0} dBFS", loud[0], loud[1]))
    })?;
    table.step("chat: Boardroom to everyone", || {
        a.write("Hello from the boardroom", None)?;
        b.see("an unread message", |view| view["screen"]["Meeting"]["unread"] == 1)?;
        b.tap("TogglePanel(Chat)")?;
        b.read("Hello from the boardroom")?;
        b.keep(out, "7-chat-read")?;
        Ok("read in Workshop".into())
    })?;
    table.step("chat: Workshop to Boardroom alone", || {
        b.write("Only for you", Some("Boardroom"))?;
        a.read("Only for you")?;
        a.keep(out, "8-chat-private")?;
        b.keep(out, "8-chat-sent")?;
        let view = a.kiosk.view()?;
        let messages = view["screen"]["Meeting"]["panel"]["Chat"]["messages"].clone();
        let private = messages.as_array().is_some_and(|all| all.iter().any(|m| m["private"].is_string()));
        if private { Ok("read in Boardroom, marked private".into()) } else { Err(messages.to_string()) }
    })?;
    table.step("Boardroom mutes with its button", || {
        a.kiosk.press("mute", Duration::from_millis(80))?;
        a.see("Muted", |view| view["screen"]["Meeting"]["microphone"] == "Muted")?;
        wait_for("the mute lamp", || lit(&mut a, "Mute", true))?;
        b.see("the muted mark", |view| view["screen"]["Meeting"]["tiles"][0]["muted"] == true)?;
        b.hear(false)?;
        a.keep(out, "9-muted")?;
        b.keep(out, "9-other-muted")?;
        Ok("lamp lit, mark shown, silence in Workshop".into())
    })?;
    table.step("Boardroom unmutes", || {
        a.kiosk.press("mute", Duration::from_millis(80))?;
        a.see("Live", |view| view["screen"]["Meeting"]["microphone"] == "Live")?;
        wait_for("the mute lamp", || lit(&mut a, "Mute", false))?;
        b.see("no muted mark", |view| view["screen"]["Meeting"]["tiles"][0]["muted"] == false)?;
        Ok(format!("{:.0} dBFS in Workshop", b.hear(true)?))
    })?;
    table.step("who is here", || {
        a.tap("TogglePanel(People)")?;
        a.see("the list", |view| {
            view["screen"]["Meeting"]["panel"]["People"]["people"].as_array().is_some_and(|p| p.len() == 2)
        })?;
        a.keep(out, "10-people")?;
        Ok("two rooms".into())
    })?;
    table.step("Workshop leaves", || {
        b.tap("Ask(Leave)")?;
        b.see("the question", |view| view["question"].is_object())?;
        b.keep(out, "11-leave")?;
        b.tap("Confirm")?;
        b.see("home", |view| view["screen"]["Home"].is_object())?;
        b.keep(out, "12-home-again")?;
        a.see("an empty meeting", |view| {
            view["screen"]["Meeting"]["tiles"].as_array().is_some_and(Vec::is_empty)
        })?;
        Ok("Boardroom is alone again".into())
    })?;
    table.step("Boardroom leaves", || {
        a.tap("Ask(Leave)")?;
        a.tap("Confirm")?;
        a.see("home", |view| view["screen"]["Home"].is_object())?;
        Ok("home".into())
    })?;
    table.step("programs end when told to", || {
        for process in [&mut a.kiosk.process, &mut b.kiosk.process] {
            if !process.stop().map_err(|error| error.to_string())? {
                return Err("a kiosk ended with an error".into());
            }
        }
        let mut relay = relay;
        match relay.process.stop() {
            Ok(true) => Ok("in order".into()),
            Ok(false) => Err("the relay ended with an error".into()),
            Err(error) => Err(error.to_string()),
        }
    })
}

fn lit(panel: &mut Panel, lamp: &str, wanted: bool) -> Result<(), String> {
    let lamps: Value = panel.kiosk.ask("lamps")?;
    if lamps["lit"][lamp] == wanted { Ok(()) } else { Err(lamps.to_string()) }
}
