// expect: ok|memory
(async () => { for (let i = 0; i < 3000; i++) new WebSocket("ws://h/" + i); })();
