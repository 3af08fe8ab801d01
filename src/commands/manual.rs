//! `lictor completions` and `lictor man`.

use crate::cli;
use crate::exit::Exit;

use super::print;

pub(super) fn completions(shell: clap_complete::Shell) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut cli::definition(), "lictor", &mut text);
    print(&String::from_utf8_lossy(&text));
    Exit::ok()
}

/// One page: lictor's own, then each subcommand's.
pub(super) fn man() -> Exit {
    let mut definition = cli::definition();
    definition.build();
    let mut text = Vec::new();
    let pages = std::iter::once(&definition).chain(definition.get_subcommands());
    for page in pages.filter(|page| page.get_name() != "help") {
        if let Err(error) = clap_mangen::Man::new(page.clone()).render(&mut text) {
            return Exit::new(1, format!("failed to write the manual page: {error}"));
        }
    }
    print(&String::from_utf8_lossy(&text));
    Exit::ok()
}
