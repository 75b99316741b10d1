import type { DeadLetter } from '@flotilla/messaging';
import { table } from '../../screen/table.ts';

export interface ServiceLetters {
  readonly service: string;
  readonly letters: readonly DeadLetter[];
  /** The id to go on after, when there are more. */
  readonly next?: string;
}

const REASON_WIDTH = 80;

/** What `dlq list` shows a person. */
export function lettersTable(found: readonly ServiceLetters[]): string {
  const rows = found.flatMap(({ service, letters }) =>
    letters.map(({ id, type, key, failures, crashes, deadAt, reason }) => [
      service,
      id,
      deadAt.toISOString().slice(0, 19),
      type,
      key,
      crashes > 0 ? `${failures}, ${crashes} crashes` : String(failures),
      firstLine(reason),
    ]),
  );
  if (rows.length === 0) return 'No message was given up.';
  const more = found
    .filter(({ next }) => next !== undefined)
    .map(({ service, next }) => `\n${service} has more: flotilla dlq list ${service} --after ${next}`);
  return (
    table([['SERVICE', 'ID', 'GIVEN UP (UTC)', 'TYPE', 'KEY', 'FAILURES', 'REASON'], ...rows]) + more.join('')
  );
}

/** What `dlq show` shows a person: everything there is to know about one. */
export function letterDetails(letter: DeadLetter): string {
  const facts = table([
    ['id', letter.id],
    ['message', letter.messageId],
    ['type', letter.type],
    ['key', letter.key],
    ['consumer', letter.consumer],
    ['reason', firstLine(letter.reason, 400)],
    ['failures', String(letter.failures)],
    ['crashes', String(letter.crashes)],
    ['arrived', letter.enqueuedAt.toISOString()],
    ['given up', letter.deadAt.toISOString()],
    ['trace', letter.traceparent ?? '-'],
  ]);
  const attempts = letter.attempts.map(({ at, error }) => `  ${at}  ${firstLine(error, 160)}`);
  return [
    facts,
    ...(attempts.length > 0 ? ['', 'attempts', ...attempts] : []),
    ...(letter.error === null ? [] : ['', 'last exception', indent(letter.error)]),
    '',
    'message',
    indent(readable(letter.body)),
  ].join('\n');
}

function firstLine(text: string, width: number = REASON_WIDTH): string {
  const [line = ''] = text.split('\n');
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}

/** Whatever a foreign producer sent is shown, also when it is no JSON. Control characters must not reach a terminal. */
function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body.replaceAll(/[^\P{Cc}\n]/gu, '\u{FFFD}');
  }
}
