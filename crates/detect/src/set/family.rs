//! Questions of one field that one look at its values answers together.
//!
//! - texts that it equals, or is one of: one look into a map;
//! - texts that it contains, begins or ends with: one run of an automaton (Aho-Corasick) that knows them all;
//! - regular expressions: one run of a set of them.
//!
//! A thousand rules that ask for a thousand user names cost what one costs.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;
use auditward_expr::{Field, Fold, Match, Quantifier, Test};
use regex::{RegexSet, RegexSetBuilder};

use super::dag::Question;
use super::values::{FieldId, Fields, Look};

/// Fewer questions of one kind about a field are asked one by one.
const MEMBERS_MIN: usize = 4;

/// How many bytes a set of regular expressions may take; larger ones are asked one by one.
const REGEXES_BYTES_MAX: usize = 8 << 20;

/// What is asked of one field, by the numbers of the questions.
#[derive(Debug)]
pub(super) struct Family {
    field: FieldId,
    /// All questions that are answered here.
    members: Vec<usize>,
    equal: HashMap<String, Vec<usize>>,
    inside: Option<(AhoCorasick, Vec<(Place, usize)>)>,
    matching: Option<(RegexSet, Vec<usize>)>,
}

/// Where in the text a needle has to be.
#[derive(Debug, Clone, Copy)]
enum Place {
    Anywhere,
    Start,
    End,
}

/// Sorts questions into families. For each question the number of its family, if it is in one.
pub(super) fn families(questions: &[Question], fields: &mut Fields) -> (Vec<Family>, Vec<Option<usize>>) {
    let mut of_members: Vec<&Field> = Vec::new();
    let mut number_of: HashMap<&Field, usize> = HashMap::new();
    let mut members: Vec<Members<'_>> = Vec::new();
    for (number, question) in questions.iter().enumerate() {
        let Question::Test(Test { field, quantifier: Quantifier::Any, check }) = question else { continue };
        let of = *number_of.entry(field).or_insert_with(|| {
            of_members.push(field);
            members.push(Members::default());
            of_members.len() - 1
        });
        members[of].note(number, check);
    }
    let mut families = Vec::new();
    let mut family_of = vec![None; questions.len()];
    for (field, members) in of_members.into_iter().zip(members) {
        let family = members.family(fields.add(field));
        for number in &family.members {
            family_of[*number] = Some(families.len());
        }
        if !family.members.is_empty() {
            families.push(family);
        }
    }
    (families, family_of)
}

#[derive(Default)]
struct Members<'q> {
    equal: Vec<(usize, Vec<&'q str>)>,
    inside: Vec<(usize, Place, &'q str)>,
    matching: Vec<(usize, &'q str)>,
}

impl<'q> Members<'q> {
    fn note(&mut self, number: usize, check: &'q Match) {
        match check {
            Match::Equals(text, Fold::Exact) => self.equal.push((number, vec![text])),
            Match::In(texts, Fold::Exact) => {
                self.equal.push((number, texts.iter().map(String::as_str).collect()));
            }
            Match::Contains(text, Fold::Exact) => self.inside.push((number, Place::Anywhere, text)),
            Match::StartsWith(text, Fold::Exact) => self.inside.push((number, Place::Start, text)),
            Match::EndsWith(text, Fold::Exact) => self.inside.push((number, Place::End, text)),
            Match::Regex(source) => self.matching.push((number, source)),
            _ => {}
        }
    }

    fn family(self, field: FieldId) -> Family {
        let mut family =
            Family { field, members: Vec::new(), equal: HashMap::new(), inside: None, matching: None };
        if self.equal.len() >= MEMBERS_MIN {
            for (number, texts) in self.equal {
                family.members.push(number);
                for text in texts {
                    family.equal.entry(text.to_owned()).or_default().push(number);
                }
            }
        }
        if self.inside.len() >= MEMBERS_MIN {
            let automaton = AhoCorasick::new(self.inside.iter().map(|(.., needle)| needle));
            let places = self.inside.iter().map(|(number, place, _)| (*place, *number)).collect();
            if let Ok(automaton) = automaton {
                family.members.extend(self.inside.iter().map(|(number, ..)| *number));
                family.inside = Some((automaton, places));
            }
        }
        if self.matching.len() >= MEMBERS_MIN {
            let sources = self.matching.iter().map(|(_, source)| source);
            let set = RegexSetBuilder::new(sources)
                .size_limit(REGEXES_BYTES_MAX)
                .dfa_size_limit(REGEXES_BYTES_MAX)
                .build();
            let numbers: Vec<usize> = self.matching.iter().map(|(number, _)| *number).collect();
            if let Ok(set) = set {
                family.members.extend(&numbers);
                family.matching = Some((set, numbers));
            }
        }
        family
    }
}

impl Family {
    /// Hands over the number of every question whose answer is yes; some more than once.
    pub(super) fn answer(&self, look: &mut Look<'_, '_>, yes: &mut dyn FnMut(usize)) {
        look.each(self.field, &mut |item| {
            if let Some(text) = item.text() {
                self.see(&text, yes);
            }
        });
    }

    fn see(&self, text: &str, yes: &mut dyn FnMut(usize)) {
        if let Some(numbers) = self.equal.get(text) {
            for number in numbers {
                yes(*number);
            }
        }
        if let Some((automaton, places)) = &self.inside {
            for found in automaton.find_overlapping_iter(text) {
                let (place, number) = places[found.pattern().as_usize()];
                let fits = match place {
                    Place::Anywhere => true,
                    Place::Start => found.start() == 0,
                    Place::End => found.end() == text.len(),
                };
                if fits {
                    yes(number);
                }
            }
        }
        if let Some((set, numbers)) = &self.matching {
            set.matches(text).iter().for_each(|place| yes(numbers[place]));
        }
    }
}
