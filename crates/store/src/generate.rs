//! As many events as one likes that look like those of a log: for benches and for tests of size.
//!
//! The log is told again and again, each time with other ids, times, users and names:
//!
//! ```text
//! "auditID":"5b7ffba9-…"   another one each time, the same for all events of a request
//! "uid":"171ca038-…"       another one every few times
//! "…T21:01:14.542686Z"     later each time by as long as the log is
//! "shop", "kubernetes-…"   one of some dozen, so that a query finds some of them
//! ```
//! The same seed gives the same events.

use auditward_event::{EventView, MicroTime};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Its number, from zero.
    pub position: u64,
    /// When it happened.
    pub time: MicroTime,
    /// Its JSON text.
    pub event: Vec<u8>,
}

/// Tells a log again and again. An iterator without an end, unless the log is empty.
#[derive(Clone, Debug)]
pub struct Generator {
    seed: u64,
    templates: Vec<Template>,
    /// How much later it is each time.
    span: i64,
    position: u64,
}

/// What stands for another word each time.
const WORDS: &[(&str, &[&str])] = &[
    ("shop", &["shop", "web", "api", "billing", "search", "stock", "mail", "login", "orders", "reports"]),
    ("victim", &["staging", "dev", "tools", "batch"]),
    ("kubernetes-super-admin", &["kubernetes-super-admin", "alice", "bob", "carol", "dave", "erin", "frank"]),
];
/// Other ids than that of the request change that much less often.
const EPOCH_ROUNDS: u64 = 16;

#[derive(Clone, Debug)]
struct Template {
    pieces: Vec<Piece>,
    /// When the event happened in the log.
    time: i64,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Vec<u8>),
    /// The id of a request, folded.
    Request(u64),
    /// Any other id, folded.
    Id(u64),
    /// With six digits after the point.
    Time(i64),
    /// With none.
    Seconds(i64),
    /// One of [`WORDS`].
    Word(usize),
}

impl Generator {
    /// `log` are the events to be told; what is no event is left out.
    pub fn new<'l>(log: impl IntoIterator<Item = &'l [u8]>, seed: u64) -> Self {
        let mut templates: Vec<Template> = log.into_iter().filter_map(Template::of).collect();
        templates.sort_by_key(|template| template.time);
        let first = templates.first().map_or(0, |template| template.time);
        let last = templates.last().map_or(0, |template| template.time);
        Generator { seed, templates, span: (last - first).max(1_000_000) + 1_000_000, position: 0 }
    }
}

impl Iterator for Generator {
    type Item = Generated;

    fn next(&mut self) -> Option<Generated> {
        let count = self.templates.len() as u64;
        let place = usize::try_from(self.position.checked_rem(count)?).ok()?;
        let round = self.position / count;
        let template = self.templates.get(place)?;
        let later = i64::try_from(round).unwrap_or(i64::MAX).saturating_mul(self.span);
        let position = self.position;
        self.position += 1;
        let mut event = Vec::new();
        for piece in &template.pieces {
            piece.write(self.seed, round, later, &mut event);
        }
        Some(Generated { position, time: MicroTime::from_micros(template.time.saturating_add(later)), event })
    }
}

impl Template {
    fn of(event: &[u8]) -> Option<Self> {
        let view = EventView::parse(event).ok()?;
        let text = std::str::from_utf8(view.as_bytes()).ok()?;
        let time = view.stage_time()?.as_micros();
        let request = view.audit_id();
        let mut pieces = Vec::new();
        let mut plain = 0;
        let mut at = 0;
        while at < text.len() {
            let rest = text.get(at..).unwrap_or_default();
            match Piece::at(rest, &request) {
                Some((piece, length)) => {
                    pieces.push(Piece::Text(text.get(plain..at).unwrap_or_default().into()));
                    pieces.push(piece);
                    at += length;
                    plain = at;
                }
                None => at += rest.chars().next().map_or(1, char::len_utf8),
            }
        }
        pieces.push(Piece::Text(text.get(plain..).unwrap_or_default().into()));
        Some(Template { pieces, time })
    }
}

impl Piece {
    /// What changes and begins here, and how long it is.
    fn at(text: &str, request: &str) -> Option<(Self, usize)> {
        const ID: usize = 36;
        const TIME: usize = 27;
        const SECONDS: usize = 20;
        match text.as_bytes().first()? {
            b'0'..=b'9' | b'a'..=b'f' => {
                if let Some(id) = text.get(..ID).filter(|id| is_id(id)) {
                    let folded = fold(id);
                    return Some((
                        if id == request { Piece::Request(folded) } else { Piece::Id(folded) },
                        ID,
                    ));
                }
            }
            _ => {}
        }
        let time = |length| {
            let text = text.get(..length).filter(|text| text.ends_with('Z'))?;
            MicroTime::parse_rfc3339(text).ok().map(MicroTime::as_micros)
        };
        if text.as_bytes().get(4) == Some(&b'-') {
            if let Some(time) = time(TIME) {
                return Some((Piece::Time(time), TIME));
            }
            if let Some(time) = time(SECONDS) {
                return Some((Piece::Seconds(time), SECONDS));
            }
        }
        let word = WORDS.iter().position(|(word, _)| text.starts_with(word))?;
        Some((Piece::Word(word), WORDS.get(word)?.0.len()))
    }

    fn write(&self, seed: u64, round: u64, later: i64, out: &mut Vec<u8>) {
        match self {
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Request(id) => write_id(mix(seed ^ mix(round) ^ *id), out),
            Piece::Id(id) => write_id(mix(seed ^ mix(round / EPOCH_ROUNDS) ^ *id), out),
            Piece::Time(time) => {
                let time = MicroTime::from_micros(time.saturating_add(later)).to_string();
                out.extend_from_slice(time.as_bytes());
            }
            Piece::Seconds(time) => {
                let time = MicroTime::from_micros(time.saturating_add(later)).to_string();
                out.extend_from_slice(time.get(..19).unwrap_or_default().as_bytes());
                out.push(b'Z');
            }
            Piece::Word(word) => {
                let Some((_, words)) = WORDS.get(*word) else { return };
                let place = mix(seed ^ mix(round) ^ *word as u64) % words.len() as u64;
                let word = usize::try_from(place).ok().and_then(|place| words.get(place));
                out.extend_from_slice(word.map_or(b"", |word| word.as_bytes()));
            }
        }
    }
}

/// Hexadecimal digits in groups of 8, 4, 4, 4 and 12.
fn is_id(text: &str) -> bool {
    text.bytes().enumerate().all(|(place, byte)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
    })
}

fn write_id(number: u64, out: &mut Vec<u8>) {
    let low = mix(number);
    let text = format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        number >> 32,
        number >> 16 & 0xffff,
        number & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    );
    out.extend_from_slice(text.as_bytes());
}

fn fold(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |all, byte| (all ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// `splitmix64`'s last step: every bit of the result hangs on every bit of the number.
const fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_time_it_is_another_story_with_the_same_plot() {
        let first = br#"{"auditID":"5b7ffba9-fe1e-418d-afe9-529f28e416d9","verb":"get","uid":"171ca038-b8c5-4b5b-8b6e-efc90e9637b7","at":"2026-11-23T21:01:14Z","ns":"shop","stageTimestamp":"2026-11-23T21:01:14.542686Z"}"#;
        let second = br#"{"auditID":"5b7ffba9-fe1e-418d-afe9-529f28e416d9","stageTimestamp":"2026-11-23T21:01:16.542686Z"}"#;
        let make = || Generator::new([second.as_slice(), first, b"no event"], 1);
        let events: Vec<Generated> = make().take(40).collect();
        assert_eq!(events, make().take(40).collect::<Vec<_>>());
        let mut ids = BTreeSet::new();
        let mut last = i64::MIN;
        for pair in events.chunks(2) {
            let [first, second] = pair else { panic!("an odd number") };
            let views = [EventView::parse(&first.event).unwrap(), EventView::parse(&second.event).unwrap()];
            assert_eq!(views[0].audit_id(), views[1].audit_id());
            assert!(is_id(&views[0].audit_id()));
            assert!(ids.insert(views[0].audit_id().into_owned()));
            assert_eq!(views[0].stage_time(), Some(first.time));
            assert!(last < first.time.as_micros());
            last = second.time.as_micros();
            assert!(WORDS[0].1.contains(&&*views[0].get("ns").unwrap().as_str().unwrap()));
        }
        assert!(Generator::new([], 1).next().is_none());
    }
}
