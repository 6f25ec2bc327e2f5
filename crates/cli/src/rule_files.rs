//! Rules that a command is given: files, and folders with files in them.

use std::fs;
use std::path::{Path, PathBuf};

use auditward_rules::library::{self, BYTES_MAX, Loaded};
use auditward_rules::{Finding, Weight};

use crate::exit::Failure;
use crate::snippet::Snippet;
use crate::{input, output};

/// Rules by their files, as every command that uses rules has them.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct RuleArgs {
    /// Files and folders of rules, of any language, and of settings; they come beside the shipped rules
    #[arg(long = "rules", value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Leave out the shipped rules; there must be others then (`--rules`)
    #[arg(long, requires = "paths")]
    pub(crate) no_shipped: bool,
}

impl RuleArgs {
    /// The rules, with everything there is to say about them.
    pub(crate) fn load(&self) -> Result<Loaded, Failure> {
        Ok(self.read()?.1)
    }

    /// The rules; mistakes are told on stderr, and one that keeps a rule from running ends the command.
    pub(crate) fn load_whole(&self) -> Result<Loaded, Failure> {
        let (files, loaded) = self.read()?;
        if !loaded.has_errors() {
            return Ok(loaded);
        }
        for finding in loaded.findings.iter().filter(|finding| finding.weight == Weight::Error) {
            output::talk(&render(&files, finding, false));
        }
        Err(Failure::new("not every rule can run").hint("`auditward rules check` tells more"))
    }

    /// Each file is read once: standard input cannot be read again for the words of a mistake in it.
    fn read(&self) -> Result<(RuleFiles, Loaded), Failure> {
        let files = RuleFiles::open(&self.paths)?;
        let loaded = if self.no_shipped {
            library::load(&files.files)
        } else {
            library::load_with_shipped(&files.files)
        };
        Ok((files, loaded))
    }
}

/// The texts of files of rules, with the names that messages call them by.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleFiles {
    pub(crate) files: Vec<(String, String)>,
}

impl RuleFiles {
    /// Reads files, and whatever ends in `.yaml` or `.yml` in and below folders, by name.
    pub(crate) fn open(paths: &[PathBuf]) -> Result<Self, Failure> {
        input::stdin_at_most_once(paths)?;
        let mut files = Vec::new();
        for path in paths {
            if path.is_dir() {
                let before = files.len();
                folder(path, &mut files, 0)?;
                if files.len() == before {
                    return Err(Failure::new(format!("there are no rules in `{}`", path.display()))
                        .hint("rules are in files that end in .yaml or .yml"));
                }
            } else {
                files.push(file(path)?);
            }
        }
        Ok(Self { files })
    }

    /// The text of the file that is called so, or of the shipped one.
    pub(crate) fn text(&self, name: &str) -> &str {
        let own = self.files.iter().find(|(file, _)| file == name).map(|(_, text)| text.as_str());
        own.or_else(|| library::shipped().iter().find(|(file, _)| *file == name).map(|(_, text)| *text))
            .unwrap_or_default()
    }

    /// Whether a finding or a rule is of one of these files.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.files.iter().any(|(file, _)| file == name)
    }
}

/// How deep folders are looked into.
const DEPTH_MAX: usize = 16;

fn folder(path: &Path, files: &mut Vec<(String, String)>, depth: usize) -> Result<(), Failure> {
    if depth > DEPTH_MAX {
        return Err(Failure::new(format!("`{}` is deeper than {DEPTH_MAX} folders", path.display())));
    }
    let entries = fs::read_dir(path).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut paths: Vec<PathBuf> = entries
        .map_err(|error| Failure::reading(path, error))?
        .into_iter()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    for path in paths {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        if path.is_dir() {
            folder(&path, files, depth + 1)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(file(&path)?);
        }
    }
    Ok(())
}

fn file(path: &Path) -> Result<(String, String), Failure> {
    let bytes = input::whole(path, BYTES_MAX)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::new(format!("`{}` is not UTF-8 text", path.display())))?;
    Ok((input::name(path), text))
}

/// A finding as people read it.
pub(crate) fn render(files: &RuleFiles, finding: &Finding, colour: bool) -> String {
    let severity = match finding.code {
        "" => finding.weight.to_string(),
        code => format!("{}[{code}]", finding.weight),
    };
    Snippet {
        file: &finding.file,
        text: files.text(&finding.file).as_bytes(),
        span: finding.span.clone(),
        severity: &severity,
        message: &finding.message,
        path: &auditward_policy::read::FieldPath::ROOT,
        hint: finding.hint.as_deref(),
    }
    .render(colour)
}
