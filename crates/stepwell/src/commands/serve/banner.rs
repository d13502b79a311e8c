//! The banner that the server prints when it is ready.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::examples::Example;
use crate::config::LogFormat;
use crate::terminal;
use crate::terminal::Colour;

/// The preferred example of the banner's command, since it has an input.
const PREFERRED_EXAMPLE: &str = "greet";

#[derive(Debug)]
pub struct Banner {
    pub url: String,
    /// The address that is bound.
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub admin_key_file: PathBuf,
    /// Whether that file exists.
    pub has_key_file: bool,
    /// The admin key, if this start created it.
    pub new_key: Option<String>,
    pub auth_required: bool,
    pub examples: Vec<Example>,
}

impl Banner {
    /// Prints the banner, or logs an event in the JSON format. The event never contains the key.
    pub fn print(&self, format: LogFormat) {
        match format {
            LogFormat::Human => terminal::print_stderr(&self.render()),
            LogFormat::Json => tracing::info!(
                url = self.url,
                data_dir = %self.data_dir.display(),
                listen = %self.listen,
                auth_required = self.auth_required,
                first_start = self.new_key.is_some(),
                admin_key_file = self.shown_key_file(),
                examples = self.examples.len(),
                "ready"
            ),
        }
    }

    fn render(&self) -> String {
        let mut lines = vec![
            String::new(),
            terminal::paint_stderr(Colour::Bold, concat!("  Stepwell ", env!("CARGO_PKG_VERSION"))),
            String::new(),
        ];
        let mut row = |name: &str, value: String| {
            lines.push(format!(
                "  {} {value}",
                terminal::paint_stderr(Colour::Dim, &format!("{name:<10}"))
            ));
        };
        row("API", self.url.clone());
        if self.listen.ip().is_unspecified() {
            row("Listens on", format!("{} (all networks)", self.listen));
        } else if !self.listen.ip().is_loopback() {
            row("Listens on", self.listen.to_string());
        }
        row("Reference", format!("{}/docs", self.url));
        row("Data", self.data_dir.display().to_string());
        match &self.new_key {
            Some(key) => {
                let file = self.admin_key_file.display();
                row("Admin key", format!("{key}\n{:13}shown only once; stored in {file}", ""));
            }
            None => row("Admin key", self.describe_key_file()),
        }
        if !self.auth_required {
            row("Access", "without a key: every client is an admin (api.auth_required)".into());
        }
        if !self.examples.is_empty() {
            let names: Vec<&str> = self.examples.iter().map(|e| e.name.as_str()).collect();
            row("Workflows", names.join(", "));
        }
        if let Some(curl) = self.curl_command() {
            lines.extend([String::new(), "  Try it:".into(), String::new(), curl]);
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// Where the admin key is; later starts do not know its text.
    fn describe_key_file(&self) -> String {
        let file = self.admin_key_file.display();
        if self.has_key_file {
            return format!("in {file}");
        }
        format!(
            "{file} does not exist. If no copy of the key exists,\n{:13}stop the server and create \
             another: stepwell keys create NAME --scope admin",
            ""
        )
    }

    /// The file of the admin key; `None` if it does not exist.
    fn shown_key_file(&self) -> Option<String> {
        self.has_key_file.then(|| self.admin_key_file.display().to_string())
    }

    /// A shell command that executes an example and prints the response.
    fn curl_command(&self) -> Option<String> {
        let example = self
            .examples
            .iter()
            .find(|e| e.name == PREFERRED_EXAMPLE)
            .or_else(|| self.examples.first())?;
        let mut arguments = vec![format!(
            "curl -s -X POST '{}/workflows/{}/execute?wait=true'",
            self.url,
            example.id.dataflow()
        )];
        if self.auth_required {
            arguments.push(format!("-H \"X-API-KEY: {}\"", self.key_for_shell()));
        }
        if let Some(input) = &example.input {
            arguments.push("-H 'Content-Type: application/json'".into());
            arguments.push(format!("-d {}", shell_quote(&json!({"input": input}).to_string())));
        }
        Some(arguments.join(" \\\n  "))
    }

    /// A new key itself, otherwise the shell expression that reads its file.
    fn key_for_shell(&self) -> String {
        match &self.new_key {
            Some(key) => key.clone(),
            None if !self.has_key_file => "$STEPWELL_API_KEY".into(),
            None => format!("$(cat {})", shell_quote_path(&self.admin_key_file)),
        }
    }
}

fn shell_quote_path(path: &Path) -> String {
    shell_quote(&path.display().to_string())
}

/// Quotes a text as one word for a POSIX shell.
fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stepwell_core::ids::WorkflowId;

    fn banner(new_key: Option<&str>) -> Banner {
        let id: WorkflowId = "wf-01h455vb4pex5vsknk084sn02q".parse().unwrap();
        let example = |name: &str, input| Example { id, name: name.into(), input };
        Banner {
            url: "http://127.0.0.1:8080".into(),
            data_dir: "data".into(),
            listen: "127.0.0.1:8080".parse().unwrap(),
            admin_key_file: "data/admin.key".into(),
            has_key_file: true,
            new_key: new_key.map(Into::into),
            auth_required: true,
            examples: vec![example("a", None), example("greet", Some(json!({"text": "it's"})))],
        }
    }

    #[test]
    fn the_command_is_quoted_for_the_shell() {
        assert_eq!(
            banner(Some("sk_live_x")).curl_command().unwrap().replace(" \\\n ", ""),
            "curl -s -X POST 'http://127.0.0.1:8080/workflows/wf-01h455vb4pex5vsknk084sn02q/execute?wait=true' \
             -H \"X-API-KEY: sk_live_x\" -H 'Content-Type: application/json' \
             -d '{\"input\":{\"text\":\"it'\\''s\"}}'"
        );
        assert!(
            banner(None).curl_command().unwrap().contains("X-API-KEY: $(cat 'data/admin.key')")
        );
    }

    #[test]
    fn the_banner_describes_the_installation_as_it_is() {
        let mut shown = banner(None);
        let text = shown.render();
        assert!(text.contains("in data/admin.key"), "{text}");
        assert!(!text.contains("Listens on") && !text.contains("Access"), "{text}");
        shown.has_key_file = false;
        shown.auth_required = false;
        shown.listen = "0.0.0.0:8080".parse().unwrap();
        let text = shown.render();
        assert!(text.contains("data/admin.key does not exist"), "{text}");
        assert!(text.contains("0.0.0.0:8080 (all networks)"), "{text}");
        assert!(text.contains("every client is an admin"), "{text}");
        assert_eq!(shown.shown_key_file(), None);
    }

    #[test]
    fn only_a_new_key_is_shown() {
        assert!(banner(Some("sk_live_x")).render().contains("sk_live_x\n"));
        assert!(!banner(None).render().contains("sk_live"));
    }
}
