//! How many pictures survive a link that loses packets: without help, with retransmission, and with repairs besides.
//!
//! Pieces, repairs and pieces sent again are lost alike; in half of the scenes nacks and keyframe requests are too.
//! Seeded and in virtual time, so the figures are exact; `cargo test -p vestibule-common --test loss -- --nocapture`
//! prints the table.

#[cfg(test)]
mod link;

use link::{Help, Outcome, Scene, run};

const LOSSES: [u32; 4] = [1, 5, 10, 20];
const ROUND_TRIPS: [u64; 4] = [20, 40, 100, 200];
const SEEDS: u64 = 4;
const HELP: [Help; 3] = [Help::None, Help::Resend, Help::ResendAndRepair];

fn scene(loss_percent: u32, round_trip_ms: u64, help: Help) -> Scene {
    Scene { loss_percent, both_ways: true, burst: 1, round_trip_ms, help, seconds: 120, seed: 1 }
}

/// Several seeds together: one failure costs a dozen frames, so that a single seed says little.
fn run_seeds(scene: &Scene) -> Outcome {
    let mut outcomes = (1..=SEEDS).map(|seed| run(&Scene { seed, ..*scene }));
    let first = outcomes.next().expect("at least one seed");
    let mut all = outcomes.fold(first, |all, one| Outcome {
        sent: all.sent + one.sent,
        delivered: all.delivered + one.delivered,
        late_99_ms: all.late_99_ms.max(one.late_99_ms),
        overhead: all.overhead + one.overhead,
        keyframes: all.keyframes + one.keyframes,
        nacks: all.nacks + one.nacks,
    });
    all.overhead /= SEEDS as f64;
    all
}

fn percent(outcome: &Outcome) -> f64 {
    outcome.delivered as f64 * 100.0 / outcome.sent as f64
}

fn line(what: &str, scene: &Scene, outcome: &Outcome) {
    println!(
        "{what:>9} {:>3} % {:>4} ms  {:<16} {:>6.2} %  {:>4} ms  {:>5.1} %  {:>4}",
        scene.loss_percent,
        scene.round_trip_ms,
        format!("{:?}", scene.help),
        percent(outcome),
        outcome.late_99_ms,
        outcome.overhead * 100.0,
        outcome.keyframes,
    );
}

/// Asserts that of a hundred frames at least so many are delivered, for each of [`LOSSES`] and [`ROUND_TRIPS`].
fn delivers(both_ways: bool, least_resend: [[f64; 4]; 4], least_repair: [[f64; 4]; 4]) {
    println!("   losses     round trip  help            delivered  99th late  overhead  keyframes");
    let mut faults = Vec::new();
    for (row, loss) in LOSSES.into_iter().enumerate() {
        for (column, round_trip) in ROUND_TRIPS.into_iter().enumerate() {
            let [none, resend, repair] = HELP.map(|help| {
                let scene = Scene { both_ways, ..scene(loss, round_trip, help) };
                let outcome = run_seeds(&scene);
                line(if both_ways { "both ways" } else { "pictures" }, &scene, &outcome);
                percent(&outcome)
            });
            let what = format!("{loss} % {round_trip} ms: {none:.2}, {resend:.2}, {repair:.2}");
            let ordered = resend > none && repair >= resend;
            if !ordered || resend < least_resend[row][column] || repair < least_repair[row][column] {
                faults.push(what);
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn frames_are_delivered_in_time_when_pictures_are_lost() {
    let resend = [
        [99.5, 99.5, 99.5, 99.0],
        [99.5, 99.5, 99.0, 96.0],
        [99.5, 99.5, 97.0, 80.0],
        [98.0, 97.0, 78.0, 15.0],
    ];
    let repair = [
        [99.5, 99.5, 99.5, 99.5],
        [99.5, 99.5, 99.5, 99.5],
        [99.5, 99.5, 99.5, 98.0],
        [99.5, 99.0, 99.0, 94.0],
    ];
    delivers(false, resend, repair);
}

#[test]
fn frames_are_delivered_in_time_when_requests_are_lost_too() {
    let resend = [
        [99.5, 99.5, 99.5, 98.5],
        [99.5, 99.5, 98.0, 85.0],
        [99.0, 98.0, 88.0, 45.0],
        [80.0, 75.0, 20.0, 3.0],
    ];
    let repair = [
        [99.5, 99.5, 99.5, 99.5],
        [99.5, 99.5, 99.5, 99.5],
        [99.5, 99.5, 99.0, 98.0],
        [98.5, 97.0, 88.0, 65.0],
    ];
    delivers(true, resend, repair);
}

/// The same share of losses, four in a row: what the number of repairs does not reckon with.
#[test]
fn bursts_are_left_to_retransmission() {
    println!("   losses     round trip  help            delivered  99th late  overhead  keyframes");
    for (round_trip, least) in [(40, 99.0), (200, 95.0)] {
        for help in HELP {
            let scene = Scene { burst: 4, ..scene(5, round_trip, help) };
            let outcome = run_seeds(&scene);
            line("in fours", &scene, &outcome);
            assert!(help == Help::None || percent(&outcome) >= least, "{round_trip} ms");
        }
    }
}

#[test]
fn nothing_is_asked_for_or_lost_on_a_link_that_only_reorders() {
    for help in HELP {
        let outcome = run(&scene(0, 40, help));
        assert_eq!((outcome.delivered, outcome.nacks, outcome.keyframes), (outcome.sent, 0, 1), "{help:?}");
        assert_eq!(outcome.overhead, 0.0, "{help:?}");
    }
}
