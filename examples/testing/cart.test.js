import { afterEach, beforeEach, describe, expect, test, vi } from 'isolate:test';
import { Cart, autosave } from './cart.js';

describe('a cart', () => {
  let cart;
  beforeEach(() => { cart = new Cart(); });

  test('is empty at first', () => {
    expect(cart.lines()).toEqual([]);
    expect(cart.total()).toBe(0);
  });

  test.each([
    [[['tea', 3]], 3],
    [[['tea', 3, 2], ['cup', 4.5]], 10.5],
  ])('sums %j up to %d', (lines, total) => {
    for (const line of lines) cart.add(...line);
    expect(cart.total()).toBeCloseTo(total);
  });

  test('has lines that match', () => {
    cart.add('tea', 3).add('cup', 4.5);
    expect(cart.lines()).toMatchObject([{ name: 'tea' }, { name: expect.stringMatching(/^c/) }]);
  });

  test('refuses a price that is none', () => {
    expect(() => cart.add('tea', -1)).toThrow(RangeError);
    expect(() => cart.add('tea', NaN)).toThrow('the price of tea is NaN');
  });

  test.todo('takes coupons');
});

describe('autosave', () => {
  beforeEach(() => { vi.useFakeTimers(); });
  afterEach(() => { vi.useRealTimers(); });

  test('waits until nothing has changed for a second', () => {
    const save = vi.fn();
    const cart = new Cart(autosave(save));
    cart.add('tea', 3);
    vi.advanceTimersByTime(900);
    cart.add('cup', 4);
    vi.advanceTimersByTime(900);
    expect(save).not.toHaveBeenCalled();
    vi.advanceTimersByTime(100);
    expect(save).toHaveBeenCalledExactlyOnceWith(7);
  });
});
