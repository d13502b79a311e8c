//! Secrets of the installation: files of a folder, and environment variables. They are read when
//! an execution needs them, so a changed file takes effect without a restart.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stepwell_core::ids::WorkspaceId;

/// The shortest secret, in bytes: a shorter one would be found in ordinary text.
pub(crate) const MIN_SECRET_BYTES: usize = 6;

/// The most bytes of all secrets of an execution: their matcher takes many times as much.
pub(crate) const MAX_SECRETS_BYTES: usize = 32 << 10;

/// The most files of the folder that are listed.
const MAX_FILES: usize = 10_000;

/// The entry of `workspaces` that means all of them.
const ALL_WORKSPACES: &str = "*";

/// The entry of `workspaces` that means the default workspace.
const DEFAULT_WORKSPACE: &str = "default";

/// Where secrets of the installation come from, and which workspaces can use them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecretsConfig {
    /// A folder with a file for each secret, named like the secret.
    pub directory: Option<PathBuf>,
    /// Environment variables whose names begin so are secrets; the rest is the secret's name.
    pub env_prefix: Option<String>,
    /// The workspaces whose executions can use them: `default`, ids, or `*` for all.
    pub workspaces: Vec<String>,
}

impl Default for SecretsConfig {
    fn default() -> Self {
        let workspaces = vec![DEFAULT_WORKSPACE.to_owned()];
        Self { directory: None, env_prefix: None, workspaces }
    }
}

/// A secret of the installation, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledSecret {
    /// The name, as in `secrets.NAME`.
    pub name: String,
    /// Where its value comes from.
    pub source: SecretSource,
    /// Why it cannot be used, if it cannot.
    pub problem: Option<String>,
}

/// Where the value of a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
}

/// Values of secrets by name, and why others have none.
#[derive(Default, PartialEq, Eq)]
pub(crate) struct SecretValues {
    pub(crate) values: Vec<(String, String)>,
    pub(crate) unusable: Vec<(String, String)>,
}

/// The sources by name; several files can have the same name.
type Sources = BTreeMap<String, Vec<SecretSource>>;

impl SecretsConfig {
    /// Whether there is any source.
    pub fn has_source(&self) -> bool {
        self.directory.is_some() || self.env_prefix.is_some()
    }

    /// Whether executions of a workspace can use these secrets.
    pub fn is_allowed(&self, workspace: WorkspaceId) -> bool {
        self.workspaces.iter().any(|entry| match entry.as_str() {
            ALL_WORKSPACES => true,
            DEFAULT_WORKSPACE => workspace == WorkspaceId::DEFAULT,
            id => id.parse() == Ok(workspace),
        })
    }

    /// What is wrong with the settings, by the name of the setting.
    pub fn find_problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.directory.as_ref().is_some_and(|folder| folder.as_os_str().is_empty()) {
            problems.push(("directory", "must be a folder; it is empty".to_owned()));
        }
        if let Some(prefix) = &self.env_prefix
            && !(is_secret_name(prefix) && prefix.len() >= 3)
        {
            let message = "must have at least 3 characters, all of them letters, digits or `_`, \
                           such as STEPWELL_SECRET_";
            problems.push(("env_prefix", message.to_owned()));
        }
        for entry in &self.workspaces {
            let is_name = matches!(entry.as_str(), ALL_WORKSPACES | DEFAULT_WORKSPACE);
            if !is_name && entry.parse::<WorkspaceId>().is_err() {
                let message = format!(
                    "`{entry}` is not a workspace; write `default`, an id such as ws_01k9…, or `*` \
                     for all workspaces"
                );
                problems.push(("workspaces", message));
            }
        }
        problems
    }

    /// All secrets of the installation, sorted by name.
    ///
    /// # Errors
    /// Why the folder cannot be read.
    pub fn list(&self) -> Result<Vec<InstalledSecret>, String> {
        let listed = self.find_sources()?.into_iter().filter_map(|(name, sources)| {
            let problem = read_one(&sources).err();
            let source = sources.into_iter().next()?;
            Some(InstalledSecret { name, source, problem })
        });
        Ok(listed.collect())
    }

    /// The secrets with these names. Reads files: it blocks.
    pub(crate) fn read_values(&self, names: &[String]) -> SecretValues {
        let mut found = SecretValues::default();
        let sources = match self.find_sources() {
            Ok(sources) => sources,
            Err(problem) => {
                found.unusable = names.iter().map(|name| (name.clone(), problem.clone())).collect();
                return found;
            }
        };
        for name in names {
            let Some(sources) = sources.get(&normal_name(name)) else { continue };
            match read_one(sources) {
                Ok(value) => found.values.push((name.clone(), value)),
                Err(problem) => found.unusable.push((name.clone(), problem)),
            }
        }
        found
    }

    /// Which of these names have no source.
    ///
    /// # Errors
    /// Why the folder cannot be read.
    pub(crate) fn find_missing(&self, names: &[String]) -> Result<Vec<String>, String> {
        let sources = self.find_sources()?;
        let is_missing = |name: &&String| !sources.contains_key(&normal_name(name));
        Ok(names.iter().filter(is_missing).cloned().collect())
    }

    /// The sources of every name. A file hides a variable of the same name.
    fn find_sources(&self) -> Result<Sources, String> {
        let mut sources = Sources::new();
        if let Some(folder) = &self.directory {
            for path in list_files(folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).map(normal_name);
                if let Some(name) = name.filter(|name| is_secret_name(name)) {
                    sources.entry(name).or_default().push(SecretSource::File(path));
                }
            }
        }
        if let Some(prefix) = &self.env_prefix {
            for (variable, _) in std::env::vars_os() {
                let Ok(variable) = variable.into_string() else { continue };
                let name = variable.strip_prefix(prefix.as_str()).map(normal_name);
                if let Some(name) = name.filter(|name| is_secret_name(name)) {
                    let variable = || vec![SecretSource::Variable(variable)];
                    sources.entry(name).or_insert_with(variable);
                }
            }
        }
        Ok(sources)
    }

    /// What an administrator does to provide a secret.
    pub(crate) fn describe_remedy(&self, name: &str) -> String {
        let file = self.directory.as_ref().map(|folder| {
            format!("write its value to the file {}", folder.join(normal_name(name)).display())
        });
        let variable = self.env_prefix.as_ref().map(|prefix| {
            let variable = format!("{prefix}{}", normal_name(name));
            format!("start the server with the environment variable {variable}")
        });
        let remedies: Vec<String> = file.into_iter().chain(variable).collect();
        match remedies.is_empty() {
            true => "set `secrets.directory` or `secrets.env_prefix` in the server's configuration"
                .to_owned(),
            false => remedies.join(", or "),
        }
    }
}

/// The files of a folder, except hidden ones. No file if there is no folder.
fn list_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |error: std::io::Error| {
        format!("the folder of secrets {} cannot be read: {error}", folder.display())
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut files = Vec::new();
    for entry in entries.take(MAX_FILES) {
        let path = entry.map_err(unreadable)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        // Follows symbolic links, with which secrets are mounted into containers.
        if !is_hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The value of the first source.
fn read_one(sources: &[SecretSource]) -> Result<String, String> {
    match sources {
        [SecretSource::File(first), SecretSource::File(second), ..] => Err(format!(
            "the files {} and {} have the same name as secrets: remove one of them",
            first.display(),
            second.display()
        )),
        [SecretSource::File(path), ..] => {
            let place = format!("the file {}", path.display());
            let bytes = read_bytes(path).map_err(|e| format!("{place} cannot be read: {e}"))?;
            check_value(bytes, &place)
        }
        [SecretSource::Variable(name), ..] => {
            let place = format!("the environment variable {name}");
            let value = std::env::var_os(name).unwrap_or_default();
            check_value(value.into_encoded_bytes(), &place)
        }
        [] => Err("it has no source".to_owned()),
    }
}

fn read_bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = MAX_SECRETS_BYTES as u64 + 3;
    std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The secret in a file or a variable: without the final line break that editors add.
fn check_value(bytes: Vec<u8>, place: &str) -> Result<String, String> {
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let is_visible = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t');
    let text = std::str::from_utf8(line).ok().filter(|line| line.as_bytes().iter().all(is_visible));
    let Some(text) = text else {
        return Err(format!("{place} must contain one line of visible ASCII characters"));
    };
    if !(MIN_SECRET_BYTES..=MAX_SECRETS_BYTES).contains(&text.len()) {
        return Err(format!(
            "{place} must contain {MIN_SECRET_BYTES} to {MAX_SECRETS_BYTES} characters; a shorter \
             secret cannot be recognised and kept out of what is stored"
        ));
    }
    Ok(text.to_owned())
}

/// The name of a secret: in upper case, with `-` and `.` replaced, as in headers.
fn normal_name(name: &str) -> String {
    name.to_ascii_uppercase().replace(['-', '.'], "_")
}

fn is_secret_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &[u8])]) -> (tempfile::TempDir, SecretsConfig) {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let directory = Some(folder.path().to_path_buf());
        (folder, SecretsConfig { directory, ..SecretsConfig::default() })
    }

    #[test]
    fn files_are_secrets_with_the_name_of_the_file() {
        let (_folder, config) = folder_with(&[
            ("shop-token", b"tok-123456\n"),
            ("STRIPE.KEY", b"sk_live_1\r\n"),
            (".hidden", b"secret-1"),
            ("not a name", b"secret-2"),
            ("short", b"12345\n"),
            ("two", b"line one\nline two\n"),
            ("binary", b"\xff\xfe\xff\xfe\xff\xfe\xff"),
            ("twice.a", b"value-1"),
            ("twice-a", b"value-2"),
        ]);
        let names = ["Shop_Token", "STRIPE_KEY", "HIDDEN", "SHORT", "TWO", "BINARY", "TWICE_A"];
        let found = config.read_values(&names.map(str::to_owned));
        let values = [("Shop_Token", "tok-123456"), ("STRIPE_KEY", "sk_live_1")];
        assert_eq!(found.values, values.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let parts = ["6 to 32768 characters", "one line of visible", "one line", "remove one"];
        for ((name, problem), (wanted, part)) in
            found.unusable.iter().zip(["SHORT", "TWO", "BINARY", "TWICE_A"].into_iter().zip(parts))
        {
            assert_eq!(name, wanted);
            assert!(problem.contains(part), "{name}: {problem}");
            assert!(!problem.contains("12345") && !problem.contains("line one"), "{problem}");
        }
        assert_eq!(found.unusable.len(), parts.len());
        let listed = config.list().unwrap();
        let shown: Vec<_> =
            listed.iter().map(|one| (one.name.as_str(), one.problem.is_some())).collect();
        let expected = [
            ("BINARY", true),
            ("SHOP_TOKEN", false),
            ("SHORT", true),
            ("STRIPE_KEY", false),
            ("TWICE_A", true),
            ("TWO", true),
        ];
        assert_eq!(shown, expected);
        let missing = config.find_missing(&["shop_token".into(), "OTHER".into()]).unwrap();
        assert_eq!(missing, ["OTHER"]);
    }

    #[test]
    fn a_folder_that_does_not_exist_has_no_secrets_and_a_file_is_an_error() {
        let (folder, config) = folder_with(&[("shop_token", b"tok-123456")]);
        let at = |directory| SecretsConfig { directory: Some(directory), ..config.clone() };
        assert_eq!(at(folder.path().join("none")).list().unwrap(), []);
        let no_folder = at(folder.path().join("shop_token"));
        assert!(no_folder.list().unwrap_err().contains("cannot be read"));
        let found = no_folder.read_values(&["SHOP_TOKEN".into()]);
        assert!(found.values.is_empty() && found.unusable[0].1.contains("cannot be read"));
    }

    #[test]
    fn wrong_settings_are_reported() {
        let other = WorkspaceId::from_uuid(uuid::Uuid::from_u128(7));
        for (prefix, workspaces, wrong) in [
            (Some("STEPWELL_SECRET_"), vec!["default".to_owned(), other.abi()], &[][..]),
            (None, vec!["*".to_owned()], &[]),
            (Some(""), vec![], &["env_prefix"]),
            (Some("A_"), vec!["acme".to_owned()], &["env_prefix", "workspaces"]),
            (Some("A B C"), vec![], &["env_prefix"]),
        ] {
            let env_prefix = prefix.map(str::to_owned);
            let config = SecretsConfig { directory: None, env_prefix, workspaces };
            let found: Vec<&str> =
                config.find_problems().into_iter().map(|(setting, _)| setting).collect();
            assert_eq!(found, wrong, "{config:?}");
        }
    }

    #[test]
    fn workspaces_are_allowed_by_name_id_or_all() {
        let other = WorkspaceId::from_uuid(uuid::Uuid::from_u128(7));
        for (workspaces, default, named) in [
            (vec!["default".to_owned()], true, false),
            (vec![other.abi()], false, true),
            (vec!["*".to_owned()], true, true),
            (vec![], false, false),
        ] {
            let config = SecretsConfig { workspaces, ..SecretsConfig::default() };
            let found = (config.is_allowed(WorkspaceId::DEFAULT), config.is_allowed(other));
            assert_eq!(found, (default, named), "{config:?}");
        }
    }
}
