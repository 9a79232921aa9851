//! What a case comes to.

use vestibule_common::id::StreamId;
use vestibule_common::time::{Duration, Time};

use super::case::Case;
use super::run::{END, FROM, Record, run};
use super::sound::{Pcm, Sound, Voice};
use crate::measure::figures::percentile;
use crate::proving::table::Table;
use crate::world::Loss;

/// A gap between two pictures is one that is noticed when it is longer than this, and than so many intervals.
const GAP: Duration = Duration::from_millis(150);
const INTERVALS: u32 = 3;
const INTERVAL: Duration = Duration::from_micros(33_333);
/// Sound and picture of nearly the same moment.
const SAME: u64 = 15_000;

/// The figures of one run, by their names.
pub type Figures = Vec<(&'static str, f64)>;

/// The sound of a case on a stream: plain samples where nothing is lost, coded sound elsewhere, as the product chooses.
pub fn sound(case: &Case, stream: StreamId) -> Box<dyn Sound> {
    match case.loss {
        Loss::None => Box::new(Pcm::new(stream)),
        Loss::Random(_) | Loss::Bursts { .. } if case.plain => Box::new(Pcm::new(stream)),
        Loss::Random(share) | Loss::Bursts { share, .. } => Box::new(Voice::new(stream, share)),
    }
}

/// The figures of a run, its delay compared with that of the same run without loss.
pub fn figures(record: &Record, without_loss: &Record) -> Figures {
    let delay = delays(record);
    let before = delays(without_loss);
    let (from, to) = (made_up(record, FROM), made_up(record, END));
    let repaired = record.repairs as f64 / (record.bodies.max(1)) as f64;
    vec![
        ("video_frozen", frozen(record)),
        ("added_delay_ms", (delay.0 - before.0).max(delay.1 - before.1)),
        ("added_video_delay_ms", delay.0 - before.0),
        ("audio_concealed", (to.1 - from.1) as f64 / (to.0 - from.0) as f64),
        ("lip_sync_p95_ms", percentile(&skews(record), 95.0)),
        ("video_kbps", record.bytes as f64 * 8.0 / END.since(FROM).as_secs_f64() / 1000.0),
        ("repairs", repaired),
        ("keyframe_requests", record.keyframes as f64),
    ]
}

/// The table of these cases over the seeds from 1 on.
pub fn table(cases: &[Case], seeds: u64) -> Table {
    let mut rows: Vec<(String, Vec<f64>)> = Vec::new();
    for case in cases {
        let begin = rows.len();
        for seed in 1..=seeds {
            let make = |stream| sound(case, stream);
            let record = run(case, seed, &make);
            // Sound is compared with plain samples: so much later is it coded and repeated.
            let without_loss = run(&case.without_loss(), seed, &|stream| Box::new(Pcm::new(stream)));
            for (n, (name, value)) in figures(&record, &without_loss).into_iter().enumerate() {
                if seed == 1 {
                    rows.push((format!("loss_{}_{name}", case.name), Vec::new()));
                }
                rows[begin + n].1.push(value);
            }
        }
    }
    Table::new(rows)
}

/// The part of the time in which the picture stood noticeably.
fn frozen(record: &Record) -> f64 {
    let shown = record.pictures.iter().map(|picture| picture.seen).filter(|at| (FROM..END).contains(at));
    let mut last = FROM;
    let mut gaps = Duration::ZERO;
    for at in shown.chain([END]) {
        let gap = at.since(last);
        if gap > GAP.max(INTERVAL * INTERVALS) {
            gaps += gap;
        }
        last = last.max(at);
    }
    gaps.as_secs_f64() / END.since(FROM).as_secs_f64()
}

/// The mean delay of pictures and of sound, in milliseconds.
fn delays(record: &Record) -> (f64, f64) {
    let ms = |captured: Time, at: Time| at.since(captured).as_secs_f64() * 1000.0;
    let pictures = record.pictures.iter().filter(|picture| picture.playable >= FROM);
    let pictures = pictures.map(|picture| ms(picture.captured, picture.playable));
    let sounds = record.sounds.iter().filter(|(_, at)| *at >= FROM);
    let sounds = sounds.filter_map(|(played, at)| Some(ms(played.captured?, *at)));
    (mean(pictures), mean(sounds))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    sum / count
}

/// Samples played, and made up, until then.
fn made_up(record: &Record, until: Time) -> (u64, u64) {
    let before = record.sounds.iter().rev().find(|(_, at)| *at < until);
    before.map_or((0, 0), |(played, _)| played.samples)
}

/// How far each picture is from the sound captured with it, in milliseconds, without sign.
fn skews(record: &Record) -> Vec<f64> {
    let heard: Vec<(u64, u64)> = record
        .sounds
        .iter()
        .filter_map(|(played, at)| Some((played.captured?.as_micros(), at.as_micros())))
        .collect();
    let pictures = record.pictures.iter().filter(|picture| picture.playable >= FROM);
    let skew = |picture: &super::run::Shown| {
        let captured = picture.captured.as_micros();
        let at = heard.partition_point(|(moment, _)| *moment < captured);
        let near = [at.checked_sub(1), Some(at)].into_iter().flatten().filter_map(|at| heard.get(at));
        let (moment, at) = near.min_by_key(|(moment, _)| moment.abs_diff(captured))?;
        // What was made up in its place was captured never.
        (moment.abs_diff(captured) <= SAME).then(|| {
            let (sound, seen) = ((at - moment) as f64, picture.seen.as_micros() as f64 - captured as f64);
            (seen - sound).abs() / 1000.0
        })
    };
    pictures.filter_map(skew).collect()
}
