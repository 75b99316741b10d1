import type { Clock } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { replyCode } from '../connection/reply-code.ts';

/** The types the broker would not take, with the reason: their messages are refused, and no others are held up. */
export interface BarredTypes {
  reason(type: string): string | undefined;
  add(type: string, reason: string): void;
  /** When a channel was closed because we may not write to an exchange, that type. */
  addForbidden(closedBy: Error): void;
}

/** After this long a type is tried again: an operator may have mended it. */
const BARRED_MS = 30_000;

export function createBarredTypes(clock: Clock, logger: Logger): BarredTypes {
  const barred = new Map<string, { readonly reason: string; readonly untilMs: number }>();

  function add(type: string, reason: string): void {
    logger.error({ type, reason }, 'the broker takes no messages of a type, they are refused');
    barred.set(type, { reason, untilMs: clock.now().getTime() + BARRED_MS });
  }

  return {
    reason: (type) => {
      const found = barred.get(type);
      if (found === undefined || found.untilMs > clock.now().getTime()) return found?.reason;
      barred.delete(type);
      return undefined;
    },
    add,
    addForbidden: (closedBy) => {
      const type = /access to exchange '([^']+)'/.exec(closedBy.message)?.[1];
      if (replyCode(closedBy) === 403 && type !== undefined) add(type, closedBy.message);
    },
  };
}
