//! Masks credentials that are written literally into a configuration, before it is shown. Secrets
//! that are used as `secrets.NAME` never get this far: their place already has the placeholder.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use stepwell_core::expr::PLACEHOLDER;

/// The names of credentials, in lower case and without separators: a header, field or query
/// parameter whose name ends so has a credential as its value.
const CREDENTIAL_NAMES: [&str; 18] = [
    "accesskey",
    "accesskeyid",
    "apikey",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "secret",
    "secretkey",
    "sig",
    "signature",
    "subscriptionkey",
    "token",
];

/// What a text may have beside a secret and still be shown: a scheme such as `Bearer`.
const MAX_SCHEME: usize = 12;

/// The value with the placeholder instead of each credential; `None`: it has none.
pub(super) fn mask_credentials(value: &Value) -> Option<Arc<Value>> {
    has_credential(value).then(|| {
        let mut masked = value.clone();
        mask_value(&mut masked);
        Arc::new(masked)
    })
}

/// Recurses as deep as the value nests, which is bounded for every value of an execution.
fn has_credential(value: &Value) -> bool {
    match value {
        Value::String(text) => mask_url(text).is_some(),
        Value::Array(items) => items.iter().any(has_credential),
        Value::Object(fields) => fields.iter().any(|(name, field)| {
            has_credential(field) || (is_credential_name(name) && has_open_value(field))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn mask_value(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(masked) = mask_url(text) {
                *text = masked;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask_value),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if is_credential_name(name) {
                    mask_field(field);
                } else {
                    mask_value(field);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Masks a field that is named like a credential: each text and number in it.
fn mask_field(field: &mut Value) {
    match field {
        Value::Array(items) => items.iter_mut().for_each(mask_field),
        Value::Object(fields) => fields.values_mut().for_each(mask_field),
        leaf => {
            if has_open_value(leaf) {
                *leaf = PLACEHOLDER.into();
            }
        }
    }
}

/// Whether the value of a credential's field shows more than a placeholder and a scheme.
fn has_open_value(field: &Value) -> bool {
    match field {
        Value::String(text) => {
            let rest = text.replace(PLACEHOLDER, "");
            let is_scheme = |rest: &str| {
                rest.len() <= MAX_SCHEME && rest.bytes().all(|byte| byte.is_ascii_alphabetic())
            };
            let is_masked = text.contains(PLACEHOLDER) && is_scheme(rest.trim());
            !text.is_empty() && !is_masked
        }
        Value::Number(_) => true,
        Value::Array(items) => items.iter().any(has_open_value),
        Value::Object(fields) => fields.values().any(has_open_value),
        Value::Null | Value::Bool(_) => false,
    }
}

fn is_credential_name(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| !matches!(c, '-' | '_' | '.' | ' ')).collect();
    let plain = plain.to_ascii_lowercase();
    CREDENTIAL_NAMES.iter().any(|ending| plain.ends_with(ending))
}

/// A URL with the placeholder instead of its user and of each query parameter that is named like a
/// credential; `None`: it is no URL, or has none.
fn mask_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if scheme.is_empty() || !scheme.bytes().all(is_scheme) {
        return None;
    }
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(host_end);
    let host = match host.rsplit_once('@') {
        Some((user, host)) if user.contains(':') && has_open_value(&user.into()) => {
            Cow::Owned(format!("{PLACEHOLDER}@{host}"))
        }
        _ => Cow::Borrowed(host),
    };
    let (before, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
    let query = query.map(|query| {
        let (pairs, fragment) = query.split_at(query.find('#').unwrap_or(query.len()));
        let pairs: Vec<Cow<'_, str>> = pairs.split('&').map(mask_parameter).collect();
        format!("?{}{fragment}", pairs.join("&"))
    });
    let masked = format!("{scheme}://{host}{before}{}", query.unwrap_or_default());
    (masked != text).then_some(masked)
}

/// A query parameter, `NAME=VALUE`.
fn mask_parameter(pair: &str) -> Cow<'_, str> {
    match pair.split_once('=') {
        Some((name, value)) if is_credential_name(name) && has_open_value(&value.into()) => {
            format!("{name}={PLACEHOLDER}").into()
        }
        _ => pair.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn credentials_are_masked_by_their_names() {
        for (config, expected) in [
            (
                json!({"headers": {"Authorization": "Bearer sk-1", "X-Api-Key": "k", "Accept": "a"}}),
                json!({"headers": {"Authorization": "[secret]", "X-Api-Key": "[secret]", "Accept": "a"}}),
            ),
            (
                json!({"query": {"access_token": ["a", "b"], "PASSWORD": 12345, "tag": ["c"]}}),
                json!({"query": {"access_token": ["[secret]", "[secret]"], "PASSWORD": "[secret]",
                    "tag": ["c"]}}),
            ),
            (
                json!({"auth": [{"client_secret": {"value": "x", "rotate": true}}]}),
                json!({"auth": [{"client_secret": {"value": "[secret]", "rotate": true}}]}),
            ),
            (
                json!({"url": "https://h.example/a?user=u&password=p%20q&token=#top"}),
                json!({"url": "https://h.example/a?user=u&password=[secret]&token=#top"}),
            ),
            (
                json!({"url": "postgres://me:pw@db:5432/x", "other": "https://a@h/?sig=abc"}),
                json!({"url": "postgres://[secret]@db:5432/x", "other": "https://a@h/?sig=[secret]"}),
            ),
            (
                json!({"headers": {"Authorization": "Bearer [secret] and sk-1"}}),
                json!({"headers": {"Authorization": "[secret]"}}),
            ),
        ] {
            let masked = mask_credentials(&config).unwrap();
            assert_eq!(*masked, expected, "{config}");
            assert_eq!(mask_credentials(&masked), None, "it is done once: {masked}");
        }
    }

    #[test]
    fn other_values_are_shown() {
        for config in [
            json!({"headers": {"Authorization": "Bearer [secret]", "Idempotency-Key": "k"}}),
            json!({"max_tokens": 100, "token_type": "bearer", "secretary": "Ada", "key": "a"}),
            json!({"password": null, "token": "", "cookie": false}),
            json!({"url": "https://h.example/password/token?page=2&tokens=3", "text": "a=b://"}),
            json!({"url": "https://h.example/?token=[secret]", "user": "https://me@h.example/"}),
            json!("password=p"),
        ] {
            assert_eq!(mask_credentials(&config), None, "{config}");
        }
    }
}
