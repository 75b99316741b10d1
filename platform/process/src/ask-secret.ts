import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { taskError } from './errors.ts';

const MOST_CHARACTERS = 65_536;

export interface AskSecretOptions {
  readonly input?: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** Where the question is written. */
  readonly output?: NodeJS.WritableStream;
}

/**
 * A new secret, which never stands on a command line or a screen: typed twice on a terminal without an echo, or the
 * first line of what is piped in. Throws `TASK_REFUSED` when there is none.
 */
export async function askNewSecret(what: string, options: AskSecretOptions = {}): Promise<string> {
  const { input = process.stdin, output = process.stderr } = options;
  if (input.isTTY !== true) return await readFirstLine(what, input);
  const nothing = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input, output: nothing, terminal: true, historySize: 0 });
  const lines = terminal[Symbol.asyncIterator](); // also those that are typed before they are asked for
  const ask = async (question: string): Promise<string> => {
    output.write(question);
    const { value, done } = await lines.next();
    output.write('\n');
    if (done === true) throw taskError('TASK_REFUSED', 'it was not given; nothing was changed');
    return value;
  };
  try {
    const secret = await ask(`${what}: `);
    if (secret === (await ask(`${what}, again: `))) return secret;
    throw taskError('TASK_REFUSED', 'these are two different ones; nothing was changed');
  } finally {
    terminal.close();
  }
}

async function readFirstLine(what: string, input: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  input.setEncoding('utf8');
  for await (const chunk of input) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MOST_CHARACTERS) break;
  }
  const [line = ''] = text.split(/\r?\n/);
  if (line === '')
    throw taskError('TASK_REFUSED', `${what}: type it on a terminal, or pipe it in; nothing was changed`);
  return line;
}
