//! Errors inside this crate, and their conversion to `StoreError`.

use rusqlite::ErrorCode;
use stepwell_store::StoreError;

/// Why work on a connection stopped.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// A precondition failed; nothing was written.
    Rejected(StoreError),
    /// SQLite failed; what was written must be rolled back.
    Sql(rusqlite::Error),
}

pub(crate) type Result<T> = std::result::Result<T, QueryError>;

/// The result of a method of the store.
pub(crate) type StoreResult<T> = std::result::Result<T, StoreError>;

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> Self {
        Self::Rejected(error)
    }
}

impl From<rusqlite::Error> for QueryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Rejected(error) => error,
            QueryError::Sql(error) => store_error(&error),
        }
    }
}

/// `Corrupt`, naming what cannot be read.
pub(crate) fn corrupt_row(what: impl Into<String>) -> QueryError {
    QueryError::Rejected(StoreError::Corrupt(what.into()))
}

/// The error for callers of an operation that SQLite rejected.
pub(crate) fn store_error(error: &rusqlite::Error) -> StoreError {
    use rusqlite::Error;
    let text = error.to_string();
    match error {
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => StoreError::Corrupt(text),
        _ => match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig,
            ) => StoreError::Corrupt(text),
            _ => StoreError::Unavailable(text),
        },
    }
}

/// The error for all callers whose writes shared a transaction that failed as a whole, which is not
/// the fault of any single write.
pub(crate) fn transaction_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt(error.to_string())
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}
