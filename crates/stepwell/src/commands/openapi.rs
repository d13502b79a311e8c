//! `stepwell openapi`: the OpenAPI description of the HTTP API.

use crate::client::Client;
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal;

pub async fn run(global: &GlobalArgs) -> Result<(), CliError> {
    let client = Client::connect_or_in_memory(global).await?;
    let result = client.get("/openapi.json").await;
    client.close().await;
    terminal::print_json(&result?);
    Ok(())
}
