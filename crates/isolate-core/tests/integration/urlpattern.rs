//! URLPattern, on every engine.

use isolate_test_utils::{create_test_context, engine_test, eval_code};

engine_test!(
    fn matches_and_groups(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const p = new URLPattern({ pathname: '/users/:id/:rest*' });
            const m = p.exec('https://h/users/7/a/b?q#f');
            const own = new URLPattern('https://*.example.com/:kind(\\\\d+)');
            const o = own.exec({ protocol: 'https', hostname: 'x.example.com', pathname: '/42' });
            [m.pathname.groups.id, m.pathname.groups.rest, m.hostname.input, m.search.groups[0], m.inputs[0],
             p.test('https://h/users'), p.test('/users/1', 'https://h'), p.hasRegExpGroups, own.hasRegExpGroups,
             o.pathname.groups.kind, own.test('https://x.example.com/y'), own.protocol, own.hostname, own.port, own.pathname,
             new URLPattern({ pathname: '/Foo' }, { ignoreCase: true }).test('https://h/fOO'),
             new URLPattern('/a', 'https://h/b?q').exec('https://h/a') !== null, new URLPattern().test('x://y')].join()";
        let expected = "7,a/b,h,q,https://h/users/7/a/b?q#f,false,true,false,true,42,false,https,*.example.com,,/:kind(\\d+),\
                        true,true,true";
        assert_eq!(eval_code::<String>(&ctx, code), expected);
    }
);

engine_test!(
    fn what_is_wrong_throws(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const attempt = (f) => { try { return String(f()); } catch (e) { return e.name; } };
            [() => new URLPattern('/x'), () => new URLPattern({ pathname: '/(' }), () => new URLPattern({ pathname: '/([z-a])' }),
             () => new URLPattern({}, 'https://h'), () => new URLPattern('https://h/:a/:a'), () => URLPattern(),
             () => new URLPattern({ port: 'x' }), () => new URLPattern().test({}, 'https://h'),
             () => new URLPattern().test('nope'), () => new URLPattern({ pathname: '/([^b]\\\\p{L})' }).test('https://h/aX'),
             () => URLPattern.prototype.test.call({})].map(attempt).join()";
        let t = "TypeError";
        assert_eq!(eval_code::<String>(&ctx, code), [t, t, t, t, t, t, t, t, "false", "true", t].join(","));
    }
);

engine_test!(
    /// A stop does not reach the host while it compiles a pattern, so there is a bound.
    fn a_pattern_has_a_greatest_length(engine) {
        let ctx = create_test_context(engine);
        let code = "(() => { try { new URLPattern({ pathname: '/*'.repeat(n) }); return 'made' } catch (e) { return e.name } })()";
        for (n, expected) in [(1000, "made"), (100_000, "RangeError")] {
            assert_eq!(eval_code::<String>(&ctx, &format!("var n = {n}; {code}")), expected);
        }
    }
);
