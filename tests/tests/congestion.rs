//! The proving ground's table with three seeds, beside the one that was checked in. Virtual time makes it exact, so what
//! became worse by more than a small margin became worse by a change. `VESTIBULE_WRITE_TABLE=1` writes a new one.

use std::path::Path;

use vestibule_tests::measure::congestion::ours;
use vestibule_tests::proving::table::Table;
use vestibule_tests::proving::{case, down};

#[test]
fn no_figure_became_worse() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/congestion.txt");
    let mut table = Table::of(&case::all(), 3, "", &ours);
    table.extend(down::table(3));
    if std::env::var_os("VESTIBULE_WRITE_TABLE").is_some() {
        std::fs::write(&path, table.lines()).unwrap();
    }
    let faults = table.compare(&std::fs::read_to_string(&path).unwrap());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
