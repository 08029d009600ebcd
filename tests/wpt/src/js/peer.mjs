// A web-platform-test with its harness and its scripts, for an engine with Node's modules:
//
//   node FILE        deno run -q --no-prompt FILE
//
// Each result is a line that begins with "WPT ".
import { runInThisContext } from 'node:vm';
import process from 'node:process';

const config = /*CONFIG*/;
const scripts = /*SCRIPTS*/;

const print = console.log.bind(console);
const later = setTimeout;
globalThis.wptReport = (line) => {
  print('WPT ' + line);
  if (line.startsWith('{"done"')) later(() => process.exit(0), 0);
};

// Neither engine may end at the first error that nothing takes.
const uncaught = (error) => {
  if (!config.allowUncaught) print('WPT ' + JSON.stringify({ uncaught: String(error).toWellFormed() }));
};
if (typeof Deno === 'object') {
  for (const kind of ['error', 'unhandledrejection']) {
    addEventListener(kind, (event) => {
      event.preventDefault();
      uncaught(kind === 'error' ? event.error : event.reason);
    });
  }
} else {
  process.on('uncaughtException', uncaught);
  process.on('unhandledRejection', uncaught);
}

let failed = false;
for (const [filename, source] of scripts) {
  try {
    runInThisContext(source, { filename });
  } catch (error) {
    failed = true;
    print('WPT ' + JSON.stringify({ threw: String(error).toWellFormed(), script: filename }));
    break;
  }
}
globalThis.wptLoaded?.(failed);
