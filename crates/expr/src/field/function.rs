//! What values go through before they are compared.

use std::borrow::Cow;

use auditward_event::{MicroTime, date};

use crate::{Function, Item, Root, Scope, TimePart};

/// What a function does to how many values there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One in, at most one out.
    Each,
    /// All in, one out.
    All,
}

impl Function {
    pub(crate) const fn shape(&self) -> Shape {
        match self {
            Function::Count | Function::Join(_) => Shape::All,
            _ => Shape::Each,
        }
    }

    /// `None` where it fails on this value.
    pub(crate) fn apply<'a>(&self, item: Item<'a>) -> Option<Item<'a>> {
        Some(match self {
            Function::Lower => {
                Item::Text(with_case(item.into_text()?, u8::is_ascii_uppercase, str::make_ascii_lowercase))
            }
            Function::Upper => {
                Item::Text(with_case(item.into_text()?, u8::is_ascii_lowercase, str::make_ascii_uppercase))
            }
            Function::Base64 => {
                let bytes = base64(item.into_text()?.trim().as_bytes())?;
                let text = String::from_utf8(bytes)
                    .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
                Item::Text(Cow::Owned(text))
            }
            Function::Basename => {
                Item::Text(part(item.into_text()?, |text| text.rsplit('/').next().unwrap_or(text)))
            }
            Function::Length => Item::Number(item.text()?.len() as f64),
            Function::ImageRegistry => Item::Text(part(item.into_text()?, image_registry)),
            Function::ImageRepository => Item::Text(part(item.into_text()?, image_repository)),
            Function::TimePart(part) => Item::Number(time_part(*part, &item.into_text()?)?),
            // They are no business of one value; see [`each`].
            Function::Count | Function::Join(_) => item,
        })
    }
}

pub(crate) fn each<'a>(
    root: &Root,
    functions: &[Function],
    scope: Scope<'_, 'a>,
    found: &mut dyn FnMut(Item<'a>),
) {
    let Some(last) = functions.iter().rposition(|function| function.shape() == Shape::All) else {
        return match functions {
            [] => root.each_in(scope, found),
            _ => root.each_in(scope, &mut |item| {
                if let Some(item) = through(functions, item) {
                    found(item);
                }
            }),
        };
    };
    let (before, after) = (&functions[..last], &functions[last + 1..]);
    let item = match &functions[last] {
        Function::Join(separator) => {
            let mut text: Option<String> = None;
            each(root, before, scope, &mut |item| {
                let Some(next) = item.text() else { return };
                match &mut text {
                    Some(text) => {
                        text.push_str(separator);
                        text.push_str(&next);
                    }
                    None => text = Some(next.into_owned()),
                }
            });
            match text {
                Some(text) => Item::Text(Cow::Owned(text)),
                None => return,
            }
        }
        _ => {
            let mut count = 0_u32;
            each(root, before, scope, &mut |_| count = count.saturating_add(1));
            Item::Number(f64::from(count))
        }
    };
    if let Some(item) = through(after, item) {
        found(item);
    }
}

pub(crate) fn through<'a>(functions: &[Function], item: Item<'a>) -> Option<Item<'a>> {
    functions.iter().try_fold(item, |item, function| function.apply(item))
}

fn with_case(text: Cow<'_, str>, wrong: fn(&u8) -> bool, right: fn(&mut str)) -> Cow<'_, str> {
    if !text.as_bytes().iter().any(wrong) {
        return text;
    }
    let mut owned = text.into_owned();
    right(&mut owned);
    Cow::Owned(owned)
}

/// A part of a text, borrowed as long as the text is.
fn part(text: Cow<'_, str>, part: impl Fn(&str) -> &str) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => {
            let found = part(text);
            // `part` gives a piece of its argument, or a constant.
            match text.find(found).and_then(|at| text.get(at..at + found.len())) {
                Some(piece) => Cow::Borrowed(piece),
                None => Cow::Owned(found.to_owned()),
            }
        }
        Cow::Owned(text) => Cow::Owned(part(&text).to_owned()),
    }
}

/// `docker.io` where none is named: the first part is a host only if it has a dot or a port, or is `localhost`.
fn image_registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

/// Without `@sha256:…` and, behind the last slash, without `:tag`.
fn image_repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let last = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[last..].find(':') {
        Some(colon) => &image[..last + colon],
        None => image,
    }
}

/// Standard or URL-safe alphabet; padding may be missing, line breaks are skipped.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    let mut ended = false;
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\r' | b'\n' => continue,
            b'=' => {
                ended = true;
                continue;
            }
            _ => return None,
        };
        if ended {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    // One character alone says less than a byte.
    (count < 6).then_some(out)
}

fn time_part(part: TimePart, text: &str) -> Option<f64> {
    let seconds = MicroTime::parse_rfc3339(text).ok()?.as_micros().div_euclid(1_000_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(days);
    let value = match part {
        TimePart::Minute => second / 60 % 60,
        TimePart::Hour => second / 3600,
        TimePart::Day => day,
        TimePart::Week => iso_week(days),
        TimePart::Month => month,
        TimePart::Year => year,
    };
    Some(value as f64)
}

/// The week's Thursday decides which year the week belongs to.
fn iso_week(days: i64) -> i64 {
    let thursday = days - (days + 3).rem_euclid(7) + 3;
    let (year, ..) = date(thursday);
    let mut first = thursday;
    while date(first - 7).0 == year {
        first -= 7;
    }
    (thursday - first) / 7 + 1
}
