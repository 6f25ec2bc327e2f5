//! Alerts on stdout, as they come.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use auditward_detect::{Alert, RuleSet};
use auditward_rules::Severity;
use serde_json::Value;

use super::{Format, sarif};
use crate::exit::{Failure, context};
use crate::output::{self, visible};

/// Where alerts go.
pub(super) struct Printer {
    format: Format,
    set: Arc<RuleSet>,
    out: BufWriter<io::Stdout>,
    colour: bool,
    printed: u64,
}

impl Printer {
    pub(super) fn new(format: Format, set: Arc<RuleSet>) -> Result<Self, Failure> {
        let mut printer =
            Printer { format, set, out: BufWriter::new(io::stdout()), colour: output::colour(), printed: 0 };
        if format == Format::Sarif {
            printer.write(|printer| sarif::begin(&mut printer.out, &printer.set))?;
        }
        Ok(printer)
    }

    /// False when nobody reads any more.
    pub(super) fn alert(&mut self, alert: &Alert) -> Result<bool, Failure> {
        let heard = match self.format {
            Format::Table => {
                let head = if self.printed == 0 { self.head() } else { String::new() };
                let line = head + &self.line(alert);
                self.write(|printer| printer.out.write_all(line.as_bytes()))
            }
            Format::Json => self.write(|printer| {
                serde_json::to_writer(&mut printer.out, alert)?;
                printer.out.write_all(b"\n")
            }),
            Format::Yaml => {
                let text =
                    serde_saphyr::to_string(alert).map_err(context("could not write an alert as YAML"))?;
                self.write(|printer| printer.out.write_all(format!("---\n{text}").as_bytes()))
            }
            Format::Falco => {
                let Some(rule) = self.set.rule(&alert.rule) else { return Ok(true) };
                let line = Value::Object(super::falco_json(rule, alert));
                self.write(|printer| writeln!(printer.out, "{line}"))
            }
            Format::Sarif => {
                let first = self.printed == 0;
                self.write(|printer| sarif::result(&mut printer.out, &printer.set, alert, first))
            }
        }?;
        self.printed += 1;
        Ok(heard)
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.write(|printer| printer.out.flush()).map(drop)
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        if self.format == Format::Sarif {
            self.write(|printer| sarif::end(&mut printer.out))?;
        }
        self.flush()
    }

    fn write(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<bool, Failure> {
        match write(self) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn head(&self) -> String {
        const HEAD: Style = Style::new().bold();
        let line = format!(
            "{:27}  {:13}  {:width$}  {:24}  {:36}  SUMMARY",
            "TIME",
            "SEVERITY",
            "RULE",
            "USER",
            "OBJECT",
            width = self.rule_width()
        );
        if self.colour { format!("{HEAD}{line}{HEAD:#}\n") } else { format!("{line}\n") }
    }

    fn line(&self, alert: &Alert) -> String {
        let style = if self.colour { style(alert.severity) } else { Style::new() };
        let times = if alert.count > 1 { format!(" (×{})", alert.count) } else { String::new() };
        let user = if alert.user.is_empty() { "-" } else { &alert.user };
        let line = format!(
            "{}  {style}{:13}{style:#}  {:width$}  {:24}  {:36}  {}{times}",
            alert.time,
            alert.severity.as_str(),
            visible(&alert.rule),
            visible(user),
            visible(&object(alert)),
            visible(&alert.summary),
            width = self.rule_width()
        );
        format!("{line}\n")
    }

    fn rule_width(&self) -> usize {
        const MOST: usize = 40;
        self.set.rules().iter().map(|rule| rule.id.chars().count()).max().unwrap_or(0).clamp(4, MOST)
    }
}

/// `pods/exec shop/web`; for what is no resource, `-`.
pub(super) fn object(alert: &Alert) -> String {
    let Some(object) = &alert.object else { return "-".to_owned() };
    let mut text = object.resource.clone();
    for (mark, part) in [('.', &object.api_group), ('/', &object.subresource)] {
        if !part.is_empty() {
            text.push(mark);
            text.push_str(part);
        }
    }
    match (object.namespace.as_str(), object.name.as_str()) {
        ("", "") => text,
        ("", name) => format!("{text} {name}"),
        (namespace, "") => format!("{text} {namespace}/"),
        (namespace, name) => format!("{text} {namespace}/{name}"),
    }
}

const fn style(severity: Severity) -> Style {
    match severity {
        Severity::Debug | Severity::Informational => Style::new().dimmed(),
        Severity::Notice => Style::new(),
        Severity::Warning => AnsiColor::Yellow.on_default(),
        Severity::Error => AnsiColor::Red.on_default(),
        Severity::Critical | Severity::Alert | Severity::Emergency => AnsiColor::Red.on_default().bold(),
    }
}
