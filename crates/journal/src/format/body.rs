//! What is in a frame: checkpoints, the clusters' names, then events.

use std::ops::Range;

use super::bytes::Bytes;
use crate::append::{Checkpoint, Entry, Key, NAME_BYTES_MAX, VALUE_BYTES_MAX};

/// Something that is remembered by name, the newest of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// Where a source is.
    Source(Checkpoint),
    /// A reader needs nothing before that position.
    Reader(String, u64),
    /// There is no such reader any more.
    Gone(String),
}

impl Note {
    /// The reader that it tells of.
    pub(crate) fn reader(&self) -> Option<&str> {
        match self {
            Self::Source(_) => None,
            Self::Reader(name, _) | Self::Gone(name) => Some(name),
        }
    }
}

/// A body that was read, and where things are in it.
#[derive(Debug)]
pub(crate) struct Body {
    text: Vec<u8>,
    pub(crate) notes: Vec<Note>,
    clusters: Vec<String>,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    key: Key,
    cluster: usize,
    event: Range<usize>,
}

/// Writes a body. Names and values must be within their bounds.
pub(crate) fn write(notes: &[Note], entries: &[Entry<'_>]) -> Vec<u8> {
    let events: usize = entries.iter().map(|entry| entry.event.len() + 24).sum();
    let mut text = Vec::with_capacity(events + 64 + notes.len() * 64);
    put_u32(&mut text, notes.len());
    for note in notes {
        let (kind, name, value): (u8, &str, &[u8]) = match note {
            Note::Source(Checkpoint { source, value }) => (0, source, value),
            Note::Reader(name, position) => (1, name, &position.to_le_bytes()),
            Note::Gone(name) => (2, name, &[]),
        };
        text.push(kind);
        put_name(&mut text, name);
        put_u32(&mut text, value.len());
        text.extend_from_slice(value);
    }
    // Nearly always one, so looking through them is the fastest.
    let mut clusters: Vec<&str> = Vec::new();
    let mut last = 0;
    let mut numbers = Vec::with_capacity(entries.len());
    for entry in entries {
        if clusters.get(last) != Some(&entry.cluster) {
            last = clusters.iter().position(|known| *known == entry.cluster).unwrap_or_else(|| {
                clusters.push(entry.cluster);
                clusters.len() - 1
            });
        }
        numbers.push(last);
    }
    put_u32(&mut text, clusters.len());
    for cluster in &clusters {
        put_name(&mut text, cluster);
    }
    for (entry, number) in entries.iter().zip(numbers) {
        text.extend_from_slice(&entry.key);
        put_u32(&mut text, number);
        put_u32(&mut text, entry.event.len());
        text.extend_from_slice(entry.event);
    }
    text
}

impl Body {
    /// Nothing if it is not what [`write`] writes.
    pub(crate) fn read(text: Vec<u8>, count: u32) -> Option<Self> {
        let mut bytes = Bytes(&text);
        let mut notes = Vec::new();
        for _ in 0..bytes.u32()? {
            let (kind, name) = (bytes.u8()?, bytes.name()?.to_owned());
            let length = bytes.u32()? as usize;
            let mut value = Bytes(bytes.take(length).filter(|value| value.len() <= VALUE_BYTES_MAX)?);
            notes.push(match kind {
                0 => Note::Source(Checkpoint { source: name, value: value.0.to_vec() }),
                1 => Note::Reader(name, value.u64()?),
                2 => Note::Gone(name),
                _ => return None,
            });
        }
        let mut clusters = Vec::new();
        for _ in 0..bytes.u32()? {
            clusters.push(bytes.name()?.to_owned());
        }
        let mut places = Vec::new();
        for _ in 0..count {
            let key = bytes.array()?;
            let cluster = bytes.u32()? as usize;
            let length = bytes.u32()? as usize;
            let start = text.len() - bytes.0.len();
            bytes.take(length)?;
            clusters.get(cluster)?;
            places.push(Place { key, cluster, event: start..start + length });
        }
        bytes.0.is_empty().then_some(())?;
        Some(Self { text, notes, clusters, places })
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.places.iter().map(|place| &place.key)
    }

    pub(crate) fn entry(&self, index: usize) -> Option<Entry<'_>> {
        let place = self.places.get(index)?;
        let event = self.text.get(place.event.clone())?;
        Some(Entry { cluster: self.clusters.get(place.cluster)?, key: place.key, event })
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }
}

/// Lengths are within their bounds, or nothing was written.
fn put_u32(text: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    text.extend_from_slice(&number.to_le_bytes());
}

fn put_name(text: &mut Vec<u8>, name: &str) {
    let length = u16::try_from(name.len().min(NAME_BYTES_MAX)).unwrap_or(u16::MAX);
    text.extend_from_slice(&length.to_le_bytes());
    text.extend_from_slice(&name.as_bytes()[..usize::from(length)]);
}

#[cfg(test)]
mod tests {
    use auditward_base::disk::faulty::Dice;

    use super::*;

    fn sample() -> Vec<u8> {
        let notes = [
            Note::Source(Checkpoint { source: "log".into(), value: b"at 7".to_vec() }),
            Note::Reader("store".into(), 90),
            Note::Gone("old".into()),
        ];
        let entry = |cluster, key, event| Entry { cluster, key: [key; 16], event };
        let entries = [entry("a", 1, &b"{}"[..]), entry("b", 2, b""), entry("a", 3, b"{\"x\":1}")];
        write(&notes, &entries)
    }

    #[test]
    fn read_as_written() {
        let body = Body::read(sample(), 3).unwrap();
        assert_eq!(body.notes.len(), 3);
        assert_eq!(body.notes[1], Note::Reader("store".into(), 90));
        let all: Vec<_> = (0..3).map(|index| body.entry(index).unwrap()).collect();
        assert_eq!(all.iter().map(|entry| entry.cluster).collect::<String>(), "aba");
        assert_eq!(all[2].event, b"{\"x\":1}");
        assert_eq!(all[1].key, [2; 16]);
        assert!(body.entry(3).is_none());
    }

    #[test]
    fn never_more_or_less_than_was_written() {
        let text = sample();
        for cut in 0..text.len() {
            assert!(Body::read(text[..cut].to_vec(), 3).is_none(), "{cut}");
        }
        assert!(Body::read(text.clone(), 2).is_none());
        assert!(Body::read(text.clone(), 4).is_none());
        assert!(Body::read([&text[..], b"x"].concat(), 3).is_none());
    }

    #[test]
    fn whatever_has_a_right_sum_is_read_or_refused() {
        let mut dice = Dice::new(1);
        for _ in 0..20_000 {
            let mut text = sample();
            for _ in 0..=dice.below(4) {
                let at = dice.index(text.len());
                text[at] = dice.roll().to_le_bytes()[0];
            }
            text.truncate(text.len() - dice.index(4));
            if let Some(body) = Body::read(text, 3) {
                assert!((0..body.len()).all(|index| body.entry(index).is_some()));
            }
        }
    }
}
