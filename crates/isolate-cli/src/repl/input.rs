//! One input, line by line: whether more is to come, and how its declarations can be made again.
//!
//! It is read as far as brackets, strings, templates, comments and regular expressions, and no further: the engine has the
//! last word on what is wrong.

/// What is read line by line.
#[derive(Debug, Default)]
pub(super) struct Input {
    text: String,
    at: usize,
    /// What closes the brackets that are open; `}` of a template is `$`.
    open: Vec<Open>,
    mode: Mode,
    before: Before,
    /// A line ended since the token before.
    newline: bool,
    /// Declarations at the top level.
    declared: Vec<Declared>,
    /// A closing bracket too many.
    broken: bool,
}

#[derive(Debug)]
struct Open {
    end: char,
    template: bool,
    /// Of `if (…)` and the like.
    header: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Mode {
    #[default]
    Code,
    Template,
    Comment,
    /// After a backslash at the end of a line.
    Text(char),
}

/// The token before.
#[derive(Clone, Debug, Default, PartialEq)]
enum Before {
    #[default]
    Nothing,
    /// A value ends.
    Value,
    /// A statement follows.
    Header,
    /// `}`
    Brace,
    /// `;`
    Semicolon,
    /// `.`
    Dot,
    /// An operator that needs an operand after it.
    Operator,
    /// `++`, `--`, `>`, `,`, `:`, `(` and so on.
    Other,
    /// A word that something follows.
    Word(String),
}

#[derive(Debug)]
enum Declared {
    /// `let` or `const`, of so many bytes.
    Variable(usize, usize),
    /// `class`, with its name.
    Class(usize, String),
    /// Where its body ends.
    End(usize),
}

/// Words that are no values.
const WORDS: &[&str] = &[
    "async",
    "await",
    "case",
    "class",
    "const",
    "delete",
    "do",
    "else",
    "export",
    "extends",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "let",
    "new",
    "of",
    "return",
    "static",
    "switch",
    "throw",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Words after which an input cannot end.
const OPEN_ENDED: &[&str] = &[
    "case",
    "class",
    "const",
    "delete",
    "do",
    "else",
    "export",
    "extends",
    "finally",
    "for",
    "function",
    "if",
    "import",
    "in",
    "instanceof",
    "new",
    "switch",
    "throw",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
];

impl Input {
    /// Adds a line.
    pub(super) fn feed(&mut self, line: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line);
        self.scan();
        self.newline = true;
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Whether it cannot be whole.
    pub(super) fn goes_on(&self) -> bool {
        if self.broken {
            return false;
        }
        !self.open.is_empty()
            || self.mode != Mode::Code
            || match &self.before {
                Before::Operator | Before::Dot | Before::Header => true,
                Before::Word(word) => OPEN_ENDED.contains(&word.as_str()),
                _ => false,
            }
    }

    /// The source, with `var` in place of `let`, `const` and `class` at the top level, so that what they declare can be
    /// declared again.
    pub(super) fn redeclarable(&self) -> String {
        let mut source = String::with_capacity(self.text.len() + 16);
        let mut from = 0;
        for declared in &self.declared {
            match declared {
                Declared::Variable(at, len) => {
                    source.push_str(&self.text[from..*at]);
                    source.push_str(&format!("{:<len$}", "var"));
                    from = at + len;
                }
                Declared::End(at) => {
                    source.push_str(&self.text[from..*at]);
                    source.push(';');
                    from = *at;
                }
                Declared::Class(at, name) => {
                    source.push_str(&self.text[from..*at]);
                    source.push_str(&format!("var {name}="));
                    from = *at;
                }
            }
        }
        source.push_str(&self.text[from..]);
        source
    }

    /// An object literal would be a block: `{ a: 1 }` in parentheses, if it looks so.
    pub(super) fn as_object(&self) -> Option<String> {
        let text = self.text.trim();
        (text.starts_with('{') && text.ends_with('}')).then(|| format!("({text})"))
    }

    fn peek(&self, ahead: usize) -> char {
        self.text[self.at..].chars().nth(ahead).unwrap_or('\0')
    }

    /// A statement begins here.
    fn begins(&self) -> bool {
        match self.before {
            Before::Nothing | Before::Semicolon | Before::Brace => true,
            Before::Value => self.newline,
            _ => false,
        }
    }

    fn scan(&mut self) {
        while let Some(c) = self.text[self.at..].chars().next() {
            match self.mode {
                Mode::Comment => match self.text[self.at..].find("*/") {
                    Some(end) => {
                        self.at += end + 2;
                        self.mode = Mode::Code;
                    }
                    None => self.at = self.text.len(),
                },
                Mode::Template => self.template(c),
                Mode::Text(quote) => self.string(quote),
                Mode::Code => self.code(c),
            }
        }
    }

    fn set(&mut self, before: Before) {
        self.before = before;
        self.newline = false;
    }

    fn template(&mut self, c: char) {
        self.at += c.len_utf8();
        match c {
            '\\' => self.at += self.peek_len(),
            '`' => {
                self.mode = Mode::Code;
                self.set(Before::Value);
            }
            '$' if self.peek(0) == '{' => {
                self.at += 1;
                self.open.push(Open { end: '}', template: true, header: false });
                self.mode = Mode::Code;
                self.set(Before::Other);
            }
            _ => {}
        }
    }

    fn peek_len(&self) -> usize {
        self.text[self.at..].chars().next().map_or(0, char::len_utf8)
    }

    /// The rest of a string. Without an end it ends with its line, and the engine will say so.
    fn string(&mut self, quote: char) {
        self.mode = Mode::Code;
        while let Some(c) = self.text[self.at..].chars().next() {
            self.at += c.len_utf8();
            match c {
                '\\' if self.at == self.text.len() => {
                    self.mode = Mode::Text(quote);
                    return;
                }
                '\\' => self.at += self.peek_len(),
                '\n' => break,
                c if c == quote => break,
                _ => {}
            }
        }
        self.set(Before::Value);
    }

    fn code(&mut self, c: char) {
        if c.is_whitespace() || c == '\u{feff}' {
            self.newline |= c == '\n';
            self.at += c.len_utf8();
            return;
        }
        let next = self.peek(1);
        match (c, next) {
            ('/', '/') => {
                let rest = &self.text[self.at..];
                self.at += rest.find('\n').unwrap_or(rest.len());
            }
            ('/', '*') => {
                self.at += 2;
                self.mode = Mode::Comment;
            }
            ('/', _) if self.regex_may_begin() => {
                self.regex();
                self.set(Before::Value);
            }
            ('"' | '\'', _) => {
                self.at += 1;
                self.string(c);
            }
            ('`', _) => {
                self.at += 1;
                self.mode = Mode::Template;
            }
            ('(' | '[' | '{', _) => {
                let header = matches!(&self.before, Before::Word(w) if matches!(w.as_str(), "if" | "for" | "while" | "with" | "await"));
                let end = match c {
                    '(' => ')',
                    '[' => ']',
                    _ => '}',
                };
                self.open.push(Open { end, template: false, header: header && c == '(' });
                self.at += 1;
                self.set(Before::Other);
            }
            (')' | ']' | '}', _) => {
                self.at += 1;
                match self.open.pop() {
                    Some(open) if open.end == c && open.template => self.mode = Mode::Template,
                    Some(open) if open.end == c => self.set(match c {
                        // Of `do … while (…)` nothing more is wanted, and of `await (…)` neither.
                        ')' if open.header && !self.whole_statement() => Before::Header,
                        '}' => Before::Brace,
                        _ => Before::Value,
                    }),
                    _ => self.broken = true,
                }
                if c == '}' && self.open.is_empty() && matches!(self.declared.last(), Some(Declared::Class(..))) {
                    self.declared.push(Declared::End(self.at));
                }
            }
            _ if c.is_alphanumeric() || matches!(c, '_' | '$' | '#' | '\\') => self.word(),
            _ => self.operator(c, next),
        }
    }

    /// Whether a parenthesis that ends here could be the end of it all: `do x(); while (a)`, `await (a)`.
    fn whole_statement(&self) -> bool {
        // A guess by what stands before; to go on where nothing is missing would be worse than an error too early.
        let text = self.text[..self.at].trim_end();
        let mut depth = 0usize;
        for (i, c) in text.char_indices().rev() {
            match c {
                ')' => depth += 1,
                '(' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        let head = text[..i].trim_end();
                        let before = |word: &str| head.ends_with(word);
                        return before("await") && !head.trim_end_matches("await").trim_end().ends_with("for")
                            || before("while") && self.text.trim_start().starts_with("do");
                    }
                }
                _ => {}
            }
        }
        false
    }

    fn regex_may_begin(&self) -> bool {
        match &self.before {
            Before::Value | Before::Brace | Before::Dot => false,
            Before::Word(word) => !matches!(word.as_str(), "async" | "of" | "let" | "static"),
            _ => true,
        }
    }

    fn regex(&mut self) {
        let (mut class, mut escaped) = (false, false);
        self.at += 1;
        while let Some(c) = self.text[self.at..].chars().next() {
            if c == '\n' {
                return;
            }
            self.at += c.len_utf8();
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => class = true,
                ']' => class = false,
                '/' if !class => return,
                _ => {}
            }
        }
    }

    fn word(&mut self) {
        let rest = &self.text[self.at..];
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '#' | '\\' | '\u{200c}' | '\u{200d}');
        let len = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = rest[..len].to_owned();
        let start = self.at;
        self.at += len;
        if self.before == Before::Dot {
            return self.set(Before::Value);
        }
        if self.open.is_empty() && self.begins() {
            match word.as_str() {
                "let" | "const" => self.declared.push(Declared::Variable(start, len)),
                "class" => {
                    let rest = self.text[self.at..].trim_start();
                    let name = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
                    if !name.is_empty() && name != "extends" {
                        self.declared.push(Declared::Class(start, name.to_owned()));
                    }
                }
                _ => {}
            }
        }
        let before = if WORDS.contains(&word.as_str()) { Before::Word(word) } else { Before::Value };
        self.set(before);
    }

    fn operator(&mut self, c: char, next: char) {
        self.at += c.len_utf8();
        let before = match c {
            ';' => Before::Semicolon,
            '.' if next == '.' => {
                self.at += 2;
                Before::Other
            }
            '.' => Before::Dot,
            '?' if next == '.' => {
                self.at += 1;
                Before::Dot
            }
            '+' | '-' if next == c => {
                self.at += 1;
                if self.before == Before::Value && !self.newline { Before::Value } else { Before::Other }
            }
            '=' if next == '>' => {
                self.at += 1;
                Before::Operator
            }
            '=' | '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '!' | '~' | '<' | '>' | '?' | ':' | ',' => {
                Before::Operator
            }
            _ => Before::Other,
        };
        self.set(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &str) -> Input {
        let mut input = Input::default();
        text.split('\n').for_each(|line| input.feed(line));
        input
    }

    #[test]
    fn what_goes_on() {
        for text in [
            "f(",
            "[1,",
            "{",
            "`a",
            "`${",
            "`${a}",
            "/*",
            "1 +",
            "a.",
            "a =>",
            "if (a)",
            "for (;;)",
            "else",
            "x = {",
            "'a\\",
            "function",
            "a ? b :",
            "let a =",
            "while (x)",
            "if (/[)]/.test(x)) {",
            "f(/*)*/",
            "f(')'",
            "/* a\nb",
        ] {
            assert!(input(text).goes_on(), "{text}");
        }
        for text in [
            "",
            "1",
            "f()",
            "a++",
            "'a",
            "`a`",
            "`${`b`}`",
            "// (",
            "/(/",
            "a / b",
            "x = /[/(]/g",
            "{}",
            "a )",
            "if (a) b",
            "do x(); while (y)",
            "await (x)",
            "let a",
            "`a\nb`",
            "'a\\\nb'",
            "({ if: 1 }).if",
            "a.class",
            "/* a\nb */",
            "1;",
            "throw x",
            "yield",
            "x = async",
        ] {
            assert!(!input(text).goes_on(), "{text}");
        }
    }

    #[test]
    fn what_is_declared() {
        for (text, source) in [
            ("let a = 1", "var a = 1"),
            ("const a = 1; let b", "var   a = 1; var b"),
            ("const { a,\n b } = c", "var   { a,\n b } = c"),
            ("class A extends B {}", "var A=class A extends B {};"),
            ("class A {\n}\nclass B {}", "var A=class A {\n};\nvar B=class B {};"),
            ("x = class A {}", "x = class A {}"),
            ("a\nlet b", "a\nvar b"),
            ("for (let i of x) { const y = 1 }", "for (let i of x) { const y = 1 }"),
            ("f(() => { let a })", "f(() => { let a })"),
            ("a.let; b = `let a`", "a.let; b = `let a`"),
        ] {
            assert_eq!(input(text).redeclarable(), source);
        }
    }
}
