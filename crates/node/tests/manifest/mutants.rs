//! Manifests as hands, editors and accidents leave them: seeded changes to whole ones. Each is edited and put back to the
//! byte, or refused; nothing in between.

use std::collections::BTreeMap;

use auditward_node::manifest::Manifest;

use super::corpus::round_trip;
use super::manifests;

/// How many are made.
pub(crate) const MUTANTS: usize = 12_000;

const SEED: u64 = 0x0a0d_17ed;

/// What `kubeadm init` wrote, shortened; so that there is something to change where there is no corpus.
const KUBEADM: &str = include_str!("kubeadm.yaml");

#[test]
fn each_is_changed_and_put_back_or_refused() {
    let mutants = mutants();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    std::thread::scope(|scope| {
        let share = |chunk| scope.spawn(move || count(chunk));
        let counted: Vec<_> = mutants.chunks(mutants.len().div_ceil(threads)).map(share).collect();
        for thread in counted {
            for (outcome, number) in thread.join().unwrap() {
                *counts.entry(outcome).or_default() += number;
            }
        }
    });
    for (outcome, number) in &counts {
        println!("{number:6} {outcome}");
    }
    assert_eq!(counts.values().sum::<usize>(), MUTANTS);
    assert!(counts["edited"] > MUTANTS / 10, "the changes leave too little to edit: {counts:?}");
}

fn count(mutants: &[Vec<u8>]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for mutant in mutants {
        let outcome = std::panic::catch_unwind(|| match round_trip(mutant) {
            Ok(_) => "edited".to_owned(),
            Err((step, refusal)) => {
                assert!(!refusal.to_string().is_empty() && !refusal.hint().is_empty());
                format!("not {step}: {}", refusal.why.code())
            }
        });
        match outcome {
            Ok(outcome) => *counts.entry(outcome).or_default() += 1,
            Err(panic) => {
                println!("with this manifest:\n{}\n", String::from_utf8_lossy(mutant));
                std::panic::resume_unwind(panic);
            }
        }
    }
    counts
}

/// The same ones each time.
pub(crate) fn mutants() -> Vec<Vec<u8>> {
    let mut originals: Vec<Vec<u8>> = manifests().unwrap_or_default().into_values().collect();
    // Those that can be edited are worth more than those that are refused as they are.
    originals.retain(|bytes| Manifest::read(bytes).is_ok_and(|manifest| manifest.editable().is_ok()));
    originals.push(KUBEADM.as_bytes().to_vec());
    let mut random = Random(SEED);
    let mutant = |_| {
        let original = &originals[random.below(originals.len())];
        let mut text = String::from_utf8(original.clone()).unwrap();
        for _ in 0..=random.below(3) {
            text = mutate(&text, &mut random);
        }
        text.into_bytes()
    };
    (0..MUTANTS).map(mutant).collect()
}

fn mutate(text: &str, random: &mut Random) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if lines.is_empty() {
        return "\n".into();
    }
    let at = random.below(lines.len());
    let ending = if lines[at].ends_with("\r\n") { "\r\n" } else { "\n" };
    let spaces = |count: usize| " ".repeat(count);
    match random.below(26) {
        0 => lines.insert(at, format!("{}# - --audit-log-path=/old{ending}", spaces(random.below(9)))),
        1 => lines.insert(at, format!("#{ending}")),
        2 => lines[at] = format!("{} # a comment{ending}", lines[at].trim_end()),
        3 => lines[at] = quoted(&lines[at], '\''),
        4 => lines[at] = quoted(&lines[at], '"'),
        5 => return text.replace("\r\n", "\n").replace('\n', "\r\n"),
        6 => lines[at] = lines[at].replace("\r\n", "\n").replace('\n', "\r\n"),
        7 => return text.trim_end().to_owned(),
        8 => lines.insert(at, lines[at].clone()),
        9 => drop(lines.remove(at)),
        10 => {
            let end = text.floor_char_boundary(random.below(text.len()));
            return text[..end].to_owned();
        }
        11 => lines.truncate(at + 1),
        12 => return format!("{text}---\napiVersion: v1\nkind: Pod\n"),
        13 => return format!("---\n{text}"),
        14 => lines[at] = lines[at].replacen("  ", "\t", 1),
        15 => lines[at] = format!("{}{}", spaces(1 + random.below(3)), lines[at]),
        16 => lines[at] = lines[at].replacen("  ", "", 1),
        17 => {
            let end = (at + 1 + random.below(12)).min(lines.len());
            lines[at..end].iter_mut().for_each(|line| line.insert_str(0, "  "));
        }
        18 => lines[at] = marked(&lines[at], ["&a ", "*a ", "!!str ", "!own ", "&b "][random.below(5)]),
        19 => return in_brackets(&lines, at),
        20 => {
            let other = random.below(lines.len());
            lines.swap(at, other);
        }
        21 => {
            lines.insert(at, [ending.to_owned(), format!("{}{ending}", spaces(7))][random.below(2)].clone());
        }
        22 => lines[at] = format!("{}  {ending}", lines[at].trim_end()),
        23 => return format!("\u{feff}{}", text.trim_start_matches('\u{feff}')),
        24 => return second_container(text, random.below(2) == 0),
        _ => {
            let place = random.below(text.len());
            let place = text.floor_char_boundary(place);
            let new = ["", "-", ":", " ", "#", "'", "\"", "[", "}", "{", ",", "|", "~", "0", "\t", "\n"]
                [random.below(16)];
            let rest = &text[place..];
            let skip = rest.chars().next().map_or(0, char::len_utf8);
            return format!("{}{new}{}", &text[..place], &rest[skip..]);
        }
    }
    lines.concat()
}

/// The value or item of a line in quotes.
fn quoted(line: &str, quote: char) -> String {
    let body = line.trim_end();
    let ending = &line[body.len()..];
    let start =
        ["- ", ": "].into_iter().filter_map(|mark| body.find(mark).map(|at| at + 2)).max().unwrap_or(0);
    format!("{}{quote}{}{quote}{ending}", &body[..start], &body[start..])
}

/// A word before the value or item of a line.
fn marked(line: &str, word: &str) -> String {
    match line.find("- ").map(|at| at + 2).or_else(|| line.find(':').map(|at| at + 1)) {
        Some(at) if line[at..].starts_with([' ', '\r', '\n']) => {
            format!("{} {}{}", &line[..at], word.trim_end(), &line[at..])
        }
        Some(at) => format!("{}{word}{}", &line[..at], &line[at..]),
        None => line.to_owned(),
    }
}

/// The list of plain items around a line, in brackets behind its key.
fn in_brackets(lines: &[String], at: usize) -> String {
    let is_item = |line: &String| line.trim_start().starts_with("- --");
    let Some(first) = (at..lines.len()).find(|at| is_item(&lines[*at])) else { return lines.concat() };
    let key = (0..first).rev().find(|at| lines[*at].trim_end().ends_with(':'));
    let Some(key) = key else { return lines.concat() };
    let end = (first..lines.len()).find(|at| !is_item(&lines[*at])).unwrap_or(lines.len());
    let items: Vec<&str> =
        lines[key + 1..end].iter().map(|line| line.trim().trim_start_matches("- ")).collect();
    format!("{} [{}]\n{}", lines[..=key].concat().trim_end(), items.join(", "), lines[end..].concat())
}

/// The same container again, under its own name or another.
fn second_container(text: &str, renamed: bool) -> String {
    let Some(start) = text.find("containers:").and_then(|at| text[at..].find('\n').map(|end| at + end + 1))
    else {
        return text.to_owned();
    };
    let rest = &text[start..];
    let end =
        ["\n  hostNetwork", "\n  volumes", "\n  priority"].into_iter().filter_map(|key| rest.find(key)).min();
    let Some(end) = end else { return text.to_owned() };
    let container = &rest[..=end];
    let copy = if renamed {
        container.replace("name: kube-apiserver", "name: kube-apiserver-2")
    } else {
        container.to_owned()
    };
    format!("{}{container}{copy}{}", &text[..start], &rest[end + 1..])
}

/// `SplitMix64`
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end.max(1) as u64).unwrap()
    }
}
