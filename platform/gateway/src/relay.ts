import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Exchange } from './exchange.ts';
import { HOP_BY_HOP } from './http/field-names.ts';
import type { AnswerHead, Recorder } from './response-cache.ts';

/** How one try to get an answer from one back end ended. */
export type Outcome =
  /** Whatever was to be said has been said, or cannot be said any more. */
  { readonly kind: 'answered' } | Failure;

export interface Failure {
  readonly kind: 'failed';
  readonly error: unknown;
  readonly progress: Progress;
}

/** How far a failed try came: no connection, request (partly) sent, or an answer begun. */
type Progress = 'not-sent' | 'sent' | 'answering';

interface RelayOptions {
  readonly exchange: Exchange;
  readonly dispatcher: Dispatcher;
  readonly request: Dispatcher.DispatchOptions;
  /** Told of the answer's head; may take in its body. */
  readonly record: (head: AnswerHead) => Recorder | undefined;
}

/** A client that takes nothing for so long is given up, so that it cannot hold a back end. */
const STALLED_CLIENT_MS = 20_000;

/**
 * Sends the request once and passes the answer on while it arrives, no faster than the client reads. When the
 * back end breaks off in the middle, the client's connection is cut, so that it cannot take a part for a whole.
 */
export function relay({ exchange, dispatcher, request, record }: RelayOptions): Promise<Outcome> {
  const { response, signal } = exchange;
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let progress: Progress = 'not-sent';
  let controller: Dispatcher.DispatchController | undefined;
  let recorder: Recorder | undefined;

  const finish = (outcome: Outcome) => {
    signal.removeEventListener('abort', onEnd);
    resolve(outcome);
  };
  const fail = (error: unknown) => {
    if (response.headersSent) response.destroy();
    finish(response.headersSent ? { kind: 'answered' } : { kind: 'failed', error, progress });
  };
  const onEnd = () => {
    const error = new Error(`the exchange ended: ${String(signal.reason)}`);
    controller?.abort(error);
    fail(error);
  };

  signal.addEventListener('abort', onEnd);
  dispatcher.dispatch(request, {
    onRequestStart: (started) => {
      controller = started;
      progress = 'sent';
      if (signal.aborted) onEnd();
    },
    onResponseStarted: () => {
      progress = 'answering';
    },
    onResponseStart: (_controller, status, headers, reason = '') => {
      if (status < 200 || signal.aborted) return;
      // An end that cannot be recognised must not be passed on as a complete answer.
      if ((headers['transfer-encoding'] ?? 'chunked') !== 'chunked')
        throw new TypeError('unknown transfer coding');
      const head = { status, reason, headers: endToEnd(headers) };
      exchange.stopDeadline();
      response.writeHead(status, reason, [...exchange.answerHeaders, ...head.headers]);
      response.flushHeaders();
      recorder = record(head);
    },
    onResponseData: (current, chunk) => {
      recorder?.chunk(chunk);
      if (!response.write(chunk)) waitForClient(response, current);
    },
    onResponseEnd: () => {
      recorder?.complete();
      response.end();
      finish({ kind: 'answered' });
    },
    onResponseError: (_controller, error) => fail(error),
  });
  return promise;
}

function waitForClient(response: ServerResponse, controller: Dispatcher.DispatchController): void {
  controller.pause();
  const stalled = setTimeout(() => response.destroy(), STALLED_CLIENT_MS);
  const stop = () => clearTimeout(stalled);
  response.once('close', stop);
  response.once('drain', () => {
    stop();
    response.off('close', stop);
    controller.resume();
  });
}

type ResponseFields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Without what belongs to the connection to the back end, and without its request id: the gateway says that. */
function endToEnd(fields: ResponseFields): readonly string[] {
  const named = new Set(
    [fields['connection'] ?? []]
      .flat()
      .flatMap((value) => value.split(',').map((name) => name.trim().toLowerCase())),
  );
  const kept: string[] = [];
  for (const [name, values] of Object.entries(fields)) {
    if (values === undefined || HOP_BY_HOP.has(name) || named.has(name) || name === 'x-request-id') continue;
    if (typeof values === 'string') kept.push(name, values);
    else for (const value of values) kept.push(name, value);
  }
  return kept;
}
