//! What a person sees when the server is ready.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::examples::Example;
use crate::config::LogFormat;
use crate::ui;
use crate::ui::Colour;

/// The example that a newcomer is shown, where it is there: it takes their own text.
const FIRST: &str = "greet";

/// What there is to say.
#[derive(Debug)]
pub struct Banner {
    /// Where the server is reached.
    pub url: String,
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where the admin key is.
    pub admin_key_file: PathBuf,
    /// The admin key, where it was made just now.
    pub new_key: Option<String>,
    /// Whether requests need a key.
    pub auth_required: bool,
    /// The workflows that were registered.
    pub examples: Vec<Example>,
}

impl Banner {
    /// Says it: to a person, or to whatever reads the log. The key is never logged.
    pub fn show(&self, format: LogFormat) {
        match format {
            LogFormat::Human => ui::note(&self.text()),
            LogFormat::Json => tracing::info!(
                url = self.url,
                data_dir = %self.data_dir.display(),
                first_start = self.new_key.is_some(),
                admin_key_file = %self.admin_key_file.display(),
                examples = self.examples.len(),
                "ready"
            ),
        }
    }

    fn text(&self) -> String {
        let mut lines = vec![
            String::new(),
            ui::err_paint(Colour::Bold, concat!("  Stepwell ", env!("CARGO_PKG_VERSION"))),
            String::new(),
        ];
        let mut row = |name: &str, value: String| {
            lines.push(format!("  {} {value}", ui::err_paint(Colour::Dim, &format!("{name:<10}"))));
        };
        row("API", self.url.clone());
        row("Reference", format!("{}/docs", self.url));
        row("Data", self.data_dir.display().to_string());
        match &self.new_key {
            Some(key) => {
                let file = self.admin_key_file.display();
                row("Admin key", format!("{key}\n{:13}shown this once; also in {file}", ""));
            }
            None => row("Admin key", format!("in {}", self.admin_key_file.display())),
        }
        if !self.examples.is_empty() {
            let names: Vec<&str> = self.examples.iter().map(|e| e.name.as_str()).collect();
            row("Workflows", names.join(", "));
        }
        if let Some(curl) = self.curl() {
            lines.extend([String::new(), "  Try it:".into(), String::new(), curl]);
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// A command to paste, which executes an example and shows what came out.
    fn curl(&self) -> Option<String> {
        let example =
            self.examples.iter().find(|e| e.name == FIRST).or_else(|| self.examples.first())?;
        let mut parts = vec![format!(
            "curl -s -X POST '{}/workflows/{}/execute?wait=true'",
            self.url,
            example.id.dataflow()
        )];
        if self.auth_required {
            parts.push(format!("-H \"X-API-KEY: {}\"", self.key_for_shell()));
        }
        if let Some(input) = &example.input {
            parts.push("-H 'Content-Type: application/json'".into());
            parts.push(format!("-d {}", quoted(&json!({"input": input}).to_string())));
        }
        Some(parts.join(" \\\n  "))
    }

    /// The key itself when it is new; later only where it stands.
    fn key_for_shell(&self) -> String {
        match &self.new_key {
            Some(key) => key.clone(),
            None => format!("$(cat {})", quoted_path(&self.admin_key_file)),
        }
    }
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// Text as one word of a shell.
fn quoted(text: &str) -> String {
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
            admin_key_file: "data/admin.key".into(),
            new_key: new_key.map(Into::into),
            auth_required: true,
            examples: vec![example("a", None), example("greet", Some(json!({"text": "it's"})))],
        }
    }

    #[test]
    fn the_command_can_be_pasted() {
        assert_eq!(
            banner(Some("sk_live_x")).curl().unwrap().replace(" \\\n ", ""),
            "curl -s -X POST 'http://127.0.0.1:8080/workflows/wf-01h455vb4pex5vsknk084sn02q/execute?wait=true' \
             -H \"X-API-KEY: sk_live_x\" -H 'Content-Type: application/json' \
             -d '{\"input\":{\"text\":\"it'\\''s\"}}'"
        );
        assert!(banner(None).curl().unwrap().contains("X-API-KEY: $(cat 'data/admin.key')"));
    }

    #[test]
    fn a_new_key_is_shown() {
        assert!(banner(Some("sk_live_x")).text().contains("sk_live_x\n"));
        assert!(!banner(None).text().contains("sk_live"));
    }
}
