//! Placeholders in the strings of a JSON document. Pure.
//!
//! They are replaced after parsing, so nothing that a value holds can break the JSON around it.

use serde_json::{Map, Value};

/// What the placeholders stand for.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    /// `${ADDRESS}`, where an address is known.
    pub address: Option<&'a str>,
    /// `${NODE_NAME}`.
    pub node_name: &'a str,
    /// `${HOSTNAME}`.
    pub host_name: &'a str,
    /// `${env:NAME}`.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

/// Why a placeholder cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nobody knows what it means.
    #[error(
        "unknown placeholder ${{{0}}}; there are ${{ADDRESS}}, ${{NODE_NAME}}, ${{HOSTNAME}}, ${{env:NAME}} and ${{env:NAME:-default}}, \
         and a literal ${{ is written $${{"
    )]
    Unknown(String),
    /// Its brace is never closed.
    #[error("the placeholder in {0:?} is not closed by a }}; a literal ${{ is written $${{")]
    Open(String),
    /// The variable is not set and has no default.
    #[error(
        "the environment variable {0} is not set; set it, or give a default: ${{env:{0}:-default}}"
    )]
    Unset(String),
    /// There is no address.
    #[error("${{ADDRESS}} is not known")]
    NoAddress,
    /// `|int` stands where it cannot.
    #[error("|int makes a number of a whole string, and {0:?} holds more than the placeholder")]
    NotWhole(String),
    /// `|int` of something else.
    #[error("{value:?} of {placeholder} is not a whole number")]
    NotInt {
        /// The placeholder.
        placeholder: String,
        /// Its value.
        value: String,
    },
}

/// Fills in every string value of `document`; the error comes with where it is, as a JSON pointer.
pub fn fill(document: &Value, values: &Values<'_>) -> Result<Value, (String, Error)> {
    match document {
        Value::String(text) => string(text, values).map_err(|error| (String::new(), error)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(n, item)| fill(item, values).map_err(|error| below(&n.to_string(), error)))
            .collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, item)| {
                let filled = fill(item, values).map_err(|error| below(key, error))?;
                Ok((key.clone(), filled))
            })
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

fn below(key: &str, (at, error): (String, Error)) -> (String, Error) {
    let key = key.replace('~', "~0").replace('/', "~1");
    (format!("/{key}{at}"), error)
}

fn string(text: &str, values: &Values<'_>) -> Result<Value, Error> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(literal) = before.strip_suffix('$') {
            filled.push_str(literal);
            filled.push_str("${");
            rest = &from[2..];
            continue;
        }
        filled.push_str(before);
        let Some(end) = from.find('}') else {
            return Err(Error::Open(text.to_owned()));
        };
        let inside = &from[2..end];
        rest = &from[end + 1..];
        let Some(name) = inside.strip_suffix("|int") else {
            filled.push_str(&value(inside, values)?);
            continue;
        };
        if at != 0 || !filled.is_empty() || !rest.is_empty() {
            return Err(Error::NotWhole(text.to_owned()));
        }
        let value = value(name, values)?;
        let number = value.trim().parse::<i64>();
        return number.map(Value::from).map_err(|_| Error::NotInt {
            placeholder: text.to_owned(),
            value,
        });
    }
    filled.push_str(rest);
    Ok(Value::String(filled))
}

fn value(name: &str, values: &Values<'_>) -> Result<String, Error> {
    match name {
        "ADDRESS" => values.address.map(str::to_owned).ok_or(Error::NoAddress),
        "NODE_NAME" => Ok(values.node_name.to_owned()),
        "HOSTNAME" => Ok(values.host_name.to_owned()),
        _ => {
            let variable = name
                .strip_prefix("env:")
                .ok_or_else(|| Error::Unknown(name.to_owned()))?;
            let (variable, default) = match variable.split_once(":-") {
                Some((variable, default)) => (variable, Some(default)),
                None => (variable, None),
            };
            // As in a shell, `:-` also stands in for a variable that is set to nothing.
            let set = (values.env)(variable).filter(|set| default.is_none() || !set.is_empty());
            set.or_else(|| default.map(str::to_owned))
                .ok_or_else(|| Error::Unset(variable.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(document: &Value) -> Result<Value, (String, Error)> {
        let env = |name: &str| match name {
            "PORT" => Some("8500".to_owned()),
            "QUOTE" => Some("a\"},{\"b".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let values = Values {
            address: Some("10.0.0.5"),
            node_name: "n1",
            host_name: "h1",
            env: &env,
        };
        fill(document, &values)
    }

    #[test]
    fn placeholders_are_filled_in_anywhere_in_a_string() {
        let document = json!({
            "a": "x-${ADDRESS}-${NODE_NAME}", "b": ["${HOSTNAME}", 1, null, true],
            "c": "${env:MISSING:-7}", "d": "${env:EMPTY:-8}", "e": "${env:EMPTY}", "f": "cost: $5 $${ADDRESS}",
        });
        let expected = json!({
            "a": "x-10.0.0.5-n1", "b": ["h1", 1, null, true], "c": "7", "d": "8", "e": "", "f": "cost: $5 ${ADDRESS}",
        });
        assert_eq!(filled(&document).expect("filled"), expected);
    }

    #[test]
    fn keys_are_left_alone_and_values_cannot_break_out() {
        let document = json!({ "${ADDRESS}": "${env:QUOTE}" });
        let expected = json!({ "${ADDRESS}": "a\"},{\"b" });
        assert_eq!(filled(&document).expect("filled"), expected);
    }

    #[test]
    fn a_whole_string_can_become_a_number() {
        let document = json!({ "port": "${env:PORT|int}" });
        assert_eq!(filled(&document).expect("filled"), json!({ "port": 8500 }));
        let (at, error) = filled(&json!({ "port": "1${env:PORT|int}" })).expect_err("partial");
        assert_eq!(
            (at.as_str(), matches!(error, Error::NotWhole(_))),
            ("/port", true)
        );
        let (_, error) = filled(&json!("${ADDRESS|int}")).expect_err("no number");
        assert!(matches!(error, Error::NotInt { .. }), "{error}");
    }

    #[test]
    fn errors_say_where_and_what() {
        let (at, error) =
            filled(&json!({ "service": { "tags": ["a/b", "${TAG}"] } })).expect_err("unknown");
        assert_eq!(at, "/service/tags/1");
        assert_eq!(error, Error::Unknown("TAG".to_owned()));
        let (at, error) = filled(&json!({ "a/b": "${env:NOPE}" })).expect_err("unset");
        assert_eq!(at, "/a~1b");
        assert_eq!(error, Error::Unset("NOPE".to_owned()));
        let (_, error) = filled(&json!("x ${ADDRESS")).expect_err("open");
        assert!(matches!(error, Error::Open(_)), "{error}");
    }
}
