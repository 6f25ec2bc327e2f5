//! Every manifest of the corpus: enabled and put back to the byte, or refused for the right reason.

use auditward_node::manifest::{Edited, Manifest, Refusal, diff};
use expect_test::expect_file;

use super::{enable, manifests};

#[test]
fn each_is_changed_and_put_back_or_refused() {
    let Some(manifests) = manifests() else {
        println!("skipped: no corpus; set AUDITWARD_CORPUS");
        return;
    };
    let mut table = String::new();
    for (name, bytes) in &manifests {
        table += &format!("{name}: {}\n", outcome(bytes));
    }
    expect_file!["corpus.txt"].assert_eq(&table);
}

/// In a word what became of it; stops where a promise is broken.
fn outcome(bytes: &[u8]) -> String {
    match round_trip(bytes) {
        Err((step, refusal)) => format!("not {step}: {}: {refusal}", refusal.why.code()),
        Ok(edited) => {
            let reused = edited.effects.iter().filter(|effect| effect.is_reuse()).count();
            let original = std::str::from_utf8(bytes).unwrap();
            let shown = diff(original, &edited.text, "a", "b");
            let count = |sign: &str| shown.lines().skip(2).filter(|line| line.starts_with(sign)).count();
            let effects = edited.effects.len() - reused;
            format!("{effects} effects, {reused} reused, +{} -{} lines", count("+"), count("-"))
        }
    }
}

/// Enables, again, and back; the same by the opposite change.
pub(crate) fn round_trip(bytes: &[u8]) -> Result<Edited, (&'static str, Refusal)> {
    let manifest = Manifest::read(bytes).map_err(|refusal| ("read", refusal))?;
    let edited = manifest.edit(&enable()).map_err(|refusal| ("edited", refusal))?;
    let new = Manifest::read(edited.text.as_bytes()).unwrap();
    let again = new.edit(&enable()).unwrap();
    assert_eq!(again.text, edited.text, "twice is once");
    assert!(!again.changed());
    let back = new.undo(&edited.undo).unwrap();
    assert_eq!(back.text.as_bytes(), bytes, "undone to the byte");
    let redone = Manifest::read(back.text.as_bytes()).unwrap().undo(&back.undo).unwrap();
    assert_eq!(redone.text, edited.text, "and done again");
    // Somebody has written a line above everything meanwhile.
    let touched = format!("# touched\n{}", edited.text);
    if let Ok(touched) = Manifest::read(touched.as_bytes()) {
        let back = touched.undo(&edited.undo).unwrap();
        let flags = Manifest::read(back.text.as_bytes()).unwrap();
        let meanings = |manifest: &Manifest| {
            let api = &manifest.pod().api_server;
            let flags = api.flags.iter().map(|flag| (flag.name.clone(), flag.meaning().to_owned()));
            let mounts = api.mounts.iter().map(|mount| (mount.volume.clone(), mount.path.clone()));
            let volumes = manifest.pod().volumes.iter().map(|volume| (volume.name.clone(), String::new()));
            flags.chain(mounts).chain(volumes).collect::<std::collections::BTreeSet<_>>()
        };
        let gone: Vec<_> = meanings(&manifest).difference(&meanings(&flags)).cloned().collect();
        let repeated = |name: &str| manifest.pod().api_server.flags.all(name).count() > 1;
        assert!(gone.iter().all(|(name, _)| repeated(name)), "{gone:?}");
        assert!(meanings(&flags).is_subset(&meanings(&manifest)));
    }
    Ok(edited)
}
