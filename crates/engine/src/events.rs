//! Following one execution.

use crate::AppError;
use crate::view::Notice;

/// The notices of one execution, from a place in its journal on, until it ends.
pub struct Follow {}

impl Follow {
    /// The next notice; `None` after the final one. Waits for as long as it takes; cancel-safe.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn next(&mut self) -> Result<Option<Notice>, AppError> {
        todo!()
    }
}
