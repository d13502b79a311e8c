//! The state machine of an execution.
