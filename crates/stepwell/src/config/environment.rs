//! Environment variables that look like settings but are not read.

use super::problems;
use super::settings::Config;
use super::sources::{ENV_DATA_DIR, ENV_PREFIX};

/// Variables that are read, apart from those with the prefix of settings.
const READ_VARIABLES: [&str; 4] =
    [ENV_DATA_DIR, "STEPWELL_CONFIG", "STEPWELL_SERVER", "STEPWELL_API_KEY"];

/// A variable of Stepwell itself that begins with a prefix, or begins the prefix.
pub fn variable_with_prefix(prefix: &str) -> Option<&'static str> {
    let is_setting = prefix.starts_with(ENV_PREFIX) || ENV_PREFIX.starts_with(prefix);
    let read = READ_VARIABLES.into_iter().find(|read| read.starts_with(prefix));
    read.or(is_setting.then_some(ENV_PREFIX))
}

/// A warning for each variable of this process that is nearly the name of a setting. `secrets`: the
/// prefix of those that are secrets of workflows.
pub fn ignored_variables(secrets: Option<&str>) -> Vec<String> {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    });
    let is_secret = |name: &str| secrets.is_some_and(|prefix| name.starts_with(prefix));
    find_ignored(variables.filter(|(name, _)| !is_secret(name)))
}

fn find_ignored(variables: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let known: Vec<String> = Config::default().values().into_iter().map(|(path, _)| path).collect();
    let mut warnings: Vec<String> = variables
        .filter_map(|(name, value)| {
            let meant = meant_variable(&name, &value, &known)?;
            Some(format!("the environment variable {name} is not read; did you mean {meant}?"))
        })
        .collect();
    warnings.sort();
    warnings
}

/// The variable that is probably meant by one that is not read.
fn meant_variable(name: &str, value: &str, known: &[String]) -> Option<String> {
    let upper = name.to_uppercase();
    let rest = upper.strip_prefix("STEPWELL")?;
    if upper.starts_with(ENV_PREFIX) || READ_VARIABLES.contains(&name) {
        return None;
    }
    // Kubernetes sets `STEPWELL_PORT=tcp://…` for a service that is named `stepwell`.
    if value.contains("://") && rest.starts_with("_PORT") {
        return None;
    }
    if let Some(read) = READ_VARIABLES.iter().find(|read| read.eq_ignore_ascii_case(name)) {
        return Some((*read).to_owned());
    }
    let squeezed = |text: &str| text.to_lowercase().replace(['_', '.'], "");
    let wanted = squeezed(rest);
    let exact = known.iter().find(|path| squeezed(path) == wanted);
    let by_name = || {
        known
            .iter()
            .find(|path| path.rsplit('.').next().is_some_and(|last| squeezed(last) == wanted))
    };
    let near = || {
        let distance = |path: &String| strsim::damerau_levenshtein(&squeezed(path), &wanted);
        known.iter().filter(|path| distance(path) <= 2).min_by_key(|path| distance(path))
    };
    exact.or_else(by_name).or_else(near).map(|path| problems::variable_name(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_stepwell_are_no_secrets() {
        for (prefix, read) in [
            ("STEPWELL_SECRET_", None),
            ("SECRET_", None),
            ("STEPWELL_", Some("STEPWELL_DATA_DIR")),
            ("STEPWELL_API", Some("STEPWELL_API_KEY")),
            ("STEPWELL__SECRETS__", Some("STEPWELL__")),
            ("STEP", Some("STEPWELL_DATA_DIR")),
        ] {
            assert_eq!(variable_with_prefix(prefix), read, "{prefix}");
        }
    }

    #[test]
    fn names_that_are_nearly_right_are_reported() {
        for (name, value, meant) in [
            ("STEPWELL_PORT", "9000", Some("STEPWELL__SERVER__PORT")),
            ("STEPWELL_SERVER__PORT", "9000", Some("STEPWELL__SERVER__PORT")),
            ("STEPWELL_LOG_LEVEL", "debug", Some("STEPWELL__LOG__LEVEL")),
            ("STEPWELL_HOST", "0.0.0.0", Some("STEPWELL__SERVER__HOST")),
            ("STEPWELL_ENGINE_MAX_ACTVE", "1", Some("STEPWELL__ENGINE__MAX_ACTIVE")),
            ("stepwell_data_dir", "x", Some("STEPWELL_DATA_DIR")),
            // Read, of Kubernetes, or of something else.
            ("STEPWELL_DATA_DIR", "x", None),
            ("STEPWELL_SERVER", "http://h", None),
            ("STEPWELL__SERVER__PROT", "1", None),
            ("STEPWELL_PORT", "tcp://10.0.0.1:8080", None),
            ("STEPWELL_SERVICE_HOST", "10.0.0.1", None),
            ("STEPWELL_BIN", "x", None),
            ("PORT", "1", None),
        ] {
            let found = find_ignored(std::iter::once((name.to_owned(), value.to_owned())));
            match meant {
                Some(meant) => {
                    assert!(found[0].ends_with(&format!("did you mean {meant}?")), "{found:?}");
                }
                None => assert_eq!(found, Vec::<String>::new(), "{name}"),
            }
        }
    }
}
