//! Step types that speak HTTP.
