//! Where log messages go: to the journal under systemd, with fields; otherwise to standard error, a line each.

use std::fmt::Write as _;
use std::io::Write as _;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::kv::{Error, Key, Value, VisitSource};
use log::{LevelFilter, Log, Metadata, Record};

/// Starts logging from `level` up. Other crates log from `warn` up, and the screen's library nothing, unless everything is
/// wanted.
pub fn start(level: LevelFilter) {
    #[cfg(target_os = "linux")]
    if systemd_journal_logger::connected_to_journal()
        && let Ok(journal) = systemd_journal_logger::JournalLog::new()
    {
        install(Box::new(Filtered { level, to: journal }), level);
        return;
    }
    install(Box::new(Filtered { level, to: Stderr }), level);
}

fn install(logger: Box<dyn Log>, level: LevelFilter) {
    // Fails only if a test has installed one before; that one stays.
    if log::set_boxed_logger(logger).is_ok() {
        log::set_max_level(level);
    }
}

/// Keeps the chatter of other crates out.
struct Filtered<L> {
    level: LevelFilter,
    to: L,
}

impl<L: Log> Log for Filtered<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let of = |crates: &str| metadata.target().starts_with(crates);
        let level = match self.level {
            LevelFilter::Trace => LevelFilter::Trace,
            level if of("vestibule") => level,
            // What a display lacks is an error to it at each start, and nothing to anybody.
            _ if of("druid") => LevelFilter::Off,
            level => level.min(LevelFilter::Warn),
        };
        metadata.level() <= level
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.to.log(record);
        }
    }

    fn flush(&self) {
        self.to.flush();
    }
}

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = line(&utc(wall()), record);
        // A closed standard error is no reason to stop a meeting.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

fn line(time: &str, record: &Record<'_>) -> String {
    let mut line = format!("{time} {:5} {}", record.level(), record.args());
    // Whatever came from outside stays on its line.
    if line.contains(char::is_control) {
        line = line
            .chars()
            .flat_map(
                |c| if c.is_control() { Escaped::Yes(c.escape_default()) } else { Escaped::No(Some(c)) },
            )
            .collect();
    }
    let _ = record.key_values().visit(&mut Fields(&mut line));
    line.push('\n');
    line
}

enum Escaped {
    Yes(std::char::EscapeDefault),
    No(Option<char>),
}

impl Iterator for Escaped {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self {
            Escaped::Yes(escaped) => escaped.next(),
            Escaped::No(plain) => plain.take(),
        }
    }
}

struct Fields<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let _ = write!(self.0, " {key}={value}");
        Ok(())
    }
}

fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Time since 1970 as UTC with milliseconds (RFC 3339). The calendar is Howard Hinnant's `civil_from_days`.
fn utc(since_1970: Duration) -> String {
    let (seconds, ms) = (since_1970.as_secs(), since_1970.subsec_millis());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let at = |seconds| utc(Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(1_735_689_599), "2024-12-31T23:59:59.000Z");
        assert_eq!(utc(Duration::from_millis(1_700_000_000_123)), "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn a_message_is_one_line_with_its_fields() {
        let fields = [("room", "00ff")];
        let record = Record::builder()
            .args(format_args!("two\nlines"))
            .level(log::Level::Info)
            .key_values(&fields)
            .build();
        assert_eq!(line("T", &record), "T INFO  two\\nlines room=00ff\n");
    }

    #[test]
    fn other_crates_are_quiet() {
        let logger = Filtered { level: LevelFilter::Debug, to: Stderr };
        let enabled =
            |target: &str, level| logger.enabled(&Metadata::builder().target(target).level(level).build());
        assert!(enabled("vestibule_relay::shell", log::Level::Debug));
        assert!(!enabled("mdns_sd", log::Level::Info));
        assert!(enabled("mdns_sd", log::Level::Warn));
    }
}
