// A module in JavaScript that imports one in TypeScript.
import { find } from './types.ts';

export const firstLong = (words) => find(words, (word) => word.length > 6);
