//! A program and a guest that hand each other streams, blobs, and signals to abort.
//!
//! ```text
//! cargo run -p isolate-runtime --example streams
//! ```

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use isolate_runtime::{
    AbortSignal, Blob, ConsoleOptions, File, FromValue, HostError, IntoValue, ReadableStream, RuntimeOptions,
    create_runtime,
};
use tokio_util::sync::CancellationToken;

const GUEST: &str = r"
({
  // A stream of the host comes in, and one of the guest goes out. Nothing is read before the host asks.
  shout(input) {
    const upper = new TransformStream({
      transform(text, controller) { controller.enqueue(text.toUpperCase()); },
    });
    return input.pipeThrough(new TextDecoderStream()).pipeThrough(upper).pipeThrough(new TextEncoderStream());
  },
  // A Blob comes in, a File goes out. The bytes stay on the host.
  cut(blob) {
    console.log('got', blob.size, 'bytes of', blob.type);
    return new File([blob.slice(0, 5), '!'], 'cut.txt', { type: blob.type });
  },
  // A signal of the host aborts the guest's work.
  wait(signal) {
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve('aborted: ' + signal.reason.name));
    });
  },
  // A signal of the guest cancels the host's work.
  async hurry() {
    const controller = new AbortController();
    const working = work(controller.signal);
    controller.abort();
    return working;
  },
})";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options =
        RuntimeOptions::new().console(ConsoleOptions::new().on_log(|e| println!("guest: {}", e.text))).setup(|ctx| {
            ctx.define_async_function("work", |signal: AbortSignal| async move {
                tokio::select! {
                    () = signal.token().cancelled() => "the host was told to stop",
                    () = tokio::time::sleep(Duration::from_secs(60)) => "the host is done",
                }
            })
        });
    let rt = create_runtime(options).await?;
    let guest = rt.eval(GUEST, "guest.js").await?;
    let guest = |name: &str| guest.get(name).and_then(|f| f.as_function()).cloned().expect("the guest has it");

    // Streams in both directions, a chunk at a time.
    let chunks = ["streams ", "flow ", "both ways"].map(|s| Ok::<_, HostError>(Bytes::from(s)));
    let input = ReadableStream::new(futures_util::stream::iter(chunks)).into_value()?;
    let mut output = ReadableStream::from_value(rt.call(&guest("shout"), vec![input]).await?)?;
    while let Some(chunk) = output.next().await.transpose()? {
        println!("a chunk: {:?}", String::from_utf8_lossy(&chunk));
    }

    // Blobs are bytes that both can hold; nothing is copied on the way.
    let blob = Blob::new("Hello, and more of it", "text/plain").into_value()?;
    let file = File::from_value(rt.call(&guest("cut"), vec![blob]).await?)?;
    let text = file.blob().bytes().unwrap_or_default();
    println!("a file: {} {:?} {}", file.name(), String::from_utf8_lossy(&text), file.blob().content_type());

    // A cancellation token is an AbortSignal in the guest.
    let token = CancellationToken::new();
    let wait = guest("wait");
    let waiting = rt.call(&wait, vec![AbortSignal::new(token.clone()).into_value()?]);
    let cancelling = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        token.cancel();
    };
    let (waited, ()) = futures_util::future::join(waiting, cancelling).await;
    println!("the guest was {}", waited?.as_str().unwrap_or_default());

    // And an AbortSignal of the guest is a cancellation token here.
    println!("{}", rt.call(&guest("hurry"), vec![]).await?.as_str().unwrap_or_default());
    rt.dispose().await;
    Ok(())
}
