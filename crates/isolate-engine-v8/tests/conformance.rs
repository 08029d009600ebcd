//! The suite that every backend must pass.

#[test]
fn conformance() {
    isolate_engine::conformance::run(&isolate_engine_v8::V8::new());
}
