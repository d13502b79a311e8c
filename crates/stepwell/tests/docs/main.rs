//! The pages of the documentation: their snippets run as printed, their links lead somewhere, and
//! the reference of error codes is complete.
//!
//! The snippets need `sh`, `curl`, `jq` and `python3`.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue must fail")]

mod codes;
mod expressions;
mod links;
mod page;
mod session;

use page::{Block, Page};
use session::Session;

#[test]
fn tutorial_runs_as_printed() {
    Session::new().run(&Page::read("docs/tutorial.md"));
}

#[test]
fn conditions_and_joins_run_as_printed() {
    Session::new().run(&Page::read("docs/conditions-and-joins.md"));
}

#[test]
fn the_drill_of_a_backup_runs_as_printed() {
    Session::new().run(&Page::read("docs/deployment.md"));
}

#[test]
fn blocks_run_as_printed() {
    Session::new().run(&Page::read("docs/control-flow.md"));
}

#[test]
fn tests_of_definitions_run_as_printed() {
    Session::new().run(&Page::read("docs/testing.md"));
}

#[test]
fn expressions_run_as_printed() {
    Session::new().run(&Page::read("docs/expressions.md"));
}

#[test]
fn variables_run_as_printed() {
    Session::new().run(&Page::read("docs/variables.md"));
}

#[test]
fn signals_run_as_printed() {
    Session::new().run(&Page::read("docs/signals.md"));
}

#[test]
fn approvals_run_as_printed() {
    Session::new().run(&Page::read("docs/approvals.md"));
}

#[test]
fn secrets_run_as_printed() {
    Session::new().run(&Page::read("docs/secrets.md"));
}

#[test]
fn command_line_runs_as_printed() {
    Session::new().run(&Page::read("docs/cli.md"));
}

#[test]
fn first_workflow_of_the_management_api_runs_as_printed() {
    let session = Session::new();
    let _server = session.start("# terminal 1\nstepwell serve\n");
    session.run(&Page::read("docs/api-abi.md"));
}

#[test]
fn definition_of_the_reference_is_valid() {
    let session = Session::new();
    for block in Page::read("docs/definitions.md").blocks {
        if let Block::Other { language, text } = block
            && language == "yaml"
        {
            session.validate(&text);
        }
    }
}
