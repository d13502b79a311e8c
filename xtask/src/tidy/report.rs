//! Figures about names and comments, per crate: how many listed words (`word_list.rs`) the comments have,
//! how many names of functions and types are a single word, and the size of the interface of a
//! store. They measure progress; nothing fails because of them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::sizes::{after_visibility, function_name};
use super::words::count_hits;
use super::{Source, source};

/// The sources of the interface of a store, whose traits are named `…Store`.
const STORE_INTERFACE: &str = "crates/store/src/";

/// The figures of a crate, or of all.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    comment_words: usize,
    /// Words in comments that `word_list.rs` lists.
    listed_words: usize,
    functions: NameCount,
    types: NameCount,
}

/// How many names there are, and how many of them are one word.
#[derive(Debug, Default, PartialEq, Eq)]
struct NameCount {
    names: usize,
    one_word: usize,
}

impl NameCount {
    fn add_name(&mut self, is_one_word: bool) {
        self.names += 1;
        self.one_word += usize::from(is_one_word);
    }

    fn add(&mut self, other: &Self) {
        self.names += other.names;
        self.one_word += other.one_word;
    }
}

impl Figures {
    fn add(&mut self, other: &Self) {
        let Self { comment_words, listed_words, functions, types } = other;
        self.comment_words += comment_words;
        self.listed_words += listed_words;
        self.functions.add(functions);
        self.types.add(types);
    }
}

/// Prints the figures of every crate and of all together.
pub fn print(root: &Path) -> Result<bool> {
    let sources = source::all(root)?;
    let mut crates: BTreeMap<&str, Figures> = BTreeMap::new();
    let mut total = Figures::default();
    for source in &sources {
        let figures = measure(source);
        total.add(&figures);
        crates.entry(crate_of(&source.path)).or_default().add(&figures);
    }
    println!("Listed words per 1,000 in comments (all files), and names that are one word");
    println!("(without tests):\n");
    println!("{:20} {:>8} {:>18} {:>18}", "crate", "words", "functions", "types");
    for (name, figures) in crates.iter().chain([(&"total", &total)]) {
        println!("{}", describe(name, figures));
    }
    let methods = store_methods(&sources);
    println!("\ninterface of a store: {} methods on {} traits", sum(&methods), methods.len());
    for (name, count) in &methods {
        println!("{count:>5} {name}");
    }
    Ok(true)
}

fn sum(methods: &BTreeMap<String, usize>) -> usize {
    methods.values().sum()
}

fn describe(name: &str, figures: &Figures) -> String {
    let Figures { comment_words, listed_words, functions, types } = figures;
    let share = |count: &NameCount| {
        let NameCount { names, one_word } = count;
        format!("{:.1} % of {names}", ratio(*one_word, *names) * 100.0)
    };
    let words = ratio(*listed_words, *comment_words) * 1000.0;
    format!("{name:20} {words:>8.2} {:>18} {:>18}", share(functions), share(types))
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// `crates/NAME`, or the first folder.
fn crate_of(path: &str) -> &str {
    let depth = if path.starts_with("crates/") { 2 } else { 1 };
    let end = path.match_indices('/').nth(depth - 1).map_or(path.len(), |(end, _)| end);
    &path[..end]
}

fn measure(source: &Source) -> Figures {
    let mut figures = Figures::default();
    let comments = comments(&source.text);
    figures.comment_words = comments.split_whitespace().count();
    figures.listed_words = count_hits(&source.path, &comments);
    if source.is_test() || source.path.ends_with("_tests.rs") {
        return figures;
    }
    for (_, line) in source.code(false) {
        if let Some(name) = function_name(line) {
            figures.functions.add_name(!name.trim_matches('_').contains('_'));
        } else if let Some(name) = type_name(line) {
            figures.types.add_name(!name.chars().skip(1).any(char::is_uppercase));
        }
    }
    figures
}

/// The lines of a text that are comments, without their marks.
fn comments(text: &str) -> String {
    let lines = text.lines().filter_map(|line| line.trim_start().strip_prefix("//"));
    lines.flat_map(|line| [line.trim_start_matches(['/', '!']), "\n"]).collect()
}

/// The struct, enum, trait or type alias that a line of code declares, also one that an
/// implemented trait requires.
fn type_name(line: &str) -> Option<&str> {
    let rest = after_visibility(line)?;
    let keywords = ["struct ", "enum ", "trait ", "type ", "union "];
    let name = keywords.iter().find_map(|keyword| rest.strip_prefix(keyword))?;
    name.split(|c: char| !c.is_alphanumeric()).next()
}

/// The names of the interface's traits, each with the number of its methods.
fn store_methods(sources: &[Source]) -> BTreeMap<String, usize> {
    let mut methods = BTreeMap::new();
    for source in sources.iter().filter(|source| source.path.starts_with(STORE_INTERFACE)) {
        let mut current: Option<String> = None;
        for (_, line) in source.code(false) {
            if line.starts_with('}') {
                current = None;
            }
            let is_trait = line.starts_with("pub trait ");
            if let Some(name) = type_name(line).filter(|name| is_trait && name.ends_with("Store")) {
                current = Some(name.to_owned());
            } else if let Some(name) = current.clone().filter(|_| function_name(line).is_some()) {
                *methods.entry(name).or_default() += 1;
            }
        }
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    #[test]
    fn names_and_words_are_counted() {
        let text = "/// It tells a caller.\npub struct Page;\npub(crate) enum PageStart {}\n\
                    impl X for Y {\n    type Err = E;\n    const fn parse() {}\n}\n\
                    async fn read_page() {} // told\n#[cfg(test)]\nmod tests {\n    fn x() {}\n}\n";
        let figures = measure(&source("crates/x/src/a.rs", text));
        assert_eq!((figures.comment_words, figures.listed_words), (4, 1));
        assert_eq!(figures.functions, NameCount { names: 2, one_word: 1 });
        assert_eq!(figures.types, NameCount { names: 3, one_word: 2 });
        let test = measure(&source("crates/x/tests/a.rs", text));
        assert_eq!((test.functions, test.listed_words), (NameCount::default(), 1));
    }

    #[test]
    fn methods_of_stores_are_counted() {
        let text = "pub trait AStore: Send {\n    async fn a(&self);\n    fn b(&self) {\n    }\n}\n\
                    pub trait Other {\n    fn c();\n}\nfn d() {}\n";
        let sources = [source("crates/store/src/a.rs", text), source("crates/x/src/a.rs", text)];
        assert_eq!(store_methods(&sources), [("AStore".to_owned(), 2)].into());
    }

    #[test]
    fn the_crate_is_named_by_the_path() {
        for (path, expect) in
            [("crates/core/src/a.rs", "crates/core"), ("xtask/src/main.rs", "xtask")]
        {
            assert_eq!(crate_of(path), expect);
        }
    }
}
