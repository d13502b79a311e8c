//! `stepwell openapi`: the description of the HTTP API.

use crate::cli::Global;
use crate::fault::Fault;
use crate::ui;

/// Prints it as JSON.
pub async fn run(global: &Global) -> Result<(), Fault> {
    let client = global.connect_or_in_memory().await?;
    let result = client.get("/openapi.json").await;
    client.close().await;
    ui::json(&result?);
    Ok(())
}
