//! `measure congestion`: the test cases of RFC 8867 and some radios in virtual time, ours and the peer's, ten seeds each. The
//! peer is str0m's congestion control, with keys that begin with `peer_`. Then the ways down, through the relay's forwarding.

use std::fmt::Write;
use std::path::Path;

use crate::proving::run::{INITIAL, LOOK, SOURCE};
use crate::proving::table::Table;
use crate::proving::{Case, Flow, FlowPlan, case, down, ours::OurFlow, peer::PeerFlow, run};

/// Seeds of a measurement.
pub const SEEDS: u64 = 10;

/// Our flow for a plan.
pub fn ours(plan: &FlowPlan, _seed: u64) -> Box<dyn Flow> {
    Box::new(OurFlow::new(INITIAL, SOURCE.1, plan.weight))
}

/// The peer's flow for a plan. It knows no weights.
pub fn peer(_plan: &FlowPlan, seed: u64) -> Box<dyn Flow> {
    Box::new(PeerFlow::new(INITIAL, SOURCE.1, seed))
}

/// Measures, prints, and leaves traces of the first seed's runs in `out`.
pub fn run_all(out: &Path) -> Result<(), String> {
    let cases = case::all();
    print!("{}", Table::of(&cases, SEEDS, "", &ours).lines());
    print!("{}", Table::of(&cases, SEEDS, "peer_", &peer).lines());
    print!("{}", down::table(SEEDS).lines());
    let write = |name: String, lines: String| {
        let path = out.join(name);
        std::fs::write(&path, lines).map_err(|error| format!("{}: {error}", path.display()))
    };
    for case in &cases {
        write(format!("case_{}.txt", case.name), trace(case))?;
    }
    for case in down::case::all() {
        write(format!("{}.txt", case.name), down::run(&case, 1).trace)?;
    }
    Ok(())
}

/// What each flow thinks every tenth of a second, and what arrived in each second.
fn trace(case: &Case) -> String {
    let mut lines = String::new();
    let every = 10 * LOOK.as_micros() as u64;
    let record = run(case, 1, &|plan| ours(plan, 1), |now, n, flow| {
        if now.as_micros() % every < LOOK.as_micros() as u64 {
            // Writing to a string does not fail.
            let _ = writeln!(lines, "{:.1} s, flow {n}: {}", now.as_micros() as f64 / 1e6, flow.trace());
        }
    });
    for (n, media) in record.media.iter().enumerate() {
        for (second, bytes) in media.iter().enumerate() {
            let _ = writeln!(lines, "second {second}, flow {n}: {} kbit of media", bytes * 8 / 1000);
        }
    }
    lines
}
