//! A change, made: planned on what the file says, spliced into what it looks like, proven, handed out.

use super::change::{Change, Edited, Effect, Undo};
use super::plan::{Plan, plan};
use super::refusal::{Refusal, Why};
use super::splice::{apply, inverse, splices};
use super::step::{Path, Step, show};
use super::syntax::{Node, Shape};
use super::write::block_entry;
use super::{Manifest, prove};

pub(super) fn edit(manifest: &Manifest, change: &Change) -> Result<Edited, Refusal> {
    manifest.editable().map_err(first)?;
    let plan = planned(manifest, change)?;
    touchable(manifest, &plan.steps)?;
    let unproven = |message: String| Refusal::whole(Why::Unproven { message, steps: by_hand(&plan) });
    let splices = splices(&manifest.text, &manifest.syntax, &plan.steps).map_err(unproven)?;
    let text = apply(&manifest.text, &splices).ok_or_else(|| unproven("the splices do not fit".into()))?;
    let undo = Undo { splices: inverse(&splices), length: text.len(), change: plan.back.clone() };
    prove::edit(manifest, change, &plan.steps, &text, &undo).map_err(unproven)?;
    Ok(Edited { text, effects: plan.effects, undo })
}

/// Takes an edit back. The splices fit where the file is as the edit left it, at least there; where they do not, the
/// opposite change is made instead.
pub(super) fn undo(manifest: &Manifest, undo: &Undo) -> Result<Edited, Refusal> {
    let exact = (undo.length == manifest.text.len()).then(|| apply(&manifest.text, &undo.splices)).flatten();
    let Some(text) = exact else { return edit(manifest, &undo.change) };
    manifest.editable().map_err(first)?;
    let plan = planned(manifest, &undo.change)?;
    let unproven = |message: String| Refusal::whole(Why::Unproven { message, steps: by_hand(&plan) });
    prove::undo(&text, &undo.change).map_err(unproven)?;
    let redo = Undo { splices: inverse(&undo.splices), length: text.len(), change: plan.back.clone() };
    Ok(Edited { text, effects: plan.effects, undo: redo })
}

pub(super) fn planned(manifest: &Manifest, change: &Change) -> Result<Plan, Refusal> {
    let has = |path: &[_]| {
        let found = path.iter().try_fold(&manifest.syntax, |node, hop| node.child(hop));
        found.is_some_and(|node| !node.is_null())
    };
    plan(&manifest.pod, change, &has)
}

/// Whether nothing on the way to any step ties it to another place of the file.
fn touchable(manifest: &Manifest, steps: &[Step]) -> Result<(), Refusal> {
    let refuse = |offset: usize, why: Why| Err(Refusal::at(manifest.place(offset), why));
    for step in steps {
        let (path, whole) = match step {
            Step::Append { list: path, .. } | Step::Add { map: path, .. } => (path, false),
            Step::Replace { at, .. } | Step::Remove { at } => (at, true),
        };
        let mut node = &manifest.syntax;
        for depth in 0..=path.len() {
            let field = || match depth {
                0 => "the whole file".to_owned(),
                _ => show(&path[..depth]),
            };
            if let Some(what) = node.mark {
                return refuse(node.span.start, Why::Anchor { what, field: field() });
            }
            if let Some(why) = ambiguous_key(node, &field()) {
                return refuse(why.0, why.1);
            }
            match path.get(depth).map(|hop| node.child(hop)) {
                Some(Some(child)) => node = child,
                _ => break,
            }
        }
        if whole && let Some((what, offset)) = node.any_mark() {
            return refuse(offset, Why::Anchor { what, field: show(path) });
        }
    }
    Ok(())
}

/// A merge key, or a key that is there twice.
fn ambiguous_key(node: &Node, field: &str) -> Option<(usize, Why)> {
    let Shape::Map { entries, .. } = &node.shape else { return None };
    let mut seen = std::collections::HashSet::new();
    entries.iter().find_map(|entry| {
        let offset = entry.key.span.start;
        let Shape::Scalar { text, .. } = &entry.key.shape else {
            return Some((offset, Why::Anchor { what: "an alias", field: field.to_owned() }));
        };
        if text == "<<" {
            return Some((offset, Why::Anchor { what: "a merge key", field: field.to_owned() }));
        }
        (!seen.insert(text)).then(|| (offset, Why::DuplicateKey { key: text.clone() }))
    })
}

/// The plan for people: every effect, and what is new as it would be written.
fn by_hand(plan: &Plan) -> String {
    let mut lines: Vec<String> =
        plan.effects.iter().filter(|effect| !effect.is_reuse()).map(Effect::to_string).collect();
    for step in &plan.steps {
        let (path, value): (Path, _) = match step {
            Step::Append { list, items } => (list.clone(), super::step::Data::List(items.clone())),
            Step::Add { map, key, value } => {
                ([map.as_slice(), &[super::syntax::Hop::Key(key.clone())]].concat(), value.clone())
            }
            _ => continue,
        };
        lines.push(String::new());
        lines.extend(block_entry(&show(&path), &value, 0));
    }
    lines.join("\n")
}

fn first(refusals: Vec<Refusal>) -> Refusal {
    refusals.into_iter().next().unwrap_or_else(|| {
        Refusal::whole(Why::Unproven { message: "it may not be changed".into(), steps: String::new() })
    })
}
