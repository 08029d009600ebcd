//! The reserve of native stack below the guest's own holds what the boundary needs at its worst.

use isolate_engine::{Engine, EngineContext, HostError, HostFunction, Limits, Script, Value};
use isolate_engine_quickjs::{QuickJs, STACK_RESERVE};

#[test]
fn deep_values_at_deep_calls_are_errors_and_not_overflows() {
    let limits = Limits::new();
    // What a context asks for, and a little for the thread itself.
    let stack = limits.stack + STACK_RESERVE + (32 << 10);
    let run = move || {
        let cx = QuickJs::new().new_context(&limits).unwrap();
        for nest in ["[deep]", "({ deep })", "new Map([[1, deep]])", "new Error('e', { cause: deep })"] {
            for function in [HostFunction::new("host", echo), HostFunction::new("host", echo).lossy()] {
                let host = cx.new_function(function).unwrap();
                let source = format!(
                    "(host) => {{
                        const nested = levels => {{ let deep = 1; while (levels--) deep = {nest}; return deep }};
                        const deepest = nested(99), shallow = nested(5);
                        let calls = 0, crossed = 0;
                        const down = () => {{
                            try {{ down() }} catch {{}}
                            calls++;
                            try {{ host(deepest) }} catch {{}}
                            try {{ host(shallow); crossed++ }} catch {{}}
                        }};
                        down();
                        return crossed > calls / 2;
                    }}"
                );
                let Value::Function(f) = cx.evaluate_script(&Script::new(&source, "t.js")).unwrap() else { panic!() };
                assert_eq!(cx.call(&f, vec![host.into()]), Ok(true.into()), "{nest}");
            }
        }
    };
    std::thread::Builder::new().stack_size(stack).spawn(run).unwrap().join().unwrap();
}

fn echo(_: &dyn EngineContext, args: &mut [Value]) -> Result<Value, HostError> {
    Ok(args[0].take())
}
