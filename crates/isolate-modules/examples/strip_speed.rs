//! How long it takes to strip types.
//!
//! ```sh
//! cargo run --release -p isolate-modules --features typescript --example strip_speed [FILE.ts…]
//! ```
//!
//! Without files, on a program of 10,000 lines that is made up, and on the same with an enum at its end. Prints lines, and milliseconds for a thousand of them.

use std::time::Instant;

use isolate_modules::{StripOptions, strip_types};

const PART: &str = "
export interface Stop<T extends string = string> { readonly name: T; lines?: Array<Map<number, Set<T>>>; }
type Named<K> = K extends { name: infer N } ? N : never;
export class Board<T extends Stop> implements Iterable<Named<T>> {
  #stops: T[] = [];
  constructor(stops: readonly T[], private_: boolean = true) {
    this.#stops = [...stops] as T[];
  }
  *[Symbol.iterator](): Iterator<Named<T>> {
    for (const stop of this.#stops) yield stop.name as Named<T>;
  }
  async first<R>(wanted: (stop: T) => R | undefined, otherwise?: R): Promise<R | undefined> {
    const found = this.#stops.map((stop: T) => wanted(stop)).filter((r): r is R & {} => r !== undefined);
    return found.length > 0 ? found[0]! : (otherwise satisfies R | undefined);
  }
}
// Between the types there is code that has none.
export function area(width, height) {
  if (width < 0 || height < 0) throw new RangeError(`not an area: ${width} by ${height}`);
  return { width, height, area: width * height / 1 };
}
";

fn main() {
    let files: Vec<_> = std::env::args().skip(1).collect();
    let sources: Vec<(String, String)> = if files.is_empty() {
        let made = (0..500).map(|i| PART.replace("Board", &format!("Board{i}")).replace("area(", &format!("area{i}(")));
        let types = made.collect::<String>();
        let more = format!("{types}enum Colour {{ Red, Green }}\n");
        vec![("types alone".to_owned(), types), ("and an enum".to_owned(), more)]
    } else {
        let read = |file: String| std::fs::read_to_string(&file).ok().map(|text| (file, text));
        files.into_iter().filter_map(read).collect()
    };
    for (name, source) in sources {
        let lines = source.lines().count();
        // The best of some, since other programs want the processor too.
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            let result = strip_types(&source, &StripOptions::new());
            best = best.min(start.elapsed().as_secs_f64() * 1e3);
            if let Err(error) = result {
                println!("{name}: {error}");
                break;
            }
        }
        println!("{name}: {lines} lines, {best:.1} ms, {:.2} ms for 1,000 lines", best / lines.max(1) as f64 * 1e3);
    }
}
