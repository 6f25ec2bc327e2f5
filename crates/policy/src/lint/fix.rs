//! Making the changes that findings offer.

use super::{Edit, LintFinding, lint};
use crate::read;

/// How often the text is looked at again: a change can make another one possible, as a rule that gets nothing any
/// more.
const ROUNDS_MAX: usize = 8;

/// A text after its safe fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The text.
    pub text: Vec<u8>,
    /// What was done, in order.
    pub done: Vec<String>,
}

/// Makes the safe changes that `findings`, all of them about `text`, offer; every other byte stays.
///
/// Where two changes overlap the first is made. What comes out is accepted whenever `text` is: should the changes spoil
/// it together, only the first is made.
pub fn fix(text: &[u8], findings: &[LintFinding]) -> Vec<u8> {
    once(text, findings).text
}

/// Makes all safe changes, and those that they make possible, until none is left. Making them again changes nothing.
pub fn fix_all(text: &[u8]) -> Fixed {
    let mut fixed = Fixed { text: text.to_vec(), done: Vec::new() };
    for _ in 0..ROUNDS_MAX {
        let findings = lint(&fixed.text, &read::read(&fixed.text));
        let next = once(&fixed.text, &findings);
        if next.done.is_empty() {
            break;
        }
        fixed.text = next.text;
        fixed.done.extend(next.done);
    }
    fixed
}

fn once(text: &[u8], findings: &[LintFinding]) -> Fixed {
    let mut chosen: Vec<&[Edit]> = Vec::new();
    let mut done = Vec::new();
    for fix in findings.iter().filter_map(|finding| finding.fix.as_ref()).filter(|fix| fix.safe) {
        let edits = fix.edits.as_slice();
        // Several findings may offer one and the same change.
        if chosen.contains(&edits) || chosen.iter().any(|other| overlap(other, edits)) {
            continue;
        }
        chosen.push(edits);
        done.push(fix.description.clone());
    }
    let all = apply(text, chosen.concat());
    if chosen.len() <= 1 || read::read(&all).policy.is_some() {
        return Fixed { text: all, done };
    }
    // Each is right by itself, but not all of them together: then only the first, and the rest another time.
    done.truncate(1);
    Fixed { text: apply(text, chosen[0].to_vec()), done }
}

/// Whether two changes touch the same bytes. Two insertions at one place do not.
fn overlap(a: &[Edit], b: &[Edit]) -> bool {
    a.iter().any(|a| b.iter().any(|b| a.span.start < b.span.end && b.span.start < a.span.end))
}

/// The text with these edits, which do not overlap; insertions at one place come in the order given.
pub(super) fn apply(text: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut out = Vec::with_capacity(text.len() + 256);
    let mut from = 0;
    for edit in edits {
        let (start, end) = (edit.span.start.clamp(from, text.len()), edit.span.end.clamp(from, text.len()));
        out.extend_from_slice(&text[from..start]);
        out.extend_from_slice(edit.replacement.as_bytes());
        from = end;
    }
    out.extend_from_slice(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: usize, end: usize, replacement: &str) -> Edit {
        Edit { span: start..end, replacement: replacement.to_owned() }
    }

    #[test]
    fn edits_keep_all_other_bytes() {
        let edits = vec![edit(4, 6, ""), edit(0, 0, "x"), edit(0, 0, "y"), edit(6, 6, "z")];
        assert_eq!(apply(b"0123456789", edits), b"xy0123z6789");
        assert_eq!(apply(b"01", vec![edit(1, 99, "!")]), b"0!");
    }

    #[test]
    fn only_shared_bytes_overlap() {
        assert!(overlap(&[edit(1, 4, "")], &[edit(3, 5, "")]));
        assert!(overlap(&[edit(1, 4, "")], &[edit(2, 2, "x")]));
        assert!(!overlap(&[edit(1, 4, "")], &[edit(4, 4, "x")]));
        assert!(!overlap(&[edit(1, 1, "a")], &[edit(1, 1, "b")]));
    }
}
