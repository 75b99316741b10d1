import { ROLES } from '@flotilla/console';
import { type Command, flag, JSON_OPTION, text } from '../command-line/command.ts';
import { DATA_DIR_OPTION, placeOf } from '../command-line/place.ts';
import { oneOf, textOf } from '../command-line/value-kinds.ts';
import { connectControl } from '../control/client.ts';
import { cliError } from '../errors.ts';

const ASK_MS = 30_000;

export const console_: Command = {
  name: 'console',
  summary:
    'prints a link to the console of the running system, which works once, within an hour; with a page, what is on it as JSON',
  arguments: [{ kind: textOf('page'), isOptional: true }],
  options: {
    role: {
      kind: oneOf(ROLES, 'role'),
      help: 'what the link is for: viewer looks, operator changes, too (default operator)',
    },
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  example: "console '/sagas?status=stuck'",
  run: async (invocation) => {
    const { values, positionals } = invocation;
    const [page] = positionals;
    const role = text(values, 'role') === 'viewer' ? 'viewer' : 'operator';
    const { url } = await connectControl(placeOf(invocation)).consoleLink(role);
    const asJson = flag(values, 'json');
    if (page === undefined) console.log(asJson ? JSON.stringify({ url }) : url);
    else console.log(JSON.stringify(await readPage(new URL(url), page), null, asJson ? undefined : 2));
    return 0;
  },
};

/** What a browser would be told that opens this page: each has the same path below `/api`. */
async function readPage({ origin, hash }: URL, page: string): Promise<unknown> {
  const path = page.replace(/^\/+/, '');
  const token = hash.replace(/^#login=/, '');
  const signal = AbortSignal.timeout(ASK_MS);
  try {
    const login = await fetch(`${origin}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin },
      body: JSON.stringify({ token }),
      signal,
    });
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    const answer = await fetch(`${origin}/api/${path === '' ? 'overview' : path}`, {
      headers: { cookie },
      signal,
    });
    const body = (await answer.json()) as { readonly message?: string };
    if (answer.ok) return body;
    throw cliError(answer.status === 404 ? 'CLI_NOT_FOUND' : 'CLI_USAGE', `${page}: ${body.message}`);
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError)
      throw cliError('CLI_NO_ANSWER', `the console at ${origin} does not answer`, error);
    throw error;
  }
}
