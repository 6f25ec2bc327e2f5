//! Rows as a table, made of comma-separated values: what a server and a folder both write, with the columns in order.

use std::io::{self, Write};

use crate::output::visible;

/// Collects comma-separated values and prints them as a table.
#[derive(Debug, Default)]
pub(crate) struct CsvTable {
    text: Vec<u8>,
    /// More came than a table shows.
    full: bool,
}

/// A table is for people.
const BYTES_MAX: usize = 32 << 20;
/// A cell is cut beyond so many characters.
const CELL_MAX: usize = 120;

impl Write for CsvTable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() + bytes.len() > BYTES_MAX {
            self.full = true;
            return Err(io::Error::other("the table is full"));
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl CsvTable {
    /// Whether there was more than a table shows.
    pub(crate) const fn is_full(&self) -> bool {
        self.full
    }

    /// The table, and how many rows it has.
    pub(crate) fn render(&self) -> (String, usize) {
        let rows = parse(&String::from_utf8_lossy(&self.text));
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        let mut widths = vec![0; columns];
        let mut numbers = vec![true; columns];
        for (i, row) in rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                widths[column] = widths[column].max(cell.chars().count());
                numbers[column] &= i == 0 || cell.is_empty() || cell.parse::<f64>().is_ok();
            }
        }
        let mut out = String::new();
        for (i, row) in rows.iter().enumerate() {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let cell = if i == 0 { cell.to_uppercase() } else { cell.clone() };
                let padding = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
                line += &if numbers[column] {
                    format!("{padding}{cell}  ")
                } else {
                    format!("{cell}{padding}  ")
                };
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        (out, rows.len().saturating_sub(1))
    }
}

/// RFC 4180.
fn parse(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut cell = String::new();
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(shown(&std::mem::take(&mut cell))),
            '\n' if !quoted => {
                row.push(shown(&std::mem::take(&mut cell)));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            other => cell.push(other),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(shown(&cell));
        rows.push(row);
    }
    rows
}

fn shown(cell: &str) -> String {
    let cell = visible(cell);
    match cell.char_indices().nth(CELL_MAX) {
        Some((at, _)) => format!("{}…", &cell[..at]),
        None => cell.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_columns() {
        let mut table = CsvTable::default();
        table.write_all(b"user,n\nalice,12\n\"a \"\"b\"\", c\",3\n,1\n\"two\nlines\",0\n").unwrap();
        let (text, rows) = table.render();
        assert_eq!(rows, 4);
        expect_test::expect![[r#"
            USER        N
            alice      12
            a "b", c    3
                        1
            two�lines   0
        "#]]
        .assert_eq(&text);
    }
}
