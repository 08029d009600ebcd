//! `formData()` of a body as the network may send it: the first byte chooses how it is cut into chunks and what boundary it
//! is said to have. A form that is read is written and read again, and must be the same.

#![no_main]

mod guest;

use bytes::Bytes;
use guest::Guest;
use isolate_fetch::FetchOptions;
use libfuzzer_sys::fuzz_target;

const SCRIPT: &str = r"
    const types = ['multipart/form-data; boundary=b', 'multipart/form-data; boundary=\x22a b\x22', 'application/x-www-form-urlencoded',
        'multipart/form-data', 'multipart/form-data;boundary='];
    const show = async (form) => {
        const all = [];
        for (const [name, value] of form) {
            all.push(name, typeof value === 'string' ? value : [value.name, value.type, await value.text()].join());
        }
        return JSON.stringify(all);
    };
    async (bytes) => {
        const choice = bytes[0], body = bytes.slice(1), size = choice >> 3;
        let at = 0;
        const stream = new ReadableStream({
            pull(c) { if (at >= body.length) c.close(); else c.enqueue(body.slice(at, at += size + 1)); },
        });
        const headers = { 'content-type': types[choice % types.length] };
        let form;
        try {
            form = await new Response(choice & 4 ? stream : body, { headers }).formData();
        } catch (e) {
            if (e instanceof TypeError) return;
            throw e;
        }
        // The parser takes no control characters in heads, as the page on compatibility says.
        for (const [name, value] of form) {
            if (/[^\t\r\n -\x7e\u0080-\uffff]/.test(name + (typeof value === 'string' ? '' : value.name + value.type))) return;
        }
        const again = await new Response(form).formData();
        // The ends of lines are made the same when it is written.
        const same = (s) => s.replace(/\\r\\n|\\r|\\n/g, '|');
        const a = same(await show(form)), b = same(await show(again));
        if (a !== b && !/application\/octet-stream/.test(b)) throw new Error(a + ' is not ' + b);
    }";

thread_local! {
    static GUEST: Guest = Guest::new(SCRIPT, FetchOptions::new());
}

fuzz_target!(|data: &[u8]| {
    if !data.is_empty() {
        GUEST.with(|guest| guest.call(&Bytes::copy_from_slice(data)));
    }
});
