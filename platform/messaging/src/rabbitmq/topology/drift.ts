import { isPlatformError, type PlatformError } from '@flotilla/kernel';
import { type MessagingErrorCode, messagingError } from '../../errors.ts';
import { replyCode } from '../connection/reply-code.ts';

const INEQUIVALENT =
  /inequivalent arg '([^']+)' for (queue|exchange) '([^']+)' in vhost '[^']*': received (.+) but current is (.+?)"?$/;

/** A failed declaration as an error of ours: drift, a missing permission, or a broker that is away. */
export function declarationError(error: unknown): PlatformError<MessagingErrorCode> {
  const text = error instanceof Error ? error.message : String(error);
  if (replyCode(error) === 403) return messagingError('MESSAGING_FORBIDDEN', text, { cause: error });
  const drift = INEQUIVALENT.exec(text);
  if (drift === null) {
    return messagingError('MESSAGING_UNAVAILABLE', 'RabbitMQ cannot be reached', { cause: error });
  }
  const [, argument = '', kind = '', name = '', wanted = '', found = ''] = drift;
  const message = `${kind} ${name}: ${argument} is ${plain(found)}, declared ${plain(wanted)}; ${REMEDY}`;
  return messagingError('MESSAGING_TOPOLOGY_DRIFT', message, {
    details: { kind, name, argument, found: plain(found), wanted: plain(wanted) },
    cause: error,
  });
}

/** The queue that differs in its delivery limit, and the one it has. */
export function limitFound(error: unknown): { readonly name: string; readonly limit: number } | undefined {
  if (!isPlatformError(error) || error.code !== 'MESSAGING_TOPOLOGY_DRIFT') return undefined;
  const { argument, name, found } = error.details;
  const limit = Number(found);
  return argument === 'x-delivery-limit' && Number.isInteger(limit)
    ? { name: String(name), limit }
    : undefined;
}

const REMEDY =
  'configure the value that is there, or stop what uses it, let it run empty, delete it and start again';

/** `the value '50' of type 'signedint'` and `'50'` are 50 to a reader. */
function plain(value: string): string {
  return /'(.*?)'/.exec(value)?.[1] ?? value;
}
