//! Condition texts: put together from pieces of several files, with lists filled in, and still knowing where each part
//! was written.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use auditward_policy::read::Span;

/// How long a condition may become once its lists are filled in.
const BYTES_MAX: usize = 1 << 20;

/// How many bytes may be written in filling in all lists of all conditions.
const WORK_MAX: usize = 512 << 20;

/// How many places of lists within lists are followed back; beyond, an error's column is that of the text it got.
const PLACES_MAX: usize = 1000;

/// A text and where it was written.
#[derive(Debug, Clone, Default)]
pub(super) struct Pieces {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
struct Piece {
    text: String,
    written: Written,
}

/// Where a text was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// Which file, counted from zero.
    pub(super) file: usize,
    pub(super) span: Span,
}

impl Pieces {
    pub(super) fn new(text: impl Into<String>, written: Written) -> Self {
        Pieces { pieces: vec![Piece { text: text.into(), written }] }
    }

    /// With more text behind this.
    pub(super) fn push(&mut self, text: &str, written: Written) {
        self.pieces.push(Piece { text: text.to_owned(), written });
    }

    /// With another one behind a blank, as `append` does.
    pub(super) fn append(&mut self, other: Pieces) {
        let before = other.pieces.first().map(|piece| piece.written.clone());
        if let Some(written) = before {
            self.push(" ", written);
        }
        self.pieces.extend(other.pieces);
    }

    /// With all of another one right behind this.
    pub(super) fn extend(&mut self, other: Pieces) {
        self.pieces.extend(other.pieces);
    }

    /// The whole text.
    pub(super) fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// Where its last piece was written.
    pub(super) fn last(&self) -> Written {
        self.pieces.last().map_or(Written { file: 0, span: 0..0 }, |piece| piece.written.clone())
    }

    /// The byte at `offset` of the text, in the file where it was written.
    pub(super) fn place(&self, mut offset: usize, files: &[(&str, &str)]) -> Written {
        for piece in &self.pieces {
            if offset <= piece.text.len() && !piece.text.is_empty() {
                return piece.place(offset, files);
            }
            offset -= piece.text.len().min(offset);
        }
        self.last()
    }
}

impl Piece {
    /// YAML folds lines and indents them: what the two texts have in common is the order of what is no blank.
    fn place(&self, offset: usize, files: &[(&str, &str)]) -> Written {
        let file = self.written.file;
        let source =
            files.get(file).and_then(|(_, text)| text.get(self.written.span.clone())).unwrap_or_default();
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let mut count = before.iter().filter(|byte| !byte.is_ascii_whitespace()).count();
        let header = match source.as_bytes().first() {
            Some(b'>' | b'|') => source.find('\n').unwrap_or(0),
            Some(b'"' | b'\'') => 1,
            _ => 0,
        };
        for (at, byte) in source.bytes().enumerate().skip(header) {
            if byte.is_ascii_whitespace() {
                continue;
            }
            if count == 0 {
                let at = self.written.span.start + at;
                return Written { file, span: at..at + 1 };
            }
            count -= 1;
        }
        self.written.clone()
    }
}

/// What a list's name stands for.
#[derive(Debug, Default)]
pub(super) struct Lists {
    by_name: HashMap<String, usize>,
    items: Vec<(String, Vec<String>)>,
    /// Bytes written so far.
    work: Cell<usize>,
}

/// A condition with its lists filled in.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) text: String,
    /// Which lists are in it.
    pub(super) used: BTreeSet<usize>,
    /// What was put in where: a stretch of the filled text, and the one of the text before that it stands for.
    replaced: Vec<(Range<usize>, Range<usize>)>,
}

impl Lists {
    /// In the order in which they are filled in. An item with a blank in it is quoted unless it is already.
    pub(super) fn new(lists: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        let items: Vec<(String, Vec<String>)> = lists.into_iter().collect();
        let by_name = items.iter().enumerate().map(|(i, (name, _))| (name.clone(), i)).collect();
        Lists { by_name, items, work: Cell::new(0) }
    }

    /// Fills in each list, one after the other, by its name as text: in quotes too, as upstream does. So an item that
    /// names a later list is filled in, and one that names an earlier list stays a text.
    /// Nothing, where that becomes too large.
    pub(super) fn fill(&self, text: &str) -> Option<Filled> {
        let mut filled = Filled { text: text.to_owned(), used: BTreeSet::new(), replaced: Vec::new() };
        let mut waiting: BTreeSet<usize> = self.named_in(text).collect();
        while let Some(list) = waiting.pop_first() {
            let (name, items) = &self.items[list];
            filled.replace(name, items)?;
            self.work.set(self.work.get() + filled.text.len());
            if self.work.get() > WORK_MAX {
                return None;
            }
            filled.used.insert(list);
            let named = items.iter().flat_map(|item| self.named_in(item));
            waiting.extend(named.filter(|&other| other > list));
        }
        Some(filled)
    }

    fn named_in<'s>(&'s self, text: &'s str) -> impl Iterator<Item = usize> + 's {
        text.split(is_boundary).filter_map(|word| self.by_name.get(word).copied())
    }
}

impl Filled {
    /// Replaces every occurrence of a name that stands alone. The blanks around it become one on each side; an empty
    /// list takes a comma with it.
    fn replace(&mut self, name: &str, items: &[String]) -> Option<()> {
        let items = items.join(", ");
        let mut out = String::with_capacity(self.text.len() + items.len());
        let mut replaced = Vec::new();
        let mut done = 0;
        let mut from = 0;
        while let Some(found) = self.text[from..].find(name) {
            let (mut start, mut end) = (from + found, from + found + name.len());
            from = end;
            let alone = self.text[..start].chars().next_back().is_none_or(is_boundary)
                && self.text[end..].chars().next().is_none_or(is_boundary);
            if !alone {
                continue;
            }
            start = done + self.text[done..start].trim_end_matches(BLANKS).len();
            end = self.text.len() - self.text[end..].trim_start_matches(BLANKS).len();
            if items.is_empty() {
                if self.text[done..start].ends_with(',') {
                    start -= 1;
                } else if self.text[end..].starts_with(',') {
                    end += 1;
                }
            }
            out.push_str(&self.text[done..start]);
            let at = out.len();
            out.push(' ');
            out.push_str(&items);
            out.push(' ');
            replaced.push((at..out.len(), start..end));
            done = end;
            from = end;
            if out.len() > BYTES_MAX {
                return None;
            }
        }
        out.push_str(&self.text[done..]);
        // Earlier stretches now stand elsewhere; that costs an error's column only, so only the last ones are kept when
        // lists name lists.
        self.replaced = if self.replaced.is_empty() { replaced } else { self.moved(&replaced) };
        self.text = out;
        (self.text.len() <= BYTES_MAX).then_some(())
    }

    /// All stretches in terms of the new text and of the first one.
    fn moved(&self, new: &[(Range<usize>, Range<usize>)]) -> Vec<(Range<usize>, Range<usize>)> {
        if self.replaced.len().max(new.len()) > PLACES_MAX {
            return Vec::new();
        }
        let forward = |offset: usize| {
            let mut shift = 0isize;
            for (after, before) in new {
                if before.end <= offset {
                    shift = after.end.cast_signed() - before.end.cast_signed();
                }
            }
            offset.saturating_add_signed(shift)
        };
        let mut all: Vec<_> =
            self.replaced.iter().map(|(at, was)| (forward(at.start)..forward(at.end), was.clone())).collect();
        all.extend(new.iter().map(|(at, was)| (at.clone(), self.origin(was.start)..self.origin(was.end))));
        all.sort_by_key(|(at, _)| at.start);
        all
    }

    /// The byte of the text before the lists that the one at `offset` comes from.
    pub(super) fn origin(&self, offset: usize) -> usize {
        let mut shift = 0isize;
        for (at, was) in &self.replaced {
            if at.contains(&offset) {
                return was.start;
            }
            if at.end <= offset {
                shift = was.end.cast_signed() - at.end.cast_signed();
            }
        }
        offset.saturating_add_signed(shift)
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

fn is_boundary(c: char) -> bool {
    BLANKS.contains(&c) || matches!(c, '(' | ')' | ',' | '=')
}

/// Quotes a text that has a blank in it, unless it begins with a quote.
pub(super) fn quoted(text: &str) -> String {
    if text.contains(' ') && !text.starts_with(['"', '\'']) { format!("\"{text}\"") } else { text.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests stop at surprises")]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let list = |name: &str, items: &[&str]| (name.to_owned(), items.iter().map(|i| quoted(i)).collect());
        let lists = Lists::new([
            list("none", &[]),
            list("two", &["a", "b c"]),
            list("nested", &["two", "later"]),
            list("later", &["x"]),
        ]);
        assert_eq!(lists.fill(text).unwrap().text, expected);
    }

    #[test]
    fn lists_are_filled_in_as_text() {
        check("f in (two)", "f in ( a, \"b c\" )");
        check("f in (two, z)", "f in ( a, \"b c\" , z)");
        check("f in (none, z)", "f in (   z)");
        check("f in (z, none)", "f in (z  )");
        check("f in (none)", "f in (  )");
        check("f in (twofold, x-two)", "f in (twofold, x-two)");
        check("f = \"is two or\"", "f = \"is a, \"b c\" or\"");
        check("f in (nested)", "f in ( two, x )");
        check("nobody knows", "nobody knows");
    }

    #[test]
    fn places_survive_filling_in() {
        let lists = Lists::new([
            ("l".to_owned(), vec!["aaaa".to_owned(), "m".to_owned()]),
            ("m".to_owned(), vec!["bb".to_owned()]),
        ]);
        let text = "f in (l) and g in (l) zz";
        let filled = lists.fill(text).unwrap();
        assert_eq!(filled.text, "f in ( aaaa, bb ) and g in ( aaaa, bb ) zz");
        assert_eq!(filled.origin(filled.text.find("zz").unwrap()), text.find("zz").unwrap());
        assert_eq!(filled.origin(filled.text.find('g').unwrap()), text.find('g').unwrap());
        assert_eq!(filled.origin(filled.text.find("bb").unwrap()), text.find('l').unwrap());
    }
}
