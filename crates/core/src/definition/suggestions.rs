//! Suggestions for misspelt names.

/// The most names among which the one that was meant is looked for.
const MAX_CANDIDATES: usize = 500;

/// The most names that are listed if none is near to what was written.
const MAX_LISTED: usize = 20;

/// `; did you mean `x`?` where one of `names` is near to what was written, else nothing.
pub fn did_you_mean<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    nearest_name(written, names)
        .map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The one that was probably meant, or else all that there are: `; steps are a, b`.
pub(crate) fn suggest_name<'n>(
    written: &str,
    kind: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> String {
    let hint = did_you_mean(written, names.clone());
    if !hint.is_empty() {
        return hint;
    }
    let known: Vec<&str> = names.take(MAX_LISTED).collect();
    match known.is_empty() {
        true => format!("; there are no {kind}"),
        false => format!("; {kind} are {}", known.join(", ")),
    }
}

/// The one of `names` that was probably meant.
pub(crate) fn nearest_name<'n>(
    written: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    // The metric's cost grows with the product of the lengths; no name is that long.
    if written.len() > 200 {
        return None;
    }
    let folded = written.to_lowercase();
    names
        .into_iter()
        .take(MAX_CANDIDATES)
        .map(|name| (strsim::jaro_winkler(&folded, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.82)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
