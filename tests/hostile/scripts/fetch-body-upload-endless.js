// expect: error|deadline|memory
fetch("http://h/echo", { method: "POST", duplex: "half", body: new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(1 << 16)); } }) });
