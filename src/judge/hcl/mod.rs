//! HCL 1, the language of Consul's `.hcl` files, read into the same values as JSON. Pure.
//!
//! It is not HCL 2, which the parsers there are read: there a key has no quotes, and two of them in one line are an error, and Consul's
//! users write both. A block (`check { … }`) becomes an object, several of one name a list of objects. Interpolations (`${…}`) stay as
//! they are, as Consul has it.

mod scan;

use serde_json::{Map, Number, Value};

use self::scan::{Scanner, Token};

/// How deep values may be nested; Consul's configuration has ten levels.
const DEPTH: usize = 64;

/// Why a text is not HCL, or not understood here.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub(super) struct Error {
    line: usize,
    what: String,
}

/// Reads a file's text.
pub(super) fn parse(text: &str) -> Result<Map<String, Value>, Error> {
    read(text, None)
}

/// The same, and each object below the top has one member more under `key`: where in the text its first brace ends.
pub(super) fn parse_placed(text: &str, key: &'static str) -> Result<Map<String, Value>, Error> {
    read(text, Some(key))
}

fn read(text: &str, place: Option<&'static str>) -> Result<Map<String, Value>, Error> {
    let mut parser = Parser {
        scanner: Scanner::new(text),
        next: None,
        next_end: 0,
        end: 0,
        place,
    };
    parser.advance()?;
    let members = parser.members(DEPTH)?;
    match parser.next.take() {
        None => Ok(members),
        Some(token) => Err(parser.unexpected(&token)),
    }
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    next: Option<Token>,
    /// Where that ends.
    next_end: usize,
    /// Where the last word ends that was taken.
    end: usize,
    /// The key under which an object has its place.
    place: Option<&'static str>,
}

impl Parser<'_> {
    fn advance(&mut self) -> Result<Option<Token>, Error> {
        let next = self.scanner.next()?;
        self.end = std::mem::replace(&mut self.next_end, self.scanner.place());
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn unexpected(&self, token: &Token) -> Error {
        self.scanner.error(match token {
            Token::Mark(mark) => format!("unexpected {:?}", mark.to_string()),
            // It may be a secret.
            Token::Text(_) => "unexpected text".to_owned(),
            Token::Name(_) => "an unexpected word without quotes".to_owned(),
            Token::Int(_) | Token::Float(_) | Token::Bool(_) => "an unexpected value".to_owned(),
        })
    }

    fn is(&self, mark: char) -> bool {
        self.next == Some(Token::Mark(mark))
    }

    fn skip(&mut self, mark: char) -> Result<bool, Error> {
        let found = self.is(mark);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// `KEY = VALUE` and `KEY { … }`, with or without commas, up to what is neither.
    fn members(&mut self, depth: usize) -> Result<Map<String, Value>, Error> {
        let mut members = Map::new();
        while let Some(Token::Name(key) | Token::Text(key)) = self.next.clone() {
            self.advance()?;
            let value = self.labelled(depth)?;
            add(&mut members, key, value);
            self.skip(',')?;
        }
        Ok(members)
    }

    /// What follows a key: `= VALUE`, a block, or a label and what follows that, which is one more level.
    fn labelled(&mut self, depth: usize) -> Result<Value, Error> {
        if self.skip('=')? {
            return self.value(depth);
        }
        match self.next.clone() {
            Some(Token::Mark('{')) => self.value(depth),
            Some(Token::Name(label) | Token::Text(label)) if depth > 0 => {
                self.advance()?;
                if self.is('=') {
                    return Err(self.scanner.error("a label before \"=\""));
                }
                let inner = self.labelled(depth - 1)?;
                Ok(Value::Object(Map::from_iter([(label, inner)])))
            }
            Some(token) => Err(self.unexpected(&token)),
            None => Err(self.scanner.error("it ends after a key")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        if depth == 0 {
            return Err(self.scanner.error("nested too deeply"));
        }
        Ok(match self.advance()? {
            Some(Token::Text(text)) => Value::String(text),
            Some(Token::Int(number)) => Value::Number(number.into()),
            Some(Token::Float(number)) => {
                Number::from_f64(number).map_or(Value::Null, Value::Number)
            }
            Some(Token::Bool(bool)) => Value::Bool(bool),
            Some(Token::Mark('{')) => {
                let place = self.end;
                let mut members = self.members(depth - 1)?;
                self.close('}')?;
                if let Some(key) = self.place {
                    members.insert(key.to_owned(), place.into());
                }
                Value::Object(members)
            }
            Some(Token::Mark('[')) => {
                let mut list = Vec::new();
                while !self.is(']') {
                    list.push(self.value(depth - 1)?);
                    if !self.skip(',')? {
                        break;
                    }
                }
                self.close(']')?;
                Value::Array(list)
            }
            Some(token) => return Err(self.unexpected(&token)),
            None => return Err(self.scanner.error("it ends where a value should be")),
        })
    }

    fn close(&mut self, mark: char) -> Result<(), Error> {
        match self.advance()? {
            Some(Token::Mark(found)) if found == mark => Ok(()),
            Some(token) => Err(self.unexpected(&token)),
            None => Err(self.scanner.error(format!("it ends before a {mark:?}"))),
        }
    }
}

/// Blocks of one name are a list; of other values the last counts.
fn add(members: &mut Map<String, Value>, key: String, value: Value) {
    match (members.get_mut(&key), value) {
        (Some(Value::Array(list)), Value::Object(new)) if list.iter().all(Value::is_object) => {
            list.push(Value::Object(new));
        }
        (Some(old @ Value::Object(_)), Value::Object(new)) => {
            *old = Value::Array(vec![old.take(), Value::Object(new)]);
        }
        (_, value) => {
            members.insert(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Value {
        Value::Object(parse(text).unwrap_or_else(|error| panic!("{text}: {error}")))
    }

    #[test]
    fn what_consuls_users_write_is_read() {
        for (text, wanted) in [
            ("", json!({})),
            (
                "a = 1 // x\n# y\nb = /* z */ -2.5",
                json!({"a": 1, "b": -2.5}),
            ),
            (
                "a = 0x10, b = 010 c = 1e3",
                json!({"a": 16, "b": 8, "c": 1000.0}),
            ),
            (
                r#""a.b" = "c", d-e = true"#,
                json!({"a.b": "c", "d-e": true}),
            ),
            (
                r#"s { name = "x" port = 80 check { ttl = "1s" } }"#,
                json!({"s": {"name": "x", "port": 80, "check": {"ttl": "1s"}}}),
            ),
            (
                "s { a = 1 }\ns { a = 2 }\ns { a = 3 }",
                json!({"s": [{"a": 1}, {"a": 2}, {"a": 3}]}),
            ),
            (
                "s = [{ a = 1 }, { a = 2 },]",
                json!({"s": [{"a": 1}, {"a": 2}]}),
            ),
            (r#"s "web" { a = 1 }"#, json!({"s": {"web": {"a": 1}}})),
            ("a = 1\na = 2", json!({"a": 2})),
            (
                r#"bind_addr = "{{ GetInterfaceIP \"eth0\" }}""#,
                json!({"bind_addr": "{{ GetInterfaceIP \"eth0\" }}"}),
            ),
            (
                r#"a = "${env["x"]}\t\u00e9""#,
                json!({"a": "${env[\"x\"]}\té"}),
            ),
            (
                "a = <<EOF\n x\ny\nEOF\nb = 1",
                json!({"a": " x\ny\n", "b": 1}),
            ),
            ("a = <<-EOF\n  x\n   y\n  EOF\n", json!({"a": "x\n y\n"})),
        ] {
            assert_eq!(read(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_broken_is_told_with_its_line() {
        for (text, line) in [
            ("a = ", 1),
            ("a = 1\nb = \"x", 2),
            ("a = 1\n\n}", 3),
            ("a {\nb = 1\n", 3),
            ("a = [1 2]", 1),
            ("a \"b\" = 1", 1),
            ("a = <<EOF\nx\n", 1),
            ("/* x", 1),
            ("a = \"\\q\"", 1),
            ("a = 09x", 1),
            ("a = b", 1),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.line, line, "{text}: {error}");
        }
        let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(&deep).is_err());
        let deep = format!("a {} {{}}", "\"b\" ".repeat(100_000));
        assert!(parse(&deep).is_err());
    }
}
