//! Which program holds a device, so that "busy" comes with a name.

use std::fs;
use std::path::Path;

/// The programs that have `path` open, as far as this one may see. Empty if it sees none.
pub(super) fn of(path: &Path) -> Vec<String> {
    let Ok(device) = fs::canonicalize(path) else { return Vec::new() };
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut users = Vec::new();
    for process in processes.flatten() {
        let name = process.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(open) = fs::read_dir(process.path().join("fd")) else { continue };
        if open.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| target == device)) {
            let program = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            users.push(format!("{} (process {id})", program.trim()));
        }
    }
    users
}

/// A sentence naming who holds `path`.
pub(super) fn sentence(path: &Path) -> String {
    let users = of(path);
    if users.is_empty() {
        return format!("{} is held by a program that cannot be seen from here", path.display());
    }
    format!("{} is held by {}", path.display(), users.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_that_holds_a_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("device");
        let file = fs::File::create(&path).unwrap();
        let id = std::process::id();
        assert!(sentence(&path).contains(&format!("(process {id})")), "{}", sentence(&path));
        drop(file);
        assert!(of(&path).is_empty());
    }
}
