//! Stepwell: a self-hosted, durable workflow server in one binary.
//!
//! This crate wires the parts: configuration, store, engine, HTTP server and command line. It must
//! contain no rule about workflows; the rules are in the crates below.

mod cli;
mod client;
mod commands;
mod config;
mod current_workflow;
mod data_dir;
mod definition_files;
mod differences;
mod documents;
mod error;
mod file_limit;
mod global;
mod inputs;
mod logs;
mod mask;
mod quoted_text;
mod references;
mod terminal;
mod wiring;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use error::CliError;
use mask::mask_keys;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long blocking threads may run after the command has ended.
const THREAD_GRACE: std::time::Duration = std::time::Duration::from_millis(500);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return report_usage(&error),
    };
    let json = cli.global.json;
    let result = run(cli).and_then(|()| match terminal::stdout_error() {
        None => Ok(()),
        Some(error) => Err(CliError::failed(format!("cannot write to stdout: {error}"))),
    });
    let code = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error, json);
            error.exit_code()
        }
    };
    logs::flush_logs();
    code
}

fn run(cli: Cli) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| CliError::failed(format!("cannot start the async runtime: {e}")))?;
    let result = runtime.block_on(cli.run());
    // A blocking thread that cannot be cancelled must not keep the process alive.
    runtime.shutdown_timeout(THREAD_GRACE);
    result
}

/// Prints an error on stderr, without API keys: users type them in the wrong place.
fn report(error: &CliError, as_json: bool) {
    let print = |text: &str| terminal::print_stderr(&mask_keys(text));
    if as_json {
        print(&error.to_json().to_string());
        return;
    }
    let label = terminal::paint_stderr(terminal::Colour::Red, "error:");
    print(&format!("{label} {}", error.message));
    for problem in &error.problems {
        print(&format!("  {problem}"));
    }
}

/// Prints the help, or what is wrong with the command line, without API keys.
fn report_usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // The reader of the help may have gone.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.render();
    let text = match std::io::stderr().is_terminal() {
        true => text.ansi().to_string(),
        false => text.to_string(),
    };
    terminal::print_stderr(mask_keys(&text).trim_end());
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
