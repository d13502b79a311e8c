//! Step types that bring a value in or pass it on.

mod echo;
mod static_input;
mod static_text_input;

pub(crate) use echo::Echo;
pub(crate) use static_input::StaticInput;
pub(crate) use static_text_input::StaticTextInput;
