//! `stepwell health`: whether the running server accepts work, for health checks of containers.

use crate::client::Client;
use crate::error::CliError;
use crate::global::GlobalArgs;
use crate::terminal;

/// # Errors
/// `Unreachable` if no server runs, or if it does not accept work, with the reason.
pub async fn run(global: &GlobalArgs) -> Result<(), CliError> {
    let health = Client::connect_without_key(global)?.get("/readyz").await?;
    if global.json {
        terminal::print_json(&health);
    } else {
        terminal::print_line("ready");
    }
    Ok(())
}
