//! Rate limits: what a key or a workspace may use, and the arithmetic of token buckets.
//!
//! Nothing here keeps a count or knows the time: a bucket's level goes in with a moment, and its
//! next level comes out.

mod bucket;
mod limits;

pub use bucket::{BucketRate, BucketStatus, TheoreticalArrival};
pub use limits::{RateLimits, RateTier};
