//! From the process's arguments and environment to the definitions, or to an error that is ready to be shown.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, FromArgMatches, Parser};

use crate::cli::{Cli, Command, InitArgs, definition};
use crate::os::environment::has_prefix;

/// Parses the process's arguments and environment; the error is ready to be shown.
pub fn parse(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    if let Some(args) = only_init(&arguments) {
        let command = Command::Init(args);
        return Ok(Cli { command });
    }
    let cli = Cli::try_parse_from(&arguments)
        .map_err(|error| name_the_variable(error, &arguments, &|name| std::env::var(name).ok()))?;
    conflicts(&cli)?;
    Ok(cli)
}

/// `lictor init` without any option or variable, as in most images: a tenth of the time in which a small program starts would
/// go into clap's code, which is not in memory yet.
pub fn plain_init(arguments: &[OsString]) -> Option<InitArgs> {
    without_options(arguments).filter(|_| !has_prefix("LICTOR_"))
}

fn without_options(arguments: &[OsString]) -> Option<InitArgs> {
    let [_, init, rest @ ..] = arguments else {
        return None;
    };
    let program = match rest {
        [dashes, program @ ..] if dashes == "--" => program,
        program => program,
    };
    let first = program.first()?;
    let dashed = first.as_encoded_bytes().starts_with(b"-");
    (init == "init" && !dashed).then(|| InitArgs::plain(program.to_vec()))
}

/// `lictor init` by its own definition alone, without those of all other subcommands. What is wrong, or asks for help, is left to the whole definition, which words it better.
fn only_init(arguments: &[OsString]) -> Option<InitArgs> {
    let (_, rest) = arguments.split_first()?;
    if rest.first()? != "init" {
        return None;
    }
    let definition = InitArgs::augment_args(clap::Command::new("init"));
    let matches = definition.try_get_matches_from(rest).ok()?;
    InitArgs::from_arg_matches(&matches).ok()
}

/// What excludes each other. clap would count a variable that says `false` as given.
fn conflicts(cli: &Cli) -> Result<(), clap::Error> {
    let both = |one: &str, other: &str| {
        let told = format!("{one} cannot be used with {other}; leave one of them away");
        Err(definition().error(ErrorKind::ArgumentConflict, told))
    };
    let registration = match &cli.command {
        Command::Run(args) => &args.registration,
        Command::Render(args) => &args.registration,
        Command::Address(args) if args.explain && args.json => return both("--explain", "--json"),
        _ => return Ok(()),
    };
    if registration.no_registration && !registration.registration.is_empty() {
        return both("--no-registration", "--registration");
    }
    Ok(())
}

/// clap names the option of a bad value. Where the value came from the environment, nobody typed that option, so the
/// variable is named too.
fn name_the_variable(
    mut error: clap::Error,
    arguments: &[OsString],
    env: &dyn Fn(&str) -> Option<String>,
) -> clap::Error {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let long = option.split([' ', '=']).next().unwrap_or_default();
    let variable = format!(
        "LICTOR_{}",
        long.trim_start_matches('-')
            .replace('-', "_")
            .to_uppercase()
    );
    let typed = arguments
        .iter()
        .map(|argument| argument.to_string_lossy())
        .any(|argument| argument == long || argument.starts_with(&format!("{long}=")));
    if !typed && env(&variable).is_some() {
        let named = format!("{option} (from the environment variable {variable})");
        error.insert(ContextKind::InvalidArg, ContextValue::String(named));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_init_is_what_clap_makes_of_it() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        for line in [
            "lictor init -- true -x",
            "lictor init true --help",
            "lictor init true -- x",
        ] {
            let plain = without_options(&words(line)).expect("plain");
            assert_eq!(Some(plain), only_init(&words(line)), "{line}");
        }
        for line in [
            "lictor",
            "lictor init",
            "lictor init --",
            "lictor init -- -x",
            "lictor init -g true",
            "lictor run -- true",
        ] {
            assert_eq!(without_options(&words(line)), None, "{line}");
        }
    }

    #[test]
    fn the_definition_is_sound() {
        definition().debug_assert();
    }

    #[test]
    fn every_option_has_its_variable() {
        for command in definition().get_subcommands() {
            for option in command
                .get_arguments()
                .filter(|arg| arg.get_long().is_some())
            {
                let long = option.get_long().unwrap_or_default();
                if matches!(long, "help" | "version") {
                    continue;
                }
                let expected = format!("LICTOR_{}", long.replace('-', "_").to_uppercase());
                let variable = option
                    .get_env()
                    .map(|name| name.to_string_lossy().into_owned());
                assert_eq!(
                    variable.as_deref(),
                    Some(expected.as_str()),
                    "{} --{long}",
                    command.get_name()
                );
            }
        }
    }

    #[test]
    fn options_that_exclude_each_other_are_named() {
        let parse = |words: &str| parse(words.split(' ').map(OsString::from).collect());
        for words in [
            "lictor run --no-registration --registration a.json",
            "lictor address --explain --json",
        ] {
            let error = parse(words).expect_err(words);
            let last = words.rsplit(' ').find(|word| word.starts_with("--"));
            assert!(
                error.to_string().contains(last.expect("an option")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_bad_value_from_the_environment_names_its_variable() {
        let error =
            Cli::try_parse_from(["lictor", "run", "--stop-timeout", "soon"]).expect_err("bad");
        let env = |name: &str| (name == "LICTOR_STOP_TIMEOUT").then(|| "soon".to_owned());
        let shown = name_the_variable(error, &[], &env).to_string();
        assert!(shown.contains("LICTOR_STOP_TIMEOUT"), "{shown}");
    }
}
