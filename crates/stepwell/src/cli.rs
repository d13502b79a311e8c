//! The command line as it is typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands;

/// A self-hosted, durable workflow server in one binary.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// For every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 ok; 1 it failed (an execution failed, a definition is not valid); 2 usage;
3 not found; 4 the server or the store cannot be reached.

Without --server, commands work on the data folder: through the server that runs on it, or, when
none does, on the folder itself.";

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// The configuration file [default: stepwell.toml here or in the data folder]
    #[arg(long, global = true, value_name = "FILE", env = "STEPWELL_CONFIG")]
    pub config: Option<PathBuf>,
    /// The folder that holds everything [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Talk to this server instead of the data folder: http://127.0.0.1:8080
    #[arg(long, global = true, value_name = "URL", env = "STEPWELL_SERVER")]
    pub server: Option<String>,
    /// The API key for --server
    #[arg(
        long,
        global = true,
        value_name = "KEY",
        env = "STEPWELL_API_KEY",
        hide_env_values = true
    )]
    pub key: Option<String>,
    /// Answer with JSON, for scripts
    #[arg(long, global = true)]
    pub json: bool,
}

/// The commands, one file each.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server
    Serve(commands::serve::Serve),
    /// Execute one definition here and now, without a server
    Run(commands::run::Run),
    /// Check definitions and list every problem
    Validate(commands::validate::Validate),
    /// List, show, create, update, delete and execute workflows
    #[command(subcommand)]
    Workflows(commands::workflows::Workflows),
    /// List, show, watch, cancel, pause and resume executions
    #[command(subcommand)]
    Executions(commands::executions::Executions),
    /// List, show, preview, trigger, pause, resume and delete schedules
    #[command(subcommand)]
    Schedules(commands::schedules::Schedules),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Keys(commands::keys::Keys),
    /// Create, list, test and delete webhooks, and see what they were sent
    #[command(subcommand)]
    Webhooks(commands::webhooks::Webhooks),
    /// Create, list, show and change workspaces
    #[command(subcommand)]
    Workspaces(commands::workspaces::Workspaces),
    /// Show who did what
    Audit(commands::audit::Audit),
    /// Show what step types there are
    StepTypes(commands::step_types::StepTypes),
    /// Show the configuration that is in effect
    Config,
    /// Copy the store while the server goes on
    Backup(commands::backup::Backup),
    /// Print the OpenAPI description of the HTTP API
    Openapi,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// clap takes two arguments with one id for one: `keys revoke KEY` once was `--key KEY`.
    #[test]
    fn no_command_has_an_argument_that_is_called_as_a_global_flag() {
        fn check(command: &clap::Command, global: &[clap::Id]) {
            for sub in command.get_subcommands() {
                for arg in sub.get_arguments() {
                    assert!(!global.contains(arg.get_id()), "{}: {}", sub.get_name(), arg.get_id());
                }
                check(sub, global);
            }
        }
        let command = Cli::command();
        let global: Vec<_> = command.get_arguments().map(|arg| arg.get_id().clone()).collect();
        assert!(global.len() >= 5);
        check(&command, &global);
    }

    #[test]
    fn flags_may_follow_the_command() {
        let cli = Cli::try_parse_from(["stepwell", "workflows", "list", "--json"]).unwrap();
        assert!(cli.global.json);
        assert!(Cli::try_parse_from(["stepwell", "workflows", "lst"]).is_err());
    }
}
