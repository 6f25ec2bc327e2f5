//! What a YAML 1.1 scalar means, by the rules of the reader inside kube-apiserver (`goyaml.v2`).
//!
//! Timestamps stay strings there when they are read into JSON, so they are not looked for.

use super::Value;

const CORE: &str = "tag:yaml.org,2002:";

/// What `y`, `Y`, `n` and `N` alone are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::read) enum Letters {
    /// As in YAML 1.1 and for kube-apiserver.
    Booleans,
    /// As in YAML 1.2 and for `PyYAML`.
    Texts,
}

/// The value of a scalar with this tag; `plain` when it stood without quotes and without a tag.
pub(super) fn resolve(
    tag: Option<&str>,
    plain: bool,
    text: String,
    letters: Letters,
) -> Result<Value, String> {
    let Some(tag) = tag else {
        return match plain {
            true if is_no_json_number(&text) => {
                Err(format!("`{text}` cannot be said in JSON, which this is turned into"))
            }
            true => Ok(untagged(text, letters)),
            false => Ok(Value::String(text)),
        };
    };
    match tag.strip_prefix(CORE) {
        Some("str" | "timestamp") => Ok(Value::String(text)),
        Some("binary") => base64(&text).map(Value::String),
        Some(kind @ ("null" | "bool" | "int" | "float")) => {
            let value = untagged(text, letters);
            let fits = match &value {
                Value::Null => kind == "null",
                Value::Bool(_) => kind == "bool",
                Value::Number(number) => kind == "float" || (kind == "int" && is_integer(number)),
                _ => false,
            };
            if fits {
                Ok(value)
            } else {
                Err(format!("this cannot be read as the `!!{kind}` that its tag says"))
            }
        }
        // A tag of somebody's own says nothing here.
        _ => Ok(Value::String(text)),
    }
}

/// The words for infinity and for no number: JSON has none, so the reference fails on them.
fn is_no_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

fn untagged(text: String, letters: Letters) -> Value {
    match text.as_str() {
        "y" | "Y" | "n" | "N" if letters == Letters::Texts => return Value::String(text),
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    match text.as_bytes()[0] {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(&text).map_or(Value::String(text), Value::Number),
        _ => Value::String(text),
    }
}

/// The JSON spelling of an integer (decimal, `0x`, `0o`, `0b`, leading-zero octal) or a float.
fn number(text: &str) -> Option<String> {
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.as_bytes().first()? {
        b'-' => ("-", &plain[1..]),
        b'+' => ("", &plain[1..]),
        _ => ("", plain.as_str()),
    };
    let radix = |prefix: &str, radix| {
        let digits = digits.strip_prefix(prefix)?;
        let digits = (!digits.starts_with(['+', '-'])).then_some(digits)?;
        u64::from_str_radix(digits, radix).ok()
    };
    let integer = radix("0x", 16)
        .or_else(|| radix("0X", 16))
        .or_else(|| radix("0b", 2))
        .or_else(|| radix("0B", 2))
        .or_else(|| radix("0o", 8))
        .or_else(|| radix("0O", 8))
        .or_else(|| (digits.len() > 1).then(|| radix("0", 8)).flatten())
        .or_else(|| {
            let decimal = digits == "0" || digits.starts_with(|c: char| ('1'..='9').contains(&c));
            decimal.then(|| radix("", 10)).flatten()
        });
    if let Some(integer) = integer {
        return Some(format!("{sign}{integer}"));
    }
    is_float(digits).then(|| plain.parse::<f64>().ok()).flatten().filter(|float| float.is_finite()).map(
        |float| {
            if float.fract() == 0.0 && float.abs() < 1e15 {
                format!("{float:.0}")
            } else {
                format!("{float:e}")
            }
        },
    )
}

/// `[0-9]+(\.[0-9]*)?` or `\.[0-9]+`, then perhaps an exponent; the sign is off already.
fn is_float(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_is_right = match mantissa.split_once('.') {
        Some((whole, part)) => {
            all_digits(whole) && all_digits(part) && !(whole.is_empty() && part.is_empty())
        }
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let exponent_is_right = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    mantissa_is_right && exponent_is_right
}

fn is_integer(number: &str) -> bool {
    number.strip_prefix('-').unwrap_or(number).bytes().all(|byte| byte.is_ascii_digit())
}

fn base64(text: &str) -> Result<String, String> {
    let refused = || "a `!!binary` that is not base64".to_owned();
    let mut bytes = Vec::new();
    let clean: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    if !clean.len().is_multiple_of(4) {
        return Err(refused());
    }
    for (i, chunk) in clean.chunks(4).enumerate() {
        let last = (i + 1) * 4 == clean.len();
        let padding = chunk.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || (padding > 0 && !last) {
            return Err(refused());
        }
        let mut bits = 0u32;
        for byte in &chunk[..4 - padding] {
            let six = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return Err(refused()),
            };
            bits = bits << 6 | u32::from(six);
        }
        bits <<= 6 * padding;
        bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tag: Option<&str>, plain: bool, text: &str) -> Result<Value, String> {
        resolve(tag, plain, text.to_owned(), Letters::Booleans)
    }

    fn check(text: &str, expected: Value) {
        assert_eq!(read(None, true, text), Ok(expected), "{text}");
    }

    #[test]
    fn plain_scalars() {
        let string = |s: &str| Value::String(s.into());
        let number = |s: &str| Value::Number(s.into());
        check("", Value::Null);
        check("~", Value::Null);
        check("yes", Value::Bool(true));
        check("Off", Value::Bool(false));
        check("yEs", string("yEs"));
        check("get", string("get"));
        check("12", number("12"));
        check("-1_000", number("-1000"));
        check("0x1f", number("31"));
        check("017", number("15"));
        check("0o17", number("15"));
        check("0b11", number("3"));
        check("08", number("8"));
        check("1.5", number("1.5e0"));
        check(".5", number("5e-1"));
        check("1e3", number("1000"));
        check("+", string("+"));
        check("-", string("-"));
        check(".", string("."));
        check("2001-01-01", string("2001-01-01"));
        check("1.2.3.4", string("1.2.3.4"));
        check("0x", string("0x"));
    }

    #[test]
    fn infinity_is_refused() {
        for text in [".inf", "-.INF", "+.Inf", ".nan"] {
            assert!(read(None, true, text).is_err(), "{text}");
            assert!(read(None, false, text).is_ok(), "{text}");
        }
    }

    #[test]
    fn tags_and_quotes() {
        assert_eq!(read(None, false, "5"), Ok(Value::String("5".into())));
        assert_eq!(read(Some("tag:yaml.org,2002:str"), false, "5"), Ok(Value::String("5".into())));
        assert_eq!(read(Some("tag:yaml.org,2002:binary"), false, "Z2V0"), Ok(Value::String("get".into())));
        assert_eq!(read(Some("tag:yaml.org,2002:binary"), false, "Z2U="), Ok(Value::String("ge".into())));
        assert!(read(Some("tag:yaml.org,2002:binary"), false, "Z=U=").is_err());
        assert!(read(Some("tag:yaml.org,2002:int"), false, "x").is_err());
        assert_eq!(read(Some("!own"), false, "5"), Ok(Value::String("5".into())));
    }
}
