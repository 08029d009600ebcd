// expect: memory|deadline|error
fetch("http://h/echo", { method: "POST", duplex: "half", body: new ReadableStream({ start(c) { for (;;) c.enqueue(new Uint8Array(1 << 16)); } }) });
