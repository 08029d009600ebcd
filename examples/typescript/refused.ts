export const fine: number = 1;

export enum Colour { Red, Green }
