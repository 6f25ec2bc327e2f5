//! Where words go: data to stdout in the format that was asked for, talk to stderr.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::exit::{Failure, context};

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

/// `-o`, as every command has it.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// How to print the data
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
}

impl OutputArgs {
    /// Prints `data`, or in a table what `table` makes of it. The flag that `table` is given says whether to colour.
    pub(crate) fn print<T: Serialize>(
        self,
        data: &T,
        table: impl FnOnce(bool) -> String,
    ) -> Result<(), Failure> {
        let text = match self.output {
            Format::Table => table(colour()),
            Format::Json => {
                serde_json::to_string_pretty(data).map_err(context("could not write the data as JSON"))?
                    + "\n"
            }
            Format::Yaml => {
                serde_saphyr::to_string(data).map_err(context("could not write the data as YAML"))?
            }
        };
        write(&text)
    }
}

/// Writes to stdout. A reader that went away (`| head`) is no error.
pub(crate) fn write(text: &str) -> Result<(), Failure> {
    ignore_closed_pipe(io::stdout().lock().write_all(text.as_bytes()))
}

/// The same for who has more to write; false when the reader went away.
pub(crate) fn write_on(text: &str) -> Result<bool, Failure> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        result => Ok(result.map(|()| true)?),
    }
}

/// Turns "the reader went away" into a quiet success.
pub(crate) fn ignore_closed_pipe(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Says a line on stderr. There is nobody to tell when that fails.
pub(crate) fn talk(line: &str) {
    _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether stdout is a terminal whose user has not asked for plain text (<https://no-color.org>).
pub(crate) fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Text from a log or a policy, made safe for a terminal: control characters are shown, not obeyed.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_obeyed) {
        Cow::Owned(text.chars().map(|c| if is_obeyed(c) { '\u{fffd}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether a terminal would do something with a character instead of showing it. Those that turn the direction of text are
/// no control characters by their class, and would let a name read as another one.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Bytes as people read them: `812 B`, `64.0 kB`, `1.9 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// A part of a whole: `12.5 %`; of nothing, `-`.
pub(crate) fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}

/// `1 event`, `2 events`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(visible("a\u{1b}[31mb\r\u{9b}"), "a\u{fffd}[31mb\u{fffd}\u{fffd}");
        let turns =
            "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        assert_eq!(visible(turns), "\u{fffd}".repeat(12));
        // Letters that are read from the right, joiners and marks stay what they are.
        for text in ["", "alice", "\u{5d0}\u{5d1}", "\u{200d}\u{2029}\u{2065}\u{206a}", "h\u{e4}ufig"] {
            assert!(matches!(visible(text), Cow::Borrowed(shown) if shown == text), "{text:?}");
        }
    }

    #[test]
    fn sizes_and_shares() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1000), "1.0 kB");
        assert_eq!(bytes(999_949), "999.9 kB");
        assert_eq!(bytes(999_950), "1.0 MB");
        assert_eq!(bytes(u64::MAX), "18446.7 PB");
        assert_eq!(share(1, 8), "12.5 %");
        assert_eq!(share(0, 0), "-");
    }
}
