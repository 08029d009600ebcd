//! Many guests under one roof: one that is busy and does not hold up the others, one that is found again by its name, one too
//! many, and an end.
//!
//! ```sh
//! cargo run -p isolate-runtime --example host
//! ```

use std::time::Duration;

use isolate_runtime::{ErrorKind, EvalOptions, Host, HostOptions, Limits, RuntimeOptions, Termination};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // One worker, so that all share it; three runtimes at most.
    let make = |_| RuntimeOptions::new().limits(Limits::new().memory(Some(16 << 20)));
    let host = Host::new(HostOptions::new(make).workers(1).spares(0).max_runtimes(3))?;

    let busy = host.acquire().await?;
    let work = busy.clone();
    let spinning = tokio::spawn(async move { work.eval("for (;;) ;", EvalOptions::new()).await });

    // Another guest's calls are answered meanwhile, each after a slice of the busy one's time at most.
    for visit in 1..=3 {
        let ada = host
            .get_or_init("ada", async |runtime| {
                println!("ada's runtime is made");
                runtime.eval("globalThis.visits = 0", ()).await.map(|_| ())
            })
            .await?;
        let visits: u32 = ada.eval_as("++visits", ()).await?;
        assert_eq!(visits, visit);
        println!("ada has been here {visits} times; the busy guest goes on: {}", !spinning.is_finished());
    }

    let third = host.acquire().await?;
    match host.acquire().await {
        Err(e) if e.kind() == ErrorKind::Overloaded => println!("a fourth: {e}"),
        other => println!("a fourth: {other:?}"),
    }
    drop(third);

    busy.interrupter().terminate(Termination::Cancelled);
    println!("the busy guest: {}", spinning.await?.unwrap_err());
    drop(busy);

    println!("named: {:?}", host.keys());
    host.close(Duration::from_secs(5)).await;
    println!("runtimes left: {}", host.metrics().runtimes);
    Ok(())
}
