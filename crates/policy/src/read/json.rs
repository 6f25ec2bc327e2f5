//! JSON with positions, as Go's `encoding/json` reads it.
//!
//! Written here because no kept JSON reader tells both where a key stands and that it was set twice. Lone
//! surrogates and invalid UTF-8 become U+FFFD, as in Go.

use super::source::Span;
use super::tree::{DEPTH_MAX, Doubled, Duplicate, Entry, Node, SyntaxError, Tree, Value, unique};

/// Reads one JSON value that fills the whole text.
pub(super) fn parse(text: &[u8]) -> Result<Tree, SyntaxError> {
    let mut parser = Parser { text, at: 0, duplicates: Vec::new() };
    let root = parser.value(0)?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.unexpected("after the end of the JSON value"));
    }
    Ok(Tree { root, duplicates: parser.duplicates })
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    duplicates: Vec<Duplicate>,
}

type Result<T, E = SyntaxError> = std::result::Result<T, E>;

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Result<Node> {
        if depth > DEPTH_MAX {
            return Err(SyntaxError::new(self.at, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        self.skip_space();
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("where a value should begin")),
        };
        Ok(Node { value, span: start..self.at })
    }

    fn map(&mut self, depth: usize) -> Result<Value> {
        self.at += 1;
        let mut entries = Vec::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Map(entries));
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("where a key in double quotes should begin"));
            }
            let key = self.string()?;
            let key_span: Span = start..self.at;
            self.skip_space();
            if !self.take(b':') {
                return Err(self.unexpected("after a key, expected `:`"));
            }
            let node = self.value(depth + 1)?;
            entries.push(Entry { key, key_span, node });
            self.skip_space();
            if self.take(b'}') {
                return Ok(Value::Map(unique(entries, Doubled::Mixed, &mut self.duplicates)));
            }
            if !self.take(b',') {
                return Err(self.unexpected("after a value, expected `,` or `}`"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value> {
        self.at += 1;
        let mut nodes = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::List(nodes));
        }
        loop {
            nodes.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Value::List(nodes));
            }
            if !self.take(b',') {
                return Err(self.unexpected("after a list entry, expected `,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Result<String> {
        let start = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            match self.peek() {
                None => return Err(SyntaxError::new(start, "this string is never closed")),
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut bytes)?,
                Some(..0x20) => {
                    return Err(self.unexpected("in a string; write it as an escape such as `\\n`"));
                }
                Some(byte) => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        let plain = match self.text.get(self.at + 1) {
            Some(b'u') => return self.unicode_escape(bytes),
            Some(quoted @ (b'"' | b'\\' | b'/')) => *quoted,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            _ => return Err(SyntaxError::new(self.at, "unknown escape in a string")),
        };
        bytes.push(plain);
        self.at += 2;
        Ok(())
    }

    fn unicode_escape(&mut self, bytes: &mut Vec<u8>) -> Result<()> {
        let unit = self
            .hex_unit(self.at)
            .ok_or_else(|| SyntaxError::new(self.at, "`\\u` needs four hexadecimal digits"))?;
        self.at += 6;
        let low = (0xd800..0xdc00).contains(&unit).then(|| self.hex_unit(self.at)).flatten();
        let c = match low {
            Some(low @ 0xdc00..0xe000) => {
                self.at += 6;
                char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
            }
            _ => char::from_u32(unit),
        };
        bytes.extend_from_slice(c.unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// The value of the `\uXXXX` at `at`.
    fn hex_unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
    }

    fn number(&mut self) -> Result<String> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return Err(self.unexpected("in a number"));
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(self.unexpected("after the decimal point of a number"));
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return Err(self.unexpected("in the exponent of a number"));
            }
        }
        Ok(String::from_utf8_lossy(&self.text[start..self.at]).into_owned())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value> {
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return Err(self.unexpected(&format!("where `{word}` was begun")));
        }
        self.at += word.len();
        Ok(value)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn unexpected(&self, place: &str) -> SyntaxError {
        let what = match self.peek() {
            None => "unexpected end of the file".to_owned(),
            Some(byte) if byte.is_ascii_graphic() => format!("unexpected `{}`", char::from(byte)),
            Some(byte) => format!("unexpected byte 0x{byte:02x}"),
        };
        SyntaxError::new(self.at, format!("{what} {place}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let read = parse(text.as_bytes()).ok().map(|tree| match tree.root.value {
            Value::String(s) | Value::Number(s) => s,
            other => format!("{other:?}"),
        });
        assert_eq!(read.as_deref(), expected, "{text:?}");
    }

    #[test]
    fn strings_as_go_reads_them() {
        check(r#""a\u003cb\/\n""#, Some("a<b/\n"));
        check(r#""\ud83d\ude00""#, Some("😀"));
        check(r#""\ud83d""#, Some("\u{fffd}"));
        check(r#""\ud83dx""#, Some("\u{fffd}x"));
        check(r#""\q""#, None);
        check("\"a\nb\"", None);
        check("\"a", None);
    }

    #[test]
    fn numbers_as_json_allows_them() {
        check("-1.5e+3", Some("-1.5e+3"));
        check("01", None);
        check("1.", None);
        check("+1", None);
        check(".5", None);
    }

    #[test]
    fn nothing_may_follow() {
        check("1 2", None);
        check("", None);
    }

    #[test]
    fn a_doubled_key_is_decoded_into_what_is_there_and_both_are_told() {
        let tree = parse(br#"{"a":1,"a":2}"#).unwrap();
        assert_eq!(tree.root.get("a").unwrap().value, Value::Number("2".into()));
        assert_eq!(tree.duplicates, [Duplicate { key: "a".into(), first: 1..4, again: 7..10 }]);
    }

    #[test]
    fn null_changes_nothing_and_lists_are_joined_entry_by_entry() {
        let get = |text: &[u8]| parse(text).unwrap().root.get("a").unwrap().clone();
        assert_eq!(get(br#"{"a":1,"a":null}"#).value, Value::Number("1".into()));
        let rules = get(br#"{"a":[{"x":1},{"x":2}],"a":[{"y":3}]}"#);
        let Value::List(rules) = rules.value else { panic!("a list") };
        assert_eq!(rules.len(), 1);
        assert_eq!(rules[0].get("x").unwrap().value, Value::Number("1".into()));
        assert_eq!(rules[0].get("y").unwrap().value, Value::Number("3".into()));
    }

    #[test]
    fn depth_is_bounded() {
        assert!(parse("[".repeat(100_000).as_bytes()).unwrap_err().message.contains("nested deeper"));
    }
}
