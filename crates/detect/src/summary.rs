//! The line about an alert. Written when the alert leaves: most matches of rules that count never become one.

use std::borrow::Cow;

use auditward_expr::Field;
use auditward_rules::{Language, Rule, TemplatePart, falco};

use crate::config::Limits;
use crate::hit::cut;
use crate::texts::Fields;

/// The rule's line about an event of which its fields say these; its title where it has none.
pub(crate) fn summary(rule: &Rule, values: &Fields<'_>, limits: &Limits) -> String {
    if rule.summary.parts.is_empty() {
        return cut(&rule.title, limits.text_chars_max);
    }
    let mut fields = 0..;
    let mut next = || fields.next().map_or(&[][..], |field| values.get(field));
    if rule.origin.language == Language::Falco {
        return cut(&falco::alert::message(rule, &mut |_: &Field| next()), limits.text_chars_max);
    }
    let mut line = String::new();
    for part in &rule.summary.parts {
        match part {
            TemplatePart::Text(text) => line += text,
            TemplatePart::Field { width, .. } => {
                let text = match next() {
                    [] => Cow::Borrowed("-"),
                    [one] => Cow::Borrowed(*one),
                    several => Cow::Owned(several.join(",")),
                };
                match width {
                    None => line += &text,
                    Some(width) => line += &format!("{text:width$.width$}"),
                }
            }
        }
    }
    cut(&line, limits.text_chars_max)
}
