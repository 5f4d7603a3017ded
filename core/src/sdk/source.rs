//! What the text of a file tells before it runs: where its functions are and what they take.
//!
//! A function is recorded by the position of its `def` or `lambda` keyword. The interpreter does
//! not tell that position, so it is read off the syntax tree.

use starlark::codemap::{CodeMap, Span};
use starlark::syntax::ast::{AstExpr, AstStmt, DefP, Expr, LambdaP, ParameterP, Stmt};
use starlark::syntax::{AstModule, Dialect, DialectTypes};

use super::nesting;
use crate::order::Order as _;

/// The dialect of `*.ocu.star` files.
pub(super) fn dialect() -> Dialect {
    Dialect {
        enable_keyword_only_arguments: true,
        enable_positional_only_arguments: true,
        enable_types: DialectTypes::ParseOnly,
        enable_load_reexport: true,
        enable_top_level_stmt: true,
        enable_f_strings: true,
        ..Dialect::Standard
    }
}

/// Parses a file. Positions in errors name it `path`.
///
/// # Errors
/// A syntax error, or syntax that nests too deeply.
pub(super) fn parse(path: &str, text: &str) -> starlark::Result<AstModule> {
    if let Some(offset) = nesting::too_deep(text) {
        let codemap = CodeMap::new(path.to_owned(), text.to_owned());
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let span = Span::new(
            starlark::codemap::Pos::new(offset),
            starlark::codemap::Pos::new(offset.saturating_add(1)),
        );
        let kind = starlark::ErrorKind::Parser(TooDeep.into());
        return Err(starlark::Error::new_spanned(kind, span, &codemap));
    }
    // Windows line ends and a byte order mark are an editor's doing, not the author's.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    AstModule::parse(path, text.to_owned(), &dialect())
}

#[derive(Debug, thiserror::Error)]
#[error("this nests too deeply: too many brackets, operators, blocks or branches within each other")]
struct TooDeep;

/// A `def` or a `lambda` in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// The name after `def`, or `lambda`.
    pub(super) name: String,
    /// Line of the keyword, from 1.
    pub(super) line: usize,
    /// Column of the keyword, from 1.
    pub(super) column: usize,
    /// What it takes.
    pub(super) parameters: Vec<Parameter>,
    is_lambda: bool,
    begin: u32,
    end: u32,
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    /// Its name.
    pub(super) name: String,
    /// How it takes arguments.
    pub(super) kind: ParameterKind,
}

/// How a parameter takes arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ParameterKind {
    /// One argument that must be given.
    Required,
    /// One argument that has a default.
    Optional,
    /// `*args`.
    Positional,
    /// `**kwargs`.
    Keywords,
}

/// All functions of a file, in file order.
#[derive(Clone, Debug, Default)]
pub(super) struct Sites {
    sites: Vec<Site>,
}

impl Sites {
    /// Reads them off the syntax tree.
    pub(super) fn of(module: &AstModule) -> Sites {
        let mut found = Sites::default();
        found.statement(module, module.statement());
        module.statement().visit_expr(|expr| found.expression(module, expr));
        found.sites.order_by_key(|site| site.begin);
        found
    }

    /// The innermost function around a statement, with its index. A `def` is a statement of the
    /// function around it, not of itself; the only statement of a `lambda` is all of it.
    pub(super) fn around(&self, position: u32) -> Option<(usize, &Site)> {
        self.sites
            .iter()
            .enumerate()
            .filter(|(_, site)| {
                let from = if site.is_lambda { site.begin } else { site.begin + 1 };
                (from..site.end).contains(&position)
            })
            .min_by_key(|(_, site)| site.end - site.begin)
    }

    /// Those of that name.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Site> {
        self.sites.iter().filter(move |site| site.name == name)
    }

    fn statement(&mut self, module: &AstModule, statement: &AstStmt) {
        if let Stmt::Def(DefP { name, params, .. }) = &statement.node {
            let parameters = params.iter().filter_map(|parameter| read(&parameter.node)).collect();
            self.add(module, Some(&name.node.ident), statement.span, parameters);
        }
        statement.visit_stmt(|inner| self.statement(module, inner));
    }

    fn expression(&mut self, module: &AstModule, expression: &AstExpr) {
        if let Expr::Lambda(LambdaP { params, .. }) = &expression.node {
            let parameters = params.iter().filter_map(|parameter| read(&parameter.node)).collect();
            self.add(module, None, expression.span, parameters);
        }
        expression.visit_expr(|inner| self.expression(module, inner));
    }

    fn add(&mut self, module: &AstModule, name: Option<&str>, span: Span, parameters: Vec<Parameter>) {
        let begin = module.file_span(span).resolve_span().begin;
        self.sites.push(Site {
            name: name.unwrap_or("lambda").to_owned(),
            is_lambda: name.is_none(),
            line: begin.line + 1,
            column: begin.column + 1,
            parameters,
            begin: span.begin().get(),
            end: span.end().get(),
        });
    }
}

fn read<P: starlark::syntax::ast::AstPayload>(parameter: &ParameterP<P>) -> Option<Parameter> {
    let kind = match parameter {
        ParameterP::Normal(_, _, None) => ParameterKind::Required,
        ParameterP::Normal(_, _, Some(_)) => ParameterKind::Optional,
        ParameterP::Args(..) => ParameterKind::Positional,
        ParameterP::KwArgs(..) => ParameterKind::Keywords,
        ParameterP::NoArgs | ParameterP::Slash => return None,
    };
    Some(Parameter { name: parameter.ident()?.node.ident.clone(), kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_where_their_keyword_stands() {
        let text = "x = 1\ndef outer(a, b=2, *c, **d):\n    def inner(): return lambda z: z\n    return inner\n\
                    f = [lambda: 1, lambda y=1: 2]\n";
        let sites = Sites::of(&parse("a.star", text).unwrap());
        let found: Vec<_> = sites
            .sites
            .iter()
            .map(|site| format!("{}:{}:{} {:?}", site.name, site.line, site.column, site.parameters.len()))
            .collect();
        assert_eq!(found, ["outer:2:1 4", "inner:3:5 0", "lambda:3:25 1", "lambda:5:6 0", "lambda:5:17 1"]);
        let lambda = u32::try_from(text.find("lambda: 1").unwrap()).unwrap();
        assert_eq!(sites.around(lambda).unwrap().1.column, 6);
        let at = |needle: &str| sites.around(u32::try_from(text.find(needle).unwrap()).unwrap());
        assert_eq!(at("return inner").unwrap().1.name, "outer");
        assert_eq!(at("return lambda").unwrap().1.name, "inner");
        assert_eq!(at("def inner").unwrap().1.name, "outer");
        assert!(at("def outer").is_none());
        assert!(at("x = 1").is_none());
    }
}
