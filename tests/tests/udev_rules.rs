//! The udev rules against described devices, without a virtual machine. `vm_rig` meets them with real drivers.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use vestibule_tests::vm::{or_skip, run_script};

#[test]
fn every_rule_matches_what_it_should_and_nothing_else() {
    let checked = run_script("tests/vm/install.sh", &["udev"]).and_then(|_| run_script("udev/test.sh", &[]));
    let Some(report) = or_skip("udev rules", checked) else { return };
    assert!(report.lines().filter(|line| line.starts_with("ok ")).count() >= 29, "{report}");
}

#[test]
fn what_is_installed_is_what_is_taken_away_again() {
    let root = tempfile::tempdir().unwrap();
    let udev = Path::new(env!("CARGO_MANIFEST_DIR")).join("../udev");
    let run = |what: &str| {
        let output =
            Command::new(udev.join("install.sh")).arg(what).env("DESTDIR", root.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run("install");
    let at = |path: &str| std::fs::read_to_string(root.path().join(path)).unwrap();
    let unit = at("etc/systemd/system/kiosk-stick@.service");
    // The rule names the unit, the unit names the program, the program is there and can be run.
    assert!(at("etc/udev/rules.d/70-vestibule.rules").contains("kiosk-stick@%k.service"));
    let program = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/")?.split(' ').next()).unwrap();
    let mode = std::fs::metadata(root.path().join(program)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    assert!(at("etc/sysusers.d/vestibule-gpio.conf").lines().any(|line| line == "g gpio -"));
    run("uninstall");
    let left = Command::new("find").arg(root.path()).args(["-type", "f"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
}

#[test]
fn a_stick_of_no_sensible_name_is_refused() {
    let stick = Path::new(env!("CARGO_MANIFEST_DIR")).join("../udev/kiosk-stick");
    for (name, status) in
        [("../sda", 64), ("sda/../../etc", 64), ("", 64), ("mmcblk0p1", 64), ("sd-nothing", 1)]
    {
        let refused = Command::new(&stick).args(["mount", name]).output().unwrap();
        assert_eq!(refused.status.code(), Some(status), "{name:?}");
        assert!(!refused.stderr.is_empty());
    }
}
