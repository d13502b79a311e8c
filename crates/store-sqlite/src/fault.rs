//! What can go wrong inside, and what the caller is told.

use rusqlite::ErrorCode;
use stepwell_store::StoreError;

/// Why a piece of work on a connection stopped.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The work was looked at and refused; nothing was written.
    Refused(StoreError),
    /// SQLite failed; what was written so far must be rolled back.
    Sql(rusqlite::Error),
}

pub(crate) type Result<T> = std::result::Result<T, Fault>;

/// What callers of the store get.
pub(crate) type Answer<T> = std::result::Result<T, StoreError>;

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(error) => error,
            Fault::Sql(error) => told(&error),
        }
    }
}

/// `Corrupt` with what cannot be read.
pub(crate) fn corrupt(what: impl Into<String>) -> Fault {
    Fault::Refused(StoreError::Corrupt(what.into()))
}

/// What the caller is told about SQLite's own errors.
pub(crate) fn told(error: &rusqlite::Error) -> StoreError {
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

/// What every caller is told where a transaction failed as a whole: it is nobody's own fault.
pub(crate) fn told_of_all(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt(error.to_string())
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}
