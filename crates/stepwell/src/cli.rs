//! The command line: its arguments, and the command that each runs.

use clap::{Parser, Subcommand};

use crate::commands;
use crate::error::CliError;
use crate::global::GlobalArgs;

/// A self-hosted, durable workflow server in one binary.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 success; 1 failure (the execution failed, the definition is invalid, the request was
rejected); 2 usage error; 3 not found; 4 the server or the store cannot be reached.

Without --server, commands use the data folder: through the server that runs on it or, if none
runs, directly.";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the server
    Serve(commands::serve::Serve),
    /// Execute one definition in memory, without a server
    Run(commands::run::Run),
    /// Validate definitions and list every problem
    Validate(commands::validate::Validate),
    /// Run a definition with mocks and a simulated clock
    DryRun(commands::dry_run::DryRun),
    /// Evaluate an expression or a template
    Eval(commands::eval::Eval),
    /// Run the test cases beside definitions
    Test(commands::test::Test),
    /// Create workflows from definitions, or update them by name
    Apply(commands::apply::Apply),
    /// Execute a workflow
    Execute(commands::execute::Execute),
    /// List, show, create, update, activate, delete and execute workflows
    #[command(subcommand)]
    Workflows(commands::workflows::Workflows),
    /// List and show the releases of a workflow
    #[command(subcommand)]
    Releases(commands::releases::Releases),
    /// List, set and delete the release tags of a workflow
    #[command(subcommand)]
    Tags(commands::tags::Tags),
    /// List, show, watch, cancel, pause, resume, rerun and purge executions
    #[command(subcommand)]
    Executions(commands::executions::Executions),
    /// List, show and cancel bulk operations on executions
    #[command(subcommand)]
    Operations(commands::operations::Operations),
    /// List, show, create, update, preview, trigger, pause, resume and delete schedules
    #[command(subcommand)]
    Schedules(commands::schedules::Schedules),
    /// List the secrets that the configuration provides
    #[command(subcommand)]
    Secrets(commands::secrets::Secrets),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Keys(commands::keys::Keys),
    /// Create, list, test and delete webhooks, and list their deliveries
    #[command(subcommand)]
    Webhooks(commands::webhooks::Webhooks),
    /// List approvals and decide about them
    #[command(subcommand)]
    Approvals(commands::approvals::Approvals),
    /// Send signals to executions that wait for them
    #[command(subcommand)]
    Signals(commands::signals::Signals),
    /// Create, get, list, update, delete and preview templates
    #[command(subcommand)]
    Templates(commands::templates::Templates),
    /// List, get, set and delete the variables that expressions read as vars.NAME
    #[command(subcommand)]
    Variables(commands::variables::Variables),
    /// Create, list, show and update workspaces
    #[command(subcommand)]
    Workspaces(commands::workspaces::Workspaces),
    /// Show the state of a running server
    Status,
    /// Show the audit log
    Audit(commands::audit::Audit),
    /// List the step types, or show one
    StepTypes(commands::step_types::StepTypes),
    /// Check whether the running server accepts work
    Health,
    /// Print the effective configuration
    Config,
    /// Back up the database while the server runs
    Backup(commands::backup::Backup),
    /// Rewrite the database without its free space while no server runs
    Compact(commands::compact::Compact),
    /// Print the OpenAPI description of the HTTP API
    Openapi,
    /// Print the completion script of a shell
    Completion(commands::completion::Completion),
}

impl Cli {
    pub async fn run(self) -> Result<(), CliError> {
        let global = self.global;
        match self.command {
            Command::Serve(args) => commands::serve::run(args, &global).await,
            Command::Run(args) => commands::run::run(args, &global).await,
            Command::Validate(args) => commands::validate::run(args, &global).await,
            Command::DryRun(args) => commands::dry_run::run(args, &global).await,
            Command::Eval(args) => commands::eval::run(args, &global).await,
            Command::Test(args) => commands::test::run(args, &global).await,
            Command::Apply(args) => commands::apply::run(args, &global).await,
            Command::Execute(args) => commands::execute::run(args, &global).await,
            Command::Releases(args) => commands::releases::run(args, &global).await,
            Command::Tags(args) => commands::tags::run(args, &global).await,
            Command::Workflows(args) => commands::workflows::run(args, &global).await,
            Command::Executions(args) => commands::executions::run(args, &global).await,
            Command::Operations(args) => commands::operations::run(args, &global).await,
            Command::Schedules(args) => commands::schedules::run(args, &global).await,
            Command::Secrets(args) => commands::secrets::run(&args, &global),
            Command::Keys(args) => commands::keys::run(args, &global).await,
            Command::Webhooks(args) => commands::webhooks::run(args, &global).await,
            Command::Approvals(args) => commands::approvals::run(args, &global).await,
            Command::Signals(args) => commands::signals::run(args, &global).await,
            Command::Templates(args) => commands::templates::run(args, &global).await,
            Command::Variables(args) => commands::variables::run(args, &global).await,
            Command::Workspaces(args) => commands::workspaces::run(args, &global).await,
            Command::Status => commands::status::run(&global).await,
            Command::Audit(args) => commands::audit::run(args, &global).await,
            Command::StepTypes(args) => commands::step_types::run(args, &global).await,
            Command::Health => commands::health::run(&global).await,
            Command::Config => commands::config::run(&global),
            Command::Backup(args) => commands::backup::run(args, &global).await,
            Command::Compact(args) => commands::compact::run(args, &global).await,
            Command::Openapi => commands::openapi::run(&global).await,
            Command::Completion(args) => commands::completion::run(&args),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn clap_accepts_the_definitions() {
        Cli::command().debug_assert();
    }

    /// clap merges two arguments with the same id: `keys revoke KEY` would be read as `--key KEY`.
    #[test]
    fn no_argument_has_the_id_of_a_global_flag() {
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
