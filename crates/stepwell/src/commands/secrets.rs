//! `stepwell secrets …`: the secrets of the installation, without their values.

use clap::Subcommand;
use serde_json::{Value, json};
use stepwell_engine::installed_secrets::{InstalledSecret, SecretSource, SecretsConfig};

use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal::{self, Colour, TableCell};

#[derive(Debug, Subcommand)]
pub enum Secrets {
    /// List the names and sources of the secrets that the configuration provides, never the values
    List,
}

/// Reads the configuration, the folder and the environment of this process.
pub fn run(args: &Secrets, global: &GlobalArgs) -> Result<(), CliError> {
    let Secrets::List = args;
    if global.server.is_some() {
        return Err(CliError::usage(
            "secrets list reads the configuration of this machine: omit --server, and run it where \
             the server runs",
        ));
    }
    let config = global.load_config()?.secrets;
    let secrets = config.list().map_err(CliError::failed)?;
    if global.json {
        let items: Vec<Value> = secrets.iter().map(secret_json).collect();
        terminal::print_items(&items, &Value::Null);
    } else {
        print_list(&secrets, &config);
    }
    Ok(())
}

fn secret_json(secret: &InstalledSecret) -> Value {
    let InstalledSecret { name, source, problem } = secret;
    let mut item = json!({"name": name, "problem": problem});
    match source {
        SecretSource::File(path) => item["file"] = path.display().to_string().into(),
        SecretSource::Variable(variable) => item["variable"] = variable.as_str().into(),
    }
    item
}

fn print_list(secrets: &[InstalledSecret], config: &SecretsConfig) {
    if !config.has_source() {
        terminal::print_stderr(
            "no source of secrets is configured: set secrets.directory or secrets.env_prefix",
        );
        return;
    }
    let row = |secret: &InstalledSecret| -> Vec<TableCell> {
        let source = match &secret.source {
            SecretSource::File(path) => format!("file {}", path.display()),
            SecretSource::Variable(variable) => format!("variable {variable}"),
        };
        let status = match &secret.problem {
            None => TableCell::coloured("usable", Colour::Green),
            Some(problem) => TableCell::coloured(problem, Colour::Red),
        };
        vec![secret.name.as_str().into(), source.into(), status]
    };
    let rows: Vec<Vec<TableCell>> = secrets.iter().map(row).collect();
    terminal::print_table(&["name", "source", "status"], &rows);
}
