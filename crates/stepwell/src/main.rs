//! Stepwell: a self-hosted, durable workflow server in one binary.
//!
//! This crate chooses and connects: configuration, the store, the engine, the HTTP server and the
//! command line. It must hold no rule about workflows; those live below, once.

mod cli;
mod client;
mod commands;
mod config;
mod data_dir;
mod fault;
mod files;
mod logs;
mod source;
mod ui;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use fault::Fault;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long threads may go on after everything else has ended.
const LAST_WORK: std::time::Duration = std::time::Duration::from_millis(500);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    let done = start(cli).and_then(|()| match ui::output_error() {
        None => Ok(()),
        Some(error) => Err(Fault::failed(format!("the output could not be written: {error}"))),
    });
    let code = match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            fault.report(json);
            fault.exit_code()
        }
    };
    logs::flush();
    code
}

fn start(cli: Cli) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Fault::failed(format!("the runtime could not be started: {e}")))?;
    let result = runtime.block_on(commands::run(cli));
    // Work on a thread of its own that cannot be stopped does not keep the process.
    runtime.shutdown_timeout(LAST_WORK);
    result
}
