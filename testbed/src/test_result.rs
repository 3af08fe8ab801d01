//! What a scenario test returns.

use std::error::Error;

/// The result of a scenario test: `?` works on every error, and panics.
///
/// A test that merely returned its error would unwind nothing, and the logs of its agents, which are printed when they
/// are dropped during a panic, would be lost. So the conversion that `?` does raises the error as a panic, at the line
/// of the `?`.
pub type TestResult<T = ()> = Result<T, Raised>;

/// The error of a [`TestResult`]. There is never a value of it: making one panics.
#[derive(Debug)]
pub enum Raised {}

impl<E: Error> From<E> for Raised {
    #[track_caller]
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            // Many errors already repeat their cause in their own text.
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        panic!("{text}");
    }
}
