//! Files of executions as this dialect shows them.

use stepwell_core::execution::ItemFile;
use stepwell_engine::app::ListedFile;

use super::wire::ExecutionFile;

pub(super) fn file_body(listed: &ListedFile) -> ExecutionFile<'_> {
    let ListedFile { name, file } = listed;
    let ItemFile { completed, failed, bytes, is_closed } = *file;
    ExecutionFile { name, is_complete: is_closed, completed, failed, bytes }
}
