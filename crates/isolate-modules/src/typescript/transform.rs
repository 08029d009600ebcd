//! What is more than types: enums, namespaces with values, parameter properties.
//!
//! swc makes JavaScript of them. What it makes is laid out here so that every token stands on the line that it had, and in
//! the column too unless something was put in before it on that line.

use std::io;

use swc_common::errors::{HANDLER, Handler};
use swc_common::sync::Lrc;
use swc_common::{BytePos, DUMMY_SP, FileName, Mark, SourceMap, Span, Spanned};
use swc_ecma_ast::{EsVersion, Expr, Invalid, ParenExpr, Pass, Program, ReturnStmt, ThrowStmt, YieldExpr};
use swc_ecma_codegen::text_writer::WriteJs;
use swc_ecma_codegen::{Config as CodegenConfig, Emitter};
use swc_ecma_parser::lexer::Lexer;
use swc_ecma_parser::{Parser, StringInput, Syntax, TsSyntax};
use swc_ecma_transforms_base::fixer::fixer;
use swc_ecma_transforms_base::helpers::{HELPERS, Helpers};
use swc_ecma_transforms_base::hygiene::hygiene;
use swc_ecma_transforms_base::resolver;
use swc_ecma_transforms_typescript::{Config, TsImportExportAssignConfig, typescript};
use swc_ecma_visit::{VisitMut, VisitMutWith, noop_visit_mut_type};

use super::{StripErrorKind, folding};

/// How long all constant strings may be that are put together, in bytes.
const MOST_FOLDED: usize = 16 << 20;

/// JavaScript with the same tokens in the same places. What is wrong is reported to the handler.
pub(super) fn transform(map: &Lrc<SourceMap>, handler: &Handler, source: &str) -> Result<String, StripErrorKind> {
    // A line that only systems read would be moved in front of the code that stands on its line now.
    let text = match source.strip_prefix("#!") {
        Some(rest) => format!("//{rest}"),
        None => source.to_owned(),
    };
    let file = map.new_source_file(Lrc::new(FileName::Anon), text);
    let syntax = Syntax::Typescript(TsSyntax::default());
    let lexer = Lexer::new(syntax, EsVersion::latest(), StringInput::from(&*file), None);
    let mut parser = Parser::new_from(lexer);
    let parsed = parser.parse_module();
    let errors = parser.take_errors();
    let failed = !errors.is_empty();
    errors.into_iter().for_each(|e| e.into_diagnostic(handler).emit());
    let mut program = match parsed {
        Ok(module) if !failed => {
            if folding::length(&module) > MOST_FOLDED {
                handler.err("the constants of enums would be too long");
                return Err(StripErrorKind::Limit);
            }
            Program::Module(module)
        }
        Ok(_) => return Err(StripErrorKind::Syntax),
        Err(e) => {
            e.into_diagnostic(handler).emit();
            return Err(StripErrorKind::Syntax);
        }
    };
    let config = Config {
        // What is imported stays imported, as where types are only taken away.
        verbatim_module_syntax: true,
        native_class_properties: true,
        import_export_assign_config: TsImportExportAssignConfig::EsNext,
        // Members are read where they are used, as a script may change an enum.
        ts_enum_is_mutable: true,
        ..Config::default()
    };
    HANDLER.set(handler, || {
        HELPERS.set(&Helpers::new(false), || {
            let (unresolved, top_level) = (Mark::new(), Mark::new());
            resolver(unresolved, top_level, true).process(&mut program);
            typescript(config, unresolved, top_level).process(&mut program);
            hygiene().process(&mut program);
            fixer(None).process(&mut program);
            program.visit_mut_with(&mut Parentheses { source: &file.src, start: file.start_pos });
        });
    });
    if handler.has_errors() {
        return Err(StripErrorKind::Unsupported);
    }
    let mut emitter = Emitter {
        cfg: CodegenConfig::default(),
        comments: None,
        cm: map.clone(),
        wr: Layout::new(&file.src, file.start_pos),
    };
    // Nothing is written but to memory.
    emitter.emit_program(&program).map_err(|_| StripErrorKind::Unsupported)?;
    Ok(emitter.wr.out)
}

/// Puts parentheses around values that do not stand on the line of the `return` before them: the fixer takes away those that
/// are not needed where everything is on one line.
struct Parentheses<'s> {
    source: &'s str,
    start: BytePos,
}

impl Parentheses<'_> {
    fn put(&self, word: Span, value: &mut Expr) {
        let byte = |pos: BytePos| pos.0.checked_sub(self.start.0).map(|byte| byte as usize);
        let (Some(from), Some(to)) = (byte(word.lo), byte(value.span_lo())) else { return };
        if self.source.get(from..to).is_some_and(|between| between.contains(is_line_end)) {
            let expr = Box::new(std::mem::replace(value, Expr::Invalid(Invalid { span: DUMMY_SP })));
            *value = Expr::Paren(ParenExpr { span: DUMMY_SP, expr });
        }
    }
}

impl VisitMut for Parentheses<'_> {
    noop_visit_mut_type!();

    fn visit_mut_return_stmt(&mut self, node: &mut ReturnStmt) {
        node.visit_mut_children_with(self);
        if let Some(value) = &mut node.arg {
            self.put(node.span, value);
        }
    }

    fn visit_mut_throw_stmt(&mut self, node: &mut ThrowStmt) {
        node.visit_mut_children_with(self);
        self.put(node.span, &mut node.arg);
    }

    fn visit_mut_yield_expr(&mut self, node: &mut YieldExpr) {
        node.visit_mut_children_with(self);
        if let Some(value) = &mut node.arg {
            self.put(node.span, value);
        }
    }
}

/// A place: lines from 0, columns in UTF-16 units from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: usize,
    column: usize,
}

/// Tells where the bytes of a source are.
struct Places<'s> {
    source: &'s str,
    lines: Vec<usize>,
    /// How many UTF-16 units stand before every [`Places::BLOCK`] bytes.
    units: Vec<usize>,
}

impl<'s> Places<'s> {
    const BLOCK: usize = 64;

    fn new(source: &'s str) -> Self {
        let (mut lines, mut units) = (vec![0], Vec::new());
        let mut count = 0;
        for (at, c) in source.char_indices() {
            while units.len() * Self::BLOCK <= at {
                units.push(count);
            }
            count += c.len_utf16();
            let crlf = c == '\r' && source.as_bytes().get(at + 1) == Some(&b'\n');
            if is_line_end(c) && !crlf {
                lines.push(at + c.len_utf8());
            }
        }
        Self { source, lines, units }
    }

    /// Units before a byte of the source.
    fn units(&self, byte: usize) -> usize {
        let block = (byte / Self::BLOCK).min(self.units.len().saturating_sub(1));
        let before = self.units.get(block).copied().unwrap_or(0);
        // A block's count is that before the first character that begins in it.
        let start = (block * Self::BLOCK..=byte).find(|at| self.source.is_char_boundary(*at)).unwrap_or(byte);
        before + self.source.get(start..byte).map_or(0, |s| s.encode_utf16().count())
    }

    fn of(&self, byte: usize) -> Place {
        let line = self.lines.partition_point(|start| *start <= byte) - 1;
        Place { line, column: self.units(byte) - self.units(self.lines[line]) }
    }
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// What is open.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Brace,
    /// A template's text.
    Template,
    /// An expression in a template.
    Part,
}

/// Writes a program with its tokens where they were.
struct Layout<'s> {
    places: Places<'s>,
    start: BytePos,
    out: String,
    here: Place,
    /// Where what comes next was.
    next: Option<Place>,
    /// White space has to come before what comes next.
    space: bool,
    /// Where a line ends now, a statement would.
    stay: bool,
    open: Vec<Open>,
}

impl<'s> Layout<'s> {
    fn new(source: &'s str, start: BytePos) -> Self {
        Self {
            places: Places::new(source),
            start,
            out: String::with_capacity(source.len()),
            here: Place::default(),
            next: None,
            space: false,
            stay: false,
            open: Vec::new(),
        }
    }

    fn was_at(&mut self, pos: BytePos) {
        // What was made has no place, or one that is not in the source.
        let Some(byte) = pos.0.checked_sub(self.start.0).map(|byte| byte as usize) else { return };
        if byte <= self.places.source.len() && self.places.source.is_char_boundary(byte) {
            self.next = Some(self.places.of(byte));
        }
    }

    /// As it is.
    fn put(&mut self, text: &str) {
        for c in text.chars() {
            if is_line_end(c) {
                self.here = Place { line: self.here.line + 1, column: 0 };
            } else {
                self.here.column += c.len_utf16();
            }
        }
        self.out.push_str(text);
    }

    /// Goes on to where what comes next was, if that lies ahead.
    fn go(&mut self) {
        let space = std::mem::take(&mut self.space);
        let Some(next) = self.next.take() else {
            return if space {
                self.put(" ")
            };
        };
        let before = self.here;
        while !self.stay && self.here.line < next.line {
            self.put("\n");
        }
        if self.here.line == next.line && self.here.column < next.column {
            self.put(&" ".repeat(next.column - self.here.column));
        }
        if space && self.here == before {
            self.put(" ");
        }
    }

    fn token(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let word = text.trim_end();
        // Text of templates is a token's inside, and so is the name after `#`.
        if self.open.last() == Some(&Open::Template) || self.out.ends_with('#') {
            self.next = None;
        }
        self.stay |= matches!(word, "=>" | "++" | "--");
        self.go();
        self.put(text);
        self.stay = matches!(
            word,
            "return" | "throw" | "break" | "continue" | "yield" | "async" | "accessor" | "await" | "using"
        );
    }
}

impl WriteJs for Layout<'_> {
    fn increase_indent(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn decrease_indent(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn write_semi(&mut self, span: Option<Span>) -> io::Result<()> {
        self.write_punct(span, ";", false)
    }

    fn write_space(&mut self) -> io::Result<()> {
        self.space = true;
        Ok(())
    }

    fn write_line(&mut self) -> io::Result<()> {
        self.space = true;
        Ok(())
    }

    fn write_keyword(&mut self, span: Option<Span>, text: &'static str) -> io::Result<()> {
        self.write_punct(span, text, false)
    }

    fn write_operator(&mut self, span: Option<Span>, text: &str) -> io::Result<()> {
        self.was_at(span.unwrap_or(DUMMY_SP).lo);
        self.token(text);
        Ok(())
    }

    fn write_param(&mut self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_property(&mut self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_lit(&mut self, span: Span, text: &str) -> io::Result<()> {
        self.write_operator(Some(span), text)
    }

    fn write_comment(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn write_str_lit(&mut self, span: Span, text: &str) -> io::Result<()> {
        self.write_operator(Some(span), text)
    }

    fn write_str(&mut self, text: &str) -> io::Result<()> {
        self.write_operator(None, text)
    }

    fn write_symbol(&mut self, span: Span, text: &str) -> io::Result<()> {
        self.write_operator(Some(span), text)
    }

    fn write_punct(&mut self, span: Option<Span>, text: &'static str, _: bool) -> io::Result<()> {
        self.write_operator(span, text)?;
        match (text, self.open.last()) {
            ("`", Some(Open::Template)) | ("}", Some(_)) => drop(self.open.pop()),
            ("`", _) => self.open.push(Open::Template),
            ("${", _) => self.open.push(Open::Part),
            ("{", _) => self.open.push(Open::Brace),
            _ => {}
        }
        Ok(())
    }

    fn care_about_srcmap(&self) -> bool {
        true
    }

    fn add_srcmap(&mut self, pos: BytePos) -> io::Result<()> {
        self.was_at(pos);
        Ok(())
    }

    fn commit_pending_semi(&mut self) -> io::Result<()> {
        Ok(())
    }
}
