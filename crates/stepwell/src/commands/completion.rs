//! `stepwell completion SHELL`: prints the completion script of a shell.

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::error::CliError;
use crate::terminal;

#[derive(Debug, Args)]
pub struct Completion {
    /// The shell
    #[arg(value_enum)]
    shell: CompletionShell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CompletionShell {
    Bash,
    Zsh,
    Fish,
}

pub fn run(args: &Completion) -> Result<(), CliError> {
    let shell = match args.shell {
        CompletionShell::Bash => Shell::Bash,
        CompletionShell::Zsh => Shell::Zsh,
        CompletionShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "stepwell", &mut script);
    let script = String::from_utf8(script)
        .map_err(|e| CliError::failed(format!("the completion script is not UTF-8: {e}")))?;
    terminal::print_line(script.trim_end());
    Ok(())
}
