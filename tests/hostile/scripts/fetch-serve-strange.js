// expect: ok
for (const f of [() => serve(), () => serve(1), () => serve({ fetch: {} }), () => serve({ get fetch() { throw new TypeError("x"); } }), () => serve({ fetch() {}, websocket: 1 })]) {
  try { f(); } catch (e) { if (e instanceof TypeError) continue; throw e; }
  throw new Error("served " + f);
}
const server = serve({ fetch() {} });
for (const v of [undefined, {}, new Request("http://h/"), new Proxy(new Request("http://h/"), {})]) { try { if (server.upgrade(v) === true) throw new Error("upgraded"); } catch (e) { if (!(e instanceof TypeError)) throw e; } }
server.stop();
