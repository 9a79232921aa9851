//! The table of results over several seeds, and its comparison with the one that was checked in.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::case::Case;
use super::figures::figures;
use super::{Flow, FlowPlan, run};
use crate::measure::figures::percentile;

/// Every key with its value in each seed's run.
#[derive(Clone, Debug, Default)]
pub struct Table(Vec<(String, Vec<f64>)>);

impl Table {
    /// A table of rows: a key, and its value in each seed's run.
    pub fn new(rows: Vec<(String, Vec<f64>)>) -> Table {
        Table(rows)
    }

    /// Runs all cases with seeds from 1 on. Keys begin with `prefix`.
    pub fn of(
        cases: &[Case],
        seeds: u64,
        prefix: &str,
        make: &dyn Fn(&FlowPlan, u64) -> Box<dyn Flow>,
    ) -> Table {
        let mut table = Table::default();
        for case in cases {
            let begin = table.0.len();
            for seed in 1..=seeds {
                let record = run(case, seed, &|plan| make(plan, seed), |_, _, _| {});
                let figures = figures(case, &record);
                if table.0.len() == begin {
                    let key = |name: &str| format!("{prefix}case_{}_{name}", case.name);
                    table.0.extend(figures.iter().map(|(name, _)| (key(name), Vec::new())));
                }
                for (row, (_, value)) in table.0[begin..].iter_mut().zip(figures) {
                    row.1.push(value);
                }
            }
        }
        table
    }

    /// One more run's value of a key.
    pub fn push(&mut self, key: String, value: f64) {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => self.0.push((key, vec![value])),
        }
    }

    /// Goes on with the rows of another one.
    pub fn extend(&mut self, other: Table) {
        self.0.extend(other.0);
    }

    /// Lines `key median` and `key_worst value`.
    pub fn lines(&self) -> String {
        let mut lines = String::new();
        for (key, values) in &self.0 {
            let worst = worst(key, values);
            // Writing to a string does not fail.
            let _ = writeln!(lines, "{key} {:.4}\n{key}_worst {worst:.4}", percentile(values, 50.0));
        }
        lines
    }

    /// What is worse than in the lines of an earlier table by more than its margin, or missing in one of them: sentences.
    pub fn compare(&self, earlier: &str) -> Vec<String> {
        let read = |lines: &str| -> BTreeMap<String, f64> {
            let pairs = lines.lines().filter_map(|line| line.split_once(' '));
            pairs.filter_map(|(key, value)| Some((key.to_owned(), value.parse().ok()?))).collect()
        };
        let (now, then) = (read(&self.lines()), read(earlier));
        let mut faults = Vec::new();
        for (key, value) in &now {
            let Some(before) = then.get(key) else {
                faults.push(format!("{key} is not in the checked table"));
                continue;
            };
            let margin = margin(key);
            let worse = if more_is_better(key) { before - value } else { value - before };
            if worse > margin || !value.is_finite() {
                faults.push(format!("{key} was {before} and is {value}, worse by more than {margin}"));
            }
        }
        let gone = then.keys().filter(|key| !now.contains_key(*key));
        faults.extend(gone.map(|key| format!("{key} is in the checked table and was not measured")));
        faults
    }
}

fn more_is_better(key: &str) -> bool {
    ["utilisation", "jain", "share", "kbps", "ratio"].iter().any(|name| key.contains(name))
}

/// What a figure may become worse by before it is a fault: what the mathematics of another system makes of it, not a budget.
fn margin(key: &str) -> f64 {
    let margins = [
        ("freeze_ms", 250.0),
        ("ms", 4.0),
        ("_s", 1.0),
        ("loss", 0.005),
        ("ladder_share", 0.01),
        ("share", 0.10),
        ("jain", 0.02),
        ("kbps", 40.0),
        ("requests", 3.0),
    ];
    let name = key.trim_end_matches("_worst");
    margins.iter().find(|(end, _)| name.ends_with(end)).map_or(0.01, |(_, margin)| *margin)
}

fn worst(key: &str, values: &[f64]) -> f64 {
    let pick = if more_is_better(key) { f64::min } else { f64::max };
    values.iter().copied().reduce(pick).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_worse_or_is_missing_is_named() {
        let rows = [("case_x_utilisation", [0.95, 0.97, 0.96]), ("case_x_queue_mean_ms", [12.0, 30.0, 13.0])];
        let table = Table(rows.map(|(key, values)| (key.to_owned(), values.to_vec())).to_vec());
        let lines = table.lines();
        assert!(lines.contains("case_x_utilisation 0.9600\ncase_x_utilisation_worst 0.9500\n"), "{lines}");
        assert!(lines.contains("case_x_queue_mean_ms_worst 30.0000"), "{lines}");
        assert_eq!(table.compare(&lines), Vec::<String>::new());
        let better = lines.replace("0.9600", "0.9900").replace("13.0000", "8.0000");
        assert_eq!(table.compare(&better).len(), 2);
        let other = lines.replace("_x_", "_y_");
        assert_eq!(table.compare(&other).len(), 8, "four not known, four not measured");
    }
}
