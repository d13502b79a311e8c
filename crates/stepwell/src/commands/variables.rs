//! `stepwell variables …`.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::{Client, list_all, percent_encode};
use crate::documents;
use crate::error::{CliError, CliErrorKind};
use crate::global::GlobalArgs;
use crate::inputs::json_or_text;
use crate::terminal::{self, TableCell, value_text};

const PATH: &str = "/api/v1/variables";

/// The most characters of a value in a table.
const SHOWN_VALUE: usize = 60;

#[derive(Debug, Subcommand)]
pub enum Variables {
    /// List variables by name
    List,
    /// Print the value of a variable; with --json all of it
    Get {
        /// Name of the variable
        name: String,
    },
    /// Create a variable, or change its value
    Set {
        /// Name, as expressions read it: vars.NAME
        name: String,
        /// Value: JSON, or else text; or @FILE with JSON
        #[arg(allow_hyphen_values = true)]
        value: String,
        /// Take the value as text, even if it is JSON
        #[arg(long)]
        text: bool,
        /// Description of the variable; an empty one removes it
        #[arg(long)]
        description: Option<String>,
    },
    /// Delete a variable
    Delete {
        /// Name of the variable
        name: String,
    },
}

pub async fn run(args: Variables, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Variables, client: &Client, as_json: bool) -> Result<(), CliError> {
    match args {
        Variables::List => {
            let variables = list_all(client, PATH, "&sort_by=name&sort_order=asc").await?;
            if as_json {
                terminal::print_items(&variables, &Value::Null)
            } else {
                print_list(&variables)
            }
        }
        Variables::Get { name } => {
            let variable = client.get(&path_of(&name)).await?["data"].take();
            match &variable["value"] {
                _ if as_json => terminal::print_json(&variable),
                Value::String(text) => terminal::print_line(text),
                value => terminal::print_json(value),
            }
        }
        Variables::Set { name, value, text, description } => {
            let mut change = json!({"value": read_value(value, text)?});
            if let Some(description) = description {
                change["description"] = description.into();
            }
            print_name(&set_variable(client, &name, change).await?["data"], as_json);
        }
        Variables::Delete { name } => {
            print_name(&client.delete(&path_of(&name)).await?["data"], as_json);
        }
    }
    Ok(())
}

fn path_of(name: &str) -> String {
    format!("{PATH}/{}", percent_encode(name))
}

fn read_value(value: String, is_text: bool) -> Result<Value, CliError> {
    match value.starts_with('@') {
        _ if is_text => Ok(value.into()),
        true => documents::read_input("the value", &value),
        false => Ok(json_or_text(&value)),
    }
}

/// Changes the variable, or creates it if there is none.
async fn set_variable(client: &Client, name: &str, change: Value) -> Result<Value, CliError> {
    let path = path_of(name);
    match client.put(&path, &change).await {
        Err(error) if error.kind == CliErrorKind::NotFound => {}
        changed => return changed,
    }
    let mut new = change.clone();
    new["name"] = name.into();
    match client.post(PATH, Some(&new)).await {
        // Created meanwhile by another command.
        Err(error) if error.code == "INVALID_STATE" => match client.put(&path, &change).await {
            Err(missing) if missing.kind == CliErrorKind::NotFound => Err(error),
            changed => changed,
        },
        created => created,
    }
}

fn print_name(variable: &Value, as_json: bool) {
    if as_json {
        terminal::print_json(variable)
    } else {
        terminal::print_line(&value_text(&variable["name"]))
    }
}

fn print_list(variables: &[Value]) {
    let row = |variable: &Value| -> Vec<TableCell> {
        let value = variable["value"].to_string();
        let value = match value.char_indices().nth(SHOWN_VALUE) {
            Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
            None => value,
        };
        let text = |field: &str| TableCell::from(value_text(&variable[field]));
        vec![text("name"), value.into(), text("description"), text("updated_at")]
    };
    let rows: Vec<Vec<TableCell>> = variables.iter().map(row).collect();
    terminal::print_table(&["name", "value", "description", "updated"], &rows);
}
