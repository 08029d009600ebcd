import type { Stop, Tram } from './types.ts';
import { find, type Tram as Again } from './types.ts';
import { firstLong } from './plain.mjs';

const trams: Tram[] = [
  { line: 1, stops: ['Harbour', 'Market'] },
  { line: 7, stops: ['Market', 'University'] },
];

abstract class Board<T extends Again> {
  protected readonly shown: number = 0;
  declare title: string;
  abstract name(): string;
  show(this: Board<T>, tram: T | undefined): string {
    return `${this.name()}: ${tram!.line as number} to ${tram?.stops.at(-1) satisfies Stop | undefined}`;
  }
}

class Platform extends Board<Tram> {
  override name(): string {
    return 'platform';
  }
}

console.log(new Platform().show(find<Tram>(trams, (tram): tram is Tram => tram.stops.includes('University'))));
console.log(firstLong(trams.flatMap((tram) => tram.stops)));

// What is more than types becomes JavaScript.
enum Way {
  In = 1,
  Out = In << 1,
}
class Ride {
  constructor(
    readonly tram: Tram,
    private way: Way = Way.Out,
  ) {}
  toString(): string {
    return `${this.tram.line} ${Way[this.way]} (${this.way})`;
  }
}
console.log(String(new Ride(trams[1]!)));

// What no module can have is refused, and the error says where.
try {
  await import('./refused.ts');
} catch (error) {
  console.log((error as Error).name, (error as Error).message);
}

// Everything stays on its line.
function where(this: void, depth?: number): string {
  return new Error('here').stack!.match(/main\.ts:\d+/)![0];
}
console.log(where());
