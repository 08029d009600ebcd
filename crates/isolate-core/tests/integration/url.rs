//! URL and URLSearchParams, on every engine and from every origin.

use isolate_core::url::Url;
use isolate_test_utils::{create_test_context, engine_test, eval_code};

engine_test!(
    fn components_and_setters(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const u = new URL('//user:pass@Example.COM:8080/a/../b c?x=1#frag', 'https://other.example');
            [u.href, u.origin, u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash,
             JSON.stringify(u), `${u}`].join('\\n')";
        let href = "https://user:pass@example.com:8080/b%20c?x=1#frag";
        let expected = format!(
            "{href}\nhttps://example.com:8080\nhttps:\nuser\npass\nexample.com:8080\nexample.com\n8080\n/b%20c\n?x=1\n#frag\n\"{href}\"\n{href}"
        );
        assert_eq!(eval_code::<String>(&ctx, code), expected);
        let code = "
            u.protocol = 'http'; u.username = ''; u.password = ''; u.host = 'h:80'; u.pathname = '/ü'; u.search = ''; u.hash = 'z';
            const first = u.href;
            u.port = '99999'; u.hostname = '';
            u.port = '81'; u.hash = '';
            [first, u.href, u.hash].join()";
        assert_eq!(eval_code::<String>(&ctx, code), "http://h/%C3%BC#z,http://h:81/%C3%BC,");
        let code = "
            const long = new URL('https://h/' + 'p'.repeat(20000) + '?' + 'q'.repeat(3e6) + '#f');
            [long.pathname.length, long.search.length, long.hash, long.host].join()";
        assert_eq!(eval_code::<String>(&ctx, code), "20001,3000001,#f,h");
        let code = "
            const odd = ['web+demo:/.//not-a-host/', 'mailto:a@b', 'file:///c:/x', 'foo://h', 'data:,x?#', 'blob:https://h/1'];
            odd.map((s) => { const u = new URL(s); return [u.host, u.port, u.pathname, u.origin].join(';'); }).join()";
        let expected = ";;//not-a-host/;null,;;a@b;null,;;/c:/x;null,h;;;null,;;,x;null,;;https://h/1;https://h";
        assert_eq!(eval_code::<String>(&ctx, code), expected);
    }
);

engine_test!(
    fn statics_and_errors(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const attempt = (f) => { try { return String(f()); } catch (e) { return e.name; } };
            [() => URL.canParse('x'), () => URL.canParse('x', 'a://b/'), () => URL.parse('x'), () => URL.parse('x', 'a://b/'),
             () => new URL('x'), () => new URL(), () => URL('a:b'), () => URL.canParse(), () => { new URL('a:b').href = 'c'; },
             () => new URL('\\ud800', 'a://b/'), () => URL.prototype.toString.call({}),
             () => Object.getOwnPropertyDescriptor(URL.prototype, 'href').get.call({})].map(attempt).join()";
        let t = "TypeError";
        let expected = ["false", "true", "null", "a://b/x", t, t, t, t, t, "a://b/%EF%BF%BD", t, t];
        assert_eq!(eval_code::<String>(&ctx, code), expected.join(","));
    }
);

engine_test!(
    fn search_params_and_their_url_follow_each_other(engine) {
        let ctx = create_test_context(engine);
        let code = "
            const u = new URL('https://h/?a=1&b=2&a=3#x');
            const q = u.searchParams;
            const out = [q === u.searchParams, q.size, q.get('a'), q.getAll('a'), q.has('a', '3'), q.has('c')];
            q.append('c', 'ü &+'); out.push(u.href);
            q.delete('a', '1'); out.push(u.search);
            q.set('b', ''); q.sort(); out.push(u.search);
            u.search = '?z=1&y=%20'; out.push([...q].join(';'));
            u.href = 'https://h/?k'; out.push(q.toString());
            q.delete('k'); out.push(u.href);
            out.join('|')";
        let expected = "true|3|1|1,3|true|false|https://h/?a=1&b=2&a=3&c=%C3%BC+%26%2B#x|?b=2&a=3&c=%C3%BC+%26%2B|\
                        ?a=3&b=&c=%C3%BC+%26%2B|z,1;y, |k=|https://h/";
        assert_eq!(eval_code::<String>(&ctx, code), expected);
        let code = "
            const made = [new URLSearchParams('?a=%zz&&=x'), new URLSearchParams([['a', 1], new Set(['b', 2])]),
                new URLSearchParams({ a: 1, b: '\\ud800' }), new URLSearchParams(new URLSearchParams('q=1')), new URLSearchParams(),
                new URLSearchParams(null)];
            made.join('|')";
        assert_eq!(eval_code::<String>(&ctx, code), "a=%25zz&=x|a=1&b=2|a=1&b=%EF%BF%BD|q=1||null=");
        let code = "
            // Iterators are live; sorting is by code units, and stable.
            const p = new URLSearchParams('\\ufb01=1&\\ud83c\\udf08=2&a=3&a=4');
            p.sort();
            const seen = [];
            for (const [k, v] of p) { seen.push(v); if (v === '3') p.append('z', '5'); }
            seen.join() + Object.prototype.toString.call(p.keys())";
        assert_eq!(eval_code::<String>(&ctx, code), "3,4,2,1,5[object URLSearchParams Iterator]");
    }
);

engine_test!(
    fn urls_cross_in_both_directions(engine) {
        let ctx = create_test_context(engine);
        ctx.define_function("hostOf", |url: Url| url.host_str().unwrap_or_default().to_owned()).unwrap();
        ctx.define_function("join", |base: Url, path: String| base.join(&path).unwrap()).unwrap();
        ctx.define_function("all", |urls: Vec<Url>| urls.into_iter().map(|u| u.to_string()).collect::<Vec<_>>()).unwrap();
        let code = "
            class Sub extends URL {}
            const fromHost = join(new URL('https://a.example/x/'), 'y');
            // From the guest, a subclass, the host, and as text.
            [hostOf(new URL('https://a.example')), hostOf(new Sub('https://b.example')), hostOf(fromHost),
             hostOf('https://c.example'), fromHost instanceof URL, fromHost.href, fromHost.searchParams.size,
             all([fromHost, 'x:y']).join(';')].join()";
        let expected = "a.example,b.example,a.example,c.example,true,https://a.example/x/y,0,https://a.example/x/y;x:y";
        assert_eq!(eval_code::<String>(&ctx, code), expected);
        let code = "[1, {}, 'nope', null, { href: 'a:b' }, Object.create(URL.prototype)].map((v) => {
            try { hostOf(v); return 'fine'; } catch (e) { return e.name; } }).join()";
        assert_eq!(eval_code::<String>(&ctx, code), ["TypeError"; 6].join(","));
    }
);
