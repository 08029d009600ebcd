//! `fetch` of `data:` URLs, and streams of events, which a guest may get from anywhere.

#![no_main]

mod guest;

use std::sync::Mutex;

use bytes::Bytes;
use futures_util::stream;
use guest::Guest;
use http::Response;
use isolate_fetch::{Body, FetchError, FetchOptions, http};
use libfuzzer_sys::fuzz_target;

const SCRIPT: &str = r"
    const latin1 = (bytes) => { let s = ''; for (const b of bytes) s += String.fromCharCode(b); return s; };
    async (bytes) => {
        const text = latin1(bytes);
        for (const url of ['data:' + text, 'data:text/plain;base64,' + text]) {
            let response;
            try {
                response = await fetch(url);
            } catch (e) {
                if (e instanceof TypeError) continue;
                throw e;
            }
            const size = (await response.clone().bytes()).length;
            if (!response.ok || (await response.blob()).size !== size) throw new Error('wrong: ' + url);
        }
        await new Promise((resolve) => {
            const source = new EventSource('http://h/');
            source.onmessage = (e) => { if (typeof e.data !== 'string' || typeof e.lastEventId !== 'string') throw new Error('wrong'); };
            source.onerror = () => { source.close(); resolve(); };
        });
    }";

static EVENTS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

async fn events(_: http::Request<Body>) -> Response<Body> {
    let bytes = Bytes::from(EVENTS.lock().unwrap().clone());
    let size = usize::from(bytes.first().copied().unwrap_or_default()) % 9 + 1;
    let chunks: Vec<_> = bytes.chunks(size).map(|c| Ok::<_, FetchError>(Bytes::copy_from_slice(c))).collect();
    let body = Body::from_stream(stream::iter(chunks));
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

thread_local! {
    static GUEST: Guest = Guest::new(SCRIPT, FetchOptions::new().on_fetch(events));
}

fuzz_target!(|data: &[u8]| {
    *EVENTS.lock().unwrap() = data.to_vec();
    GUEST.with(|guest| guest.call(data));
});
