//! Whether a source can be parsed safely.
//!
//! The parser goes down the stack for everything that stands inside of something else, and so do those who walk and free what
//! it makes. Some constructs it tries in two ways, so that nesting them doubles the time. Its tokens are counted here before:
//! how many may stand inside each other at most, whatever the grammar makes of them. More than there are is counted where it
//! is not clear; less never is.
//!
//! What must not go wrong is to tell code from strings, comments, templates and regular expressions, in which brackets mean
//! nothing. The hard question is whether a slash divides or begins a regular expression. Where the token before it does not
//! decide that, both are tried, and the source is refused unless both end in the same state.

use super::{StripError, StripErrorKind};

/// Open brackets.
const MOST_NESTED: usize = 500;
/// Tokens that may depend on each other, as those of one expression do.
const MOST_TOKENS: u32 = 10_000;
/// What one bracket counts as among these: it takes about as much stack.
const BRACKET: u32 = 3;
/// Type arguments inside of each other, or comparisons in one expression. The parser takes each `<` for the former first.
const MOST_ANGLES: u32 = 150;
/// Labels of one statement. The parser compares each with all others, and more.
const MOST_LABELS: u32 = 100;
/// What the parser tries in two ways, inside of each other. What is tried in more counts twice.
const MOST_TRIES: u32 = 14;
/// Parameters with types, inside of each other's types and defaults.
const MOST_TYPED: u32 = 8;
/// How many bytes are searched for ends of regular expressions, besides eight times the source.
const SEARCH: usize = 1 << 20;

/// What the token before is, as far as it matters to what follows.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// Nothing, or an operator: an operand follows.
    Operator,
    /// A value ends here.
    Operand,
    /// A parenthesis that belongs to `if`, `for`, `while` or `with` ends here: a statement follows.
    Header,
    /// `}`: of a block, or of a value.
    Brace,
    /// `;`
    Semicolon,
    /// `:` of a parameter's type.
    Colon,
    /// A dot: what follows is a name.
    Dot,
    /// A word that a value follows.
    Prefix,
    /// A word that may be a value or stand before one.
    Word,
    /// Something of which this is not clear.
    Unsure,
}

#[derive(Clone, Copy, Default, PartialEq)]
struct Counts {
    /// Tokens since something was over, or how deep it is in there if that is more.
    tokens: u32,
    angles: u32,
    labels: u32,
    /// Those of the angles that are not closed.
    open_angles: u32,
    tries: u32,
    typed: u32,
}

impl Counts {
    fn sum(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            angles: self.angles.saturating_add(other.angles),
            labels: self.labels.saturating_add(other.labels),
            open_angles: 0,
            tries: self.tries.saturating_add(other.tries),
            typed: self.typed.saturating_add(other.typed),
        }
    }

    fn most(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.max(other.tokens),
            angles: self.angles.max(other.angles),
            labels: self.labels.max(other.labels),
            open_angles: self.open_angles.max(other.open_angles),
            tries: self.tries.max(other.tries),
            typed: self.typed.max(other.typed),
        }
    }
}

/// An open bracket, or the whole.
#[derive(Clone, Copy)]
struct Frame {
    /// What closes it; 0 for the whole.
    end: u8,
    /// It is a part of a template.
    template: bool,
    /// What it is when it ends.
    becomes: Before,
    /// What stands around it.
    outer: Counts,
    here: Counts,
    /// The tokens of statements that what stands after a comma is a part of, too.
    floor: u32,
    /// The deepest of what is over in it.
    deepest: u32,
    /// A conditional operator came before.
    question: bool,
    /// The last `<` stood where a value begins.
    generic: bool,
}

impl Frame {
    fn new(end: u8, outer: Counts) -> Self {
        Self {
            end,
            template: false,
            becomes: if end == b'}' { Before::Brace } else { Before::Operand },
            outer,
            here: Counts::default(),
            floor: 0,
            deepest: 0,
            question: false,
            generic: false,
        }
    }

    /// A statement is over.
    fn over(&mut self) {
        self.floor = 0;
        self.here.labels = 0;
        self.comma();
    }

    /// An expression is over.
    fn comma(&mut self) {
        self.deepest = self.deepest.max(self.here.tokens);
        self.here = Counts { tokens: self.floor, labels: self.here.labels, ..Counts::default() };
        self.question = false;
    }
}

#[derive(Clone)]
struct Look<'s> {
    source: &'s str,
    at: usize,
    frames: Vec<Frame>,
    before: Before,
    /// What a parenthesis here becomes when it ends.
    becomes: Before,
    /// Whether a label may stand here.
    label: bool,
    /// Whether `>` is the token before.
    angle: bool,
    /// How far regular expressions were looked for, in all.
    searched: usize,
    /// Whether a line ended since the token before.
    newline: bool,
    /// Trying one of two ways: no further ones are.
    trying: bool,
}

/// Refuses what the parser could not take.
pub(super) fn look(source: &str) -> Result<(), StripError> {
    let mut look = Look {
        source,
        at: 0,
        frames: vec![Frame::new(0, Counts::default())],
        before: Before::Operator,
        becomes: Before::Operand,
        label: true,
        angle: false,
        searched: 0,
        newline: true,
        trying: false,
    };
    if source.starts_with("#!") {
        look.skip_line();
    }
    while look.step()? {}
    Ok(())
}

type Step<T> = Result<T, StripError>;

impl Look<'_> {
    fn refused<T>(&self, kind: StripErrorKind, message: &str, at: usize) -> Step<T> {
        Err(StripError::new(kind, message).at(self.source, at))
    }

    fn syntax<T>(&self, message: &str, at: usize) -> Step<T> {
        self.refused(StripErrorKind::Syntax, message, at)
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.source.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Whether a digit is what follows, some bytes ahead and after spaces in that line.
    fn digit_after(&self, ahead: usize) -> bool {
        let rest = self.source.as_bytes().get(self.at + ahead..).unwrap_or_default();
        rest.iter().take(16).find(|b| !matches!(b, b' ' | b'\t')).is_some_and(u8::is_ascii_digit)
    }

    fn char(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn frame(&mut self) -> &mut Frame {
        // The whole is never taken away.
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn line_end(&self) -> usize {
        let rest = &self.source[self.at..];
        self.at + rest.find(is_line_end).unwrap_or(rest.len())
    }

    /// To the end of the line, which is not taken.
    fn skip_line(&mut self) {
        self.at = self.line_end();
    }

    /// One token, or some white space. False at the end.
    fn step(&mut self) -> Step<bool> {
        let Some(c) = self.char() else { return Ok(false) };
        if is_line_end(c) {
            self.newline = true;
            self.at += c.len_utf8();
            return Ok(true);
        }
        if c.is_whitespace() || c == '\u{feff}' {
            self.at += c.len_utf8();
            return Ok(true);
        }
        match (c, self.byte(1)) {
            ('/', b'/') => {
                self.skip_line();
                return Ok(true);
            }
            ('/', b'*') => {
                let Some(len) = self.source[self.at + 2..].find("*/") else {
                    return self.syntax("a comment has no end", self.at);
                };
                let end = self.at + 2 + len + 2;
                self.newline |= self.source[self.at..end].contains(is_line_end);
                self.at = end;
                return Ok(true);
            }
            // Comments of old, which are not for modules.
            ('<', b'!') if self.source[self.at..].starts_with("<!--") => {
                return self.syntax("HTML comments are not allowed in modules", self.at);
            }
            ('-', b'-') if self.newline && self.source[self.at..].starts_with("-->") => {
                return self.syntax("HTML comments are not allowed in modules", self.at);
            }
            _ => {}
        }
        let start = self.at;
        let newline = std::mem::take(&mut self.newline);
        match c {
            '"' | '\'' => {
                self.value(newline);
                self.string(c as u8)?;
                self.set(Before::Operand);
            }
            '`' => {
                self.at += 1;
                self.begin();
                self.token(1);
                self.template(start)?;
            }
            '(' | '[' | '{' => self.open(c as u8),
            ')' | ']' | '}' => self.close(c as u8)?,
            '/' => self.slash(newline)?,
            c if is_word(c) => self.word(newline),
            _ => self.operator(newline),
        }
        let frame = self.frame();
        let all = frame.outer.sum(frame.here);
        let limit = |what: &str| self.refused(StripErrorKind::Limit, what, start);
        if self.frames.len() > MOST_NESTED {
            return limit("it is nested too deeply");
        }
        if all.tokens > MOST_TOKENS {
            return limit("this expression is too long");
        }
        if all.labels > MOST_LABELS {
            return limit("there are too many labels");
        }
        if all.angles > MOST_ANGLES {
            return limit("there are too many type arguments or comparisons in this expression");
        }
        if all.typed > MOST_TYPED {
            return limit("too many parameters with types stand inside each other");
        }
        if all.tries > MOST_TRIES {
            return limit(
                "too many arrow functions or classes stand inside each other's conditions, type arguments or heads",
            );
        }
        Ok(true)
    }

    fn set(&mut self, before: Before) {
        self.before = before;
        self.becomes = Before::Operand;
        self.label = false;
        self.angle = false;
    }

    fn token(&mut self, weight: u32) {
        let here = &mut self.frame().here;
        here.tokens = here.tokens.saturating_add(weight);
    }

    /// Before anything but the words that go on with a statement after its semicolon.
    fn begin(&mut self) {
        if self.before == Before::Semicolon {
            self.frame().over();
            self.label = true;
        }
    }

    /// A token that begins a value or a statement, and goes on with nothing.
    fn value(&mut self, newline: bool) {
        self.begin();
        match self.before {
            // Two values in a row, on two lines: a semicolon is put between them, or it is an error.
            Before::Operand if newline => {
                self.frame().over();
                self.label = true;
            }
            Before::Brace => {
                self.frame().over();
                self.label = true;
            }
            // After type arguments, or after a comparison that is not over.
            Before::Unsure if newline => {
                let frame = self.frame();
                if frame.here.open_angles == 0 && !frame.generic {
                    frame.here.tries = 0;
                }
            }
            _ => {}
        }
        self.token(1);
    }

    /// What has come so far of a statement holds for all that follows in it.
    fn hold(&mut self) {
        let frame = self.frame();
        frame.floor = frame.here.tokens;
        self.label = true;
    }

    fn word(&mut self, newline: bool) {
        let rest = &self.source[self.at..];
        let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let word = &rest[..len];
        self.at += len;
        if self.before == Before::Dot {
            self.token(1);
            return self.set(Before::Operand);
        }
        if goes_on(word) {
            self.token(1)
        } else {
            self.value(newline)
        }
        let label = self.label && !matches!(word, "case" | "default");
        self.set(kind_of(word));
        self.label = label;
        match word {
            "if" | "for" | "while" | "with" => self.becomes = Before::Header,
            "await" => self.becomes = Before::Unsure,
            "do" | "else" => self.hold(),
            // What a class extends is gone through twice where there is more than types.
            "class" => self.frame().here.tries += 1,
            _ => {}
        }
    }

    fn open(&mut self, c: u8) {
        self.begin();
        self.token(BRACKET);
        let becomes = self.becomes;
        let call = self.angle && c == b'(';
        let frame = self.frame();
        let mut new = Frame::new(closer(c), frame.outer.sum(frame.here));
        // What may be type arguments, or a call with some, is tried as that first.
        new.outer.tries += if frame.here.open_angles > 0 { 2 } else { u32::from(call) };
        if c == b'(' {
            new.becomes = becomes;
        }
        self.frames.push(new);
        self.at += 1;
        self.set(Before::Operator);
        self.label = c == b'{';
    }

    fn close(&mut self, c: u8) -> Step<()> {
        let frame = *self.frame();
        if frame.end != c {
            return self.syntax(&format!("Unexpected '{}'", c as char), self.at);
        }
        self.frames.pop();
        let inside = frame.deepest.max(frame.here.tokens);
        let outer = self.frame();
        outer.here.tokens = outer.here.tokens.max(inside).saturating_add(1);
        let start = self.at;
        self.at += 1;
        if frame.template {
            return self.template(start);
        }
        self.set(frame.becomes);
        if frame.becomes == Before::Header {
            self.hold();
        }
        Ok(())
    }

    /// The text of a template, from its beginning or from the end of an expression in it.
    fn template(&mut self, start: usize) -> Step<()> {
        loop {
            match self.byte(0) {
                b'\\' => self.escape(),
                b'`' => {
                    self.at += 1;
                    self.set(Before::Operand);
                    return Ok(());
                }
                b'$' if self.byte(1) == b'{' => {
                    self.at += 1;
                    self.open(b'{');
                    self.frame().template = true;
                    return Ok(());
                }
                0 if self.at >= self.source.len() => return self.syntax("a template has no end", start),
                _ => self.at += 1,
            }
            self.seek_char();
        }
    }

    /// Past a backslash and what it escapes.
    fn escape(&mut self) {
        self.at += 1;
        if self.source[self.at..].starts_with("\r\n") {
            self.at += 1;
        }
        self.at += self.char().map_or(0, char::len_utf8);
    }

    /// To the beginning of a character.
    fn seek_char(&mut self) {
        while !self.source.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    fn string(&mut self, quote: u8) -> Step<()> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.byte(0) {
                b if b == quote => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape(),
                b'\n' | b'\r' => return self.syntax("a string has no end", start),
                0 if self.at >= self.source.len() => return self.syntax("a string has no end", start),
                _ => self.at += 1,
            }
            self.seek_char();
        }
    }

    /// Where a regular expression ends, its last slash excluded, if one begins here.
    fn regex_end(&self) -> Option<usize> {
        let mut class = false;
        let mut escaped = false;
        for (i, c) in self.source[self.at + 1..].char_indices() {
            match c {
                c if is_line_end(c) => return None,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '[' => class = true,
                ']' => class = false,
                '/' if !class => return Some(self.at + 1 + i),
                _ => {}
            }
        }
        None
    }

    fn slash(&mut self, newline: bool) -> Step<()> {
        let start = self.at;
        let regex = match self.before {
            Before::Operator | Before::Prefix | Before::Header | Before::Semicolon => Some(true),
            // After a type a semicolon may have been left out.
            Before::Operand if !newline => Some(false),
            _ => None,
        };
        if regex == Some(false) {
            self.operator(newline);
            return Ok(());
        }
        let end = self.regex_end();
        self.searched += end.unwrap_or_else(|| self.line_end()) - start;
        if self.searched > SEARCH + 8 * self.source.len() {
            return self.refused(StripErrorKind::Limit, "there are too many slashes in this line", start);
        }
        match (regex, end) {
            (Some(true), None) => self.syntax("a regular expression has no end", start),
            (Some(true), Some(end)) => {
                self.value(newline);
                self.regex(end);
                Ok(())
            }
            (_, None) => {
                self.operator(newline);
                Ok(())
            }
            (_, Some(end)) => self.either(end, newline),
        }
    }

    fn regex(&mut self, end: usize) {
        self.at = end + 1;
        let rest = &self.source[self.at..];
        self.at += rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        self.set(Before::Operand);
    }

    /// A division, or a regular expression to `end`.
    fn either(&mut self, end: usize, newline: bool) -> Step<()> {
        let start = self.at;
        let unclear = |this: &Self| {
            this.syntax("it is not clear whether this divides or begins a regular expression: add parentheses", start)
        };
        if self.trying {
            return unclear(self);
        }
        // As a division, the second slash must be one too, with the same brackets open.
        let mut other = self.clone();
        other.trying = true;
        other.operator(newline);
        while other.at < end {
            if other.step().is_err() || other.frames.len() < self.frames.len() {
                return unclear(self);
            }
        }
        let divides = matches!(other.before, Before::Operand) && !other.newline;
        if other.at != end || other.frames.len() != self.frames.len() || !divides {
            return unclear(self);
        }
        self.token(1);
        let (here, there) = (self.frame(), *other.frame());
        here.deepest = here.deepest.max(there.deepest);
        here.here = here.here.most(there.here);
        here.question |= there.question;
        self.regex(end);
        self.set(Before::Unsure);
        Ok(())
    }

    fn operator(&mut self, newline: bool) {
        let c = self.byte(0);
        self.begin();
        let (before, label, angle) = (self.before, self.label, self.angle);
        self.token(1);
        self.at += self.char().map_or(1, char::len_utf8);
        let becomes = self.becomes;
        self.set(Before::Operator);
        let value = matches!(before, Before::Operand | Before::Brace | Before::Word | Before::Unsure);
        let (next, third) = (self.byte(0), self.byte(1));
        let shift = next == b'<' && self.digit_after(1);
        let frame = self.frame();
        match c {
            // What is over, the next token says: an `else` may follow.
            b';' => self.set(Before::Semicolon),
            b',' if frame.here.open_angles == 0 => frame.comma(),
            b',' => frame.question = false,
            b':' if label && value => {
                frame.here.labels += 1;
                self.hold();
            }
            // The type of a parameter, so that this may be an arrow function or not.
            b':' if frame.end == b')' && !frame.question => {
                frame.here.typed += 1;
                // The parser goes on after a slash that is no type, one way or another.
                self.before = Before::Colon;
            }
            b'.' if (next, third) == (b'.', b'.') => self.at += 2,
            b'.' => self.before = Before::Dot,
            b'?' if next == b'.' => {
                // `a ?.5 : b` is a conditional.
                frame.question = true;
                self.at += 1;
                self.before = Before::Dot;
            }
            b'?' if next == b'?' => self.at += 1,
            // What is optional, not conditional.
            b'?' if matches!(next, b':' | b',' | b')') => {}
            b'?' => frame.question = true,
            b'=' if next == b'>' => {
                frame.here.tries += u32::from(frame.question);
                self.at += 1;
            }
            // `1 << 2`: no type parameter begins with a digit, so it is tried no further.
            b'<' if shift => self.at += 1,
            b'<' => {
                frame.here.angles += 1;
                frame.here.open_angles += 1;
                // Type parameters of an arrow function, or an assertion.
                frame.generic = !value || before == Before::Word || angle && frame.generic;
                frame.here.tries += if frame.generic { 2 } else { 0 };
            }
            b'>' => {
                frame.here.open_angles = frame.here.open_angles.saturating_sub(1);
                if frame.here.open_angles == 0 && !frame.generic {
                    frame.here.angles = 0;
                }
                self.before = Before::Unsure;
                self.angle = true;
            }
            b'+' | b'-' if next == c => {
                self.at += 1;
                self.before = if before == Before::Operand && !newline { before } else { Before::Unsure };
            }
            b'!' if before == Before::Operand && !newline && next != b'=' => self.before = before,
            b'!' if value && !newline && next != b'=' => self.before = Before::Unsure,
            // `yield*`, `function*`
            b'*' => self.becomes = becomes,
            _ => {}
        }
    }
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// Parts of names, numbers and escapes.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '_' | '$' | '\\' | '#')
        || !c.is_ascii() && !c.is_whitespace() && c != '\u{feff}'
}

fn closer(c: u8) -> u8 {
    match c {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

/// Words that may go on with what came before, so that nothing is over when they come.
fn goes_on(word: &str) -> bool {
    matches!(
        word,
        "as" | "assert"
            | "asserts"
            | "catch"
            | "else"
            | "extends"
            | "finally"
            | "from"
            | "implements"
            | "in"
            | "instanceof"
            | "is"
            | "of"
            | "satisfies"
            | "while"
            | "with"
    )
}

fn kind_of(word: &str) -> Before {
    match word {
        "case" | "delete" | "do" | "else" | "in" | "instanceof" | "new" | "return" | "throw" | "typeof" | "void" => {
            Before::Prefix
        }
        // What TypeScript or JavaScript gives a meaning in some places.
        "abstract" | "accessor" | "as" | "assert" | "asserts" | "async" | "await" | "catch" | "class" | "const"
        | "declare" | "default" | "enum" | "export" | "extends" | "finally" | "for" | "from" | "function" | "get"
        | "global" | "if" | "implements" | "import" | "infer" | "interface" | "is" | "keyof" | "let" | "module"
        | "namespace" | "of" | "out" | "override" | "package" | "private" | "protected" | "public" | "readonly"
        | "require" | "satisfies" | "set" | "static" | "switch" | "try" | "type" | "unique" | "using" | "var"
        | "while" | "with" | "yield" => Before::Word,
        // An escape could hide any of these.
        word if word.contains('\\') => Before::Word,
        _ => Before::Operand,
    }
}
