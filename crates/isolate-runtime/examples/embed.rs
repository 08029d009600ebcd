//! A program that lends functions and a class to guest code and handles what comes back.
//!
//! ```text
//! cargo run -p isolate-runtime --example embed
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use isolate_runtime::{
    Class, ConsoleOptions, DomExceptionName, Error, HostError, Instance, RuntimeOptions, Serde, Value, create_runtime,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Serialize)]
struct Order {
    customer: String,
    items: BTreeMap<String, u32>,
}

/// The state of one guest object; the guest sees only the methods.
struct Cart {
    owner: String,
    items: BTreeMap<String, u32>,
}

const GUEST: &str = r"
const cart = new Cart('Ada');
cart.add('apple', 3);
cart.add('pear', 1);
console.log(cart, cart.size, cart instanceof Cart);

// Two host calls in flight at once.
const [apple, pear] = await Promise.all([shop.price('apple'), shop.price('pear')]);
console.log('prices', { apple, pear });

try {
  await shop.price('gold');
} catch (e) {
  console.log('caught', e.name, e.message, e instanceof DOMException);
}
try {
  cart.add('apple', 'many');
} catch (e) {
  console.log('caught', e.name);
}
for await (const line of shop.news()) console.log('news:', line);
await cart.checkout();
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let options = RuntimeOptions::new()
        .console(ConsoleOptions::new().on_log(|e| println!("[{}] {}", e.level, e.text)))
        .setup(|ctx| {
            // A dotted path makes a host object. An `Err` becomes an exception of that class in the guest.
            ctx.define_async_function("shop.price", |name: String| async move {
                tokio::time::sleep(Duration::from_millis(10)).await;
                match name.as_str() {
                    "apple" => Ok(0.5),
                    "pear" => Ok(0.75),
                    other => Err(HostError::dom(DomExceptionName::NotFoundError, format!("no price for {other}"))),
                }
            })?;
            // A stream of the host is an async iterator in the guest.
            ctx.define_stream_function("shop.news", || {
                futures_util::stream::iter(["pears are in season", "apples are not"])
            })?;
            ctx.define_function("shop.describe", |Serde(order): Serde<Order>| {
                format!("{} wants {} kinds of fruit", order.customer, order.items.len())
            })?;
            ctx.define_class(
                Class::new("Cart", |owner: String| Cart { owner, items: BTreeMap::new() })
                    .method("add", |cart: &mut Cart, name: String, count: u32| {
                        *cart.items.entry(name).or_default() += count;
                    })
                    .getter("size", |cart: &mut Cart| cart.items.values().sum::<u32>())
                    .async_method("checkout", |cart: Instance<Cart>| async move {
                        tokio::task::yield_now().await;
                        let cart = cart.borrow()?;
                        Ok::<_, HostError>(Serde(Order { customer: cart.owner.clone(), items: cart.items.clone() }))
                    }),
            )
        });
    let rt = create_runtime(options).await?;

    // The value of the last expression comes back, awaited, as any type that serde can fill.
    let order: Order = rt.eval_as(GUEST, "guest.js").await?;
    println!("the guest returned {order:?}");

    // A guest function is a handle; it may be called any number of times, from any task.
    let describe = rt.eval("(order) => shop.describe(order).toUpperCase()", ()).await?;
    let describe = describe.as_function().expect("the script gives a function");
    let text = rt.call(describe, vec![isolate_runtime::to_value(&order)?]).await?;
    println!("a guest function returned {:?}", text.as_str());

    // What the guest throws is data: class, message, place, stack.
    let error = rt.eval("function f() {\n  null.x;\n}\nf()", "bad.js").await.unwrap_err();
    let exception = error.exception().expect("the guest threw");
    let place = exception.location.as_ref().expect("errors have a place");
    println!("the guest threw {exception} at {}:{}", place.file, place.line);
    print!("{}", exception.stack);

    // The runtime goes on after an exception.
    assert_eq!(rt.eval("1 + 1", ()).await?, Value::from(2));
    rt.dispose().await;
    Ok(())
}
