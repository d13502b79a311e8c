//! A page of the documentation as a list of its code blocks.
//!
//! - A `yaml` or `python` block that begins with `# NAME.EXT` is a file of that name, in a folder
//!   if the name has one.
//! - A `sh` block that begins with `# terminal …` is a program that runs in the background.
//! - Any other `sh` block is a script. It must succeed, or fail if it contains `# fails`.
//! - A `json` or `text` block directly after a script is its expected output: white space does not
//!   matter, and `…` matches any text.

use std::path::{Path, PathBuf};

/// One code block.
#[derive(Debug)]
pub enum Block {
    File { name: String, text: String },
    Background(String),
    Script { text: String, output: Option<String> },
    Other { language: String, text: String },
}

/// The code blocks of one page, in order.
pub struct Page {
    pub name: String,
    pub blocks: Vec<Block>,
}

/// The root of the repository.
pub fn repository_root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The text of a file of the repository.
pub fn read_file(path: impl AsRef<Path>) -> String {
    let path = repository_root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Page {
    pub fn read(name: &str) -> Self {
        Self { name: name.to_owned(), blocks: parse_blocks(&read_file(name)) }
    }
}

fn parse_blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = text.join("\n") + "\n";
        match (language, file_name(&text), blocks.last_mut()) {
            ("yaml" | "python", Some(name), _) => blocks.push(Block::File { name, text }),
            ("sh", _, _) if text.starts_with("# terminal ") => {
                blocks.push(Block::Background(text));
            }
            ("sh", _, _) => blocks.push(Block::Script { text, output: None }),
            ("json" | "text", _, Some(Block::Script { output: output @ None, .. })) => {
                *output = Some(text);
            }
            _ => blocks.push(Block::Other { language: language.to_owned(), text }),
        }
    }
    blocks
}

/// The name in the first line, `# NAME.EXT`.
fn file_name(text: &str) -> Option<String> {
    let name = text.lines().next()?.strip_prefix("# ")?;
    let is_name = name.contains('.') && !name.contains([' ', ':', '…']);
    is_name.then(|| name.to_owned())
}

/// Whether `found` is what a page prints as `expected`.
pub fn matches_output(expected: &str, found: &str) -> bool {
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    let (expected, found) = (squeezed(expected), squeezed(found));
    let mut pieces = expected.split('…');
    let Some(mut rest) = pieces.next().and_then(|first| found.strip_prefix(first)) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn blocks_have_kinds() {
    let page = "```yaml\n# b/a.yaml\nx: 1\n```\ntext\n```sh\nls\n```\n```json\n{}\n```\n```json\n1\n```\n\
                ```sh\n# terminal 1\nserve\n```\n";
    let found = parse_blocks(page);
    assert!(matches!(&found[0], Block::File { name, .. } if name == "b/a.yaml"), "{found:?}");
    assert!(matches!(&found[1], Block::Script { output: Some(o), .. } if o == "{}\n"), "{found:?}");
    assert!(matches!(&found[2], Block::Other { text, .. } if text == "1\n"), "{found:?}");
    assert!(matches!(&found[3], Block::Background(_)), "{found:?}");
    assert_eq!(found.len(), 4);
}

#[test]
fn ellipses_stand_for_any_text() {
    for (expected, found, expect) in [
        ("{\"a\": 1}", "{\n  \"a\": 1\n}\n", true),
        ("{\"a\": 1}", "{\"a\": 2}", false),
        ("{\"a\": 1}", "{\"a\": 1} more", false),
        ("id …\nend", "id 7\nend", true),
        ("… b … d", "a b c d", true),
        ("… b … d", "a d c b", false),
        ("a…", "b", false),
    ] {
        assert_eq!(matches_output(expected, found), expect, "{expected} {found}");
    }
}
