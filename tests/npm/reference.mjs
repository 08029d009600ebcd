// Evaluates files as `isolate run FILE...` does, but in Node: in order, in one fresh realm whose only globals beside
// ECMAScript's are console and timers. So UMD bundles find no require, module or process and define globals here too.
//
//   node --experimental-vm-modules --no-warnings reference.mjs FILE...

import { readFileSync } from 'node:fs';
import vm from 'node:vm';

const context = vm.createContext({
  console,
  setTimeout, clearTimeout, setInterval, clearInterval,
  queueMicrotask,
});

for (const filename of process.argv.slice(2)) {
  const source = readFileSync(filename, 'utf8');
  const script = filename.endsWith('.mjs') ? null : parseScript(source, filename);
  if (script) script.runInContext(context);
  else await runModule(source, filename);
  // A tick runs only when the microtask queue is empty; no timer can fire in between.
  await new Promise((resolve) => process.nextTick(resolve));
}

// A file that is no valid script may still be a valid module; the module's parser has the last word then.
function parseScript(source, filename) {
  try {
    return new vm.Script(source, { filename });
  } catch (error) {
    if (/\bimport\b|\bexport\b|\bawait\b/.test(error.message)) return null;
    throw error;
  }
}

async function runModule(source, identifier) {
  const module = new vm.SourceTextModule(source, { context, identifier });
  await module.link((specifier) => { throw new Error(`${identifier} imports ${specifier}, and there is no loader`); });
  await module.evaluate();
}
