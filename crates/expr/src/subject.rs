//! An event that is being asked questions.

use std::borrow::Cow;
use std::cell::OnceCell;

use auditward_event::{EventView, ObjectRefView, UserView, Value};

use crate::field::{Body, Node, pod};

/// An event that is being asked questions, with what several questions would have to find out again.
///
/// Everything beside the event is found out when it is first asked for.
pub struct Subject<'a> {
    event: EventView<'a>,
    object_ref: OnceCell<Option<ObjectRefView<'a>>>,
    user: OnceCell<UserView<'a>>,
    object_ref_entries: OnceCell<Entries<'a>>,
    user_entries: OnceCell<Entries<'a>>,
    body: OnceCell<Body<'a>>,
    pod_specs: OnceCell<Vec<Node<'a>>>,
    containers: OnceCell<Vec<Node<'a>>>,
}

impl<'a> Subject<'a> {
    /// Nothing is read yet.
    pub fn new(event: &EventView<'a>) -> Self {
        Subject {
            event: *event,
            object_ref: OnceCell::new(),
            user: OnceCell::new(),
            object_ref_entries: OnceCell::new(),
            user_entries: OnceCell::new(),
            body: OnceCell::new(),
            pod_specs: OnceCell::new(),
            containers: OnceCell::new(),
        }
    }

    /// The event itself.
    pub const fn event(&self) -> &EventView<'a> {
        &self.event
    }

    /// `objectRef`; `None` for requests that are not about a resource.
    pub fn object_ref(&self) -> Option<&ObjectRefView<'a>> {
        self.object_ref.get_or_init(|| self.event.object_ref()).as_ref()
    }

    /// `user`
    pub fn user(&self) -> &UserView<'a> {
        self.user.get_or_init(|| self.event.user())
    }

    /// The value of a key of `objectRef`. Several of them are asked for, so all are found at once.
    pub(crate) fn of_object_ref(&self, key: &str) -> Option<Value<'a>> {
        find(self.object_ref_entries.get_or_init(|| entries(&self.event, "objectRef")), key)
    }

    /// The same of `user`.
    pub(crate) fn of_user(&self, key: &str) -> Option<Value<'a>> {
        find(self.user_entries.get_or_init(|| entries(&self.event, "user")), key)
    }

    /// What the request writes.
    pub(crate) fn body(&self) -> Body<'a> {
        *self.body.get_or_init(|| Body::of(&self.event))
    }

    /// The pod specifications in that. Many questions are about them, so they are found once.
    pub(crate) fn pod_specs(&self) -> &[Node<'a>] {
        self.pod_specs.get_or_init(|| pod::specs(self))
    }

    /// The containers of those.
    pub(crate) fn containers(&self) -> &[Node<'a>] {
        self.containers.get_or_init(|| pod::containers(self.pod_specs()))
    }
}

type Entries<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

fn entries<'a>(event: &EventView<'a>, key: &str) -> Entries<'a> {
    let mut entries = Vec::with_capacity(8);
    entries.extend(event.get(key).into_iter().flat_map(Value::entries));
    entries
}

/// Of duplicate keys the last one counts.
fn find<'a>(entries: &[(Cow<'a, str>, Value<'a>)], key: &str) -> Option<Value<'a>> {
    entries.iter().rev().find(|(name, _)| name == key).map(|(_, value)| *value)
}

/// What a question is asked of: an event and, inside [`crate::Expr::Some`], one of its objects.
#[derive(Clone, Copy)]
pub struct Scope<'s, 'a> {
    /// The event.
    pub subject: &'s Subject<'a>,
    /// The object.
    pub element: Option<&'s Node<'a>>,
}

impl<'s, 'a> From<&'s Subject<'a>> for Scope<'s, 'a> {
    fn from(subject: &'s Subject<'a>) -> Self {
        Scope { subject, element: None }
    }
}
