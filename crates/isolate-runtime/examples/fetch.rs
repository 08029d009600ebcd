//! A guest that fetches from its host, and answers requests that its host passes on.

use futures_util::StreamExt;
use isolate_runtime::http::{Request, Response};
use isolate_runtime::{Body, FetchError, FetchErrorKind, FetchOptions, RuntimeOptions, create_runtime};

/// The whole network that the guest can see.
async fn network(request: Request<Body>) -> Result<Response<Body>, FetchError> {
    let (parts, body) = request.into_parts();
    match (parts.uri.host(), parts.uri.path()) {
        (Some("prices.example"), "/apple") => Ok(Response::new(r#"{"price":0.5}"#.into())),
        (Some("log.example"), _) => {
            println!("log.example got {:?}", body.text(1 << 20).await?);
            Ok(Response::builder().status(204).body(Body::empty())?)
        }
        (host, _) => {
            let message = format!("there is no {}", host.unwrap_or("host"));
            Err(FetchError::new(FetchErrorKind::Network, message))
        }
    }
}

const GUEST: &str = r"
    serve({
        async fetch(request) {
            const { pathname, searchParams } = new URL(request.url);
            if (pathname === '/total') {
                const { price } = await (await fetch('https://prices.example/apple')).json();
                await fetch('https://log.example/', { method: 'POST', body: 'asked for a total' });
                return Response.json({ total: price * searchParams.get('n') });
            }
            if (pathname === '/upper') {
                const upper = new TransformStream({ transform: (text, c) => c.enqueue(text.toUpperCase()) });
                return new Response(request.body.pipeThrough(new TextDecoderStream()).pipeThrough(upper)
                    .pipeThrough(new TextEncoderStream()));
            }
            const problem = await fetch('https://elsewhere.example/').catch((e) => e);
            return new Response(`${problem.name}: ${problem.message}`, { status: 502 });
        },
    });";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rt = create_runtime(RuntimeOptions::new().fetch(FetchOptions::new().on_fetch(network))).await?;
    rt.eval(GUEST, "guest.js").await?;

    let response = rt.dispatch_request(Request::get("http://app.example/total?n=4").body(Body::empty())?).await?;
    println!("{} {}", response.status(), response.into_body().text(1 << 20).await?);

    let chunks =
        futures_util::stream::iter(["stream", "ing ", "both ways"]).map(|text| Ok::<_, FetchError>(text.into()));
    let request = Request::post("http://app.example/upper").body(Body::from_stream(chunks))?;
    let mut body = rt.dispatch_request(request).await?.into_body();
    while let Some(chunk) = body.next().await.transpose()? {
        println!("a chunk: {}", String::from_utf8_lossy(&chunk));
    }

    let response = rt.dispatch_request(Request::get("http://app.example/").body(Body::empty())?).await?;
    println!("{} {}", response.status(), response.into_body().text(1 << 20).await?);
    rt.dispose().await;
    Ok(())
}
