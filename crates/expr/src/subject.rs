//! An event that is being asked questions.

use std::cell::OnceCell;

use auditward_event::{EventView, ObjectRefView, UserView};

use crate::field::{Body, Node, PodPlace, pod};

/// An event that is being asked questions, with what several questions would have to find out again.
///
/// Everything beside the event is found out when it is first asked for.
pub struct Subject<'a> {
    event: EventView<'a>,
    object_ref: OnceCell<Option<ObjectRefView<'a>>>,
    user: OnceCell<UserView<'a>>,
    body: OnceCell<Body<'a>>,
    pod: OnceCell<Option<PodPlace>>,
}

impl<'a> Subject<'a> {
    /// Nothing is read yet.
    pub fn new(event: &EventView<'a>) -> Self {
        Subject {
            event: *event,
            object_ref: OnceCell::new(),
            user: OnceCell::new(),
            body: OnceCell::new(),
            pod: OnceCell::new(),
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

    /// What the request writes.
    pub(crate) fn body(&self) -> Body<'a> {
        *self.body.get_or_init(|| Body::of(&self.event))
    }

    /// Where in that a pod specification is.
    pub(crate) fn pod(&self) -> Option<PodPlace> {
        *self.pod.get_or_init(|| pod::place(self.object_ref()?))
    }
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
