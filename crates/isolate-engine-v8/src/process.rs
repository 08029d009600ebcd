//! What V8 has once for the process.

use std::sync::Once;

/// The flags, with the reason for each. They are frozen when V8 starts.
const FLAGS: &[&str] = &[
    // Loops that this optimisation unrolls lose their check for a stop: a guest could run for ever.
    "--no-turboshaft-loop-unrolling",
];

/// Starts V8, once.
pub(crate) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        #[cfg(feature = "intl")]
        if let Err(code) = v8::icu::set_common_data_78(deno_core_icudata::ICU_DATA) {
            panic!("the crate with the data for Intl does not fit this V8: {code}");
        }
        v8::V8::set_flags_from_string(&FLAGS.join(" "));
        // Without thread-isolated memory: its keys are given to a thread when it is made, so contexts could only run on
        // threads made after this moment, and hosts make theirs when they please.
        let platform = v8::new_unprotected_default_platform(0, false).make_shared();
        v8::V8::initialize_platform(platform);
        v8::V8::initialize();
    });
}

/// Runs what V8 has left for the isolate's own thread to do, such as the callbacks of finalization registries. Some tasks
/// post themselves again until they get to run JavaScript, so there is a bound.
pub(crate) fn pump(scope: &mut crate::context::Scope<'_, '_>, mut goes_on: impl FnMut() -> bool) {
    const MOST: u32 = 100;
    let platform = v8::V8::get_current_platform();
    for _ in 0..MOST {
        if !goes_on() || !v8::Platform::pump_message_loop(&platform, scope, false) {
            return;
        }
    }
}
