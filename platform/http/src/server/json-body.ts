import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { Refusal, UNSUPPORTED_MEDIA_TYPE } from '../contract/problem.ts';
import { problem } from '../contract/reply.ts';

/** Deeper JSON is refused: nothing in a contract needs it, and recursive code must not meet it. */
const MAX_DEPTH = 64;

/**
 * JSON is the only body accepted. Refused: text that is not UTF-8, deep nesting, and keys that could reach a
 * prototype. An empty body counts as none: clients send the content type out of habit, and those that do not know
 * the length beforehand send no bytes in chunks.
 */
export function acceptJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (body.length === 0) return done(null, undefined);
    if (!isUtf8(body)) return done(malformed('The body is not UTF-8.'));
    if (isDeeperThan(body, MAX_DEPTH)) return done(malformed('The body is nested too deeply.'));
    return parse(request, body.toString('utf8'), done);
  });
  app.addContentTypeParser('*', (request, payload, done) => {
    if (request.is404) return done(null, undefined); // its answer is 404, whatever comes
    let isEmpty = true;
    // Refused at the first byte: nothing of another type is kept.
    payload.on('data', () => {
      if (isEmpty) done(NOT_JSON);
      isEmpty = false;
    });
    payload.once('end', () => isEmpty && done(null, undefined));
    payload.once('error', done);
    return undefined;
  });
}

const NOT_JSON = new Refusal(UNSUPPORTED_MEDIA_TYPE);

function malformed(detail: string): Refusal {
  return new Refusal(problem(400, 'malformed-json', detail));
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;
const CLOSE_OBJECT = 0x7d;
const CLOSE_ARRAY = 0x5d;

/** Counts brackets outside of strings, before anything is parsed. */
export function isDeeperThan(json: Buffer, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === QUOTE) at = endOfString(json, at);
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth += 1;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth -= 1;
    if (depth > limit) return true;
  }
  return false;
}

/** Where the string that opens at `start` closes, or the end of the text. */
function endOfString(json: Buffer, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
