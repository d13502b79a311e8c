//! Step types that work on text.
//!
//! Text is Unicode: "a character" is what a reader sees as one (an extended grapheme cluster), so
//! a flag, a family emoji or a letter with its accent is never cut or turned around inside.

mod concat;
mod join;
mod lowercase;
mod pieces;
mod regex_extract;
mod regex_replace;
mod replace;
mod reverse;
mod size;
mod slugify;
mod split;
mod template;
mod trim;
mod truncate;
mod uppercase;

pub(crate) use concat::Concat;
pub(crate) use join::Join;
pub(crate) use lowercase::Lowercase;
pub(crate) use regex_extract::RegexExtract;
pub(crate) use regex_replace::RegexReplace;
pub(crate) use replace::Replace;
pub(crate) use reverse::Reverse;
pub(crate) use size::Size;
pub(crate) use slugify::Slugify;
pub(crate) use split::Split;
pub(crate) use template::Template;
pub(crate) use trim::Trim;
pub(crate) use truncate::Truncate;
pub(crate) use uppercase::Uppercase;
