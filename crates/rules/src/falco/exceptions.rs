//! Exceptions of a rule: what is written is a table of values, what it means is a piece of condition.

use auditward_policy::read::{Node, Value};

use super::items::{Reader, Result};
use super::text::{Pieces, Written, quoted};
use crate::Weight;

/// A rule's exceptions, each name once.
#[derive(Debug, Clone, Default)]
pub(super) struct Exceptions {
    all: Vec<Exception>,
}

/// As it is written.
#[derive(Debug, Clone)]
pub(super) struct Exception {
    name: String,
    fields: Option<Cell>,
    comps: Option<Cell>,
    values: Option<Vec<Cell>>,
    written: Written,
    node: Node,
}

/// A scalar or a list.
#[derive(Debug, Clone)]
enum Cell {
    One(String),
    Many(Vec<Cell>),
}

/// How many exceptions one item may list.
const EXCEPTIONS_MAX: usize = 1000;

const VALIDATE: &str = "LOAD_ERR_VALIDATE";
const LIST_OPERATORS: [&str; 3] = ["in", "pmatch", "intersects"];

impl Exception {
    pub(super) fn read_all(reader: &mut Reader<'_>, node: &Node) -> Result<Vec<Exception>> {
        let Value::List(nodes) = &node.value else {
            return reader.wrong("LOAD_ERR_YAML_VALIDATE", node, "`exceptions` is a list");
        };
        if nodes.len() > EXCEPTIONS_MAX {
            return reader.wrong(VALIDATE, node, format!("more than {EXCEPTIONS_MAX} exceptions"));
        }
        nodes.iter().map(|node| Exception::read(reader, node)).collect()
    }

    fn read(reader: &mut Reader<'_>, node: &Node) -> Result<Exception> {
        let Some(name) = node.get("name") else {
            return reader.wrong("LOAD_ERR_YAML_VALIDATE", node, "an exception needs a `name`");
        };
        let name = reader.text(name, "name")?;
        let mut cell = |key| node.get(key).map(|node| Cell::read(reader, node, key)).transpose();
        let (fields, comps) = (cell("fields")?, cell("comps")?);
        let values = match cell("values")? {
            None => None,
            Some(Cell::Many(values)) => Some(values),
            Some(Cell::One(_)) => return reader.wrong("LOAD_ERR_YAML_VALIDATE", node, "`values` is a list"),
        };
        let written = reader.written(node);
        Ok(Exception { name, fields, comps, values, written, node: node.clone() })
    }

    /// Sees that operators and values are as many as fields, and fills in the operators that were left out.
    fn complete(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        let wrong =
            |reader: &mut Reader<'_>, node: &Node, message: String| reader.wrong(VALIDATE, node, message);
        let name = &self.name;
        let operators: Vec<String> = match (&self.fields, &self.comps) {
            (None, _) => return wrong(reader, &self.node, format!("exception `{name}` needs `fields`")),
            (Some(Cell::One(_)), None) => {
                self.comps = Some(Cell::One("in".to_owned()));
                return Ok(());
            }
            (Some(Cell::One(_)), Some(Cell::One(operator))) => {
                let last = operator.split_whitespace().last().unwrap_or_default();
                if !LIST_OPERATORS.contains(&operator.as_str())
                    && !["oneof", "anyof", "allof"].contains(&last)
                {
                    let message =
                        format!("of one field, `comps` is `in`, `pmatch` or `intersects`, not `{operator}`");
                    return wrong(reader, &self.node, message);
                }
                return Ok(());
            }
            (Some(Cell::Many(fields)), None) => {
                let equal = vec![Cell::One("=".to_owned()); fields.len()];
                self.comps = Some(Cell::Many(equal));
                return Ok(());
            }
            (Some(Cell::Many(fields)), Some(Cell::Many(comps))) if fields.len() == comps.len() => {
                comps.iter().map(Cell::text).collect()
            }
            (Some(_), Some(_)) => {
                let message = format!("exception `{name}` needs as many `comps` as `fields`");
                return wrong(reader, &self.node, message);
            }
        };
        let known = super::condition::Operator::ALL.iter().map(|operator| operator.text());
        let first = |operator: &str| operator.split_whitespace().next().unwrap_or_default().to_owned();
        if let Some(odd) =
            operators.iter().find(|operator| !known.clone().any(|known| known == first(operator)))
        {
            return wrong(reader, &self.node, format!("exception `{name}`: there is no operator `{odd}`"));
        }
        Ok(())
    }

    /// Without its values.
    fn bare(&self) -> Exception {
        Exception {
            name: self.name.clone(),
            fields: self.fields.clone(),
            comps: self.comps.clone(),
            values: None,
            written: self.written.clone(),
            node: Node { value: Value::Null, span: self.node.span.clone() },
        }
    }

    /// `(f = a and g = b) or …`, or nothing without values.
    fn condition(&self, reader: &mut Reader<'_>) -> Result<Option<String>> {
        let (Some(fields), Some(comps), Some(values)) = (&self.fields, &self.comps, &self.values) else {
            return Ok(None);
        };
        if values.is_empty() {
            return Ok(None);
        }
        let (Cell::Many(fields), Cell::Many(comps)) = (fields, comps) else {
            let values: Vec<String> = values.iter().map(|value| quoted(&value.text())).collect();
            return Ok(Some(format!("({} {} ({}))", fields.text(), comps.text(), values.join(", "))));
        };
        let mut rows = Vec::with_capacity(values.len());
        for row in values {
            let row = match row {
                Cell::Many(row) if row.len() == fields.len() => row,
                _ => {
                    let message =
                        format!("exception `{}`: each row of `values` has as many as `fields`", self.name);
                    return reader.wrong(VALIDATE, &self.node, message);
                }
            };
            let cells = fields.iter().zip(comps).zip(row).map(|((field, operator), value)| {
                let operator = operator.text();
                format!("{} {operator} {}", field.text(), value.right_of(&operator))
            });
            rows.push(format!("({})", cells.collect::<Vec<_>>().join(" and ")));
        }
        Ok(Some(format!("({})", rows.join(" or "))))
    }
}

impl Exceptions {
    pub(super) fn new(reader: &mut Reader<'_>, exceptions: Vec<Exception>) -> Result<Self> {
        let mut all: Vec<Exception> = Vec::with_capacity(exceptions.len());
        for mut exception in exceptions {
            exception.complete(reader)?;
            exception.condition(reader)?;
            if all.iter().any(|known| known.name == exception.name) {
                not_unique(reader, &exception);
            }
            all.push(exception);
        }
        Ok(Exceptions { all })
    }

    /// Adds values to those of the same name, and exceptions of new names.
    pub(super) fn append(&mut self, reader: &mut Reader<'_>, exceptions: Vec<Exception>) -> Result<()> {
        for mut new in exceptions {
            let Some(old) = self.all.iter_mut().find(|old| old.name == new.name) else {
                if new.values.is_none() {
                    let message = format!("new exception `{}` needs `fields` and `values`", new.name);
                    return reader.wrong(VALIDATE, &new.node, message);
                }
                new.complete(reader)?;
                new.condition(reader)?;
                self.all.push(new);
                continue;
            };
            if new.fields.is_some() || new.comps.is_some() {
                let message = format!(
                    "exception `{}` has its `fields` and `comps` already: add `values` only",
                    new.name
                );
                return reader.wrong(VALIDATE, &new.node, message);
            }
            let Some(values) = new.values else {
                let message = format!("nothing is added to exception `{}`", new.name);
                let finding =
                    reader.note(Weight::Warning, "LOAD_APPEND_NO_VALUES", new.written.span.clone(), message);
                finding.hint = Some("add `values`".to_owned());
                continue;
            };
            // The new rows by themselves tell whether they fit.
            let rows = Exception { values: Some(values), node: new.node, written: new.written, ..old.bare() };
            rows.condition(reader)?;
            old.values.get_or_insert_default().extend(rows.values.unwrap_or_default());
            old.written = rows.written;
        }
        Ok(())
    }

    /// The whole condition of a rule with these.
    pub(super) fn guard(&self, reader: &mut Reader<'_>, condition: &Pieces) -> Result<Pieces> {
        if self.all.is_empty() {
            return Ok(condition.clone());
        }
        let mut guarded = Pieces::default();
        let written = condition.last();
        guarded.push("(", written.clone());
        guarded.extend(condition.clone());
        guarded.push(")", written);
        for exception in &self.all {
            if let Some(text) = exception.condition(reader)? {
                guarded.push(&format!(" and not {text}"), exception.written.clone());
            }
        }
        Ok(guarded)
    }
}

fn not_unique(reader: &mut Reader<'_>, exception: &Exception) {
    let message = format!("exception `{}` is there twice", exception.name);
    let finding = reader.note(
        Weight::Warning,
        "LOAD_EXCEPTION_NAME_NOT_UNIQUE",
        exception.written.span.clone(),
        message,
    );
    finding.hint = Some("only the first can be appended to: give each its own name".to_owned());
}

impl Cell {
    fn read(reader: &mut Reader<'_>, node: &Node, key: &str) -> Result<Cell> {
        match &node.value {
            Value::List(nodes) => {
                let cells: Result<Vec<Cell>> =
                    nodes.iter().map(|node| Cell::read(reader, node, key)).collect();
                cells.map(Cell::Many)
            }
            _ => reader.text(node, key).map(Cell::One),
        }
    }

    /// As a condition has it.
    fn text(&self) -> String {
        match self {
            Cell::One(text) => text.clone(),
            Cell::Many(cells) => {
                let cells: Vec<String> = cells.iter().map(|cell| quoted(&cell.text())).collect();
                format!("({})", cells.join(", "))
            }
        }
    }

    fn right_of(&self, operator: &str) -> String {
        let takes_list = operator
            .split_whitespace()
            .any(|word| LIST_OPERATORS.contains(&word) || ["oneof", "anyof", "allof"].contains(&word));
        match self {
            Cell::One(text) if takes_list && !text.starts_with('(') => format!("({})", quoted(text)),
            Cell::One(text) if takes_list => text.clone(),
            Cell::One(text) => quoted(text),
            Cell::Many(_) => self.text(),
        }
    }
}
