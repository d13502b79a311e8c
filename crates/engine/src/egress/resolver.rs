//! Resolves names to addresses that the rules allow. The client connects to these addresses only.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::rules::EgressRules;

/// The system's resolver behind the egress rules.
pub(super) struct CheckedResolver {
    pub rules: Arc<EgressRules>,
}

/// Every address of the name is forbidden by the rules.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` resolves to private or reserved addresses only")]
pub(super) struct Forbidden(pub String);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.rules);
        Box::pin(async move {
            let name = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            let any = rules.may_reach_name(name);
            let none_found = found.is_empty();
            let fit: Vec<_> =
                found.into_iter().filter(|address| any || rules.may_reach(address.ip())).collect();
            if fit.is_empty() && !none_found {
                return Err(Forbidden(name.to_owned()).into());
            }
            Ok(Box::new(fit.into_iter()) as Addrs)
        })
    }
}
