//! The engine-neutral suite on this engine.

#[test]
fn conformance() {
    isolate_engine::conformance::run(&isolate_engine_quickjs::QuickJs::new());
}
