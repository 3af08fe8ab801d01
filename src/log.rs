//! lictor's own lines: to stderr, as text or as JSON; [`line`] has those of a plain init.

use tracing::level_filters::LevelFilter;

use crate::cli::{LogArgs, LogFormat, LogLevel};
use crate::os::patient::Log;

pub mod line;

/// Sets the log up. A second call changes nothing.
pub fn init(args: &LogArgs) {
    let level = match args.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| Log)
        // It would tell of an error on stderr, where it comes from, and panic.
        .log_internal_errors(false)
        .with_ansi(false);
    // An error means that it is set up already.
    let _ = match args.log_format {
        LogFormat::Text => {
            tracing::subscriber::set_global_default(log.with_target(false).finish()).is_ok()
        }
        LogFormat::Json => {
            tracing::subscriber::set_global_default(log.json().flatten_event(true).finish()).is_ok()
        }
    };
}
