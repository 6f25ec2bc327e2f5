//! What a field yields. Each vocabulary has a file of its own.

mod anywhere;
mod dotted;
pub mod fact;
pub mod falco;
mod function;
mod node;
mod object;
pub(crate) mod pod;
mod query;

use auditward_event::{Step, Value};

pub use node::Node;
pub(crate) use object::Body;

use crate::{Field, Item, Root, Scope, Subject};

impl Field {
    /// The field of this root, as it is.
    pub const fn of(root: Root) -> Self {
        Field { root, functions: Vec::new() }
    }

    /// Hands every value of the field to `found`, in the order of the text.
    ///
    /// Work is linear in the event's length for a given field. An [`Root::Element`] yields nothing here.
    pub fn each<'a>(&self, subject: &Subject<'a>, found: &mut dyn FnMut(Item<'a>)) {
        self.each_in(Scope::from(subject), found);
    }

    /// The same, inside of [`crate::Expr::Some`].
    pub fn each_in<'a>(&self, scope: Scope<'_, 'a>, found: &mut dyn FnMut(Item<'a>)) {
        function::each(&self.root, &self.functions, scope, found);
    }

    /// The first value, if there is one.
    pub fn first<'a>(&self, subject: &Subject<'a>) -> Option<Item<'a>> {
        let mut first = None;
        self.each(subject, &mut |item| {
            first.get_or_insert(item);
        });
        first
    }
}

impl Root {
    pub(crate) fn each_in<'a>(&self, scope: Scope<'_, 'a>, found: &mut dyn FnMut(Item<'a>)) {
        let subject = scope.subject;
        match self {
            Root::Event(path) => {
                let value = match path.steps() {
                    [Step::Key(top), Step::Key(key), ..] if top == "objectRef" => subject.of_object_ref(key),
                    [Step::Key(top), Step::Key(key), ..] if top == "user" => subject.of_user(key),
                    _ => return subject.event().each(path, &mut |value| found(Item::Json(value))),
                };
                if let Some(value) = value {
                    walk(value, &path.steps()[2..], &mut |value| found(Item::Json(value)));
                }
            }
            Root::Dotted(keys) => dotted::each(keys, subject, found),
            Root::Object(path) => subject.body().each(&[], path.steps(), &mut |node| found(node.into())),
            Root::Pod(path) => pod::each(path, subject, found),
            Root::Container(path) => pod::each_container(path, subject, found),
            Root::Element(path) => {
                if let Some(element) = scope.element {
                    element.each(path.steps(), &mut |node| found(node.into()));
                }
            }
            Root::Query(key) => query::each(key, subject, found),
            Root::Anywhere => anywhere::each(subject, found),
            Root::Fact(name) => {
                if let Some(item) = fact::find(name).and_then(|fact| (fact.read)(subject)) {
                    found(item);
                }
            }
            Root::Falco(name, argument) => {
                let mut text = |text| found(Item::Text(text));
                falco::each(subject.event(), name, argument.as_deref(), &mut text);
            }
        }
    }
}

/// Follows a path down from a value.
fn walk<'a>(value: Value<'a>, steps: &[Step], found: &mut dyn FnMut(Value<'a>)) {
    let mut here = value;
    for (i, step) in steps.iter().enumerate() {
        let next = match step {
            Step::Key(key) => here.get(key),
            Step::Index(index) => here.item(*index),
            Step::Each => return here.items().for_each(|item| walk(item, &steps[i + 1..], found)),
        };
        let Some(next) = next else { return };
        here = next;
    }
    found(here);
}
