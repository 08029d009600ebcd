//! Modules: loading, import attributes, `import.meta`, and modules of glue's values.

use std::rc::Rc;

use super::{context, eval};
use crate::{
    Engine, EngineContext, Failure, Glue, HostError, HostFunction, ModuleLoader, ModuleSource, ModuleType,
    PromiseState, Script, Value,
};

struct Files(Option<crate::Function>);
impl ModuleLoader for Files {
    fn resolve(&self, specifier: &str, referrer: &str) -> Result<String, HostError> {
        match specifier {
            "missing" => Err(HostError::type_error(format!("{referrer} wants what is not there"))),
            s => Ok(s.trim_start_matches("./").to_owned()),
        }
    }
    fn meta(&self, name: &str, is_main: bool) -> Result<Vec<(&'static str, Value)>, HostError> {
        match name {
            "meta-fails.mjs" => Err(HostError::range_error("no meta")),
            _ => Ok(vec![("url", name.into()), ("main", is_main.into())]),
        }
    }
    fn load(&self, name: &str, kind: ModuleType) -> Result<ModuleSource, HostError> {
        let text = |text: &str| Ok(text.into());
        match name {
            "typed" => Ok(format!("export default {:?}", kind.as_str()).into()),
            "meta.mjs" => text("export const meta = import.meta"),
            "meta-fails.mjs" => text("export const url = import.meta.url"),
            "native" => Ok(ModuleSource::Exports(self.0.clone().ok_or_else(|| HostError::error("none"))?)),
            "a.mjs" => text("import { b } from './b.mjs'; export const a = b + 1; export default 'A'"),
            "b.mjs" => text("globalThis.loads = (globalThis.loads ?? 0) + 1; export const b = 1"),
            "broken.mjs" => text("export let 1"),
            _ => Err(HostError::error("no such file")),
        }
    }
}

/// Evaluates a module, and gives what became of its promise.
fn run(cx: &dyn EngineContext, source: &str) -> Result<PromiseState, Failure> {
    let p = cx.evaluate_module(&Script::new(source, "main.mjs"));
    cx.run_microtasks()?;
    cx.promise_state(&p?)
}

pub(super) fn modules(engine: &dyn Engine) {
    let cx = context(engine);
    let failed = match run(&*cx, "import './a.mjs'") {
        Err(Failure::Threw(e)) => *e,
        Ok(PromiseState::Rejected(e)) => *e,
        other => panic!("without a loader an import fails, got {other:?}"),
    };
    assert_eq!(failed.name, "TypeError");
    let cx = context(engine);
    cx.set_module_loader(Rc::new(Files(None)));
    let source = "import A, { a } from './a.mjs'; import './b.mjs';
        const again = await import('./b.mjs');
        globalThis.result = [A, a, again.b, loads, this === undefined]";
    assert!(matches!(run(&*cx, source).unwrap(), PromiseState::Fulfilled(_)));
    assert_eq!(eval(&*cx, "result").unwrap(), vec![Value::from("A"), 2.into(), 1.into(), 1.into(), true.into()].into());
    let source = "const names = [];
        for (const s of ['missing', 'gone', './broken.mjs']) await import(s).catch(e => names.push(e.name));
        globalThis.names = names";
    assert!(matches!(run(&*cx, source).unwrap(), PromiseState::Fulfilled(_)));
    assert_eq!(eval(&*cx, "names").unwrap(), vec!["TypeError", "Error", "SyntaxError"].into());
    assert!(
        matches!(run(&*cx, "throw new RangeError('top')").unwrap(), PromiseState::Rejected(e) if e.message == "top")
    );
    assert!(matches!(run(&*cx, "let 1"), Err(Failure::Threw(e)) if e.early));
}

pub(super) fn import_attributes(engine: &dyn Engine) {
    let cx = context(engine);
    cx.set_module_loader(Rc::new(Files(None)));
    let run = |source: &str| run(&*cx, source);
    // One module for each type, however it is imported.
    let source = "import plain from 'typed'; import json from 'typed' with { type: 'json' };
        import text from 'typed' with { 'type': 'text' };
        const { default: bytes } = await import('typed', { with: { type: 'bytes' } });
        const one = await import('typed', { with: { type: 'json' } }), other = await import('typed', { with: { type: 'json' } });
        globalThis.types = [plain, json, text, bytes, one === other]";
    assert!(matches!(run(source).unwrap(), PromiseState::Fulfilled(_)));
    let types: Vec<Value> = vec!["".into(), "json".into(), "text".into(), "bytes".into(), true.into()];
    assert_eq!(eval(&*cx, "types").unwrap(), types.into());
    let source = "const names = [];
        const tries = [{ type: 'css' }, { lang: 'en' }, { type: 'json', lang: 'en' }, { type: '' }];
        for (const t of tries) await import('typed', { with: t }).catch(e => names.push(e.name));
        globalThis.names = names";
    assert!(matches!(run(source).unwrap(), PromiseState::Fulfilled(_)));
    assert_eq!(eval(&*cx, "names").unwrap(), vec!["TypeError"; 4].into());
    let failed = |r: Result<PromiseState, Failure>| match r {
        Err(Failure::Threw(e)) | Ok(PromiseState::Rejected(e)) => e.name,
        other => panic!("{other:?}"),
    };
    assert_eq!(failed(run("import x from 'typed' with { type: 'css' }")), "TypeError");
    assert_eq!(failed(run("import x from 'typed' with { lang: 'en' }")), "TypeError");
}

pub(super) fn import_meta(engine: &dyn Engine) {
    let cx = context(engine);
    cx.set_module_loader(Rc::new(Files(None)));
    let run = |source: &str| run(&*cx, source);
    let source = "import { meta } from './meta.mjs';
        const again = (await import('./meta.mjs')).meta;
        const d = Object.getOwnPropertyDescriptor(import.meta, 'url');
        globalThis.result = [import.meta.url, import.meta.main, meta.url, meta.main, meta === again, import.meta === import.meta,
            Object.getPrototypeOf(meta) === null, d.writable && d.enumerable && d.configurable]";
    assert!(matches!(run(source).unwrap(), PromiseState::Fulfilled(_)));
    let expected: Vec<Value> = vec![
        "main.mjs".into(),
        true.into(),
        "meta.mjs".into(),
        false.into(),
        true.into(),
        true.into(),
        true.into(),
        true.into(),
    ];
    assert_eq!(eval(&*cx, "result").unwrap(), expected.into());
    match run("await import('./meta-fails.mjs')") {
        Ok(PromiseState::Rejected(e)) => assert_eq!((e.name.as_str(), e.message.as_str()), ("RangeError", "no meta")),
        other => panic!("{other:?}"),
    }
}

pub(super) fn native_modules(engine: &dyn Engine) {
    static GLUE: Glue = Glue::new(
        "conformance:native",
        "(function () {
            let calls = 0;
            return () => ({ __proto__: null, default: ++calls, f: () => calls, 'a name': 7 });
        })",
    );
    let cx = context(engine);
    let Value::Function(exports) = cx.install(&GLUE, vec![]).unwrap() else { panic!("no function") };
    cx.set_module_loader(Rc::new(Files(Some(exports))));
    let run = |source: &str| {
        let p = cx.evaluate_module(&Script::new(source, "main.mjs")).unwrap();
        cx.run_microtasks().unwrap();
        cx.promise_state(&p).unwrap()
    };
    let source = "import first, { f, 'a name' as seven } from 'native'; import * as all from 'native';
        const again = await import('native');
        globalThis.result = [first, f(), seven, Object.keys(all).join(), again === all, again.f === f]";
    assert!(matches!(run(source), PromiseState::Fulfilled(_)));
    let expected = vec![Value::from(1), 1.into(), 7.into(), "a name,default,f".into(), true.into(), true.into()];
    assert_eq!(eval(&*cx, "result").unwrap(), expected.into());
    // A realm whose builtins are patched, and a module that was imported by no other before.
    let cx2 = context(engine);
    let Value::Function(exports) = cx2.install(&GLUE, vec![]).unwrap() else { panic!("no function") };
    cx2.set_module_loader(Rc::new(Files(Some(exports))));
    eval(&*cx2, "Object.prototype.then = Object.keys = Promise = undefined; 0").unwrap();
    eval(&*cx2, "globalThis.got = 0; import('native').then((all) => { got = all.default; }); 0").unwrap();
    cx2.run_microtasks().unwrap();
    assert_eq!(eval(&*cx2, "got").unwrap(), 1.into());
    // What the glue throws fails the import.
    static BAD: Glue = Glue::new("conformance:bad", "(function () { return () => { throw new RangeError('no') }; })");
    let cx3 = context(engine);
    let Value::Function(exports) = cx3.install(&BAD, vec![]).unwrap() else { panic!("no function") };
    cx3.set_module_loader(Rc::new(Files(Some(exports))));
    eval(&*cx3, "globalThis.got = 0; import('native').catch((e) => { got = e.name + e.message; }); 0").unwrap();
    cx3.run_microtasks().unwrap();
    assert_eq!(eval(&*cx3, "got").unwrap(), "RangeErrorno".into());
}

/// A host function evaluates a module, however little of the stack the guest has left.
pub(super) fn at_any_depth(engine: &dyn Engine) {
    let cx = context(engine);
    let evaluate = HostFunction::new("evaluate", |cx, _| {
        let module = Script::new("evaluated++; export default [1].map((x) => x)", "deep.mjs");
        cx.evaluate_module(&module).map_err(HostError::from)?;
        Ok(Value::Undefined)
    });
    let evaluate = cx.new_function(evaluate).unwrap();
    let source = "globalThis.evaluated = 0; (evaluate) => {
            let left = 100;
            const odd = [];
            const down = () => {
                try { down(); } catch {}
                if (left > 0) {
                    left--;
                    try { evaluate(); } catch (e) { if (e.name !== 'RangeError') odd.push(String(e)); }
                }
            };
            down();
            evaluate();
            return odd.join();
        }";
    let Value::Function(guest) = eval(&*cx, source).unwrap() else { panic!("no function") };
    assert_eq!(cx.call(&guest, vec![evaluate.into()]).unwrap(), "".into());
    let evaluated = eval(&*cx, "evaluated").unwrap().as_f64().unwrap();
    assert!((1.0..=101.0).contains(&evaluated), "{evaluated} evaluations");
    assert!(matches!(run(&*cx, "evaluated = 'again'").unwrap(), PromiseState::Fulfilled(_)));
    assert_eq!(eval(&*cx, "evaluated").unwrap(), "again".into());
}
