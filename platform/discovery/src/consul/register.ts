import { type Clock, startLoop, systemClock, toError } from '@flotilla/kernel';
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

  // It has just been announced.
  let isFirst = true;
  const everyMs = (ttlSeconds * 1_000) / 3;
  const heartbeat = startLoop({
    name: `heartbeat of ${registration.id}`,
    run: async () => {
      if (!isFirst) await beat();
      isFirst = false;
      return false;
    },
    ...{ intervalMs: everyMs, maxBackoffMs: Math.min(everyMs, 500), clock, logger },
  });
  return {
    deregister: async () => {
      await heartbeat.stop();
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
