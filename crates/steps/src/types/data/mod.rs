//! Step types that output a constant or their input.

mod echo;
mod static_input;
mod static_text_input;

pub(crate) use echo::EchoStep;
pub(crate) use static_input::StaticInput;
pub(crate) use static_text_input::StaticTextInput;
