//! From the process's arguments and environment to the definitions, or to an error that is ready to be shown.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, FromArgMatches, Parser};

use crate::cli::{AddressCommand, Cli, Command, Family, InitArgs, definition};
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
    let (name, address, registration) = match &cli.command {
        Command::Run(args) => ("run", &args.address, Some(&args.registration)),
        Command::Render(args) => ("render", &args.address, Some(&args.registration)),
        Command::Address(args) => ("address", &args.address, None),
        _ => return Ok(()),
    };
    let both = |one: &str, other: &str| {
        let told = format!("{one} cannot be used with {other}; leave one of them away");
        Err(wrong(name, &told))
    };
    if let Command::Address(AddressCommand {
        explain: true,
        json: true,
        ..
    }) = &cli.command
    {
        return both("--explain", "--json, which says all of it");
    }
    if registration.is_some_and(|it| it.no_registration && !it.registration.is_empty()) {
        return both("--no-registration", "--registration");
    }
    let (family, other) = match address.family {
        Family::V4 => ("4", "6"),
        Family::V6 => ("6", "4"),
    };
    match address.cidr {
        // Beside --address neither has a say.
        Some(cidr) if address.address.is_none() && cidr.addr().is_ipv4() != (family == "4") => {
            Err(wrong(
                name,
                &format!("--cidr {cidr} has no address of --family {family}; add --family {other}"),
            ))
        }
        _ => Ok(()),
    }
}

/// An error with the usage of that subcommand.
fn wrong(subcommand: &str, told: &str) -> clap::Error {
    let mut definition = definition();
    definition.build();
    let command = definition.find_subcommand_mut(subcommand);
    let error = |command: &mut clap::Command| command.error(ErrorKind::ArgumentConflict, told);
    command.map_or_else(
        || self::definition().error(ErrorKind::ArgumentConflict, told),
        error,
    )
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
            "lictor render --cidr fd00::/64 --family 4",
        ] {
            let error = parse(words).expect_err(words);
            let last = words.rsplit(' ').find(|word| word.starts_with("--"));
            assert!(
                error.to_string().contains(last.expect("an option")),
                "{error}"
            );
            let command = words.split(' ').nth(1).expect("a subcommand");
            let usage = format!("Usage: lictor {command} ");
            assert!(error.to_string().contains(&usage), "{error}");
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
