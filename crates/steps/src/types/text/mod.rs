//! Step types that work on text.
//!
//! Text is Unicode: "a character" is a user-perceived one (an extended grapheme cluster), so a flag,
//! a family emoji or a letter with its accent is never cut or reversed inside.

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

pub(crate) use concat::ConcatText;
pub(crate) use join::JoinText;
pub(crate) use lowercase::LowercaseText;
pub(crate) use regex_extract::RegexExtract;
pub(crate) use regex_replace::RegexReplace;
pub(crate) use replace::ReplaceText;
pub(crate) use reverse::ReverseText;
pub(crate) use size::SizeOfText;
pub(crate) use slugify::SlugifyText;
pub(crate) use split::SplitText;
pub(crate) use template::RenderTemplate;
pub(crate) use trim::TrimText;
pub(crate) use truncate::TruncateText;
pub(crate) use uppercase::UppercaseText;
