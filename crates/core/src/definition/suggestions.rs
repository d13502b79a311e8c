//! Suggestions for misspelt names.

/// The most names among which the one that was meant is looked for.
const MAX_CANDIDATES: usize = 500;

/// `; did you mean `x`?` where one of `names` is near to what was written, else nothing.
pub fn did_you_mean<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    nearest_name(written, names)
        .map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
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
