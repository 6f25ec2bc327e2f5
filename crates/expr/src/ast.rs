//! The tree.

use auditward_event::Path;

/// What an event can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Always so, or never.
    Const(bool),
    /// Not so.
    Not(Box<Expr>),
    /// Every one of these; true of none.
    And(Vec<Expr>),
    /// At least one of these; false of none.
    Or(Vec<Expr>),
    /// A question about one field.
    Test(Test),
    /// At least one object among those that `list` yields for which `holds` is true. Inside `holds`, a [`Root::Element`]
    /// field is looked up in that object: this is how "one container that is privileged *and* has that image" is said.
    Some {
        /// Yields the objects.
        list: Field,
        /// Asked of each.
        holds: Box<Expr>,
    },
}

/// A question about the values that a field yields.
///
/// A field yields any number of values. **None is nothing to agree with**: of a field that yields nothing every test is
/// false, whatever the quantifier. "Missing" is said as `Not(Test { check: Exists, … })`, and a `!=` that is true of a
/// missing field (Sigma's and ours) is `Not(Test(==))`, one that is false of it (Falco's) is `And([exists, Not(==)])`.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// What is looked at.
    pub field: Field,
    /// How many of its values have to agree.
    pub quantifier: Quantifier,
    /// With what.
    pub check: Match,
}

/// How many of the values have to agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// Every one, and there is one.
    Every,
}

/// Where values come from: a root, and what is done to each value then, in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// Where it is read.
    pub root: Root,
    /// What each value goes through, first one first. A function that fails on a value drops that value.
    pub functions: Vec<Function>,
}

/// A place in an event, or something that an event says without having a place for it.
///
/// Extended freely: one variant a vocabulary, and a file of its own under `field/` for each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Root {
    /// The event's own JSON: `objectRef.resource`, `requestObject.spec.containers[*].image`. Exact: an array is entered
    /// by `[n]` or `[*]` only.
    Event(Path),
    /// The same for Sigma: keys joined by dots; wherever an array is met, each of its elements is entered.
    Dotted(Vec<String>),
    /// In the object that the request writes: `requestObject`, or what a patch (merge, strategic, apply, JSON Patch)
    /// says of it. Nothing at level Metadata.
    Object(Path),
    /// In the pod specification that the request writes: a Pod's, or that of a workload's template.
    Pod(Path),
    /// In each container of that specification, whether ordinary, init or ephemeral.
    Container(Path),
    /// In the object that the enclosing [`Expr::Some`] is asking about.
    Element(Path),
    /// Every value of this parameter of `requestURI`'s query, decoded.
    Query(String),
    /// Every scalar of the event, keys aside: Sigma's keywords.
    Anywhere,
    /// What follows from the event by a definition of ours; see the list in `field/fact.rs`: `actor`, `outcome`, ….
    Fact(String),
    /// One of Falco's `ka.*`, `jevt.*`, `evt.*` fields as upstream yields it, bug for bug; the name, and the argument
    /// in brackets.
    Falco(String, Option<String>),
}

/// What a value goes through before it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Function {
    /// ASCII letters in lower case.
    Lower,
    /// ASCII letters in upper case.
    Upper,
    /// Base64 decoded; what is none is dropped.
    Base64,
    /// What follows the last `/`.
    Basename,
    /// Bytes of a text.
    Length,
    /// How many values there are: one value, also of none.
    Count,
    /// All values as one text, with this between them.
    Join(String),
    /// Registry of an image reference (`docker.io` where none is named).
    ImageRegistry,
    /// Image reference without tag and digest, as written.
    ImageRepository,
    /// Part of a time stamp, UTC: Sigma's `minute`, `hour`, `day`, `week`, `month`, `year`.
    TimePart(TimePart),
}

/// A part of a time stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum TimePart {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// What one value is compared with. Texts compare by bytes unless folded.
///
/// A JSON value that is no string is compared, by the checks on text, by its compact JSON text (`true`, `201`).
#[derive(Debug, Clone, PartialEq)]
pub enum Match {
    /// There is a value, even `null`.
    Exists,
    /// The value is JSON's `null`.
    Null,
    /// The same value: a text equals a text, a number a number of the same size, a boolean a boolean.
    Is(Literal),
    /// One of these texts (Falco's `in`, our lists).
    In(Vec<String>, Fold),
    /// The whole text.
    Equals(String, Fold),
    /// It occurs in the text; an empty one does in every text.
    Contains(String, Fold),
    /// The text begins with it.
    StartsWith(String, Fold),
    /// The text ends with it.
    EndsWith(String, Fold),
    /// `*` any run, `?` one character, `[a-z]` and `\` as in fnmatch(3) without flags; the whole text.
    Glob(String, Fold),
    /// A regular expression (crate `regex`'s syntax, linear time), found anywhere unless it is anchored. Kept as its
    /// source; whoever evaluates compiles it once.
    Regex(String),
    /// Texts in lexical order of bytes (Falco's `<` …).
    TextOrder(Compare, String),
    /// Numbers; a text that reads as a number counts.
    Number(Compare, f64),
    /// An address within one of these networks, `10.0.0.0/8`, `fd00::/8` or a single address.
    Cidr(Vec<String>),
    /// A path at or under one of these, after both are cleaned (`//`, `.`, `..`, trailing `/`). Components may hold
    /// globs. Falco's `pmatch` is this without cleaning.
    Under {
        /// Absolute paths.
        roots: Vec<String>,
        /// Whether paths are cleaned first.
        clean: bool,
    },
    /// Compared with the values of another field: true where it is so of one of them.
    Field(Compare, Box<Field>),
}

/// Whether letters that differ by case are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fold {
    /// They are not.
    Exact,
    /// ASCII letters are (Falco's `i…` operators).
    Ascii,
    /// All letters are, by Unicode's simple folding (Sigma).
    Unicode,
}

/// A relation between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Compare {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    StartsWith,
    EndsWith,
}

/// A value that is written down in an expression.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Literal {
    Text(String),
    Number(f64),
    Bool(bool),
}
