export const total = (prices, order) => Object.keys(order).reduce((sum, name) => sum + prices[name] * order[name], 0);
