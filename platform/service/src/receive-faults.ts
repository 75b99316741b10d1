import { toError } from '@flotilla/kernel';
import { createFaults, type Faults, parseFault } from '@flotilla/resilience';
import type { Logger } from '@flotilla/telemetry';

interface ReceiveFaultsOptions {
  readonly isAllowed: boolean;
  readonly logger: Logger;
}

/**
 * Faults of this process, as its supervisor tells them: `{ type: 'faults', faults: ['order→payment error=20% seed=1'] }`. They
 * are accepted in demo mode only, whoever sends them.
 */
export function receiveFaults({ isAllowed, logger }: ReceiveFaultsOptions): Faults {
  const faults = createFaults({ isAllowed });
  process.on('message', (message) => {
    const told = faultsOf(message);
    if (told === undefined) return;
    try {
      faults.set(told.map(parse));
      logger.warn({ faults: told }, told.length === 0 ? 'no faults are injected' : 'faults are injected');
    } catch (error) {
      logger.error({ err: toError(error) }, 'faults were not taken');
    }
  });
  return faults;
}

function parse(text: string) {
  const [edge = '', ...parts] = text.split(' ');
  return parseFault(edge, parts);
}

function faultsOf(message: unknown): readonly string[] | undefined {
  if (typeof message !== 'object' || message === null || !('type' in message)) return undefined;
  if (message.type !== 'faults' || !('faults' in message) || !Array.isArray(message.faults)) return undefined;
  return message.faults.filter((one) => typeof one === 'string');
}
