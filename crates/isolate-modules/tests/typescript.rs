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
fn what_is_more_than_types_is_refused_with_its_place() {
    for (source, at, says) in [
        ("let a = 1;\nenum E { A }", "(2:1)", "enum"),
        ("namespace N { export const a = 1 }", "(1:1)", "namespace"),
        ("class A { constructor(private x: number) {} }", "(1:31)", "parameter property"),
        ("import fs = require('fs')", "(1:1)", "import equals"),
        ("let a = <string>b", "(1:9)", "angle-bracket"),
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
];

#[test]
fn hostile_sources_neither_end_the_process_nor_keep_it_busy() {
    let options = StripOptions::new().timeout(Duration::from_secs(120));
    for (before, part, middle, after) in HOSTILE {
        for times in [7, 14, 33, 100, 240, 490, 1900, 9000, 100_000] {
            let source = format!("{before}{}{middle}{}", part.repeat(times), after.repeat(times));
            if let Err(e) = strip_types(&source, &options) {
                assert!(!e.message().contains("takes longer"), "{before}{part}: {e}");
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
            .file("/enum.ts", "let a = 1;\n  export enum E { A }")
            .file("/throws.ts", "interface I {\n}\nconst f = (n: number): never => { throw new Error('' + n) };\nf(5);");
        ctx.set_module_loader(Rc::new(FileModules::new(files).typescript()));
        run(&ctx, "/main.mjs", "import { a } from './c.mjs'; globalThis.a = a").await.unwrap();
        assert_eq!(eval_code::<i32>(&ctx, "a"), 2);
        run(&ctx, "/2.mjs", "globalThis.e = await import('./enum.ts').catch(e => e.name + ': ' + e.message)").await.unwrap();
        assert_eq!(
            eval_code::<String>(&ctx, "e"),
            "SyntaxError: cannot import /enum.ts: TypeScript enum is not supported in strip-only mode (/enum.ts:2:10)"
        );
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
