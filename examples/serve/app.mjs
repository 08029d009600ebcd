// Answers requests, and echoes over WebSockets.
let visits = 0;

export default {
  async fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (pathname === '/ws') {
      return server.upgrade(request, { data: { since: ++visits } }) ? undefined : new Response('expected a WebSocket\n', { status: 426 });
    }
    if (pathname === '/echo') return new Response(request.body, { headers: request.headers });
    if (pathname === '/count') {
      // Nothing more is made once the client is gone.
      let n = 0;
      return new Response(new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 100));
          controller.enqueue(new TextEncoder().encode(`${++n}\n`));
        },
      }));
    }
    return Response.json({ visits: ++visits, path: pathname });
  },
  websocket: {
    open: (ws) => ws.send(`you are number ${ws.data.since}`),
    message: (ws, message) => ws.send(message),
  },
};
