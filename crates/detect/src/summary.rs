//! The line about an alert. Written when the alert leaves: most matches of rules that count never become one.

use std::borrow::Cow;

use auditward_expr::Field;
use auditward_rules::{Language, Rule, TemplatePart, falco};

use crate::config::Limits;
use crate::hit::cut;

/// The rule's line about an event of which its fields say these; its title where it has none.
pub(crate) fn summary(rule: &Rule, values: &[Vec<String>], limits: &Limits) -> String {
    if rule.summary.parts.is_empty() {
        return cut(&rule.title, limits.text_chars_max);
    }
    let mut of_fields = values.iter();
    if rule.origin.language == Language::Falco {
        let mut next = |_: &Field| of_fields.next().map_or(&[][..], Vec::as_slice);
        return cut(&falco::alert::message(rule, &mut next), limits.text_chars_max);
    }
    let mut line = String::new();
    for part in &rule.summary.parts {
        match part {
            TemplatePart::Text(text) => line += text,
            TemplatePart::Field { width, .. } => {
                let text = match of_fields.next().map_or(&[][..], Vec::as_slice) {
                    [] => Cow::Borrowed("-"),
                    [one] => Cow::Borrowed(one.as_str()),
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
