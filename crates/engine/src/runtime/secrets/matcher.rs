//! Finds every form of an execution's secrets in one pass (Aho-Corasick).

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use stepwell_core::expr::PLACEHOLDER;

use super::forms::{SharedEdges, secret_forms};

pub(super) struct Matcher {
    /// `None` where it cannot be built, which is never for secrets within their limits; then
    /// nothing is let through.
    automaton: Option<AhoCorasick>,
    /// By pattern.
    edges: Vec<SharedEdges>,
    patterns: Vec<Vec<u8>>,
    /// The secrets as they are.
    plain: Vec<String>,
    /// Whether a secret is a part of the placeholder itself, such as `secret`.
    in_placeholder: bool,
}

impl Matcher {
    pub(super) fn new<'s>(secrets: impl Iterator<Item = &'s str>) -> Self {
        let plain: Vec<String> = secrets.map(str::to_owned).collect();
        let mut patterns = Vec::new();
        let mut edges = Vec::new();
        for (form, shared) in plain.iter().flat_map(|secret| secret_forms(secret)) {
            patterns.push(form);
            edges.push(shared);
        }
        // The compact kind: one automaton for each execution, and most texts have no match.
        let automaton =
            AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(&patterns).ok();
        let in_placeholder = plain.iter().any(|secret| PLACEHOLDER.contains(secret.as_str()));
        Self { automaton, edges, patterns, plain, in_placeholder }
    }

    /// Whether there is a secret in it.
    pub(super) fn finds(&self, text: &[u8]) -> bool {
        !self.covered(text).is_empty()
    }

    /// Whether the text is a secret, no more and no less.
    pub(super) fn is_whole(&self, text: &str) -> bool {
        self.plain.iter().any(|secret| secret == text.trim_start_matches('-'))
    }

    /// The parts of the text that are secrets, in order, overlapping ones as one.
    pub(super) fn covered(&self, text: &[u8]) -> Vec<Range<usize>> {
        let Some(automaton) = &self.automaton else {
            return Vec::from_iter((!text.is_empty()).then_some(0..text.len()));
        };
        let mut covered: Vec<Range<usize>> = Vec::new();
        if !automaton.is_match(text) {
            return covered;
        }
        let placeholders = self.placeholders(text);
        // In the order of their ends.
        for found in automaton.find_overlapping_iter(text) {
            let edges = self.edges.get(found.pattern().as_usize()).copied().unwrap_or_default();
            let mut part = found.range();
            if placeholders.iter().any(|known| known.start <= part.start && part.end <= known.end) {
                continue;
            }
            let is_base64 = |at: usize| text.get(at).copied().is_some_and(is_base64);
            if edges.before && part.start > 0 && is_base64(part.start - 1) {
                part.start -= 1;
            }
            if edges.after && is_base64(part.end) {
                part.end += 1;
            }
            while let Some(last) = covered.last()
                && last.end > part.start
            {
                part = last.start.min(part.start)..last.end.max(part.end);
                covered.pop();
            }
            covered.push(part);
        }
        covered
    }

    /// Where the text was redacted before, if that could be mistaken for a secret.
    fn placeholders(&self, text: &[u8]) -> Vec<Range<usize>> {
        if !self.in_placeholder {
            return Vec::new();
        }
        let starts = text.windows(PLACEHOLDER.len()).enumerate();
        let starts = starts.filter(|(_, part)| *part == PLACEHOLDER.as_bytes());
        starts.map(|(at, _)| at..at + PLACEHOLDER.len()).collect()
    }

    pub(super) fn redact_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let covered = self.covered(bytes);
        if covered.is_empty() {
            return None;
        }
        let mut kept = Vec::with_capacity(bytes.len());
        let mut rest = 0;
        for part in covered {
            kept.extend_from_slice(&bytes[rest..part.start]);
            kept.extend_from_slice(PLACEHOLDER.as_bytes());
            rest = part.end;
        }
        kept.extend_from_slice(&bytes[rest..]);
        Some(kept)
    }

    pub(super) fn redact_text(&self, text: &str) -> Option<String> {
        let kept = self.redact_bytes(text.as_bytes())?;
        // Secrets are ASCII, so what is left of UTF-8 is UTF-8.
        Some(String::from_utf8(kept).unwrap_or_else(|_| PLACEHOLDER.to_owned()))
    }

    /// How many bytes at the end of the text may be the beginning of a secret.
    pub(super) fn open_end(&self, text: &[u8]) -> usize {
        let longest = self.patterns.iter().map(Vec::len).max().unwrap_or_default();
        let from = text.len().saturating_sub(longest.saturating_sub(1));
        let begins = |start: &usize| {
            let end = &text[*start..];
            self.patterns.iter().any(|form| form.len() > end.len() && form.starts_with(end))
        };
        (from..text.len()).find(begins).map_or(0, |start| text.len() - start)
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}
