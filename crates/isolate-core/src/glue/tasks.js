// Tasks of the event loop: https://html.spec.whatwg.org/multipage/webappapis.html#queue-a-task
(function (host, p) {
  'use strict';
  // A linked list: the host keeps one task for each node.
  let first, last;
  const run = () => {
    const task = first;
    if (task === undefined) return;
    first = task.next;
    if (first === undefined) last = undefined;
    try {
      (0, task.steps)();
    } catch (e) {
      p.reportException(e);
    }
  };
  let ready = false;
  // Runs the steps on their own, after this turn's microtasks. The event loop does not end before.
  const queue = (steps) => {
    if (!ready) {
      host.__tasks_ready(run);
      ready = true;
    }
    host.__tasks_post();
    const task = { __proto__: null, steps, next: undefined };
    if (last === undefined) first = task;
    else last.next = task;
    last = task;
  };
  p.exports = { __proto__: null, queue };
})
