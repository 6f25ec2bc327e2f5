//! Tables for people: columns padded with spaces, numbers to the right, no frames, so that they can be cut and
//! pasted.

use anstyle::Style;

use crate::output::visible;

/// Which side of its column a cell keeps to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows under headings.
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: impl IntoIterator<Item = (&'static str, Align)>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| visible(&cell).into_owned()).collect());
    }

    /// One line a row, each with its line break.
    pub(crate) fn render(&self, colour: bool) -> String {
        const HEAD: Style = Style::new().bold();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.chain([self.columns[column].0.chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for ((cell, width), (_, align)) in cells.zip(&widths).zip(&self.columns) {
                let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
                line += &match align {
                    Align::Left => format!("{cell}{padding}  "),
                    Align::Right => format!("{padding}{cell}  "),
                };
            }
            line.trim_end().to_owned()
        };
        let head = line(&mut self.columns.iter().map(|(name, _)| *name));
        let mut out = if colour { format!("{HEAD}{head}{HEAD:#}\n") } else { format!("{head}\n") };
        for row in &self.rows {
            out += &line(&mut row.iter().map(String::as_str));
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let mut table = Table::new([("RULE", Align::Right), ("WHAT", Align::Left), ("BYTES", Align::Right)]);
        table.row(["1".into(), "häufig".into(), "12 kB".into()]);
        table.row(["10".into(), String::new(), "3 B".into()]);
        expect![[r"
            RULE  WHAT    BYTES
               1  häufig  12 kB
              10            3 B
        "]]
        .assert_eq(&table.render(false));
    }
}
