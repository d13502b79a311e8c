//! `stepwell eval EXPRESSION`: evaluates an expression or a template.

use clap::Args;
use serde_json::{Value, json};

use crate::client::Client;
use crate::documents;
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::inputs::{InputArgs, VarArgs};
use crate::quoted_text::QuotedText;
use crate::terminal::{self, value_text};

const PATH: &str = "/api/v1/expressions/evaluate";

#[derive(Debug, Args)]
pub struct Eval {
    /// An expression such as 'inputs.n + 1', or a text with {{ expressions }}
    text: String,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    vars: VarArgs,
    /// Other variables by name: JSON or @FILE, such as '{"state": {"n": 1}}'
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
}

/// Prints the value on stdout, or the error with its place.
pub async fn run(args: Eval, global: &GlobalArgs) -> Result<(), CliError> {
    let request = build_request(&args)?;
    let client = Client::connect_or_in_memory(global).await?;
    let response = client.post(PATH, Some(&request)).await;
    client.close().await;
    let result = response?["data"].take();
    if result["error"].is_null() {
        print_value(&result, global.json);
        return Ok(());
    }
    Err(CliError::failed(describe_error(&args.text, &result["error"])))
}

fn build_request(args: &Eval) -> Result<Value, CliError> {
    let mut scope = match args
        .scope
        .as_deref()
        .map(|scope| documents::read_input("--scope", scope))
        .transpose()?
    {
        None => json!({}),
        Some(scope @ Value::Object(_)) => scope,
        Some(_) => return Err(CliError::usage("--scope must be an object of variables")),
    };
    if let Some(input) = args.input.read()? {
        scope["inputs"] = input;
    }
    let vars = args.vars.read();
    if !vars.is_empty() {
        match &mut scope["vars"] {
            Value::Object(known) => known.extend(vars),
            other => *other = vars.into(),
        }
    }
    let is_template = args.text.contains("{{") || args.text.contains("{%");
    let field = if is_template { "template" } else { "expression" };
    Ok(json!({field: args.text, "scope": scope}))
}

fn print_value(result: &Value, as_json: bool) {
    match &result["value"] {
        _ if as_json => terminal::print_json(result),
        Value::String(text) => terminal::print_line(text),
        value => terminal::print_json(value),
    }
}

/// The message, and below it the line of the text with a caret under the column.
fn describe_error(text: &str, error: &Value) -> String {
    let mut message = value_text(&error["message"]);
    let position = |field: &str| error[field].as_u64().and_then(|n| usize::try_from(n).ok());
    if let Some((line, column)) = position("line").zip(position("column")) {
        for quoted in QuotedText::new(text).quote(line, column) {
            message.push('\n');
            message.push_str(&quoted);
        }
    }
    message
}
