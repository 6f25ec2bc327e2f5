//! Audit events (`audit.k8s.io/v1`): the words that every other crate speaks.
//!
//! An event has two forms. [`EventView`] borrows the bytes and reads a field when it is asked for: for everything that
//! sees many events. [`Event`] owns its parts and is written byte for byte as kube-apiserver writes it: for whoever makes
//! or changes events. [`Events`] finds the events in a stream of any of the usual shapes.
//!
//! Invariant: no I/O but through the reader that is passed in, and no clock.

mod event;
mod json;
mod level;
mod path;
mod raw;
mod read;
mod stage;
mod time;
mod value;
mod view;

pub use event::{
    AuthenticationMetadata, DecodeError, Event, EventList, ListMeta, ObjectReference, Status, StatusCause,
    StatusDetails, UserInfo,
};
pub use json::{DEPTH_MAX, JsonError, JsonProblem, write_str};
pub use level::{Level, UnknownLevel};
pub use path::{Path, PathError, Step};
pub use raw::Raw;
pub use read::{DOCUMENT_BYTES_MAX, Events, Place, RawEvent, ReadError, Stats};
pub use stage::{Stage, UnknownStage};
pub use time::{MicroTime, TimeError, ZonedTime, date};
pub use value::{Entries, Items, Kind, Strings, Value};
pub use view::{EventView, ObjectRefView, UserView};
