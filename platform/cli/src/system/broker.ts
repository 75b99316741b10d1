import { isPlatformError, pause, systemClock } from '@flotilla/kernel';
import type { FoundOnBroker, SystemOnBroker } from '@flotilla/messaging/rabbitmq/ownership';
import type { SystemConfig } from '../config.ts';
import type { Mark } from '../data-dir/data-dir-mark.ts';
import { cliError } from '../errors.ts';
import { subscribersOf } from '../queues/subscribers.ts';

const loadOwnership = () => import('@flotilla/messaging/rabbitmq/ownership');

/** A broker that starts together with the system may need that long. */
const START_PATIENCE_MS = 60_000;
const RETRY_INTERVAL_MS = 500;

export interface BrokerUser {
  readonly system: SystemConfig;
  readonly systemId: string;
  /** As it was before. */
  readonly mark: Mark | undefined;
}

/** The virtual host that a system may use. */
export interface FreeBroker {
  /** Without a secret. */
  readonly address: string;
  /** Before anything uses it, and after its address was noted. */
  claim(): Promise<void>;
}

export interface CheckOptions extends BrokerUser {
  readonly rabbitmqUrl: string;
  /** Ends the wait for the broker. */
  readonly signal: AbortSignal;
}

/**
 * Fails with `CLI_BROKER_TAKEN` when the virtual host belongs to another system, and when it has queues of our names
 * that this data directory knows nothing of. Those of releases that marked none are adopted by who used them.
 */
export async function checkBroker(options: CheckOptions): Promise<FreeBroker> {
  const { mark, systemId, rabbitmqUrl } = options;
  const { MARKER, brokerAddress, claimOnBroker, findOnBroker } = await loadOwnership();
  const on = await systemOn(options, rabbitmqUrl);
  const address = brokerAddress(rabbitmqUrl);
  const taken = (by?: string) => takenBy({ address, systemId, owner: by, marker: MARKER });
  const { owner, queues } = await patiently(() => findOnBroker(on), options.signal);
  if (owner !== undefined && owner !== systemId) throw taken(owner);
  // Older releases left the folder without a mark, so that their broker is not known: it is theirs that is named now.
  const isKnown = mark === undefined || mark.brokers.some((broker) => brokerAddress(broker) === address);
  if (owner === undefined && queues.length > 0 && !isKnown) throw taken();
  return {
    address,
    claim: async () => {
      // Another one may have been faster since we looked.
      const claimedBy = await claimOnBroker(on);
      if (claimedBy !== systemId) throw taken(claimedBy);
    },
  };
}

/** What a system has on a virtual host, for the user, and how it is deleted. */
export interface OnBroker {
  /** As it stands in the mark. */
  readonly broker: string;
  readonly what: readonly string[];
  delete(): Promise<void>;
}

/** Looks at every virtual host of the mark; nothing is deleted where one cannot be looked at (`CLI_DATA_ELSEWHERE`). */
export async function findOnBrokers(
  user: BrokerUser,
  rabbitmqUrl: string | undefined,
): Promise<readonly OnBroker[]> {
  const brokers = user.mark?.brokers ?? [];
  if (brokers.length === 0) return [];
  const { brokerAddress, deleteFromBroker, findOnBroker } = await loadOwnership();
  const given = rabbitmqUrl ? brokerAddress(rabbitmqUrl) : undefined;
  return await Promise.all(
    brokers.map(async (broker) => {
      const address = brokerAddress(broker);
      // Without a password of its own it is the broker's default one.
      const on = await systemOn(user, (address === given && rabbitmqUrl) || broker);
      const found = await findOnBroker(on).catch(notDeleted);
      return {
        broker,
        what: describe(address, found, user.systemId),
        delete: () => deleteFromBroker(on).catch(notDeleted),
      };
    }),
  );
}

function describe(address: string, { owner, queues }: FoundOnBroker, systemId: string): readonly string[] {
  if (owner === systemId) {
    const messages = queues.reduce((sum, queue) => sum + queue.messages, 0);
    return [`on ${address} ${queues.length} queues with ${messages} messages, and the exchanges`];
  }
  if (owner !== undefined || queues.length === 0) return []; // another system's by now, or nobody's
  return [
    `not the ${queues.length} queues on ${address}, which do not say whose they are: delete that virtual host yourself (rabbitmqctl delete_vhost)`,
  ];
}

async function systemOn({ system, systemId, mark }: BrokerUser, url: string): Promise<SystemOnBroker> {
  const queues = [...new Set([...subscribersOf(system), ...(mark?.subscribers ?? [])])];
  return { url, systemId, queues, types: (await system.bus?.types?.()) ?? [] };
}

/** That it does not answer yet was said before. */
async function patiently<T>(look: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (const end = performance.now() + START_PATIENCE_MS; ; ) {
    try {
      return await look();
    } catch (error) {
      const isAway = isPlatformError(error) && error.retryable;
      if (!isAway || signal.aborted || performance.now() > end) throw error;
      await pause(systemClock, RETRY_INTERVAL_MS, signal);
    }
  }
}

function notDeleted(error: unknown): never {
  if (!isPlatformError(error)) throw error;
  throw cliError(
    'CLI_DATA_ELSEWHERE',
    `${error.message}, and there are queues of this system: set RABBITMQ_URL as for \`up\` and reset again. If that broker is gone for ever, take it out of "brokers" in flotilla.json. Nothing more was deleted`,
    error,
  );
}

function takenBy(facts: {
  readonly address: string;
  readonly systemId: string;
  /** Nobody: there are only queues. */
  readonly owner: string | undefined;
  readonly marker: string;
}): Error {
  const { address, systemId, owner, marker } = facts;
  const whose =
    owner === undefined
      ? 'has queues of services of these names, but nothing that says whose they are: their old messages would reach this system'
      : `belongs to another system (its exchange ${marker} names ${owner}, this is ${systemId}; a system that lost its data directory is another one)`;
  const vhost = decodeURIComponent(new URL(address).pathname.slice(1)) || '/';
  const admin = `rabbitmqadmin -V '${vhost}'`;
  const replace = owner === undefined ? '' : `${admin} delete exchange name=${marker}; `;
  const named = JSON.stringify({ 'alternate-exchange': systemId });
  return cliError(
    'CLI_BROKER_TAKEN',
    `the virtual host ${address} ${whose}. Nothing was changed: name another one in RABBITMQ_URL, or delete this one and make it anew (rabbitmqctl delete_vhost, add_vhost), or, if it is to be this system's with all its messages, run: ${replace}${admin} declare exchange name=${marker} type=fanout arguments='${named}'`,
  );
}
