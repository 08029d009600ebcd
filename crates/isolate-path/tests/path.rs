//! `path`, on every engine. What it answers is compared with Node's own by `differential.mjs`; here is what surrounds that.

use std::rc::Rc;

use isolate_core::{Context, EvalOptions, HostError, ModuleLoader, ModuleSource, ModuleType};
use isolate_path::{PathHandle, PathOptions, setup_path};
use isolate_test_utils::{create_test_context, engine_test, eval_code, eval_code_async};

fn set_up(ctx: &Context) -> PathHandle {
    setup_path(ctx, PathOptions::new()).unwrap()
}

engine_test!(
    fn both_flavors(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx);
        let code = r"[
            path.join('/a', '..', 'b', './c.txt'), path.win32.join('C:\\a', '../b', 'c.txt'), path.relative('/a/b', '/a/c'),
            path.resolve('x', '..', 'y'), path.win32.resolve('c:/', 'y'), path.basename('/x/y.html', '.html'),
            JSON.stringify(path.parse('/home/x.tar.gz')), path.format({ dir: '/d', name: 'n', ext: 'e' }),
            path.matchesGlob('/src/a/b.js', '/src/**/*.{js,ts}'), path.posix === path, path.win32.posix === path,
        ].join(' ')";
        let expected = r#"/b/c.txt C:\b\c.txt ../c /y c:\y y {"root":"/","dir":"/home","base":"x.tar.gz","ext":".gz","name":"x.tar"} /d/n.e true true true"#;
        assert_eq!(eval_code::<String>(&ctx, code), expected);
    }
);

engine_test!(
    fn the_working_directory(engine) {
        let ctx = create_test_context(engine);
        let handle = setup_path(&ctx, PathOptions::new().working_directory("/work/here")).unwrap();
        let where_ = "[path.resolve('a'), path.resolve(), path.relative('', '/work'), path.win32.resolve('a')].join(' ')";
        assert_eq!(eval_code::<String>(&ctx, where_), r"/work/here/a /work/here .. \work\here\a");
        handle.set_working_directory("/").unwrap();
        assert_eq!(eval_code::<String>(&ctx, where_), r"/a / work \a");
        assert_eq!(handle.working_directory(), "/");
        assert!(handle.set_working_directory("relative").is_err());
        assert!(setup_path(&ctx, PathOptions::new().working_directory("")).is_err());
        // A second setup changes the directory of the path that is there.
        setup_path(&ctx, PathOptions::new().working_directory("/two")).unwrap();
        assert_eq!(handle.working_directory(), "/two");
    }
);

engine_test!(
    async fn imports(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx);
        let code = r"(async () => {
            const all = await Promise.all(['path', 'node:path', 'path/posix', 'node:path/posix'].map((name) => import(name)));
            const { default: win32, join } = await import('node:path/win32');
            return [
                new Set(all).size, all[0].default === path, all[0].join === path.join, all[0].sep, all[0].win32 === win32,
                win32 === path.win32, join('a', 'b'), Object.keys(all[0]).sort().join(), (await import('path/win32')).join === join,
                await import('fs').then(() => 'imported', (e) => e.name),
            ].join(' ');
        })()";
        let names = "_makeLong,basename,default,delimiter,dirname,extname,format,isAbsolute,join,matchesGlob,normalize,parse,\
                     posix,relative,resolve,sep,toNamespacedPath,win32";
        let expected = format!(r"1 true true / true true a\b {names} true TypeError");
        assert_eq!(eval_code_async::<String>(&ctx, code).await, expected);
    }
);

/// A loader that has one module, and one that wants to be `path`.
struct One;

impl ModuleLoader for One {
    fn resolve(&self, specifier: &str, _: &str) -> Result<String, HostError> {
        Ok(specifier.to_owned())
    }
    fn load(&self, name: &str, _: ModuleType) -> Result<ModuleSource, HostError> {
        match name {
            "mine" => {
                Ok(ModuleSource::Text("import { join } from 'path'; export const joined = join('a', 'b')".into()))
            }
            _ => Err(HostError::error("there is no such module")),
        }
    }
}

engine_test!(
    async fn imports_beside_a_loader(engine) {
        for loader_first in [true, false] {
            let ctx = create_test_context(engine);
            if loader_first {
                ctx.set_module_loader(Rc::new(One));
                set_up(&ctx);
            } else {
                set_up(&ctx);
                ctx.set_module_loader(Rc::new(One));
            }
            // The guest's own global changes nothing of the module.
            let code = "globalThis.path = { join: () => 'mine' }; (async () => (await import('mine')).joined)()";
            assert_eq!(eval_code_async::<String>(&ctx, code).await, "a/b");
            let missing = ctx.eval("(async () => { await import('other') })()", EvalOptions::new()).await.unwrap_err();
            assert_eq!(missing.exception().unwrap().message, "there is no such module");
        }
    }
);

engine_test!(
    fn errors_are_nodes(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx);
        let code = r#"
            const error = (f) => { try { f(); return 'nothing'; } catch (e) { return `${e.name} ${e.code} ${e.message}`; } };
            [
                error(() => path.join('a', 7)), error(() => path.basename('a', null)), error(() => path.resolve('a', {})),
                error(() => path.format('x')), error(() => path.matchesGlob('a', 'x'.repeat(65537))),
                error(() => path.join({ get constructor() { throw new EvalError('mine'); } })),
                error(() => path.parse(new Proxy({}, { get() { throw new RangeError('trap'); } }))),
            ].join('\n')"#;
        let expected = "TypeError ERR_INVALID_ARG_TYPE The \"path\" argument must be of type string. Received type number (7)\n\
            TypeError ERR_INVALID_ARG_TYPE The \"suffix\" argument must be of type string. Received null\n\
            TypeError ERR_INVALID_ARG_TYPE The \"paths[1]\" argument must be of type string. Received an instance of Object\n\
            TypeError ERR_INVALID_ARG_TYPE The \"pathObject\" argument must be of type object. Received type string ('x')\n\
            TypeError undefined pattern is too long\nEvalError undefined mine\nRangeError undefined trap";
        assert_eq!(eval_code::<String>(&ctx, code), expected);
    }
);

engine_test!(
    fn hostile_globs_end(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx);
        let code = r"
            const a = 'a'.repeat(5000), out = [];
            const attempt = (path_, pattern) => {
                try { out.push(path.matchesGlob(path_, pattern)); } catch (e) { out.push(e.name); }
            };
            attempt(a + 'b', '*a'.repeat(50) + 'c');
            attempt(a, '+(a|aa|*(a))'.repeat(20) + 'b');
            attempt(a, '@('.repeat(20000));
            attempt(a, '@('.repeat(20000) + ')'.repeat(20000));
            attempt(a, '!('.repeat(90) + 'a' + ')'.repeat(90));
            attempt('a/'.repeat(3000), '**/'.repeat(3000) + 'b');
            attempt(a, '{a,b}'.repeat(16));
            attempt(a, '{1..1000000}');
            attempt(a, '{1..99}{1..99}{1..99}');
            attempt(a, '{'.repeat(30000) + ',' + '}'.repeat(30000));
            attempt(a, '['.repeat(60000) + ']');
            attempt(a.repeat(1000), '*'.repeat(60000));
            attempt('x/'.repeat(200000), '**/../'.repeat(5000));
            attempt('\ud800', '?');
            attempt(a, '*(*(*(*(*(*(*(*(a))))))))' + 'b');
            out.join(' ')";
        let answer: String = eval_code(&ctx, code);
        let all: Vec<&str> = answer.split(' ').collect();
        assert_eq!(all.len(), 15, "{answer}");
        assert!(all.iter().all(|a| ["true", "false", "RangeError"].contains(a)), "{answer}");
        // Those that are merely long are answered.
        for i in [0, 1, 4, 5, 10, 14] {
            assert_eq!(all[i], "false", "{i}: {answer}");
        }
        assert_eq!((all[8], all[7], all[13]), ("RangeError", "RangeError", "true"), "{answer}");
    }
);

engine_test!(
    fn long_paths(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx);
        let code = r"
            const deep = '/' + 'dir/'.repeat(200000), up = '../'.repeat(300000);
            [
                path.normalize(deep + up).length, path.win32.normalize(deep).length, path.join(deep, 'x').length,
                path.relative(deep, '/dir').length, path.dirname(deep).length, path.parse(deep).base,
            ].join()";
        assert_eq!(eval_code::<String>(&ctx, code), "1,800001,800002,599996,799996,dir");
    }
);

engine_test!(
    fn patched_builtins_change_nothing(engine) {
        let ctx = create_test_context(engine);
        set_up(&ctx);
        let code = r"
            const bad = () => { throw new Error('patched'); };
            for (const C of [String, Array, RegExp, Function, Map, Object.getPrototypeOf(Uint8Array)]) {
                for (const key of Reflect.ownKeys(C.prototype)) {
                    if (key === 'constructor' || key === Symbol.iterator && C === Array) continue;
                    if (!Object.getOwnPropertyDescriptor(C.prototype, key).configurable) continue;
                    Object.defineProperty(C.prototype, key, { get: bad, set: bad, configurable: true });
                }
            }
            for (const key of ['0', '1', '2', 'dir', 'root', 'server', 'device', 'default']) {
                Object.defineProperty(Object.prototype, key, { get: bad, configurable: true });
            }
            for (const key of ['0', '1', '2', '3', '9']) Object.defineProperty(String.prototype, key, { get: bad });
            Object.defineProperty = Reflect.ownKeys = bad;
            const w = path.win32;
            path.resolve('a', '..', 'b') + ' ' + path.relative('/a/b', '/a/c') + ' ' + w.join('C:', '..', 'x') + ' ' + path.basename('a.b', '.b') + ' ' +
                path.extname('x.y') + ' ' + path.parse('/q/r.s').name + ' ' + w.resolve('//server/share/', '..', 'z') + ' ' + path.matchesGlob('a.js', '*.js') + ' ' +
                w.relative('C:\\a', 'c:\\A\\b') + ' ' + w.toNamespacedPath('C:\\') + ' ' + w.parse('C:').root + ' ' + path.normalize('/') + ' ' + path.dirname('/')";
        let expected = r"/b ../c C:\x a .y r \\server\share\z true b \\?\C:\ C: / /";
        assert_eq!(eval_code::<String>(&ctx, code), expected);
    }
);

engine_test!(
    fn dispose(engine) {
        let ctx = create_test_context(engine);
        let handle = set_up(&ctx);
        handle.dispose();
        handle.dispose();
        let code = "const name = (f) => { try { return f(); } catch (e) { return e.name; } };
            [name(() => path.resolve('a')), name(() => path.matchesGlob('a', 'a')), name(() => path.join('a', 'b'))].join(' ')";
        assert_eq!(eval_code::<String>(&ctx, code), "InvalidStateError InvalidStateError a/b");
    }
);
