//! Recognising secrets in every form, whole and in pieces.

use proptest::prelude::*;
use stepwell_core::ids::ExecutionId;
use stepwell_core::redact::redacted_text;

use super::forms::secret_forms;
use super::*;

fn secrets(values: &[&str]) -> Secrets {
    let named = values.iter().enumerate().map(|(i, v)| (format!("S{i}"), (*v).to_owned()));
    Vault::default().open(named.collect())
}

fn redact(values: &[&str], text: &str) -> String {
    redacted_text(secrets(values).redact_ref(), text).into_owned()
}

/// With every character that one of the forms escapes.
const AWKWARD: &str = r#"a"b\c/d<e>f&g'h i+j%k=l?m#n~o!"#;

#[test]
fn every_form_is_recognised() {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    for secret in ["hunter2", "sk-live_0123456789", AWKWARD] {
        let mut url = url::Url::parse("https://h.example/").unwrap();
        url.query_pairs_mut().append_pair("k", secret);
        url.path_segments_mut().unwrap().push(secret);
        for form in [
            format!("x {secret} y"),
            json!({ "k": secret }).to_string(),
            json!({ "k": secret }).to_string().replace('/', "\\/"),
            format!("{secret:?}"),
            url.to_string(),
            secret.bytes().map(|b| format!("{b:02x}")).collect(),
            secret.bytes().map(|b| format!("{b:02X}")).collect(),
            secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        ] {
            let found = redact(&[secret], &form);
            assert!(found.contains("[secret]"), "{secret}: {form}");
            assert!(!found.contains(&secret[..4]), "{secret}: {form}: {found}");
        }
        for before in 0..7 {
            for after in 0..4 {
                let bytes =
                    [&b"<?>\xff\0zz"[..before], secret.as_bytes(), &b"\xff?x"[..after.min(3)]];
                for written in
                    [STANDARD.encode(bytes.concat()), URL_SAFE_NO_PAD.encode(bytes.concat())]
                {
                    let found = redact(&[secret], &written);
                    // Not one character is left that reveals a bit of the secret.
                    let kept = found.replace("[secret]", "");
                    let apart = (before * 8) / 6 + (after * 8).div_ceil(6) + 3;
                    assert!(found.contains("[secret]"), "{secret}: {written}");
                    assert!(kept.len() <= apart, "{secret} after {before}: {written}: {found}");
                }
            }
        }
    }
}

#[test]
fn bytes_are_redacted_in_every_encoding_of_text() {
    let secrets = secrets(&["hunter2hunter2"]);
    let utf16: Vec<u8> = "é hunter2hunter2!".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let found = secrets.redact_ref().redact_bytes(&utf16).unwrap();
    assert!(found.windows(8).any(|part| part == b"[secret]"));
    assert!(!found.windows(4).any(|part| part == b"h\0u\0"));
    assert_eq!(secrets.redact_ref().redact_bytes(b"\xff\xfehunter"), None);
}

#[test]
fn overlapping_secrets_leave_nothing_behind() {
    for (values, text, expected) in [
        (&["abcdefgh", "efghijkl"][..], "-abcdefghijkl-", "-[secret]-"),
        (&["abcdefgh", "abcdefghij"], "abcdefghij", "[secret]"),
        (&["cdefgh", "abcdefghij"], "abcdefghij cdefgh", "[secret] [secret]"),
        (&["hunter2"], "hunter2hunter2", "[secret][secret]"),
        (&["aaaaaa"], "xaaaaaaaaax", "x[secret]x"),
        (&["ünïcödé"], "é ünïcödé é", "é [secret] é"),
        // A secret that is a part of the placeholder does not make it grow.
        (&["secret"], "a secret and [secret]", "a [secret] and [secret]"),
        (&["[secret]"], "[secret]", "[secret]"),
        (&[], "anything", "anything"),
    ] {
        let once = redact(values, text);
        assert_eq!(once, expected, "{values:?}");
        assert_eq!(redact(values, &once), once, "it is done once");
    }
}

#[test]
fn secrets_are_checked_when_they_come() {
    let named = |name: &str, value: String| vec![(name.to_owned(), value)];
    for (given, part) in [
        (named("STRIPE_KEY", "short".into()), "at least 6"),
        (named("OPENAI_KEY", String::new()), "has 0 characters"),
        (named("TOK", "x".repeat(40_000)), "at most 32768 bytes"),
    ] {
        let AppError::InvalidRequest(problem) = check_secrets(&given).unwrap_err() else {
            panic!()
        };
        assert!(problem.message.contains(part), "{problem:?}");
        let header = match given[0].0.as_str() {
            "STRIPE_KEY" => "X-Secret-Stripe-Key",
            "OPENAI_KEY" => "X-OpenAI-Key",
            _ => "X-Secret-Tok",
        };
        assert_eq!(problem.path, header);
    }
    assert!(check_secrets(&named("TOK", "longer".into())).is_ok());
    assert!(check_secrets(&[]).is_ok());
}

#[test]
fn values_that_hold_a_secret_are_named() {
    let secrets = secrets(&["hunter2hunter2", "123456"]);
    for (value, place) in [
        (json!({"a": [1, {"b": "x hunter2hunter2"}]}), "input.a[1].b"),
        (json!({"a": {"hunter2hunter2": 1}}), "input.a"),
        (json!({"n": 123_456}), "input.n"),
        (json!(["a", "aHVudGVyMmh1bnRlcjI="]), "input[1]"),
    ] {
        let refused = secrets.check_absent(&value, "input").unwrap_err();
        let AppError::InvalidInput(problems) = refused else { panic!("{refused}") };
        assert_eq!(problems.0[0].path, place);
        assert!(!problems.to_string().contains("hunter2"));
    }
    assert!(secrets.check_absent(&json!({"a": "[secret]", "n": 1_234_567}), "input").is_ok());
}

#[test]
fn pieces_are_redacted_across_their_borders() {
    let whole = "say hunter2hunter2, hunter2hunter and aHVudGVyMmh1bnRlcjI= then hunter2";
    let expected = redact(&["hunter2hunter2"], whole);
    for size in 1..20 {
        let pieces = secrets(&["hunter2hunter2"]).piece_redactor().unwrap();
        let mut shown = String::new();
        let characters: Vec<char> = whole.chars().collect();
        for piece in characters.chunks(size) {
            shown.push_str(&pieces.push(&piece.iter().collect::<String>()));
            assert!(!shown.contains("hunter2hunter2"));
        }
        shown.push_str(&pieces.finish());
        assert_eq!(shown, expected, "pieces of {size}");
    }
    // What cannot be the beginning of a secret is not held back.
    let pieces = secrets(&["hunter2hunter2"]).piece_redactor().unwrap();
    assert_eq!(pieces.push("at once"), "at once");
    assert_eq!(pieces.push(" hun"), " ");
    assert_eq!(pieces.push("gry"), "hungry");
    assert_eq!(pieces.finish(), "");
    assert!(Secrets::default().piece_redactor().is_none());
}

#[test]
fn executions_at_rest_keep_their_secrets_within_bounds() {
    let vault = Vault::default();
    let id = |n: u128| ExecutionId::from_uuid(uuid::Uuid::from_u128(n));
    let value = "x".repeat(20_000);
    let secrets = vault.open(vec![("K".into(), value.clone())]);
    for n in 0..1000 {
        vault.keep(id(n), &secrets);
    }
    assert_eq!(vault.take(id(0)).find("K"), None, "those kept longest are dropped");
    assert_eq!(vault.take(id(999)).find("k"), Some(value.as_str()));
    assert_eq!(vault.take(id(999)).find("K"), None, "each is taken once");
    vault.keep(id(5), &Secrets::default());
    assert!(vault.take(id(5)).redact().is_none());
}

#[test]
fn executions_with_the_same_secrets_share_what_recognises_them() {
    let vault = Vault::default();
    let open = || vault.open(vec![("K".into(), "hunter2hunter2".into())]);
    let (one, other) = (open(), open());
    assert!(Arc::ptr_eq(one.0.as_ref().unwrap(), other.0.as_ref().unwrap()));
    assert!(!format!("{:?}", one.0.as_ref().unwrap()).contains("hunter2"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// No form of a secret survives, whatever surrounds it and however it is split.
    #[test]
    fn no_form_survives(
        secret in "[!-~]{6,24}",
        around in proptest::collection::vec("[ -~é]{0,8}", 4),
        cut in 1_usize..9,
    ) {
        let known = secrets(&[&secret]);
        let all: Vec<Vec<u8>> = secret_forms(&secret).into_keys().collect();
        let mut text = around[0].clone();
        for (form, between) in all.iter().zip(around.iter().cycle()) {
            if let Ok(form) = std::str::from_utf8(form) {
                text.push_str(form);
                text.push_str(between);
            }
        }
        let found = redacted_text(known.redact_ref(), &text).into_owned();
        let pieces = known.piece_redactor().unwrap();
        let characters: Vec<char> = text.chars().collect();
        let mut shown = String::new();
        for piece in characters.chunks(cut) {
            shown.push_str(&pieces.push(&piece.iter().collect::<String>()));
        }
        shown.push_str(&pieces.finish());
        let rest = |text: &str| text.replace("[secret]", "\u{0}");
        for form in &all {
            let Ok(form) = std::str::from_utf8(form) else { continue };
            prop_assert!(!rest(&found).contains(form), "{form} in {found}");
            prop_assert!(!rest(&shown).contains(form), "{form} in {shown}");
        }
    }
}
