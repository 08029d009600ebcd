//! Names and values of headers, as a guest sets them and as a host answers them: what the guest's `Headers` take, either goes
//! out and comes back the same or is refused with a `TypeError`. MIME types and ranges are read of them.

#![no_main]

mod guest;

use guest::Guest;
use http::{Request, Response};
use isolate_fetch::{Body, FetchOptions, http};
use libfuzzer_sys::fuzz_target;

const SCRIPT: &str = r"
    const latin1 = (bytes) => { let s = ''; for (const b of bytes) s += String.fromCharCode(b); return s; };
    const url = URL.createObjectURL(new Blob(['0123456789']));
    async (bytes) => {
        const at = bytes.indexOf(0), cut = at < 0 ? bytes.length >> 1 : at;
        const name = latin1(bytes.slice(0, cut)), value = latin1(bytes.slice(cut + 1));
        const attempt = async (f) => {
            try { return await f(); } catch (e) { if (!(e instanceof TypeError)) throw e; }
        };
        const headers = await attempt(() => new Headers([[name, value], ['x', '1']]));
        if (headers !== undefined) {
            const kept = headers.get(name);
            const back = await attempt(() => fetch('http://h/', { headers }));
            if (back !== undefined && back.headers.get(name) !== kept) throw new Error(kept + ' is not ' + back.headers.get(name));
        }
        await attempt(() => new Headers([['x', value]]));
        await attempt(() => fetch(url, { headers: { range: value } }));
        await attempt(async () => (await new Response('a', { headers: { 'content-type': value } }).blob()).type);
        await attempt(() => new Response('', { statusText: value }));
        await attempt(() => new Request('http://h/', { method: name }));
        await attempt(() => new Request('http://h/', { integrity: value }));
        await attempt(() => fetch('http://h/', { integrity: value }));
    }";

async fn mirror(request: Request<Body>) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let mut response = Response::new(Body::from("body"));
    *response.headers_mut() = parts.headers;
    response
}

thread_local! {
    static GUEST: Guest = Guest::new(SCRIPT, FetchOptions::new().on_fetch(mirror));
}

fuzz_target!(|data: &[u8]| GUEST.with(|guest| guest.call(data)));
