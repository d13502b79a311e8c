//! The setting `log.level`: a level, or filters for parts of the program.

use tracing_subscriber::EnvFilter;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Checks each filter. A word that is not a level would be read as the name of a module, which
/// silences everything else.
///
/// # Errors
/// What is wrong, and what to write instead.
pub fn check_level(text: &str) -> Result<(), String> {
    let allowed = format!(
        "write {}, or filters such as info,stepwell_engine=debug",
        LEVELS.join(", ").replace(", off", " or off")
    );
    if text.trim().is_empty() {
        return Err(format!("is empty; {allowed}"));
    }
    // Filters of spans can contain commas and are left to the parser.
    if !text.contains('[') {
        for filter in text.split(',') {
            let level = filter.rsplit_once('=').map_or(filter, |(_, level)| level).trim();
            if LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)) {
                continue;
            }
            let near = LEVELS
                .iter()
                .map(|known| (strsim::damerau_levenshtein(known, &level.to_lowercase()), known))
                .min()
                .filter(|(distance, _)| *distance <= 2);
            let hint = near.map(|(_, near)| format!("did you mean `{near}`? ")).unwrap_or_default();
            let level: String = level.chars().take(40).collect();
            return Err(format!("`{level}` is not a level; {hint}{allowed}"));
        }
    }
    EnvFilter::try_new(text).map(drop).map_err(|e| format!("{e}; {allowed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_levels_and_filters_are_accepted() {
        for text in ["info", "WARN", "off", "info,stepwell_engine=debug", "warn,hyper=off"] {
            assert_eq!(check_level(text), Ok(()), "{text}");
        }
        for (text, part) in [
            ("inof", "`inof` is not a level; did you mean `info`? write error, warn"),
            ("stepwell_engine", "`stepwell_engine` is not a level; write"),
            ("info,stepwell_api=verbose", "`verbose` is not a level; write"),
            ("info,stepwell_api=dbug", "did you mean `debug`?"),
            ("", "is empty"),
            ("info,", "`` is not a level"),
        ] {
            let message = check_level(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
