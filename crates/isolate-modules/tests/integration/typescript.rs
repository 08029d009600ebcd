//! TypeScript, kind and hostile.

use std::rc::Rc;
use std::time::Duration;

use isolate_core::{Context, ErrorClass, EvalOptions, ModuleLoader, ModuleType, Value};
use isolate_modules::{FileModules, StripErrorKind, StripOptions, VirtualFiles, strip_types};
use isolate_test_utils::{create_test_context, engine_test, eval_code};

fn strip(source: &str) -> Result<String, (StripErrorKind, String)> {
    strip_types(source, &StripOptions::new()).map_err(|e| (e.kind(), e.to_string()))
}

async fn run(ctx: &Context, name: &str, source: &str) -> Result<Value, isolate_core::Error> {
    ctx.eval(source, EvalOptions::new().filename(name).module()).await
}

#[test]
fn types_become_blanks() {
    for (source, code) in [
        ("let a: number = 1, b!: string;", "let a         = 1, b         ;"),
        ("const f = <T,>(x: T): x is T & {} => x as never;", "const f =     (x   )              => x         ;"),
        (
            "import type { A } from './a.ts'; import { type B, c } from './b.ts';",
            "                                 import {         c } from './b.ts';",
        ),
        ("export type { A }; export interface I { a: 1 }\nx", "                   ;                           \nx"),
        ("declare const a: 1; declare module 'x' { }\na", "                   ;                       \na"),
        (
            "abstract class A<T> { private x?: T; declare y: T; abstract z(): T }",
            "         class A    {         x    ;             ;                 }",
        ),
        ("f<string>(a!, <never>(b) => 1)", "f        (a ,        (b) => 1)"),
    ] {
        let stripped = strip(source).unwrap();
        assert_eq!(stripped.len(), source.len(), "{source}");
        // Semicolons that keep lines apart may stand where a type was.
        let plain = |s: &str| s.replace([' ', ';'], "");
        assert_eq!(plain(&stripped), plain(code), "{source}\n{stripped}");
    }
}

#[test]
fn what_is_refused_has_its_place() {
    for (source, at, says) in [
        ("let a = 1;\nenum E { A }", "(2:1)", "enum"),
        ("namespace N { export const a = 1 }", "(1:1)", "namespace"),
        ("class A { constructor(private x: number) {} }", "(1:31)", "parameter property"),
        ("import fs = require('fs')", "(1:1)", "import equals"),
        ("let a = <string>b", "(1:9)", "angle-bracket"),
    ] {
        let error = strip_types(source, &StripOptions::new().strip_only(true)).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.kind(), StripErrorKind::Unsupported, "{message}");
        assert!(message.ends_with(at) && message.contains(says), "{message}");
    }
    for (source, at, says) in [
        ("let a = 1;\nimport fs = require('fs')", "(2:1)", "Import assignment"),
        ("let a = 1;\n  export = a", "(2:3)", "Export assignment"),
    ] {
        let (kind, message) = strip(source).unwrap_err();
        assert_eq!(kind, StripErrorKind::Unsupported, "{message}");
        assert!(message.ends_with(at) && message.contains(says), "{message}");
    }
    // Lines end in several ways, and columns are those of JavaScript.
    for (source, at) in [
        ("let a: = 1", (1, 8)),
        ("\r\n\n'😀é'; let a: = 1", (3, 15)),
        ("let s = 'a", (1, 9)),
        ("/* no end", (1, 1)),
        ("f(]", (1, 3)),
        ("a = `${b", (1, 9)),
    ] {
        let error = strip_types(source, &StripOptions::new()).unwrap_err();
        assert_eq!(
            (error.kind(), error.line(), error.column()),
            (StripErrorKind::Syntax, Some(at.0), Some(at.1)),
            "{source:?}: {error}"
        );
    }
}

/// Every name that ends in `_` stands once in each of these, outside of what becomes something else.
const MORE: &[&str] = &[
    "#!/usr/bin/env isolate\nenum E { A,\n  B = f_(), /* no */ C = g_ } // no\nh_();",
    "namespace N {\n  const a: number = f_(\n    <any>1);\n  export namespace M { export function g() { g_() } }\n}\nh_()",
    "class A {\n  x: string = f_(`a\n  ${ g_ } ${ {\n a: h_ }.a}`);\n  constructor(private y: number,\n\n readonly z = i_) { j_(/[ /]\\/ /) }\n}",
    "let x = <any>'😀é\u{2028}' + f_ + \"\\\n\" + g_;\r\n\r\n\u{2029}h_();\rlet y = i_",
    "const f = async <T>(\n  a_: T,\n): Promise<\n  T\n> => { return (\n b_ as\n T) };enum E {}",
    "if (a_) b_; else for (;;) { do { c_; continue } while (d_) } try { e_ } catch { f_ } switch (g_) { case h_: i_ }enum E {}",
    "class A { #p_ = 1; static { b_ }\n get c_() { return #q_ in this }\n static async *[d_]() { yield e_\n yield* f_ } }enum E {}",
    "x = a_ ? b_ : (c_, d_) ?? e_ ** f_; y = g_?.h_?.[i_]!; z = { j_, k_() {}, get l_() { return }, ...m_ }; enum E {}",
    "import n, { type T, a_ as b_ } from 'c'; export { d_ as default }; export * as e_ from 'f' with { type: 'json' };enum E {}",
    "await a_; b_; using c_ = d_; await using e_ = f_; yield_ = async <\n T\n>(g_) => h_; enum E {}",
    "l_: {\n break l_ }\nthrow <any>f_\n++g_; h_\n++\ni_\nenum E {}",
];

#[test]
fn what_is_more_than_types_leaves_the_rest_where_it_was() {
    let names = |source: &str| {
        let mut found = Vec::new();
        let (mut line, mut column, mut name) = (1, 0, String::new());
        for c in source.chars() {
            column += c.len_utf16();
            if c.is_alphanumeric() || c == '#' || c == '_' {
                name.push(c);
                if c == '_' {
                    found.push((std::mem::take(&mut name), line, column));
                }
            } else {
                name.clear();
            }
            // CR LF is counted at its end, in what is made of it too.
            if matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}') {
                (line, column) = (line + 1, 0);
            }
        }
        found
    };
    for source in MORE {
        let code = strip(source).unwrap_or_else(|(_, e)| panic!("{source}\n{e}"));
        // It is JavaScript: types are not found in it.
        assert_eq!(strip(&code), Ok(code.clone()), "{source}");
        let lines =
            |found: Vec<(String, usize, usize)>| found.into_iter().map(|(n, line, _)| (n, line)).collect::<Vec<_>>();
        assert_eq!(lines(names(&code)), lines(names(&source.replace("\r\n", "\n"))), "{source}\n{code}");
    }
    // Columns too, where nothing was put in before on the same line.
    let source = "enum E { A }\nclass A { constructor(private x: string = f_()) {} }\n  <any>g_; let é: string = '😀', a = h_ as any, \t b = i_";
    let code = strip(source).unwrap();
    assert_eq!(names(&code)[1..], names(source)[1..], "{code}");
}

#[test]
fn slashes_are_told_apart() {
    for source in [
        "a = b / c / d; e = (f) / 2 / g(h)",
        "if (a) /[(]/.test(b); while (c) /\"/.test(d)",
        "const r = /[/\\]'`({[]/g, s = x.map(/(/).y / 2",
        "function f() {}\n/a[bc]/.test(d)",
        "return_ = { a: 1 } / 2; x = [1] / 2; y = `a` / 2; z = 'a' / 2",
        "x = a! / 2; y = i++ / 2; z = typeof /'/",
        "type A = B\n/a/.test(c)",
        "let a = (await b) / 2, c = await (b) / 2 / (d)",
        "f(`${a / 2}/${`'${/}/.source}`}`) // '",
        "do x(); while (a) /'/.test(b)",
        "a.return / 2 / b.if(1) / 2",
        "f(a ? b : /[(]/, { c: /'/ }); g(/`/)",
    ] {
        assert_eq!(strip(source).map(|code| code.len()), Ok(source.len()), "{source}");
    }
    let (_, message) = strip("function f() {}\n/'\"/.test(a) / b").unwrap_err();
    assert!(message.contains("parentheses"), "{message}");
}

/// As the parser can be driven down its stack, or to try things over and over. Each is a beginning, what is repeated, a
/// middle, and what is repeated to close it.
const HOSTILE: &[(&str, &str, &str, &str)] = &[
    ("", "(", "1", ")"),
    ("", "(", "", ""),
    ("", "[", "", "]"),
    ("", "{", "", "}"),
    ("x=", "{a:", "1", "}"),
    ("let ", "{a:", "b", "}"),
    ("", "class A{a=class{b(){", "", "}}}"),
    ("", "class A{static{", "", "}}"),
    ("x=", "class extends ", "A", "{}"),
    ("", "function f(){", "", "}"),
    ("x=", "function(a=", "1", "){}"),
    ("x=", "(a=", "1", ")=>1"),
    ("x=", "(a=", "", ""),
    ("", "`${", "1", "}`"),
    ("type X=", "`${", "1", "}`"),
    ("", "!", "1", ""),
    ("", "- ", "1", ""),
    ("", "typeof ", "1", ""),
    ("", "new ", "A", ""),
    ("", "a=", "1", ""),
    ("", "a**", "1", ""),
    ("", "a+", "1", ""),
    ("", "a?b:", "1", ""),
    ("", "a?", "1", ":1"),
    ("", "a?(b):c=>", "1", ""),
    ("", "a?(b)=>(", "1", "):c=>d"),
    ("", "(a?(b):c=>", "1", ")"),
    ("", "a=>", "1", ""),
    ("", "(a:b):c=>", "1", ""),
    ("", "a=>{", "", "}"),
    ("", "if(1)", "1", ""),
    ("", "if(1);else ", "1", ""),
    ("", "if(1){}else ", "1", ""),
    ("", "for(;;)", "1", ""),
    ("", "do ", "1;", "while(1);"),
    ("", "do ", "1,", "(a,{"),
    ("", "a:", "1", ""),
    ("", "try{", "", "}catch{}"),
    ("a", ".b", "", ""),
    ("a", "()", "", ""),
    ("a", "[1]", "", ""),
    ("", "a[", "1", "]"),
    ("a", "``", "", ""),
    ("a", "!", "", ""),
    ("a", " as A", "", ""),
    ("", "<A>", "a", ""),
    ("", "<A>(", "a", ")"),
    ("", "a<", "", ""),
    ("", "a<{b:", "1", ""),
    ("", "a<<1", "", ""),
    ("", "a<< 1+(", "1", ")"),
    ("", "a<<b>(", "1", ")=>1>()"),
    ("", "a<<1,", "b>()", ""),
    ("", "a<b>(", "!", ")"),
    ("let a:", "A<", "A", ">"),
    ("", "A<A,", "A", ">()"),
    ("", "f<typeof a<", "1", ">>()"),
    ("type X=", "A extends B?C:", "D", ""),
    ("type X=", "A extends B?", "D", ":1"),
    ("type X=", "A extends (", "D", ")?1:2"),
    ("type X=", "A extends infer U extends ", "D", ""),
    ("type X=A", "|A", "", ""),
    ("type X=", "keyof ", "A", ""),
    ("type X=A", "[]", "", ""),
    ("type X=", "(", "1", ")"),
    ("type X=", "[a:", "1", "]"),
    ("type X=", "{a:", "1", "}"),
    ("type X=", "{[a in b]:", "1", "}"),
    ("type X=", "(a:", "1", ")=>c"),
    ("type X=", "<T extends ", "1", ">()=>1"),
    ("type X=", "typeof a<(a:keyof aa=", "a:", ")"),
    ("", "import('a').a<b>(", "!", ")"),
    ("", "async <T>(", "!", ")"),
    ("", "{[a<", "typeof ", "]}"),
    ("", "{[<T>", "a!", "]}"),
    ("x=", "({[(a:", ";", ")]})a=>"),
    ("", "<T>{a:", "await ", "}a?b:"),
    ("x=", "a?b:<T>(a:/*//", "else ", ")"),
    ("async function f(){", "a?b:(a:b):c=><T>\n", "get a(){", "is "),
    ("let a:", "typeof \\/", "", ""),
    ("", "}\n/", "", ""),
    ("", "a}/(", "", ""),
    ("declare namespace a", ".b", "{}", ""),
    ("", "namespace a{", "", "}"),
    ("", "@(", "a", ")class A{}"),
    ("x=", "{get a(){return ", "1", "}}"),
    ("", "enum E{A=", "1", "}"),
    ("", "enum E{A=(()=>{", "", "})()}"),
    ("namespace a", ".b", "{export let c=1}", ""),
    ("", "namespace a{export let b=1;", "", "}"),
    ("", "class A{constructor(private a=", "1", "){}}"),
    ("x=", "class{constructor(private a=", "1", "){}}"),
    ("x=", "class extends f(", "1", "){}"),
    ("import a=", "b.", "c", ""),
    ("enum E{", "A,", "", "}"),
    ("enum E{A,", "B=A+", "A", "}"),
];

#[test]
fn hostile_sources_neither_end_the_process_nor_keep_it_busy() {
    let options = StripOptions::new().timeout(Duration::from_secs(120));
    for (before, part, middle, after) in HOSTILE {
        for times in [7, 14, 33, 100, 240, 490, 1900, 9000, 100_000] {
            let source = format!("{before}{}{middle}{}", part.repeat(times), after.repeat(times));
            // With something that is more than types behind it, more is done.
            for source in [format!("{source}\nenum E {{}}"), source] {
                if let Err(e) = strip_types(&source, &options) {
                    assert!(!e.message().contains("takes longer"), "{before}{part}: {e}");
                }
            }
        }
        // What is left when brackets are hidden, or not, by what is no code.
        for hidden in ["/*)*/", "')'", "/)/", "`)`", "\n//)\n", "`${')'}`"] {
            let source = format!("{before}{}", format!("{part}{hidden}").repeat(20_000));
            let _ = strip_types(&source, &options);
        }
    }
}

/// Sources put together by chance out of what the hostile ones are made of.
#[test]
fn sources_by_chance_do_not_either() {
    let parts: Vec<&str> = HOSTILE.iter().flat_map(|(a, b, c, d)| [*a, *b, *c, *d]).collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % n as u64) as usize
    };
    let options = StripOptions::new().timeout(Duration::from_secs(120));
    for _ in 0..3000 {
        let unit: String = (0..1 + below(5)).map(|_| parts[below(parts.len())]).collect();
        let closing: String =
            unit.chars().rev().filter_map(|c| "([{".find(c).and_then(|at| ")]}".get(at..=at))).collect();
        let times = [10, 14, 30, 100, 240, 480, 1600, 4900][below(8)];
        let (before, middle) = (parts[below(parts.len())], parts[below(parts.len())]);
        let source = format!("{before}{}{middle}{}", unit.repeat(times), closing.repeat(times));
        if let Err(e) = strip_types(&source, &options) {
            assert!(!e.message().contains("takes longer"), "{before:?} {unit:?} {times} {middle:?}: {e}");
        }
    }
}

#[test]
fn limits_hold() {
    let error = strip_types("let a: number", &StripOptions::new().max_bytes(5)).unwrap_err();
    assert_eq!((error.kind(), error.line()), (StripErrorKind::Limit, None));
    let long = "let a: number = 1;\n".repeat(20_000);
    let error = strip_types(&long, &StripOptions::new().timeout(Duration::ZERO)).unwrap_err();
    assert!(error.kind() == StripErrorKind::Limit && error.message().contains("takes longer"), "{error}");
    // Long is not deep.
    assert_eq!(strip_types(&long, &StripOptions::new().timeout(Duration::from_secs(120))).unwrap().len(), long.len());
    let list = format!("const a = [{}]", "{ a: 1, b: [2, `${3}`] },\n".repeat(20_000));
    assert!(strip(&list).is_ok());
    // Constants that double, or are put in many places.
    let doubled: String = (1..60).map(|i| format!("A{i} = A{0} + A{0},", i - 1)).collect();
    let parts: String = (1..60).map(|i| format!("A{i} = `${{E.A{0}}}${{A{0}}}`,", i - 1)).collect();
    let constants: String = (1..60).map(|i| format!("const a{i} = a{0} + a{0};", i - 1)).collect();
    let long = "a".repeat(100_000);
    for source in [
        format!("enum E {{ A0 = 'a', {doubled} }}"),
        format!("enum E {{ A0 = 'a', {parts} }}"),
        format!("const a0 = 'a'; {constants} enum E {{ A = a59 }}"),
        format!("const enum E {{ A = '{long}' }} f({})", "E.A, E['A'], ".repeat(1000)),
        format!("f({}); const enum E {{ A = '{long}' }}", "E.A, E[`A`], E?.A, ".repeat(1000)),
        format!("enum E {{ A = '{long}', B = ({}'') | 0 }}", "A + ".repeat(2000)),
    ] {
        let (kind, message) = strip(&source).unwrap_err();
        assert_eq!((kind, message.contains("too long")), (StripErrorKind::Limit, true), "{message}");
    }
    let flags: String =
        (1..200).map(|i| format!("A{i} = 1 << {} | A{1}, B{i} = B{1} | A{i} | ~B{1},", i % 30, i - 1)).collect();
    let strings: String = (1..200).map(|i| format!("A{i} = `${{A}}-{i}`, B{i} = A{i} + '!',")).collect();
    for source in [format!("enum E {{ A0, B0 = A0, {flags} }}"), format!("enum E {{ A = 'a', {strings} }}")] {
        assert_eq!(strip(&source).err(), None);
    }
    let lines = "a.b(c)\nif (d) { e() }\nelse f<G>(h => i)\n".repeat(5000);
    assert_eq!(strip(&lines).map(|s| s.len()), Ok(lines.len()));
}

engine_test!(
    async fn modules_in_typescript(engine) {
        let ctx = create_test_context(engine);
        let files = VirtualFiles::new()
            .file("/a.ts", "\u{feff}import { type T, b } from './b.mts';\nimport type { Gone } from './gone.ts';\nexport const a: T = b + 1;")
            .file("/b.mts", "export type T = number;\nexport const b: T = 1;")
            .file("/c.mjs", "export * from './a.ts'")
            .file("/more.ts", "export enum E { A, B = 4 }\nexport class P { constructor(readonly n: number) {} }\n\n  export const where = () => { throw new Error() };")
            .file("/not.ts", "let a = 1;\n  export = a;")
            .file("/throws.ts", "interface I {\n}\nconst f = (n: number): never => { throw new Error('' + n) };\nf(5);");
        ctx.set_module_loader(Rc::new(FileModules::new(files).typescript()));
        run(&ctx, "/main.mjs", "import { a } from './c.mjs'; globalThis.a = a").await.unwrap();
        assert_eq!(eval_code::<i32>(&ctx, "a"), 2);
        run(&ctx, "/more.mjs", "import { E, P, where } from './more.ts'; globalThis.a = [E.B, E[4], new P(3).n].join(); where()")
            .await
            .map_err(|e| e.exception().unwrap().location.clone().unwrap())
            .map_err(|place| assert_eq!((place.file.as_str(), place.line), ("/more.ts", 4)))
            .unwrap_err();
        assert_eq!(eval_code::<String>(&ctx, "a"), "4,B,3");
        run(&ctx, "/2.mjs", "globalThis.e = await import('./not.ts').catch(e => e.name + ': ' + e.message)").await.unwrap();
        let error = eval_code::<String>(&ctx, "e");
        assert!(error.starts_with("SyntaxError: cannot import /not.ts: Export assignment"), "{error}");
        assert!(error.ends_with("(/not.ts:2:3)"), "{error}");
        let error = run(&ctx, "/3.mjs", "import './throws.ts'").await.unwrap_err();
        let place = error.exception().unwrap().location.clone().unwrap();
        assert_eq!((place.file.as_str(), place.line), ("/throws.ts", 3));
        assert!(error.exception().unwrap().stack.contains("/throws.ts:4:"), "{error:?}");
    }
);

#[test]
fn files_that_are_not_for_it_say_why() {
    let files = || ["/a.ts", "/a.tsx", "/a.cts", "/a.jsx"].into_iter().map(|p| (p, "1")).collect::<VirtualFiles>();
    let message = |loader: &FileModules, name: &str| {
        loader.load(name, ModuleType::JavaScript).map(|_| ()).map_err(|e| e.message().to_owned())
    };
    let on = FileModules::new(files()).typescript();
    assert_eq!(message(&on, "/a.ts"), Ok(()));
    assert!(message(&on, "/a.tsx").unwrap_err().contains("JSX"));
    assert!(message(&on, "/a.cts").unwrap_err().contains("CommonJS"));
    assert!(message(&on, "/a.jsx").unwrap_err().contains("JSX"));
    assert!(message(&FileModules::new(files()), "/a.ts").unwrap_err().contains("not switched on"));
    let bad = FileModules::new(VirtualFiles::new().file("/a.ts", "let a:")).typescript();
    let error = bad.load("/a.ts", ModuleType::JavaScript).unwrap_err();
    assert_eq!(error.class(), ErrorClass::SyntaxError);
}

engine_test!(async fn from_typescript_the_name_of_what_is_compiled_will_do(engine) {
    let ctx = create_test_context(engine);
    let files = VirtualFiles::new()
        .file("/a.ts", "import { b } from './b.js'; import { c } from './c.mjs'; export const a: string = b + c;")
        .file("/b.ts", "export const b: string = 'b';")
        .file("/c.mts", "export const c = 'c' as string;")
        .file("/c.mjs", "export const c = 'the one that is there';")
        .file("/d.mjs", "import './b.js';");
    ctx.set_module_loader(Rc::new(FileModules::new(files).typescript()));
    run(&ctx, "main.mjs", "import { a } from './a.ts'; globalThis.a = a;").await.unwrap();
    assert_eq!(eval_code::<String>(&ctx, "a"), "bthe one that is there");
    // From JavaScript it will not.
    assert!(run(&ctx, "other.mjs", "import './d.mjs';").await.is_err());
});
