//! The words of HCL 1.

use std::iter::Peekable;
use std::str::CharIndices;

use super::Error;

/// One word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A key without quotes.
    Name(String),
    /// A string in quotes, or a here-document.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// One of `= , { } [ ]`.
    Mark(char),
}

/// Reads words off a text.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
    /// The line of the last word, from 1.
    pub(super) line: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            rest: text.char_indices().peekable(),
            line: 1,
        }
    }

    pub(super) fn error(&self, what: impl Into<String>) -> Error {
        Error {
            line: self.line,
            what: what.into(),
        }
    }

    /// The next word; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token>, Error> {
        self.skip()?;
        let Some(&(start, first)) = self.rest.peek() else {
            return Ok(None);
        };
        let token = match first {
            '=' | ',' | '{' | '}' | '[' | ']' => {
                self.bump();
                Token::Mark(first)
            }
            '"' => Token::Text(self.string()?),
            '<' => Token::Text(self.heredoc()?),
            '-' | '.' | '0'..='9' => self.number(start)?,
            c if is_letter(c) => {
                let word = self.take(|c| is_letter(c) || c.is_numeric() || c == '-' || c == '.');
                match word {
                    "true" => Token::Bool(true),
                    "false" => Token::Bool(false),
                    word => Token::Name(word.to_owned()),
                }
            }
            c => return Err(self.error(format!("unexpected {c:?}"))),
        };
        Ok(Some(token))
    }

    fn bump(&mut self) -> Option<char> {
        let (_, c) = self.rest.next()?;
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, c)| *c)
    }

    /// Where the next character is.
    pub(super) fn place(&mut self) -> usize {
        self.rest.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let start = self.place();
        while self.peek().is_some_and(&wanted) {
            self.bump();
        }
        let end = self.place();
        &self.text[start..end]
    }

    /// Blanks and comments.
    fn skip(&mut self) -> Result<(), Error> {
        loop {
            self.take(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            let from = self.place();
            if self.peek() == Some('#') || self.text[from..].starts_with("//") {
                self.take(|c| c != '\n');
            } else if self.text[from..].starts_with("/*") {
                let Some(length) = self.text[from + 2..].find("*/") else {
                    return Err(self.error("a comment that does not end"));
                };
                while self.place() < from + 2 + length + 2 {
                    self.bump();
                }
            } else {
                return Ok(());
            }
        }
    }

    fn number(&mut self, start: usize) -> Result<Token, Error> {
        let sign = self.take(|c| c == '-');
        self.take(|c| c.is_ascii_alphanumeric() || c == '.');
        // The sign of an exponent.
        if matches!(self.text[..self.place()].chars().last(), Some('e' | 'E'))
            && !self.text[start + sign.len()..].starts_with("0x")
        {
            self.take(|c| c == '-' || c == '+');
            self.take(|c| c.is_ascii_digit());
        }
        let end = self.place();
        let text = &self.text[start..end];
        let digits = &text[sign.len()..];
        let whole = if let Some(hex) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
            i64::from_str_radix(hex, 16).ok()
        } else if digits.len() > 1 && digits.starts_with('0') {
            i64::from_str_radix(digits, 8).ok()
        } else {
            digits.parse().ok()
        };
        match (sign, whole, text.parse::<f64>()) {
            ("", Some(whole), _) => Ok(Token::Int(whole)),
            ("-", Some(whole), _) => Ok(Token::Int(-whole)),
            (_, None, Ok(number)) if number.is_finite() => Ok(Token::Float(number)),
            _ => Err(self.error("a number that is none")),
        }
    }

    /// A string in quotes. What is in `${…}` stays as it is, quotes included.
    fn string(&mut self) -> Result<String, Error> {
        self.bump();
        let mut text = String::new();
        let mut depth = 0;
        loop {
            let Some(c) = self.bump() else {
                return Err(self.error("a string that does not end"));
            };
            match c {
                '"' if depth == 0 => return Ok(text),
                '\n' if depth == 0 => {
                    return Err(self.error("a string that does not end in its line"));
                }
                '$' if self.peek() == Some('{') => {
                    self.bump();
                    text.push_str("${");
                    depth += 1;
                }
                '{' if depth > 0 => {
                    text.push('{');
                    depth += 1;
                }
                '}' if depth > 0 => {
                    text.push('}');
                    depth -= 1;
                }
                '\\' if depth == 0 => text.push(self.escape()?),
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let c = self.bump().unwrap_or(' ');
        let (digits, radix) = match c {
            'x' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='7' => (3, 8),
            'a' => return Ok('\x07'),
            'b' => return Ok('\x08'),
            'f' => return Ok('\x0c'),
            'n' => return Ok('\n'),
            'r' => return Ok('\r'),
            't' => return Ok('\t'),
            'v' => return Ok('\x0b'),
            '\\' | '"' => return Ok(c),
            c => return Err(self.error(format!("unknown escape \\{c}"))),
        };
        let mut number = String::new();
        if radix == 8 {
            number.push(c);
        }
        while number.len() < digits {
            match self.bump() {
                Some(digit) if digit.is_digit(radix) => number.push(digit),
                _ => return Err(self.error("an escape that lacks digits")),
            }
        }
        u32::from_str_radix(&number, radix)
            .ok()
            .and_then(char::from_u32)
            .ok_or_else(|| self.error("an escape that is no character"))
    }

    /// `<<NAME` or `<<-NAME` and lines up to that name; with `-` the end may be indented, and the least indentation is taken off.
    fn heredoc(&mut self) -> Result<String, Error> {
        let begin = self.line;
        if self.take(|c| c == '<') != "<<" {
            return Err(self.error("unexpected \"<\""));
        }
        let indented = !self.take(|c| c == '-').is_empty();
        let name = self.take(|c| is_letter(c) || c.is_numeric());
        self.take(|c| c == '\r');
        if name.is_empty() || self.bump() != Some('\n') {
            return Err(self.error("a here-document without a name"));
        }
        let mut lines: Vec<&str> = Vec::new();
        loop {
            let line = self.take(|c| c != '\n');
            if line.trim() == name && (indented || line.trim_end() == name) {
                break;
            }
            lines.push(line);
            if self.bump().is_none() {
                self.line = begin;
                return Err(self.error("a here-document that does not end"));
            }
        }
        let indent = |line: &&str| line.len() - line.trim_start_matches([' ', '\t']).len();
        let least = match indented {
            true => lines.iter().map(indent).min().unwrap_or(0),
            false => 0,
        };
        Ok(lines
            .iter()
            .map(|line| format!("{}\n", &line[least..]))
            .collect())
    }
}

fn is_letter(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}
