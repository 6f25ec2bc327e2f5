//! Steps made in the text: each becomes a few [`Splice`]s, and every byte outside them stays.
//!
//! Lists and mappings on lines of their own grow by lines, in their own indentation and line ends, right behind their
//! last item and before the comments that follow it. Those in brackets grow inside them. What is unusual enough that
//! neither fits (a list that begins behind another dash, a key whose value is a block of text) is not edited at all.

use super::change::Splice;
use super::step::{Data, Path, Step, show};
use super::syntax::{Entry, Hop, Node, Quotes, Shape};
use super::write::{self, FlowStyle};

/// The splices that make these steps, in the order of the text; or why they cannot be made.
pub(super) fn splices(text: &str, root: &Node, steps: &[Step]) -> Result<Vec<Splice>, String> {
    let mut editor = Editor { text, root, splices: Vec::new() };
    for step in steps {
        match step {
            Step::Append { list, items } => editor.append(list, items)?,
            Step::Add { map, key, value } => editor.add(map, key, value)?,
            Step::Replace { at, with } => editor.replace(at, with)?,
            Step::Remove { .. } => {}
        }
    }
    editor.remove_all(steps)?;
    editor.splices.sort_by_key(|splice| splice.at);
    let splices = joined(text, editor.splices);
    let overlap = splices.windows(2).any(|pair| pair[0].at + pair[0].remove.len() > pair[1].at);
    if overlap { Err("two changes meet in one place".into()) } else { Ok(splices) }
}

/// Neighbouring removals as one. One that takes the last line of a file without a final newline takes the newline before
/// it along.
fn joined(text: &str, splices: Vec<Splice>) -> Vec<Splice> {
    let mut joined: Vec<Splice> = Vec::with_capacity(splices.len());
    for splice in splices {
        match joined.last_mut() {
            Some(last)
                if last.insert.is_empty()
                    && splice.insert.is_empty()
                    && last.at + last.remove.len() == splice.at =>
            {
                last.remove += &splice.remove;
            }
            _ => joined.push(splice),
        }
    }
    if let Some(last) = joined.last_mut()
        && last.insert.is_empty()
        && last.at + last.remove.len() == text.len()
        && !text.ends_with('\n')
    {
        let before = &text[..last.at];
        let kept =
            before.strip_suffix('\n').map_or(before, |before| before.strip_suffix('\r').unwrap_or(before));
        last.remove.insert_str(0, &before[kept.len()..]);
        last.at = kept.len();
    }
    joined
}

/// The text with splices made; `None` where they do not fit it.
pub(super) fn apply(text: &str, splices: &[Splice]) -> Option<String> {
    let mut new = String::with_capacity(text.len());
    let mut at = 0;
    for splice in splices {
        new += text.get(at..splice.at)?;
        at = splice.at.checked_add(splice.remove.len())?;
        if text.get(splice.at..at)? != splice.remove {
            return None;
        }
        new += &splice.insert;
    }
    Some(new + text.get(at..)?)
}

/// What takes these splices back.
pub(super) fn inverse(splices: &[Splice]) -> Vec<Splice> {
    let (mut grown, mut shrunk) = (0, 0);
    let back = |splice: &Splice| {
        let at = splice.at + grown - shrunk;
        grown += splice.insert.len();
        shrunk += splice.remove.len();
        Splice { at, remove: splice.insert.clone(), insert: splice.remove.clone() }
    };
    splices.iter().map(back).collect()
}

struct Editor<'t> {
    text: &'t str,
    root: &'t Node,
    splices: Vec<Splice>,
}

type Result<T, E = String> = std::result::Result<T, E>;

impl<'t> Editor<'t> {
    fn append(&mut self, path: &Path, items: &[Data]) -> Result<()> {
        let node = self.find(path)?;
        let Shape::List { flow, items: there } = &node.shape else {
            return Err(format!("`{}` is no list", show(path)));
        };
        let quotes = there.last().map_or(Quotes::Plain, quotes);
        let Some(last) = there.last() else {
            let items: Vec<String> =
                items.iter().map(|item| self.flow_style(node).value(item, quotes)).collect();
            self.insert(node.span.start + 1, items.join(self.flow_style(node).comma()));
            return Ok(());
        };
        if *flow {
            self.append_in_brackets(node, there, items, quotes);
            return Ok(());
        }
        let (dash, gap) = self.dash(last)?;
        let indent = self.indent(dash)?;
        let lines = items.iter().flat_map(|item| match item {
            // In brackets where its neighbour is.
            Data::Map(_) if last.is_flow() => {
                vec![format!("-{}{}", " ".repeat(gap), self.flow_style(last).value(item, quotes))]
            }
            _ => write::block_item(item, quotes, self.nested(), gap),
        });
        let lines: Vec<String> = lines.map(|line| format!("{indent}{line}")).collect();
        self.insert_lines(last.span.end, &lines)
    }

    fn append_in_brackets(&mut self, list: &Node, there: &[Node], items: &[Data], quotes: Quotes) {
        let style = self.flow_style(list);
        let items: Vec<String> = items.iter().map(|item| style.value(item, quotes)).collect();
        let end = there.last().map_or(list.span.start + 1, |last| last.span.end);
        let start = there.last().map_or(list.span.start + 1, |last| last.span.start);
        let line = self.line_start(start);
        let behind = &self.text[end..list.span.end];
        let comma =
            behind.trim_start().starts_with(',').then(|| end + behind.len() - behind.trim_start().len() + 1);
        let rest = comma.unwrap_or(end);
        let line_end = self.line_end(rest);
        let alone = self.text[line..start].trim().is_empty()
            && line_end <= list.span.end
            && is_blank_or_comment(&self.text[rest..line_end]);
        match (alone, comma) {
            (true, comma) => {
                // A line an item, as its neighbours.
                let indent = &self.text[line..start];
                let newline = self.newline(line_end);
                let close = if comma.is_some() { "," } else { "" };
                if comma.is_none() {
                    self.insert(end, ",".to_owned());
                }
                let lines = items.join(&format!(",{newline}{indent}"));
                self.insert(line_end, format!("{indent}{lines}{close}{newline}"));
            }
            (false, None) => self.insert(end, format!("{}{}", style.comma(), items.join(style.comma()))),
            (false, Some(comma)) => {
                let space = if style.spaced { " " } else { "" };
                self.insert(comma, format!("{space}{},", items.join(style.comma())));
            }
        }
    }

    fn add(&mut self, path: &Path, key: &str, value: &Data) -> Result<()> {
        let map = self.find(path)?;
        let Shape::Map { flow, entries } = &map.shape else {
            return Err(format!("`{}` is no mapping", show(path)));
        };
        if let Some(entry) = map.entry(key) {
            return self.fill(entry, value);
        }
        let style = self.flow_style(map);
        let Some(last) = entries.last() else {
            self.insert(map.span.start + 1, style.entry(key, value));
            return Ok(());
        };
        let end = last.value.span.end.max(last.key.span.end);
        if *flow {
            self.insert(end, format!("{}{}", style.comma(), style.entry(key, value)));
            return Ok(());
        }
        let first = &entries[0].key;
        let column = first.span.start - self.line_start(first.span.start);
        let lines = write::block_entry(key, value, self.nested());
        let lines: Vec<String> = lines.iter().map(|line| " ".repeat(column) + line).collect();
        self.insert_lines(end, &lines)
    }

    /// A value for a key that has none.
    fn fill(&mut self, entry: &Entry, value: &Data) -> Result<()> {
        if !entry.value.is_null() {
            return Err("a key that was to be added is there".into());
        }
        let text = self.flow_style(&entry.value).value(value, Quotes::Plain);
        let span = entry.value.span.clone();
        if span.is_empty() {
            let colon = self.colon(entry)?;
            self.insert(colon, format!(" {text}"));
        } else {
            self.splices.push(Splice { at: span.start, remove: self.text[span].to_owned(), insert: text });
        }
        Ok(())
    }

    fn replace(&mut self, path: &Path, with: &str) -> Result<()> {
        let node = self.find(path)?;
        let Shape::Scalar { quotes, .. } = &node.shape else {
            return Err(format!("`{}` is no text", show(path)));
        };
        if *quotes == Quotes::Block {
            return Err(format!("`{}` is a block of text", show(path)));
        }
        let flow = self.in_brackets(path);
        let insert = if self.is_json() { write::double(with) } else { write::scalar(with, *quotes, flow) };
        let span = node.span.clone();
        // An empty value stands right behind its colon or dash.
        let insert = if span.is_empty() { format!(" {insert}") } else { insert };
        self.splices.push(Splice { at: span.start, remove: self.text[span].to_owned(), insert });
        Ok(())
    }

    /// All removals, owner by owner: the last one leaves brackets behind.
    fn remove_all(&mut self, steps: &[Step]) -> Result<()> {
        let mut owners: Vec<(&[Hop], Vec<&Hop>)> = Vec::new();
        for step in steps {
            let Step::Remove { at } = step else { continue };
            let Some((last, owner)) = at.split_last() else { return Err("the whole file would go".into()) };
            match owners.iter_mut().find(|(known, _)| *known == owner) {
                Some((_, hops)) => hops.push(last),
                None => owners.push((owner, vec![last])),
            }
        }
        for (owner, hops) in owners {
            let grows = steps.iter().any(|step| match step {
                Step::Append { list: path, .. } | Step::Add { map: path, .. } => path == owner,
                _ => false,
            });
            self.remove_from(owner, &hops, grows)?;
        }
        Ok(())
    }

    fn remove_from(&mut self, owner: &[Hop], hops: &[&Hop], grows: bool) -> Result<()> {
        let node = self.find(owner)?;
        // Where each part of the owner begins and ends, and whether it goes.
        let parts: Vec<(usize, usize, bool)> = match &node.shape {
            Shape::List { items, .. } => items
                .iter()
                .enumerate()
                .map(|(at, item)| (item.span.start, item.span.end, hops.contains(&&Hop::Index(at))))
                .collect(),
            Shape::Map { entries, .. } => entries
                .iter()
                .map(|entry| {
                    let goes = hops.iter().any(|hop| matches!(hop, Hop::Key(key) if entry.key.is(key)));
                    (entry.key.span.start, entry.value.span.end.max(entry.key.span.end), goes)
                })
                .collect(),
            _ => return Err(format!("`{}` is no collection", show(owner))),
        };
        let empties = parts.iter().all(|(.., goes)| *goes);
        if empties && grows {
            return Err(format!("everything in `{}` would be replaced", show(owner)));
        }
        if node.is_flow() {
            self.remove_in_brackets(node, &parts);
            return Ok(());
        }
        if empties {
            let Some((Hop::Key(key), above)) = owner.split_last() else {
                return Err(format!("nothing would be left of `{}`", show(owner)));
            };
            let entry = self.find(above)?.entry(key).ok_or("the owner has no key")?;
            let colon = self.colon(entry)?;
            let brackets = if matches!(node.shape, Shape::List { .. }) { " []" } else { " {}" };
            self.insert(colon, brackets.to_owned());
        }
        for (start, end, _) in parts.iter().filter(|(.., goes)| *goes) {
            let head = match &node.shape {
                Shape::List { .. } => self.dash_before(*start)?.0,
                _ => *start,
            };
            let line = self.line_start(head);
            if !self.text[line..head].trim().is_empty() {
                return Err(format!("an item of `{}` shares its line with another", show(owner)));
            }
            let stop = self.line_end(*end);
            if !is_blank_or_comment(&self.text[*end..stop]) {
                return Err(format!("something follows an item of `{}` on its line", show(owner)));
            }
            self.splices.push(Splice {
                at: line,
                remove: self.text[line..stop].to_owned(),
                insert: String::new(),
            });
        }
        Ok(())
    }

    /// Each goes with the comma before it; the first ones with the comma behind.
    fn remove_in_brackets(&mut self, node: &Node, parts: &[(usize, usize, bool)]) {
        let leading = parts.iter().take_while(|(.., goes)| *goes).count();
        if leading == parts.len() {
            let (start, end) = (node.span.start + 1, node.span.end - 1);
            let remove = self.text[start..end].to_owned();
            self.splices.push(Splice { at: start, remove, insert: String::new() });
            return;
        }
        if leading > 0 {
            let span = parts[0].0..parts[leading].0;
            self.splices.push(Splice {
                at: span.start,
                remove: self.text[span].to_owned(),
                insert: String::new(),
            });
        }
        for at in leading..parts.len() {
            if parts[at].2 {
                let span = parts[at - 1].1..parts[at].1;
                let remove = self.text[span.clone()].to_owned();
                self.splices.push(Splice { at: span.start, remove, insert: String::new() });
            }
        }
    }

    fn insert(&mut self, at: usize, insert: String) {
        self.splices.push(Splice { at, remove: String::new(), insert });
    }

    /// Lines behind the line that `end` is on.
    fn insert_lines(&mut self, end: usize, lines: &[String]) -> Result<()> {
        let at = self.line_end(end);
        if !is_blank_or_comment(&self.text[end..at]) {
            return Err("something unusual stands behind the last item".into());
        }
        let newline = self.newline(at);
        let lines = lines.join(newline);
        let final_newline = self.text[..at].ends_with('\n');
        self.insert(at, if final_newline { lines + newline } else { newline.to_owned() + &lines });
        Ok(())
    }

    /// The dash before an item, and how many spaces stand between the two.
    fn dash(&self, item: &Node) -> Result<(usize, usize)> {
        self.dash_before(item.span.start)
    }

    fn dash_before(&self, start: usize) -> Result<(usize, usize)> {
        let before = self.text[..start].trim_end_matches(' ');
        match before.strip_suffix('-') {
            Some(indent) => Ok((indent.len(), (start - before.len()).max(1))),
            None => Err("an item does not follow its dash".into()),
        }
    }

    /// What stands before a dash, when that is only spaces.
    fn indent(&self, dash: usize) -> Result<&'t str> {
        let indent = &self.text[self.line_start(dash)..dash];
        if indent.bytes().all(|byte| byte == b' ') {
            Ok(indent)
        } else {
            Err("the last item shares its line with another".into())
        }
    }

    /// Behind the colon of a key.
    fn colon(&self, entry: &Entry) -> Result<usize> {
        let behind = &self.text[entry.key.span.end..];
        let after = behind.trim_start_matches(' ');
        if after.starts_with(':') {
            Ok(entry.key.span.end + behind.len() - after.len() + 1)
        } else {
            Err("a key has no colon behind it".into())
        }
    }

    /// How far lists stand in from their keys in this file, by the list of containers.
    fn nested(&self) -> usize {
        let nested = || {
            let containers = self.root.entry("spec")?.value.entry("containers")?;
            let column = |at: usize| at - self.line_start(at);
            column(containers.value.span.start).checked_sub(column(containers.key.span.start))
        };
        nested().filter(|nested| *nested <= 8).unwrap_or(0)
    }

    /// How brackets are written where `node` stands.
    fn flow_style(&self, node: &Node) -> FlowStyle {
        let json = self.is_json();
        let gap = |node: &Node| match &node.shape {
            Shape::List { items, .. } if items.len() > 1 => Some(items[0].span.end..items[1].span.start),
            Shape::Map { entries, .. } if entries.len() > 1 => {
                Some(entries[0].value.span.end..entries[1].key.span.start)
            }
            _ => None,
        };
        let gap = gap(node).or_else(|| gap(self.root)).map_or("", |gap| &self.text[gap]);
        FlowStyle { json, spaced: !json || gap.len() > 1 }
    }

    fn is_json(&self) -> bool {
        self.text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('{')
    }

    fn in_brackets(&self, path: &[Hop]) -> bool {
        (0..path.len()).any(|length| self.find(&path[..length]).is_ok_and(Node::is_flow))
    }

    fn find(&self, path: &[Hop]) -> Result<&'t Node> {
        let found = path.iter().try_fold(self.root, |node, hop| node.child(hop));
        found.ok_or_else(|| format!("`{}` is not there", show(path)))
    }

    fn line_start(&self, at: usize) -> usize {
        line_start(self.text, at)
    }

    fn line_end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |newline| at + newline + 1)
    }

    /// How the line before `at` ends; where it does not, how the first one of the file does.
    fn newline(&self, at: usize) -> &'static str {
        let first = self.line_end(0);
        let before = &self.text[..at];
        let line = if before.ends_with('\n') { before } else { &self.text[..first] };
        if line.ends_with("\r\n") { "\r\n" } else { "\n" }
    }
}

/// The start of the line that `at` is on.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn is_blank_or_comment(rest: &str) -> bool {
    let trimmed = rest.trim_start_matches([' ', '\t']);
    let comment = trimmed.starts_with('#') && (trimmed.len() < rest.len());
    trimmed.trim().is_empty() || comment
}

fn quotes(node: &Node) -> Quotes {
    match &node.shape {
        Shape::Scalar { quotes, .. } => *quotes,
        _ => Quotes::Plain,
    }
}
