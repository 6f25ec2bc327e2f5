//! What a field's values can be.

/// What the values of a field are known to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A text.
    Text,
    /// A number.
    Number,
    /// A boolean.
    Bool,
    /// A text that is an IP address.
    Address,
    /// A text that is a time.
    Time,
    /// An object or an array: it exists, and there is more inside.
    Inside,
    /// Anything.
    Any,
}
