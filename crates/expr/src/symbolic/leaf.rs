//! One test, seen from a policy.

use std::collections::BTreeSet;

use auditward_event::{EventView, Level, Stage};

use super::place::{Place, Visible, of};
use super::set::{Names, Paths};
use super::way::{Kind, Resources, Way};
use crate::{Expr, Field, Fold, Function, Literal, Match, Quantifier, Root, Subject, Test};

/// The ways in which the test is what `wanted` says.
pub(super) fn ways(test: &Test, wanted: bool, exact: &mut bool) -> Vec<Way> {
    if let Match::Field(_, other) = &test.check
        && wanted
    {
        // Both have to be there, and both have to be recorded.
        *exact = false;
        let there = Test { check: Match::Exists, ..test.clone() };
        let both = read(other);
        return ways(&there, true, exact).iter().filter_map(|way| way.and(&both)).collect();
    }
    if let Some(ways) = user_fact(test, wanted) {
        return ways;
    }
    match of(&test.field) {
        // A number of values is one itself, of nothing too.
        _ if test.field.functions.contains(&Function::Count) && (!wanted || holds_of_nothing(test)) => {
            *exact = false;
            vec![Way::any()]
        }
        Place::Visible(Visible::Uri) if !test.field.functions.is_empty() => {
            *exact = false;
            vec![Way::any()]
        }
        Place::Visible(Visible::Uri) => vec![uri(&test.check, wanted, exact)],
        Place::Visible(Visible::Name) if wanted => {
            let named = named(Visible::Name, test, wanted, exact);
            *exact = false;
            vec![named, created()]
        }
        Place::Visible(visible) => vec![named(visible, test, wanted, exact)],
        Place::Stage if !test.field.functions.is_empty() => {
            *exact = false;
            vec![Way::any()]
        }
        Place::Stage => vec![stage(test, wanted, exact)],
        // What has to be absent is absent from an event that has no place for it.
        _ if !wanted || holds_of_nothing(test) => {
            *exact = false;
            vec![Way::any()]
        }
        place => {
            *exact = false;
            vec![read_place(&place)]
        }
    }
}

/// Whether the test is so of an event in which nothing stands: such a one needs neither an answer nor a body.
fn holds_of_nothing(test: &Test) -> bool {
    EventView::parse(b"{}").is_ok_and(|event| Expr::Test(test.clone()).holds(&Subject::new(&event)))
}

/// Whoever creates an object does not name it in the request: its name stands in the body, from where the API server
/// takes it into the event. The policy decided before that.
fn created() -> Way {
    let of = Resources { subresources: Names::only([""]), names: Names::only([""]), ..Resources::any() };
    Way { verbs: Names::only(["create"]), stages: ANSWERED.to_vec(), ..Way::resources(of) }
}

/// The requests in which the field is there at all.
pub(super) fn read(field: &Field) -> Way {
    let there = Test { field: field.clone(), quantifier: Quantifier::Any, check: Match::Exists };
    if holds_of_nothing(&there) { Way::any() } else { read_place(&of(field)) }
}

/// At `RequestReceived` nothing of the body has been read yet, and nobody has been authorised.
const ANSWERED: [Stage; 3] = [Stage::ResponseStarted, Stage::ResponseComplete, Stage::Panic];

fn read_place(place: &Place) -> Way {
    let writes = || Names::only(["create", "update", "patch"]);
    match place {
        Place::Answer => Way { stages: ANSWERED.to_vec(), ..Way::any() },
        Place::Request(path) => {
            let with_body = writes().or(&Names::only(["delete", "deletecollection"]));
            let options = path.starts_with("requestObject");
            let verbs = if options { with_body } else { writes() };
            Way {
                verbs,
                level: Level::Request,
                stages: ANSWERED.to_vec(),
                paths: BTreeSet::from([path.clone()]),
                ..Way::resources(Resources::any())
            }
        }
        Place::Pod(path) => Way {
            verbs: writes(),
            level: Level::Request,
            stages: ANSWERED.to_vec(),
            paths: BTreeSet::from([path.clone()]),
            ..Way::resources(workloads())
        },
        Place::Response(path) => Way {
            level: Level::RequestResponse,
            // A watch whose first answer is a failure, or a list that it begins with, has it as soon as it starts.
            stages: ANSWERED.to_vec(),
            paths: BTreeSet::from([path.clone()]),
            // Discovery (`/api`) answers with an object without being about a resource.
            ..Way::any()
        },
        Place::Visible(_) | Place::Stage | Place::Metadata | Place::Element | Place::Unknown => Way::any(),
    }
}

/// What has a pod specification in it; the same as `field/pod.rs` reads.
fn workloads() -> Resources {
    Resources {
        groups: Names::only(["", "apps", "batch", "extensions"]),
        resources: Names::only([
            "pods",
            "podtemplates",
            "replicationcontrollers",
            "deployments",
            "daemonsets",
            "statefulsets",
            "replicasets",
            "jobs",
            "cronjobs",
        ]),
        subresources: Names::only(["", "ephemeralcontainers", "resize"]),
        ..Resources::any()
    }
}

/// Facts that say who asks.
fn user_fact(test: &Test, wanted: bool) -> Option<Vec<Way>> {
    let Root::Fact(name) = &test.field.root else { return None };
    if name != "actor" || !test.field.functions.is_empty() {
        return None;
    }
    let named: Vec<&str> = match &test.check {
        Match::Is(Literal::Text(word)) | Match::Equals(word, Fold::Exact) => vec![word],
        Match::In(words, Fold::Exact) => words.iter().map(String::as_str).collect(),
        _ => return None,
    };
    let anonymous = || Names::only(["system:anonymous"]);
    let ways = named.iter().map(|kind| match (*kind, wanted) {
        ("anonymous", true) => Way { users: anonymous(), without_user: false, ..Way::any() },
        ("unauthenticated", true) => Way { users: Names::only::<&str>([]), ..Way::any() },
        (_, true) => Way { users: anonymous().complement(), without_user: false, ..Way::any() },
        (_, false) => Way::any(),
    });
    if wanted {
        return Some(ways.collect());
    }
    let mut rest = Way::any();
    if named.contains(&"anonymous") {
        rest.users = anonymous().complement();
    }
    rest.without_user = !named.contains(&"unauthenticated");
    Some(vec![rest])
}

/// The texts that a check is true of.
struct Words {
    names: Names,
    known: Known,
}

/// How well the texts are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// These and no others.
    Exactly,
    /// Also texts that differ from these by case.
    ButForCase,
    /// They could be any.
    No,
}

fn words(test: &Test) -> Words {
    let unknown = || Words { names: Names::any(), known: Known::No };
    let lower = match test.field.functions.as_slice() {
        [] => false,
        [Function::Lower] => true,
        _ => return unknown(),
    };
    let folded = |words: &[String], fold: Fold| {
        if fold == Fold::Exact && !lower {
            return Words { names: Names::only(words.iter().cloned()), known: Known::Exactly };
        }
        // No text in lower case has a capital in it.
        let possible = words.iter().filter(|text| fold != Fold::Exact || text.to_ascii_lowercase() == **text);
        Words { names: Names::only(possible.map(|text| text.to_lowercase())), known: Known::ButForCase }
    };
    match &test.check {
        Match::Exists => Words { names: Names::any(), known: Known::Exactly },
        Match::Is(Literal::Text(word)) => folded(std::slice::from_ref(word), Fold::Exact),
        Match::Equals(word, fold) => folded(std::slice::from_ref(word), *fold),
        Match::In(words, fold) => folded(words, *fold),
        Match::Null | Match::Is(_) => Words { names: Names::only::<&str>([]), known: Known::Exactly },
        _ => unknown(),
    }
}

/// A condition on a name that a policy sees.
fn named(visible: Visible, test: &Test, wanted: bool, exact: &mut bool) -> Way {
    let Words { names, known } = words(test);
    // Verbs, resources, namespaces are in lower case always; names of users and of roles are what they are.
    let any_case = matches!(visible, Visible::User | Visible::Name);
    let known = known == Known::Exactly || known == Known::ButForCase && !any_case;
    *exact &= known;
    // A field that is there is not empty: the event leaves empty ones out, but for the verb.
    let there = if visible == Visible::Verb { Names::any() } else { Names::except([""]) };
    let said = match (wanted, known) {
        (true, true) => names.and(&there),
        (false, true) => names.and(&there).complement(),
        // Like a pattern, equal but for case, or not: could be anything.
        (true, false) => there,
        (false, false) => Names::any(),
    };
    let any = Way::any();
    let mut of = Resources::any();
    match visible {
        Visible::Verb => return Way { verbs: said, ..any },
        // Names of users do differ by case.
        Visible::User if !known => return Way { without_user: !wanted, ..any },
        Visible::User => return Way { users: said, without_user: !wanted, ..any },
        Visible::Groups => return groups(test, said, wanted, known, exact),
        Visible::ApiGroup => of.groups = said,
        Visible::Resource => of.resources = said,
        Visible::Subresource => of.subresources = said,
        Visible::Namespace => of.namespaces = said,
        Visible::Name => of.names = said,
        Visible::Uri => {}
    }
    // What is said of an object is not said of a request that has none; that it is not said may be just that.
    let paths = (!wanted).then_some(Paths::Any);
    Way { about: Kind { resources: Some(of), paths }, ..any }
}

fn groups(test: &Test, said: Names, wanted: bool, known: bool, exact: &mut bool) -> Way {
    let any = Way::any();
    match (wanted, said, test.quantifier) {
        (true, Names::Only(one_of), Quantifier::Any) if known => {
            Way { groups: BTreeSet::from([one_of]), without_user: false, ..any }
        }
        (false, Names::Except(none_of), Quantifier::Any) if known => Way { not_groups: none_of, ..any },
        _ => {
            *exact = false;
            Way { without_user: !wanted, ..any }
        }
    }
}

fn stage(test: &Test, wanted: bool, exact: &mut bool) -> Way {
    let Words { names, known } = words(test);
    let lower = known == Known::ButForCase;
    let known = known != Known::No;
    *exact &= known;
    let is = |stage: &Stage| {
        names.contains(&if lower { stage.to_string().to_lowercase() } else { stage.to_string() })
    };
    let stages = Stage::ALL.into_iter().filter(|stage| !(known || wanted) || is(stage) == wanted).collect();
    Way { stages, ..Way::any() }
}

/// A condition on the request's path and query.
fn uri(check: &Match, wanted: bool, exact: &mut bool) -> Way {
    *exact = false;
    if !wanted {
        return Way::any();
    }
    let path = |uri: &str| Paths::exact(uri.split('?').next().unwrap_or_default());
    let (paths, starts): (Paths, Vec<&str>) = match check {
        Match::Is(Literal::Text(text)) | Match::Equals(text, Fold::Exact) => (path(text), vec![text]),
        Match::In(words, Fold::Exact) => (
            words
                .iter()
                .map(|text| path(text))
                .fold(Paths::Some { exact: BTreeSet::new(), prefixes: BTreeSet::new() }, |all, one| {
                    all.or(&one)
                }),
            words.iter().map(String::as_str).collect(),
        ),
        Match::StartsWith(text, Fold::Exact) => match text.split_once('?') {
            Some((whole, _)) => (Paths::exact(whole), vec![text]),
            None => (Paths::prefix(text), vec![text]),
        },
        _ => return Way::any(),
    };
    let resource = |start: &&str| {
        ["/api/", "/apis/"].iter().any(|root| start.starts_with(root) || root.starts_with(*start))
    };
    let resources = starts.iter().any(resource).then(Resources::any);
    Way { about: Kind { resources, paths: Some(paths) }, ..Way::any() }
}
