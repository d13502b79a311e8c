//! The imports inside a crate, read from its `use` statements.

use std::collections::{BTreeMap, BTreeSet};

use super::Source;

/// How many re-exports are followed to the file that defines a name.
const MAX_REEXPORTS: usize = 8;

/// One `use`, a name at a time.
#[derive(Debug)]
pub struct Import {
    /// The file that has it.
    pub file: String,
    /// The module path inside the crate: `["dialects", "abi", "Name"]`.
    pub path: Vec<String>,
    /// The name under which the importing module knows it.
    name: String,
}

/// The modules of one crate and what they import from each other.
#[derive(Debug, Default)]
pub struct Imports {
    /// The file of each module.
    files: BTreeMap<Vec<String>, String>,
    /// By the importing module.
    imports: BTreeMap<Vec<String>, Vec<Import>>,
}

impl Imports {
    /// Reads the sources of the crate below `src`, such as `crates/api/src/`. Test modules are
    /// ignored: they may import what they test.
    pub fn read(src: &str, sources: &[Source]) -> Self {
        let own = sources.iter().filter(|source| !source.is_test());
        let own: Vec<(Vec<String>, &Source)> = own
            .filter_map(|source| Some((module(source.path.strip_prefix(src)?), source)))
            .collect();
        let mut read = Self {
            files: own.iter().map(|(module, s)| (module.clone(), s.path.clone())).collect(),
            imports: BTreeMap::new(),
        };
        for (module, source) in own {
            let imports = uses(source).into_iter().filter_map(|tree| {
                let (target, name) = match tree.split_once(" as ") {
                    Some((target, name)) => (target, name.to_owned()),
                    None => (tree.as_str(), tree.rsplit("::").next().unwrap_or("").to_owned()),
                };
                let path = read.absolute(&module, target)?;
                Some(Import { file: source.path.clone(), path, name })
            });
            let imports = imports.collect();
            read.imports.insert(module, imports);
        }
        read
    }

    /// Every import.
    pub fn all(&self) -> impl Iterator<Item = &Import> {
        self.imports.values().flatten()
    }

    /// Which file imports from which others.
    pub fn graph(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for import in self.all() {
            let edges = graph.entry(&import.file).or_default();
            if let Some(target) = self.defining_file(&import.path).filter(|to| *to != import.file) {
                edges.insert(target);
            }
        }
        graph
    }

    /// A path as seen from the crate's root; `None` where it leads out of the crate.
    fn absolute(&self, module: &[String], target: &str) -> Option<Vec<String>> {
        let mut segments = target.split("::").map(str::trim).peekable();
        let mut path = match *segments.peek()? {
            "crate" => {
                segments.next();
                Vec::new()
            }
            "self" => {
                segments.next();
                module.to_vec()
            }
            "super" => module.to_vec(),
            first => {
                let mut child = module.to_vec();
                child.push(first.to_owned());
                if !self.files.contains_key(&child) {
                    return None;
                }
                module.to_vec()
            }
        };
        for segment in segments {
            match segment {
                "super" => drop(path.pop()),
                "self" => {}
                name => path.push(name.to_owned()),
            }
        }
        Some(path)
    }

    /// The file that defines what a path names, through re-exports.
    fn defining_file(&self, path: &[String]) -> Option<&str> {
        let mut path = path.to_vec();
        for _ in 0..MAX_REEXPORTS {
            let length = (0..=path.len()).rev().find(|n| self.files.contains_key(&path[..*n]))?;
            let (module, rest) = path.split_at(length);
            let reexport = rest.first().and_then(|name| {
                self.imports.get(module)?.iter().find(|import| import.name == *name)
            });
            match reexport {
                Some(import) if import.path != path => {
                    path = [&import.path[..], &rest[1..]].concat();
                }
                _ => return self.files.get(module).map(String::as_str),
            }
        }
        None
    }
}

/// The module of a file, given from its crate's `src/`.
fn module(file: &str) -> Vec<String> {
    let mut path: Vec<String> = file.trim_end_matches(".rs").split('/').map(Into::into).collect();
    if path.last().is_some_and(|name| matches!(name.as_str(), "mod" | "lib" | "main")) {
        path.pop();
    }
    path
}

/// Every path that a file imports, groups expanded.
fn uses(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let mut statement: Option<String> = None;
    for (_, line) in source.code(false) {
        let line = line.trim();
        if statement.is_none() {
            statement = statement_start(line).map(|_| String::new());
        }
        let Some(text) = &mut statement else { continue };
        let part = if text.is_empty() { statement_start(line).unwrap_or(line) } else { line };
        text.push_str(part);
        text.push(' ');
        if line.ends_with(';') {
            let tree = text.trim_end().trim_end_matches(';');
            found.extend(expand(tree));
            statement = None;
        }
    }
    found
}

/// What follows `use` and its visibility.
fn statement_start(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(rest) => match rest.strip_prefix('(') {
            Some(inside) => inside.split_once(')')?.1,
            None => rest,
        },
        None => line,
    };
    line.trim_start().strip_prefix("use ")
}

/// `a::{b, c::{d, e as f}}` as `a::b`, `a::c::d`, `a::c::e as f`.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, group)) = tree.split_once('{') else { return vec![tree.to_owned()] };
    let group = group.trim_end().trim_end_matches('}');
    // Each level takes one brace from the end: the others belong to the last branch.
    let missing = group.matches('{').count().saturating_sub(group.matches('}').count());
    let group = format!("{group}{}", "}".repeat(missing));
    let mut depth = 0;
    let mut branches = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match branches.last_mut() {
            Some(last) if c != ',' || depth > 0 => last.push(c),
            _ => branches.push(String::new()),
        }
    }
    let branches = branches.iter().filter(|branch| !branch.trim().is_empty());
    branches.flat_map(|branch| expand(branch)).map(|branch| format!("{prefix}{branch}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_expanded() {
        for (tree, expect) in [
            ("a::b", &["a::b"][..]),
            ("a::{b, c}", &["a::b", "a::c"]),
            ("a::{b, c::{d, e as f}}", &["a::b", "a::c::d", "a::c::e as f"]),
            ("{a::{b}, c}", &["a::b", "c"]),
            ("a::{b::{c, d}, e::{f, g::{h}}, }", &["a::b::c", "a::b::d", "a::e::f", "a::e::g::h"]),
        ] {
            assert_eq!(expand(tree), expect, "{tree}");
        }
    }

    #[test]
    fn statements_may_have_several_lines_and_a_visibility() {
        let text = "//! use x;\nuse a::b;\npub(crate) use c::{\n    d,\n    e,\n};\nfn f() {\n    use g;\n}\n\
            #[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
        let source = Source { path: "crates/x/src/a.rs".into(), text: text.into() };
        assert_eq!(uses(&source), ["a::b", "c::d", "c::e", "g"]);
    }

    #[test]
    fn imports_lead_to_the_file_that_defines_the_name() {
        let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
        let sources = [
            source("crates/x/src/lib.rs", "mod a;\nmod b;\npub use b::deep::Thing;\n"),
            source("crates/x/src/a.rs", "use crate::Thing;\nuse std::fmt;\nuse super::b;\n"),
            source("crates/x/src/b/mod.rs", "mod deep;\npub use deep::Other as Renamed;\n"),
            source("crates/x/src/b/deep.rs", "use super::super::a::{f, self};\n"),
            source("crates/x/src/c.rs", "use crate::b::Renamed;\nuse self::nothing;\n"),
        ];
        let imports = Imports::read("crates/x/src/", &sources);
        let graph = imports.graph();
        let edges = |file: &str| graph[file].iter().copied().collect::<Vec<_>>();
        assert_eq!(edges("crates/x/src/lib.rs"), ["crates/x/src/b/deep.rs"]);
        assert_eq!(edges("crates/x/src/a.rs"), ["crates/x/src/b/deep.rs", "crates/x/src/b/mod.rs"]);
        assert_eq!(edges("crates/x/src/b/deep.rs"), ["crates/x/src/a.rs"]);
        assert_eq!(edges("crates/x/src/c.rs"), ["crates/x/src/b/deep.rs"]);
    }
}
