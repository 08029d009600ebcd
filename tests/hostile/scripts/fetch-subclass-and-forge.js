// expect: ok
class R extends Response { constructor() { super("x"); } get body() { throw new Error("mine"); } get headers() { throw new Error("mine"); } }
(async () => {
  if (await new R().text() !== "x") throw new Error("wrong");
  for (const C of [Request, Response, Headers, FormData, WebSocket, EventSource]) {
    for (const [key, d] of Object.entries(Object.getOwnPropertyDescriptors(C.prototype))) {
      const f = d.get ?? d.value;
      if (typeof f !== "function" || key === "constructor") continue;
      for (const on of [undefined, null, {}, Object.create(C.prototype), new Proxy({}, {}), 1]) {
        try { const p = f.call(on, "a", "b"); if (p instanceof Promise) await p; } catch (e) { if (e instanceof TypeError) continue; throw e; }
        throw new Error("no error: " + C.name + " " + key);
      }
    }
  }
})();
