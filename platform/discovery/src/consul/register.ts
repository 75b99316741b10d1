import { type Clock, systemClock, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { registrationFailed } from '../errors.ts';
import { createConsulClient, type Registration, RegistryRefusal } from './consul-client.ts';
import type { ConsulAddress } from './consul-http.ts';

export interface RegisterOptions extends ConsulAddress {
  readonly service: string;
  /** Unique among all services; registering it again replaces the address. */
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly grpcPort?: number;
  readonly tags?: readonly string[];
  /** Its part of the calls. Default 1. */
  readonly weight?: number;
  /** Where it runs: callers in the same zone may prefer it. */
  readonly zone?: string;
  /** Silence after which the instance counts as dead. A heartbeat is sent three times as often. Default 10. */
  readonly ttlSeconds?: number;
  /**
   * Asked before each heartbeat: while it resolves with `false` none is sent, so that an instance that is not ready for
   * as long as the TTL gets no more calls. Default: always ready.
   */
  readonly isReady?: () => Promise<boolean>;
  readonly logger: Logger;
  readonly clock?: Clock;
}

export interface RegisteredInstance {
  /** Stops the heartbeat and leaves the registry; never throws, since the TTL ends what it could not. */
  deregister(): Promise<void>;
}

const FIRST_ATTEMPTS = 6;
const ALWAYS = async () => true;

/**
 * Announces an instance and keeps it announced: by heartbeat, and anew when the registry forgot it or was
 * restarted. Throws `DISCOVERY_REGISTRATION_FAILED` when it cannot be announced within ~3 s (retryable), or when
 * its token does not allow it.
 */
export async function register(options: RegisterOptions): Promise<RegisteredInstance> {
  const { url, token, isReady = ALWAYS, logger, clock = systemClock, ttlSeconds = 10, ...instance } = options;
  const registration: Registration = { ...instance, ttlSeconds };
  const client = createConsulClient({ url, ...(token !== undefined && { token }) });
  const closing = new AbortController();
  const checkId = `service:${registration.id}`;
  const about = { service: registration.service, instance: registration.id };

  /** The check of an instance that was here before keeps its state until somebody reports on it. */
  async function announce(): Promise<void> {
    await client.register(registration);
    await client.passCheck(checkId);
  }

  try {
    await registerFirst(announce, registration.id, clock);
  } catch (error) {
    client.close();
    throw error;
  }

  async function beat(): Promise<void> {
    if (!(await isReady())) throw new Error('the instance is not ready');
    if (await client.passCheck(checkId)) return;
    await announce();
    logger.info(about, 'registered again: the registry had forgotten this instance');
  }

  async function keepAlive(): Promise<void> {
    let failures = 0;
    const everyMs = (ttlSeconds * 1000) / 3;
    while (await slept(clock, failures === 0 ? everyMs : Math.min(everyMs, 500), closing.signal)) {
      try {
        await beat();
        if (failures > 0) logger.info({ ...about, failures }, 'the heartbeat goes on');
        failures = 0;
      } catch (error) {
        if (failures === 0) logger.warn({ ...about, err: toError(error) }, 'the heartbeat failed');
        failures += 1;
      }
    }
  }

  const beating = keepAlive();
  return {
    deregister: async () => {
      closing.abort();
      await beating;
      try {
        await client.deregister(registration.id);
      } catch (error) {
        logger.warn(
          { ...about, err: toError(error) },
          'could not deregister: the registry will notice by TTL',
        );
      } finally {
        client.close();
      }
    },
  };
}

async function registerFirst(attempt: () => Promise<void>, id: string, clock: Clock): Promise<void> {
  for (let failures = 0; ; ) {
    try {
      return await attempt();
    } catch (error) {
      failures += 1;
      const isRefused = error instanceof RegistryRefusal;
      if (isRefused || failures === FIRST_ATTEMPTS) throw registrationFailed(id, error, !isRefused);
      await clock.sleep(50 * 2 ** failures);
    }
  }
}

/** `false` when the signal ended the sleep. */
async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
