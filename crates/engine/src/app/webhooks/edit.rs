//! Validation of webhooks, and the webhook after a change. Nothing here stores anything.

use std::time::Duration;

use stepwell_core::{Timestamp, TopicFilter};

use super::{ChangeWebhook, WantedStatus};
use crate::AppError;
use crate::runtime::deliveries::{check_secret, new_secret};
use crate::webhook::{Webhook, WebhookStatus};

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 500;

/// The longest time for which an earlier secret signs.
const MAX_OVERLAP: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long it does where a change of the webhook brings another.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// The most old secrets that sign at once; the oldest goes first.
const MOST_OLD: usize = 4;

/// The webhook after a change that was checked.
pub(super) fn changed_webhook(
    before: &Webhook,
    change: &ChangeWebhook,
    now: Timestamp,
) -> Result<Webhook, AppError> {
    let ChangeWebhook { url, topics, description, status, secret } = change;
    let mut after = before.clone();
    if let Some(url) = url {
        after.url.clone_from(url);
    }
    if let Some(topics) = topics {
        after.topics = topics.clone();
    }
    if let Some(description) = description {
        after.description = Some(description.clone()).filter(|text| !text.is_empty());
    }
    match (status, &before.status) {
        (None | Some(WantedStatus::Active), WebhookStatus::Active) | (None, _) => {}
        (Some(WantedStatus::Active), _) => after.status = WebhookStatus::Active,
        (Some(WantedStatus::Inactive), _) => after.status = WebhookStatus::Inactive,
        (Some(WantedStatus::Disabled), WebhookStatus::Disabled { .. }) => {}
        (Some(WantedStatus::Disabled), _) => {
            let message = "must be `active` or `inactive`; only the server makes it `disabled`";
            return Err(AppError::invalid("status", message));
        }
    }
    match secret {
        Some(secret) if *secret != before.secret => {
            Ok(rotated_webhook(&after, secret, OVERLAP, now))
        }
        _ => Ok(after),
    }
}

/// Whether earlier failures no longer count: another URL, or a webhook that is enabled again.
pub(super) fn forgets_failures(before: &Webhook, after: &Webhook) -> bool {
    let is_enabled =
        after.status == WebhookStatus::Active && before.status != WebhookStatus::Active;
    before.url != after.url || is_enabled
}

/// The webhook with another secret. Those before sign as well for so long, or for as long as they
/// would have; none of them where that is no time at all.
pub(super) fn rotated_webhook(
    before: &Webhook,
    secret: &str,
    overlap: Duration,
    now: Timestamp,
) -> Webhook {
    let mut old = before.previous_secrets.clone();
    if secret != before.secret {
        old.insert(0, (before.secret.clone(), now.after(overlap)));
    }
    old.retain(|(one, until)| !overlap.is_zero() && now < *until && one != secret);
    old.truncate(MOST_OLD);
    Webhook { secret: secret.to_owned(), previous_secrets: old, ..before.clone() }
}

/// The names of the fields in which they differ.
pub(super) fn changed_fields(
    before: &Webhook,
    after: &Webhook,
) -> impl Iterator<Item = &'static str> {
    let fields = [
        ("url", before.url != after.url),
        ("events", before.topics != after.topics),
        ("description", before.description != after.description),
        ("status", before.status != after.status),
        ("secret", before.secret != after.secret),
    ];
    fields.into_iter().filter_map(|(name, differs)| differs.then_some(name))
}

pub(super) fn check_topics(topics: &TopicFilter) -> Result<(), AppError> {
    match topics {
        TopicFilter::Some(topics) if topics.is_empty() => {
            Err(AppError::invalid("events", "must name at least one event, or be [\"*\"]"))
        }
        _ => Ok(()),
    }
}

pub(super) fn check_description(description: Option<&str>) -> Result<(), AppError> {
    if description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION) {
        let message = format!("must have at most {MAX_DESCRIPTION} characters");
        return Err(AppError::invalid("description", message));
    }
    Ok(())
}

pub(super) fn check_overlap(overlap: Duration) -> Result<(), AppError> {
    if overlap > MAX_OVERLAP {
        let most = MAX_OVERLAP.as_secs();
        let message = format!("must be at most {most}, which is a week");
        return Err(AppError::invalid("overlap_seconds", message));
    }
    Ok(())
}

/// A secret that was given can sign.
pub(super) fn check_given_secret(secret: &str) -> Result<(), AppError> {
    check_secret(secret).map_err(|problem| AppError::invalid("secret", problem))
}

/// The secret, and whether it was generated here.
pub(super) fn given_or_made(secret: Option<String>) -> Result<(String, bool), AppError> {
    match secret {
        Some(secret) => check_given_secret(&secret).map(|()| (secret, false)),
        None => Ok((new_secret(), true)),
    }
}

#[cfg(test)]
mod tests {
    use stepwell_core::TopicFilter;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn webhook() -> Webhook {
        Webhook {
            url: "https://a.example".into(),
            topics: TopicFilter::Every,
            description: None,
            status: WebhookStatus::Active,
            secret: "a".into(),
            previous_secrets: Vec::new(),
        }
    }

    fn old(webhook: &Webhook) -> Vec<(&str, i64)> {
        let old = webhook.previous_secrets.iter();
        old.map(|(secret, until)| (secret.as_str(), until.as_millis() / 1000)).collect()
    }

    #[test]
    fn every_secret_signs_until_its_time() {
        let rotate = |webhook: &Webhook, secret: &str, overlap, now| {
            rotated_webhook(webhook, secret, Duration::from_secs(overlap), at(now))
        };
        let twice = rotate(&rotate(&webhook(), "b", 100, 0), "c", 50, 10);
        assert_eq!((twice.secret.as_str(), old(&twice)), ("c", vec![("b", 60), ("a", 100)]));
        let late = rotate(&twice, "d", 5, 60);
        assert_eq!(old(&late), [("c", 65), ("a", 100)], "b has had its time");
        assert_eq!(old(&rotate(&twice, "d", 0, 20)), [], "none, from now on");
        assert_eq!(old(&rotate(&twice, "c", 0, 20)), [], "the same without the others");
        assert_eq!(old(&rotate(&twice, "c", 90, 20)), old(&twice), "nothing new");
        let back = rotate(&twice, "a", 90, 20);
        assert_eq!((back.secret.as_str(), old(&back)), ("a", vec![("c", 110), ("b", 60)]));
        let names = ["b", "c", "d", "e", "f", "g"];
        let many = names.iter().fold(webhook(), |one, name| rotate(&one, name, 100, 0));
        assert_eq!(old(&many), [("f", 100), ("e", 100), ("d", 100), ("c", 100)]);
    }

    #[test]
    fn failures_are_forgotten_when_it_starts_over() {
        use WantedStatus::{Active, Disabled, Inactive};
        let off = WebhookStatus::Disabled { reason: "x".into() };
        let other = "https://b.example";
        for (status, change_url, wanted, expect, failing) in [
            (WebhookStatus::Active, None, None, WebhookStatus::Active, true),
            (WebhookStatus::Active, None, Some(Active), WebhookStatus::Active, true),
            (WebhookStatus::Active, Some("https://a.example"), None, WebhookStatus::Active, true),
            (WebhookStatus::Active, Some(other), None, WebhookStatus::Active, false),
            (WebhookStatus::Active, None, Some(Inactive), WebhookStatus::Inactive, true),
            (WebhookStatus::Inactive, None, Some(Active), WebhookStatus::Active, false),
            (off.clone(), None, Some(Active), WebhookStatus::Active, false),
            (off.clone(), None, Some(Disabled), off.clone(), true),
            (off.clone(), None, Some(Inactive), WebhookStatus::Inactive, true),
        ] {
            let before = Webhook { status, ..webhook() };
            let change = ChangeWebhook {
                url: change_url.map(str::to_owned),
                status: wanted,
                ..ChangeWebhook::default()
            };
            let after = changed_webhook(&before, &change, at(9)).unwrap();
            assert_eq!((&after.status, !forgets_failures(&before, &after)), (&expect, failing));
        }
        let change = ChangeWebhook { status: Some(Disabled), ..ChangeWebhook::default() };
        changed_webhook(&webhook(), &change, at(9)).unwrap_err();
    }
}
