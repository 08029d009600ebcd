//! What core makes of modules that are no JavaScript, and of `import.meta`.

use std::rc::Rc;

use std::time::Duration;

use isolate_core::{
    Context, EvalOptions, HostError, Interrupter, ModuleLoader, ModuleSource, ModuleType, Termination, Value,
};
use isolate_test_utils::{create_test_context, engine_test, eval_code};

struct Files;

impl ModuleLoader for Files {
    fn resolve(&self, specifier: &str, referrer: &str) -> Result<String, HostError> {
        match specifier {
            "bare" => Err(HostError::type_error(format!("{referrer} wants {specifier}"))),
            _ => Ok(format!("/{}", specifier.trim_start_matches("./").trim_start_matches('/'))),
        }
    }

    fn load(&self, name: &str, kind: ModuleType) -> Result<ModuleSource, HostError> {
        Ok(match name {
            "/data.json" => r#"{ "a": [1, { "__proto__": 2 }] }"#.into(),
            "/bad.json" => "{ a: 1 }".into(),
            "/blob.bin" => ModuleSource::Bytes(vec![0xef, 0xbb, 0xbf, 0xff, b'x'].into()),
            "/lib.mjs" if kind == ModuleType::JavaScript => "export const url = import.meta.url".into(),
            "/lib.mjs" => "not what is run".into(),
            _ if name.starts_with("/lib.mjs?") => "export default import.meta.url".into(),
            "/bytes.mjs" => ModuleSource::Bytes("\u{feff}export default 'ä'".into()),
            _ => return Err(HostError::error(format!("there is no {name}"))),
        })
    }

    fn meta(&self, name: &str, _is_main: bool) -> Result<Vec<(&'static str, Value)>, HostError> {
        Ok(vec![("url", format!("file://{name}").into()), ("mine", 7.into())])
    }
}

async fn run(ctx: &Context, source: &str) -> Result<Value, isolate_core::Error> {
    ctx.eval(source, EvalOptions::new().filename("/main.mjs").module()).await
}

engine_test!(
    async fn json_text_and_bytes(engine) {
        let ctx = create_test_context(engine);
        ctx.set_module_loader(Rc::new(Files));
        run(&ctx, r"
            import data from './data.json' with { type: 'json' };
            import again from 'data.json' with { type: 'json' };
            import text from './blob.bin' with { type: 'text' };
            import bytes from './blob.bin' with { type: 'bytes' };
            import source from './lib.mjs' with { type: 'text' };
            import { url } from './lib.mjs';
            import umlaut from './bytes.mjs';
            const all = await import('./data.json', { with: { type: 'json' } });
            const why = (promise) => promise.then(() => 'none', (e) => e.name);
            globalThis.out = [JSON.stringify(data), data === again && data === all.default, Object.keys(all).join(),
                Object.hasOwn(data.a[1], '__proto__'), text === '\ufffdx', bytes instanceof Uint8Array, [...bytes].join('.'),
                source, url, umlaut, await why(import('./bad.json', { with: { type: 'json' } })), await why(import('./data.json'))];
        ").await.unwrap();
        assert_eq!(
            eval_code::<String>(&ctx, "out.join(' ')"),
            "{\"a\":[1,{\"__proto__\":2}]} true default true true true 239.187.191.255.120 not what is run file:///lib.mjs ä \
             SyntaxError SyntaxError"
        );
    }
);

engine_test!(
    async fn what_a_module_knows_of_itself(engine) {
        let ctx = create_test_context(engine);
        ctx.set_module_loader(Rc::new(Files));
        run(&ctx, r"
            const { url, main, mine, resolve } = import.meta;
            const why = (f) => { try { return f(); } catch (e) { return e.name + ': ' + e.message; } };
            globalThis.out = [url, main, mine, resolve('./lib.mjs'), why(() => resolve('bare')), why(() => resolve(Symbol())),
                Object.keys(import.meta).sort().join()];
        ").await.unwrap();
        let told = eval_code::<String>(&ctx, "out.join(' ')");
        let expected = "file:///main.mjs true 7 file:///lib.mjs TypeError: /main.mjs wants bare TypeError: ";
        assert!(told.starts_with(expected) && told.ends_with(" main,mine,resolve,url"), "{told}");
    }
);

engine_test!(
    async fn patched_builtins_change_no_module(engine) {
        let ctx = create_test_context(engine);
        ctx.set_module_loader(Rc::new(Files));
        run(&ctx, r"
            const bad = () => { throw 'patched'; };
            JSON.parse = SyntaxError = Object.defineProperty = bad;
            Object.defineProperty;
            Object.prototype.type = 'json';
            const { default: data } = await import('./data.json', { with: { type: 'json' } });
            const { url } = await import('./lib.mjs', { with: {} });
            delete Object.prototype.type;
            globalThis.out = [data.a[0], url, import.meta.url];
        ").await.unwrap();
        assert_eq!(eval_code::<String>(&ctx, "out.join(' ')"), "1 file:///lib.mjs file:///main.mjs");
    }
);

/// Ends its guest while it answers.
struct Ends(Interrupter, &'static str);

impl ModuleLoader for Ends {
    fn resolve(&self, specifier: &str, _referrer: &str) -> Result<String, HostError> {
        if self.1 == "resolve" {
            self.end();
        }
        Ok(specifier.to_owned())
    }

    fn load(&self, name: &str, kind: ModuleType) -> Result<ModuleSource, HostError> {
        if self.1 == "load" {
            self.end();
        }
        Ok(match name {
            "inner" => "export default 1".into(),
            _ if kind == ModuleType::Json => "1".into(),
            _ => "import 'inner'; export default import.meta".into(),
        })
    }

    fn meta(&self, _name: &str, is_main: bool) -> Result<Vec<(&'static str, Value)>, HostError> {
        if self.1 == "meta" && !is_main {
            self.end();
        }
        Ok(Vec::new())
    }
}

impl Ends {
    fn end(&self) {
        self.0.terminate(Termination::Deadline);
        // As long as a slow disk might take, and the watchdog needs to see it.
        std::thread::sleep(Duration::from_millis(30));
    }
}

engine_test!(
    async fn a_stop_while_a_module_is_loaded_ends_the_guest_and_nothing_else(engine) {
        for when in ["resolve", "load", "meta"] {
            for code in ["import 'a'", "await import('a')", "await import('a', { with: { type: 'json' } })"] {
                let ctx = create_test_context(engine);
                ctx.set_module_loader(Rc::new(Ends(ctx.interrupter(), when)));
                let result = run(&ctx, code).await;
                let asked = when != "meta" || !code.contains("json");
                let expected = asked.then_some(Termination::Deadline);
                assert_eq!(result.as_ref().err().and_then(|e| e.terminated()), expected, "{when} {code}: {result:?}");
            }
        }
    }
);

engine_test!(
    async fn a_stop_at_any_moment_of_an_import_ends_the_guest_and_nothing_else(engine) {
        for delay in 0..60 {
            let ctx = create_test_context(engine);
            ctx.set_module_loader(Rc::new(Files));
            let stop = ctx.interrupter();
            let stopping = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_micros(delay * 50));
                stop.terminate(Termination::Cancelled);
            });
            let code = "for (let i = 0; ; i++) await import('/lib.mjs?' + i).catch(() => {})";
            let result = run(&ctx, code).await;
            assert_eq!(result.unwrap_err().terminated(), Some(Termination::Cancelled));
            stopping.join().unwrap();
        }
    }
);
