// expect: ok
(async () => {
  for (const chunk of ["text", 1, null, {}, [], new Proxy(new Uint8Array(1), {}), Symbol(), 1n]) {
    const body = () => new ReadableStream({ start(c) { c.enqueue(chunk); c.close(); } });
    const sent = await fetch("http://h/echo", { method: "POST", duplex: "half", body: body() }).then((r) => r.text()).then(() => "sent", (e) => e.name);
    const read = await new Response(body()).text().then(() => "read", (e) => e.name);
    if (sent !== "TypeError" || read !== "TypeError") throw new Error(String(chunk) + sent + read);
  }
})();
