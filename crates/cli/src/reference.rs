//! The reference page of the command line, made from its definitions.

use clap::Command;

/// Every command's help, as a Markdown page.
pub fn page() -> String {
    let mut page = "# Commands\n\n<!-- Made from the program itself: cargo xtask generate -->\n".to_owned();
    // A terminal's width must not change the page.
    let mut root = crate::command().term_width(110);
    root.build();
    section(&root, &mut page);
    page
}

fn section(command: &Command, page: &mut String) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let help = command.clone().render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    *page += &format!("\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        section(sub, page);
    }
}
