//! What is wrong with a value, in words for whoever wrote it, instead of the parser's; and nothing secret in them.

use super::options::Program;

/// What is wrong with a file, with its line and key. Never the value: it may be a secret under a misspelt key.
pub(super) fn of_file(program: &Program, text: &str, error: &toml::de::Error) -> String {
    let Some(at) = error.span().map(|span| span.start.min(text.len())) else {
        return plain(program, error.message());
    };
    let number = text.bytes().take(at).filter(|byte| *byte == b'\n').count();
    let line = text.lines().nth(number).unwrap_or_default();
    let key = line.split_once('=').map_or("", |(key, _)| key.trim());
    let place =
        if key.is_empty() { format!("line {}", number + 1) } else { format!("line {}, {key}", number + 1) };
    match program.options.iter().find(|opt| opt.secret && opt.key == key.trim_matches(['"', '\''])) {
        Some(opt) => format!("{place}: {} are wanted, in quotes", opt.shape),
        None => format!("{place}: {}", plain(program, error.message())),
    }
}

/// A parser's message in words.
pub(super) fn plain(program: &Program, message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if let (true, [key, known @ ..]) = (message.starts_with("unknown field "), quoted.as_slice()) {
        let hint = match (belongs_below(program, key), nearest(key, known.iter().copied())) {
            (Some(table), _) => format!("it belongs below [{table}]"),
            (None, Some(near)) => format!("did you mean {near}?"),
            (None, None) => format!("there are {}", known.join(", ")),
        };
        return format!("there is no key \"{key}\"; {hint}");
    }
    if let (true, [found, known @ ..]) = (message.starts_with("unknown variant "), quoted.as_slice()) {
        return format!("\"{found}\" is none of these: {}", known.join(", "));
    }
    if message.ends_with("expected a boolean") {
        return "true or false is wanted, without quotes".to_owned();
    }
    if message.starts_with("duplicate key") {
        return "this key stands here for the second time".to_owned();
    }
    if message.contains("expected literal string") || message.starts_with("string values must be quoted") {
        return "text is wanted in quotes, and every quote has its second".to_owned();
    }
    let range = |(kind, range)| message.ends_with(&format!("expected {kind}")).then_some(range);
    match (RANGES.into_iter().find_map(range), message.split_once(',')) {
        (Some(range), Some((found, _))) => {
            let found = found.split_once(": ").map_or(found, |(_, found)| found).replace('`', "");
            let found = found.strip_prefix("integer ").or(found.strip_prefix("string ")).unwrap_or(&found);
            format!("a whole number {range} is wanted, and this is: {found}")
        }
        (Some(_), None) | (None, _) => message.to_owned(),
    }
}

/// The table of the file that has a key, or a table, of this name.
fn belongs_below(program: &Program, key: &str) -> Option<String> {
    program.options.iter().find_map(|opt| {
        let parts: Vec<&str> = opt.key.split('.').collect();
        let at = parts.iter().skip(1).position(|part| *part == key)?;
        Some(parts[..=at].join("."))
    })
}

/// What the numbers of a configuration may be.
const RANGES: [(&str, &str); 7] = [
    ("u8", "from 0 to 255"),
    ("u16", "from 0 to 65535"),
    ("u32", "from 0 to 4294967295"),
    ("u64", "from 0 upwards"),
    ("usize", "from 0 upwards"),
    ("i32", "from -2147483648 to 2147483647"),
    ("i64", "of 64 bits"),
];

/// The one of `known` that somebody most likely meant: at most a third of its letters, or two, differ.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let ranked = known.map(|known| (distance(word, known), known));
    let (far, known) = ranked.min_by_key(|(far, _)| *far)?;
    (far <= (known.chars().count() / 3).max(2)).then_some(known)
}

/// Letters to insert, delete or change to make one word the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Opt;

    #[test]
    fn a_slip_is_answered_with_what_was_meant_and_nonsense_with_nothing() {
        let known = || ["--port", "--media-port", "--name"].into_iter();
        assert_eq!(nearest("--prot", known()), Some("--port"));
        assert_eq!(nearest("--meda-port", known()), Some("--media-port"));
        assert_eq!(nearest("--colour", known()), None);
        assert_eq!((distance("", "ab"), distance("kitten", "sitting")), (2, 3));
    }

    const PROGRAM: Program = Program {
        name: "thing",
        about: "",
        run: "",
        prefix: "THING",
        default_file: "",
        subcommands: &[],
        options: &[Opt::number("devices.pins.mute", "A pin."), Opt::number("rooms.most", "The most.")],
    };

    #[test]
    fn the_parsers_words_become_a_persons() {
        let plain = |message: &str| plain(&PROGRAM, message);
        assert_eq!(
            plain("unknown field `pins`, expected one of `pin`, `name`"),
            "there is no key \"pins\"; it belongs below [devices]"
        );
        assert_eq!(
            plain("unknown field `mute`, expected one of `pin`, `name`"),
            "there is no key \"mute\"; it belongs below [devices.pins]"
        );
        assert_eq!(
            plain("invalid type: string \"yes\", expected a boolean"),
            "true or false is wanted, without quotes"
        );
        assert_eq!(
            plain("invalid value: integer `70000`, expected u16"),
            "a whole number from 0 to 65535 is wanted, and this is: 70000"
        );
        assert_eq!(
            plain("unknown field `prot`, expected one of `port`, `name`"),
            "there is no key \"prot\"; did you mean port?"
        );
        assert_eq!(
            plain("unknown field `colour`, expected `port` or `name`"),
            "there is no key \"colour\"; there are port, name"
        );
        assert_eq!(
            plain("unknown variant `french`, expected `english` or `german`"),
            "\"french\" is none of these: english, german"
        );
        assert_eq!(plain("anything else"), "anything else");
    }
}
