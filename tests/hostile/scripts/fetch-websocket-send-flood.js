// expect: memory|deadline|ok
const ws = new WebSocket("ws://h/silent");
ws.onopen = () => { for (let i = 0; i < 1e5; i++) ws.send("x".repeat(1e5)); ws.close(); };
