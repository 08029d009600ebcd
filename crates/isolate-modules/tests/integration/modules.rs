//! Modules of files, as guests import them.

use std::rc::Rc;

use isolate_core::{Context, EvalOptions, ModuleLoader, ModuleType, Value};
use isolate_modules::{DirectoryFiles, FileModules, ModuleFiles, VirtualFiles};
use isolate_test_utils::{create_test_context, engine_test, eval_code};

async fn run(ctx: &Context, name: &str, source: &str) -> Result<Value, isolate_core::Error> {
    ctx.eval(source, EvalOptions::new().filename(name).module()).await
}

/// The message of what an import fails with.
fn refused(loader: &FileModules, specifier: &str, referrer: &str) -> String {
    let loaded = loader.resolve(specifier, referrer).and_then(|name| loader.load(&name, ModuleType::JavaScript));
    loaded.unwrap_err().message().to_owned()
}

fn found(loader: &FileModules, specifier: &str, referrer: &str) -> String {
    loader.resolve(specifier, referrer).unwrap_or_else(|e| e.message().to_owned())
}

engine_test!(
    async fn paths_and_urls(engine) {
        let ctx = create_test_context(engine);
        let files = VirtualFiles::new()
            .file("/lib/a.mjs", "export * from './b.mjs?1'; export { url as two } from './b.mjs?2'; export const me = import.meta.url")
            .file("/lib/b.mjs", "export const url = import.meta.url; globalThis.loads = (globalThis.loads ?? 0) + 1")
            .file("/a b#?%.mjs", "export default import.meta.url")
            .file("/data.json", r#"{ "a": [1, 2] }"#);
        ctx.set_module_loader(Rc::new(FileModules::new(files)));
        run(&ctx, "/main.mjs", r"
            import * as a from './lib/a.mjs';
            import { me } from '/lib/a.mjs';
            import odd from './a%20b%23%3F%25.mjs';
            import json from 'file:///data.json' with { type: 'json' };
            const again = await import('./lib/../lib/./a.mjs');
            globalThis.out = [a.url, a.two, me, odd, json.a.length, again === a, loads, import.meta.main, import.meta.resolve('./x.mjs')];
        ").await.unwrap();
        assert_eq!(
            eval_code::<String>(&ctx, "out.join(' ')"),
            "file:///lib/b.mjs?1 file:///lib/b.mjs?2 file:///lib/a.mjs file:///a%20b%23%3F%25.mjs 2 true 2 true file:///x.mjs"
        );
    }
);

#[test]
fn what_cannot_be_imported_says_why() {
    let files = VirtualFiles::new()
        .file("/a.json", "{}")
        .file("/old.cjs", "")
        .file("/dir/x.mjs", "")
        .file("/latin.mjs", vec![0xe4]);
    let loader = FileModules::new(files);
    for (specifier, why) in [
        ("./none.mjs", "cannot import /none.mjs: there is no such file"),
        ("./dir", "cannot import /dir: there is no such file"),
        ("./a.json", "cannot import /a.json: JSON is imported with { type: 'json' }"),
        ("./old.cjs", "cannot import /old.cjs: it is a CommonJS module, and there are only ES modules"),
        ("./latin.mjs", "cannot import /latin.mjs: it is not UTF-8"),
        ("../x.mjs", "cannot import '../x.mjs' from /main.mjs: it is outside of what may be imported"),
        ("/../x.mjs", "cannot import '/../x.mjs' from /main.mjs: it is outside of what may be imported"),
        (
            "./dir/../../x.mjs",
            "cannot import './dir/../../x.mjs' from /main.mjs: it is outside of what may be imported",
        ),
        ("lodash", "cannot import 'lodash' from /main.mjs: only paths (./x.mjs) can be imported"),
        ("node:fs", "cannot import 'node:fs' from /main.mjs: it is a module of Node's own"),
        (
            "https://example.com/x.mjs",
            "cannot import 'https://example.com/x.mjs' from /main.mjs: modules are not fetched (https:)",
        ),
        (
            "data:text/javascript,1",
            "cannot import 'data:text/javascript,1' from /main.mjs: modules are not fetched (data:)",
        ),
        ("./a%00b.mjs", "cannot import './a%00b.mjs' from /main.mjs: there is no such file"),
    ] {
        assert_eq!(refused(&loader, specifier, "/main.mjs"), why);
    }
    // From a directory further down the same is within.
    assert_eq!(found(&loader, "../a.json", "/dir/x.mjs"), "/a.json");
}

#[test]
fn names_are_shown_as_users_write_them() {
    let files = VirtualFiles::new().file("/a.mjs", "").file("/sub/b.mjs", "");
    let loader = FileModules::new(files.clone()).shown_as("src/");
    assert_eq!(found(&loader, "./sub/b.mjs", "src/a.mjs"), "src/sub/b.mjs");
    assert_eq!(found(&loader, "../a.mjs", "src/sub/b.mjs"), "src/a.mjs");
    assert!(loader.load("src/sub/b.mjs", ModuleType::JavaScript).is_ok());
    let meta = loader.meta("src/sub/b.mjs", false).unwrap();
    assert_eq!(meta, [("url", Value::from("file:///src/sub/b.mjs"))]);
}

#[test]
fn import_maps() {
    let files = VirtualFiles::new().file("/lib/a.mjs", "").file("/vendor/x/index.mjs", "");
    let map = r#"{
        "imports": { "a": "/lib/a.mjs", "x/": "/vendor/x/", "./swap.mjs": "/lib/a.mjs", "blocked": null },
        "scopes": { "/old/": { "a": "/old/a.mjs" } }
    }"#;
    let loader = FileModules::new(files).import_map(map).unwrap();
    let all = [
        ("a", "/main.mjs"),
        ("a", "/old/main.mjs"),
        ("x/index.mjs", "/main.mjs"),
        ("./swap.mjs", "/main.mjs"),
        ("/swap.mjs", "/sub/main.mjs"),
        ("./other.mjs", "/main.mjs"),
    ]
    .map(|(specifier, referrer)| found(&loader, specifier, referrer));
    assert_eq!(all.join(" "), "/lib/a.mjs /old/a.mjs /vendor/x/index.mjs /lib/a.mjs /lib/a.mjs /other.mjs");
    assert!(found(&loader, "blocked", "/main.mjs").contains("Blocked by null entry"));
    assert!(found(&loader, "other", "/main.mjs").ends_with("only paths (./x.mjs) can be imported"));
    assert!(found(&loader, "../x.mjs", "/main.mjs").ends_with("it is outside of what may be imported"));
    assert!(FileModules::new(VirtualFiles::new()).import_map("{").is_err());
    assert!(FileModules::new(VirtualFiles::new()).import_map(r#"{ "imports": 1 }"#).is_err());
}

fn packages() -> VirtualFiles {
    VirtualFiles::from_iter([
        ("/node_modules/plain/package.json", r#"{ "name": "plain", "module": "./esm/index.js", "main": "./cjs.js" }"#),
        ("/node_modules/plain/esm/index.js", "export default 'plain'"),
        (
            "/node_modules/exp/package.json",
            r##"{ "name": "exp", "exports": { ".": { "require": "./no.cjs", "import": "./yes.mjs" }, "./sub": "./sub.mjs",
                "./feature/*": "./features/*.mjs", "./feature/private/*": null },
                "imports": { "#internal": "./internal.mjs" } }"##,
        ),
        ("/node_modules/exp/yes.mjs", "import i from '#internal'; import self from 'exp/sub'; export default i + self"),
        ("/node_modules/exp/sub.mjs", "import plain from 'plain'; export default ' sub of ' + plain"),
        ("/node_modules/exp/internal.mjs", "export default 'exp'"),
        ("/node_modules/exp/features/one.mjs", "export default 1"),
        ("/node_modules/@scope/pkg/package.json", r#"{ "exports": "./index.mjs" }"#),
        ("/node_modules/@scope/pkg/index.mjs", "export default 'scoped'"),
        ("/node_modules/cjs/package.json", r#"{ "main": "./index.cjs" }"#),
        ("/node_modules/cjs/index.cjs", "module.exports = 1"),
        ("/node_modules/umd/package.json", r#"{ "main": "umd.js" }"#),
        ("/node_modules/umd/umd.js", "!function(a){typeof exports=='object'?module.exports=a():0}(function(){return 'import x'})"),
        (
            "/node_modules/web/package.json",
            r#"{ "exports": { ".": { "node": "./node.mjs", "browser": "./web.js", "default": "./node.mjs" } } }"#,
        ),
        ("/node_modules/web/web.js", "import { a } from './esm/a'; import dir from './esm'; export default a + dir"),
        ("/node_modules/web/esm/a.js", "export const a = 'a'; /* module.exports = 1 */"),
        ("/node_modules/web/esm/index.js", "export default 'dir'"),
        ("/app/node_modules/plain/package.json", r#"{ "exports": "./other.mjs" }"#),
        ("/app/node_modules/plain/other.mjs", "export default 'nearer'"),
    ].map(|(path, text)| (path, text.to_owned().into_bytes())))
}

engine_test!(
    async fn packages_are_found_by_nodes_rules(engine) {
        let ctx = create_test_context(engine);
        ctx.set_module_loader(Rc::new(FileModules::new(packages()).packages()));
        run(&ctx, "/app/main.mjs", r"
            import plain from 'plain';
            import exp from 'exp';
            import one from 'exp/feature/one';
            import scoped from '@scope/pkg';
            import web from 'web';
            const why = (s) => import(s).then(() => 'none', (e) => e.message.replace(/^.*: /, ''));
            globalThis.out = [plain, exp, one, scoped, web, await why('exp/private'), await why('exp/feature/private/x'), await why('missing'),
                await why('fs'), await why('node:fs'), await why('cjs'), await why('umd'), await why('./node_modules/plain'), import.meta.resolve('exp/sub')];
        ").await.unwrap();
        let told = eval_code::<String>(&ctx, "out.join('|')");
        assert_eq!(
            told,
            "nearer|exp sub of plain|1|scoped|adir|the package exports no './private'|the package exports no './feature/private/x'|\
             no node_modules above it has such a package|it is a module of Node's own|it is a module of Node's own|\
             it is a CommonJS module, and there are only ES modules|it is a CommonJS module, and there are only ES modules|\
             there is no such file|file:///node_modules/exp/sub.mjs"
        );
    }
);

#[test]
fn a_directory_holds_its_modules() {
    let root = tempfile::tempdir().unwrap();
    let inside = root.path().join("inside");
    std::fs::create_dir_all(inside.join("sub")).unwrap();
    std::fs::write(inside.join("sub/a.mjs"), "export default 1").unwrap();
    std::fs::write(root.path().join("secret.mjs"), "export default 'secret'").unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../secret.mjs", inside.join("link.mjs")).unwrap();
        std::os::unix::fs::symlink("/etc", inside.join("etc")).unwrap();
        std::os::unix::fs::symlink("sub/a.mjs", inside.join("within.mjs")).unwrap();
    }
    let files = DirectoryFiles::open(&inside).unwrap();
    assert!(files.kind("/sub").is_some() && files.kind("/etc").is_none() && files.kind("/../secret.mjs").is_none());
    let loader = FileModules::new(files);
    assert!(loader.load(&found(&loader, "./sub/a.mjs", "/main.mjs"), ModuleType::JavaScript).is_ok());
    #[cfg(unix)]
    {
        assert!(loader.load("/within.mjs", ModuleType::JavaScript).is_ok());
        for name in ["/link.mjs", "/etc/passwd", "/../secret.mjs", "/sub/../../secret.mjs"] {
            assert!(loader.load(name, ModuleType::Text).is_err(), "{name}");
        }
    }
}
