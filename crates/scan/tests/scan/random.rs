//! Random events that look like real ones, and random questions about them.

use auditward_event::{EventView, Path};
use auditward_expr::field::fact::FACTS;
use auditward_expr::{Compare, Expr, Field, Fold, Function, Literal, Match, Quantifier, Root, Subject, Test};
use serde_json::{Value as Json, json};

/// xorshift64*: the same questions for the same seed, everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).unwrap() % bound.max(1)
    }

    pub(crate) fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len())]
    }
}

/// An event with something changed, often beyond what an API server would write.
pub(crate) fn mutated(event: &[u8], random: &mut Random) -> Vec<u8> {
    let mut json: Json = serde_json::from_slice(event).unwrap();
    for _ in 0..=random.below(3) {
        mutate(&mut json, random);
    }
    let mut text = serde_json::to_vec(&json).unwrap();
    if random.one_in(12) {
        text = twice(&text, random);
    }
    if random.one_in(40) {
        text = b"no event at all".to_vec();
    }
    text
}

/// Says a key a second time.
fn twice(text: &[u8], random: &mut Random) -> Vec<u8> {
    let again = random.pick(&[
        r#""verb":"get","#,
        r#""verb":7,"#,
        r#""user":{"username":"twice"},"#,
        r#""objectRef":null,"#,
        r#""\u0076erb":"patch","#,
    ]);
    [b"{", again.as_bytes(), &text[1..]].concat()
}

fn mutate(event: &mut Json, random: &mut Random) {
    let odd = [
        Json::Null,
        json!(7),
        json!(-0.0),
        json!(400.5),
        json!(true),
        json!(""),
        json!("ADMIN"),
        json!("Straße ſ"),
        json!("quote\" back\\slash \u{1} </script>"),
        json!([]),
        json!(["a", 5, null]),
        json!({}),
        json!({"username": "x", "more": [1]}),
    ];
    let odd = random.pick(&odd).clone();
    let place = *random.pick(&[
        "/verb",
        "/user",
        "/user/username",
        "/user/groups",
        "/user/groups/0",
        "/user/extra",
        "/impersonatedUser",
        "/impersonatedUser/groups",
        "/sourceIPs",
        "/sourceIPs/0",
        "/userAgent",
        "/objectRef",
        "/objectRef/name",
        "/objectRef/namespace",
        "/objectRef/novelty",
        "/responseStatus",
        "/responseStatus/code",
        "/responseStatus/message",
        "/annotations",
        "/annotations/authorization.k8s.io~1decision",
        "/annotations/novelty",
        "/requestObject",
        "/requestObject/spec",
        "/requestObject/metadata/name",
        "/responseObject",
        "/requestURI",
        "/auditID",
        "/stage",
        "/level",
        "/stageTimestamp",
        "/requestReceivedTimestamp",
        "/kind",
        "/novelty",
    ]);
    match random.below(6) {
        0 => _ = remove(event, place),
        1 => {
            if let Some(Json::String(text)) = event.pointer_mut(place) {
                *text = text.to_uppercase();
            }
        }
        2 => {
            if place.ends_with("Timestamp") {
                let text = random.pick(&["2026-11-24T10:00:00Z", "2026-11-24T10:00:00.000001Z", "never"]);
                set(event, place, json!(text));
            }
        }
        3 => set(event, "/user/username", json!(random.pick(&["alice", "Alice", "bob", "système", "ALİCE"]))),
        4 => set(
            event,
            "/sourceIPs",
            json!([random.pick(&["10.1.2.3", "fd00::1", "::ffff:10.0.0.1", "somewhere"])]),
        ),
        _ => set(event, place, odd),
    }
}

fn remove(event: &mut Json, place: &str) -> Option<Json> {
    let (parent, key) = place.rsplit_once('/')?;
    event.pointer_mut(parent)?.as_object_mut()?.remove(&key.replace("~1", "/"))
}

fn set(event: &mut Json, place: &str, value: Json) {
    let Some((parent, key)) = place.rsplit_once('/') else { return };
    match event.pointer_mut(parent) {
        Some(Json::Object(object)) => _ = object.insert(key.replace("~1", "/"), value),
        Some(Json::Array(array)) if !array.is_empty() => array[0] = value,
        _ => {}
    }
}

const PATHS: &[&str] = &[
    "auditID",
    "stage",
    "level",
    "verb",
    "requestURI",
    "userAgent",
    "user",
    "user.username",
    "user.uid",
    "user.groups",
    "user.groups[*]",
    "user.groups[0]",
    "user.extra",
    "user.extra[\"authentication.kubernetes.io/credential-id\"][*]",
    "impersonatedUser",
    "impersonatedUser.username",
    "impersonatedUser.groups[*]",
    "sourceIPs",
    "sourceIPs[*]",
    "objectRef",
    "objectRef.resource",
    "objectRef.namespace",
    "objectRef.name",
    "objectRef.uid",
    "objectRef.apiGroup",
    "objectRef.apiVersion",
    "objectRef.resourceVersion",
    "objectRef.subresource",
    "objectRef.novelty",
    "responseStatus",
    "responseStatus.code",
    "responseStatus.status",
    "responseStatus.reason",
    "responseStatus.message",
    "responseStatus.details.kind",
    "responseStatus.metadata",
    "annotations",
    "annotations[\"authorization.k8s.io/decision\"]",
    "annotations[\"authorization.k8s.io/reason\"]",
    "annotations.novelty",
    "requestReceivedTimestamp",
    "stageTimestamp",
    "requestObject",
    "requestObject.kind",
    "requestObject.metadata.name",
    "requestObject.spec.containers[*].image",
    "responseObject.kind",
    "responseObject.metadata.namespace",
    "kind",
    "apiVersion",
    "novelty",
];

const DOTTED: &[&str] = &[
    "verb",
    "user.username",
    "user.groups",
    "sourceIPs",
    "objectRef.name",
    "objectRef.resource",
    "responseStatus.code",
    "annotations.authorization.k8s.io/decision",
    "requestObject.spec.containers.image",
    "requestObject.metadata.labels.app",
    "novelty",
];

const FALCO: &[&str] =
    &["ka.verb", "ka.user.name", "ka.target.name", "ka.target.resource", "ka.uri", "ka.response.code"];

fn root(random: &mut Random) -> Root {
    let path = |text: &&str| Path::parse(text).unwrap();
    match random.below(20) {
        0..10 => Root::Event(path(random.pick(PATHS))),
        10..12 => Root::Dotted(random.pick(DOTTED).split('.').map(str::to_owned).collect()),
        12..15 => Root::Fact(random.pick(FACTS).name.to_owned()),
        15 => Root::Object(path(random.pick(&["metadata.name", "kind", "spec", "metadata.labels"]))),
        16 => match random.below(2) {
            0 => Root::Pod(path(random.pick(&["hostNetwork", "containers[*].image", "serviceAccountName"]))),
            _ => Root::Container(path(random.pick(&["image", "name", "securityContext.privileged"]))),
        },
        17 => Root::Query((*random.pick(&["watch", "limit", "fieldManager", "resourceVersion"])).to_owned()),
        18 => Root::Anywhere,
        _ => Root::Falco((*random.pick(FALCO)).to_owned(), None),
    }
}

fn field(random: &mut Random) -> Field {
    let mut field = Field::of(root(random));
    if random.one_in(8) {
        field.functions.push(
            random
                .pick(&[
                    Function::Lower,
                    Function::Upper,
                    Function::Length,
                    Function::Count,
                    Function::Basename,
                    Function::Join(",".to_owned()),
                ])
                .clone(),
        );
    }
    field
}

/// A value that some event has there, most of the time.
fn sample(field: &Field, events: &[Vec<u8>], random: &mut Random) -> String {
    for _ in 0..4 {
        let Ok(view) = EventView::parse(&events[random.below(events.len())]) else { continue };
        let mut items = Vec::new();
        field.each(&Subject::new(&view), &mut |item| {
            items.extend(item.text().map(std::borrow::Cow::into_owned));
        });
        if !items.is_empty() && !random.one_in(12) {
            let at = random.below(items.len());
            return items.swap_remove(at);
        }
    }
    (*random.pick(&["", "get", "a", "system:", "200", "403", "10.1.2.3", "true", "İ", "%", "_", "*"]))
        .to_owned()
}

fn piece(text: &str, random: &mut Random) -> String {
    let letters: Vec<char> = text.chars().take(200).collect();
    let start = random.below(letters.len() + 1);
    let end = start + random.below((letters.len() - start).min(12) + 1);
    letters[start..end].iter().collect()
}

fn fold(random: &mut Random) -> Fold {
    *random.pick(&[Fold::Exact, Fold::Exact, Fold::Ascii, Fold::Unicode])
}

fn compare(random: &mut Random) -> Compare {
    *random.pick(&[
        Compare::Equal,
        Compare::Less,
        Compare::LessOrEqual,
        Compare::Greater,
        Compare::GreaterOrEqual,
    ])
}

fn swapped(text: String, random: &mut Random) -> String {
    match random.below(6) {
        0 => text.to_uppercase(),
        1 => text.to_lowercase(),
        _ => text,
    }
}

fn test(events: &[Vec<u8>], random: &mut Random) -> Test {
    let field = field(random);
    let value = sample(&field, events, random);
    let value = swapped(value, random);
    let number = value.trim().parse().unwrap_or(400.0);
    let check = match random.below(22) {
        0 | 1 => Match::Exists,
        2 => Match::Null,
        3 | 4 => Match::Is(Literal::Text(value)),
        5 => Match::Is(Literal::Number(number)),
        6 => Match::Is(Literal::Bool(random.one_in(2))),
        7 => {
            let other = sample(&field, events, random);
            Match::In(vec![value, other, "get".to_owned()], fold(random))
        }
        8 | 9 => Match::Equals(value, fold(random)),
        10 | 11 => Match::Contains(piece(&value, random), fold(random)),
        12 => {
            let end = value.char_indices().nth(1 + random.below(6)).map_or(value.len(), |(at, _)| at);
            Match::StartsWith(value[..end].to_owned(), fold(random))
        }
        13 => {
            let start = value.char_indices().rev().nth(random.below(6)).map_or(0, |(at, _)| at);
            Match::EndsWith(value[start..].to_owned(), fold(random))
        }
        14 => {
            let middle: String = piece(&value, random).chars().filter(|c| !"[]\\".contains(*c)).collect();
            Match::Glob(
                random
                    .pick(&[format!("*{middle}*"), format!("{middle}*"), format!("*{middle}"), middle])
                    .clone(),
                fold(random),
            )
        }
        15 => Match::Regex((*random.pick(&["^g", "e$", "[0-9]{3}", "(?i)ADMIN", "sys.*:", "."])).to_owned()),
        16 => Match::TextOrder(compare(random), value),
        17 | 18 => Match::Number(compare(random), number),
        19 => Match::Cidr(vec![
            (*random.pick(&["10.0.0.0/8", "127.0.0.1", "::/0", "0.0.0.0/0", "fd00::/8"])).to_owned(),
        ]),
        20 => Match::Under {
            roots: vec![(*random.pick(&["/api", "/apis/*", "/healthz"])).to_owned()],
            clean: random.one_in(2),
        },
        _ => Match::Field(compare(random), Box::new(self::field(random))),
    };
    let quantifier = if random.one_in(3) { Quantifier::Every } else { Quantifier::Any };
    Test { field, quantifier, check }
}

/// A predicate.
pub(crate) fn expr(events: &[Vec<u8>], depth: usize, random: &mut Random) -> Expr {
    if depth == 0 || random.one_in(3) {
        return match random.below(14) {
            0 => Expr::Const(random.one_in(2)),
            1 => Expr::Some {
                list: Field::of(Root::Container(Path::parse("name").unwrap())),
                holds: Box::new(expr(events, 0, random)),
            },
            _ => Expr::Test(test(events, random)),
        };
    }
    match random.below(5) {
        0 => Expr::Not(Box::new(expr(events, depth - 1, random))),
        1 | 2 => Expr::And((0..=random.below(3)).map(|_| expr(events, depth - 1, random)).collect()),
        _ => Expr::Or((0..=random.below(3)).map(|_| expr(events, depth - 1, random)).collect()),
    }
}
