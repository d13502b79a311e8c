//! The values of the secrets of one execution, by where they come from.

use crate::installed_secrets::{MAX_SECRETS_BYTES, SecretValues};

/// Secrets by name.
type Named = Vec<(String, String)>;

/// The values of the secrets of one execution.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Values {
    /// Sent with the request.
    sent: Named,
    /// Of the installation, as last read.
    installed: SecretValues,
    /// Earlier values of the installation: no longer used, but still recognised.
    former: Vec<String>,
}

impl Values {
    pub(super) fn of_request(sent: Named) -> Self {
        Self { sent, ..Self::default() }
    }

    /// The same with secrets of the installation as they are now. Those of the request override
    /// them.
    pub(super) fn with_installed(&self, mut installed: SecretValues) -> Self {
        installed.values.retain(|(name, _)| find_value(&self.sent, name).is_none());
        let mut bytes: usize = self.sent.iter().map(|(_, value)| value.len()).sum();
        let mut excess = Vec::new();
        installed.values.retain(|(name, value)| {
            bytes += value.len();
            let fits = bytes <= MAX_SECRETS_BYTES;
            if !fits {
                let problem = format!(
                    "the secrets of one execution may have at most {MAX_SECRETS_BYTES} bytes \
                     together"
                );
                excess.push((name.clone(), problem));
            }
            fits
        });
        installed.unusable.extend(excess);
        let is_current = |value: &String| installed.values.iter().any(|(_, new)| new == value);
        let replaced = self.installed.values.iter().map(|(_, value)| value);
        let mut former: Vec<String> = Vec::new();
        let mut room = MAX_SECRETS_BYTES;
        // The newest first: it is the likeliest to come back.
        for value in replaced.chain(&self.former).filter(|value| !is_current(value)) {
            if value.len() <= room && !former.contains(value) {
                room -= value.len();
                former.push(value.clone());
            }
        }
        Self { sent: self.sent.clone(), installed, former }
    }

    pub(super) fn find(&self, name: &str) -> Option<&str> {
        find_value(&self.sent, name).or_else(|| find_value(&self.installed.values, name))
    }

    /// Why a secret of the installation has no value.
    pub(super) fn find_problem(&self, name: &str) -> Option<&str> {
        find_value(&self.installed.unusable, name)
    }

    /// The names that are sent with the request.
    pub(super) fn is_sent(&self, name: &str) -> bool {
        find_value(&self.sent, name).is_some()
    }

    /// Every value that must not be shown.
    pub(super) fn recognised(&self) -> impl Iterator<Item = &str> {
        let named = self.sent.iter().chain(&self.installed.values).map(|(_, value)| value);
        named.chain(&self.former).map(String::as_str)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.recognised().next().is_none() && self.installed.unusable.is_empty()
    }

    pub(super) fn has_sent(&self) -> bool {
        !self.sent.is_empty()
    }

    /// The bytes of all texts.
    pub(super) fn size(&self) -> usize {
        let Self { sent, installed, former } = self;
        let named = sent.iter().chain(&installed.values).chain(&installed.unusable);
        let named: usize = named.map(|(name, value)| name.len() + value.len()).sum();
        named + former.iter().map(String::len).sum::<usize>()
    }
}

fn find_value<'n>(named: &'n Named, name: &str) -> Option<&'n str> {
    let mut found = named.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(pairs: &[(&str, &str)]) -> Named {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn installed(pairs: &[(&str, &str)]) -> SecretValues {
        SecretValues { values: named(pairs), unusable: Vec::new() }
    }

    #[test]
    fn the_request_overrides_the_installation() {
        let sent = Values::of_request(named(&[("TOK", "of-request")]));
        let both = sent.with_installed(installed(&[("tok", "of-file"), ("KEY", "key-value")]));
        assert_eq!(both.find("Tok"), Some("of-request"));
        assert_eq!(both.find("key"), Some("key-value"));
        let recognised: Vec<&str> = both.recognised().collect();
        assert_eq!(recognised, ["of-request", "key-value"]);
    }

    #[test]
    fn replaced_values_are_still_recognised() {
        let first = Values::default().with_installed(installed(&[("TOK", "value-1")]));
        let second = first.with_installed(installed(&[("TOK", "value-2")]));
        let third = second.with_installed(installed(&[]));
        assert_eq!(second.find("TOK"), Some("value-2"));
        assert_eq!(third.find("TOK"), None);
        assert_eq!(third.recognised().collect::<Vec<_>>(), ["value-2", "value-1"]);
        // One that is used again is recognised once.
        let again = third.with_installed(installed(&[("TOK", "value-1")]));
        assert_eq!(again.recognised().collect::<Vec<_>>(), ["value-1", "value-2"]);
    }

    #[test]
    fn values_beyond_the_limit_cannot_be_used() {
        let long = "x".repeat(MAX_SECRETS_BYTES - 10);
        let values = Values::of_request(named(&[("A", &long)]));
        let values = values.with_installed(installed(&[("B", "12345678"), ("C", "12345678")]));
        assert_eq!((values.find("B"), values.find("C")), (Some("12345678"), None));
        assert!(values.find_problem("C").unwrap().contains("32768 bytes"));
    }
}
