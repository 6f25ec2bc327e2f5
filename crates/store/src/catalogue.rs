//! Which files are the store: one small file, replaced as a whole.
//!
//! ```text
//! {"auditwardCatalogue":1,"position":…,"next_id":…,"segments":[ … ]}
//! sha256:…                                                            of the line before
//! ```
//! A file that is not in it is none of the store's, however whole it may be. So whatever changes the store writes its new
//! files first, then the catalogue, and only then removes what is in it no more; and since the journal's position stands in
//! the same file, a row is in a file or is read from the journal once more, never both and never neither.
//!
//! A catalogue that is damaged is made anew from what the files say of themselves: see [`Catalogue::from_files`].

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use auditward_base::Digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::segment::{Origin, SegmentMeta, SelfDescription};

/// The version that is written.
pub const VERSION: u64 = 1;

/// The catalogue's content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "auditwardCatalogue")]
    version: u64,
    /// All events before this position of the journal are in files, or have been removed as retention demands.
    pub position: u64,
    /// Greater than the id of any file that there ever was.
    pub next_id: u64,
    /// The files, by id.
    pub segments: Vec<SegmentMeta>,
}

/// Why a catalogue was not read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// Not what was written.
    #[error("it is damaged: its digest is not that of its text")]
    Damaged,
    /// The digest fits, the text does not.
    #[error("it is no catalogue")]
    Malformed(#[from] serde_json::Error),
    /// Of a later version.
    #[error("it has version {0}, and the newest that is known here is {VERSION}")]
    Version(u64),
}

#[derive(Deserialize)]
struct Header {
    #[serde(rename = "auditwardCatalogue")]
    version: u64,
}

impl Catalogue {
    /// Of a store that has everything before `position` in `segments`.
    pub fn new(position: u64, next_id: u64, segments: Vec<SegmentMeta>) -> Self {
        Catalogue { version: VERSION, position, next_id, segments }
    }

    /// As it stands in the file.
    pub fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = serde_json::to_vec(self)?;
        let digest = Digest::of(&text);
        text.extend_from_slice(format!("\n{digest}\n").as_bytes());
        Ok(text)
    }

    /// What [`Catalogue::write`] has written.
    pub fn read(bytes: &[u8]) -> Result<Self, CatalogueError> {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(CatalogueError::Damaged)?;
        let (text, digest) = bytes.split_at(end);
        let digest = std::str::from_utf8(digest).ok().and_then(|digest| digest.trim().parse().ok());
        if digest != Some(Digest::of(text)) {
            return Err(CatalogueError::Damaged);
        }
        let header: Header = serde_json::from_slice(text)?;
        if header.version != VERSION {
            return Err(CatalogueError::Version(header.version));
        }
        Ok(serde_json::from_slice(text)?)
    }

    /// Made anew from all whole files of the folder. What retention had removed and the disk had not is there again, until it
    /// is removed again.
    ///
    /// Left out is a file whose rows are in another one: because they were put together, or because they were sealed once more
    /// after a try whose catalogue was not written (`sealed_again`).
    ///
    /// The position is that of the last seal of which all files are there. Where of a later one a file is missing, the power
    /// went while it was being written, and the journal still has the missing rows; or retention took it, and rows may come
    /// that it takes again. Either way whoever reads on from the position passes over the rows of the others
    /// ([`Catalogue::beyond`]).
    pub fn from_files(files: Vec<(SegmentMeta, SelfDescription)>) -> Self {
        let there: BTreeSet<u64> = files.iter().map(|(meta, _)| meta.id).collect();
        let (mut next_id, mut position) = (0, 0);
        let mut left_out = sealed_again(&files);
        for (meta, itself) in &files {
            let (through, others, is_whole) = match &itself.origin {
                Origin::Seal { through, files } => {
                    (through, files, files.iter().all(|id| there.contains(id)))
                }
                // What was put together had been in a catalogue.
                Origin::Compaction { through, replaces } => {
                    left_out.extend(replaces);
                    (through, replaces, true)
                }
            };
            if is_whole {
                position = position.max(*through);
            }
            let last = others.iter().copied().max().unwrap_or_default().max(meta.id);
            next_id = next_id.max(last.saturating_add(1));
        }
        let kept = files.into_iter().map(|(meta, _)| meta).filter(|meta| !left_out.contains(&meta.id));
        let mut segments: Vec<SegmentMeta> = kept.collect();
        segments.sort_by_key(|segment| segment.id);
        Catalogue::new(position, next_id, segments)
    }

    /// By cluster: the position before which all its rows are in files, where that is beyond [`Catalogue::position`].
    pub fn beyond(&self) -> BTreeMap<String, u64> {
        let mut beyond = BTreeMap::new();
        for segment in self.segments.iter().filter(|segment| segment.position.1 >= self.position) {
            let position: &mut u64 = beyond.entry(segment.cluster.clone()).or_default();
            *position = segment.position.1.saturating_add(1).max(*position);
        }
        beyond
    }
}

/// Files whose rows a later seal has, too. A seal has all rows that were fresh, so it begins where the one that failed had begun;
/// otherwise what is sealed later comes behind what was sealed before.
fn sealed_again(files: &[(SegmentMeta, SelfDescription)]) -> BTreeSet<u64> {
    let seals = files.iter().filter(|(_, itself)| matches!(itself.origin, Origin::Seal { .. }));
    let mut seals: Vec<&SegmentMeta> = seals.map(|(meta, _)| meta).collect();
    seals.sort_by_key(|meta| Reverse(meta.id));
    let mut begins: BTreeMap<&str, u64> = BTreeMap::new();
    let mut again = BTreeSet::new();
    for meta in seals {
        let begin = begins.entry(&meta.cluster).or_insert(u64::MAX);
        if *begin <= meta.position.0 {
            again.insert(meta.id);
        }
        *begin = meta.position.0.min(*begin);
    }
    again
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(id: u64, origin: Origin) -> (SegmentMeta, SelfDescription) {
        let (cluster, rows, time, received, position) = ("c".to_owned(), 1, (0, 1), (0, 1), (id, id));
        let file = format!("{id}.parquet");
        let digest = Digest::of(b"").to_string();
        let itself = SelfDescription { id, cluster: cluster.clone(), rows, time, received, position, origin };
        (SegmentMeta { id, file, cluster, rows, bytes: 9, time, received, position, digest }, itself)
    }

    fn sealed(id: u64, through: u64, files: &[u64]) -> (SegmentMeta, SelfDescription) {
        segment(id, Origin::Seal { through, files: files.to_vec() })
    }

    fn compacted(id: u64, through: u64, replaces: &[u64]) -> (SegmentMeta, SelfDescription) {
        segment(id, Origin::Compaction { through, replaces: replaces.to_vec() })
    }

    fn check(files: Vec<(SegmentMeta, SelfDescription)>, position: u64, next_id: u64, ids: &[u64]) {
        let made = Catalogue::from_files(files);
        let found: Vec<u64> = made.segments.iter().map(|segment| segment.id).collect();
        assert_eq!((made.position, made.next_id, found.as_slice()), (position, next_id, ids));
    }

    #[test]
    fn a_lost_catalogue_is_made_anew() {
        check(vec![], 0, 0, &[]);
        check(vec![sealed(1, 20, &[1]), sealed(0, 10, &[0])], 20, 2, &[0, 1]);
        // The second seal is not whole.
        check(vec![sealed(0, 10, &[0]), sealed(1, 20, &[1, 2])], 10, 3, &[0, 1]);
        check(vec![sealed(1, 20, &[1, 2])], 0, 3, &[1]);
        check(vec![sealed(0, 10, &[0]), sealed(1, 20, &[1, 2]), sealed(2, 20, &[1, 2])], 20, 3, &[0, 1, 2]);
        // Whoever was put together is not there twice.
        check(vec![sealed(0, 10, &[0]), sealed(1, 20, &[1]), compacted(2, 20, &[0, 1])], 20, 3, &[2]);
        check(vec![sealed(1, 20, &[0, 1]), compacted(2, 20, &[0])], 20, 3, &[1, 2]);
        check(vec![sealed(1, 20, &[1]), compacted(2, 10, &[0])], 20, 3, &[1, 2]);
        // Nor is the third, and it does not make the second whole.
        check(vec![sealed(0, 10, &[0]), sealed(1, 20, &[1, 2]), sealed(3, 30, &[3, 4])], 10, 5, &[0, 1, 3]);
        // An older seal may lack a file: retention took it.
        check(vec![sealed(1, 20, &[0, 1]), sealed(2, 30, &[2])], 30, 3, &[1, 2]);
    }

    #[test]
    fn what_was_sealed_again_is_not_there_twice() {
        let mut first = sealed(1, 20, &[1]);
        let mut second = sealed(2, 30, &[2]);
        first.0.position = (10, 19);
        second.0.position = (10, 29);
        check(vec![sealed(0, 10, &[0]), first.clone(), second.clone()], 30, 3, &[0, 2]);
        second.0.cluster = "d".to_owned();
        check(vec![first, second], 30, 3, &[1, 2]);
    }

    #[test]
    fn rows_of_a_seal_that_is_not_whole_are_passed_over() {
        let mut catalogue = Catalogue::new(10, 3, vec![sealed(1, 10, &[1]).0, sealed(2, 20, &[2, 3]).0]);
        assert!(catalogue.beyond().is_empty());
        catalogue.segments[1].position = (12, 14);
        assert_eq!(catalogue.beyond(), BTreeMap::from([("c".to_owned(), 15)]));
    }

    #[test]
    fn written_and_read_back_and_every_flipped_bit_is_seen() {
        let catalogue = Catalogue::new(7, 2, vec![sealed(1, 7, &[1]).0]);
        let bytes = catalogue.write().unwrap();
        assert_eq!(Catalogue::read(&bytes).unwrap(), catalogue);
        for at in 0..bytes.len() - 1 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            assert!(Catalogue::read(&flipped).is_err(), "{at}");
            assert!(Catalogue::read(&bytes[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn a_later_version_is_told_apart_from_damage() {
        let text = br#"{"auditwardCatalogue":2,"novelty":[]}"#;
        let file = [text.as_slice(), format!("\n{}\n", Digest::of(text)).as_bytes()].concat();
        let error = Catalogue::read(&file).unwrap_err();
        assert_eq!(error.to_string(), "it has version 2, and the newest that is known here is 1");
    }
}
