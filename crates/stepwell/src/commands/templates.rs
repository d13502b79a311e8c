//! `stepwell templates …`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use crate::client::{Client, list_all, percent_encode};
use crate::documents;
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal::{self, TableCell, value_text};

const PATH: &str = "/api/v1/templates";

#[derive(Debug, Subcommand)]
pub enum Templates {
    /// Create a template from a file
    Create {
        /// Name, unique in the workspace
        name: String,
        /// File with the body: a JSON value if its name ends in .json, otherwise Jinja text; - for
        /// stdin
        body: PathBuf,
        #[command(flatten)]
        fields: Fields,
    },
    /// Show a template
    Get {
        /// ID or name of the template
        template: String,
    },
    /// List templates, newest first
    List,
    /// Update the given fields of a template
    Update {
        /// ID or name of the template
        template: String,
        /// New name
        #[arg(long)]
        name: Option<String>,
        /// File with the new body, as for create
        #[arg(long, value_name = "FILE")]
        body: Option<PathBuf>,
        #[command(flatten)]
        fields: Fields,
    },
    /// Delete a template
    Delete {
        /// ID or name of the template
        template: String,
    },
    /// Render a template with data or with its sample
    Preview {
        /// ID or name of the template
        template: String,
        /// Variables by name: JSON or @FILE [default: the sample of the template]
        #[arg(long, value_name = "JSON")]
        data: Option<String>,
    },
}

#[derive(Debug, Args)]
pub struct Fields {
    /// Description of the template
    #[arg(long)]
    description: Option<String>,
    /// Data of previews, variables by name: JSON or @FILE
    #[arg(long, value_name = "JSON")]
    sample: Option<String>,
    /// Label; repeatable. An update replaces all labels
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = documents::parse_name_value)]
    labels: Vec<(String, String)>,
}

impl Fields {
    fn write(self, body: &mut Value) -> Result<(), CliError> {
        let Self { description, sample, labels } = self;
        if let Some(description) = description {
            body["description"] = description.into();
        }
        if let Some(sample) = sample {
            body["sample"] = documents::read_input("--sample", &sample)?;
        }
        if !labels.is_empty() {
            let labels = labels.into_iter().map(|(name, value)| (name, value.into()));
            body["metadata"] = Value::Object(labels.collect::<Map<_, _>>());
        }
        Ok(())
    }
}

pub async fn run(args: Templates, global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect(global).await?;
    let result = run_command(args, &client, global.json).await;
    client.close().await;
    result
}

async fn run_command(args: Templates, client: &Client, as_json: bool) -> Result<(), CliError> {
    match args {
        Templates::Create { name, body, fields } => {
            let mut request = json!({"name": name, "body": read_body(&body)?});
            fields.write(&mut request)?;
            print_id(&client.post(PATH, Some(&request)).await?["data"], as_json);
        }
        Templates::Get { template } => {
            terminal::print_json(
                &client.get(&template_path(client, &template).await?).await?["data"],
            );
        }
        Templates::List => {
            let templates = list_all(client, PATH, "").await?;
            if as_json {
                terminal::print_items(&templates, &Value::Null)
            } else {
                print_list(&templates)
            }
        }
        Templates::Update { template, name, body, fields } => {
            let mut request = json!({});
            if let Some(name) = name {
                request["name"] = name.into();
            }
            if let Some(body) = body {
                request["body"] = read_body(&body)?;
            }
            fields.write(&mut request)?;
            let path = template_path(client, &template).await?;
            print_id(&client.patch(&path, &request).await?["data"], as_json);
        }
        Templates::Delete { template } => {
            let path = template_path(client, &template).await?;
            print_id(&client.delete(&path).await?["data"], as_json);
        }
        Templates::Preview { template, data } => {
            let data = data.map(|data| documents::read_input("--data", &data)).transpose()?;
            let request = data.map(|data| json!({"data": data}));
            let path = format!("{}/preview", template_path(client, &template).await?);
            print_rendered(&client.post(&path, request.as_ref()).await?["data"], as_json);
        }
    }
    Ok(())
}

/// A body: JSON where the name of the file ends in `.json`, else text.
fn read_body(file: &Path) -> Result<Value, CliError> {
    let is_json = file.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("json"));
    match is_json {
        true => documents::read_input("the file", &format!("@{}", file.display())),
        false => documents::read_text(file).map(Value::String),
    }
}

/// The path of a template that is named by its id or its name.
async fn template_path(client: &Client, named: &str) -> Result<String, CliError> {
    let of_name = client.get(&format!("{PATH}?name={}", percent_encode(named))).await?;
    let id = match &of_name["data"]["items"][0]["id"] {
        Value::String(id) => id,
        _ => named,
    };
    Ok(format!("{PATH}/{}", percent_encode(id)))
}

fn print_id(template: &Value, as_json: bool) {
    if as_json {
        terminal::print_json(template)
    } else {
        terminal::print_line(&value_text(&template["id"]))
    }
}

fn print_rendered(preview: &Value, as_json: bool) {
    match &preview["rendered"] {
        Value::String(text) if !as_json => terminal::print_line(text),
        rendered if !as_json => terminal::print_json(rendered),
        _ => terminal::print_json(preview),
    }
}

fn print_list(templates: &[Value]) {
    let row = |template: &Value| -> Vec<TableCell> {
        ["id", "name", "description", "version", "updated_at"]
            .map(|field| value_text(&template[field]).into())
            .into()
    };
    let rows: Vec<Vec<TableCell>> = templates.iter().map(row).collect();
    terminal::print_table(&["id", "name", "description", "version", "updated"], &rows);
}
