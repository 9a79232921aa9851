//! Which meeting has which code, kept in the state folder: after a restart a meeting that its host brings back gets its
//! code again, and nobody else does. One line a change, written anew when most lines are out of date.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use vestibule_common::id::{RoomCode, RoomId};

use crate::rooms::CodeRecord;

/// The file's name within the state folder.
const FILE: &str = "codes";
/// The most codes that are kept when the file is written anew; those that rest longest go first.
const MAX_CODES: usize = 20_000;
/// Lines that may be out of date, besides as many as there are codes.
const SLACK: usize = 1000;

/// The file and what it says.
pub(super) struct CodeFile {
    path: PathBuf,
    file: Option<File>,
    codes: BTreeMap<RoomCode, (RoomId, Option<u64>)>,
    lines: usize,
    /// It could not be written, and that was said.
    failed: bool,
}

impl CodeFile {
    /// Reads what is there. A file that is missing or cannot be read is no reason not to start: meetings that are
    /// brought back get other codes then. `now_ms` is Unix time.
    pub(super) fn open(state_dir: &Path, now_ms: u64) -> CodeFile {
        let path = state_dir.join(FILE);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                log::warn!("{} cannot be read: {error}; meetings get other codes", path.display());
            }
            String::new()
        });
        let records = text.lines().filter_map(parse);
        let codes = records.map(|record| (record.code, (record.room, record.until_ms))).collect();
        let mut this = CodeFile { path, file: None, codes, lines: 0, failed: false };
        this.write_anew(now_ms);
        this
    }

    /// What it says of every code.
    pub(super) fn records(&self) -> impl Iterator<Item = CodeRecord> + '_ {
        self.codes.iter().map(|(&code, &(room, until_ms))| CodeRecord { code, room, until_ms })
    }

    /// Keeps what became of a code. What cannot be written is said once.
    pub(super) fn record(&mut self, record: CodeRecord, now_ms: u64) {
        self.codes.insert(record.code, (record.room, record.until_ms));
        if self.lines > 2 * self.codes.len() + SLACK || self.codes.len() > MAX_CODES + SLACK {
            self.write_anew(now_ms);
            return;
        }
        if let Some(file) = &mut self.file {
            self.lines += 1;
            let written = file.write_all(line(&record).as_bytes());
            self.note(written);
        }
    }

    /// Forgets what is over, and writes the rest to a new file that takes the place of the old one.
    fn write_anew(&mut self, now_ms: u64) {
        self.codes.retain(|_, (_, until_ms)| until_ms.is_none_or(|until| until > now_ms));
        if self.codes.len() > MAX_CODES {
            let mut ends: Vec<(u64, RoomCode)> =
                self.codes.iter().filter_map(|(code, (_, until))| Some(((*until)?, *code))).collect();
            ends.sort_unstable();
            for (_, code) in ends.into_iter().take(self.codes.len() - MAX_CODES) {
                self.codes.remove(&code);
            }
        }
        self.lines = self.codes.len();
        let written = self.replace();
        self.note(written);
    }

    fn replace(&mut self) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        let mut writer = BufWriter::new(create(&fresh)?);
        for record in self.records() {
            writer.write_all(line(&record).as_bytes())?;
        }
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        std::fs::rename(&fresh, &self.path)?;
        self.file = Some(file);
        Ok(())
    }

    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written
            && !self.failed
        {
            self.failed = true;
            log::warn!(
                "{} cannot be written: {error}; after a restart of the relay meetings get other codes",
                self.path.display()
            );
        }
    }
}

/// An empty file that only the relay's user reads.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// `482913 <room> <until in ms, or ->`
fn line(record: &CodeRecord) -> String {
    let CodeRecord { code, room, until_ms } = record;
    match until_ms {
        Some(until_ms) => format!("{code} {room} {until_ms}\n"),
        None => format!("{code} {room} -\n"),
    }
}

/// `None` for a line that is not one, like the last one of a machine that lost its power.
fn parse(line: &str) -> Option<CodeRecord> {
    let mut words = line.split(' ');
    let (code, room) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let until_ms = match words.next()? {
        "-" => None,
        until_ms => Some(until_ms.parse().ok()?),
    };
    Some(CodeRecord { code, room, until_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(code: u32, room: u8, until_ms: Option<u64>) -> CodeRecord {
        CodeRecord { code: RoomCode::new(code).unwrap(), room: RoomId([room; 16]), until_ms }
    }

    fn read(dir: &Path, now_ms: u64) -> Vec<CodeRecord> {
        CodeFile::open(dir, now_ms).records().collect()
    }

    #[test]
    fn the_last_word_on_a_code_is_read_back_until_it_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = CodeFile::open(dir.path(), 0);
        assert_eq!(file.records().count(), 0);
        file.record(record(1, 1, None), 0);
        file.record(record(2, 2, None), 0);
        file.record(record(1, 1, Some(500)), 0);
        assert_eq!(read(dir.path(), 499), [record(1, 1, Some(500)), record(2, 2, None)]);
        std::fs::write(dir.path().join(FILE), "000001 nonsense -\n000003").unwrap();
        assert_eq!(read(dir.path(), 0), [], "what is no record is left out");
        let mut file = CodeFile::open(dir.path(), 0);
        file.record(record(2, 2, None), 0);
        file.record(record(1, 1, Some(500)), 0);
        assert_eq!(read(dir.path(), 500), [record(2, 2, None)]);
    }

    #[test]
    fn it_stays_small_whatever_happens() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = CodeFile::open(dir.path(), 0);
        file.record(record(999_999, 9, None), 0);
        for n in 0..30_000 {
            file.record(record(n, 1, None), 0);
            file.record(record(n, 1, Some(u64::from(n) + 1)), 0);
        }
        let kept = read(dir.path(), 0);
        assert!(kept.len() <= MAX_CODES + SLACK, "{}", kept.len());
        assert!(kept.contains(&record(999_999, 9, None)), "a code in use stays");
        assert!(kept.contains(&record(29_999, 1, Some(30_000))), "the youngest stays");
        let size = std::fs::metadata(dir.path().join(FILE)).unwrap().len();
        assert!(size < 3 * 1024 * 1024, "{size} bytes");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        drop(CodeFile::open(dir.path(), 0));
        let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
