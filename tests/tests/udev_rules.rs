//! The udev rules against described devices, without a virtual machine. `vm_rig` meets them with real drivers.

use vestibule_tests::vm::{or_skip, run_script};

#[test]
fn every_rule_matches_what_it_should_and_nothing_else() {
    let checked = run_script("tests/vm/install.sh", &["udev"]).and_then(|_| run_script("udev/test.sh", &[]));
    let Some(report) = or_skip("udev rules", checked) else { return };
    assert!(report.lines().filter(|line| line.starts_with("ok ")).count() >= 16, "{report}");
}
