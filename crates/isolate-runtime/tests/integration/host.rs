//! Many runtimes under one roof.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use isolate_runtime::{
    Clock, ErrorKind, EvalOptions, Host, HostMetrics, HostOptions, Limits, RuntimeOptions, Termination, engines,
};

/// Runs a test on every engine, with options for one worker and no spares.
fn on_every_engine<F: Future<Output = ()>>(test: impl Fn(HostOptions) -> F) {
    for engine in engines() {
        println!("on {}:", engine.name());
        let make = move |_| RuntimeOptions::new().engine_arc(engine.clone());
        isolate_test_utils::block_on(test(HostOptions::new(make).workers(1).spares(0)));
    }
}

async fn until(host: &Host, what: &str, done: impl Fn(HostMetrics) -> bool) {
    for _ in 0..4000 {
        if done(host.metrics()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{what} has not happened: {:?}", host.metrics());
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_busy_guest_delays_its_neighbours_by_a_slice() {
    on_every_engine(|options| async {
        let slice = Duration::from_millis(5);
        let host = Host::new(options.slice(slice)).unwrap();
        let (busy, short) = (host.acquire().await.unwrap(), host.acquire().await.unwrap());
        let work = busy.clone();
        let spinning =
            tokio::spawn(async move { work.eval("for (let i = 0; ; i++) ;", EvalOptions::new().deadline(LONG)).await });
        until(&host, "the busy guest's start", |m| m.running == 1).await;
        let mut delays = Vec::new();
        for _ in 0..50 {
            let start = Instant::now();
            assert_eq!(short.eval_as::<f64>("1 + 1", ()).await.unwrap(), 2.0);
            delays.push(start.elapsed());
            // Rests, so that the next one finds the worker taken again.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        assert!(!spinning.is_finished(), "it ran all the while");
        busy.interrupter().terminate(Termination::Cancelled);
        assert!(spinning.await.unwrap().is_err());
        delays.sort();
        println!(
            "one worker, a slice of {slice:?}, one busy guest: a neighbour's call takes {:?} in the median, {:?} at most",
            delays[delays.len() / 2],
            delays[delays.len() - 1]
        );
        host.close(Duration::ZERO).await;
    });
}

#[test]
fn busy_guests_all_get_on_and_none_is_starved_by_short_calls() {
    on_every_engine(|options| async {
        let host = Host::new(options.slice(Duration::from_millis(2))).unwrap();
        let work = "let n = 0; for (const start = Date.now(); n < 2e6; ) n++; n";
        let mut busy = Vec::new();
        for _ in 0..3 {
            let guest = host.acquire().await.unwrap();
            busy.push(tokio::spawn(async move { guest.eval_as::<f64>(work, EvalOptions::new().deadline(LONG)).await }));
        }
        let chatty = host.acquire().await.unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        let (calls, ended) = (Arc::new(AtomicUsize::new(0)), done.clone());
        let counted = calls.clone();
        let talking = tokio::spawn(async move {
            while ended.load(Ordering::SeqCst) == 0 {
                chatty.eval("1", ()).await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        for guest in busy {
            assert_eq!(guest.await.unwrap().unwrap(), 2e6);
        }
        done.store(1, Ordering::SeqCst);
        talking.await.unwrap();
        assert!(calls.load(Ordering::SeqCst) > 0);
        host.close(Duration::ZERO).await;
    });
}

#[test]
fn a_guest_that_blocks_or_cannot_be_interrupted_does_not_hold_up_its_neighbours() {
    on_every_engine(|options| async {
        let host = Host::new(options.slice(Duration::from_millis(2))).unwrap();
        let (deaf, waits, short) =
            (host.acquire().await.unwrap(), host.acquire().await.unwrap(), host.acquire().await.unwrap());
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let gone = std::sync::Mutex::new(gone);
        let begun = Arc::new(AtomicUsize::new(0));
        let (begins, begins_too) = (begun.clone(), begun.clone());
        // A host function that blocks without a word.
        deaf.with_context(move |ctx| {
            ctx.define_function("block", move || {
                begins.fetch_add(1, Ordering::SeqCst);
                let _ = gone.lock().unwrap().recv();
            })
        })
        .await
        .unwrap()
        .unwrap();
        let blocked = tokio::spawn(async move { deaf.eval("block()", EvalOptions::new().deadline(LONG)).await });
        until(&host, "the call that blocks", |_| begun.load(Ordering::SeqCst) == 1).await;
        assert_eq!(short.eval_as::<f64>("1 + 1", ()).await.unwrap(), 2.0);
        assert!(host.metrics().lent >= 1);
        assert!(!blocked.is_finished());
        // One that waits as it should needs no worker meanwhile.
        let lent = host.metrics().lent;
        let (answer, question) = tokio::sync::oneshot::channel::<f64>();
        let question = std::sync::Mutex::new(Some(question));
        waits
            .with_context(move |ctx| {
                ctx.define_blocking_function("ask", move || {
                    begins_too.fetch_add(1, Ordering::SeqCst);
                    let question = question.lock().unwrap().take();
                    async move { question.unwrap().await.unwrap() }
                })
            })
            .await
            .unwrap()
            .unwrap();
        let waiting =
            tokio::spawn(async move { waits.eval_as::<f64>("ask() + 1", EvalOptions::new().deadline(LONG)).await });
        until(&host, "the wait", |m| begun.load(Ordering::SeqCst) == 2 && m.running == 1).await;
        for _ in 0..20 {
            assert_eq!(short.eval_as::<f64>("1 + 1", ()).await.unwrap(), 2.0);
        }
        assert!(host.metrics().lent <= lent + 1, "at most while it set out");
        answer.send(41.0).unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), 42.0);
        go.send(()).unwrap();
        blocked.await.unwrap().unwrap();
        host.close(Duration::ZERO).await;
    });
}

#[test]
fn named_runtimes_are_found_again_until_they_idle() {
    on_every_engine(|options| async {
        let host = Host::new(options.idle_timeout(Duration::from_secs(1))).unwrap();
        let inits = AtomicUsize::new(0);
        let visit = async || {
            let guest = host
                .get_or_init("a", async |runtime| {
                    inits.fetch_add(1, Ordering::SeqCst);
                    runtime.eval("globalThis.visits = 0", ()).await.map(|_| ())
                })
                .await
                .unwrap();
            (guest.is_new(), guest.eval_as::<f64>("++visits", ()).await.unwrap())
        };
        // Those who ask at once share it, and one prepares it.
        let (first, second) = tokio::join!(visit(), visit());
        assert_ne!(first.0, second.0);
        assert_eq!(first.1 + second.1, 3.0);
        assert_eq!(visit().await, (false, 3.0));
        assert_eq!(host.get("b").await.unwrap().eval_as::<String>("typeof visits", ()).await.unwrap(), "undefined");
        assert_eq!(host.keys().len(), 2);
        // One that is in use does not idle.
        let kept = host.get("a").await.unwrap();
        until(&host, "the end of b", |m| m.named == 1).await;
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(kept.eval_as::<f64>("++visits", ()).await.unwrap(), 4.0);
        drop(kept);
        until(&host, "the end of a", |m| m.named == 0 && m.runtimes == 0).await;
        assert_eq!(visit().await, (true, 1.0));
        assert_eq!(inits.load(Ordering::SeqCst), 2);
        // One that was stopped is replaced, and so is one that was removed.
        let guest = host.get("a").await.unwrap();
        guest.interrupter().terminate(Termination::Cancelled);
        drop(guest);
        assert_eq!(visit().await, (true, 1.0));
        assert!(host.remove("a").await);
        assert!(!host.remove("a").await);
        assert_eq!(visit().await, (true, 1.0));
        // What cannot be prepared leaves nothing behind.
        let failed = host.get_or_init("c", async |r| r.eval("throw new Error('no')", ()).await.map(|_| ())).await;
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Threw);
        assert!(!host.keys().contains(&"c".to_owned()));
        host.close(Duration::ZERO).await;
    });
}

#[test]
fn spares_are_ready_and_made_anew() {
    on_every_engine(|options| async {
        let host = Host::new(options.spares(3)).unwrap();
        until(&host, "three spares", |m| m.spares == 3).await;
        let guests = [host.acquire().await.unwrap(), host.acquire().await.unwrap()];
        assert_ne!(guests[0].id(), guests[1].id());
        guests[0].eval("globalThis.x = 1", ()).await.unwrap();
        assert_eq!(guests[1].eval_as::<String>("typeof x + typeof URL", ()).await.unwrap(), "undefinedfunction");
        until(&host, "three spares again", |m| m.spares == 3 && m.runtimes == 5).await;
        drop(guests);
        until(&host, "the end of both", |m| m.runtimes == 3 && m.in_use == 0).await;
        assert_eq!(host.metrics().made, 5);
        host.close(LONG).await;
        assert_eq!(host.metrics().runtimes, 0);
    });
}

#[test]
fn there_are_no_more_runtimes_than_allowed() {
    on_every_engine(|options| async {
        let host = Host::new(options.max_runtimes(2)).unwrap();
        let first = host.acquire().await.unwrap();
        let _named = host.get("a").await.unwrap();
        assert_eq!(host.acquire().await.unwrap_err().kind(), ErrorKind::Overloaded);
        assert_eq!(host.get("b").await.unwrap_err().kind(), ErrorKind::Overloaded);
        assert_eq!(host.keys(), ["a"]);
        assert_eq!(host.get("a").await.unwrap().eval_as::<f64>("1", ()).await.unwrap(), 1.0);
        drop(first);
        until(&host, "room", |m| m.runtimes == 1).await;
        host.acquire().await.unwrap();
    });
}

#[test]
fn the_guest_with_the_most_is_stopped_when_all_together_have_too_much() {
    on_every_engine(|options| async {
        let host = Host::new(options.workers(2).max_memory(48 << 20)).unwrap();
        let (small, large) = (host.acquire().await.unwrap(), host.acquire().await.unwrap());
        small.eval("globalThis.kept = new Uint8Array(8 << 20).fill(1); 1", ()).await.unwrap();
        // It goes on for ever within its own limit of 128 MiB.
        let grown = large
            .eval(
                "globalThis.kept = []; for (let i = 0; i < 64; i++) kept.push(new Uint8Array(1 << 20).fill(1)); for (;;) ;",
                EvalOptions::new().deadline(LONG),
            )
            .await;
        assert_eq!(grown.unwrap_err().terminated(), Some(Termination::Memory));
        assert_eq!(small.eval_as::<f64>("kept.length", ()).await.unwrap(), f64::from(8 << 20));
        assert_eq!(small.stopped(), None);
        host.close(Duration::ZERO).await;
    });
}

#[test]
fn it_closes_when_the_last_guest_is_given_back_or_the_grace_is_over() {
    on_every_engine(|options| async {
        let host = Host::new(options.clone().spares(1)).unwrap();
        host.get("idle").await.unwrap();
        let guest = host.acquire().await.unwrap();
        guest
            .with_context(|ctx| ctx.define_async_function("later", || tokio::time::sleep(Duration::from_millis(200))))
            .await
            .unwrap()
            .unwrap();
        let closing = tokio::spawn({
            let host = host.clone();
            async move { host.close(LONG).await }
        });
        until(&host, "the closing", |m| m.named == 0).await;
        assert_eq!(host.acquire().await.unwrap_err().kind(), ErrorKind::Disposed);
        assert_eq!(host.get("idle").await.unwrap_err().kind(), ErrorKind::Disposed);
        assert_eq!(guest.eval_as::<f64>("await later(); 7", ()).await.unwrap(), 7.0);
        drop(guest);
        closing.await.unwrap();
        assert_eq!(host.metrics().runtimes, 0);
        host.close(LONG).await;

        let host = Host::new(options).unwrap();
        let guest = host.acquire().await.unwrap();
        let work = guest.clone();
        let spinning = tokio::spawn(async move { work.eval("for (;;) ;", EvalOptions::new().deadline(LONG)).await });
        until(&host, "its start", |m| m.running == 1).await;
        host.close(Duration::from_millis(50)).await;
        assert!(matches!(
            spinning.await.unwrap().unwrap_err().kind(),
            ErrorKind::Disposed | ErrorKind::Terminated(Termination::Cancelled)
        ));
        assert_eq!(guest.eval("1", ()).await.unwrap_err().kind(), ErrorKind::Disposed);
    });
}

#[test]
fn two_hundred_guests_on_two_workers_keep_their_own_state() {
    on_every_engine(|options| async {
        let host = Host::new(options.workers(2).slice(Duration::from_millis(1))).unwrap();
        let mut all = Vec::new();
        let many = if host.acquire().await.unwrap().with_context(|c| c.engine_name()).await.unwrap() == "v8" {
            40
        } else {
            200
        };
        for i in 0..many {
            let guest = host.acquire().await.unwrap();
            all.push(tokio::spawn(async move {
                guest.eval(format!("globalThis.n = {i}"), ()).await.unwrap();
                for _ in 0..5 {
                    let source = "let s = 0; for (let i = 0; i < 20000; i++) s += i % 7; n";
                    let source = format!("{{ {source} }}");
                    assert_eq!(guest.eval_as::<f64>(source, ()).await.unwrap(), f64::from(i));
                }
            }));
        }
        for task in all {
            task.await.unwrap();
        }
        host.close(Duration::ZERO).await;
    });
}

#[test]
fn processor_time_is_a_guests_own_under_turns() {
    for engine in engines() {
        println!("on {}:", engine.name());
        let make = move |_| {
            let limits = Limits::new().wall_time(LONG).cpu_time(Duration::from_secs(20));
            RuntimeOptions::new().engine_arc(engine.clone()).clock(Clock::Real).limits(limits)
        };
        isolate_test_utils::block_on(async {
            let slice = Duration::from_millis(2);
            let host = Host::new(HostOptions::new(make).workers(1).slice(slice).spares(0)).unwrap();
            let (a, b) = (host.acquire().await.unwrap(), host.acquire().await.unwrap());
            let spin = "{ let n = 0; while (n < 3e6) n++; }";
            let (x, y) = tokio::join!(a.eval(spin, ()), b.eval(spin, ()));
            x.unwrap();
            y.unwrap();
            let (x, y) = (a.metrics(), b.metrics());
            assert!(x.cpu_time > Duration::ZERO && y.cpu_time > Duration::ZERO, "{x:?} {y:?}");
            assert_eq!((x.evaluations, y.evaluations), (1, 1));
            host.close(Duration::ZERO).await;
        });
    }
}
