//! The egress client: HTTP under the egress rules.
//!
//! Every request that leaves the server (HTTP steps, webhooks) goes through [`EgressClient`]. It
//! supports `http` and `https` only, has a timeout and a size limit for everything, uses no proxy
//! from the environment, and reaches private addresses only if the rules allow it. Each name is
//! resolved once per connection and the connection goes to an address that was checked, so a name
//! that changes its address between check and use gains nothing. Each redirect is a new request
//! and is checked as such.

mod addresses;
mod authorities;
mod client;
#[cfg(test)]
mod connection_tests;
mod content_coding;
mod redirects;
mod resolver;
mod retry_after;
mod rules;
#[cfg(test)]
mod tests;

pub use authorities::built_in_authorities;
pub(crate) use client::url_origin;
pub use client::{DeliveryResponse, EgressClient, SetupError};
pub use rules::{Allowed, EgressRules, InvalidAllowed};
