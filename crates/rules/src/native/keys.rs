//! Every key of the format, with its words: what the reader knows, what it suggests, and what the JSON schema says.

/// A mapping of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keys {
    /// How it is called in messages.
    pub what: &'static str,
    /// Its keys, in the order in which a rule is best written.
    pub keys: &'static [Key],
}

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What stands behind it.
    pub kind: Kind,
    /// Whether it has to be there.
    pub required: bool,
    /// What it means, for people.
    pub help: &'static str,
}

/// What stands behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A text that is an expression.
    Expression,
    /// `true` or `false`.
    Bool,
    /// A whole number or `$parameter`.
    Number,
    /// `10m` or `$parameter`.
    Duration,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts; a single text stands for a list of one.
    Texts,
    /// A list of these words.
    Words(&'static [&'static str]),
    /// A text for each name.
    TextByName,
    /// A list of texts, or one text, for each name.
    TextsByName,
    /// A mapping.
    Map(&'static Keys),
    /// A list of mappings.
    Maps(&'static Keys),
    /// A mapping for each name.
    MapByName(&'static Keys),
    /// A list of texts, a number, a duration, a text or a boolean.
    Value,
    /// A value for each name.
    ValueByName,
    /// A list or, to change the one that is there, what is added and removed.
    ChangeByName,
    /// For each rule's id, a change for each name.
    ChangesByRule,
    /// A severity for each rule's id.
    SeverityByRule,
    /// An event of a test.
    Event,
    /// A list of them.
    Events,
}

/// The severities, the gravest first.
pub const SEVERITIES: &[&str] =
    &["emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug"];

/// MITRE ATT&CK's tactics that its containers matrix or Microsoft's Threat Matrix for Kubernetes uses.
pub const TACTICS: &[&str] = &[
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
];

const STAGES: &[&str] = &["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];

const fn key(name: &'static str, kind: Kind, help: &'static str) -> Key {
    Key { name, kind, required: false, help }
}

const fn required(name: &'static str, kind: Kind, help: &'static str) -> Key {
    Key { name, kind, required: true, help }
}

/// A rule.
pub const RULE: Keys = Keys {
    what: "a rule",
    keys: &[
        required("id", Kind::Text, "Unique; small letters, digits and hyphens: `privileged-pod`"),
        required("title", Kind::Text, "One line for people, as a thing found: `Privileged container`"),
        required("description", Kind::Text, "What it finds, and why that matters"),
        required("severity", Kind::Word(SEVERITIES), "How much an alert matters"),
        key("attack", Kind::Map(&ATTACK), "Where it stands in the catalogues of attacks"),
        key("refs", Kind::Texts, "Other names of the same alarm, and addresses to read on"),
        key("enabled", Kind::Bool, "Whether it runs when nobody says anything about it; by default `true`"),
        key("params", Kind::MapByName(&PARAM), "What a site may change, written `$name` in expressions"),
        key(
            "stages",
            Kind::Words(STAGES),
            "The stages it looks at; by default every one but `RequestReceived`. A request gives one alert, however \
             many of its stages match",
        ),
        key(
            "when",
            Kind::Expression,
            "Which events; every rule has it, except that a `sequence` has it in each step",
        ),
        key("window", Kind::Map(&WINDOW), "Fires when there are so many of them within a time"),
        key("sequence", Kind::Map(&SEQUENCE), "Fires when several things happen within a time"),
        key("firstSeen", Kind::Map(&FIRST_SEEN), "Fires on what was never seen before"),
        key(
            "groupBy",
            Kind::Texts,
            "Fields by which windows, sequences, baselines and repetitions are kept apart",
        ),
        key("suppress", Kind::Duration, "How long the same alert (of one `groupBy`) is not repeated"),
        required(
            "summary",
            Kind::Text,
            "The alert's one line, with fields in braces: `{user} created {namespace}/{name}`",
        ),
        key("details", Kind::TextByName, "Further fields that the alert carries, by name"),
        required("response", Kind::Text, "What to do about an alert: what to look at, what to undo"),
        key("falsePositives", Kind::Texts, "What else looks like this, and what to do then"),
        required("tests", Kind::Maps(&TEST), "Events, and whether the rule has to fire"),
    ],
};

const ATTACK: Keys = Keys {
    what: "`attack`",
    keys: &[
        key("tactics", Kind::Words(TACTICS), "MITRE ATT&CK tactics"),
        key("techniques", Kind::Texts, "MITRE ATT&CK techniques: `T1611`"),
        key("threatMatrix", Kind::Texts, "Microsoft's Threat Matrix for Kubernetes: `MS-TA9018`"),
    ],
};

const PARAM: Keys = Keys {
    what: "a parameter",
    keys: &[
        required(
            "default",
            Kind::Value,
            "What holds where the site says nothing: a list, a number, a duration, a text",
        ),
        required("description", Kind::Text, "What it means, for who changes it"),
    ],
};

const WINDOW: Keys = Keys {
    what: "`window`",
    keys: &[
        required("count", Kind::Number, "Fires at so many; at least 1"),
        key("distinct", Kind::Texts, "Counts different values of these fields instead of events"),
        required("within", Kind::Duration, "How long the window is, in time of events"),
    ],
};

const SEQUENCE: Keys = Keys {
    what: "`sequence`",
    keys: &[
        required("steps", Kind::Maps(&STEP), "What has to happen; at least two"),
        key("ordered", Kind::Bool, "Whether in this order; by default `true`"),
        required("within", Kind::Duration, "From the first step to the last, in time of events"),
    ],
};

pub(super) const STEP: Keys = Keys {
    what: "a step",
    keys: &[
        required("name", Kind::Text, "For people: `bound`, `read`"),
        required("when", Kind::Expression, "Which events"),
        key(
            "groupBy",
            Kind::Texts,
            "Where the fields of the rule's `groupBy` stand in this step's events, if elsewhere",
        ),
    ],
};

const FIRST_SEEN: Keys = Keys {
    what: "`firstSeen`",
    keys: &[
        required("key", Kind::Texts, "Fields whose values, together, are remembered"),
        required("learning", Kind::Duration, "How long it only learns, in time of events"),
        required("forget", Kind::Duration, "After how long without being seen a key is new again"),
    ],
};

pub(super) const TEST: Keys = Keys {
    what: "a test",
    keys: &[
        required("name", Kind::Text, "What it shows: `a Deployment's template`"),
        required("match", Kind::Bool, "Whether the rule has to fire"),
        key("event", Kind::Event, "The one event that happens"),
        key(
            "events",
            Kind::Events,
            "The events that happen, in order; one second apart unless they say `after`",
        ),
        key("params", Kind::ValueByName, "Values of parameters for this test alone"),
    ],
};

/// A file of settings or of shared lists.
pub const SETTINGS: Keys = Keys {
    what: "a file of settings",
    keys: &[
        key("lists", Kind::ChangeByName, "Shared lists: new ones, and changes to those that are there"),
        key(
            "params",
            Kind::ChangesByRule,
            "Parameters of rules: `privileged-pod: {allowedNamespaces: [storage]}`",
        ),
        key(
            "placeholders",
            Kind::TextsByName,
            "What `%name%` stands for in Sigma's rules: `admins: [alice, ops-*]`",
        ),
        key("disable", Kind::Texts, "Ids of rules that do not run"),
        key("enable", Kind::Texts, "Ids of rules that run although they are shipped disabled"),
        key("severity", Kind::SeverityByRule, "Another severity for a rule"),
    ],
};

/// A shared list, or a change to one.
pub const LIST: Keys = Keys {
    what: "a list",
    keys: &[
        key("description", Kind::Text, "What it means, for who changes it"),
        key("values", Kind::Texts, "What is in it"),
        key("add", Kind::Texts, "What is added to the values that are there"),
        key("remove", Kind::Texts, "What is taken out of them"),
    ],
};

impl Keys {
    /// The key of this name.
    pub fn get(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        let keys: &'static [Key] = self.keys;
        keys.iter().map(|key| key.name)
    }
}
