//! `auditward rules test [PATH…]`

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use auditward_detect::{Batch, Config, Engine, RuleSet};
use auditward_event::EventView;
use auditward_rules::library::{self, Loaded};
use auditward_rules::native::{self, Source, Test};
use auditward_rules::{Finding, Rule, Weight};
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{self, OutputArgs, count};
use crate::rule_files::{RuleFiles, render};
use crate::snippet::Snippet;

/// Run the tests that rules of ours carry in their files
///
/// A test passes when the rule gives an alert for its events exactly if it says `match: true`. Tests run with the rules' own
/// parameters, whatever files of settings say. Without PATH the shipped rules are tested.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit codes:
  0  every test passed
  1  at least one failed, or a rule cannot run
  2  wrong usage, or a file could not be read

Examples:
  auditward rules test
  auditward rules test my-rules/
  auditward rules test --bases
  auditward rules test --show 'a Deployment' rule.yaml")]
pub(crate) struct Args {
    /// Files and folders of rules; - is standard input
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print the events of the tests with this in their names, one a line, instead of running them
    #[arg(long, value_name = "TEXT")]
    show: Option<String>,
    /// List what an event can start from
    #[arg(long, conflicts_with_all = ["show", "paths"])]
    bases: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        if self.bases {
            let bases: Vec<&str> = native::bases().collect();
            self.output.print(&bases, |_| bases.join("\n") + "\n")?;
            return Ok(Exit::Fine);
        }
        let files = RuleFiles::open(&self.paths)?;
        let loaded = library::load_with_shipped(&files.files);
        let chosen = |file: &str| self.paths.is_empty() || files.has(file);
        let sources: Vec<&Source> = loaded.sources.iter().filter(|source| chosen(&source.file)).collect();
        if let Some(name) = &self.show {
            return show(&sources, name);
        }
        let broken: Vec<&Finding> = loaded
            .findings
            .iter()
            .filter(|finding| finding.weight == Weight::Error && chosen(&finding.file))
            .collect();
        for finding in &broken {
            output::talk(&render(&files, finding, false));
        }
        let start = Instant::now();
        let results: Vec<Tested> = sources.iter().map(|source| Tested::of(source, &loaded)).collect();
        let took = start.elapsed();
        self.output.print(&results, |colour| table(&results, &files, colour))?;
        // For whoever waits; a log need not say it.
        if std::io::stderr().is_terminal() {
            output::talk(&format!("took {} ms", took.as_millis()));
        }
        let passed =
            broken.is_empty() && results.iter().all(|rule| rule.tests.iter().all(|test| test.passed));
        Ok(if passed { Exit::Fine } else { Exit::Found })
    }
}

/// The events themselves, for a look, or for another command.
fn show(sources: &[&Source], name: &str) -> Result<Exit, Failure> {
    let all = || sources.iter().flat_map(|source| &source.tests);
    let exact = all().any(|test| test.name == name);
    let tests = all().filter(|test| if exact { test.name == name } else { test.name.contains(name) });
    let mut found = Exit::Found;
    for test in tests {
        let events = native::event(&test.events).map_err(|error| Failure::new(error.message))?;
        for event in events {
            output::write(&format!("{event}\n"))?;
        }
        found = Exit::Fine;
    }
    Ok(found)
}

#[derive(Serialize)]
struct Tested {
    rule: String,
    file: String,
    tests: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    line: usize,
    #[serde(rename = "match")]
    matches: bool,
    passed: bool,
    /// What went wrong, where it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip)]
    span: std::ops::Range<usize>,
}

impl Tested {
    fn of(source: &Source, loaded: &Loaded) -> Self {
        let tests = source.tests.iter().map(|test| Row::of(source, test, loaded)).collect();
        Self { rule: source.id.value.clone(), file: source.file.clone(), tests }
    }
}

impl Row {
    fn of(source: &Source, test: &Test, loaded: &Loaded) -> Self {
        let row = |problem: Option<String>, hint: Option<String>, span: std::ops::Range<usize>| Self {
            name: test.name.clone(),
            line: test.line,
            matches: test.matches,
            passed: problem.is_none(),
            problem,
            hint,
            span,
        };
        let at = || test.span.clone();
        let events = match native::event(&test.events) {
            Ok(events) => events,
            Err(error) => return row(Some(error.message), error.hint, error.span),
        };
        let rule = match loaded.rule_for_test(source, test) {
            Ok(rule) => rule,
            Err(findings) => {
                let first = findings.into_iter().next();
                let (message, hint) =
                    first.map_or(("the rule cannot run".to_owned(), None), |f| (f.message, f.hint));
                return row(Some(message), hint, at());
            }
        };
        match (fires(rule, &events), test.matches) {
            (Err(problem), _) => row(Some(problem), None, at()),
            (Ok(fired), wanted) if fired == wanted => row(None, None, at()),
            (Ok(_), true) => {
                row(Some("gave no alert, and should".to_owned()), explain_hint(source, test), at())
            }
            (Ok(_), false) => {
                row(Some("gave an alert, and should not".to_owned()), explain_hint(source, test), at())
            }
        }
    }
}

/// What to run to see why; of standard input there is nothing left to run it on.
fn explain_hint(source: &Source, test: &Test) -> Option<String> {
    let (file, id, name) = (&source.file, &source.id.value, test.name.replace('\'', "'\\''"));
    let shipped = library::shipped().iter().any(|(shipped, _)| shipped == file);
    let rules = if shipped { String::new() } else { format!(" --rules {file}") };
    (file != "<stdin>").then(|| {
        format!("auditward rules test --show '{name}' {file} | auditward rules explain {id}{rules} --event -")
    })
}

/// Whether a rule gives an alert for these events.
fn fires(rule: Rule, events: &[String]) -> Result<bool, String> {
    let set = RuleSet::compile(vec![rule])
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let mut engine = Engine::new(Arc::new(set), Config::default());
    let mut matcher = engine.matcher();
    let mut batch = Batch::default();
    for event in events {
        let view = EventView::parse(event.as_bytes()).map_err(|error| error.to_string())?;
        matcher.look(&view, &mut batch);
    }
    let mut alerts = Vec::new();
    engine.absorb(&mut batch, &mut alerts);
    engine.finish(&mut alerts);
    Ok(!alerts.is_empty())
}

fn table(results: &[Tested], files: &RuleFiles, colour: bool) -> String {
    let mut out = String::new();
    let failed = |rule: &Tested| rule.tests.iter().filter(|test| !test.passed).count();
    for rule in results {
        let verdict = if rule.tests.is_empty() {
            "has no tests".to_owned()
        } else {
            match failed(rule) {
                0 => format!("{} passed", count(rule.tests.len() as u64, "test")),
                failed => format!("{failed} of {} failed", count(rule.tests.len() as u64, "test")),
            }
        };
        out += &format!("{}: {verdict}\n", rule.rule);
        for test in rule.tests.iter().filter(|test| !test.passed) {
            let problem = test.problem.as_deref().unwrap_or_default();
            let snippet = Snippet {
                file: &rule.file,
                text: files.text(&rule.file).as_bytes(),
                span: test.span.clone(),
                severity: "error",
                message: &format!("{}: {problem}", test.name),
                path: &auditward_policy::read::FieldPath::ROOT,
                hint: test.hint.as_deref(),
            };
            out += &snippet.render(colour);
            out.push('\n');
        }
    }
    let tests: usize = results.iter().map(|rule| rule.tests.len()).sum();
    let failed: usize = results.iter().map(failed).sum();
    out + &format!(
        "{} of {}: {} passed, {failed} failed\n",
        count(tests as u64, "test"),
        count(results.len() as u64, "rule"),
        tests - failed
    )
}
