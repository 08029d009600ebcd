// expect: error
new Function('function f() { ' + Array.from({ length: 20000 }, (_, i) => `var v${i};`).join('') + ' return 1 + f(); } f();')();
