export interface Tram {
  line: number;
  stops: readonly string[];
}

export type Stop = Tram['stops'][number];

export function find<T>(all: Iterable<T>, wanted: (one: T) => boolean): T | undefined {
  for (const one of all) {
    if (wanted(one)) return one;
  }
}
