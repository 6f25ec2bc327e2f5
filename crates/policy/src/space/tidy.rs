//! The same set in fewer cubes.

use std::collections::BTreeMap;

use super::cube::{Cube, TargetSet};
use super::groups::Groups;
use super::paths::Paths;
use super::users::Users;
use super::words::Words;

/// Joins cubes that differ in one dimension only; the widest come first.
///
/// Disjoint cubes stay disjoint. Not the fewest cubes there could be: that is a hard problem, and this is for reading.
pub(super) fn tidy(mut cubes: Vec<Cube>) -> Vec<Cube> {
    // Each round takes a little more off; the last ones are not worth waiting for.
    const ROUNDS_MAX: usize = 8;
    for _ in 0..ROUNDS_MAX {
        let before = cubes.len();
        for dimension in DIMENSIONS {
            cubes = join_along(dimension, cubes);
        }
        cubes = join_groups(cubes);
        if cubes.len() == before {
            break;
        }
    }
    cubes.sort_by_cached_key(|cube| (narrowness(cube), cube.clone()));
    cubes
}

/// One dimension: takes it out of a cube, so that cubes alike in all others become equal, and puts a union back.
#[derive(Clone, Copy)]
enum Dimension {
    Users,
    Words(fn(&mut Cube) -> Option<&mut Words>),
    Paths,
}

const DIMENSIONS: [Dimension; 8] = [
    Dimension::Words(|cube| match &mut cube.target {
        TargetSet::Resource(of) => Some(&mut of.names),
        TargetSet::Path(_) => None,
    }),
    Dimension::Words(|cube| match &mut cube.target {
        TargetSet::Resource(of) => Some(&mut of.namespaces),
        TargetSet::Path(_) => None,
    }),
    Dimension::Words(|cube| match &mut cube.target {
        TargetSet::Resource(of) => Some(&mut of.subresources),
        TargetSet::Path(_) => None,
    }),
    Dimension::Words(|cube| match &mut cube.target {
        TargetSet::Resource(of) => Some(&mut of.resources),
        TargetSet::Path(_) => None,
    }),
    Dimension::Words(|cube| match &mut cube.target {
        TargetSet::Resource(of) => Some(&mut of.groups),
        TargetSet::Path(_) => None,
    }),
    Dimension::Paths,
    Dimension::Words(|cube| Some(&mut cube.verbs)),
    Dimension::Users,
];

fn join_along(dimension: Dimension, cubes: Vec<Cube>) -> Vec<Cube> {
    let mut joined: BTreeMap<Cube, Cube> = BTreeMap::new();
    for cube in cubes {
        let mut key = cube.clone();
        blank(dimension, &mut key);
        joined.entry(key).and_modify(|other| unite(dimension, other, &cube)).or_insert(cube);
    }
    joined.into_values().collect()
}

fn blank(dimension: Dimension, cube: &mut Cube) {
    match dimension {
        Dimension::Users => cube.users = Users::any(),
        Dimension::Words(pick) => {
            if let Some(words) = pick(cube) {
                *words = Words::any();
            }
        }
        Dimension::Paths => {
            if let TargetSet::Path(paths) = &mut cube.target {
                *paths = Paths::any();
            }
        }
    }
}

fn unite(dimension: Dimension, cube: &mut Cube, other: &Cube) {
    match dimension {
        Dimension::Users => cube.users = cube.users.or(&other.users),
        Dimension::Words(pick) => {
            let mut other = other.clone();
            if let (Some(words), Some(more)) = (pick(cube), pick(&mut other)) {
                *words = words.or(more);
            }
        }
        Dimension::Paths => {
            if let (TargetSet::Path(paths), TargetSet::Path(more)) = (&mut cube.target, &other.target) {
                *paths = paths.or(more);
            }
        }
    }
}

/// Groups are no plain set: only "one of these" and "none of these" join.
fn join_groups(cubes: Vec<Cube>) -> Vec<Cube> {
    let mut alike: BTreeMap<Cube, Vec<Groups>> = BTreeMap::new();
    for mut cube in cubes {
        let groups = std::mem::take(&mut cube.groups);
        let all = alike.entry(cube).or_default();
        // More than a few alike is rare, and then not worth a square of comparisons.
        let partner = all.iter().take(32).position(|other| other.or(&groups).is_some());
        match partner.and_then(|at| Some((at, all[at].or(&groups)?))) {
            Some((at, union)) => all[at] = union,
            None => all.push(groups),
        }
    }
    alike
        .into_iter()
        .flat_map(|(cube, groups)| groups.into_iter().map(move |groups| Cube { groups, ..cube.clone() }))
        .collect()
}

/// How many dimensions name what is in rather than what is out, then how many words it takes.
fn narrowness(cube: &Cube) -> (usize, usize) {
    let mut words = vec![&cube.users.names, &cube.verbs];
    let mut narrow = usize::from(cube.groups.needs_one());
    let mut named = cube.groups.needed().flatten().count() + cube.groups.barred().count();
    match &cube.target {
        TargetSet::Resource(of) => {
            words.extend([&of.groups, &of.resources, &of.subresources, &of.namespaces, &of.names]);
        }
        TargetSet::Path(paths) => {
            narrow += usize::from(!paths.is_any());
            named += paths.spans().len();
        }
    }
    narrow += words.iter().filter(|words| matches!(words, Words::Only(_))).count();
    named += words.iter().map(|words| words.named().count()).sum::<usize>();
    (narrow, named)
}
