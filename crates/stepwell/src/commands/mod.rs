//! The commands, one file each.

pub mod audit;
pub mod backup;
mod config;
pub mod executions;
pub mod keys;
mod openapi;
pub mod run;
pub mod schedules;
pub mod serve;
pub mod step_types;
pub mod validate;
mod watch;
pub mod webhooks;
pub mod workflows;
pub mod workspaces;

use crate::cli::{Cli, Command, Global};
use crate::client::Client;
use crate::config::{Config, Flags};
use crate::fault::Fault;

/// Does what was typed.
///
/// # Errors
/// Whatever the command's fault is.
pub async fn run(cli: Cli) -> Result<(), Fault> {
    let global = cli.global;
    match cli.command {
        Command::Serve(args) => serve::serve(args, &global).await,
        Command::Run(args) => run::run(args, &global).await,
        Command::Validate(args) => validate::validate(&args, &global),
        Command::Workflows(args) => workflows::run(args, &global).await,
        Command::Executions(args) => executions::run(args, &global).await,
        Command::Schedules(args) => schedules::run(args, &global).await,
        Command::Keys(args) => keys::run(args, &global).await,
        Command::Webhooks(args) => webhooks::run(args, &global).await,
        Command::Workspaces(args) => workspaces::run(args, &global).await,
        Command::Audit(args) => audit::run(args, &global).await,
        Command::StepTypes(args) => step_types::run(args, &global).await,
        Command::Config => config::run(&global),
        Command::Backup(args) => backup::run(args, &global).await,
        Command::Openapi => openapi::run(&global).await,
    }
}

impl Global {
    /// The settings that these flags give.
    fn flags(&self) -> Flags {
        Flags { file: self.config.clone(), data_dir: self.data_dir.clone(), ..Flags::default() }
    }

    fn load_config(&self) -> Result<Config, Fault> {
        Config::load(&self.flags())
    }

    async fn connect(&self) -> Result<Client, Fault> {
        Client::connect(self, &self.load_config()?).await
    }

    /// For what is the same on every server of this version; over HTTP only where one is named.
    async fn connect_or_in_memory(&self) -> Result<Client, Fault> {
        let config = self.load_config()?;
        if self.server.is_some() {
            return Client::connect(self, &config).await;
        }
        Client::in_memory(&config).await
    }
}
