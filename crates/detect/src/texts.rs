//! What the fields of an event say, in one piece: most matches only wait, are counted and forgotten, and a piece of memory
//! for each word would cost more than all else.

use serde::{Deserialize, Serialize};

use crate::hit::shown;

/// For each field, its texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Vec<String>>", into = "Vec<Vec<String>>")]
pub(crate) struct Texts {
    /// All of them, one behind the other.
    all: String,
    /// Where each ends, with an [`END`] behind the last one of each field.
    ends: Vec<usize>,
}

/// No text ends here.
const END: usize = usize::MAX;

impl Texts {
    /// With room for that many fields that say one short thing each.
    pub(crate) fn with_capacity(fields: usize) -> Self {
        Texts { all: String::with_capacity(16 * fields), ends: Vec::with_capacity(2 * fields) }
    }

    /// One more text of the field at hand; longer ones than this many characters are cut.
    pub(crate) fn push(&mut self, text: &str, chars_max: usize) {
        let (shown, more) = shown(text, chars_max);
        self.all += shown;
        self.all += more;
        self.ends.push(self.all.len());
    }

    /// What follows is of the next field.
    pub(crate) fn next_field(&mut self) {
        self.ends.push(END);
    }

    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.all.len() + 8 * self.ends.len()
    }

    /// Field by field.
    pub(crate) fn fields(&self) -> Fields<'_> {
        let mut fields = Fields { texts: Vec::with_capacity(self.ends.len()), ends: Vec::new() };
        let mut start = 0;
        for end in &self.ends {
            if *end == END {
                fields.ends.push(fields.texts.len());
            } else {
                fields.texts.push(self.all.get(start..*end).unwrap_or_default());
                start = *end;
            }
        }
        fields
    }
}

/// [`Texts`] to be looked at.
#[derive(Debug)]
pub(crate) struct Fields<'t> {
    texts: Vec<&'t str>,
    /// By field, where its own end.
    ends: Vec<usize>,
}

impl<'t> Fields<'t> {
    /// What a field says, by its number; nothing if there is none.
    pub(crate) fn get(&self, field: usize) -> &[&'t str] {
        let end = |field: usize| self.ends.get(field).copied();
        let start = field.checked_sub(1).map_or(Some(0), end);
        let range = start.zip(end(field)).map(|(start, end)| start..end);
        range.and_then(|range| self.texts.get(range)).unwrap_or_default()
    }
}

impl From<Vec<Vec<String>>> for Texts {
    fn from(fields: Vec<Vec<String>>) -> Self {
        let mut texts = Texts::default();
        for field in fields {
            for text in &field {
                texts.push(text, usize::MAX);
            }
            texts.next_field();
        }
        texts
    }
}

impl From<Texts> for Vec<Vec<String>> {
    fn from(texts: Texts) -> Self {
        let fields = texts.fields();
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        (0..fields.ends.len()).map(|field| own(fields.get(field))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        for fields in [vec![], vec![vec![]], vec![vec!["a", ""], vec![], vec!["h\u{e9}"]]] {
            let fields: Vec<Vec<String>> =
                fields.iter().map(|field| field.iter().map(|text| (*text).to_owned()).collect()).collect();
            assert_eq!(Vec::from(Texts::from(fields.clone())), fields);
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let mut texts = Texts::with_capacity(1);
        texts.push("\u{e9}\u{e9}\u{e9}", 2);
        texts.next_field();
        assert_eq!(texts.fields().get(0), ["\u{e9}\u{e9}…"]);
        assert!(texts.fields().get(1).is_empty());
    }
}
