//! A finding as people read it: place, words, the line itself with a mark, a hint.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use auditward_policy::read::{FieldPath, Finding, Span, position};

use crate::output::visible;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const PLACE: Style = Style::new().bold();
const MARK: Style = AnsiColor::Blue.on_default();

/// What to print about one place in a text.
pub(crate) struct Snippet<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a [u8],
    pub(crate) span: Span,
    pub(crate) severity: &'a str,
    pub(crate) message: &'a str,
    pub(crate) path: &'a FieldPath,
    pub(crate) hint: Option<&'a str>,
}

/// One finding of the reader.
pub(crate) fn render(file: &str, text: &[u8], finding: &Finding, colour: bool) -> String {
    let severity = finding.severity.to_string();
    Snippet {
        file,
        text,
        span: finding.span.clone(),
        severity: &severity,
        message: &finding.message,
        path: &finding.path,
        hint: finding.hint.as_deref(),
    }
    .render(colour)
    .replace("\u{feff}", "")
    .trim_end()
    .to_owned()
}

impl Snippet<'_> {
    /// Several lines without a final line break.
    pub(crate) fn render(&self, colour: bool) -> String {
        let paint = |style: Style, text: &str| {
            if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
        };
        let severity_style = if self.severity.starts_with("error") { ERROR } else { WARNING };
        let at = position(self.text, self.span.start);
        let place = paint(PLACE, &format!("{}:{at}:", self.file));
        let mut out = format!("{place} {}: {}", paint(severity_style, self.severity), visible(self.message));
        if *self.path != FieldPath::ROOT {
            _ = write!(out, " ({})", visible(&self.path.to_string()));
        }
        let (line, column) = self.window(at.column);
        if !line.trim().is_empty() {
            let gutter = at.line.to_string();
            let marks = "^".repeat(self.mark_length(&line, column));
            let indent = " ".repeat(column - 1);
            let blank = " ".repeat(gutter.len());
            _ = write!(out, "\n  {} {line}", paint(MARK, &format!("{gutter} |")));
            _ = write!(
                out,
                "\n  {} {indent}{}",
                paint(MARK, &format!("{blank} |")),
                paint(severity_style, &marks)
            );
        }
        if let Some(hint) = self.hint {
            _ = write!(out, "\n  {} {}", paint(PLACE, "hint:"), visible(hint));
        }
        out
    }

    /// The part of the line around a column, with the column that it then has. Control characters and tabs are made
    /// visible.
    fn window(&self, column: usize) -> (String, usize) {
        const BEFORE: usize = 100;
        const SHOWN_MAX: usize = 160;
        let start = self.span.start.min(self.text.len());
        let begin = self.text[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let end = self.text[start..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(self.text.len(), |at| start + at);
        let skipped = column.saturating_sub(BEFORE + 1);
        let line = String::from_utf8_lossy(&self.text[begin..end])
            .trim_end()
            .chars()
            .filter(|c| *c != '\u{feff}')
            .map(|c| if c == '\t' { '→' } else { c })
            .skip(skipped)
            .take(SHOWN_MAX)
            .collect::<String>();
        (visible(&line).into_owned(), column - skipped)
    }

    fn mark_length(&self, line: &str, column: usize) -> usize {
        let span = &self.text[self.span.start.min(self.text.len())..self.span.end.min(self.text.len())];
        let first_line = span.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let wanted = String::from_utf8_lossy(first_line).trim_end().chars().count();
        wanted.min((line.chars().count() + 1).saturating_sub(column)).max(1)
    }
}
