//! How long constants become.
//!
//! swc works out what members of enums are, and puts what is constant where it is used. Strings that are put together out of
//! each other double in length with every few characters of the source, so their lengths are summed up here before.

use std::collections::HashMap;

use swc_ecma_ast::{
    Expr, Lit, MemberProp, Module, OptChainBase, Pat, TsEnumDecl, TsEnumMemberId, VarDecl, VarDeclKind,
};
use swc_ecma_visit::{Visit, VisitWith, noop_visit_type};

/// The longest that a number is as a string, and more.
const NUMBER: usize = 32;

/// The bytes of all strings that would be made, or more: what has one name counts as the longest of that name.
pub(super) fn length(module: &Module) -> usize {
    let mut folding = Folding::default();
    // What is used before its definition is known the second time.
    for _ in 0..2 {
        folding.total = 0;
        module.visit_with(&mut folding);
    }
    folding.total
}

#[derive(Default)]
struct Folding {
    constants: HashMap<String, usize>,
    members: HashMap<String, usize>,
    /// Members of constant enums, which are replaced by their values.
    replaced: HashMap<String, usize>,
    total: usize,
}

fn at_least(lengths: &mut HashMap<String, usize>, name: &str, length: usize) {
    match lengths.get_mut(name) {
        Some(longest) => *longest = length.max(*longest),
        None => drop(lengths.insert(name.to_owned(), length)),
    }
}

fn member_name(expr: &Expr) -> Option<String> {
    let member = match expr {
        Expr::Member(member) => member,
        Expr::OptChain(chain) => match &*chain.base {
            OptChainBase::Member(member) => member,
            _ => return None,
        },
        _ => return None,
    };
    match &member.prop {
        MemberProp::Ident(name) => Some(name.sym.to_string()),
        MemberProp::Computed(computed) => match &*computed.expr {
            Expr::Lit(Lit::Str(name)) => Some(name.value.to_string_lossy().into_owned()),
            Expr::Tpl(name) => name.quasis.first().map(|text| text.raw.to_string()),
            _ => None,
        },
        _ => None,
    }
}

impl Folding {
    /// How long a value is at most if it is constant.
    fn of(&mut self, expr: &Expr) -> usize {
        match expr {
            Expr::Lit(Lit::Str(text)) => text.value.len(),
            Expr::Lit(_) => NUMBER,
            Expr::Ident(name) => {
                let of = |lengths: &HashMap<String, usize>| lengths.get(&*name.sym).copied().unwrap_or(0);
                NUMBER.max(of(&self.constants)).max(of(&self.members))
            }
            Expr::Member(_) | Expr::OptChain(_) => {
                member_name(expr).and_then(|name| self.members.get(&name)).copied().unwrap_or(0)
            }
            Expr::Paren(inner) => self.of(&inner.expr),
            Expr::TsAs(inner) => self.of(&inner.expr),
            Expr::TsNonNull(inner) => self.of(&inner.expr),
            Expr::TsTypeAssertion(inner) => self.of(&inner.expr),
            Expr::TsConstAssertion(inner) => self.of(&inner.expr),
            Expr::TsInstantiation(inner) => self.of(&inner.expr),
            Expr::TsSatisfies(inner) => self.of(&inner.expr),
            Expr::Unary(unary) => self.of(&unary.arg),
            Expr::Bin(binary) => {
                let both = self.of(&binary.left).saturating_add(self.of(&binary.right));
                if binary.op == swc_ecma_ast::BinaryOp::Add {
                    return both;
                }
                self.total = self.total.saturating_add(both);
                NUMBER
            }
            Expr::Tpl(template) => {
                let text: usize = template.quasis.iter().map(|text| text.raw.len()).sum();
                template.exprs.iter().fold(text, |sum, part| sum.saturating_add(self.of(part)))
            }
            _ => 0,
        }
    }

    fn value(&mut self, expr: &Expr) -> usize {
        let length = self.of(expr);
        self.total = self.total.saturating_add(length);
        length
    }
}

impl Visit for Folding {
    noop_visit_type!();

    fn visit_expr(&mut self, expr: &Expr) {
        expr.visit_children_with(self);
        if self.replaced.is_empty() {
            return;
        }
        if let Some(length) = member_name(expr).and_then(|name| self.replaced.get(&name)) {
            self.total = self.total.saturating_add(*length);
        }
    }

    fn visit_var_decl(&mut self, declaration: &VarDecl) {
        for one in &declaration.decls {
            one.visit_with(self);
            if let (VarDeclKind::Const, Pat::Ident(name), Some(value)) = (declaration.kind, &one.name, &one.init) {
                let length = self.value(value);
                at_least(&mut self.constants, &name.id.sym, length);
            }
        }
    }

    fn visit_ts_enum_decl(&mut self, declaration: &TsEnumDecl) {
        for member in &declaration.members {
            let length = member.init.as_ref().map_or(NUMBER, |value| {
                value.visit_with(self);
                self.value(value)
            });
            let name = match &member.id {
                TsEnumMemberId::Ident(name) => name.sym.to_string(),
                TsEnumMemberId::Str(name) => name.value.to_string_lossy().into_owned(),
            };
            at_least(&mut self.members, &name, length);
            if declaration.is_const {
                at_least(&mut self.replaced, &name, length);
            }
        }
    }
}
