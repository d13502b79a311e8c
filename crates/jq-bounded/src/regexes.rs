//! Compiled regular expressions, bounded in size, and a cache of them.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};
use stepwell_core::cache::{ByteCache, PoolUsage};

/// The longest pattern, in bytes. Compiled, every character takes several bytes, so longer ones are
/// mostly over the limit of their compiled size; reading them would take much more than that.
const MAX_PATTERN: usize = 64 * 1024;

/// The most memory one compiled pattern may take, in bytes.
pub(crate) const SIZE_LIMIT: usize = 1024 * 1024;

/// The size of a compiled pattern cannot be read: it counts as the first of these limits that it
/// fits.
const SIZE_CLASSES: [usize; 3] = [64 << 10, 256 << 10, SIZE_LIMIT];

/// What searching with a pattern may take beside it, in bytes, for each thread that does so at
/// the same time.
const SEARCH_BYTES: usize = 256 << 10;

/// The most memory for compiled patterns that are kept, in bytes.
const CACHE_BYTES: u64 = 32 << 20;

/// The compiled patterns.
static CACHE: LazyLock<ByteCache<String, (Regex, usize)>> = LazyLock::new(|| {
    let typical = SIZE_CLASSES[0] + SEARCH_BYTES;
    ByteCache::new("regexes", CACHE_BYTES, typical as u64)
});

/// The size and limit of the cache of compiled patterns.
pub fn pool_usage() -> PoolUsage {
    CACHE.pool_usage()
}

/// The pattern, compiled, with about how many bytes it takes.
///
/// # Errors
/// Why it is not valid.
pub fn compile_pattern(pattern: &str) -> Result<(Regex, usize), String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("the pattern is longer than {MAX_PATTERN} bytes"));
    }
    let key = pattern.to_owned();
    if let Some(found) = CACHE.get(&key) {
        return Ok(found);
    }
    let (regex, size) = build_regex(pattern).map_err(describe_error)?;
    let bytes = size + SEARCH_BYTES + 2 * pattern.len();
    CACHE.insert(key, (regex.clone(), size), bytes as u64);
    Ok((regex, size))
}

/// The pattern, compiled, with the limit that it fits.
fn build_regex(pattern: &str) -> Result<(Regex, usize), regex::Error> {
    let build = |size: usize| {
        let mut builder = RegexBuilder::new(pattern);
        let built = builder.size_limit(size).dfa_size_limit(SEARCH_BYTES).build();
        built.map(|regex| (regex, size))
    };
    let [small, medium, large] = SIZE_CLASSES;
    [small, medium]
        .into_iter()
        .map(build)
        .find(|built| !is_too_big(built))
        .unwrap_or_else(|| build(large))
}

fn is_too_big(built: &Result<(Regex, usize), regex::Error>) -> bool {
    matches!(built, Err(regex::Error::CompiledTooBig(_)))
}

fn describe_error(error: regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => format!(
            "the pattern needs more than {SIZE_LIMIT} bytes when compiled; use smaller repetition \
             counts"
        ),
        other => format!("`pattern` is no valid regular expression: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiles_once_and_stays_within_its_bytes() {
        for i in 0..200 {
            // Some are small and some are large.
            compile_pattern(&format!(r"bounded{i}\w{{{}}}", i % 20)).unwrap();
            let usage = pool_usage();
            assert!(usage.used <= usage.limit, "{usage:?}");
        }
        compile_pattern("kept").unwrap();
        assert!(CACHE.get(&"kept".to_owned()).is_some());
        let size = |pattern: &str| build_regex(pattern).unwrap().1;
        assert_eq!((size("a"), size(r"\w{3}"), size(r"\w{20}")), (64 << 10, 256 << 10, 1 << 20));
    }
}
